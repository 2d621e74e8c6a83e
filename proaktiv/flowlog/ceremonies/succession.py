"""When entries that were signed are lost for good: the old log ends, another takes its place, and the DSB confirms it.

Here is the statement about it: what it says, and who may confirm it. Nobody signs a log with a hole, so after a restore
with loss the signer refuses until this was done. Left to others: the tables (``flowlog.ceremonies.succeeding``).
Source: flowlog.md § 4.
"""

import re
from dataclasses import dataclass, replace

from proaktiv.core.errors import BadInput, NotSafe
from proaktiv.core.merkle import HASH_BYTES
from proaktiv.flowlog.checkpoints import (
    Checkpoint,
    NoteError,
    NotSigned,
    Vkey,
    b64,
    open_note,
    sign_note,
    unb64,
)
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.flowlog.vouching.memory import Memory, Watched, WitnessError

_FORMAT = "proaktiv/succession/v1"
_LINES = re.compile(
    rf"{_FORMAT}\nold (?P<old>\S+)\nsigned (?P<signed>[0-9]{{1,19}}) (?P<root>\S+)\n"
    r"kept (?P<kept>[0-9]{1,19})\nnew (?P<new>\S+)\n(?P<memory>memory lost\n)?"
)
_ORIGIN = re.compile(r"(?P<log>.+)/(?P<number>[1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Statement:
    """The log ``last.origin`` ended at ``last``; its first ``kept`` entries are there, those behind them are lost.

    ``memory_lost``: the signer's memory is lost as well, and ``last`` is what the witness cosigned last.
    """

    last: Checkpoint
    kept: int
    new: str
    memory_lost: bool = False

    @property
    def lost(self) -> str:
        """Return the places that are lost, as people write them."""
        return f"{self.kept}-{self.last.size - 1}"

    def text(self) -> str:
        """Return what is signed."""
        last = self.last
        said = f"{_FORMAT}\nold {last.origin}\nsigned {last.size} {b64(last.root)}\nkept {self.kept}\nnew {self.new}\n"
        return f"{said}memory lost\n" if self.memory_lost else said

    @classmethod
    def parse(cls, text: str) -> "Statement":
        """Read a statement. Raises ``NoteError``."""
        match = _LINES.fullmatch(text)
        if match is None:
            raise NoteError("not a statement of a succession")
        last = Checkpoint(match["old"], int(match["signed"]), unb64(match["root"]))
        found = cls(last, int(match["kept"]), match["new"], match["memory"] is not None)
        if found.text() != text or len(last.root) != HASH_BYTES or found.kept >= last.size:
            raise NoteError("not a statement of a succession")
        if found.new != successor_of(last.origin):
            raise NoteError(f"the successor of {last.origin} is {successor_of(last.origin)}")
        return found


def successor_of(origin: str) -> str:
    """Return the origin that follows: ``flowlog.example.org/1`` → ``flowlog.example.org/2``."""
    match = _ORIGIN.fullmatch(origin)
    return f"{match['log']}/{int(match['number']) + 1}" if match else f"{origin}/2"


def confirm(memory: Memory, text: str, vkey: str) -> str:
    """Sign a statement as the witness, let it end the old log and watch the new one under ``vkey``.

    Raises ``WitnessError`` where it contradicts what was cosigned, ``NoteError``. Confirming again is harmless.
    """
    statement, key = Statement.parse(text), Vkey.parse(vkey)
    origin = statement.last.origin
    if key.name != statement.new:
        raise WitnessError(f"the new log is {statement.new}, and this is a key of {key.name}")
    with memory.alone():
        state = memory.read()
        watched = state.logs.get(origin)
        if watched is None:
            raise WitnessError(f"{origin} was never watched here")
        _compare(statement, watched)
        ended = state.with_log(origin, replace(watched, succeeded_by=statement.new))
        successor = state.logs.get(statement.new, Watched((str(key),)))
        if str(key) not in successor.vkeys:
            raise WitnessError(f"{statement.new} is watched under another key")
        memory.write(ended.with_log(statement.new, successor))
        return sign_note(text, state.name, memory.key())


def _compare(statement: Statement, watched: Watched) -> None:
    if watched.succeeded_by not in {"", statement.new}:
        raise WitnessError(f"this log was succeeded by {watched.succeeded_by} already")
    last = statement.last
    if statement.memory_lost and watched.last != last:
        raise WitnessError(
            f"{watched.size} entries were cosigned here last, and without the signer's memory a statement ends with"
            " exactly these: let this witness tell again, and have the statement drafted anew"
        )
    if watched.size > last.size:
        raise WitnessError(
            f"{watched.size} entries were cosigned here, the statement ends at {last.size}: more is lost than it says"
        )
    if watched.last is not None and watched.size == last.size and watched.last.root != last.root:
        raise WitnessError("another tree of this size was cosigned here: this is no loss, it is a second version")


def confirmed(note: str, witnesses: tuple[WitnessKey, ...]) -> Statement:
    """Return the statement that one of the house's witnesses confirmed. Raises ``NotSafe``, ``BadInput``."""
    # The same key under the other type: a statement begins with another line than a cosignature, none can be the other.
    keys = [str(Vkey(key.name, key.public)) for key in witnesses]
    if not keys:
        raise NotSafe("nobody could confirm it: name the DSB's witness in PROAKTIV_WITNESSES")
    try:
        return Statement.parse(open_note(note, keys).text)
    except NotSigned as error:
        raise NotSafe(f"the succession is not confirmed by a witness of the house: {error}") from None
    except NoteError as error:
        raise BadInput("--confirmed", f"is no confirmed statement: {error}") from None
