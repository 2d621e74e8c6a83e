"""Mutants: a Plan made wrong in one place, in every way in which an author could have got it wrong.

Every comparison, boundary, operator, Frist and parameter value is changed by the least step that means something else.
What the cases let live is a line of the rule that nobody tried. Left to others: killing (``survivors``).
Source: rules.md §§ 4, 10 (no. 21).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import DATELESS, Frist, FristTyp, Massgeblich, Rechnung
from proaktiv.core.nodes import Alle, Eine, Nicht, Node, Op, Operand, Vergleich, facts_of, parameters_of
from proaktiv.core.parameters import Parameter, Parameterwert, Value, Wert
from proaktiv.core.plans import Plan
from proaktiv.rulebook.explain import shown

A_DAY = timedelta(days=1)

WAYS = ("behoerde", "selbst", "hinweis")

_LONG_TABLE = 40
_A_DAY_LESS = ("rueck_monate", 0)
"""The day before; ``tage`` only goes forward."""

_OTHER_MONTH = {"lebensmonat": "monate", "monate": "lebensmonat"}
_OPPOSITE = {
    Op.MAXIMAL: Op.MINDESTENS,
    Op.MINDESTENS: Op.MAXIMAL,
    Op.WENIGER_ALS: Op.MEHR_ALS,
    Op.MEHR_ALS: Op.WENIGER_ALS,
    Op.BIS: Op.AB,
    Op.AB: Op.BIS,
}
_NEXT_TO = {
    Op.MAXIMAL: Op.WENIGER_ALS,
    Op.MINDESTENS: Op.MEHR_ALS,
    Op.WENIGER_ALS: Op.MAXIMAL,
    Op.MEHR_ALS: Op.MINDESTENS,
}
"""The same direction without or with the bound itself."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong Plan and what is wrong in it. ``part`` is where: a path into the file of the Leistung.

    ``line`` is 0 where the Plan does not know it: then ``part`` finds it in the file.
    """

    what: str
    plan: Plan
    part: tuple[str | int, ...] = ()
    line: int = 0
    column: int = 0


NATURE = frozenset({"felder", "versand", "fristart", "neben", "stelle", "betraege"})
"""What cases may say of an Auftrag itself: where one says it, no mistake in it may go unnoticed."""


def mutants(plan: Plan, stated: frozenset[str] = frozenset()) -> tuple[Mutant, ...]:
    """Return every mutant of ``plan``, each different from it and from every other.

    Of what an Auftrag is (``NATURE``) only those that the cases could notice: ``stated`` are the words that they use.
    """
    known = {plan.hash}
    found = []
    for mutant in _all(plan, stated):
        if mutant.plan.hash not in known:
            known.add(mutant.plan.hash)
            found.append(mutant)
    return tuple(found)


def _all(plan: Plan, stated: frozenset[str]) -> Iterator[Mutant]:
    for tree, what, at in _trees(plan.bedingung):
        yield Mutant(what, replace(plan, bedingung=tree), ("voraussetzungen",), at.line, at.column)
    if plan.indikator is not None and asks(plan):
        yield Mutant("indikator entfällt", replace(plan, indikator=None), ("indikator",))
        for tree, what, at in _trees(plan.indikator):
            yield Mutant(f"indikator: {what}", replace(plan, indikator=tree), ("indikator",), at.line, at.column)
    if plan.zweite_entfaellt is not None:
        alone = ("zweite_entfaellt",)
        yield Mutant("zweite_entfaellt entfällt", replace(plan, zweite_entfaellt=None), alone)
        for tree, what, at in _trees(plan.zweite_entfaellt):
            named = f"zweite_entfaellt: {what}"
            yield Mutant(named, replace(plan, zweite_entfaellt=tree), alone, at.line, at.column)
    yield from _times(plan)
    for number, frist in enumerate(plan.fristen):
        for other, what in _fristen(frist):
            fristen = (*plan.fristen[:number], *other, *plan.fristen[number + 1 :])
            yield Mutant(f"Frist {frist.name}: {what}", replace(plan, fristen=fristen), ("fristen", number))
    # Numbers that texts only show are tried where some case says what is shown.
    used = used_parameters(plan)
    for name in sorted(plan.parameter if "betraege" in stated else used):
        # A derived key day, like the first of a month, may never fall on the day beside.
        beside = name in used or plan.parameter[name].schluessel not in REGISTRY
        yield from _parameters(plan, plan.parameter[name], beside=beside)
    yield from _assumptions(plan)
    yield from _natures(plan, stated)
    for number, fassung in enumerate(plan.fassungen):
        for mutant in _all(fassung, stated):
            fassungen = (*plan.fassungen[:number], mutant.plan, *plan.fassungen[number + 1 :])
            part = mutant.part if mutant.part[:1] == ("parameter",) else ("fassungen", number, *mutant.part)
            what = f"Fassung ab {fassung.gilt.ab}: {mutant.what}"
            yield Mutant(what, replace(plan, fassungen=fassungen), part, mutant.line, mutant.column)


def _assumptions(plan: Plan) -> Iterator[Mutant]:
    for number, annahme in enumerate(plan.annahmen):
        rest = (*plan.annahmen[:number], *plan.annahmen[number + 1 :])
        named, part = f"annahme {annahme.das}", ("annahmen", number)
        yield Mutant(f"{named} entfällt", replace(plan, annahmen=rest), part)
        if annahme.wenn is None:
            continue
        for tree, what in (
            (None, "wenn entfällt"),
            *((tree, f"wenn: {what}") for tree, what, _ in _trees(annahme.wenn)),
        ):
            annahmen = (*plan.annahmen[:number], replace(annahme, wenn=tree), *plan.annahmen[number + 1 :])
            yield Mutant(f"{named}: {what}", replace(plan, annahmen=annahmen), part)


def _natures(plan: Plan, stated: frozenset[str]) -> Iterator[Mutant]:
    """Yield what is wrong in the Auftrag itself: what makes it the same one, its fields, its way, its Fristen."""
    if "neben" in stated:
        for name in plan.schluessel:
            rest = tuple(each for each in plan.schluessel if each != name)
            yield Mutant(f"schluessel: {name} entfällt", replace(plan, schluessel=rest), ("vorschlag", "schluessel"))
        for name in plan.gruppe:
            rest = tuple(each for each in plan.gruppe if each != name)
            yield Mutant(f"gruppe: {name} entfällt", replace(plan, gruppe=rest), ("vorschlag", "gruppe"))
    if "felder" in stated:
        yield from _fields(plan)
    if "versand" in stated:
        for level, way in plan.ways().items():
            for other in WAYS:
                if other != way:
                    yield Mutant(f"versand V{level}: {way} → {other}", _sent(plan, level, other), ("versand",))
    if "fristart" in stated:
        yield from _frist_natures(plan)
    if "stelle" in stated and plan.stelle_art:
        yield from _offices(plan)


def _fields(plan: Plan) -> Iterator[Mutant]:
    for number, item in enumerate(plan.vorbelegung):
        others = (*plan.vorbelegung[:number], *plan.vorbelegung[number + 1 :])
        part = ("vorbelegung", number)
        yield Mutant(f"Feld {item.ziel} entfällt", replace(plan, vorbelegung=others), part)
        wrong = next((each for each in others if each.typ == item.typ and each.aus != item.aus), None)
        if wrong is not None:
            swapped = replace(item, aus=wrong.aus)
            fields = (*plan.vorbelegung[:number], swapped, *plan.vorbelegung[number + 1 :])
            what = f"Feld {item.ziel}: {item.aus} → {wrong.aus}"
            yield Mutant(what, replace(plan, vorbelegung=fields), part)


def _offices(plan: Plan) -> Iterator[Mutant]:
    yield Mutant(f"stelle: {plan.stelle_art} → eine andere Art", _at(plan, art="andere"), ("stelle", "art"))
    areas = sorted(name for name in plan.benoetigt if name.endswith(("_ars", ".ars")) and name != plan.stelle_nach)
    for other in areas or [""]:
        what = f"stelle: nach {plan.stelle_nach} → {other or 'nichts'}"
        yield Mutant(what, _at(plan, nach=other), ("stelle", "nach"))


def _at(plan: Plan, art: str = "", nach: str | None = None) -> Plan:
    return replace(plan, stelle_art=art or plan.stelle_art, stelle_nach=plan.stelle_nach if nach is None else nach)


def _sent(plan: Plan, level: int, way: str) -> Plan:
    if level == plan.min_vertrauen:
        return replace(plan, versand=way)
    return replace(plan, versand_ab={**plan.versand_ab, level: way})


def _frist_natures(plan: Plan) -> Iterator[Mutant]:
    for number, frist in enumerate(plan.fristen):
        dateless = frist.typ in DATELESS
        others = [replace(frist, typ=typ) for typ in FristTyp if (typ in DATELESS) == dateless and typ is not frist.typ]
        others += [replace(frist, massgeblich=each) for each in Massgeblich if each is not frist.massgeblich]
        for other in others:
            what = f"typ {other.typ.value}" if other.typ is not frist.typ else f"massgeblich {other.massgeblich.value}"
            fristen = (*plan.fristen[:number], other, *plan.fristen[number + 1 :])
            yield Mutant(f"Frist {frist.name}: {what}", replace(plan, fristen=fristen), ("fristen", number))


def asks(plan: Plan) -> bool:
    """Return whether a condition may wait for the person's answer: else nothing ever reads the ``indikator``."""
    return bool({frage.name for frage in plan.fragen} & facts_of(plan.bedingung, plan.parameter))


