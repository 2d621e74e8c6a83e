"""What people do in the town: consent, answer, say yes or no, sign, take back; what the Behörde and a clerk say.

And what time does by itself: an Auftrag leaves when it can no longer be taken back, silence ends a proposal. What a
yes leads to says ``core.confirming``; whether it counts, ``core.cases``. Mirrors ``steps.confirm``, ``sign``, ``undo``,
``silence``, ``answer``, ``consents``. Source: data-path.md § 5.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from consent.model import ConsentState
from proaktiv.core.binding import Fact
from proaktiv.core.calendar import berlin_date
from proaktiv.core.cases import (
    Candidate,
    Confirmed,
    ConsentWithdrawn,
    DayPassed,
    Declined,
    Item,
    Moved,
    Postponed,
    TransmitWithdrawn,
    Undone,
)
from proaktiv.core.confirming import first_state, without_second
from proaktiv.core.errors import Conflict
from proaktiv.core.states import OPEN_PROPOSALS, AuftragState, ProposalState
from proaktiv.core.trust import Trust
from proaktiv.core.windows import undo_until
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.evaluating import anew, may_tell
from proaktiv.rulebook.journeys.model import Happening
from proaktiv.rulebook.journeys.town import Held, Later, Town


def act(town: Town, happening: Happening) -> None:
    """Let somebody do something. Raises ``Conflict`` or ``LookupError`` where the house would refuse."""
    _ACTS[happening.word](town, happening.data)


def pass_time(town: Town, until: datetime) -> None:
    """Let the clock run: what is due by ``until`` happens, in its order."""
    while True:
        due = [held for held in town.held.values() if held.due_at is not None and held.due_at <= until]
        due = [held for held in due if town.sending or held.item.auftrag is AuftragState.AWAITING_SIGNATURE]
        if not due:
            break
        first = min(due, key=lambda held: (held.due_at, held.item.id))
        town.now = max(town.now, first.due_at or until)
        _due(town, first)
    town.now = max(town.now, until)
    if any(held.item.state in OPEN_PROPOSALS for held in town.held.values()):
        town.happen(DayPassed(berlin_date(town.now)))
        town.silence()


def _due(town: Town, held: Held) -> None:
    held.due_at = None
    number = held.item.id
    if held.item.auftrag is AuftragState.AWAITING_SIGNATURE:
        to = without_second(str(held.content["ohne_zweite"]))
        town.happen(Moved(number, to))
        held.due_at = town.now if to is AuftragState.HELD else None
    elif held.item.auftrag is AuftragState.HELD:
        town.happen(Moved(number, AuftragState.ANNOUNCED))
        town.happen(Moved(number, AuftragState.SENT))


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
            held = town.find(name, data["leistung"], data["child"])
            town.happen(TransmitWithdrawn(held.item.id))
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
    town.silence()


# answers of citizens -------------------------------------------------------------------------------------------------


def _own(town: Town, data: Mapping[str, Any]) -> Held:
    return town.find(data["person"], data["leistung"], data["child"])


def _yes(town: Town, data: Mapping[str, Any]) -> None:
    if data["facts"]:
        _answered(town, data, _own(town, data).entry)
    held = _own(town, data)
    trust: Trust = data["trust"]
    if held.item.answer_by is not None and held.item.answer_by < berlin_date(town.now):
        raise Conflict("no longer open")
    state, due_at, _ = first_state(held.content, trust, town.now)
    town.happen(Confirmed(held.item.id, held.item.candidate.shown, state))
    held.trust, held.due_at = trust, due_at
    town.silence()


def _no(town: Town, data: Mapping[str, Any]) -> None:
    town.happen(Declined(_own(town, data).item.id))
    town.silence()


def _later(town: Town, data: Mapping[str, Any]) -> None:
    town.happen(Postponed(_own(town, data).item.id))


def _undo(town: Town, data: Mapping[str, Any]) -> None:
    held = _own(town, data)
    town.happen(Undone(held.item.id))
    held.due_at = None


def _sign(town: Town, data: Mapping[str, Any]) -> None:
    """Give the second signature: under the Auftrag of the other one in the same group."""
    mine = _own(town, data)
    waiting = [
        held
        for held in town.held.values()
        if held.item.candidate.group is not None
        and held.item.candidate.group == mine.item.candidate.group
        and held.person != mine.person
        and held.item.auftrag is AuftragState.AWAITING_SIGNATURE
    ]
    if not waiting:
        raise Conflict("nothing waits for this signature")
    town.happen(Moved(waiting[0].item.id, AuftragState.HELD))
    waiting[0].due_at = undo_until(waiting[0].content["fristen"], data["trust"], town.now)


def _answer(town: Town, data: Mapping[str, Any]) -> None:
    entries = {
        held.entry
        for held in town.held.values()
        if held.person == data["person"] and data["child"] in ("", held.child) and held.entry
    }
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
    town.happen(Moved(_own(town, data).item.id, data["to"]))


def _clerk(town: Town, data: Mapping[str, Any]) -> None:
    held = _own(town, data)
    to = {
        "nochmal": AuftragState.READY,
        "angekommen": AuftragState.ACKNOWLEDGED,
        "an_person": AuftragState.WITH_CITIZEN,
    }.get(data["act"])
    if to is not None:
        town.happen(Moved(held.item.id, to))
    town.tasks = [task for task in town.tasks if task.item != held.item.id]


def _printing(town: Town, data: Mapping[str, Any]) -> None:
    town.printing = data["runs"]
    if not town.printing:
        return
    for message in [each for each in town.messages if each.state == "wartet"]:
        lebenslage = message.bundle.rpartition("/")[2]
        allowed = may_tell(town, message.person, lebenslage, words.CHANNELS[message.channel], town.now)
        message.state = "gesendet" if allowed else "abgebrochen"
        town.new_messages.append(message)


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
        candidate = Candidate(number.bytes, entry["leistung"], town.ids[entry["person"]], number.bytes)
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
