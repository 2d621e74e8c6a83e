"""The whole life of a case, pure: what a happening does to the items of one case.

``apply(case, happening) -> (case, effects)``. The steps load the items a happening touches, apply it and write the
effects; the case runner of ``proaktiv rules test`` does the same without a database. Which move is legal at all says
``core.states``. Time enters only as part of a happening.

Rules held here:
 1. The same candidate again changes nothing; another content supersedes what is not yet confirmed (rules.md § 5.5).
 2. What is confirmed, declined or lapsed is not proposed again. What was recalled is, if the register reports it anew:
    a faulty entry that is cancelled and made again must not cost the family its Leistung.
 3. The first yes in a group closes the others, which learn only "nicht mehr offen" (data-path.md § 5). Where either of
    two persons hides, nothing that one does moves what the other has: it would tell (§ 51 BMG).
 4. A stop recalls what is queued; what was handed over becomes a clerk's task, never an automatic counter-notice.
 5. A withdrawn consent recalls what is not confirmed; a confirmed Auftrag rests on its own consent.
 6. A yes that is taken back before it left opens its proposal again, and the siblings that it had closed. What a stop
    or a withdrawal reached meanwhile stays closed.
 7. Silence confirms nothing: what is unanswered after its last day lapses.
 8. What the rules say no to, after a correction or an answer, is not asked any longer.
 9. A hint or an appointment is told and ends by itself; nobody can say yes to it.
10. What comes after another Leistung of the same person can be confirmed once that one is decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from proaktiv.core.errors import Conflict
from proaktiv.core.guards import Guard
from proaktiv.core.items import Candidate, Case, Item, comes_first
from proaktiv.core.states import (
    AUFTRAG,
    OPEN_PROPOSALS,
    OWN_AUFTRAEGE,
    PROPOSAL,
    SENT_AUFTRAEGE,
    UNDOABLE_AUFTRAEGE,
    UNSENT_AUFTRAEGE,
    AuftragState,
    ProposalState,
    moved,
)

# happenings ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decided:
    """The rules were applied to an event and made these candidates; ``ids`` are the ids for new items, one each.

    ``gone`` are the keys of what the rules say no to now.
    """

    candidates: tuple[Candidate, ...]
    ids: tuple[UUID, ...]
    gone: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The person said yes to what was shown. ``after`` are Leistungen that come first for the same person.

    ``hidden``, here and below: who of the case is under protection (§§ 51, 52 BMG).
    """

    item: UUID
    shown: bytes
    state: AuftragState
    after: tuple[str, ...] = ()
    hidden: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Undone:
    """The person takes the yes back while that is possible."""

    item: UUID
    hidden: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class DayPassed:
    """It is this day now, in Berlin."""

    today: date


@dataclass(frozen=True, slots=True)
class Declined:
    """The person said no."""

    item: UUID


@dataclass(frozen=True, slots=True)
class Postponed:
    """The person said later."""

    item: UUID


@dataclass(frozen=True, slots=True)
class ConsentWithdrawn:
    """A consent that open proposals rest on is gone."""


@dataclass(frozen=True, slots=True)
class TransmitWithdrawn:
    """The consent of one confirmed Auftrag is gone."""

    item: UUID
    hidden: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Stopped:
    """A guard stands before everything of these persons and these items; the rest of the case lives on."""

    guard: Guard
    items: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Moved:
    """The Auftrag went on: announced, sent, returned, acknowledged, decided."""

    item: UUID
    to: AuftragState


Happening = (
    Decided
    | Confirmed
    | Undone
    | DayPassed
    | Declined
    | Postponed
    | ConsentWithdrawn
    | TransmitWithdrawn
    | Stopped
    | Moved
)


# effects -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Proposed:
    """A new item; ``supersedes`` names the one it replaces."""

    item: Item
    supersedes: UUID | None


@dataclass(frozen=True, slots=True)
class ProposalMoved:
    """An item's proposal has a new state; ``closed_by`` names the item whose yes brought it."""

    item: UUID
    to: ProposalState
    closed_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class AuftragMoved:
    """An item's Auftrag has a new state."""

    item: UUID
    to: AuftragState


@dataclass(frozen=True, slots=True)
class ForClerk:
    """A human must look: the matter was handed over already."""

    item: UUID
    what: str


Effect = Proposed | ProposalMoved | AuftragMoved | ForClerk


