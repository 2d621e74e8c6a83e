"""Who asks the citizen's operations, and what is asked: dependencies that every one of them shares.

Left to others: the operations (``web.citizen``, ``web.me``), making sessions (``steps.prove``).
"""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.security import APIKeyCookie

from proaktiv.core.nets import UNTOLD, net_of
from proaktiv.core.trust import SessionProof
from proaktiv.web.pipelines import CitizenPipeline

SECURE_COOKIE = "__Host-proaktiv"
LOOPBACK_COOKIE = "proaktiv"
"""Browsers drop ``__Host-`` cookies on plain http, which only the demonstration and tests speak."""


def _pipeline(request: Request) -> CitizenPipeline:
    pipeline: CitizenPipeline = request.app.state.pipeline
    return pipeline


PipelineDep = Annotated[CitizenPipeline, Depends(_pipeline)]


def _net(request: Request) -> bytes:
    """Return whose net asks: of the peer, or of whom a proxy of the house names (``proxies`` in the settings)."""
    return net_of(request.client.host) if request.client else UNTOLD


NetDep = Annotated[bytes, Depends(_net)]


# For the description alone: on plain http the cookie has another name.
_Session = Annotated[str | None, Security(APIKeyCookie(name=SECURE_COOKIE, scheme_name="session", auto_error=False))]


def _proven(request: Request, pipeline: PipelineDep, _described: _Session = None) -> SessionProof:
    return pipeline.session(request.cookies.get(request.app.state.cookie, ""))


def _may_change(
    request: Request,
    pipeline: PipelineDep,
    x_csrf: Annotated[str, Header(max_length=128)] = "",
    _described: _Session = None,
) -> SessionProof:
    return pipeline.session_for_change(request.cookies.get(request.app.state.cookie, ""), x_csrf)


Proof = Annotated[SessionProof, Depends(_proven)]
ProofForChange = Annotated[SessionProof, Depends(_may_change)]
