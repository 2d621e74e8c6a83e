"""A rule as a picture: the tree of a Leistung, or what a Lebenslage brings, as Mermaid for a text and SVG for a page.

What stands in a box is what the rule says, with the names that people read. Left to others: drawing (``drawing``).
Source: rules.md §§ 0, 6.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from proaktiv.core.fristen import Frist, Rechnung
from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.core.nodes import Alle, Eine, Nicht, Node, Op, Vergleich
from proaktiv.core.parameters import Parameter, Parameterwert, Table
from proaktiv.core.plans import Plan
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.explain import shown

_WORDS: Mapping[Op, str] = {
    Op.IST: "ist",
    Op.EINER_VON: "ist",
    Op.MAXIMAL: "höchstens",
    Op.MINDESTENS: "mindestens",
    Op.WENIGER_ALS: "weniger als",
    Op.MEHR_ALS: "mehr als",
    Op.BIS: "bis",
    Op.AB: "ab",
}
_STEPS: Mapping[str, str] = {
    "tage": "Tag {n} nach {von}",
    "wochen": "{n} Wochen nach {von}",
    "monate": "{n} Monate nach {von}",
    "lebensmonat": "Ende des Lebensmonats {n} ({von})",
    "lebensjahr": "Vollendung des Lebensjahrs {n} ({von})",
    "monatsende": "Ende des Monats ({von}), plus {n} Monate",
    "rueck_monate": "{n} Monate vor {von}",
}
_TYPES: Mapping[str, str] = {
    "pflicht": "Pflicht",
    "ausschluss": "Ausschlussfrist",
    "ohne_verlust": "ohne Verlust",
    "rueckwaerts": "rückwärts",
    "unverzueglich": "unverzüglich",
    "keine": "keine Frist",
}


@dataclass(frozen=True, slots=True)
class Box:
    """One box: what it says, in small what it rests on, what kind it is (its colour), and what hangs on it."""

    text: str
    small: str = ""
    kind: str = "leaf"
    parts: tuple["Box", ...] = ()


class Pictures:
    """Makes the boxes of one Lebenslage; the catalogue says what people call a fact."""

    def __init__(self, catalogue: Catalogue, lebenslage: Lebenslage) -> None:
        self.catalogue = catalogue
        self.lebenslage = lebenslage

    def of_lebenslage(self) -> Box:
        """Return what the Lebenslage brings: events, Leistungen, offices, Fristen."""
        plans = tuple(
            Box(
                plan.name,
                f"{plan.leistung} · {plan.art} · je {plan.je}{'' if plan.status == 'in_kraft' else ' · Entwurf'}",
                "leistung",
                (*self._office(plan), *(self._frist(frist) for frist in plan.fristen)),
            )
            for plan in self.lebenslage.plans
        )
        events = ", ".join(self.lebenslage.ereignisse) or "kein Ereignis"
        return Box(self.lebenslage.name, f"Ereignis: {events}", "root", plans)

    def of_leistung(self, plan: Plan) -> Box:
        """Return the tree of a Leistung: conditions with their norms, Fristen, office, later versions of the law."""
        until = f" bis {plan.gilt.bis}" if plan.gilt.bis else ""
        parts = [
            self._tree(plan.bedingung, plan.parameter),
            *(self._frist(frist) for frist in plan.fristen),
            *self._office(plan),
        ]
        parts += [
            Box(
                f"Fassung ab {later.gilt.ab}", later.status, "leistung", (self._tree(later.bedingung, later.parameter),)
            )
            for later in plan.fassungen
        ]
        since = f"{plan.leistung} · {self._label(plan.gilt.schluessel)} ab {plan.gilt.ab}{until}"
        return Box(plan.name, since, "root", tuple(parts))

    def _office(self, plan: Plan) -> Iterator[Box]:
        if plan.stelle_art:
            ways = ", ".join(f"V{level} {way}" for level, way in plan.ways().items())
            yield Box(plan.stelle_art, f"nach {self._label(plan.stelle_nach)} · {ways}", "office")

    def _frist(self, frist: Frist) -> Box:
        end = f": {self._reckoned(frist.ende)}" if frist.ende else ""
        rests_on = frist.norm or frist.quelle
        shift = f" · verschoben nach {frist.verschiebung}" if frist.verschiebung else ""
        return Box(f"Frist, {_TYPES[frist.typ.value]}{end}", f"{frist.name} · {rests_on}{shift}", "frist")

    def _tree(self, node: Node, parameter: Table) -> Box:
        match node:
            case Vergleich():
                values = _values(parameter[node.wert.name]) if isinstance(node.wert, Parameterwert) else ""
                return Box(f"{self._label(node.das)}{self._compared(node)}", node.norm + values)
            case Nicht():
                return Box("nicht", "", "nicht", (self._tree(node.teil, parameter),))
            case Alle():
                return Box("alle", "", "alle", tuple(self._tree(part, parameter) for part in node.teile))
            case Eine():
                return Box("eine davon", "", "eine", tuple(self._tree(part, parameter) for part in node.teile))

    def _compared(self, node: Vergleich) -> str:
        wert = node.wert
        if isinstance(wert, bool):
            return f": {shown(wert)}"
        if isinstance(wert, tuple):
            return f": {' oder '.join(wert)}"
        if isinstance(wert, Parameterwert):
            return f" {_WORDS[node.op]}: {wert.name}"
        against = self._reckoned(wert) if isinstance(wert, Rechnung) else shown(wert, node.typ)
        return f" {_WORDS[node.op]} {against}"

    def _reckoned(self, rechnung: Rechnung) -> str:
        text = self._label(rechnung.von)
        for step, n in rechnung.schritte:
            text = _STEPS[step].format(n=n, von=text)
        return text

    def _label(self, name: str) -> str:
        fakt = self.catalogue.fakten.get(name)
        return fakt.beschriftung.get("de", name) if fakt else name


def _values(parameter: Parameter) -> str:
    """Return a parameter's values with the days from which they hold; of values by Gemeinde only how many there are."""
    if parameter.je_ort:
        return f" · {len(parameter.orte)} Orte"
    found = ""
    for wert in parameter.werte:
        chosen = ", ".join(f"{word} {shown(value, parameter.typ)}" for word, value in wert.wahl.items())
        plain = "" if wert.wert is None else shown(wert.wert, parameter.typ)
        found += f" · ab {wert.ab}: {chosen or plain}"
    return found


