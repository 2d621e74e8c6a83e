"""``proaktiv retention``: delete what is over, see before what that would be, keep what must be kept.

Shows numbers, days and ids, nothing personal. Left to others: the table (``core.retention``), the sets
(``steps.retain``); the worker does by itself once a day what ``run`` does by hand.
"""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from proaktiv.core.errors import NotSafe
from proaktiv.core.retention import page
from proaktiv.core.terms import Terms
from proaktiv.pipeline import Pipeline
from proaktiv.steps.retain import Preview

Opening = Callable[[], AbstractContextManager[Pipeline]]


def make_app(opening: Opening, terms: Callable[[], Terms]) -> typer.Typer:
    """Return the commands; ``opening`` builds the office's share of the installation, ``terms`` reads its periods."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="What is kept how long: delete what is over, preview it, hold what must be kept.",
    )

    @app.command("run")
    def run(
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; nothing is changed.")] = False,
        on: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="With --dry-run: what a run on that day would delete."),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Delete everything whose time is over, set by set, each logged; with --dry-run only say what that would be."""
        if on is not None and not dry_run:
            raise typer.BadParameter("a real run is always today's; --on needs --dry-run", param_hint="--on")
        with opening() as pipeline:
            before = pipeline.preview_retention(on.date() if on else None)
            if before.written:
                raise NotSafe("the preview wrote something; nothing was deleted, call the maker")
            if not dry_run:
                taken = _delete(pipeline, before, quiet=as_json)
        if as_json:
            typer.echo(json.dumps(_json(before) if dry_run else {"deleted": taken}, ensure_ascii=False))
        elif dry_run:
            _print(before)
        else:
            typer.echo(f"{sum(taken.values())} rows deleted or emptied; each set stands in the flow log.")

    @app.command("hold")
    def hold(
        reason: Annotated[str, typer.Option(help="The file number that demands it. No names.")],
        by: Annotated[str, typer.Option(help="Your id in the house; it stands in the flow log.")],
        person: Annotated[UUID | None, typer.Option(help="Keep everything of this person (person key).")] = None,
        auftrag: Annotated[UUID | None, typer.Option(help="Keep this Auftrag and what proves it.")] = None,
    ) -> None:
        """Keep a person's data, or an Auftrag, from deletion until it is released. Logged with your id."""
        with opening() as pipeline:
            placed = pipeline.hold(person=person, auftrag=auftrag, reason=reason, by=by)
        typer.echo(f"Hold {placed}.")

    @app.command("release")
    def release(
        hold_id: Annotated[UUID, typer.Argument(help="The hold's id, from `proaktiv retention run --dry-run`.")],
        reason: Annotated[str, typer.Option(help="Why it is no longer needed: a file number. No names.")],
        by: Annotated[str, typer.Option(help="Your id in the house; it stands in the flow log.")],
    ) -> None:
        """Release a hold: what is over goes with the next run. Logged with your id."""
        with opening() as pipeline:
            pipeline.release_hold(hold_id, reason=reason, by=by)
        typer.echo(f"Hold {hold_id}: released.")

    @app.command("table")
    def table() -> None:
        """Print the whole table of what is kept how long, since when and why, as Markdown, with your periods."""
        typer.echo(page(terms()), nl=False)

    return app


def _delete(pipeline: Pipeline, before: Preview, *, quiet: bool) -> dict[str, int]:
    due = sum(each.n for each in before.counted)
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=due)
        return pipeline.delete_all(lambda rule, n: bar.update(task, description=rule, advance=n))


def _json(preview: Preview) -> dict[str, object]:
    return {
        "on": preview.on.isoformat(),
        "written": preview.written,
        "due": [
            {
                "rule": each.rule.name,
                "table": each.rule.table,
                "columns": list(each.rule.columns),
                "n": each.n,
                "oldest": each.oldest.isoformat() if each.oldest else "",
                "period": str(preview.terms.default[each.rule.term]),
                "lebenslagen": {name: str(own) for name, own in each.rule.own(preview.terms).items()},
                "source": each.rule.source,
                "held": each.held,
            }
            for each in preview.counted
        ],
        "holds": list(preview.holds),
    }


def _print(preview: Preview) -> None:
    shown = [each for each in preview.counted if each.n or each.held]
    title = f"{preview.on:%d.%m.%Y}: {sum(each.n for each in shown)} zu löschen"
    table = Table("Regel", "was", "Zahl", "ältestes", "Frist", "Quelle", "gesperrt", title=title)
    for each in shown:
        oldest = f"{each.oldest:%d.%m.%Y}" if each.oldest else ""
        period = each.rule.period(preview.terms)
        table.add_row(
            each.rule.name, each.rule.what, str(each.n), oldest, period, each.rule.source, str(each.held or "")
        )
    console = Console()
    if shown:
        console.print(table)
    else:
        typer.echo(f"{preview.on:%d.%m.%Y}: nichts zu löschen.")
    for hold in preview.holds:
        about = f"person {hold['person']}" if hold["person"] else f"auftrag {hold['auftrag']}"
        typer.echo(f"held: {hold['id']}  {about}  {hold['reason']}  by {hold['by']} since {hold['since'][:10]}")
    typer.echo("Nothing was changed: PostgreSQL gave this read-only transaction no number to write under.")
