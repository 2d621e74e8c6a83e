"""Wie wir Sie erreichen: give, confirm, remove a mail address. What was given is never shown: nobody here can read it.

A GET changes nothing. The code of the mail is typed, in a session of whoever gave the address: it stands in no address
of a page, and whoever finds the mail alone can do nothing with it.
"""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from notifiers.mail import is_address
from proaktiv.core.errors import TooMany
from proaktiv.core.trust import SessionProof
from proaktiv.web.door import Visitor
from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.visitor import Acting, LookDep, PipelineDep, Visiting

router = APIRouter()

SEE_OTHER = 303


@router.get("/kanaele")
def channels(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show how this person is reached."""
    return _page(request, visitor, look, pipeline, Form({}))


@router.post("/kanaele/mail")
def give(request: Request, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep) -> Response:
    """Let a code go to a mail address; the former one stays in use until the code comes back."""
    form = Form(fields)
    address = form.line("mail", _WRONG, most=254)
    if form.well and not is_address(address):
        form.errors["mail"] = _WRONG
    if not form.well:
        return _page(request, visitor, look, pipeline, form, 422)
    try:
        pipeline.give_mail(visitor.proof, address, fields.get("text", ""))
    except TooMany:
        form.errors["mail"] = _TOO_MANY
        return _page(request, visitor, look, pipeline, form, 429)
    return RedirectResponse("/kanaele", SEE_OTHER)


@router.post("/kanaele/mail/bestaetigen")
def confirm(request: Request, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep) -> Response:
    """Use the address if the code is right; one thing is said of every code that is not."""
    form = Form(fields)
    code = form.line("code", _CODE_LENGTH, most=40)
    if not form.well:
        return _page(request, visitor, look, pipeline, form, 422)
    if not pipeline.confirm_mail(visitor.proof, code):
        form.errors["code"] = _CODE_WRONG
        return _page(request, visitor, look, pipeline, form, 422)
    return RedirectResponse("/kanaele", SEE_OTHER)


@router.post("/kanaele/mail/entfernen")
def remove(visitor: Acting, pipeline: PipelineDep) -> Response:
    """Forget the mail address and the one that waits; again is no error."""
    pipeline.remove_mail(visitor.proof)
    return RedirectResponse("/kanaele", SEE_OTHER)


def _page(
    request: Request,
    visitor: Visitor[SessionProof],
    look: LookDep,
    pipeline: PipelineDep,
    form: Form,
    status: int = 200,
) -> Response:
    reachable = pipeline.reachable(visitor.proof)
    return look.answer(request, "channels.html", status, reachable=reachable, terms=pipeline.mail_terms(), form=form)


_WRONG = _("Geben Sie eine E-Mail-Adresse an, zum Beispiel name@example.org.")
_TOO_MANY = _("Sie haben heute schon mehrmals eine Adresse angegeben. Versuchen Sie es morgen wieder.")
_CODE_LENGTH = _("Geben Sie die sechs Ziffern aus der E-Mail ein.")
_CODE_WRONG = _("Der Code passt nicht, oder er gilt nicht mehr. Dann geben Sie die Adresse noch einmal an.")
