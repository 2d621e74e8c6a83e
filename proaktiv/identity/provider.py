"""The provider as it is reached: what it says of itself, its keys, and the exchange of a code for a token.

Everything goes through ``egress``: hosts of the list alone, no redirect, one deadline. What it said is kept for an
hour; an unknown key id asks once for the keys anew.
Source: OpenID Connect Discovery 1.0 §§ 3, 4; RFC 8414; RFC 6749 §§ 2.3.1, 4.1.3.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import quote_plus, urlencode

from proaktiv.core.addresses import LOOPBACK_NAMES, AddressRefused, read_url
from proaktiv.core.errors import OutboundError
from proaktiv.egress import Deadline, Declined, Egress
from proaktiv.identity.model import Client, LoginRefused, ProviderAway, Why
from proaktiv.identity.tokens import fitting

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_KEYS = 50
MAX_ACCESS = 8192
KEEP_SECONDS = 3600.0
DEADLINE_SECONDS = 10.0
AWAY_SECONDS = 5.0
"""So long nobody else waits for a provider that just did not answer."""

_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself."""

    authorization: str
    token: str
    jwks: str
    end_session: str
    names_issuer: bool
    """Whether every answer carries ``iss`` (RFC 9207)."""
    basic: bool
    """Whether the secret goes into the header (else into the form)."""
    userinfo: str
    """Where it says more of a person; empty where nowhere."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was exchanged for. ``access`` opens the person's attributes at the provider, and is not kept."""

    identity: str = field(repr=False)
    access: str = field(repr=False)


class Provider:
    """One provider, through one egress. Threads share it."""

    def __init__(self, client: Client, egress: Egress, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._egress = egress
        self._monotonic = monotonic
        self._lock = Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[Mapping[str, Any]]] | None = None
        self._away_at: float | None = None

    def deadline(self) -> Deadline:
        """Return the time that one log-in may take at the provider, all questions together."""
        return Deadline(DEADLINE_SECONDS, self._monotonic)

    def metadata(self, deadline: Deadline) -> Metadata:
        """Return what the provider says of itself. Raises ``ProviderAway``."""
        with self._lock:
            kept, away_at = self._metadata, self._away_at
        if kept is not None and self._monotonic() - kept[0] < KEEP_SECONDS:
            return kept[1]
        if away_at is not None and self._monotonic() - away_at < AWAY_SECONDS:
            raise ProviderAway("the provider did not answer a moment ago")
        try:
            found = self._read_metadata(self._document(self._client.issuer.rstrip("/") + _WELL_KNOWN, deadline))
        except ProviderAway:
            with self._lock:
                self._away_at = self._monotonic()
            raise
        with self._lock:
            self._metadata, self._away_at = (self._monotonic(), found), None
        return found

    def key(self, algorithm: str, kid: str | None, deadline: Deadline) -> Mapping[str, Any]:
        """Return the key that may have signed, asking once more if it is not known. Raises ``LoginRefused``."""
        with self._lock:
            kept = self._keys
        if kept is not None and self._monotonic() - kept[0] < KEEP_SECONDS:
            found = fitting(kept[1], algorithm, kid)
            if found is not None:
                return found
        fresh = self._document(self.metadata(deadline).jwks, deadline).get("keys")
        if not isinstance(fresh, list) or len(fresh) > MAX_KEYS or not all(isinstance(key, dict) for key in fresh):
            raise ProviderAway("the provider's keys cannot be read")
        with self._lock:
            self._keys = (self._monotonic(), fresh)
        found = fitting(fresh, algorithm, kid)
        if found is None:
            raise LoginRefused(Why.KEY)
        return found

    def tokens(self, code: str, verifier: str, deadline: Deadline) -> Tokens:
        """Exchange a code for tokens. Raises ``LoginRefused``, ``ProviderAway``."""
        client, metadata = self._client, self.metadata(deadline)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": client.redirect,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        if metadata.basic:
            pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret}
        try:
            answer = self._egress.post(
                metadata.token, headers=headers, content=urlencode(form).encode(), deadline=deadline
            )
        except Declined as error:
            raise LoginRefused(Why.CODE if error.status in {400, 401} else Why.ANSWER) from None
        except OutboundError:
            raise ProviderAway("the provider's token endpoint does not answer") from None
        try:
            said = _object(answer.body)
        except ValueError:
            raise LoginRefused(Why.ANSWER) from None
        token, access = said.get("id_token"), said.get("access_token")
        if not isinstance(token, str):
            raise LoginRefused(Why.ANSWER)
        return Tokens(token, access if isinstance(access, str) else "")

    def userinfo(self, access: str, deadline: Deadline) -> Mapping[str, Any]:
        """Return what the provider says of whoever an access token is about; empty where it says nothing.

        Raises ``LoginRefused``, ``ProviderAway``. Source: OpenID Connect Core 1.0 § 5.3.
        """
        where = self.metadata(deadline).userinfo
        if not where or not 0 < len(access) <= MAX_ACCESS or not access.isascii() or not access.isprintable():
            return {}
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access}"}
        try:
            return _object(self._egress.get(where, headers=headers, deadline=deadline).body)
        except (Declined, ValueError):
            raise LoginRefused(Why.ANSWER) from None
        except OutboundError:
            raise ProviderAway("the provider's userinfo endpoint does not answer") from None

    def _document(self, url: str, deadline: Deadline) -> dict[str, Any]:
        try:
            return _object(self._egress.get(url, headers={"Accept": "application/json"}, deadline=deadline).body)
        except ValueError:
            raise ProviderAway("what the provider says of itself cannot be read") from None
        except OutboundError:
            raise ProviderAway("the provider does not answer") from None

    def _read_metadata(self, said: Mapping[str, Any]) -> Metadata:
        if said.get("issuer") != self._client.issuer:
            raise ProviderAway("the provider calls itself by another name")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        challenges = said.get("code_challenge_methods_supported", ["S256"])
        kinds = said.get("response_types_supported", ["code"])
        if not all(isinstance(each, list) for each in (methods, challenges, kinds)):
            raise ProviderAway("what the provider says of itself cannot be read")
        if "code" not in kinds or "S256" not in challenges:
            raise ProviderAway("the provider knows no code flow with S256")
        if not {"client_secret_basic", "client_secret_post"} & {str(method) for method in methods}:
            raise ProviderAway("the provider takes no client secret")
        end, info = said.get("end_session_endpoint"), said.get("userinfo_endpoint")
        return Metadata(
            authorization=_address(said.get("authorization_endpoint")),
            token=_address(said.get("token_endpoint")),
            jwks=_address(said.get("jwks_uri")),
            end_session="" if end is None else _address(end),
            names_issuer=said.get("authorization_response_iss_parameter_supported") is True,
            basic="client_secret_basic" in methods,
            userinfo="" if info is None else _address(info),
        )


def _address(value: Any) -> str:
    """Return an address that a browser or we may be sent to: https, on this machine also http."""
    try:
        target = read_url(value) if isinstance(value, str) else None
    except AddressRefused:
        target = None
    if target is None or (target.plain and target.host not in LOOPBACK_NAMES):
        raise ProviderAway("an address of the provider is none that is called")
    return target.url


def _object(body: bytes) -> dict[str, Any]:
    """Return a JSON object of a size that is read here. Raises ``ValueError``."""
    if len(body) > MAX_DOCUMENT_BYTES:
        raise ValueError("too large")
    try:
        found = json.loads(body)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")  # noqa: TRY004 - one error for whatever cannot be read
    return found
