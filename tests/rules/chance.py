"""Trees, parameters and rows of facts by plain dice: hundreds of thousands of decisions, where hypothesis is too slow.

All sorts of comparison, reckoned days with up to three steps, parameters by key date, by a fact and by Gemeinde; three
in ten facts are unknown, and a register now and then sends a code that the catalogue does not know.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from types import MappingProxyType

from proaktiv.core.fristen import STEPS, Rechnung, Value
from proaktiv.core.nodes import Alle, Eine, Nicht, Node, Op, Operand, Vergleich
from proaktiv.core.parameters import Parameter, Parameterwert, Wert
from proaktiv.core.plans import Gilt, Plan
from tests.rules.plans import plan_of

CODES = ("rot", "gelb", "gruen")
PLACES = ("990010000000", "990020000000", "99003")
DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(1_400)]
NUMBERS = [Op.MAXIMAL, Op.MINDESTENS, Op.WENIGER_ALS, Op.MEHR_ALS]

PARAMETERS = {
    one.name: one
    for one in (
        Parameter(
            "grenze",
            "zahl",
            "tag.a",
            (
                Wert(date(2024, 6, 1), None, "BGBl.", "ja.a", {"ja": 2, "nein": 4}),
                Wert(date(2025, 6, 1), 3, "BGBl."),
                Wert(date(2026, 6, 1), None, "BGBl.", "farbe", {"rot": 1, "gelb": 5}),
            ),
        ),
        Parameter(
            "ortswert",
            "zahl",
            "tag.b",
            je_ort="ort",
            orte={
                "990010000000": (Wert(date(2024, 3, 1), 1, "Satzung"), Wert(date(2025, 3, 1), 2, "Satzung")),
                "99003": (Wert(date(2024, 3, 1), 5, "Satzung"),),
            },
        ),
        Parameter("monate", "zahl", "tag.a", (Wert(date(2024, 1, 1), 3, "BGBl."), Wert(date(2026, 1, 1), 14, "BGBl."))),
        Parameter("stichtag", "datum", "tag.b", (Wert(date(2024, 9, 1), date(2025, 2, 28), "BGBl."),)),
        Parameter("pflicht", "janein", "heute", (Wert(date(2024, 1, 1), True, "BGBl."),)),
        Parameter("lieblingsfarbe", "code", "tag.a", (Wert(date(2024, 1, 1), "rot", "BGBl."),)),
    )
}


def a_tree(dice: Random, depth: int = 3) -> Node:
    """Return a tree with up to four parts a level."""
    kind = dice.random()
    if not depth or kind < 0.35:
        return a_leaf(dice)
    if kind < 0.45:
        return Nicht(a_tree(dice, depth - 1), 1, 1)
    parts = tuple(a_tree(dice, depth - 1) for _ in range(dice.randint(1, 4)))
    return Alle(parts, 1, 1) if kind < 0.75 else Eine(parts, 1, 1)


def a_leaf(dice: Random) -> Vergleich:
    def leaf(das: str, op: Op, wert: Operand, codes: tuple[str, ...] = ()) -> Vergleich:
        return Vergleich(das, op, wert, "§ 1 Probe", 1, 1, codes)

    makers = (
        lambda: leaf(dice.choice(["ja.a", "ja.b"]), Op.IST, dice.choice([True, False, Parameterwert("pflicht")])),
        lambda: leaf("farbe", Op.IST, dice.choice([*CODES, Parameterwert("lieblingsfarbe")]), CODES),
        lambda: leaf("farbe", Op.EINER_VON, tuple(dice.sample(CODES, dice.randint(2, 3))), CODES),
        lambda: leaf(dice.choice(["zahl.a", "zahl.b"]), dice.choice([*NUMBERS, Op.IST]), a_number(dice)),
        lambda: leaf(dice.choice(["heute", "tag.a", "tag.b"]), dice.choice([Op.BIS, Op.AB]), a_day(dice)),
    )
    return dice.choice(makers)()


def a_number(dice: Random) -> int | Parameterwert:
    return dice.choice([dice.randint(-2, 6), Parameterwert("grenze"), Parameterwert("ortswert")])


def a_day(dice: Random) -> date | Rechnung | Parameterwert:
    return dice.choice([dice.choice(DAYS), a_reckoning(dice), a_reckoning(dice), Parameterwert("stichtag")])


def a_reckoning(dice: Random) -> Rechnung:
    steps = [(dice.choice(list(STEPS)), dice.choice([*range(15), Parameterwert("monate")])) for _ in range(3)]
    return Rechnung(dice.choice(["tag.a", "tag.b"]), tuple(steps[: dice.randint(0, 3)]))


def a_row(dice: Random, unknown: float = 0.3) -> dict[str, Value]:
    """Return facts, of which so many are unknown; ``heute`` is always there."""
    facts: dict[str, Value] = {
        "ja.a": dice.random() < 0.5,
        "ja.b": dice.random() < 0.5,
        "farbe": dice.choice([*CODES, "blau"]),
        "zahl.a": dice.randint(-3, 7),
        "zahl.b": dice.randint(-3, 7),
        "tag.a": dice.choice(DAYS),
        "tag.b": dice.choice(DAYS),
        "ort": dice.choice([*PLACES, "990030001000", "990040000000"]),
    }
    known = {name: value for name, value in facts.items() if dice.random() >= unknown}
    return known | {"heute": dice.choice(DAYS)}


def a_plan(tree: Node, parameter: Mapping[str, Parameter] = MappingProxyType(PARAMETERS)) -> Plan:
    return plan_of(
        tree,
        gilt=Gilt("tag.a", date(2024, 3, 1), date(2027, 3, 1)),
        stelle_art="standesamt",
        parameter=parameter,
    )
