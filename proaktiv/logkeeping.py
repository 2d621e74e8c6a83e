"""``proaktiv log erase | hold | holds | release | retain``: what may leave the log, and what must stay. Thin.

Each command reads, calls one thing, prints. Left to others: erasing (``keys``), holds and retention (``flowlog``).
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

from proaktiv.flowlog.keeping.holds import Held
from proaktiv.flowlog.keeping.retention import Preview
from proaktiv.keys.commands import print_erased, print_refusals
from proaktiv.keys.erasing import Eraser, Reason
from proaktiv.keys.requested import Requested
from proaktiv.keys.waiting import COMPANY, Waiting
from proaktiv.logretention import LogRetention
from proaktiv.pipeline import Pipeline

_ERASE = """Erase persons (Art. 17 DSGVO): their keys, their data, their part of the log. Nobody can undo it.

The requests of a day are done together, so that no entry in the log groups one person's: `ask` puts somebody on the
list, `proaktiv work --erase` does the list on the next day, `run` does it now. The same erasure as `proaktiv keys
destroy`; needs what that needs."""
_RETAIN = """Let entries of the log go whose purpose's period is over, and tell of it in the log. Tiles stay.

`proaktiv work --erase` does it once a month by itself. The periods: 730 days, and PROAKTIV_LOG_RETENTION."""

By = Annotated[str, typer.Option("--by", help="Your id in the house; it stands in the part that only the DSB reads.")]
And = Annotated[str, typer.Option("--and", help="The second person who decided.")]
Why = Annotated[str, typer.Option(help="The file number that demands it. No names.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_DAY = ["%Y-%m-%d"]


def add_commands(
    app: typer.Typer,
    opening_office: Callable[[], AbstractContextManager[Pipeline]],
    opening_retention: Callable[[], AbstractContextManager[LogRetention]],
    opening_eraser: Callable[[], AbstractContextManager[Eraser]],
) -> None:
    """Add the commands to those of the log; each opens what it needs and nothing more."""
    app.add_typer(
        _erasing(opening_eraser), name="erase", short_help="Erase persons for ever, a day's requests together."
    )
    _holding(app, opening_office)

    @app.command("retain", help=_RETAIN)
    def retain(
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only; nothing is changed.")] = False,
        on: Annotated[
            datetime | None, typer.Option(formats=_DAY, help="With --dry-run: what a run on that day would take.")
        ] = None,
        by: By = "system",
        as_json: AsJson = False,
    ) -> None:
        """See ``_RETAIN``."""
        if on is not None and not dry_run:
            raise typer.BadParameter("a real run is always today's; --on needs --dry-run", param_hint="--on")
        with opening_retention() as retention:
            before = retention.preview(on.date() if on else None)
            gone = 0 if dry_run else _run(retention, before, by, quiet=as_json)
        if as_json:
            typer.echo(json.dumps(before.to_json() if dry_run else {"removed": gone}, ensure_ascii=False))
            return
        _print(before)
        said = "Nothing was changed." if dry_run else f"{gone:,} entries went; each set stands in the log."
        typer.echo(said)


def _run(retention: LogRetention, before: Preview, by: str, *, quiet: bool) -> int:
    columns = (TextColumn("entries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=sum(before.due.values()))
        return retention.run(by, lambda gone: bar.update(task, completed=gone))


def _print(before: Preview) -> None:
    typer.echo(
        f"{before.today:%d.%m.%Y}: minimum index {before.minimum}, {before.removed_before:,} entries went before"
    )
    for word, counts in (("over", before.due), ("stays", before.kept)):
        for name, n in sorted(counts.items()):
            typer.echo(f"  {word:<6} {n:>10,}  {name}")


# erasing --------------------------------------------------------------------------------------------------------------


def _erasing(opening: Callable[[], AbstractContextManager[Eraser]]) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_ERASE)

    @app.command("ask")
    def ask(
        persons: Annotated[list[UUID], typer.Argument(help="Person keys, from `proaktiv keys person`.")],
        reason: Annotated[Reason, typer.Option(help="The ground in Art. 17 Abs. 1 DSGVO; stands open in the log.")],
        by: By,
        and_by: And,
        case: Annotated[str, typer.Option(help="File number of the request; for the DSB alone.")] = "",
    ) -> None:
        """Put persons on the list. Refused while a hold or an Auftrag that is about to leave stands."""
        with opening() as eraser, print_refusals():
            new = Waiting(eraser).ask(persons, reason, by, and_by, case)
        typer.echo(f"{new} more wait to be erased; proaktiv work --erase does it tomorrow, proaktiv log erase run now")

    @app.command("list")
    def show(as_json: AsJson = False) -> None:
        """List who waits, and since when; what two people wished in the office comes onto the list before."""
        with opening() as eraser:
            Requested(Waiting(eraser)).take()
            rows = Waiting(eraser).asked()
        told = [
            {"person": str(row.person), "reason": row.reason, "asked_at": row.asked_at.isoformat(), "case": row.case_id}
            for row in rows
        ]
        if as_json:
            typer.echo(json.dumps(told, ensure_ascii=False))
        for one in () if as_json else told:
            typer.echo(f"{one['person']}  {one['reason']:<10} since {one['asked_at'][:16]}  {one['case']}")

    @app.command("drop")
    def drop(person: Annotated[UUID, typer.Argument(help="Who took the request back.")]) -> None:
        """Take somebody off the list."""
        with opening() as eraser:
            Waiting(eraser).drop(person)
        typer.echo(f"person {person}: off the list")

    @app.command("run")
    def run(
        alone: Annotated[bool, typer.Option("--alone", help="Also somebody who is alone on the list.")] = False,
        really: Annotated[bool, typer.Option("--really", help="Do it.")] = False,
    ) -> None:
        """Erase everybody on the list, in one transaction; without --really only say who that would be."""
        with opening() as eraser:
            Requested(Waiting(eraser)).take()
            if not really:
                typer.echo(
                    f"{len(Waiting(eraser).asked())} wait. Nothing was changed. With --really it is done, for ever."
                )
                return
            done = Waiting(eraser).run(wait=not alone)
        print_erased(done.erased, "Erased")
        for person, reasons in done.refused.items():
            for reason in reasons:
                typer.echo(f"Waits: person {person}: {reason}", err=True)
        if done.waiting:
            typer.echo(f"Waits: one alone would stand out in the log; goes after {COMPANY.days} days, or with --alone")

    return app


# holding --------------------------------------------------------------------------------------------------------------


def _holding(app: typer.Typer, opening: Callable[[], AbstractContextManager[Pipeline]]) -> None:
    @app.command("hold")
    def hold(
        reason: Why,
        review_on: Annotated[datetime, typer.Option(formats=_DAY, help="When to look whether it is still needed.")],
        by: By,
        and_by: And,
        entry: Annotated[UUID | None, typer.Option(help="Keep this entry (its id, `flow` in findings).")] = None,
        first: Annotated[
            datetime | None, typer.Option("--from", formats=_DAY, help="Keep whole days from this …")
        ] = None,
        last: Annotated[datetime | None, typer.Option("--until", formats=_DAY, help="… to this one.")] = None,
        purpose: Annotated[str, typer.Option(help="Of those days, entries of this purpose alone.")] = "",
    ) -> None:
        """Keep entries of the log from retention until two people release them. Logged. For persons: retention hold."""
        held = Held(entry, first.date() if first else None, last.date() if last else None, purpose)
        with opening() as pipeline:
            placed = pipeline.hold_entries(held, reason=reason, review_on=review_on.date(), by=by, and_by=and_by)
        typer.echo(f"Hold {placed}.")

    @app.command("release")
    def release(
        hold_id: Annotated[UUID, typer.Argument(help="The hold's id, from `proaktiv log holds`.")],
        reason: Why,
        by: By,
        and_by: And,
    ) -> None:
        """Release a hold: what is over goes with the next run. Logged."""
        with opening() as pipeline:
            pipeline.release_entries(hold_id, reason=reason, by=by, and_by=and_by)
        typer.echo(f"Hold {hold_id}: released.")

    @app.command("holds")
    def holds(as_json: AsJson = False) -> None:
        """List the holds on entries that stand."""
        with opening() as pipeline:
            found = pipeline.held_entries()
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        for one in () if as_json else found:
            days = f"entry {one['entry']}" if one["entry"] else f"{one['from'][:10]} to {one['until'][:10]}"
            who = " + ".join(one["by"])
            typer.echo(f"{one['id']}  {days} {one['purpose']}  {one['reason']}  by {who}, look on {one['review_on']}")
