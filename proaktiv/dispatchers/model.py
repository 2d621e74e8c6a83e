"""What is handed to a Behörde, and what a way to hand it over must promise.

Left to others: whether and when (``steps.dispatch``), the answer of the Behörde (``steps.acknowledge``).
Source: data-path.md §§ 5, 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from notifiers.model import Clearance
from proaktiv.core.trust import Trust
from proaktiv.egress import Deadline


@dataclass(frozen=True, slots=True)
class Auftrag:
    """One Auftrag exactly as it was confirmed. ``felder`` are ``{ziel, wert, quelle, stand}``, in the form's order.

    ``sperrvermerk`` tells the Behörde that the person's address is protected (§ 51 BMG). ``unterschriften`` are
    ``{rolle, trust, am}`` of whoever signed, the first parent first; ``nachzureichen`` are roles whose signature is
    still to come by the person's own hand.
    """

    reference: str
    leistung: str
    confirmed_at: datetime
    trust: Trust
    sperrvermerk: bool
    felder: Sequence[Mapping[str, Any]]
    unterschriften: Sequence[Mapping[str, Any]] = ()
    nachzureichen: Sequence[str] = ()


class Dispatcher(Protocol):
    """One way to hand over. Must be usable from several threads at once."""

    @property
    def name(self) -> str:
        """Return the name that ``behoerden.dispatcher`` uses."""
        ...

    @property
    def idempotent(self) -> bool:
        """Return whether a repeat with the same wire id arrives once."""
        ...

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: Deadline) -> None:
        """Hand over before the deadline; returning means that they have it. Raises the outbound errors."""
        ...
