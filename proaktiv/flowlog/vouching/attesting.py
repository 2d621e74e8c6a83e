"""Ask others to vouch for the log: witnesses for a cosignature, an authority for a time stamp.

What is due is read, asked and stored in three steps, so that no transaction is open while the network is waited for.
Nobody waits for an answer: the log is signed without it. What comes back is believed only after it was checked.
Left to others: when, and the transactions (``signing``); how a call leaves the house (``egress``).
Source: C2SP tlog-witness; RFC 3161 § 3.4; flowlog.md § 4.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from proaktiv.core.addresses import AddressRefused
from proaktiv.core.errors import OutboundError
from proaktiv.core.merkle import verify_consistency
from proaktiv.egress import Deadline, Declined, Egress, Response
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, split_note
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.flowlog.vouching.attested import At, checkpoint
from proaktiv.flowlog.vouching.cosignatures import Cosignature, WitnessKey, cosignatures
from proaktiv.flowlog.vouching.timestamps import QUERY_TYPE, Stamper, StampRefused, query_for
from proaktiv.flowlog.vouching.witness import write_request
from proaktiv.tables import (
    CheckpointRow,
    ContradictionRow,
    CosignatureRow,
    TimeStampRow,
    WitnessAnswerRow,
    core_table,
)

_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_STAMPS = core_table(TimeStampRow)
_ANSWERS = core_table(WitnessAnswerRow)
_CONTRADICTIONS = core_table(ContradictionRow)

PAUSE = timedelta(seconds=30)
"""So long nobody is asked again who did not help."""
FRESH = timedelta(hours=12)
"""So long a cosignature of the newest checkpoint is enough; a policy that allows less than a day asks for trouble."""
STAMPS = "time stamps"
"""The name under which the authority's answers stand; no key is called so, for it has a blank."""
_HELPED = frozenset({"cosigned", "stamped", "behind"})
_SIZE_DIGITS = 19
_NOT_PROVEN = 422


@dataclass(frozen=True, slots=True)
class FarWitness:
    """A witness that this house asks. ``url`` is its submission prefix, without a slash at its end."""

    key: WitnessKey
    url: str


