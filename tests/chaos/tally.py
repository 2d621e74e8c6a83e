"""Lines at the end of a run: how many processes were killed, at how many points; how far the state machine went."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

PROPERTY = "crash points"
MACHINE = "machine"


def lines(reports: Iterable[Any]) -> Iterator[str]:
    """Yield what the rigs counted. Reports carry their figures also from other processes."""
    said: dict[str, list[Any]] = {PROPERTY: [], MACHINE: []}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name in said and report.when == "call":
                said[name].append(value)
    if said[PROPERTY]:
        yield _kills(said[PROPERTY])
    if said[MACHINE]:
        yield _steps(said[MACHINE])


def _kills(figures: list[tuple[str, int, int, int, int]]) -> str:
    kills: Counter[str] = Counter()
    points = repeats = 0
    for step, died, passed, repeated, _ in figures:
        kills[step] += died
        points += passed
        repeats += repeated
    each = ", ".join(f"{step} {number}" for step, number in sorted(kills.items()))
    return f"{kills.total()} SIGKILLs at {points} points (seed {figures[-1][-1]}), {repeats} repeats absorbed: {each}"


def _steps(figures: list[tuple[int, int, int, int]]) -> str:
    steps, runs, faults = (sum(part) for part in list(zip(*figures, strict=True))[:3])
    seeds = sorted(figure[-1] for figure in figures)
    return f"state machine: {steps} steps in {runs} runs, {faults} faults, seeds {seeds[0]} to {seeds[-1]}"
