"""A proof whose staff part lies open, for somebody outside: who asked is logged before anything is opened.

Left to others: the proof itself (``flowlog.proving.single``); what a person sees of their own part
(``steps.timeline``). Source: flowlog.md § 5; Art. 32 DSGVO.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import NotFound
from proaktiv.core.flows import OVERSIGHT, Flow, Kind
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.reasons import asked
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.single import proof_of
from proaktiv.flowlog.staff import StaffReader, without
from proaktiv.house import House
from proaktiv.tables import FlowLogRow, FlowSecretRow, core_table
from proaktiv.vault import NotHeld

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)


def announce(session: Session, house: House, fid: UUID, by: str, reason: str, now: datetime) -> None:
    """Log that somebody takes one entry's staff part out of the house. Commit before ``opened_proof``.

    Raises ``NotFound``, ``BadInput`` for a reason or a name that is none.
    """
    who, why = asked(by, reason)
    if session.connection().execute(select(_LOG.c.fid).where(_LOG.c.fid == fid)).first() is None:
        raise NotFound("entry")
    flow = Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=house.controller,
        purpose=OVERSIGHT,
        action="flow.proven",
        basis="Art. 39 Abs. 1 Buchst. b DSGVO",
        categories=("protokoll",),
        actor=who,
        case=str(fid),
        reason=why,
    )
    house.log.record(session, [flow], now)


def opened_proof(session: Session, house: House, fid: UUID, staff_private: OfficeKeys) -> str:
    """Return the proof of one entry with its facts and its staff part. Raises ``NotHeld``, ``NotFound``."""
    if not staff_private:
        raise NotHeld("the staff part opens where the office holds PROAKTIV_STAFF_PRIVATE_KEY")
    key = session.connection().execute(select(_SECRET.c.staff_key).where(_SECRET.c.fid == fid)).scalar_one_or_none()
    reader = StaffReader(staff_private)
    reader.load(session, () if key is None else (key,))
    for closed in reader.closed:
        raise NotHeld(without(closed))
    return proof_of(session, fid, facts=True, opener=Parts(house.vault, staff=reader))
