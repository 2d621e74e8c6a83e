"""A witness over HTTP: one address that takes checkpoints, and nothing else.

No database, no settings. Left to others: every decision (``flowlog.vouching.witness``). Whoever asks needs no name: a
signature of the log is what lets a request in, and what comes back harms nobody.
Source: C2SP tlog-witness.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from proaktiv.flowlog.vouching.memory import WitnessError
from proaktiv.flowlog.vouching.witness import BODY_MAX, Answer, Witness

_log = structlog.get_logger(__name__)


def make_witness(witness: Witness, clock: Callable[[], datetime]) -> Starlette:
    """Return the application."""

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_MAX:
                return _response(Answer(400, "the request is too long\n"))
        return _response(await run_in_threadpool(_answer, witness, bytes(body), clock()))

    return Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])


def serve_witness(
    witness: Witness,
    clock: Callable[[], datetime],
    *,
    host: str,
    port: int,
    certificate: Path | None = None,
    key: Path | None = None,
) -> None:
    """Serve until SIGTERM, with TLS where a certificate is given."""
    uvicorn.run(
        make_witness(witness, clock),
        host=host,
        port=port,
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def _answer(witness: Witness, body: bytes, now: datetime) -> Answer:
    try:
        answer = witness.add_checkpoint(body, now)
    except (WitnessError, OSError) as error:
        _log.error("checkpoint.failed", error=type(error).__name__, detail=str(error))
        return Answer(500, "the witness's memory cannot be used; nothing was cosigned\n")
    if answer.status in {409, 422}:
        _log.warning("checkpoint.refused", status=answer.status)
    return answer


def _response(answer: Answer) -> Response:
    # Not ``media_type``: Starlette would add a charset, and the protocol names its type exactly.
    return Response(answer.body, answer.status, headers={"Content-Type": answer.media_type})
