"""What became of a reported event: kept, or why not.

Made by ``steps.receive``; told on by the intake's surface and by the sources.
"""

from dataclasses import dataclass
from uuid import UUID

from proaktiv.core.errors import BadInput, Conflict, NotAllowed, TooMany


@dataclass(frozen=True, slots=True)
class Received:
    """The stored event. ``duplicate``: it was here before, nothing was written."""

    id: UUID
    duplicate: bool


Verdict = Received | BadInput | NotAllowed | Conflict | TooMany
"""What became of one event. ``NotAllowed``: the client may not report it; ``Conflict``: its id or its register version
is known with other content; ``TooMany``: the client's day is full."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one event of a batch, and how it was written."""

    answer: Verdict
    text: str
