"""What a witness says of a checkpoint: "at this time this was the largest tree of that log that I knew, and it grew".

Bytes and signatures only. Left to others: whose cosignatures count (``flowlog.verifying.policy``), when one may be made
(``flowlog.vouching.witness``).
Source: C2SP tlog-cosignature (Ed25519, type 0x04).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.flowlog.checkpoints import NoteError, NotSigned, Vkey, signature_line, split_note

_TIME_BYTES = 8
_LATEST = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
"""The format allows 2⁶³ - 1 seconds, a date does not."""


@dataclass(frozen=True, slots=True)
class WitnessKey(Vkey):
    """A key that cosignatures are checked with."""

    algorithm: ClassVar[bytes] = b"\x04"
    whole: ClassVar[str] = "`proaktiv witness status` prints all of it"

    def cosigned_at(self, text: str, signature: bytes) -> datetime | None:
        """Return when this key cosigned the checkpoint ``text``, None if it did not make ``signature``."""
        seconds = int.from_bytes(signature[:_TIME_BYTES], "big")
        if len(signature) != _TIME_BYTES + 64 or seconds > _LATEST:
            return None
        if not self.verifies(_message(text, seconds), signature[_TIME_BYTES:]):
            return None
        return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One that was checked: whose, when, and its line."""

    key: WitnessKey
    at: datetime
    line: str


def witness_key_of(name: str, key: Ed25519PrivateKey) -> WitnessKey:
    """Return what verifies cosignatures of ``name`` made with ``key``. Raises ``NoteError``."""
    return WitnessKey.parse(str(WitnessKey(name, key.public_key().public_bytes_raw())))


def cosign(text: str, name: str, key: Ed25519PrivateKey, now: datetime) -> str:
    """Return the signature line of a cosignature over the checkpoint ``text``."""
    seconds = int(now.timestamp())
    signature = seconds.to_bytes(_TIME_BYTES, "big") + key.sign(_message(text, seconds))
    return signature_line(witness_key_of(name, key), signature)


def cosignatures(note: str, keys: Sequence[WitnessKey]) -> list[Cosignature]:
    """Return the cosignatures by trusted keys, each key once, in the order of their lines.

    Those of unknown keys are ignored; a wrong one of a known key rejects the whole note. Raises ``NotSigned``,
    ``NoteError`` for malformed notes and for keys that one line could mean.
    """
    text, lines = split_note(note)
    found: dict[WitnessKey, Cosignature] = {}
    for name, blob in lines:
        fitting = [key for key in keys if (key.name, key.id) == (name, blob[:4])]
        if len(fitting) > 1:
            raise NoteError(f"two trusted witnesses are called {name}")
        for key in fitting:
            at = key.cosigned_at(text, blob[4:])
            if at is None:
                raise NotSigned(f"wrong cosignature of {name}")
            found.setdefault(key, Cosignature(key, at, signature_line(key, blob[4:])))
    return list(found.values())


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
