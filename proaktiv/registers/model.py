"""What a register is asked and what it may answer; an answer is hostile input until ``read_answer`` took it.

Left to others: who may ask (``steps.look_up``), the wire (``registers.http``). Source: data-path.md § 5.
"""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Protocol

from notifiers.model import Clearance
from proaktiv.core.errors import Permanent
from proaktiv.core.forms import ANY, Form
from proaktiv.egress import Deadline

MAX_TEXT = 500
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat alone reads weeks, too
_MAX_INT = 1 << 53


class PersonNotThere(Permanent):
    """The register knows no such person; that is an answer, not a fault."""


class BadAnswer(Permanent):
    """The register answered something that is no answer; the operator of the register must look."""


@dataclass(frozen=True, slots=True)
class Question:
    """Named facts about one person. ``person`` is ``{"kennung": …}`` or name, birth date and address as typed.

    ``forms`` are what the values must be; of rules that were released before there were forms, none is known.
    ``child`` is the key of the child whom facts ``kind.…`` are about: of several children the register must know which.
    """

    register: str
    person: Mapping[str, Any]
    names: tuple[str, ...]
    forms: Mapping[str, Form] = field(default_factory=dict, hash=False)
    child: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The facts that were asked for and given, and the day they stand for.

    ``unasked`` counts facts that came without having been asked: they are dropped unread and the DSB is told.
    """

    facts: Mapping[str, Any]
    as_of: date
    unasked: int = 0


class Register(Protocol):
    """One register. Must be usable from several threads at once."""

    @property
    def name(self) -> str:
        """Return the name that activities and look-ups use, e.g. ``MELDEREGISTER``."""
        ...

    def fetch(self, question: Question, clearance: Clearance, deadline: Deadline) -> Answer:
        """Ask before the deadline. Raises ``PersonNotThere``, ``BadAnswer`` and the outbound errors."""
        ...


def read_answer(body: bytes, names: tuple[str, ...]) -> Answer:
    """Return the answer in ``{"facts": {name: value}, "as_of": "YYYY-MM-DD"}``.

    A value is text of at most 500 characters, a whole number, true or false, or one flat object of such texts.
    ``{"found": false}``, and nothing but that, raises ``PersonNotThere``; whatever else comes raises ``BadAnswer``.
    """
    try:
        data = json.loads(body.decode(), object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError):
        raise BadAnswer("the answer is not JSON of the form agreed") from None
    if isinstance(data, dict) and data.keys() == {"found"} and data["found"] is False:
        raise PersonNotThere("the register knows no such person")
    if not isinstance(data, dict) or data.keys() != {"facts", "as_of"} or not isinstance(data["facts"], dict):
        raise BadAnswer("the answer has other members than facts and as_of")
    facts = {name: _value(name, data["facts"][name]) for name in names if name in data["facts"]}
    return Answer(facts, _day(data["as_of"]), unasked=len(data["facts"]) - len(facts))


def fitting(answer: Answer, question: Question, asked_on: date) -> Answer:
    """Return an answer with its values typed as the catalogue has them. Raises ``BadAnswer`` where one fits not.

    ``asked_on`` is the day of the question; nothing is known as of a day after the next.
    """
    if answer.as_of > asked_on + timedelta(days=1):
        raise BadAnswer("as_of lies ahead")
    facts = {}
    for name, value in answer.facts.items():
        form = question.forms.get(name, ANY)
        try:
            facts[name] = form.read(value)
        except ValueError as error:
            raise BadAnswer(f"{name}: {error}") from None
    return replace(answer, facts=facts)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _no_float(_text: str) -> Any:
    raise ValueError("a number with a fraction")


def _day(text: Any) -> date:
    try:
        if isinstance(text, str) and _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadAnswer("as_of is no date")


def _value(name: str, value: Any) -> Any:
    """Return a checked value; an error names the fact that was asked, never what came."""
    if isinstance(value, dict):
        if not all(isinstance(part, str) for part in value.values()) or len(value) > 12:
            raise BadAnswer(f"{name}: an object holds texts only")
        return {_text(name, key): _text(name, part) for key, part in value.items()}
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool) or (isinstance(value, int) and -_MAX_INT < value < _MAX_INT):
        return value
    raise BadAnswer(f"{name}: a value of a kind that was not agreed")


def _text(name: str, text: str) -> str:
    """Return text in NFC without characters that control a page or a terminal (C0, C1, bidi, surrogates)."""
    if len(text) > MAX_TEXT or any(unicodedata.category(symbol) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for symbol in text):
        raise BadAnswer(f"{name}: too long, or with control characters")
    return unicodedata.normalize("NFC", text)
