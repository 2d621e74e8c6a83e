"""The intake's surface: registers report events, Behörden acknowledge what they were handed.

Holds the index key, KEK-flow and public keys: what it takes in it cannot read back (data-path.md § 2).
Left to others: every decision (``steps.authenticate``, ``steps.receive``, ``steps.acknowledge``), errors
(``web.problems``), sizes (``web.limits``).
"""

import threading
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel

from proaktiv.core.clients import Client, Token
from proaktiv.core.cloudevents import MAX_BATCH
from proaktiv.core.errors import CommitUnknown, ProaktivError
from proaktiv.database import DatabaseAway
from proaktiv.gathering import Gathering
from proaktiv.steps.receive import Received, Verdict
from proaktiv.web import openapi, problems
from proaktiv.web.clients import read_bearer, read_token_form
from proaktiv.web.limits import BodyLimit
from proaktiv.web.security import SecurityHeaders

EVENT_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
FORM_TYPE = "application/x-www-form-urlencoded"
MESSAGE_TYPE = "application/jose"


class TakenLike(Protocol):
    """What became of one event of a batch."""

    @property
    def answer(self) -> Received | ProaktivError:
        """Return the stored event, or why it is not kept."""
        ...


class IntakePipeline(Protocol):
    """What this surface asks of the pipeline."""

    def token(self, assertion: str) -> Token:
        """Return an access token. Raises ``ClientRefused``."""
        ...

    def client(self, token: str) -> Client:
        """Return the client of an access token. Raises ``ClientRefused``."""
        ...

    def receive_set(self, client_id: str, bodies: Sequence[bytes]) -> Sequence[Verdict]:
        """Keep what can be kept of events sent each for itself. Raises ``TooMany``; then nothing is kept."""
        ...

    def receive_batch(self, client_id: str, body: bytes) -> Sequence[TakenLike]:
        """Keep what can be kept of a batch. Raises ``BadInput`` for no batch, ``TooMany``; then nothing is kept."""
        ...

    def acknowledge(self, jws: bytes) -> None:
        """Take a Behörde's signed message. Raises ``NotProven``, ``BadInput``, ``NotFound``, ``Conflict``."""
        ...

    def healthy(self) -> None:
        """Raise where the database cannot be reached."""
        ...


class Granted(BaseModel):
    """An access token (RFC 6749 § 5.1)."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the word of RFC 6750
    expires_in: int


class Accepted(BaseModel):
    """The event is kept. ``duplicate``: it was before; nothing changed."""

    id: UUID
    duplicate: bool


class EventVerdict(BaseModel):
    """What became of one event: kept (202, ``id``, ``duplicate``) or not (``problem``)."""

    status: int
    id: UUID | None = None
    duplicate: bool | None = None
    problem: openapi.Problem | None = None


class Verdicts(BaseModel):
    """One verdict for each event of a batch, in its order."""

    events: list[EventVerdict]


def _body_of(media_type: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}, **more}}}


_AGAIN = {
    "again": {
        "operationId": "report",
        "requestBody": "$request.body",
        "description": "The same event again is answered with the same id and duplicate = true.",
    }
}
_USE = {"report": {"operationId": "report", "description": "Send events with this token as Bearer."}}
_FORM = {
    "type": "object",
    "required": ["grant_type", "client_assertion_type", "client_assertion"],
    "properties": {
        name: {"type": "string"} for name in ("grant_type", "client_assertion_type", "client_assertion", "client_id")
    },
}
_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type", "time", "data"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "maxLength": 128},
        "source": {"type": "string", "format": "uri-reference", "maxLength": 256},
        "type": {"type": "string"},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object"},
    },
}

_BATCH = {"type": "array", "maxItems": MAX_BATCH, "items": _EVENT}

router = APIRouter()


def _pipeline(request: Request) -> IntakePipeline:
    pipeline: IntakePipeline = request.app.state.pipeline
    return pipeline


class Singles:
    """Events that come each for itself: those of one client that come while a COMMIT is under way share the next."""

    def __init__(self, pipeline: IntakePipeline) -> None:
        self._pipeline = pipeline
        self._gatherings: dict[str, Gathering[bytes, Verdict]] = {}
        self._lock = threading.Lock()

    def __call__(self, client_id: str, body: bytes) -> Received:
        """Keep one event. Raises ``BadInput``, ``NotAllowed``, ``Conflict``, ``TooMany``."""
        with self._lock:
            gathering = self._gatherings.get(client_id)
            if gathering is None:
                keep = partial(self._pipeline.receive_set, client_id)
                gathering = self._gatherings[client_id] = Gathering(keep, MAX_BATCH, (DatabaseAway, CommitUnknown))
        verdict = gathering(body)
        if isinstance(verdict, ProaktivError):
            raise verdict
        return verdict


def _singles(request: Request) -> Singles:
    singles: Singles = request.app.state.singles
    return singles


PipelineDep = Annotated[IntakePipeline, Depends(_pipeline)]
SinglesDep = Annotated[Singles, Depends(_singles)]


def _client(pipeline: PipelineDep, authorization: Annotated[str, Header(include_in_schema=False)] = "") -> Client:
    return pipeline.client(read_bearer(authorization))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


class _Body:
    """Return the body's bytes, unparsed, if they are of a media type taken here. Async because Starlette reads so."""

    def __init__(self, *media_types: str) -> None:
        self._media_types = media_types

    async def __call__(self, request: Request) -> bytes:
        if _media_type(request) not in self._media_types:
            raise problems.WrongMediaType(f"send {' or '.join(self._media_types)}")
        return await request.body()


