"""Exports of the log: what there is and until when, and making one. The file itself comes from ``/dsb/exports``."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.steps.oversight.exports import DAYS, DAYS_MAX, ExportKind
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.days import first_and_last
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

SEE_OTHER = 303


DAYS_WRONG = _("Tage, bis er gelöscht wird: Geben Sie eine Zahl von 1 bis 30 ein.")
NOTHING = _("So lässt sich kein Auszug machen: zu viele Einträge, keine, oder ein letzter Tag, wo keiner hingehört.")


@router.get("/auszuege")
def exports(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show the exports there are and were, and the form of a new one."""
    return _page(request, visitor, acts, Form({"art": "log", "tage": str(DAYS)}))


@router.post("/auszuege")
def make(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Make an export that goes by itself."""
    form = Form(fields)
    kind = form.one_of("art", frozenset(ExportKind), _("Wählen Sie, was der Auszug enthält."))
    days = form.matching("tage", "[0-9]{1,2}", DAYS_WRONG)
    first_on, last_on = first_and_last(form)
    if form.well and not 1 <= int(days) <= DAYS_MAX:
        form.errors["tage"] = DAYS_WRONG
    if form.well:
        try:
            acts.make_export(visitor.proof, kind, first_on, last_on, int(days))
        except (BadInput, NotFound):
            form.errors["von"] = NOTHING
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    return RedirectResponse("/auszuege", SEE_OTHER)


def _page(request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200) -> Response:
    found = acts.exports(visitor.proof)
    return page(request, "exports.html", status, exports=found, form=form, role=visitor.proof.role)
