"""What is kept of an event, once; what is never kept; what a stop takes along."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import UniqueViolation
from sqlmodel import Session

from proaktiv.core import cloudevents, events
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, ProaktivError, TooMany
from proaktiv.core.flows import Kind
from proaktiv.locks import try_lock_keys
from proaktiv.steps import receive
from proaktiv.steps.authenticate import client_of
from proaktiv.steps.receive import days
from proaktiv.steps.receive.names import lock, names_of
from proaktiv.steps.receive.sorting import Fresh, sort_out
from proaktiv.steps.receive.writing import write
from proaktiv.tables import ClientRow, EventSubjectRow, FlowLogRow, IncidentRow, RegisterEventRow, StopRow
from tests.builders import (
    MELDEBEHOERDE,
    STANDESAMT,
    Event,
    a_birth,
    a_cancellation,
    a_death,
    a_move,
    a_protection,
    child_of,
    somebody,
)
from tests.intake.conftest import City

SPECIAL = ("religion", "gesundheit", "gewicht", "fruehgeburt", "staatsangehoerigkeiten", "geschlecht")


def received_flows(city: City) -> list[Any]:
    return [row for row in city.rows(FlowLogRow) if row.kind == Kind.RECEIVED]


def test_an_event_is_kept_sealed_due_and_logged_without_a_person(city: City) -> None:
    event = a_birth(somebody(), other=somebody("Ben"), mehrlingsgruppe="MG-1")
    answer = city.world.announce(event)
    assert not answer.duplicate
    row = city.event(answer.id)
    assert (row.state, row.due_at, row.arrived_at) == ("waiting", city.world.now, city.world.now)
    assert (row.client, row.source, row.event_id, row.kind) == ("standesamt", STANDESAMT, event.id, "geburt")
    assert row.occurred_month == date(2026, 10, 1)
    assert row.entry_hash == city.world.vault.mac("entry", f"{event.source}\ngeburt\n{event.data['eintrag']}".encode())
    assert row.case_key == city.world.vault.mac("case", f"{STANDESAMT}\nMG-1".encode())
    assert city.opened(row) == event.data
    assert {(each.role, each.lookup_hash) for each in city.rows(EventSubjectRow)} == {
        (role, city.world.vault.lookup_hash("register_id", kennung))
        for role, kennung in (
            ("kind", child_of(event)),
            ("mutter", event.data["eltern"][0]["kennung"]),
            ("zweiter_elternteil", event.data["eltern"][1]["kennung"]),
        )
    }
    (flow,) = received_flows(city)
    assert flow.fid == row.flow_id
    facts = json.loads(flow.f_bytes)
    assert (facts["from"], facts["to"], facts["n"]) == (STANDESAMT, "musterstadt", 3)
    assert "restrict" not in facts
    city.world.check_log()


def test_nothing_in_the_database_names_anybody(city: City) -> None:
    anna = somebody("Annegret-Kanarienvogel")
    city.world.announce(a_birth(anna))
    with city.owner.transaction() as session:
        raw = session.connection().connection.cursor()
        for table in ("register_events", "event_subjects", "flow_log", "flow_secret", "client_days"):
            raw.execute(f"SELECT string_agg(t::text, ' ') FROM {table} AS t")
            (dump,) = raw.fetchone() or ("",)
            for canary in (anna.vornamen, anna.kennung, anna.strasse, anna.geburtsdatum):
                assert canary not in (dump or "")
                assert canary.encode().hex() not in (dump or "")


def test_special_categories_are_never_sealed(city: City) -> None:
    event = a_birth(somebody())
    loud = dict.fromkeys(SPECIAL, "geheim")
    data = event.data | loud | {"kind": event.data["kind"] | loud, "eltern": [event.data["eltern"][0] | loud]}
    answer = city.world.announce(Event(event.kind, data, event.id, event.source))
    opened = json.dumps(city.opened(city.event(answer.id)))
    assert "geheim" not in opened
    assert not [name for name in SPECIAL if name in opened]
    assert "Musterkind" in opened


def test_the_same_message_again_changes_nothing(city: City) -> None:
    event = a_birth(somebody(), schutz={"sperre_51": ["MR-0"]})
    first, before = city.world.announce(event), city.stored()
    again = city.world.announce(event)
    assert (again.id, again.duplicate) == (first.id, True)
    assert city.stored() == before


def test_the_same_register_version_under_another_id_changes_nothing(city: City) -> None:
    event = a_birth(somebody())
    first, before = city.world.announce(event), city.stored()
    again = city.world.announce(event.but(id="another", time="2026-10-14T08:30:00Z"))
    assert (again.id, again.duplicate) == (first.id, True)
    assert city.stored() == before


@pytest.mark.parametrize("what", ["id", "entry and version"])
def test_the_same_name_with_other_content_is_a_conflict(city: City, what: str) -> None:
    event = a_birth(somebody())
    city.world.announce(event)
    before = city.stored()
    changes = {"eintrag": "G-other"} if what == "id" else {"id": "another"}
    with pytest.raises(Conflict, match="says something else"):
        city.world.announce(event.but(kind=event.data["kind"] | {"vornamen": "Mio"}, **changes))
    assert city.stored() == before


def test_another_kind_may_use_the_same_entry_and_version(city: City) -> None:
    birth = a_birth(somebody())
    city.world.announce(birth)
    death = a_death(child_of(birth))
    assert not city.world.announce(death.but(eintrag=birth.data["eintrag"])).duplicate


def test_two_registers_may_both_have_an_entry_of_the_same_number(city: City) -> None:
    birth = a_birth(somebody("Anna"))
    here = events.read(cloudevents.parse(birth.body), city.world.now)
    there = replace(here, source="urn:proaktiv:demo:standesamt-nebenan")
    ours, theirs = (names_of(city.world.vault, event, event.content) for event in (here, there))
    assert not {ours.entry, ours.case} & {theirs.entry, theirs.case}
    assert ours.subjects == theirs.subjects, "a person is the same person, whoever reports"


def test_a_newer_version_waits_and_points_to_the_older_one(city: City) -> None:
    event = a_birth(somebody())
    first = city.world.announce(event)
    second = city.event(city.world.announce(event.but(id="v2", fassung=2)).id)
    assert (second.state, second.version_of) == ("waiting", first.id)
    assert second.case_key == city.event(first.id).case_key


def test_an_older_version_that_comes_late_is_stored_as_stopped_and_empty(city: City) -> None:
    event = a_birth(somebody())
    newest = city.world.announce(event.but(fassung=3))
    late = city.event(city.world.announce(event.but(id="v2", fassung=2)).id)
    assert (late.state, late.payload, late.due_at, late.version_of) == ("stopped", None, None, newest.id)
    assert {row.event for row in city.rows(EventSubjectRow)} == {newest.id}


def foreign() -> dict[str, tuple[str, Event, str]]:
    birth = a_birth(somebody())
    return {
        "a foreign source": ("meldebehoerde", birth, "for this source"),
        "a foreign kind": ("standesamt", Event("umzug", a_move(somebody()).data, "x", STANDESAMT), "report umzug"),
        "a foreign area": ("standesamt", birth.but(ars="090010000000"), "for ARS 090010000000"),
    }


@pytest.mark.parametrize("what", foreign())
def test_what_a_client_may_not_report_is_named_and_not_stored(city: City, what: str) -> None:
    client, event, named = foreign()[what]
    with pytest.raises(NotAllowed, match=named):
        city.world.pipeline.receive(client, event.body)
    assert set(city.stored().values()) == {0}


def test_without_the_binding_a_foreign_area_would_be_taken(city: City) -> None:
    city.set(ClientRow, "standesamt", ars=["09"])
    city.world.announce(a_birth(somebody()).but(ars="090010000000"))


def test_a_client_that_is_switched_off_reports_nothing(city: City) -> None:
    city.set(ClientRow, "standesamt", active=False)
    with pytest.raises(ProaktivError, match="no longer active"):
        city.world.announce(a_birth(somebody()))
    assert set(city.stored().values()) == {0}


def test_beyond_the_days_number_nothing_is_stored_until_midnight(city: City) -> None:
    city.set(ClientRow, "standesamt", daily_max=2)
    city.world.now = datetime(2026, 10, 14, 23, 59, tzinfo=UTC)
    first = a_birth(somebody())
    for event in (first, a_birth(somebody())):
        city.world.announce(event)
    before = city.stored()
    with pytest.raises(TooMany) as refused:
        city.world.announce(a_birth(somebody()))
    assert refused.value.retry_after_seconds == 61
    assert city.stored() == before | {"flow_log": before["flow_log"] + 1}, "but that the DSB is told"
    assert city.world.announce(first).duplicate  # a repeat costs nothing
    city.world.announce(a_move(somebody()))  # another client has its own number
    city.world.now += timedelta(minutes=2)
    city.world.announce(a_birth(somebody()))


def test_the_days_number_holds_when_reports_come_at_once(city: City) -> None:
    city.set(ClientRow, "standesamt", daily_max=3)
    reports = [a_birth(somebody()) for _ in range(12)]

    def announce(event: Event) -> int:
        try:
            city.world.announce(event)
        except TooMany:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(announce, reports)) == 3
    assert (city.stored()["register_events"], city.stored()["flow_log"]) == (3, 4), "each kept, and one incident"


def test_on_a_full_day_what_only_stops_counts_at_once_and_waits_for_a_human_to_be_believed(city: City) -> None:
    world = city.world
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    city.set(ClientRow, "standesamt", daily_max=1)
    with pytest.raises(TooMany):
        world.announce(a_birth(somebody()))
    death = a_death(child_of(birth))
    row = city.event(world.announce(death).id)
    assert (row.state, row.quarantined_at) == ("stopped", world.now)
    assert world.count("proposals", "state = 'open'") == 0
    with pytest.raises(TooMany):
        world.announce(a_cancellation(death))  # takes a veto away
    with pytest.raises(TooMany):
        world.announce(a_death("MR-1"))  # what a stolen key can stop in a day is bounded
    for what in ("source.full", "source.held"):
        assert world.count("tasks", f"what = '{what}'") == 1, "told once a day"
    assert world.count("incidents", "what = 'source.full'") == world.count("incidents", "what = 'source.jumped'") == 1
    assert world.pipeline.reject_source("standesamt", "clerk-1") == 1
    assert world.count("stops", "lifted_at IS NULL") == 0
    world.now += timedelta(days=1)
    world.announce(a_birth(somebody()))
    with pytest.raises(TooMany):
        world.announce(a_birth(somebody()))
    assert world.count("incidents", "what = 'source.full'") == 2
    world.check_log()


def test_reading_the_days_number_without_counting_would_let_two_through(city: City) -> None:
    """The control: both read that there is room for one, and only the count under its lock says no."""
    city.set(ClientRow, "standesamt", daily_max=1)
    with city.world.database.transaction() as one, city.owner.transaction() as other:
        client = client_of(one, "standesamt")
        assert days.room(one, client, city.world.now, 1).left == days.room(other, client, city.world.now, 1).left == 1
        days.count(one, client, city.world.now, 1)
        one.commit()
        with pytest.raises(TooMany):
            days.count(other, client, city.world.now, 1)


def test_twenty_equal_reports_at_once_are_one(city: City) -> None:
    event = a_birth(somebody(), schutz={"sperre_51": ["MR-0"]})
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: city.world.announce(event), range(20)))
    assert len({answer.id for answer in answers}) == 1
    assert sum(not answer.duplicate for answer in answers) == 1
    assert city.stored() == {"register_events": 1, "event_subjects": 2, "stops": 1, "flow_log": 1}


def test_twenty_equal_reports_under_twenty_ids_at_once_are_one(city: City) -> None:
    event = a_birth(somebody())
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: city.world.announce(event.but(id=f"n-{n}")), range(20)))
    assert sum(not answer.duplicate for answer in answers) == 1


def test_without_the_locks_two_equal_reports_would_collide(city: City) -> None:
    """The control: what the locks prevent does happen without them."""
    event = events.read(cloudevents.parse(a_birth(somebody()).body), city.world.now)
    house = city.world.pipeline.house
    with city.world.database.transaction() as one, city.owner.transaction() as other:
        client = client_of(one, "standesamt")
        names = names_of(house.vault, event, event.content)
        mine, theirs = (sort_out(session, house, client, [(event, names)], city.world.now) for session in (one, other))
        write(one, house, client, [item for item in mine if isinstance(item, Fresh)], city.world.now)
        one.commit()
        with pytest.raises(UniqueViolation):
            write(other, house, client, [item for item in theirs if isinstance(item, Fresh)], city.world.now)
        other.rollback()


# what only stops -----------------------------------------------------------------------------------------------------


def only_stops() -> dict[str, tuple[Event, str, str]]:
    birth = a_birth(somebody())
    return {
        "a stillbirth": (a_birth(somebody(), schutz={"totgeboren": True}), "entry", "V01"),
        "a vertrauliche Geburt": (a_birth(somebody(), schutz={"vertraulich": True}), "entry", "V03"),
        "an adoption": (a_birth(somebody(), schutz={"adoption": True}), "entry", "V04"),
        "a Sperrvermerk": (a_birth(somebody(), schutz={"sperrvermerk_64": True}), "entry", "V05"),
        "a death": (a_death("MR-1"), "person", "V08"),
        "a cancellation": (a_cancellation(birth), "entry", "V14"),
        "an Auskunftssperre": (a_protection("MR-1", "51"), "person", "V06"),
        "custody taken": (a_protection("MR-1", "sorge"), "person", "V09"),
    }


@pytest.mark.parametrize("what", only_stops())
def test_what_only_stops_leaves_a_stop_and_neither_payload_nor_subjects(city: City, what: str) -> None:
    event, scope, guard = only_stops()[what]
    row = city.event(city.world.announce(event).id)
    assert (row.state, row.payload, row.due_at) == ("stopped", None, None)
    assert city.rows(EventSubjectRow) == []
    (stop,) = city.rows(StopRow)
    vault = city.world.vault
    target = (
        vault.lookup_hash("register_id", "MR-1")
        if scope == "person"
        else vault.mac(
            "entry", f"{event.source}\ngeburt\n{event.data.get('storniert', event.data)['eintrag']}".encode()
        )
    )
    assert (stop.scope, stop.guard, stop.target, stop.event) == (scope, guard, target, row.id)
    (flow,) = received_flows(city)
    facts = json.loads(flow.f_bytes)
    assert facts["restrict"] is True
    assert guard not in flow.f_bytes.decode()
    assert "categories" not in facts or facts["categories"] == []
    city.world.tick()
    assert city.event(row.id).state == "stopped"


def test_of_a_vertrauliche_geburt_no_hash_of_anybody_is_made_or_locked(city: City) -> None:
    event = a_birth(somebody(), other=somebody("Ben"), schutz={"vertraulich": True, "sperre_51": ["MR-0"]})
    report = events.read(cloudevents.parse(event.body), city.world.now)
    names = names_of(city.world.vault, report, report.content)
    assert names.subjects == ()
    assert names.keys == {names.wire, names.entry, names.case}
    city.world.announce(event)
    (flow,) = received_flows(city)
    assert json.loads(flow.f_bytes).get("n", 0) == 0


def test_a_sperre_protects_its_person_and_lets_the_event_wait(city: City) -> None:
    anna = somebody()
    row = city.event(city.world.announce(a_birth(anna, schutz={"sperre_51": [anna.kennung]})).id)
    assert row.state == "waiting"
    (stop,) = city.rows(StopRow)
    assert (stop.scope, stop.guard, stop.detail) == ("person", "V06", "51")


def test_a_stop_reaches_the_waiting_event_before_the_answer(city: City) -> None:
    birth = a_birth(somebody())
    waiting = city.world.announce(birth)
    city.world.announce(a_cancellation(birth))
    city.world.tick()
    row = city.event(waiting.id)
    assert (row.state, row.payload) == ("stopped", None)
    assert city.rows(EventSubjectRow) == []


def test_a_cancellation_waits_for_the_case_of_a_mehrling(city: City) -> None:
    """The group is the case that evaluate holds; the cancellation names only the entry."""
    birth = a_birth(somebody(), mehrlingsgruppe="MG-7")
    city.world.announce(birth)
    report = events.read(cloudevents.parse(a_cancellation(birth).body), city.world.now)
    names = names_of(city.world.vault, report, report.content)
    group = city.world.vault.mac("case", f"{STANDESAMT}\nMG-7".encode())
    assert group not in names.keys
    with city.owner.transaction() as worker:
        lock(worker, [names])
        with city.world.database.transaction() as other:
            assert not is_free(other, group)
    with city.world.database.transaction() as other:  # the control: free again
        assert is_free(other, group)


def is_free(session: Session, key: bytes) -> bool:
    return key in try_lock_keys(session, [key])


def test_a_crash_after_any_part_leaves_nothing(city: City) -> None:
    class CrashError(Exception):
        pass

    for place in receive.PROBES:

        def probe(name: str, place: str = place) -> None:
            if name == place:
                raise CrashError

        city.world.probe = probe
        city.world.open()
        with pytest.raises(CrashError):
            city.world.announce(a_birth(somebody(), schutz={"totgeboren": True}))
        assert set(city.stored().values()) == {0}


def test_the_other_client_reports_moves(city: City) -> None:
    anna, ben = somebody(), somebody("Ben")
    event = a_move(anna, ben)
    row = city.event(city.world.announce(event).id)
    assert (row.client, row.source) == ("meldebehoerde", MELDEBEHOERDE)
    assert len(city.rows(EventSubjectRow)) == 2
    assert [row.state for row in city.rows(RegisterEventRow)] == ["waiting"]


def misrouted(**more: object) -> dict[str, Any]:
    return json.loads(a_birth(somebody()).body) | {"type": "de.example.fehlgeburt_bescheinigung.v1"} | more


def incidents(city: City) -> list[Any]:
    return [row for row in city.rows(IncidentRow) if row.what == events.MISROUTED]


def test_of_a_report_that_must_never_come_here_nothing_is_kept_and_the_dsb_learns_that_it_came(city: City) -> None:
    body = json.dumps(misrouted()).encode()
    for _ in range(2):
        with pytest.raises(events.Misrouted):
            city.world.pipeline.receive("standesamt", body)
    assert city.rows(RegisterEventRow) == []
    assert [row.at for row in incidents(city)] == [city.world.now]
    assert len([row for row in city.rows(FlowLogRow) if row.kind == Kind.INCIDENT]) == 1
    city.world.now += timedelta(days=1)
    with pytest.raises(events.Misrouted):
        city.world.pipeline.receive("standesamt", json.dumps(misrouted()).encode())
    assert len(incidents(city)) == 2
    city.world.check_log()


def test_a_misrouted_report_in_a_batch_costs_the_others_nothing(city: City) -> None:
    good = json.loads(a_birth(somebody()).body)
    taken = city.world.pipeline.receive_batch("standesamt", json.dumps([good, misrouted(id="x")]).encode())
    assert [isinstance(each.answer, events.Misrouted) for each in taken] == [False, True]
    assert (len(city.rows(RegisterEventRow)), len(incidents(city))) == (1, 1)


def test_a_report_that_is_only_badly_written_is_no_incident(city: City) -> None:
    with pytest.raises(BadInput):
        city.world.pipeline.receive("standesamt", json.dumps(misrouted(time="gestern")).encode())
    assert incidents(city) == []
