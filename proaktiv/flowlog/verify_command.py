"""``proaktiv log verify``: the stored log, or an export, and at the office what is sealed as well.

Thin, as ``flowlog.commands``, which mounts it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

import typer
from sqlmodel import Session

from proaktiv.bars import bar
from proaktiv.core.errors import BadInput
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.proof_commands import AsJson, NoTrustedKey, believed, print_report, read_text
from proaktiv.flowlog.verifying.checks import Opener
from proaktiv.flowlog.verifying.export import signed_by_another, verify_export
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.report import STRANGE, Report
from proaktiv.flowlog.verifying.selection import is_selection, verify_selection
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.flowlog.vouching.timestamps import Stamper


class OpenSealed(Protocol):
    """Yields a moment of the log and what opens its sealed parts; who does it and why is logged before."""

    def __call__(
        self, by: str, reason: str, *, staff: bool, subjects: bool
    ) -> AbstractContextManager[tuple[Session, Opener]]:
        """Begin. Raises ``BadInput`` for a name or a reason that is none, ``NotHeld``."""
        ...


def add_verify(
    app: typer.Typer,
    open_reader: Callable[[], AbstractContextManager[Session]],
    key_of_settings: Callable[[], str],
    open_sealed: OpenSealed,
    clock: Callable[[], datetime],
) -> None:
    """Add ``verify``; the arguments are those of ``commands.make_app``."""

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
        staff: Annotated[
            bool,
            typer.Option("--staff", help="Open and check parts A, too: at the office, with --by and --reason."),
        ] = False,
        sealed: Annotated[
            bool,
            typer.Option("--sealed", help="Open and check parts S, too: at the office, with --by and --reason."),
        ] = False,
        by: Annotated[str, typer.Option(help="With --staff or --sealed: your id in the house.")] = "",
        reason: Annotated[str, typer.Option(help="With --staff or --sealed: why, in a sentence.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Recompute the whole log: every entry, the tree, every signature. Exit 1 on any finding.

        Sealed parts are opened with --staff and --sealed alone, which is logged; nothing of them is shown.
        """
        if folder is not None and (staff or sealed):
            raise BadInput("--export", "holds no sealed parts: --staff and --sealed are for the database")
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
            with ExitStack() as opened:
                opener = None
                if staff or sealed:
                    session, opener = opened.enter_context(open_sealed(by, reason, staff=staff, subjects=sealed))
                else:
                    session = opened.enter_context(open_reader())
                tell = opened.enter_context(bar("entries verified"))
                report = verify_database(
                    session, trusted, opener=opener, kept=kept, now=clock(), stamper=stamper, tell=tell
                )
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
    with bar("entries verified") as tell:
        return verify_export(folder, trusted, kept=kept, now=now, stamper=stamper, tell=tell)


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
