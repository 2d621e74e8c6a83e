"""Wie wir Sie erreichen: give or remove a mail address. What was given is never shown: this surface cannot read it."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from notifiers.mail import is_address
from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.visitor import Acting, LookDep, PipelineDep, Visiting

router = APIRouter()

SEE_OTHER = 303


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


@router.get("/kanaele")
def channels(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show how this person is reached."""
    reachable = pipeline.reachable(visitor.proof)
    return look.answer(request, "channels.html", reachable=reachable, offered=pipeline.mail_offered, form=Form({}))


@router.post("/kanaele/mail")
def give(request: Request, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep) -> Response:
    """Keep a mail address in place of the former one."""
    form = Form(fields)
    address = form.line("mail", _WRONG, most=254)
    if form.well and not is_address(address):
        form.errors["mail"] = _WRONG
    if not form.well:
        reachable = pipeline.reachable(visitor.proof)
        return look.answer(request, "channels.html", 422, reachable=reachable, offered=pipeline.mail_offered, form=form)
    pipeline.give_mail(visitor.proof, address)
    return RedirectResponse("/kanaele", SEE_OTHER)


@router.post("/kanaele/mail/entfernen")
def remove(visitor: Acting, pipeline: PipelineDep) -> Response:
    """Forget the mail address; again is no error."""
    pipeline.remove_mail(visitor.proof)
    return RedirectResponse("/kanaele", SEE_OTHER)


_WRONG = _("Geben Sie eine E-Mail-Adresse an, zum Beispiel name@example.org.")
