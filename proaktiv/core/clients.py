"""Who may report events, and for what: a client is bound to one source, some areas, some kinds and a daily number.

Pure. Left to others: proving that a caller is this client (``steps.authenticate``), the daily number
(``steps.receive``). Source: security-and-faults.md Binding (f), T4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

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
    jump_factor: int = 5
    jump_floor: int = 100


HISTORY_DAYS = 14
"""How many of a client's last days with events tell what is usual for it."""

LEAST_DAYS = 5
"""With fewer days nobody can say what is usual: nothing is held, the daily maximum alone protects."""


def held_beyond(client: Client, days: Sequence[int]) -> int | None:
    """Return the number of events of a day beyond which a client's events are held; None: hold nothing.

    ``days`` are its numbers on its last days with events, today not among them. The median, so that one flood does not
    make the next one look usual; never below ``jump_floor``, so that a small office may have a busy day.
    Source: security-and-faults.md T4.
    """
    if len(days) < LEAST_DAYS:
        return None
    return max(client.jump_floor, int(client.jump_factor * median(days)))


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
