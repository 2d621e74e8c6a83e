"""What may be told now: begun before, bundles, enrolments, notices, confirmations; read without a lock, then locked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy import Row as SqlRow
from sqlmodel import Session

from consent.model import Permit, Propose, Refusal
from proaktiv.addresses import ADDRESS_FLOW
from proaktiv.core.states import DeliveryState
from proaktiv.steps.notify.contents import open_events
from proaktiv.steps.notify.posting import ACCOUNT, ACTIVATION, ADDRESS, BUNDLE, CONFIRMATION, LETTER, MAIL
from proaktiv.tables import BundleRow, DeliveryRow, EnrolmentRow, MailConfirmationRow, NoticeRow, core_table
from proaktiv.workers import abandoned, dead_workers

_BUNDLES = core_table(BundleRow)
_ENROLMENTS = core_table(EnrolmentRow)
_NOTICES = core_table(NoticeRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_DELIVERIES = core_table(DeliveryRow)

_OWN_ACTIVITY = {
    ACTIVATION: "anmeldung/propose",
    ACCOUNT: "konto/propose",
    ADDRESS: "erreichbarkeit/propose",
    CONFIRMATION: "erreichbarkeit/propose",
}
WAITS = {
    (BUNDLE, LETTER): _BUNDLES.c.due_at,
    (BUNDLE, MAIL): _BUNDLES.c.mail_due_at,
    (ACTIVATION, LETTER): _ENROLMENTS.c.due_at,
    (ACCOUNT, LETTER): _NOTICES.c.due_at,
    (ADDRESS, LETTER): _NOTICES.c.due_at,
    (ADDRESS, MAIL): _NOTICES.c.mail_due_at,
    (ACCOUNT, MAIL): _NOTICES.c.mail_due_at,
    (CONFIRMATION, MAIL): _CONFIRMATIONS.c.due_at,
}
"""Where it stands since when a matter waits to be told of on a channel, in the order in which rows are locked."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a message is about. ``events``: what its open proposals rest on, or else the first event of the bundle.

    ``delivery`` is the row of a letter that was begun before, if there is one.
    """

    purpose: str
    id: UUID
    person: UUID
    activity: str
    events: frozenset[UUID]
    delivery: SqlRow[Any] | None = None
    channel: str = LETTER

    @property
    def lost(self) -> bool:
        """Return whether a worker took this letter and never came back: it may have left the house."""
        return self.delivery is not None and self.delivery.lease_until is not None

    @property
    def tries(self) -> int:
        """Return how many tries have failed."""
        return 0 if self.delivery is None else int(self.delivery.tries)


def candidates(
    session: Session,
    again: ColumnElement[bool],
    channels: Collection[str],
    now: datetime,
    limit: int,
    *,
    hints_since: datetime,
    night: bool = False,
) -> list[Matter]:
    """Return what may be due on some channels, without a lock: what was begun before, bundles, enrolments, mails.

    ``again`` is ``due_again``. A mail hints at a letter that went, not before ``hints_since`` and never at ``night``;
    a mail about an address itself goes at once, and a code before all others: somebody sits there and waits for it.
    """
    connection = session.connection()
    begun = connection.execute(
        select(_DELIVERIES, _BUNDLES.c.lebenslage, _BUNDLES.c.event)
        .join(_BUNDLES, _BUNDLES.c.id == _DELIVERIES.c.matter, isouter=True)
        .where(again, _DELIVERIES.c.person.is_not(None), _DELIVERIES.c.channel.in_(channels))
        .where(*([or_(_DELIVERIES.c.channel != MAIL, _DELIVERIES.c.purpose != BUNDLE)] if night else []))
        .order_by(_DELIVERIES.c.due_at, _DELIVERIES.c.id)
        .limit(limit)
    ).all()
    room = limit - len(begun)
    typed = _confirmations(session, now, room) if MAIL in channels else []
    room -= len(typed)
    bundles = _bundles(session, LETTER, _BUNDLES.c.due_at <= now, room) if LETTER in channels else []
    enrolments = _enrolments(session, now, room - len(bundles)) if LETTER in channels else []
    hinting = and_(_BUNDLES.c.mail_due_at <= now, _BUNDLES.c.mail_due_at > hints_since)
    room -= len(bundles) + len(enrolments)
    notices: list[tuple[str, SqlRow[Any]]] = []
    for channel in sorted(channels):
        notices += [(channel, row) for row in _notices(session, channel, now, room - len(notices))]
    mails = _bundles(session, MAIL, hinting, room - len(notices)) if MAIL in channels and not night else []
    fresh = [(LETTER, row) for row in bundles] + [(MAIL, row) for row in mails]
    events = open_events(session, [row.matter for row in begun] + [row.id for _, row in fresh])
    matters = [
        Matter(
            row.purpose,
            row.matter,
            row.person,
            _activity(row.purpose, row.lebenslage, row.channel),
            events.get(row.matter) or _only(row.event),
            row,
            row.channel,
        )
        for row in begun
    ]
    matters += [
        Matter(
            BUNDLE,
            row.id,
            row.person,
            _activity(BUNDLE, row.lebenslage, channel),
            events.get(row.id) or _only(row.event),
            channel=channel,
        )
        for channel, row in fresh
    ]
    matters += [
        Matter(purpose, row.id, row.person, _activity(purpose, "", channel), frozenset(), channel=channel)
        for purpose, channel, row in (
            *((ACTIVATION, LETTER, row) for row in enrolments),
            *((CONFIRMATION, MAIL, row) for row in typed),
            *((ADDRESS if row.what.startswith("mail_") else ACCOUNT, channel, row) for channel, row in notices),
        )
    ]
    return matters


def _bundles(session: Session, channel: str, due: ColumnElement[bool], room: int) -> list[SqlRow[Any]]:
    return list(
        session.connection().execute(
            select(_BUNDLES.c.id, _BUNDLES.c.person, _BUNDLES.c.lebenslage, _BUNDLES.c.event)
            .where(_BUNDLES.c.state == "open", due, ~_under_way(channel))
            .order_by(WAITS[BUNDLE, channel], _BUNDLES.c.id)
            .limit(max(room, 0))
        )
    )


def _enrolments(session: Session, now: datetime, room: int) -> list[SqlRow[Any]]:
    return list(
        session.connection().execute(
            select(_ENROLMENTS.c.id, _ENROLMENTS.c.person)
            .where(_ENROLMENTS.c.state == "found", _ENROLMENTS.c.due_at <= now)
            .order_by(_ENROLMENTS.c.due_at, _ENROLMENTS.c.id)
            .limit(max(room, 0))
        )
    )


def _notices(session: Session, channel: str, now: datetime, room: int) -> list[SqlRow[Any]]:
    due = WAITS[ADDRESS, channel]
    return list(
        session.connection().execute(
            select(_NOTICES.c.id, _NOTICES.c.person, _NOTICES.c.what)
            .where(due <= now)
            .order_by(due, _NOTICES.c.id)
            .limit(max(room, 0))
        )
    )


def _confirmations(session: Session, now: datetime, room: int) -> list[SqlRow[Any]]:
    return list(
        session.connection().execute(
            select(_CONFIRMATIONS.c.id, _CONFIRMATIONS.c.person)
            .where(_CONFIRMATIONS.c.due_at <= now, _CONFIRMATIONS.c.expires_at > now)
            .order_by(_CONFIRMATIONS.c.due_at, _CONFIRMATIONS.c.id)
            .limit(max(room, 0))
        )
    )


def _only(event: UUID | None) -> frozenset[UUID]:
    """Return the bundle's first event alone; an enrolment has none."""
    return frozenset() if event is None else frozenset({event})


