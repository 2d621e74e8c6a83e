"""What a witness remembers: for each log whose keys it was told, the largest tree that it cosigned.

One JSON file that after a crash is the old one or the new one, and after ``write`` the new one, on the disk. Whoever
reads it in order to write holds the lock: of two requests, or two programs, the second sees what the first has written.
Left to others: what may be written (``flowlog.vouching.witness``).
Source: C2SP tlog-witness ("persist … atomically").
"""

import base64
import binascii
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.core.errors import ProaktivError
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey
from proaktiv.flowlog.durable import write_durably
from proaktiv.flowlog.vouching.cosignatures import WitnessKey, witness_key_of

FORMAT = "proaktiv/witness/v1"
UNPROVEN = "unproven"
_STATE, _KEY, _LOCK, _REFUSED = "state.json", "key", "lock", "refused"
EVIDENCE_MAX = 100
"""So many files of evidence are kept of one log and kind: its key or public checkpoints could else fill the disk."""


class WitnessError(ProaktivError):
    """The witness cannot work with this folder, or was asked for what it must not do; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One log: its keys, and what was cosigned last. ``note`` is that checkpoint as its log signed it.

    ``succeeded_by`` is the origin that took this one's place; then nothing of it is cosigned any more.
    """

    vkeys: tuple[str, ...]
    last: Checkpoint | None = None
    at: datetime | None = None
    note: str = ""
    succeeded_by: str = ""

    @property
    def size(self) -> int:
        """Return how many entries were cosigned last; 0 before the first time."""
        return self.last.size if self.last is not None else 0


@dataclass(frozen=True, slots=True)
class State:
    """Everything a witness knows."""

    name: str
    logs: Mapping[str, Watched] = field(default_factory=dict)

    def with_log(self, origin: str, watched: Watched) -> "State":
        """Return the state with another memory of one log."""
        return State(self.name, {**self.logs, origin: watched})

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        logs = {origin: _to_json(watched) for origin, watched in sorted(self.logs.items())}
        data = {"format": FORMAT, "name": self.name, "logs": logs}
        return json.dumps(data, indent=1).encode() + b"\n"

    @classmethod
    def parse(cls, raw: bytes) -> "State":
        """Read the file. Raises ``WitnessError``."""
        try:
            data = json.loads(raw)
            if data["format"] != FORMAT:
                raise WitnessError(f"the memory is of another format than {FORMAT}")
            logs = {origin: _from_json(origin, each) for origin, each in data["logs"].items()}
            return cls(data["name"], logs)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NoteError):
            raise WitnessError(
                "the memory is unreadable: bring back the newest copy; never begin with an older one or without"
            ) from None


class Memory:
    """The folder of one witness. Threads and processes share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def found(self, name: str) -> WitnessKey:
        """Make a witness with a key of its own. Raises ``WitnessError`` where one is, ``NoteError`` for the name."""
        key = Ed25519PrivateKey.generate()
        witness = witness_key_of(name, key)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self.alone():
                if (self._folder / _STATE).exists() or (self._folder / _KEY).exists():
                    raise WitnessError(f"{self._folder} holds a witness already: it is never founded twice")
                write_durably(self._folder / _KEY, base64.b64encode(key.private_bytes_raw()) + b"\n")
                self.write(State(name))
        except OSError as error:
            raise WitnessError(f"{self._folder} cannot be written: {error.strerror}") from None
        return witness

    def key(self) -> Ed25519PrivateKey:
        """Return the key that it cosigns with. Raises ``WitnessError``."""
        try:
            return Ed25519PrivateKey.from_private_bytes(
                base64.b64decode((self._folder / _KEY).read_bytes().strip(), validate=True)
            )
        except (OSError, ValueError, binascii.Error):
            raise WitnessError(f"{self._folder} holds no witness's key: proaktiv witness init makes one") from None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody else off while the memory is read, judged and written."""
        try:
            handle = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise WitnessError(f"{self._folder} cannot be used: {error.strerror}") from None
        with open(handle, "ab") as lock:  # noqa: PTH123 - a handle, not a path
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self) -> State:
        """Return what is remembered. Raises ``WitnessError``."""
        try:
            return State.parse((self._folder / _STATE).read_bytes())
        except FileNotFoundError:
            raise WitnessError(f"{self._folder} holds no witness: proaktiv witness init makes one") from None
        except OSError as error:
            raise WitnessError(f"{self._folder} cannot be read: {error.strerror}") from None

    def write(self, state: State) -> None:
        """Remember ``state``; it is on the disk when this returns. Only inside ``alone``."""
        write_durably(self._folder / _STATE, state.to_bytes())

    def keep_evidence(self, refused: Checkpoint, content: str, *, certain: bool) -> None:
        """Keep what contradicts the memory, once each, as long as there is room. Only inside ``alone``.

        ``certain``: the two cannot both be of one log; else it was not proven that they are. Each kind has its room:
        what is certain takes the log's key, the other may be shown by anybody who has a checkpoint.
        """
        name = _evidence_name(refused, certain=certain)
        kind, end = name.partition("-")[0], _evidence_end(refused.origin)
        alike = [each for each in self.evidence() if each.startswith(kind) and each.endswith(end)]
        if name not in alike and len(alike) < EVIDENCE_MAX:
            write_durably(self._folder / name, content.encode())

    def drop_doubt(self, proven: Checkpoint) -> None:
        """Forget that a tree was shown without its proof, now that it was proven. Only inside ``alone``."""
        (self._folder / _evidence_name(proven, certain=False)).unlink(missing_ok=True)

    def evidence(self) -> list[str]:
        """Return the names of the files of evidence; of what is only not proven they begin with ``UNPROVEN``."""
        return sorted(path.name for word in (_REFUSED, UNPROVEN) for path in self._folder.glob(f"{word}-*.txt"))


def _evidence_name(of: Checkpoint, *, certain: bool) -> str:
    digest = sha256(of.text().encode()).hexdigest()[:16]
    return f"{_REFUSED if certain else UNPROVEN}-{of.size}-{digest}{_evidence_end(of.origin)}"


def _evidence_end(origin: str) -> str:
    return f"-{sha256(origin.encode()).hexdigest()[:8]}.txt"


def _to_json(watched: Watched) -> dict[str, Any]:
    return {
        "vkeys": list(watched.vkeys),
        "last": watched.last.text() if watched.last is not None else None,
        "at": watched.at.isoformat() if watched.at is not None else None,
        "note": watched.note,
        "succeeded_by": watched.succeeded_by,
    }


def _from_json(origin: str, data: Any) -> Watched:
    vkeys = tuple(str(Vkey.parse(vkey)) for vkey in data["vkeys"])
    last = None if data["last"] is None else Checkpoint.parse(data["last"])
    at = None if data["at"] is None else datetime.fromisoformat(data["at"])
    if not vkeys or any(Vkey.parse(vkey).name != origin for vkey in vkeys) or (last and last.origin != origin):
        raise ValueError(origin)
    return Watched(vkeys, last, at, str(data["note"]), str(data["succeeded_by"]))
