"""What the machine believes: who allowed what, what is stopped, and which moves a happening explains. Pure.

Deliberately much smaller than the product: it knows what may never be, and what a happening may move, not how.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from tests.builders import Event, Somebody

Move = tuple[str | None, str]

OPEN = frozenset({"open", "later"})
UNSENT = frozenset({"awaiting_signature", "held", "ready"})
AT_THE_BEHOERDE = frozenset({"announced", "sent", "acknowledged", "question", "in_doubt"})
ENDED = frozenset({"sent", "acknowledged", "question", "decided", "rejected", "withdrawn", "with_citizen"})


def _moves(text: str) -> frozenset[Move]:
    """Read ``a b>c d``: from each of these to each of those; ``-`` is nothing."""
    moves = set()
    for part in text.split(","):
        before, after = (side.split() for side in part.split(">"))
        moves |= {(None if one == "-" else one, other) for one in before for other in after}
    return frozenset(moves)


PROPOSAL_MOVES: Mapping[str, frozenset[Move]] = {
    "evaluate": _moves("->open,open later>superseded recalled"),
    "silence": _moves("open later>lapsed"),
    "yes": _moves("open later>confirmed lapsed"),
    "no": _moves("open later>declined"),
    "later": _moves("open>later"),
    "undo": _moves("confirmed>open recalled,lapsed>open"),
    "withdraw": _moves("open later lapsed>recalled"),
    "withdraw_auftrag": _moves("lapsed>open"),
    "stop": _moves("open later lapsed>recalled,lapsed>open"),
}
"""What each happening may do to a proposal."""

AUFTRAG_MOVES: Mapping[str, frozenset[Move]] = {
    "yes": _moves("->held awaiting_signature with_citizen"),
    "undo": _moves("held awaiting_signature with_citizen>withdrawn,held>awaiting_signature"),
    "sign": _moves("awaiting_signature>held"),
    "silence": _moves("awaiting_signature>held with_citizen"),
    "withdraw_auftrag": _moves("awaiting_signature held ready with_citizen>withdrawn,held ready>awaiting_signature"),
    "stop": _moves("awaiting_signature held ready with_citizen>withdrawn"),
    "dispatch": _moves("held ready>announced,announced>sent ready in_doubt"),
    "answer": _moves("announced sent in_doubt>acknowledged question decided rejected")
    | _moves("acknowledged>question decided rejected,question>acknowledged decided rejected,ready>acknowledged"),
}
"""What each happening may do to an Auftrag."""


def explained(
    table: Mapping[str, frozenset[Move]], happenings: Collection[str], before: str | None, after: str
) -> bool:
    """Return whether happenings of these kinds, in some order, lead from one state to the other."""
    moves = frozenset[Move]().union(*(table.get(kind, frozenset()) for kind in happenings))
    reached: set[str | None] = {before}
    while True:
        more = {to for start, to in moves if start in reached} - reached
        if not more:
            return after in reached
        reached |= more


class Proposal(NamedTuple):
    """A proposal's row, as far as it matters."""

    id: UUID
    person: UUID
    event: UUID
    bundle: UUID
    leistung: str
    lebenslage: str
    state: str
    group: bytes | None


class Auftrag(NamedTuple):
    """An Auftrag's row, as far as it matters."""

    id: UUID
    proposal: UUID
    person: UUID
    state: str
    undone: bool
    due: bool
    asked: UUID | None
    """Whose second signature is asked for."""


@dataclass(slots=True)
class Person:
    """A person and what they allow."""

    key: UUID
    who: Somebody
    given: set[str] = field(default_factory=set)
    stops: set[str] = field(default_factory=set)

    def admits(self, lebenslage: str) -> bool:
        """Return whether something may lie open for them."""
        return not self.gone(lebenslage) and {f"{lebenslage}/watch", f"{lebenslage}/match"} <= self.given

    def gone(self, lebenslage: str) -> bool:
        """Return whether nothing of a Lebenslage goes to them any more; who lost custody keeps their own matters."""
        return "sterbefall" in self.stops or self.kept_out(lebenslage)

    def kept_out(self, lebenslage: str) -> bool:
        """Return whether they are shown nothing of a Lebenslage, which is about a child."""
        return lebenslage == "geburt" and "sorge" in self.stops

    def may_be_written_to(self, lebenslage: str) -> bool:
        """Return whether a letter about a Lebenslage may go out."""
        silenced = self.stops - {"sorge"} or self.gone(lebenslage)
        return not silenced and f"{lebenslage}/propose/LETTER" in self.given


@dataclass(slots=True)
class Matter:
    """One register entry in its newest version, and what stops it."""

    event: Event
    persons: list[Person]
    stops: set[str] = field(default_factory=set)
    versions: list[Event] = field(default_factory=list)
    rows: set[UUID] = field(default_factory=set)

    @property
    def lebenslage(self) -> str:
        """Return which Lebenslage it is about."""
        return self.event.kind


@dataclass(slots=True)
class Model:
    """Everybody and everything of one run."""

    people: list[Person] = field(default_factory=list)
    matters: list[Matter] = field(default_factory=list)
    confirmed: set[UUID] = field(default_factory=set)
    """Aufträge whose yes was acknowledged."""

    def person(self, key: UUID) -> Person:
        """Return who has this key."""
        return next(person for person in self.people if person.key == key)

    def matter_of(self, row: UUID) -> Matter:
        """Return what a stored event belongs to."""
        return next(matter for matter in self.matters if row in matter.rows)

    def stopped(self, proposal: Proposal) -> bool:
        """Return whether nothing of the proposal's event may go on."""
        return bool(self.matter_of(proposal.event).stops)

    def forbidden(self, proposals: Iterable[Proposal]) -> list[Proposal]:
        """Return the proposals that lie open and must not."""
        return [
            proposal
            for proposal in proposals
            if proposal.state in OPEN
            and (self.stopped(proposal) or not self.person(proposal.person).admits(proposal.lebenslage))
        ]

    def seen_by(self, person: Person, proposals: Iterable[Proposal]) -> dict[UUID, str]:
        """Return what a person's overview must show: state by proposal."""
        return {
            proposal.id: proposal.state
            for proposal in proposals
            if proposal.person == person.key
            and proposal.state not in ("superseded", "recalled")
            and not self.stopped(proposal)
            and not person.kept_out(proposal.lebenslage)
        }
