"""A decision as lines that a rule author reads: each condition with result, value, norm and line.

Left to others: the decision itself (``core.matching``), what citizens read (texts of the Lebenslage).
"""

from datetime import date

from proaktiv.core.conditions import Explained, Operand
from proaktiv.core.fristen import Clock, Rechnung
from proaktiv.core.matching import Decision

_JUNCTIONS = {"alle": "alle von", "eine": "eine von", "nicht": "nicht"}


def explain(decision: Decision) -> str:
    """Return the decision and its tree of reasons, one line for each condition."""
    lines = [" | ".join(_head(decision))]
    tree = decision.explanation()
    if tree is not None:
        _tree(tree, 0, lines)
    lines += [_clock(clock) for clock in decision.clocks]
    return "\n".join(lines)


def _head(decision: Decision) -> list[str]:
    parts = [f"-> {decision.result}"]
    if decision.missing:
        parts.append(f"fehlt: {', '.join(decision.missing)}")
    if decision.fragen:
        parts.append(f"fragt: {', '.join(decision.fragen)}")
    parts += [f"braucht {register}: {', '.join(names)}" for register, names in decision.needs.items()]
    if decision.next_change_on:
        parts.append(f"nächster Wechsel: {decision.next_change_on.isoformat()}")
    return parts


def _tree(node: Explained, depth: int, lines: list[str]) -> None:
    lead = f"{'  ' * depth}[{node.ergebnis.value:<5}]"
    if node.art in _JUNCTIONS:
        lines.append(f"{lead} {_JUNCTIONS[node.art]} (Z. {node.line})")
        for part in node.teile:
            _tree(part, depth + 1, lines)
        return
    value = "unbekannt" if node.wert is None else shown(node.wert)
    against = "" if node.gegen is None else shown(node.gegen)
    lines.append(f"{lead} {node.das} = {value} {node.art} {against} ({node.norm}, Z. {node.line})")


def _clock(clock: Clock) -> str:
    lead, what = f"Frist {clock.name} ({clock.typ.value})", clock.massgeblich.value
    if clock.gesetzlich is None or clock.sicher_bis is None:
        return f"{lead}: ohne Datum, {what}"
    return f"{lead}: gesetzlich {clock.gesetzlich}, sicher bis {clock.sicher_bis}, {what}"


def shown(value: Operand) -> str:
    """Return a value or operand as a rule author writes it."""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return f"({value})" if isinstance(value, Rechnung) else str(value)
