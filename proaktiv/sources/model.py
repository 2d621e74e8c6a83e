"""What a source of events is: something that brings parcels of one client, and hears what became of each."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from proaktiv.core.errors import BadInput
from proaktiv.core.verdicts import Taken

RESTS_SECONDS = 60.0
"""How long a parcel is left alone that could not be taken by a fault of the house."""


class Parcel(Protocol):
    """What a client left, in our hands alone until it is answered. Not answered, it comes again."""

    @property
    def body(self) -> bytes:
        """Return a JSON batch of CloudEvents, or what was left in its place."""
        ...

    def settle(self, answers: Sequence[Taken]) -> None:
        """Tell what became of each event, after it is kept; nothing personal of what is kept stays behind."""
        ...

    def refuse(self, wrong: BadInput) -> None:
        """Give the whole back: it is no batch."""
        ...

    def later(self, seconds: float) -> None:
        """Leave it for a while."""
        ...


class EventSource(Protocol):
    """One client's way to bring events. ``client`` binds it: source, areas, kinds, number a day."""

    @property
    def client(self) -> str:
        """Return the id of the client in whose name it brings."""
        ...

    def take(self) -> Iterator[Parcel]:
        """Yield what lies ready, each parcel for as long as it is not followed by the next.

        Raises ``OSError`` where the way itself does not work; what lies there stays.
        """
        ...
