"""``proaktiv log prove``, ``log verify-proof`` and ``log verifier``: a single proof, and what checks without proaktiv.

Thin, as ``flowlog.commands``, which mounts them.
"""

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from sqlmodel import Session

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput, ProaktivError
from proaktiv.flowlog.checkpoints import NoteError, Vkey
from proaktiv.flowlog.exports.handing_out import POLICY, SLIP, hand_over
from proaktiv.flowlog.proving.single import proof_of
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.proof import PROOF_MAX, verify_proof
from proaktiv.flowlog.verifying.report import Report
from proaktiv.flowlog.verifying.resting import verify_rested

SMALL_MAX = 64 * 1024
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]


class NoTrustedKey(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise NoTrustedKey
    """Nobody said which key to believe."""


def add_proof_commands(
    app: typer.Typer,
    open_reader: Callable[[], AbstractContextManager[Session]],
    open_proof: Callable[[UUID, str, str], str],
    clock: Callable[[], datetime],
    keys_to_note: Callable[[], list[str]],
) -> None:
    """Add ``prove`` and ``verifier``; the arguments are those of ``commands.make_app``."""

    @app.command("prove")
    def prove(
        flow: Annotated[UUID, typer.Argument(help="The entry's id.")],
        out: Annotated[Path | None, typer.Option(help="A new file; default: standard output.")] = None,
        facts: Annotated[
            bool, typer.Option("--facts", help="Show what happened, too: part F, without persons.")
        ] = False,
        staff: Annotated[
            bool,
            typer.Option("--staff", help="Show facts and staff part; at the office, logged with --by and --reason."),
        ] = False,
        by: Annotated[str, typer.Option(help="With --staff: your id in the house.")] = "",
        reason: Annotated[str, typer.Option(help="With --staff: why, in a sentence.")] = "",
    ) -> None:
        """Write the proof that an entry is in the signed log (C2SP tlog-proof). It shows no person."""
        if out is not None and os.path.lexists(out):
            raise BadInput("--out", f"{out} is there already: name a new file")
        if staff:
            text = open_proof(flow, by, reason)
        else:
            with open_reader() as session:
                text = proof_of(session, flow, facts=facts)
        if out is None:
            typer.echo(text, nl=False)
            return
        _write_new(out, text)
        typer.echo(f"{out}: proof of entry {flow}")

    @app.command("verify-proof")
    def check(
        proof: Annotated[Path, typer.Argument(help="A single proof, as `log prove` writes it.")],
        vkey: Annotated[str, typer.Option(help="The log's public key as the DSB noted it.")] = "",
        policy: Annotated[
            Path | None, typer.Option(help="The DSB's policy file (C2SP tlog-policy) that names the key, not --vkey.")
        ] = None,
        consent: Annotated[
            Path | None,
            typer.Option(help="What shows the consent that this flow rested on: its proof, or an unpacked selection."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Verify a single proof: needs no settings, no database. Exit 1 on any finding."""
        if bool(vkey) == bool(policy):
            raise NoTrustedKey(
                "verify-proof needs either --vkey or --policy: the key to trust never comes with a proof"
            )
        flow, trusted = read_small(proof, PROOF_MAX), believed(vkey, policy)
        if consent is None:
            report = verify_proof(flow, trusted, clock())
        else:
            shows = consent if consent.is_dir() else read_small(consent, PROOF_MAX)
            report = verify_rested(flow, shows, trusted, clock())
        print_report(report, as_json=as_json)

    @app.command("verifier")
    def verifier(
        folder: Annotated[Path, typer.Argument(help="Where to write them; it is made if it is not there.")],
    ) -> None:
        """Write what the DSB is handed in person: verify.py and verify.mjs, the key as policy.txt, a slip to print.

        The programs need no proaktiv. The key is the signer's, or what PROAKTIV_LOG_VKEY trusts.
        """
        vkeys = keys_to_note()
        for each in hand_over(folder, vkeys, berlin_date(clock())):
            typer.echo(f"{each.digest}  {each.path}")
        typer.echo(f"Print {SLIP} and hand it over in person: the DSB compares the files with it.")
        if not vkeys:
            typer.echo(f"No {POLICY}: no key is set here. `proaktiv log vkey` prints it where the log is signed.")


def believed(vkey: str, policy: Path | None) -> str | Policy:
    """Return whom the caller believes; empty where no option says. Raises ``BadInput``, ``PolicyError``."""
    if policy is not None:
        return Policy.parse(read_text(policy))
    try:
        return vkey and Policy.of(vkey)
    except NoteError as error:
        said = str(error)
        more = "" if Vkey.whole in said else f"; {Vkey.whole}"
        raise BadInput("--vkey", said + more) from None


def print_report(report: Report, *, as_json: bool) -> None:
    """Print what was found; end with 1 where something was."""
    typer.echo(json.dumps(report.to_json(), ensure_ascii=False) if as_json else report.text())
    if not report.ok:
        raise typer.Exit(1)


def read_text(path: Path) -> str:
    """Return a small text file, however an editor of Windows wrote it, but for UTF-16. Raises ``BadInput``."""
    raw = read_small(path)
    halves = (raw[:64:2], raw[1:64:2]) if len(raw) > 1 else ()
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} or not all(any(half) for half in halves):
        raise BadInput(str(path), "is saved as UTF-16: save it as UTF-8")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadInput(str(path), "is not UTF-8: save it as UTF-8") from None


def read_small(path: Path, most: int = SMALL_MAX) -> bytes:
    """Return a small file. Raises ``BadInput``."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except IsADirectoryError:
        raise BadInput(str(path), "is a folder, and a file is needed") from None
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from None


def _write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, for this user alone. Raises ``BadInput``."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:  # noqa: PTH123 - a handle, not a path
            file.write(text.encode())
    except OSError as error:
        raise BadInput("--out", f"{path} cannot be written: {error.strerror}") from None
