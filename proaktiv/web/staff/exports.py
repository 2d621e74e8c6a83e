"""Exports of the log: what there is and until when, and making one. The file itself comes from ``/dsb/exports``."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import NotFound
from proaktiv.flowlog.exports.packing import NothingSince, TooMany
from proaktiv.steps.oversight.exports import DAYS, DAYS_MAX, ExportKind, NoDayOver, NoLastDay
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.days import first_and_last
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

SEE_OTHER = 303


DAYS_WRONG = _("Tage, bis er gelöscht wird: Geben Sie eine Zahl von 1 bis 30 ein.")
NO_LAST = _("Letzter Tag: Lassen Sie ihn leer. Ein Protokoll zum Prüfen reicht immer bis zur letzten Unterschrift.")
NOTHING_SINCE = _("Erster Tag: Seitdem ist noch nichts unterschrieben. Geben Sie einen früheren ein.")
NO_DAY_OVER = _("Erster Tag: Gezählt werden nur Tage, die vorbei sind. Geben Sie einen früheren ein.")
TOO_MANY = _(
    "Erster Tag: Das sind zu viele Einträge für einen Auszug von hier aus. Geben Sie einen späteren Tag ein, oder"
    " bitten Sie den Betrieb um „proaktiv log export“."
)
NOTHING_SIGNED = _("Es ist noch nichts unterschrieben. Versuchen Sie es in einer Minute noch einmal.")


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
        except NoLastDay:
            form.errors["bis"] = NO_LAST
        except NoDayOver:
            form.errors["von"] = NO_DAY_OVER
        except TooMany:
            form.errors["von"] = TOO_MANY
        except NothingSince:
            form.errors["von"] = NOTHING_SINCE
        except NotFound:
            form.errors["von"] = NOTHING_SIGNED
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    return RedirectResponse("/auszuege", SEE_OTHER)


def _page(request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200) -> Response:
    found = acts.exports(visitor.proof)
    return page(request, "exports.html", status, exports=found, form=form, role=visitor.proof.role)
