"""``/dsb``: the DSB's acts for programs. Each call is itself an entry of the log; none changes anything of a matter.

Who asks is known by the office's session, as on its pages (``web.staff``): log in there, then ``GET /session`` for the
token that a change must bear. Left to others: erasures and holds (``web.decisions``), what is read
(``steps.oversight``), errors (``web.problems``).
Source: flowlog.md § 5.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from proaktiv.acts.oversight import OversightActs
from proaktiv.steps.oversight import Wanted
from proaktiv.steps.oversight.exports import DAYS, DAYS_MAX, ExportKind
from proaktiv.web import decisions, openapi, problems
from proaktiv.web.decisions import Decision
from proaktiv.web.leaves import Day
from proaktiv.web.limits import BodyLimit
from proaktiv.web.overseer import ActsDep, Proof, ProofForChange, Who, Why, token_of
from proaktiv.web.security import SameOriginOnly, SecurityHeaders
from proaktiv.web.staff.visitor import staff_door

router = APIRouter()

SOON = {"Retry-After": "10"}
"""So many seconds from now the next signature is there, where one is missing."""
_SIZE_MAX = 2**53

Text = Annotated[str, Query(max_length=120, pattern=r"^[^\x00-\x1f]*$")]
From = Annotated[Day | None, Query(alias="from", description="First day, in Berlin.")]
To = Annotated[Day | None, Query(alias="to", description="Last day, in Berlin.")]
Size = Annotated[int, Query(ge=1, le=_SIZE_MAX)]
Subject = Annotated[UUID | None, Query(description="A granted request: the entries of that person, or their own part.")]
Refused = Annotated[bool, Query(description="What was refused alone: by the gate, the office, a second person.")]
FlowId = Annotated[UUID, Path()]

_PROOF: openapi.Responses = {
    200: {"description": "A tlog-proof (C2SP)", "content": {"text/plain": {}}},
    202: {"description": "Nothing is signed over it yet; try again", "content": {"text/plain": {}}},
}
_WAY: openapi.Responses = {
    200: {"description": "A tlog-proof (C2SP), and a selection of the log", "content": {"application/zip": {}}},
    202: {"description": "Nothing is signed over it yet; try again", "content": {"text/plain": {}}},
}
_FILE: openapi.Responses = {
    200: {"description": "The export's file", "content": {"application/zip": {}, "text/csv": {}}},
}
_NOTE: openapi.Responses = {
    200: {"description": "A signed checkpoint (C2SP)", "content": {"text/plain": {}}},
}
_READ = openapi.told(403) | openapi.READ
_READ_ONE = openapi.told(403) | openapi.READ_ONE
_LOOK = openapi.told(429) | _READ_ONE


class Wish(BaseModel):
    """Whom to look up, by an Auftrag's number or a register's key, and why."""

    model_config = ConfigDict(extra="forbid")

    who: Who
    reason: Why


class ExportWish(BaseModel):
    """An export: what it holds, which days, and for how many days it is kept."""

    model_config = ConfigDict(extra="forbid")

    kind: ExportKind
    first_on: Annotated[Day | None, Field(alias="from")] = None
    last_on: Annotated[Day | None, Field(alias="to")] = None
    days: Annotated[int, Field(ge=1, le=DAYS_MAX, strict=True)] = DAYS


@router.get("/session", responses=_READ)
def session(request: Request, proof: Proof, acts: ActsDep) -> dict[str, str]:
    """Say who asks, and return the token that a change must bear in ``X-CSRF``."""
    return {"name": acts.seen(proof).name, "csrf": acts.staff_csrf(token_of(request))}


@router.get("/log", responses=_READ)
def standing(proof: Proof, acts: ActsDep) -> dict[str, Any]:
    """Say how the log stands, what does not fit in it, what the last month brought, and how many wishes wait."""
    return acts.log_standing(proof)


@router.get("/flows", responses=_LOOK)
def flows(
    proof: Proof,
    acts: ActsDep,
    first_on: From = None,
    last_on: To = None,
    sender: Text = "",
    receiver: Text = "",
    purpose: Text = "",
    basis: Text = "",
    outcome: Text = "",
    refused: Refused = False,
    subject: Subject = None,
    cursor: UUID | None = None,
) -> dict[str, Any]:
    """List entries, newest first: facts that name nobody; of one person only with a second person's yes.

    What is filtered by must be equal to what stands there (a party may be named instead): a program that finds nothing
    may rely on it. The office's page takes a part of a name, and one citation of several.
    """
    columns = {"sender": sender, "receiver": receiver, "purpose": purpose, "basis": basis, "outcome": outcome}
    before = str(cursor) if cursor else ""
    found = acts.flows_of_subject(proof, Wanted(columns, "", first_on, last_on, before, refused), subject)
    return {"flows": found["entries"], "cursor": found["more"] or None}


@router.get("/flows/{flow_id}", responses=_LOOK)
def flow(flow_id: FlowId, proof: Proof, acts: ActsDep, subject: Subject = None) -> dict[str, Any]:
    """Open one entry: facts, the sealed parts as far as they open, its place, and how far it has come."""
    return acts.open_flow(proof, flow_id, subject)


@router.get("/flows/{flow_id}/proof", response_class=PlainTextResponse, responses=openapi.told(409) | _LOOK | _PROOF)
def proof_of(flow_id: FlowId, proof: Proof, acts: ActsDep, subject: Subject = None) -> Response:
    """Hand out an entry's proof, with a granted request the person's own part in it; 202 until it is signed."""
    found = acts.proof_of(proof, flow_id, subject)
    return PlainTextResponse("queued\n", 202, SOON) if found is None else PlainTextResponse(found)


@router.get("/flows/{flow_id}/consent", response_class=Response, responses=openapi.told(409) | _LOOK | _WAY)
def rested(flow_id: FlowId, subject: UUID, proof: Proof, acts: ActsDep) -> Response:
    """Hand out the proof of a flow, and the way to it from the consent it rested on; only with a granted request."""
    found = acts.rested(proof, flow_id, subject)
    if found is None:
        return PlainTextResponse("queued\n", 202, SOON)
    # Without a name: the page gives it one with the flow's place in it.
    return Response(found, media_type="application/zip", headers={"Content-Disposition": "attachment"})


@router.get("/findings", responses=_READ)
def findings(proof: Proof, acts: ActsDep) -> list[dict[str, Any]]:
    """List what does not fit in the log of the last month."""
    return acts.wrong(proof)


@router.get("/checkpoints", responses=openapi.told(422) | _READ)
def checkpoints(
    proof: Proof, acts: ActsDep, cursor: Annotated[int | None, Query(ge=0, le=_SIZE_MAX)] = None
) -> dict[str, Any]:
    """List what was signed, newest first."""
    found = acts.checkpoints(proof, cursor)
    return {"checkpoints": found["checkpoints"], "cursor": int(found["more"]) if found["more"] else None}


@router.get("/checkpoints/{size}", response_class=PlainTextResponse, responses=_READ_ONE | _NOTE)
def checkpoint(size: Annotated[int, Path(ge=1, le=_SIZE_MAX)], proof: Proof, acts: ActsDep) -> Response:
    """Hand out one signed checkpoint as a file to keep; a verifier takes it with ``--since``."""
    name, note = acts.checkpoint(proof, size)
    return PlainTextResponse(note, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@router.get("/log/consistency", responses=openapi.told(422) | _READ)
def consistency(proof: Proof, acts: ActsDep, old: Size, new: Size) -> dict[str, Any]:
    """Prove that the log of ``old`` entries is the beginning of that of ``new``."""
    return acts.consistency(proof, old, new)


@router.get("/incidents", responses=_READ)
def incidents(proof: Proof, acts: ActsDep) -> list[dict[str, str]]:
    """List what the DSB must see."""
    return acts.seen_incidents(proof)


@router.get("/requests", responses=_READ)
def requests(proof: Proof, acts: ActsDep) -> list[dict[str, Any]]:
    """List the own wishes to look a person up, those one decided, and those of others that wait for a decision."""
    return acts.person_requests(proof)


@router.post("/requests", status_code=202, responses=openapi.told(429) | openapi.CHANGE)
def ask(wish: Wish, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Ask to look a person up; a second person decides, and nobody sees anything before."""
    return {"id": str(acts.ask_for_person(proof, wish.who, wish.reason)), "state": "waiting"}


