"""Personal data at rest: sealed under a key per person and compartment, found by keyed hash.

**Opening is the gated act**: ``Ring.open`` and ``open_payload`` demand a ``Permit``, a ``SessionProof`` or an
``Inspection``. Each process holds only the KEKs of its surface (data-path.md § 2), so what it must not read it cannot.

Sealed column = nonce(12) ‖ AES-256-GCM(key, canonical JSON, aad = table ‖ row ‖ column).
Left to others: who may ask (``consent.decide``, ``steps.prove``); which KEK opens a key (``wrapping``); rotating,
destroying and bringing back (``keys``).
"""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from sqlmodel import Session

from consent.model import Permit
from proaktiv.core import codes
from proaktiv.core.accounts import folded
from proaktiv.core.birthdays import Born
from proaktiv.core.canonical import dumps
from proaktiv.core.ids import Ids
from proaktiv.ring import Opens, Place, Ring, read_keys
from proaktiv.sets import copy_rows
from proaktiv.tables import VaultKeyRow, core_table
from proaktiv.wrapping import (
    Compartment,
    Destroyed,
    Kek,
    NotHeld,
    NotPermitted,
    SealBroken,
    VaultError,
    Wrapper,
)

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEYS = core_table(VaultKeyRow)
_KEY_COLUMNS = ("person", "compartment", "state", "kek", "wrapped", "made_at", "destroyed_at")
_SUBJ_BYTES = 16


@dataclass(frozen=True, slots=True)
class VaultKeys:
    """What one process holds. Empty bytes mean: not on this surface. The ``others`` only open."""

    index: bytes
    keks: Mapping[Compartment, Kek]
    code: bytes = b""
    intake_public: bytes = b""
    intake_private: bytes = b""
    kek_others: Mapping[Compartment, Sequence[Kek]] = field(default_factory=dict)
    intake_private_others: Sequence[bytes] = ()


