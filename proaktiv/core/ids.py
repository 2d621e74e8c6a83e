"""Identifiers from injected randomness: UUIDv7 for rows, so that indexes grow at their right edge.

Source: RFC 9562 § 5.7.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from uuid import UUID

from proaktiv.core.calendar import BERLIN

_FIRST = date(1970, 1, 2)

RandomBytes = Callable[[int], bytes]


def uuid7(now: datetime, random: bytes) -> UUID:
    """Return the UUIDv7 of an instant and ten random bytes."""
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds.to_bytes(6, "big") + random[:10]
    number = int.from_bytes(value, "big")
    number = number & ~(0xF << 76) | (0x7 << 76)
    number = number & ~(0x3 << 62) | (0x2 << 62)
    return UUID(int=number)


def first_of_day(day: date) -> UUID:
    """Return what no id of a row made on that day in Berlin, or later, comes before; ids know no day before 1970."""
    return uuid7(datetime.combine(max(day, _FIRST), time(), BERLIN), bytes(10))


@dataclass(frozen=True, slots=True)
class Ids:
    """The one source of identifiers and salts; ``app.py`` binds it to the operating system's randomness."""

    random: RandomBytes

    def row(self, now: datetime) -> UUID:
        """Return a fresh, time-ordered id for a row."""
        return uuid7(now, self.random(10))

    def secret(self) -> UUID:
        """Return a fresh random id that tells nothing, not even its time (person keys, sessions)."""
        number = int.from_bytes(self.random(16), "big")
        number = number & ~(0xF << 76) | (0x4 << 76)
        number = number & ~(0x3 << 62) | (0x2 << 62)
        return UUID(int=number)
