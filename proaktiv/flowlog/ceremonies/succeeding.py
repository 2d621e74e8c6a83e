"""End a log of which signed entries are lost, and begin its successor with what is left. As owner, once, with people.

The new log begins with the entry that tells of it (kind 07: old origin, size, root, what is lost, who confirmed); the
entries that are left follow in their order, then what retention took, said anew, and the queue after that. Checkpoints
of the old log stay beside it, and whatever was exported or proven from it still verifies, under the old key.
Left to others: what is stated and who confirms (``flowlog.ceremonies.succession``).
Source: flowlog.md § 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotSafe
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.merkle import root_of, split_hashes
from proaktiv.flowlog.ceremonies.remembering import Remembered, contains, read
from proaktiv.flowlog.ceremonies.succession import Statement, confirmed, successor_of
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, b64
from proaktiv.flowlog.durable import sync_folder
from proaktiv.flowlog.keeping.pruning import further, pruned
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.rows import lines_of_witnesses
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.vouching.cosignatures import WitnessKey
from proaktiv.tables import (
    CheckpointRow,
    ContradictionRow,
    CosignatureRow,
    FlowLeafRow,
    FlowQueueRow,
    FormerCheckpointRow,
    LogHeadRow,
    SuccessionRow,
    TileRow,
    TimeStampRow,
    WitnessAnswerRow,
    core_table,
)

_HEAD = core_table(LogHeadRow)
_LEAF = core_table(FlowLeafRow)
_QUEUE = core_table(FlowQueueRow)
_TILES = core_table(TileRow)
_CHECKPOINTS = core_table(CheckpointRow)
_STAMPS = core_table(TimeStampRow)
_FORMER = core_table(FormerCheckpointRow)
_SUCCESSIONS = core_table(SuccessionRow)
_CONTRADICTIONS = core_table(ContradictionRow)
_CLEARED = tuple(core_table(row) for row in (CosignatureRow, TimeStampRow, WitnessAnswerRow, CheckpointRow, TileRow))


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a succession works with: a transaction as owner, and whoever writes the log."""

    session: Session
    log: FlowLog
    controller: str
    now: datetime
    witnesses: tuple[WitnessKey, ...]

    def witnessed(self, told: Iterable[str], trusted: str) -> Remembered:
        """Return the largest tree that the witnesses of the house cosigned. Raises ``NotSafe``, ``BadInput``."""
        return read(told, self.witnesses, Policy.of(trusted))[0]

    def draft(self, last: Checkpoint, trusted: str, *, by_witness: str = "") -> Statement:
        """Return what is to be confirmed: the log ended at ``last``, the signer's memory.

        ``trusted`` are the keys it was signed with, parted by blanks. ``by_witness`` names who said so where that
        memory is lost; then only what this witness cosigned counts as kept. Raises ``Conflict`` where nothing is lost,
        ``NotSafe`` where the database holds another version that was signed, ``BadInput``, ``LogBroken``.
        """
        policy = Policy.of(trusted)
        if last.origin not in policy.origins:
            raise BadInput("--vkey", f"is not a key of {last.origin}, of which the signer's memory is")
        connection = self.session.connection()
        size, _ = _head(connection)
        tree = StoredTree(self.session)
        if contains(tree, size, last):
            do = "`proaktiv log remember` brings the memory back" if by_witness else "start the signing worker"
            raise Conflict(f"nothing is lost: the database holds every entry that was signed; {do}")
        if by_witness:
            policy = self._counting(by_witness, policy)
            _refuse_second_version(connection, last, policy)
        kept = _kept(connection, tree, last, policy, size, by_witness)
        return Statement(last, kept, successor_of(last.origin), bool(by_witness))

    def succeed(self, last: Checkpoint, trusted: str, note: str, by: str, *, by_witness: str = "") -> Statement:
        """Do what the DSB confirmed in ``note``; the caller commits. Doing it again changes nothing.

        Raises ``NotSafe`` for what no witness confirmed, ``Conflict`` where it is not what is the case, ``BadInput``.
        """
        if not by.strip():
            raise BadInput("--by", "must name who does it; it stands in the part of the log that only the DSB reads")
        statement = confirmed(note, self.witnesses)
        connection = self.session.connection()
        _head(connection)  # waits for a sequencer, and keeps others out
        if self._done(connection, statement, note):
            return statement
        if self.draft(last, trusted, by_witness=by_witness) != statement:
            raise Conflict("this is not what is the case now: draft the statement anew, and have it confirmed")
        size, root = _head(connection)
        leaves = _leaves(connection, size, root)
        said = pruned(connection)
        flows = [_told(self.controller, statement, note, by)]
        flows += [further(said, self.controller, by)] if said.minimum else []
        fids = self.log.record(self.session, flows, self.now)
        queued = connection.execute(
            delete(_QUEUE).where(_QUEUE.c.fid.in_(fids)).returning(_QUEUE.c.fid, _QUEUE.c.leaf)
        ).all()
        leaf = {row.fid: bytes(row.leaf) for row in queued}
        _set_aside(connection, last.origin)
        # One place further, in two steps: the primary key would meet its neighbour on the way.
        connection.execute(update(_LEAF).values(idx=-_LEAF.c.idx - 2))
        connection.execute(update(_LEAF).values(idx=-_LEAF.c.idx - 1))
        first, *last_ones = fids
        connection.execute(insert(_LEAF).values(idx=0, fid=first))
        for fid in last_ones:
            connection.execute(insert(_LEAF).values(idx=size + 1, fid=fid))
        grown = StoredTree(self.session)
        grown.append(0, [leaf[first], *leaves, *(leaf[fid] for fid in last_ones)])
        size += len(fids)
        connection.execute(update(_HEAD).where(_HEAD.c.id == 1).values(size=size, root=grown.root(size)))
        is_open = _CONTRADICTIONS.c.settled_at.is_(None)  # what a witness knew of the old one it confirmed
        connection.execute(update(_CONTRADICTIONS).where(is_open).values(settled_at=self.now))
        connection.execute(insert(_SUCCESSIONS).values(new=statement.new, old=last.origin, note=note, at=self.now))
        return statement

    def _counting(self, witness: str, policy: Policy) -> Policy:
        """Return ``policy`` with the one witness whose word takes the memory's place."""
        keys = {key.name: key for key in self.witnesses if key.name == witness}
        return replace(policy, witnesses=keys)

    @staticmethod
    def _done(connection: Connection, statement: Statement, note: str) -> bool:
        row = connection.execute(select(_SUCCESSIONS).where(_SUCCESSIONS.c.new == statement.new)).one_or_none()
        if row is not None and row.note != note:
            raise Conflict(f"{statement.new} was begun already, on another statement")
        return row is not None


