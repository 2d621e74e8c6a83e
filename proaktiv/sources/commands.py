"""``proaktiv sources …`` for the clerk who decides about a quarantine, ``proaktiv events …`` for a register's vendor.

Thin: each command reads, calls one thing, prints. The entry point hands in how the house is opened.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer

from proaktiv.core.errors import BadInput
from proaktiv.core.events import RegisterEvent, read_batch
from proaktiv.sources.folder import as_batch
from proaktiv.sources.pages import write_pages


class SourceLike(Protocol):
    """How a client stands."""

    @property
    def client(self) -> str:
        """Return its id."""
        ...

    @property
    def active(self) -> bool:
        """Return whether it may report."""
        ...

    @property
    def today(self) -> int:
        """Return how many events it reported today."""
        ...

    @property
    def daily_max(self) -> int:
        """Return how many it may report a day."""
        ...

    @property
    def quarantined(self) -> int:
        """Return how many of its events wait for a human."""
        ...

    @property
    def since(self) -> datetime | None:
        """Return since when."""
        ...


class HouseLike(Protocol):
    """What the commands ask of the pipeline."""

    def sources(self) -> Sequence[SourceLike]:
        """Return every client."""
        ...

    def release_source(self, client_id: str, by: str) -> int:
        """Let everything quarantined of a client go on. Raises ``NotFound``."""
        ...

    def reject_source(self, client_id: str, by: str) -> int:
        """End everything quarantined of a client. Raises ``NotFound``."""
        ...


Client = Annotated[str, typer.Argument(help="Id of the client, as `proaktiv sources list` names it.")]
By = Annotated[str, typer.Option("--by", help="Who decided; stands in the part of the log that only the DSB reads.")]


def make_sources_app(open_house: Callable[[], AbstractContextManager[HouseLike]]) -> typer.Typer:
    """Return the ``sources`` commands. They run with the office's settings."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Sources of events, and what of them waits for a human."
    )

    @app.command("list")
    def list_sources() -> None:
        """List every client: events today, what it may report, what of it is in quarantine."""
        with open_house() as house:
            for source in house.sources():
                waits = (
                    f"{source.quarantined} in quarantine since {source.since:%Y-%m-%d %H:%M} UTC"
                    if source.since
                    else "-"
                )
                state = "active" if source.active else "switched off"
                typer.echo(f"{source.client:<24} {state:<12} today {source.today}/{source.daily_max}  {waits}")

    @app.command("release")
    def release(client: Client, by: By) -> None:
        """Let everything in quarantine of a client go on, and the rest of its day."""
        with open_house() as house:
            typer.echo(f"{house.release_source(client, by)} events go on.")

    @app.command("reject")
    def reject(client: Client, by: By) -> None:
        """End everything in quarantine of a client and lift the stops it brought; tell the register to report anew."""
        with open_house() as house:
            typer.echo(f"{house.reject_source(client, by)} events are rejected; tasks stop.lifted say where to look.")

    return app


def make_events_app(clock: Callable[[], datetime]) -> typer.Typer:
    """Return the ``events`` commands. They need neither settings nor a database."""
    app = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, help="Events: check a file, write the vendor's pages."
    )

    @app.command("check")
    def check(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="One CloudEvent, or a batch, as JSON.")],
    ) -> None:
        """Say whether the intake could read a file, event by event. Exit 1 where it could not. Keeps nothing."""
        try:
            reports = read_batch(as_batch(file.read_bytes()), clock())
        except BadInput as wrong:
            typer.echo(f"the file {wrong.message}")
            raise typer.Exit(1) from None
        for number, report in enumerate(reports):
            said = (
                "ok"
                if isinstance(report.event, RegisterEvent)
                else f"{report.event.field or '/'} {report.event.message}"
            )
            typer.echo(f"event {number}: {said}")
        if not all(isinstance(report.event, RegisterEvent) for report in reports):
            raise typer.Exit(1)

    @app.command("docs")
    def docs(
        folder: Annotated[Path, typer.Argument(file_okay=False, help="Folder to write, as docs/events.")],
    ) -> None:
        """Write JSON Schema, example and index of every kind of event, as this program reads them."""
        for path in write_pages(folder):
            typer.echo(str(path))

    return app
