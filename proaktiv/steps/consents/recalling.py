"""What no longer applies without a consent: proposals, letters, look-ups, and what is known.

A confirmed Auftrag and what it rests on stay. Left to others: the consents themselves (``withdrawing``), the locks.
Source: data-path.md § 5 (Withdrawal); Art. 17 (1) (b) DSGVO.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session

from proaktiv.core.cases import ConsentWithdrawn, apply
from proaktiv.core.states import ProposalState
from proaktiv.core.trust import SessionProof
from proaktiv.house import House
from proaktiv.matters import PROPOSALS, drop_lookups, load_case, silence_bundles, write_moves
from proaktiv.tables import (
    AnswerRow,
    BundleRow,
    EventFactsRow,
    FetchedFactsRow,
    LookupRow,
    MatchRow,
    RegisterEventRow,
    WiedervorlageRow,
    core_table,
)

_BUNDLES = core_table(BundleRow)
_EVENTS = core_table(RegisterEventRow)
_LOOKUPS = core_table(LookupRow)
_FETCHED = core_table(FetchedFactsRow)
_FACTS = core_table(EventFactsRow)
_ANSWERS = core_table(AnswerRow)
_MATCHES = core_table(MatchRow)
_WIEDERVORLAGEN = core_table(WiedervorlageRow)


def take_back(session: Session, house: House, proof: SessionProof, lebenslage: str, now: datetime) -> None:
    """Recall what is not confirmed of a Lebenslage: proposals, letters, look-ups and what they brought."""
    connection = session.connection()
    mine = PROPOSALS.c.bundle.in_(
        select(_BUNDLES.c.id).where(_BUNDLES.c.person == proof.person, _BUNDLES.c.lebenslage == lebenslage)
    )
    _, effects = apply(load_case(session, mine), ConsentWithdrawn())
    write_moves(session, house.ids, effects, now)
    silence_bundles(session, connection.execute(select(PROPOSALS.c.bundle).where(mine).distinct()).scalars())
    _drop_facts(session, proof, kinds_of(house, lebenslage), now)
    connection.execute(
        delete(_WIEDERVORLAGEN).where(
            _WIEDERVORLAGEN.c.person == proof.person,
            _WIEDERVORLAGEN.c.what.startswith(f"{lebenslage}/", autoescape=True),
        )
    )


def _drop_facts(session: Session, proof: SessionProof, kinds: Sequence[str], now: datetime) -> None:
    """End look-ups of the Lebenslage's events, and forget what registers answered for events not decided yet."""
    events = select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds))
    drop_lookups(session, (_LOOKUPS.c.person == proof.person) & _LOOKUPS.c.event.in_(events), now)
    session.connection().execute(
        delete(_FETCHED).where(
            _FETCHED.c.person == proof.person,
            _FETCHED.c.event.in_(events.where(_EVENTS.c.state.in_(("waiting", "needs")))),
        )
    )


def forget_facts(session: Session, proof: SessionProof, kinds: Sequence[str]) -> None:
    """Destroy what is known of the person from the Lebenslage's events, but for what a confirmed Auftrag rests on.

    Source: Art. 17 (1) (b) DSGVO.
    """
    connection = session.connection()
    confirmed = select(PROPOSALS.c.event).where(
        PROPOSALS.c.person == proof.person, PROPOSALS.c.state == ProposalState.CONFIRMED.value
    )
    events = select(_EVENTS.c.id).where(_EVENTS.c.kind.in_(kinds), _EVENTS.c.id.not_in(confirmed))
    for table in (_FACTS, _FETCHED, _ANSWERS):
        connection.execute(delete(table).where(table.c.person == proof.person, table.c.event.in_(events)))
    connection.execute(
        update(_MATCHES).where(_MATCHES.c.person == proof.person, _MATCHES.c.event.in_(events)).values(facts=None)
    )


def kinds_of(house: House, lebenslage: str) -> tuple[str, ...]:
    """Return the kinds of events that open a Lebenslage."""
    found = house.rules.lebenslagen.get(lebenslage)
    return found.ereignisse if found else ()
