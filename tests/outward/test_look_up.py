"""Look up: what is asked, what is kept, what is logged, and what must not leave."""

import json
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from proaktiv import outages
from proaktiv.core.binding import Fact, from_json
from proaktiv.core.errors import Permanent, Temporary, Unavailable
from proaktiv.core.flows import Kind
from proaktiv.core.forms import Form
from proaktiv.core.outbound import ALARM_AFTER, AWAY_FOR, BACKOFF, HOUSE_PAUSE, PATIENCE
from proaktiv.core.tasks import TASKS
from proaktiv.database import Database
from proaktiv.doctor.work import ways_out
from proaktiv.locks import lock_keys
from proaktiv.matters import drop_lookups
from proaktiv.registers.model import Answer, BadAnswer, PersonNotThere, Question, fitting
from proaktiv.steps import look_up
from proaktiv.tables import (
    EnrolmentRow,
    FetchedFactsRow,
    LookupRow,
    OutageRow,
    PersonRow,
    RegisterEventRow,
    TaskRow,
    core_table,
)
from proaktiv.vault import Compartment, Place
from tests.outward.building import ENROLMENT_NAMES, NOW, PREFILL, FakeRegister, Left, Town


def announce(town: Town, now: Any = NOW, limit: int = 50) -> list[look_up.Asking]:
    with town.database.transaction() as session:
        return look_up.announce(session, town.house, now, limit)


def record(town: Town, heard: list[look_up.Heard], now: Any = NOW) -> list[look_up.Answered]:
    with town.database.transaction() as session:
        return look_up.record(session, town.house, heard, now)


def run(town: Town, register: FakeRegister, now: Any = NOW) -> list[look_up.Answered]:
    asked = announce(town, now)
    return record(town, [look_up.hand_over(item, {register.name: register}, Left()) for item in asked], now)


def test_a_permitted_question_is_asked_by_the_registers_own_key_and_kept_sealed(town: Town) -> None:
    person = town.person(PREFILL)
    lookup, register = town.lookup(person), FakeRegister()
    run(town, register)
    ((question, wire_id),) = register.asked
    assert question.person == {"kennung": f"MR-{person}"}
    assert question.names == ("kind.im_haushalt",)
    assert wire_id == str(lookup)
    row = town.row(LookupRow, lookup)
    assert (row.state, row.wire_id, row.lease_until) == ("answered", str(lookup), None)
    (fetched,) = town.rows(FetchedFactsRow)
    assert (fetched.lookup, fetched.names, fetched.source) == (lookup, ["kind.im_haushalt"], "MELDEREGISTER")
    assert b"haushalt" not in fetched.values
    event = town.row(RegisterEventRow, row.event)
    assert (event.state, event.due_at) == ("waiting", NOW)
    assert town.kinds() == ["authorised", "outcome"]
    authorised, outcome = town.flows(Kind.AUTHORISED, Kind.OUTCOME)
    assert row.flow_id == authorised.fid
    assert json.loads(outcome.f_bytes)["of"] == str(authorised.fid)
    assert str(person).encode() not in authorised.f_bytes + outcome.f_bytes


def test_every_named_place_is_passed(town: Town) -> None:
    town.lookup(town.person(PREFILL))
    asked = announce(town)
    heard = [look_up.hand_over(item, {"MELDEREGISTER": FakeRegister()}, Left(), town.probed.append) for item in asked]
    record(town, heard)
    assert [
        name for name in look_up.PROBES if name not in ("look_up.announce.after", "look_up.record.after")
    ] == town.probed


def test_without_consent_nothing_is_asked_and_the_event_goes_on(town: Town) -> None:
    lookup, register = town.lookup(town.person()), FakeRegister()
    run(town, register)
    assert register.asked == []
    row = town.row(LookupRow, lookup)
    assert row.state == "refused"
    assert town.row(RegisterEventRow, row.event).state == "waiting"
    assert town.kinds() == ["refused"]


