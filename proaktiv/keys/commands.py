"""``proaktiv keys …``: what the keeper of keys and whoever answers an erasure request type. Thin: read, call, print.

The entry point hands in how keeper and eraser are opened, each with its own database role and settings.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from proaktiv.bars import bar
from proaktiv.keys.erasing import Erased, Eraser, Reason, Refused
from proaktiv.keys.keeping import Keeper
from proaktiv.keys.obstacles import LEAVING
from proaktiv.keys.rotation import Share
from proaktiv.vault import Compartment
from proaktiv.wrapping import nameless

_HELP = """The vault's keys: rotate KEKs, back keys up and bring them back, destroy a person for ever.

rotate, status, backup and restore log in as PROAKTIV_KEEPER_URL and hold all KEKs. destroy, reconcile and person log
in as PROAKTIV_ERASER_URL, hold no KEK, and keep PROAKTIV_DESTROYED_LIST, a file outside the database and its backups.
Step by step: docs/operating.md, "Schlüssel"."""

_ROTATE = """Bring every data key of a compartment under its present KEK, while everything runs.

Before: give every process the coming KEK in PROAKTIV_KEK_<COMPARTMENT>_OTHERS and restart it; then swap the two in
every process and restart again. Then run this, as often as you like: what was ended goes on where it stood. When
`proaktiv keys status` says that nothing is left under the former KEK, take it out of _OTHERS. Exit 1 while keys are
left."""

_DESTROY = """Destroy persons for ever: all keys, all sealed data, their part of the log. Nobody can undo it.

Two people decide (--by, --and). Without --really it only prints what would go. Children go along of whom no other
holder with a consent is left. Refused while a hold (`proaktiv retention hold`) or an Auftrag that is about to leave
stands; what a Behörde has already runs on there and is listed: tell the Behörde by hand. Run it once a day for all
requests together, so that one entry in the log does not show one person's."""

By = Annotated[str, typer.Option("--by", help="Who does it; stands in the part of the log that only the DSB reads.")]
Listed = Annotated[
    Path, typer.Option("--destroyed", help="The newest list of destroyed persons (PROAKTIV_DESTROYED_LIST).")
]


class Which(StrEnum):
    """What is rotated."""

    ALL = "all"
    VIEW = "view"
    CONTACT = "contact"
    FACTS = "facts"
    FLOW = "flow"
    PROOF = "proof"


