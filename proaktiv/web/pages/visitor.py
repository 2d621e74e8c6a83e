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
from proaktiv.web.citizen import SECURE_COOKIE
from proaktiv.web.pages.forms import Fields
from proaktiv.web.pages.view import Look

SESSION_SECONDS = 1800


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


def let_in(request: Request, response: Response, token: str) -> None:
    """Give the browser the cookie of a fresh session."""
    name = request.app.state.cookie
    secure = name == SECURE_COOKIE
    response.set_cookie(name, token, httponly=True, secure=secure, samesite="lax", path="/", max_age=SESSION_SECONDS)


def let_out(request: Request, response: Response) -> None:
    """Take the cookie away, and whatever the browser kept (ASVS 14.3.1)."""
    response.delete_cookie(request.app.state.cookie, path="/")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'


__all__ = ["Acting", "Fields", "LookDep", "PipelineDep", "Visiting", "Visitor", "let_in", "let_out"]