def test_a_withdrawn_consent_stops_a_question_that_was_wanted_before(town: Town) -> None:
    person = town.person(PREFILL)
    lookup, register = town.lookup(person), FakeRegister()
    town.withdraws(person, PREFILL)
    run(town, register)
    assert (register.asked, town.row(LookupRow, lookup).state) == ([], "refused")


@pytest.mark.parametrize(("guard", "detail"), [("V06", "51"), ("V07", "52"), ("V08", "")])
def test_protection_and_death_stop_the_question_and_the_log_says_only_schutz(
    town: Town, guard: str, detail: str
) -> None:
    person = town.person(PREFILL)
    town.lookup(person)
    town.stop(town.kennung_hash(person), guard, detail=detail)
    register = FakeRegister()
    run(town, register)
    assert register.asked == []
    (refused,) = town.flows(Kind.REFUSED)
    said = json.loads(refused.f_bytes)
    assert (said["outcome"], said["basis"], said["restrict"]) == ("schutz", "schutz", True)
    assert guard.encode() not in refused.f_bytes


@pytest.mark.parametrize("guard", ["V01", "V04", "V14"])
def test_a_stop_on_the_entry_stops_the_question(town: Town, guard: str) -> None:
    lookup = town.lookup(town.person(PREFILL))
    town.stop(town.entry(town.row(LookupRow, lookup).event), guard, scope="entry")
    register = FakeRegister()
    run(town, register)
    assert (register.asked, town.row(LookupRow, lookup).state) == ([], "refused")
    assert b"V" + guard[1:].encode() not in town.flows(Kind.REFUSED)[0].f_bytes


def test_the_childs_death_stops_the_question_about_its_mother(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL), event=town.event(child="MR-dead"))
    town.stop(town.vault.lookup_hash("register_id", "MR-dead"), "V08")
    register = FakeRegister()
    run(town, register)
    assert (register.asked, town.row(LookupRow, lookup).state) == ([], "refused")


