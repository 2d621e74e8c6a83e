"""Second transaction: what became of each letter, and the log's outcome."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import AWAY_FOR, BACKOFF, MAIL_BACKOFF, End, again_at, outcome
from proaktiv.core.states import DeliveryState
from proaktiv.house import House
from proaktiv.matters import untold_in
from proaktiv.outtray import CALL_BACK
from proaktiv.steps.notify.contents import news_told
from proaktiv.steps.notify.hinting import forget_former, hint
from proaktiv.steps.notify.outages import heard
from proaktiv.steps.notify.posting import ACCOUNT, ACTIVATION, ADDRESS, BUNDLE, CONFIRMATION, LETTER, MAIL, Posted
from proaktiv.tables import (
    BundleRow,
    DeliveryRow,
    EnrolmentRow,
    MailConfirmationRow,
    NoticeRow,
    SuppressionRow,
    core_table,
)
from proaktiv.vault import Compartment

_BUNDLES = core_table(BundleRow)
_ENROLMENTS = core_table(EnrolmentRow)
_NOTICES = core_table(NoticeRow)
_CONFIRMATIONS = core_table(MailConfirmationRow)
_DELIVERIES = core_table(DeliveryRow)
_SUPPRESSIONS = core_table(SuppressionRow)


def record(session: Session, house: House, results: Sequence[Posted], now: datetime) -> None:
    """Write how the letters ended.

    A letter that left is handed over, whatever was decided about its row meanwhile: the truth wins. A letter that
    another worker has announced anew keeps its state, and only the outcome is logged.
    """
    house.probe("notify.record.before")
    connection = session.connection()
    told = _lock_matters(session, results)
    rows = {
        row.id: row
        for row in connection.execute(
            select(_DELIVERIES.c.id, _DELIVERIES.c.state, _DELIVERIES.c.tries, _DELIVERIES.c.flow_id)
            .where(_DELIVERIES.c.id.in_([posted.posting.delivery for posted in results]))
            .order_by(_DELIVERIES.c.id)
            .with_for_update()
        )
    }
    moves: list[dict[str, Any]] = []
    arrived: list[Posted] = []
    tasks: list[tuple[str, UUID, str]] = []
    for posted in results:
        row = rows.get(posted.posting.delivery)
        if row is None or row.flow_id != posted.posting.clearance.flow or row.state == DeliveryState.HANDED_OVER.value:
            continue
        if not posted.ended.arrived and row.state != DeliveryState.ANNOUNCED.value:
            continue
        move = _after(row.tries, posted, now)
        moves.append({"b_id": row.id, **move})
        if posted.ended.arrived:
            arrived.append(posted)
            if row.state == DeliveryState.CANCELLED.value and posted.posting.channel == LETTER:
                tasks.append((CALL_BACK, row.id, ""))  # it left while it was stopped
        elif posted.posting.channel == MAIL:
            continue  # a hint: the letter beside it tells the same, and nobody has to run after it
        elif move["state"] == DeliveryState.FAILED.value:
            tasks.append(("delivery.failed", row.id, ""))
        elif move["state"] == DeliveryState.IN_DOUBT.value:
            tasks.append(("delivery.in_doubt", row.id, ""))
    if moves:
        connection.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == bindparam("b_id"))
            .values(
                state=bindparam("state"),
                reason=bindparam("reason"),
                tries=bindparam("tries"),
                due_at=bindparam("due_at"),
                lease_until=None,
                worker=None,
                moved_at=now,
            ),
            moves,
        )
    _tell(
        session,
        [posted for posted in arrived if posted.posting.matter in told and posted.posting.channel == LETTER],
        now,
    )
    over = {move["b_id"] for move in moves if move["state"] != DeliveryState.ANNOUNCED.value}
    ended = [posted.posting for posted in results if posted.posting.delivery in over]
    forget_former(session, [(posting.matter, posting.purpose, posting.channel) for posting in ended])
    _suppress(session, house, [posted for posted in results if posted.refused], now)
    call_human(session, house, tasks, now)
    heard(session, house, results, now)
    ring = house.vault.ring(session, {posted.posting.person for posted in results}, (Compartment.FLOW,))
    house.log.record(session, [_outcome(posted) for posted in results], now, ring)
    house.probe("notify.record.during")


def _lock_matters(session: Session, results: Sequence[Posted]) -> set[UUID]:
    """Lock bundles, then enrolments, notices, confirmations: the same order as ``announce``."""
    told: set[UUID] = set()
    for table, purposes in (
        (_BUNDLES, {BUNDLE}),
        (_ENROLMENTS, {ACTIVATION}),
        (_NOTICES, {ACCOUNT, ADDRESS}),
        (_CONFIRMATIONS, {CONFIRMATION}),
    ):
        wanted = [posted.posting.matter for posted in results if posted.posting.purpose in purposes]
        if wanted:
            found = session.connection().execute(
                select(table.c.id).where(table.c.id.in_(wanted)).order_by(table.c.id).with_for_update()
            )
            told |= set(found.scalars())
    return told


def _after(tries: int, posted: Posted, now: datetime) -> dict[str, Any]:
    """Return the delivery's next state, reason, number of failed tries and due time."""
    ended = posted.ended
    if ended.arrived:
        return {"state": DeliveryState.HANDED_OVER.value, "reason": "", "tries": tries, "due_at": None}
    waiting = {"state": DeliveryState.ANNOUNCED.value, "reason": ended.end.value}
    if ended.end is End.AWAY:
        return {**waiting, "tries": tries, "due_at": now + AWAY_FOR}
    if ended.end is End.UNSURE and not posted.posting.idempotent:
        return {"state": DeliveryState.IN_DOUBT.value, "reason": ended.end.value, "tries": tries + 1, "due_at": None}
    pauses = MAIL_BACKOFF if posted.posting.channel == MAIL else BACKOFF
    again = None if ended.end is End.NEVER else again_at(now, tries + 1, ended.retry_after_seconds, pauses)
    if again is None:
        return {"state": DeliveryState.FAILED.value, "reason": ended.end.value, "tries": tries + 1, "due_at": None}
    return {**waiting, "tries": tries + 1, "due_at": again}


