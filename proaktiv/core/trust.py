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


def entrance(subject: Subject) -> Trust | None:
    """Return the least level at which a person may look at what is theirs; None where nobody may, at none.

    Under § 51 BMG a letter's code opens nothing, for whoever opens a letter may be whom she hides from; her own log-in
    at V3 does. §§ 52 BMG and the others leave it to a clerk, and the dead have no session. Source: data-path.md § 6.
    """
    if subject.status is SubjectStatus.DECEASED or subject.protections - {"51"}:
        return None
    return Trust.V3 if subject.protections else Trust.V1


def admits(subject: Subject, trust: Trust) -> bool:
    """Return whether a proof of this level lets a person in."""
    least = entrance(subject)
    return least is not None and trust >= least
