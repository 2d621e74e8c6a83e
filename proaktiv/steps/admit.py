"""Admit: who of the house's staff stands before the browser. The only maker of ``StaffProof``.

By the provider's word (issuer and subject together, never a name or a mail address), or in a demonstration by a link
that serves once. A session ends after 30 minutes without a sign of life, after 10 hours whatever happens, and at once
with the person's work here. ``wall`` is real time. Left to others: the provider (``identity``), cookies (``web``).
Source: data-path.md § 2; security-and-faults.md T2, T16, T22; ASVS 5.0 7.3.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.errors import NotAllowed, NotProven
from proaktiv.core.staff import Role, StaffProof
from proaktiv.house import House
from proaktiv.tables import LoginRow, StaffLinkRow, StaffRow, StaffSessionRow, core_table
from proaktiv.vault import Vault

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
LOGIN = timedelta(minutes=10)
_SIGN_OF_LIFE = timedelta(minutes=5)
"""So often a session's end is moved: not at every page."""

_STAFF = core_table(StaffRow)
_LINKS = core_table(StaffLinkRow)
_LOGINS = core_table(LoginRow)
_SESSIONS = core_table(StaffSessionRow)


@dataclass(frozen=True, slots=True)
class Entered:
    """A fresh session. ``token`` goes into the cookie and is stored nowhere."""

    token: str = field(repr=False)
    proof: StaffProof


def subject_hash(vault: Vault, issuer: str, subject: str) -> bytes:
    """Return under what somebody is found whom a provider identified; the same subject elsewhere is somebody else."""
    return vault.mac("staff", issuer.encode() + b"\x00" + subject.encode())


def use_up(session: Session, once: bytes, wall: datetime) -> None:
    """Remember that a log-in at the provider was ended. Raises ``NotProven`` where it was before."""
    connection = session.connection()
    connection.execute(delete(_LOGINS).where(_LOGINS.c.expires_at <= wall))
    fresh = connection.execute(
        upsert(_LOGINS)
        .values(once=once, expires_at=wall + 2 * LOGIN)
        .on_conflict_do_nothing()
        .returning(_LOGINS.c.once)
    ).first()
    if fresh is None:
        raise NotProven("this log-in was ended before")


def by_provider(session: Session, house: House, issuer: str, subject: str, wall: datetime) -> Entered:
    """Return a session of whoever a provider identified. Raises ``NotAllowed`` where they do not work here."""
    found = subject_hash(house.vault, issuer, subject)
    row = (
        session.connection()
        .execute(select(_STAFF).where(_STAFF.c.subject_hash == found, _STAFF.c.ended_at.is_(None)))
        .one_or_none()
    )
    if row is None:
        raise NotAllowed("whoever this is does not work here")
    return _open(session, house, row, wall)


def by_link(session: Session, house: House, token: str, wall: datetime) -> Entered:
    """Return a session by a link, and take the link away. Raises ``NotProven`` where it is unknown, used or over."""
    connection = session.connection()
    link = connection.execute(
        delete(_LINKS).where(_LINKS.c.token_hash == hash_of(token)).returning(_LINKS.c.staff, _LINKS.c.expires_at)
    ).one_or_none()
    if link is None or link.expires_at <= wall:
        raise NotProven("the link is unknown, used or over")
    row = connection.execute(select(_STAFF).where(_STAFF.c.id == link.staff, _STAFF.c.ended_at.is_(None))).one_or_none()
    if row is None:
        raise NotProven("the link is unknown, used or over")
    return _open(session, house, row, wall)


def read(session: Session, token: str, wall: datetime) -> StaffProof:
    """Return who stands behind a session's cookie; a sign of life moves its end. Raises ``NotProven``."""
    connection = session.connection()
    row = connection.execute(
        select(_STAFF, _SESSIONS.c.id.label("session"), _SESSIONS.c.expires_at)
        .join(_STAFF, _STAFF.c.id == _SESSIONS.c.staff)
        .where(
            _SESSIONS.c.token_hash == hash_of(token),
            _SESSIONS.c.expires_at > wall,
            _SESSIONS.c.began_at > wall - LONGEST,
            _STAFF.c.ended_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise NotProven("session unknown or over")
    if row.expires_at < wall + IDLE - _SIGN_OF_LIFE:
        connection.execute(
            update(_SESSIONS).where(_SESSIONS.c.token_hash == hash_of(token)).values(expires_at=wall + IDLE)
        )
    return _proof(row.session, row)


def leave(session: Session, token: str) -> None:
    """Forget a session; its cookie proves nothing from now on."""
    session.connection().execute(delete(_SESSIONS).where(_SESSIONS.c.token_hash == hash_of(token)))


def csrf_of(house: House, token: str) -> str:
    """Return the form token of a session: derived, so nothing is stored."""
    return house.vault.mac("staff-csrf", token.encode()).hex()


def require_csrf(house: House, token: str, given: str) -> None:
    """Raise ``NotAllowed`` where the form's token is not this session's."""
    if not hmac.compare_digest(csrf_of(house, token).encode(), given.encode()):
        raise NotAllowed("the form token is missing or of another session; load the page again")


def hash_of(token: str) -> bytes:
    """Return what is stored of a token: it is random, so a plain hash says nothing."""
    return sha256(token.encode()).digest()


def _open(session: Session, house: House, row: Row[*tuple[Any, ...]], wall: datetime) -> Entered:
    connection = session.connection()
    connection.execute(delete(_SESSIONS).where(_SESSIONS.c.expires_at <= wall))
    token = house.ids.random(32).hex()
    proof = _proof(house.ids.secret(), row)
    connection.execute(
        insert(_SESSIONS),
        [
            {
                "token_hash": hash_of(token),
                "id": proof.session,
                "staff": proof.staff,
                "began_at": wall,
                "expires_at": wall + IDLE,
            }
        ],
    )
    return Entered(token, proof)


def _proof(session: UUID, row: Row[*tuple[Any, ...]]) -> StaffProof:
    return StaffProof(session, row.id, row.name, Role(row.role), row.behoerde)
