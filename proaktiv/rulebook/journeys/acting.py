"""What people do in the town: consent, answer, say yes or no, sign, take back; what the Behörde and a clerk say.

And what time does by itself: an Auftrag leaves when it can no longer be taken back, silence ends a proposal. What a
yes leads to says ``core.confirming``; whether it counts, ``core.cases``. Mirrors ``steps.confirm``, ``sign``, ``undo``,
``silence``, ``answer``, ``consents``. Source: data-path.md § 5.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from consent.model import ConsentState, SubjectStatus
from proaktiv.core.binding import Fact
from proaktiv.core.calendar import berlin_date
from proaktiv.core.cases import (
    Confirmed,
    ConsentWithdrawn,
    DayPassed,
    Declined,
    Moved,
    Postponed,
    ProposalMoved,
    TransmitWithdrawn,
    Undone,
)
from proaktiv.core.confirming import asks_second, first_state, signing_trust, undo_after_signature, without_second
from proaktiv.core.errors import Conflict, NotAllowed
from proaktiv.core.guards import PROTECTS_PERSON
from proaktiv.core.items import Candidate, Item
from proaktiv.core.outbound import TWICE
from proaktiv.core.plans import TOLD
from proaktiv.core.states import OPEN_PROPOSALS, TO_BE_TOLD, AuftragState, ProposalState
from proaktiv.core.trust import Trust, admits
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.evaluating import anew
from proaktiv.rulebook.journeys.model import Happening
from proaktiv.rulebook.journeys.telling import bring_news, next_due, print_waiting, silence, tell, tell_due, tell_if_new
from proaktiv.rulebook.journeys.town import Held, Later, ToDo, Town


def act(town: Town, happening: Happening) -> None:
    """Let somebody do something. Raises ``Conflict`` or ``LookupError`` where the house would refuse."""
    _ACTS[happening.word](town, happening.data)


def pass_time(town: Town, until: datetime) -> None:
    """Let the clock run: what is due by ``until`` happens, in its order."""
    while True:
        due = [held for held in town.held.values() if held.due_at is not None and held.due_at <= until]
        due = [held for held in due if town.sending or held.item.auftrag is AuftragState.AWAITING_SIGNATURE]
        first = min(due, key=lambda held: (held.due_at, held.item.id), default=None)
        telling = next_due(town)
        if telling is not None and telling <= until and (first is None or telling <= (first.due_at or until)):
            _clock(town, telling)
            tell_due(town)
        elif first is not None:
            _clock(town, first.due_at or until)
            _due(town, first)
        else:
            break
    _clock(town, until)


def _clock(town: Town, at: datetime) -> None:
    """Set the clock; what nobody answered in time ends with its day, before anything else of the new day happens."""
    town.now = max(town.now, at)
    if any(held.item.state in OPEN_PROPOSALS for held in town.held.values()):
        town.happen(DayPassed(berlin_date(town.now)))
        silence(town)


def _due(town: Town, held: Held) -> None:
    held.due_at = None
    number = held.item.id
    if held.item.auftrag is AuftragState.AWAITING_SIGNATURE:
        to = without_second(str(held.content["ohne_zweite"]))
        town.happen(Moved(number, to))
        if to is AuftragState.HELD:
            held.due_at = town.now
        else:  # who now holds a sheet must hear of it while there is time to hand it in
            bring_news(town, held)
        silence(town)
    elif held.item.auftrag in (AuftragState.HELD, AuftragState.READY):
        if town.subject(held.person).protections - {"51"}:  # it rests until a human has found a way
            behoerde = held.content.get("behoerde", "")
            town.task(ToDo("auftrag.protected", held.item.candidate.leistung, held.child, number, behoerde))
            return
        if _comes_second(town, held):
            behoerde = held.content.get("behoerde", "")
            town.task(ToDo(TWICE, held.item.candidate.leistung, held.child, number, behoerde))
            return
        held.marked = any(town.guards_of(name) & PROTECTS_PERSON.keys() for name in (held.person, held.child))
        town.happen(Moved(number, AuftragState.ANNOUNCED))
        town.happen(Moved(number, AuftragState.SENT))


def _comes_second(town: Town, mine: Held) -> bool:
    """Return whether somebody else of the group said yes before, and that Auftrag stands."""
    over = {None, AuftragState.WITHDRAWN, AuftragState.REJECTED}
    before = (each for each in _of_group(town, mine) if each.item.auftrag not in over and each.confirmed_at)
    return not mine.let_go and any(
        mine.confirmed_at is None or (each.confirmed_at, each.item.id) < (mine.confirmed_at, mine.item.id)
        for each in before
    )


# consents ------------------------------------------------------------------------------------------------------------


def _consent(town: Town, data: Mapping[str, Any]) -> None:
    for name in data["persons"]:
        town.enrolled.add(name)
        for activity in town.activities:
            if any(words.covers(code, activity) for code in data["codes"]):
                town.give(name, activity, ConsentState.GIVEN)


def _withdraw(town: Town, data: Mapping[str, Any]) -> None:
    for name in data["persons"]:
        if data["leistung"]:
            held = town.find(name, data["leistung"], data["child"], data["report"])
            town.happen(TransmitWithdrawn(held.item.id, town.hidden()))
            continue
        gone = [
            activity
            for activity in town.activities
            if any(words.covers(code, activity) for code in data["codes"]) and (town.ids[name], activity) in town.heads
        ]
        for activity in gone:
            town.give(name, activity, ConsentState.WITHDRAWN)
        # A mail only hints at the letter: nothing rests on it.
        for lebenslage in {each.partition("/")[0] for each in gone if not each.endswith("/propose/MAIL")}:
            _take_back(town, name, lebenslage)


def _take_back(town: Town, name: str, lebenslage: str) -> None:
    mine = {number for number, held in town.held.items() if (held.person, held.lebenslage) == (name, lebenslage)}
    town.happen(ConsentWithdrawn(), only=mine)
    town.forget_later(note for note in town.later if (note.person, note.lebenslage) == (name, lebenslage))
    silence(town)


# answers of citizens -------------------------------------------------------------------------------------------------


def _own(town: Town, data: Mapping[str, Any]) -> Held:
    """Return somebody's own item. Raises ``Conflict`` where they cannot enter, ``LookupError`` where there is none."""
    subject = town.subject(data["person"])
    if not admits(subject, data["trust"]) or subject.status is not SubjectStatus.ALIVE:
        raise Conflict("this person cannot prove themselves here")
    held = _theirs(town, data)
    if town.kept_out(held.person, held.child):
        raise Conflict("nothing of this child is shown to this person")
    return held


