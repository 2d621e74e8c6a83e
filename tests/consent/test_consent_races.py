"""Withdrawals against whoever decides at the same time, on PostgreSQL, with a control that must lose.

A release is counted as wrong only if its COMMIT was issued after the withdrawal had returned to the citizen.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from consent_cases import NOON, a_question, a_subject, an_activity, an_ask, an_id, release_all, says_yes, takes_back
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import OperationalError

from consent.decide import decide
from consent.errors import ConsentConflict
from consent.model import Basis, ConsentState, Permit, Question, Refusal, Transmit
from consent.store import activities, decide_set, heads_of, lock_subjects, raise_epoch, rebuild_heads
from consent.tables import HEADS, LEDGER

KITA = an_activity()
OFFICIAL = an_activity("geburt/transmit/AMTLICH", basis=Basis.PUBLIC_TASK, consent_required=False)
TRIALS = 120
LONGEST_WORK_SECONDS = 0.01

Gate = Callable[[Connection, Sequence[Question]], list[Permit | Refusal]]


@pytest.fixture(autouse=True)
def _released(owner: Engine) -> None:
    with owner.begin() as connection:
        release_all(connection, KITA, OFFICIAL)


def the_gate(connection: Connection, questions: Sequence[Question]) -> list[Permit | Refusal]:
    return decide_set(connection, Transmit, questions)


def the_gate_without_its_lock(connection: Connection, questions: Sequence[Question]) -> list[Permit | Refusal]:
    released = activities(connection)
    answers: list[Permit | Refusal] = []
    for question in questions:
        heads = heads_of(connection, question.subject.person) if question.subject.person else []
        activity = released[question.activity]
        answers.append(decide(Transmit, activity, question.subject, heads[0] if heads else None, question.ask))
    return answers


def withdraws(connection: Connection, person: UUID) -> Any:
    raise_epoch(connection, [person])
    return takes_back(connection, person=person, activity=KITA, at=NOON, flow_id=an_id("flow"), channel="PULL", trust=1)


def in_threads(*jobs: Callable[[], Any]) -> list[Any]:
    """Run the jobs at once and return their results; a failure is raised here."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures: list[Future[Any]] = [pool.submit(job) for job in jobs]
        return [future.result(timeout=60) for future in futures]


def trial(engine: Engine, gate: Gate, person: UUID, work: float, head_start: float, size: int = 1) -> bool:
    """Return whether a release was committed after its withdrawal had returned."""
    others = [an_id((person, n)) for n in range(1, size)]
    with engine.begin() as connection:
        for each in (person, *others):
            says_yes(connection, each, KITA)
    barrier = threading.Barrier(2)

    def decides() -> float | None:
        with engine.connect() as connection:
            barrier.wait(30)
            answers = gate(connection, [a_question(each) for each in (*others, person)])
            time.sleep(work)
            issued = time.monotonic()
            connection.commit()
            return issued if isinstance(answers[-1], Permit) else None

    def withdraws_meanwhile() -> float:
        with engine.connect() as connection:
            barrier.wait(30)
            time.sleep(head_start)
            withdraws(connection, person)
            connection.commit()
            return time.monotonic()

    released_at, acknowledged_at = in_threads(decides, withdraws_meanwhile)
    return released_at is not None and released_at > acknowledged_at


def too_late(engine: Engine, gate: Gate, seed: int, trials: int, size: int = 1, *, enough: int | None = None) -> int:
    dice = random.Random(seed)
    found = 0
    for n in range(trials):
        work, head_start = dice.uniform(0, LONGEST_WORK_SECONDS), dice.uniform(0, LONGEST_WORK_SECONDS / 2)
        found += trial(engine, gate, an_id((seed, n)), work, head_start, size)
        if found == enough:
            break
    return found


def test_nothing_is_released_after_a_withdrawal_returned(engine: Engine) -> None:
    assert too_late(engine, the_gate, 1, TRIALS) == 0


def test_nothing_is_released_after_a_withdrawal_returned_in_sets_either(engine: Engine) -> None:
    assert too_late(engine, the_gate, 2, 15, 40) == 0


def test_control_without_the_lock_the_same_race_is_lost(engine: Engine) -> None:
    assert too_late(engine, the_gate_without_its_lock, 1, 5 * TRIALS, enough=1) > 0


def waits(engine: Engine, act: Callable[[Connection], Any]) -> bool:
    """Return whether an act has to wait for somebody else's transaction."""
    with engine.connect() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '250ms'"))
        try:
            act(connection)
        except OperationalError as error:
            return "lock timeout" in str(error.orig)
        return False


def test_a_withdrawal_waits_for_whoever_decides_about_that_person_and_for_nobody_else(engine: Engine) -> None:
    anna, bodo = an_id("a"), an_id("b")
    with engine.begin() as connection:
        says_yes(connection, anna, KITA)
        says_yes(connection, bodo, KITA)
    with engine.connect() as deciding:
        decide_set(deciding, Transmit, [a_question(anna)])
        assert waits(engine, lambda connection: withdraws(connection, anna))
        assert not waits(engine, lambda connection: withdraws(connection, bodo))
        assert not waits(engine, lambda connection: decide_set(connection, Transmit, [a_question(anna)]))
        assert not waits(engine, lambda connection: lock_subjects(connection, [anna]))


def test_control_without_the_lock_a_withdrawal_waits_for_nobody(engine: Engine) -> None:
    anna = an_id("a")
    with engine.begin() as connection:
        says_yes(connection, anna, KITA)
    with engine.connect() as deciding:
        the_gate_without_its_lock(deciding, [a_question(anna)])
        assert not waits(engine, lambda connection: withdraws(connection, anna))


