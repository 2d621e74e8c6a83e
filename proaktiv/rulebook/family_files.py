"""Families from a file: CSV or Parquet, one row a family, one column a fact, written as a rule author writes values.

For **synthetic** families: columns that decide no rule (names, addresses, keys) are not even read, and nothing of a
row is kept or shown. An empty field and ``unbekannt`` are unknown. Parquet needs the extra ``proaktiv[simulation]``.
Source: rules.md §§ 0, 6.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from proaktiv.core.errors import BadInput
from proaktiv.core.parameters import Value
from proaktiv.rulebook.catalogue import UNKNOWN, Catalogue
from proaktiv.rulebook.facts import Fakt, read_value
from proaktiv.rulebook.load import Problem, Scalar
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.suggest import suggestion

EXTRA = "pip install 'proaktiv[simulation]'"
PARQUET = ".parquet"
_MOST_PROBLEMS = 20


class SimulationExtraMissing(BadInput):
    """Polars is not installed; ``EXTRA`` installs it."""

    def __init__(self, what: str) -> None:
        super().__init__("simulation", f"{what} needs Polars, which is not installed here: {EXTRA}")


class FamilyFileError(BadInput):
    """A file of families cannot be read; ``problems`` says where and why."""

    def __init__(self, problems: Collection[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("families", "\n".join(str(problem) for problem in self.problems))


def read_families(path: Path, catalogue: Catalogue, wanted: Collection[str]) -> list[dict[str, Value]]:
    """Return the rows of a file with the facts of ``wanted`` that it has.

    Raises ``FamilyFileError`` with the first mistakes as file:line:column, and ``SimulationExtraMissing``.
    """
    if path.suffix == PARQUET:
        return list(_parquet(path, catalogue, wanted))
    return _csv(path, catalogue, wanted)


def _csv(path: Path, catalogue: Catalogue, wanted: Collection[str]) -> list[dict[str, Value]]:
    reader = Reader(path.name)
    found: list[dict[str, Value]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            lines = csv.reader(file, delimiter=";" if head.count(";") > head.count(",") else ",", strict=True)
            facts = _columns(reader, [name.strip() for name in next(lines, [])], catalogue, wanted)
            for cells in lines if not reader.problems else ():
                if not cells:
                    continue
                if len(cells) > len(facts):
                    reader.wrong(
                        Scalar(lines.line_num, 1, "", plain=True), f"{len(cells)} fields, {len(facts)} columns"
                    )
                found.append(dict(_row(reader, lines.line_num, cells, facts)))
                if len(reader.problems) >= _MOST_PROBLEMS:
                    break
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FamilyFileError([Problem(path.name, 1, 1, f"no CSV in UTF-8: {error}")]) from None
    if reader.problems:
        raise FamilyFileError(reader.problems)
    return found


def _columns(
    reader: Reader, names: list[str], catalogue: Catalogue, wanted: Collection[str]
) -> list[tuple[str, Fakt | None]]:
    """Return each column's fact, None for those that are not read."""
    for number, name in enumerate(names, start=1):
        if name not in catalogue.fakten and "." in name:
            hint = suggestion(name, catalogue.fakten)
            reader.wrong(Scalar(1, number, name, plain=True), f"the fact '{name}' is not in the catalogue{hint}")
    if not reader.problems and not set(names) & set(wanted):
        reader.wrong(Scalar(1, 1, "", plain=True), "no column is a fact that decides one of these rules")
    return [(name, catalogue.fakten.get(name) if name in wanted else None) for name in names]


def _row(
    reader: Reader, line: int, cells: list[str], facts: list[tuple[str, Fakt | None]]
) -> Iterator[tuple[str, Value]]:
    for number, (text, (name, fakt)) in enumerate(zip(cells, facts, strict=False), start=1):
        written = text.strip()
        if fakt is not None and written and written != UNKNOWN:
            yield name, read_value(reader, fakt, Scalar(line, number, written, plain=True))


def _parquet(path: Path, catalogue: Catalogue, wanted: Collection[str]) -> Iterator[dict[str, Value]]:
    try:
        from proaktiv.rulebook.vectorised import read_parquet  # Polars is an extra
    except ModuleNotFoundError:
        raise SimulationExtraMissing("reading Parquet") from None
    reader = Reader(path.name)
    try:
        names, rows = read_parquet(path)
    except OSError as error:
        raise FamilyFileError([Problem(path.name, 1, 1, f"no Parquet: {error}")]) from None
    facts = _columns(reader, names, catalogue, wanted)
    if reader.problems:
        raise FamilyFileError(reader.problems)
    for row in rows:
        yield dict(_typed(row, facts))


def _typed(row: Mapping[str, Any], facts: list[tuple[str, Fakt | None]]) -> Iterator[tuple[str, Value]]:
    for name, fakt in facts:
        value = row[name]
        if fakt is not None and isinstance(value, bool | int | str | date) and value != UNKNOWN:
            yield name, value.date() if isinstance(value, datetime) else value
