"""The citizen's surface: enrol, prove, look, decide, withdraw. JSON in this stage; pages stand on the same verbs.

Holds KEK-view and KEK-flow and nothing more (data-path.md § 2). GET never changes anything; a code never stands in a
path. Left to others: every decision (``steps``), what is asked of them (``web.pipelines``), what may be sent
(``web.bodies``), who saw one's data (``web.me``), errors (``web.problems``).
"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Request, Response

from proaktiv.web import cockpit, links, me, openapi, problems
from proaktiv.web.asking import LOOPBACK_COOKIE, SECURE_COOKIE, NetDep, PipelineDep, Proof, ProofForChange
from proaktiv.web.bodies import (
    Anmeldung,
    Antworten,
    Entscheidungen,
    Ja,
    Mailadresse,
    Mailcode,
    Nachweis,
    Widerruf,
    Zeichen,
)
from proaktiv.web.limits import BodyLimit
from proaktiv.web.pipelines import CitizenPipeline
from proaktiv.web.security import SameOriginOnly, SecurityHeaders

SAME_ANSWER = (
    "Wenn wir Sie im Melderegister finden, bekommen Sie in den nächsten Tagen einen Brief an Ihre gemeldete Anschrift. "
    "If we find you in the register of residents, a letter will reach you at your registered address."
)

router = APIRouter()


@router.get("/health", responses=openapi.AROUND)
def health(pipeline: PipelineDep) -> dict[str, str]:
    """Say whether this surface can work."""
    pipeline.healthy()
    return {"status": "ok"}


@router.post("/anmelden", status_code=202, responses=openapi.told(429) | openapi.CHANGE_UNPROVEN | links.WISH)
def enrol(form: Anmeldung, net: NetDep, pipeline: PipelineDep) -> dict[str, str]:
    """Take a wish to be known here; the answer is always the same, and so many from one net in an hour."""
    pipeline.enrol(form.wish(), net)
    return {"text": SAME_ANSWER}


@router.post("/sitzung", responses=openapi.told(401, 429) | openapi.CHANGE_UNPROVEN | links.SESSION)
def prove(form: Nachweis, request: Request, response: Response, net: NetDep, pipeline: PipelineDep) -> dict[str, Any]:
    """Open a session by letter code and birth date; so many wrong tries from one net in an hour."""
    session = pipeline.prove(form.code, form.born(), net)
    name, secure = request.app.state.cookie, request.app.state.cookie == SECURE_COOKIE
    response.set_cookie(name, session.token, httponly=True, secure=secure, samesite="lax", path="/", max_age=1800)
    return {"purpose": session.purpose, "trust": int(session.proof.trust), "csrf": session.csrf}


@router.post("/echt", responses=openapi.told(429) | openapi.CHANGE_UNPROVEN)
def genuine(form: Zeichen, pipeline: PipelineDep) -> dict[str, Any]:
    """Say of a printed reference whether it exists, since when, and whether its entry is untouched; nothing is kept."""
    sent = pipeline.genuine(form.zeichen)
    if sent is None:
        return {"exists": False, "time": None, "intact": None}
    return {"exists": True, "time": sent.at.isoformat(timespec="minutes"), "intact": sent.intact}


@router.get("/uebersicht", responses=openapi.READ | links.OVERVIEW)
def overview(proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show what is open."""
    return pipeline.overview(proof)


