"""Authenticate: which register or Behörde speaks. Assertions become short tokens, tokens become clients.

``now`` is real time here, also in a demonstration. Every refusal sounds the same, whatever was wrong. One algorithm:
Ed25519, under its old name EdDSA too.
Left to others: HTTP (``web.clients``), what a client may report (``core.clients``).
Source: RFC 7523 § 3; RFC 6749 § 4.4; RFC 7515; RFC 9864; security-and-faults.md T4, T7, T8.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from sqlalchemy import Table, delete, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.clients import Client, ClientRefused, Token
from proaktiv.core.errors import NotProven
from proaktiv.core.ids import Ids
from proaktiv.core.payloads import clean
from proaktiv.tables import BehoerdeRow, ClientJtiRow, ClientRow, ClientTokenRow, core_table

MAX_ASSERTION_BYTES = 4096
MAX_MESSAGE_BYTES = 16 * 1024
TOKEN_SECONDS = 300
MAX_ASSERTION_SECONDS = 300
MESSAGE_SECONDS = 300
"""How far the time in a Behörde's message may lie from ours, either way."""

_AHEAD_SECONDS = 60
_SWEEP = 100
_HEADERS = frozenset({"alg", "kid", "typ", "cty"})
_CLIENTS = core_table(ClientRow)
_JTIS = core_table(ClientJtiRow)
_TOKENS = core_table(ClientTokenRow)
_BEHOERDEN = core_table(BehoerdeRow)


class _Ed25519Only(jws.JWSRegistry):
    """The library's registry, cut down to one algorithm; its EdDSA would take Ed448 keys, too, and warn each time."""

    max_payload_length = MAX_MESSAGE_BYTES

    def get_alg(self, name: str) -> Any:
        if name not in {"Ed25519", "EdDSA"}:
            raise UnsupportedAlgorithmError("only Ed25519")
        return self.algorithms["Ed25519"]


_REGISTRY = _Ed25519Only()


def issue(session: Session, assertion: str, audience: str, now: datetime, ids: Ids) -> Token:
    """Return an access token for the client that signed ``assertion``; the assertion is used up.

    Raises ``ClientRefused``. The caller commits: then token and used assertion stay, or neither.
    """
    signed = assertion.encode(errors="replace")
    claims = _unverified(signed, MAX_ASSERTION_BYTES)
    client = claims.get("sub")
    row = _client_row(session, client) if isinstance(client, str) and 0 < len(client) <= 64 else None
    if row is None or not _signed(signed, row["jwk"]) or not _claims_hold(claims, row["id"], audience, now):
        raise _refused()
    _sweep(session, _JTIS, now)
    _sweep(session, _TOKENS, now)
    connection = session.connection()
    fresh = connection.execute(
        upsert(_JTIS)
        .values(client=row["id"], jti=claims["jti"], expires_at=now + timedelta(seconds=MAX_ASSERTION_SECONDS))
        .on_conflict_do_nothing()
        .returning(_JTIS.c.jti)
    ).first()
    if fresh is None:
        raise _refused()
    token = base64.urlsafe_b64encode(ids.random(32)).rstrip(b"=").decode()
    expires_at = now + timedelta(seconds=TOKEN_SECONDS)
    connection.execute(insert(_TOKENS), {"token_hash": _hash(token), "client": row["id"], "expires_at": expires_at})
    return Token(token, TOKEN_SECONDS)


def authenticate(session: Session, token: str, now: datetime) -> Client:
    """Return the client of an access token. Raises ``ClientRefused``."""
    found = (
        session.connection()
        .execute(select(_TOKENS.c.client).where(_TOKENS.c.token_hash == _hash(token), _TOKENS.c.expires_at > now))
        .scalar_one_or_none()
    )
    row = _client_row(session, found) if found is not None else None
    if row is None:
        raise ClientRefused("the access token is missing, not known or no longer valid", "invalid_token")
    return _client(row)


def client_of(session: Session, client: str) -> Client:
    """Return an active client as it stands now. Raises ``ClientRefused``."""
    row = _client_row(session, client)
    if row is None:
        raise ClientRefused("the client is not known or no longer active", "invalid_token")
    return _client(row)