def signers_memory(state: Path, ended: str = "") -> Checkpoint:
    """Return what the signer remembers; of a ceremony that was interrupted, what it remembered. Raises ``BadInput``."""
    for name in ("last_signed", *([ended] if ended else [])):
        try:
            return Checkpoint.parse((state / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, NoteError, UnicodeDecodeError):
            break
    raise BadInput(
        "--state",
        f"{state} holds no readable memory of the signer: bring back its newest copy; without one: --memory-lost",
    )


def ended_name(statement: Statement) -> str:
    """Return the name under which the memory of a log that ended stays."""
    return f"ended-{sha256(statement.last.text().encode()).hexdigest()[:16]}"


def retire_memory(state: Path, statement: Statement) -> None:
    """Let the signer begin anew: the memory of the log that ended stays under another name."""
    place = state / "last_signed"
    if place.exists() and place.read_text(encoding="utf-8") == statement.last.text():
        place.replace(state / ended_name(statement))
        sync_folder(state)


def _head(connection: Connection) -> tuple[int, bytes]:
    found = connection.execute(
        select(_HEAD.c.size, _HEAD.c.root).where(_HEAD.c.id == 1).with_for_update()
    ).one_or_none()
    if found is None:
        raise LogBroken("log_head has no row")
    return found.size, bytes(found.root)


def _leaves(connection: Connection, size: int, root: bytes) -> list[bytes]:
    """Return the hashes of all entries. Raises ``LogBroken`` where the tiles do not give ``root``."""
    tiles = connection.execute(select(_TILES.c.data).where(_TILES.c.level == 0).order_by(_TILES.c.n)).scalars()
    leaves = [leaf for data in tiles for leaf in split_hashes(bytes(data))][:size]
    if len(leaves) != size or root_of(leaves) != root:
        raise LogBroken("the tiles do not give the root of the head: mend that first, then end the log")
    return leaves


def _refuse_second_version(connection: Connection, last: Checkpoint, policy: Policy) -> None:
    """Raise ``NotSafe`` where this log signed, beside what the witness saw, a tree that does not contain it."""
    signed = select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.note).where(_CHECKPOINTS.c.size >= last.size)
    for row in connection.execute(signed):
        try:
            policy.open(row.note)
        except NoteError:
            continue
        raise NotSafe(
            f"a checkpoint of {row.size} entries was signed here, and the database does not hold the {last.size} that"
            " the witness cosigned: this is no loss, it is a second version; change nothing, keep a copy, call the DSB"
        )