@router.get("/vorschlag/{proposal_id}", responses=openapi.READ_ONE | links.PROPOSAL)
def proposal(proposal_id: UUID, proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show one proposal with source, day and legal basis of each value."""
    return pipeline.proposal(proof, proposal_id)


@router.post("/vorschlag/{proposal_id}/ja", responses=openapi.CHANGE_ONE | links.CONFIRMED)
def confirm(proposal_id: UUID, form: Ja, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Record the yes; the Auftrag leaves when its undo window is over."""
    done = pipeline.confirm(proof, proposal_id, bytes.fromhex(form.shown))
    return {
        "auftrag": str(done.auftrag),
        "reference": done.reference,
        "undo_until": done.undo_until.isoformat(),
    }


@router.post("/vorschlag/{proposal_id}/antwort", status_code=202, responses=openapi.CHANGE_ONE | links.ANSWERED)
def answer(proposal_id: UUID, form: Antworten, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Keep the answers; the proposal is decided anew with them, see ``/uebersicht`` a moment later."""
    pipeline.answer(proof, proposal_id, form.answers)
    return {"state": "answered"}


@router.post("/vorschlag/{proposal_id}/nein", responses=openapi.CHANGE_ONE)
def decline(proposal_id: UUID, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Record the no."""
    pipeline.decline(proof, proposal_id)
    return {"state": "declined"}


@router.post("/vorschlag/{proposal_id}/spaeter", responses=openapi.CHANGE_ONE | links.POSTPONED)
def postpone(proposal_id: UUID, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Record the later."""
    pipeline.postpone(proof, proposal_id)
    return {"state": "later"}


@router.get("/auftrag/{auftrag_id}", responses=openapi.READ_ONE | links.AUFTRAG)
def auftrag(auftrag_id: UUID, proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show where an Auftrag stands."""
    return pipeline.auftrag(proof, auftrag_id)


@router.post("/auftrag/{auftrag_id}/widerruf", responses=openapi.CHANGE_ONE | links.ENDED)
def withdraw_auftrag(auftrag_id: UUID, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Withdraw one Auftrag: unsent it never leaves, sent it becomes a clerk's task."""
    pipeline.withdraw_auftrag(proof, auftrag_id)
    return {"state": "withdrawn"}


@router.post("/auftrag/{auftrag_id}/rueckgaengig", responses=openapi.CHANGE_ONE | links.ENDED)
def undo(auftrag_id: UUID, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Take the yes, or the signature, back while nothing has left; the proposal stands open again."""
    pipeline.undo(proof, auftrag_id)
    return {"state": "undone"}


@router.get("/auftrag/{auftrag_id}/blatt", responses=openapi.READ_ONE)
def sheet(auftrag_id: UUID, proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Return the filled sheet to print and sign by hand."""
    return pipeline.sheet(proof, auftrag_id)


@router.get("/unterschrift/{auftrag_id}", responses=openapi.told(403) | openapi.READ_ONE | links.TO_SIGN)
def to_sign(auftrag_id: UUID, proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show what a second parent is asked to sign."""
    return pipeline.to_sign(proof, auftrag_id)


@router.post("/unterschrift/{auftrag_id}/ja", responses=openapi.CHANGE_ONE | links.SIGNED)
def sign(auftrag_id: UUID, form: Ja, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Record the second signature under what was shown."""
    pipeline.sign(proof, auftrag_id, bytes.fromhex(form.shown))
    return {"state": "signed"}


@router.post("/unterschrift/{auftrag_id}/nein", responses=openapi.CHANGE_ONE)
def refuse_signature(auftrag_id: UUID, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Record that the second parent does not sign."""
    pipeline.refuse_signature(proof, auftrag_id)
    return {"state": "refused"}


@router.get("/einwilligungen", responses=openapi.READ | links.CONSENTS)
def consents(proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show every activity that can be decided on, with its text."""
    return pipeline.consents(proof)


@router.post("/einwilligungen", responses=openapi.CHANGE | links.CHOSEN)
def choose(form: Entscheidungen, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, int]:
    """Record decisions, each with the digest of the text that was read."""
    pipeline.choose(proof, [decision.choice() for decision in form.decisions])
    return {"recorded": len(form.decisions)}


@router.post("/einwilligungen/widerruf", responses=openapi.CHANGE | links.CHOSEN)
def withdraw(form: Widerruf, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, list[str]]:
    """Withdraw; again is no error."""
    return {"withdrawn": list(pipeline.withdraw(proof, lebenslage=form.lebenslage, activity=form.activity))}


@router.post("/einwilligungen/widerspruch", responses=openapi.CHANGE | links.CHOSEN)
def object_to(form: Widerruf, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, list[str]]:
    """Object (Art. 21 DSGVO) to what rests on a public task; again is no error."""
    return {"objected": list(pipeline.object_to(proof, lebenslage=form.lebenslage, activity=form.activity))}


@router.get("/kanaele", responses=openapi.READ | links.CHANNELS)
def channels(proof: Proof, pipeline: PipelineDep) -> dict[str, Any]:
    """Show since when mail may be sent, never where to: this surface cannot read it; and what giving one agrees to."""
    found, terms = pipeline.reachable(proof), pipeline.mail_terms()
    return {
        "mail_since": found.mail_since.isoformat() if found.mail_since and not found.unconfirmed else None,
        "waiting_until": found.waiting_until.isoformat() if found.waiting_until else None,
        "notice": "" if terms is None else terms.notice,
        "text": "" if terms is None else terms.text,
    }


@router.post("/kanaele/mail", responses=openapi.told(429) | openapi.CHANGE | links.GIVEN)
def give_mail(form: Mailadresse, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Let a code go to a mail address; it is used, in place of the former one, once the code comes back."""
    pipeline.give_mail(proof, form.address, form.notice)
    return {"state": "waiting"}


@router.post("/kanaele/mail/bestaetigen", responses=openapi.CHANGE | links.CHANNEL)
def confirm_mail(form: Mailcode, proof: ProofForChange, pipeline: PipelineDep) -> dict[str, bool]:
    """Use the address that waits, if this is its code; wrong, over and unknown are answered the same."""
    return {"confirmed": pipeline.confirm_mail(proof, form.code)}


@router.post("/kanaele/mail/entfernen", responses=openapi.CHANGE | links.CHANNEL)
def remove_mail(proof: ProofForChange, pipeline: PipelineDep) -> dict[str, str]:
    """Forget the mail address; again is no error."""
    pipeline.remove_mail(proof)
    return {"state": "removed"}


def make_citizen(pipeline: CitizenPipeline, *, secure_cookies: bool) -> FastAPI:
    """Return the citizen's surface. ``secure_cookies`` is off on loopback alone."""
    app = FastAPI(
        title="proaktiv citizen",
        version="1",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.pipeline = pipeline
    app.state.cookie = SECURE_COOKIE if secure_cookies else LOOPBACK_COOKIE
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOriginOnly)  # before a body is read
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)
    app.include_router(router)
    app.include_router(me.router)
    app.include_router(cockpit.router)
    return app
