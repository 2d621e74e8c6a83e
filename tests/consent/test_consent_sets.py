"""The gate asked about whole sets: right answers in order, few queries, the lock in the SQL; and what is released."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from consent_cases import (
    ANNA,
    NOON,
    a_question,
    a_subject,
    an_activity,
    an_ask,
    an_id,
    release_all,
    released,
    says_yes,
    takes_back,
)
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import ProgrammingError

from consent.errors import ActivityFixed
from consent.ledger import object_to
from consent.model import Basis, Permit, Question, Reason, Refusal, SubjectStatus, Transmit, Watch
from consent.store import activities, decide_set, lock_subjects, raise_epoch, release
from consent.tables import ACTIVITIES, SUBJECTS

KITA = an_activity()
WATCH = an_activity("geburt/watch", basis=Basis.PUBLIC_TASK, consent_required=False, recipient="musterstadt")


@pytest.fixture
def connection(engine: Engine, owner: Engine) -> Iterator[Connection]:
    with owner.begin() as opened:
        release_all(opened, KITA, WATCH)
    with engine.connect() as opened:
        yield opened


@contextmanager
def statements(connection: Connection) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(connection, "before_cursor_execute", note)


def reasons(answers: list[Permit | Refusal]) -> list[Reason | None]:
    return [answer.reason if isinstance(answer, Refusal) else None for answer in answers]


def test_a_set_is_answered_in_its_order(connection: Connection) -> None:
    persons = [an_id(n) for n in range(6)]
    for person in persons[::2]:
        says_yes(connection, person, KITA)
    questions = [a_question(person) for person in persons]
    answers = decide_set(connection, Transmit, questions)
    assert [isinstance(answer, Permit) for answer in answers] == [True, False] * 3
    assert [answer.person for answer in answers if isinstance(answer, Permit)] == persons[::2]


def test_a_permit_carries_the_record_and_the_epoch_under_which_it_was_decided(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA)
    raise_epoch(connection, [ANNA])
    (permit,) = decide_set(connection, Transmit, [a_question(subject=a_subject(epoch=99))])
    assert isinstance(permit, Permit)
    assert (permit.epoch, permit.record) == (2, an_id((ANNA, KITA.id)))


def test_no_questions_ask_nothing(connection: Connection) -> None:
    with statements(connection) as seen:
        assert decide_set(connection, Transmit, []) == []
    assert seen == []


@pytest.mark.parametrize("size", [1, 250])
def test_a_set_takes_as_many_queries_as_one_question_and_one_of_them_locks(connection: Connection, size: int) -> None:
    questions = [a_question(an_id(n), scope=f"Auftrag {n}") for n in range(size)]
    with statements(connection) as seen:
        decide_set(connection, Transmit, questions)
    assert len(seen) == 4
    locking = [at for at, statement in enumerate(seen) if "FOR SHARE" in statement]
    reading = [at for at, statement in enumerate(seen) if "FROM consent_heads" in statement]
    assert locking == [1]
    assert reading == [3]
    assert "ORDER BY consent_subjects.person" in seen[1]


def test_children_are_locked_with_the_person_who_holds_them(connection: Connection) -> None:
    mia = an_id("Mia Musterkind")
    decide_set(connection, Transmit, [a_question(subject=a_subject(children=frozenset({mia})))])
    assert set(connection.execute(select(SUBJECTS.c.person)).scalars()) == {ANNA, mia}


def test_whoever_is_unknown_gets_no_row(connection: Connection) -> None:
    unknown = [
        a_question(subject=a_subject(status=SubjectStatus.UNKNOWN)),
        a_question(subject=a_subject(None, status=SubjectStatus.UNKNOWN)),
        a_question(subject=a_subject(None)),
    ]
    assert reasons(decide_set(connection, Transmit, unknown)) == [Reason.SUBJECT_UNRESOLVED] * 3
    assert connection.execute(select(SUBJECTS)).all() == []


def test_a_consent_counts_for_its_person_activity_and_scope_alone(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA, scope="Auftrag 1")
    questions = [
        a_question(scope="Auftrag 1"),
        a_question(scope="Auftrag 2"),
        a_question(),
        a_question(an_id("Bodo Erfunden"), scope="Auftrag 1"),
    ]
    assert reasons(decide_set(connection, Transmit, questions)) == [None, *[Reason.NO_CONSENT] * 3]


def test_what_is_not_released_is_refused_by_its_name(connection: Connection) -> None:
    (refusal,) = decide_set(connection, Transmit, [a_question(activity="geburt/transmit/NICHTS")])
    assert isinstance(refusal, Refusal)
    assert (refusal.activity, refusal.reason) == ("geburt/transmit/NICHTS", Reason.ACTIVITY_NOT_APPROVED)


def test_a_withdrawn_consent_is_not_helped_by_an_activity_under_a_public_task(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA)
    takes_back(connection, person=ANNA, activity=KITA, at=NOON, flow_id=an_id("flow"), channel="PULL", trust=1)
    watched = Question(WATCH.name, a_subject(), replace(an_ask(), recipient="musterstadt"))
    assert reasons(decide_set(connection, Watch, [watched])) == [None]
    assert reasons(decide_set(connection, Transmit, [a_question()])) == [Reason.WITHDRAWN]


def test_of_several_versions_the_latest_counts(connection: Connection, owner: Engine) -> None:
    says_yes(connection, ANNA, KITA)
    for version, changes, reason in (
        (2, {"purpose": "anders gesagt"}, None),
        (3, {"recipient": "steueramt-musterstadt"}, Reason.RECIPIENT_NOT_COVERED),
        (10, {"retired": True}, Reason.ACTIVITY_NOT_APPROVED),
    ):
        with owner.begin() as opened:
            release_all(opened, an_activity(version=version, **changes))
        assert activities(connection)[KITA.name].version == version
        assert reasons(decide_set(connection, Transmit, [a_question()])) == [reason]


def test_a_new_version_with_another_recipient_finds_no_consent_for_it(connection: Connection, owner: Engine) -> None:
    says_yes(connection, ANNA, KITA)
    with owner.begin() as opened:
        release_all(opened, an_activity(version=2, recipient="steueramt-musterstadt"))
    ask = an_ask(recipient="steueramt-musterstadt")
    assert reasons(decide_set(connection, Transmit, [a_question(ask=ask)])) == [Reason.NO_CONSENT]


HOW: dict[str, Any] = {"at": NOON, "flow_id": an_id("flow"), "channel": "web", "trust": 1}


@pytest.mark.parametrize("consents", [False, True], ids=["no consent needed", "consent needed besides"])
def test_an_objection_stands_when_the_recipient_gets_another_name_until_a_later_yes(
    connection: Connection, owner: Engine, consents: bool
) -> None:
    """The recipient is prose of a rule file: reworded, it is another one, and the person has not changed their mind."""
    old = replace(WATCH, version=2, consent_required=consents)
    new = replace(old, version=3, recipient="Stadt Musterstadt, Bürgeramt")
    with owner.begin() as opened:
        release_all(opened, old, new)
    asked = Question(WATCH.name, a_subject(), an_ask(recipient=new.recipient))
    says_yes(connection, ANNA, new, record=an_id("long ago"))
    assert reasons(decide_set(connection, Watch, [asked])) == [None]
    object_to(connection, person=ANNA, activity=old, record=an_id("no"), **HOW)
    assert reasons(decide_set(connection, Watch, [asked])) == [Reason.NO_CONSENT if consents else Reason.OBJECTION_OPEN]
    says_yes(connection, ANNA, new, record=an_id("yes again"), at=NOON)
    assert reasons(decide_set(connection, Watch, [asked])) == [None]
    object_to(connection, person=ANNA, activity=new, record=an_id("yes again"), **HOW)
    assert reasons(decide_set(connection, Watch, [asked])) == [Reason.OBJECTION_OPEN]


def test_a_new_version_with_more_fields_is_not_covered_by_the_old_yes(connection: Connection, owner: Engine) -> None:
    says_yes(connection, ANNA, KITA)
    wider = KITA.fields | {"elternteil.anschrift"}
    with owner.begin() as opened:
        release_all(opened, an_activity(version=2, fields=wider))
    (refusal,) = decide_set(connection, Transmit, [a_question(ask=an_ask(fields=wider))])
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.fields) == (Reason.FIELDS_NOT_COVERED, {"elternteil.anschrift"})


def test_what_is_released_is_read_back_as_it_was(connection: Connection) -> None:
    assert activities(connection) == {KITA.name: KITA, WATCH.name: WATCH}
    assert activities(connection, [WATCH.name, "nothing"]) == {WATCH.name: WATCH}


def test_releasing_equal_content_again_changes_nothing(owner: Engine) -> None:
    with owner.connect() as connection:
        release(connection, [released(KITA)])
        before = connection.execute(select(ACTIVITIES)).all()
        later = replace(KITA, dsb_approved_at=NOON + timedelta(days=3))
        release(connection, [released(later, released_at=NOON + timedelta(days=3), content_hash="cd" * 32)])
        release(connection, [])
        assert connection.execute(select(ACTIVITIES)).all() == before


@pytest.mark.parametrize(
    "other",
    [
        released(replace(KITA, fields=KITA.fields | {"religion"})),
        released(replace(KITA, recipient="steueramt-musterstadt")),
        released(replace(KITA, consent_required=False)),
        released(replace(KITA, retired=True)),
        released(replace(KITA, dsb_approved_at=None)),
        released(KITA, demo=False),
    ],
)
def test_a_released_version_cannot_come_with_other_content(owner: Engine, other: Any) -> None:
    with owner.connect() as connection:
        release_all(connection, WATCH, KITA)
        with pytest.raises(ActivityFixed, match="KITA-PLATZ@1"):
            release(connection, [other])
        assert activities(connection)[KITA.name] == KITA


def test_the_application_cannot_release_anything(connection: Connection) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        release_all(connection, an_activity(version=2))


def test_locking_leaves_out_whom_it_does_not_know(connection: Connection) -> None:
    raise_epoch(connection, [ANNA])
    assert lock_subjects(connection, [ANNA, an_id("nobody")]) == {ANNA: 1}
    assert lock_subjects(connection, []) == {}
