"""Dispatch: what was confirmed leaves once, with the leave of that instant, or a human looks."""

import json
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from consent.tables import HEADS
from proaktiv import recall
from proaktiv.core.errors import AlreadyDone, BadInput, OutcomeUnknown, Permanent, Temporary, Unavailable
from proaktiv.core.flows import Kind
from proaktiv.core.outbound import AWAY_FOR, BACKOFF, HOUSE_PAUSE, PATIENCE, UNTOLD_TASKS
from proaktiv.core.tasks import TASKS, How, Matter
from proaktiv.steps import dispatch, tasks
from proaktiv.tables import AuftragRow, HandoverRow, OutageRow, ProposalRow, StopRow, TaskRow, core_table
from tests.outward.building import BEHOERDE, NOW, TRANSMIT, FakeDispatcher, Left, Town


def announce(town: Town, way: FakeDispatcher | None = None, now: Any = NOW, limit: int = 50) -> list[dispatch.Sending]:
    with town.database.transaction() as session:
        return dispatch.announce(session, town.house, {"webhook": way or FakeDispatcher()}, now, limit)


def record(town: Town, sent: list[dispatch.Sent], now: Any = NOW) -> None:
    with town.database.transaction() as session:
        dispatch.record(session, town.house, sent, now)


def hand_over(item: dispatch.Sending, way: FakeDispatcher) -> dispatch.Sent:
    return dispatch.hand_over(item, {"webhook": way}, Left())


def run(town: Town, way: FakeDispatcher, now: Any = NOW) -> None:
    record(town, [hand_over(item, way) for item in announce(town, way, now)], now)


def test_a_confirmed_auftrag_is_handed_over_as_confirmed(town: Town) -> None:
    person = town.person()
    auftrag, way = town.auftrag(person), FakeDispatcher()
    run(town, way)
    ((wire_id, order),) = way.orders
    assert wire_id == str(auftrag)
    assert order.felder == ({"ziel": "vorname", "wert": "Mia", "quelle": "x", "stand": "2026-10-06"},)
    assert (order.leistung, order.trust, order.sperrvermerk) == ("KITA-PLATZ", 1, False)
    row = town.row(AuftragRow, auftrag)
    assert (row.state, row.due_at) == ("sent", None)
    (handover,) = town.rows(HandoverRow)
    assert (handover.state, handover.attempt, handover.wire_id) == ("sent", 1, wire_id)
    assert town.kinds() == ["authorised", "outcome"]
    authorised = json.loads(town.flows(Kind.AUTHORISED)[0].f_bytes)
    assert (authorised["to"], authorised["to_name"]) == (BEHOERDE, "Jugendamt")
    assert announce(town) == []


def test_every_named_place_is_passed(town: Town) -> None:
    town.auftrag(town.person())
    sent = [
        dispatch.hand_over(item, {"webhook": FakeDispatcher()}, Left(), town.probed.append) for item in announce(town)
    ]
    record(town, sent)
    skipped = ("dispatch.announce.after", "dispatch.record.after")
    assert [name for name in dispatch.PROBES if name not in skipped] == town.probed