def make_app(
    open_keeper: Callable[[], AbstractContextManager[Keeper]],
    open_eraser: Callable[[], AbstractContextManager[Eraser]],
) -> typer.Typer:
    """Return the ``keys`` commands."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=_HELP)
    _of_the_keeper(app, open_keeper)
    _of_the_eraser(app, open_eraser)
    return app


def _of_the_keeper(app: typer.Typer, opening: Callable[[], AbstractContextManager[Keeper]]) -> None:
    @app.command("status")
    def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False) -> None:
        """Say under which KEK how many keys are. Exit 1 while any key is not under the present one."""
        with opening() as keeper:
            found = keeper.shares()
        if _print_shares(found, as_json=as_json):
            raise typer.Exit(1)

    @app.command("rotate", help=_ROTATE)
    def rotate(which: Annotated[Which, typer.Argument(help="One compartment, or all of them.")], by: By) -> None:
        """See ``_ROTATE``."""
        left = 0
        with opening() as keeper:
            for compartment in Compartment if which is Which.ALL else (Compartment(which.value),):
                with bar(f"{compartment} keys", keeper.left(compartment)) as tell:
                    done = keeper.rotate(compartment, by, tell)
                left += done.left
                typer.echo(f"{compartment:<8} {done.done:,} keys are now under {done.kek}, {done.left:,} are left")
                for person in done.closed[:20]:
                    typer.echo(f"{compartment:<8} the key of person {person} opens with no KEK held here", err=True)
        if left:
            raise typer.Exit(1)

    @app.command("backup")
    def backup(
        file: Annotated[Path, typer.Argument(help="A new file; keep it apart from the database's backups.")],
        by: By,
        days: Annotated[int, typer.Option(min=1, max=30, help="How long it is good for; then delete it.")] = 14,
    ) -> None:
        """Write all wrapped keys into a file. Without the KEKs it opens nothing, and nobody can change it."""
        with opening() as keeper, bar("keys", None) as tell:
            rows = keeper.backup(file, by, days, tell)
        typer.echo(f"{file}: {rows:,} keys, good for {days} days.")

    @app.command("restore")
    def restore(
        file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="From `proaktiv keys backup`.")],
        destroyed: Listed,
        by: By,
    ) -> None:
        """Bring back keys that the database lost. Who was destroyed stays destroyed; what is there stays as it is."""
        with opening() as keeper, bar("keys", None) as tell:
            done = keeper.restore(file, destroyed, by, tell)
        typer.echo(
            f"{done.brought_back:,} keys are back, {done.there:,} were there, {done.destroyed:,} are of destroyed"
            f" persons, {done.unknown:,} of persons whom this database does not know, {done.closed:,} do not open"
        )
        typer.echo("Now run: proaktiv keys reconcile")


def _of_the_eraser(app: typer.Typer, opening: Callable[[], AbstractContextManager[Eraser]]) -> None:
    @app.command("destroy", help=_DESTROY)
    def destroy(
        persons: Annotated[list[UUID], typer.Argument(help="Person keys, from `proaktiv keys person`.")],
        reason: Annotated[Reason, typer.Option(help="The ground in Art. 17 Abs. 1 DSGVO; stands open in the log.")],
        by: By,
        and_by: Annotated[str, typer.Option("--and", help="The second person who decided.")],
        case: Annotated[str, typer.Option(help="File number of the request; for the DSB alone.")] = "",
        really: Annotated[bool, typer.Option("--really", help="Do it.")] = False,
    ) -> None:
        """See ``_DESTROY``."""
        with opening() as eraser, print_refusals():
            done = eraser.destroy(persons, reason, by, and_by, case) if really else eraser.look(persons)
        print_erased(done, "Destroyed" if really else "Would be destroyed")
        if not really:
            typer.echo("Nothing was changed. With --really it is done, for ever.")

    @app.command("reconcile")
    def reconcile(by: By) -> None:
        """After a database was restored: destroy again who is in the list of destroyed persons and came back."""
        with opening() as eraser, print_refusals():
            done = eraser.reconcile(by)
        if done.persons:
            print_erased(done, "Destroyed again")
        else:
            typer.echo("Nobody in the list stands in the database.")

    @app.command("person")
    def person() -> None:
        """Print the person key for a register's own key, read from stdin: an argument would stand in process lists."""
        register_id = typer.get_text_stream("stdin").readline().strip()
        with opening() as eraser:
            typer.echo(str(eraser.find(register_id)))


def _print_shares(found: Sequence[Share], *, as_json: bool) -> int:
    """Print under which KEK how many keys are; return how many are not under the present one."""
    left = sum(share.keys for share in found if not share.present)
    if as_json:
        told = [
            {"compartment": s.compartment, "kek": s.kek, "keys": s.keys, "present": s.present, "held": s.held}
            for s in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False))
        return left
    for share in found:
        what = "present" if share.present else "left: proaktiv keys rotate" if share.held else "not held here"
        if nameless(share.compartment, share.kek):
            what = "of before KEKs had names: proaktiv keys rotate"
        typer.echo(f"{share.compartment:<8} {share.kek:<17} {share.keys:>10,}  {what}")
    typer.echo(f"{left:,} keys are left." if left else "Nothing is left under a former KEK.")
    return left


def print_erased(done: Erased, word: str) -> None:
    """Print what went, or would."""
    for person in done.persons:
        typer.echo(f"{word}: person {person}")
    for child in done.children:
        typer.echo(f"{word}: child {child}, of whom nobody else keeps it")
    for table, rows in sorted(done.rows.items()):
        typer.echo(f"  {table:<20} {rows:>8,} rows")
    typer.echo(f"  {'flow log':<20} {done.entries:>8,} entries lose their subject part")
    for reference, leistung, behoerde, state in done.running:
        where = "May be at" if state in LEAVING else "Runs on at"
        typer.echo(f"{where} {behoerde}: Auftrag {reference} ({leistung}, {state}); tell them by hand")


@contextmanager
def print_refusals() -> Iterator[None]:
    """Print everything that stands in the way, not only the first."""
    try:
        yield
    except Refused as refused:
        for reason in refused.reasons[1:]:
            typer.echo(f"proaktiv: {reason}", err=True)
        raise
