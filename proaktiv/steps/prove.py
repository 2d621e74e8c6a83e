"""Prove: a letter code and a birth date become a session at V1, a bound account one at V2 or V3.

The only maker of ``SessionProof``. Compares MACs and opens nothing. Unknown, wrong, used up, locked, protected: the
caller sees one answer, and the same work is done for each. Wrong tries are counted, so the caller's transaction must
commit also when nothing was proven. Whoever enters with a code, and that a code was locked, is an entry of the log that
the person reads; it is written with the session, or there is none. Of a lock tell a letter and, where there is an
address, a mail. Left to others: accounts (``steps.account``), the messages (``steps.notify``).
Source: data-path.md § 2; channels-and-pages.md §§ 4, 5.2 (5), (9); security-and-faults.md T3.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlmodel import Session

from consent.model import Subject, SubjectStatus
from proaktiv.addresses import tell
from proaktiv.core import codes
from proaktiv.core.birthdays import Born
from proaktiv.core.errors import NotProven
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust, admits
from proaktiv.homes import doubted, in_doubt
from proaktiv.house import House
from proaktiv.subjects import read_subjects
from proaktiv.tables import CodeRow, EnrolmentRow, MailAddressRow, SessionRow, core_table

_CODES = core_table(CodeRow)
_SESSIONS = core_table(SessionRow)
_ENROLMENTS = core_table(EnrolmentRow)
_MAIL = core_table(MailAddressRow)

WRONG_TRIES = 5
SESSION_MINUTES = 30
ACCOUNT_MINUTES = 60
"""Whole lives: no look moves the end, for a look writes nothing (channels-and-pages.md § 5.2 (1))."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A fresh session. ``token`` goes into the cookie and is stored nowhere; ``csrf`` goes into each form."""

    token: str
    csrf: str
    purpose: str
    proof: SessionProof


def prove(session: Session, house: House, typed: str, birth_date: Born, now: datetime, wall: datetime) -> Proven | None:
    """Return a session, or None where nothing was proven; the caller commits either way.

    ``wall`` is real time: sessions end by it also where the demonstration's clock jumps.
    """
    try:
        code = codes.read(typed)
    except codes.CodeError:
        code = "0" * codes.LENGTH
    connection = session.connection()
    row = connection.execute(
        select(_CODES).where(_CODES.c.code_mac == house.vault.code_mac(code)).with_for_update()
    ).one_or_none()
    expected = row.proof_mac if row is not None else bytes(32)
    right = hmac.compare_digest(expected, house.vault.proof_mac(code, birth_date))
    if row is None or row.locked_at is not None or row.expires_at <= now:
        return None
    if not right:
        _count(session, house, row, now)
        return None
    if not _may_enter(session, row):
        return None
    proven = _open(session, house, row, wall)
    house.log.record(session, [_said(house, row, Kind.ACCESS, "code.entered")], now)
    return proven


def _count(session: Session, house: House, row: Row[*tuple[Any, ...]], now: datetime) -> None:
    """Count a wrong try; the last one locks the code, which the log and a message beside the letter tell."""
    connection = session.connection()
    tries = row.wrong_tries + 1
    locks = tries >= WRONG_TRIES
    connection.execute(
        update(_CODES)
        .where(_CODES.c.code_mac == row.code_mac)
        .values(wrong_tries=tries, locked_at=now if locks else None)
    )
    if not locks:
        return
    used = select(_MAIL.c.inbox, _MAIL.c.address).where(_MAIL.c.person == row.person, _MAIL.c.confirmation.is_not(None))
    address = connection.execute(used).one_or_none()
    tell(session, house, row.person, "code_locked", now, **({} if address is None else address._asdict()))
    house.log.record(session, [_said(house, row, Kind.REFUSED, "code.locked")], now)


def _said(house: House, row: Row[*tuple[Any, ...]], kind: Kind, action: str) -> Flow:
    return Flow(
        kind=kind,
        sender=house.controller,
        receiver="citizen",
        purpose="zugang",
        action=action,
        basis="act of the person",
        outcome=action.rpartition(".")[2],
        person=PersonKey(row.person),
        actor="citizen",
        case=str(row.bundle or row.enrolment),
    )


