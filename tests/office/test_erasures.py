"""Erasing somebody takes two of the DSB's office and the eraser; a log-in of the application erases nobody."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from structlog.testing import capture_logs

from proaktiv.flowlog.staff import StaffReader
from proaktiv.keys import requested
from proaktiv.keys.requested import Requested
from proaktiv.keys.waiting import Waiting
from proaktiv.steps.inspection.erasing import STANDS
from tests.builders import somebody
from tests.keys.conftest import House, named
from tests.keys.test_destroying import STAYS
from tests.office.conftest import ERASURE_KEY, Office
from tests.office.test_dsb_api import Program, program
from tests.web.conftest import everything_stored

WHY = "Antrag nach Art. 17 vom 14. Oktober, Aktenzeichen 7"
YES, NO = {"grant": True}, {"grant": False}


@pytest.fixture
def dsb(sent: Office) -> Program:
    return program(sent)


@pytest.fixture
def second(sent: Office) -> Program:
    return program(sent, "d.vertretung")


@pytest.fixture
def house(sent: Office, tmp_path: Path) -> Iterator[House]:
    """The eraser's machine."""
    made = House(sent.world, tmp_path)
    yield made
    made.close()


def eraser(house: House, key: bytes = ERASURE_KEY) -> Waiting:
    return Waiting(house.eraser(office_key=key))


def takes(house: House, key: bytes = ERASURE_KEY) -> list[dict[str, Any]]:
    """The eraser looks at what was wished; what two people said is on the list afterwards."""
    waiting = eraser(house, key)
    assert Requested(waiting).take() == 0
    return [dict(row._mapping) for row in waiting.asked()]


def wish(who: str, **other: str) -> dict[str, str]:
    return {"who": who, "ground": "withdrawn", "reason": WHY} | other


def asked(dsb: Program, who: str, **other: str) -> str:
    answer = dsb.post("/erasures", wish(who, **other))
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting"), answer.text
    found: str = answer.json()["id"]
    return found


def granted(dsb: Program, second: Program, who: str) -> str:
    request = asked(dsb, who)
    assert second.post(f"/erasures/{request}/decision", YES).json() == {"state": "granted"}
    return request


def person_of(office: Office) -> UUID:
    found: UUID = office.world.value("SELECT person FROM auftraege")
    return found


def state_of(program: Program, request: str) -> str:
    (found,) = [each["state"] for each in program.get("/erasures").json() if each["id"] == request]
    return str(found)


def settled(office: Office) -> tuple[UUID, str]:
    """Somebody of whom nothing is under way, and the register's key of theirs."""
    emma = office.world.lives_here(somebody("Emma"), "geburt")
    key = office.pipeline.house.vault.lookup_hash("register_id", emma.kennung)
    found = office.world.value("SELECT person FROM person_identifiers WHERE lookup_hash = :key", key=key)
    return found, emma.kennung


