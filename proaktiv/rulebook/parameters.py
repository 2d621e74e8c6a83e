"""Files of dated parameters → ``core.parameters``, and what is wrong in them.

``_katalog/parameter/*.yaml`` are for every Lebenslage, ``<lebenslage>/parameter.yaml`` for one. Values that differ by
place stand in a CSV beside the file: ``ars,ab,…,fundstelle``, with a column for each parameter that reads it.
Left to others: looking a value up (``core.parameters``), whether rules can use it (``check``).
Source: rules.md §§ 4, 5.3, 10 (11).
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from proaktiv.core.conditions import Vergleich, leaves, parameters_of
from proaktiv.core.parameters import AREAS, Parameter, Wert
from proaktiv.core.plans import Plan
from proaktiv.rulebook.facts import Fakt, FaktTyp, read_value
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, load, read_text
from proaktiv.rulebook.reading import FAR_AWAY, Place, Reader
from proaktiv.rulebook.suggest import suggestion, words

TYPES = (FaktTyp.ZAHL, FaktTyp.BETRAG, FaktTyp.DATUM, FaktTyp.JANEIN, FaktTyp.CODE, FaktTyp.TEXT)
"""What a parameter can be."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_FILE = re.compile(r"[a-z][a-z0-9_-]{0,47}\.csv")
_MANDATORY = ("ars", "ab", "fundstelle")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one folder, where each of them and each of its values is written, and what is wrong.

    ``places`` finds the source of ``<name>`` and of ``<name>.<number of the value>``.
    """

    by_name: Mapping[str, Parameter]
    places: Mapping[str, Place]
    problems: tuple[Problem, ...] = ()


def read_parameters(path: Path, shown: str, fakten: Mapping[str, Fakt]) -> Parameters:
    """Return the parameters that a file describes; ``shown`` is its name in messages."""
    reader = Reader(shown)
    found = _File(reader, path, fakten)
    try:
        found.read(load(path, shown))
    except RuleFileError as error:
        return Parameters({}, {}, (error.problem,))
    return Parameters(found.by_name, found.places, (*reader.problems, *found.problems))


class _File:
    def __init__(self, reader: Reader, path: Path, fakten: Mapping[str, Fakt]) -> None:
        self.reader = reader
        self.path = path
        self.fakten = fakten
        self.by_name: dict[str, Parameter] = {}
        self.places: dict[str, Place] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node) -> None:
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, "here must stand parameters by name")
            return
        for name, inner in node.entries.items():
            if not _NAME.fullmatch(name):
                self.reader.wrong(node.keys[name], f"'{name}' is no name of a parameter; write it like wochenstunden")
            self.places[name] = self.reader.place(node.keys[name])
            self.by_name[name] = self.parameter(name, inner)

    def parameter(self, name: str, node: Node) -> Parameter:
        reader = self.reader
        parts = reader.fields(
            node,
            ("typ", "schluessel", "geprueft_bis"),
            ("werte", "einheit", "codes", "je_ort", "tabelle", "spalte"),
        )
        typ = FaktTyp(reader.word(parts.get("typ"), [each.value for each in TYPES], FaktTyp.ZAHL.value))
        codes = reader.texts(parts.get("codes"))
        if (typ is FaktTyp.CODE) != bool(codes):
            reader.wrong(
                node, "a parameter of typ code needs 'codes', the list of its values, and no other may have it"
            )
        parameter = Parameter(
            name,
            typ.value,
            self.fact(parts.get("schluessel"), FaktTyp.DATUM),
            geprueft_bis=reader.day_or_none(parts.get("geprueft_bis")),
            einheit=reader.text(parts.get("einheit")),
        )
        if ("tabelle" in parts) != ("je_ort" in parts) or ("tabelle" in parts) == ("werte" in parts):
            reader.wrong(node, "a parameter has its 'werte', or 'je_ort' and 'tabelle' (a CSV beside this file)")
            return parameter
        kind = Fakt(name, typ, codes=codes)
        if "tabelle" in parts:
            file, column = reader.text(parts["tabelle"]), reader.text(parts.get("spalte")) or name
            if not _FILE.fullmatch(file):
                reader.wrong(parts["tabelle"], f"'{file}' is no name of a CSV file beside this one, like saetze.csv")
                return parameter
            place = self.fact(parts.get("je_ort"), FaktTyp.ARS)
            return replace(parameter, je_ort=place, orte=self.table(kind, file, column, parts["tabelle"]))
        return replace(parameter, werte=self.series(kind, parts["werte"]))

    def fact(self, node: Node | None, typ: FaktTyp) -> str:
        name = self.reader.text(node)
        if node is None or not name:
            return ""
        fakt = self.fakten.get(name)
        if fakt is None:
            self.reader.wrong(node, f"the fact '{name}' is not in _katalog/fakten.yaml{suggestion(name, self.fakten)}")
        elif fakt.typ is not typ:
            self.reader.wrong(node, f"{name} is of typ {fakt.typ.value}; here must stand a fact of typ {typ.value}")
        return name

    # values ----------------------------------------------------------------------------------------------------------

    def series(self, kind: Fakt, node: Node) -> tuple[Wert, ...]:
        """Return the values in the order of their days; another order and equal days are reported."""
        items = self.reader.items(node)
        if not items:
            self.reader.wrong(node, "a parameter has at least one value")
        found: list[Wert] = []
        for number, item in enumerate(items):
            self.places[f"{kind.name}.{number}"] = self.reader.place(item)
            wert = self.wert(kind, item)
            if found and wert.ab == found[-1].ab != FAR_AWAY:
                self.reader.wrong(item, f"two values from {wert.ab.isoformat()}: only one can hold")
            elif found and FAR_AWAY != wert.ab < found[-1].ab:
                self.reader.wrong(item, f"the earlier comes first: {wert.ab.isoformat()} stands after {found[-1].ab}")
            found.append(wert)
        return tuple(found)

    def wert(self, kind: Fakt, node: Node) -> Wert:
        reader = self.reader
        if isinstance(node, NodeMapping) and "fundstelle" not in node.entries:
            reader.wrong(node, "a value without 'fundstelle': say where it is printed, like BGBl. 2023 I Nr. 412")
        parts = reader.fields(node, ("ab", "wert"), ("fundstelle",))
        ab, printed = reader.day(parts.get("ab")), reader.text(parts.get("fundstelle"))
        written = parts.get("wert")
        if not isinstance(written, NodeMapping):
            return Wert(ab, read_value(reader, kind, written) if written is not None else None, printed)
        je = reader.text(written.entries.get("je"))
        fakt = self.fakten.get(je)
        if fakt is None or fakt.typ not in {FaktTyp.JANEIN, FaktTyp.CODE}:
            reader.wrong(written, "a value that depends says on what: 'je' and a fact of typ janein or code")
            return Wert(ab, None, printed)
        choices = fakt.codes or ("ja", "nein")
        chosen = reader.fields(written, ("je", *choices))
        wahl = {word: read_value(reader, kind, inner) for word, inner in chosen.items() if word != "je"}
        return Wert(ab, None, printed, je, wahl)

    def table(self, kind: Fakt, file: str, column: str, node: Node) -> dict[str, tuple[Wert, ...]]:
        """Return the values by place from a CSV file; an empty cell is no value."""
        shown = f"{self.reader.file.rpartition('/')[0]}/{file}"
        try:
            text = read_text(self.path.with_name(file), shown)
        except FileNotFoundError:
            self.reader.wrong(node, f"there is no file {shown}")
            return {}
        except RuleFileError as error:
            self.problems.append(error.problem)
            return {}
        head, *lines = [*csv.reader(text.splitlines())] or [[]]
        if lacking := [name for name in (*_MANDATORY, column) if name not in head]:
            hint = "; commas part the columns, not ;" if any(";" in name for name in head) else ""
            message = f"the column {words(lacking)} is missing in the first line{hint}"
            self.problems.append(Problem(shown, 1, 1, message))
            return {}
        found: dict[str, list[Wert]] = {}
        for number, cells in enumerate(lines, start=2):
            self.line(kind, column, found, shown, number, head, cells)
        return {where: tuple(werte) for where, werte in found.items()}

    def line(
        self,
        kind: Fakt,
        column: str,
        found: dict[str, list[Wert]],
        shown: str,
        number: int,
        head: Sequence[str],
        cells: Sequence[str],
    ) -> None:
        def wrong(message: str) -> None:
            self.problems.append(Problem(shown, number, 1, message))

        if not cells:
            return
        if len(cells) != len(head):
            hint = (
                "commas part the columns, not ;" if any(";" in cell for cell in cells) else "quote what holds a comma"
            )
            wrong(f"the line has {len(cells)} columns, the first one {len(head)}; {hint}")
            return
        row = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
        if not row[column]:
            return
        if not row["ars"].isdecimal() or len(row["ars"]) not in AREAS:
            zero = row["ars"].isdecimal() and len(row["ars"]) + 1 in AREAS
            hint = f"; did you mean 0{row['ars']}? Spreadsheets drop a 0 that stands first" if zero else ""
            wrong(f"'{row['ars']}' is no ARS; write twelve digits, or 9, 5, 3 or 2 for all that lies below{hint}")
        if not row["fundstelle"]:
            wrong("a value without 'fundstelle': say where it is printed")
        line = Reader(shown)
        wert = Wert(
            line.day(Scalar(number, 1, row["ab"], plain=True)),
            read_value(line, kind, Scalar(number, 1, row[column], plain=True)),
            row["fundstelle"],
        )
        self.problems += line.problems
        werte = found.setdefault(row["ars"], [])
        if werte and wert.ab <= werte[-1].ab:
            what = "two values from the same day" if wert.ab == werte[-1].ab else "the earlier comes first"
            wrong(f"{what}: {row['ars']} from {wert.ab.isoformat()}")
        werte.append(wert)


# do rules and parameters fit? ----------------------------------------------------------------------------------------


def named_in(plan: Plan) -> frozenset[str]:
    """Return the parameters that the conditions and Fristen of a Plan name."""
    ends = [frist.ende.parameters() for frist in plan.fristen if frist.ende]
    return frozenset().union(*(parameters_of(tree) for tree in plan.trees()), *ends)


def late_begins(plan: Plan) -> list[tuple[Vergleich | None, str]]:
    """Return what begins after the rule that compares with it, each with the place of the comparison."""
    found: list[tuple[Vergleich | None, str]] = []
    comparisons = {name: leaf for leaf in leaves(plan.bedingung) for name in parameters_of(leaf)}
    for parameter in plan.parameter.values():
        if parameter.schluessel != plan.gilt.schluessel or parameter.je_ort or not parameter.werte:
            continue
        first = parameter.werte[0].ab
        if first > plan.gilt.ab:
            message = (
                f"the parameter '{parameter.name}' begins on {first.isoformat()}, the rule on "
                f"{plan.gilt.ab.isoformat()}: between them everything is open"
            )
            found.append((comparisons.get(parameter.name), message))
    return found


def dead_values(parameters: Parameters, users: Sequence[Plan]) -> list[Problem]:
    """Return the values that no rule of ``users`` can ever reach, and the parameters that no rule names."""
    found: list[Problem] = []
    for name, parameter in parameters.by_name.items():
        using = [plan for plan in users if name in plan.parameter]
        if not using:
            found.append(_at(parameters.places[name], f"no rule uses the parameter '{name}'"))
        elif all(plan.gilt.schluessel == parameter.schluessel for plan in using):
            begin = min(plan.gilt.ab for plan in using)
            for number, following in enumerate(parameter.werte[1:]):
                if following.ab <= begin:
                    ab = parameter.werte[number].ab.isoformat()
                    message = f"the value from {ab} is dead: it ends before {begin.isoformat()}, when the rule begins"
                    found.append(_at(parameters.places[f"{name}.{number}"], message))
    return found


def unchecked(parameters: Parameters, today: date) -> list[Problem]:
    """Return the parameters whose values nobody has checked for ``today``."""
    return [
        _at(parameters.places[name], f"'{name}' was checked only until {parameter.geprueft_bis.isoformat()}")
        for name, parameter in parameters.by_name.items()
        if parameter.geprueft_bis is not None and parameter.geprueft_bis < today
    ]


def joined(*parts: Parameters) -> Parameters:
    """Return all parameters of several files; a name that stands in two is reported."""
    by_name: dict[str, Parameter] = {}
    places: dict[str, Place] = {}
    problems: list[Problem] = []
    for part in parts:
        problems += [
            _at(part.places[name], f"the parameter '{name}' stands in {places[name].file} too")
            for name in sorted(by_name.keys() & part.by_name.keys())
        ]
        by_name |= part.by_name
        places |= part.places
        problems += part.problems
    return Parameters(by_name, places, tuple(problems))


NONE = Parameters({}, {})


def _at(place: Place, message: str) -> Problem:
    return Problem(place.file, place.line, place.column, message)
