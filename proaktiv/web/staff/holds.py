"""Holding entries of the log and releasing holds, with four eyes: ask, decide for somebody else, see what stands.

Left to others: who may do what when (``steps.inspection.holding``), what a hold does (``flowlog.keeping.holds``).
"""

import re
from datetime import date
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import NotFound
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.steps.inspection.holding import Past
from proaktiv.web.pages import log_words
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.days import first_and_last
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working
from proaktiv.web.staff.wishing import SEE_OTHER, answer_of, reason_of, wishes

router = APIRouter()

MAX_PURPOSE = 64


REVIEW_WRONG = _("Wann nachzusehen ist: Geben Sie einen Tag wie 31.12.2027 ein.")
REVIEW_PAST = _("Wann nachzusehen ist: Dieser Tag ist schon vorbei. Geben Sie heute oder einen späteren ein.")
PURPOSE_WRONG = _("Zweck: Er darf höchstens 64 Zeichen haben.")
NO_ENTRY = _("Eintrag: Geben Sie seinen Platz im Protokoll ein, zum Beispiel 217, oder seine lange Nummer.")
NOT_THERE = _("Eintrag: Diesen gibt es nicht, oder nicht mehr. Sein Platz steht unter „Datenflüsse“.")
NOTHING = _("Eintrag: Nennen Sie einen, oder lassen Sie ihn leer und nennen Sie den ersten und den letzten Tag.")
BOTH = _("Eintrag: Lassen Sie ihn leer, oder die Tage und den Zweck.")
NO_FIRST = _("Erster Tag: Er fehlt.")
NO_LAST = _("Letzter Tag: Er fehlt.")


@router.get("/sperren")
def holds(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what is held, the wishes about it, and the form of a new one."""
    return _page(request, visitor, acts, Form({}))


@router.post("/sperren")
def ask(request: Request, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Ask to keep entries; nothing is held before a second person's yes."""
    form = Form(fields)
    held, place, review_on = _what(form)
    reason = reason_of(form)
    if form.well and review_on is not None:
        try:
            kept = acts.ask_for_hold(visitor.proof, held, review_on, reason, place)
        except NotFound:
            form.errors["eintrag"] = NOT_THERE
        except Past:
            form.errors["nachsehen"] = REVIEW_PAST
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
    grant = answer_of(form)
    if not form.well:
        return _page(request, visitor, acts, form, 422)
    acts.decide_on_hold(visitor.proof, request_id, grant=grant)
    return RedirectResponse(f"/sperren?eben={request_id}", SEE_OTHER)


@router.post("/sperren/{request_id}/zurueckziehen")
def withdraw(request_id: UUID, visitor: ActingStaff, acts: ActsDep) -> RedirectResponse:
    """Take the own wish back, on which nobody has decided yet."""
    acts.withdraw_hold_request(visitor.proof, request_id)
    return RedirectResponse("/sperren?zurueck=ja", SEE_OTHER)


def _page(request: Request, visitor: Working, acts: ActsDep, form: Form, status: int = 200) -> Response:
    return wishes(request, "holds.html", visitor, form, status, **acts.holds(visitor.proof))


def _what(form: Form) -> tuple[Held, int | None, date | None]:
    """Return what is to be held, the place of an entry that is named by it, and when to look again."""
    entry, place = _entry(form)
    first, last = first_and_last(form)
    purpose = _purpose(form)
    named = bool(form.typed.get("eintrag", "").strip())
    if named and (first or last or purpose):
        form.errors.setdefault("eintrag", BOTH)
    if not named and form.well and first is None and last is None:
        form.errors["eintrag"] = NOTHING
    elif not named and first is None:
        form.errors.setdefault("von", NO_FIRST)
    elif not named and last is None:
        form.errors.setdefault("bis", NO_LAST)
    review_on = form.typed_day("nachsehen", REVIEW_WRONG)
    if review_on is None:
        form.errors["nachsehen"] = REVIEW_WRONG
    return Held(entry, first, last, purpose), place, review_on


def _entry(form: Form) -> tuple[UUID | None, int | None]:
    """Return the id of an entry, or its place in the log, whichever was typed."""
    written = form.typed.get("eintrag", "").strip()
    if re.fullmatch("[0-9]{1,15}", written):
        return None, int(written)
    try:
        return (UUID(written) if written else None), None
    except ValueError:
        form.errors["eintrag"] = NO_ENTRY
        return None, None


def _purpose(form: Form) -> str:
    """Return the purpose as it stands in the log, typed so or as a page calls it."""
    written = form.typed.get("zweck", "").strip()
    if len(written) > MAX_PURPOSE or not written.isprintable():
        form.errors["zweck"] = PURPOSE_WRONG
        return ""
    codes = log_words.meant("purpose", written) - {written} if written else frozenset()
    return min(codes, default=written)
