"""The way in and out of the office: the provider, a link of the demonstration, leaving.

A GET changes nothing but for the way back from the provider, which comes as a GET by the standard: without the sealed
cookie of this very browser it opens nothing, and it serves once.
"""

from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import NotAllowed, NotFound, NotProven
from proaktiv.core.staff import Role
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import LoginRefused
from proaktiv.web.pages import language
from proaktiv.web.staff.visitor import (
    RETURN_PATH,
    ActingStaff,
    ActsDep,
    DoorDep,
    Fields,
    WayIn,
    WayInDep,
    page,
    working,
)

router = APIRouter()
log = structlog.get_logger(__name__)

SEE_OTHER = 303
HOME = {Role.CLERK: "/aufgaben", Role.DSB: "/protokoll"}


@router.get("/")
def home(request: Request, acts: ActsDep, way: WayInDep, door: DoorDep) -> Response:
    """Lead whoever is in to their work, and everybody else to the way in."""
    try:
        return RedirectResponse(HOME[working(request, acts, door).proof.role], SEE_OTHER)
    except NotProven:
        return page(request, "entry.html", provider=way.party is not None, links=way.links)


@router.get("/anmeldung")
def begin(acts: ActsDep, way: WayInDep, door: DoorDep) -> Response:
    """Send the browser to the provider; what must be remembered it keeps itself, sealed."""
    begun = _party(way).begin(acts.wall())
    response = RedirectResponse(begun.address, SEE_OTHER)
    door.lead_out(response, begun.cookie)
    return response


@router.get(RETURN_PATH)
def back(request: Request, acts: ActsDep, way: WayInDep, door: DoorDep) -> Response:
    """Let in whom the provider identified, if this browser asked for it."""
    party = _party(way)
    try:
        returned = party.returned(door.under_way(request), request.query_params.multi_items(), acts.wall())
        acts.use_up_login(returned.once)
        identified = party.redeem(returned, acts.wall())
        entered = acts.enter_by_provider(identified.issuer, identified.subject)
    except LoginRefused as error:
        log.warning("login.refused", why=error.why.name.lower())
        return page(request, "refused.html", 401)
    except NotAllowed:
        log.warning("login.refused", why="not_staff")
        return page(request, "stranger.html", 403)
    response = RedirectResponse("/", SEE_OTHER)
    door.let_in(response, entered.token)
    return response


@router.get("/einlass")
def link(request: Request, way: WayInDep, schein: str = "") -> Response:
    """Show the button of a link: whoever only looks, a mail scanner or a preview, does not use it up."""
    _with_links(way)
    return page(request, "link.html", schein=schein[:128])


@router.post("/einlass")
def enter(request: Request, fields: Fields, acts: ActsDep, way: WayInDep, door: DoorDep) -> Response:
    """Let in by a link, once."""
    _with_links(way)
    try:
        entered = acts.enter_by_link(fields.get("schein", ""))
    except NotProven:
        return page(request, "refused.html", 401)
    response = RedirectResponse("/", SEE_OTHER)
    door.let_in(response, entered.token)
    return response


@router.post("/abmelden")
def leave(request: Request, _visitor: ActingStaff, acts: ActsDep, door: DoorDep) -> Response:
    """End the session, here and in the browser."""
    acts.staff_leaves(door.token(request))
    response = RedirectResponse("/abgemeldet", SEE_OTHER)
    door.let_out(response)
    return response


@router.get("/abgemeldet")
def left(request: Request, way: WayInDep) -> Response:
    """Say that it is over, and where the provider's own session ends: a form may not lead there (CSP)."""
    farewell = way.party.farewell(f"{way.page}/") if way.party is not None else ""
    return page(request, "left.html", farewell=farewell)


@router.post("/sprache")
def speak(request: Request, fields: Fields, door: DoorDep) -> Response:
    """Remember the language, and go back to where the visitor was."""
    came = urlsplit(request.headers.get("referer", "")).path
    to = came if came.startswith("/") and not came.startswith("//") else "/"
    response = RedirectResponse(to, SEE_OTHER)
    if fields.get("sprache") in language.LANGUAGES:
        door.keep(response, language.COOKIE, fields["sprache"], 31536000)
    return response


def _party(way: WayIn) -> RelyingParty:
    if way.party is None:
        raise NotFound("provider")
    return way.party


def _with_links(way: WayIn) -> None:
    if not way.links:
        raise NotFound("link")
