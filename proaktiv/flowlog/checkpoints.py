"""Signed statements about the tree: "the log ``origin`` had ``size`` entries and this root".

Bytes and signatures only, in formats that others read too. Left to others: what may be signed (``flowlog.signer``).
Source: C2SP signed-note and tlog-checkpoint (Ed25519, no extension lines).
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from proaktiv.core.errors import ProaktivError

_ED25519 = b"\x01"
_SIGNATURES_MAX = 100
_ENCODED = re.compile("[A-Za-z0-9+/]{44,}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_SIZE_MAX = 2**63 - 1


class NoteError(ProaktivError):
    """A note, key or checkpoint is not what it should be."""


class NotSigned(NoteError):  # noqa: N818
    """A note is well-formed, but not signed by a key that we trust, or wrongly signed by one."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says about itself."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a checkpoint's text. Raises ``NoteError``."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3]:
            raise NoteError("a checkpoint has three lines")
        origin, size, root = lines[:3]
        if not origin or not _SIZE.fullmatch(size) or int(size) > _SIZE_MAX:
            raise NoteError("a checkpoint begins with its origin and its size")
        raw = unb64(root)
        if len(raw) != 32:
            raise NoteError("a checkpoint's root has 32 bytes")
        return cls(origin, int(size), raw)


@dataclass(frozen=True, slots=True)
class Vkey:
    """A key that signatures are checked with, under the name its owner signs by."""

    algorithm: ClassVar[bytes] = _ED25519
    whole: ClassVar[str] = "`proaktiv log vkey` prints all of it, where the log is signed"
    """What to do about one that was copied in part."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Return the four bytes by which a signature line names this key."""
        return sha256(self.name.encode() + b"\n" + self.algorithm + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(self.algorithm + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``name+id+key``. Raises ``NoteError`` unless all three fit."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        if not _ENCODED.fullmatch(encoded):
            raise NoteError(f"the key is not whole: {cls.whole}")
        raw = unb64(encoded)
        if not _is_name(name) or not _is_text(name) or raw[:1] != cls.algorithm or len(raw) != 33:
            raise NoteError(f"not an Ed25519 verifier key of type {cls.algorithm.hex()}")
        key = cls(name, raw[1:])
        if key_id != key.id.hex():
            raise NoteError("the key's id does not fit its name and bytes")
        return key

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return whether this key made ``signature`` over ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Note:
    """A note's text and the names of the trusted keys that signed it, in the order of their lines."""

    text: str
    verified: tuple[str, ...]


def vkey_of(origin: str, key: Ed25519PrivateKey) -> Vkey:
    """Return what verifies notes of ``origin`` signed with ``key``. Raises ``NoteError`` for blanks or + in it."""
    if not _is_name(origin):
        raise NoteError("a log's origin has neither blanks nor +")
    return Vkey(origin, key.public_key().public_bytes_raw())


def sign_note(text: str, origin: str, key: Ed25519PrivateKey) -> str:
    """Return the signed note over ``text``; the same text and key always give the same bytes."""
    return f"{text}\n{signature_line(vkey_of(origin, key), key.sign(text.encode()))}"


def signature_line(vkey: Vkey, signature: bytes) -> str:
    """Return the line of a note that carries one signature."""
    return f"— {vkey.name} {b64(vkey.id + signature)}\n"


def open_note(note: str, vkeys: Sequence[str]) -> Note:
    """Check a signed note against trusted keys.

    Signatures of unknown keys are ignored; a wrong one of a known key rejects the whole note. Raises ``NotSigned`` if
    no trusted key signed, ``NoteError`` for malformed notes, keys and keys given twice that would apply.
    """
    keys = [Vkey.parse(vkey) for vkey in vkeys]
    text, lines = split_note(note)
    verified: list[str] = []
    seen: set[tuple[str, bytes]] = set()
    for name, blob in lines:
        fitting = [key for key in keys if (key.name, key.id) == (name, blob[:4])]
        if len(fitting) > 1:
            raise NoteError(f"two trusted keys are called {name}")
        if not fitting or (name, blob[:4]) in seen:
            continue
        seen.add((name, blob[:4]))
        if not fitting[0].verifies(text.encode(), blob[4:]):
            raise NotSigned(f"wrong signature of {name}")
        verified.append(name)
    if not verified:
        raise NotSigned("no trusted key signed this note")
    return Note(text, tuple(verified))


def open_checkpoint(note: str, vkey: str) -> Checkpoint:
    """Return a checkpoint whose log signed it with ``vkey``. Raises ``NotSigned``, ``NoteError``."""
    opened = open_note(note, [vkey])
    found = Checkpoint.parse(opened.text)
    if found.origin != Vkey.parse(vkey).name:
        raise NoteError("the checkpoint is of another log")
    return found


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a note's text and its signatures: name, and key id ‖ signature; none is checked. Raises ``NoteError``."""
    if any(ord(sign) < 0x20 and sign != "\n" for sign in note):
        raise NoteError("control characters in a note")
    if not _is_text(note):
        raise NoteError("half a surrogate pair in a note")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise NoteError("a note ends with signature lines")
    lines = signatures[:-1].split("\n")
    if len(lines) > _SIGNATURES_MAX:
        raise NoteError("too many signatures")
    found = []
    for line in lines:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        blob = unb64(encoded)
        if dash != "—" or not _is_name(name) or len(blob) < 5:
            raise NoteError("not a signature line")
        found.append((name, blob))
    return text + "\n", found


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(sign.isspace() for sign in name)


def _is_text(text: str) -> bool:
    """Return whether UTF-8 can write it: what came out of JSON or the environment may hold half a surrogate pair."""
    return text.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in text)


def b64(raw: bytes) -> str:
    """Return bytes as the formats write them."""
    return base64.b64encode(raw).decode()


def unb64(text: str) -> bytes:
    """Return the bytes of their one spelling. Raises ``NoteError``."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if b64(raw) != text:  # spare bits: one key, one spelling
        raise NoteError("not base64 in its one spelling")
    return raw