def _under_way(channel: str) -> ColumnElement[bool]:
    """Say whether a message is on its way: it tells of the bundle as it will be then, so no second one meanwhile."""
    return (
        select(_DELIVERIES.c.id)
        .where(
            _DELIVERIES.c.matter == _BUNDLES.c.id,
            _DELIVERIES.c.channel == channel,
            _DELIVERIES.c.state == DeliveryState.ANNOUNCED.value,
        )
        .exists()
    )


def _activity(purpose: str, lebenslage: str, channel: str) -> str:
    if (purpose, channel) == (ACCOUNT, MAIL):
        return ADDRESS_FLOW
    return f"{_OWN_ACTIVITY.get(purpose, f'{lebenslage}/propose')}/{channel}"


def due_again(session: Session, now: datetime, wall: datetime) -> ColumnElement[bool]:
    """Return the condition on ``deliveries`` for a letter that waited long enough, or whose worker never came back."""
    dead = dead_workers(session, _DELIVERIES)
    return and_(
        _DELIVERIES.c.state == DeliveryState.ANNOUNCED.value,
        or_(
            and_(_DELIVERIES.c.lease_until.is_(None), _DELIVERIES.c.due_at <= now),
            abandoned(_DELIVERIES, wall, dead),
        ),
    )


Answers = list[tuple[Matter, Permit[Propose] | Refusal]]
"""Each matter with the gate's answer."""


