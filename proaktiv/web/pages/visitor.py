"""Who stands before the page: the session's proof and its form token; and the way in with an account.

Raises where nobody does; ``failures`` shows the way to a session. Left to others: making sessions (``steps.prove``),
cookies (``web.door``).
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from proaktiv.acts.citizen import CitizenActs
from proaktiv.core.trust import SessionProof
from proaktiv.identity.login import RelyingParty
from proaktiv.web.asking import LOOPBACK_COOKIE
from proaktiv.web.door import Door, DoorDep, Visitor
from proaktiv.web.pages.forms import Fields
from proaktiv.web.pages.view import Look

PENDING = "proaktiv-konto"
RETURN_PATH = "/konto/zurueck"
SESSION_SECONDS, ACCOUNT_SECONDS = 1800, 3600
"""As long as the sessions of ``steps.prove`` live."""


def citizens_door(*, secure: bool) -> Door:
    """Return the door of the citizens' pages. ``secure`` is off on loopback alone."""
    return Door(LOOPBACK_COOKIE, PENDING, SESSION_SECONDS, secure)


@dataclass(frozen=True, slots=True)
class AccountWay:
    """How citizens come in with their Nutzerkonto: by one provider, or (None) not at all. ``page``: where we are."""

    party: RelyingParty | None = None
    page: str = ""


def pipeline_of(request: Request) -> CitizenActs:
    """Return what this surface asks for everything."""
    pipeline: CitizenActs = request.app.state.pipeline
    return pipeline


def look_of(request: Request) -> Look:
    """Return how this surface looks."""
    look: Look = request.app.state.look
    return look


def account_way_of(request: Request) -> AccountWay:
    """Return the way in with an account."""
    way: AccountWay = request.app.state.account_way
    return way


AccountWayDep = Annotated[AccountWay, Depends(account_way_of)]
PipelineDep = Annotated[CitizenActs, Depends(pipeline_of)]
LookDep = Annotated[Look, Depends(look_of)]


def visiting(request: Request, pipeline: PipelineDep, door: DoorDep) -> Visitor[SessionProof]:
    """Return who looks. Raises ``NotProven``."""
    token = door.token(request)
    found = Visitor(pipeline.session(token), pipeline.csrf(token))
    request.state.visitor = found
    return found


def acting(request: Request, pipeline: PipelineDep, door: DoorDep, fields: Fields) -> Visitor[SessionProof]:
    """Return who changes something: the form's own token must be right. Raises ``NotProven``, ``NotAllowed``."""
    token = door.token(request)
    found = Visitor(pipeline.session_for_change(token, fields.get("csrf", "")), pipeline.csrf(token))
    request.state.visitor = found
    return found


Visiting = Annotated[Visitor[SessionProof], Depends(visiting)]
Acting = Annotated[Visitor[SessionProof], Depends(acting)]

__all__ = [
    "AccountWay",
    "AccountWayDep",
    "Acting",
    "DoorDep",
    "Fields",
    "LookDep",
    "PipelineDep",
    "Visiting",
    "Visitor",
]