@dataclass(frozen=True, slots=True)
class Question:
    """What one witness is to be asked: the newest checkpoint, and that it continues what the witness knows."""

    witness: FarWitness
    size: int
    note: str
    old: int
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended, in one word, and the size that the other side spoke of.

    cosigned, stamped; behind: it knows an older tree than we thought, ask again from there; contradicts: it knows a
    tree that ours does not continue, as its size says or its no to a proof that holds here; refused, away, blocked (by
    our own list of hosts), wrong: it said what we cannot check.
    """

    word: str
    size: int
    cosignature: Cosignature | None = None
    stamp: tuple[str, bytes, datetime] | None = None


def far_witnesses(named: Mapping[str, str]) -> tuple[FarWitness, ...]:
    """Return the witnesses of ``named``: verifier key → URL. Raises ``NoteError`` for a key that is none."""
    return tuple(FarWitness(WitnessKey.parse(vkey), url.rstrip("/")) for vkey, url in named.items())


# witnesses ------------------------------------------------------------------------------------------------------------


def questions(session: Session, witnesses: Sequence[FarWitness], now: datetime) -> list[Question]:
    """Return whom to ask about the newest checkpoint: who has not cosigned it lately and did not refuse a moment ago.

    A log that rests is cosigned anew, or a policy could not tell it from one that is held back. Raises ``LogBroken``
    where the tiles do not prove here what a witness would be asked to believe: then its no would say nothing.
    """
    connection = session.connection()
    newest = connection.execute(
        select(_CHECKPOINTS.c.size, _CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
    ).one_or_none()
    if newest is None or not witnesses:
        return []
    lately = select(_COSIGNATURES.c.witness).where(
        _COSIGNATURES.c.size == newest.size, _COSIGNATURES.c.at > now - FRESH
    )
    done = set(connection.execute(lately).scalars())
    answered = {row.witness: row for row in connection.execute(select(_ANSWERS))}
    tree = StoredTree(session)
    found = []
    for witness in witnesses:
        last = answered.get(witness.key.name)
        if witness.key.name in done or _pausing(last, now):
            continue
        old = min(last.size, newest.size) if last is not None else 0
        proof = _proven(tree, old, newest.size, newest.note) if old else []
        found.append(Question(witness, newest.size, newest.note, old, proof))
    return found


def _proven(tree: StoredTree, old: int, size: int, note: str) -> list[bytes]:
    """Return the proof that the signed tree of ``size`` continues that of ``old`` entries, once it holds here."""
    signed = Checkpoint.parse(split_note(note)[0])
    proof = tree.consistency(old, size)
    if not verify_consistency(old, size, tree.root(old), signed.root, proof):
        raise LogBroken(f"the tiles do not prove that the {size} entries that were signed continue the first {old}")
    return proof


def ask_witness(question: Question, egress: Egress, deadline: Deadline) -> Outcome:
    """Ask one witness; whatever goes wrong is an outcome."""
    witness = question.witness
    try:
        response = egress.post(
            f"{witness.url}/add-checkpoint",
            headers={"Content-Type": "text/plain; charset=utf-8"},
            content=write_request(question.old, question.proof, question.note),
            deadline=deadline,
            also=frozenset({409}),
        )
    except OutboundError as error:
        return Outcome(_failed(error, question), question.old)
    if response.status == 409:
        return _conflict(question, response)
    try:
        said = cosignatures(question.note + response.body.decode(), [witness.key])
    except (NoteError, UnicodeDecodeError):
        said = []
    if not said:
        return Outcome("wrong", question.old)
    return Outcome("cosigned", question.size, said[0])


def _conflict(question: Question, response: Response) -> Outcome:
    """Judge what the witness says it knows instead of what we thought."""
    told = response.body.strip()
    if not told.isdigit() or len(told) > _SIZE_DIGITS:
        return Outcome("wrong", question.old)
    size = int(told)
    # It knows more than there is, or it knows this very size and still refuses: another tree.
    if size > question.size or size == question.old:
        return Outcome("contradicts", size)
    return Outcome("behind", size)


# time stamps ----------------------------------------------------------------------------------------------------------


def to_stamp(session: Session, now: datetime, every: timedelta, *, cosigned: bool) -> tuple[int, str] | None:
    """Return size and file of the checkpoint to stamp, None while none is due.

    ``cosigned``: witnesses are asked, so take one that somebody cosigned where there is a newer one than was stamped.
    """
    connection = session.connection()
    last = connection.execute(select(func.max(_STAMPS.c.size), func.max(_STAMPS.c.at))).one()
    if last[1] is not None and now - last[1] < every:
        return None
    answer = connection.execute(select(_ANSWERS).where(_ANSWERS.c.witness == STAMPS)).one_or_none()
    newest = connection.execute(select(func.max(_CHECKPOINTS.c.size))).scalar_one() or 0
    if newest <= (last[0] or 0) or _pausing(answer, now):
        return None
    best = connection.execute(select(func.max(_COSIGNATURES.c.size))).scalar_one() if cosigned else None
    of = At.COSIGNED if best is not None and best > (last[0] or 0) else At.NEWEST
    found = checkpoint(connection, at=of)
    return found.size, found.note


def ask_stamp(size: int, note: str, url: str, stamper: Stamper, egress: Egress, deadline: Deadline) -> Outcome:
    """Ask the authority for a token over a checkpoint file; whatever goes wrong is an outcome."""
    query = query_for(note.encode())
    try:
        response = egress.post(url, headers={"Content-Type": QUERY_TYPE}, content=query.body, deadline=deadline)
    except OutboundError as error:
        return Outcome(_failed(error), size)
    try:
        at = stamper.stamped_at(response.body, note.encode(), query)
    except StampRefused:
        return Outcome("wrong", size)
    return Outcome("stamped", size, stamp=(note, response.body, at))


# what is kept ---------------------------------------------------------------------------------------------------------


def store(session: Session, name: str, outcome: Outcome, now: datetime) -> None:
    """Keep how asking ``name`` ended, and what it gave.

    A contradiction stays beside the last answer, and open until the same witness cosigns as much as it knew.
    """
    connection = session.connection()
    if outcome.cosignature is not None:
        given = {"size": outcome.size, "witness": name, "line": outcome.cosignature.line, "at": outcome.cosignature.at}
        connection.execute(insert(_COSIGNATURES).values(given).on_conflict_do_nothing())
    if outcome.stamp is not None:
        note, token, at = outcome.stamp
        stamp = {"size": outcome.size, "note": note, "token": token, "at": at}
        connection.execute(insert(_STAMPS).values(stamp).on_conflict_do_nothing())
    if outcome.word == "contradicts":
        known = {"witness": name, "at": now, "size": outcome.size}
        connection.execute(insert(_CONTRADICTIONS).values(known).on_conflict_do_nothing())
    if outcome.word == "cosigned":
        is_open = _CONTRADICTIONS.c.settled_at.is_(None)
        mine = _CONTRADICTIONS.c.witness == name, _CONTRADICTIONS.c.size <= outcome.size
        connection.execute(update(_CONTRADICTIONS).where(is_open, *mine).values(settled_at=now))
    said = {"outcome": outcome.word, "size": outcome.size, "at": now}
    statement = insert(_ANSWERS).values(witness=name, **said)
    connection.execute(statement.on_conflict_do_update(index_elements=[_ANSWERS.c.witness], set_=said))


def _pausing(last: Row[Any] | None, now: datetime) -> bool:
    return last is not None and last.outcome not in _HELPED and abs(now - last.at) < PAUSE


def _failed(error: OutboundError, question: Question | None = None) -> str:
    if isinstance(error, AddressRefused):
        return "blocked"
    # A no to the proof, from the size that the witness knows: the proof holds here, so its tree is another one. Who
    # knows nothing yet has nothing to prove against.
    if isinstance(error, Declined) and error.status == _NOT_PROVEN and question is not None and question.old:
        return "contradicts"
    return "refused" if isinstance(error, Declined) else "away"
