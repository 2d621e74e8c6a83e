"""A house that signs, a witness on loopback that it asks, and an authority that stamps."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from proaktiv.egress import Egress
from proaktiv.flowlog.signer import LOCK, Signer
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.vouching.attesting import FarWitness
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.flowlog.vouching.memory import Memory
from proaktiv.flowlog.vouching.witness import Answer, Witness, trust
from proaktiv.locks import SessionLock
from proaktiv.signing import Asking, SigningWorker, StampService
from tests.flowlog.authority import LocalAuthority
from tests.flowlog.conftest import NOW, World
from tests.flowlog.exports import VKEY

SOON = NOW + timedelta(seconds=1)
Behave = Callable[[bytes], Answer]


@dataclass
class Far:
    """A witness behind a URL. ``behave`` may be put in its place; ``heard`` are the requests."""

    url: str
    key: WitnessKey
    memory: Memory
    behave: Behave
    heard: list[bytes] = field(default_factory=list)

    def policy(self, more: str = "") -> Policy:
        return Policy.parse(f"log {VKEY}\nwitness dsb {self.key}\n{more}quorum dsb\n")


@contextmanager
def a_witness(
    folder: Path, name: str = "dsb.example/zeuge", now: datetime = SOON, tls: tuple[Path, Path] | None = None
) -> Iterator[Far]:
    memory = Memory(folder)
    key = memory.found(name)
    trust(memory, VKEY)
    witness = Witness(memory)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            far.heard.append(asked)
            answer = far.behave(asked) if self.path == "/add-checkpoint" else Answer(404, "")
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    far = Far(url, key, memory, lambda asked: witness.add_checkpoint(asked, now))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield far
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class House:
    """The signing worker over a world, with a clock that a test sets."""

    world: World
    witnesses: tuple[FarWitness, ...] = ()
    stamps: StampService | None = None
    signer: Signer | None = None
    now: datetime = SOON
    allowed: frozenset[str] = frozenset({"127.0.0.1"})
    egress: Egress | None = None

    def __post_init__(self) -> None:
        database = self.world.role("sequencer")
        egress = self.egress or Egress(self.allowed, loopback=True)
        asking = Asking(egress, time.monotonic, 30.0, self.witnesses, self.stamps)
        signer = self.signer or self.world.signer()
        self.worker = SigningWorker(database, signer, SessionLock(database, LOCK), lambda: self.now, asking)

    def signs(self, *flows: Any, now: datetime = NOW) -> None:
        self.world.record(*flows, now=now)
        self.worker.integrate()

    def asks(self) -> dict[str, tuple[str, int]]:
        """Ask once; return how each request ended."""
        self.worker.ask_witnesses()
        return self.answers()

    def answers(self) -> dict[str, tuple[str, int]]:
        return {
            row[0]: (row[1], row[2]) for row in self.world.rows("SELECT witness, outcome, size FROM witness_answer")
        }

    def cosigned(self) -> list[int]:
        return [row[0] for row in self.world.rows("SELECT size FROM cosignature ORDER BY size")]

    def close(self) -> None:
        self.worker.lock.close()


@contextmanager
def asking(world: World, *fars: Far, **how: Any) -> Iterator[House]:
    house = House(world, tuple(FarWitness(far.key, far.url) for far in fars), **how)
    try:
        yield house
    finally:
        house.close()


def every_hour(authority: LocalAuthority, url: str) -> StampService:
    return StampService(url, authority.trusted, timedelta(hours=1))