def mermaid(root: Box) -> str:
    """Return a box with all that hangs on it as a Mermaid flowchart."""
    lines = ["flowchart LR"]
    _mermaid(root, "n", lines)
    lines += [
        "  classDef root fill:#1f3a5f,color:#ffffff,stroke:#1f3a5f",
        "  classDef leistung fill:#dbe7f5,color:#10233b,stroke:#1f3a5f",
        "  classDef frist fill:#fff3d6,color:#3d2c00,stroke:#8a6100",
        "  classDef office fill:#e3f1e5,color:#0f3317,stroke:#2c6b3a",
    ]
    return "\n".join(lines) + "\n"


def _mermaid(box: Box, name: str, lines: list[str]) -> None:
    text = _quoted(box.text) + (f"<br/><small>{_quoted(box.small)}</small>" if box.small else "")
    round_ = box.kind in {"alle", "eine", "nicht"}
    lines.append(f'  {name}{"([" if round_ else "["}"{text}"{"])" if round_ else "]"}')
    if box.kind in {"root", "leistung", "frist", "office"}:
        lines.append(f"  class {name} {box.kind}")
    for number, part in enumerate(box.parts):
        _mermaid(part, f"{name}_{number}", lines)
        lines.append(f"  {name} --> {name}_{number}")


def _quoted(text: str) -> str:
    """Return text that Mermaid shows as it is: its own signs as entities."""
    return re.sub(r'[&<>"#;`\[\]{}()|]', lambda sign: f"#{ord(sign[0])};", text)
