"""What must hold of every rule whatever it says, tried on the author's own cases.

That taking facts away never turns yes into no or back is what makes withdrawing consent harmless; that the fast and
the explaining evaluation agree is what makes an explanation true. Source: rules.md §§ 5.1, 10 (no. 2, 22).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

from proaktiv.core.conditions import Ergebnis, interpret
from proaktiv.core.matching import decide
from proaktiv.core.parameters import Value
from proaktiv.rulebook.cases import Case

_ALL_SUBSETS = 7
"""Up to so many facts every subset is taken away (2⁷ decisions), beyond it each one, each pair and all."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many decisions were compared for one case, and what did not hold."""

    decisions: int
    wrong: tuple[str, ...]


def hold_properties(case: Case) -> Held:
    """Try the properties on one case: at most 128 decisions for seven facts, growing with their square beyond."""
    whole = case.decide()
    wrong = []
    tree = whole.explanation()
    dated = case.plan.gilt.schluessel in case.facts
    if tree is not None and dated and tree.ergebnis.value != whole.result:
        wrong.append(f"the explanation says {tree.ergebnis.value}, the decision {whole.result}")
    decisions = 1
    for gone in _subsets(sorted(case.plan.benoetigt & case.facts.keys())):
        less = {name: value for name, value in case.facts.items() if name not in gone}
        answer = decide(case.plan, less, case.today, case.gefragt)
        decisions += 1
        if answer.result not in {whole.result, "offen"} and whole.result != "offen":
            wrong.append(f"without {', '.join(gone)} it is {answer.result} instead of {whole.result}")
        said = _explained(case, less)
        if case.plan.gilt.schluessel in less and answer.result not in {said.value, "gilt_nicht"}:
            wrong.append(f"without {', '.join(gone)} the explanation says {said.value}, the decision {answer.result}")
    return Held(decisions, tuple(wrong))


def _explained(case: Case, facts: Mapping[str, Value]) -> Ergebnis:
    plan = case.plan.at(facts)
    return interpret(plan.bedingung, plan.known({**facts, "heute": case.today}), plan.parameter).ergebnis


def _subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    sizes = range(1, len(names) + 1) if len(names) <= _ALL_SUBSETS else (1, 2, len(names))
    return chain.from_iterable(combinations(names, size) for size in sizes)