def used_parameters(plan: Plan) -> frozenset[str]:
    """Return the parameters by which the Plan decides something, not those that its texts only show."""
    used = [parameters_of(tree) for tree in plan.trees()]
    used += [frist.ende.parameters() for frist in plan.fristen if frist.ende is not None]
    return frozenset().union(*used)


# conditions ----------------------------------------------------------------------------------------------------------

_Variant = tuple[Node, str, Node]
"""A whole tree made wrong, what is wrong in it, and the node where."""


def _trees(node: Node) -> Iterator[_Variant]:
    if isinstance(node, Vergleich):
        yield from ((other, what, node) for other, what in _comparisons(node))
        return
    if isinstance(node, Nicht):
        yield node.teil, "nicht entfällt", node
        for tree, what, at in _trees(node.teil):
            yield replace(node, teil=tree), what, at
        return
    parts = node.teile
    if len(parts) > 1:
        swapped, word = (Eine, "eine") if isinstance(node, Alle) else (Alle, "alle")
        yield swapped(parts, node.line, node.column), f"{'alle' if word == 'eine' else 'eine'} → {word}", node
        for number, part in enumerate(parts):
            yield replace(node, teile=(*parts[:number], *parts[number + 1 :])), f"{_text(part)} entfällt", part
    for number, part in enumerate(parts):
        for tree, what, at in _trees(part):
            yield replace(node, teile=(*parts[:number], tree, *parts[number + 1 :])), what, at


