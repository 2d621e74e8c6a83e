"""Open what entries commit to: the subject parts of persons who allow it, the staff parts for the office.

Decrypting is the gated act: subject parts need a permit or a session proof, staff parts the office's private key.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel import Session

from proaktiv.core.keys import OfficeKeys
from proaktiv.flowlog.entries import SALT_BYTES, STAFF, SUBJECT, commitment
from proaktiv.flowlog.proving.stored import entry_in
from proaktiv.flowlog.staff import StaffReader
from proaktiv.vault import Compartment, Destroyed, NotHeld, Opens, Ring, SealBroken, Vault


class Parts:
    """Opens what it was given keys for and leaves the rest closed."""

    def __init__(
        self, vault: Vault, ring: Ring | None = None, by: Iterable[Opens] = (), staff: StaffReader | None = None
    ) -> None:
        self._vault = vault
        self._ring = ring
        self._staff = staff
        self._persons = {self.subj_of(person): (person, proof) for proof in by for person in proof.persons}

    @property
    def opens_staff(self) -> bool:
        """Return whether parts A are opened."""
        return self._staff is not None

    @property
    def opens_subjects(self) -> bool:
        """Return whether parts S are opened: of some persons."""
        return self._ring is not None

    def prepare(self, subjs: Collection[bytes]) -> None:
        """Do nothing: the keys of these persons were read before."""

    def subj_of(self, person: UUID) -> bytes:
        """Return a person's blind index."""
        return self._vault.subj(person)

    def subject(self, subj: bytes, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body S, None where nothing allows it. Raises ``SealBroken``."""
        if self._ring is None or subj not in self._persons:
            return None
        person, proof = self._persons[subj]
        try:
            return self._ring.decrypt(proof, person, Compartment.FLOW, blob, aad)
        except Destroyed:
            return None

    def staff(self, key_id: UUID, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body A, None without the office's key. Raises ``SealBroken``."""
        if self._staff is None:
            return None
        try:
            return self._staff.open(key_id, blob, aad)
        except NotHeld:
            return None


@dataclass(frozen=True, slots=True)
class StaffPart:
    """Part A of one entry. ``said``: open, closed (to the office's keys), broken, or none (it is not there)."""

    said: str
    part: Mapping[str, Any] = field(default_factory=dict)


def staff_part(session: Session, private: OfficeKeys, row: Any) -> StaffPart:
    """Return part A of a row with ``a_blob``, ``staff_key``, ``entry``; ``private`` is empty where nobody holds it."""
    (part,) = staff_parts(session, private, [row])
    return part


def staff_parts(session: Session, private: OfficeKeys, rows: Sequence[Any]) -> list[StaffPart]:
    """Return part A of several such rows; the keys are read once, and none where nothing is to open."""
    reader = None
    named = {row.staff_key for row in rows if row.a_blob is not None}
    if private and named:
        reader = StaffReader(private)
        reader.load(session, named)
    return [_staff_part(reader, row) for row in rows]


def _staff_part(reader: StaffReader | None, row: Any) -> StaffPart:
    if row.a_blob is None:
        return StaffPart("none")
    if reader is None:
        return StaffPart("closed")
    entry = entry_in(row)
    if entry is None:  # nobody knows any more what it committed to
        return StaffPart("broken")
    try:
        opened = reader.open(row.staff_key, bytes(row.a_blob), entry.staff)
    except NotHeld:
        return StaffPart("closed")
    except SealBroken:
        return StaffPart("broken")
    salt, body = opened[:SALT_BYTES], opened[SALT_BYTES:]
    fits = commitment(STAFF, salt, body) == entry.staff
    return StaffPart("open", json.loads(body)) if fits else StaffPart("broken")


@dataclass(frozen=True, slots=True)
class SubjectPart:
    """Part S of one entry as it opened: what was hashed, and what it says."""

    salt: bytes
    body: bytes

    @property
    def said(self) -> Mapping[str, Any]:
        """Return what it says."""
        found: Mapping[str, Any] = json.loads(self.body)
        return found


def subject_part(ring: Ring, by: Opens, person: UUID, row: Any) -> SubjectPart | None:
    """Return part S of a row with ``s_blob`` and ``entry``; None where it is not what was committed to, or not there.

    Raises ``Destroyed``, ``NotPermitted``.
    """
    entry = entry_in(row)
    if entry is None or row.s_blob is None:
        return None
    try:
        opened = ring.decrypt(by, person, Compartment.FLOW, bytes(row.s_blob), entry.subject)
    except SealBroken:
        return None
    part = SubjectPart(opened[:SALT_BYTES], opened[SALT_BYTES:])
    return part if commitment(SUBJECT, part.salt, part.body) == entry.subject else None
