"""A process of many threads has few arenas."""

import platform
import subprocess
import sys

import pytest

from proaktiv.arenas import MOST

PROGRAM = """
import ctypes, sys, threading
from proaktiv.arenas import limit_arenas
if sys.argv[1] == "limited":
    assert limit_arenas()
begun, end = threading.Barrier(13), threading.Event()
def hold():
    kept = [bytes(100_000) for _ in range(20)]
    begun.wait(); end.wait()
threads = [threading.Thread(target=hold) for _ in range(12)]
for each in threads: each.start()
begun.wait()
sys.stderr.flush()
ctypes.CDLL(None).malloc_stats()
end.set()
"""


def arenas(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=True)
    return done.stderr.count("Arena ")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's: nothing to limit here")
def test_twelve_threads_share_two_arenas_and_without_the_limit_they_do_not() -> None:
    assert arenas("limited") <= MOST < arenas("as it comes")