def apply(case: Case, happening: Happening) -> tuple[Case, tuple[Effect, ...]]:
    """Return the case after the happening, and what must be written.

    Raises ``Conflict`` where the happening does not fit the state: the caller looked at something older.
    """
    effects = _RULES[type(happening)](case, happening)
    return _after(case, effects), tuple(effects)


def _decided(case: Case, happening: Decided) -> list[Effect]:
    latest = {item.candidate.key: item for item in sorted(case.items, key=lambda item: item.generation)}
    effects: list[Effect] = []
    for candidate, fresh in zip(happening.candidates, happening.ids, strict=True):
        known = latest.get(candidate.key)
        if known is not None and known.state is ProposalState.CONFIRMED:
            if known.auftrag is AuftragState.WITHDRAWN:
                effects.append(ForClerk(known.id, "auftrag.withdrawn_before"))
            elif known.candidate.shown != candidate.shown:
                effects.append(ForClerk(known.id, "auftrag.changed"))
            continue
        if known is not None and known.state in OPEN_PROPOSALS:
            if known.candidate.shown == candidate.shown:
                continue
            effects.append(ProposalMoved(known.id, ProposalState.SUPERSEDED))
        elif known is not None and known.state is not ProposalState.RECALLED:
            continue
        made = Item(fresh, candidate, ProposalState.OPEN, generation=known.generation + 1 if known else 1)
        effects.append(Proposed(made, known.id if known else None))
        latest[candidate.key] = made  # two reports of one set may be about the same thing
    proposed = {candidate.key for candidate in happening.candidates}
    for key in happening.gone - proposed:
        effects += _no_longer(latest[key]) if key in latest else []
    return effects


def _no_longer(item: Item) -> list[Effect]:
    """Take back what does not apply any more; of what was confirmed a human must say what becomes."""
    if item.state in OPEN_PROPOSALS:
        return [ProposalMoved(item.id, ProposalState.RECALLED)]
    if item.auftrag in UNSENT_AUFTRAEGE | SENT_AUFTRAEGE:
        return [ForClerk(item.id, "auftrag.changed")]
    return []


def _confirmed(case: Case, happening: Confirmed) -> list[Effect]:
    item = _find(case, happening.item)
    if item.candidate.shown != happening.shown:
        raise Conflict("the content changed since it was shown")
    if item.candidate.asks:
        raise Conflict("answer the questions first")
    if item.candidate.told:
        raise Conflict("this is only told; there is nothing to say yes to")
    first = sorted({other.candidate.leistung for other in comes_first(case, item, happening.after)})
    if first:
        raise Conflict(f"first comes {', '.join(first)}")
    moved(PROPOSAL, item.state, ProposalState.CONFIRMED)
    siblings = [
        other
        for other in case.items
        if other.id != item.id
        and item.candidate.group is not None
        and other.candidate.group == item.candidate.group
        and other.state in OPEN_PROPOSALS
        and not _would_tell(item, other, happening.hidden)
    ]
    return [
        ProposalMoved(item.id, ProposalState.CONFIRMED),
        AuftragMoved(item.id, happening.state),
        *(ProposalMoved(other.id, ProposalState.LAPSED, closed_by=item.id) for other in siblings),
    ]


def _undone(case: Case, happening: Undone) -> list[Effect]:
    item = _find(case, happening.item)
    if item.auftrag not in UNDOABLE_AUFTRAEGE:
        raise Conflict("it can no longer be taken back")
    return [
        AuftragMoved(item.id, AuftragState.WITHDRAWN),
        ProposalMoved(item.id, moved(PROPOSAL, item.state, ProposalState.OPEN)),
        *_reopened(case, item, happening.hidden),
    ]


def _reopened(case: Case, closing: Item, hidden: frozenset[UUID] = frozenset()) -> list[Effect]:
    return [
        ProposalMoved(other.id, moved(PROPOSAL, other.state, ProposalState.OPEN))
        for other in case.items
        if other.closed_by == closing.id
        and other.state is ProposalState.LAPSED
        and not _would_tell(closing, other, hidden)
    ]


def _would_tell(acting: Item, other: Item, hidden: frozenset[UUID]) -> bool:
    """Return whether moving the other's item would tell somebody of what somebody does who is not to be found."""
    persons = {acting.candidate.person, other.candidate.person}
    return len(persons) > 1 and bool(persons & hidden)