def _comparisons(leaf: Vergleich) -> Iterator[tuple[Node, str]]:
    text = _text(leaf)
    yield Nicht(leaf, leaf.line, leaf.column), f"{text} → nicht"
    for operand in _operands(leaf):
        op = Op.EINER_VON if isinstance(operand, tuple) else Op.IST if leaf.op is Op.EINER_VON else leaf.op
        yield replace(leaf, op=op, wert=operand), f"{text} → {op.value} {shown(operand, leaf.typ)}"
    for table in (_OPPOSITE, _NEXT_TO):
        if leaf.op in table:
            op = table[leaf.op]
            yield replace(leaf, op=op), f"{text} → {op.value}"


def _operands(leaf: Vergleich) -> Iterator[Operand]:
    wert = leaf.wert
    if isinstance(wert, Parameterwert):
        return
    if isinstance(wert, Rechnung):
        yield from _reckonings(wert)
    elif isinstance(wert, tuple):
        for word in wert:
            rest = tuple(each for each in wert if each != word)
            yield rest if len(rest) > 1 else rest[0]
        yield from ((*wert, word) for word in leaf.codes if word not in wert)
    elif leaf.codes and isinstance(wert, str):
        yield from ((wert, word) for word in leaf.codes if word != wert)
    elif not isinstance(wert, bool):
        yield from (value for value in _values(wert) if isinstance(value, str | int | date))


def _values(value: Value) -> Iterator[Value]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value - 1, value + 1)
    elif isinstance(value, date):
        yield from (value - A_DAY, value + A_DAY)
    else:
        yield f"{value}x"


def _reckonings(rechnung: Rechnung) -> Iterator[Rechnung]:
    steps = rechnung.schritte
    for number, (step, n) in enumerate(steps):
        others: list[tuple[str, int | Parameterwert]] = []
        if isinstance(n, int):
            others += [(step, other) for other in (n - 1, n + 1) if other >= 0]
        if step in _OTHER_MONTH:
            others.append((_OTHER_MONTH[step], n))
        for other in others:
            yield replace(rechnung, schritte=(*steps[:number], other, *steps[number + 1 :]))
    yield replace(rechnung, schritte=(*steps, ("tage", 1)))
    yield replace(rechnung, schritte=(*steps, _A_DAY_LESS))


