"""The worker's ticks, in a process of their own: signals and threads are what they are about."""

import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proaktiv.schedule import Every
from tests.processes import PATIENCE_SECONDS, Started, end, start

Worker = Callable[[str], Started]

_FRAME = """
import sys, threading, time
from proaktiv.core.errors import NotSafe
from proaktiv.schedule import tick_until_stopped

def say(word):
    sys.stdout.write(word + "\\n")

{body}
tick_until_stopped(PARTS, seconds=0.02)
say("ended")
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Start a worker whose ``PARTS`` a test writes down as code."""
    started: list[Started] = []

    def begin(body: str) -> Started:
        program = tmp_path / f"worker_{len(started)}.py"
        program.write_text(_FRAME.format(body=body), "utf-8")
        started.append(start(str(program)))
        return started[-1]

    yield begin
    for process in started:
        end(process)


def read_until(process: Started, word: str, times: int = 1) -> list[str]:
    """Read lines until a word has come that often. Ends with the process, too."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines.count(word) == times:
            return lines
    raise AssertionError(f"it ended before {word} came {times} times: {lines}")


def stop(process: Started, number: int = signal.SIGTERM, times: int = 1) -> str:
    """Send a signal and wait for the end, which is a good one. Returns what was still said."""
    for _ in range(times):
        process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("ended\n")
    return out


def test_a_tick_that_raises_ends_neither_the_worker_nor_the_other_parts(worker: Worker) -> None:
    process = worker(
        """
def ours():
    say("ours")
    raise NotSafe("entry 7")
def broken():
    say("broken")
    raise KeyError("Anna Beispiel-Probst")
def good():
    say("good")
    return 0
PARTS = {"ours": ours, "broken": broken, "good": good}
"""
    )
    lines = read_until(process, "broken", 3) + read_until(process, "ours", 3) + read_until(process, "good", 3)
    written = "\n".join(lines) + stop(process)
    assert "entry 7" in written
    assert "KeyError" in written
    assert "Anna" not in written, "what an unexpected error says may be personal"


def test_a_tick_goes_on_until_nothing_is_due(worker: Worker) -> None:
    process = worker(
        """
due = [5, 4, 3, 2, 1, 0]
def part():
    left = due.pop(0) if due else 0
    say(f"left {left}")
    return left
PARTS = {"part": part}
"""
    )
    lines = [line for line in read_until(process, "left 0") if line.startswith("left")]
    assert lines == [f"left {left}" for left in (5, 4, 3, 2, 1, 0)]
    stop(process)


@pytest.mark.parametrize(("number", "times"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGTERM, 50)])
def test_a_signal_ends_the_worker_with_the_work_in_hand_done(worker: Worker, number: int, times: int) -> None:
    process = worker(
        """
def part():
    say("begun")
    time.sleep(0.5)
    say("done")
    return 1
PARTS = {"part": part}
"""
    )
    before = read_until(process, "begun", 2)
    after = stop(process, number, times).splitlines()
    assert (before + after).count("begun") == (before + after).count("done") == 2, "nothing new is begun either"


_SLOW = """
busy = threading.Lock()
def part():
    alone = busy.acquire(blocking=False)
    say("alone" if alone else "together")
    time.sleep(0.1)
    if alone:
        busy.release()
    return 0
"""


def test_a_part_never_runs_twice_at_once(worker: Worker) -> None:
    process = worker(_SLOW + 'PARTS = {"part": part}')
    lines = read_until(process, "alone", 5)
    assert "together" not in lines
    assert "together" not in stop(process)


def test_two_parts_do_run_side_by_side(worker: Worker) -> None:
    """The control of the test above: what it looks for can be seen."""
    process = worker(_SLOW + 'PARTS = {"part": part, "other": part}')
    read_until(process, "together")
    stop(process)


def test_a_clock_that_is_set_back_by_an_hour_stops_no_ticks(worker: Worker) -> None:
    process = worker(
        """
import datetime as calendar
import apscheduler.schedulers.base, apscheduler.triggers.interval
shift, real, ticks = 0.0, time.time, 0

class Shifted(calendar.datetime):
    @classmethod
    def now(cls, tz=None):
        return calendar.datetime.now(tz) + calendar.timedelta(seconds=shift)

time.time = lambda: real() + shift
for module in (apscheduler.schedulers.base, apscheduler.triggers.interval):
    module.datetime = Shifted

def part():
    global shift, ticks
    ticks += 1
    if ticks == 3:
        shift = -3600.0
        say("set back")
    elif shift:
        say("after")
    return 0
PARTS = {"part": part}
"""
    )
    read_until(process, "set back")
    read_until(process, "after", 3)
    stop(process)


def test_a_clock_that_is_set_ahead_by_a_year_makes_one_tick_of_all_that_were_missed() -> None:
    """At 50 ms a tick a day has 1.7 million of them: to list them all took APScheduler half a minute."""
    now = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
    every = Every(timedelta(milliseconds=50))
    assert every.get_next_fire_time(None, now) == now + timedelta(milliseconds=50)
    assert every.get_next_fire_time(now - timedelta(days=365), now) > now
    assert every.get_next_fire_time(now + timedelta(hours=1), now) < now + timedelta(seconds=1)
