"""The city's Behörden: they take Aufträge, answer each with a signed acknowledgement, and notice what comes twice.

A process of its own (``proaktiv city --part behoerde``). It is the witness of "nothing twice": a wire id that comes
again with the same content is a repeat and fine; the same Auftrag under another wire id, or other content under the
same wire id, is a second arrival and never fine. Left to others: judging the report (``counting``).
"""

import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, Header, HTTPException, Response
from joserfc import jws
from joserfc.jwk import OKPKey
from pydantic import BaseModel

from proaktiv.core.canonical import dumps
from proaktiv.demo.keys import ALGORITHM
from proaktiv.demo.talking import CityError, Talk

log = structlog.get_logger(__name__)

_TRIES = 20
_PAUSE_SECONDS = 0.5


class Auftrag(BaseModel):
    """What the house hands over."""

    wire_id: str
    reference: str
    leistung: str
    confirmed_at: str
    trust: int
    sperrvermerk: bool
    felder: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Letter:
    """An acknowledgement to be signed by one Behörde."""

    behoerde: str
    wire_id: str


@dataclass(slots=True)
class Arrivals:
    """What came. Guarded by its lock; lives as long as the process."""

    contents: dict[str, bytes] = field(default_factory=dict)
    wire_ids: dict[str, str] = field(default_factory=dict)
    repeats: int = 0
    second: int = 0
    acknowledged: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, behoerde: str, auftrag: Auftrag) -> bool:
        """Book one arrival; return whether it is new. Raises ``ValueError`` for other content under a known wire id."""
        content = sha256(dumps([behoerde, auftrag.model_dump()])).digest()
        with self.lock:
            known = self.contents.get(auftrag.wire_id)
            if known == content:
                self.repeats += 1
                return False
            if known is not None or self.wire_ids.get(auftrag.reference, auftrag.wire_id) != auftrag.wire_id:
                self.second += 1
                log.error("auftrag.arrived_again", wire_id=auftrag.wire_id)
            if known is not None:
                raise ValueError("other content")
            self.contents[auftrag.wire_id] = content
            self.wire_ids[auftrag.reference] = auftrag.wire_id
            return True

    def report(self) -> dict[str, int]:
        """Return the numbers that the run compares with the house's own."""
        with self.lock:
            return {
                "arrivals": len(self.contents),
                "repeats": self.repeats,
                "second_arrivals": self.second,
                "acknowledged": self.acknowledged,
                "refused": self.refused,
            }

    def heard(self, *, accepted: bool) -> None:
        """Book how an acknowledgement ended."""
        with self.lock:
            if accepted:
                self.acknowledged += 1
            else:
                self.refused += 1


class Clerks:
    """Acknowledge what arrived, in a thread of their own: the answer to the hand-over does not wait for them."""

    def __init__(
        self, arrivals: Arrivals, keys: Mapping[str, OKPKey], intake: str, talk: Callable[[str], Talk] = Talk
    ) -> None:
        self._arrivals = arrivals
        self._keys = keys
        self._intake = intake
        self._talk = talk
        self._post: queue.Queue[Letter | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="clerks", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what lies there and end."""
        self._post.put(None)
        self._thread.join(timeout=10)

    def acknowledge(self, letter: Letter) -> None:
        """Put one acknowledgement into the tray."""
        self._post.put(letter)

    def _work(self) -> None:
        with self._talk(self._intake) as talk:
            while (letter := self._post.get()) is not None:
                self._arrivals.heard(accepted=self._send(talk, letter))

    def _send(self, talk: Talk, letter: Letter) -> bool:
        token = signed(letter, self._keys[letter.behoerde], int(time.time()))
        for failed in range(_TRIES):
            try:
                response = talk.request(
                    "POST", "/acknowledgements", content=token, headers={"Content-Type": "application/jose"}
                )
            except CityError:
                response = None
            if response is not None and response.status_code == 202:
                return True
            if response is not None and response.status_code < 500:
                log.error("acknowledgement.refused", status=response.status_code, wire_id=letter.wire_id)
                return False
            time.sleep(_PAUSE_SECONDS * min(failed + 1, 4))
        return False


def signed(letter: Letter, key: OKPKey, issued_at: int) -> bytes:
    """Return the acknowledgement as compact JWS; ``issued_at`` is a Unix time."""
    payload = {
        "behoerde": letter.behoerde,
        "wire_id": letter.wire_id,
        "message_id": f"{letter.wire_id}.1",
        "status": "acknowledged",
        "text": "",
        "iat": issued_at,
    }
    header = {"alg": ALGORITHM, "kid": letter.behoerde}
    return jws.serialize_compact(header, dumps(payload), key, algorithms=[ALGORITHM]).encode()


def make_behoerde(arrivals: Arrivals, clerks: Clerks, behoerden: frozenset[str]) -> FastAPI:
    """Return the Behörden's application; each has its own path."""

    @asynccontextmanager
    async def open_hours(_app: FastAPI) -> AsyncIterator[None]:
        clerks.start()
        yield
        clerks.stop()

    app = FastAPI(title="simulated Behörden", docs_url=None, redoc_url=None, lifespan=open_hours)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the Behörden are open."""
        return {"status": "ok"}

    @app.get("/bericht")
    def report() -> dict[str, int]:
        """Say what arrived, how often, and what was acknowledged."""
        return arrivals.report()

    @app.post("/{behoerde}/auftraege")
    def take(
        behoerde: str, auftrag: Auftrag, response: Response, idempotency_key: Annotated[str, Header()]
    ) -> dict[str, bool]:
        """Take one Auftrag: 202 at first, 200 for a repeat, 409 for other content under the same wire id."""
        if behoerde not in behoerden:
            raise HTTPException(404, "no such Behörde")
        if idempotency_key != auftrag.wire_id:
            raise HTTPException(422, "Idempotency-Key and wire_id differ")
        try:
            fresh = arrivals.take(behoerde, auftrag)
        except ValueError:
            raise HTTPException(409, "this wire id brought something else before") from None
        if fresh:
            clerks.acknowledge(Letter(behoerde, auftrag.wire_id))
        response.status_code = 202 if fresh else 200
        return {"duplicate": not fresh}

    return app
