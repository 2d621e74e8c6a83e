"""Decide 2,000 persons with our closures, CEL in C++ and a ZEN decision table: one process, rounds interleaved.

Runs in an environment of its own that holds the peers (``rules.py`` makes it); of ours only the pure core is imported.
Prints one JSON line of microseconds of processor time, which other programs on the machine do not lengthen. The peers
get what is best for them: days as whole numbers, and ZEN its end date reckoned before.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

import zen
from cel_expr_python import cel

from proaktiv.core.conditions import compile_node, interpret
from proaktiv.core.dates import lebensmonat_ende
from proaktiv.core.fristen import Rechnung
from proaktiv.core.nodes import Alle, Op, Vergleich

PERSONS, ROUNDS, TODAY = 2_000, 9, date(2026, 11, 26)

RULE = Alle(
    (
        Vergleich("lebt", Op.IST, True, "§ 1"),
        Vergleich("lebt_mit_kind", Op.IST, True, "§ 2"),
        Vergleich("staat", Op.IST, "DE", "§ 3"),
        Vergleich("stunden", Op.MAXIMAL, 32, "§ 4"),
        Vergleich("zve", Op.MAXIMAL, 175_000, "§ 5"),
        Vergleich("heute", Op.BIS, Rechnung("geburt", (("lebensmonat", 14),)), "§ 6"),
    )
)
CEL = "lebt && lebt_mit_kind && staat == 'DE' && stunden <= 32 && zve <= 175000 && heute <= monat_ende(geburt, 14)"
TABLE = {
    "nodes": [
        {"id": "in", "type": "inputNode", "name": "in", "position": {"x": 0, "y": 0}},
        {
            "id": "table",
            "type": "decisionTableNode",
            "name": "table",
            "position": {"x": 1, "y": 0},
            "content": {
                "hitPolicy": "first",
                "inputs": [
                    {"id": name, "field": name, "name": name}
                    for name in ("lebt", "lebt_mit_kind", "staat", "stunden", "zve", "tage_bis_ende")
                ],
                "outputs": [{"id": "out", "field": "ja", "name": "ja"}],
                "rules": [
                    {
                        "_id": "r1",
                        "lebt": "true",
                        "lebt_mit_kind": "true",
                        "staat": '"DE"',
                        "stunden": "<= 32",
                        "zve": "<= 175000",
                        "tage_bis_ende": ">= 0",
                        "out": "true",
                    },
                    {"_id": "r2", "out": "false"},
                ],
            },
        },
        {"id": "end", "type": "outputNode", "name": "end", "position": {"x": 2, "y": 0}},
    ],
    "edges": [
        {"id": "e1", "sourceId": "in", "targetId": "table", "type": "edge"},
        {"id": "e2", "sourceId": "table", "targetId": "end", "type": "edge"},
    ],
}


def persons() -> list[dict[str, object]]:
    dice = Random(1)
    return [
        {
            "lebt": dice.random() < 0.95,
            "lebt_mit_kind": dice.random() < 0.9,
            "staat": "DE" if dice.random() < 0.9 else "FR",
            "stunden": dice.randrange(45),
            "zve": dice.randrange(220_000),
            "geburt": TODAY - timedelta(days=dice.randrange(500)),
            "heute": TODAY,
        }
        for _ in range(PERSONS)
    ]


def numbered(person: dict[str, object]) -> dict[str, object]:
    return {name: value.toordinal() if isinstance(value, date) else value for name, value in person.items()}


def in_cel() -> Callable[[dict[str, object]], bool]:
    def month_end(born: int, n: int) -> int:
        return lebensmonat_ende(date.fromordinal(born), n).toordinal()

    overload = cel.Overload(
        "monat_ende(int,int)", return_type=cel.Type.INT, parameters=[cel.Type.INT, cel.Type.INT], impl=month_end
    )
    types = {"lebt": "BOOL", "lebt_mit_kind": "BOOL", "staat": "STRING"}
    types |= dict.fromkeys(("stunden", "zve", "geburt", "heute"), "INT")
    env = cel.NewEnv(
        variables={name: getattr(cel.Type, typ) for name, typ in types.items()},
        functions=[cel.FunctionDecl("monat_ende", [overload])],
    )
    expression = env.compile(CEL)
    return lambda person: bool(expression.eval(data=person).value())


def in_zen() -> Callable[[dict[str, object]], bool]:
    decision = zen.ZenEngine().create_decision(json.dumps(TABLE))
    return lambda person: bool(decision.evaluate(person)["result"]["ja"])


def main() -> None:
    ours = persons()
    for_cel = [numbered(person) for person in ours]
    for_zen = [
        {
            **{name: value for name, value in person.items() if name not in {"geburt", "heute"}},
            "tage_bis_ende": (lebensmonat_ende(person["geburt"], 14) - TODAY).days,  # type: ignore[arg-type]
        }
        for person in ours
    ]
    closure = compile_node(RULE)
    ways: dict[str, tuple[Callable[[dict[str, object]], object], list[dict[str, object]]]] = {
        "decide": (lambda person: closure(person).value == "ja", ours),  # type: ignore[arg-type]
        "explain": (lambda person: interpret(RULE, person).ergebnis.value == "ja", ours),  # type: ignore[arg-type]
        "cel": (in_cel(), for_cel),
        "zen": (in_zen(), for_zen),
    }
    answers = {name: [way(person) for person in rows] for name, (way, rows) in ways.items()}
    assert len({tuple(found) for found in answers.values()}) == 1, "all decide the same"
    assert 200 < sum(map(bool, answers["decide"])) < PERSONS - 200
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (way, rows) in ways.items():
            begun = time.process_time()
            for person in rows:
                way(person)
            taken[name].append((time.process_time() - begun) / len(rows) * 1e6)
    print(json.dumps({name: statistics.median(found) for name, found in taken.items()}))


if __name__ == "__main__":
    main()
