"""Survivors: mutants that no case notices, and for each the case that would notice it.

A case kills a mutant if it no longer holds with it. For one that lives, the cases there are get varied fact by fact,
on and beside every boundary, until the right rule and the wrong one differ: that difference is the case to write.
Left to others: making mutants (``mutants``), running cases (``cases``), what the author reads (``mutant_report``).
Source: rules.md §§ 4, 10 (no. 21).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

from proaktiv.core.fristen import Rechnung
from proaktiv.core.nodes import Vergleich, leaves
from proaktiv.core.parameters import Parameterwert, Value
from proaktiv.core.plans import Plan
from proaktiv.core.proposals import filled
from proaktiv.rulebook.catalogue import UNKNOWN
from proaktiv.rulebook.examples import DATELESS, NOTHING, Case, natures_of, office_of, run, said_of, ways_of
from proaktiv.rulebook.explain import shown
from proaktiv.rulebook.mutants import A_DAY, Mutant, mutants
from proaktiv.rulebook.said import amounts_in

TODAY = "heute"
_MOST_TRIALS = 4_000
_ARS = 12
_PROBES = 45
"""Days in a row that are tried for a date: six weeks hold every weekend, and the end of one month at least."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that lives. ``case`` is what to write against it; empty where nothing tells it from the rule."""

    mutant: Mutant
    case: str

    def __str__(self) -> str:
        remedy = f"this case kills it: {self.case}" if self.case else "no facts that were tried tell it from the rule"
        return f"mutant lives: {self.mutant.what}; {remedy}"


@dataclass(frozen=True, slots=True)
class Trial:
    """How the mutants of one Leistung fared."""

    leistung: str
    mutants: int
    survivors: tuple[Survivor, ...]


def try_mutants(plan: Plan, cases: Sequence[Case]) -> Trial:
    """Return which mutants of ``plan`` live through its ``cases``.

    All cases must hold for the Plan itself. Costs some milliseconds a Plan.
    """
    # The case that killed one mutant often kills its neighbour: the last killer goes first.
    order = list(cases)
    living = []
    made = mutants(plan, stated_by(cases))
    for mutant in made:
        killer = next((case for case in order if run(replace(case, plan=mutant.plan))), None)
        if killer is None:
            living.append(Survivor(mutant, _killing_case(plan, mutant, cases)))
        else:
            order.remove(killer)
            order.insert(0, killer)
    return Trial(plan.leistung, len(made), tuple(living))


def stated_by(cases: Sequence[Case]) -> frozenset[str]:
    """Return which words about an Auftrag itself some case uses."""
    used = {
        "felder": any(case.felder is not None for case in cases),
        "versand": any(case.versand is not None for case in cases),
        "fristart": any(case.fristart is not None for case in cases),
        "neben": any(case.neben for case in cases),
        "stelle": any(case.stelle is not None or case.behoerde is not None for case in cases),
        "betraege": any(case.betraege is not None for case in cases),
    }
    return frozenset(word for word, there in used.items() if there)


# the case to write ---------------------------------------------------------------------------------------------------


def _killing_case(plan: Plan, wrong: Mutant, cases: Sequence[Case]) -> str:
    for case, changes in islice(_trials(plan, wrong.plan, cases), _MOST_TRIALS):
        facts: dict[str, Value] = {TODAY: case.today, **case.facts}
        for name, value in changes.items():
            facts.pop(name, None)
            if value is not None:
                facts[name] = value
        today = facts.pop(TODAY)
        if not isinstance(today, date):
            continue
        right, mistaken = (_seen(replace(case, plan=one, facts=facts, today=today)) for one in (plan, wrong.plan))
        if right != mistaken:
            return _written(case, changes, wrong, right, mistaken)
    return ""


_Seen = Mapping[str, object]
_STATED = ("ergibt", "erklaert", "fehlt", "fragt", "unterzeichner", "fristen")
_NATURE = ("felder", "versand", "fristart", "stelle", "betraege")
_PLAIN = re.compile(r"[A-Za-zÄÖÜäöüß0-9][A-Za-zÄÖÜäöüß0-9 ._/§-]*")


def _seen(case: Case) -> _Seen:
    """Return everything of a decision that a case can state, by the word with which it states it."""
    plan, facts, decision = case.plan, case.facts, case.decide()
    art, area = office_of(decision, case)
    return {
        "erwartet": decision.result,
        "ergibt": decision.outcome or NOTHING,
        "erklaert": decision.angenommen,
        "fehlt": decision.missing,
        "fragt": decision.fragen,
        "unterzeichner": plan.signers(facts),
        "fristen": {clock.name: clock.gesetzlich or DATELESS for clock in decision.clocks},
        "felder": {ziel: _yaml(wert) for ziel, wert in filled(decision.plan or plan, facts).items()},
        "versand": ways_of(decision.plan or plan),
        "fristart": {name: _list(nature) for name, nature in natures_of(decision).items()},
        "stelle": {"art": art, "ars": _yaml(area)},
        "betraege": tuple(_yaml(amount) for amount in amounts_in(said_of(decision, case))),
    }


