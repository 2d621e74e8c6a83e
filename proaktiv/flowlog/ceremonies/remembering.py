"""What a witness says, signed, that it cosigned last: with it the signer's memory is brought back, or mourned.

The signer's memory is lost where its folder is. The database cannot say what was signed, because it is what the memory
guards against; the witness can. Where the tree still holds what was cosigned, the memory is made anew from that
(``remember``). Where it does not, entries are lost as well, and the log ends (``flowlog.ceremonies.succeeding``).
Left to others: the tables of a succession, and the signer's own rules (``flowlog.signer``).
Source: docs/decisions/0018.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotSafe
from proaktiv.core.merkle import verify_consistency
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, NotSigned, Vkey, open_note, sign_note
from proaktiv.flowlog.durable import sync_folder
from proaktiv.flowlog.signer import bring_back, memory_in
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.flowlog.verifying.policy import SKEW, Policy
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.flowlog.vouching.memory import Memory, WitnessError
from proaktiv.tables import CheckpointRow, LogHeadRow, core_table

FRESH = timedelta(hours=24)
"""So old a witness's word may be where it becomes a memory: an older one knows less than was signed since."""
_FORMAT = "proaktiv/remembered/v1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_HEAD = re.compile(rf"{_FORMAT}\nat (?P<at>\S{{20}})\n(?:ended (?P<ended>\S+)\n)?\n")
_HEADS = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What one witness cosigned last, and when it said so. ``ended`` is the log's successor, empty while it goes on."""

    last: Checkpoint
    at: datetime
    witness: str
    ended: str = ""


# at the witness's -----------------------------------------------------------------------------------------------------


def tell(memory: Memory, origin: str, now: datetime) -> str:
    """Return what was cosigned last of a log, as that log signed it, signed by the witness. Raises ``WitnessError``."""
    with memory.alone():
        state = memory.read()
        watched = state.logs.get(origin)
        if watched is None:
            raise WitnessError(f"{origin} was never watched here")
        if not watched.size:
            raise WitnessError(f"nothing of {origin} was cosigned yet")
        ended = f"ended {watched.succeeded_by}\n" if watched.succeeded_by else ""
        text = f"{_FORMAT}\nat {now.astimezone(UTC).strftime(_TIME)}\n{ended}\n{watched.note}"
        return sign_note(text, state.name, memory.key())


# in the house ---------------------------------------------------------------------------------------------------------


def read(notes: Iterable[str], witnesses: Sequence[WitnessKey], trusted: Policy) -> tuple[Remembered, ...]:
    """Return what every witness of the house said of a log that ``trusted`` knows, the largest tree first.

    The word of one alone might be that of the one that was asked least. Raises ``NotSafe``, ``BadInput``.
    """
    if not witnesses:
        raise NotSafe("nobody knows what was signed: name the DSB's witness in PROAKTIV_WITNESSES")
    told = sorted((_read(note, witnesses, trusted) for note in notes), key=lambda each: each.last.size, reverse=True)
    if silent := {key.name for key in witnesses} - {each.witness for each in told}:
        raise NotSafe(
            f"the word of {', '.join(sorted(silent))} is missing: each witness of PROAKTIV_WITNESSES tells; take out of"
            " it who is gone for good"
        )
    first = told[0].last
    for each in told:
        if each.last.origin != first.origin:
            raise NotSafe(f"{each.witness} speaks of {each.last.origin}, {told[0].witness} of {first.origin}")
        if each.last.size == first.size and each.last.root != first.root:
            raise NotSafe("two witnesses cosigned two logs: this is no loss, it is a second version; call the DSB")
    return tuple(told)