def _kept(
    connection: Connection, tree: StoredTree, last: Checkpoint, policy: Policy, size: int, by_witness: str
) -> int:
    """Return up to where a signed checkpoint proves that what lies here is what was signed.

    ``by_witness``: one that this witness cosigned as well. It cosigns only what grew, so each is a part of ``last``; a
    signature alone could have been made afterwards, by whoever holds the key and says that the memory is lost.
    """
    signed = connection.execute(
        select(_CHECKPOINTS.c.size, (_CHECKPOINTS.c.note + lines_of_witnesses()).label("note"))
        .where(_CHECKPOINTS.c.size <= min(size, last.size - 1))
        .order_by(_CHECKPOINTS.c.size.desc())
    )
    for row in signed:
        try:
            opened = policy.open(row.note)
        except NoteError:
            continue
        said = opened.checkpoint
        if by_witness and by_witness not in opened.cosigned:
            continue
        if said.size == row.size and tree.root(row.size) == said.root:
            return int(row.size)
    return 0


def _set_aside(connection: Connection, origin: str) -> None:
    stamped = select(_STAMPS.c.note).where(_STAMPS.c.size == _CHECKPOINTS.c.size).scalar_subquery()
    token = select(_STAMPS.c.token).where(_STAMPS.c.size == _CHECKPOINTS.c.size).scalar_subquery()
    note = func.coalesce(stamped, _CHECKPOINTS.c.note + lines_of_witnesses())
    old = select(literal(origin), _CHECKPOINTS.c.size, note, token, _CHECKPOINTS.c.published_at)
    connection.execute(insert(_FORMER).from_select(["origin", "size", "note", "token", "published_at"], old))
    for table in _CLEARED:
        connection.execute(delete(table))


def _told(controller: str, statement: Statement, note: str, by: str) -> Flow:
    last = statement.last
    return Flow(
        kind=Kind.SUCCESSION,
        sender=controller,
        receiver=controller,
        purpose="protokollnachfolge",
        action="log.succeeded",
        basis="Art. 5 Abs. 2 DSGVO",
        outcome=(
            f"old {last.origin} signed {last.size} {b64(last.root)} lost {statement.lost}"
            f" confirmed {sha256(note.encode()).hexdigest()}{' memory lost' if statement.memory_lost else ''}"
        ),
        n=last.size - statement.kept,
        actor=by,
    )
