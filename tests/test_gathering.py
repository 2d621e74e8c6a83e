"""What comes at once is done at once, and nobody pays for another's item."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from proaktiv.gathering import Gathering

PATIENCE_SECONDS = 60


class AwayError(Exception):
    """The far side is gone for everybody."""


@dataclass
class Work:
    """Does sets and keeps them; stands at the first until it is let go."""

    sets: list[list[int]] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    bad: int | None = None
    error: BaseException = field(default_factory=ValueError)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.sets.append(list(items))
        if len(self.sets) == 1:
            self.entered.set()
            assert self.go.wait(PATIENCE_SECONDS)
        if self.bad in items:
            raise self.error
        return [-item for item in items]


@contextmanager
def crowd(work: Work, gathering: Gathering[int, int], numbers: Sequence[int]) -> Iterator[dict[int, Future[int]]]:
    """The first is being done; the others come meanwhile, in order; then it is let go."""
    with ThreadPoolExecutor(len(numbers)) as threads:
        futures = {numbers[0]: threads.submit(gathering, numbers[0])}
        assert work.entered.wait(PATIENCE_SECONDS)
        for place, number in enumerate(numbers[1:], 1):
            futures[number] = threads.submit(gathering, number)
            while len(gathering._queue) < place:
                threading.Event().wait(0.001)
        work.go.set()
        yield futures


def test_who_comes_alone_is_done_at_once() -> None:
    work = Work()
    work.go.set()
    gathering = Gathering(work, 10)
    assert [gathering(1), gathering(2)] == [-1, -2]
    assert work.sets == [[1], [2]]


def test_who_comes_while_one_is_done_goes_with_the_next_set_in_order() -> None:
    work = Work()
    with crowd(work, Gathering(work, 10), range(1, 6)) as futures:
        assert {number: future.result() for number, future in futures.items()} == {n: -n for n in range(1, 6)}
    assert work.sets == [[1], [2, 3, 4, 5]]


def test_a_set_is_never_larger_than_it_may_be() -> None:
    work = Work()
    with crowd(work, Gathering(work, 2), range(1, 7)) as futures:
        assert all(future.result() == -number for number, future in futures.items())
    assert work.sets == [[1], [2, 3], [4, 5], [6]]


def test_an_item_that_breaks_a_set_breaks_itself_alone() -> None:
    work = Work(bad=3)
    with crowd(work, Gathering(work, 10), range(1, 5)) as futures:
        assert [futures[number].result() for number in (1, 2, 4)] == [-1, -2, -4]
        with pytest.raises(ValueError):
            futures[3].result()
    assert work.sets == [[1], [2, 3, 4], [2], [3], [4]]


def test_what_is_gone_for_all_is_asked_once() -> None:
    work = Work(bad=3, error=AwayError())
    with crowd(work, Gathering(work, 10, (AwayError,)), range(1, 5)) as futures:
        assert futures[1].result() == -1
        for number in (2, 3, 4):
            with pytest.raises(AwayError):
                futures[number].result()
    assert work.sets == [[1], [2, 3, 4]]


def test_after_an_error_work_goes_on() -> None:
    work = Work(bad=1)
    work.go.set()
    gathering = Gathering(work, 10)
    with pytest.raises(ValueError):
        gathering(1)
    assert gathering(2) == -2


def test_where_the_process_ends_in_a_set_nothing_is_tried_again_and_nobody_waits_on() -> None:
    work = Work(bad=3, error=SystemExit())
    with crowd(work, Gathering(work, 10), range(1, 5)) as futures:
        assert futures[1].result() == -1
        for number in (2, 3, 4):
            with pytest.raises(SystemExit):
                futures[number].result()
    assert work.sets == [[1], [2, 3, 4]]


def test_where_the_process_ends_at_one_of_many_the_others_are_told_so() -> None:
    class Ends(Work):
        def __call__(self, items: Sequence[int]) -> list[int]:
            answers = super().__call__(items)
            if len(items) > 1:
                raise ValueError("together they do not go")
            if items == [3]:
                raise SystemExit
            return answers

    work = Ends()
    with crowd(work, Gathering(work, 10), range(1, 5)) as futures:
        assert [futures[number].result() for number in (1, 2)] == [-1, -2]
        for number in (3, 4):
            with pytest.raises(SystemExit):
                futures[number].result()
    assert work.sets == [[1], [2, 3, 4], [2], [3]]
