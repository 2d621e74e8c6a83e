"""One example of a single Leistung: facts, a day, what must come out, and whether it does.

Each states only what it is about; where it states a thing, it states all of it. Left to others: reading them from
files (``cases``), whole journeys over months (``journeys``). Source: rules.md § 4; rules/README.md, chapter „Fälle“.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from proaktiv.core.binding import Fact
from proaktiv.core.competence import Competences, competent
from proaktiv.core.conditions import Explained
from proaktiv.core.errors import NotFound
from proaktiv.core.fristen import Value
from proaktiv.core.lebenslagen import Plan, Texte
from proaktiv.core.matching import Decision, decide
from proaktiv.core.plans import ART
from proaktiv.core.proposals import filled, words
from proaktiv.core.texts import TextError
from proaktiv.rulebook.said import amounts_in, has_amount

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
    Frist, ``neben`` which other facts make another proposal. ``stelle`` is the kind of office and the area by which it
    is found, ``behoerde`` the one that is competent there by ``competences``. ``betraege`` are all amounts that it
    shows, ``text`` and ``text_nicht`` what its sentences (``texte``) say and do not say.
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
    stelle: tuple[str, str] | None = None
    behoerde: str | None = None
    betraege: tuple[str, ...] | None = None
    text: tuple[str, ...] = ()
    text_nicht: tuple[str, ...] = ()
    texte: Texte = field(default_factory=lambda: Texte({}), hash=False)
    competences: Competences = field(default_factory=dict, hash=False)
    mit: Mapping[str, Value | None] = field(default_factory=dict, hash=False)

    @property
    def title(self) -> str:
        """Return the case's name with Lebenslage and Leistung, by which ``rules explain`` finds it."""
        return f"{self.plan.lebenslage}/{self.plan.leistung}/{self.name}"

    def decide(self) -> Decision:
        """Return what the rules say of this case."""
        return decide(self.plan, self.facts, self.today, self.gefragt)


def run(case: Case) -> tuple[str, ...]:
    """Return what differs from what the case expects; nothing means that it holds."""
    decision = case.decide()
    wrong = [*_outcome(case, decision), *_fristen(case, decision), *_auftrag(case, decision)]
    wrong += [*_office(case, decision), *_sentences(case, decision)]
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


def _office(case: Case, decision: Decision) -> Iterator[str]:
    if case.stelle is not None:
        art, area = office_of(decision, case)
        expected = (case.stelle[0], case.stelle[1] or area)
        if expected != (art, area):
            yield f"stelle: erwartet {_place(*expected)}, ist {_place(art, area)}"
    if case.behoerde is not None and (got := competent_for(decision, case)) != case.behoerde:
        yield f"behoerde: erwartet {case.behoerde or NOTHING}, ist {got or NOTHING}"


def office_of(decision: Decision, case: Case) -> tuple[str, str]:
    """Return the kind of office that this goes to and the ARS by which it is found; empty where it goes nowhere."""
    plan = decision.plan or case.plan
    area = case.facts.get(plan.stelle_nach)
    return (plan.stelle_art, str(area or "")) if decision.outcome else ("", "")


def competent_for(decision: Decision, case: Case) -> str:
    """Return the Behörde that this goes to, by the table of the case; empty where there is none."""
    art, area = office_of(decision, case)
    return competent(case.competences, art, area) or "" if area else ""


def _place(art: str, area: str) -> str:
    return f"{art} {area}".strip() or NOTHING


def _sentences(case: Case, decision: Decision) -> Iterator[str]:
    if case.betraege is None and not case.text and not case.text_nicht:
        return
    said = said_of(decision, case)
    if case.betraege is not None:
        got = amounts_in(said)
        lacking = any(not has_amount(said, amount) for amount in case.betraege)
        if lacking or any(not any(has_amount(each, amount) for amount in case.betraege) for each in got):
            yield f"betraege: erwartet {_list(case.betraege)}, ist {_list(got)}"
    yield from (f"text: {each}: steht nicht da" for each in case.text if each not in said)
    yield from (f"text_nicht: {each}: steht da" for each in case.text_nicht if each in said)


def said_of(decision: Decision, case: Case) -> str:
    """Return title and reason as the person reads them, German first; nothing where nothing is proposed."""
    if not decision.outcome:
        return ""
    facts = {name: Fact(value, case.today) for name, value in case.facts.items()}
    try:
        return "\n".join(words(decision.plan or case.plan, case.texte, facts, decision).values())
    except (TextError, NotFound):
        return ""


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
