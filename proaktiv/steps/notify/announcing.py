"""First transaction: ask the gate now, compose the message, log it as authorised, lease its row.

A mail is a hint beside a letter: whatever stands in its way ends it in silence, for the letter goes anyway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session

from consent.model import Operation, Propose, Reason, Refusal, Subject
from notifiers.model import Channel
from proaktiv.calling import call_human
from proaktiv.core.flows import Flow
from proaktiv.core.guards import Guard
from proaktiv.core.outbound import HOUSE_MADE, HOUSE_PAUSE, again_at, authorised, refused, stopped
from proaktiv.core.rates import Rates
from proaktiv.core.states import DeliveryState
from proaktiv.core.windows import quiet
from proaktiv.homes import IN_DOUBT, in_doubt
from proaktiv.house import House
from proaktiv.outward import Held, Wish, ask, hold, loggable, write_log
from proaktiv.steps.notify.answers import make_readable
from proaktiv.steps.notify.composing import Composed, compose, message, vocabulary
from proaktiv.steps.notify.contents import About, contents, give_up, open_events
from proaktiv.steps.notify.destinations import contacts, mail_addresses
from proaktiv.steps.notify.due import WAITS, Matter, candidates, due_again, lock, runs
from proaktiv.steps.notify.hinting import HINT_LIVES, forget_former, move_in, stale
from proaktiv.steps.notify.holding_back import put_later, sift
from proaktiv.steps.notify.leasing import keep_codes, lease
from proaktiv.steps.notify.outages import ways_now
from proaktiv.steps.notify.posting import (
    ACCOUNT,
    ACTIVATION,
    ADDRESS,
    BUNDLE,
    CONFIRMATION,
    LETTER,
    MAIL,
    Posting,
)
from proaktiv.steps.notify.reminding import with_reminders
from proaktiv.tables import DeliveryRow, EnrolmentRow, core_table
from proaktiv.vault import Compartment, Ring

_ENROLMENTS = core_table(EnrolmentRow)
_DELIVERIES = core_table(DeliveryRow)

_HOUSE_REFUSED = {
    BUNDLE: "bundle.house_refused",
    ACTIVATION: "enrolment.house_refused",
    ACCOUNT: "account_notice.house_refused",
    ADDRESS: "mail_notice.house_refused",
    CONFIRMATION: "mail_confirmation.house_refused",
}

_WHILE_ENROLLING = frozenset({ACTIVATION, ACCOUNT, ADDRESS, CONFIRMATION})
"""What may go to somebody who has not finished enrolling: they asked for it themselves, or their code was locked."""

_WORD = {LETTER: "letter", MAIL: "mail"}
"""What a channel is called in the log, for ever."""


@dataclass(slots=True)
class _Doings:
    """What ``announce`` decided, before it is written."""

    letters: list[Composed] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    silent: list[Matter] = field(default_factory=list)
    postponed: list[Matter] = field(default_factory=list)
    ended: list[tuple[Matter, DeliveryState, str]] = field(default_factory=list)
    unheard: list[UUID] = field(default_factory=list)
    """Bundles about which the person is not written to any more, whatever news there may be."""
    tasks: list[tuple[str, UUID, str]] = field(default_factory=list)


def announce(
    session: Session,
    house: House,
    ways: Mapping[str, Channel],
    now: datetime,
    limit: int,
    *,
    page: str = "",
    mail_page: str = "",
    wall: datetime | None = None,
    rates: Rates = Rates(),  # noqa: B008 - frozen
) -> list[Posting]:
    """Clear up to ``limit`` due messages. ``page`` is printed as the address to type, ``mail_page`` is a mail's link.

    ``wall`` is the real time where ``now`` is a demonstration's; ``rates`` is how fast mails may leave.
    """
    house.probe("notify.announce.before")
    wall = wall or now
    usable, probing = ways_now(session, {name for name in (LETTER, MAIL) if name in ways}, now)
    if not usable | probing:
        return []
    again = due_again(session, now, wall)
    for_hints: dict[str, Any] = {"hints_since": now - HINT_LIVES, "night": quiet(now)}
    matters = candidates(session, again, usable, now, limit, **for_hints)
    matters += [m for way in sorted(probing) for m in candidates(session, again, {way}, now, 1, **for_hints)]
    held = hold(session, set[UUID]().union(*(matter.events for matter in matters)))
    matters = [matter for matter in matters if matter.events <= held.events]
    wishes = [
        Wish(matter.activity, matter.person, requested=matter.purpose in _WHILE_ENROLLING, channel=matter.channel)
        for matter in matters
    ]
    answers, standing = ask(session, house, Propose, wishes, operation=Operation.USE, now=now)
    pairs = lock(session, list(zip(matters, answers, strict=True)), again, now)
    ring = house.vault.ring(session, {matter.person for matter, _ in pairs}, (Compartment.CONTACT, Compartment.FLOW))
    doubts = in_doubt(session, {matter.person for matter, _ in pairs})  # before the addresses: see there
    addresses = contacts(session, [matter.person for matter, _ in pairs])
    mail = mail_addresses(session, [matter for matter, _ in pairs], now)
    waiting = open_events(session, [matter.id for matter, _ in pairs if matter.purpose == BUNDLE])
    # A proposal may have been made since the cases were taken: one whose case is not held is left for the next tick.
    pairs = [pair for pair in pairs if waiting.get(pair[0].id, pair[0].events) <= held.events]
    last_runs = runs(session, [matter.id for matter, _ in pairs])
    doings = _Doings()
    for matter, answer in pairs:
        guard = _guard(waiting.get(matter.id, matter.events), held)
        if matter.lost and not ways[matter.channel].capability.idempotent:
            _end(doings, matter, "lost")
        elif matter.purpose == BUNDLE and matter.id not in waiting:
            _end(doings, matter, "nothing_open")
        elif guard is not None:
            doings.flows.append(stopped(guard.value, **_about(house, ring, matter)))
            _end(doings, matter, "stopped")
        elif isinstance(answer, Refusal):
            doings.flows.append(refused(answer, **_about(house, ring, matter)))
            _refuse(doings, matter, answer, standing[matter.person])
        elif stale(matter, now) or (matter.lost and again_at(now, matter.tries + 1) is None):
            _end(doings, matter, "used_up")
        elif matter.channel == LETTER and matter.person in doubts:
            _wait(doings, matter, settles_itself=doubts[matter.person])
        else:
            run = last_runs.get((matter.channel, matter.id), 0) + 1
            sealed = addresses.get(matter.person)
            _take(doings, matter, compose(house, matter, answer, ring, sealed, mail.get(matter.id), run, now))
    about = contents(session, {letter.matter.id: letter.made_at for letter in doings.letters if letter.coded})
    doings.letters = [replace(letter, about=about.get(letter.matter.id, About.ASKS)) for letter in doings.letters]
    doings.tasks += give_up(session, doings.unheard)
    sifted = sift(session, house, doings.letters, probing, rates, now)
    doings.letters = with_reminders(session, house, sifted.go, now)
    make_readable(session, house, doings.letters)
    for matter in sifted.suppressed:
        _end(doings, matter, "suppressed")
    put_later(session, sifted.later)
    return _write(session, house, doings, ring, ways, {LETTER: page, MAIL: mail_page}, now, wall)


# what becomes of it --------------------------------------------------------------------------------------------------


def _about(house: House, ring: Ring, matter: Matter) -> dict[str, Any]:
    return {
        "house": house.controller,
        "action": f"{_WORD[matter.channel]}.not_written",
        "person": loggable(ring, matter.person),
        "case": str(matter.id),
    }


def _guard(events: frozenset[UUID], held: Held) -> Guard | None:
    """Return a guard that stops all of the events, if there are any: of twins, the letter is about whoever is alive."""
    guards = [held.stopped[event] for event in events if event in held.stopped]
    return min(guards) if guards and len(guards) == len(events) else None


def _refuse(doings: _Doings, matter: Matter, refusal: Refusal, subject: Subject) -> None:
    if matter.channel == MAIL and matter.purpose != CONFIRMATION:
        _end(doings, matter, "refused")
        return
    if matter.channel == LETTER:
        _protect(doings, matter, subject)
    if refusal.reason in HOUSE_MADE:
        _postpone(doings, matter)
    else:
        _end(doings, matter, "refused")
        if refusal.reason is not Reason.DECEASED:
            doings.unheard.append(matter.id)


def _postpone(doings: _Doings, matter: Matter) -> None:
    """Keep it as it is for a while: the house itself stands in the way, and the person must not pay for that."""
    doings.postponed.append(matter)
    doings.tasks.append((_HOUSE_REFUSED[matter.purpose], matter.id, ""))


def _take(doings: _Doings, matter: Matter, letter: Composed | None) -> None:
    if letter is not None:
        doings.letters.append(letter)
        return
    if matter.channel == LETTER:
        doings.tasks.append(("contact.unreadable", matter.id, ""))
    _end(doings, matter, "no_contact")


def _wait(doings: _Doings, matter: Matter, *, settles_itself: bool) -> None:
    """Keep it while nobody knows where the person lives; a human is called where no report settles it any more."""
    doings.postponed.append(matter)
    if not settles_itself:
        doings.tasks.append((IN_DOUBT, matter.id, ""))


def _end(doings: _Doings, matter: Matter, reason: str) -> None:
    """Nothing more is sent about it; what may have left already is a human's matter."""
    doings.silent.append(matter)
    if matter.lost:
        doings.ended.append((matter, DeliveryState.IN_DOUBT, reason))
        if matter.channel == LETTER:
            doings.tasks.append(("delivery.in_doubt", matter.delivery.id if matter.delivery else matter.id, ""))
    elif matter.delivery is not None:
        doings.ended.append((matter, DeliveryState.CANCELLED, reason))


