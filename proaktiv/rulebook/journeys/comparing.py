"""Compares what an author expects with what the town made, item by item and person by person: a closed world.

Left to others: how a difference is shown (``showing``). Source: cases.md, reading rule 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from proaktiv.core.states import ProposalState
from proaktiv.core.trust import entrance
from proaktiv.rulebook.journeys import words
from proaktiv.rulebook.journeys.model import Expected, Forbidden, Step
from proaktiv.rulebook.journeys.nodes import german_day
from proaktiv.rulebook.journeys.town import Held, Message, Town
from proaktiv.rulebook.reading import Place
from proaktiv.rulebook.said import has_amount, strings

PERSON = "…"
"""Stands for the person in what a difference says, so that the same of several persons is said once."""
_SHOWN_CLOCK = ("name", "typ", "massgeblich", "fruehestens", "gesetzlich", "sicher_bis", "spaetestens")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the author says: at which place in the file, on which day, expected and got."""

    place: Place
    day: date
    what: str
    expected: str
    got: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Got:
    """One item for one person, as it came out. ``how`` is how it changed since the last look."""

    leistung: str
    outcome: str
    person: str
    how: str
    state: str
    child: str = ""
    bundle: str = ""
    bundle_by: date | None = None
    due_on: date | None = None
    task: str = ""
    behoerde: str = ""
    content: Mapping[str, Any] | None = None
    way: str = ""
    after: tuple[str, ...] = ()
    lock_flag: bool = False
    seen_from: str = ""

    @property
    def title(self) -> str:
        """Return how it is called in a report."""
        child = f" ({self.child})" if self.child else ""
        how = "" if self.how == words.SAME else f"{self.how}, "
        return f"{self.outcome} {self.leistung or self.task}{child} an {PERSON}: {how}{self.state}"

    @property
    def clocks(self) -> list[Mapping[str, str]]:
        """Return the Fristen as the person sees them."""
        return list(self.content["fristen"]) if self.content else []

    @property
    def said(self) -> str:
        """Return everything that it says, to look for words in it."""
        return "\n".join(strings(self.content)) if self.content else ""


def got_since_last_look(town: Town) -> list[Got]:
    """Return every item that changed since the last look."""
    found = [_of_held(town, town.held[number], how) for number, how in town.changed.items()]
    found += [
        Got(note.leistung, "wiedervorlage", note.person, words.NEW, words.PLANNED, note.child, due_on=note.due_on)
        for note in town.noted
        if note in town.later
    ]
    found += [
        Got(note.leistung, "wiedervorlage", note.person, words.DELETED, words.DELETED, note.child, due_on=note.due_on)
        for note in town.dropped
        if note not in town.noted
    ]
    found += [
        Got(task.leistung, "manuell", task.who, words.NEW, words.TASK, task.child, task=task.what)
        for task in town.new_tasks
    ]
    return found


def everything(town: Town) -> list[Got]:
    """Return every item that there is or was, with its state now and without how it came."""
    standing = [_of_held(town, held, words.SAME) for held in town.held.values()]
    standing += [
        Got(note.leistung, "wiedervorlage", note.person, words.SAME, words.PLANNED, note.child, due_on=note.due_on)
        for note in town.later
    ]
    return standing + [
        Got(task.leistung, "manuell", task.who, words.SAME, words.TASK, task.child, task=task.what)
        for task in town.tasks
    ]


def _of_held(town: Town, held: Held, how: str) -> Got:
    item = held.item
    confirmed = item.state is ProposalState.CONFIRMED and item.auftrag is not None
    state = words.AUFTRAG_WORDS[item.auftrag] if confirmed and item.auftrag else words.PROPOSAL_WORDS[item.state]
    content = held.content or None
    ways = content["versand"] if content else {}
    return Got(
        leistung=item.candidate.leistung,
        outcome=held.outcome,
        person=held.person,
        how=how,
        state=state,
        child=held.child,
        bundle=held.bundle,
        bundle_by=_bundle_by(town, held),
        behoerde=content["behoerde"] if content else "",
        content=content,
        way=ways[min(ways)] if ways else "",
        after=held.after,
        lock_flag=held.lock_flag,
        seen_from=_seen_from(town, held, ways),
    )


def _seen_from(town: Town, held: Held, ways: Mapping[str, Any]) -> str:
    """Return the level from which a person sees and can confirm it: that of the way, or a higher one of their own."""
    least = entrance(town.subject(held.person))
    if least is None:
        return "nie"
    return max(min(ways), least.name) if ways else ""


def _bundle_by(town: Town, held: Held) -> date | None:
    """Return the first day by which the person should have answered something of this Leistung in the bundle."""
    days = [
        clock["sicher_bis"]
        for each in town.held.values()
        if (each.person, each.bundle) == (held.person, held.bundle)
        and each.item.candidate.leistung == held.item.candidate.leistung
        for clock in (each.content or {"fristen": ()})["fristen"]
        if clock["sicher_bis"]
    ]
    return date.fromisoformat(min(days)) if days else None


