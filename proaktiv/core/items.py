"""Items of a case: what is proposed to somebody, and its Auftrag after the yes. Pure values.

Left to others: what a happening does to them (``core.cases``), rows (``matters``).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from proaktiv.core.states import OPEN_PROPOSALS, AuftragState, ProposalState


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules say shall be proposed: one Leistung to one addressee. ``shown`` stands for its content.

    ``asks``: the person must answer something before it can become an Auftrag. ``told``: it is a hint or an
    appointment, and nobody can say yes to it.
    """

    key: bytes
    leistung: str
    person: UUID
    shown: bytes
    group: bytes | None = None
    asks: bool = False
    told: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One proposal and, after the yes, its Auftrag.

    ``answer_by`` is the last day on which an answer counts. ``closed_by`` is the item of the same group whose yes
    closed this one. ``perhaps_there``: it is to be sent again because nobody knows whether an attempt arrived.
    """

    id: UUID
    candidate: Candidate
    state: ProposalState
    auftrag: AuftragState | None = None
    generation: int = 1
    answer_by: date | None = None
    closed_by: UUID | None = None
    perhaps_there: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """The items one happening may touch."""

    items: tuple[Item, ...] = ()


def comes_first(case: Case, item: Item, after: Collection[str]) -> list[Item]:
    """Return what the same person must decide before ``item``: what is declined or over holds nothing up."""
    return [
        other
        for other in case.items
        if other.candidate.leistung in after
        and other.candidate.person == item.candidate.person
        and other.state in OPEN_PROPOSALS
        and not other.candidate.told
    ]