@router.post("/requests/{request_id}/decision", responses=openapi.CHANGE_ONE)
def decide(request_id: UUID, decision: Decision, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Say yes or no to somebody else's wish."""
    acts.decide_on_person(proof, request_id, grant=decision.grant)
    return {"state": "granted" if decision.grant else "denied"}


@router.post("/requests/{request_id}/withdrawal", responses=openapi.CHANGE_ONE)
def withdraw(request_id: UUID, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Take the own wish back, on which nobody has decided yet."""
    acts.withdraw_person_request(proof, request_id)
    return {"state": "withdrawn"}


@router.get("/exports", responses=_READ)
def exports(proof: Proof, acts: ActsDep) -> list[dict[str, Any]]:
    """List the exports there are and were."""
    return acts.exports(proof)


@router.post("/exports", status_code=201, responses=openapi.told(404) | openapi.CHANGE)
def make_export(wish: ExportWish, proof: ProofForChange, acts: ActsDep) -> dict[str, Any]:
    """Make an export that goes by itself: ``log`` to be verified elsewhere, ``counts`` for others than the DSB."""
    return acts.make_export(proof, wish.kind, wish.first_on, wish.last_on, wish.days)


@router.get("/exports/{export_id}", response_class=Response, responses=_READ_ONE | _FILE)
def export(export_id: UUID, proof: Proof, acts: ActsDep) -> Response:
    """Hand out an export's file, as long as it is there."""
    name, content = acts.fetch_export(proof, export_id)
    media_type = "application/zip" if name.endswith(".zip") else "text/csv; charset=utf-8"
    named = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=named)


def make_dsb(pipeline: OversightActs, *, secure_cookies: bool) -> FastAPI:
    """Return the DSB's operations. ``secure_cookies`` is off on loopback alone."""
    app = FastAPI(
        title="proaktiv DSB",
        version="1",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=openapi.operation_id,
    )
    app.state.pipeline = pipeline
    app.state.door = staff_door(secure=secure_cookies)
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SameOriginOnly)  # before a body is read
    app.add_middleware(problems.LastResort)
    app.add_middleware(SecurityHeaders)
    app.include_router(router)
    app.include_router(decisions.router)
    return app
