"""Withdraw what was given in advance, and object to what rests on a public task; effective with the commit.

As easy as giving, and again is no error. Left to others: what is recalled by it (``recalling``), the consent of a
confirmed Auftrag (``transmit``). Source: Art. 7 (3), 21 (1) DSGVO; consent.md § 6.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session

from consent.model import CHOSEN_IN_ADVANCE, Basis, ConsentState, Event, Phase
from consent.store import activities, heads_of, named, object_to, raise_epoch
from proaktiv.addresses import ADDRESS_FLOW, forget_address
from proaktiv.assent import act, decided, end_consents
from proaktiv.core.errors import BadInput
from proaktiv.core.flows import Flow
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.matters import HINTS, silence_hints
from proaktiv.steps.consents.recalling import forget_facts, kinds_of, take_back


def withdraw_lebenslage(
    session: Session, house: House, proof: SessionProof, lebenslage: str, now: datetime
) -> tuple[str, ...]:
    """Withdraw everything given in advance for one Lebenslage. Returns the activities; again is no error."""
    raise_epoch(session.connection(), [proof.person])
    heads = [
        head
        for head in heads_of(session.connection(), proof.person)
        if head.activity.startswith(f"{lebenslage}/") and head.state is ConsentState.GIVEN and not head.scope
    ]
    names = list(dict.fromkeys(head.activity for head in heads))
    return _withdraw(session, house, proof, names, lebenslage, now)


def withdraw_activity(
    session: Session, house: House, proof: SessionProof, activity: str, now: datetime
) -> tuple[str, ...]:
    """Withdraw one activity. Raises ``BadInput`` where the name is none; again is no error."""
    known = activities(session.connection())
    if activity not in known or known[activity].phase not in CHOSEN_IN_ADVANCE:
        raise BadInput("/activity", "names no activity; see GET /einwilligungen")
    raise_epoch(session.connection(), [proof.person])
    given = {
        head.activity
        for head in heads_of(session.connection(), proof.person)
        if head.activity == activity and head.state is ConsentState.GIVEN and not head.scope
    }
    return _withdraw(session, house, proof, list(given), activity.partition("/")[0], now)


def _withdraw(
    session: Session, house: House, proof: SessionProof, names: Sequence[str], lebenslage: str, now: datetime
) -> tuple[str, ...]:
    """Take back what rests on the activities; the caller holds the person's lock since before it read them."""
    if not names:
        return ()
    known = activities(session.connection())
    if all(name.endswith(HINTS) for name in names):
        silence_hints(session, proof.person, lebenslage)
    else:
        take_back(session, house, proof, lebenslage, now)
    if any(known[name].phase in (Phase.WATCH, Phase.MATCH) for name in names):
        forget_facts(session, proof, kinds_of(house, lebenslage))
    before = _forget(session, house, proof, now) if ADDRESS_FLOW in names else []
    end_consents(session, house, proof, [known[name] for name in names], before, now)
    return tuple(names)


def _forget(session: Session, house: House, proof: SessionProof, now: datetime) -> list[Flow]:
    """Forget the mail address that rested on it; return what the log says of that."""
    if not forget_address(session, house, proof.person, now):
        return []
    flow = act(house, proof, proof.session, "mail_address.removed")
    return [replace(flow, categories=("kontakt.mail",), case="")]


def object_to_public_task(
    session: Session, house: House, proof: SessionProof, *, lebenslage: str, activity: str, now: datetime
) -> tuple[str, ...]:
    """Object to one activity, or to every one of a Lebenslage, that rests on a public task. Returns those it stops.

    Again is no error. What rests on a consent is withdrawn instead, and a confirmed Auftrag runs on. Who consents again
    takes the objection back; until then it stops, whatever a clerk thinks of it. Raises ``BadInput``.
    Source: Art. 18 (1) (d), 21 (1) DSGVO; consent.md § 6, row 23.
    """
    connection = session.connection()
    open_to_it = {each.name: each for each in activities(connection).values() if each.basis is Basis.PUBLIC_TASK}
    if activity and activity not in open_to_it:
        raise BadInput("/activity", "names no activity that rests on a public task; a consent can be withdrawn")
    raise_epoch(connection, [proof.person])
    heads = heads_of(connection, proof.person)
    before = {(head.activity, head.recipient) for head in heads if head.state is ConsentState.OBJECTED}
    wanted = [activity] if activity else sorted(name for name in open_to_it if name.startswith(f"{lebenslage}/"))
    names = [name for name in wanted if (name, open_to_it[name].recipient) not in before]
    if names:
        take_back(session, house, proof, names[0].partition("/")[0], now)
    records = [named(connection, proof.person, open_to_it[name], Event.OBJECT, house.ids.secret()) for name in names]
    flows = [decided(house, proof, open_to_it[this.activity.partition("@")[0]], this, "objected") for this in records]
    for name, this, flow_id in zip(names, records, house.log.record(session, flows, now), strict=True):
        object_to(
            connection,
            person=proof.person,
            activity=open_to_it[name],
            at=now,
            record=this.record,
            flow_id=flow_id,
            channel="web",
            trust=int(proof.trust),
        )
    return tuple(names)
