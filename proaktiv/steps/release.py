"""Release: an entry that was kept from its person is shown to them from now on, by a later entry of the log.

What is written is never changed: the release has the person's next number and names the entry that it releases, so no
gap betrayed the one before and none appears now. A human decides, for instance at the end of an investigation. Left to
others: showing it (``steps.timeline``). Source: flowlog.md § 5.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.flows import RELEASED, Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.flowlog.proving.stored import facts_in, stored
from proaktiv.house import House
from proaktiv.locks import lock_keys
from proaktiv.tables import FlowLogRow, FlowSecretRow, VaultKeyRow, core_table
from proaktiv.vault import Compartment

REASON_MIN, REASON_MAX = 10, 500

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_KEYS = core_table(VaultKeyRow)


def release(session: Session, house: House, fid: UUID, reason: str, by: str, now: datetime) -> UUID:
    """Show a restricted entry to its person; return the id of the entry that says so.

    ``reason`` stays sealed in the staff's part. Raises ``NotFound``; ``Conflict`` for an entry that is shown already,
    is about nobody who is known here, or is not what was signed; ``BadInput``.
    """
    given = " ".join(reason.split())
    if not REASON_MIN <= len(given) <= REASON_MAX:
        raise BadInput("--reason", f"must say in {REASON_MIN} to {REASON_MAX} characters why")
    lock_keys(session, [b"release" + fid.bytes])
    row = (
        session.connection()
        .execute(
            select(_LOG.c.t.label("at"), _LOG.c.f_salt, _LOG.c.f_bytes, _LOG.c.entry, _SECRET.c.subj)
            .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
            .where(_LOG.c.fid == fid)
        )
        .one_or_none()
    )
    if row is None:
        raise NotFound(f"there is no entry {fid}")
    said = stored(row, row.at)
    if not said.intact:
        raise Conflict(f"entry {fid} is not what was signed: make an export, verify it and keep it")
    if not said.facts.get("restrict"):
        raise Conflict(f"entry {fid} was never kept from anybody")
    person = _whose(session, house, row.subj)
    if person is None:
        raise Conflict(f"entry {fid} is about nobody who is known here")
    if _released(session, row.subj, fid):
        raise Conflict(f"entry {fid} is released already")
    flow = Flow(
        kind=Kind.RETENTION,
        sender=house.controller,
        receiver=house.controller,
        purpose="auskunft",
        action=RELEASED,
        basis="Art. 15 DSGVO",
        of=fid,
        person=PersonKey(person),
        actor=by,
        reason=given,
    )
    return house.log.record(session, [flow], now)[0]


def _whose(session: Session, house: House, subj: bytes | None) -> UUID | None:
    """Return who is behind a blind index. It leads nowhere, so all who have keys are tried; this is rare."""
    if subj is None:
        return None
    known = select(_KEYS.c.person).where(_KEYS.c.compartment == Compartment.FLOW.value, _KEYS.c.state == "active")
    persons = session.connection().execute(known, execution_options={"yield_per": 10_000}).scalars()
    return next((person for person in persons if house.log.subj(person) == subj), None)


def _released(session: Session, subj: bytes, fid: UUID) -> bool:
    found = session.connection().execute(
        select(_LOG.c.f_bytes)
        .join(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .where(_SECRET.c.subj == subj, _LOG.c.kind == Kind.RETENTION)
    )
    said = (facts_in(bytes(body)) or {} for body in found.scalars())
    return any(facts.get("action") == RELEASED and facts.get("of") == str(fid) for facts in said)
