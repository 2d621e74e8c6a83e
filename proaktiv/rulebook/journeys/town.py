"""The town in which a journey happens: what the database holds in the house, here held by plain values.

It decides nothing: what a happening does to items says ``core.cases``, what a stop reaches ``core.guards``, who may do
what ``consent.decide``. It keeps, moves, and remembers what changed since somebody last looked.
Left to others: reports (``intake``), rules (``evaluating``), people (``acting``).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from consent.model import Activity, ConsentState, Head, Subject, SubjectStatus
from proaktiv.core.binding import Fact
from proaktiv.core.cases import (
    AuftragMoved,
    Effect,
    ForClerk,
    Happening,
    ProposalMoved,
    Proposed,
    Stopped,
    TransmitWithdrawn,
    Undone,
    apply,
)
from proaktiv.core.events import RegisterEvent
from proaktiv.core.guards import PROTECTS_PERSON, STOPS_HOLDER, STOPS_PERSON, Guard
from proaktiv.core.items import Case, Item
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.states import AuftragState, EventState, ProposalState
from proaktiv.core.trust import Trust
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.model import Journey

CONTROLLER = "haus"
_LONG_AGO = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Held:
    """One proposal and its Auftrag. ``entry`` and ``child`` are what a stop may reach it by.

    ``asked`` are those whose second signature is asked for, ``signature_by`` until when. ``undo_until``: see
    ``core.confirming.first_state``.
    ``news``: its person has not been told yet what became of it. ``marked``: it was sent as one of a protected person.
    ``let_go``: a clerk lets it go although somebody else of its group was first.
    """

    item: Item
    person: str
    outcome: str
    lebenslage: str
    bundle: str
    entry: str = ""
    version: int = 1
    child: str = ""
    content: Mapping[str, Any] = field(default_factory=dict)
    trust: Trust = Trust.V1
    due_at: datetime | None = None
    after: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    signature_by: datetime | None = None
    undo_until: datetime | None = None
    news: bool = False
    lock_flag: bool = False
    marked: bool = False
    confirmed_at: datetime | None = None
    let_go: bool = False


@dataclass(slots=True)
class Report:
    """One event that the intake kept, and what is known for each person it names."""

    event: RegisterEvent
    at: datetime
    state: EventState = EventState.WAITING
    facts: dict[UUID, dict[str, Fact]] = field(default_factory=dict)
    asked: dict[UUID, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """A note to look again: what may apply to somebody from a known day on."""

    leistung: str
    person: str
    due_on: date
    entry: str = ""
    child: str = ""
    lebenslage: str = ""


@dataclass(frozen=True, slots=True)
class ToDo:
    """What a human must do."""

    what: str
    leistung: str
    child: str = ""
    item: UUID | None = None
    behoerde: str = ""
    who: str = words.CLERK


@dataclass(slots=True)
class Message:
    """Something that comes to a person. ``state`` is a word of ``words.MESSAGE_STATES``."""

    person: str
    channel: str
    bundle: str
    state: str


@dataclass(slots=True)
class Bundle:
    """What somebody has been told of one case: how many letters, when the next is due, when the one reminder."""

    letters: int = 0
    due_at: datetime | None = None
    remind_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One stop that stands: on an entry or a person, and by which entry's report it came."""

    scope: str
    ref: str
    guard: Guard
    detail: str
    by: str


