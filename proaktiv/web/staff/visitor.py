"""Who of the staff stands before the page, and the ways in that this office has.

Raises where nobody does; ``failures`` shows the way in. Left to others: making sessions (``steps.admit``).
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from proaktiv.acts.staff import StaffActs
from proaktiv.core.staff import StaffProof
from proaktiv.identity.login import RelyingParty
from proaktiv.web.pages.forms import Fields
from proaktiv.web.pages.view import Look

SECURE, LOOPBACK = "__Host-proaktiv-amt", "proaktiv-amt"
PENDING_SECURE, PENDING_LOOPBACK = "__Host-proaktiv-anmeldung", "proaktiv-anmeldung"
"""Browsers drop ``__Host-`` cookies on plain http, which only the demonstration and tests speak."""

RETURN_PATH = "/anmeldung/zurueck"
SESSION_SECONDS = 10 * 3600
"""So long the browser keeps the cookie; what it opens ends earlier (``steps.admit``)."""


@dataclass(frozen=True, slots=True)
class WayIn:
    """How staff come in: by the provider, where there is one; by links, in the demonstration alone."""

    party: RelyingParty | None
    page: str
    links: bool


@dataclass(frozen=True, slots=True)
class StaffVisitor:
    """Somebody who works here, before a browser."""

    proof: StaffProof
    csrf: str


def acts_of(request: Request) -> StaffActs:
    """Return what this surface asks for everything."""
    acts: StaffActs = request.app.state.pipeline
    return acts


def way_in_of(request: Request) -> WayIn:
    """Return the ways in."""
    way: WayIn = request.app.state.way_in
    return way


ActsDep = Annotated[StaffActs, Depends(acts_of)]
WayInDep = Annotated[WayIn, Depends(way_in_of)]


def token_of(request: Request) -> str:
    """Return the session's token, empty where there is none."""
    return request.cookies.get(cookie_of(request), "")


def cookie_of(request: Request) -> str:
    """Return the name of the session's cookie."""
    return SECURE if request.app.state.secure else LOOPBACK


def pending_of(request: Request) -> str:
    """Return the name of the cookie of a log-in that is under way."""
    return PENDING_SECURE if request.app.state.secure else PENDING_LOOPBACK


def working(request: Request, acts: ActsDep) -> StaffVisitor:
    """Return who looks. Raises ``NotProven``."""
    token = token_of(request)
    found = StaffVisitor(acts.staff(token), acts.staff_csrf(token))
    request.state.visitor = found
    return found


def acting(request: Request, acts: ActsDep, fields: Fields) -> StaffVisitor:
    """Return who changes something: the form's own token must be right. Raises ``NotProven``, ``NotAllowed``."""
    token = token_of(request)
    found = StaffVisitor(acts.staff_for_change(token, fields.get("csrf", "")), acts.staff_csrf(token))
    request.state.visitor = found
    return found


Working = Annotated[StaffVisitor, Depends(working)]
ActingStaff = Annotated[StaffVisitor, Depends(acting)]


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return one page of the office."""
    look: Look = request.app.state.look
    return look.answer(request, f"office/{template}", status, **values)


def let_in(request: Request, response: Response, token: str) -> None:
    """Give the browser the cookie of a fresh session, and take what was under way."""
    set_cookie(request, response, cookie_of(request), token, SESSION_SECONDS)
    response.delete_cookie(
        pending_of(request), path="/", secure=request.app.state.secure, httponly=True, samesite="lax"
    )


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads. Lax: the way back from the provider begins on another site."""
    response.set_cookie(
        name, value, httponly=True, secure=request.app.state.secure, samesite="lax", path="/", max_age=seconds
    )


def let_out(request: Request, response: Response) -> None:
    """Take the cookie away, and whatever the browser kept (ASVS 14.3.1)."""
    response.delete_cookie(cookie_of(request), path="/", secure=request.app.state.secure, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


__all__ = ["ActingStaff", "ActsDep", "Fields", "StaffVisitor", "WayIn", "WayInDep", "Working", "page"]