def test_two_of_the_office_erase_somebody_by_the_same_list_as_the_command(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    person, kennung = settled(sent)
    request = asked(dsb, kennung)
    assert takes(house) == [], "one alone wishes, and nothing happens"
    assert second.post(f"/erasures/{request}/decision", YES).json() == {"state": "granted"}
    (row,) = takes(house)
    assert (row["person"], row["reason"], row["asked_by"], row["asked_and"]) == (
        *(person, "withdrawn"),
        *("d.schutz", "d.vertretung"),
    )
    assert state_of(dsb, request) == "listed"
    done = eraser(house).run(wait=False)
    assert done.erased.persons == (person,)
    assert named(house, person) <= STAYS
    assert sent.world.count("erasure_requests") == 0, "the wish went with the person"
    staff = tombstone(sent)
    assert staff["actor"] == "d.schutz + d.vertretung"
    told = sent.world.value("SELECT convert_from(f_bytes, 'UTF8') FROM flow_log WHERE fid = :fid", fid=staff["case"])
    assert '"action":"erasure.requested"' in told, "the file number leads to why"
    sent.world.check_log()


def tombstone(office: Office) -> dict[str, Any]:
    reader = StaffReader((office.world.staff.private_bytes_raw(),))
    with office.world.reader.transaction() as session:
        reader.load(session)
        row = session.connection().execute(
            text("SELECT entry, a_blob, staff_key FROM flow_log JOIN flow_secret USING (fid) WHERE kind = 3")
        )
        ((entry, blob, key),) = row.all()
    found: dict[str, Any] = json.loads(reader.open(key, blob, entry[83:115])[32:])
    return found


def test_the_wish_of_yesterday_goes_today_with_the_others(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    emma, kennung = settled(sent)
    people = [emma, person_of(sent)]
    granted(dsb, second, sent.reference)
    granted(dsb, second, kennung)
    takes(house)
    assert eraser(house).daily() == 0
    assert not house.listed.exists()
    sent.world.now += timedelta(days=1)
    eraser(house).daily()
    assert takes(house) == []
    for person in people:
        assert named(house, person) <= STAYS


def test_neither_address_nor_list_nor_facts_name_anybody_and_the_reason_lies_sealed(
    sent: Office, dsb: Program, second: Program
) -> None:
    request = asked(dsb, sent.reference)
    for whom in (sent.reference, sent.anna.kennung, sent.anna.familienname, str(person_of(sent))):
        for text_of in (second.get("/erasures").text, dsb.get("/erasures").text):
            assert whom not in text_of
        assert whom not in request
    assert all(WHY not in row for rows in everything_stored(sent.world.urls).values() for row in rows)
    (shown,) = second.get("/erasures").json()
    assert (shown["reason"], shown["asked_by"], shown["mine"], shown["ground"]) == (
        *(WHY, "d.schutz"),
        *(False, "withdrawn"),
    )


def test_every_call_is_an_entry_of_the_log(sent: Office, dsb: Program, second: Program) -> None:
    request = asked(dsb, sent.reference)
    dsb.get("/erasures")
    second.post(f"/erasures/{request}/decision", NO)
    actions = sent.world.value(
        "SELECT array_agg(convert_from(f_bytes, 'UTF8')::json ->> 'action') FROM flow_log WHERE kind = 4"
    )
    assert {each for each in actions if each.startswith("erasure")} == {
        *("erasure.requested", "erasures.listed"),
        "erasure.denied",
    }
    sent.world.check_log()


@pytest.mark.parametrize("known", [True, False])
def test_nobody_learns_before_the_yes_whether_there_is_such_a_person(
    sent: Office, dsb: Program, second: Program, house: House, *, known: bool
) -> None:
    request = asked(dsb, sent.reference if known else "MR-999999")
    assert state_of(dsb, request) == "waiting"
    assert second.post(f"/erasures/{request}/decision", YES).json() == {"state": "granted"}
    assert state_of(second, request) == "granted", "whoever decides does not learn it at all"
    assert state_of(dsb, request) == ("granted" if known else "unknown")
    assert len(takes(house)) == known


def test_nobody_says_yes_to_themselves_not_even_past_the_program(sent: Office, dsb: Program) -> None:
    request = asked(dsb, sent.reference)
    assert dsb.post(f"/erasures/{request}/decision", YES).status_code == 403
    both = "decided_by = asked_by, decided_name = 'x', state = 'granted'"
    other = f"decided_by = '{uuid4()}', state = 'granted'"
    for said, wall in (
        (both, "four_eyes"),
        (f"{other}, decided_name = 'D.Schutz'", "two_names"),
        ("state = 'granted'", "decided"),
    ):
        with pytest.raises(IntegrityError, match=wall):
            sent.world.value(f"UPDATE erasure_requests SET {said} RETURNING 1")


def test_the_same_wish_and_the_same_answer_are_made_once(sent: Office, dsb: Program, second: Program) -> None:
    request = asked(dsb, sent.reference)
    assert asked(dsb, sent.anna.kennung) == request, "by whichever number: it is the same person"
    assert asked(dsb, sent.reference, ground="objected") != request
    assert sent.world.count("erasure_requests") == 2
    for _ in range(2):
        assert second.post(f"/erasures/{request}/decision", YES).json() == {"state": "granted"}
    assert second.post(f"/erasures/{request}/decision", NO).status_code == 409


def test_a_wish_lapses_after_three_days_and_a_yes_that_nobody_could_do_is_told(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    request = asked(dsb, sent.reference)
    sent.world.now += timedelta(days=3)
    late = program(sent, "d.vertretung")
    assert late.post(f"/erasures/{request}/decision", YES).status_code == 404
    granted(program(sent), late, sent.reference)
    sent.world.now += STANDS
    assert takes(house) == [], "over, whether or not anybody has deleted it"
    sent.pipeline.end_exports()
    assert sent.world.count("erasure_requests") == 0
    assert sent.world.count("incidents", "what = 'erasure.lapsed'") == 1, "Art. 12 (3): somebody was forgotten"


def test_who_cannot_go_yet_is_tried_again_and_everybody_of_the_office_sees_it(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    hold = sent.world.pipeline.hold(person=person_of(sent), auftrag=None, reason="VG 7 K 12/26", by="st-1")
    request = granted(dsb, second, sent.reference)
    with capture_logs() as said:
        assert takes(house) == []
        assert takes(house) == []
    assert [line["event"] for line in said] == ["erasure.waits"], "told once"
    assert state_of(second, request) == "hindered"
    assert dsb.get("/log").json()["waiting"] == {"person": 0, "erasure": 0, "hold": 0, "hindered": 1}
    sent.world.pipeline.release_hold(hold, reason="over", by="st-1")
    assert len(takes(house)) == 1


def test_who_went_another_way_meanwhile_is_no_wish_any_more(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    granted(dsb, second, sent.reference)
    house.destroys(person_of(sent))
    assert takes(house) == []
    assert sent.world.count("erasure_requests") == 0


# walls ----------------------------------------------------------------------------------------------------------------


def forged(office: Office, person: UUID) -> None:
    """Somebody with the application's log-in writes a wish that two people granted, as only a program would."""
    with office.world.database.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO erasure_requests (id, person, matter, ground, flow_id, state, asked_by, asked_name,"
                " asked_at, decided_by, decided_name, decided_at, expires_at, seal) SELECT gen_random_uuid(), :person,"
                " :person, 'withdrawn', min(fid::text)::uuid, 'granted',"
                " (SELECT id FROM staff WHERE name = 'd.schutz'), 'd.schutz', :at,"
                " (SELECT id FROM staff WHERE name = 'd.vertretung'), 'd.vertretung', :at, :until, 'x'"
                " FROM flow_log"
            ),
            {"person": person, "at": office.world.now, "until": office.world.now + timedelta(days=3)},
        )


def test_a_wish_that_the_office_did_not_seal_erases_nobody_and_is_an_incident(sent: Office, house: House) -> None:
    forged(sent, person_of(sent))
    with capture_logs() as said:
        assert takes(house) == []
    assert [line["event"] for line in said] == ["erasure.forged"]
    assert sent.world.count("erasure_requests") == 0
    assert sent.world.count("flow_log", "kind = 12 OR convert_from(f_bytes, 'UTF8') LIKE '%erasure.forged%'") >= 1
    sent.world.check_log()


def test_control_without_the_seal_a_log_in_of_the_application_would_erase_anybody(
    sent: Office, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requested, "fits", lambda _key, _row: True)
    forged(sent, person_of(sent))
    assert len(takes(house)) == 1


@pytest.mark.parametrize(
    "change",
    [
        *("person = gen_random_uuid()", "ground = 'unlawful'", "decided_name = 'k.haus'", "asked_name = 'k.haus'"),
        *("expires_at = expires_at + interval '1 day'", "flow_id = (SELECT min(fid::text)::uuid FROM flow_log)"),
    ],
)
def test_whatever_was_changed_after_the_yes_is_seen(
    sent: Office, dsb: Program, second: Program, house: House, change: str
) -> None:
    granted(dsb, second, sent.reference)
    sent.world.value(f"UPDATE erasure_requests SET {change} RETURNING 1")
    assert takes(house) == []
    assert sent.world.count("erasure_requests") == 0


def test_somebody_else_put_in_between_wish_and_answer_is_seen_by_the_office(
    sent: Office, dsb: Program, second: Program
) -> None:
    request = asked(dsb, sent.reference)
    other, _ = settled(sent)
    sent.world.value("UPDATE erasure_requests SET person = :other RETURNING 1", other=other)
    assert second.post(f"/erasures/{request}/decision", YES).status_code == 409
    assert sent.world.count("incidents", "what = 'erasure.forged'") == 1
    assert second.post(f"/erasures/{request}/decision", NO).json() == {"state": "denied"}


def test_the_application_may_not_touch_the_list_itself(sent: Office) -> None:
    for statement in (
        "SELECT 1 FROM erasures",
        "INSERT INTO erasures VALUES (gen_random_uuid(), 'withdrawn', 'a', 'b', '', now())",
        "DELETE FROM erasures",
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            sent.world.database.transaction() as session,
        ):
            session.connection().execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE erasure_requests SET person = gen_random_uuid()",
        "UPDATE erasure_requests SET decided_name = 'x'",
        "INSERT INTO erasure_requests (id) VALUES (gen_random_uuid())",
        "SELECT 1 FROM hold_requests",
        "DELETE FROM hold_requests",
    ],
)
def test_the_eraser_says_how_a_wish_stands_and_changes_nothing_else_of_it(house: House, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        house.database("eraser").transaction() as session,
    ):
        session.connection().execute(text(statement))


def test_without_the_key_the_office_asks_for_nothing_and_the_eraser_believes_nothing(
    sent: Office, dsb: Program, second: Program, house: House
) -> None:
    request = granted(dsb, second, sent.reference)
    with capture_logs() as said:
        assert takes(house, b"") == []
    assert [line["event"] for line in said] == ["erasure_requests.unread"]
    assert state_of(dsb, request) == "granted", "the key may be there in a minute"
    object.__setattr__(sent.pipeline, "erasure_key", b"")
    answer = dsb.post("/erasures", wish(sent.reference))
    assert (answer.status_code, "proaktiv log erase ask" in answer.json()["detail"]) == (409, True)
    assert "PROAKTIV_ERASURE_KEY" in sent.desk("d.schutz").get("/loeschungen").text


@pytest.mark.parametrize(
    "body",
    [
        *(
            {},
            {"who": "MR-1"},
            wish("MR-1", reason="kurz"),
            wish("MR-1", ground="because"),
            wish("\x00"),
            wish("MR-1", more="1"),
        ),
        wish("MR-1", reason="a         b"),
    ],
)
def test_a_wish_without_a_person_a_ground_or_a_reason_is_none(sent: Office, dsb: Program, body: dict[str, str]) -> None:
    assert dsb.post("/erasures", body).status_code == 422
    assert sent.world.count("erasure_requests") == 0


# pages ----------------------------------------------------------------------------------------------------------------

FORM = {"grundlage": "withdrawn", "grund": WHY}


def test_on_the_pages_one_asks_another_answers_and_each_is_told_what_happened(sent: Office, house: House) -> None:
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    answer = desk.post("/loeschungen", {"wer": sent.reference, **FORM})
    assert answer.status_code == 303
    assert sent.reference not in answer.headers["location"]
    after = desk.get(answer.headers["location"]).text
    assert "Ihr Wunsch ist aufgenommen" in after
    assert "Wartet auf eine zweite Person" in after
    request = sent.world.value("SELECT id FROM erasure_requests")
    shown = second.get("/loeschungen").text
    assert WHY in shown
    assert sent.reference not in shown
    answer = second.post(f"/loeschungen/{request}/entscheidung", {"entscheidung": "ja"})
    assert "Sie haben Ja gesagt" in second.get(answer.headers["location"]).text
    takes(house)
    assert "Steht auf der Liste" in desk.get("/loeschungen").text


@pytest.mark.parametrize("missing", ["wer", "grundlage", "grund"])
def test_on_the_page_what_is_missing_is_said_beside_its_field(sent: Office, missing: str) -> None:
    form = {"wer": "MR-0", **FORM} | {missing: ""}
    answer = sent.desk("d.schutz").post("/loeschungen", form)
    assert (answer.status_code, f'id="{missing}-fehler"' in answer.text) == (422, True)


def test_an_answer_that_is_none_is_told(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    assert desk.post(f"/loeschungen/{uuid4()}/entscheidung", {"entscheidung": "x"}).status_code == 422
