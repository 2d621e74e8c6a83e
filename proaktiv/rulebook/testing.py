"""``proaktiv rules test``: every case below some paths, of one Leistung or of a whole journey, and what came of them.

Where all cases of a Leistung hold, they are tried themselves: does each notice its boundary (``mutant_report``), and is
each decision the same or open with facts withheld (``properties``)? Left to others: the cases themselves (``cases``,
``journeys``), printing (``commands``).
Source: rules.md § 6; rules/README.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proaktiv.core.lebenslagen import Rulebook
from proaktiv.rulebook import check as checking
from proaktiv.rulebook.cases import Case, read_cases, run
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.journeys import Outcome, is_journey, last_line, read_journey, shown
from proaktiv.rulebook.journeys import run as run_journey
from proaktiv.rulebook.load import Mapping, Node, Problem, RuleFileError, load
from proaktiv.rulebook.mutant_report import report_mutants
from proaktiv.rulebook.properties import hold_properties
from proaktiv.rulebook.strays import misnamed


@dataclass(slots=True)
class Tested:
    """What came of some cases. ``lines`` tell everything that is not as it should be."""

    lines: list[str] = field(default_factory=list)
    passed: int = 0
    failed: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    mutants: int = 0
    living: int = 0
    withheld: int = 0

    @property
    def mutants_line(self) -> str:
        """Return how the mutants of the rules fared, and how often withheld facts were tried."""
        killed = f"{self.mutants - self.living} of {self.mutants} mutants killed"
        return f"{killed}, {self.withheld} decisions with facts withheld change nothing"

    @property
    def waiting(self) -> list[Outcome]:
        """Return the journeys in which nothing differs and something waits for the rules."""
        return [outcome for outcome in self.outcomes if outcome.verdict == "waits"]

    @property
    def ran(self) -> int:
        """Return how many cases there were."""
        return self.passed + self.failed + len(self.waiting)

    @property
    def last_line(self) -> str:
        """Return ``N passed, M failed, K wait for content`` with the names of those that wait."""
        return last_line(self.passed, self.failed, self.outcomes)


class UnreadableError(Exception):
    """Files are wrong, so nothing was tested; ``problems`` says where."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def run_all(root: Path, paths: Sequence[Path] = ()) -> Tested:
    """Run the cases of the rules folder ``root``, or those below ``paths``: files and folders, of either kind.

    Raises ``UnreadableError`` where the rules cannot be read: no case says anything about them then. A journey that
    cannot be read has failed.
    """
    compiled, problems = checking.check(root)
    if problems:
        raise UnreadableError(problems)
    catalogue = read_catalogue(root)
    tested = Tested()
    for case in single_cases(root, compiled, catalogue, paths):
        _single(tested, case)
    if not tested.failed:
        _try_the_cases(tested, root, compiled, catalogue, paths)
    known = [one.lebenslage for one in compiled if one.lebenslage is not None]
    rules = Rulebook({lebenslage.name: lebenslage for lebenslage in known})
    leistungen = {plan.leistung for lebenslage in known for plan in lebenslage.plans}
    for path, called, node in journeys(root, paths):
        journey, problems = (
            (None, (node,)) if isinstance(node, Problem) else read_journey(path, called, catalogue, leistungen, node)
        )
        if journey is None:
            tested.failed += 1
            tested.lines += [str(problem) for problem in problems]
            continue
        outcome = run_journey(journey, rules)
        tested.outcomes.append(outcome)
        tested.passed += outcome.verdict == "passed"
        tested.failed += outcome.verdict == "failed"
        tested.lines += shown(outcome)
    return tested


def _try_the_cases(
    tested: Tested, root: Path, compiled: Sequence[Compiled], catalogue: Catalogue, paths: Sequence[Path]
) -> None:
    """Try the mutants of every Leistung of which a case is named, with all of its cases."""
    named = {(case.plan.lebenslage, case.plan.leistung) for case in single_cases(root, compiled, catalogue, paths)}
    every = list(single_cases(root, compiled, catalogue, ()))
    for one in compiled:
        cases = [case for case in every if case.plan.lebenslage == one.name and (one.name, case.plan.leistung) in named]
        for case in cases:
            held = hold_properties(case)
            tested.withheld += held.decisions
            tested.failed += bool(held.wrong)
            tested.lines += [f"{case.file}:{case.line}:{case.column}: {case.title}: {each}" for each in held.wrong]
        report = report_mutants(root, one, cases)
        tested.mutants += report.mutants
        tested.living += len(report.problems)
        tested.lines += [str(problem) for problem in report.problems]


def _single(tested: Tested, case: Case) -> None:
    differences = run(case)
    tested.passed += not differences
    tested.failed += bool(differences)
    tested.lines += [f"{case.file}:{case.line}:{case.column}: {case.title}: {each}" for each in differences]


def single_cases(
    root: Path, compiled: Sequence[Compiled], catalogue: Catalogue, paths: Sequence[Path]
) -> Iterator[Case]:
    """Yield the cases of single Leistungen. Raises ``UnreadableError``."""
    wanted = {path.resolve() for path in paths}
    for one in compiled:
        if one.lebenslage is None:
            continue
        cases, wrong = read_cases(one.folder, one.lebenslage, catalogue)
        if wrong:
            raise UnreadableError(wrong)
        for case in cases:
            file = (root / case.file).resolve()
            if not wanted or wanted & {file, *file.parents}:
                yield case


def journeys(root: Path, paths: Sequence[Path]) -> Iterator[tuple[Path, str, Node | Problem]]:
    """Yield the files below ``paths`` (else below ``root``) that hold a journey: how messages call them, what is in.

    A file that cannot be read, or holds no case although it lies where only cases lie, comes with what is wrong.
    """
    root = root.resolve()
    seen: set[Path] = set()
    for path in paths or sorted(root.glob("*/faelle")):
        files = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if path.is_dir() and not path.resolve().is_relative_to(root):  # below the root ``check`` says so
            yield from ((file, str(file), Problem(str(file), 1, 1, message)) for file, message in misnamed(path))
        for file in files:
            whole = file.resolve()
            if whole in seen or any(part.startswith("_") for part in file.relative_to(path).parts):
                continue
            seen.add(whole)
            called = str(whole.relative_to(root)) if whole.is_relative_to(root) else str(file)
            among_rules = whole.is_relative_to(root) and (path.is_dir() or "faelle" in whole.relative_to(root).parts)
            found = _journey(file, called, among_rules=among_rules)
            if found is not None:
                yield file, called, found


def _journey(file: Path, called: str, *, among_rules: bool) -> Node | Problem | None:
    """Return a journey, what is wrong instead, or None: a case of one Leistung, or a file of the rules themselves."""
    try:
        node = load(file, called)
    except RuleFileError as error:
        return error.problem
    if is_journey(node):
        return node
    if among_rules:
        return None
    message = "this is no case: a journey has 'fall' and 'verlauf', a case of one Leistung lies in its faelle/"
    if isinstance(node, Mapping) and "faelle" in node.entries:
        message = "a case of one Leistung is tried with the rules it lies beside; name their folder with --folder"
    return Problem(called, 1, 1, message)
