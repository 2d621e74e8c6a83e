"""One log-in from the button to the person: out with state, nonce and challenge, back with a code, then the token.

What must be remembered meanwhile lies sealed in the browser's own cookie for ten minutes, bound to the issuer: without
it no answer opens anything, so nobody can be logged in as somebody else. That it serves once, the caller keeps
(``Returned.once``), in a transaction of its own before the code is redeemed.
Source: OpenID Connect Core 1.0 § 3.1; RFC 7636; RFC 9207; RFC 9700 §§ 2.1, 4.4, 4.7; security-and-faults.md T16.
"""

import base64
import binascii
import hmac
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proaktiv.core.ids import RandomBytes
from proaktiv.identity import tokens
from proaktiv.identity.model import Client, Identified, LoginRefused, ProviderAway, Why
from proaktiv.identity.provider import Provider

PENDING_SECONDS = 600
_MAX_CODE = 2048
_AAD = b"proaktiv/pending-login/v1"


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and what it must bring back."""

    address: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """An answer that belongs to a log-in of this browser. ``once`` serves one time; the caller remembers it."""

    once: bytes
    code: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    attributes: bool = False


class RelyingParty:
    """The house before one provider. Threads share it. ``key``: 32 bytes that seal what the browser keeps."""

    def __init__(self, client: Client, provider: Provider, key: bytes, random: RandomBytes) -> None:
        self._client = client
        self._provider = provider
        self._seal = AESGCM(key)
        self._random = random

    def begin(self, now: datetime, *, attributes: bool = False) -> Begun:
        """Return the way to the provider. ``attributes``: ask for name and birth date too. Raises ``ProviderAway``."""
        client = self._client
        metadata = self._provider.metadata(self._provider.deadline())
        state, nonce, verifier = (_text(self._random(32)) for _ in range(3))
        asked = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect,
            "scope": "openid profile" if attributes else "openid",  # whose name it is, this house mostly knows
            "state": state,
            "nonce": nonce,
            "code_challenge": _text(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        if client.acr_values:
            asked["acr_values"] = client.acr_values
        if client.max_age_seconds is not None:
            asked["max_age"] = str(client.max_age_seconds)
        kept = {"iss": client.issuer, "state": state, "nonce": nonce, "v": verifier, "at": int(now.timestamp())}
        if attributes:
            kept["more"] = True
        dice = self._random(12)
        sealed = dice + self._seal.encrypt(dice, json.dumps(kept).encode(), _AAD)
        return Begun(f"{metadata.authorization}?{urlencode(asked)}", _text(sealed))

    def returned(self, cookie: str, query: Sequence[tuple[str, str]], now: datetime) -> Returned:
        """Return the answer that a browser brought back, if it belongs to its log-in. Raises ``LoginRefused``."""
        kept = self._kept(cookie, now)
        given = dict(query)
        if any(n > 1 for n in Counter(name for name, _ in query).values()):
            raise LoginRefused(Why.PARAMETERS)
        if not hmac.compare_digest(given.get("state", "").encode(), kept["state"].encode()):
            raise LoginRefused(Why.STATE)
        names_issuer = self._provider.metadata(self._provider.deadline()).names_issuer
        issuer = given.get("iss")
        if (issuer is None and names_issuer) or (issuer is not None and issuer != self._client.issuer):
            raise LoginRefused(Why.ISSUER)
        if "error" in given:
            raise LoginRefused(Why.DENIED)
        code = given.get("code", "")
        if not 0 < len(code) <= _MAX_CODE or not code.isascii() or not code.isprintable():
            raise LoginRefused(Why.PARAMETERS)
        return Returned(sha256(kept["state"].encode()).digest(), code, kept["nonce"], kept["v"], "more" in kept)

    def redeem(self, returned: Returned, now: datetime) -> Identified:
        """Return whom the provider identified. Raises ``LoginRefused``, ``ProviderAway``. No transaction is open."""
        deadline = self._provider.deadline()
        got = self._provider.tokens(returned.code, returned.verifier, deadline)
        key = self._provider.key(*tokens.wanted_key(got.identity), deadline)
        found = tokens.checked(got.identity, key, self._client, returned.nonce, now)
        if not returned.attributes:
            return replace(found, attributes=None)
        if found.attributes is not None:
            return found
        said = self._provider.userinfo(got.access, deadline)
        if said and said.get("sub") != found.subject:  # § 5.3.2: else somebody else's attributes could be slipped in
            raise LoginRefused(Why.SUBJECT)
        return replace(found, attributes=tokens.attributes(said))

    def farewell(self, back: str) -> str:
        """Return where the person ends their session at the provider too; empty where it offers none now.

        Source: OpenID Connect RP-Initiated Logout 1.0 § 2. No token is kept for it.
        """
        try:
            end = self._provider.metadata(self._provider.deadline()).end_session
        except ProviderAway:
            return ""
        asked = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        return f"{end}?{urlencode(asked)}" if end else ""

    def _kept(self, cookie: str, now: datetime) -> dict[str, str]:
        try:
            sealed = base64.b64decode(cookie + "=" * (-len(cookie) % 4), altchars=b"-_", validate=True)
            kept = json.loads(self._seal.decrypt(sealed[:12], sealed[12:], _AAD))
        except (ValueError, binascii.Error, InvalidTag):
            raise LoginRefused(Why.COOKIE) from None
        if not 0 <= now.timestamp() - kept["at"] + 1 <= PENDING_SECONDS or kept["iss"] != self._client.issuer:
            raise LoginRefused(Why.COOKIE)
        return {name: kept[name] for name in ("state", "nonce", "v", "more") if name in kept}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
