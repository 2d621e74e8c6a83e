"""Condition trees as values: ``alle`` / ``eine`` / ``nicht`` over single comparisons, each with its norm.

Immutable, with a stored form that keeps the place in the source. Left to others: deciding (``core.conditions``),
reading YAML and checking names (``rulebook``). **No operator asks whether a fact is known**; none may ever be added.
Source: rules.md § 5.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from proaktiv.core.fristen import Rechnung
from proaktiv.core.parameters import NO_PARAMETERS, Parameterwert, Table, Value, value_from_json, value_to_json


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


Operand = Value | tuple[str, ...] | Rechnung | Parameterwert

NUMBERS = frozenset({Op.MAXIMAL, Op.MINDESTENS, Op.WENIGER_ALS, Op.MEHR_ALS})
DATES = frozenset({Op.BIS, Op.AB})


@dataclass(frozen=True, slots=True)
class Vergleich:
    """One comparison: fact, operator, operand, and the norm that demands it.

    ``codes`` are all values the fact may have by the catalogue; a register's value outside them is unknown, not false.
    ``typ`` is ``betrag`` where numbers are cents, else empty.
    """

    das: str
    op: Op
    wert: Operand
    norm: str
    line: int = 0
    column: int = 0
    codes: tuple[str, ...] = ()
    typ: str = ""


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


# what a tree is about ------------------------------------------------------------------------------------------------


def leaves(node: Node) -> tuple[Vergleich, ...]:
    """Return every comparison of a tree, in the order written."""
    if isinstance(node, Vergleich):
        return (node,)
    parts = (node.teil,) if isinstance(node, Nicht) else node.teile
    return tuple(leaf for part in parts for leaf in leaves(part))


def parameters_of(node: Node) -> frozenset[str]:
    """Return the name of every parameter that a tree names."""
    used: set[str] = set()
    for leaf in leaves(node):
        if isinstance(leaf.wert, Parameterwert):
            used.add(leaf.wert.name)
        elif isinstance(leaf.wert, Rechnung):
            used |= leaf.wert.parameters()
    return frozenset(used)


def facts_of(node: Node, parameter: Table = NO_PARAMETERS) -> frozenset[str]:
    """Return every fact a tree looks at, those of its parameters too."""
    used: set[str] = set()
    for leaf in leaves(node):
        used.add(leaf.das)
        if isinstance(leaf.wert, Rechnung):
            used.add(leaf.wert.von)
    for name in parameters_of(node) & parameter.keys():
        used |= parameter[name].benoetigt
    return frozenset(used)


# stored form ---------------------------------------------------------------------------------------------------------


def to_json(node: Node) -> dict[str, Any]:
    """Return the tree as JSON data; the place in the source goes along, so that an old explanation stays the same."""
    place = [node.line, node.column]
    if isinstance(node, Vergleich):
        data = {"das": node.das, "op": node.op.value, "norm": node.norm, "wert": operand_to_json(node.wert), "z": place}
        data |= {"codes": list(node.codes)} if node.codes else {}
        return data | {"typ": node.typ} if node.typ else data
    if isinstance(node, Nicht):
        return {"nicht": to_json(node.teil), "z": place}
    return {"alle" if isinstance(node, Alle) else "eine": [to_json(part) for part in node.teile], "z": place}


def from_json(data: Mapping[str, Any]) -> Node:
    """Return the tree that ``to_json`` gave."""
    line, column = data["z"]
    if "das" in data:
        wert, codes, typ = operand_from_json(data["wert"]), tuple(data.get("codes", ())), data.get("typ", "")
        return Vergleich(data["das"], Op(data["op"]), wert, data["norm"], line, column, codes, typ)
    if "nicht" in data:
        return Nicht(from_json(data["nicht"]), line, column)
    if "alle" in data:
        return Alle(tuple(from_json(part) for part in data["alle"]), line, column)
    return Eine(tuple(from_json(part) for part in data["eine"]), line, column)


def operand_to_json(operand: Operand) -> Any:
    """Return an operand as JSON data that keeps dates and parameters apart from text."""
    if isinstance(operand, Rechnung):
        return operand.to_json()
    if isinstance(operand, Parameterwert):
        return {"parameter": operand.name}
    return list(operand) if isinstance(operand, tuple) else value_to_json(operand)


def operand_from_json(data: Any) -> Operand:
    """Return the operand that ``operand_to_json`` gave."""
    if isinstance(data, list):
        return tuple(data)
    if isinstance(data, Mapping) and "datum" not in data:
        return Parameterwert(data["parameter"]) if "parameter" in data else Rechnung.from_json(data)
    return value_from_json(data)
