"""The consent that one Auftrag alone rests on: given with the yes or the signature, gone when that is taken back.

``transmit`` consents have the Auftrag as their scope. Whoever calls holds the person's lock (``raise_epoch``) and has
written their rows: the log comes last, and the ledger names its entry. Source: consent.md; data-path.md § 5.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from consent.model import Activity, ConsentState, Event
from consent.store import Named, activities, give, heads_of, named, put_notice, standing, withdraw
from proaktiv.core.errors import Conflict
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.notices import LOCALE, MEDIA_TYPE, notice_of
from proaktiv.core.trust import SessionProof
from proaktiv.house import House


@dataclass(frozen=True, slots=True)
class Transmission:
    """What such a consent is about: handing over one Auftrag of one Leistung."""

    auftrag: UUID
    lebenslage: str
    leistung: str

    @property
    def activity(self) -> str:
        """Return the name of the activity that hands it over."""
        return f"{self.lebenslage}/transmit/{self.leistung}"


def give_transmit(
    session: Session, house: House, proof: SessionProof, order: Transmission, action: str, now: datetime
) -> None:
    """Log the yes or the signature (``action``) and give the consent to hand the Auftrag over."""
    connection = session.connection()
    activity = activities(connection, {order.activity}).get(order.activity)
    if activity is None:
        raise Conflict(f"{order.activity} is not released; nothing may be handed over under it")
    this = named(connection, proof.person, activity, Event.GIVE, house.ids.secret(), scope=str(order.auftrag))
    # What was shown of this Auftrag stands in the signature; the notice is the released text about handing it over.
    text = notice_of(house.rules.fluss(activity.name))
    notice = put_notice(connection, activity, locale=LOCALE, media_type=MEDIA_TYPE, body=text)
    flow = _entry(house, proof, order, action, activity, this)
    (flow_id,) = house.log.record(session, [flow], now)
    give(
        connection,
        person=proof.person,
        activity=activity,
        scope=str(order.auftrag),
        at=now,
        record=this.record,
        flow_id=flow_id,
        notice=notice,
        channel="web",
        trust=int(proof.trust),
    )


def log_yes(session: Session, house: House, proof: SessionProof, order: Transmission, now: datetime) -> None:
    """Log a yes after which nothing is handed over: it ends with the person, so no consent is needed."""
    house.log.record(session, [_entry(house, proof, order, "auftrag.confirmed", None, None)], now)


def given_transmit(session: Session, person: UUID, order: Transmission) -> bool:
    """Return whether the consent to hand this Auftrag over stands."""
    return any(
        head.activity == order.activity and head.scope == str(order.auftrag) and head.state is ConsentState.GIVEN
        for head in heads_of(session.connection(), person)
    )


def withdraw_transmit(
    session: Session, house: House, proof: SessionProof, order: Transmission, before: Sequence[Flow], now: datetime
) -> None:
    """Log ``before``, then the withdrawal of the consent to hand this Auftrag over, if it stands; write the ledger."""
    if not given_transmit(session, proof.person, order):
        house.log.record(session, before, now)
        return
    activity = activities(session.connection(), {order.activity})[order.activity]
    end_consents(session, house, proof, [activity], before, now, scope=str(order.auftrag))


def end_consents(
    session: Session,
    house: House,
    proof: SessionProof,
    withdrawn: Sequence[Activity],
    before: Sequence[Flow],
    now: datetime,
    scope: str = "",
) -> None:
    """Log ``before``, then of each record that stands for these activities that it ends, by its number; end them.

    The caller holds the person's lock. A record of an older version or for another recipient is ended, too, and its
    entry names its version.
    """
    connection = session.connection()
    ending = [
        (activity, Named.of(head))
        for activity in withdrawn
        for head in standing(connection, proof.person, activity.name, scope)
    ]
    flows = [decided(house, proof, activity, this, "withdrawn", scope) for activity, this in ending]
    recorded = house.log.record(session, [*before, *flows], now)[len(before) :]
    flow_ids = {this.record: flow_id for (_, this), flow_id in zip(ending, recorded, strict=True)}
    for activity in withdrawn:
        withdraw(
            connection,
            person=proof.person,
            activity=activity,
            scope=scope,
            at=now,
            flow_ids=flow_ids,
            channel="web",
            trust=int(proof.trust),
        )


def decided(house: House, proof: SessionProof, activity: Activity, this: Named, outcome: str, case: str = "") -> Flow:
    """Return the entry of one decision about one activity; ``outcome`` is given, refused, withdrawn or objected.

    ``this`` is the record that the ledger will carry: its number stands in the person's own part.
    """
    return Flow(
        kind=Kind.CONSENT_CHANGED,
        sender="citizen",
        receiver=house.controller,
        receiver_name=house.name,
        purpose=activity.purpose,
        action=f"consent.{outcome}",
        basis=activity.norm,
        scope=this.activity,
        outcome=outcome,
        person=proof.person,
        consent=str(this.record),
        replaces=str(this.replaces or ""),
        actor="citizen",
        case=case,
    )


def act(house: House, proof: SessionProof, matter: UUID, action: str) -> Flow:
    """Return the entry of something that a person did about a matter; ``action`` is noun.past_participle."""
    return Flow(
        kind=Kind.ACT,
        sender="citizen",
        receiver=house.controller,
        purpose=action.partition(".")[0],
        action=action,
        basis="act of the person",
        outcome=action.rpartition(".")[2],
        person=proof.person,
        actor="citizen",
        case=str(matter),
    )


def _entry(
    house: House,
    proof: SessionProof,
    order: Transmission,
    action: str,
    activity: Activity | None,
    this: Named | None,
) -> Flow:
    return Flow(
        kind=Kind.CONFIRMED,
        sender="citizen",
        receiver=house.controller,
        receiver_name=house.name,
        purpose=activity.purpose if activity else order.lebenslage,
        action=action,
        basis=activity.norm if activity else "act of the person",
        categories=(order.leistung.lower(),),
        scope=activity.id if activity else "",
        outcome="confirmed",
        person=proof.person,
        consent=str(this.record) if this else "",
        replaces=str(this.replaces or "") if this else "",
        actor="citizen",
        case=str(order.auftrag),
    )
