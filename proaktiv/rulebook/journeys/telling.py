"""Messages of the town: when somebody is written to about a bundle, reminded once, or not written to any more.

One letter tells that something lies ready; a mail may hint at the first; one reminder, so late that an answer still
comes in time (``core.windows``). Whether a channel may be used at all, the gate says, in the moment it is used. Mirrors
``steps.notify``, ``steps.silence`` and ``matters.open_bundles``. Source: data-path.md § 5; channels-and-pages.md § 3.5.
"""

from datetime import UTC, datetime

from consent.decide import decide as decide_consent
from consent.model import Ask, Operation, Permit, Propose
from proaktiv.core.calendar import berlin_date
from proaktiv.core.outbound import UNTOLD_TASKS
from proaktiv.core.states import OPEN_PROPOSALS, TO_BE_TOLD, AuftragState
from proaktiv.core.windows import remind_at
from proaktiv.rulebook.journeys.town import CONTROLLER, Bundle, Held, Message, ToDo, Town

LETTER, MAIL, APP = "brief", "email", "app"
FLOWS = {LETTER: "LETTER", MAIL: "MAIL", APP: "APP"}
"""Which flow of the rules each channel needs."""


def tell(town: Town, person: str, bundle: str, at: datetime) -> None:
    """Let a person be written to about a bundle, at an instant."""
    town.bundles.setdefault((person, bundle), Bundle()).due_at = at


def tell_if_new(town: Town, person: str, bundle: str) -> None:
    """Let a person be written to now if they never were about this bundle."""
    if town.bundles.setdefault((person, bundle), Bundle()).letters == 0:
        tell(town, person, bundle, town.now)


def bring_news(town: Town, held: Held) -> None:
    """Let a person be written to now about what became of an Auftrag of theirs."""
    held.news = True
    tell(town, held.person, held.bundle, town.now)


def next_due(town: Town) -> datetime | None:
    """Return when the next message is due."""
    return min(
        (at for each in town.bundles.values() for at in (each.due_at, each.remind_at) if at is not None), default=None
    )


def tell_due(town: Town) -> None:
    """Write what is due by now, to whoever still has something to answer."""
    silence(town)
    for (person, name), bundle in sorted(town.bundles.items()):
        if bundle.remind_at is not None and bundle.remind_at <= town.now:
            bundle.due_at, bundle.remind_at = town.now, None
        if bundle.due_at is not None and bundle.due_at <= town.now:
            bundle.due_at = None
            _write(town, person, name, bundle)


def _write(town: Town, person: str, name: str, bundle: Bundle) -> None:
    if _may(town, person, name, APP):
        town.send(Message(person, APP, name, "gesendet"))
    if not _may(town, person, name, LETTER):
        _protect(town, person)
        _give_up(town, person, name)
        return
    waiting = [each for each in town.messages if (each.person, each.bundle, each.state) == (person, name, "wartet")]
    if not town.printing and not waiting:
        town.send(Message(person, LETTER, name, "wartet"))
    elif town.printing:
        town.send(Message(person, LETTER, name, "gesendet"))
        _told(town, person, name, bundle)


def _protect(town: Town, person: str) -> None:
    """§ 52 BMG: a clerk decides whether and how the person hears of it."""
    if "52" in town.subject(person).protections:
        town.task(ToDo("bundle.protected", ""))


def _untold(town: Town, person: str, name: str) -> list[tuple[Held, AuftragState]]:
    mine = [held for held in town.held.values() if (held.person, held.bundle) == (person, name) and held.news]
    return [(held, state) for held in mine if (state := held.item.auftrag) is not None and state in TO_BE_TOLD]


def _give_up(town: Town, person: str, name: str) -> None:
    """Call a human where there is news and no letter may bring it."""
    for held, state in _untold(town, person, name):
        held.news = False
        behoerde = held.content.get("behoerde", "")
        town.task(ToDo(UNTOLD_TASKS[state], held.item.candidate.leistung, held.child, held.item.id, behoerde))


def _told(town: Town, person: str, name: str, bundle: Bundle) -> None:
    """Note when to remind, if that is still to come, and let a mail hint at the first letter."""
    bundle.letters += 1
    for held, _ in _untold(town, person, name):
        held.news = False
    if bundle.letters == 1 or bundle.remind_at is not None:
        waiting = [
            (held.content.get("fristen", ()), held.item.answer_by)
            for held in town.held.values()
            if (held.person, held.bundle) == (person, name)
            and held.item.state in OPEN_PROPOSALS
            and held.item.answer_by is not None
            and not held.item.candidate.told
        ]
        waiting += [
            ((), berlin_date(held.signature_by))
            for held in town.held.values()
            if person in held.asked
            and held.bundle == name
            and held.item.auftrag is AuftragState.AWAITING_SIGNATURE
            and held.signature_by is not None
        ]
        bundle.remind_at = remind_at(town.now, waiting)
    if bundle.letters == 1 and _may(town, person, name, MAIL):
        town.send(Message(person, MAIL, name, "gesendet"))


def print_waiting(town: Town) -> None:
    """Let the printing house run again: what waits goes, if it still may."""
    for message in [each for each in town.messages if each.state == "wartet"]:
        allowed = _may(town, message.person, message.bundle, message.channel)
        message.state = "gesendet" if allowed else "abgebrochen"
        town.new_messages.append(message)
        if not allowed:
            _protect(town, message.person)
            _give_up(town, message.person, message.bundle)
        else:
            _told(town, message.person, message.bundle, town.bundles[message.person, message.bundle])


def silence(town: Town) -> None:
    """Write nothing more about bundles in which nothing is left to answer, to sign or to take home.

    A hint needs no answer: once it has been told it keeps no bundle speaking.
    """
    speaking = {
        (held.person, held.bundle)
        for held in town.held.values()
        if _open(town, held) or (held.news and held.item.auftrag in TO_BE_TOLD)
    }
    for held in town.held.values():
        if held.item.auftrag is AuftragState.AWAITING_SIGNATURE:
            speaking |= {(person, held.bundle) for person in held.asked}
    for place, bundle in town.bundles.items():
        if place not in speaking:
            bundle.due_at = bundle.remind_at = None
    for message in town.messages:
        if message.state == "wartet" and (message.person, message.bundle) not in speaking:
            message.state = "abgebrochen"
            town.new_messages.append(message)


def _open(town: Town, held: Held) -> bool:
    told = held.item.candidate.told and town.bundles.get((held.person, held.bundle), Bundle()).letters > 0
    return held.item.state in OPEN_PROPOSALS and not told


def _may(town: Town, name: str, bundle: str, channel: str) -> bool:
    """Return whether the gate lets something be told to a person on a channel, now."""
    lebenslage = bundle.rpartition("/")[2]
    activity = town.activities.get(f"{lebenslage}/propose/{FLOWS[channel]}")
    if activity is None:
        return False
    at = town.now.astimezone(UTC)
    ask = Ask(CONTROLLER, activity.recipient, Operation.USE, activity.fields, at, channel=FLOWS[channel])
    head = town.heads.get((town.ids[name], activity.name))
    return isinstance(decide_consent(Propose, activity, town.subject(name), head, ask), Permit)
