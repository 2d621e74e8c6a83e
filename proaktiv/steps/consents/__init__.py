"""Consents: give, refuse, withdraw, object. As easy to withdraw as to give; effective with the commit.

A withdrawal, and an objection to a public task, cancels what rests on it: wanted look-ups, open proposals, messages.
A confirmed Auftrag rests on its own ``transmit`` consent and runs on unless that one is withdrawn (data-path.md § 5).
The first decision after an activation letter finishes the enrolment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlmodel import Session

from consent.errors import ConsentConflict
from consent.model import CHOSEN_IN_ADVANCE, Activity, ConsentState, Event, Notice, Phase
from consent.notices import digest_of
from consent.store import activities, give, heads_of, named, put_notice, raise_epoch, refuse
from proaktiv.assent import decided
from proaktiv.core.errors import BadInput, Conflict
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.matters import decide_anew
from proaktiv.steps.consents.recalling import kinds_of
from proaktiv.steps.consents.transmit import withdraw_auftrag
from proaktiv.steps.consents.withdrawing import object_to_public_task, withdraw_activity, withdraw_lebenslage
from proaktiv.tables import BundleRow, EnrolmentRow, EventFactsRow, PersonRow, RegisterEventRow, core_table

__all__ = [
    "Choice",
    "choose",
    "object_to_public_task",
    "withdraw_activity",
    "withdraw_auftrag",
    "withdraw_lebenslage",
]

_BUNDLES = core_table(BundleRow)
_EVENTS = core_table(RegisterEventRow)
_FACTS = core_table(EventFactsRow)
_PERSONS = core_table(PersonRow)
_ENROLMENTS = core_table(EnrolmentRow)


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision about one activity. ``notice`` is the hex digest of the text that was shown."""

    activity: str
    gives: bool
    notice: str


def choose(session: Session, house: House, proof: SessionProof, choices: Sequence[Choice], now: datetime) -> None:
    """Record what a person gives and refuses. Raises ``BadInput``, or ``Conflict`` where the text has changed."""
    connection = session.connection()
    known = activities(connection)
    for place, choice in enumerate(choices):
        _check(house, known, choice, f"/decisions/{place}")
        if choice.activity in {other.activity for other in choices[:place]}:
            raise BadInput(f"/decisions/{place}/activity", "is decided twice in one request")
    raise_epoch(connection, [proof.person])
    _finish_enrolment(session, proof)  # rows before the log, whose lock comes last
    if any(choice.gives and known[choice.activity].phase is Phase.PROPOSE for choice in choices):
        _tell_again(session, proof, now)
    _decide_again(session, house, proof, [known[choice.activity] for choice in choices if choice.gives], now)
    records = [
        named(
            connection,
            proof.person,
            known[choice.activity],
            Event.GIVE if choice.gives else Event.REFUSE,
            house.ids.secret(),
        )
        for choice in choices
    ]
    flows = [
        decided(house, proof, known[choice.activity], this, "given" if choice.gives else "refused")
        for choice, this in zip(choices, records, strict=True)
    ]
    # The ledger names its log entry, so the log comes first here; only this person's head is locked by it.
    recorded = house.log.record(session, flows, now)
    for choice, this, flow_id in zip(choices, records, recorded, strict=True):
        activity = known[choice.activity]
        body = notice_of(house.rules.fluss(activity.name))
        shown = put_notice(connection, activity, locale=LOCALE, media_type=MEDIA_TYPE, body=body)
        try:
            (give if choice.gives else refuse)(
                connection,
                person=proof.person,
                activity=activity,
                at=now,
                record=this.record,
                flow_id=flow_id,
                notice=shown,
                channel="web",
                trust=int(proof.trust),
            )
        except ConsentConflict as error:
            raise Conflict(f"{activity.name}: {error}; to take a given consent back, withdraw it") from None


def _check(house: House, known: Mapping[str, Activity], choice: Choice, place: str) -> None:
    activity = known.get(choice.activity)
    if activity is None or activity.phase not in CHOSEN_IN_ADVANCE or not activity.consent_required:
        raise BadInput(f"{place}/activity", "names no activity that can be decided here; see GET /einwilligungen")
    body = notice_of(house.rules.fluss(activity.name))
    if digest_of(Notice(activity.id, LOCALE, MEDIA_TYPE, body)).hex() != choice.notice:
        raise Conflict("the text changed since it was shown; read it again")


def _finish_enrolment(session: Session, proof: SessionProof) -> None:
    connection = session.connection()
    connection.execute(
        update(_PERSONS)
        .where(_PERSONS.c.person == proof.person, _PERSONS.c.status == "requested")
        .values(status="active")
    )
    connection.execute(
        update(_ENROLMENTS)
        .where(_ENROLMENTS.c.person == proof.person, _ENROLMENTS.c.state.in_(("found", "letter")))
        .values(state="finished", due_at=None)
    )


def _tell_again(session: Session, proof: SessionProof, now: datetime) -> None:
    """Let notify look again at open bundles that nobody was told about: now they may be told."""
    session.connection().execute(
        update(_BUNDLES)
        .where(
            _BUNDLES.c.person == proof.person,
            _BUNDLES.c.state == "open",
            _BUNDLES.c.due_at.is_(None),
            _BUNDLES.c.messages == 0,
        )
        .values(due_at=now)
    )


def _decide_again(
    session: Session, house: House, proof: SessionProof, given: Sequence[Activity], now: datetime
) -> None:
    """Let events be decided anew of which this person's facts are here and to which they had said no meanwhile.

    So what an age brings is noted again (``wiedervorlagen``): evaluate reckons the month; no fact is opened here.
    """
    connection = session.connection()
    standing = {
        head.activity
        for head in heads_of(connection, proof.person)
        if head.state is ConsentState.GIVEN and not head.scope
    }
    kinds = {
        kind
        for activity in given
        if activity.name not in standing
        for kind in kinds_of(house, activity.name.partition("/")[0])
    }
    if kinds:
        mine = select(_FACTS.c.event).where(_FACTS.c.person == proof.person)
        found = connection.execute(select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds), _EVENTS.c.id.in_(mine)))
        decide_anew(session, set(found.scalars()), now)
