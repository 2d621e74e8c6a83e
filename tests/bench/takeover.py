"""Takeover: from kill -9 of a worker that has a question in hand to the next worker asking it.

Real ``proaktiv work`` processes with the default tick. A register takes the question of the first and does not answer;
the first is killed, and what is measured is when the register is asked again. Each round's survivor dies in the next.
Source: security-and-faults.md § 4 row 2.
"""

import json
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue

from proaktiv.app import building
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from proaktiv.steps.enrol import Wish
from tests.bench.table import Figure
from tests.processes import PATIENCE_SECONDS, Started, end, start
from tests.settings_of import everything, settings_of
from tests.world import World

ROUNDS = 7
BOUND_SECONDS = 2.0


def bench_takeover() -> Iterator[Figure]:
    """Measure ``ROUNDS`` deaths on a server of its own."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer() as server:
        server.prepare()
        migrate(server.url("proaktiv_owner"))
        server.create_database("city", "proaktiv")
        urls = {role: server.url(f"proaktiv_{role}", "city") for role in ("owner", "app", "sequencer", "reader")}
        city = World(urls, Path(folder)).found()
        seconds = takeovers(city, ROUNDS)
        city.close()
    median = statistics.median(seconds)
    yield Figure(
        "a killed worker's work goes on",
        f"{median:.2f} s (longest {max(seconds):.2f} s)",
        BOUND_SECONDS / median,
        1.0,
        f"kill -9 until another worker asks the register again, tick 1 s, median of {ROUNDS}; ratio: 2 s / median",
    )


def takeovers(city: World, rounds: int) -> list[float]:
    """Kill one worker after another with a question in hand; return for each how long until it was asked again."""
    seconds = []
    with ExitStack() as ending, silent_register() as register:
        settings = settings_for(city, register.port)
        citizens = ending.enter_context(building(settings_of(settings), "citizen"))
        worker = _worker(ending, settings)
        for number in range(rounds):
            register.answers.clear()
            citizens.enrol(
                Wish(f"Nummer-{number}", "Beispiel-Probst", "1994-03-08", "Erfundene Gasse 3", "00001", "Musterstadt")
            )
            register.asked.get(timeout=PATIENCE_SECONDS)
            survivor = _worker(ending, settings)
            begun = time.perf_counter()
            worker.send_signal(signal.SIGKILL)
            seconds.append(register.asked.get(timeout=PATIENCE_SECONDS) - begun)
            register.answers.set()
            worker = survivor
        _until_nothing_is_asked(city)
    return seconds


def _until_nothing_is_asked(city: World) -> None:
    last = time.monotonic() + PATIENCE_SECONDS
    while city.count("lookups", "state IN ('wanted', 'announced')"):
        assert time.monotonic() < last, "the work does not go on"
        time.sleep(0.05)


def settings_for(city: World, port: int) -> dict[str, str]:
    """Every setting, with the registers at this port and the default tick."""
    settings = everything(city.urls, city.folder)
    del settings["PROAKTIV_TICK_SECONDS"]
    return settings | {
        "PROAKTIV_REGISTERS": json.dumps({"MELDEREGISTER": f"http://127.0.0.1:{port}/melderegister"}),
        "PROAKTIV_OUTBOUND": json.dumps([f"127.0.0.1:{port}"]),
        "PROAKTIV_DEADLINE_SECONDS": "50",
    }


def _worker(ending: ExitStack, settings: dict[str, str]) -> Started:
    """Start a worker and return once it works."""
    process = start("-m", "proaktiv", "work", settings=settings)
    ending.callback(end, process)
    assert process.stdout is not None
    for line in process.stdout:
        if "worker.started" in line:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process
    raise AssertionError(f"the worker ended: {process.stderr.read() if process.stderr else ''}")


_NOBODY = b'{"found": false}'


@dataclass
class Silent:
    """A register that says nothing until ``answers``, and then that it knows nobody. ``asked`` is when it was."""

    port: int = 0
    asked: SimpleQueue[float] = field(default_factory=SimpleQueue)
    answers: threading.Event = field(default_factory=threading.Event)


@contextmanager
def silent_register() -> Iterator[Silent]:
    """Open such a register on a free port of the loopback."""
    register = Silent()

    class Asked(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            register.asked.put(time.perf_counter())
            register.answers.wait()
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(_NOBODY)))
                self.end_headers()
                self.wfile.write(_NOBODY)
            except OSError:  # whoever asked is dead
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.daemon_threads = True
    register.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield register
    finally:
        register.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()
