"""Looking a person up, with four eyes: ask, decide for somebody else, look at what was allowed.

Neither alone sees anything. Left to others: who may do what when (``steps.inspection.four_eyes``).
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.flows import Kind
from proaktiv.web.pages.forms import Form
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page
from proaktiv.web.staff.wishing import SEE_OTHER, answer_of, asked, reason_of, whom_of, wishes

router = APIRouter()


@router.get("/person")
def asking(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show one's own wishes, those of others that wait, and the form of a new one."""
    return _page(request, visitor, acts, Form({}))


@router.post("/person")
def ask(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to look a person up; nothing is shown yet, not even whether there is such a person."""
    form = Form(fields)
    who = whom_of(form)
    reason = reason_of(form)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    kept = acts.ask_for_person(visitor.proof, who, reason)
    return asked(request, visitor, "/person", kept, who)


@router.post("/person/{request_id}/entscheidung")
def decide(request: Request, request_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Say yes or no to somebody else's wish."""
    form = Form(fields)
    grant = answer_of(form)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    acts.decide_on_person(visitor.proof, request_id, grant=grant)
    return RedirectResponse(f"/person?eben={request_id}", SEE_OTHER)


@router.post("/person/{request_id}/zurueckziehen")
def withdraw(request_id: UUID, visitor: ActingStaff, acts: ActsDep) -> RedirectResponse:
    """Take the own wish back, on which nobody has decided yet."""
    acts.withdraw_person_request(visitor.proof, request_id)
    return RedirectResponse("/person?zurueck=ja", SEE_OTHER)


@router.get("/person/{request_id}")
def look(request: Request, request_id: UUID, visitor: Working, acts: ActsDep, vor: str = "", art: str = "") -> Response:
    """Show one person's entries, which a second person allowed; that and why it was done, the person sees too."""
    kind = Kind.AUTHORISED.label if art == Kind.AUTHORISED.label else ""
    found = acts.look_person_up(visitor.proof, request_id, vor, kind)
    found |= {"request_id": request_id, "allowed": bool(kind)}
    return page(request, "person_flows.html", **found, role=visitor.proof.role)


def _page(request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200) -> Response:
    return wishes(request, "person.html", visitor, form, status, requests=acts.person_requests(visitor.proof))
