"""What erasures say they took, against what is missing: by number without the office's key, place by place with it.

An erasure (kind 03) names in part A which entries it took; in the open it would group one person's entries, so F only
counts them. Memory: one bit for each entry that is missing or named.
Source: flowlog.md § 4; decisions/0014-keys.md.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from uuid import UUID

from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, What

Placed = Callable[[Collection[UUID]], Mapping[UUID, int]]
"""Which places entries have that had none when they were named."""

_WIDTH = 4_096


class Places:
    """A set of places in the log, a bit each; the log may have billions, and a named one may be anywhere."""

    def __init__(self) -> None:
        self.bits: dict[int, int] = {}

    def add(self, place: int) -> None:
        """Take a place in."""
        high, low = divmod(place, _WIDTH)
        self.bits[high] = self.bits.get(high, 0) | 1 << low

    def without(self, *others: "Places") -> Iterator[int]:
        """Yield, in ascending order, the places that stand in none of the others."""
        for high in sorted(self.bits):
            left = self.bits[high]
            for other in others:
                left &= ~other.bits.get(high, 0)
            while left:
                low = (left & -left).bit_length() - 1
                yield high * _WIDTH + low
                left &= left - 1


class Erasures:
    """Takes down what is missing and what erasures say, and holds one against the other once all entries are read."""

    def __init__(self) -> None:
        self.closed = 0
        """How many erasures there are whose part A is closed to us."""
        self.counted = 0
        """How many entries all erasures say that they took."""
        self.missing = 0
        """How many subject parts are missing."""
        self._counted_closed = 0
        self._missing = Places()
        self._missing_unplaced: set[UUID] = set()
        self._gone = Places()
        self._named = Places()
        self._named_unplaced: set[UUID] = set()

    def misses(self, index: int | None, fid: UUID) -> None:
        """Take down an entry without its subject part."""
        self.missing += 1
        if index is None:
            self._missing_unplaced.add(fid)
        else:
            self._missing.add(index)

    def gone(self, index: int) -> None:
        """Take down a row that is not there at all: what an erasure took of it, retention took since."""
        self._gone.add(index)

    def told(self, n: int, body: bytes | None) -> bool:
        """Take down an erasure of ``n`` entries, ``body`` its part A or None; return whether it names so many."""
        self.counted += n
        if body is None:
            self.closed += 1
            self._counted_closed += n
            return True
        named, unplaced = _named(body)
        for place in named:
            self._named.add(place)
        self._named_unplaced |= unplaced
        return len(named) + len(unplaced) == n

    def findings(self, placed: Placed) -> Iterator[Finding]:
        """Yield what is missing and not named, and what is named and still there. At most so many as are listed."""
        places = placed(self._named_unplaced) if self._named_unplaced else {}
        for place in places.values():
            self._named.add(place)
        unnamed = [*_listed(self._missing.without(self._named))]
        queued = self._missing_unplaced - self._named_unplaced
        if len(unnamed) + len(queued) > self._counted_closed:
            if self._counted_closed:
                yield Finding(What.SUBJECT, f"{self.closed} erasures do not open, and more is missing than they count")
            yield from (Finding(What.SUBJECT, "is missing, and no erasure names it", place) for place in unnamed)
            yield from (Finding(What.SUBJECT, "is missing, and no erasure names it", None, fid) for fid in queued)
        there = _listed(self._named.without(self._missing, self._gone))
        yield from (Finding(What.SUBJECT, "an erasure names it, and it is still there", place) for place in there)
        still = self._named_unplaced - places.keys() - self._missing_unplaced
        yield from (Finding(What.SUBJECT, "an erasure names it, and it is still there", None, fid) for fid in still)


def _listed(places: Iterator[int]) -> Iterator[int]:
    """Yield one more than is listed, so that the report says that there are more."""
    for place, _ in zip(places, range(FINDINGS_MAX + 1), strict=False):
        yield place


def _named(body: bytes) -> tuple[set[int], set[UUID]]:
    """Return what part A names, places and ids; of what is of no such form, nothing."""
    try:
        said: Any = json.loads(body)
        named = {place for place in said.get("erased", ()) if type(place) is int and place >= 0}
        return named, {UUID(fid) for fid in said.get("erased_unplaced", ())}
    except (AttributeError, TypeError, ValueError):
        return set(), set()
