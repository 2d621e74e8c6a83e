"""Exports of the log: what there is and until when, and making one. The file itself comes from ``/dsb/exports``."""

from datetime import date

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.steps.oversight.exports import DAYS, DAYS_MAX, ExportKind
from proaktiv.web.pages.forms import Form
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

SEE_OTHER = 303


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


DAY_WRONG = _("Geben Sie den Tag als Jahr-Monat-Tag ein, zum Beispiel 2026-10-14.")
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
    days = form.matching("tage", "[0-9]{1,2}", _("Geben Sie eine Zahl von 1 bis 30 ein."))
    first_on, last_on = _day(form, "von"), _day(form, "bis")
    if form.well and not 1 <= int(days) <= DAYS_MAX:
        form.errors["tage"] = _("Geben Sie eine Zahl von 1 bis 30 ein.")
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


def _day(form: Form, name: str) -> date | None:
    written = form.typed.get(name, "").strip()
    if not written:
        return None
    try:
        return date.fromisoformat(written if len(written) == 10 else "")
    except ValueError:
        form.errors[name] = DAY_WRONG
        return None