def _day_passed(case: Case, happening: DayPassed) -> list[Effect]:
    return [
        ProposalMoved(item.id, moved(PROPOSAL, item.state, ProposalState.LAPSED))
        for item in case.items
        if item.state in OPEN_PROPOSALS and item.answer_by is not None and item.answer_by < happening.today
    ]


def _declined(case: Case, happening: Declined) -> list[Effect]:
    item = _find(case, happening.item)
    return [ProposalMoved(item.id, moved(PROPOSAL, item.state, ProposalState.DECLINED))]


def _postponed(case: Case, happening: Postponed) -> list[Effect]:
    item = _find(case, happening.item)
    if item.candidate.told:
        raise Conflict("this is only told; there is nothing to put off")
    if item.state is ProposalState.LATER:
        return []
    return [ProposalMoved(item.id, moved(PROPOSAL, item.state, ProposalState.LATER))]


def _consent_withdrawn(case: Case, _happening: ConsentWithdrawn) -> list[Effect]:
    return [ProposalMoved(item.id, ProposalState.RECALLED) for item in case.items if _could_be_asked(item)]


def _could_be_asked(item: Item) -> bool:
    """Return whether it is open, or would be again if the yes that closed it were taken back."""
    return item.state in OPEN_PROPOSALS or (item.state is ProposalState.LAPSED and item.closed_by is not None)


def _transmit_withdrawn(case: Case, happening: TransmitWithdrawn) -> list[Effect]:
    item = _find(case, happening.item)
    if item.auftrag in OWN_AUFTRAEGE:
        # Who withdraws does not want it; the other parent, whose proposal it had closed, may.
        told = [ForClerk(item.id, "auftrag.withdrawn_after_sending")] if item.perhaps_there else []
        return [AuftragMoved(item.id, AuftragState.WITHDRAWN), *_reopened(case, item, happening.hidden), *told]
    if item.auftrag in SENT_AUFTRAEGE:
        return [ForClerk(item.id, "auftrag.withdrawn_after_sending")]
    return []  # it has ended; the consent can be withdrawn all the same


def _stopped(case: Case, happening: Stopped) -> list[Effect]:
    effects: list[Effect] = []
    reached = [item for item in case.items if item.id in happening.items]
    living = Case(tuple(item for item in case.items if item.id not in happening.items))
    for item in reached:
        if _could_be_asked(item):
            effects.append(ProposalMoved(item.id, ProposalState.RECALLED))
        elif item.auftrag in OWN_AUFTRAEGE:
            effects.append(AuftragMoved(item.id, AuftragState.WITHDRAWN))
            effects += _reopened(living, item)
            if item.perhaps_there:
                effects.append(ForClerk(item.id, "auftrag.recall_by_hand"))
        elif item.auftrag in SENT_AUFTRAEGE:
            effects.append(ForClerk(item.id, "auftrag.recall_by_hand"))
    return effects


def _moved(case: Case, happening: Moved) -> list[Effect]:
    item = _find(case, happening.item)
    if item.auftrag is None:
        raise Conflict("there is no Auftrag")
    return [AuftragMoved(item.id, moved(AUFTRAG, item.auftrag, happening.to))]


_RULES: dict[type, Callable[[Case, Any], list[Effect]]] = {
    Decided: _decided,
    Confirmed: _confirmed,
    Undone: _undone,
    DayPassed: _day_passed,
    Declined: _declined,
    Postponed: _postponed,
    ConsentWithdrawn: _consent_withdrawn,
    TransmitWithdrawn: _transmit_withdrawn,
    Stopped: _stopped,
    Moved: _moved,
}


def _find(case: Case, wanted: UUID) -> Item:
    for item in case.items:
        if item.id == wanted:
            return item
    raise Conflict("the item is not part of this case")


def _after(case: Case, effects: Sequence[Effect]) -> Case:
    items = {item.id: item for item in case.items}
    for effect in effects:
        if isinstance(effect, Proposed):
            items[effect.item.id] = effect.item
        elif isinstance(effect, ProposalMoved):
            items[effect.item] = replace(items[effect.item], state=effect.to, closed_by=effect.closed_by)
        elif isinstance(effect, AuftragMoved):
            items[effect.item] = replace(items[effect.item], auftrag=effect.to)
    return Case(tuple(items.values()))
