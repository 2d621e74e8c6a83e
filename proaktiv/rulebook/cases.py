"""Reads the example cases that rule authors write beside their rules: ``faelle/*.yaml``.

One base person, each case states only the difference and what it expects. Left to others: running them (``examples``),
whole journeys over months (``journeys``). Source: rules.md § 4.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from proaktiv.core.competence import Competences
from proaktiv.core.fristen import Value
from proaktiv.core.lebenslagen import Lebenslage, Plan
from proaktiv.rulebook.catalogue import UNKNOWN, Catalogue, find_fact, read_value
from proaktiv.rulebook.examples import (
    DATELESS,
    NOTHING,
    OTHER,
    OTHER_GROUP,
    OUTCOMES,
    RESULTS,
    SAME,
    SAME_GROUP,
    Beside,
    Case,
    grounds,
    natures_of,
    run,
    ways_of,
)
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, Sequence, load
from proaktiv.rulebook.reading import FAR_AWAY, Reader
from proaktiv.rulebook.said import SURROUNDINGS, read_amounts, read_competences, shared_competences


def case_files(folder: Path) -> list[Path]:
    """Return the files of a Lebenslage's folder that may hold cases; those whose names begin with ``_`` hold none."""
    found = sorted((folder / "faelle").rglob("*.yaml"))
    return [path for path in found if not any(part.startswith("_") for part in path.relative_to(folder).parts)]


