"""``proaktiv log rotate``, ``remember`` and ``succeed``: what is done to the log itself, by people, seldom.

Thin: each command reads, calls one thing, prints. Step by step: docs/operating.md, "Zeuge".
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from proaktiv.core.errors import BadInput
from proaktiv.flowlog.ceremonies.remembering import refuse_kept, set_aside_unreadable
from proaktiv.flowlog.ceremonies.succeeding import Ceremony, ended_name, retire_memory, signers_memory
from proaktiv.flowlog.ceremonies.succession import Statement
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, split_note

_TEXT_MAX = 64 * 1024

_ROTATE = """Announce the next key of the log in the log itself (kind 05). Both keys sign from then on.

\b
1. Draw a key, set it as PROAKTIV_SIGNING_KEY_NEXT for the signing worker, restart it, and let `proaktiv log vkey`
   show both public keys.
2. Give the second one to the DSB: `proaktiv witness trust`, and one more line `log` in the policy file.
3. Run this with it. The next checkpoint carries both signatures.
4. When DSB and witness know it: make the new key PROAKTIV_SIGNING_KEY, unset _NEXT, let PROAKTIV_LOG_VKEY hold both
   public keys, parted by a blank, and restart. Destroy the old private key; its public half verifies what it signed.

Logs in as PROAKTIV_KEEPER_URL."""

_SUCCEED = """End a log of which signed entries are lost for good, and begin its successor.

Never to get rid of a refusal: only where the signing worker says that the log shrank or was forked, and no backup,
standby or replica has the rest. End every process, then:

\b
1. proaktiv log succeed --state DIR > STATEMENT          what is lost, by the signer's memory
2. the DSB, at the witness: proaktiv witness confirm FOLDER STATEMENT NEWKEY > CONFIRMED
3. proaktiv log succeed --state DIR --confirmed CONFIRMED --by NAME
4. set PROAKTIV_LOG_ORIGIN to the new origin and PROAKTIV_SIGNING_KEY to a new key, and start again

Where the signer's memory is lost too, the witness's word takes its place: `proaktiv witness tell FOLDER ORIGIN > TOLD`
(of several witnesses: each), and --memory-lost TOLD in steps 1 and 3. What was signed after the last cosignature is
then known to nobody, and only what was cosigned counts as kept. The entry about it says that the memory was lost.

Logs in as PROAKTIV_OWNER_URL and needs PROAKTIV_WITNESSES."""


_REMEMBER = """Bring the signer's memory back from what the DSB's witness cosigned, where only the memory was lost.

End the signing worker, then:

\b
1. the DSB, at the witness: proaktiv witness tell FOLDER ORIGIN > TOLD      (of several witnesses: each)
2. proaktiv log remember --state DIR TOLD …
3. start the signing worker, and let the DSB see that the witness cosigns again

Refuses where the database does not hold what was cosigned: then entries are lost, see `proaktiv log succeed --help`.
With the signing worker's settings: PROAKTIV_SEQUENCER_URL, _SIGNING_KEY, _LOG_ORIGIN and _WITNESSES."""


def add_ceremonies(
    app: typer.Typer,
    announce: Callable[[str, str], None],
    open_ceremony: Callable[[], AbstractContextManager[Ceremony]],
    remember: Callable[[Path, Sequence[str]], Checkpoint],
    key_of_settings: Callable[[], str],
) -> None:
    """Add the commands. ``announce`` takes a key and who does it; ``open_ceremony`` commits what went well.

    ``remember`` takes the folder of the signer's memory and what witnesses told, and returns the memory.
    """

    @app.command("rotate", help=_ROTATE)
    def rotate(
        vkey: Annotated[str, typer.Argument(help="The key that follows, as `proaktiv log vkey` shows it.")],
        by: Annotated[str, typer.Option("--by", help="Who does it; stands in the part that only the DSB reads.")],
    ) -> None:
        """Announce the next key."""
        if not by.strip():
            raise BadInput("--by", "must name who does it")
        announce(vkey, by)
        typer.echo("Announced. The next checkpoint carries both signatures where PROAKTIV_SIGNING_KEY_NEXT is set.")

    @app.command("remember", help=_REMEMBER)
    def bring_memory_back(
        told: Annotated[list[Path], typer.Argument(help="What `proaktiv witness tell` printed, of each witness.")],
        state: Annotated[Path, typer.Option(help="The folder of the signer's memory.")],
    ) -> None:
        """Bring the signer's memory back."""
        last = remember(state, [_text("STATEMENT", each) for each in told])
        typer.echo(f"The signer remembers {last.size} entries of {last.origin}. Start it, and see the witness cosign.")

    @app.command("succeed", help=_SUCCEED)
    def succeed(
        state: Annotated[Path, typer.Option(help="The folder of the signer's memory.")],
        vkey: Annotated[str, typer.Option(help="The key of the log that ends; default: PROAKTIV_LOG_VKEY.")] = "",
        note: Annotated[Path | None, typer.Option("--confirmed", help="The statement that the DSB confirmed.")] = None,
        by: Annotated[str, typer.Option("--by", help="Who does it, with --confirmed.")] = "",
        memory_lost: Annotated[
            list[Path] | None,
            typer.Option(
                "--memory-lost", help="The signer's memory is lost too: what `proaktiv witness tell` printed, of each."
            ),
        ] = None,
    ) -> None:
        """Draft or do a succession."""
        key = vkey or key_of_settings()
        if not key:
            raise BadInput("--vkey", "is missing, and there is no PROAKTIV_LOG_VKEY")
        told = [_text("--memory-lost", each) for each in memory_lost or ()]
        said = _text("--confirmed", note) if note is not None else None
        with open_ceremony() as ceremony:
            if not told:
                last, witness = signers_memory(state, _ended(said) if said else ""), ""
            else:
                remembered = ceremony.witnessed(told, key)
                last, witness = remembered.last, remembered.witness
                refuse_kept(state, last.origin)
            if said is None:
                typer.echo(ceremony.draft(last, key, by_witness=witness).text(), nl=False)
                return
            statement = ceremony.succeed(last, key, said, by, by_witness=witness)
        if witness:
            set_aside_unreadable(state)
        else:
            retire_memory(state, statement)
        typer.echo(f"{last.origin} has ended with {last.size} entries; {statement.lost} are lost.")
        if witness:
            typer.echo(f"What was signed after {witness} had cosigned these is known to nobody; the log says so.")
        typer.echo(f"{statement.new} has begun. Set PROAKTIV_LOG_ORIGIN and a new PROAKTIV_SIGNING_KEY, then start.")


def _ended(note: str) -> str:
    try:
        return ended_name(Statement.parse(split_note(note)[0]))
    except NoteError:
        raise BadInput("--confirmed", "is no confirmed statement: `proaktiv witness confirm` prints one") from None


def _text(option: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_TEXT_MAX).decode()
    except (OSError, UnicodeDecodeError):
        raise BadInput(option, f"{path} cannot be read") from None