def lock(session: Session, pairs: Answers, again: ColumnElement[bool], now: datetime) -> Answers:
    """Return those still due whose rows no other worker has: by table, as ``record`` does, then deliveries."""
    connection = session.connection()
    fresh = [matter for matter, _ in pairs if matter.delivery is None]
    held: set[tuple[str, UUID]] = set()
    for row in connection.execute(
        select(_BUNDLES.c.id, _BUNDLES.c.due_at, _BUNDLES.c.mail_due_at)
        .where(
            _BUNDLES.c.id.in_([matter.id for matter in fresh if matter.purpose == BUNDLE]),
            _BUNDLES.c.state == "open",
        )
        .order_by(_BUNDLES.c.id)
        .with_for_update(skip_locked=True)
    ):
        since = {LETTER: row.due_at, MAIL: row.mail_due_at}
        held |= {(channel, row.id) for channel, at in since.items() if at is not None and at <= now}
    enrolling = connection.execute(
        select(_ENROLMENTS.c.id)
        .where(
            _ENROLMENTS.c.id.in_([matter.id for matter in fresh if matter.purpose == ACTIVATION]),
            _ENROLMENTS.c.state == "found",
            _ENROLMENTS.c.due_at <= now,
        )
        .order_by(_ENROLMENTS.c.id)
        .with_for_update(skip_locked=True)
    )
    held |= {(LETTER, enrolment) for enrolment in enrolling.scalars()}
    for row in connection.execute(
        select(_NOTICES.c.id, _NOTICES.c.due_at, _NOTICES.c.mail_due_at)
        .where(_NOTICES.c.id.in_([matter.id for matter in fresh if matter.purpose in (ACCOUNT, ADDRESS)]))
        .order_by(_NOTICES.c.id)
        .with_for_update(skip_locked=True)
    ):
        since = {LETTER: row.due_at, MAIL: row.mail_due_at}
        held |= {(channel, row.id) for channel, at in since.items() if at is not None and at <= now}
    confirming = connection.execute(
        select(_CONFIRMATIONS.c.id)
        .where(
            _CONFIRMATIONS.c.id.in_([matter.id for matter in fresh if matter.purpose == CONFIRMATION]),
            _CONFIRMATIONS.c.due_at <= now,
            _CONFIRMATIONS.c.expires_at > now,
        )
        .order_by(_CONFIRMATIONS.c.id)
        .with_for_update(skip_locked=True)
    )
    held |= {(MAIL, waiting) for waiting in confirming.scalars()}
    begun = {
        row.id: row
        for row in connection.execute(
            select(_DELIVERIES)
            .where(
                _DELIVERIES.c.id.in_([matter.delivery.id for matter, _ in pairs if matter.delivery is not None]),
                again,
            )
            .order_by(_DELIVERIES.c.id)
            .with_for_update(skip_locked=True)
        )
    }
    return [
        (matter, answer)
        for matter, answer in pairs
        if ((matter.channel, matter.id) in held if matter.delivery is None else matter.delivery.id in begun)
    ]


def runs(session: Session, matters: Sequence[UUID]) -> dict[tuple[str, UUID], int]:
    """Return the number of the last message about each matter, by channel."""
    found = session.connection().execute(
        select(_DELIVERIES.c.channel, _DELIVERIES.c.matter, func.max(_DELIVERIES.c.run))
        .where(_DELIVERIES.c.matter.in_(matters))
        .group_by(_DELIVERIES.c.channel, _DELIVERIES.c.matter)
    )
    return {(row[0], row[1]): row[2] for row in found}