# items ---------------------------------------------------------------------------------------------------------------


def compare_items(
    step: Step, expected: Sequence[Expected], got: Sequence[Got], known: frozenset[str]
) -> tuple[list[Difference], list[str]]:
    """Return what differs, and what waits: Leistungen outside ``known``, and what the author says proaktiv lacks."""
    left, day = list(got), step.at.date()
    differences: list[Difference] = []
    waits: list[str] = []
    bundles: list[tuple[Expected, Got]] = []
    for item in expected:
        for person in item.addressees:
            best = _best(item, person, left)
            waiting = item.waits or ("" if item.leistung in known else item.leistung)
            if best is None:
                if waiting:
                    waits.append(waiting)
                else:
                    said = _said(item)
                    differences.append(Difference(item.place, day, said, said, "nichts", person))
                continue
            left.remove(best)
            wrong, later = _without_waiting(item, _compare(item, best))
            waits += later
            differences += [
                Difference(item.place, day, f"{_said(item)}: {what}", should, is_, person)
                for what, should, is_ in wrong
            ]
            bundles.append((item, best))
    differences += [Difference(step.place, day, each.title, "nichts", each.title, each.person) for each in left]
    differences += _bundles(bundles, day)
    return differences, waits


def _without_waiting(item: Expected, wrong: list[tuple[str, str, str]]) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Return what still differs, and what waits. What the author lets wait and that holds already is a difference."""
    if item.waits:
        return ([], [item.waits]) if wrong else ([_fulfilled(item.waits)], [])
    differing = {what for what, _, _ in wrong}
    waits = [reason for what, reason in item.waiting_parts.items() if what in differing]
    done = [_fulfilled(reason) for what, reason in item.waiting_parts.items() if what not in differing]
    return [each for each in wrong if each[0] not in item.waiting_parts] + done, waits


def _fulfilled(reason: str) -> tuple[str, str, str]:
    return "wartet_auf", reason, "ist erfüllt; nehmen Sie die Zeile heraus"


def _said(item: Expected) -> str:
    child = f" ({item.child})" if item.child else ""
    state = f", {item.state}" if item.state else ""
    return f"{item.outcome} {item.leistung}{child} an {PERSON}: {item.how}{state}"


def _best(item: Expected, person: str, left: Sequence[Got]) -> Got | None:
    found = [
        each
        for each in left
        if each.leistung == item.leistung
        and each.person == person
        and item.child in ("", each.child)
        and (each.outcome == "manuell") == (item.outcome == "manuell")
        and (each.outcome == "wiedervorlage") == (item.outcome == "wiedervorlage")
        and (item.task is None or each.task == item.task)
    ]
    return min(found, key=lambda each: len(_compare(item, each)), default=None)


def _compare(item: Expected, got: Got) -> list[tuple[str, str, str]]:
    wrong: list[tuple[str, str, str]] = []
    if item.outcome not in (got.outcome, "rueckruf"):
        wrong.append(("ergebnis", item.outcome, got.outcome))
    if item.how != got.how:
        wrong.append(("wie", item.how, got.how))
    state = item.state
    if state is None and item.how in (words.NEW, words.CHANGED):
        state = {"manuell": words.TASK, "wiedervorlage": words.PLANNED}.get(item.outcome, "offen")
    for what, should, is_ in (
        ("stand", state, got.state),
        ("behoerde", item.behoerde, got.behoerde),
        ("faellig", item.due_on, got.due_on),
        ("aufgabe", item.task, got.task),
        ("versand", item.way, got.way),
        ("nach", item.after, got.after),
        ("sperrvermerk", item.lock_flag, got.lock_flag),
        ("sichtbar_ab", item.seen_from, got.seen_from),
        ("buendel_bis", item.bundle_by, got.bundle_by),
        ("fragt", item.asks, tuple(each["name"] for each in got.content["fragen"]) if got.content else ()),
        ("unterzeichner", item.signers, tuple(got.content["unterzeichner"]) if got.content else ()),
    ):
        if should is not None and should != is_:
            wrong.append((what, _shown(should), _shown(is_)))
    wrong += _compare_clocks(item, got) + _compare_words(item, got)
    return wrong


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "nichts"
    if isinstance(value, bool):
        return "ja" if value else "nein"
    return str(value) if value not in (None, "") else "nichts"


def _compare_clocks(item: Expected, got: Got) -> list[tuple[str, str, str]]:
    expected = item.clocks
    if expected is None:
        if item.how not in (words.NEW, words.CHANGED) or item.outcome in ("manuell", "wiedervorlage"):
            return []
        expected = ()
    left = got.clocks
    wrong = []
    for clock in expected:
        named = [each for each in left if clock.get("name", each["name"]) == each["name"]]
        best = min(named, key=lambda each: len(_clock_differs(clock, each)), default=None)
        if best is None:
            wrong.append(("fristen", _clock(clock), "keine"))
            continue
        left.remove(best)
        if _clock_differs(clock, best):
            wrong.append(("fristen", _clock(clock), _clock(best)))
    return wrong + [("fristen", "keine", _clock(each)) for each in left]


def _clock_differs(expected: Mapping[str, Any], got: Mapping[str, str]) -> list[str]:
    return [name for name, value in expected.items() if value != got.get(name, "")]


def _clock(clock: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {clock[name]}" for name in _SHOWN_CLOCK if clock.get(name)) or "ohne Datum"


def _compare_words(item: Expected, got: Got) -> list[tuple[str, str, str]]:
    said = got.said
    fields = {each["ziel"]: each["wert"] for each in got.content["felder"]} if got.content else {}
    wrong = [("text", text, "steht nicht da") for text in item.texts if text not in said]
    wrong += [("betraege", amount, "steht nicht da") for amount in item.amounts if not has_amount(said, amount)]
    wrong += [("text_nicht", f"nicht: {text}", "steht da") for text in item.no_texts if text in said]
    wrong += [
        ("felder", f"{name}: {value}", fields.get(name, "nichts"))
        for name, value in item.fields.items()
        if fields.get(name) != value
    ]
    return wrong


def _bundles(matched: Sequence[tuple[Expected, Got]], day: date) -> list[Difference]:
    """Find items that the author sees in one bundle and that are in two, or the other way round."""
    by_label: dict[str, str] = {}
    differences = []
    for item, got in matched:
        if item.bundle is None:
            continue
        first = by_label.setdefault(item.bundle, got.bundle)
        others = {label for label, bundle in by_label.items() if bundle == got.bundle and label != item.bundle}
        if first != got.bundle or others:
            both = f"{got.bundle} statt {first}" if first != got.bundle else f"auch {', '.join(sorted(others))}"
            differences.append(Difference(item.place, day, f"{got.title}: buendel", item.bundle, both, got.person))
    return differences


# what must not be ----------------------------------------------------------------------------------------------------


def find_forbidden(
    town: Town, rules: Sequence[Forbidden], got: Sequence[Got], messages: Sequence[Message], day: date
) -> tuple[list[Difference], list[str]]:
    """Return what is there and must not be, and what the author says proaktiv cannot hold back yet."""
    differences: list[Difference] = []
    waits: list[str] = []
    for rule in rules:
        found = [(each.title, each.person) for each in got if _meets(rule, each)]
        found += [(each, "") for each in _messages(rule, messages)]
        found += [
            (f"Nachschlagen im {name} zu {PERSON}", person)
            for person, name in town.lookups
            if name in rule.registers and (not rule.addressees or person in rule.addressees)
        ]
        if rule.waits:
            waits += [rule.waits] if found else []
            continue
        differences += [
            Difference(rule.place, day, "darf nicht", "nichts", what, person) for what, person in dict.fromkeys(found)
        ]
    return differences, waits


def _meets(rule: Forbidden, got: Got) -> bool:
    """Return whether an item is what the rule names; a rule about messages or registers alone names no item."""
    if (rule.messages or rule.registers) and not (rule.leistungen or rule.texts or rule.fields or rule.outcomes):
        return False
    content = got.content or {}
    days = {value for clock in got.clocks for value in clock.values()}
    days |= {got.due_on.isoformat()} if got.due_on else set()
    said = got.said if rule.days or rule.texts else ""
    fields = {each[part] for each in content.get("felder", ()) for part in ("ziel", "aus")}
    return (
        (not rule.addressees or got.person in rule.addressees)
        and (not rule.leistungen or got.leistung in rule.leistungen)
        and (not rule.outcomes or got.outcome in rule.outcomes)
        and (not rule.behoerden or got.behoerde in rule.behoerden)
        and (not rule.texts or any(text in said for text in rule.texts))
        and (not rule.days or any(day.isoformat() in days or german_day(day) in said for day in rule.days))
        and (not rule.fields or bool(fields & set(rule.fields)))
    )


def _messages(rule: Forbidden, messages: Sequence[Message]) -> list[str]:
    """Return messages that are forbidden: those named, or all to somebody who must get nothing at all."""
    only_person = rule.addressees and not (
        rule.leistungen or rule.outcomes or rule.texts or rule.days or rule.behoerden or rule.fields or rule.registers
    )
    channels = rule.messages or (("jede",) if only_person else ())
    return [
        f"{message.channel} an {message.person}"
        for message in messages
        if message.state != "abgebrochen"
        and (not rule.addressees or message.person in rule.addressees)
        and ("jede" in channels or message.channel in channels)
    ]
