"""``proaktiv rules simulate | diff | picture | new``: trying rules out before anybody is meant. No database.

Thin: each command reads, calls one thing, prints. ``add_tools`` puts them beside the other commands.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput
from proaktiv.core.parameters import Value
from proaktiv.core.plans import Plan
from proaktiv.rulebook import check as checking
from proaktiv.rulebook import diff as comparing
from proaktiv.rulebook.catalogue import read_catalogue
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.drawing import svg
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.family_files import SimulationExtraMissing, read_families
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.new import bring_catalogue, scaffold
from proaktiv.rulebook.picture import Box, Pictures, mermaid
from proaktiv.rulebook.printing import fail, with_progress
from proaktiv.rulebook.simulate import TODAY, Counting, Tally, lines, versions

Folder = Annotated[
    Path | None,
    typer.Option("--folder", exists=True, file_okay=False, help="The rules folder; else the one of this installation."),
]
Today = Annotated[datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="The day to decide on.")]
Seed = Annotated[int, typer.Option(help="The same number makes the same families.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="This Lebenslage or Leistung alone, like geburt or geburt/ELTERNGELD."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")]


def add_tools(app: typer.Typer, clock: Callable[[], datetime] | None) -> None:
    """Add the commands to ``app``; ``clock`` says what day it is where ``--today`` does not."""
    tools = _Tools(clock)
    app.command("simulate")(tools.simulate)
    app.command("diff")(tools.diff)
    app.command("picture")(tools.picture)
    app.command("new")(tools.new)


class _Tools:
    def __init__(self, clock: Callable[[], datetime] | None) -> None:
        self.clock = clock

    def simulate(
        self,
        file: Annotated[
            Path | None, typer.Argument(exists=True, dir_okay=False, help="Synthetic families: CSV or Parquet.")
        ] = None,
        families: Annotated[int, typer.Option(min=1, max=10_000_000, help="Make so many, without FILE.")] = 10_000,
        seed: Seed = 1,
        today: Today = None,
        only: Only = None,
        vectorised: Annotated[bool, typer.Option("--vectorised", help="With Polars: proaktiv[simulation].")] = False,
        as_json: AsJson = False,
        folder: Folder = None,
    ) -> None:
        """Decide synthetic families: results, a funnel of conditions, and which unknown fact matters most."""
        root, day = folder or rules_folder(), self.day(today)
        plans = _plans(_compiled(root), only or ())
        tallies = []
        try:
            rows = read_families(file, read_catalogue(root), _facts(plans)) if file else None
            for group in _groups(plans):
                drawn = rows if rows is not None else Families(group, day, seed).rows(families)
                fitting = [plan for plan in group if rows is None or _fits(plan, rows)]
                length = len(rows) if rows is not None else families
                tallies += _tally(fitting, drawn, length, day, vectorised=vectorised)
        except BadInput as error:
            fail(str(error))
        made = {"file": file.name} if file else {"families": families, "seed": seed}
        if as_json:
            about = {**made, "synthetic": True, "today": day.isoformat()}
            typer.echo(
                json.dumps({**about, "leistungen": [one.to_json() for one in tallies]}, ensure_ascii=False, indent=2)
            )
            return
        typer.echo(f"synthetic families ({', '.join(f'{k} {v}' for k, v in made.items())}) on {day}: no population")
        for tally in tallies:
            typer.echo("\n" + "\n".join(lines(tally)))

    def diff(
        self,
        old: Annotated[
            Path, typer.Argument(exists=True, help="Rules folder, or a released Lebenslage or Plan (JSON).")
        ],
        new: Annotated[Path, typer.Argument(exists=True, help="The same, after the change.")],
        families: Annotated[int, typer.Option(min=1, max=1_000_000, help="Families for each Leistung.")] = 10_000,
        seed: Seed = 1,
        examples: Annotated[int, typer.Option(min=0, max=20, help="Families shown for each changed cell.")] = 3,
        today: Today = None,
        only: Only = None,
        as_json: AsJson = False,
    ) -> None:
        """Say what a change of rules changes, on synthetic families: old against new, with examples."""
        try:
            before, after = (
                {name: plan for name, plan in comparing.read_plans(path).items() if _wanted(name, only or ())}
                for path in (old, new)
            )
        except BadInput as error:
            fail(str(error))
        day = self.day(today)
        found = comparing.differ(before, after, families=families, seed=seed, today=day, examples=examples)
        if as_json:
            about = {"families": families, "seed": seed, "synthetic": True, "today": day.isoformat()}
            typer.echo(json.dumps({**about, **found.to_json()}, ensure_ascii=False, indent=2))
            return
        typer.echo("\n".join(comparing.lines(found)))

    def picture(
        self,
        lebenslage: Annotated[str, typer.Argument(help="Whose pictures, like geburt.")],
        leistung: Annotated[str, typer.Argument(help="One Leistung alone, like ELTERNGELD.")] = "",
        to: Annotated[Path, typer.Option(file_okay=False, help="Where to write .svg and .mmd.")] = Path(),
        folder: Folder = None,
    ) -> None:
        """Draw a Lebenslage and its Leistungen, or one Leistung: SVG for a page, Mermaid for a text."""
        root = folder or rules_folder()
        found = next((one.lebenslage for one in _compiled(root) if one.name == lebenslage), None)
        if found is None:
            fail(f"no Lebenslage {lebenslage}")
        plans = [plan for plan in found.plans if leistung in {"", plan.leistung}]
        if leistung and not plans:
            fail(f"no Leistung {leistung} in {lebenslage}; there are: {', '.join(p.leistung for p in found.plans)}")
        pictures = Pictures(read_catalogue(root), found)
        boxes: dict[str, Box] = {} if leistung else {lebenslage: pictures.of_lebenslage()}
        boxes |= {f"{lebenslage}-{plan.leistung.lower()}": pictures.of_leistung(plan) for plan in plans}
        to.mkdir(parents=True, exist_ok=True)
        for name, box in boxes.items():
            (to / f"{name}.svg").write_text(svg(box, box.text))
            (to / f"{name}.mmd").write_text(mermaid(box))
            typer.echo(f"{to / name}.svg .mmd")

    def new(
        self,
        lebenslage: Annotated[str, typer.Argument(help="Small letters, like einschulung; a new folder, or one there.")],
        leistung: Annotated[str, typer.Argument(help="Capitals, like SCHULGELD; else as the Lebenslage.")] = "",
        folder: Folder = None,
    ) -> None:
        """Write a sample to begin with: a Leistung that passes check, whose cases hold, with every line to replace."""
        root = folder or rules_folder()
        day = self.day(None)
        try:
            written = (*bring_catalogue(root, rules_folder()), *scaffold(root, lebenslage, leistung, day))
        except BadInput as error:
            fail(str(error))
        for path in written:
            typer.echo(path)
        typer.echo("replace every line that says so; then: proaktiv rules check, proaktiv rules test")

    def day(self, given: datetime | None) -> date:
        """Return the day that is given, or today in Berlin."""
        if given is None and self.clock is None:
            fail("say --today")
        return given.date() if given else berlin_date(self.clock()) if self.clock else date.min


def _compiled(root: Path) -> tuple[Compiled, ...]:
    compiled, problems = checking.check(root)
    if problems:
        fail("\n".join(str(problem) for problem in problems))
    return compiled


def _wanted(name: str, only: Sequence[str]) -> bool:
    return not only or name in only or name.partition("/")[0] in only


def _plans(compiled: Iterable[Compiled], only: Sequence[str]) -> list[Plan]:
    every = [plan for one in compiled if one.lebenslage for plan in one.lebenslage.plans]
    found = [plan for plan in every if _wanted(f"{plan.lebenslage}/{plan.leistung}", only)]
    if not found:
        fail(f"no rule is called {', '.join(only)}")
    return found


def _groups(plans: Sequence[Plan]) -> list[list[Plan]]:
    """Return the Plans by Lebenslage: those of one decide the same families."""
    return [[plan for plan in plans if plan.lebenslage == name] for name in dict.fromkeys(p.lebenslage for p in plans)]


def _facts(plans: Iterable[Plan]) -> frozenset[str]:
    return frozenset().union(*(one.benoetigt for plan in plans for one in (plan, *plan.fassungen))) | {TODAY}


def _fits(plan: Plan, rows: Sequence[dict[str, Value]]) -> bool:
    """Return whether a file says anything of what decides a Plan."""
    needed = {*plan.benoetigt}
    return any(needed & row.keys() for row in rows)


def _tally(
    plans: Sequence[Plan], rows: Iterable[dict[str, Value]], length: int, today: date, *, vectorised: bool
) -> list[Tally]:
    fassungen = [fassung for plan in plans for fassung in versions(plan)]
    shown = with_progress(rows, length, plans[0].lebenslage) if plans else ()
    if vectorised:
        try:
            from proaktiv.rulebook import vectorised as tables  # Polars is an extra
            from proaktiv.rulebook import vectorised_tally
        except ModuleNotFoundError:
            raise SimulationExtraMissing("--vectorised") from None
        every = [{TODAY: today, **row} for row in shown]
        return [vectorised_tally.tally(plan, tables.table_of(plan, every)) for plan in fassungen]
    countings = [Counting(plan, today) for plan in fassungen]
    for row in shown:
        for counting in countings:
            counting.add(row)
    return [counting.tally() for counting in countings]
