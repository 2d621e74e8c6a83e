"""Acknowledge: take a Behörde's message about an Auftrag that it was handed.

The sender must be the Behörde of that hand-over; one message id counts once. A message that comes late or twice never
moves an Auftrag backward. A refused message is told to the DSB by ``report``, in a transaction of its own: the one that
refused is rolled back.
Where the Behörde asks back or turns the Auftrag down, a letter tells its person that there is news.
Left to others: the signature (``web.intake``), that letter and sealing the words for the person (``steps.notify``), the
page that shows them.
Source: data-path.md §§ 4, 5; security-and-faults.md T7, T8.
"""

import json
import unicodedata
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.calling import call_human
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.staff import StaffProof
from proaktiv.core.states import AUFTRAG, TO_BE_TOLD, AuftragState, moved
from proaktiv.house import House
from proaktiv.matters import bring_news
from proaktiv.tables import AcknowledgementRow, AuftragRow, FlowLogRow, HandoverRow, IncidentRow, core_table
from proaktiv.vault import Compartment, Place, Vault

PROBES = ("acknowledge.before", "acknowledge.during", "acknowledge.after")

MAX_TEXT = 2000
_MAX_ID = 64
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Turn the direction of what follows: another text is read than was signed (UAX #9; CVE-2021-42574)."""

_AUFTRAEGE = core_table(AuftragRow)
_HANDOVERS = core_table(HandoverRow)
_ACKNOWLEDGEMENTS = core_table(AcknowledgementRow)
_INCIDENTS = core_table(IncidentRow)
_FLOWS = core_table(FlowLogRow)

_STATUS = {
    "acknowledged": AuftragState.ACKNOWLEDGED,
    "question": AuftragState.QUESTION,
    "decided": AuftragState.DECIDED,
    "rejected": AuftragState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One message of a Behörde. ``status``: acknowledged, question, decided or rejected."""

    behoerde: str
    wire_id: str
    message_id: str
    status: str
    text: str


class ForeignSender(NotAllowed):
    """The sender is not the Behörde of this hand-over; ``handover`` is the one it wrote about."""

    def __init__(self, handover: UUID) -> None:
        super().__init__(f"hand-over {handover} is with another Behörde")
        self.handover = handover


class ChangedMessage(Conflict):
    """The message id was used before with other content; ``handover`` is the one the first message was about."""

    def __init__(self, handover: UUID) -> None:
        super().__init__(f"hand-over {handover}: a message with this id is here and says something else")
        self.handover = handover


def read(payload: bytes) -> Acknowledgement:
    """Return the message in the payload of a verified signature. Raises ``BadInput``.

    The payload is ``{behoerde, wire_id, message_id, status, text, iat}``; ``iat`` belongs to the signature's check.
    """
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadInput("", "must be a JSON object") from None
    if not isinstance(data, dict):
        raise BadInput("", "must be a JSON object")
    limits = {"text": MAX_TEXT}
    texts = {}
    for name in (each.name for each in fields(Acknowledgement)):
        value = data.get(name, "" if name == "text" else None)
        if not isinstance(value, str) or len(value) > limits.get(name, _MAX_ID):
            raise BadInput(f"/{name}", f"must be text of at most {limits.get(name, _MAX_ID)} characters")
        if not _readable(value, lines=name == "text"):
            raise BadInput(f"/{name}", "must hold no character that controls a page or turns the direction of writing")
        if not value and name != "text":
            raise BadInput(f"/{name}", "must not be empty")
        texts[name] = value
    if texts["status"] not in _STATUS:
        raise BadInput("/status", f"must be one of {', '.join(_STATUS)}")
    return Acknowledgement(**texts)


def _readable(value: str, *, lines: bool) -> bool:
    """Return whether a person can be shown it as it was signed; joiners and marks of a script may stand in it."""
    return not any(
        symbol in _TURNS or (unicodedata.category(symbol) in {"Cc", "Cs"} and not (lines and symbol in "\n\r\t"))
        for symbol in value
    )


def content_mac(vault: Vault, message: Acknowledgement) -> bytes:
    """Return what tells a repeat from another message under the same id."""
    content = {each.name: getattr(message, each.name) for each in fields(Acknowledgement)}
    return vault.mac("acknowledgement", dumps(content))


def accept(
    session: Session,
    house: House,
    message: Acknowledgement,
    content_mac: bytes,
    now: datetime,
    *,
    by: StaffProof | None = None,
) -> UUID:
    """Keep the message and move its Auftrag on; return the message's row. The same message again changes nothing.

    ``by`` is the clerk who says it for the Behörde on a page of this house; without one the Behörde signed it.

    Raises ``NotFound`` for a wire id nobody was handed, ``ForeignSender`` and ``ChangedMessage``: tell the DSB of
    these two with ``report``.
    """
    house.probe("acknowledge.before")
    connection = session.connection()
    handover = connection.execute(
        select(_HANDOVERS).where(_HANDOVERS.c.wire_id == message.wire_id).order_by(_HANDOVERS.c.attempt.desc()).limit(1)
    ).one_or_none()
    if handover is None:
        raise NotFound("hand-over")
    auftrag = connection.execute(select(_AUFTRAEGE).where(_AUFTRAEGE.c.id == handover.auftrag).with_for_update()).one()
    if message.behoerde != handover.behoerde:
        raise ForeignSender(handover.id)
    known = _known(session, message)
    if known is not None:
        return _same(known, content_mac)
    row, flow = house.ids.row(now), _flow(session, house, message, handover, auftrag)
    if by is not None:
        flow = replace(flow, actor=by.name)
    person = flow.person
    ring = house.vault.ring(session, [person], (Compartment.FLOW,)) if person is not None else None
    if ring is not None and person is not None and not ring.has(person, Compartment.FLOW):
        flow, ring = replace(flow, person=None), None
    _move(session, house, auftrag, _STATUS[message.status], now)
    connection.execute(
        update(_HANDOVERS)
        .where(_HANDOVERS.c.wire_id == message.wire_id, _HANDOVERS.c.state == "in_doubt")
        .values(state="sent", reason="acknowledged", moved_at=now)
    )
    (flow_id,) = house.log.record(session, [flow], now, ring)
    place = Place("acknowledgements", row, "text")
    written = connection.execute(
        upsert(_ACKNOWLEDGEMENTS)
        .values(
            id=row,
            handover=handover.id,
            behoerde=message.behoerde,
            message_id=message.message_id,
            status=message.status,
            text=house.vault.seal_to_worker(place, message.text) if message.text else None,
            content_mac=content_mac,
            signed=by is None,
            received_at=now,
            flow_id=flow_id,
        )
        .on_conflict_do_nothing()
        .returning(_ACKNOWLEDGEMENTS.c.id)
    ).scalar_one_or_none()
    if written is None:
        # The same id about another Auftrag, committed this instant: nothing of this transaction may stay.
        raise ChangedMessage(handover.id)
    house.probe("acknowledge.during")
    return row


def report(session: Session, house: House, error: ForeignSender | ChangedMessage, now: datetime) -> None:
    """Tell the DSB of a refused message, in a transaction of its own."""
    what = "acknowledgement.foreign_sender" if isinstance(error, ForeignSender) else "acknowledgement.changed"
    session.connection().execute(
        insert(_INCIDENTS), [{"id": house.ids.row(now), "what": what, "matter": error.handover, "at": now}]
    )
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=house.controller,
        receiver=house.controller,
        purpose="sicherheit",
        action=what,
        basis="Art. 32 DSGVO",
        outcome="refused",
        restrict=True,
        case=str(error.handover),
    )
    house.log.record(session, [flow], now)


def _known(session: Session, message: Acknowledgement) -> Row[UUID, UUID, bytes] | None:
    return (
        session.connection()
        .execute(
            select(_ACKNOWLEDGEMENTS.c.id, _ACKNOWLEDGEMENTS.c.handover, _ACKNOWLEDGEMENTS.c.content_mac).where(
                _ACKNOWLEDGEMENTS.c.behoerde == message.behoerde,
                _ACKNOWLEDGEMENTS.c.message_id == message.message_id,
            )
        )
        .one_or_none()
    )


def _same(known: Row[UUID, UUID, bytes], content_mac: bytes) -> UUID:
    if known.content_mac != content_mac:
        raise ChangedMessage(known.handover)
    row: UUID = known.id
    return row


def _move(session: Session, house: House, auftrag: Row[Any], to: AuftragState, now: datetime) -> None:
    """Move the Auftrag along the table's steps to ``to``, if there is a way; what is over stays over.

    A message proves that the Auftrag arrived, also where we did not know it or were about to send it again.
    """
    state = AuftragState(auftrag.state)
    for step in _way(state, to):
        state = moved(AUFTRAG, state, step)
    if state is not AuftragState(auftrag.state):
        session.connection().execute(
            update(_AUFTRAEGE).where(_AUFTRAEGE.c.id == auftrag.id).values(state=state.value, due_at=None, moved_at=now)
        )
        if state in TO_BE_TOLD:
            bring_news(session, [auftrag.proposal], now)
    elif state is AuftragState.WITHDRAWN:
        call_human(session, house, [("auftrag.recall_by_hand", auftrag.proposal, auftrag.behoerde)], now)


_BEFORE_SENT = (AuftragState.HELD, AuftragState.READY)


def _way(state: AuftragState, to: AuftragState) -> tuple[AuftragState, ...]:
    """Return the moves from ``state`` to ``to``: none where the Auftrag is there or beyond."""
    if to in AUFTRAG[state]:
        return (to,)
    if state in {AuftragState.ANNOUNCED, AuftragState.IN_DOUBT}:
        return (AuftragState.ACKNOWLEDGED, to)
    if state in _BEFORE_SENT:
        arrived = (AuftragState.ANNOUNCED, AuftragState.ACKNOWLEDGED)
        return arrived if to is AuftragState.ACKNOWLEDGED else (*arrived, to)
    return ()


def _flow(session: Session, house: House, message: Acknowledgement, handover: Row[Any], auftrag: Row[Any]) -> Flow:
    """Return the entry: same purpose and basis as the hand-over it answers.

    Only a surface that holds the log's keys can seal the person's part; the intake may not.
    """
    sent = (
        session.connection()
        .execute(select(_FLOWS.c.purpose, _FLOWS.c.basis, _FLOWS.c.scope).where(_FLOWS.c.fid == handover.flow_id))
        .one()
    )
    named = auftrag.person is not None and Compartment.FLOW in house.vault.holds
    return Flow(
        kind=Kind.RECEIVED,
        sender=message.behoerde,
        receiver=house.controller,
        purpose=sent.purpose,
        action="acknowledgement.received",
        basis=sent.basis,
        categories=("bearbeitungsstand",),
        scope=sent.scope,
        outcome=message.status,
        person=PersonKey(auftrag.person) if named else None,
        actor=message.behoerde,
        case=str(auftrag.id),
    )