def read_cases(folder: Path, lebenslage: Lebenslage, catalogue: Catalogue) -> tuple[list[Case], list[Problem]]:
    """Return all cases of a Lebenslage's folder, and what is wrong in their files."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in case_files(folder):
        shown = f"{folder.name}/{path.relative_to(folder).as_posix()}"
        reader = Reader(shown)
        try:
            node = load(path, shown)
            if not (isinstance(node, NodeMapping) and "fall" in node.entries):  # that is a journey
                shared = _surroundings(path, shown, reader, catalogue)
                cases += _Cases(reader, lebenslage, catalogue, shared).read(node)
        except RuleFileError as error:
            problems.append(error.problem)
        problems += reader.problems
    return cases, problems


def _surroundings(path: Path, shown: str, reader: Reader, catalogue: Catalogue) -> Competences:
    beside = path.with_name(SURROUNDINGS)
    if not beside.is_file():
        return {}
    called = Path(shown).with_name(SURROUNDINGS).as_posix()
    found, problems = shared_competences(beside, called, catalogue.stellen, beside.stat().st_mtime_ns)
    reader.problems += problems
    return found


def _says(node: Node, word: str) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text == word


class _Cases:
    def __init__(self, reader: Reader, lebenslage: Lebenslage, catalogue: Catalogue, shared: Competences) -> None:
        self.reader = reader
        self.lebenslage = lebenslage
        self.catalogue = catalogue
        self.competences = shared

    def read(self, node: Node) -> list[Case]:
        parts = self.reader.fields(node, ("leistung", "grundlage", "faelle"), ("gleichwertig", "zustaendig"))
        own = read_competences(self.reader, parts.get("zustaendig"), self.catalogue.stellen)
        arten = {*self.competences, *own}
        self.competences = {art: {**self.competences.get(art, {}), **own.get(art, {})} for art in arten}
        plans = {plan.leistung: plan for plan in self.lebenslage.plans}
        plan = plans.get(self.reader.word(parts.get("leistung"), plans))
        base = self.facts(parts.get("grundlage"))
        if plan is None:
            return []
        cases = [self.case(item, plan, base) for item in self.reader.items(parts.get("faelle"))]
        names: set[str] = set()
        for case, item in zip(cases, self.reader.items(parts.get("faelle")), strict=True):
            if case.name in names:
                self.reader.wrong(item, f"the case '{case.name}' stands here twice")
            names.add(case.name)
        return cases

    def case(self, node: Node, plan: Plan, base: Mapping[str, Value | None]) -> Case:
        parts = self.reader.fields(
            node,
            ("name", "erwartet"),
            (
                *("mit", "fehlt", "fragt", "unterzeichner", "braucht", "gefragt"),
                *("fristen", "sicher_bis", "wegen", "naechster_wechsel", "ergibt", "erklaert"),
                *("felder", "versand", "fristart", "neben", "stelle", "behoerde", "betraege", "text", "text_nicht"),
            ),
        )
        mit = self.facts(parts.get("mit"))
        merged = {**base, **mit}
        today = merged.pop("heute", None)
        if not isinstance(today, date):
            self.reader.wrong(node, "'heute' is missing: every case happens on a day")
            today = FAR_AWAY
        return Case(
            name=self.reader.text(parts.get("name")),
            file=self.reader.file,
            line=node.line,
            column=node.column,
            plan=plan,
            facts={name: value for name, value in merged.items() if value is not None},
            today=today,
            erwartet=self.reader.word(parts.get("erwartet"), RESULTS, "offen"),
            fehlt=self.reader.texts(parts["fehlt"]) if "fehlt" in parts else None,
            fragt=self.reader.texts(parts["fragt"]) if "fragt" in parts else None,
            unterzeichner=self.reader.texts(parts.get("unterzeichner")),
            braucht=self.needs(parts.get("braucht")),
            gefragt=frozenset(self.reader.texts(parts.get("gefragt"))),
            fristen=self.ends(parts.get("fristen")),
            sicher_bis=self.days(parts.get("sicher_bis")),
            wegen=self.reader.text(parts.get("wegen")),
            ergibt=self.reader.word(parts["ergibt"], OUTCOMES) if "ergibt" in parts else None,
            naechster_wechsel=self.reader.day_or_none(parts.get("naechster_wechsel")),
            erklaert=self.reader.texts(parts["erklaert"]) if "erklaert" in parts else None,
            felder=self.texts(parts.get("felder")),
            versand=self.texts(parts.get("versand")),
            fristart=self.needs(parts.get("fristart")),
            neben=tuple(self.beside(item) for item in self.reader.items(parts.get("neben"))),
            stelle=self.office(parts.get("stelle")),
            behoerde=self.behoerde(parts.get("behoerde"), plan),
            betraege=self.amounts(parts.get("betraege")),
            text=self.sentences(parts.get("text")),
            text_nicht=self.sentences(parts.get("text_nicht")),
            texte=self.lebenslage.texte,
            competences=self.competences,
            mit=mit,
        )

    def facts(self, node: Node | None) -> dict[str, Value | None]:
        """Return facts by name, None where the author writes ``unbekannt``."""
        if node is None:
            return {}
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, "here must stand facts by name")
            return {}
        found: dict[str, Value | None] = {}
        for name, inner in node.entries.items():
            fakt = find_fact(self.reader, self.catalogue, node.keys[name], name, self.lebenslage.name)
            if _says(inner, UNKNOWN):
                found[name] = None
            elif fakt is not None:
                found[name] = read_value(self.reader, fakt, inner)
        return found

    def needs(self, node: Node | None) -> dict[str, tuple[str, ...]] | None:
        if node is None:
            return None
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, "here must stand lists of facts by register; {} for none")
            return None
        return {register: self.reader.texts(names) for register, names in node.entries.items()}

    def office(self, node: Node | None) -> tuple[str, str] | None:
        """Return the kind of office and, where it is said, the ARS by which it is found."""
        if node is None:
            return None
        parts = {"art": node} if isinstance(node, Scalar) else self.reader.fields(node, ("art",), ("ars",))
        art = self.reader.word(parts.get("art"), sorted(self.catalogue.stellen))
        return art, self.reader.ars(parts["ars"]) if "ars" in parts else ""

    def behoerde(self, node: Node | None, plan: Plan) -> str | None:
        """Return the competent Behörde by name, which a table must know."""
        if node is None:
            return None
        name = self.reader.text(node)
        known = {each for areas in self.competences.values() for each in areas.values()}
        if not known:
            message = (
                "nothing says who is competent: 'zustaendig' beside 'grundlage', or in _umgebung.yaml beside the file"
            )
            self.reader.wrong(node, f'{message}, like {{{plan.stelle_art or "jugendamt"}: {{"99001": {name}}}}}')
        return name

    def amounts(self, node: Node | None) -> tuple[str, ...] | None:
        """Return the amounts that must be shown; nothing for an empty list, None where nothing is said."""
        if node is None:
            return None
        return read_amounts(self.reader, node.items if isinstance(node, Sequence) else [node])

    def sentences(self, node: Node | None) -> tuple[str, ...]:
        """Return one text or several."""
        items = node.items if isinstance(node, Sequence) else [node] if node is not None else []
        return tuple(self.reader.text(item) for item in items)

    def beside(self, node: Node) -> Beside:
        """Return the same case with other facts."""
        parts = self.reader.fields(node, ("mit", "vorschlag"), ("gruppe",))
        return Beside(
            self.facts(parts.get("mit")),
            self.reader.word(parts.get("vorschlag"), (SAME, OTHER), OTHER),
            self.reader.word(parts["gruppe"], (SAME_GROUP, OTHER_GROUP)) if "gruppe" in parts else "",
        )

    def texts(self, node: Node | None) -> dict[str, str] | None:
        """Return texts by name; None where nothing is said."""
        if node is None:
            return None
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, "here must stand texts by name; {} for none")
            return None
        return {name: self.reader.text(inner) for name, inner in node.entries.items()}

    def ends(self, node: Node | None) -> dict[str, date | None]:
        """Return ends by the name of the Frist, None where the author writes that it has no date."""
        if not isinstance(node, NodeMapping):
            return {**self.days(node)}
        dated = {name: inner for name, inner in node.entries.items() if not _says(inner, DATELESS)}
        found: dict[str, date | None] = dict.fromkeys(node.entries)
        return found | self.days(NodeMapping(node.line, node.column, dated, node.keys))

    def days(self, node: Node | None) -> dict[str, date]:
        if node is None:
            return {}
        if not isinstance(node, NodeMapping):
            self.reader.wrong(node, "here must stand dates by the name of the Frist")
            return {}
        return {name: self.reader.day(day) for name, day in node.entries.items()}


__all__ = ["DATELESS", "NOTHING", "Case", "case_files", "grounds", "natures_of", "read_cases", "run", "ways_of"]