def _protect(doings: _Doings, matter: Matter, subject: Subject) -> None:
    """§ 52 BMG: a clerk's task and nothing else."""
    if "52" in subject.protections:
        doings.tasks.append(("bundle.protected", matter.id, ""))


# writing -------------------------------------------------------------------------------------------------------------


def _write(
    session: Session,
    house: House,
    doings: _Doings,
    ring: Ring,
    ways: Mapping[str, Channel],
    pages: Mapping[str, str],
    now: datetime,
    wall: datetime,
) -> list[Posting]:
    connection = session.connection()
    letters = doings.letters
    lapsed = [matter.id for matter in doings.silent if matter.purpose == ACTIVATION]
    told = [*doings.silent, *(letter.matter for letter in letters)]
    _make_due(session, told, None)
    move_in(session, letters)
    forget_former(session, [(matter.id, matter.purpose, matter.channel) for matter in doings.silent])
    if lapsed:
        connection.execute(update(_ENROLMENTS).where(_ENROLMENTS.c.id.in_(lapsed)).values(state="lapsed"))
    _put_off(session, doings.postponed, now, wall)
    for matter, state, reason in doings.ended:
        if matter.delivery is not None:
            connection.execute(
                update(_DELIVERIES)
                .where(_DELIVERIES.c.id == matter.delivery.id)
                .values(state=state.value, reason=reason, due_at=None, lease_until=None, worker=None, moved_at=now)
            )
    keep_codes(session, house, letters)
    call_human(session, house, doings.tasks, now)
    postings = _authorise(session, house, doings.flows, letters, ring, ways, pages, now)
    lease(session, house, letters, postings, now, wall)
    house.probe("notify.announce.during")
    return postings