def _may_enter(session: Session, row: Row[*tuple[Any, ...]]) -> bool:
    """Return whether a code may open anything for this person now; §§ 51, 52 BMG leave V1 no door."""
    subject: Subject = read_subjects(session, [row.person])[row.person]
    if not admits(subject, Trust.V1) or in_doubt(session, [row.person]):
        return False  # while nobody knows where somebody lives, a letter may lie where they left
    if row.purpose == "activation":
        state = (
            session.connection()
            .execute(select(_ENROLMENTS.c.state).where(_ENROLMENTS.c.id == row.enrolment))
            .scalar_one()
        )
        return state in ("found", "letter")
    return subject.status is SubjectStatus.ALIVE


def by_account(session: Session, house: House, person: UUID, trust: Trust, wall: datetime) -> Proven | None:
    """Return a session of whoever a bound account is, or None where they may not enter.

    The dead, the unknown and whom a clerk sees to may not; under § 51 BMG V3 may (``core.trust.entrance``).
    """
    subject = read_subjects(session, [person])[person]
    if not admits(subject, trust) or subject.status is not SubjectStatus.ALIVE or trust < Trust.V2:
        return None
    proof = SessionProof(house.ids.secret(), PersonKey(person), trust, None)
    return _keep(session, house, proof, "account", wall + timedelta(minutes=ACCOUNT_MINUTES))


def _open(session: Session, house: House, row: Row[*tuple[Any, ...]], wall: datetime) -> Proven:
    proof = SessionProof(house.ids.secret(), PersonKey(row.person), Trust.V1, row.bundle)
    extra = {"identity": row.identity_mac.hex()} if row.identity_mac else {}
    over_at = wall + timedelta(minutes=SESSION_MINUTES)
    return _keep(session, house, proof, row.purpose, over_at, enrolment=row.enrolment, extra=extra)


def _keep(
    session: Session,
    house: House,
    proof: SessionProof,
    purpose: str,
    over_at: datetime,
    *,
    enrolment: UUID | None = None,
    extra: Mapping[str, str] = {},
) -> Proven:
    """Keep a session under a token of its own: none that a browser brought along is ever taken over."""
    token = house.ids.random(32).hex()
    session.connection().execute(
        insert(_SESSIONS),
        [
            {
                "token_hash": _hash(token),
                "id": proof.session,
                "person": proof.person,
                "trust": int(proof.trust),
                "purpose": purpose,
                "bundle": proof.bundle,
                "enrolment": enrolment,
                "extra": dict(extra),
                "expires_at": over_at,
            }
        ],
    )
    return Proven(token, csrf_of(house, token), purpose, proof)


def read_session(session: Session, token: str, wall: datetime) -> SessionProof:
    """Return the proof of a session's cookie. Raises ``NotProven`` where it is unknown or over.

    A person who died since the session began has no session any more; one who was put under protection needs V3, or a
    clerk; one who may have moved needs the code of a new letter, or an account.
    """
    row = (
        session.connection()
        .execute(
            select(_SESSIONS).where(
                _SESSIONS.c.token_hash == _hash(token),
                _SESSIONS.c.expires_at > wall,
                or_(_SESSIONS.c.purpose == "account", ~doubted(_SESSIONS.c.person)),
            )
        )
        .one_or_none()
    )
    if row is None:
        raise NotProven("session unknown or over")
    subject = read_subjects(session, [row.person])[row.person]
    if not admits(subject, Trust(row.trust)):
        raise NotProven("session unknown or over")
    return SessionProof(row.id, PersonKey(row.person), Trust(row.trust), row.bundle)


def end_session(session: Session, token: str) -> None:
    """Forget a session; its cookie proves nothing from now on."""
    session.connection().execute(delete(_SESSIONS).where(_SESSIONS.c.token_hash == _hash(token)))


def csrf_of(house: House, token: str) -> str:
    """Return the form token of a session: derived, so nothing is stored."""
    return house.vault.mac("csrf", token.encode()).hex()


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