def _theirs(town: Town, data: Mapping[str, Any]) -> Held:
    """Return somebody's item, whether they can enter or not. Raises ``LookupError``."""
    return town.find(data["person"], data["leistung"], data["child"], data["report"])


def _yes(town: Town, data: Mapping[str, Any]) -> None:
    if data["facts"]:
        _answered(town, data, _own(town, data).entry)
    held = _own(town, data)
    trust: Trust = data["trust"]
    if trust < Trust[min(held.content["versand"])]:
        raise NotAllowed(f"this needs trust level {min(held.content['versand'])}")
    if held.item.answer_by is not None and held.item.answer_by < berlin_date(town.now):
        raise Conflict("no longer open")
    asked = _to_ask(town, held)
    state, due_at, until = first_state(held.content, trust, town.now)
    group = held.item.candidate.group
    touched = {
        number
        for number, each in town.held.items()
        if each.bundle == held.bundle or (group is not None and each.item.candidate.group == group)
    }
    yes = Confirmed(held.item.id, held.item.candidate.shown, state, held.after, town.hidden())
    town.happen(yes, only=touched)
    held.trust, held.due_at, held.undo_until, held.confirmed_at = trust, due_at, until, town.now
    if state is AuftragState.AWAITING_SIGNATURE:
        held.signature_by = due_at
    if asks_second(state, due_at, town.now):
        held.asked = asked
        for person in asked:
            tell(town, person, held.bundle, town.now)
    silence(town)


