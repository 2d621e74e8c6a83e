"""Sign the tree, and never two stories: the signer remembers outside the database what it signed last.

Before each signature it proves from the stored tiles that what it signed is the beginning of what it shall sign, and
writes that down first. A restored backup, a rewritten past or a smaller log is refused, with evidence kept. So is a
memory that knows less than was signed: a second signer's, or an older copy. Such a one would sign another continuation.
It also goes round the tiles (``flowlog.rounds``) and signs nothing while one does not fit.
During a rotation a second key signs as well, from the entry on that announces it.
Left to others: that only one signer runs (a session lock, ``signing``), publishing, witnesses.
Source: flowlog.md § 4.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.core.merkle import verify_consistency
from proaktiv.flowlog.ceremonies.rotation import announced
from proaktiv.flowlog.checkpoints import (
    Checkpoint,
    NoteError,
    open_checkpoint,
    sign_note,
    signature_line,
    vkey_of,
)
from proaktiv.flowlog.durable import write_durably
from proaktiv.flowlog.rounds import Rounds
from proaktiv.flowlog.sequencer import no_probe
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.locks import lock_keys
from proaktiv.tables import CheckpointRow, LogHeadRow, core_table

_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)

LOCK = "signing-worker"
"""The session lock of the one signing worker, by name."""

_TURN = b"flowlog.signature"
_MEMORY = "last_signed"
_LOST = "call the DSB: `proaktiv log remember` with the witness's word, or --adopt where there never was a witness"

PROBES = ("signer.remember.before", "signer.remember.after", "signer.publish.before", "signer.publish.after")
"""Where a test may kill the process."""


class SigningRefused(NotSafe):
    """Nothing was signed, and nothing will be until somebody has looked; the message says what was found."""


class LogForked(SigningRefused):
    """The database tells another past than the one that was signed."""


class LogShrunk(SigningRefused):
    """The database holds fewer entries than were signed: an older copy was restored, or entries were removed."""


class MemoryLost(SigningRefused):
    """The signer's memory is empty or unreadable although this log was signed before."""


class MemoryBehind(SigningRefused):
    """This memory knows less than was signed: another signer signs this log, or it is an older copy."""


class NotCommitted(SigningRefused):
    """This transaction has written something: only committed state may be signed."""


