"""What commands of rule authors share: ending with a reason, and showing how far a long run is."""

import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

import typer

Row = TypeVar("Row")


def fail(message: str) -> NoReturn:
    """Say ``message`` on stderr and end the command with 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def with_progress(rows: Iterable[Row], length: int, label: str) -> Iterator[Row]:
    """Yield ``rows``, with a bar on stderr where that is a terminal; nothing is shown in a pipe or a log."""
    if not sys.stderr.isatty():
        yield from rows
        return
    with typer.progressbar(rows, length=length, label=label, file=sys.stderr) as bar:
        yield from bar
