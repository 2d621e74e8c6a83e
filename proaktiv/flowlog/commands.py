"""``proaktiv log …``: what operator and DSB type. Thin: each command reads, calls one thing, prints.

The entry point mounts ``make_app`` and hands in what needs settings: the reader's database, and the keys.
``verify --export`` asks for neither: it runs on a machine that has nothing but the export.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from sqlmodel import Session

from proaktiv.bars import bar
from proaktiv.core.errors import BadInput
from proaktiv.core.series import Pace
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.findings import Limits, counted, findings
from proaktiv.flowlog.proof_commands import AsJson, add_proof_commands
from proaktiv.flowlog.status import status as log_status
from proaktiv.flowlog.verify_command import OpenSealed, add_verify
from proaktiv.flowlog.vouching import attested
from proaktiv.flowlog.vouching.attested import At

_WATCHED = timedelta(seconds=20)
"""How long ``status`` may look for what does not fit: a monitor asks it again and again."""


def make_app(
    open_reader: Callable[[], AbstractContextManager[Session]],
    key_of_settings: Callable[[], str],
    keys_of_signer: Callable[[], list[str]],
    open_proof: Callable[[UUID, str, str], str],
    clock: Callable[[], datetime],
    pace: Callable[[], Pace],
    keys_to_note: Callable[[], list[str]],
    open_sealed: OpenSealed,
) -> typer.Typer:
    """Return the ``log`` commands. ``open_reader`` yields a session that only reads.

    ``key_of_settings`` is the key that the settings trust (empty: none), ``keys_of_signer`` are those that sign.
    ``open_proof`` returns the proof of one entry with its staff part open, for whom and why being logged. ``pace``
    returns how many look-ups of persons are no series. ``keys_to_note`` are those that a DSB is handed, perhaps none.
    ``open_sealed`` yields, for whom and why being logged, what opens sealed parts to judge them.
    """
    app = typer.Typer(no_args_is_help=True, help="The flow log: what it holds, and whether it is untouched.")

    _add_looks(app, open_reader, keys_of_signer, pace)
    _add_export(app, open_reader)
    add_verify(app, open_reader, key_of_settings, open_sealed, clock)
    add_proof_commands(app, open_reader, open_proof, clock, keys_to_note)
    return app


def _add_looks(
    app: typer.Typer,
    open_reader: Callable[[], AbstractContextManager[Session]],
    keys_of_signer: Callable[[], list[str]],
    pace: Callable[[], Pace],
) -> None:
    @app.command("status")
    def show_status(as_json: AsJson = False) -> None:
        """Say how many entries the log holds, how many wait, how old the last signature is, and what does not fit."""
        with open_reader() as session:
            found = findings(session, limits=Limits(pace=pace()), within=_WATCHED)
            told = log_status(session).to_json() | {"findings": counted(found)}
        if as_json:
            typer.echo(json.dumps(told, ensure_ascii=False))
            return
        for name, value in told.items():
            typer.echo(f"{name:<23} {value}")

    _add_findings(app, open_reader, pace)

    @app.command("vkey")
    def show_vkey() -> None:
        """Print the public key that the log is signed with, where the signing worker runs. The DSB notes it once.

        During a rotation a second line is the key that follows.
        """
        for vkey in keys_of_signer():
            typer.echo(vkey)

    @app.command("checkpoint")
    def checkpoint(
        at: Annotated[At, typer.Option(help="Which one: the newest, or the newest cosigned or stamped one.")] = (
            At.NEWEST
        ),
        out: Annotated[
            Path | None, typer.Option(help="A new folder, for the file and its time stamp; default: print the file.")
        ] = None,
    ) -> None:
        """Print the newest signed checkpoint with its cosignatures. Keep it elsewhere: see verify --since."""
        with open_reader() as session:
            found = attested.checkpoint(session.connection(), at=at)
        if out is None:
            typer.echo(found.note, nl=False)
            return
        try:
            out.mkdir()
            (out / "checkpoint").write_bytes(found.note.encode())
            if found.token is not None:
                (out / "checkpoint.tsr").write_bytes(found.token)
        except OSError as error:
            raise BadInput("--out", f"{out} cannot be written: {error.strerror}") from None
        typer.echo(f"{out}: the checkpoint of {found.size} entries{' and its time stamp' if found.token else ''}")


def _add_export(app: typer.Typer, open_reader: Callable[[], AbstractContextManager[Session]]) -> None:
    @app.command("export")
    def export(
        folder: Annotated[Path, typer.Argument(help="A new folder; an existing one is never touched.")],
        size: Annotated[
            int | None, typer.Option(min=1, help="As of the checkpoint over so many entries; default: the newest.")
        ] = None,
        at: Annotated[
            At, typer.Option(help="Without --size: as of the newest checkpoint, or the newest cosigned or stamped one.")
        ] = At.NEWEST,
        first: Annotated[
            int, typer.Option("--from", min=0, help="Leave out entries before this one, in steps of 256.")
        ] = 0,
        expires_on: Annotated[
            datetime | None,
            typer.Option("--expires-on", formats=["%Y-%m-%d"], help="Mark the day by which it is to be deleted."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Write the signed log into a folder that can be verified on any other machine. No keys, no sealed parts."""
        with open_reader() as session, bar("entries exported") as tell:
            done = export_log(
                session,
                folder,
                size=size,
                at=at,
                first=first,
                expires_on=expires_on.date() if expires_on else None,
                tell=tell,
            )
        manifest = done.manifest
        if as_json:
            told = {"origin": manifest.origin, "size": manifest.size, "first": manifest.first}
            typer.echo(json.dumps({**told, "manifest_sha256": done.digest}, ensure_ascii=False))
            return
        typer.echo(f"{folder}: entries {manifest.first} to {manifest.size - 1} of {manifest.origin}")
        typer.echo(f"SHA-256 of its MANIFEST.json: {done.digest}")


def _add_findings(
    app: typer.Typer, open_reader: Callable[[], AbstractContextManager[Session]], pace: Callable[[], Pace]
) -> None:
    @app.command("findings")
    def show_findings(
        since: Annotated[
            datetime | None,
            typer.Option(formats=["%Y-%m-%d"], help="Look at entries from that day on; default: of the last 31 days."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """List what does not fit: unpaired flows, what is late, what is missing. Exit 1 if there is anything."""
        with open_reader() as session:
            begin = since.replace(tzinfo=UTC) if since else None
            found = findings(session, limits=Limits(pace=pace()), since=begin)
        if as_json:
            typer.echo(json.dumps([finding.to_json() for finding in found], ensure_ascii=False))
        for finding in () if as_json else found:
            where = f"entry {finding.index}" if finding.index is not None else str(finding.flow or finding.about or "")
            typer.echo(f"{finding.code:<20} {where:<38} {finding.detail}")
        if found:
            raise typer.Exit(1)