def _read(note: str, witnesses: Sequence[WitnessKey], trusted: Policy) -> Remembered:
    # The same key under the other type, as for a succession: the first lines tell the three kinds apart.
    keys = [str(Vkey(key.name, key.public)) for key in witnesses]
    try:
        opened = open_note(note, keys)
    except NotSigned as error:
        raise NotSafe(f"no witness of the house says this: {error}") from None
    except NoteError as error:
        raise BadInput("STATEMENT", f"is none of `proaktiv witness tell`: {error}") from None
    head = _HEAD.match(opened.text)
    if head is None:
        raise BadInput("STATEMENT", "is none of `proaktiv witness tell`")
    try:
        last = trusted.open(opened.text[head.end() :]).checkpoint
        at = datetime.strptime(head["at"], _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise BadInput("STATEMENT", "is none of `proaktiv witness tell`: its time is none") from None
    except NoteError as error:
        raise NotSafe(f"what the witness cosigned is not signed by a key of this log: {error}") from None
    return Remembered(last, at, opened.verified[0], head["ended"] or "")


def remember(
    session: Session, state: Path, origin: str, trusted: Policy, told: Sequence[Remembered], now: datetime
) -> Checkpoint:
    """Make the signer's memory anew from what witnesses ``told``, and return it. Nobody may sign meanwhile.

    Raises ``BadInput``, ``NotSafe`` for what is too old or of another log, ``Conflict`` where no memory is missing, and
    ``LogBroken``; nothing was changed then.
    """
    for one in told:
        if one.last.origin != origin or one.ended:
            raise NotSafe(f"{one.witness} speaks of {one.last.origin}{', which has ended' if one.ended else ''}")
        if not now - FRESH <= one.at <= now + SKEW:
            raise NotSafe(
                f"{one.witness} said this at {one.at:{_TIME}}: let it tell again, and bring that within a day"
            )
    there = memory_in(state)
    signed = _newest(session, trusted)
    known = [one.last for one in told] + [each for each in (there, signed) if each is not None]
    tree, head = _checked(session)
    for each in known:
        if each.origin != origin:
            raise NotSafe(f"the memory in this folder, or the newest checkpoint, is of {each.origin}")
        if not contains(tree, head, each):
            raise NotSafe(
                f"the database does not hold the {each.size} entries that were signed: entries are lost, or it tells"
                " another past; call the DSB: docs/operating.md, Zeuge"
            )
    last = max(known, key=lambda each: each.size)
    if there is not None and there.size >= last.size:
        raise Conflict("the memory in this folder knows all of this: start the signing worker")
    bring_back(state, last)
    return last


def contains(tree: StoredTree, size: int, part: Checkpoint) -> bool:
    """Return whether the first entries of the tree of ``size`` are those of ``part``."""
    if part.size > size:
        return False
    if part.size == 0:
        return True
    proof = tree.consistency(part.size, size)
    return verify_consistency(part.size, size, part.root, tree.root(size), proof)


def refuse_kept(state: Path, origin: str) -> None:
    """Raise ``Conflict`` where the memory of ``origin`` is not lost at all."""
    there = memory_in(state)
    if there is not None and there.origin == origin:
        raise Conflict(f"the memory of {origin} lies in {state}: leave out --memory-lost")


def set_aside_unreadable(state: Path) -> None:
    """Keep what lies in the memory's place and cannot be read under another name, so that a new log can begin."""
    place = state / "last_signed"
    if place.exists() and memory_in(state) is None:
        place.replace(state / f"unreadable-{sha256(place.read_bytes()).hexdigest()[:16]}")
        sync_folder(state)


def _newest(session: Session, trusted: Policy) -> Checkpoint | None:
    newest = select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
    note = session.connection().execute(newest).scalar_one_or_none()
    if note is None:
        return None
    try:
        return trusted.open(note).checkpoint
    except NoteError as error:
        raise NotSafe(f"the newest checkpoint in the database is not this log's: {error}") from None


def _checked(session: Session) -> tuple[StoredTree, int]:
    found = session.connection().execute(select(_HEADS.c.size, _HEADS.c.root).where(_HEADS.c.id == 1)).one_or_none()
    tree = StoredTree(session)
    if found is None or tree.root(found.size) != bytes(found.root):
        raise LogBroken("the tiles do not give the root of the head")
    return tree, found.size
