"""Key-encryption keys: each compartment's data keys are wrapped by one, and opened by those that are held besides it.

A KEK is named after itself, so nobody types a number and two processes cannot mean different keys by one name. The
present one wraps; others open only: the former one while a rotation goes on, or the coming one before it begins. Left
to others: where the rows are (``vault``), the order of a rotation (``keys.rotation``).
Source: data-path.md § 2.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proaktiv.core.errors import ProaktivError

_NAMED = b"proaktiv/kek-name/v1\n"
_VOUCHES = b"proaktiv/kek-mac/v1\n"
_NONCE_BYTES = 12


class Compartment(StrEnum):
    """What a key opens: what the person sees, how they are reached, register facts, log entries, proofs."""

    VIEW = "view"
    CONTACT = "contact"
    FACTS = "facts"
    FLOW = "flow"
    PROOF = "proof"


class VaultError(ProaktivError):
    """A seal was not opened or not made; messages hold ids, never contents."""


class NotHeld(VaultError):  # noqa: N818 - reads as the sentence it is: raise NotHeld
    """This process does not hold the key: the act belongs to another surface, or a setting is missing."""


class NotPermitted(VaultError):  # noqa: N818
    """The permit or proof is about somebody else."""


class Destroyed(VaultError):  # noqa: N818
    """The person's keys are gone, for ever."""


class SealBroken(VaultError):  # noqa: N818
    """The bytes are not what was sealed for this table, row and column."""


@dataclass(frozen=True, slots=True)
class Kek:
    """One key-encryption key: 32 bytes, and a name that rotation can tell apart."""

    name: str
    key: bytes

    @classmethod
    def of(cls, compartment: Compartment, key: bytes) -> Self:
        """Return the key under the name that follows from it: compartment and 8 hex digits, nothing to guess from."""
        return cls(f"{compartment}-{hmac.digest(key, _NAMED + compartment.encode(), 'sha256').hex()[:8]}", key)


def nameless(compartment: Compartment, name: str) -> bool:
    """Return whether a stored name is of the time before keys were named after themselves: it tells no key apart."""
    return name == f"{compartment}-1"


class Wrapper:
    """What one process holds of one compartment: the KEK that wraps, and others that open as well."""

    def __init__(self, compartment: Compartment, present: Kek, others: Iterable[Kek] = ()) -> None:
        self.compartment = compartment
        self.present = present
        held = (present, *others)
        self._held = {kek.name: AESGCM(kek.key) for kek in held}
        self._vouching = {kek.name: hmac.digest(kek.key, _VOUCHES + compartment.encode(), "sha256") for kek in held}

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the KEKs that are held."""
        return frozenset(self._held)

    def mac(self, name: str, data: bytes) -> bytes:
        """Return HMAC-SHA-256 under a key derived from the KEK of that name. Raises ``NotHeld``."""
        if name not in self._vouching:
            raise NotHeld(
                f"this process does not hold KEK {name}: give it in PROAKTIV_KEK_{self.compartment.upper()}_OTHERS"
            )
        return hmac.digest(self._vouching[name], data, "sha256")

    def wrap(self, person: UUID, key: bytes, nonce: bytes) -> bytes:
        """Return a data key wrapped by the present KEK; ``nonce`` are 12 random bytes."""
        return nonce + self._held[self.present.name].encrypt(nonce, key, self._aad(person))

    def unwrap(self, person: UUID, name: str, wrapped: bytes) -> bytes:
        """Return the data key that the KEK of that name wrapped. Raises ``NotHeld`` or ``SealBroken``, with remedy."""
        if name in self._held:
            keks = [self._held[name]]
        elif nameless(self.compartment, name):
            keks = list(self._held.values())
        else:
            setting = f"PROAKTIV_KEK_{self.compartment.upper()}"
            raise NotHeld(
                f"{self.compartment} key of person {person} is under KEK {name}, which this process does not hold:"
                f" give it in {setting}_OTHERS until `proaktiv keys status` says that nothing is left under it"
            )
        for kek in keks:
            try:
                return kek.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], self._aad(person))
            except (InvalidTag, ValueError):  # ValueError: too short to be a seal
                continue
        raise SealBroken(
            f"{self.compartment} key of person {person}: wrong KEK, or the row was changed;"
            f" put back the KEK it was made with, or the row: proaktiv keys restore"
        )

    def _aad(self, person: UUID) -> bytes:
        return person.bytes + self.compartment.value.encode()