def _make_due(session: Session, matters: Sequence[Matter], at: datetime | None) -> None:
    for which, waits in WAITS.items():
        table = waits.table
        mine = [matter.id for matter in matters if (matter.purpose, matter.channel) == which]
        if mine:
            session.connection().execute(update(table).where(table.c.id.in_(mine)).values({waits: at}))


def _put_off(session: Session, postponed: Sequence[Matter], now: datetime, wall: datetime) -> None:
    """Make due again later. A lost letter stays a lost one: its lease grows instead, so that nobody forgets it."""
    connection = session.connection()
    _make_due(session, [matter for matter in postponed if matter.delivery is None], now + HOUSE_PAUSE)
    for lost, values in (
        (False, {"due_at": now + HOUSE_PAUSE}),
        (True, {"lease_until": wall + HOUSE_PAUSE, "worker": None}),
    ):
        begun = [matter.delivery.id for matter in postponed if matter.delivery is not None and matter.lost is lost]
        if begun:
            connection.execute(update(_DELIVERIES).where(_DELIVERIES.c.id.in_(begun)).values(**values))


def _authorise(
    session: Session,
    house: House,
    ended: Sequence[Flow],
    letters: Sequence[Composed],
    ring: Ring,
    ways: Mapping[str, Channel],
    pages: Mapping[str, str],
    now: datetime,
) -> list[Posting]:
    flows = [
        authorised(
            letter.permit,
            sender=house.controller,
            receiver="person",
            action=f"{_WORD[letter.matter.channel]}.written",
            person=loggable(ring, letter.matter.person),
            case=str(letter.delivery),
        )
        for letter in letters
    ]
    clearances = write_log(
        session,
        house,
        ended,
        [(flow, str(letter.delivery)) for flow, letter in zip(flows, letters, strict=True)],
        ring,
        now,
    )
    words = vocabulary(house)
    return [
        Posting(
            delivery=letter.delivery,
            matter=letter.matter.id,
            purpose=letter.matter.purpose,
            person=letter.matter.person,
            channel=letter.matter.channel,
            message=message(house, letter, pages[letter.matter.channel]),
            recipient=letter.recipient,
            flow=flow,
            clearance=clearance,
            idempotent=ways[letter.matter.channel].capability.idempotent,
            known=letter.known,
            words=words,
            remind_at=letter.remind_at,
        )
        for letter, flow, clearance in zip(letters, flows, clearances, strict=True)
    ]