class Vault:
    """Keys and keyed hashes of one process."""

    def __init__(self, keys: VaultKeys, ids: Ids) -> None:
        self._keys = keys
        self._ids = ids
        self._wrappers = {
            compartment: Wrapper(compartment, kek, keys.kek_others.get(compartment, ()))
            for compartment, kek in keys.keks.items()
        }

    @property
    def holds(self) -> frozenset[Compartment]:
        """Return the compartments this process can open."""
        return frozenset(self._keys.keks)

    # keyed hashes --------------------------------------------------------------------------------------------------

    def mac(self, label: str, data: bytes) -> bytes:
        """Return HMAC-SHA-256(index key, label ‖ 0 ‖ data), 32 bytes."""
        return hmac.digest(self._keys.index, label.encode() + b"\x00" + data, "sha256")

    def lookup_hash(self, kind: str, value: str) -> bytes:
        """Return the hash by which an identifier is found; blanks around the value do not count."""
        return self.mac(f"lookup/{kind}", value.strip().encode())

    def subj(self, person: UUID) -> bytes:
        """Return the blind index under which a person's entries of the log are found, 16 bytes."""
        return self.mac("subject", person.bytes)[:_SUBJ_BYTES]

    def code(self, matter: UUID, run: int) -> str:
        """Return the letter code of one matter (bundle or enrolment) in one run; always the same one."""
        return codes.from_mac(self._code_mac("code", matter.bytes + run.to_bytes(4, "big")))

    def confirmation(self, waiting: UUID) -> str:
        """Return the digits that confirm one mail address that waits; always the same ones."""
        return codes.digits_from_mac(self._code_mac("confirmation", waiting.bytes))

    def code_mac(self, code: str) -> bytes:
        """Return what stands in ``codes`` for a code as read by ``codes.read``."""
        return self._code_mac("stored", code.encode())

    def proof_mac(self, code: str, birth_date: Born) -> bytes:
        """Return what stands in ``codes`` for a code together with a birth date."""
        return self._code_mac("proof", f"{code}|{birth_date.isoformat()}".encode())

    def identity_mac(self, person: UUID, family_name: str, given_name: str, birth_date: Born) -> bytes:
        """Return what stands in ``codes`` for whom a code is for, as ``core.accounts.folded`` writes names."""
        said = "\x00".join((folded(family_name), folded(given_name).partition(" ")[0], birth_date.isoformat()))
        return self._code_mac("identity", person.bytes + said.encode())

    def _code_mac(self, label: str, data: bytes) -> bytes:
        if not self._keys.code:
            raise NotHeld("this surface does not hold the code key")
        return hmac.digest(self._keys.code, label.encode() + b"\x00" + data, "sha256")

    # sealed to the worker --------------------------------------------------------------------------------------------

    def seal_to_worker(self, place: Place, value: Any) -> bytes:
        """Return ``value`` sealed so that only the worker reads it (HPKE, RFC 9180); not even this process can."""
        return _SUITE.encrypt(dumps(value), _public(self._keys.intake_public), info=place.aad)

    def open_payload(self, by: Permit[Any], place: Place, blob: bytes) -> Any:
        """Return what ``seal_to_worker`` sealed. The permit is the reason; raises ``NotHeld``, ``SealBroken``."""
        if not isinstance(by, Permit):
            raise NotPermitted(f"{place.table}.{place.column}: no permit")
        if not self._keys.intake_private:
            raise NotHeld("this surface does not hold the intake key")
        for private in (self._keys.intake_private, *self._keys.intake_private_others):
            try:
                return json.loads(_SUITE.decrypt(blob, _private(private), info=place.aad))
            except InvalidTag:
                continue
        raise SealBroken(f"{place.table}.{place.column} of {place.row}")

    # person keys -----------------------------------------------------------------------------------------------------

    def create(self, session: Session, persons: Sequence[UUID], now: datetime) -> None:
        """Make all five keys of new persons. Raises ``NotHeld`` outside the worker; the database refuses a second set.

        A person whose keys were destroyed keeps their row, so no key is ever made for them again.
        """
        missing = set(Compartment) - self.holds
        if missing:
            raise NotHeld(f"making keys needs {', '.join(sorted(missing))}")
        rows = [
            (
                person,
                compartment.value,
                "active",
                self._wrappers[compartment].present.name,
                self._wrappers[compartment].wrap(person, self._ids.random(32), self._ids.random(12)),
                now,
                None,
            )
            for person in persons
            for compartment in Compartment
        ]
        if rows:
            copy_rows(session, _KEYS, _KEY_COLUMNS, rows)

    def ring(self, session: Session, persons: Iterable[UUID], compartments: Iterable[Compartment]) -> Ring:
        """Read the keys of some persons in one query.

        Raises ``NotHeld`` for a compartment of another surface, and for a KEK that no setting of this process names;
        ``SealBroken`` for a row that its KEK does not open.
        """
        wanted = tuple(compartments)
        for compartment in wanted:
            if compartment not in self._wrappers:
                raise NotHeld(f"this surface does not hold KEK-{compartment}")
        whose = set(persons)
        subj = self.subj(*whose) if len(whose) == 1 and Compartment.FLOW in wanted else b""
        keys, numbers = {}, {}
        for person, name, kek, wrapped, number in read_keys(session, whose, wanted, subj):
            compartment = Compartment(name)
            keys[person, compartment] = AESGCM(self._wrappers[compartment].unwrap(person, kek, wrapped))
            if compartment is Compartment.FLOW and number is not None:
                numbers[person] = number
        return Ring(self._ids, keys, numbers)

    def ring_as_far_as_held(self, session: Session, persons: Iterable[UUID], compartment: Compartment) -> Ring:
        """Read the keys of some persons, leaving out what no KEK held here opens. Raises ``NotHeld`` without any."""
        wrapper = self.wrapper(compartment)
        keys = {}
        for person, _, kek, wrapped, _ in read_keys(session, set(persons), (compartment,)):
            with suppress(NotHeld, SealBroken):
                keys[person, compartment] = AESGCM(wrapper.unwrap(person, kek, wrapped))
        return Ring(self._ids, keys)

    def wrapper(self, compartment: Compartment) -> Wrapper:
        """Return what wraps and unwraps one compartment's keys. Raises ``NotHeld``."""
        try:
            return self._wrappers[compartment]
        except KeyError:
            raise NotHeld(f"this process does not hold KEK-{compartment}") from None

    def rewrapped(self, person: UUID, compartment: Compartment, kek: str, wrapped: bytes) -> bytes:
        """Return the same data key under the present KEK. Raises ``NotHeld`` or ``SealBroken``."""
        wrapper = self.wrapper(compartment)
        return wrapper.wrap(person, wrapper.unwrap(person, kek, wrapped), self._ids.random(12))


@lru_cache(maxsize=4)
def _public(raw: bytes) -> X25519PublicKey:
    if not raw:
        raise NotHeld("this surface does not hold the intake public key")
    return X25519PublicKey.from_public_bytes(raw)


@lru_cache(maxsize=8)
def _private(raw: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(raw)


__all__ = [
    "Compartment",
    "Destroyed",
    "Kek",
    "NotHeld",
    "NotPermitted",
    "Opens",
    "Place",
    "Ring",
    "SealBroken",
    "Vault",
    "VaultError",
    "VaultKeys",
]
