"""How far the rigs go: as far as a commit may wait in ``make test``, all the way in ``make exhaustive``."""

import os
from typing import TypeVar

Depth = TypeVar("Depth")

EXHAUSTIVE = bool(os.environ.get("EXHAUSTIVE"))


def depth(of_a_commit: Depth, in_full: Depth) -> Depth:
    """Return how many trials, kills, cases or steps this run makes, or which."""
    return in_full if EXHAUSTIVE else of_a_commit


def spread(whole: int, parts: int) -> list[int]:
    """Return ``parts`` numbers that differ by one at most and add up to ``whole``."""
    least, more = divmod(whole, parts)
    return [least + (number < more) for number in range(parts)]
