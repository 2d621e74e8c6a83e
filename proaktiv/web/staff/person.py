"""Looking a person up, with four eyes: ask, decide for somebody else, look at what was allowed.

Neither alone sees anything. Left to others: who may do what when (``steps.inspection.four_eyes``).
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.steps.inspection import REASON_MAX, REASON_MIN
from proaktiv.web.pages.forms import Form
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

SEE_OTHER = 303


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


@router.get("/person")
def asking(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show one's own wishes, those of others that wait, and the form of a new one."""
    found = acts.person_requests(visitor.proof)
    return page(request, "person.html", form=Form({}), requests=found, role=visitor.proof.role)


@router.post("/person")
def ask(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to look a person up; nothing is shown yet, not even whether there is such a person."""
    form = Form(fields)
    who = form.line("wer", _("Geben Sie eine Auftragsnummer oder die Kennung des Registers ein."))
    wrong = _("Schreiben Sie in mindestens zehn Zeichen, warum Sie nachsehen.")
    reason = form.line("grund", wrong, most=REASON_MAX)
    if len(" ".join(reason.split())) < REASON_MIN:
        form.errors["grund"] = wrong
    if not form.well:
        found = acts.person_requests(visitor.proof)
        return page(request, "person.html", 422, form=form, requests=found, role=visitor.proof.role)
    acts.ask_for_person(visitor.proof, who, reason)
    return RedirectResponse("/person", SEE_OTHER)


@router.post("/person/{request_id}/entscheidung")
def decide(request: Request, request_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Say yes or no to somebody else's wish."""
    form = Form(fields)
    said = form.one_of("entscheidung", frozenset({"ja", "nein"}), _("Wählen Sie Ja oder Nein."))
    if not form.well:
        found = acts.person_requests(visitor.proof)
        return page(request, "person.html", 422, form=form, requests=found, role=visitor.proof.role)
    acts.decide_on_person(visitor.proof, request_id, grant=said == "ja")
    return RedirectResponse("/person", SEE_OTHER)


@router.get("/person/{request_id}")
def look(request: Request, request_id: UUID, visitor: Working, acts: ActsDep, vor: str = "") -> Response:
    """Show one person's entries, which a second person allowed; that and why it was done, the person sees too."""
    found = acts.look_person_up(visitor.proof, request_id, vor)
    return page(request, "person_flows.html", **found, request_id=request_id, role=visitor.proof.role)