def test_a_protection_waits_for_a_decision_about_somebody_who_never_answered_anything(engine: Engine) -> None:
    anna, mia = an_id("a"), an_id("Mia Musterkind")
    question = Question(OFFICIAL.name, a_subject(anna, children=frozenset({mia})), an_ask())
    with engine.connect() as deciding:
        assert isinstance(decide_set(deciding, Transmit, [question])[0], Permit)
        assert waits(engine, lambda connection: raise_epoch(connection, [anna]))
        assert waits(engine, lambda connection: raise_epoch(connection, [mia]))


def test_fifty_withdrawals_at_once_are_one_event_and_all_succeed(engine: Engine) -> None:
    anna = an_id("a")
    with engine.begin() as connection:
        says_yes(connection, anna, KITA)
    barrier = threading.Barrier(50)

    def once() -> ConsentState:
        with engine.connect() as connection:
            barrier.wait(60)
            state = withdraws(connection, anna).state
            connection.commit()
            return state

    assert in_threads(*[once] * 50) == [ConsentState.WITHDRAWN] * 50
    with engine.connect() as connection:
        events = select(func.count()).where(LEDGER.c.event == "withdraw")
        assert connection.execute(events).scalar_one() == 1


def test_control_who_reads_before_the_lock_and_writes_after_it_withdraws_five_times(engine: Engine) -> None:
    anna = an_id("a")
    with engine.begin() as connection:
        says_yes(connection, anna, KITA)
    barrier = threading.Barrier(5)

    def once() -> None:
        with engine.connect() as connection:
            row = dict(connection.execute(select(LEDGER).order_by(LEDGER.c.seq.desc()).limit(1)).one()._mapping)
            barrier.wait(60)
            if row.pop("state_after") == "given":
                raise_epoch(connection, [anna])
                row |= {"event": "withdraw", "state_before": "given", "state_after": "withdrawn"}
                connection.execute(LEDGER.insert().values(**{k: v for k, v in row.items() if k != "seq"}))
            connection.commit()

    in_threads(*[once] * 5)
    with engine.connect() as connection:
        events = select(func.count()).where(LEDGER.c.event == "withdraw")
        assert connection.execute(events).scalar_one() == 5


def test_yes_and_withdrawal_at_once_leave_the_head_of_the_last_entry(engine: Engine, owner: Engine) -> None:
    for n in range(20):
        person = an_id(n)
        with engine.begin() as connection:
            says_yes(connection, person, KITA)
        barrier = threading.Barrier(2)

        def yes(person: UUID = person, barrier: threading.Barrier = barrier) -> None:
            with engine.connect() as connection:
                barrier.wait(30)
                says_yes(connection, person, KITA, record=an_id((person, "again")))
                connection.commit()

        def no(person: UUID = person, barrier: threading.Barrier = barrier) -> None:
            with engine.connect() as connection:
                barrier.wait(30)
                withdraws(connection, person)
                connection.commit()

        in_threads(yes, no)
    with owner.connect() as connection:
        last = select(LEDGER.c.person, func.max(LEDGER.c.seq).label("seq")).group_by(LEDGER.c.person).subquery()
        truth = select(LEDGER.c.person, LEDGER.c.seq, LEDGER.c.state_after).join(last, LEDGER.c.seq == last.c.seq)
        heads = select(HEADS.c.person, HEADS.c.last_seq, HEADS.c.state)
        before = set(connection.execute(heads))
        assert before == set(connection.execute(truth))
        assert len(before) == 20
        rebuild_heads(connection)
        assert set(connection.execute(heads)) == before


def test_two_first_answers_at_once_make_one_record_after_the_other(engine: Engine) -> None:
    anna = an_id("a")
    barrier = threading.Barrier(8)

    def yes(n: int) -> str:
        with engine.connect() as connection:
            barrier.wait(30)
            try:
                says_yes(connection, anna, KITA, record=an_id(n % 4))
            except ConsentConflict:
                return "conflict"
            connection.commit()
            return "given"

    results = in_threads(*[lambda n=n: yes(n) for n in range(8)])
    assert sorted(results) == ["conflict"] * 4 + ["given"] * 4
    with engine.connect() as connection:
        assert len(heads_of(connection, anna)) == 1
        born = connection.execute(select(LEDGER.c.record).where(LEDGER.c.event == "give")).scalars().all()
        assert sorted(born) == sorted(an_id(n) for n in range(4))


def test_sets_in_any_order_never_wait_for_each_other_in_a_circle(engine: Engine) -> None:
    persons = [an_id(n) for n in range(12)]

    def act(n: int) -> None:
        dice = random.Random(n)
        for _ in range(25):
            some = dice.sample(persons, 8)
            with engine.begin() as connection:  # a deadlock would raise here
                if n % 2:
                    raise_epoch(connection, some)
                else:
                    decide_set(connection, Transmit, [a_question(each) for each in some])

    in_threads(*[lambda n=n: act(n) for n in range(6)])
    with engine.connect() as connection:
        assert sum(lock_subjects(connection, persons).values()) == 3 * 25 * 8


def test_control_locks_in_two_orders_do_wait_for_each_other_in_a_circle(engine: Engine) -> None:
    pair = [an_id(1), an_id(2)]
    with engine.begin() as connection:
        raise_epoch(connection, pair)
    barrier = threading.Barrier(2)

    def act(order: Sequence[UUID]) -> bool:
        with engine.connect() as connection:
            raise_epoch(connection, order[:1])
            barrier.wait(30)
            try:
                raise_epoch(connection, order[1:])
            except OperationalError as error:
                return "deadlock detected" in str(error.orig)
            return False

    assert any(in_threads(lambda: act(pair), lambda: act(pair[::-1])))
