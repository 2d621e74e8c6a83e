"""``proaktiv log …``: what operator and DSB type. Thin: each command reads, calls one thing, prints.

The entry point mounts ``make_app`` and hands in what needs settings: the reader's database, and the keys.
``verify --export`` asks for neither: it runs on a machine that has nothing but the export.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sqlmodel import Session

from proaktiv.core.errors import BadInput
from proaktiv.core.series import Pace
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.findings import Limits, counted, findings
from proaktiv.flowlog.proof_commands import AsJson, NoTrustedKey, add_proof_commands, believed, print_report, read_text
from proaktiv.flowlog.status import status as log_status
from proaktiv.flowlog.verifying.export import signed_by_another, verify_export
from proaktiv.flowlog.verifying.judging import tell_nobody
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.report import STRANGE, Report
from proaktiv.flowlog.verifying.selection import is_selection, verify_selection
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.flowlog.vouching import attested
from proaktiv.flowlog.vouching.attested import At
from proaktiv.flowlog.vouching.timestamps import Stamper

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
) -> typer.Typer:
    """Return the ``log`` commands. ``open_reader`` yields a session that only reads.

    ``key_of_settings`` is the key that the settings trust (empty: none), ``keys_of_signer`` are those that sign.
    ``open_proof`` returns the proof of one entry with its staff part open, for whom and why being logged. ``pace``
    returns how many look-ups of persons are no series. ``keys_to_note`` are those that a DSB is handed, perhaps none.
    """
    app = typer.Typer(no_args_is_help=True, help="The flow log: what it holds, and whether it is untouched.")

    _add_looks(app, open_reader, keys_of_signer, pace)
    _add_export(app, open_reader)
    _add_verify(app, open_reader, key_of_settings, clock)
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
        with open_reader() as session, _bar("entries exported") as tell:
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


def _add_verify(
    app: typer.Typer,
    open_reader: Callable[[], AbstractContextManager[Session]],
    key_of_settings: Callable[[], str],
    clock: Callable[[], datetime],
) -> None:
    @app.command("verify")
    def verify(
        folder: Annotated[
            Path | None,
            typer.Option("--export", help="An exported folder, instead of the database; needs no settings."),
        ] = None,
        vkey: Annotated[
            str, typer.Option(help="The log's public key as the DSB noted it; default: PROAKTIV_LOG_VKEY.")
        ] = "",
        policy: Annotated[
            Path | None,
            typer.Option(help="The DSB's policy file (C2SP tlog-policy), instead of --vkey: keys, witnesses, quorum."),
        ] = None,
        tsa_roots: Annotated[
            Path | None,
            typer.Option(help="PEM file of the time stamp authority to believe; else stamps are passed over."),
        ] = None,
        since: Annotated[
            Path | None, typer.Option(help="A checkpoint file kept from before: the log must begin with it.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Recompute the whole log: every entry, the tree, every signature. Exit 1 on any finding."""
        if vkey and policy:
            raise BadInput("--policy", "names the key, and so does --vkey: give one of them")
        trusted = believed(vkey, policy)
        stamper = Stamper.parse(read_text(tsa_roots).encode()) if tsa_roots else None
        if folder is not None:
            if not trusted:
                raise NoTrustedKey(
                    "verify --export needs --vkey or --policy: the key to trust never comes from the export"
                )
            report = _verified(folder, trusted, since, clock(), stamper)
        else:
            trusted = trusted or key_of_settings()
            if not trusted:
                raise NoTrustedKey(
                    "verify needs --vkey or PROAKTIV_LOG_VKEY: the key to trust never comes from the log"
                )
            kept = _kept(since, trusted)
            with open_reader() as session, _bar("entries verified") as tell:
                report = verify_database(session, trusted, kept=kept, now=clock(), stamper=stamper, tell=tell)
        print_report(report, as_json=as_json)


def _verified(
    folder: Path, trusted: str | Policy, since: Path | None, now: datetime, stamper: Stamper | None
) -> Report:
    """Check an exported folder, a whole one or a selection."""
    kept = _kept(since, trusted, folder)
    if is_selection(folder):
        if kept:
            raise BadInput("--since", "is for whole exports: a selection proves its entries, not the log's growth")
        return verify_selection(folder, trusted, now=now)
    with _bar("entries verified") as tell:
        return verify_export(folder, trusted, kept=kept, now=now, stamper=stamper, tell=tell)


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


def _kept(since: Path | None, trusted: str | Policy, folder: Path | None = None) -> Checkpoint | None:
    """Return the checkpoint that the caller kept. Raises ``BadInput`` if the trusted key did not sign it.

    None where it signed neither that nor the export in ``folder``: the key is what is wrong then.
    """
    if since is None:
        return None
    trust = Policy.of(trusted)
    remedy = (
        "Take the unchanged file that you kept; if it is that one, this is a finding: hold on to everything, "
        "and do not go on without --since"
    )
    try:
        return trust.open(read_text(since)).checkpoint
    except NoteError as error:
        if str(error) == STRANGE and folder is not None and signed_by_another(folder, trust):
            return None
        raise BadInput("--since", f"{since} is no checkpoint of this log: {error}. {remedy}") from None
    except BadInput as error:
        raise BadInput("--since", f"{error}. {remedy}") from None


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int], None]]:
    """Yield what counts on a terminal's stderr, and is silent elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield tell_nobody
        return
    columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.completed:,} {task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done: bar.update(task, completed=done)