def test_before_the_undo_time_is_over_nothing_leaves(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    town.change(AuftragRow, auftrag, undo_until=NOW + timedelta(seconds=1))
    assert announce(town) == []
    assert len(announce(town, now=NOW + timedelta(seconds=1))) == 1


@pytest.mark.parametrize("consent", ["never", "withdrawn", "of another Auftrag"])
def test_without_its_own_consent_an_auftrag_is_withdrawn(town: Town, consent: str) -> None:
    person = town.person()
    auftrag, way = town.auftrag(person, consent=consent == "withdrawn"), FakeDispatcher()
    if consent == "withdrawn":
        town.withdraws(person, TRANSMIT, str(auftrag))
    elif consent == "of another Auftrag":
        town.gives(person, TRANSMIT, "another")
    run(town, way)
    assert way.orders == []
    assert town.row(AuftragRow, auftrag).state == "withdrawn"
    assert town.kinds() == ["refused"]


def test_a_protected_persons_own_auftrag_leaves_with_its_mark(town: Town) -> None:
    hides, does_not = town.person(), town.person()
    hers, other = town.auftrag(hides), town.auftrag(does_not)
    town.stop(town.kennung_hash(hides), "V06", detail="51")
    way = FakeDispatcher()
    run(town, way)
    assert {wire_id: order.sperrvermerk for wire_id, order in way.orders} == {str(hers): True, str(other): False}
    # What it went with stays with it, also when the register lifts the Sperre later.
    assert [town.row(AuftragRow, auftrag).sperrvermerk for auftrag in (hers, other)] == [True, False]


def test_paragraph_52_leaves_it_to_a_clerk(town: Town) -> None:
    person = town.person()
    auftrag = town.auftrag(person)
    town.stop(town.kennung_hash(person), "V07", detail="52")
    way = FakeDispatcher()
    run(town, way)
    row = town.row(AuftragRow, auftrag)
    assert (way.orders, row.state, row.due_at) == ([], "held", None)
    assert town.tasks() == ["auftrag.protected"]


@pytest.mark.parametrize(("how", "state"), [(How.ARRIVED, "sent"), (How.WITHDRAWN, "withdrawn")])
def test_under_paragraph_52_each_way_that_is_offered_ends_it_for_good(town: Town, how: How, state: str) -> None:
    person = town.person()
    auftrag, way = town.auftrag(person), FakeDispatcher()
    town.stop(town.kennung_hash(person), "V07", detail="52")
    run(town, way)
    with town.database.transaction() as session:
        (task,) = tasks.open_tasks(session)
        assert task["ways"] == ["arrived", "withdrawn"], "to send it again cannot work, and done would let it lie"
        assert (task["auftrag"], task["no_frist_before"][8:]) == (town.row(AuftragRow, auftrag).reference, "01")
        for impossible in set(How) - {How.ARRIVED, How.WITHDRAWN}:
            with pytest.raises(BadInput):
                tasks.finish(session, town.house, UUID(task["id"]), impossible, "clerk-1", NOW)
        tasks.finish(session, town.house, UUID(task["id"]), how, "clerk-1", NOW)
    for hours in range(3):
        run(town, way, NOW + timedelta(hours=hours))
    row = town.row(AuftragRow, auftrag)
    assert (way.orders, row.state, row.due_at) == ([], state, None)
    with town.database.transaction() as session:
        assert tasks.open_tasks(session) == []


RAISED_IN = {
    "auftrag.in_doubt": ("in_doubt",),
    "auftrag.protected": ("held", "ready"),
    "auftrag.twice": ("held", "ready"),
    "auftrag.undeliverable": ("held", "ready", "in_doubt"),
}
"""In which states of an Auftrag a clerk is given something to decide about it."""

DECISIONS = [(what, state, how) for what, states in RAISED_IN.items() for state in states for how in TASKS[what].ways]


def test_of_every_task_that_decides_about_an_auftrag_each_way_is_tried() -> None:
    # Nothing of proaktiv's rests for these; a late one goes by itself when its Behörde is back.
    told = {"auftrag.protected_after_sending", "behoerde.not_reachable", *UNTOLD_TASKS.values()}
    late = {"auftrag.late"}
    assert {what for what, task in TASKS.items() if task.matter is Matter.AUFTRAG} == RAISED_IN.keys() | told | late
    assert all(How.DONE not in TASKS[what].ways for what in RAISED_IN), "done would leave it lying for ever"
    assert all(TASKS[what].ways == (How.DONE,) for what in told)


@pytest.mark.parametrize(("what", "state", "how"), DECISIONS)
def test_no_way_out_of_a_task_leaves_an_auftrag_resting_or_brings_the_same_task_again(
    town: Town, what: str, state: str, how: How
) -> None:
    person, way = town.person(), FakeDispatcher()
    auftrag = town.auftrag(person)
    town.change(AuftragRow, auftrag, state=state, due_at=None)
    if what == "auftrag.protected":
        town.stop(town.kennung_hash(person), "V07", detail="52")
    town.write(TaskRow, id=town.ids.row(NOW), what=what, matter=auftrag, behoerde="", made_at=NOW)
    with town.database.transaction() as session:
        (task,) = tasks.open_tasks(session)
        assert task["ways"] == list(TASKS[what].ways), "nothing is offered but what can be done"
        tasks.finish(session, town.house, UUID(task["id"]), how, "clerk-1", NOW)
    run(town, way)
    assert town.row(AuftragRow, auftrag).state in {"sent", "with_citizen", "withdrawn"}
    with town.database.transaction() as session:
        assert tasks.open_tasks(session) == []


def test_once_an_auftrag_has_gone_on_its_task_can_be_laid_aside(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    town.change(AuftragRow, auftrag, state="held", due_at=None)
    town.write(TaskRow, id=town.ids.row(NOW), what="auftrag.undeliverable", matter=auftrag, behoerde="", made_at=NOW)
    with town.database.transaction() as session:
        (task,) = tasks.open_tasks(session)
        with pytest.raises(BadInput):
            tasks.finish(session, town.house, UUID(task["id"]), How.DONE, "clerk-1", NOW)
    town.change(AuftragRow, auftrag, state="withdrawn")
    with town.database.transaction() as session:
        assert tasks.open_tasks(session)[0]["ways"] == ["done"]
        tasks.finish(session, town.house, UUID(task["id"]), How.DONE, "clerk-1", NOW)
        assert tasks.open_tasks(session) == []


def test_what_rested_for_a_protection_goes_when_it_was_a_mistake(town: Town) -> None:
    person, way = town.person(), FakeDispatcher()
    auftrag = town.auftrag(person)
    town.stop(town.kennung_hash(person), "V07", detail="52")
    run(town, way)
    with town.database.transaction() as session:
        stops = session.connection().execute(select(core_table(StopRow).c.id)).scalars().all()
        recall.lift(session, town.house, stops, NOW)
    run(town, way)
    assert town.row(AuftragRow, auftrag).state == "sent"
    with town.database.transaction() as session:
        (task,) = [task for task in tasks.open_tasks(session) if task["what"] == "auftrag.protected"]
        assert task["ways"] == ["done"]


def test_the_dead_and_the_cancelled_send_nothing(town: Town) -> None:
    person = town.person()
    dead, cancelled = town.auftrag(person), town.auftrag(town.person())
    town.stop(town.kennung_hash(person), "V08")
    event = town.row(ProposalRow, town.row(AuftragRow, cancelled).proposal).event
    town.stop(town.entry(event), "V14", scope="entry")
    way = FakeDispatcher()
    run(town, way)
    assert way.orders == []
    assert {town.row(AuftragRow, auftrag).state for auftrag in (dead, cancelled)} == {"withdrawn"}
    for flow in town.flows(Kind.REFUSED):
        assert json.loads(flow.f_bytes)["outcome"] == "schutz"


def test_what_the_house_itself_forbids_does_not_take_back_a_citizens_yes(town: Town) -> None:
    person = town.person()
    auftrag = town.auftrag(person)
    town.change(AuftragRow, auftrag, leistung="UNKNOWN")
    way = FakeDispatcher()
    run(town, way)
    row = town.row(AuftragRow, auftrag)
    assert (way.orders, row.state, row.due_at) == ([], "held", NOW + HOUSE_PAUSE)
    assert town.tasks() == ["auftrag.undeliverable"]
    run(town, way, NOW + HOUSE_PAUSE)
    assert town.tasks() == ["auftrag.undeliverable"]
    town.change(AuftragRow, auftrag, leistung="KITA-PLATZ")
    run(town, way, NOW + 2 * HOUSE_PAUSE)
    assert town.row(AuftragRow, auftrag).state == "sent"


def test_a_fact_that_the_consent_does_not_cover_stays_in_the_house_with_its_auftrag(town: Town) -> None:
    auftrag, way = town.auftrag(town.person(), names=["kind.vornamen", "elternteil.anschrift"]), FakeDispatcher()
    run(town, way)
    row = town.row(AuftragRow, auftrag)
    assert (way.orders, row.state, row.due_at) == ([], "held", NOW + HOUSE_PAUSE)
    assert town.tasks() == ["auftrag.undeliverable"]
    assert town.kinds() == ["refused"]


@pytest.mark.parametrize(
    ("names", "categories"), [([], ["kind.geburtsdatum", "kind.vornamen"]), (["kind.vornamen"], ["kind.vornamen"])]
)
def test_the_log_names_the_facts_that_left(town: Town, names: list[str], categories: list[str]) -> None:
    town.auftrag(town.person(), names=names)
    run(town, FakeDispatcher())
    assert json.loads(town.flows(Kind.AUTHORISED)[0].f_bytes)["categories"] == categories


def test_one_odd_error_does_not_lose_the_results_of_the_others(town: Town) -> None:
    odd, whole = town.auftrag(town.person()), town.auftrag(town.person())
    ways = {odd: FakeDispatcher(error=ZeroDivisionError("Mia Beispiel")), whole: FakeDispatcher()}
    with capture_logs() as lines:
        record(town, [hand_over(item, ways[item.auftrag]) for item in announce(town)])
    assert town.row(AuftragRow, whole).state == "sent"
    row = town.row(AuftragRow, odd)
    assert (row.state, row.due_at) == ("ready", NOW + BACKOFF[0])
    assert [(line["event"], line["error"]) for line in lines] == [("hand_over.broken", "ZeroDivisionError")]
    assert "Mia" not in repr(lines)


def test_an_odd_error_of_a_behoerde_that_may_take_it_twice_is_doubt(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    run(town, FakeDispatcher(error=ZeroDivisionError("odd"), idempotent=False))
    assert (town.row(AuftragRow, auftrag).state, town.tasks()) == ("in_doubt", ["auftrag.in_doubt"])


@pytest.mark.parametrize("behoerde", ["far", "nobody"])
def test_a_behoerde_that_cannot_be_reached_is_one_task_and_is_looked_at_again(town: Town, behoerde: str) -> None:
    auftrag = town.auftrag(town.person(), behoerde=behoerde)
    way = FakeDispatcher()
    for times in range(3):
        run(town, way, NOW + timedelta(hours=times))
    assert town.row(AuftragRow, auftrag).state == "held"
    assert town.row(AuftragRow, auftrag).due_at > NOW
    assert town.tasks() == ["behoerde.not_reachable"]
    assert way.orders == []


def test_a_failing_behoerde_is_tried_again_by_the_same_wire_id_until_the_tries_are_used_up(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    way, now = FakeDispatcher(error=Temporary("busy")), NOW
    for pause in BACKOFF:
        run(town, way, now)
        row = town.row(AuftragRow, auftrag)
        assert (row.state, row.due_at) == ("ready", now + pause)
        now += pause
    run(town, way, now)
    assert town.row(AuftragRow, auftrag).state == "in_doubt"
    assert town.tasks() == ["auftrag.undeliverable"]
    handovers = town.rows(HandoverRow)
    assert sorted(row.attempt for row in handovers) == list(range(1, len(BACKOFF) + 2))
    assert {row.wire_id for row in handovers} == {str(auftrag)}
    assert {row.state for row in handovers} == {"failed"}


def test_a_behoerde_that_is_away_uses_up_no_try(town: Town) -> None:
    auftrag, now = town.auftrag(town.person()), NOW
    way = FakeDispatcher(error=Unavailable("away"))
    for _ in range(10):
        run(town, way, now)
        assert town.row(AuftragRow, auftrag).state == "ready"
        now += timedelta(seconds=60)
    way.error = Temporary("busy")
    run(town, way, now)
    assert town.row(AuftragRow, auftrag).due_at == now + BACKOFF[0]


def test_while_a_behoerde_is_away_one_auftrag_a_minute_tries_and_a_human_is_called(town: Town) -> None:
    for _ in range(3):
        town.auftrag(town.person())
    way = FakeDispatcher(error=Unavailable("away"))
    run(town, way)
    assert len(town.rows(HandoverRow)) == 3
    for minute in range(1, 12):
        run(town, way, NOW + minute * AWAY_FOR)
    assert (len(town.rows(HandoverRow)), town.tasks()) == (3 + 11, ["behoerde.away"])
    way.error = None
    for _ in range(2):
        run(town, way, NOW + 12 * AWAY_FOR)
    assert {row.state for row in town.rows(AuftragRow)} == {"sent"}
    assert town.rows(OutageRow) == []
    assert [task.done_at for task in town.rows(TaskRow)] == [NOW + 12 * AWAY_FOR]


@pytest.mark.parametrize(("days", "called"), [(0, 1), (60, 0)])
def test_a_clerk_is_called_while_the_behoerde_is_away_and_the_frist_may_be_near(
    town: Town, days: int, called: int
) -> None:
    auftrag = town.auftrag(town.person())
    town.change(ProposalRow, town.row(AuftragRow, auftrag).proposal, answer_by=NOW.date() + timedelta(days=days))
    way, now = FakeDispatcher(error=Unavailable("away")), NOW
    while now < NOW + PATIENCE + timedelta(minutes=20):
        assert "auftrag.late" not in town.tasks() or now >= NOW + PATIENCE, "a short absence calls nobody"
        run(town, way, now)
        run(town, way, now + timedelta(seconds=1))
        now += timedelta(minutes=10)
    assert town.tasks().count("auftrag.late") == called
    assert town.row(AuftragRow, auftrag).state == "ready"
    way.error = None
    run(town, way, now)
    assert all(task.done_at for task in town.rows(TaskRow)), "it went: nothing is left to do"


def test_a_behoerde_that_says_no_is_a_clerks_matter(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    run(town, FakeDispatcher(error=Permanent("no")))
    assert town.row(AuftragRow, auftrag).state == "in_doubt"
    assert town.tasks() == ["auftrag.undeliverable"]


def test_a_repeat_that_they_have_is_sent(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    run(town, FakeDispatcher(error=AlreadyDone("there")))
    assert town.row(AuftragRow, auftrag).state == "sent"


@pytest.mark.parametrize(
    ("idempotent", "state", "tasks"), [(True, "ready", []), (False, "in_doubt", ["auftrag.in_doubt"])]
)
def test_an_unknown_end_is_repeated_only_where_one_wire_id_counts_once(
    town: Town,
    idempotent: bool,
    state: str,
    tasks: list[str],
) -> None:
    auftrag = town.auftrag(town.person())
    run(town, FakeDispatcher(error=OutcomeUnknown("cut off"), idempotent=idempotent))
    assert town.row(AuftragRow, auftrag).state == state
    assert town.tasks() == tasks


def test_an_attempt_lost_in_a_crash_is_made_again_by_the_same_wire_id(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    announce(town)
    assert announce(town, now=NOW + timedelta(seconds=59)) == []
    way = FakeDispatcher()
    run(town, way, NOW + timedelta(seconds=60))
    assert [wire_id for wire_id, _ in way.orders] == [str(auftrag)]
    assert town.row(AuftragRow, auftrag).state == "sent"
    assert sorted((row.attempt, row.state) for row in town.rows(HandoverRow)) == [(1, "in_doubt"), (2, "sent")]
    assert town.kinds() == ["authorised", "authorised", "outcome"]


def test_a_lost_attempt_at_a_receiver_that_may_take_it_twice_is_a_humans_matter(town: Town) -> None:
    auftrag, way = town.auftrag(town.person()), FakeDispatcher(idempotent=False)
    announce(town, way)
    run(town, way, NOW + timedelta(seconds=60))
    assert way.orders == []
    assert town.row(AuftragRow, auftrag).state == "in_doubt"
    assert town.tasks() == ["auftrag.in_doubt"]


def test_a_lost_attempt_whose_consent_is_gone_is_not_repeated(town: Town) -> None:
    person = town.person()
    auftrag, way = town.auftrag(person), FakeDispatcher()
    announce(town)
    town.withdraws(person, TRANSMIT, str(auftrag))
    run(town, way, NOW + timedelta(seconds=60))
    assert way.orders == []
    assert town.row(AuftragRow, auftrag).state == "in_doubt"
    assert town.tasks() == ["auftrag.in_doubt"]


def test_a_worker_that_dies_each_time_does_not_send_for_ever(town: Town) -> None:
    auftrag, now = town.auftrag(town.person()), NOW
    for _ in range(20):
        if not announce(town, now=now):
            break
        now += timedelta(seconds=60)
    assert town.row(AuftragRow, auftrag).state == "in_doubt"
    assert len(town.rows(HandoverRow)) == len(BACKOFF) + 1


def test_the_late_success_of_a_worker_taken_for_dead_is_true(town: Town) -> None:
    auftrag, way = town.auftrag(town.person()), FakeDispatcher()
    (slow,) = announce(town)
    (again,) = announce(town, now=NOW + timedelta(seconds=60))
    record(town, [hand_over(slow, way)])
    assert town.row(AuftragRow, auftrag).state == "sent"
    record(town, [hand_over(again, FakeDispatcher(error=Temporary("busy")))])
    assert town.row(AuftragRow, auftrag).state == "sent"
    assert town.tasks() == []


def test_the_late_failure_of_a_worker_taken_for_dead_changes_nothing(town: Town) -> None:
    auftrag = town.auftrag(town.person())
    (slow,) = announce(town)
    announce(town, now=NOW + timedelta(seconds=60))
    record(town, [hand_over(slow, FakeDispatcher(error=Permanent("no")))])
    assert town.row(AuftragRow, auftrag).state == "announced"
    assert town.tasks() == []


def test_content_that_cannot_be_read_is_a_clerks_matter_and_does_not_hold_up_the_others(town: Town) -> None:
    broken, whole = town.auftrag(town.person()), town.auftrag(town.person())
    town.change(AuftragRow, broken, content=b"x" * 40)
    way = FakeDispatcher()
    run(town, way)
    assert [wire_id for wire_id, _ in way.orders] == [str(whole)]
    assert town.tasks() == ["auftrag.undeliverable"]


def test_of_many_workers_only_one_sends_each(town: Town) -> None:
    for _ in range(12):
        town.auftrag(town.person())
    way, gate, errors = FakeDispatcher(), threading.Barrier(4), []

    def work() -> None:
        gate.wait()
        try:
            for _ in range(4):
                run(town, way)
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(town, way)
    assert errors == []
    assert len(way.orders) == 12
    assert {row.attempt for row in town.rows(HandoverRow)} == {1}


# the race of withdrawal against hand-over -----------------------------------------------------------------------------


def _races(town: Town, rounds: int) -> int:
    """Withdraw and announce at once; count what was announced although the withdrawal had returned before."""
    late = 0
    for _ in range(rounds):
        person = town.person()
        auftrag = town.auftrag(person)
        gate, returned, announced_late = threading.Barrier(2), threading.Event(), []

        def withdraw(person: Any = person, auftrag: Any = auftrag, gate: Any = gate, returned: Any = returned) -> None:
            gate.wait()
            town.withdraws(person, TRANSMIT, str(auftrag))
            returned.set()

        def send(gate: Any = gate, returned: Any = returned, announced_late: Any = announced_late) -> None:
            gate.wait()
            with town.database.transaction() as session:
                found = dispatch.announce(session, town.house, {"webhook": FakeDispatcher()}, NOW, 5)
                # What a slow commit gives room to: the withdrawal must be waiting for us now, or have been seen.
                returned.wait(0.1)
                if found and returned.is_set():
                    announced_late.append(True)

        threads = [threading.Thread(target=withdraw), threading.Thread(target=send)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        late += len(announced_late)
    return late


def test_nothing_is_announced_after_its_withdrawal_has_returned(town: Town) -> None:
    assert _races(town, 12) == 0


def test_control_without_the_lock_withdrawals_are_overtaken(town: Town) -> None:
    """The same race, decided by reading alone: the withdrawal returns while the reader is about to commit."""
    late = 0
    for _ in range(6):
        person = town.person()
        auftrag = town.auftrag(person)
        with town.database.transaction() as session:
            state = (
                session.connection()
                .execute(select(HEADS.c.state).where(HEADS.c.person == person, HEADS.c.scope == str(auftrag)))
                .scalar_one()
            )
            thread = threading.Thread(target=town.withdraws, args=(person, TRANSMIT, str(auftrag)))
            thread.start()
            thread.join(5)
            late += state == "given" and not thread.is_alive()
    assert late > 0
