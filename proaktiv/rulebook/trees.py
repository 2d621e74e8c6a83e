"""The author's condition trees and date reckonings → nodes of ``core.conditions``, typed by the catalogue.

Left to others: the rest of a Leistung's file (``compile``), evaluating (``core.conditions``).
Source: rules.md §§ 4, 5.
"""

from collections.abc import Callable, Mapping

from proaktiv.core.conditions import DATES, NUMBERS, Alle, Eine, Nicht, Op, Operand, Vergleich
from proaktiv.core.conditions import Node as Tree
from proaktiv.core.fristen import STEPS, Rechnung
from proaktiv.core.parameters import Parameter, Parameterwert
from proaktiv.rulebook.catalogue import Catalogue, find_fact, read_value
from proaktiv.rulebook.facts import Fakt, FaktTyp, Quelle
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Scalar, Sequence
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.suggest import suggestion, words

_OPERATORS = [op.value for op in Op]
FITTING: Mapping[FaktTyp, frozenset[Op]] = {
    FaktTyp.TEXT: frozenset({Op.IST, Op.EINER_VON}),
    FaktTyp.CODE: frozenset({Op.IST, Op.EINER_VON}),
    FaktTyp.ARS: frozenset({Op.IST, Op.EINER_VON}),
    FaktTyp.JANEIN: frozenset({Op.IST}),
    FaktTyp.ZAHL: frozenset({Op.IST}) | NUMBERS,
    FaktTyp.BETRAG: frozenset({Op.IST}) | NUMBERS,
    FaktTyp.DATUM: DATES,
}
"""Which words fit a fact of which type."""

_MOST = 999
"""Most steps of one word: more months than that is a typing error."""


