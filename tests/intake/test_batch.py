"""A batch: one verdict for each event, in order; one bad event costs the others nothing; all or nothing in the end."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event as listening
from sqlmodel import Session

from proaktiv.core.cloudevents import MAX_BATCH, parse_batch
from proaktiv.core.errors import BadInput
from proaktiv.steps import receive
from proaktiv.tables import ClientRow, RegisterEventRow, StopRow, TaskRow
from proaktiv.web.intake import make_intake
from tests.builders import Event, a_birth, a_cancellation, a_death, a_move, a_protection, child_of, somebody
from tests.intake.asking import ask
from tests.intake.conftest import City
from tests.intake.test_authenticate import assertion

BATCH = {"content-type": "application/cloudevents-batch+json"}


@pytest.fixture
def app(city: City) -> FastAPI:
    return make_intake(city.world.pipeline)


@pytest.fixture
def bearer(city: City) -> dict[str, str]:
    return {"authorization": f"Bearer {city.world.pipeline.token(assertion(city)).access_token}"}


def batch(*reports: Event) -> bytes:
    return b"[" + b",".join(report.body for report in reports) + b"]"


def send(app: FastAPI, bearer: dict[str, str], body: bytes) -> httpx.Response:
    return ask(app, "POST", "/events", content=body, headers=bearer | BATCH)


def test_a_batch_is_kept_and_answered_in_order(city: City, app: FastAPI, bearer: dict[str, str]) -> None:
    reports = [a_birth(somebody()) for _ in range(3)]
    answer = send(app, bearer, batch(*reports))
    assert answer.status_code == 202
    ids = {row.event_id: str(row.id) for row in city.rows(RegisterEventRow)}
    assert answer.json() == {
        "events": [{"status": 202, "id": ids[report.id], "duplicate": False} for report in reports]
    }
    again = send(app, bearer, batch(*reports))
    assert again.status_code == 202
    assert all(verdict["duplicate"] for verdict in again.json()["events"])
    assert len(city.rows(RegisterEventRow)) == 3
    city.world.check_log()


def test_one_bad_event_costs_the_others_nothing(city: City, app: FastAPI, bearer: dict[str, str]) -> None:
    first, last = a_birth(somebody()), a_birth(somebody())
    wrong = a_birth(somebody("Annegret-Kanarienvogel")).but(ars="Musterstadt")
    foreign = a_birth(somebody()).but(ars="090010000000")
    answer = send(
        app, bearer, batch(first, wrong, a_move(somebody()), foreign, first.but(id="again"), first.but(fassung=2), last)
    )
    assert answer.status_code == 207
    verdicts = answer.json()["events"]
    assert [verdict["status"] for verdict in verdicts] == [202, 422, 403, 403, 202, 409, 202]
    assert verdicts[1]["problem"]["field"] == "/data/ars"
    assert verdicts[4] == verdicts[0] | {"duplicate": True}
    assert "Annegret" not in answer.text
    assert {row.event_id for row in city.rows(RegisterEventRow)} == {first.id, last.id}
    city.world.check_log()


def test_an_empty_batch_is_one(app: FastAPI, bearer: dict[str, str]) -> None:
    answer = send(app, bearer, b" [ ] ")
    assert (answer.status_code, answer.json()) == (202, {"events": []})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "must be a JSON list of events (CloudEvents batch mode)"),
        (b"{}", "must be a JSON list of events (CloudEvents batch mode)"),
        (b"[", "must be JSON (RFC 8259)"),
        (b"[{}", "must be JSON (RFC 8259)"),
        (b"[{},]", "must be JSON (RFC 8259)"),
        (b"[,{}]", "must be JSON (RFC 8259)"),
        (b"[{} {}]", "must be JSON (RFC 8259)"),
        (b"[{}] x", "must be JSON (RFC 8259)"),
        (b"\xef\xbb\xbf[]", "must be UTF-8 without a byte order mark"),
        (b"\xff", "must be UTF-8"),
        (b"[" + b"[" * 100_000, "must be nested at most 16 deep"),
        (
            b"[" + b",".join([b"{}"] * (MAX_BATCH + 1)) + b"]",
            "must be at most 100 events; send the rest as another batch",
        ),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(
    city: City, app: FastAPI, bearer: dict[str, str], body: bytes, detail: str
) -> None:
    answer = send(app, bearer, body)
    assert (answer.status_code, answer.json()["detail"]) == (400, detail)
    assert city.rows(RegisterEventRow) == []


@pytest.mark.parametrize("part", [b"1", b"null", b'"x"', b"[]", b"{}", b'{"a":1.5}', b'{"a":1,"a":2}', b"NaN"])
def test_whatever_stands_in_a_batch_is_judged_by_itself(app: FastAPI, bearer: dict[str, str], part: bytes) -> None:
    good = a_birth(somebody())
    answer = send(app, bearer, b"[" + part + b" , \n" + good.body + b"]")
    assert [verdict["status"] // 100 for verdict in answer.json()["events"]] == [4, 2]


def test_a_part_is_kept_as_it_was_written() -> None:
    assert [part.text for part in parse_batch(b'[ {"a" : 1.50} ,\n{"b":[1, 2]}]')] == ['{"a" : 1.50}', '{"b":[1, 2]}']
    with pytest.raises(BadInput, match="fractions"):
        parse_batch(b'[{"a" : 1.50}]')[0].envelope()


def test_beyond_the_days_number_the_rest_of_a_batch_waits_for_tomorrow(
    city: City, app: FastAPI, bearer: dict[str, str]
) -> None:
    city.set(ClientRow, "standesamt", daily_max=2)
    reports = [a_birth(somebody()) for _ in range(4)]
    verdicts = send(app, bearer, batch(reports[0], reports[0], *reports[1:])).json()["events"]
    assert [verdict["status"] for verdict in verdicts] == [202, 202, 202, 429, 429]
    assert verdicts[-1]["problem"]["retry_after"] == 15 * 3600 + 1
    assert len(city.rows(RegisterEventRow)) == 2


def test_batches_at_once_keep_each_event_once(city: City, app: FastAPI, bearer: dict[str, str]) -> None:
    reports = [a_birth(somebody(), schutz={"sperre_51": ["MR-0"]}) for _ in range(20)]

    def one(turn: int) -> list[Any]:
        turned = reports[turn:] + reports[:turn]
        while (answer := send(app, bearer, batch(*turned))).status_code == 503:
            pass
        verdicts: list[Any] = answer.json()["events"]
        return verdicts

    with ThreadPoolExecutor(4) as threads:
        verdicts = [verdict for batch in threads.map(one, range(0, 20, 5)) for verdict in batch]
    assert Counter(verdict["duplicate"] for verdict in verdicts) == {False: 20, True: 60}
    assert len(city.rows(RegisterEventRow)) == len(city.rows(StopRow)) == 20
    city.world.check_log()


def test_a_crash_anywhere_keeps_nothing_and_the_same_again_keeps_all(city: City) -> None:
    class CrashError(Exception):
        pass

    body = batch(a_birth(somebody()), a_birth(somebody(), schutz={"totgeboren": True}), a_death("MR-1"))
    for place in receive.PROBES:

        def probe(name: str, place: str = place) -> None:
            if name == place:
                raise CrashError

        city.world.probe = probe
        city.world.open()
        with pytest.raises(CrashError):
            city.world.pipeline.receive_batch("standesamt", body)
        assert set(city.stored().values()) == {0}
    city.world.probe = lambda _name: None
    city.world.open()
    assert len(city.world.pipeline.receive_batch("standesamt", body)) == 3
    assert len(city.rows(RegisterEventRow)) == 3


@pytest.fixture
def statements(city: City) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_c: Any, _r: Any, statement: str, _p: Any, _x: Any, _many: Any) -> None:
        said.append(statement)

    listening.listen(city.world.database._engine, "before_cursor_execute", hear)
    yield said
    listening.remove(city.world.database._engine, "before_cursor_execute", hear)


def test_twenty_events_need_no_more_statements_than_two(city: City, statements: list[str]) -> None:
    def said_for(number: int) -> list[str]:
        for _ in range(2):  # the second time the month's key for the log's staff part is known
            city.world.pipeline.receive_batch("standesamt", batch(*(a_birth(somebody()) for _ in range(number))))
        statements.clear()
        body = batch(*(a_birth(somebody(), schutz={"sperre_51": ["MR-0"]}) for _ in range(number)))
        assert len(city.world.pipeline.receive_batch("standesamt", body)) == number
        return [" ".join(statement.split()[:3]) for statement in statements]

    assert said_for(20) == said_for(2)


def test_what_stops_and_what_is_stopped_may_come_in_one_batch(city: City) -> None:
    world = city.world
    anna, ben, cora = (world.lives_here(somebody(name)) for name in ("Anna", "Ben", "Cora"))
    cancelled, dying, living = a_birth(anna), a_birth(ben), a_birth(cora)
    world.announce(cancelled)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    answers = world.pipeline.receive_batch(
        "standesamt", batch(a_death(child_of(dying)), a_cancellation(cancelled), dying, living)
    )
    assert len(answers) == 4
    world.tick()
    assert world.count("proposals", "state = 'recalled'") == world.count("proposals", "state <> 'open'") > 0
    assert world.letters_to(ben) == []
    assert len(world.letters_to(cora)) == 1
    world.check_log()


def test_a_death_and_its_storno_in_one_batch_stop_nobody_whichever_comes_first(city: City) -> None:
    for turned in (False, True):
        death = a_death(f"MR-of-turn-{turned}")
        reports = [death, a_cancellation(death)]
        city.world.pipeline.receive_batch("standesamt", batch(*(reversed(reports) if turned else reports)))
    assert {row.guard for row in city.rows(StopRow) if row.lifted_at is None} == {"V14"}
    assert city.rows(TaskRow) == [], "nothing had been taken back"


def test_recalls_of_one_batch_are_told_apart_in_the_log(city: City) -> None:
    """Each person's entry names the guards that reached this person, not those of the neighbours."""
    world = city.world
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    ours, theirs = a_birth(anna), a_birth(ben)
    world.pipeline.receive_batch("standesamt", batch(ours, theirs))
    world.tick()
    told: list[tuple[int, str]] = []
    record = world.pipeline.house.log.record

    def hearing(session: Session, flows: Any, *rest: Any) -> Any:
        told.extend((flow.n, flow.reason) for flow in flows if flow.action == "matter.recalled")
        return record(session, flows, *rest)

    world.pipeline.house.log.record = hearing  # type: ignore[method-assign]
    world.pipeline.receive_batch(
        "standesamt",
        batch(a_death(child_of(ours)), a_cancellation(theirs), a_protection("MR-0", "51").but(source=ours.source)),
    )
    assert sorted(reason for n, reason in told if n) == ["V02", "V14"]
    assert [reason for n, reason in told if not n] == ["V06"]
    world.check_log()


def test_a_batch_is_json_that_anybody_reads(app: FastAPI, bearer: dict[str, str]) -> None:
    body = json.dumps([json.loads(a_birth(somebody()).body)], indent=4).encode()
    assert send(app, bearer, body).status_code == 202
