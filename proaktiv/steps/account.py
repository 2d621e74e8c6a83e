"""Account: a Nutzerkonto is bound to a person once, and from then on says who stands before the browser.

Bound is only by whoever came in with a letter's code and the birth date, and only an account that bears the same name
and birth date: the letter proves the address, the account proves who opened it. Name and birth date are compared as
MACs that the worker made with the code, so this surface reads no contact data. One person has one account, one account
one person. Each log-in, binding, refusal and unbinding is in the log, and a letter tells of what changed.
Left to others: the provider (``identity``), sessions (``steps.prove``), the letter (``steps.notify``).
Source: data-path.md § 1; channels-and-pages.md §§ 4, 5.2 (9); docs/decisions/0016.
"""

import hmac
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from consent.model import SubjectStatus
from proaktiv.assent import act
from proaktiv.core.errors import Conflict
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.identity.model import Attributes, Identified
from proaktiv.subjects import read_subjects
from proaktiv.tables import NoticeRow, PersonIdentifierRow, SessionRow, core_table
from proaktiv.vault import Vault

_IDENTIFIERS = core_table(PersonIdentifierRow)
_SESSIONS = core_table(SessionRow)
_NOTICES = core_table(NoticeRow)

KIND = "oidc"
LOGIN = "account"
"""The purpose of a session that an account opened; ``steps.prove`` makes them."""

_ATTRIBUTES = ("vornamen", "familienname", "geburtsdatum")


def account_hash(vault: Vault, issuer: str, subject: str) -> bytes:
    """Return under what an account is found. A subject is taken as it is, blanks and all: it names one account."""
    return vault.mac(f"lookup/{KIND}", issuer.encode() + b"\x00" + subject.encode())


def owner_of(session: Session, account: bytes) -> UUID | None:
    """Return whom an account is bound to, whatever became of them."""
    found = select(_IDENTIFIERS.c.person).where(_IDENTIFIERS.c.kind == KIND, _IDENTIFIERS.c.lookup_hash == account)
    person: UUID | None = session.connection().execute(found).scalar_one_or_none()
    return person


def is_bound(session: Session, proof: SessionProof) -> bool:
    """Return whether this person has bound an account."""
    found = select(_IDENTIFIERS.c.person).where(_IDENTIFIERS.c.kind == KIND, _IDENTIFIERS.c.person == proof.person)
    return session.connection().execute(found).first() is not None


def may_bind(session: Session, proof: SessionProof) -> bool:
    """Return whether this session came from a letter, to somebody who has finished enrolling."""
    return proof.trust is Trust.V1 and _standing(session, proof.person)


def _standing(session: Session, person: UUID) -> bool:
    return read_subjects(session, [person])[person].status is SubjectStatus.ALIVE


# waiting and bound  -------------------------------------------------------------------------------------------------


def consider(session: Session, house: House, proof: SessionProof, came: Identified, now: datetime) -> bool:
    """Log what an account says of its owner beside a letter's session, and let it wait for a yes if it fits.

    Returns whether it fits; the caller commits either way. Nothing is bound before the person says so.
    """
    account = account_hash(house.vault, came.issuer, came.subject)
    extra = _extra(session, proof)
    fits = came.attributes is not None and _same(house, proof, came.attributes, extra.get("identity", ""))
    if fits and owner_of(session, account) in {None, proof.person} and not is_bound(session, proof):
        waits = {"account": account.hex(), "trust": int(came.trust)}
        session.connection().execute(
            update(_SESSIONS).where(_SESSIONS.c.id == proof.session).values(extra=extra | {"waiting": waits})
        )
        house.log.record(session, [_said(house, proof, came.attributes)], now)
        return True
    _forget(session, proof, extra)
    why = "taken" if fits else "not_fitting"
    house.log.record(session, [_said(house, proof, came.attributes), _refusal(house, proof, why)], now)
    return False


def waiting(session: Session, proof: SessionProof) -> bool:
    """Return whether an account waits for this person's yes."""
    return "waiting" in _extra(session, proof)


