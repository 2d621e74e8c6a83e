"""The deadline: what does not answer in time is named, and nobody waits for it."""

import threading
from collections.abc import Iterator

import pytest

from proaktiv.core.errors import NotSafe
from proaktiv.doctor.findings import Check, Finding, Level, broken, fine, healthy, lines, look
from proaktiv.doctor.running import examine


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Something that never comes while the test lasts."""
    event = threading.Event()
    yield event
    event.set()


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def says(name: str) -> Check:
    return Check(name, lambda: [fine(name, "well")], "nothing")


def test_what_hangs_is_named_when_the_time_is_over_and_what_answered_stays(hanging: threading.Event) -> None:
    clock = Clock()

    def slow() -> Iterator[Finding]:
        clock.now = 5.0  # the time of all is over while this one still waits
        hanging.wait()
        yield fine("slow", "too late")

    found = examine([Check("slow", slow, "wake it")], 5.0, clock)
    assert found == (broken("slow", "did not answer within 5 s", "wake it"),)


def test_one_that_hangs_does_not_hold_up_the_others(hanging: threading.Event) -> None:
    clock = Clock()
    seen: list[str] = []

    def slow() -> list[Finding]:
        hanging.wait()
        return []

    def last() -> Iterator[Finding]:
        seen.append("last")
        yield fine("last", "well")
        clock.now = 9.0

    found = examine([Check("slow", slow, "wake it"), says("quick"), Check("last", last, "")], 5.0, clock)
    assert [(each.check, each.level) for each in found] == [
        ("slow", Level.BROKEN),
        ("quick", Level.FINE),
        ("last", Level.FINE),
    ]


def test_a_check_that_leads_to_another_is_followed_and_the_order_is_that_of_the_questions() -> None:
    def tree() -> Iterator[Finding | Check]:
        yield fine("root", "well")
        yield Check("branch", lambda: [says("leaf"), fine("branch", "well")], "")
        yield fine("end", "well")

    found = examine([Check("root", tree, ""), says("other")], 60.0, Clock())
    assert [each.check for each in found] == ["root", "leaf", "branch", "end", "other"]


def test_a_check_that_breaks_is_named_without_what_it_said_and_hides_no_other() -> None:
    def breaks() -> Iterator[Finding]:
        yield fine("half", "well")
        raise KeyError("Anna Beispiel-Probst")

    def refuses() -> Iterator[Finding]:
        yield from ()
        raise NotSafe("two\nlines")

    found = examine([Check("breaks", breaks, "a"), Check("refuses", refuses, "b"), says("quick")], 60.0, Clock())
    assert found == (
        fine("half", "well"),
        broken("breaks", "could not be checked: KeyError", "a"),
        broken("refuses", "two lines", "b"),
        fine("quick", "well"),
    )


def test_each_finding_is_one_line_with_what_to_do_next() -> None:
    found = [fine("clock", "in time"), look("tasks", "3 open", "look"), broken("database app", "away", "start it")]
    assert lines(found) == [
        "✓ clock        in time",
        "! tasks        3 open → look",
        "✗ database app away → start it",
        "1 broken, 1 to look at, 1 fine",
    ]
    assert all(line.isascii() for line in lines(found, plain=True)), "for a terminal that knows no other"
    assert not healthy(found)
    assert healthy(found[:2]), "to look at is not broken"
