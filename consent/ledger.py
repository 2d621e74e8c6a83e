"""Giving, refusing, withdrawing, objecting: every event of a record goes into the ledger, and the head follows.

The ledger is the truth; heads are a projection. Takes the caller's connection and never commits. Lock order is the
person first, the flow log last: the caller raises the epoch, logs the flow to have its id, then calls here. Decided
elsewhere: which event is legal (``states``), how heads are read and made again (``heads``).
Sources: consent.md §§ 5, 6.1, 7; data-path.md § 3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from consent.errors import ConsentConflict, NoticeUnknown
from consent.heads import HEAD_COLUMNS, HEAD_KEY, head_for, head_of_row
from consent.locks import raise_epoch
from consent.model import Activity, Basis, ConsentState, Event, Head
from consent.notices import notice as stored_notice
from consent.states import BIRTH, TERMINAL, moved
from consent.tables import HEADS, LEDGER

_BEGINNINGS = frozenset({Event.REQUEST, Event.GIVE, Event.REFUSE})


@dataclass(frozen=True, slots=True)
class _Act:
    """How an event came about: what the ledger keeps beside the record."""

    at: datetime
    flow_id: UUID
    notice: bytes | None
    channel: str
    trust: int

    def __post_init__(self) -> None:
        if self.at.tzinfo is None or not self.channel or self.trust not in range(4):
            raise ValueError("an act has an aware instant, a channel and a trust level from 0 to 3")


def change(
    connection: Connection,
    *,
    person: UUID,
    activity: Activity,
    scope: str,
    event: Event,
    at: datetime,
    record: UUID,
    flow_id: UUID,
    notice: bytes | None,
    channel: str,
    trust: int,
    valid_until: datetime | None = None,
) -> Head:
    """Let one event happen to one record and return its head. ``trust`` is 0 to 3, ``valid_until`` exclusive.

    A ``record`` that is not the head's begins a new one: after an end, or by giving again in place of one that stands.
    ``notice`` is the digest of the text shown; giving demands it. Withdrawing what is withdrawn writes nothing.
    Raises ``ConsentConflict``, ``NoticeUnknown`` or ``ValueError`` with ledger and heads untouched.
    Source: consent.md § 5.
    """
    act = _Act(at, flow_id, notice, channel, trust)
    if valid_until is not None and valid_until <= at:
        raise ValueError("a consent cannot end before it begins")
    raise_epoch(connection, [person])
    head = head_for(connection, person, activity, scope)
    current = head if head is not None and head.record == record else None
    if current is not None and event is Event.WITHDRAW and current.state is ConsentState.WITHDRAWN:
        return current
    after = moved(BIRTH if current is None else current.state, event)
    if current is None or event in _BEGINNINGS:
        given_at = at if event is Event.GIVE else None
        terms = (record, activity.version, activity.fields, given_at, valid_until)
        changed = Head(person, activity.name, activity.recipient, scope, after, *terms)
    else:
        changed = replace(current, state=after)
    if event is Event.GIVE:
        _check_open(activity, at)
    _check_shown(connection, changed, event, notice)
    if current is None:
        _make_room(connection, head, record, event, act)
    return _append(connection, None if current is None else current.state, event, changed, act)


def give(
    connection: Connection,
    *,
    person: UUID,
    activity: Activity,
    at: datetime,
    record: UUID,
    flow_id: UUID,
    notice: bytes,
    channel: str,
    trust: int,
    scope: str = "",
    valid_until: datetime | None = None,
) -> Head:
    """Record a yes to what ``notice`` says. As ``change``; a standing record is superseded by this one."""
    return change(
        connection,
        person=person,
        activity=activity,
        scope=scope,
        event=Event.GIVE,
        at=at,
        record=record,
        flow_id=flow_id,
        notice=notice,
        channel=channel,
        trust=trust,
        valid_until=valid_until,
    )


def refuse(
    connection: Connection,
    *,
    person: UUID,
    activity: Activity,
    at: datetime,
    record: UUID,
    flow_id: UUID,
    notice: bytes | None,
    channel: str,
    trust: int,
    scope: str = "",
) -> Head:
    """Record a no. As ``change``; a standing consent is not refused but withdrawn, so that is a conflict."""
    return change(
        connection,
        person=person,
        activity=activity,
        scope=scope,
        event=Event.REFUSE,
        at=at,
        record=record,
        flow_id=flow_id,
        notice=notice,
        channel=channel,
        trust=trust,
    )


def withdraw(
    connection: Connection,
    *,
    person: UUID,
    activity: Activity,
    at: datetime,
    flow_ids: Mapping[UUID, UUID],
    channel: str,
    trust: int,
    scope: str = "",
) -> Head:
    """End whatever stands for this activity and scope, in any version and for any recipient, and return its head.

    The records are the heads' own (``naming.standing``); ``flow_ids`` holds for each the entry that names it. A repeat
    returns the withdrawn head and writes nothing. Raises ``ConsentConflict`` where nothing was ever given, and where a
    record has no entry.
    """
    acts = {record: _Act(at, flow_id, None, channel, trust) for record, flow_id in flow_ids.items()}
    raise_epoch(connection, [person])
    theirs = (HEADS.c.person == person, HEADS.c.activity == activity.name, HEADS.c.scope == scope)
    found = connection.execute(select(*HEAD_COLUMNS).where(*theirs).order_by(HEADS.c.last_seq.desc()))
    heads = [head_of_row(row) for row in found]
    given = [head for head in heads if head.state is ConsentState.GIVEN]
    if unnamed := {head.record for head in given} - acts.keys():
        raise ConsentConflict(f"no entry tells that record {min(map(str, unnamed))} ends")
    ended = [
        _append(connection, head.state, Event.WITHDRAW, replace(head, state=ConsentState.WITHDRAWN), acts[head.record])
        for head in given
    ]
    ended += [head for head in heads if head.state is ConsentState.WITHDRAWN]
    if not ended:
        raise ConsentConflict(f"nothing is given for {activity.name}")
    return ended[0]


def object_to(
    connection: Connection,
    *,
    person: UUID,
    activity: Activity,
    at: datetime,
    record: UUID,
    flow_id: UUID,
    channel: str,
    trust: int,
) -> Head:
    """Record an objection to an activity that rests on a public task. A repeat writes nothing.

    ``record`` is the one that stands, or a new one where none does (``naming.named``): the entry names it. Raises
    ``ConsentConflict`` for another one, and where Art. 21 DSGVO gives no right to object: a consent is withdrawn
    instead, and against a legal obligation there is none.
    """
    if activity.basis is not Basis.PUBLIC_TASK:
        raise ConsentConflict(f"{activity.name} rests on {activity.basis}, not on a public task")
    raise_epoch(connection, [person])
    head = head_for(connection, person, activity, "")
    if head is not None and head.state is ConsentState.OBJECTED:
        return head
    return change(
        connection,
        person=person,
        activity=activity,
        scope="",
        event=Event.OBJECT,
        at=at,
        record=record,
        flow_id=flow_id,
        notice=None,
        channel=channel,
        trust=trust,
    )


def _check_open(activity: Activity, at: datetime) -> None:
    """Refuse a yes to what the gate would refuse anyway."""
    if activity.retired or activity.dsb_approved_at is None or activity.dsb_approved_at > at:
        raise ConsentConflict(f"{activity.id} is not open for consent")


def _check_shown(connection: Connection, head: Head, event: Event, notice: bytes | None) -> None:
    """Refuse an answer to a text that is not kept, or that was shown for something else."""
    if notice is None and event is not Event.GIVE:
        return
    shown = None if notice is None else stored_notice(connection, notice)
    if shown is None or shown.activity != f"{head.activity}@{head.version}":
        raise NoticeUnknown(f"no text is kept under this digest for {head.activity}@{head.version}")


def _make_room(connection: Connection, head: Head | None, record: UUID, event: Event, act: _Act) -> None:
    """End the record that stands where a new one is to begin. Only giving again may end one that still holds."""
    if connection.execute(select(LEDGER.c.seq).where(LEDGER.c.record == record).limit(1)).first() is not None:
        raise ConsentConflict(f"record {record} has begun before")
    if head is None or head.state in TERMINAL:
        return
    over = head.state is ConsentState.GIVEN and head.valid_until is not None and head.valid_until <= act.at
    if not over and event is not Event.GIVE:
        raise ConsentConflict(f"record {head.record} stands; end it first")
    ending = Event.EXPIRE if over else Event.SUPERSEDE
    _append(connection, head.state, ending, replace(head, state=moved(head.state, ending)), replace(act, notice=None))


def _append(connection: Connection, before: ConsentState | None, event: Event, head: Head, act: _Act) -> Head:
    record = {
        **{name: getattr(head, name) for name in (*HEAD_KEY, "record", "version", "valid_until")},
        "fields": sorted(head.fields),
    }
    entry = {
        "event": event,
        "state_before": before,
        "state_after": head.state,
        "at": act.at,
        "flow_id": act.flow_id,
        "notice": act.notice,
        "channel": act.channel,
        "trust": act.trust,
    }
    seq = connection.execute(LEDGER.insert().values(**record, **entry).returning(LEDGER.c.seq)).scalar_one()
    row = {**record, "state": head.state, "given_at": head.given_at, "last_seq": seq}
    upsert = insert(HEADS).values(**row)
    kept = {name: upsert.excluded[name] for name in row if name not in HEAD_KEY}
    connection.execute(upsert.on_conflict_do_update(index_elements=HEAD_KEY, set_=kept))
    return head
