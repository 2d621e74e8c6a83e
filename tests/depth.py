"""How far the rigs go: as far as a commit may wait in ``make test``, all the way in ``make exhaustive``."""

import os

EXHAUSTIVE = bool(os.environ.get("EXHAUSTIVE"))


def depth(of_a_commit: int, in_full: int) -> int:
    """Return how many trials, kills, cases or steps this run makes."""
    return in_full if EXHAUSTIVE else of_a_commit
