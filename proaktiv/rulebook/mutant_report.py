"""What ``proaktiv rules test`` says of mutants: each that lives, as file:line:column with the case that would kill it.

Where no case can tell a mutant from the rule, the author says so beside the cases, with a reason that a reviewer reads:
``gleichwertig: [{mutant: "…", grund: "…"}]``. An excuse for a mutant that is not there, or that a case kills, is itself
a mistake. Left to others: making and killing mutants (``mutants``, ``survivors``). Source: rules.md § 10 (no. 21).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from proaktiv.core.plans import Plan
from proaktiv.rulebook.cases import Case, case_files, read_cases
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, load
from proaktiv.rulebook.load import Sequence as NodeSequence
from proaktiv.rulebook.mutants import Mutant
from proaktiv.rulebook.reading import Place, Reader
from proaktiv.rulebook.survivors import try_mutants


@dataclass(frozen=True, slots=True)
class MutantReport:
    """How many mutants were made, how many of them are excused as equivalent, and what is wrong."""

    mutants: int
    excused: int
    problems: tuple[Problem, ...]


def report_mutants(root: Path, compiled: Compiled, cases: Iterable[Case]) -> MutantReport:
    """Try the mutants of every Leistung of ``compiled`` that has ``cases``, all of which hold."""
    by_leistung: dict[str, list[Case]] = {}
    for case in cases:
        by_leistung.setdefault(case.plan.leistung, []).append(case)
    plans = compiled.lebenslage.plans if compiled.lebenslage else ()
    reports = [
        _report(root, compiled, plan, by_leistung[plan.leistung]) for plan in plans if plan.leistung in by_leistung
    ]
    return MutantReport(
        sum(one.mutants for one in reports),
        sum(one.excused for one in reports),
        tuple(problem for one in reports for problem in one.problems),
    )


def living_mutants(root: Path, compiled: Compiled, catalogue: Catalogue) -> tuple[Problem, ...]:
    """Return what lives and is not excused in a Lebenslage: none of it may be released."""
    cases = read_cases(compiled.folder, compiled.lebenslage, catalogue)[0] if compiled.lebenslage else []
    return report_mutants(root, compiled, cases).problems


def _report(root: Path, compiled: Compiled, plan: Plan, cases: Sequence[Case]) -> MutantReport:
    trial = try_mutants(plan, cases)
    excuses, problems = _read_excuses(root, compiled.folder, plan)
    living = {survivor.mutant.what: survivor for survivor in trial.survivors}
    for what, place in excuses.items():
        if what not in living:
            message = f"no mutant lives that is called '{what}'; take the excuse away"
            problems.append(Problem(place.file, place.line, place.column, message))
        elif living[what].case:
            message = f"the mutant is not equivalent; {living[what]}"
            problems.append(Problem(place.file, place.line, place.column, message))
    for what, survivor in living.items():
        if what not in excuses:
            place = place_of(survivor.mutant, root, compiled.places[plan.leistung])
            problems.append(Problem(place.file, place.line, place.column, str(survivor)))
    return MutantReport(trial.mutants, len(excuses.keys() & living.keys()), tuple(problems))


def _read_excuses(root: Path, folder: Path, plan: Plan) -> tuple[dict[str, Place], list[Problem]]:
    """Return the places of the excuses for mutants of ``plan`` by what is mutated, and what is wrong in them."""
    found: dict[str, Place] = {}
    problems: list[Problem] = []
    for path in case_files(folder):
        reader = Reader(path.relative_to(root).as_posix())
        node = load(path, reader.file)
        if not isinstance(node, NodeMapping) or "gleichwertig" not in node.entries:
            continue
        if reader.text(node.entries.get("leistung")) != plan.leistung:
            continue
        for item in reader.items(node.entries["gleichwertig"]):
            parts = reader.fields(item, ("mutant", "grund"))
            reader.text(parts.get("grund"))
            found[reader.text(parts.get("mutant"))] = reader.place(item)
        problems += reader.problems
    return found, problems


# where it stands -----------------------------------------------------------------------------------------------------


def place_of(mutant: Mutant, root: Path, leistung: Place) -> Place:
    """Return where a mutant's part stands: file, line and column below the rules folder ``root``.

    ``leistung`` is the place of its Leistung, which is returned where the part cannot be found.
    """
    if mutant.line:
        return Place(leistung.file, mutant.line, mutant.column)
    if mutant.part[:1] == ("parameter",):
        return _parameter_place(root, leistung, mutant.part[1:])
    return _inside(root, leistung.file, mutant.part) or leistung


def _parameter_place(root: Path, leistung: Place, part: tuple[str | int, ...]) -> Place:
    name, number = part
    folders = ((root / "_katalog").rglob("*.yaml"), (root / leistung.file).parents[1].glob("*.yaml"))
    for path in sorted(chain(*folders)):
        file = path.relative_to(root).as_posix()
        found = _inside(root, file, (name, "werte", number)) or _inside(root, file, (name, "typ"))
        if found:
            return found
    return leistung


def _inside(root: Path, file: str, part: tuple[str | int, ...]) -> Place | None:
    try:
        node: Node = load(root / file, file)
    except (OSError, RuleFileError):
        return None
    for step in part:
        if isinstance(node, NodeMapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step]
        elif isinstance(node, NodeSequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return Place(file, node.line, node.column)