def test_while_receive_holds_the_case_nothing_is_announced(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    event = town.row(LookupRow, lookup).event
    with town.database.transaction() as receiving:
        lock_keys(receiving, [town.vault.mac("case", event.bytes)])
        assert announce(town) == []
    assert len(announce(town)) == 1


def test_nobody_found_is_an_answer_and_the_event_goes_on(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    run(town, FakeRegister(error=PersonNotThere("no")))
    row = town.row(LookupRow, lookup)
    assert row.state == "answered"
    assert town.rows(FetchedFactsRow) == []
    assert town.row(RegisterEventRow, row.event).state == "waiting"
    assert town.tasks() == []


def test_an_event_waits_for_the_last_of_its_look_ups(town: Town) -> None:
    event = town.event()
    town.lookup(town.person(PREFILL), event=event)
    town.lookup(town.person(PREFILL), event=event)
    first, second = announce(town)
    register = {"MELDEREGISTER": FakeRegister()}
    record(town, [look_up.hand_over(first, register, Left())])
    assert town.row(RegisterEventRow, event).state == "needs"
    record(town, [look_up.hand_over(second, register, Left())])
    assert town.row(RegisterEventRow, event).state == "waiting"


def test_two_last_answers_at_once_do_not_leave_the_event_asleep(town: Town) -> None:
    for _ in range(8):
        event = town.event()
        for _ in range(2):
            town.lookup(town.person(PREFILL), event=event)
        asked = announce(town)
        register = {"MELDEREGISTER": FakeRegister()}
        heard = [look_up.hand_over(item, register, Left()) for item in asked]
        gate = threading.Barrier(2)

        def finish(item: look_up.Heard, gate: threading.Barrier = gate) -> None:
            gate.wait()
            record(town, [item])

        threads = [threading.Thread(target=finish, args=(item,)) for item in heard]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert town.row(RegisterEventRow, event).state == "waiting"


def test_a_silent_register_is_asked_again_by_the_same_wire_id_until_the_tries_are_used_up(town: Town) -> None:
    lookup, register = town.lookup(town.person(PREFILL)), FakeRegister(error=Temporary("slow"))
    now = NOW
    for tries, pause in enumerate(BACKOFF, start=1):
        run(town, register, now)
        row = town.row(LookupRow, lookup)
        assert (row.state, row.tries, row.due_at) == ("wanted", tries, now + pause)
        assert announce(town, now) == []
        now += pause
    run(town, register, now)
    row = town.row(LookupRow, lookup)
    assert row.state == "failed"
    assert town.tasks() == ["register.silent"]
    assert town.row(RegisterEventRow, row.event).state == "waiting"
    assert len({wire_id for _, wire_id in register.asked}) == 1
    assert town.kinds().count("authorised") == town.kinds().count("outcome") == len(BACKOFF) + 1


def test_a_register_that_names_a_longer_pause_gets_it(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    run(town, FakeRegister(error=Temporary("busy", 3600)))
    assert town.row(LookupRow, lookup).due_at == NOW + timedelta(hours=1)


def test_a_register_that_is_away_uses_up_no_try(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    run(town, FakeRegister(error=Unavailable("away")))
    row = town.row(LookupRow, lookup)
    assert (row.state, row.tries, row.due_at) == ("wanted", 0, NOW + timedelta(seconds=60))


def test_while_a_register_is_away_one_question_a_minute_sees_whether_it_is_back(town: Town) -> None:
    for _ in range(3):
        town.lookup(town.person(PREFILL))
    away, back = FakeRegister(error=Unavailable("away")), FakeRegister()
    run(town, away)
    later = town.lookup(town.person(PREFILL))
    run(town, away, NOW + timedelta(seconds=59))
    assert len(away.asked) == 3, "whoever comes meanwhile waits too"
    for minute in range(1, 4):
        run(town, away, NOW + minute * AWAY_FOR)
        assert announce(town, NOW + minute * AWAY_FOR) == []
    assert len(away.asked) == 3 + 3
    assert town.row(LookupRow, later).tries == 0
    now = NOW + 5 * AWAY_FOR
    run(town, back, now)
    assert len(back.asked) == 1
    run(town, back, now)
    assert len(back.asked) == 4
    assert (town.rows(OutageRow), town.tasks()) == ([], [])


def test_of_many_workers_only_one_sees_whether_a_register_is_back(town: Town) -> None:
    town.lookup(town.person(PREFILL))
    run(town, FakeRegister(error=Unavailable("away")))
    now, register = NOW + AWAY_FOR, {"MELDEREGISTER"}
    with town.database.transaction() as one, town.database.transaction() as other:
        assert [outages.absent(each, outages.REGISTER, now).probing for each in (one, other)] == [register, register]
        assert outages.claim_named(one, outages.REGISTER, register, now) == register
        assert outages.claim_named(other, outages.REGISTER, register, now) == set()
    assert announce(town, now) == []


def test_a_human_is_called_when_a_register_is_away_for_ten_minutes_and_the_task_ends_with_it(town: Town) -> None:
    town.lookup(town.person(PREFILL))
    away = FakeRegister(error=Unavailable("away"))
    for minute in range(10):
        run(town, away, NOW + minute * AWAY_FOR)
    assert town.tasks() == []
    run(town, away, NOW + ALARM_AFTER)
    run(town, away, NOW + ALARM_AFTER + AWAY_FOR)
    assert town.tasks() == ["register.away"]
    assert "register.away" in TASKS
    (finding,) = ways_out(town.database, lambda _session: NOW + ALARM_AFTER + AWAY_FOR).act()
    assert finding.says == "REGISTER MELDEREGISTER away since 11 min"
    run(town, FakeRegister(), NOW + ALARM_AFTER + 2 * AWAY_FOR)
    (task,) = town.rows(TaskRow)
    assert task.done_at is not None


@pytest.mark.parametrize("number", [1, 3])
def test_after_five_hours_events_go_on_without_a_register_that_is_away_and_requests_to_enrol_wait(
    town: Town, number: int
) -> None:
    waiting = [town.lookup(town.person(PREFILL)) for _ in range(number)]
    enrolment, request = town.enrolment()
    away, now = FakeRegister(error=Unavailable("away")), NOW
    while now < NOW + PATIENCE:
        run(town, away, now)
        now += timedelta(minutes=10)
    rows = [town.row(LookupRow, lookup) for lookup in waiting]
    assert {(row.state, row.tries) for row in rows} == {("wanted", 0)}
    new = town.lookup(town.person(PREFILL), event=town.event())
    town.change(RegisterEventRow, town.row(LookupRow, new).event, arrived_at=now)
    run(town, away, now)
    run(town, away, now + timedelta(seconds=1))
    rows = [town.row(LookupRow, lookup) for lookup in waiting]
    assert {row.state for row in rows} == {"failed"}
    assert {town.row(RegisterEventRow, row.event).state for row in rows} == {"waiting"}
    assert [town.row(LookupRow, lookup).state for lookup in (request, new)] == ["wanted", "wanted"]
    assert town.row(EnrolmentRow, enrolment).request is not None
    assert sorted(town.tasks()) == ["register.away", *["register.silent"] * number]


def test_a_register_that_answers_nonsense_is_a_task_at_once(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    run(town, FakeRegister(error=Permanent("nonsense")))
    assert town.row(LookupRow, lookup).state == "failed"
    assert town.tasks() == ["register.silent"]


def test_a_register_nobody_configured_is_a_task(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    record(town, [look_up.hand_over(item, {}, Left()) for item in announce(town)])
    assert town.row(LookupRow, lookup).state == "failed"


def test_facts_that_were_not_asked_for_are_told_to_the_dsb(town: Town) -> None:
    town.lookup(town.person(PREFILL))
    run(town, FakeRegister(answer=Answer({"kind.im_haushalt": True}, date(2026, 10, 1), unasked=2)))
    assert town.incidents() == ["register.answered_unasked"]
    (incident,) = town.flows(Kind.INCIDENT)
    said = json.loads(incident.f_bytes)
    assert (said["action"], said["from"], said["restrict"]) == ("register.answered_unasked", "MELDEREGISTER", True)


def test_what_the_house_itself_forbids_is_one_task_and_is_asked_again(town: Town) -> None:
    lookup, register = town.lookup(town.person(PREFILL), register="STEUERAMT"), FakeRegister()
    for hours in range(3):
        run(town, register, NOW + hours * HOUSE_PAUSE)
        row = town.row(LookupRow, lookup)
        assert (row.state, row.due_at) == ("wanted", NOW + (hours + 1) * HOUSE_PAUSE)
        assert announce(town, NOW + hours * HOUSE_PAUSE) == []
    assert town.row(RegisterEventRow, row.event).state == "needs"
    assert town.tasks() == ["lookup.house_refused"]
    town.change(LookupRow, lookup, register_name="MELDEREGISTER")
    run(town, register, NOW + 3 * HOUSE_PAUSE)
    assert (len(register.asked), town.row(LookupRow, lookup).state) == (1, "answered")


@pytest.mark.parametrize("withdrawn", [False, True])
def test_withdrawn_while_announced_the_answer_is_dropped(town: Town, withdrawn: bool) -> None:
    person = town.person(PREFILL)
    lookup = town.lookup(person)
    asked = announce(town)
    if withdrawn:
        with town.database.transaction() as session:
            drop_lookups(session, core_table(LookupRow).c.person == person, NOW)
    record(town, [look_up.hand_over(item, {"MELDEREGISTER": FakeRegister()}, Left()) for item in asked])
    assert town.row(LookupRow, lookup).state == ("refused" if withdrawn else "answered")
    assert len(town.rows(FetchedFactsRow)) == (0 if withdrawn else 1)
    assert town.row(RegisterEventRow, town.row(LookupRow, lookup).event).state == "waiting"
    assert town.kinds() == ["authorised", "outcome"]


def test_one_odd_error_does_not_lose_the_answers_of_the_others(town: Town) -> None:
    odd, whole = town.lookup(town.person(PREFILL)), town.lookup(town.person(PREFILL))
    registers = {odd: FakeRegister(error=ZeroDivisionError("Mia Beispiel")), whole: FakeRegister()}
    with capture_logs() as lines:
        asked = announce(town)
        record(town, [look_up.hand_over(item, {"MELDEREGISTER": registers[item.lookup]}, Left()) for item in asked])
    assert town.row(LookupRow, whole).state == "answered"
    assert (town.row(LookupRow, odd).state, town.row(LookupRow, odd).tries) == ("wanted", 1)
    assert [(line["event"], line["error"]) for line in lines] == [("hand_over.broken", "ZeroDivisionError")]
    assert "Mia" not in repr(lines)


def test_a_question_lost_in_a_crash_is_asked_again_by_the_same_wire_id(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    (first,) = announce(town)
    assert announce(town, NOW + timedelta(seconds=59)) == []
    (second,) = announce(town, NOW + timedelta(seconds=60))
    assert second.clearance.wire_id == first.clearance.wire_id == str(lookup)
    assert second.clearance.flow != first.clearance.flow
    assert town.row(LookupRow, lookup).tries == 1


def test_the_answer_of_a_worker_that_was_taken_for_dead_is_logged_but_changes_nothing(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    (first,) = announce(town)
    (second,) = announce(town, NOW + timedelta(seconds=60))
    register = {"MELDEREGISTER": FakeRegister()}
    record(town, [look_up.hand_over(first, register, Left())])
    assert town.row(LookupRow, lookup).state == "announced"
    record(town, [look_up.hand_over(second, register, Left())])
    assert town.row(LookupRow, lookup).state == "answered"
    assert town.kinds() == ["authorised", "authorised", "outcome", "outcome"]


def test_a_worker_that_dies_each_time_does_not_ask_for_ever(town: Town) -> None:
    lookup = town.lookup(town.person(PREFILL))
    now = NOW
    for _ in range(20):
        if not announce(town, now):
            break
        now += timedelta(seconds=60)
    assert town.row(LookupRow, lookup).state == "failed"
    assert town.kinds().count("authorised") == len(BACKOFF) + 1


def test_a_row_that_cannot_be_read_does_not_hold_up_the_others(town: Town) -> None:
    broken, whole = town.lookup(town.person(PREFILL)), town.lookup(town.person(PREFILL))
    owner_event = town.row(LookupRow, broken).event
    owner = Database(town.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(
            text("update event_facts set values = 'broken broken broken'::bytea where event = :e"), {"e": owner_event}
        )
    owner.close()
    run(town, FakeRegister())
    assert town.row(LookupRow, broken).state == "failed"
    assert town.row(LookupRow, whole).state == "answered"
    assert town.tasks() == ["register.silent"]


def test_of_many_workers_only_one_asks(town: Town) -> None:
    for _ in range(12):
        town.lookup(town.person(PREFILL))
    gate = threading.Barrier(4)
    asked: list[look_up.Asking] = []

    def work() -> None:
        gate.wait()
        for _ in range(4):
            asked.extend(announce(town, limit=5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked.extend(announce(town))
    assert len(asked) == 12
    assert len({item.lookup for item in asked}) == 12


JANEIN, DATUM, MARKE = Form("janein"), Form("datum"), Form("text")
ZAHL, ROLLE = Form("zahl", low=0, high=9), Form("code", ("mutter", "vater"))
FITS: list[tuple[Form, Any, Any]] = [
    (JANEIN, False, False),
    (DATUM, "2026-10-01", date(2026, 10, 1)),
    (MARKE, "HM-1", "HM-1"),
    (ZAHL, 9, 9),
    (ROLLE, "mutter", "mutter"),
    (Form("ars"), "059580004004", "059580004004"),
    (Form("betrag", low=0, high=10**6), 12345, 12345),
]
FITS_NOT: list[tuple[Form, Any]] = [
    *((form, value) for form in (JANEIN, DATUM, ZAHL, ROLLE, MARKE) for value in ("", " ", {"nr": "7"}, {})),
    *((form, True) for form in (DATUM, MARKE, ZAHL, ROLLE, Form("betrag", low=0, high=9))),
    *((JANEIN, value) for value in (1, 0, "ja", "true")),
    *((DATUM, value) for value in ("1.10.2026", "2026-02-30", "2026-W40-1", 20261001)),
    *((ZAHL, value) for value in (10, -1, "9")),
    (ROLLE, "Mutter"),
    (MARKE, 7),
    (Form("ars"), "5958000400"),
]


@pytest.mark.parametrize(("form", "value", "kept"), FITS)
def test_what_the_catalogue_describes_is_kept_as_what_it_is(form: Form, value: Any, kept: Any) -> None:
    asked = Question("R", {}, ("x",), {"x": form})
    assert fitting(Answer({"x": value}, NOW.date()), asked, NOW.date()).facts == {"x": kept}


@pytest.mark.parametrize(("form", "value"), FITS_NOT)
def test_what_the_catalogue_does_not_describe_is_no_answer(form: Form, value: Any) -> None:
    asked = Question("R", {}, ("x",), {"x": form})
    with pytest.raises(BadAnswer) as refused:
        fitting(Answer({"x": value}, NOW.date()), asked, NOW.date())
    assert str(value) in ("", " ", "ja") or str(value) not in str(refused.value), "what came is never told on"


@pytest.mark.parametrize(
    ("answer", "tasks"),
    [
        (Answer({"kind.im_haushalt": {"nr": "7"}}, date(2026, 10, 1)), ["register.silent"]),
        (Answer({"kind.im_haushalt": True}, date(9999, 12, 31)), ["register.silent"]),
        (Answer({"kind.im_haushalt": True}, NOW.date() + timedelta(days=1)), []),
    ],
)
def test_an_answer_that_fits_not_is_a_task_and_no_fact(town: Town, answer: Answer, tasks: list[str]) -> None:
    lookup = town.lookup(town.person(PREFILL))
    run(town, FakeRegister(answer=answer))
    assert (town.tasks(), len(town.rows(FetchedFactsRow))) == (tasks, 1 - len(tasks))
    assert town.row(LookupRow, lookup).state == ("failed" if tasks else "answered")


def test_the_day_that_a_register_gives_is_a_day_for_the_rules(town: Town) -> None:
    town.lookup(town.person(PREFILL))
    (asked,) = announce(town)
    asked = replace(asked, question=replace(asked.question, forms={"kind.im_haushalt": DATUM}))
    way = {"MELDEREGISTER": FakeRegister(answer=Answer({"kind.im_haushalt": "2026-10-01"}, NOW.date()))}
    record(town, [look_up.hand_over(asked, way, Left())])
    (row,) = town.rows(FetchedFactsRow)
    by: Any = SimpleNamespace(persons={row.person})
    with town.database.transaction() as session:
        ring = town.vault.ring(session, [row.person], (Compartment.FACTS,))
    place = Place("fetched_facts", row.lookup, "values")
    opened = ring.open(by, row.person, Compartment.FACTS, place, row.values)
    assert from_json(opened) == {"kind.im_haushalt": Fact(date(2026, 10, 1), NOW.date())}


@pytest.mark.parametrize("wrong", [{"anschrift": "Erfundene Gasse 3"}, {"geburtsdatum": "unbekannt"}, {"kennung": 7}])
def test_a_request_to_enrol_is_kept_where_the_answer_is_of_another_form(town: Town, wrong: dict[str, Any]) -> None:
    enrolment, _ = town.enrolment()
    assert run(town, FakeRegister(answer=Answer(FOUND | wrong, date(2026, 10, 1)))) == []
    assert town.row(EnrolmentRow, enrolment).request is not None
    assert town.tasks() == ["register.silent"]


# enrolment -----------------------------------------------------------------------------------------------------------

FOUND = {
    "kennung": "MR-9",
    "vornamen": "Anna",
    "familienname": "Beispiel-Probst",
    "geburtsdatum": "1994-03-08",
    "anschrift": {"strasse": "Erfundene Gasse 3", "plz": "00001", "ort": "Musterstadt"},
}


def test_an_enrolment_is_looked_up_with_what_was_typed_and_its_answer_goes_to_the_caller(town: Town) -> None:
    enrolment, lookup = town.enrolment()
    register = FakeRegister(answer=Answer(FOUND, date(2026, 10, 1)))
    (answered,) = run(town, register)
    assert answered.enrolment == enrolment
    assert answered.lookup == lookup
    assert answered.facts == FOUND | {"geburtsdatum": date(1994, 3, 8)}
    ((question, _),) = register.asked
    assert question.person["familienname"] == "Beispiel-Probst"
    assert question.names == ENROLMENT_NAMES
    assert town.rows(FetchedFactsRow) == []
    assert town.rows(PersonRow) == []
    assert town.kinds() == ["authorised", "outcome"]


def test_an_enrolment_of_which_nobody_is_found_is_answered_with_nothing(town: Town) -> None:
    town.enrolment()
    (answered,) = run(town, FakeRegister(error=PersonNotThere("no")))
    assert answered.facts is None
    assert town.tasks() == []


@pytest.mark.parametrize("missing", [*ENROLMENT_NAMES, "plz"])
def test_an_enrolment_answered_in_part_is_a_task_and_no_letter(town: Town, missing: str) -> None:
    town.enrolment()
    facts: dict[str, Any] = {name: value for name, value in FOUND.items() if name != missing}
    if missing == "plz":
        facts["anschrift"] = {"strasse": "Erfundene Gasse 3", "ort": "Musterstadt"}
    (answered,) = run(town, FakeRegister(answer=Answer(facts, date(2026, 10, 1))))
    assert answered.facts is None
    assert town.tasks() == ["register.incomplete"]


def test_an_enrolments_question_that_cannot_be_read_is_left_to_a_human(town: Town) -> None:
    enrolment, lookup = town.enrolment()
    other = town.vault.seal_to_worker(Place("enrolments", lookup, "request"), {})
    town.change(EnrolmentRow, enrolment, request=other)
    assert announce(town) == []
    row = town.row(EnrolmentRow, enrolment)
    assert (row.state, row.request) == ("requested", other)
    assert town.row(LookupRow, lookup).state == "failed"
    assert town.tasks() == ["register.silent"]


@pytest.mark.parametrize("error", [Permanent("nonsense"), Temporary("slow")])
def test_a_register_that_fails_for_good_does_not_say_that_nobody_is_there(town: Town, error: Exception) -> None:
    enrolment, lookup = town.enrolment()
    request = town.row(EnrolmentRow, enrolment).request
    for days in range(len(BACKOFF) + 1):
        assert run(town, FakeRegister(error=error), NOW + timedelta(days=days)) == []
    assert town.row(LookupRow, lookup).state == "failed"
    row = town.row(EnrolmentRow, enrolment)
    assert (row.state, row.request) == ("requested", request)
    (task,) = town.rows(TaskRow)
    assert (task.what, task.matter) == ("register.silent", lookup)


def test_an_enrolments_question_whose_workers_all_died_leaves_the_request(town: Town) -> None:
    enrolment, lookup = town.enrolment()
    for minutes in range(20):
        announce(town, NOW + timedelta(minutes=minutes))
    assert town.row(LookupRow, lookup).state == "failed"
    assert town.row(EnrolmentRow, enrolment).state == "requested"
    assert town.row(EnrolmentRow, enrolment).request is not None


def test_what_the_house_itself_forbids_does_not_end_an_enrolment(town: Town) -> None:
    enrolment, lookup = town.enrolment()
    before_the_norm = datetime(2019, 1, 1, tzinfo=UTC)
    town.change(LookupRow, lookup, due_at=before_the_norm)
    assert announce(town, before_the_norm) == []
    row = town.row(LookupRow, lookup)
    assert (row.state, row.due_at) == ("wanted", before_the_norm + HOUSE_PAUSE)
    assert town.row(EnrolmentRow, enrolment).state == "requested"
    assert town.tasks() == ["lookup.house_refused"]
    assert len(run(town, FakeRegister(answer=Answer(FOUND, date(2026, 10, 1))))) == 1
