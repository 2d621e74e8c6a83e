"""Open sealed parts of the whole log to judge them: each person's with their own key, the staff's with the office's.

What is opened goes to ``verifying.checks``, which holds it against the commitment and shows nothing of it. Keys are
read for a set of entries at a time. Left to others: who may do it, and telling of it (``steps.verifying``).
Source: flowlog.md §§ 2, 8 (no. 13, 15, 20).
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlmodel import Session

from proaktiv.flowlog.staff import StaffReader
from proaktiv.vault import Compartment, Destroyed, NotHeld, Opens, Ring, SealBroken, Vault


class Seals:
    """Opens what it has keys for. ``persons`` are all there are, by their blind index; None: part S stays closed."""

    def __init__(
        self,
        session: Session,
        vault: Vault,
        *,
        staff: StaffReader | None = None,
        persons: Mapping[bytes, UUID] | None = None,
        by: Opens | None = None,
    ) -> None:
        self._session = session
        self._vault = vault
        self._staff = staff
        self._persons = persons
        self._by = by
        self._ring: Ring | None = None

    @property
    def opens_staff(self) -> bool:
        """Return whether parts A are opened."""
        return self._staff is not None

    @property
    def opens_subjects(self) -> bool:
        """Return whether parts S are opened."""
        return self._persons is not None

    def prepare(self, subjs: Collection[bytes]) -> None:
        """Read the keys of those whose entries come next."""
        if self._persons is not None:
            known = [self._persons[subj] for subj in subjs if subj in self._persons]
            self._ring = self._vault.ring_as_far_as_held(self._session, known, Compartment.FLOW)

    def subj_of(self, person: UUID) -> bytes:
        """Return a person's blind index."""
        return self._vault.subj(person)

    def subject(self, subj: bytes, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body S, None where its key is not held. Raises ``SealBroken``, also for nobody's index."""
        if self._persons is None or self._by is None or self._ring is None:
            return None
        person = self._persons.get(subj)
        if person is None:
            raise SealBroken("an entry under a blind index that is nobody's")
        try:
            return self._ring.decrypt(self._by, person, Compartment.FLOW, blob, aad)
        except Destroyed:  # or its key is not held: the ring has none
            return None

    def staff(self, key_id: UUID, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body A, None where its key is not held. Raises ``SealBroken``."""
        if self._staff is None:
            return None
        try:
            return self._staff.open(key_id, blob, aad)
        except NotHeld:
            return None
