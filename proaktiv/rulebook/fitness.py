"""What a release must be beyond free of mistakes: in force, checked, tried, with a legal basis that holds today.

Left to others: mistakes (``check``), four eyes and signing (``release``), mutants (``release``'s ``trial``).
Source: rules.md §§ 0, 6; lebenslagen.md § 4 (V13).
"""

from collections.abc import Iterator
from datetime import date, timedelta

from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.core.plans import Plan
from proaktiv.rulebook.cases import read_cases, run
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.load import Problem

SAMPLE = "zu ersetzen"
"""What the samples of ``rules new`` say where an author must write something else."""

LEIKA_HOLDS = timedelta(days=730)
"""How long a look-up in the Leistungskatalog counts."""


def failing(compiled: Compiled, catalogue: Catalogue) -> list[Problem | str]:
    """Return the cases that fail, what is wrong in their files, and the Leistungen that no case tries."""
    if compiled.lebenslage is None:
        return []
    cases, problems = read_cases(compiled.folder, compiled.lebenslage, catalogue)
    found: list[Problem | str] = [*problems]
    for case in cases:
        found += [Problem(case.file, case.line, case.column, f"{case.name}: {wrong}") for wrong in run(case)]
    tried = {case.plan.leistung for case in cases}
    for plan in compiled.lebenslage.plans:
        if plan.leistung not in tried:
            found.append(f"{compiled.name}: the Leistung {plan.leistung} has no case in faelle/")
    return found


def unfit(compiled: Compiled, today: date) -> list[str]:
    """Return why a Lebenslage may not go to production on ``today``, as an author reads it."""
    if compiled.lebenslage is None:
        return []
    draft = [f"{compiled.name} is a draft (status: {compiled.status})"] if compiled.status != "in_kraft" else []
    return [*draft, *_samples(compiled), *_flows(compiled.lebenslage, today), *_plans(compiled.lebenslage, today)]


def _samples(compiled: Compiled) -> Iterator[str]:
    """Find what ``rules new`` wrote and nobody has replaced."""
    for path in sorted(compiled.folder.rglob("*.yaml")):
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if SAMPLE in line.partition("#")[0]:
                yield f"{path.relative_to(compiled.folder.parent)}:{number}: '{SAMPLE}' still stands here"


def _flows(lebenslage: Lebenslage, today: date) -> Iterator[str]:
    for fluss in lebenslage.fluesse:
        if fluss.norm_ab > today:
            yield f"{fluss.name}: its norm ({fluss.norm}) holds only from {fluss.norm_ab.isoformat()} on"
        if fluss.norm_bis is not None and fluss.norm_bis < today:
            yield f"{fluss.name}: its norm ({fluss.norm}) held only until {fluss.norm_bis.isoformat()}"


def _plans(lebenslage: Lebenslage, today: date) -> Iterator[str]:
    for base in lebenslage.plans:
        for plan in (base, *base.fassungen):
            yield from _plan(f"{lebenslage.name}/{plan.leistung}", plan, today)


def _plan(name: str, plan: Plan, today: date) -> Iterator[str]:
    if plan.status != "in_kraft":
        yield f"{name} is a draft (status: {plan.status})"
    if plan.geprueft_bis is not None and plan.geprueft_bis < today:
        yield f"{name} was checked only until {plan.geprueft_bis.isoformat()}"
    for parameter in plan.parameter.values():
        if parameter.geprueft_bis is not None and parameter.geprueft_bis < today:
            yield f"{name}: the parameter {parameter.name} was checked only until {parameter.geprueft_bis.isoformat()}"
    if plan.leika is not None and not today - LEIKA_HOLDS <= plan.leika.geprueft_am <= today:
        looked = plan.leika.geprueft_am.isoformat()
        yield f"{name}: the LeiKa key was looked up on {looked}; look again, or leave it out"
