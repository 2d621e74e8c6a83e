"""The DSB's pages: the log, its entries, one person's entries, incidents. No route changes anything.

Two of them write one thing, the entry that says who looked: an opened entry, and a person looked up.
"""

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.core.flows import Kind
from proaktiv.steps.inspection import REASON_MAX, REASON_MIN
from proaktiv.steps.oversight import COLUMNS, Wanted
from proaktiv.web.pages.forms import Form
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

MAX_FILTER = 120
KINDS = tuple(kind.label for kind in Kind)


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


@router.get("/protokoll")
def standing(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show how the log stands."""
    found = acts.log_standing(visitor.proof)
    return page(request, "log.html", found=found, role=visitor.proof.role)


@router.get("/datenfluesse")
def flows(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show entries by what they are filtered by: facts that name nobody."""
    asked = {name: request.query_params.get(name, "").strip()[:MAX_FILTER] for name in (*COLUMNS, "art", "von", "bis")}
    form = Form(asked)
    wanted = Wanted(
        columns={name: asked[name] for name in COLUMNS},
        kind=form.one_of("art", frozenset({"", *KINDS}), _("Wählen Sie eine Art aus der Liste.")),
        first_on=_day(form, "von"),
        last_on=_day(form, "bis"),
        before=request.query_params.get("vor", ""),
    )
    found = acts.flows(visitor.proof, wanted) if form.well else {"entries": [], "more": ""}
    status = 200 if form.well else 422
    given = [(name, value) for name, value in asked.items() if value]
    return page(request, "flows.html", status, **found, form=form, kinds=KINDS, given=given, role=visitor.proof.role)


@router.get("/datenfluesse/{flow_id}")
def flow(request: Request, flow_id: UUID, visitor: Working, acts: ActsDep) -> Response:
    """Open one entry, which is logged."""
    return page(request, "flow.html", shown=acts.open_flow(visitor.proof, flow_id), role=visitor.proof.role)


@router.get("/person")
def asking(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Ask whom and why; nothing is looked up yet."""
    acts.seen_incidents(visitor.proof)  # for the DSB alone, as what follows
    return page(request, "person.html", form=Form({}), role=visitor.proof.role)


@router.post("/person")
def look_up(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Show one person's entries; that and why it was done, the person sees too."""
    form = Form(fields)
    who = form.line("wer", _("Geben Sie eine Auftragsnummer oder die Kennung des Registers ein."))
    wrong = _("Schreiben Sie in mindestens zehn Zeichen, warum Sie nachsehen.")
    reason = form.line("grund", wrong, most=REASON_MAX)
    if len(reason) < REASON_MIN:
        form.errors["grund"] = wrong
    if not form.well:
        return page(request, "person.html", 422, form=form, role=visitor.proof.role)
    found = acts.look_person_up(visitor.proof, who, reason, fields.get("vor", ""))
    return page(request, "person_flows.html", **found, who=who, reason=reason, role=visitor.proof.role)


@router.get("/vorfaelle")
def incidents(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what the DSB must see."""
    found = acts.seen_incidents(visitor.proof)
    return page(request, "incidents.html", incidents=found, role=visitor.proof.role)


def _day(form: Form, name: str) -> date | None:
    if not (written := form.typed[name]):
        return None
    try:
        return date.fromisoformat(written if len(written) == 10 else "")
    except ValueError:
        form.errors[name] = _("Geben Sie den Tag als Jahr-Monat-Tag ein, zum Beispiel 2026-10-14.")
        return None
