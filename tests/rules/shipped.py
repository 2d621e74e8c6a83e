"""The rules of this checkout, read once: catalogue, Lebenslagen, Plans, cases."""

from pathlib import Path

from proaktiv.core.plans import Plan
from proaktiv.rulebook.cases import Case, read_cases
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.check import check
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.folder import rules_folder

ROOT: Path = rules_folder()
CATALOGUE: Catalogue = read_catalogue(ROOT)
COMPILED: tuple[Compiled, ...] = tuple(one for one in check(ROOT)[0] if one.lebenslage)
PLANS: tuple[Plan, ...] = tuple(plan for one in COMPILED if one.lebenslage for plan in one.lebenslage.plans)


def cases_of(compiled: Compiled) -> list[Case]:
    """Return the cases of one Lebenslage."""
    return read_cases(compiled.folder, compiled.lebenslage, CATALOGUE)[0] if compiled.lebenslage else []