def said_by_behoerde(session: Session, message: bytes, now: datetime) -> bytes:
    """Return the payload of a compact JWS that the Behörde in its ``kid`` and ``behoerde`` signed just now.

    Raises ``NotProven``.
    """
    refused = NotProven("the message is not signed by a Behörde of this house, or not just now")
    header = _header(message, MAX_MESSAGE_BYTES)
    kid = header.get("kid")
    jwk = (
        session.connection().execute(select(_BEHOERDEN.c.jwk).where(_BEHOERDEN.c.id == kid)).scalar_one_or_none()
        if isinstance(kid, str) and 0 < len(kid) <= 64 and clean(kid)
        else None
    )
    if jwk is None or not _signed(message, jwk):
        raise refused
    payload = _decoded(message.split(b".")[1])
    claims = _object(payload)
    issued = claims.get("iat")
    at = int(now.timestamp())  # whole: JSON's numbers have no end, and a float does
    if claims.get("behoerde") != kid or type(issued) is not int or abs(at - issued) > MESSAGE_SECONDS:
        raise refused
    return payload


# signatures ----------------------------------------------------------------------------------------------------------


def _signed(message: bytes, jwk: Mapping[str, Any]) -> bool:
    """Return whether a compact JWS of known shape is signed with this key."""
    try:
        key = OKPKey.import_key({name: jwk[name] for name in ("kty", "crv", "x")})
        jws.deserialize_compact(message, key, registry=_REGISTRY)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):  # the library reads the header again, deeper
        return False
    return True


def _header(message: bytes, longest: int) -> Mapping[str, Any]:
    """Return the header of a compact JWS, empty where it is none or asks for anything but a plain signature."""
    parts = message.split(b".") if len(message) <= longest else []
    header = _object(_decoded(parts[0])) if len(parts) == 3 else {}
    return header if header.keys() <= _HEADERS else {}


def _unverified(message: bytes, longest: int) -> Mapping[str, Any]:
    """Return what a compact JWS claims; only its signature makes it worth something."""
    return _object(_decoded(message.split(b".")[1])) if _header(message, longest) else {}


def _decoded(part: bytes) -> bytes:
    try:
        return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return b""


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _claims_hold(claims: Mapping[str, Any], client: str, audience: str, now: datetime) -> bool:
    """Return whether verified claims make an assertion for this house, for now, with a name of its own."""
    expires, issued, starts, jti = (claims.get(name) for name in ("exp", "iat", "nbf", "jti"))
    at = now.timestamp()
    return (
        claims.get("iss") == client
        and bool(audience)
        and claims.get("aud") in (audience, [audience])
        and type(expires) is int
        and at < expires <= at + MAX_ASSERTION_SECONDS
        and type(issued) is int
        and at - MAX_ASSERTION_SECONDS - _AHEAD_SECONDS <= issued <= at + _AHEAD_SECONDS
        and (starts is None or (type(starts) is int and starts <= at + _AHEAD_SECONDS))
        and isinstance(jti, str)
        and 0 < len(jti) <= 128
        and clean(jti)
    )


# rows ----------------------------------------------------------------------------------------------------------------


def _client_row(session: Session, client: str) -> dict[str, Any] | None:
    if not clean(client):  # PostgreSQL would refuse a NUL with an error of its own
        return None
    found = session.connection().execute(select(_CLIENTS).where(_CLIENTS.c.id == client, _CLIENTS.c.active))
    row = found.mappings().one_or_none()
    return None if row is None else {**row}


def _client(row: Mapping[str, Any]) -> Client:
    return Client(
        row["id"],
        row["source"],
        tuple(row["ars"]),
        frozenset(row["kinds"]),
        row["daily_max"],
        row["jump_factor"],
        row["jump_floor"],
    )


def _sweep(session: Session, table: Table, now: datetime) -> None:
    """Remove some rows that are over. Skips what another process is removing."""
    key = tuple_(*table.primary_key.columns)
    over = (
        select(*table.primary_key.columns)
        .where(table.c.expires_at <= now)
        .limit(_SWEEP)
        .with_for_update(skip_locked=True)
    )
    session.connection().execute(delete(table).where(key.in_(over)))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _refused() -> ClientRefused:
    return ClientRefused("the client assertion is not valid here, or no longer", "invalid_client")
