"""Runs the example cases that rule authors write beside their rules: ``faelle/*.yaml``.

One base person, each case states only the difference and what it expects. Left to others: whole journeys over months
(``journeys``). Source: rules.md § 4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from proaktiv.core.conditions import Explained
from proaktiv.core.fristen import Value
from proaktiv.core.lebenslagen import Lebenslage, Plan
from proaktiv.core.matching import Decision, decide
from proaktiv.core.plans import ART
from proaktiv.core.proposals import filled
from proaktiv.rulebook.catalogue import UNKNOWN, Catalogue, find_fact, read_value
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, load
from proaktiv.rulebook.reading import FAR_AWAY, Reader

RESULTS = ("ja", "nein", "offen", "gilt_nicht")

NOTHING = "nichts"
OUTCOMES = (*ART, "frage", NOTHING)
"""What may become of a Leistung, as a case says it."""

SAME, OTHER = "derselbe", "anderer"
SAME_GROUP, OTHER_GROUP = "dieselbe", "andere"
"""Whether other facts make the same proposal, and the same group."""

DATELESS = "ohne_datum"
"""What a case writes for a Frist that is there and has no date."""


@dataclass(frozen=True, slots=True)
class Beside:
    """The same case with some other facts: whether that is the same proposal, and (where said) the same group."""

    mit: Mapping[str, Value | None] = field(hash=False)
    vorschlag: str
    gruppe: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One example: facts, the day, and what must come out. None means that the case does not say.

    ``mit`` is what the author wrote beside the base person. A Frist is None where it must be there without a date.
    ``ergibt`` is what comes of it (``OUTCOMES``), ``erklaert`` what the person declares in the Auftrag. ``felder`` are
    all its fields as they stand there, ``versand`` how it goes by trust level, ``fristart`` typ and massgeblich of each
    Frist, ``neben`` which other facts make another proposal.
    """

    name: str
    file: str
    line: int
    column: int
    plan: Plan
    facts: Mapping[str, Value] = field(hash=False)
    today: date
    erwartet: str
    fehlt: tuple[str, ...] | None = None
    fragt: tuple[str, ...] | None = None
    unterzeichner: tuple[str, ...] = ()
    braucht: Mapping[str, tuple[str, ...]] | None = field(default=None, hash=False)
    gefragt: frozenset[str] = frozenset()
    fristen: Mapping[str, date | None] = field(default_factory=dict, hash=False)
    sicher_bis: Mapping[str, date] = field(default_factory=dict, hash=False)
    wegen: str = ""
    ergibt: str | None = None
    naechster_wechsel: date | None = None
    erklaert: tuple[str, ...] | None = None
    felder: Mapping[str, str] | None = field(default=None, hash=False)
    versand: Mapping[str, str] | None = field(default=None, hash=False)
    fristart: Mapping[str, tuple[str, ...]] | None = field(default=None, hash=False)
    neben: tuple[Beside, ...] = ()
    mit: Mapping[str, Value | None] = field(default_factory=dict, hash=False)

    @property
    def title(self) -> str:
        """Return the case's name with Lebenslage and Leistung, by which ``rules explain`` finds it."""
        return f"{self.plan.lebenslage}/{self.plan.leistung}/{self.name}"

    def decide(self) -> Decision:
        """Return what the rules say of this case."""
        return decide(self.plan, self.facts, self.today, self.gefragt)


