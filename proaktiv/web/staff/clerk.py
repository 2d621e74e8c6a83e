"""A clerk's pages: tasks, and the Aufträge that were sent to the own Behörde.

Opening an Auftrag is a GET that writes one thing: the entry in the log that says who looked, for the person to see.
"""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput, Conflict
from proaktiv.core.tasks import How
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff.visitor import ActingStaff, ActsDep, Fields, Working, page

router = APIRouter()

SEE_OTHER = 303
MAX_TEXT = 2000
ANSWERS = frozenset({"acknowledged", "question", "decided", "rejected"})


@router.get("/aufgaben")
def inbox(request: Request, visitor: Working, acts: ActsDep) -> Response:
    """Show what waits for this clerk: what happened, what to do, and the ways to end it."""
    return page(request, "tasks.html", tasks=acts.inbox(visitor.proof), role=visitor.proof.role, wrong="")


@router.post("/aufgaben/{task_id}")
def finish(request: Request, task_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """End one task; what is no way out of it, or no longer, is said beside the list as it stands now."""
    try:
        acts.end_task(visitor.proof, task_id, _how(fields.get("wie", "")))
    except (BadInput, Conflict) as error:
        wrong = CHANGED if isinstance(error, Conflict) else NO_WAY
        status = 409 if isinstance(error, Conflict) else 422
        found = acts.inbox(visitor.proof)
        return page(request, "tasks.html", status, tasks=found, role=visitor.proof.role, wrong=wrong)
    return RedirectResponse("/aufgaben", SEE_OTHER)


CHANGED = _("Inzwischen ist die Sache weitergegangen. Es wurde nichts geändert; bitte sehen Sie neu nach.")
NO_WAY = _("Diese Aufgabe endet auf einem der gezeigten Wege. Bitte wählen Sie einen davon.")


def _how(written: str) -> How:
    try:
        return How(written)
    except ValueError:
        raise BadInput("wie", "is no way out") from None


@router.get("/auftraege")
def auftraege(request: Request, visitor: Working, acts: ActsDep, bis: str = "") -> Response:
    """Show what was sent to the own Behörde: nothing personal, so nobody was looked at."""
    return page(request, "auftraege.html", **acts.sent_to_us(visitor.proof, bis), role=visitor.proof.role)


@router.get("/auftraege/{auftrag_id}")
def auftrag(request: Request, auftrag_id: UUID, visitor: Working, acts: ActsDep) -> Response:
    """Open one Auftrag; the person sees who did."""
    shown = acts.open_auftrag(visitor.proof, auftrag_id)
    return page(request, "auftrag.html", shown=shown, form=Form({}), role=visitor.proof.role)


@router.post("/auftraege/{auftrag_id}/antwort")
def answer(request: Request, auftrag_id: UUID, visitor: ActingStaff, fields: Fields, acts: ActsDep) -> Response:
    """Say for the Behörde what became of it."""
    form = Form(fields)
    status = form.one_of("antwort", ANSWERS, _("Wählen Sie eine Antwort."))
    text = fields.get("text", "").replace("\r\n", "\n").strip()
    if len(text) > MAX_TEXT or "\x00" in text:
        form.errors["text"] = _("Der Text darf höchstens 2000 Zeichen haben.")
    elif not text and status in {"question", "rejected"}:
        form.errors["text"] = _("Schreiben Sie, was Sie wissen möchten oder warum Sie ablehnen.")
    if not form.well:
        return page(request, "answer.html", 422, form=form, id=auftrag_id, role=visitor.proof.role)
    acts.answer_for_behoerde(visitor.proof, auftrag_id, status, text)
    return RedirectResponse("/auftraege", SEE_OTHER)
