"""The city's registers: they answer look-ups, and report births and moves to the intake as OAuth clients.

A process of its own (``proaktiv city --part register``). Knows the residents and the two clients' keys, nothing of
the house. Left to others: who lives there (``families``), when something is reported (``once``).
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Body, FastAPI, HTTPException
from joserfc import jwt
from pydantic import BaseModel, Field

from proaktiv.demo.keys import ALGORITHM, signing_key
from proaktiv.demo.people import Resident
from proaktiv.demo.talking import CityError, Talk

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 120
_TOKEN_RESERVE_SECONDS = 30


class Question(BaseModel):
    """What a look-up says."""

    wire_id: str
    asked: str = Field(alias="register")  # BaseModel has a method of that name
    person: dict[str, Any]
    names: list[str]


class Message(BaseModel):
    """A report and the register it comes from."""

    source: str
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the intake said to one report."""

    status: int
    duplicate: bool


class Registers:
    """What the registers know, found by the register's key of a person or by everything a person can say of themselves.

    Built once from the plan; read by many threads.
    """

    def __init__(self, residents: Iterable[Mapping[str, Any]], as_of: str) -> None:
        self._as_of = as_of
        self._by_key: dict[str, Mapping[str, Any]] = {}
        self._by_identity: dict[tuple[str, ...], Mapping[str, Any]] = {}
        for resident in residents:
            self._by_key[resident["kennung"]] = resident
            self._by_identity[_identity(resident)] = resident

    def answer(self, register: str, person: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any] | None:
        """Return the facts this register has of those asked for, or None where it does not know the person."""
        if "kennung" in person:
            found = self._by_key.get(str(person["kennung"]))
        else:
            found = self._by_identity.get(_identity(person))
        if found is None:
            return None
        known = dict(found["facts"].get(register, {}))
        if register == "MELDEREGISTER":
            known |= {name: value for name, value in found.items() if name != "facts"}
        return {"facts": {name: known[name] for name in names if name in known}, "as_of": self._as_of}


def _identity(person: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        address = person["anschrift"]
        return (
            person["vornamen"],
            person["familienname"],
            person["geburtsdatum"],
            *(address[part] for part in ("strasse", "plz", "ort")),
        )
    except (KeyError, TypeError):
        return ()


def entry_of(resident: Resident) -> dict[str, Any]:
    """Return a resident as the plan of the register's process holds them."""
    return {"kennung": resident.kennung, "facts": resident.facts, **resident.wish()}


class Reporter:
    """One register as a client of the intake: private_key_jwt (RFC 7523), then CloudEvents."""

    def __init__(self, client: str, seed: bytes, intake: str, audience: str) -> None:
        self._client = client
        self._key = signing_key(seed, client)
        self._intake = intake
        self._audience = audience
        self._token = ""
        self._good_until = 0.0

    def report(self, talk: Talk, event: Mapping[str, Any]) -> Answer:
        """Send one event and return what the intake said."""
        response = talk.request(
            "POST",
            f"{self._intake}/events",
            json=dict(event),
            headers={
                "Authorization": f"Bearer {self._access(talk)}",
                "Content-Type": "application/cloudevents+json",
            },
        )
        duplicate = response.status_code == 202 and response.json()["duplicate"] is True
        return Answer(response.status_code, duplicate)

    def _access(self, talk: Talk) -> str:
        if time.monotonic() < self._good_until:
            return self._token
        now = int(time.time())
        claims = {
            "iss": self._client,
            "sub": self._client,
            "aud": self._audience,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        assertion = jwt.encode({"alg": ALGORITHM, "kid": self._client}, claims, self._key, algorithms=[ALGORITHM])
        response = talk.request(
            "POST",
            f"{self._intake}/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": _ASSERTION,
                "client_assertion": assertion,
            },
        )
        if response.status_code != 200:
            raise CityError(f"the intake gives {self._client} no token: {response.status_code}")
        answer = response.json()
        self._token = answer["access_token"]
        self._good_until = time.monotonic() + answer["expires_in"] - _TOKEN_RESERVE_SECONDS
        return self._token


def make_register(
    registers: Registers, reporters: Mapping[str, Reporter], talk: Callable[[], Talk] = lambda: Talk("")
) -> FastAPI:
    """Return the registers' application. ``reporters`` holds one client for each CloudEvents source."""
    app = FastAPI(title="simulated registers", docs_url=None, redoc_url=None)
    one_at_a_time = threading.Lock()

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the registers stand."""
        return {"status": "ok"}

    @app.post("/{register}/nachschlagen")
    def look_up(register: str, question: Question) -> dict[str, Any]:
        """Answer one look-up."""
        if question.asked.lower() != register:
            raise HTTPException(404, "no such register")
        found = registers.answer(question.asked, question.person, question.names)
        return {"found": False} if found is None else found

    @app.post("/melden")
    def report(messages: Annotated[list[Message], Body()]) -> list[Answer]:
        """Report events to the intake in this order, and say what it answered."""
        with one_at_a_time, talk() as conversation:
            return [reporters[message.source].report(conversation, message.event) for message in messages]

    return app
