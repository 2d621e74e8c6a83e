"""Is this ID token true, ours, and of this log-in? Every check of the standard that applies to the code flow.

Three algorithms and no other, each with its own kind of key: neither ``none`` nor a public key taken for a secret can
pass. Pure but for the library's arithmetic; keys, nonce and time are passed in.
Source: OpenID Connect Core 1.0 §§ 3.1.3.7, 2; RFC 7515; RFC 8725 §§ 3.1, 3.2; RFC 9864.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from proaktiv.core.birthdays import read_born
from proaktiv.core.trust import Trust
from proaktiv.identity.model import Attributes, Client, Identified, LoginRefused, Why

MAX_TOKEN_BYTES = 16 * 1024
SKEW_SECONDS = 60
MAX_OLD_SECONDS = 600
"""So long before our clock a token may have been issued: it was asked for just now."""

MAX_NAME = 200
_RSA_BITS = 2048
_KINDS: Mapping[str, tuple[str, str | None, Any]] = {
    "RS256": ("RSA", None, RSAKey),
    "ES256": ("EC", "P-256", ECKey),
    "EdDSA": ("OKP", "Ed25519", OKPKey),
    "Ed25519": ("OKP", "Ed25519", OKPKey),
}
ALGORITHMS = tuple(_KINDS)
_HEADERS = frozenset({"alg", "kid", "typ", "cty", "x5t", "x5t#S256"})


class _Pinned(jws.JWSRegistry):
    """The library's registry under its newer names: its own ``EdDSA`` would take Ed448 too."""

    max_payload_length = MAX_TOKEN_BYTES

    def get_alg(self, name: str) -> Any:
        return self.algorithms["Ed25519" if name == "EdDSA" else name]


_REGISTRY = _Pinned(algorithms=list(ALGORITHMS))


def wanted_key(token: str) -> tuple[str, str | None]:
    """Return the algorithm and the key id that a token names. Raises ``LoginRefused``."""
    if len(token) > MAX_TOKEN_BYTES or token.count(".") != 2 or not token.isascii():
        raise LoginRefused(Why.FORM)
    header = _object(token.partition(".")[0])
    if not header.keys() <= _HEADERS:  # crit, jwk, jku, b64 …: nothing that a token may bring along
        raise LoginRefused(Why.FORM)
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in _KINDS:
        raise LoginRefused(Why.ALGORITHM)
    if kid is not None and not isinstance(kid, str):
        raise LoginRefused(Why.FORM)
    return algorithm, kid


def fitting(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: str | None) -> Mapping[str, Any] | None:
    """Return the one key that may have signed; None where there is none, or without ``kid`` more than one."""
    kty, curve, _ = _KINDS[algorithm]
    found = [
        key
        for key in keys
        if key.get("kty") == kty
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) in ({"EdDSA", "Ed25519"} if kty == "OKP" else {algorithm})
        and (curve is None or key.get("crv") == curve)
        and (kid is None or key.get("kid") == kid)
    ]
    return found[0] if len(found) == 1 else None


def checked(token: str, key: Mapping[str, Any], client: Client, nonce: str, now: datetime) -> Identified:
    """Return whom a token identifies. Raises ``LoginRefused``. ``key`` comes from ``fitting``."""
    algorithm, _ = wanted_key(token)
    claims = _signed(token, key, algorithm)
    if claims.get("iss") != client.issuer:
        raise LoginRefused(Why.ISSUER)
    _for_us(claims, client.client_id)
    at = now.timestamp()
    _in_time(claims, at)
    found = claims.get("nonce")
    if not isinstance(found, str) or not hmac.compare_digest(found.encode(), nonce.encode()):
        raise LoginRefused(Why.NONCE)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255 or not subject.isascii():
        raise LoginRefused(Why.SUBJECT)
    auth_time = _number(claims, "auth_time", Why.AUTH_TIME)
    if client.max_age_seconds is not None and (
        auth_time is None or not at - client.max_age_seconds - SKEW_SECONDS <= auth_time <= at + SKEW_SECONDS
    ):
        raise LoginRefused(Why.AUTH_TIME)
    acr = claims.get("acr")
    trust = client.levels.get(acr, Trust.V0) if isinstance(acr, str) else Trust.V0
    if trust < client.trust:
        raise LoginRefused(Why.TRUST)
    logged_in = None if auth_time is None else datetime.fromtimestamp(auth_time, UTC)
    return Identified(client.issuer, subject, trust, logged_in, attributes(claims))


def attributes(claims: Mapping[str, Any]) -> Attributes | None:
    """Return name and birth date, or None where one of them is missing or none.

    A birth date may be in part: a year alone, or noughts. Source: OpenID Connect Core 1.0 § 5.1.
    """
    given, family, born = (claims.get(name) for name in ("given_name", "family_name", "birthdate"))
    if not all(isinstance(value, str) and 0 < len(value.strip()) <= MAX_NAME for value in (given, family, born)):
        return None
    try:
        return Attributes(str(given), str(family), read_born(born))
    except ValueError:
        return None


def _signed(token: str, jwk: Mapping[str, Any], algorithm: str) -> dict[str, Any]:
    kind = _KINDS[algorithm][2]
    if kind is RSAKey and _bits(jwk.get("n")) < _RSA_BITS:
        raise LoginRefused(Why.KEY)
    try:
        key = kind.import_key({name: value for name, value in jwk.items() if name not in {"alg", "use", "key_ops"}})
        payload = jws.deserialize_compact(token, key, registry=_REGISTRY).payload
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):  # the library reads the header again
        raise LoginRefused(Why.SIGNATURE) from None
    return _read(payload)


def _bits(modulus: Any) -> int:
    return len(modulus) * 6 if isinstance(modulus, str) else 0


def _for_us(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    several = [audience] if isinstance(audience, str) else audience
    if not isinstance(several, list) or client_id not in several:
        raise LoginRefused(Why.AUDIENCE)
    party = claims.get("azp")
    if (len(several) > 1 or party is not None) and party != client_id:
        raise LoginRefused(Why.AUDIENCE)


def _in_time(claims: Mapping[str, Any], at: float) -> None:
    expires, issued = _number(claims, "exp", Why.TIME), _number(claims, "iat", Why.TIME)
    begins = _number(claims, "nbf", Why.TIME)
    if expires is None or issued is None:
        raise LoginRefused(Why.TIME)
    if expires <= at - SKEW_SECONDS or not at - MAX_OLD_SECONDS <= issued <= at + SKEW_SECONDS:
        raise LoginRefused(Why.TIME)
    if begins is not None and begins > at + SKEW_SECONDS:
        raise LoginRefused(Why.TIME)


def _number(claims: Mapping[str, Any], name: str, why: Why) -> float | None:
    """Return a time of a token; None where it is not there. Raises where it is no number that a clock can show."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise LoginRefused(why)
    return float(value)


def _object(part: str) -> dict[str, Any]:
    try:
        return _read(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except binascii.Error:
        raise LoginRefused(Why.FORM) from None


def _read(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise LoginRefused(Why.FORM) from None
    if not isinstance(found, dict):
        raise LoginRefused(Why.FORM)
    return found
