"""The log for everybody: ``/log/checkpoint``, ``/log/tile/…``, ``/log/minimum-index``. No session, no cookie.

Files stay as they are for as long as this log lasts, so caches may keep them; a successor begins its own, and then
they must be emptied (docs/operating.md). Left to others: what is public (``flowlog.published``).
Source: C2SP tlog-tiles.
"""

from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request, Response

router = APIRouter(prefix="/log")

CHECKPOINT_CACHE = "public, max-age=2"
FILE_CACHE = "public, max-age=86400"


class PublishedLog(Protocol):
    """What these routes ask of the pipeline."""

    def log_checkpoint(self) -> str:
        """Return the newest checkpoint. Raises ``NotFound``."""
        ...

    def log_file(self, path: str) -> bytes:
        """Return a tile or an entry bundle. Raises ``NotFound``, ``NotSafe`` for a tile that does not fit."""
        ...

    def log_minimum_index(self) -> int:
        """Return the place of the first entry that is published."""
        ...


def _log(request: Request) -> PublishedLog:
    found: PublishedLog = request.app.state.pipeline
    return found


LogDep = Annotated[PublishedLog, Depends(_log)]


@router.get("/checkpoint")
def checkpoint(log: LogDep) -> Response:
    """Return the newest signed checkpoint with its cosignatures."""
    return Response(
        log.log_checkpoint(), media_type="text/plain; charset=utf-8", headers={"Cache-Control": CHECKPOINT_CACHE}
    )


@router.get("/minimum-index")
def minimum_index(log: LogDep) -> Response:
    """Return the place of the first entry that is published."""
    return Response(
        f"{log.log_minimum_index()}\n",
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": CHECKPOINT_CACHE},
    )


@router.get("/{path:path}")
def file(path: str, log: LogDep) -> Response:
    """Return a tile or an entry bundle."""
    return Response(log.log_file(path), media_type="application/octet-stream", headers={"Cache-Control": FILE_CACHE})