class Signer:
    """Signs one log with one key. ``state_dir`` must not be restored along with the database.

    ``adopt`` lets a new, empty memory start from the database's newest checkpoint, after that was verified: for a
    signer that moves to another machine, decided by people. ``next_key`` is the one that will follow.
    """

    def __init__(
        self,
        state_dir: Path,
        key: Ed25519PrivateKey,
        origin: str,
        *,
        adopt: bool = False,
        next_key: Ed25519PrivateKey | None = None,
    ) -> None:
        self._dir = state_dir
        self._key = key
        self._origin = origin
        self._adopt = adopt
        self._next = next_key
        self._rounds = Rounds(state_dir)
        self.vkey = str(vkey_of(origin, key))
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)

    def sign(self, session: Session, now: datetime, probe: Callable[[str], None] = no_probe) -> str | None:
        """Sign the committed head, store the note and return it; None if it is stored already or there is no entry.

        The session's transaction must not have written anything before; it waits for another signer's. Raises
        ``SigningRefused`` (its subclasses say why) and ``LogBroken``; the database is as it was, evidence lies in the
        state directory.
        """
        connection = session.connection()
        if connection.execute(text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")).scalar_one():
            raise NotCommitted("sign in a transaction of its own, after the sequencer's was committed")
        with _alone(self._dir):
            # Two signers with a memory each take turns: whoever comes second sees what the first has signed.
            lock_keys(session, [_TURN])
            head = self._head(session)
            tree = StoredTree(session)
            last = self._remembered(session)
            self._check_newest(session, last)
            self._check_grown(tree, last, head)
            self._rounds.look(session, head.size, head.root, now)
            if head.size == 0:
                return None
            if last != head:
                probe("signer.remember.before")
                self._remember(head)
                probe("signer.remember.after")
            note = self._signed(session, head)
            probe("signer.publish.before")
            stored = self._store(session, head, note, now)
            probe("signer.publish.after")
        return note if stored else None

    # what there is --------------------------------------------------------------------------------------------------

    def _head(self, session: Session) -> Checkpoint:
        found = session.connection().execute(select(_HEAD.c.size, _HEAD.c.root).where(_HEAD.c.id == 1)).one_or_none()
        if found is None:
            raise LogBroken("log_head has no row")
        return Checkpoint(self._origin, found.size, bytes(found.root))

    def _remembered(self, session: Session) -> Checkpoint | None:
        if not (self._dir / _MEMORY).exists():
            return self._first(session)
        last = memory_in(self._dir)
        if last is None:
            raise MemoryLost(f"last_signed is unreadable: bring back its newest copy; without one {_LOST}")
        if last.origin != self._origin:
            raise LogForked(f"this memory is of log {last.origin}, not of {self._origin}")
        return last

    def _first(self, session: Session) -> Checkpoint | None:
        newest = session.connection().execute(select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1))
        note = newest.scalar_one_or_none()
        if note is None:
            return None
        if not self._adopt:
            raise MemoryLost(f"this log was signed before, but the state directory is empty: {_LOST}")
        try:
            return open_checkpoint(note, self.vkey)
        except NoteError as error:
            raise MemoryLost(f"the newest checkpoint cannot be adopted: {error}") from None

    # what may be signed -----------------------------------------------------------------------------------------------

    def _check_newest(self, session: Session, last: Checkpoint | None) -> None:
        """Raise unless ``last`` knows everything that was signed and stored."""
        signed = session.connection().execute(select(func.max(_CHECKPOINTS.c.size))).scalar_one() or 0
        known = last.size if last is not None else 0
        if signed > known:
            raise MemoryBehind(
                f"{signed} entries were signed and this memory knows {known}: end the other signer, or bring back the"
                f" newest memory; without one {_LOST}"
            )

    def _check_grown(self, tree: StoredTree, last: Checkpoint | None, head: Checkpoint) -> None:
        """Raise unless ``last`` is the beginning of ``head`` and the tiles really give ``head``."""
        if last is not None and head.size < last.size:
            self._keep_evidence(last, head, [])
            raise LogShrunk(f"{last.size} entries were signed, the database holds {head.size}")
        if tree.root(head.size) != head.root:
            raise LogBroken(f"the tiles of {head.size} entries do not give the root of the head")
        if last is None or last.size == 0:
            return
        proof = tree.consistency(last.size, head.size)
        if not verify_consistency(last.size, head.size, last.root, head.root, proof):
            self._keep_evidence(last, head, proof)
            raise LogForked(f"the first {last.size} entries are not those that were signed")

    def _keep_evidence(self, last: Checkpoint, head: Checkpoint, proof: list[bytes]) -> None:
        # The remembered text was signed before, so signing it again says nothing new. What is refused stays unsigned.
        evidence = (
            "signed:\n"
            + sign_note(last.text(), self._origin, self._key)
            + "\nrefused:\n"
            + head.text()
            + "".join(f"proof {step.hex()}\n" for step in proof)
        )
        name = f"refused-{head.size}-{sha256(evidence.encode()).hexdigest()[:16]}.txt"
        if not (self._dir / name).exists():
            write_durably(self._dir / name, evidence.encode())

    # memory -----------------------------------------------------------------------------------------------------------

    def _remember(self, head: Checkpoint) -> None:
        write_durably(self._dir / _MEMORY, head.text().encode())

    def _signed(self, session: Session, head: Checkpoint) -> str:
        """Return the note over ``head``; under both keys once an entry in it announces the second."""
        note = sign_note(head.text(), self._origin, self._key)
        if self._next is None:
            return note
        following = vkey_of(self._origin, self._next)
        if not announced(session, str(following), head.size):
            return note
        return note + signature_line(following, self._next.sign(head.text().encode()))

    def _store(self, session: Session, head: Checkpoint, note: str, now: datetime) -> bool:
        connection = session.connection()
        stored = connection.execute(
            insert(_CHECKPOINTS)
            .values(size=head.size, note=note, published_at=now)
            .on_conflict_do_nothing()
            .returning(_CHECKPOINTS.c.size)
        ).first()
        if stored is not None:
            return True
        there = connection.execute(select(_CHECKPOINTS.c.note).where(_CHECKPOINTS.c.size == head.size)).scalar_one()
        if there != note and not self._says_the_same(there, head):
            raise LogForked(f"the database holds another checkpoint of size {head.size}")
        return False

    def _says_the_same(self, note: str, head: Checkpoint) -> bool:
        """Return whether ``note`` is ours over ``head`` as well, from when other keys signed beside this one."""
        try:
            return open_checkpoint(note, self.vkey) == head
        except NoteError:
            return False


def memory_in(state: Path) -> Checkpoint | None:
    """Return what the memory in a folder says was signed last, None where there is none that can be read."""
    try:
        return Checkpoint.parse((state / _MEMORY).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, NoteError):
        return None


def bring_back(state: Path, last: Checkpoint) -> None:
    """Make ``last`` the memory of a folder, decided by people; what lay there and cannot be read stays beside it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(state):
        place = state / _MEMORY
        if place.exists():
            before = place.read_bytes()
            write_durably(state / f"before-{sha256(before).hexdigest()[:16]}", before)
        write_durably(place, last.text().encode())


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Keep other signers off a memory while it is read, judged and written."""
    with (state / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
