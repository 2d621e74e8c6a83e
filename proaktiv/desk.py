"""``proaktiv tasks`` and ``proaktiv incidents``: the clerk's and the DSB's desk in a shell, until it has pages.

Shows ids and plain sentences, nothing personal: who a matter is about stands behind a gate of its own.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from proaktiv.core.tasks import How
from proaktiv.pipeline import Pipeline

Opening = Callable[[], AbstractContextManager[Pipeline]]


def make_app(opening: Opening) -> typer.Typer:
    """Return the commands; ``opening`` builds the office's share of the installation."""
    app = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="What waits for a human: list it, do it, say how it ended.",
    )

    @app.command("list")
    def show(
        behoerde: Annotated[str, typer.Option(help="Only tasks of this Behörde (its id).")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    ) -> None:
        """List open tasks, oldest first: what happened, what to do, and the ways to end it."""
        with opening() as pipeline:
            found = pipeline.tasks(behoerde)
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
        elif found:
            _print(found)
        else:
            typer.echo("Nichts zu tun. Nothing waits for a human.")

    @app.command("done")
    def done(
        task: Annotated[UUID, typer.Argument(help="The task's id, from `proaktiv tasks list`.")],
        how: Annotated[
            How,
            typer.Argument(
                help="done: seen to elsewhere. again: try once more. arrived: it is there. "
                "to_citizen: the person gets a sheet instead. withdrawn: the person wants it no longer."
            ),
        ],
        by: Annotated[str, typer.Option(help="Your id in the house; it stands in the flow log.")],
    ) -> None:
        """End one task. It is logged with your id, and the person it is about sees it."""
        with opening() as pipeline:
            pipeline.finish(task, how, by)
        typer.echo(f"Task {task}: {how.value}.")

    return app


def add_disclosure(app: typer.Typer, opening: Opening) -> None:
    """Add ``proaktiv log disclose`` to the log's commands; ``opening`` builds the office's share."""

    @app.command("disclose")
    def disclose(
        entry: Annotated[UUID, typer.Argument(help="The entry's id; the DSB's page shows it.")],
        reason: Annotated[str, typer.Option(help="Why it need not be kept from the person any more.")],
        by: Annotated[str, typer.Option(help="Your id in the house; it stands in the flow log.")],
    ) -> None:
        """Show a person an entry that was kept from them (an investigation that ended). Told in the log, for ever."""
        with opening() as pipeline:
            done = pipeline.release_entry(entry, reason=reason, by=by)
        typer.echo(f"Entry {entry} is shown to its person from now on; entry {done} says so.")


def incidents(opening: Opening, *, as_json: bool) -> None:
    """Print what the DSB must see, newest first."""
    with opening() as pipeline:
        found = pipeline.incidents()
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for each in found:
        typer.echo(f"{each['at']}  {each['what']}  {each['matter']}")
    if not found:
        typer.echo("No incidents.")


def _print(found: list[dict[str, Any]]) -> None:
    table = Table(
        "seit", "Aufgabe", "was geschah · was zu tun ist", "Wege", title=f"{len(found)} offen", show_lines=True
    )
    for each in found:
        about = f"{each['what']}\n{each['id']}"
        if each["behoerde"]:
            about += f"\n{each['behoerde']}"
        table.add_row(each["made_at"][:16], about, _said(each), "\n".join(each["ways"]))
    Console().print(table)


def _said(task: dict[str, Any]) -> str:
    frist = f"\nKeine Frist endet vor dem {task['no_frist_before']}." if task["no_frist_before"] else ""
    return f"{task['says']}\n{task['do']}{frist}"
