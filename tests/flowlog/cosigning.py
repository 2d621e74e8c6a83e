"""Witnesses of a test: keys of type 0x04 and their lines as C2SP tlog-cosignature says, made by none of our code."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.flowlog.exports import VKEY

AT = 1_791_966_660
"""A minute after the entries of these tests."""


@dataclass(frozen=True)
class Witness:
    name: str
    private: Ed25519PrivateKey

    @property
    def raw(self) -> bytes:
        return b"\x04" + self.private.public_key().public_bytes_raw()

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self.raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(self.raw).decode()}"

    def line(self, text: str, at: int = AT) -> str:
        signed = at.to_bytes(8) + self.private.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
        return f"— {self.name} {b64encode(self.id + signed).decode()}\n"


WITNESSES = {
    f"w{number}": Witness(f"witness.example/w{number}", Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    for number in range(1, 5)
}


def cosigned(note: str, *names: str, at: int = AT) -> str:
    text = note.rpartition("\n\n")[0] + "\n"
    return note + "".join(WITNESSES[name].line(text, at) for name in names)


def policy_of(rest: str) -> str:
    """Three witnesses, and below them what a test asks of them."""
    keys = "".join(f"witness {name} {WITNESSES[name]}\n" for name in ("w1", "w2", "w3"))
    return f"log {VKEY}\n{keys}{rest.format(w4=WITNESSES['w4'])}"
