"""Erasing somebody, with four eyes: ask, decide for somebody else, see how it stands.

Neither page nor address names anybody. Left to others: who may do what when (``steps.inspection.erasing``), erasing
itself (``keys``).
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.steps.inspection.erasing import ALONE_DAYS, GROUNDS
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working
from proaktiv.web.staff.wishing import SEE_OTHER, answer_of, asked, reason_of, whom_of, wishes

router = APIRouter()


NO_GROUND = _("Wählen Sie, warum die Person zu löschen ist.")


@router.get("/loeschungen")
def erasures(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show one's own wishes, those of others that wait, and the form of a new one."""
    return _page(request, visitor, acts, Form({}))


@router.post("/loeschungen")
def ask(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to erase a person; nobody is erased by that, and nobody learns whether there is such a person."""
    form = Form(fields)
    who = whom_of(form)
    ground = form.one_of("grundlage", frozenset(GROUNDS), NO_GROUND)
    reason = reason_of(form)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    kept = acts.ask_for_erasure(visitor.proof, who, ground, reason)
    return asked(request, visitor, "/loeschungen", kept, who)


@router.post("/loeschungen/{request_id}/entscheidung")
def decide(request: Request, request_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Say yes or no to somebody else's wish."""
    form = Form(fields)
    grant = answer_of(form)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    acts.decide_on_erasure(visitor.proof, request_id, grant=grant)
    return RedirectResponse(f"/loeschungen?eben={request_id}", SEE_OTHER)


@router.post("/loeschungen/{request_id}/zurueckziehen")
def withdraw(request_id: UUID, visitor: ActingStaff, acts: ActsDep) -> RedirectResponse:
    """Take the own wish back, on which nobody has decided yet."""
    acts.withdraw_erasure_request(visitor.proof, request_id)
    return RedirectResponse("/loeschungen?zurueck=ja", SEE_OTHER)


def _page(request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200) -> Response:
    found = acts.erasure_requests(visitor.proof)
    more = {"grounds": [ground.value for ground in GROUNDS], "erases": acts.erases, "alone": ALONE_DAYS}
    return wishes(request, "erasures.html", visitor, form, status, requests=found, **more)
