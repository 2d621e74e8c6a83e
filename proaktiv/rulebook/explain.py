"""A decision as lines that a rule author reads, and as JSON: each condition with result, value, norm and line.

Left to others: the decision itself (``core.matching``), what citizens read (texts of the Lebenslage).
"""

from datetime import date
from typing import Any

from proaktiv.core.conditions import JA, Explained, Operand
from proaktiv.core.fristen import Clock, Rechnung
from proaktiv.core.matching import Decision
from proaktiv.core.parameters import Parameterwert, Stand
from proaktiv.rulebook.reading import euros

_JUNCTIONS = {"alle": "alle von", "eine": "eine von", "nicht": "nicht"}


def explain(decision: Decision) -> str:
    """Return the decision and its tree of reasons, one line for each condition."""
    lines = [" | ".join(_head(decision))]
    lines += _own_time(decision)
    tree = decision.explanation()
    if tree is not None:
        _tree(tree, 0, lines)
    lines += [_clock(clock) for clock in decision.clocks]
    return "\n".join(lines)


def as_json(decision: Decision) -> dict[str, Any]:
    """Return what ``explain`` prints as JSON data: dates as 2026-10-31, amounts in euros as text, unknown as null."""
    plan, tree, change = decision.plan, decision.explanation(), decision.next_change_on
    return {
        "angenommen": list(decision.angenommen),
        "baum": _tree_json(tree) if tree is not None else None,
        "braucht": {register: list(names) for register, names in decision.needs.items()},
        "ergebnis": decision.result,
        "ergibt": decision.outcome,
        "fehlt": list(decision.missing),
        "fragt": list(decision.fragen),
        "fristen": [
            {
                "gesetzlich": clock.gesetzlich.isoformat() if clock.gesetzlich else None,
                "massgeblich": clock.massgeblich.value,
                "name": clock.name,
                "sicher_bis": clock.sicher_bis.isoformat() if clock.sicher_bis else None,
                "typ": clock.typ.value,
            }
            for clock in decision.clocks
        ],
        "gilt": _own_time_json(decision),
        "lebenslage": plan.lebenslage if plan else None,
        "leistung": plan.leistung if plan else None,
        "naechster_wechsel": {"am": change.isoformat(), "zu": decision.next_result()} if change else None,
        "parameter": {stand.name: _stand_json(decision, stand) for stand in decision.staende()},
        "plan": plan.hash if plan else None,
        "vorlaeufig": decision.vorlaeufig,
    }


def _tree_json(node: Explained) -> dict[str, Any]:
    data: dict[str, Any] = {"art": node.art, "ergebnis": node.ergebnis.value, "zeile": node.line}
    if node.art in _JUNCTIONS:
        return data | {"teile": [_tree_json(part) for part in node.teile]}
    value = None if node.wert is None else shown(node.wert, node.typ)
    unknown = node.gegen is None or isinstance(node.gegen, Rechnung | Parameterwert)
    against = None if unknown or node.gegen is None else shown(node.gegen, node.typ)
    data |= {"das": node.das, "gegen": against, "norm": node.norm, "wert": value}
    return data | {"parameter": node.stand.name} if node.stand else data


def _stand_json(decision: Decision, stand: Stand) -> dict[str, Any]:
    typ = decision.plan.parameter[stand.name].typ if decision.plan else ""
    return {
        "ab": stand.ab.isoformat() if stand.ab else None,
        "fundstelle": stand.fundstelle,
        "schluessel": stand.schluessel,
        "stichtag": stand.stichtag.isoformat() if stand.stichtag else None,
        "vorlaeufig": stand.vorlaeufig,
        "wert": None if stand.wert is None else shown(stand.wert, typ),
    }


def _own_time(decision: Decision) -> list[str]:
    """Return the line about the rule's own time, where that is what the result hangs on."""
    plan, time = decision.plan, decision.own_time()
    if plan is None or time is None or time[0] is JA:
        return []
    applies, key = time
    until = f" bis {plan.gilt.bis.isoformat()}" if plan.gilt.bis else ""
    value = key.isoformat() if key else "unbekannt"
    return [f"[{applies.value:<5}] gilt: {plan.gilt.schluessel} = {value} ab {plan.gilt.ab.isoformat()}{until}"]


def _own_time_json(decision: Decision) -> dict[str, Any] | None:
    plan, time = decision.plan, decision.own_time()
    if plan is None or time is None:
        return None
    return {
        "ab": plan.gilt.ab.isoformat(),
        "bis": plan.gilt.bis.isoformat() if plan.gilt.bis else None,
        "ergebnis": time[0].value,
        "schluessel": plan.gilt.schluessel,
        "stichtag": time[1].isoformat() if time[1] else None,
    }


def _head(decision: Decision) -> list[str]:
    parts = [f"-> {decision.result}"]
    if decision.missing:
        parts.append(f"fehlt: {', '.join(decision.missing)}")
    if decision.angenommen:
        parts.append(f"angenommen: {', '.join(decision.angenommen)}")
    if decision.fragen:
        parts.append(f"fragt: {', '.join(decision.fragen)}")
    parts += [f"braucht {register}: {', '.join(names)}" for register, names in decision.needs.items()]
    if decision.next_change_on:
        change = f"{decision.result} -> {decision.next_result()}"
        parts.append(f"nächster Wechsel: {decision.next_change_on.isoformat()} {change}")
    if decision.vorlaeufig:
        parts.append("vorläufig: für diesen Stichtag hat niemand die Zahlen geprüft")
    return parts


def _tree(node: Explained, depth: int, lines: list[str]) -> None:
    lead = f"{'  ' * depth}[{node.ergebnis.value:<5}]"
    if node.art in _JUNCTIONS:
        lines.append(f"{lead} {_JUNCTIONS[node.art]} (Z. {node.line})")
        for part in node.teile:
            _tree(part, depth + 1, lines)
        return
    value = "unbekannt" if node.wert is None else shown(node.wert, node.typ)
    against = "" if node.gegen is None else shown(node.gegen, node.typ)
    line = f"{lead} {node.das} = {value} {node.art} {against} ({node.norm}, Z. {node.line})"
    lines.append(line + (_stand(node.stand) if node.stand else ""))


def _stand(stand: Stand) -> str:
    key = f"Schlüssel {stand.schluessel} = {stand.stichtag.isoformat() if stand.stichtag else 'unbekannt'}"
    if stand.ab is None:
        return f" [kein Wert, {key}]"
    return f" [Wert ab {stand.ab.isoformat()}, {key}{', vorläufig' if stand.vorlaeufig else ''}]"


def _clock(clock: Clock) -> str:
    lead, what = f"Frist {clock.name} ({clock.typ.value})", clock.massgeblich.value
    if clock.gesetzlich is None or clock.sicher_bis is None:
        return f"{lead}: ohne Datum, {what}"
    return f"{lead}: gesetzlich {clock.gesetzlich}, sicher bis {clock.sicher_bis}, {what}"


def shown(value: Operand, typ: str = "") -> str:
    """Return a value or operand as a rule author writes it; numbers of typ betrag are cents."""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if typ == "betrag" and isinstance(value, int):
        return euros(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return f"({value})" if isinstance(value, Rechnung | Parameterwert) else str(value)
