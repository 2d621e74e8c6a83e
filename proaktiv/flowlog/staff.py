"""The keys of staff parts A: a writer seals and cannot read back, the office reads.

One random key per month and writing process, wrapped (HPKE, RFC 9180) to the office's public key and kept in
``staff_keys``. The office may hold several private keys, for its pair can be replaced. Left to others: what stands in A
(``flowlog.entries``), who may read it (the office surface).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from threading import Lock
from typing import Any
from uuid import UUID
from weakref import ref

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from sqlalchemy import insert, select
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.core.ids import Ids
from proaktiv.core.keys import OfficeKeys
from proaktiv.sets import among
from proaktiv.tables import StaffKeyRow, core_table
from proaktiv.vault import NotHeld, SealBroken

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEYS = core_table(StaffKeyRow)
_INFO = b"proaktiv/staff-key/v1\n"


@dataclass(frozen=True, slots=True)
class StaffKey:
    """One key and the row that holds it wrapped."""

    id: UUID
    month: date
    cipher: AESGCM

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Return nonce ‖ ciphertext."""
        return nonce + self.cipher.encrypt(nonce, plain, aad)


class StaffKeys:
    """This process's key of the month. Threads share it.

    An entry may only name a key whose row is there. So each transaction makes a key of its own until one of them is
    seen committed from another transaction; that one serves the rest of the month. A rollback takes the key along
    with the entries that name it, and no transaction waits for another one's row.
    """

    def __init__(self, ids: Ids, staff_public: bytes) -> None:
        self._ids = ids
        self._public = staff_public
        self._lock = Lock()
        self._durable: StaffKey | None = None
        self._candidate: tuple[StaffKey, ref[Any]] | None = None

    def current(self, session: Session, now: datetime) -> StaffKey:
        """Return a key whose row this transaction sees. Raises ``NotSafe`` without a public key to wrap it to."""
        month = now.date().replace(day=1)
        with self._lock:
            durable, candidate = self._durable, self._candidate
        if durable is not None and durable.month == month:
            return durable
        transaction = session.connection().get_transaction()
        if candidate is not None and candidate[0].month == month and self._stands(session, candidate[0]):
            key, maker = candidate
            if maker() is not transaction:  # seen from outside the transaction that made it: it is committed
                with self._lock:
                    self._durable = key
            return key
        key = self._make(session, month, now)
        with self._lock:
            self._candidate = (key, ref(transaction))
        return key

    @staticmethod
    def _stands(session: Session, key: StaffKey) -> bool:
        found = session.connection().execute(select(_KEYS.c.id).where(_KEYS.c.id == key.id))
        return found.first() is not None

    def _make(self, session: Session, month: date, now: datetime) -> StaffKey:
        if not self._public:
            raise NotSafe("no public key of the office: staff parts of the flow log cannot be sealed")
        fresh = self._ids.random(32)
        key = StaffKey(self._ids.row(now), month, AESGCM(fresh))
        wrapped = _SUITE.encrypt(fresh, X25519PublicKey.from_public_bytes(self._public), info=_INFO + key.id.bytes)
        session.connection().execute(insert(_KEYS), {"id": key.id, "month": month, "wrapped": wrapped, "made_at": now})
        return key


def without(key_id: UUID) -> str:
    """Say that none of the office's keys opens a staff key, and what to do."""
    return (
        f"none of the office's keys opens staff key {key_id}: a former one belongs into"
        " PROAKTIV_STAFF_PRIVATE_KEY_OTHERS; see proaktiv doctor"
    )


class StaffReader:
    """The office's side: opens staff parts with its private keys, the present one and those it had before.

    A key that none of them unwraps closes the parts that it sealed, and no other: whoever may write entries may write
    such a row, and with it make nobody's name unreadable but of what they seal themselves. ``closed`` names these.
    """

    def __init__(self, staff_private: OfficeKeys) -> None:
        self._privates = tuple(X25519PrivateKey.from_private_bytes(each) for each in staff_private)
        self._ciphers: dict[UUID, AESGCM] = {}
        self.closed: set[UUID] = set()

    @property
    def opened(self) -> int:
        """Return how many keys were unwrapped."""
        return len(self._ciphers)

    def load(self, session: Session, only: Collection[UUID] | None = None) -> None:
        """Read keys that are not known yet: of ``only``, or all."""
        query = select(_KEYS.c.id, _KEYS.c.wrapped)
        if only is not None:
            query = query.where(among(_KEYS.c.id, set(only) - self._ciphers.keys() - self.closed))
        for key_id, wrapped in session.connection().execute(query, execution_options={"yield_per": 1_000}):
            if key_id in self._ciphers or key_id in self.closed:
                continue
            cipher = self._unwrapped(key_id, bytes(wrapped))
            if cipher is None:
                self.closed.add(key_id)
            else:
                self._ciphers[key_id] = cipher

    def _unwrapped(self, key_id: UUID, wrapped: bytes) -> AESGCM | None:
        for private in self._privates:
            try:
                return AESGCM(_SUITE.decrypt(wrapped, private, info=_INFO + key_id.bytes))
            except (InvalidTag, ValueError):  # ValueError: whoever knows the public key wraps what is no key
                continue
        return None

    def open(self, key_id: UUID, blob: bytes, aad: bytes) -> bytes:
        """Return salt ‖ body of a staff part. Raises ``NotHeld`` without its key, ``SealBroken``."""
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise NotHeld(without(key_id))
        try:
            return cipher.decrypt(blob[:12], blob[12:], aad)
        except (InvalidTag, ValueError):  # the latter where not even a nonce is left
            raise SealBroken(f"staff part under key {key_id}") from None
