"""Conditions: a tree of ``alle`` / ``eine`` / ``nicht`` over single comparisons, three-valued after Kleene.

A missing fact makes a comparison ``offen``, never nein: so a decided result cannot change when more becomes known,
which is what makes withdrawing consent harmless. That holds only because **no operator asks whether a fact is
known**; none may ever be added.
Two evaluations, checked against each other: ``compile_node`` for speed, ``interpret`` for the explanation.
Left to others: reading YAML and checking names (``rulebook``), when a Plan applies (``core.matching``).
Source: rules.md § 5.1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from proaktiv.core.fristen import Rechnung, Value

Facts = Mapping[str, Value]


class Ergebnis(StrEnum):
    """Yes, no, or not decided by what is known."""

    JA = "ja"
    NEIN = "nein"
    OFFEN = "offen"


class Op(StrEnum):
    """The words a rule author may compare with."""

    IST = "ist"
    EINER_VON = "einer_von"
    MAXIMAL = "maximal"
    MINDESTENS = "mindestens"
    WENIGER_ALS = "weniger_als"
    MEHR_ALS = "mehr_als"
    BIS = "bis"
    AB = "ab"


JA, NEIN, OFFEN = Ergebnis.JA, Ergebnis.NEIN, Ergebnis.OFFEN
Check = Callable[[Facts], Ergebnis]
Operand = Value | tuple[str, ...] | Rechnung

NUMBERS = frozenset({Op.MAXIMAL, Op.MINDESTENS, Op.WENIGER_ALS, Op.MEHR_ALS})
DATES = frozenset({Op.BIS, Op.AB})


@dataclass(frozen=True, slots=True)
class Vergleich:
    """One comparison: fact, operator, operand, and the norm that demands it.

    ``codes`` are all values the fact may have by the catalogue; a register's value outside them is unknown, not false.
    """

    das: str
    op: Op
    wert: Operand
    norm: str
    line: int = 0
    column: int = 0
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alle:
    """Yes if every part is: no if one is no, else open if one is open. Never empty."""

    teile: tuple["Node", ...]
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Eine:
    """Yes if one part is: else open if one is open, else no. Never empty."""

    teile: tuple["Node", ...]
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Nicht:
    """The opposite; open stays open."""

    teil: "Node"
    line: int = 0
    column: int = 0


Node = Alle | Eine | Nicht | Vergleich


@dataclass(frozen=True, slots=True)
class Explained:
    """What one node said, why, and where it is written. ``wert`` is None where the fact is unknown."""

    ergebnis: Ergebnis
    art: str
    line: int
    das: str = ""
    wert: Value | None = None
    gegen: Operand | None = None
    norm: str = ""
    teile: tuple["Explained", ...] = ()


# fast ----------------------------------------------------------------------------------------------------------------


def compile_node(node: Node) -> Check:
    """Return a function that decides ``node`` for given facts, as fast as Python allows (a few microseconds)."""
    if isinstance(node, Vergleich):
        return _comparison(node)
    if isinstance(node, Nicht):
        return _negation(compile_node(node.teil))
    checks = tuple(compile_node(part) for part in node.teile)
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


def _comparison(node: Vergleich) -> Check:
    das, wert = node.das, node.wert
    if node.op is Op.IST:
        return _equal(das, wert, frozenset(node.codes))
    if node.op is Op.EINER_VON:
        assert isinstance(wert, tuple)  # noqa: S101 - the builder admits nothing else
        return _member(das, frozenset(wert), frozenset(node.codes))
    if node.op in NUMBERS:
        return _number(das, node.op, wert)
    return _day(das, node.op, wert)


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


def _day(das: str, op: Op, wert: Operand) -> Check:
    reckon: Callable[[Facts], date | None] | None = wert.on if isinstance(wert, Rechnung) else None
    until = op is Op.BIS

    def check(facts: Facts) -> Ergebnis:
        value = facts.get(das)
        limit = reckon(facts) if reckon else wert
        if type(value) is not date or type(limit) is not date:
            return OFFEN
        return JA if (value <= limit if until else value >= limit) else NEIN

    return check


# slow, with reasons --------------------------------------------------------------------------------------------------


def interpret(node: Node, facts: Facts) -> Explained:
    """Return the decision of every node with value, norm and line. Independent of ``compile_node``."""
    if isinstance(node, Vergleich):
        return _explain_comparison(node, facts)
    if isinstance(node, Nicht):
        inner = interpret(node.teil, facts)
        flipped = {"ja": NEIN, "nein": JA}.get(inner.ergebnis.value, OFFEN)
        return Explained(flipped, "nicht", node.line, teile=(inner,))
    parts = tuple(interpret(part, facts) for part in node.teile)
    answers = [part.ergebnis for part in parts]
    if isinstance(node, Alle):
        result = NEIN if NEIN in answers else OFFEN if OFFEN in answers else JA
        return Explained(result, "alle", node.line, teile=parts)
    result = JA if JA in answers else OFFEN if OFFEN in answers else NEIN
    return Explained(result, "eine", node.line, teile=parts)


def _explain_comparison(node: Vergleich, facts: Facts) -> Explained:
    value = facts.get(node.das)
    against = node.wert.on(facts) if isinstance(node.wert, Rechnung) else node.wert
    result = OFFEN
    if value is not None and against is not None and _comparable(node, value):
        result = JA if _holds(node.op, value, against) else NEIN
    shown = node.wert if against is None else against
    return Explained(result, node.op.value, node.line, das=node.das, wert=value, gegen=shown, norm=node.norm)


def _comparable(node: Vergleich, value: Value) -> bool:
    if node.codes and value not in node.codes:
        return False
    if node.op in NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if node.op in DATES:
        return isinstance(value, date)
    if node.op is Op.EINER_VON:
        return isinstance(value, str)
    return isinstance(value, bool) == isinstance(node.wert, bool) and isinstance(value, type(node.wert))


def _holds(op: Op, value: Any, against: Any) -> bool:
    match op:
        case Op.IST:
            return bool(value == against)
        case Op.EINER_VON:
            return value in against
        case Op.MAXIMAL | Op.BIS:
            return bool(value <= against)
        case Op.MINDESTENS | Op.AB:
            return bool(value >= against)
        case Op.WENIGER_ALS:
            return bool(value < against)
        case Op.MEHR_ALS:
            return bool(value > against)


# what a tree is about ------------------------------------------------------------------------------------------------


def missing(node: Node, facts: Facts) -> tuple[str, ...]:
    """Return the facts that can still decide an open node, each once, in the order written.

    Empty where the node is decided: what no longer matters is not asked for (data minimisation).
    """
    found: dict[str, None] = {}
    _missing(node, interpret(node, facts), facts, found)
    return tuple(found)


def _missing(node: Node, said: Explained, facts: Facts, found: dict[str, None]) -> None:
    if said.ergebnis is not OFFEN:
        return
    if isinstance(node, Vergleich):
        value = facts.get(node.das)
        if value is None or not _comparable(node, value):
            found[node.das] = None
        if isinstance(node.wert, Rechnung) and node.wert.on(facts) is None:
            found[node.wert.von] = None
        return
    parts = (node.teil,) if isinstance(node, Nicht) else node.teile
    for part, answer in zip(parts, said.teile, strict=True):
        _missing(part, answer, facts, found)


def leaves(node: Node) -> tuple[Vergleich, ...]:
    """Return every comparison of a tree, in the order written."""
    if isinstance(node, Vergleich):
        return (node,)
    parts = (node.teil,) if isinstance(node, Nicht) else node.teile
    return tuple(leaf for part in parts for leaf in leaves(part))


def facts_of(node: Node) -> frozenset[str]:
    """Return every fact a tree looks at."""
    used = set()
    for leaf in leaves(node):
        used.add(leaf.das)
        if isinstance(leaf.wert, Rechnung):
            used.add(leaf.wert.von)
    return frozenset(used)


# stored form ---------------------------------------------------------------------------------------------------------


def to_json(node: Node) -> dict[str, Any]:
    """Return the tree as JSON data; the place in the source goes along, so that an old explanation stays the same."""
    place = [node.line, node.column]
    if isinstance(node, Vergleich):
        data = {"das": node.das, "op": node.op.value, "norm": node.norm, "wert": operand_to_json(node.wert), "z": place}
        return data | {"codes": list(node.codes)} if node.codes else data
    if isinstance(node, Nicht):
        return {"nicht": to_json(node.teil), "z": place}
    return {"alle" if isinstance(node, Alle) else "eine": [to_json(part) for part in node.teile], "z": place}


def from_json(data: Mapping[str, Any]) -> Node:
    """Return the tree that ``to_json`` gave."""
    line, column = data["z"]
    if "das" in data:
        codes = tuple(data.get("codes", ()))
        return Vergleich(
            data["das"], Op(data["op"]), operand_from_json(data["wert"]), data["norm"], line, column, codes
        )
    if "nicht" in data:
        return Nicht(from_json(data["nicht"]), line, column)
    if "alle" in data:
        return Alle(tuple(from_json(part) for part in data["alle"]), line, column)
    return Eine(tuple(from_json(part) for part in data["eine"]), line, column)


def operand_to_json(operand: Operand) -> Any:
    """Return an operand as JSON data that keeps dates apart from text."""
    if isinstance(operand, Rechnung):
        return operand.to_json()
    if isinstance(operand, date):
        return {"datum": operand.isoformat()}
    return list(operand) if isinstance(operand, tuple) else operand


def operand_from_json(data: Any) -> Operand:
    """Return the operand that ``operand_to_json`` gave."""
    if isinstance(data, Mapping):
        return date.fromisoformat(data["datum"]) if "datum" in data else Rechnung.from_json(data)
    if isinstance(data, list):
        return tuple(data)
    result: Value = data
    return result
