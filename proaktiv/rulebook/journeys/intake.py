"""What a register reports to the town: read as the house reads it, kept once, its stops at once.

The event goes through ``core.events`` like any other, so a case cannot report what the intake would refuse.
Left to others: what the rules make of it (``evaluating``). Mirrors ``steps.receive`` and ``recall``.
Source: data-path.md §§ 3–5; lebenslagen.md § 4.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from proaktiv.core.cases import ProposalMoved, Stopped
from proaktiv.core.cloudevents import Envelope
from proaktiv.core.errors import BadInput
from proaktiv.core.events import EventKind, RegisterEvent, Stop, read
from proaktiv.core.guards import (
    CORRECTABLE,
    CUSTODY_ELSEWHERE,
    LIFTED_BY_STORNO,
    MOTHER_DIED,
    PROTECTED_AFTER_SENDING,
    PROTECTS_PERSON,
    Guard,
    of_child,
    reaches_addressee,
    reaches_events,
    reaches_holder,
)
from proaktiv.core.states import SENT_AUFTRAEGE, AuftragState, EventState, ProposalState
from proaktiv.core.windows import MOURNING
from proaktiv.rulebook.journeys.model import Happening
from proaktiv.rulebook.journeys.telling import silence, tell
from proaktiv.rulebook.journeys.town import Report, Standing, ToDo, Town

TAKEN, TWICE, CONTRADICTION, REFUSED = "angenommen", "doppelt", "widerspruch", "abgewiesen"
_SOURCE = "urn:proaktiv:fall:register"


def report(town: Town, happening: Happening, label: str) -> tuple[str, str]:
    """Let a register report something; return the verdict of the intake and, where it refuses, why."""
    kind, data = _payload(town, happening)
    if label:
        town.labelled[label] = {"kind": kind, "data": data}
    try:
        event = read(
            Envelope(
                id=f"{kind}-{data.get('eintrag', len(town.reports))}-{data.get('fassung', 1)}",
                source=_SOURCE,
                type=f"de.proaktiv.event.{kind}.v1",
                time=town.now.astimezone(UTC),
                data=data,
            ),
            town.now.astimezone(UTC),
        )
    except BadInput as wrong:
        return REFUSED, str(wrong)
    same = [known for known in town.reports if _same_entry(known.event, event)]
    for known in same:
        if known.event.fassung == event.fassung:
            return (TWICE, "") if known.event.content == event.content else (CONTRADICTION, "")
    _keep(town, event, same)
    return TAKEN, ""


def _same_entry(known: RegisterEvent, event: RegisterEvent) -> bool:
    return (known.eintrag, known.kind) == (event.eintrag, event.kind)


def _keep(town: Town, event: RegisterEvent, others: Iterable[Report]) -> None:
    outdated = any(known.event.fassung > event.fassung for known in others)
    lifts = event.cancels is not None and event.cancels[1].value in LIFTED_BY_STORNO
    cancelled = event.kind.value in LIFTED_BY_STORNO and any(
        known.event.cancels == (event.eintrag, event.kind) for known in town.reports
    )
    kept = Report(event, town.now)
    if event.only_stops or outdated:
        kept.state = EventState.STOPPED
    town.reports.append(kept)
    if not outdated:
        for known in others:
            if known.state in (EventState.WAITING, EventState.NEEDS):
                known.state = EventState.STOPPED
        _lift_corrected(town, event)
    if lifts and event.cancels is not None:
        _lift(town, [stop for stop in town.stops if stop.by == event.cancels[0]])
        return
    if cancelled:
        return
    fresh = [_standing(town, stop, event) for stop in event.stops if not outdated or stop.guard not in CORRECTABLE]
    town.stops += fresh
    if fresh:
        stop_now(town, fresh)


def _standing(town: Town, stop: Stop, event: RegisterEvent) -> Standing:
    ref = town.called.get(stop.ref, stop.ref) if stop.scope == "person" else stop.ref
    return Standing(stop.scope, ref, stop.guard, stop.detail, event.eintrag)


def _lift_corrected(town: Town, event: RegisterEvent) -> None:
    again = {(stop.scope, town.called.get(stop.ref, stop.ref), stop.guard) for stop in event.stops}
    over = [
        stop
        for stop in town.stops
        if stop.by == event.eintrag
        and stop.guard in CORRECTABLE
        and event.fassung > 1
        and (stop.scope, stop.ref, stop.guard) not in again
    ]
    _lift(town, over)


def _lift(town: Town, stops: list[Standing]) -> None:
    if not stops:
        return
    town.stops = [stop for stop in town.stops if stop not in stops]
    free = {stop.ref for stop in stops if stop.scope == "person"}
    for held in town.held.values():  # what rested for it goes its ordinary way
        rests = held.item.auftrag in (AuftragState.HELD, AuftragState.READY) and held.due_at is None
        if held.person in free and rests and not town.subject(held.person).protections - {"51"}:
            held.due_at = town.now
    town.task(ToDo("stop.lifted", ""))


def stop_now(town: Town, stops: Iterable[Standing]) -> None:
    """Take back what stops reach: in the same moment, before anything else can happen."""
    stops = list(stops)
    entries = {stop.ref for stop in stops if stop.scope == "entry" and reaches_events(stop.scope, stop.guard)}
    children = {stop.ref for stop in stops if stop.scope == "person" and reaches_events(stop.scope, stop.guard)}
    gone = {stop.ref for stop in stops if reaches_addressee(stop.scope, stop.guard)}
    without = {stop.ref for stop in stops if reaches_holder(stop.scope, stop.guard)}
    reached = frozenset(
        number
        for number, held in town.held.items()
        if held.entry in entries
        or held.child in children
        or held.person in gone
        or (held.child and held.person in without)
    )
    born_here = {town.called.get(kennung) for known in town.reports for kennung in _children(known.event)}
    town.guards += [(of_child(stop.guard) if stop.ref in born_here else stop.guard).value for stop in stops]
    _call(town, stops, reached)
    _tell_behoerde(town, {stop.ref for stop in stops if stop.guard in PROTECTS_PERSON})
    effects = town.happen(Stopped(stops[0].guard, reached))
    # A note that was there before the birth (a pregnancy) knows the child and no entry yet.
    born = {town.called[kennung] for entry in entries for kennung in _children_of(town, entry)}
    town.forget_later(
        note
        for note in town.later
        if note.entry in entries
        or note.child in children | born
        or note.person in gone
        or (note.child and note.person in without)
    )
    for effect in effects:
        if isinstance(effect, ProposalMoved) and effect.to is ProposalState.OPEN:
            held = town.held[effect.item]
            tell(town, held.person, held.bundle, town.now + MOURNING)
    silence(town)


def _call(town: Town, stops: list[Standing], reached: frozenset[UUID]) -> None:
    """Give a human what no rule may go on with: custody that lies elsewhere, a birth whose mother died."""
    without = {stop.ref for stop in stops if stop.scope == "person" and stop.guard is Guard.SORGE_ENTZOGEN}
    for number in reached:
        if {town.held[number].person, town.held[number].child} & without:
            town.call([CUSTODY_ELSEWHERE], town.held[number].entry)
    dead = {stop.ref for stop in stops if stop.scope == "person" and stop.guard is Guard.VERSTORBEN}
    for known in town.reports:
        people = {(role, town.called.get(kennung, kennung)) for role, kennung in known.event.subjects}
        gone_too = any((("kind", name) in people) for name in dead)
        if known.state is EventState.ADMITTED and not gone_too and any(("mutter", name) in people for name in dead):
            town.call([MOTHER_DIED], known.event.eintrag)


def _tell_behoerde(town: Town, hidden: set[str]) -> None:
    """Let a human tell each Behörde that has an Auftrag of, or about, somebody who hides from now on."""
    open_for = {task.item for task in town.tasks if task.what == PROTECTED_AFTER_SENDING}
    for number, held in town.held.items():
        there = held.item.auftrag in SENT_AUFTRAEGE and not held.marked
        if {held.person, held.child} & hidden and there and number not in open_for:
            leistung, behoerde = held.item.candidate.leistung, held.content.get("behoerde", "")
            town.task(ToDo(PROTECTED_AFTER_SENDING, leistung, held.child, number, behoerde))


def _children(event: RegisterEvent) -> Iterable[str]:
    return (kennung for role, kennung in event.subjects if role == "kind")


def _children_of(town: Town, entry: str) -> Iterable[str]:
    return (kennung for known in town.reports if known.event.eintrag == entry for kennung in _children(known.event))


# what registers write ------------------------------------------------------------------------------------------------


def _payload(town: Town, happening: Happening) -> tuple[str, dict[str, Any]]:
    data = happening.data
    match happening.word:
        case "geburt":
            return "geburt", _birth(town, data)
        case "umzug":
            return "umzug", _move(town, data)
        case "sterbefall":
            said = {"ereignis_am": data["am"].isoformat(), "person": _somebody(town, data["person"])}
            return "sterbefall", _entry(town, "sterbefall", data["eintrag"]) | said
        case "schutzvermerk":
            said = {"ereignis_am": _today(town), "person": _somebody(town, data["person"]), "art": data["art"]}
            return "schutzvermerk", _entry(town, "schutzvermerk", "") | said
        case "meldung":
            people = [_somebody(town, name) for name in data["persons"]]
            said = {"ereignis_am": _today(town), "personen": people, **data["weitere"]}
            return str(data["art"]), _entry(town, str(data["art"]), "") | said
        case _:
            return _about_another(town, happening)


def _about_another(town: Town, happening: Happening) -> tuple[str, dict[str, Any]]:
    before = town.labelled[happening.data["report"]]
    kind, data = before["kind"], before["data"]
    if happening.word == "wiederholung":
        return kind, data
    if happening.word == "berichtigung":
        newer = _merged(data, happening.data["changes"]) | {"fassung": data["fassung"] + 1}
        before["data"] = newer
        return kind, newer
    said = {"ereignis_am": data["ereignis_am"], "storniert": {"eintrag": data["eintrag"], "kind": kind}}
    return EventKind.STORNO.value, _entry(town, "storno", "") | said | {"ars": data["ars"]}


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for name, value in changes.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _entry(town: Town, kind: str, name: str) -> dict[str, Any]:
    return {"eintrag": name or f"{kind} {len(town.reports) + 1}", "fassung": 1, "ars": "000000000000"}


def _today(town: Town) -> str:
    return town.now.date().isoformat()


def _somebody(town: Town, name: str) -> dict[str, str]:
    return {"kennung": town.kennungen[name]}


def _named(town: Town, name: str) -> dict[str, Any]:
    person = town.journey.persons[name]
    return {
        "kennung": town.kennungen[name],
        "vornamen": person.vornamen,
        "familienname": person.familienname,
        "geburtsdatum": person.geboren.isoformat(),
    }


def _protection(town: Town, names: Iterable[str], noted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the protective notes of a report: what the author wrote, and whose address is locked."""
    found = dict(noted)
    for lock in ("51", "52"):
        locked = [town.kennungen[name] for name in names if lock in town.journey.persons[name].locks]
        if locked:
            found[f"sperre_{lock}"] = locked
    return {"schutz": found} if found else {}


