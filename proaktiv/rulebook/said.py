"""What a proposal says, to look for words and amounts in it; and which Behörde is where, as cases name it.

Shared by the cases of single Leistungen (``cases``) and of whole journeys (``journeys``).
Source: rules/README.md, chapters „Fälle“ and „Ganze Lebensläufe prüfen“.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, load
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.suggest import suggestion, words

SURROUNDINGS = "_umgebung.yaml"
"""Beside the cases of a folder: what all of them share."""

_AMOUNT = re.compile(r"-?(?<![\d.,])\d{1,3}(?:\.\d{3})*(?:,\d\d)? Euro\b")
_CUT = re.compile(r"-?\d{1,3}(?:\.\d{3})*")
_CENTS = re.compile(r"\d\d(?: (?:Euro|€))?")


def strings(value: Any) -> list[str]:
    """Return every text in JSON data, in its order."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in strings(inner)]
    return []


def has_amount(said: str, amount: str) -> bool:
    """Return whether an amount stands there whole: 175.000 Euro is not 75.000 Euro."""
    return re.search(rf"(?<![\d.,]){re.escape(amount)}(?!\d|[.,]\d)", said) is not None


def amounts_in(said: str) -> tuple[str, ...]:
    """Return the amounts that a German text shows, each once, in its order."""
    return tuple(dict.fromkeys(found[0] for found in _AMOUNT.finditer(said)))


def read_amounts(reader: Reader, items: list[Node]) -> tuple[str, ...]:
    """Return amounts as people read them; one that a comma cut in two is reported."""
    found = [reader.text(item) for item in items]
    for item, text, following in zip(items, found, found[1:], strict=False):
        if _CUT.fullmatch(text) and _CENTS.fullmatch(following):
            reader.wrong(item, f'a comma parts the entries of a list; did you mean "{text},{following}", in quotes?')
    return tuple(found)


def read_competences(reader: Reader, node: Node | None, arten: frozenset[str]) -> dict[str, dict[str, str]]:
    """Return Behörden by kind of office and beginning of an ARS; ``arten`` are the kinds that there are."""
    if node is None:
        return {}
    if not isinstance(node, NodeMapping):
        reader.wrong(node, "here must stand kinds of office, each with Behörden by the beginning of an ARS")
        return {}
    found: dict[str, dict[str, str]] = {}
    for art, inner in node.entries.items():
        if art not in arten:
            known = sorted(arten)
            message = f"'{art}' is no kind of office in _katalog/stellen.yaml; allowed: {words(known)}"
            reader.wrong(node.keys[art], f"{message}{suggestion(art, known)}")
        if not isinstance(inner, NodeMapping):
            reader.wrong(inner, 'here must stand Behörden by the beginning of an ARS: {"05315": Standesamt Köln}')
            continue
        for prefix, name in inner.entries.items():
            if prefix and not (prefix.isdecimal() and len(prefix) <= 12):
                reader.wrong(inner.keys[prefix], f"'{prefix}' is no beginning of an ARS: up to twelve digits")
            found.setdefault(art, {})[prefix] = reader.text(name)
    return found


@lru_cache(maxsize=8)
def shared_competences(
    path: Path, called: str, arten: frozenset[str], _changed_at: int
) -> tuple[Mapping[str, Mapping[str, str]], tuple[Problem, ...]]:
    """Return the competences of one file and what is wrong in it; hundreds of cases may lie beside it.

    Raises ``RuleFileError``.
    """
    reader = Reader(called)
    parts = reader.fields(load(path, called), ("zustaendig",))
    return read_competences(reader, parts.get("zustaendig"), arten), tuple(reader.problems)
