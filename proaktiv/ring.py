"""The data keys of some persons, and what they seal and open; read on every page and for every entry of the log.

Left to others: making, wrapping and destroying keys (``vault``, ``wrapping``, ``keys``).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlmodel import Session

from consent.model import Permit
from proaktiv.core.canonical import dumps
from proaktiv.core.ids import Ids
from proaktiv.core.staff import Inspection, Verification
from proaktiv.core.trust import SessionProof
from proaktiv.sets import past_sqlalchemy
from proaktiv.wrapping import Compartment, Destroyed, NotPermitted, SealBroken

_WITH_NUMBER = (
    b"SELECT k.person, k.compartment, k.kek, k.wrapped, greatest(h.seq, 0)"
    b" FROM (SELECT %b::uuid, %b::bytea) AS asked (person, subj)"
    b" JOIN vault_keys k ON k.person = asked.person AND k.compartment = ANY(%b::text[]) AND k.state = 'active'"
    b" LEFT JOIN subject_heads h ON h.subj = asked.subj"
)
# Of many, no number: nobody counts on from them one by one, and the join over arrays cost a sixth of evaluate.
_KEYS = (
    b"SELECT person, compartment, kek, wrapped, NULL::bigint FROM vault_keys"
    b" WHERE person = ANY(%b::uuid[]) AND compartment = ANY(%b::text[]) AND state = 'active'"
)

Opens = Permit[Any] | SessionProof | Inspection | Verification
"""What may open a seal."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives; a value copied to another place does not open."""

    table: str
    row: UUID
    column: str

    @property
    def aad(self) -> bytes:
        """Return the bytes that bind a seal to this place."""
        return b"\x00".join((self.table.encode(), self.row.bytes, self.column.encode()))


class Ring:
    """The data keys of some persons, as read in one transaction. Lives as long as that transaction.

    ``numbers``: the last number of a person's entries in the log, 0 before the first; it comes with the keys where they
    are one person's. Others may have gone on meanwhile: whoever counts on from it must let the database check.
    """

    def __init__(
        self, ids: Ids, keys: Mapping[tuple[UUID, Compartment], AESGCM], numbers: Mapping[UUID, int] | None = None
    ) -> None:
        self._ids = ids
        self._keys = keys
        self.numbers = dict(numbers or {})

    def seal(self, person: UUID, compartment: Compartment, place: Place, value: Any) -> bytes:
        """Return ``value`` (canonical JSON data) sealed for one person at one place."""
        return self.encrypt(person, compartment, dumps(value), place.aad)

    def open(self, by: Opens, person: UUID, compartment: Compartment, place: Place, blob: bytes) -> Any:
        """Return what was sealed. Raises ``NotPermitted``, ``NotHeld``, ``Destroyed`` or ``SealBroken``."""
        if person not in by.persons:
            raise NotPermitted(f"{place.table}.{place.column}: permit is about somebody else")
        try:
            return json.loads(self._key(person, compartment).decrypt(blob[:12], blob[12:], place.aad))
        except InvalidTag:
            raise SealBroken(f"{place.table}.{place.column} of {place.row}") from None

    def encrypt(self, person: UUID, compartment: Compartment, plain: bytes, aad: bytes) -> bytes:
        """Return nonce ‖ ciphertext of raw bytes: for bytes that are hashed as well, and their own aad."""
        nonce = self._ids.random(12)
        return nonce + self._key(person, compartment).encrypt(nonce, plain, aad)

    def decrypt(self, by: Opens, person: UUID, compartment: Compartment, blob: bytes, aad: bytes) -> bytes:
        """Return raw bytes that ``encrypt`` sealed. Raises as ``open``."""
        if person not in by.persons:
            raise NotPermitted("permit is about somebody else")
        try:
            return self._key(person, compartment).decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError):  # the latter where not even a nonce is left
            raise SealBroken("entry") from None

    def has(self, person: UUID, compartment: Compartment) -> bool:
        """Return whether this ring can seal for that person."""
        return (person, compartment) in self._keys

    def _key(self, person: UUID, compartment: Compartment) -> AESGCM:
        try:
            return self._keys[person, compartment]
        except KeyError:
            raise Destroyed(f"no {compartment} key of person {person}") from None


def read_keys(
    session: Session, persons: Collection[UUID], compartments: Collection[Compartment], subj: bytes = b""
) -> list[tuple[UUID, str, str, bytes, int | None]]:
    """Return person, compartment, KEK, wrapped key and None of each key that is there.

    With ``subj``, the index of their entries in the log, of one person alone, and their last number there (0: none).
    Past SQLAlchemy, which took twice as long over it as PostgreSQL. Raises ``psycopg.Error``.
    """
    names = [compartment.value for compartment in compartments]
    with past_sqlalchemy(session) as raw:
        if subj:
            (person,) = persons
            return raw.execute(_WITH_NUMBER, (person, subj, names), prepare=True, binary=True).fetchall()
        return raw.execute(_KEYS, (list(persons), names), prepare=True, binary=True).fetchall()
