"""Reading what is released and what was answered, and asking the gate about whole sets.

The front of the package's storage: locks, ledger and notices are offered here too. Takes the caller's connection,
never commits. Decided elsewhere: the answer (``decide``), what may happen to a record (``states``).
Sources: consent.md §§ 0, 6; data-path.md §§ 3, 5.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Connection, Row, Text, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from consent.decide import decide
from consent.errors import ActivityFixed
from consent.heads import HEAD_COLUMNS, head_of_row, heads_of, rebuild_heads
from consent.ledger import change, give, object_to, refuse, withdraw
from consent.locks import enter_subjects, lock_subjects, raise_epoch
from consent.model import (
    Activity,
    Basis,
    ConsentState,
    Head,
    Permit,
    Phase,
    Question,
    Refusal,
    ReleasedActivity,
    S,
    SubjectStatus,
)
from consent.naming import Named, named, standing
from consent.notices import notice, put_notice
from consent.tables import ACTIVITIES, HEADS

_ACTIVITY_COLUMNS = tuple(ACTIVITIES.c[part.name] for part in fields(Activity))


def decide_set(connection: Connection, phase: type[S], questions: Sequence[Question]) -> list[Permit[S] | Refusal]:
    """Ask the gate all questions, in four queries, and return the answers in their order.

    Persons and children stay locked FOR SHARE until the transaction ends, so a permit holds until its COMMIT. What the
    subjects say must have been read in this transaction after ``lock_subjects``. A set of up to 250 keeps a withdrawal
    from waiting long. Source: consent.md §§ 0.4, 6.1.
    """
    if not questions:
        return []
    known = [question.subject for question in questions if question.subject.status is not SubjectStatus.UNKNOWN]
    persons = {subject.person for subject in known if subject.person is not None}
    everybody = persons.union(*(subject.children for subject in known))
    enter_subjects(connection, everybody)
    epochs = lock_subjects(connection, everybody)
    released = activities(connection, {question.activity for question in questions})
    heads = _heads(connection, persons, set(released), {question.scope for question in questions})
    answers: list[Permit[S] | Refusal] = []
    for question in questions:
        activity = released.get(question.activity)
        subject = question.subject
        head = None
        if activity is not None and subject.person is not None:
            head = _counting(heads.get((subject.person, activity.name, question.scope), ()), activity.recipient)
            subject = replace(subject, epoch=epochs.get(subject.person, subject.epoch))
        answer = decide(phase, activity, subject, head, question.ask)
        if isinstance(answer, Refusal) and activity is None:
            answer = replace(answer, activity=question.activity)
        answers.append(answer)
    return answers


def activities(connection: Connection, names: Collection[str] | None = None) -> Mapping[str, Activity]:
    """Return the latest released version by name; of all, or of the named ones that exist."""
    latest = select(*_ACTIVITY_COLUMNS).ext(distinct_on(ACTIVITIES.c.name))
    latest = latest.order_by(ACTIVITIES.c.name, ACTIVITIES.c.version.desc())
    if names is not None:
        latest = latest.where(ACTIVITIES.c.name == any_(literal(sorted(names), ARRAY(Text()))))
    return {row.name: _activity(row) for row in connection.execute(latest)}


def release(connection: Connection, released: Sequence[ReleasedActivity]) -> None:
    """Insert activity versions. An equal one that is there already stays as it is.

    Equal means the activity's content, whether it is approved, and whether it is a demo; when it was approved and what
    release brought it does not count. Raises ``ActivityFixed`` where the id is there with other content. For the owner
    role.
    """
    if not released:
        return
    rows = [_row_of(each) for each in released]
    connection.execute(insert(ACTIVITIES).on_conflict_do_nothing(), rows)
    wanted = [each.activity.name for each in released]
    found = connection.execute(
        select(*_ACTIVITY_COLUMNS, ACTIVITIES.c.demo).where(ACTIVITIES.c.name == any_(literal(wanted, ARRAY(Text()))))
    )
    kept = {(row.name, row.version): _substance(_activity(row), demo=row.demo) for row in found}
    for each in released:
        activity = each.activity
        if kept[activity.name, activity.version] != _substance(activity, demo=each.demo):
            raise ActivityFixed(f"{activity.id} is released with other content; give it a new version")


def _heads(
    connection: Connection, persons: set[UUID], names: set[str], scopes: set[str]
) -> dict[tuple[UUID, str, str], list[Head]]:
    """Return the heads by person, activity and scope, whatever their recipients are; what changed last comes first."""
    found = connection.execute(
        select(*HEAD_COLUMNS)
        .where(
            HEADS.c.person == any_(literal(sorted(persons), ARRAY(Uuid()))),
            HEADS.c.activity == any_(literal(sorted(names), ARRAY(Text()))),
            HEADS.c.scope == any_(literal(sorted(scopes), ARRAY(Text()))),
        )
        .order_by(HEADS.c.last_seq.desc())
    )
    heads: dict[tuple[UUID, str, str], list[Head]] = {}
    for head in map(head_of_row, found):
        heads.setdefault((head.person, head.activity, head.scope), []).append(head)
    return heads


def _counting(heads: Sequence[Head], recipient: str) -> Head | None:
    """Return the head that counts for a recipient; ``heads`` are one activity's, the latest first.

    A yes is for the recipient that was shown. An objection is against the activity, whatever its recipient was called
    then: only what the person decided later for this recipient comes before it.
    """
    return next((head for head in heads if head.recipient == recipient or head.state is ConsentState.OBJECTED), None)


def _activity(row: Row[*tuple[Any, ...]]) -> Activity:
    parts = {part.name: getattr(row, part.name) for part in fields(Activity)}
    typed = {"phase": Phase(row.phase), "basis": Basis(row.basis), "fields": frozenset(parts["fields"])}
    return Activity(**{**parts, **typed})


def _row_of(each: ReleasedActivity) -> dict[str, Any]:
    parts = {part.name: getattr(each.activity, part.name) for part in fields(Activity)}
    return {
        **parts,
        "fields": sorted(each.activity.fields),
        "content_hash": each.content_hash,
        "demo": each.demo,
        "signature": each.signature,
        "released_at": each.released_at,
    }


def _substance(activity: Activity, *, demo: bool) -> tuple[Activity, bool, bool]:
    return replace(activity, dsb_approved_at=None), activity.dsb_approved_at is None, demo


__all__ = [
    "Named",
    "activities",
    "change",
    "decide_set",
    "enter_subjects",
    "give",
    "heads_of",
    "lock_subjects",
    "named",
    "notice",
    "object_to",
    "put_notice",
    "raise_epoch",
    "rebuild_heads",
    "refuse",
    "release",
    "standing",
    "withdraw",
]
