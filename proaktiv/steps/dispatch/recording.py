"""Second transaction: what became of each attempt and its Auftrag, and the log's outcome."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from proaktiv.calling import call_human, call_off
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import AWAY_FOR, End, again_at, outcome
from proaktiv.core.states import AUFTRAG, AuftragState, moved
from proaktiv.house import House
from proaktiv.outages import BEHOERDE, tried
from proaktiv.steps.dispatch.sending import IN_DOUBT, LATE, UNDELIVERABLE, Sent
from proaktiv.tables import AuftragRow, HandoverRow, core_table
from proaktiv.vault import Compartment

_AUFTRAEGE = core_table(AuftragRow)
_HANDOVERS = core_table(HandoverRow)


def record(session: Session, house: House, results: Sequence[Sent], now: datetime) -> None:
    """Write how the attempts ended.

    The acknowledgement may have come first, or another worker may have sent anew: then the Auftrag stays where it is
    and only the attempt and the log are closed.
    """
    house.probe("dispatch.record.before")
    connection = session.connection()
    states = {
        row.id: AuftragState(row.state)
        for row in connection.execute(
            select(_AUFTRAEGE.c.id, _AUFTRAEGE.c.state)
            .where(_AUFTRAEGE.c.id.in_([sent.sending.auftrag for sent in results]))
            .order_by(_AUFTRAEGE.c.id)
            .with_for_update()
        )
    }
    mine = set(
        connection.execute(
            select(_HANDOVERS.c.id)
            .where(_HANDOVERS.c.id.in_([sent.sending.handover for sent in results]), _HANDOVERS.c.state == "announced")
            .order_by(_HANDOVERS.c.id)
            .with_for_update()
        ).scalars()
    )
    attempts: list[dict[str, Any]] = []
    orders: list[dict[str, Any]] = []
    tasks: list[tuple[str, UUID, str]] = []
    for sent in results:
        sending = sent.sending
        state = states.get(sending.auftrag)
        if sending.handover in mine or sent.ended.arrived:
            attempts.append({"b_id": sending.handover, "state": _attempt(sent), "reason": _reason(sent)})
        if state is None or state not in _open_to(sending.handover in mine, sent):
            continue
        to, due_at = _after(sent, now)
        orders.append({"b_id": sending.auftrag, "state": moved(AUFTRAG, state, to).value, "due_at": due_at})
        if to is AuftragState.IN_DOUBT:
            what = IN_DOUBT if sent.ended.end is End.UNSURE and not sending.idempotent else UNDELIVERABLE
            tasks.append((what, sending.auftrag, sending.behoerde))
    if orders:
        connection.execute(
            update(_AUFTRAEGE)
            .where(_AUFTRAEGE.c.id == bindparam("b_id"))
            .values(state=bindparam("state"), due_at=bindparam("due_at"), moved_at=now),
            orders,
        )
    if attempts:
        connection.execute(
            update(_HANDOVERS)
            .where(_HANDOVERS.c.id == bindparam("b_id"))
            .values(state=bindparam("state"), reason=bindparam("reason"), lease_until=None, worker=None, moved_at=now),
            attempts,
        )
    call_human(session, house, tasks, now)
    call_off(session, [sent.sending.auftrag for sent in results if sent.ended.arrived], now, LATE)
    tried(session, house, BEHOERDE, [(sent.sending.behoerde, sent.ended) for sent in results], now)
    persons = {sent.sending.person for sent in results}
    persons |= {flow.person for sent in results for flow, _ in sent.sending.also if flow.person is not None}
    ring = house.vault.ring(session, persons, (Compartment.FLOW,))
    house.log.record(session, [flow for sent in results for flow in _outcomes(sent)], now, ring)
    house.probe("dispatch.record.during")


def _open_to(mine: bool, sent: Sent) -> frozenset[AuftragState]:
    """Return the states in which this end of an attempt still moves the Auftrag.

    An arrival is true also where doubt had set in, or where the attempt was taken for lost and begun anew.
    """
    if sent.ended.arrived:
        return frozenset({AuftragState.ANNOUNCED, AuftragState.IN_DOUBT})
    return frozenset({AuftragState.ANNOUNCED}) if mine else frozenset()


def _attempt(sent: Sent) -> str:
    if sent.ended.arrived:
        return "sent"
    return "in_doubt" if sent.ended.end is End.UNSURE and not sent.sending.idempotent else "failed"


def _reason(sent: Sent) -> str:
    return "" if sent.ended.arrived else sent.ended.end.value


def _after(sent: Sent, now: datetime) -> tuple[AuftragState, datetime | None]:
    """Return the Auftrag's next state and due time."""
    ended = sent.ended
    if ended.arrived:
        return AuftragState.SENT, None
    if ended.end is End.AWAY:
        return AuftragState.READY, now + AWAY_FOR
    if ended.end is End.NEVER or (ended.end is End.UNSURE and not sent.sending.idempotent):
        return AuftragState.IN_DOUBT, None
    again = again_at(now, sent.sending.tries + 1, ended.retry_after_seconds)
    return (AuftragState.IN_DOUBT, None) if again is None else (AuftragState.READY, again)


def _outcomes(sent: Sent) -> list[Flow]:
    action = "auftrag.handed_over" if sent.ended.arrived else "auftrag.not_handed_over"
    entries = ((sent.sending.flow, sent.sending.clearance.flow), *sent.sending.also)
    return [outcome(flow, of, sent.ended, action) for flow, of in entries]