def _tell(session: Session, arrived: Sequence[Posted], now: datetime) -> None:
    """Count the message at its bundle and note when to remind once; an enrolment now waits for its code."""
    connection = session.connection()
    letters = [posted.posting for posted in arrived if posted.posting.purpose == BUNDLE]
    bundles = [posting.matter for posting in letters]
    if bundles:
        connection.execute(
            update(_BUNDLES)
            .where(_BUNDLES.c.id == bindparam("b_id"), _BUNDLES.c.state == "open")
            .values(remind_at=bindparam("remind_at")),
            [{"b_id": posting.matter, "remind_at": posting.remind_at} for posting in letters],
        )
        hint(session, bundles, now)
        connection.execute(update(_BUNDLES).where(_BUNDLES.c.id.in_(bundles)).values(messages=_BUNDLES.c.messages + 1))
        news_told(session, {posting.matter: made for posting in letters if (made := posting.message.made_at)})
        connection.execute(
            update(_BUNDLES).where(_BUNDLES.c.id.in_(bundles), ~untold_in(_BUNDLES.c.id)).values(due_at=None)
        )
    enrolments = [posted.posting.matter for posted in arrived if posted.posting.purpose == ACTIVATION]
    if enrolments:
        connection.execute(
            update(_ENROLMENTS)
            .where(_ENROLMENTS.c.id.in_(enrolments), _ENROLMENTS.c.state == "found")
            .values(state="letter", due_at=None)
        )


def _suppress(session: Session, house: House, refused: Sequence[Posted], now: datetime) -> None:
    """Remember addresses that were refused for good, as keyed hashes; the letters go as before."""
    hashes = {house.vault.lookup_hash("mail", posted.posting.recipient.mail.lower()) for posted in refused}
    if hashes:
        session.connection().execute(
            upsert(_SUPPRESSIONS).on_conflict_do_nothing(),
            [{"address_hash": each, "since": now} for each in sorted(hashes)],
        )


def _outcome(posted: Posted) -> Flow:
    word = "mail" if posted.posting.channel == MAIL else "letter"
    action = f"{word}.handed_over" if posted.ended.arrived else f"{word}.not_handed_over"
    return outcome(posted.posting.flow, posted.posting.clearance.flow, posted.ended, action)