def _to_ask(town: Town, mine: Held) -> tuple[str, ...]:
    """Return who else of the group may be asked for a signature: nobody under protection, and nobody by such a one."""
    group = mine.item.candidate.group
    if town.subject(mine.person).protections:
        return ()
    others = [
        held.person
        for held in town.held.values()
        if group is not None
        and held.item.candidate.group == group
        and held.item.candidate.leistung == mine.item.candidate.leistung
        and held.person != mine.person
        and held.item.state in OPEN_PROPOSALS | {ProposalState.DECLINED}
        and not town.kept_out(held.person, held.child)
    ]
    standing = {person: town.subject(person) for person in others}
    return tuple(
        person
        for person in dict.fromkeys(others)
        if standing[person].status is SubjectStatus.ALIVE and not standing[person].protections
    )


def _no(town: Town, data: Mapping[str, Any]) -> None:
    town.happen(Declined(_own(town, data).item.id))
    silence(town)


def _later(town: Town, data: Mapping[str, Any]) -> None:
    town.happen(Postponed(_own(town, data).item.id))


def _undo(town: Town, data: Mapping[str, Any]) -> None:
    held = _own(town, data)
    signed = [each for each in _of_group(town, held) if held.person in each.asked]
    if held.item.state is not ProposalState.CONFIRMED and signed:
        _undo_signature(town, signed[0])
        return
    effects = town.happen(Undone(held.item.id, town.hidden()))
    held.due_at, held.asked = None, ()
    for effect in effects:
        if isinstance(effect, ProposalMoved):
            other = town.held[effect.item]
            # Whoever was told that it is no longer open must hear that it is.
            if other is held:
                tell_if_new(town, other.person, other.bundle)
            else:
                tell(town, other.person, other.bundle, town.now)
    silence(town)


def _undo_signature(town: Town, held: Held) -> None:
    """Take the own signature back while nothing has left; nothing happens where none was given."""
    if held.item.auftrag is AuftragState.AWAITING_SIGNATURE:
        return
    if held.item.auftrag is not AuftragState.HELD or held.due_at is None or held.due_at <= town.now:
        raise Conflict("it can no longer be taken back")
    town.happen(Moved(held.item.id, AuftragState.AWAITING_SIGNATURE))
    held.due_at = held.signature_by


def _of_group(town: Town, mine: Held) -> list[Held]:
    """Return the items of the others in the same group."""
    return [
        held
        for held in town.held.values()
        if held.item.candidate.group is not None
        and held.item.candidate.group == mine.item.candidate.group
        and held.person != mine.person
    ]


def _sign(town: Town, data: Mapping[str, Any]) -> None:
    """Give the second signature: under the Auftrag of the other one in the same group."""
    mine = _own(town, data)
    waiting = [held for held in _of_group(town, mine) if held.item.auftrag is AuftragState.AWAITING_SIGNATURE]
    if not waiting:
        raise Conflict("nothing waits for this signature")
    hidden = any(town.subject(person).protections for person in (mine.person, waiting[0].person))
    if hidden or mine.person not in waiting[0].asked:
        raise Conflict("this person is not asked for a signature")
    least = signing_trust(waiting[0].trust)
    if data["trust"] < least:
        raise NotAllowed(f"this needs trust level {least.name}")
    town.happen(Moved(waiting[0].item.id, AuftragState.HELD))
    promised = waiting[0].undo_until or town.now
    waiting[0].due_at = undo_after_signature(waiting[0].content["fristen"], data["trust"], town.now, promised)


def _answer(town: Town, data: Mapping[str, Any]) -> None:
    entries = {
        held.entry
        for held in town.held.values()
        if held.person == data["person"] and data["child"] in ("", held.child) and held.entry
    }
    if data["report"]:
        entries = {town.labelled[data["report"]]["data"]["eintrag"]}
    for entry in sorted(entries) or [""]:  # what somebody said before anything happened holds for all that comes
        _answered(town, data, entry)


