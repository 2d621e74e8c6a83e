"""Who may report events, and for what: a client is bound to one source, some areas, some kinds and a daily number.

Pure. Left to others: proving that a caller is this client (``steps.authenticate``), the daily number
(``steps.receive``). Source: security-and-faults.md Binding (f), T4.
"""

from dataclasses import dataclass

from proaktiv.core.errors import BadInput, NotAllowed, NotProven
from proaktiv.core.events import RegisterEvent


@dataclass(frozen=True, slots=True)
class Client:
    """One source of events. ``ars`` are prefixes of 2 to 12 digits; ``kinds`` are values of ``EventKind``."""

    id: str
    source: str
    ars: tuple[str, ...]
    kinds: frozenset[str]
    daily_max: int


@dataclass(frozen=True, slots=True)
class Token:
    """A fresh access token. It stands nowhere but in this answer; only its hash is stored."""

    access_token: str
    expires_in: int


def check_may_report(client: Client, event: RegisterEvent) -> None:
    """Raise ``NotAllowed``, naming what the client may not do, unless it may report this event."""
    if event.source != client.source:
        raise NotAllowed(f"client {client.id} may not report for this source, only for {client.source}")
    if event.kind.value not in client.kinds:
        raise NotAllowed(
            f"client {client.id} may not report {event.kind.value}, only {', '.join(sorted(client.kinds))}"
        )
    if not any(event.ars.startswith(prefix) for prefix in client.ars):
        raise NotAllowed(f"client {client.id} may not report for ARS {event.ars}, only within {', '.join(client.ars)}")


class ClientRefused(NotProven):
    """The caller has not shown to be a client of ours. ``oauth_error`` is the code of RFC 6749 or 6750."""

    def __init__(self, message: str, oauth_error: str) -> None:
        super().__init__(message)
        self.oauth_error = oauth_error


class BadTokenRequest(BadInput):
    """A request for a token has the wrong form. ``oauth_error`` is the code of RFC 6749 § 5.2."""

    def __init__(self, field: str, message: str, oauth_error: str) -> None:
        super().__init__(field, message)
        self.oauth_error = oauth_error