def read_cases(folder: Path, lebenslage: Lebenslage, catalogue: Catalogue) -> tuple[list[Case], list[Problem]]:
    """Return all cases of a Lebenslage's folder, and what is wrong in their files."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in sorted((folder / "faelle").glob("*.yaml")):
        shown = f"{folder.name}/faelle/{path.name}"
        reader = Reader(shown)
        try:
            node = load(path, shown)
            if not (isinstance(node, NodeMapping) and "fall" in node.entries):  # that is a journey
                cases += _Cases(reader, lebenslage, catalogue).read(node)
        except RuleFileError as error:
            problems.append(error.problem)
        problems += reader.problems
    return cases, problems


def run(case: Case) -> tuple[str, ...]:
    """Return what differs from what the case expects; nothing means that it holds."""
    decision = case.decide()
    wrong = [*_outcome(case, decision), *_fristen(case, decision), *_auftrag(case, decision)]
    if case.naechster_wechsel is not None and decision.next_change_on != case.naechster_wechsel:
        wrong.append(f"nächster Wechsel: erwartet {case.naechster_wechsel}, ist {decision.next_change_on}")
    tree = decision.explanation() if case.wegen else None
    if case.wegen and (tree is None or case.wegen not in {ground.norm for ground in grounds(tree)}):
        wrong.append(f"wegen {case.wegen}: diese Norm gab nicht den Ausschlag")
    return tuple(wrong)


def _outcome(case: Case, decision: Decision) -> Iterator[str]:
    if decision.result != case.erwartet:
        yield f"erwartet {case.erwartet}, ist {decision.result}"
    if case.ergibt is not None and (decision.outcome or NOTHING) != case.ergibt:
        yield f"ergibt: erwartet {case.ergibt}, ist {decision.outcome or NOTHING}"
    if case.erklaert is not None and set(decision.angenommen) != set(case.erklaert):
        yield f"erklaert: erwartet {_list(case.erklaert)}, ist {_list(decision.angenommen)}"
    if case.fehlt is not None and set(decision.missing) != set(case.fehlt):
        yield f"fehlt: erwartet {_list(case.fehlt)}, ist {_list(decision.missing)}"
    if case.fragt is not None and decision.fragen != case.fragt:
        yield f"fragt: erwartet {_list(case.fragt)}, ist {_list(decision.fragen)}"
    if case.unterzeichner and (signers := case.plan.signers(case.facts)) != case.unterzeichner:
        yield f"unterzeichner: erwartet {_list(case.unterzeichner)}, ist {_list(signers)}"
    if case.braucht is not None and _sets(decision.needs) != _sets(case.braucht):
        yield f"braucht: erwartet {dict(case.braucht)}, ist {dict(decision.needs)}"


def _fristen(case: Case, decision: Decision) -> Iterator[str]:
    clocks = {clock.name: clock for clock in decision.clocks}
    for name, end in case.fristen.items():
        said = (clocks[name].gesetzlich or DATELESS) if name in clocks else "nicht da"
        if said != (end or DATELESS):
            yield f"Frist {name}: erwartet {end or DATELESS}, ist {said}"
    for name, day in case.sicher_bis.items():
        if (got := clocks[name].sicher_bis if name in clocks else None) != day:
            yield f"Frist {name} sicher bis: erwartet {day}, ist {got}"


def _auftrag(case: Case, decision: Decision) -> Iterator[str]:
    """Yield what differs in the Auftrag itself: its fields, its way, its Fristen's nature, what makes it the same."""
    plan = decision.plan or case.plan
    for word, expected, got in (
        ("felder", case.felder, filled(plan, case.facts)),
        ("versand", case.versand, ways_of(plan)),
        ("fristart", case.fristart, natures_of(decision)),
    ):
        if expected is not None and dict(expected) != dict(got):
            yield f"{word}: erwartet {dict(expected)}, ist {dict(got)}"
    for each in case.neben:
        other = {name: value for name, value in {**case.facts, **each.mit}.items() if value is not None}
        vorschlag = SAME if _same(plan.schluessel, case.facts, other) else OTHER
        gruppe = SAME_GROUP if plan.gruppe and _same(plan.gruppe, case.facts, other) else OTHER_GROUP
        if each.vorschlag != vorschlag:
            yield f"neben {dict(each.mit)}: erwartet {each.vorschlag} Vorschlag, ist {vorschlag}"
        if each.gruppe not in ("", gruppe):
            yield f"neben {dict(each.mit)}: erwartet {each.gruppe} Gruppe, ist {gruppe}"


def _same(names: tuple[str, ...], one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    return all(name in one and one[name] == other.get(name) for name in names)


def ways_of(plan: Plan) -> dict[str, str]:
    """Return how an Auftrag goes, by the trust level from which that holds."""
    return {f"V{level}": way for level, way in plan.ways().items()}


def natures_of(decision: Decision) -> dict[str, tuple[str, ...]]:
    """Return typ and massgeblich of each Frist."""
    return {clock.name: (clock.typ.value, clock.massgeblich.value) for clock in decision.clocks}


def grounds(tree: Explained) -> tuple[Explained, ...]:
    """Return the comparisons for which a tree says what it says: changing any other fact does not turn it.

    Of ``alle`` that says nein the parts that do, of ``eine`` every part; under ``nicht`` a comparison that holds.
    """
    if not tree.teile:
        return (tree,)
    decided = [part for part in tree.teile if part.ergebnis is tree.ergebnis] if tree.art != "nicht" else tree.teile
    return tuple(ground for part in decided for ground in grounds(part))


def _sets(names: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    return {register: frozenset(found) for register, found in names.items()}


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nichts"


def _says(node: Node, word: str) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text == word


class _Cases:
    def __init__(self, reader: Reader, lebenslage: Lebenslage, catalogue: Catalogue) -> None:
        self.reader = reader
        self.lebenslage = lebenslage
        self.catalogue = catalogue

    def read(self, node: Node) -> list[Case]:
        parts = self.reader.fields(node, ("leistung", "grundlage", "faelle"), ("gleichwertig",))
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
                *("felder", "versand", "fristart", "neben"),
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