def _answered(town: Town, data: Mapping[str, Any], entry: str) -> None:
    stand = berlin_date(town.now)
    place = (entry, town.ids[data["person"]])
    fresh = {name: Fact(value, stand) for name, value in data["facts"].items()}
    town.answers[place] = {**town.answers.get(place, {}), **fresh}
    anew(town, entry)


# others --------------------------------------------------------------------------------------------------------------


def _behoerde(town: Town, data: Mapping[str, Any]) -> None:
    held = _theirs(town, data)
    before = held.item.auftrag
    town.happen(Moved(held.item.id, data["to"]))
    if held.item.auftrag is not before and held.item.auftrag in TO_BE_TOLD:
        bring_news(town, held)


def _clerk(town: Town, data: Mapping[str, Any]) -> None:
    held = _theirs(town, data)
    to = {
        "nochmal": AuftragState.READY,
        "angekommen": AuftragState.SENT,
        "an_person": AuftragState.WITH_CITIZEN,
        "zurueckgezogen": AuftragState.WITHDRAWN,
    }.get(data["act"])
    again = to is AuftragState.READY
    only_due = again and held.item.auftrag in (AuftragState.HELD, AuftragState.READY)
    if to is not None and not only_due:
        town.happen(Moved(held.item.id, to))
    if to is not None:
        held.due_at = town.now if again else None
    if to is AuftragState.WITH_CITIZEN:
        bring_news(town, held)
    held.let_go = held.let_go or (
        again and any(task.what == TWICE and task.item == held.item.id for task in town.tasks)
    )
    town.tasks = [task for task in town.tasks if task.item != held.item.id]


def _printing(town: Town, data: Mapping[str, Any]) -> None:
    town.printing = data["runs"]
    if town.printing:
        print_waiting(town)


def _sending(town: Town, data: Mapping[str, Any]) -> None:
    town.sending = data["runs"]


def _register(town: Town, data: Mapping[str, Any]) -> None:
    said = town.registers[data["person"]]
    said[data["register"]] = {**said.get(data["register"], {}), **data["facts"]}


def _stock(town: Town, data: Mapping[str, Any]) -> None:
    """Put in place what stood before the case begins; nothing of it is new."""
    for entry in data["items"]:
        at = town.labelled[entry["report"]]["data"]["eintrag"] if entry["report"] else ""
        if entry["outcome"] == "wiedervorlage":
            due_on = entry["due_on"] or berlin_date(town.now)
            town.later.append(
                Later(entry["leistung"], entry["person"], due_on, at, entry["child"], entry["lebenslage"])
            )
            continue
        number = town.fresh_id()
        proposal, auftrag = _states(entry["state"])
        candidate = Candidate(
            *(number.bytes, entry["leistung"], town.ids[entry["person"]], number.bytes),
            told=entry["outcome"] in TOLD,
        )
        town.held[number] = Held(
            item=Item(number, candidate, proposal, auftrag),
            person=entry["person"],
            outcome=entry["outcome"],
            lebenslage=entry["lebenslage"],
            bundle=f"{at or 'bestand'}/{entry['lebenslage']}",
            entry=at,
            child=entry["child"],
        )


def _states(word: str) -> tuple[ProposalState, AuftragState | None]:
    for state, said in words.AUFTRAG_WORDS.items():
        if said == word:
            return ProposalState.CONFIRMED, state
    return next((state for state, said in words.PROPOSAL_WORDS.items() if said == word), ProposalState.OPEN), None


_ACTS: Mapping[str, Callable[[Town, Mapping[str, Any]], None]] = {
    "einwilligung": _consent,
    "widerruf": _withdraw,
    "ja": _yes,
    "nein": _no,
    "spaeter": _later,
    "zurueck": _undo,
    "unterschrift": _sign,
    "antwort": _answer,
    "behoerde": _behoerde,
    "sachbearbeitung": _clerk,
    "druckstrasse": _printing,
    "versand": _sending,
    "register": _register,
    "bestand": _stock,
}
