"""Processing: gate, look-ups, rules, proposals and messages for every report that waits. Pure, on values.

The deciding is the product's own: ``consent.decide``, ``core.binding``, ``core.matching``, ``core.proposals``,
``core.cases``. What stands here is the order of ``steps.gate``, ``match``, ``propose``, ``look_up`` and ``notify``
without their rows. Source: data-path.md § 5.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from consent.decide import decide as decide_consent
from consent.model import Ask, Match, Operation, Permit, Prefill, Reason, Refusal, Watch
from proaktiv.core.binding import ADDRESSEE_ROLES, Fact, bind, with_answers
from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.cases import Decided
from proaktiv.core.competence import competent
from proaktiv.core.fristen import Value
from proaktiv.core.guards import PROTECTS_PERSON, Guard, for_humans, of_child, stops_whole_event
from proaktiv.core.items import Candidate, Item
from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.core.matching import Decision
from proaktiv.core.outbound import GUARDED
from proaktiv.core.outcomes import decide_together, falls_away, look_again_on
from proaktiv.core.plans import PROPOSED, TOLD, Plan
from proaktiv.core.proposals import Prepared, answer_by, key_values, prepare
from proaktiv.core.states import EventState, ProposalState
from proaktiv.rulebook.journeys.telling import tell
from proaktiv.rulebook.journeys.town import CONTROLLER, Held, Later, Report, ToDo, Town

_SOURCE = "Register des Falles"
_PASSES = 5
"""How often a report may need facts anew; a Leistung asks a register once."""


@dataclass(frozen=True, slots=True)
class _Decided:
    name: str
    lebenslage: Lebenslage
    plan: Plan
    facts: Mapping[str, Fact]
    decision: Decision
    norm: str


def process(town: Town) -> None:
    """Decide every report that waits, and every one about which the calendar has changed something."""
    today = berlin_date(town.now)
    due = [note for note in town.later if note.due_on <= today]
    again = {note.entry for note in due if note.entry}
    town.later = [note for note in town.later if note not in due]
    for report in town.reports:
        if report.event.eintrag in again and report.state is EventState.ADMITTED:
            report.state = EventState.WAITING
    for report in list(town.reports):
        if report.state in (EventState.WAITING, EventState.NEEDS):
            _evaluate(town, report)


def anew(town: Town, entry: str) -> None:
    """Decide a report again, because somebody answered."""
    newest = [report for report in town.reports if report.event.eintrag == entry]
    if newest and newest[-1].state is EventState.ADMITTED:
        _evaluate(town, newest[-1])


def _evaluate(town: Town, report: Report) -> None:
    event = report.event
    child = next((kennung for role, kennung in event.subjects if role == "kind"), "")
    at_entry = frozenset(stop.guard for stop in town.stops if stop.scope == "entry" and stop.ref == event.eintrag)
    at_child = town.guards_of(town.called.get(child, child))
    if not stops_whole_event(at_entry, at_child - {Guard.SORGE_ENTZOGEN}):
        people = [(role, town.called.get(kennung, kennung)) for role, kennung in event.subjects]
        if any(name in town.enrolled for role, name in people if role in ADDRESSEE_ROLES):
            town.call(for_humans((role, town.guards_of(name)) for role, name in people), event.eintrag)
    if stops_whole_event(at_entry, at_child):
        town.guards += sorted(guard.value for guard in {*at_entry, *map(of_child, at_child)})
        report.state = EventState.STOPPED
        return
    places = [
        (role, town.called[kennung], lebenslage)
        for role, kennung in event.subjects
        if role in ADDRESSEE_ROLES
        for lebenslage in town.rules.for_event(event.kind.value)
    ]
    decided: list[_Decided] = []
    admitted = False
    for _, name, lebenslage in places:
        if town.kept_out(name, child):
            town.guards.append(Guard.SORGE_ENTZOGEN.value)
            continue
        permit = _gate(town, name, lebenslage)
        if permit is not None:
            admitted = True
            decided += _match(town, report, name, lebenslage, permit)
    report.state = EventState.ADMITTED if admitted else EventState.REFUSED
    _propose(town, report, town.called.get(child, ""), decided)


def _gate(town: Town, name: str, lebenslage: Lebenslage) -> Permit[Match] | None:
    """Return the permit to apply rules to what a report says of a person, or None; the log names the guard."""
    at, subject, person = town.now.astimezone(UTC), town.subject(name), town.ids[name]
    watching, matching = (town.rules.fluss(f"{lebenslage.name}/{short}") for short in ("watch", "match"))
    heads = town.heads
    first = decide_consent(
        Watch,
        town.activities[watching.name],
        subject,
        heads.get((person, watching.name)),
        watching.ask(CONTROLLER, at),
    )
    second = decide_consent(
        Match,
        town.activities[matching.name],
        subject,
        heads.get((person, matching.name)),
        matching.ask(CONTROLLER, at),
    )
    for answer in (first, second):
        if isinstance(answer, Refusal):
            town.guards.append(_guard_of(answer, subject.protections))
            return None
    return second if isinstance(second, Permit) else None


def _guard_of(refusal: Refusal, protections: frozenset[str]) -> str:
    """Return the guard that a refusal stands for in the staff part of the log."""
    if refusal.reason is Reason.DECEASED:
        return Guard.VERSTORBEN.value
    if refusal.reason in GUARDED and protections:
        guards = {note: guard for guard, note in PROTECTS_PERSON.items()}
        return guards[max(protections)].value
    return Guard.EINWILLIGUNG.value


def _match(town: Town, report: Report, name: str, lebenslage: Lebenslage, permit: Permit[Match]) -> list[_Decided]:
    event, person = report.event, town.ids[name]
    if person not in report.facts:
        rows = bind(event.kind.value, event.payload, berlin_date(report.at))
        row = next(row for row in rows if row.kennung == town.kennungen[name])
        report.facts[person] = {fact: value for fact, value in row.facts.items() if fact in permit.fields}
    today = berlin_date(town.now)
    decided: list[_Decided] = []
    for _ in range(_PASSES):
        said = {**town.answers.get(("", person), {}), **town.answers.get((event.eintrag, person), {})}
        known = with_answers(report.facts[person], said)
        values: dict[str, Value] = {fact: known[fact].value for fact in known}
        done = report.asked.get(person, frozenset())
        decided = [
            _Decided(name, lebenslage, plan, known, decision, permit.norm)
            for plan, decision in decide_together(lebenslage.plans, values, today, done)
        ]
        needs: dict[str, set[str]] = {}
        for item in decided:
            for register, names in item.decision.needs.items():
                needs.setdefault(register, set()).update(names)
        if not needs:
            break
        for register, wanted in needs.items():
            _look_up(town, report, name, register, frozenset(wanted))
    return decided


def _look_up(town: Town, report: Report, name: str, register: str, names: frozenset[str]) -> None:
    """Ask a register, if the person allowed it; whatever comes of it, nothing is asked twice."""
    person = town.ids[name]
    report.asked[person] = report.asked.get(person, frozenset()) | names
    activity = town.activities[f"{report.event.kind.value}/prefill/{register}"]
    head = town.heads.get((person, activity.name))
    ask = Ask(CONTROLLER, activity.recipient, Operation.READ, names, town.now.astimezone(UTC))
    answer = decide_consent(Prefill, activity, town.subject(name), head, ask)
    if isinstance(answer, Refusal):
        town.guards.append(_guard_of(answer, town.subject(name).protections))
        return
    town.lookups.append((name, register))
    said = town.registers[name].get(register, {})
    stand = berlin_date(town.now)
    report.facts[person] |= {fact: Fact(said[fact], stand) for fact in names if fact in said}


# proposals -----------------------------------------------------------------------------------------------------------


def _propose(town: Town, report: Report, child: str, decided: Sequence[_Decided]) -> None:
    made: dict[Candidate, Held] = {}
    for item in decided:
        if item.decision.outcome == "manuell":
            _by_hand(town, report, child, item)
        elif item.decision.outcome in PROPOSED:
            held = _prepared(town, report, child, item)
            if held is not None:
                made[held.item.candidate] = held
    _take_back_older(town, report, {candidate.key for candidate in made})
    _decide(town, made, _gone(town, decided, report.event.case_ref))
    _note(town, report, child, decided)


def _by_hand(town: Town, report: Report, child: str, item: _Decided) -> None:
    """Give a human what the rules leave to one, once for each person and entry."""
    place = (report.event.eintrag, item.name, item.plan.leistung)
    if place not in town.by_hand:
        town.by_hand.add(place)
        area = item.facts.get(item.plan.stelle_nach)
        behoerde = competent(town.journey.competences, item.plan.stelle_art, str(area.value)) if area else None
        town.task(ToDo("leistung.by_hand", item.plan.leistung, child, behoerde=behoerde or ""))


def _prepared(town: Town, report: Report, child: str, item: _Decided) -> Held | None:
    """Return the item that a decision proposes, or None where a human must complete something first.

    Besides Aufträge and questions that are appointments and hints; nobody answers those, and they end unnoticed.
    """
    event = report.event
    prepared = prepare(
        item.plan,
        item.facts,
        item.decision,
        item.lebenslage.texte,
        town.journey.competences,
        source=_SOURCE,
        basis=item.norm,
    )
    if not isinstance(prepared, Prepared):
        town.task(ToDo(prepared[0], item.plan.leistung, child, behoerde=prepared[1]))
        return None
    return Held(
        item=Item(
            town.fresh_id(),
            _candidate(town, item, prepared),
            ProposalState.OPEN,
            answer_by=answer_by(item.decision, berlin_date(town.now)),
        ),
        person=item.name,
        outcome=item.decision.outcome,
        lebenslage=item.lebenslage.name,
        bundle=f"{event.case_ref}/{item.lebenslage.name}",
        entry=event.eintrag,
        version=event.fassung,
        child=child,
        content=prepared.content,
        after=item.plan.nach,
        lock_flag="51" in town.subject(item.name).protections,
    )


def _candidate(town: Town, item: _Decided, prepared: Prepared) -> Candidate:
    person = town.ids[item.name]
    return Candidate(
        key=hashlib.sha256(person.bytes + prepared.key.encode()).digest(),
        leistung=item.plan.leistung,
        person=person,
        shown=hashlib.sha256(dumps(prepared.content)).digest(),
        group=hashlib.sha256(prepared.group.encode()).digest() if prepared.group else None,
        asks=item.decision.outcome == "frage",
        told=item.decision.outcome in TOLD,
    )


def _decide(town: Town, made: Mapping[Candidate, Held], gone: frozenset[bytes]) -> None:
    if not made and not gone:
        return
    by_id = {held.item.id: held for held in made.values()}
    answered = {number for number, held in town.held.items() if held.item.candidate.asks}
    before = {held.item.candidate.key: held for held in town.held.values()}
    town.happen(Decided(tuple(made), tuple(by_id), gone), by_id)
    for number, held in by_id.items():
        if number in town.held:
            older = before.get(held.item.candidate.key)
            # What comes of the person's own answer needs no letter: they are there and see it.
            if older is None or older.item.id not in answered:
                tell(town, held.person, held.bundle, town.now)


def _take_back_older(town: Town, report: Report, kept: set[bytes]) -> None:
    if report.event.fassung == 1:
        return
    older = frozenset(
        held.item.candidate.key
        for held in town.held.values()
        if held.entry == report.event.eintrag and held.version < report.event.fassung
    )
    town.happen(Decided((), (), older - kept))


def _gone(town: Town, decided: Sequence[_Decided], case_ref: str) -> frozenset[bytes]:
    keys = set()
    for item in decided:
        if falls_away(item.decision):
            values = key_values(item.plan, item.plan.schluessel, item.facts)
            if values is not None:
                keys.add(hashlib.sha256(town.ids[item.name].bytes + values.encode()).digest())
    return frozenset(
        held.item.candidate.key
        for held in town.held.values()
        if held.item.candidate.key in keys and held.bundle.startswith(f"{case_ref}/")
    )


def _note(town: Town, report: Report, child: str, decided: Sequence[_Decided]) -> None:
    """Note what does not apply yet and when that can change; older notes of the same persons go."""
    people = {item.name for item in decided}
    entry = report.event.eintrag
    older = [note for note in town.later if note.entry == entry and note.person in people]
    town.later = [note for note in town.later if note not in older]
    for item in decided:
        change = look_again_on(item.decision, berlin_date(town.now))
        if change is None:
            continue
        note = Later(item.plan.leistung, item.name, change, entry, child, item.lebenslage.name)
        town.later.append(note)
        if note not in older:  # else it stands as it stood: nothing has changed
            town.noted.append(note)
