"""Conditions: a tree of ``alle`` / ``eine`` / ``nicht`` over single comparisons, three-valued after Kleene.

A missing fact makes a comparison ``offen``, never nein: so a decided result cannot change when more becomes known,
which is what makes withdrawing consent harmless. That holds only because **no operator asks whether a fact is
known**; none may ever be added.
Two evaluations, checked against each other: ``compile_node`` for speed, ``interpret`` for the explanation.
Left to others: what a tree is (``core.nodes``), reading YAML (``rulebook``), when a Plan applies (``core.matching``).
Source: rules.md § 5.1.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

from proaktiv.core.fristen import Rechnung, Value
from proaktiv.core.nodes import (
    DATES,
    NUMBERS,
    Alle,
    Eine,
    Nicht,
    Node,
    Op,
    Operand,
    Vergleich,
    facts_of,
    from_json,
    leaves,
    parameters_of,
    to_json,
)
from proaktiv.core.parameters import NO_PARAMETERS, Parameterwert, Stand, Table

Facts = Mapping[str, Value]


class Ergebnis(StrEnum):
    """Yes, no, or not decided by what is known."""

    JA = "ja"
    NEIN = "nein"
    OFFEN = "offen"


_NUMBERS, _DATES = tuple(NUMBERS), tuple(DATES)
JA, NEIN, OFFEN = Ergebnis.JA, Ergebnis.NEIN, Ergebnis.OFFEN
Check = Callable[[Facts], Ergebnis]


class Explained(NamedTuple):
    """What one node said, why, and where it is written. ``wert`` is None where the fact is unknown.

    ``stand`` is there where it was compared with a parameter: which value, from when, by which key date.
    """

    ergebnis: Ergebnis
    art: str
    line: int
    das: str = ""
    wert: Value | None = None
    gegen: Operand | None = None
    norm: str = ""
    teile: tuple["Explained", ...] = ()
    typ: str = ""
    stand: Stand | None = None


# fast ----------------------------------------------------------------------------------------------------------------


def compile_node(node: Node, parameter: Table = NO_PARAMETERS) -> Check:
    """Return a function that decides ``node`` for given facts, as fast as Python allows (a few microseconds).

    ``parameter`` are those that the tree names. Raises ``KeyError`` where one is not there.
    """
    if isinstance(node, Vergleich):
        return _comparison(node, parameter)
    if isinstance(node, Nicht):
        return _negation(compile_node(node.teil, parameter))
    checks = tuple(compile_node(part, parameter) for part in node.teile)
    return _junction(checks, NEIN, JA) if isinstance(node, Alle) else _junction(checks, JA, NEIN)


def _junction(checks: tuple[Check, ...], decisive: Ergebnis, otherwise: Ergebnis) -> Check:
    def check(facts: Facts) -> Ergebnis:
        result = otherwise
        for one in checks:
            answer = one(facts)
            if answer is decisive:
                return decisive
            if answer is OFFEN:
                result = OFFEN
        return result

    return check


def _negation(inner: Check) -> Check:
    opposite = {JA: NEIN, NEIN: JA, OFFEN: OFFEN}
    return lambda facts: opposite[inner(facts)]


def _comparison(node: Vergleich, parameter: Table) -> Check:
    das, wert = node.das, node.wert
    if isinstance(wert, Parameterwert):
        return _looked_up(node, parameter[wert.name].value)
    if node.op is Op.IST:
        return _equal(das, wert, frozenset(node.codes))
    if node.op is Op.EINER_VON:
        assert isinstance(wert, tuple)  # noqa: S101 - the builder admits nothing else
        return _member(das, frozenset(wert), frozenset(node.codes))
    if node.op in NUMBERS:
        return _number(das, node.op, wert)
    return _day(das, node.op, wert, parameter)


_COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.IST: operator.eq,
    Op.MAXIMAL: operator.le,
    Op.BIS: operator.le,
    Op.MINDESTENS: operator.ge,
    Op.AB: operator.ge,
    Op.WENIGER_ALS: operator.lt,
    Op.MEHR_ALS: operator.gt,
}


def _looked_up(node: Vergleich, value_of: Callable[[Facts], Value | None]) -> Check:
    das, holds, codes = node.das, _COMPARE[node.op], frozenset(node.codes)
    kind = int if node.op in NUMBERS else date if node.op in DATES else None

    def check(facts: Facts) -> Ergebnis:
        value, limit = facts.get(das), value_of(facts)
        # The exact type, as everywhere: 1 == True in Python.
        if value is None or type(value) is not (kind or type(limit)) or type(limit) is not type(value):
            return OFFEN
        if codes and value not in codes:
            return OFFEN
        return JA if holds(value, limit) else NEIN

    return check


def _equal(das: str, wert: Operand, codes: frozenset[str]) -> Check:
    kind = type(wert)

    def check(facts: Facts) -> Ergebnis:
        value = facts.get(das)
        # The exact type: 1 == True in Python, and a number is no answer to a yes-or-no question.
        if type(value) is not kind or (codes and value not in codes):
            return OFFEN
        return JA if value == wert else NEIN

    return check


def _member(das: str, wanted: frozenset[str], codes: frozenset[str]) -> Check:
    def check(facts: Facts) -> Ergebnis:
        value = facts.get(das)
        if type(value) is not str or (codes and value not in codes):
            return OFFEN
        return JA if value in wanted else NEIN

    return check


def _number(das: str, op: Op, wert: Operand) -> Check:
    assert type(wert) is int  # noqa: S101 - the builder admits nothing else
    low = -float("inf") if op in {Op.MAXIMAL, Op.WENIGER_ALS} else wert + (op is Op.MEHR_ALS)
    high = float("inf") if op in {Op.MINDESTENS, Op.MEHR_ALS} else wert - (op is Op.WENIGER_ALS)

    def check(facts: Facts) -> Ergebnis:
        value = facts.get(das)
        if type(value) is not int:
            return OFFEN
        return JA if low <= value <= high else NEIN

    return check


def _day(das: str, op: Op, wert: Operand, parameter: Table) -> Check:
    reckon = wert.on if isinstance(wert, Rechnung) else None
    until = op is Op.BIS

    def check(facts: Facts) -> Ergebnis:
        value = facts.get(das)
        limit = reckon(facts, parameter) if reckon else wert
        if type(value) is not date or type(limit) is not date:
            return OFFEN
        return JA if (value <= limit if until else value >= limit) else NEIN

    return check


# slow, with reasons --------------------------------------------------------------------------------------------------


def interpret(node: Node, facts: Facts, parameter: Table = NO_PARAMETERS) -> Explained:
    """Return the decision of every node with value, norm and line. Independent of ``compile_node``."""
    if isinstance(node, Vergleich):
        return _explain_comparison(node, facts, parameter)
    if isinstance(node, Nicht):
        inner = interpret(node.teil, facts, parameter)
        flipped = {"ja": NEIN, "nein": JA}.get(inner.ergebnis.value, OFFEN)
        return Explained(flipped, "nicht", node.line, teile=(inner,))
    parts = tuple([interpret(part, facts, parameter) for part in node.teile])
    answers = [part.ergebnis for part in parts]
    if isinstance(node, Alle):
        result = NEIN if NEIN in answers else OFFEN if OFFEN in answers else JA
        return Explained(result, "alle", node.line, teile=parts)
    result = JA if JA in answers else OFFEN if OFFEN in answers else NEIN
    return Explained(result, "eine", node.line, teile=parts)


def _explain_comparison(node: Vergleich, facts: Facts, parameter: Table) -> Explained:
    value, wert, op = facts.get(node.das), node.wert, node.op
    stand = None
    against: Operand | None
    if isinstance(wert, Rechnung):
        against = wert.on(facts, parameter)
    elif isinstance(wert, Parameterwert):
        stand = parameter[wert.name].stand(facts)
        against = stand.wert
    else:
        against = wert
    result = OFFEN
    if value is not None and against is not None and _comparable(node, value, against):
        result = JA if _holds(op, value, against) else NEIN
    shown = wert if against is None else against
    return Explained(result, str(op), node.line, node.das, value, shown, node.norm, (), node.typ, stand)


def limit(node: Vergleich, facts: Facts, parameter: Table = NO_PARAMETERS) -> Value | tuple[str, ...] | None:
    """Return what a fact is compared with for these facts, or None where that is unknown."""
    if isinstance(node.wert, Rechnung):
        return node.wert.on(facts, parameter)
    if isinstance(node.wert, Parameterwert):
        return parameter[node.wert.name].stand(facts).wert
    return node.wert


def _comparable(node: Vergleich, value: Value, against: Operand) -> bool:
    if node.codes and value not in node.codes:
        return False
    # Tuples: a set would ask each Op for its hash, which Enum computes in Python.
    if node.op in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if node.op in _DATES:
        return isinstance(value, date)
    if node.op is Op.EINER_VON:
        return isinstance(value, str)
    if isinstance(against, Parameterwert | Rechnung):
        return True
    return isinstance(value, bool) == isinstance(against, bool) and isinstance(value, type(against))


def _holds(op: Op, value: Any, against: Any) -> bool:
    if op is Op.IST:
        return bool(value == against)
    if op is Op.EINER_VON:
        return value in against
    if op is Op.MAXIMAL or op is Op.BIS:
        return bool(value <= against)
    if op is Op.MINDESTENS or op is Op.AB:
        return bool(value >= against)
    return bool(value < against) if op is Op.WENIGER_ALS else bool(value > against)


# what is missing -----------------------------------------------------------------------------------------------------


def missing(node: Node, facts: Facts, parameter: Table = NO_PARAMETERS) -> tuple[str, ...]:
    """Return the facts that can still decide an open node, each once, in the order written.

    Empty where the node is decided: what no longer matters is not asked for (data minimisation). Of a parameter that
    has no value for these facts, its key facts.
    """
    found: dict[str, None] = {}
    _missing(node, interpret(node, facts, parameter), facts, parameter, found)
    return tuple(found)


def _missing(node: Node, said: Explained, facts: Facts, parameter: Table, found: dict[str, None]) -> None:
    if said.ergebnis is not OFFEN:
        return
    if isinstance(node, Vergleich):
        value, against = facts.get(node.das), limit(node, facts, parameter)
        if value is None or not _comparable(node, value, node.wert if against is None else against):
            found[node.das] = None
        if against is None:
            found.update(dict.fromkeys(_lacking(node.wert, facts, parameter)))
        return
    parts = (node.teil,) if isinstance(node, Nicht) else node.teile
    for part, answer in zip(parts, said.teile, strict=True):
        _missing(part, answer, facts, parameter, found)


def _lacking(operand: Operand, facts: Facts, parameter: Table) -> tuple[str, ...]:
    """Return what an operand that is unknown would need."""
    if isinstance(operand, Parameterwert):
        return parameter[operand.name].stand(facts).fehlt
    if isinstance(operand, Rechnung):
        stands = [parameter[name].stand(facts) for name in sorted(operand.parameters())]
        lacking = [name for stand in stands for name in stand.fehlt]
        return (operand.von,) if operand.von not in facts or not lacking else tuple(lacking)
    return ()


__all__ = [
    "DATES",
    "JA",
    "NEIN",
    "NUMBERS",
    "OFFEN",
    "Alle",
    "Check",
    "Eine",
    "Ergebnis",
    "Explained",
    "Facts",
    "Nicht",
    "Node",
    "Op",
    "Operand",
    "Vergleich",
    "compile_node",
    "facts_of",
    "from_json",
    "interpret",
    "leaves",
    "limit",
    "missing",
    "parameters_of",
    "to_json",
]
