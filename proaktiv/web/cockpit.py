"""``/me/cockpit``: what a body answers to the Datenschutzcockpit, as JSON, in its three steps: status, list, content.

Handled as ``/me/flows``: a GET changes nothing, a letter's code alone shows no history. Left to others: what is shown
(``steps.timeline.cockpit``), XDatenschutzcockpit's XML (docs/operating.md says what is missing).
Source: § 10 OZG; integrations.md B.
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from proaktiv.web import openapi
from proaktiv.web.asking import PipelineDep, Proof
from proaktiv.web.me import LIMIT, From, Limit, Offset, To

router = APIRouter(prefix="/me/cockpit")

_CONTENT = openapi.link("cockpit_content", entry_id="$response.body#/protokolldaten/0/id")


@router.get("/status", responses=openapi.told(403) | openapi.READ)
def cockpit_status(proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Say whether this body has Protokolldaten about the person of the last two years, and from when to when."""
    return pipeline.cockpit_status(proof)


@router.get(
    "/protokolldaten",
    responses=openapi.told(403, 422) | openapi.READ | openapi.leads("Protokolldaten", {"content": _CONTENT}),
)
def cockpit_list(
    proof: Proof,
    pipeline: PipelineDep,
    first_on: From = None,
    last_on: To = None,
    offset: Offset = 0,
    limit: Limit = LIMIT,
) -> dict[str, Any]:
    """List who gave what to whom about the person in the last two years, newest first."""
    return pipeline.cockpit_list(proof, first_on, last_on, offset, limit)


@router.get("/protokolldaten/{entry_id}/inhaltsdaten", responses=openapi.told(403) | openapi.READ_ONE)
def cockpit_content(entry_id: UUID, proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show which kinds of data one of them was about, on which consent, with its proof."""
    return pipeline.cockpit_content(proof, entry_id)
