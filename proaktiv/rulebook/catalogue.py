"""The shared catalogue ``rules/_katalog``: which facts, guards and kinds of office exist at all.

A rule can name nothing that does not stand here. Left to others: what rules do with it (``compile``, ``check``).
Source: rules.md § 0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from proaktiv.core.guards import Guard
from proaktiv.rulebook.facts import Fakt, read_fakt, read_value
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, load
from proaktiv.rulebook.parameters import NONE, Parameters, joined, read_parameters
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.suggest import suggestion

UNKNOWN = "unbekannt"
"""What a case writes for a fact that is not known."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All facts by name, all kinds of office, the shared parameters, and what was wrong in the catalogue's own files.

    For a Lebenslage ``parameter`` are its own ones too.
    """

    fakten: Mapping[str, Fakt] = field(default_factory=dict, hash=False)
    stellen: frozenset[str] = frozenset()
    parameter: Parameters = NONE
    problems: tuple[Problem, ...] = ()


def read_catalogue(folder: Path) -> Catalogue:
    """Return the catalogue of the rules folder ``folder``; mistakes are in ``problems``."""
    problems: list[Problem] = []
    fakten: dict[str, Fakt] = {}
    stellen: set[str] = set()
    for name, take in (
        ("fakten", lambda reader, node: fakten.update(_fakten(reader, node))),
        ("stellen", lambda reader, node: stellen.update(_stellen(reader, node))),
        ("schutz", _check_guards),
    ):
        shown = f"_katalog/{name}.yaml"
        reader = Reader(shown)
        try:
            take(reader, load(folder / "_katalog" / f"{name}.yaml", shown))
        except RuleFileError as error:
            problems.append(error.problem)
        except FileNotFoundError:
            problems.append(Problem(shown, 1, 1, "the file is missing"))
        problems += reader.problems
    files = sorted((folder / "_katalog" / "parameter").glob("*.yaml"))
    shared = joined(*(read_parameters(path, f"_katalog/parameter/{path.name}", fakten) for path in files))
    return Catalogue(fakten, frozenset(stellen), shared, (*problems, *shared.problems))


def _fakten(reader: Reader, node: Node) -> dict[str, Fakt]:
    if not isinstance(node, NodeMapping):
        reader.wrong(node, "here must stand facts by name")
        return {}
    found = {}
    for name, inner in node.entries.items():
        if not _NAME.fullmatch(name):
            reader.wrong(node.keys[name], f"'{name}' is no fact name; write it like kind.geburtsdatum")
        found[name] = read_fakt(reader, name, inner)
    return found


def _stellen(reader: Reader, node: Node) -> set[str]:
    if not isinstance(node, NodeMapping):
        reader.wrong(node, "here must stand kinds of office by name")
        return set()
    for inner in node.entries.values():
        parts = reader.fields(inner, ("bezeichnung", "zustaendig_nach"))
        for part in parts.values():
            reader.text(part)
    return set(node.entries)


def _check_guards(reader: Reader, node: Node) -> None:
    """Check that the file names exactly the guards that the code enforces: it explains, it switches nothing off."""
    ids = [guard.value for guard in Guard]
    for inner in reader.fields(node, ids).values():
        for part in reader.fields(inner, ("anlass", "wirkung", "norm")).values():
            reader.text(part)


def find_fact(reader: Reader, catalogue: Catalogue, node: Scalar, name: str, lebenslage: str) -> Fakt | None:
    """Return a fact by name, or None after a report that says what is meant."""
    fakt = catalogue.fakten.get(name)
    if fakt is None:
        hint = suggestion(name, catalogue.fakten)
        reader.wrong(node, f"the fact '{name}' is not in _katalog/fakten.yaml{hint}")
        return None
    if not fakt.known_in(lebenslage):
        places = ", ".join(fakt.lebenslagen)
        reader.wrong(node, f"the fact '{name}' is not known in {lebenslage}; it is known in: {places}")
        return None
    return fakt


__all__ = ["UNKNOWN", "Catalogue", "find_fact", "read_catalogue", "read_value"]
