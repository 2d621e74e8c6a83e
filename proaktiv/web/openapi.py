"""What the surfaces' OpenAPI documents say beyond what FastAPI finds itself: problems, and where an answer leads.

An operation names every status that it may answer with, those of the layers around it too. Left to others: what makes
such an answer (``web.problems``, ``web.limits``, ``web.security``).
Source: OpenAPI 3.1 § 4.8.20 (Link Object); RFC 9457.
"""

from collections.abc import Mapping
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel

from proaktiv.web.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """RFC 9457. ``field`` is a JSON pointer into the body or a parameter's name; empty for the body as a whole."""

    type: str
    title: str
    status: int
    detail: str = ""
    field: str = ""
    retry_after: int | None = None


def told(*statuses: int) -> Responses:
    """Return the problems that an operation may answer with."""
    schema = Problem.model_json_schema()
    return {
        status: {"description": "Problem (RFC 9457)", "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def leads(description: str, links: Mapping[str, Mapping[str, Any]], status: int = 200) -> Responses:
    """Return a good answer and the operations that it leads to, by the name of the link."""
    return {status: {"description": description, "links": {name: dict(link) for name, link in links.items()}}}


def link(operation: str, body: Any = None, **parameters: str) -> dict[str, Any]:
    """Return a link to an operation with runtime expressions for its parameters and its body."""
    made: dict[str, Any] = {"operationId": operation}
    if parameters:
        made["parameters"] = parameters
    if body is not None:
        made["requestBody"] = body
    return made


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation: its function's, so that links read as sentences."""
    return route.name


AROUND = told(408, 413, 503)
"""A body too slow or too large, on whatever operation; the database away."""

READ = told(401) | AROUND
READ_ONE = told(404, 422) | READ
CHANGE_UNPROVEN = told(400, 403, 422) | AROUND
CHANGE = told(401, 409) | CHANGE_UNPROVEN
CHANGE_ONE = told(404) | CHANGE
