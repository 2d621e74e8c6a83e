"""What lies ready for a person: look, decide, take back, sign, print. A GET changes nothing."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput, Conflict
from proaktiv.core.plans import TOLD
from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.visitor import Acting, LookDep, PipelineDep, Visiting

router = APIRouter()

SEE_OTHER = 303


CHOOSE = _("Wählen Sie Ja, Nein oder Später.")
CHANGED = _("Die Angaben haben sich inzwischen geändert. Es wurde nichts gesendet. Bitte prüfen Sie neu.")
DECISIONS = frozenset({"ja", "nein", "spaeter"})


@router.get("/uebersicht")
def overview(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show what lies ready and what is under way."""
    return look.answer(request, "overview.html", found=pipeline.overview(visitor.proof), trust=visitor.proof.trust)


@router.get("/vorschlag/{proposal_id}")
def proposal(request: Request, proposal_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show one proposal: each value with source, day and legal basis, why, until when, what a yes and a no do."""
    shown = pipeline.proposal(visitor.proof, proposal_id)
    if "geloescht" in shown:
        return look.answer(request, "gone.html", shown=shown)
    return look.answer(request, "proposal.html", shown=shown, form=Form({}), changed="")


@router.post("/vorschlag/{proposal_id}/antwort")
def answer(
    request: Request, proposal_id: UUID, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep
) -> Response:
    """Keep what only the person can say; the proposal is decided anew with it."""
    form = Form(fields)
    written = dict(form.chosen("frage:"))
    try:
        pipeline.answer(visitor.proof, proposal_id, written)
    except BadInput as error:
        form.errors[f"frage:{error.field}"] = _("Bitte beantworten Sie diese Frage.")
        shown = pipeline.proposal(visitor.proof, proposal_id)
        return look.answer(request, "proposal.html", 422, shown=shown, form=form, changed="")
    return RedirectResponse("/uebersicht?beantwortet", SEE_OTHER)


@router.get("/vorschlag/{proposal_id}/entscheiden")
def deciding(request: Request, proposal_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Ask for Ja, Nein or Später; none is preset. About a hint nobody is asked."""
    shown = pipeline.proposal(visitor.proof, proposal_id)
    if "geloescht" in shown or shown["outcome"] in TOLD:
        return RedirectResponse(f"/vorschlag/{proposal_id}", SEE_OTHER)
    return look.answer(request, "decide.html", shown=shown, form=Form({}))


@router.post("/vorschlag/{proposal_id}/entscheiden")
def decide(
    request: Request, proposal_id: UUID, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep
) -> Response:
    """Do what was decided about just what was shown."""
    form = Form(fields)
    wanted = form.one_of("entscheidung", DECISIONS, CHOOSE)
    if not form.well:
        shown = pipeline.proposal(visitor.proof, proposal_id)
        if "geloescht" in shown:
            return RedirectResponse(f"/vorschlag/{proposal_id}", SEE_OTHER)
        return look.answer(request, "decide.html", 422, shown=shown, form=form)
    if wanted == "ja":
        return _yes(request, proposal_id, visitor, fields, look, pipeline)
    (pipeline.decline if wanted == "nein" else pipeline.postpone)(visitor.proof, proposal_id)
    return RedirectResponse("/uebersicht", SEE_OTHER)


def _yes(
    request: Request, proposal_id: UUID, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep
) -> Response:
    shown = form_digest(fields)
    try:
        done = pipeline.confirm(visitor.proof, proposal_id, shown)
    except Conflict:
        # What is there now, beside the sentence that it changed; a proposal that is gone is told as any that is.
        now = pipeline.proposal(visitor.proof, proposal_id)
        if now["state"] not in {"open", "later"}:
            raise
        return look.answer(request, "proposal.html", 409, shown=now, form=Form({}), changed=CHANGED)
    return RedirectResponse(f"/auftrag/{done.auftrag}", SEE_OTHER)


def form_digest(fields: Fields) -> bytes:
    """Return the digest of what was shown. Raises ``BadInput``."""
    try:
        shown = bytes.fromhex(fields.get("gezeigt", ""))
    except ValueError:
        shown = b""
    if len(shown) != 32:
        raise BadInput("gezeigt", "is missing; load the page again")
    return shown


@router.get("/auftrag/{auftrag_id}")
def auftrag(request: Request, auftrag_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show the receipt: number, where it stands, how long it can be taken back."""
    return look.answer(request, "auftrag.html", shown=pipeline.auftrag(visitor.proof, auftrag_id))


@router.post("/auftrag/{auftrag_id}/rueckgaengig")
def undo(auftrag_id: UUID, visitor: Acting, pipeline: PipelineDep) -> Response:
    """Take the yes, or the own signature, back while nothing has left."""
    pipeline.undo(visitor.proof, auftrag_id)
    return RedirectResponse("/uebersicht", SEE_OTHER)


@router.get("/auftrag/{auftrag_id}/widerrufen")
def withdrawing(
    request: Request, auftrag_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep
) -> Response:
    """Say what a withdrawal of this Auftrag does, before it is done."""
    return look.answer(request, "withdraw_auftrag.html", shown=pipeline.auftrag(visitor.proof, auftrag_id))


@router.post("/auftrag/{auftrag_id}/widerrufen")
def withdraw(auftrag_id: UUID, visitor: Acting, pipeline: PipelineDep) -> Response:
    """Withdraw: unsent it never leaves, sent it becomes a clerk's task."""
    pipeline.withdraw_auftrag(visitor.proof, auftrag_id)
    return RedirectResponse(f"/auftrag/{auftrag_id}", SEE_OTHER)


@router.get("/auftrag/{auftrag_id}/blatt")
def sheet(request: Request, auftrag_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show the filled sheet to print and sign by hand."""
    return look.answer(request, "sheet.html", shown=pipeline.sheet(visitor.proof, auftrag_id))


@router.get("/unterschrift/{auftrag_id}")
def to_sign(request: Request, auftrag_id: UUID, visitor: Visiting, look: LookDep, pipeline: PipelineDep) -> Response:
    """Show what a second parent is asked to sign."""
    return look.answer(request, "sign.html", shown=pipeline.to_sign(visitor.proof, auftrag_id), form=Form({}))


@router.post("/unterschrift/{auftrag_id}")
def sign(
    request: Request, auftrag_id: UUID, visitor: Acting, fields: Fields, look: LookDep, pipeline: PipelineDep
) -> Response:
    """Record a signature under what was shown, or that there will be none."""
    form = Form(fields)
    wanted = form.one_of("entscheidung", frozenset({"ja", "nein"}), _("Wählen Sie, ob Sie unterschreiben."))
    if not form.well:
        shown: dict[str, Any] = pipeline.to_sign(visitor.proof, auftrag_id)
        return look.answer(request, "sign.html", 422, shown=shown, form=form)
    if wanted == "ja":
        pipeline.sign(visitor.proof, auftrag_id, form_digest(fields))
    else:
        pipeline.refuse_signature(visitor.proof, auftrag_id)
    return RedirectResponse("/uebersicht", SEE_OTHER)
