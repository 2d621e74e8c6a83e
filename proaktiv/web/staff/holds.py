"""Holding entries of the log and releasing holds, with four eyes: ask, decide for somebody else, see what stands.

Left to others: who may do what when (``steps.inspection.holding``), what a hold does (``flowlog.holds``).
"""

from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.flowlog.holds import Held
from proaktiv.web.pages.forms import Form
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page
from proaktiv.web.staff.wishing import NO_ANSWER, SEE_OTHER, reason_of

router = APIRouter()

MAX_PURPOSE = 64


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


DAY_WRONG = _("Geben Sie den Tag als Jahr-Monat-Tag ein, zum Beispiel 2026-10-14.")
NOTHING = _("Nennen Sie einen Eintrag, den es gibt, oder einen ersten und einen letzten Tag.")
NO_ENTRY = _("Das ist keine Nummer eines Eintrags.")


@router.get("/sperren")
def holds(request: Request, visitor: Working, acts: ActsDep, eben: UUID | None = None) -> Response:
    """Show what is held, the wishes about it, and the form of a new one."""
    return _page(request, visitor, acts, Form({}), just=eben)


@router.post("/sperren")
def ask(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to keep entries; nothing is held before a second person's yes."""
    form = Form(fields)
    entry, purpose = _entry(form), fields.get("zweck", "").strip()
    first, last, review_on = (_day(form, name) for name in ("von", "bis", "nachsehen"))
    if review_on is None:
        form.errors.setdefault("nachsehen", DAY_WRONG)
    if len(purpose) > MAX_PURPOSE or not purpose.isprintable():
        form.errors["zweck"] = _("Der Zweck darf höchstens 64 Zeichen haben.")
    reason = reason_of(form)
    if form.well and review_on is not None:
        try:
            kept = acts.ask_for_hold(visitor.proof, Held(entry, first, last, purpose), review_on, reason)
        except (BadInput, NotFound):
            form.errors["eintrag"] = NOTHING
        else:
            return RedirectResponse(f"/sperren?eben={kept}", SEE_OTHER)
    return _page(request, visitor, acts, form, 422)


@router.post("/sperren/{hold_id}/freigabe")
def release(request: Request, hold_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to release a hold; it stands until a second person's yes."""
    form = Form({"grund": fields.get("grund", "")})
    reason = reason_of(form)
    if not form.well:
        # The reason of a release is typed beside its hold: the form of a new hold below stays empty.
        form = Form({}, {f"grund-{hold_id}": form.errors["grund"]})
        return _page(request, visitor, acts, form, 422)
    kept = acts.ask_for_release(visitor.proof, hold_id, reason)
    return RedirectResponse(f"/sperren?eben={kept}", SEE_OTHER)


@router.post("/sperren/{request_id}/entscheidung")
def decide(request: Request, request_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Say yes or no to somebody else's wish; a yes holds or releases."""
    form = Form(fields)
    said = form.one_of("entscheidung", frozenset({"ja", "nein"}), NO_ANSWER)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    acts.decide_on_hold(visitor.proof, request_id, grant=said == "ja")
    return RedirectResponse(f"/sperren?eben={request_id}", SEE_OTHER)


def _page(
    request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200, just: UUID | None = None
) -> Response:
    found = acts.holds(visitor.proof)
    return page(request, "holds.html", status, form=form, **found, just=str(just or ""), role=visitor.proof.role)


def _entry(form: Form) -> UUID | None:
    written = form.typed.get("eintrag", "").strip()
    try:
        return UUID(written) if written else None
    except ValueError:
        form.errors["eintrag"] = NO_ENTRY
        return None


def _day(form: Form, name: str) -> date | None:
    written = form.typed.get(name, "").strip()
    if not written:
        return None
    try:
        return date.fromisoformat(written if len(written) == 10 else "")
    except ValueError:
        form.errors[name] = DAY_WRONG
        return None