def _birth(town: Town, data: Mapping[str, Any]) -> dict[str, Any]:
    parents = data["eltern"]
    payload: dict[str, Any] = {
        **_entry(town, "geburt", data["eintrag"]),
        "ars": data["ars"],
        "ereignis_am": _today(town),
        "eltern": [
            _named(town, each["person"])
            | {"rolle": each["rolle"], "sorge": each["sorge"]}
            | {"anschrift": dict(town.journey.persons[each["person"]].address)}
            | each["weitere"]
            for each in parents
        ],
    }
    if data["mehrlinge"]:
        payload["mehrlingsgruppe"] = data["mehrlinge"]
    names = [each["person"] for each in parents]
    if data["kind"]:
        names.append(data["kind"])
        payload["ereignis_am"] = town.journey.persons[data["kind"]].geboren.isoformat()
        payload["kind"] = _named(town, data["kind"]) | {"geburtsort": data["ort"], "lebt": data["lebt"]}
    return {**payload, **_protection(town, names, data["schutz"]), **data["weitere"]}


def _move(town: Town, data: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {
        **_entry(town, "umzug", data["eintrag"]),
        "ars": data["nach"]["ars"],
        "ereignis_am": data["einzug"].isoformat(),
        "personen": [_named(town, name) for name in data["persons"]],
        "anschrift_neu": dict(data["nach"]),
        "wohnungsart": data["wohnungsart"],
        "meldeweg": data["meldeweg"],
    }
    if data["von"]:
        payload["anschrift_alt"] = dict(data["von"])
    return {**payload, **_protection(town, data["persons"], data["schutz"]), **data["weitere"]}