def bind(session: Session, house: House, proof: SessionProof, now: datetime) -> Trust | None:
    """Bind the account that waits, and say what it proves; None where somebody else was faster (logged).

    Whoever gets a trust logs the binding with ``log_act`` once the session is another one: the log comes last. Raises
    ``Conflict`` where none waits.
    """
    extra = _extra(session, proof, lock=True)
    waits = extra.get("waiting")
    if waits is None or not may_bind(session, proof):
        raise Conflict("no account waits to be bound in this session")
    _forget(session, proof, extra)
    # Whoever binds the same account at the same moment is waited for; so is the same person with another account.
    claimed = session.connection().execute(
        upsert(_IDENTIFIERS)
        .values(kind=KIND, lookup_hash=bytes.fromhex(waits["account"]), person=proof.person)
        .on_conflict_do_nothing()
        .returning(_IDENTIFIERS.c.person)
    )
    if claimed.first() is None:
        log_refusal(session, house, proof, "taken", now)
        return None
    _tell(session, house, proof, "bound", now)
    return Trust(waits["trust"])


def unbind(session: Session, house: House, proof: SessionProof, now: datetime) -> bool:
    """Unbind this person's account and end every session that it opened; again is no error. Returns whether it was."""
    connection = session.connection()
    gone = connection.execute(
        delete(_IDENTIFIERS).where(_IDENTIFIERS.c.kind == KIND, _IDENTIFIERS.c.person == proof.person)
    )
    if not gone.rowcount:
        return False
    connection.execute(delete(_SESSIONS).where(_SESSIONS.c.person == proof.person, _SESSIONS.c.purpose == LOGIN))
    _tell(session, house, proof, "unbound", now)
    log_act(session, house, proof, "account.unbound", now)
    return True


def _extra(session: Session, proof: SessionProof, *, lock: bool = False) -> dict[str, Any]:
    found = select(_SESSIONS.c.extra).where(_SESSIONS.c.id == proof.session)
    row = session.connection().execute(found.with_for_update() if lock else found).scalar_one_or_none()
    return dict(row or {})


def _forget(session: Session, proof: SessionProof, extra: dict[str, Any]) -> None:
    if extra.pop("waiting", None) is not None:
        session.connection().execute(update(_SESSIONS).where(_SESSIONS.c.id == proof.session).values(extra=extra))


def _same(house: House, proof: SessionProof, said: Attributes, known: str) -> bool:
    """Return whether an account bears the name and birth date that the letter was written to."""
    mac = house.vault.identity_mac(proof.person, said.family_name, said.given_name, said.birth_date)
    return hmac.compare_digest(mac.hex(), known)


def _tell(session: Session, house: House, proof: SessionProof, what: str, now: datetime) -> None:
    session.connection().execute(
        insert(_NOTICES),
        [{"id": house.ids.row(now), "person": proof.person, "what": what, "made_at": now, "due_at": now}],
    )


# the log --------------------------------------------------------------------------------------------------------------


def log_act(session: Session, house: House, proof: SessionProof, action: str, now: datetime) -> None:
    """Log ``account.entered``, ``bound`` or ``unbound``: whoever reads it did it, or learns that somebody else did."""
    house.log.record(session, [_act(house, proof, action)], now)


def log_refusal(session: Session, house: House, proof: SessionProof, why: str, now: datetime) -> None:
    """Log that an account was not bound. ``why``: not_fitting, taken, or too_low."""
    house.log.record(session, [_refusal(house, proof, why)], now)


def _refusal(house: House, proof: SessionProof, why: str) -> Flow:
    return replace(_act(house, proof, "account.not_bound"), kind=Kind.REFUSED, outcome=why)


def _act(house: House, proof: SessionProof, action: str) -> Flow:
    flow: Flow = replace(act(house, proof, proof.session, action), purpose="Zugang mit dem Nutzerkonto", case="")
    return flow


def _said(house: House, proof: SessionProof, said: Attributes | None) -> Flow:
    """Return the entry of what the provider told us about its account: a flow of its own, and nothing of it is kept."""
    return Flow(
        kind=Kind.RECEIVED,
        sender="nutzerkonto",
        receiver=house.controller,
        receiver_name=house.name,
        purpose="Prüfen, ob ein Nutzerkonto zu Ihnen gehört",
        action="account.compared",
        basis="§ 8 OZG",
        categories=() if said is None else _ATTRIBUTES,
        outcome="received",
        person=proof.person,
        actor="citizen",
    )
