"""Entries are held by two of the DSB's office and released by two, by the same act as the command."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from proaktiv.flowlog.keeping.holds import Held
from proaktiv.keys.requested import Requested
from proaktiv.keys.waiting import Waiting
from proaktiv.steps.inspection import holding
from tests.chaos.outage import wait_for
from tests.keys.conftest import House
from tests.office.conftest import ERASURE_KEY, Office
from tests.office.test_dsb_api import Program, program
from tests.office.test_erasures import NO, YES, granted, state_of
from tests.web.conftest import everything_stored

WHY = "Verwaltungsgericht, Aktenzeichen VG 7 K 12/26"
DAYS = {"from": "2026-10-01", "to": "2026-10-31", "review_on": "2027-01-01", "reason": WHY}


@pytest.fixture
def dsb(sent: Office) -> Program:
    return program(sent)


@pytest.fixture
def second(sent: Office) -> Program:
    return program(sent, "d.vertretung")


def asked(dsb: Program, path: str = "/holds", **body: Any) -> str:
    answer = dsb.post(path, body or DAYS)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting"), answer.text
    found: str = answer.json()["id"]
    return found


def says(program: Program, request: str, answer: dict[str, bool] = YES) -> None:
    given = program.post(f"/holds/requests/{request}/decision", answer)
    assert given.json() == {"state": "granted" if answer["grant"] else "denied"}, given.text


def an_entry(office: Office) -> UUID:
    """The first entry that is about Anna."""
    subj = office.pipeline.house.log.subj(office.world.value("SELECT person FROM auftraege"))
    first = "SELECT fid FROM flow_secret WHERE subj = :subj ORDER BY fid LIMIT 1"
    found: UUID = office.world.value(first, subj=subj)
    return found


def test_two_hold_and_two_release_and_the_command_sees_the_same(sent: Office, dsb: Program, second: Program) -> None:
    request = asked(dsb)
    assert sent.pipeline.held_entries() == [], "one alone wishes, and nothing happens"
    says(second, request)
    (standing,) = sent.pipeline.held_entries()
    assert (standing["by"], standing["review_on"]) == (["d.schutz", "d.vertretung"], "2027-01-01")
    found = dsb.get("/holds").json()
    (hold,) = found["holds"]
    assert (hold["id"], hold["from"], hold["to"], hold["reason"]) == (standing["id"], "2026-10-01", "2026-10-31", WHY)
    release = asked(second, f"/holds/{hold['id']}/release", reason="Das Verfahren ist zu Ende.")
    says(dsb, release)
    assert sent.pipeline.held_entries() == []
    assert dsb.get("/holds").json()["holds"] == []
    told = sent.world.value(
        "SELECT array_agg(convert_from(f_bytes, 'UTF8')::json ->> 'action') FROM flow_log WHERE kind = 6"
    )
    assert {each for each in told if each.startswith("log_hold")} == {"log_hold.placed", "log_hold.released"}
    sent.world.check_log()


def test_the_reason_lies_sealed_and_goes_with_the_entry_that_stays(sent: Office, dsb: Program, second: Program) -> None:
    says(second, asked(dsb))
    assert all(WHY not in row for rows in everything_stored(sent.world.urls).values() for row in rows)
    fid = sent.world.value("SELECT fid FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE '%log_hold.placed%'")
    assert dsb.get(f"/flows/{fid}").json()["A"]["part"]["reason"] == WHY
    object.__setattr__(sent.pipeline, "staff_private", ())
    assert dsb.get("/holds").json()["holds"][0]["reason"] is None


def test_a_hold_of_the_command_is_listed_and_released_in_the_office_too(
    sent: Office, dsb: Program, second: Program
) -> None:
    entry = an_entry(sent)
    hold = sent.pipeline.hold_entries(
        Held(entry=entry),
        reason="VG 7 K 12/26",
        review_on=sent.world.now.date(),
        by="st-1",
        and_by="st-2",
    )
    (shown,) = dsb.get("/holds").json()["holds"]
    assert (shown["entry"], shown["reason"], shown["from"]) == (str(entry), "VG 7 K 12/26", None)
    says(second, asked(dsb, f"/holds/{hold}/release", reason="Das Verfahren ist zu Ende."))
    assert sent.pipeline.held_entries() == []


def test_nobody_says_yes_to_themselves_not_even_past_the_program(sent: Office, dsb: Program) -> None:
    request = asked(dsb)
    assert dsb.post(f"/holds/requests/{request}/decision", YES).status_code == 403
    other = f"decided_by = '{uuid4()}', state = 'granted'"
    for said, wall in (
        ("decided_by = asked_by, decided_name = 'x', state = 'granted'", "four_eyes"),
        (f"{other}, decided_name = 'D.Schutz'", "two_names"),
        ("state = 'granted'", "decided"),
        ("hold = gen_random_uuid()", "what"),
    ):
        with pytest.raises(IntegrityError, match=wall):
            sent.world.value(f"UPDATE hold_requests SET {said} RETURNING 1")
    assert sent.pipeline.held_entries() == []


def test_control_without_the_wall_of_the_database_one_could_do_both(sent: Office, dsb: Program) -> None:
    asked(dsb)
    House(sent.world, Path()).as_owner("ALTER TABLE hold_requests DROP CONSTRAINT ck_hold_requests_four_eyes")
    both = "decided_by = asked_by, decided_name = 'x', state = 'granted'"
    assert sent.world.value(f"UPDATE hold_requests SET {both} RETURNING 1") == 1


def test_the_same_wish_and_the_same_answer_are_made_once(sent: Office, dsb: Program, second: Program) -> None:
    request = asked(dsb)
    assert asked(dsb) == request
    assert asked(dsb, **DAYS | {"purpose": "geburt"}) != request
    says(second, request)
    says(second, request)
    assert len(sent.pipeline.held_entries()) == 1
    assert second.post(f"/holds/requests/{request}/decision", NO).status_code == 409
    hold = sent.pipeline.held_entries()[0]["id"]
    release = asked(dsb, f"/holds/{hold}/release", reason="Das Verfahren ist zu Ende.")
    assert asked(dsb, f"/holds/{hold}/release", reason="Das Verfahren ist wirklich zu Ende.") == release
    says(second, release)
    assert dsb.post(f"/holds/{hold}/release", {"reason": "Das Verfahren ist zu Ende."}).status_code == 409


def test_what_was_released_meanwhile_is_a_conflict_and_no_second_release(
    sent: Office, dsb: Program, second: Program
) -> None:
    says(second, asked(dsb))
    hold = sent.pipeline.held_entries()[0]["id"]
    release = asked(dsb, f"/holds/{hold}/release", reason="Das Verfahren ist zu Ende.")
    sent.pipeline.release_entries(UUID(hold), reason="over", by="st-1", and_by="st-2")
    assert second.post(f"/holds/requests/{release}/decision", YES).status_code == 409


def test_a_no_holds_nothing_and_a_wish_lapses_after_three_days(sent: Office, dsb: Program, second: Program) -> None:
    says(second, asked(dsb), NO)
    assert sent.pipeline.held_entries() == []
    request = asked(dsb)
    assert dsb.get("/log").json()["waiting"]["hold"] == 1
    sent.world.now += timedelta(days=3)
    late = program(sent, "d.vertretung")
    assert late.post(f"/holds/requests/{request}/decision", YES).status_code == 404
    sent.pipeline.end_exports()
    assert sent.world.count("hold_requests") == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        *(({"from": None}, 422), ({"to": None}, 422), ({"to": "2026-09-01"}, 422), ({"reason": "kurz"}, 422)),
        *(({"review_on": None}, 422), ({"from": "0001-01-01"}, 422), ({"to": "9999-12-31"}, 422)),
        *(({"entry": str(UUID(int=7))}, 422), ({"purpose": "x" * 65}, 422), ({"more": 1}, 422)),
        *(({"entry": str(UUID(int=7)), "from": None, "to": None}, 404), ({"review_on": "9999-12-31"}, 422)),
    ],
)
def test_what_cannot_be_held_is_told(sent: Office, dsb: Program, change: dict[str, Any], status: int) -> None:
    assert dsb.post("/holds", DAYS | change).status_code == status
    assert sent.world.count("hold_requests") == 0


def test_a_hold_that_is_not_there_is_not_released(dsb: Program) -> None:
    assert dsb.post(f"/holds/{UUID(int=7)}/release", {"reason": WHY}).status_code == 404


@pytest.fixture
def house(sent: Office, tmp_path: Path) -> Iterator[House]:
    made = House(sent.world, tmp_path)
    yield made
    made.close()


def test_an_entry_that_is_held_keeps_its_person_from_erasure(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    entry = {"entry": str(an_entry(sent)), "review_on": "2027-01-01", "reason": WHY}
    says(second, asked(dsb, **entry))
    request = granted(dsb, second, sent.reference)
    Requested(Waiting(house.eraser(office_key=ERASURE_KEY))).take()
    assert state_of(dsb, request) == "hindered"


# pages ----------------------------------------------------------------------------------------------------------------

FORM = {"von": "2026-10-01", "bis": "2026-10-31", "nachsehen": "2027-01-01", "grund": WHY}


def test_on_the_pages_one_asks_another_answers_and_each_is_told_what_happened(sent: Office) -> None:
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    answer = desk.post("/sperren", FORM)
    assert "Ihr Wunsch ist aufgenommen" in desk.get(answer.headers["location"]).text
    request = sent.world.value("SELECT id FROM hold_requests")
    assert WHY in second.get("/sperren").text
    answer = second.post(f"/sperren/{request}/entscheidung", {"entscheidung": "ja"})
    assert "Die Einträge sind gesperrt" in second.get(answer.headers["location"]).text
    hold = sent.pipeline.held_entries()[0]["id"]
    assert desk.post(f"/sperren/{hold}/freigabe", {"grund": "kurz"}).status_code == 422
    assert desk.post(f"/sperren/{hold}/freigabe", {"grund": "Das Verfahren ist zu Ende."}).status_code == 303
    release = sent.world.value("SELECT id FROM hold_requests WHERE hold IS NOT NULL")
    answer = second.post(f"/sperren/{release}/entscheidung", {"entscheidung": "ja"})
    assert "Die Sperre ist aufgehoben" in second.get(answer.headers["location"]).text
    assert "Nichts ist gesperrt" in desk.get("/sperren").text


@pytest.mark.parametrize(
    ("change", "wrong", "said"),
    [
        ({"eintrag": "x"}, "eintrag", "Eintrag: Geben Sie seinen Platz"),
        ({"eintrag": "217"}, "eintrag", "Eintrag: Lassen Sie ihn leer"),
        ({"eintrag": "999999999", "von": "", "bis": ""}, "eintrag", "Eintrag: Diesen gibt es nicht"),
        ({"eintrag": str(UUID(int=7)), "von": "", "bis": ""}, "eintrag", "Eintrag: Diesen gibt es nicht"),
        ({"von": "", "bis": ""}, "eintrag", "Eintrag: Nennen Sie einen"),
        ({"von": "1.10.26"}, "von", "Erster Tag: Geben Sie ihn wie"),
        ({"von": ""}, "von", "Erster Tag: Er fehlt"),
        ({"bis": ""}, "bis", "Letzter Tag: Er fehlt"),
        ({"bis": "31.11.2026"}, "bis", "Letzter Tag: Geben Sie ihn wie"),
        ({"bis": "30.09.2026"}, "bis", "Letzter Tag: Er liegt vor dem ersten"),
        ({"nachsehen": ""}, "nachsehen", "Wann nachzusehen ist: Geben Sie einen Tag wie"),
        ({"nachsehen": "31.12.1999"}, "nachsehen", "Wann nachzusehen ist: Geben Sie einen Tag wie"),
        ({"zweck": "x" * 65}, "zweck", "Zweck: Er darf"),
        ({"grund": ""}, "grund", "Schreiben Sie"),
    ],
)
def test_on_the_page_what_is_wrong_is_said_beside_its_field(
    sent: Office, change: dict[str, str], wrong: str, said: str
) -> None:
    answer = sent.desk("d.schutz").post("/sperren", FORM | change)
    assert answer.status_code == 422
    assert re.findall('id="([a-z]+)-fehler"', answer.text) == [wrong]
    assert answer.text.count(said) == 2, "above the form, and beside the field"


@pytest.mark.parametrize(
    "days",
    [
        {"von": "1.10.2026", "bis": "31.10.2026", "nachsehen": "01.01.2027"},
        {"von": "2026-10-01", "bis": "31. 10. 2026", "nachsehen": "2027-01-01"},
    ],
)
def test_days_are_taken_as_germans_write_them_and_as_iso_does(sent: Office, days: dict[str, str]) -> None:
    assert sent.desk("d.schutz").post("/sperren", FORM | days).status_code == 303
    kept = "SELECT first_on || ' ' || last_on || ' ' || review_on FROM hold_requests"
    assert sent.world.value(kept) == "2026-10-01 2026-10-31 2027-01-01"


def test_an_entry_is_named_by_its_place_as_well_as_by_its_long_number(sent: Office, dsb: Program) -> None:
    sent.world.check_log()
    entry = an_entry(sent)
    place = sent.world.value("SELECT idx FROM flow_leaf WHERE fid = :fid", fid=entry)
    desk = sent.desk("d.schutz")
    for named in (str(place), str(entry)):
        assert desk.post("/sperren", FORM | {"von": "", "bis": "", "eintrag": named}).status_code == 303
    assert sent.world.value("SELECT array_agg(DISTINCT fid) FROM hold_requests") == [entry]
    shown = desk.get("/sperren").text
    assert f'href="/datenfluesse/{entry}">Eintrag an Platz {place}</a>' in shown
    dsb.post("/holds", {"index": place, "review_on": "2027-01-01", "reason": WHY})
    assert sent.world.value("SELECT array_agg(DISTINCT fid) FROM hold_requests") == [entry]
    both = {"index": place, "entry": str(entry), "review_on": "2027-01-01", "reason": WHY}
    assert dsb.post("/holds", both).status_code == 422
    assert dsb.post("/holds", {"index": 999_999, "review_on": "2027-01-01", "reason": WHY}).status_code == 404


def test_a_purpose_is_taken_as_the_pages_call_it(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    assert desk.post("/sperren", FORM | {"zweck": "Datenschutzaufsicht"}).status_code == 303
    assert sent.world.value("SELECT purpose FROM hold_requests") == "datenschutzaufsicht"
    assert "Datenschutzaufsicht" in desk.get("/sperren").text


# races ----------------------------------------------------------------------------------------------------------------


def both_say_yes_at_once(office: Office, request: UUID) -> list[str]:
    """One yes is about to commit when the same comes from another window; returns what the second was told."""
    second, told = office.proof("d.vertretung"), list[str]()

    def again() -> None:
        told.append(office.pipeline.decide_on_hold(second, request, grant=True))

    beside_a_yes(office, request, again)
    return told


def beside_a_yes(office: Office, request: UUID, act: Callable[[], object]) -> None:
    """Act from another window while the yes to a wish is about to commit."""
    second, pipeline = office.proof("d.vertretung"), office.pipeline
    window = Thread(target=act)
    with office.world.database.transaction() as session:
        wall = pipeline.wall()
        args = (session, pipeline.house, pipeline.staff_private, second, request, pipeline.clock(), wall)
        holding.decide(*args, grant=True)
        window.start()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        wait_for(lambda: not window.is_alive() or office.world.value(waiting) > 0, "the second window")
    window.join(60)
    assert not window.is_alive()


def test_two_windows_that_say_yes_at_once_place_one_hold(sent: Office, dsb: Program) -> None:
    request = UUID(asked(dsb))
    assert both_say_yes_at_once(sent, request) == ["granted"]
    assert len(sent.pipeline.held_entries()) == 1


def test_control_without_the_lock_on_the_wish_two_windows_place_two(
    sent: Office, dsb: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlocked(session: Session, table: Table, *_args: Any) -> dict[str, Any]:
        return dict(session.connection().execute(select(table)).mappings().one())

    monkeypatch.setattr(holding, "to_decide", unlocked)
    both_say_yes_at_once(sent, UUID(asked(dsb)))
    assert len(sent.pipeline.held_entries()) == 2
