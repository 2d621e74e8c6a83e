"""„Wer hat meine Daten gesehen?“: the person's own entries of the flow log, newest first."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.core.trust import Trust
from proaktiv.web.pages.visitor import LookDep, PipelineDep, Visiting

router = APIRouter()


@router.get("/meine-daten")
def timeline(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep, bis: str = "") -> Response:
    """Show who got what, when, for what and on which basis; a letter code alone shows no history."""
    if visitor.proof.trust < Trust.V2:
        return look.answer(request, "timeline_locked.html", 403)
    return look.answer(request, "timeline.html", **pipeline.timeline(visitor.proof, bis))