class Trees:
    """Reads the trees of one file of one Lebenslage."""

    def __init__(self, reader: Reader, catalogue: Catalogue, lebenslage: str) -> None:
        self.reader = reader
        self.catalogue = catalogue
        self.lebenslage = lebenslage

    def tree(self, node: Node | None) -> Tree | None:
        """Return a condition, or None after a report. One of alle, eine, nicht, or one comparison with ``das``."""
        if node is None:
            return None
        if isinstance(node, NodeMapping) and "das" in node.entries:
            return self.comparison(node)
        makers: dict[str, Callable[[Node], Tree | None]] = {
            "alle": lambda inner: self.junction(node, "alle", inner),
            "eine": lambda inner: self.junction(node, "eine", inner),
            "nicht": lambda inner: self.negation(node, inner),
            "das": lambda _: None,
        }
        return self.reader.one_of(node, makers)

    def negation(self, node: Node, inner: Node) -> Tree | None:
        """Return ``nicht`` over one part."""
        part = self.tree(inner)
        return Nicht(part, node.line, node.column) if part else None

    def junction(self, node: Node, name: str, inner: Node) -> Tree | None:
        """Return ``alle`` or ``eine`` over at least one part."""
        if not isinstance(inner, Sequence) or not inner.items:
            dash = "; begin each condition with '- '" if isinstance(inner, NodeMapping) else ""
            self.reader.wrong(inner, f"'{name}' needs a list with at least one condition{dash}")
            return None
        parts = [self.tree(item) for item in inner.items]
        whole = tuple(part for part in parts if part is not None)
        if len(whole) < len(parts):
            return None
        return Alle(whole, node.line, node.column) if name == "alle" else Eine(whole, node.line, node.column)

    def comparison(self, node: NodeMapping) -> Vergleich | None:
        """Return one comparison: a fact, one operator, a norm."""
        parts = self.reader.fields(node, ("das", "norm"), _OPERATORS)
        used = [name for name in parts if name in _OPERATORS]
        if len(used) != 1:
            written = [name for name in node.entries if name not in {"das", "norm"}]
            if len(used) > 1 or not written:
                self.reader.wrong(node, f"a comparison has exactly one of: {words(_OPERATORS)}")
            return None
        fakt = self.fact(parts.get("das"))
        norm = self.reader.text(parts.get("norm"))
        if fakt is None:
            return None
        op = Op(used[0])
        allowed = FITTING[fakt.typ]
        if op not in allowed:
            fitting = words(each for each in _OPERATORS if Op(each) in allowed)
            message = f"'{op.value}' does not fit {fakt.name}, which is of typ {fakt.typ.value}; allowed: {fitting}"
            self.reader.wrong(node.keys[op.value], message)
            return None
        operand = self.operand(fakt, op, parts[op.value])
        if operand is None:
            return None
        typ = fakt.typ.value if fakt.typ is FaktTyp.BETRAG else ""
        return Vergleich(fakt.name, op, operand, norm, node.line, node.column, fakt.codes, typ)

    def fact(self, node: Node | None) -> Fakt | None:
        """Return the fact that a place names."""
        name = self.reader.text(node)
        if not isinstance(node, Scalar) or not name:
            return None
        return find_fact(self.reader, self.catalogue, node, name, self.lebenslage)

    def operand(self, fakt: Fakt, op: Op, node: Node) -> Operand | None:
        """Return what a fact is compared with, in the fact's own type."""
        if isinstance(node, NodeMapping) and "parameter" in node.entries:
            return self.parameter(fakt, op, node)
        if op in DATES and isinstance(node, NodeMapping):
            return self.reckoning(node)
        if op is Op.EINER_VON:
            values = tuple(str(read_value(self.reader, fakt, item)) for item in self.reader.items(node))
            if len(values) < 2 or len(set(values)) < len(values):
                self.reader.wrong(node, "'einer_von' needs a list of at least two different values")
            return values
        return read_value(self.reader, fakt, node)

    def parameter(self, fakt: Fakt, op: Op, node: NodeMapping) -> Parameterwert | None:
        """Return the parameter that a place names, of the fact's own type and unit."""
        found = self.named_parameter(node)
        if found is None:
            return None
        name = node.entries["parameter"]
        if op is Op.EINER_VON:
            self.reader.wrong(name, "a parameter is one value; write 'ist'")
        elif found.typ != fakt.typ.value:
            message = f"the parameter '{found.name}' is of typ {found.typ}, {fakt.name} of typ {fakt.typ.value}"
            self.reader.wrong(name, message)
        elif found.einheit and fakt.einheit and found.einheit != fakt.einheit:
            message = f"the parameter '{found.name}' is in {found.einheit}, {fakt.name} in {fakt.einheit}"
            self.reader.wrong(name, message)
        return Parameterwert(found.name)

    def named_parameter(self, node: NodeMapping) -> Parameter | None:
        """Return the parameter that ``{parameter: name}`` names, or None after a report."""
        name = self.reader.text(self.reader.fields(node, ("parameter",)).get("parameter"))
        known = self.catalogue.parameter.by_name
        if name not in known:
            if name:
                message = f"there is no parameter '{name}' in parameter.yaml or _katalog/parameter"
                self.reader.wrong(node.entries["parameter"], f"{message}{suggestion(name, known)}")
            return None
        place = node.entries["parameter"]
        for fact in sorted(known[name].benoetigt):
            if isinstance(place, Scalar) and fact:
                find_fact(self.reader, self.catalogue, place, fact, self.lebenslage)
        return known[name]

    def steps(self, node: Node) -> int | Parameterwert:
        """Return how many days, weeks or months: a number, or a parameter that is one."""
        if isinstance(node, NodeMapping):
            found = self.named_parameter(node)
            if found is not None and found.typ != FaktTyp.ZAHL.value:
                self.reader.wrong(node, f"the parameter '{found.name}' is of typ {found.typ}; steps are a zahl")
            return Parameterwert(found.name) if found else 0
        return self.reader.whole(node, 0, _MOST)

    def reckoning(self, node: Node | None) -> Rechnung | None:
        """Return a date reckoned from a fact: ``{wochen: 2, von: umzug.einzug_am}``; ``von`` may be one again."""
        steps: list[tuple[str, int | Parameterwert]] = []
        while isinstance(node, NodeMapping):
            parts = self.reader.fields(node, ("von",), STEPS)
            used = [name for name in parts if name in STEPS]
            if len(used) != 1:
                if len(used) > 1 or len(node.entries) < 2:
                    self.reader.wrong(node, f"a date is reckoned with exactly one of: {words(STEPS)}, and 'von'")
                return None
            steps.append((used[0], self.steps(parts[used[0]])))
            if "von" not in parts:
                return None
            node = parts["von"]
        fakt = self.fact(node)
        if fakt is None:
            return None
        if fakt.typ is not FaktTyp.DATUM and node is not None:
            self.reader.wrong(node, f"{fakt.name} is no date")
            return None
        if fakt.quelle is Quelle.UHR and node is not None:
            self.reader.wrong(node, "count from a fact, not from today: 'das: heute' and what is counted on the right")
            return None
        return Rechnung(fakt.name, tuple(reversed(steps)))
