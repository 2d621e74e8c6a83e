"""The witness at the DSB's: cosigns a log's checkpoint if the log only grew since the last one, and remembers it.

What it remembers lies outside the house, so a log that was rolled back, rewritten or forked is refused here, whoever
holds the house's database and keys. It reads no entry and learns no data: a checkpoint is a number and a hash.
Left to others: speaking HTTP (``flowlog.vouching.server``), the file (``flowlog.vouching.memory``).
Source: C2SP tlog-witness (add-checkpoint).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from proaktiv.core.merkle import HASH_BYTES, verify_consistency
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, b64, open_note, unb64
from proaktiv.flowlog.sequencer import no_probe
from proaktiv.flowlog.vouching.cosignatures import cosign
from proaktiv.flowlog.vouching.memory import Memory, Watched, WitnessError

BODY_MAX = 64 * 1024
"""63 lines of proof and a checkpoint of 100 signatures are far shorter."""
PROOF_MAX = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")

PROBES = ("witness.lock.before", "witness.persist.before", "witness.persist.after")
"""Where a test may kill the process or hold a request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, as HTTP says it."""

    status: int
    body: str
    media_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was read; nothing of it is believed."""

    old: int
    proof: tuple[bytes, ...]
    note: str
    checkpoint: Checkpoint


class Witness:
    """One witness over its memory. Safe to use from several threads, and by several processes."""

    def __init__(self, memory: Memory, probe: Callable[[str], None] = no_probe) -> None:
        self._memory = memory
        self._probe = probe
        self._key = memory.key()

    def add_checkpoint(self, body: bytes, now: datetime) -> Answer:
        """Answer one request: 200 with a cosignature, or 400, 403, 404, 409, 422.

        Raises ``WitnessError`` where the memory cannot be used: then nothing was cosigned.
        """
        try:
            asked = read_request(body)
        except NoteError as error:
            return Answer(400, f"{error}\n")
        self._probe("witness.lock.before")
        with self._memory.alone():
            state = self._memory.read()
            origin = asked.checkpoint.origin
            watched = state.logs.get(origin)
            if watched is None:
                return Answer(404, "this witness does not know this log\n")
            refusal = self._refusal(asked, watched)
            if refusal is not None:
                return refusal
            remembered = replace(watched, last=asked.checkpoint, at=now, note=asked.note)
            self._probe("witness.persist.before")
            self._memory.write(state.with_log(origin, remembered))
            self._probe("witness.persist.after")
            self._memory.drop_doubt(asked.checkpoint)
        return Answer(200, cosign(asked.checkpoint.text(), state.name, self._key, now))

    def _refusal(self, asked: Asked, watched: Watched) -> Answer | None:
        """Return why this must not be cosigned, None if it may."""
        return _stranger(asked, watched) or self._other_tree(asked, watched)

    def _other_tree(self, asked: Asked, watched: Watched) -> Answer | None:
        new = asked.checkpoint
        if asked.old > new.size:
            return Answer(400, "the old size is larger than the checkpoint's\n")
        if watched.last is not None and watched.size == new.size and watched.last.root != new.root:
            self._keep_evidence(asked, watched, certain=True)
            return _conflict(watched)
        if new.size < watched.size:
            # A log that was set back, or one of its older checkpoints: they lie about in public, and anybody can ask.
            self._keep_evidence(asked, watched, certain=False)
            return _conflict(watched)
        if asked.old != watched.size:
            return _conflict(watched)
        if not _grown(watched.last, new, asked.proof):
            # Whether it is another log or only another proof nobody can tell from here; the log signed it either way.
            if 0 < watched.size < new.size:
                self._keep_evidence(asked, watched, certain=False)
            return Answer(422, "the consistency proof does not lead from the old tree to this one\n")
        return None

    def _keep_evidence(self, asked: Asked, watched: Watched, *, certain: bool) -> None:
        proof = "" if certain else "".join(("\nproof:\n", *(f"{b64(step)}\n" for step in asked.proof)))
        evidence = f"cosigned:\n{watched.note}\nrefused:\n{asked.note}{proof}"
        self._memory.keep_evidence(asked.checkpoint, evidence, certain=certain)


def trust(memory: Memory, vkey: str) -> None:
    """Let the witness watch a log, or know one more key of it. Raises ``NoteError``, ``WitnessError``."""
    key = Vkey.parse(vkey)
    with memory.alone():
        state = memory.read()
        watched = state.logs.get(key.name, Watched(()))
        if str(key) in watched.vkeys:
            raise WitnessError("this key is trusted already")
        memory.write(state.with_log(key.name, replace(watched, vkeys=(*watched.vkeys, str(key)))))


def distrust(memory: Memory, vkey: str) -> None:
    """Forget a key of a log after a rotation; its memory stays. Raises ``NoteError``, ``WitnessError``."""
    key = Vkey.parse(vkey)
    with memory.alone():
        state = memory.read()
        watched = state.logs.get(key.name, Watched(()))
        left = tuple(each for each in watched.vkeys if each != str(key))
        if left == watched.vkeys or not left:
            raise WitnessError("this is not one of several keys that are trusted for this log")
        memory.write(state.with_log(key.name, replace(watched, vkeys=left)))


def read_request(body: bytes) -> Asked:
    """Read what stands in a request. Raises ``NoteError``."""
    if len(body) > BODY_MAX:
        raise NoteError("the request is too long")
    try:
        head, blank, note = body.decode().partition("\n\n")
    except UnicodeDecodeError:
        raise NoteError("the request is not UTF-8") from None
    first, *proof = head.split("\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None:
        raise NoteError("a request begins with its line `old SIZE`, perhaps a proof, and an empty line")
    hashes = tuple(unb64(line) for line in proof)
    if len(hashes) > PROOF_MAX or any(len(each) != HASH_BYTES for each in hashes):
        raise NoteError("a proof has at most 63 lines of 32 bytes each")
    return Asked(int(old[1]), hashes, note, Checkpoint.parse(note.rpartition("\n\n")[0] + "\n"))


def write_request(old: int, proof: list[bytes], note: str) -> bytes:
    """Return the body that asks a witness for a cosignature."""
    return "".join((f"old {old}\n", *(f"{b64(each)}\n" for each in proof), "\n", note)).encode()


def _stranger(asked: Asked, watched: Watched) -> Answer | None:
    """Return why this is not said by a log that is watched."""
    try:
        open_note(asked.note, watched.vkeys)
    except NoteError as error:
        return Answer(403, f"{error}\n")
    if watched.succeeded_by:
        return Answer(403, f"this log has ended; {watched.succeeded_by} took its place\n")
    return None


def _grown(last: Checkpoint | None, new: Checkpoint, proof: tuple[bytes, ...]) -> bool:
    if last is None or last.size == 0:
        return not proof
    return verify_consistency(last.size, new.size, last.root, new.root, list(proof))


def _conflict(watched: Watched) -> Answer:
    return Answer(409, f"{watched.size}\n", "text/x.tlog.size")
