"""Errors as problem documents (RFC 9457), the same on every surface. Routes raise; nothing here decides.

A detail is what the error says: ids, places and remedies, never personal data. What is not there and what is not yours
gets the same bytes. Left to others: what is an error (``core.errors``), too large a body (``web.limits``).
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from proaktiv.core import errors
from proaktiv.core.clients import BadTokenRequest, ClientRefused
from proaktiv.core.payloads import joined
from proaktiv.database import DatabaseAway, DatabaseFull

log = structlog.get_logger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_CODE = Path(__file__).parents[1]
MEDIA_TYPE = "application/problem+json"
URN = "urn:proaktiv:problem:"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class BrokenOffError(RuntimeError):
    """An answer broke off after its head was sent; the server ends the connection."""


class WrongMediaType(errors.ProaktivError):
    """The body is of a media type that is not read here; the message names the one that is."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one class of errors is told. An empty ``detail`` means: what the error says."""

    status: int
    slug: str
    title: str
    detail: str = ""
    retry_after_seconds: int | None = None


_INTERNAL = Shape(500, "internal", "Something went wrong here", "It is known to the operators; try again later.")
_BUSY = Shape(503, "busy", "Busy", "Nothing was kept; send the same again.", 1)
_NOT_JSON = Shape(400, "not-readable", "Not readable")

_SHAPES: Mapping[type[errors.ProaktivError], Shape] = {
    errors.NotFound: Shape(404, "not-found", "Not found", "It is not there, or not for you."),
    errors.Conflict: Shape(409, "conflict", "It changed since you looked"),
    errors.Locked: Shape(429, "locked", "Too many tries"),
    errors.TooMany: Shape(429, "too-many", "Too many for today"),
    errors.NotProven: Shape(401, "not-proven", "Not proven"),
    errors.NotAllowed: Shape(403, "not-allowed", "Not allowed"),
    errors.BadInput: Shape(422, "bad-input", "Not as it must be"),
    BadTokenRequest: Shape(400, "bad-token-request", "Not a request for a token"),
    WrongMediaType: Shape(415, "media-type", "Not a media type that is read here"),
    errors.CommitUnknown: Shape(
        503,
        "commit-unknown",
        "It is being checked (wird geprüft)",
        "Nobody can say yet whether it was kept. Look first; an event may be sent again, it counts once.",
    ),
    errors.NotSafe: Shape(503, "not-safe", "Nothing may happen now", "Nothing was done; the operators are needed.", 60),
    errors.Unavailable: Shape(503, "away", "Somebody else is away", "Nothing was done; try again later.", 60),
    errors.Temporary: Shape(503, "away", "Somebody else is away", "Nothing was done; try again later.", 60),
    DatabaseFull: Shape(
        503, "database-full", "The database has no room left", "Nothing was kept; the operators must make room.", 60
    ),
    DatabaseAway: Shape(503, "database-away", "The database is away", "Nothing was kept; try again.", 5),
}


def install(app: FastAPI) -> None:
    """Let this application answer every error with a problem document."""
    app.add_exception_handler(errors.ProaktivError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _operational)
    app.add_exception_handler(Exception, _unexpected)


