"""Who of the staff stands before the page, and the ways in that this office has.

Raises where nobody does; ``failures`` shows the way in. Left to others: making sessions (``steps.admit``), cookies
(``web.door``).
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse

from proaktiv.acts.oversight import OversightActs
from proaktiv.core.staff import StaffProof
from proaktiv.identity.login import RelyingParty
from proaktiv.web.door import Door, DoorDep, Visitor
from proaktiv.web.pages.forms import Fields
from proaktiv.web.pages.view import Look

SESSION, PENDING = "proaktiv-amt", "proaktiv-anmeldung"
RETURN_PATH = "/anmeldung/zurueck"
SESSION_SECONDS = 10 * 3600
"""So long the browser keeps the cookie; what it opens ends earlier (``steps.admit``)."""


def staff_door(*, secure: bool) -> Door:
    """Return the door of the office. ``secure`` is off on loopback alone."""
    return Door(SESSION, PENDING, SESSION_SECONDS, secure)


@dataclass(frozen=True, slots=True)
class WayIn:
    """How staff come in: by the provider, where there is one; by links, in the demonstration alone."""

    party: RelyingParty | None
    page: str
    links: bool


def acts_of(request: Request) -> OversightActs:
    """Return what this surface asks for everything."""
    acts: OversightActs = request.app.state.pipeline
    return acts


def way_in_of(request: Request) -> WayIn:
    """Return the ways in."""
    way: WayIn = request.app.state.way_in
    return way


ActsDep = Annotated[OversightActs, Depends(acts_of)]


def with_its_day(request: Request, acts: ActsDep) -> None:
    """Let every page say which day it is here, where the clock was moved: else what it shows looks forged."""
    request.state.day_ahead = acts.day_ahead()


WayInDep = Annotated[WayIn, Depends(way_in_of)]


def working(request: Request, acts: ActsDep, door: DoorDep) -> Visitor[StaffProof]:
    """Return who looks. Raises ``NotProven``."""
    token = door.token(request)
    found = Visitor(acts.staff(token), acts.staff_csrf(token))
    request.state.visitor = found
    return found


def acting(request: Request, acts: ActsDep, door: DoorDep, fields: Fields) -> Visitor[StaffProof]:
    """Return who changes something: the form's own token must be right. Raises ``NotProven``, ``NotAllowed``."""
    token = door.token(request)
    found = Visitor(acts.staff_for_change(token, fields.get("csrf", "")), acts.staff_csrf(token))
    request.state.visitor = found
    return found


Working = Annotated[Visitor[StaffProof], Depends(working)]
ActingStaff = Annotated[Visitor[StaffProof], Depends(acting)]


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return one page of the office."""
    look: Look = request.app.state.look
    return look.answer(request, f"office/{template}", status, **values)


__all__ = ["ActingStaff", "ActsDep", "DoorDep", "Fields", "WayIn", "WayInDep", "Working", "page"]
