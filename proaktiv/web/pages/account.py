"""/konto: log in with the Nutzerkonto, bind it beside a letter's session, unbind it.

The way to the provider is a link, so no form leads to another site and ``form-action`` stays ``'self'``. A GET changes
nothing but for the way back from the provider, which comes as a GET by the standard: without the sealed cookie of this
very browser it opens nothing, and it serves once. What it may change is whose session this browser has; an account is
bound by a POST alone.
"""

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.acts.account import Arrival
from proaktiv.acts.citizen import CitizenActs
from proaktiv.core.errors import NotFound, NotProven
from proaktiv.core.trust import Trust
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import LoginRefused, Why
from proaktiv.steps.prove import Proven
from proaktiv.web.door import Door
from proaktiv.web.pages.view import Look
from proaktiv.web.pages.visitor import (
    ACCOUNT_SECONDS,
    RETURN_PATH,
    AccountWay,
    AccountWayDep,
    Acting,
    DoorDep,
    LookDep,
    PipelineDep,
    Visiting,
    visiting,
)

router = APIRouter()
log = structlog.get_logger(__name__)

SEE_OTHER = 303
_NEXT = {Arrival.WAITING: "/konto/verbinden", Arrival.UNFINISHED: "/konto"}


@router.get("/konto")
def account(request: Request, look: LookDep, pipeline: PipelineDep, way: AccountWayDep, door: DoorDep) -> Response:
    """Show what an account is good for here, and how this person stands with theirs."""
    if way.party is None:
        return look.answer(request, "account_none.html")
    try:
        visitor = visiting(request, pipeline, door)
    except NotProven:
        return look.answer(request, "account.html", standing=None, trust=0)
    standing = pipeline.account(visitor.proof)
    return look.answer(request, "account.html", standing=standing, trust=int(visitor.proof.trust))


@router.get("/konto/anmelden")
def begin(request: Request, pipeline: PipelineDep, way: AccountWayDep, door: DoorDep) -> Response:
    """Send the browser to the provider; name and birth date are asked for only beside a letter's session."""
    try:
        attributes = pipeline.session(door.token(request)).trust <= Trust.V1
    except NotProven:
        attributes = False
    begun = _party(way).begin(pipeline.wall(), attributes=attributes)
    response = RedirectResponse(begun.address, SEE_OTHER)
    door.lead_out(response, begun.cookie)
    return response


@router.get(RETURN_PATH)
def back(request: Request, look: LookDep, pipeline: PipelineDep, way: AccountWayDep, door: DoorDep) -> Response:
    """Let in whose account it is, or ask whether it shall be bound to whoever came with a letter."""
    party, token = _party(way), door.token(request)
    try:
        returned = party.returned(door.under_way(request), request.query_params.multi_items(), pipeline.wall())
        pipeline.use_up_login(returned.once)
        came = party.redeem(returned, pipeline.wall())
    except LoginRefused as error:
        log.warning("account.refused", why=error.why.name.lower())
        if error.why is Why.TRUST:
            pipeline.account_too_low(token)
            return look.answer(request, "account_too_low.html", 403)
        return look.answer(request, "account_refused.html", 401)
    except NotProven:
        log.warning("account.refused", why="used")
        return look.answer(request, "account_refused.html", 401)
    return _arrived(request, look, door, pipeline, pipeline.arrive(token, came))


def _arrived(request: Request, look: Look, door: Door, pipeline: CitizenActs, arrival: Proven | Arrival) -> Response:
    if isinstance(arrival, Proven):
        response = RedirectResponse("/uebersicht", SEE_OTHER)
        door.let_in(response, arrival.token, ACCOUNT_SECONDS)
        return response
    log.info("account.not_entered", how=arrival.name.lower())
    if arrival in _NEXT:
        return RedirectResponse(_NEXT[arrival], SEE_OTHER)
    if arrival is Arrival.STRANGER:
        return look.answer(request, "account_stranger.html", 403)
    visiting(request, pipeline, door)  # the letter's session goes on
    return look.answer(request, "account_other.html", 403)


@router.get("/konto/verbinden")
def binding(request: Request, visitor: Visiting, look: LookDep, pipeline: PipelineDep, way: AccountWayDep) -> Response:
    """Ask whether the account that waits shall be bound."""
    _party(way)
    if not pipeline.account(visitor.proof).waiting:
        return RedirectResponse("/konto", SEE_OTHER)
    return look.answer(request, "account_bind.html")


@router.post("/konto/verbinden")
def bind(
    request: Request, visitor: Acting, look: LookDep, pipeline: PipelineDep, way: AccountWayDep, door: DoorDep
) -> Response:
    """Bind it, and go on in a session of the account."""
    _party(way)
    bound = pipeline.bind_account(visitor.proof, door.token(request))
    if bound is None:
        return look.answer(request, "account_other.html", 409)
    response = RedirectResponse("/meine-daten", SEE_OTHER)
    door.let_in(response, bound.token, ACCOUNT_SECONDS)
    return response


@router.post("/konto/trennen")
def unbind(visitor: Acting, pipeline: PipelineDep, door: DoorDep) -> Response:
    """Unbind the account, also where none is any more; a session that it opened is over."""
    pipeline.unbind_account(visitor.proof)
    if visitor.proof.trust <= Trust.V1:
        return RedirectResponse("/konto", SEE_OTHER)
    response = RedirectResponse("/konto/abgemeldet", SEE_OTHER)
    door.let_out(response)
    return response


@router.get("/konto/abgemeldet")
def left(request: Request, look: LookDep, way: AccountWayDep) -> Response:
    """Say that it is over, and where the provider's own session ends."""
    farewell = _party(way).farewell(f"{way.page}/")
    return look.answer(request, "account_left.html", farewell=farewell)


def _party(way: AccountWay) -> RelyingParty:
    if way.party is None:
        raise NotFound("account")
    return way.party
