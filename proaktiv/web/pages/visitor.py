"""Who stands before the page: the session's cookie, its proof, its form token.

Raises where there is none; ``failures`` shows the way to a new one. Left to others: making sessions (``steps.prove``).
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.acts.citizen import CitizenActs
from proaktiv.core.trust import SessionProof
from proaktiv.identity.login import RelyingParty
from proaktiv.web.citizen import SECURE_COOKIE
from proaktiv.web.pages.forms import Fields
from proaktiv.web.pages.view import Look

PENDING_SECURE, PENDING_LOOPBACK = "__Host-proaktiv-konto", "proaktiv-konto"
RETURN_PATH = "/konto/zurueck"
SESSION_SECONDS, ACCOUNT_SECONDS = 1800, 3600
"""As long as the sessions of ``steps.prove`` live."""


@dataclass(frozen=True, slots=True)
class AccountWay:
    """How citizens come in with their Nutzerkonto: by one provider, or (None) not at all. ``page``: where we are."""

    party: RelyingParty | None = None
    page: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A proven person before a browser."""

    proof: SessionProof
    csrf: str


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


def token_of(request: Request) -> str:
    """Return the session's token, empty where there is none."""
    return request.cookies.get(request.app.state.cookie, "")


def visiting(request: Request, pipeline: PipelineDep) -> Visitor:
    """Return who looks. Raises ``NotProven``."""
    token = token_of(request)
    found = Visitor(pipeline.session(token), pipeline.csrf(token))
    request.state.visitor = found
    return found


def acting(request: Request, pipeline: PipelineDep, fields: Fields) -> Visitor:
    """Return who changes something: the form's own token must be right. Raises ``NotProven``, ``NotAllowed``."""
    token = token_of(request)
    found = Visitor(pipeline.session_for_change(token, fields.get("csrf", "")), pipeline.csrf(token))
    request.state.visitor = found
    return found


Visiting = Annotated[Visitor, Depends(visiting)]
Acting = Annotated[Visitor, Depends(acting)]


def secure(request: Request) -> bool:
    """Return whether cookies go over https alone."""
    return bool(request.app.state.cookie == SECURE_COOKIE)


def pending_of(request: Request) -> str:
    """Return the name of the cookie of a log-in that is under way."""
    return PENDING_SECURE if secure(request) else PENDING_LOOPBACK


def let_in(request: Request, response: Response, token: str, seconds: int = SESSION_SECONDS) -> None:
    """Give the browser the cookie of a fresh session, and take what was under way."""
    set_cookie(request, response, request.app.state.cookie, token, seconds)
    response.delete_cookie(pending_of(request), path="/", secure=secure(request), httponly=True, samesite="lax")


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Set a cookie that no script reads. Lax: the way back from the provider begins on another site."""
    response.set_cookie(name, value, httponly=True, secure=secure(request), samesite="lax", path="/", max_age=seconds)


def let_out(request: Request, response: Response) -> None:
    """Take the cookie away, and whatever the browser kept (ASVS 14.3.1)."""
    response.delete_cookie(request.app.state.cookie, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


__all__ = ["Acting", "Fields", "LookDep", "PipelineDep", "Visiting", "Visitor", "let_in", "let_out"]
