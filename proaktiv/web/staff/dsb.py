"""The DSB's pages: the log, its entries, what does not fit, what was signed, what was refused, incidents.

No route changes anything; each of them writes one thing, the entry that says who looked. Persons stand in ``person``,
exports in ``exports``. Proofs and files come from ``/dsb`` (``web.dsb``), which is the same for programs.
"""

import re
import unicodedata
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.core.flows import Kind
from proaktiv.steps.oversight import COLUMNS, Wanted
from proaktiv.web.pages import log_words
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.days import first_and_last
from proaktiv.web.staff.visitor import ActsDep, Working, page

router = APIRouter()

MAX_FILTER = 120
KINDS = tuple(kind.label for kind in Kind)


@router.get("/protokoll")
def standing(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show how the log stands."""
    found = acts.log_standing(visitor.proof)
    return page(request, "log.html", found=found, role=visitor.proof.role)


@router.get("/datenfluesse")
def flows(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show entries by what they are filtered by: facts that name nobody."""
    asked = {name: _line(request.query_params.get(name, "")) for name in (*COLUMNS, "art", "von", "bis")}
    form = Form(asked)
    first_on, last_on = first_and_last(form)
    wanted = Wanted(
        columns={name: asked[name] for name in COLUMNS},
        kind=form.one_of("art", frozenset({"", *KINDS}), _("Wählen Sie eine Art aus der Liste.")),
        first_on=first_on,
        last_on=last_on,
        before=request.query_params.get("vor", ""),
        in_part=True,
        meant={name: log_words.meant(name, typed) for name in COLUMNS if (typed := asked[name])},
    )
    found = acts.flows(visitor.proof, wanted) if form.well else {"entries": [], "more": "", "searched": {}}
    status = 200 if form.well else 422
    given = [(name, value) for name, value in asked.items() if value]
    return page(request, "flows.html", status, **found, form=form, kinds=KINDS, given=given, role=visitor.proof.role)


@router.get("/datenfluesse/{flow_id}")
def flow(request: Request, flow_id: UUID, visitor: Working, acts: ActsDep, wunsch: UUID | None = None) -> Response:
    """Open one entry, which is logged; with a second person's yes the person's own part, too."""
    shown = acts.open_flow(visitor.proof, flow_id, wunsch)
    return page(request, "flow.html", shown=shown, wish=wunsch, role=visitor.proof.role)


@router.get("/befunde")
def wrong(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what does not fit in the log of the last month."""
    found = acts.wrong(visitor.proof)
    return page(request, "wrong.html", wrong=found, since=acts.looks_since(), role=visitor.proof.role)


@router.get("/checkpoints")
def checkpoints(request: Request, visitor: Working, acts: ActsDep, vor: str = "") -> Response:
    """Show what was signed, the newest first."""
    before = int(vor) if re.fullmatch("[0-9]{1,16}", vor) else None
    return page(request, "checkpoints.html", **acts.checkpoints(visitor.proof, before), role=visitor.proof.role)


@router.get("/verweigert")
def refused(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what the gate, the office and a second person refused, the newest first."""
    before = request.query_params.get("vor", "")
    found = acts.flows(visitor.proof, Wanted({}, before=before, refused=True))
    return page(request, "refused_list.html", **found, role=visitor.proof.role)


@router.get("/vorfaelle")
def incidents(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what the DSB must see."""
    found = acts.seen_incidents(visitor.proof)
    return page(request, "incidents.html", incidents=found, role=visitor.proof.role)


def _line(written: str) -> str:
    """Return a filter as one line that a database takes, with ordinary spaces: pages show citations with others."""
    spaced = " ".join(unicodedata.normalize("NFC", written).split())
    return "".join(sign for sign in spaced if sign.isprintable()).strip()[:MAX_FILTER]
