"""One line at the end of a run: how many processes were killed, at how many points, in which steps."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

PROPERTY = "crash points"


def line(reports: Iterable[Any]) -> str:
    """Return the line, or nothing where nobody died. Reports carry their figures also from other processes."""
    kills: Counter[str] = Counter()
    points = repeats = seed = 0
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY and report.when == "call":
                step, died, passed, repeated, seed = value
                kills[step] += died
                points += passed
                repeats += repeated
    if not kills:
        return ""
    each = ", ".join(f"{step} {number}" for step, number in sorted(kills.items()))
    return f"{kills.total()} SIGKILLs at {points} points (seed {seed}), {repeats} repeats absorbed: {each}"
