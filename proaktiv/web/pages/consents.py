"""Einwilligungen: read, decide, withdraw. Withdrawing takes as few steps as giving."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.addresses import ADDRESS_FLOW
from proaktiv.steps.consents import Choice
from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.visitor import Acting, LookDep, PipelineDep, Visiting

router = APIRouter()

SEE_OTHER = 303


def _by_lebenslage(found: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the activities in groups: one card for each Lebenslage."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for activity in found["activities"]:
        groups.setdefault(activity["lebenslage"], []).append(activity)
    return groups


def _open(found: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the groups without what is decided where a mail address is given."""
    return {name: group for name, group in _by_lebenslage(found).items() if name != ADDRESS_FLOW.partition("/")[0]}


@router.get("/einwilligungen")
def consents(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show what was given and refused, with the way to withdraw."""
    groups = _by_lebenslage(pipeline.consents(visitor.proof))
    return look.answer(request, "consents.html", groups=groups)


@router.get("/einwilligungen/entscheiden")
def deciding(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Ask about everything that nothing stands for; nothing is preset."""
    groups = _open(pipeline.consents(visitor.proof))
    return look.answer(request, "choose.html", groups=groups, form=Form({}))


@router.post("/einwilligungen/entscheiden")
def choose(request: Request, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep) -> Response:
    """Record what was decided; what was left open stays open."""
    form = Form(fields)
    read = dict(form.chosen("text:"))
    wanted = [(name, value) for name, value in form.chosen("wahl:") if value in {"ja", "nein"}]
    if not wanted:
        form.errors["wahl"] = _("Entscheiden Sie über mindestens einen Punkt.")
        groups = _open(pipeline.consents(visitor.proof))
        return look.answer(request, "choose.html", 422, groups=groups, form=form)
    pipeline.choose(visitor.proof, [Choice(name, value == "ja", read.get(name, "")) for name, value in wanted])
    return RedirectResponse("/einwilligungen", SEE_OTHER)


@router.post("/einwilligungen/widerruf")
def withdraw(visitor: Acting, fields: Fields, pipeline: PipelineDep) -> Response:
    """Withdraw a whole Lebenslage or one activity; again is no error."""
    pipeline.withdraw(visitor.proof, lebenslage=fields.get("lebenslage", ""), activity=fields.get("activity", ""))
    return RedirectResponse("/einwilligungen", SEE_OTHER)
