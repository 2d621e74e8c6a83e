"""``/me``: who saw my data, for programs. A GET changes nothing; a letter's code alone shows no history.

Names as in Estonia's Andmejälgija, so that a portal that reads these reads this. Left to others: which entries a person
sees (``steps.timeline``), errors (``web.problems``). Source: flowlog.md § 5; e-gov/AJ, dumonitor-openapi.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from proaktiv.web import openapi
from proaktiv.web.asking import PipelineDep, Proof
from proaktiv.web.leaves import Day

router = APIRouter(prefix="/me")

LIMIT = 50
LIMIT_MAX = 200
SOON = {"Retry-After": "10"}
"""So many seconds from now the next signature is there, where one is missing."""

From = Annotated[Day | None, Query(alias="from", description="First day, in Berlin.")]
To = Annotated[Day | None, Query(alias="to", description="Last day, in Berlin.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]

_BUNDLE: openapi.Responses = {
    200: {"description": "A zip file that is verified elsewhere", "content": {"application/zip": {}}},
    202: {"description": "Nothing is signed yet; try again", "content": {"application/json": {}}},
}


@router.get("/flows", responses=openapi.told(403, 422) | openapi.READ)
def flows(
    proof: Proof,
    pipeline: PipelineDep,
    first_on: From = None,
    last_on: To = None,
    offset: Offset = 0,
    limit: Limit = LIMIT,
) -> list[dict[str, Any]]:
    """Show who got what about the person, newest first, refused attempts included, each with its proof."""
    return pipeline.usages(proof, first_on, last_on, offset, limit)


@router.get("/usage-period", responses=openapi.told(403) | openapi.READ)
def usage_period(proof: Proof, pipeline: PipelineDep) -> dict[str, str | None]:
    """Show from when to when there are entries."""
    return pipeline.usage_period(proof)


@router.get("/heartbeat", responses=openapi.AROUND)
def heartbeat(pipeline: PipelineDep) -> dict[str, str]:
    """Say whether the log answers, and whether it keeps up."""
    return pipeline.heartbeat()


@router.get("/flows/bundle", response_class=Response, responses=openapi.told(403) | openapi.READ | _BUNDLE)
def bundle(proof: Proof, pipeline: PipelineDep) -> Response:
    """Hand out everything that is signed about the person, to be verified on any other machine."""
    packed = pipeline.own_bundle(proof)
    if packed is None:
        return JSONResponse({"state": "queued"}, 202, SOON)
    named = {"Content-Disposition": 'attachment; filename="meine-daten.zip"'}
    return Response(packed, media_type="application/zip", headers=named)
