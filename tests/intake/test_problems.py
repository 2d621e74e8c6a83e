"""Every error as a problem document; bodies that are too large or too slow."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import OperationalError

from proaktiv.core import errors
from proaktiv.core.clients import BadTokenRequest, ClientRefused
from proaktiv.database import DatabaseAway
from proaktiv.vault import NotHeld
from proaktiv.web import problems
from proaktiv.web.limits import BodyLimit
from tests.intake.asking import ask


class StrangeError(errors.ProaktivError):
    """One that no table knows."""


class NarrowError(errors.Conflict):
    """A leaf that somebody adds below a known one."""


RAISED: dict[str, tuple[Exception, int, str, str | None]] = {
    "NotFound": (errors.NotFound("auftrag 7"), 404, "not-found", None),
    "Conflict": (errors.Conflict("it moved"), 409, "conflict", None),
    "a leaf below Conflict": (NarrowError("it moved"), 409, "conflict", None),
    "Locked": (errors.Locked("ask for a new code"), 429, "locked", None),
    "TooMany": (errors.TooMany("enough", 77), 429, "too-many", "77"),
    "NotProven": (errors.NotProven("no"), 401, "not-proven", None),
    "ClientRefused": (ClientRefused("no", "invalid_token"), 401, "not-proven", None),
    "NotAllowed": (errors.NotAllowed("no"), 403, "not-allowed", None),
    "BadInput in a field": (errors.BadInput("/data", "must be an object"), 422, "bad-input", None),
    "BadInput as a whole": (errors.BadInput("", "must be JSON"), 400, "not-readable", None),
    "BadTokenRequest": (BadTokenRequest("grant_type", "no", "invalid_request"), 400, "bad-token-request", None),
    "WrongMediaType": (problems.WrongMediaType("send x/y"), 415, "media-type", None),
    "CommitUnknown": (errors.CommitUnknown("?"), 503, "commit-unknown", None),
    "NotSafe": (errors.NotSafe("no log"), 503, "not-safe", "60"),
    "Unavailable": (errors.Unavailable("x"), 503, "away", "60"),
    "Temporary": (errors.Temporary("x"), 503, "away", "60"),
    "DatabaseAway": (DatabaseAway("x"), 503, "database-away", "5"),
    "a deadlock": (OperationalError("SELECT 1", {"name": "Anna"}, Exception("deadlock")), 503, "busy", "1"),
    "an error no table knows": (StrangeError("Anna Beispiel-Probst"), 500, "internal", None),
    "a key that is not held": (NotHeld("KEK-facts"), 500, "internal", None),
    "a mistake": (KeyError("Anna Beispiel-Probst"), 500, "internal", None),
}


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    code: str
    number: int = 0


def an_app(error: Exception | None = None) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.get("/raise")
    def raising() -> None:
        assert error is not None
        raise error

    @app.post("/form")
    def form(_form: Form, page: int = 1) -> int:
        return page

    return app


@pytest.mark.parametrize("name", RAISED)
def test_each_error_has_its_status_and_type(name: str, caplog: pytest.LogCaptureFixture) -> None:
    error, status, slug, retry_after = RAISED[name]
    caplog.set_level(logging.DEBUG)
    answer = ask(an_app(error), "GET", "/raise")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["type"], body["status"]) == (f"urn:proaktiv:problem:{slug}", status)
    assert answer.headers.get("retry-after") == retry_after
    assert "Anna" not in answer.text + caplog.text


def test_what_is_not_there_and_what_is_not_yours_are_the_same_bytes() -> None:
    answers = [ask(an_app(errors.NotFound(what)), "GET", "/raise") for what in ("auftrag 7", "proposal 9")]
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers
    assert ask(an_app(), "GET", "/nowhere").content == answers[0].content


@pytest.mark.parametrize(
    ("how", "field", "status"),
    [
        ({"json": {}}, "/code", 422),
        ({"json": {"code": 7}}, "/code", 422),
        ({"json": {"code": "Anna", "number": "Anna"}}, "/number", 422),
        ({"json": {"code": "Anna", "more": "Anna"}}, "/more", 422),
        ({"json": {"code": "x", "Anna Beispiel": 1}}, "", 422),
        ({"json": ["Anna"]}, "", 422),
        ({"json": {"code": "x"}, "params": {"page": "Anna"}}, "page", 422),
        ({"content": b'{"code": Anna', "headers": {"content-type": "application/json"}}, "", 400),
        ({"content": b""}, "", 422),
    ],
)
def test_what_a_form_lacks_is_told_by_place_and_never_by_value(how: dict[str, Any], field: str, status: int) -> None:
    answer = ask(an_app(), "POST", "/form", **how)
    assert (answer.status_code, answer.json().get("field", "")) == (status, field)
    assert answer.json()["detail"]
    assert "Anna" not in answer.text


# bodies --------------------------------------------------------------------------------------------------------------


def limited(max_bytes: int = 100, seconds: float = 5.0) -> FastAPI:
    app = FastAPI()
    app.add_middleware(BodyLimit, max_bytes=max_bytes, seconds=seconds)

    @app.post("/length")
    def length(_unused: int = 0) -> str:
        return "reached"

    return app


async def _chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (lambda: b"x" * 100, 200),
        (lambda: b"x" * 101, 413),
        (lambda: _chunks(10, 10), 200),
        (lambda: _chunks(11, 10), 413),
        (lambda: b"", 200),
    ],
)
def test_a_body_is_counted_whether_or_not_it_says_its_length(content: Callable[[], Any], status: int) -> None:
    assert ask(limited(), "POST", "/length", content=content()).status_code == status


@pytest.mark.parametrize("length", ["101", "-1", "1e9", "٣", "9" * 4000])
def test_a_length_that_is_too_large_or_none_is_refused_unread(length: str) -> None:
    """Straight to the middleware: a client of ours would not send such a header."""

    async def never() -> MutableMapping[str, Any]:
        raise AssertionError("it was read")

    said: list[MutableMapping[str, Any]] = []

    async def say(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError("it was passed on")

    scope = {"type": "http", "headers": [(b"content-length", length.encode())]}
    asyncio.run(BodyLimit(app, max_bytes=100)(scope, never, say))
    assert said[0]["status"] == 413


def test_a_body_that_drips_is_cut_off() -> None:
    said: list[MutableMapping[str, Any]] = []

    async def drip() -> MutableMapping[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"", "more_body": True}

    async def say(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError("it was passed on")

    asyncio.run(BodyLimit(app, seconds=0.1)({"type": "http", "headers": []}, drip, say))
    assert said[0]["status"] == 408


def test_other_talk_than_http_is_passed_on_untouched() -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    async def nothing(*_: Any) -> MutableMapping[str, Any]:
        return {}

    asyncio.run(BodyLimit(app)({"type": "lifespan"}, nothing, nothing))
    assert seen == ["lifespan"]


def test_after_the_body_the_application_hears_the_end_of_the_connection() -> None:
    """What comes behind the body is the server's: it says when the caller hangs up."""
    told = iter([{"type": "http.request", "body": b"x", "more_body": False}, {"type": "http.disconnect"}])
    heard: list[str] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(told)

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    async def send(_message: MutableMapping[str, Any]) -> None:
        return

    asyncio.run(BodyLimit(app)({"type": "http", "headers": []}, receive, send))
    assert heard == ["http.request", "http.disconnect"]