ClientDep = Annotated[Client, Depends(_client)]
FormBody = Annotated[bytes, Depends(_Body(FORM_TYPE))]
EventBody = Annotated[bytes, Depends(_Body(EVENT_TYPE, BATCH_TYPE))]
MediaType = Annotated[str, Depends(_media_type)]
MessageBody = Annotated[bytes, Depends(_Body(MESSAGE_TYPE))]


@router.get("/health", responses=openapi.AROUND)
def health(pipeline: PipelineDep) -> dict[str, str]:
    """Say whether this surface can work."""
    pipeline.healthy()
    return {"status": "ok"}


@router.post(
    "/token",
    operation_id="token",
    responses={200: {"links": _USE}, **openapi.told(400, 401, 408, 413, 415, 503)},
    openapi_extra=_body_of(FORM_TYPE, _FORM),
)
def token(body: FormBody, pipeline: PipelineDep) -> Granted:
    """Change a signed assertion (RFC 7523) for a token that is good for five minutes."""
    granted = pipeline.token(read_token_form(body))
    return Granted(access_token=granted.access_token, expires_in=granted.expires_in)


@router.post(
    "/events",
    status_code=202,
    operation_id="report",
    responses={
        202: {"links": _AGAIN},
        207: {"model": Verdicts, "description": "Some events of the batch are not kept; the verdicts say which"},
        **openapi.told(400, 401, 403, 408, 409, 413, 415, 422, 429, 503),
    },
    dependencies=[Security(HTTPBearer(auto_error=False, scheme_name="token"))],  # for the description alone
    openapi_extra=_body_of(EVENT_TYPE, _EVENT, **{BATCH_TYPE: {"schema": _BATCH}}),
    response_model=Accepted | Verdicts,
)
def report(
    client: ClientDep, body: EventBody, media_type: MediaType, pipeline: PipelineDep, singles: SinglesDep
) -> Response:
    """Take one event (CloudEvents 1.0, structured mode) or up to 100 (batch mode).

    The answer comes after everything is kept that can be; the same again is safe. A batch is answered with one verdict
    for each event, in order: 202 where all are kept, 207 where some are not.
    """
    if media_type == BATCH_TYPE:
        verdicts = [_verdict(taken.answer) for taken in pipeline.receive_batch(client.id, body)]
        status = 202 if all(verdict["status"] == 202 for verdict in verdicts) else 207
        return JSONResponse({"events": verdicts}, status)
    received = singles(client.id, body)
    return JSONResponse({"id": str(received.id), "duplicate": received.duplicate}, 202)


def _verdict(answer: Received | ProaktivError) -> dict[str, Any]:
    if isinstance(answer, Received):
        return {"status": 202, "id": str(answer.id), "duplicate": answer.duplicate}
    problem = problems.of(answer)
    return {"status": problem["status"], "problem": problem}


@router.post(
    "/acknowledgements",
    status_code=202,
    response_class=Response,
    operation_id="acknowledge",
    responses=openapi.told(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
    openapi_extra=_body_of(MESSAGE_TYPE, {"type": "string", "description": "compact JWS, Ed25519, kid = Behörde"}),
)
def acknowledge(body: MessageBody, pipeline: PipelineDep) -> Response:
    """Take a Behörde's signed message about an Auftrag. The same again changes nothing."""
    pipeline.acknowledge(body)
    return Response(status_code=202)


def make_intake(pipeline: IntakePipeline) -> FastAPI:
    """Return the intake's surface."""
    app = FastAPI(title="proaktiv intake", version="1", docs_url=None, redoc_url=None)
    app.state.pipeline = pipeline
    app.state.singles = Singles(pipeline)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)
    app.include_router(router)
    return app
