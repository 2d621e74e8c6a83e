"""Pages about the messages themselves: is this one ours, and no more mails. Neither asks who you are.

Both are reached from a message, so a GET does nothing at all here; what a POST can do is said of each.
Source: channels-and-pages.md §§ 3.7, 5.2; RFC 8058.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.visitor import LookDep, PipelineDep

router = APIRouter()

Token = Annotated[str, Query(alias="n", max_length=80)]


REFERENCE_WRONG = _("Geben Sie das Zeichen aus der Nachricht ein, zum Beispiel ABCD-1234.")


@router.get("/echt")
def genuine(request: Request, look: LookDep) -> Response:
    """Say how our messages are told from false ones, and ask for a reference."""
    return look.answer(request, "genuine.html", form=Form({}), asked=False, sent=None)


@router.post("/echt")
def ask(request: Request, fields: Fields, look: LookDep, pipeline: PipelineDep) -> Response:
    """Say whether a message with this reference is ours, its day and its way; nothing is kept."""
    form = Form(fields)
    reference = form.line("zeichen", REFERENCE_WRONG, most=40)
    if not form.well:
        return look.answer(request, "genuine.html", 422, form=form, asked=False, sent=None)
    return look.answer(request, "genuine.html", form=form, asked=True, sent=pipeline.genuine(reference))


@router.get("/keine-mails")
def leaving(request: Request, look: LookDep, token: Token = "") -> Response:
    """Ask whether mails shall stop; whatever the address says, nothing happens and the page is the same."""
    return look.answer(request, "no_mails.html", token=token, done=False)


@router.post("/keine-mails")
def leave(request: Request, fields: Fields, look: LookDep, pipeline: PipelineDep, token: Token = "") -> Response:
    """Stop mails to whoever got this one. Letters and consents stay; a forged id is answered the same."""
    if fields.get("List-Unsubscribe") != "One-Click":
        return look.answer(request, "no_mails.html", 422, token=token, done=False)
    pipeline.stop_mails(token)
    return look.answer(request, "no_mails.html", token=token, done=True)