def _text(node: Node) -> str:
    if isinstance(node, Vergleich):
        return f"{node.das} {node.op.value} {shown(node.wert, node.typ)}"
    if isinstance(node, Nicht):
        return f"nicht ({_text(node.teil)})"
    return f"{'alle' if isinstance(node, Alle) else 'eine'} von {len(node.teile)}"


# times, Fristen, parameters ------------------------------------------------------------------------------------------


def _times(plan: Plan) -> Iterator[Mutant]:
    gilt = plan.gilt
    for day in (gilt.ab - A_DAY, gilt.ab + A_DAY):
        yield Mutant(f"gilt ab {gilt.ab} → {day}", replace(plan, gilt=replace(gilt, ab=day)), ("gilt", "ab"))
    if gilt.bis is not None:
        for end in (gilt.bis - A_DAY, gilt.bis + A_DAY, None):
            what = f"gilt bis {gilt.bis} → {end or 'entfällt'}"
            yield Mutant(what, replace(plan, gilt=replace(gilt, bis=end)), ("gilt", "bis"))


def _fristen(frist: Frist) -> Iterator[tuple[tuple[Frist, ...], str]]:
    yield (), "entfällt"
    if frist.ende is None or frist.typ in DATELESS:
        return
    for ende in _reckonings(frist.ende):
        yield (replace(frist, ende=ende),), f"{frist.ende} → {ende}"
    if frist.verschiebung:
        yield (replace(frist, verschiebung=""),), "verschiebung entfällt"
    else:
        yield (replace(frist, verschiebung="§ 193 BGB"),), "mit verschiebung"


def _parameters(plan: Plan, parameter: Parameter, *, beside: bool) -> Iterator[Mutant]:
    """Yield the parameter's mutants; of a long table by Gemeinde those of its first: every other is a row like it."""
    tables = dict(parameter.orte) if parameter.je_ort else {"": parameter.werte}
    if sum(len(werte) for werte in tables.values()) > _LONG_TABLE:
        tables = dict([next(iter(tables.items()))])
    for where, werte in tables.items():
        for number, what, changed in _series(werte, _window(plan, parameter), parameter.typ, beside=beside):
            if where:
                other = replace(parameter, orte={**parameter.orte, where: changed})
            else:
                other = replace(parameter, werte=changed)
            table: Mapping[str, Parameter] = {**plan.parameter, parameter.name: other}
            named = f"parameter {parameter.name}{f' in {where}' if where else ''}: {what}"
            yield Mutant(named, replace(plan, parameter=table), ("parameter", parameter.name, number))


def _window(plan: Plan, parameter: Parameter) -> tuple[date, date]:
    """Return the first and last key date that the rule can meet: outside it says gilt_nicht whatever the value."""
    if parameter.schluessel != plan.gilt.schluessel:
        return date.min, date.max
    later = [fassung.gilt.ab - A_DAY for fassung in plan.fassungen]
    return plan.gilt.ab, min([*later, plan.gilt.bis or date.max])


def _series(
    werte: tuple[Wert, ...], window: tuple[date, date], typ: str, *, beside: bool
) -> Iterator[tuple[int, str, tuple[Wert, ...]]]:
    first, last = window
    ends = [later.ab - A_DAY for _, later in pairwise(werte)] + [date.max]
    for number, (wert, end) in enumerate(zip(werte, ends, strict=True)):
        if end < first or wert.ab > last:
            continue
        before, after = werte[:number], werte[number + 1 :]
        for what, other in _werte(wert, typ):
            yield number, f"ab {wert.ab}: {what}", (*before, other, *after)
        if wert.ab > first:
            earlier = replace(wert, ab=wert.ab - A_DAY)
            if beside:
                yield number, f"ab {wert.ab} → {earlier.ab}", (*before, earlier, *after)
            yield number, f"ab {wert.ab} entfällt", (*before, *after)
        if wert.ab >= first and beside:
            later = replace(wert, ab=wert.ab + A_DAY)
            yield number, f"ab {wert.ab} → {later.ab}", (*before, later, *after)


def _werte(wert: Wert, typ: str) -> Iterator[tuple[str, Wert]]:
    for word, value in wert.wahl.items():
        for other in _values(value):
            yield f"{word}: {shown(value, typ)} → {shown(other, typ)}", replace(wert, wahl={**wert.wahl, word: other})
    if wert.wert is not None:
        for other in _values(wert.wert):
            yield f"{shown(wert.wert, typ)} → {shown(other, typ)}", replace(wert, wert=other)