def _written(case: Case, changes: Mapping[str, Value | None], mutant: Mutant, right: _Seen, mistaken: _Seen) -> str:
    """Return the case as a line for the file of ``case``: what differs from its base, and what must come out."""
    mit = {**case.mit, **changes}
    every = (leaf for one in _all_of(case.plan) for tree in one.trees() for leaf in leaves(tree))
    typ = {leaf.das: leaf.typ for leaf in every}
    told = (f"{name}: {UNKNOWN if it is None else _yaml(shown(it, typ.get(name, '')))}" for name, it in mit.items())
    parts = [f"name: {_yaml(f'nicht {mutant.what}')}"]
    parts += [f"mit: {{{', '.join(told)}}}"] if mit else []
    parts += [f"gefragt: {_list(tuple(sorted(case.gefragt)))}"] if case.gefragt else []
    parts.append(f"erwartet: {right['erwartet']}")
    if right["erwartet"] == mistaken["erwartet"]:
        differs = [word for word in _STATED if right[word] != mistaken[word]]
        differs = differs or [word for word in _NATURE if right[word] != mistaken[word]]
        parts += [f"{word}: {_list(right[word])}" for word in differs]
    return f"{{{', '.join(parts)}}}"


def _list(stated: object) -> str:
    if isinstance(stated, Mapping):
        return "{" + ", ".join(f"{name}: {value}" for name, value in stated.items()) + "}"
    return f"[{', '.join(stated)}]" if isinstance(stated, tuple) else str(stated)


def _yaml(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


_Change = Mapping[str, Value | None]


def _trials(plan: Plan, wrong: Plan, cases: Sequence[Case]) -> Iterator[tuple[Case, _Change]]:
    """Yield the cases as they are, then each with one fact on a boundary, then with two."""
    yield from ((case, {}) for case in cases)
    for case in cases:
        yield from ((case, change) for change in _changes(plan, wrong, case))
    for case in cases:
        for first in _changes(plan, wrong, case):
            facts = {**case.facts, **{name: value for name, value in first.items() if value is not None}}
            for second in _changes(plan, wrong, replace(case, facts=facts)):
                if second.keys() != first.keys():
                    yield case, {**first, **second}


def _changes(plan: Plan, wrong: Plan, case: Case) -> Iterator[_Change]:
    known: Mapping[str, Value] = plan.known({TODAY: case.today, **case.facts})
    used = [leaf for one in _all_of(plan, wrong) for tree in one.trees() for leaf in leaves(tree)]
    for leaf in dict.fromkeys(used):
        yield from ({leaf.das: value} for value in _beside(leaf, plan, known))
    for one in _all_of(plan, wrong):
        for edge in (one.gilt.ab, one.gilt.bis):
            if edge is not None:
                yield from ({one.gilt.schluessel: near} for near in (edge - A_DAY, edge, edge + A_DAY))
        for parameter in one.parameter.values():
            yield from ({parameter.je_ort: where.ljust(_ARS, "0")} for where in parameter.orte)
            for began in sorted(parameter.days()):
                yield from ({parameter.schluessel: near} for near in (began - A_DAY, began))
    for name in sorted(_days_of(plan) | _days_of(wrong)):
        day = known.get(name)
        if isinstance(day, date):
            yield from ({name: day + k * A_DAY} for k in range(1, _PROBES))
    yield from ({name: None} for name in sorted(plan.benoetigt & case.facts.keys()))


def _all_of(*plans: Plan) -> tuple[Plan, ...]:
    return tuple(each for plan in plans for each in (plan, *plan.fassungen))


def _days_of(plan: Plan) -> set[str]:
    return {frist.ende.von for frist in plan.fristen if frist.ende is not None}


def _beside(leaf: Vergleich, plan: Plan, known: Mapping[str, Value]) -> Iterator[Value]:
    wert = leaf.wert
    if isinstance(wert, Rechnung):
        bound: Value | None = wert.on(known, plan.parameter)
    elif isinstance(wert, Parameterwert):
        bound = plan.parameter[wert.name].value(known) if wert.name in plan.parameter else None
    elif isinstance(wert, tuple):
        bound = wert[0]
    else:
        bound = wert
    if isinstance(bound, bool):
        yield from (not bound, bound)
    elif isinstance(bound, int):
        yield from (bound - 1, bound, bound + 1)
    elif isinstance(bound, date):
        yield from (bound - A_DAY, bound, bound + A_DAY)
    elif isinstance(bound, str):
        yield from leaf.codes or (bound, f"{bound}x")
