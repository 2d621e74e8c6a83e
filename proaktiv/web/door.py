"""The door of a surface with people: the cookies of their session and of a log-in that is under way.

No script reads them, and over https they belong to this host alone. Lax: the way back from a provider begins on another
site. Left to others: what a token is worth (``steps.prove``, ``steps.admit``), who stands there (``visitor``).
"""

from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.identity.login import PENDING_SECONDS

HOST = "__Host-"
"""Browsers drop cookies of such a name on plain http, which only the demonstration and tests speak."""

Proof = TypeVar("Proof")


@dataclass(frozen=True, slots=True)
class Visitor(Generic[Proof]):
    """Somebody proven before a browser, and the token of their forms."""

    proof: Proof
    csrf: str


@dataclass(frozen=True, slots=True)
class Door:
    """The cookies of one surface. ``seconds``: so long a browser keeps a session's, unless it is told otherwise."""

    session: str
    pending: str
    seconds: int
    secure: bool

    def token(self, request: Request) -> str:
        """Return the session's token, empty where there is none."""
        return request.cookies.get(self._named(self.session), "")

    def under_way(self, request: Request) -> str:
        """Return what a browser keeps of its log-in at the provider, empty where there is none."""
        return request.cookies.get(self._named(self.pending), "")

    def lead_out(self, response: Response, kept: str) -> None:
        """Let the browser keep what it must bring back from the provider."""
        self.keep(response, self._named(self.pending), kept, PENDING_SECONDS)

    def let_in(self, response: Response, token: str, seconds: int = 0) -> None:
        """Give the browser the cookie of a fresh session, and take what was under way."""
        self.keep(response, self._named(self.session), token, seconds or self.seconds)
        self._take(response, self.pending)

    def let_out(self, response: Response) -> None:
        """Take the session's cookie away, and whatever the browser kept of our pages (ASVS 14.3.1).

        Not all cookies: browsers would clear those of the whole domain, and the house has other sites there.
        """
        self._take(response, self.session)
        response.headers["Clear-Site-Data"] = '"cache", "storage"'

    def keep(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie."""
        response.set_cookie(name, value, httponly=True, secure=self.secure, samesite="lax", path="/", max_age=seconds)

    def _take(self, response: Response, name: str) -> None:
        response.delete_cookie(self._named(name), path="/", secure=self.secure, httponly=True, samesite="lax")

    def _named(self, name: str) -> str:
        return f"{HOST}{name}" if self.secure else name


def door_of(request: Request) -> Door:
    """Return this surface's door."""
    door: Door = request.app.state.door
    return door


DoorDep = Annotated[Door, Depends(door_of)]
