"""Vertrauensniveau of an act and the proof that carries it. One enum, one spelling (architecture.md § 6)."""

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from consent.model import Subject, SubjectStatus
from proaktiv.core.keys import PersonKey


class Trust(IntEnum):
    """V0 link alone · V1 letter code and birth date · V2 substantiell · V3 hoch (channels-and-pages.md § 4)."""

    V0 = 0
    V1 = 1
    V2 = 2
    V3 = 3


@dataclass(frozen=True, slots=True)
class SessionProof:
    """Proof that a person stands before the browser. Made only in ``steps/prove.py``.

    At V1 it opens one bundle, or (``bundle`` is None) an enrolment that is being finished.
    """

    session: UUID
    person: PersonKey
    trust: Trust
    bundle: UUID | None

    @property
    def persons(self) -> frozenset[UUID]:
        """Return whose data this proof may open."""
        return frozenset({self.person})


def shut_out(subject: Subject) -> bool:
    """Return whether a person can prove themselves to nothing here: protected (§§ 51, 52 BMG), or dead."""
    return bool(subject.protections) or subject.status is SubjectStatus.DECEASED
