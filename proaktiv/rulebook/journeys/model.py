"""A journey as values: who there is, what happens in order, what must stand after it and what never.

Left to others: reading it from YAML (``reading``), letting it happen (``town``), comparing (``comparing``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from proaktiv.core.competence import Competences
from proaktiv.core.fristen import Value
from proaktiv.rulebook.reading import Place


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented. ``register`` is what each register would say of them; ``address`` as a register writes it."""

    name: str
    vornamen: str
    familienname: str
    geboren: date
    address: Mapping[str, str] = field(default_factory=dict, hash=False)
    locks: tuple[str, ...] = ()
    register: Mapping[str, Mapping[str, Value]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happens: its word, and what the author wrote about it, checked and typed."""

    word: str
    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """One item that must be there, as far as the author says. None: not said.

    ``clocks`` are the Fristen, each as the fields that the author gives; None leaves them open. ``waits`` is what
    proaktiv must learn before this can hold, ``waiting_parts`` the same for single words of it.
    """

    place: Place
    leistung: str
    outcome: str
    addressees: tuple[str, ...]
    how: str
    child: str = ""
    state: str | None = None
    clocks: tuple[Mapping[str, Any], ...] | None = field(default=None, hash=False)
    behoerde: str | None = None
    bundle: str | None = None
    bundle_by: date | None = None
    due_on: date | None = None
    task: str | None = None
    asks: tuple[str, ...] | None = None
    signers: tuple[str, ...] | None = None
    way: str | None = None
    after: tuple[str, ...] | None = None
    lock_flag: bool | None = None
    seen_from: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    amounts: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    no_texts: tuple[str, ...] = ()
    waits: str = ""
    waiting_parts: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What must not appear: everything that is said here together. Empty means: any."""

    place: Place
    addressees: tuple[str, ...] = ()
    leistungen: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    behoerden: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    waits: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedMessage:
    """A message that must be there."""

    place: Place
    addressee: str
    channel: str
    state: str = "gesendet"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the journey. ``expected`` None: not looked at yet, what changed is looked at with a later step.

    ``refused``: the house must not let this act be done.
    """

    place: Place
    at: datetime
    happening: Happening | None
    label: str = ""
    verdict: str = "angenommen"
    expected: tuple[Expected, ...] | None = None
    messages: tuple[ExpectedMessage, ...] | None = None
    guards: tuple[str, ...] | None = None
    forbidden: tuple[Forbidden, ...] = ()
    waits: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """One whole case. ``never`` holds at every step. ``waits`` are names that the rules do not know yet."""

    place: Place
    name: str
    title: str
    persons: Mapping[str, Person] = field(hash=False)
    competences: Competences = field(hash=False)
    steps: tuple[Step, ...]
    never: tuple[Forbidden, ...] = ()
    waits: tuple[str, ...] = ()