class LastResort:
    """Answer what nobody foresaw with a problem document, and log where it happened.

    Below ``SecurityHeaders``, unlike the framework's own last resort, whose answer has no fixed headers. Nothing goes
    on to the server: it would log the error's text, which may hold what somebody typed.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = False

        async def noting(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - whatever it is, its text goes nowhere
            at = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in _our(error)]
            log.error("request.broken", error=type(error).__name__, at=at)  # noqa: TRY400 - without its text
            if began:
                raise BrokenOffError("the answer had begun") from None
            await _answer(_INTERNAL, "")(scope, receive, send)


def _our(error: Exception) -> list[traceback.FrameSummary]:
    """Return the last three places in our own code that an error came through."""
    return [f for f in traceback.extract_tb(error.__traceback__) if _CODE in Path(f.filename).parents][-3:]


def document(status: int, slug: str, title: str, detail: str = "", **members: Any) -> dict[str, Any]:
    """Return a problem document; empty members are left out."""
    body = {"type": URN + slug, "title": title, "status": status, "detail": detail, **members}
    return {name: value for name, value in body.items() if value not in {"", None}}


def shape_of(error: errors.ProaktivError) -> Shape:
    """Return how an error is told: by its class, or the nearest class above it."""
    if isinstance(error, errors.BadInput) and not error.field:
        return _NOT_JSON
    return next((_SHAPES[kind] for kind in type(error).__mro__ if kind in _SHAPES), _INTERNAL)


def of(error: errors.ProaktivError) -> dict[str, Any]:
    """Return the problem document of one of several things in a request; the others may be well."""
    shape = shape_of(error)
    members: dict[str, Any] = {}
    if isinstance(error, errors.TooMany):
        members["retry_after"] = error.retry_after_seconds
    if isinstance(error, errors.BadInput):
        return document(shape.status, shape.slug, shape.title, shape.detail or error.message, field=error.field)
    return document(shape.status, shape.slug, shape.title, shape.detail or str(error), **members)


def _answer(shape: Shape, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> JSONResponse:
    told = dict(headers or {})
    if shape.retry_after_seconds is not None:
        told.setdefault("Retry-After", str(shape.retry_after_seconds))
    body = document(shape.status, shape.slug, shape.title, shape.detail or detail, **members)
    return JSONResponse(body, shape.status, told, MEDIA_TYPE)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.ProaktivError)  # noqa: S101 - installed for these alone
    shape = shape_of(error)
    if shape is _INTERNAL:
        log.error("request.failed", error=type(error).__name__)
    headers: dict[str, str] = {}
    members: dict[str, Any] = {}
    if isinstance(error, errors.TooMany):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, ClientRefused):
        headers["WWW-Authenticate"] = f'Bearer error="{error.oauth_error}"'
    if isinstance(error, ClientRefused | BadTokenRequest):
        members["error"] = error.oauth_error
    if isinstance(error, errors.BadInput):
        return _answer(shape, error.message, headers, field=error.field, **members)
    return _answer(shape, str(error), headers, **members)


def _validation(_request: Request, error: Exception) -> JSONResponse:
    """Tell the first thing that a form or a parameter lacks; never its value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - installed for these alone
    first = error.errors()[0]
    where, *path = first["loc"] or ("body",)
    if first["type"] == "json_invalid":
        return _answer(_NOT_JSON, "must be JSON (RFC 8259)")
    field = ""
    for key in path:
        field = joined(field, key)
    return _answer(
        _SHAPES[errors.BadInput], str(first["msg"]), field=field if where == "body" else field.removeprefix("/")
    )


def _http(request: Request, error: Exception) -> JSONResponse:
    """Tell what the framework refuses: no such path, wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - installed for these alone
    if error.status_code == 404:
        return _answer(_SHAPES[errors.NotFound], "")
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    body = document(error.status_code, "http", str(error.detail))
    return JSONResponse(body, error.status_code, headers, MEDIA_TYPE)


def _methods(request: Request) -> list[str]:
    """Return what a path takes: the framework names the methods of the first route that has it, and no other's.

    Source: RFC 9110 § 15.5.6.
    """
    return [method for method in _METHODS if _takes(request, method)]


def _takes(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)


def _operational(_request: Request, error: Exception) -> JSONResponse:
    """Two transactions waited for each other, or the database is short of something: the same again is right."""
    assert isinstance(error, OperationalError)  # noqa: S101 - installed for these alone
    log.warning("transaction.ended", sqlstate=getattr(error.orig, "sqlstate", None))
    return _answer(_BUSY, "")


def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    return _answer(_INTERNAL, "")
