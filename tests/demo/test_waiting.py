"""The run waits as long as something moves, and gives up when nothing does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from proaktiv.demo.waiting import STALLED_SECONDS, Stalled, wait_until_settled


@dataclass
class Clock:
    now: float = 0.0
    notes: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, look: Callable[[], Mapping[str, int]]) -> None:
        wait_until_settled(look, self.notes.append, monotonic=lambda: self.now, sleep=self.sleep)


def test_nothing_due_is_no_wait() -> None:
    clock = Clock()
    clock.wait(dict)
    assert clock.now == 0


def test_it_waits_while_something_moves_however_long_that_takes() -> None:
    clock = Clock()
    left = int(STALLED_SECONDS * 3)
    clock.wait(lambda: {"events": left - int(clock.now)} if clock.now < left else {})
    assert clock.now >= left
    assert clock.notes[0] == f"{left} events"
    assert clock.notes[-1] == ""


def test_it_gives_up_when_nothing_moves_and_says_what_is_due() -> None:
    clock = Clock()
    with pytest.raises(Stalled, match="due are: 2 letters, 1 events"):
        clock.wait(lambda: {"letters": 2, "events": 1})
    assert clock.now >= STALLED_SECONDS