class Town:
    """Everything that is so now."""

    def __init__(self, journey: Journey, rules: Rulebook) -> None:
        self.journey = journey
        self.rules = rules
        self.now = _LONG_AGO
        self.activities: dict[str, Activity] = {
            fluss.name: fluss.activity(1, CONTROLLER, _LONG_AGO)
            for lebenslage in rules.lebenslagen.values()
            for fluss in lebenslage.fluesse
        }
        self.ids = {name: _id("person", name) for name in journey.persons}
        self.names = {number: name for name, number in self.ids.items()}
        self.kennungen = {name: f"P-{number}" for number, name in enumerate(journey.persons, start=1)}
        self.called = {kennung: name for name, kennung in self.kennungen.items()}
        self.registers = {name: dict(person.register) for name, person in journey.persons.items()}
        self.enrolled: set[str] = set()
        self.heads: dict[tuple[UUID, str], Head] = {}
        self.stops: list[Standing] = []
        self.reports: list[Report] = []
        self.labelled: dict[str, dict[str, Any]] = {}
        self.held: dict[UUID, Held] = {}
        self.later: list[Later] = []
        self.tasks: list[ToDo] = []
        self.messages: list[Message] = []
        self.bundles: dict[tuple[str, str], Bundle] = {}
        self.answers: dict[tuple[str, UUID], dict[str, Fact]] = {}
        self.by_hand: set[tuple[str, str, str]] = set()
        self.called_for: set[tuple[str, str]] = set()
        self.printing = self.sending = True
        self._made = 0
        self.look()

    # since the last look --------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Forget what changed: somebody has looked."""
        self.changed: dict[UUID, str] = {}
        self.noted: list[Later] = []
        self.dropped: list[Later] = []
        self.new_tasks: list[ToDo] = []
        self.new_messages: list[Message] = []
        self.guards: list[str] = []
        self.lookups: list[tuple[str, str]] = []

    def fresh_id(self) -> UUID:
        """Return an id that no item has yet."""
        self._made += 1
        return UUID(int=self._made)

    # people ---------------------------------------------------------------------------------------------------------

    def subject(self, name: str) -> Subject:
        """Return how a person stands before the gate."""
        guards = self.guards_of(name)
        if name not in self.enrolled:
            status = SubjectStatus.UNKNOWN
        else:
            status = SubjectStatus.DECEASED if guards & STOPS_PERSON else SubjectStatus.ALIVE
        protections = frozenset(PROTECTS_PERSON[guard] for guard in guards if guard in PROTECTS_PERSON)
        return Subject(self.ids[name], status, protections=protections)

    def give(self, name: str, activity: str, state: ConsentState) -> None:
        """Set the head of one consent."""
        known = self.activities[activity]
        person = self.ids[name]
        self.heads[person, activity] = Head(
            person, activity, known.recipient, "", state, _id("record", name, activity), 1, known.fields, self.now, None
        )

    # items ----------------------------------------------------------------------------------------------------------

    def happen(
        self, happening: Happening, made: Mapping[UUID, Held] | None = None, only: Collection[UUID] | None = None
    ) -> tuple[Effect, ...]:
        """Apply a happening to all items, or ``only`` to some; ``made`` are those that it may propose, by their ids."""
        case = Case(tuple(held.item for number, held in self.held.items() if only is None or number in only))
        after, effects = apply(case, happening)
        for effect in effects:
            if isinstance(effect, Proposed) and made is not None:
                self.held[effect.item.id] = made[effect.item.id]
                older = effect.supersedes
                first = older is None or self.changed.pop(older, words.SAME) == words.NEW
                self._mark(effect.item.id, words.NEW if first else words.CHANGED)
            elif isinstance(effect, ForClerk):
                self.task(self._task_of(effect))
        for item in after.items:
            held = self.held[item.id]
            held.item = replace(item, answer_by=held.item.answer_by)
        for effect in effects:
            if isinstance(effect, ProposalMoved):
                told = self.held[effect.item].item.candidate.told
                # A hint ends unnoticed: nobody was asked for anything.
                over = told and effect.to is ProposalState.LAPSED
                self._mark(effect.item, words.SAME if over else _moved_how(effect))
            elif isinstance(effect, AuftragMoved):
                self._mark_auftrag(effect, happening)
        return effects

    def _mark(self, item: UUID, how: str) -> None:
        if how != words.SAME:
            self.changed[item] = how

    def _mark_auftrag(self, effect: AuftragMoved, happening: Happening) -> None:
        if effect.to is AuftragState.WITHDRAWN:
            if isinstance(happening, Stopped):
                self._mark(effect.item, words.RECALLED)
            elif isinstance(happening, TransmitWithdrawn):
                self._mark(effect.item, words.WITHDRAWN)
            elif isinstance(happening, Undone):
                self._mark(effect.item, words.REOPENED)
                self.held[effect.item].item = replace(self.held[effect.item].item, auftrag=None)
        elif self.changed.get(effect.item) != words.CONFIRMED:
            self._mark(effect.item, words.ONWARD)

    def _task_of(self, effect: ForClerk) -> ToDo:
        held = self.held[effect.item]
        return ToDo(
            effect.what, held.item.candidate.leistung, held.child, effect.item, held.content.get("behoerde", "")
        )

    def task(self, task: ToDo) -> None:
        """Give a human something to do."""
        self.tasks.append(task)
        self.new_tasks.append(task)

    def call(self, whats: Iterable[str], entry: str) -> None:
        """Give a human tasks about one report, each once."""
        for what in whats:
            if (what, entry) not in self.called_for:
                self.called_for.add((what, entry))
                self.task(ToDo(what, ""))

    def kept_out(self, name: str, child: str) -> bool:
        """Return whether somebody is told nothing about a child any more."""
        return bool(child and self.guards_of(name) & STOPS_HOLDER)

    def hidden(self) -> frozenset[UUID]:
        """Return who is under protection."""
        return frozenset(person for name, person in self.ids.items() if self.subject(name).protections)

    def guards_of(self, name: str) -> frozenset[Guard]:
        """Return what stands before a person."""
        return frozenset(stop.guard for stop in self.stops if stop.scope == "person" and stop.ref == name)

    def send(self, message: Message) -> None:
        """Remember a message."""
        self.messages.append(message)
        self.new_messages.append(message)

    def forget_later(self, gone: Iterable[Later]) -> None:
        """Delete notes to look again."""
        these = list(gone)
        self.later = [note for note in self.later if note not in these]
        self.dropped += these

    def find(self, person: str, leistung: str, child: str = "", label: str = "") -> Held:
        """Return the newest item of a person, or that of the report called ``label``. Raises ``LookupError``."""
        entry = self.labelled[label]["data"]["eintrag"] if label else ""
        found = [
            held
            for held in self.held.values()
            if held.person == person
            and held.item.candidate.leistung == leistung
            and held.item.state is not ProposalState.SUPERSEDED
            and child in ("", held.child)
            and entry in ("", held.entry)
        ]
        if not found:
            raise LookupError(f"{person} hat hier kein {leistung}")
        return max(found, key=lambda held: held.item.id)


def _moved_how(effect: ProposalMoved) -> str:
    if effect.to is ProposalState.LAPSED and effect.closed_by is not None:
        return words.CLOSED
    return {
        ProposalState.OPEN: words.REOPENED,
        ProposalState.LATER: words.LATER,
        ProposalState.CONFIRMED: words.CONFIRMED,
        ProposalState.DECLINED: words.DECLINED,
        ProposalState.LAPSED: words.LAPSED,
        ProposalState.RECALLED: words.RECALLED,
        ProposalState.SUPERSEDED: words.SAME,
    }[effect.to]


def _id(*parts: str) -> UUID:
    return UUID(bytes=hashlib.sha256("\x1f".join(parts).encode()).digest()[:16])
