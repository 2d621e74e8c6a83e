"""Answer: what only the person can say. The event is decided anew with it; nothing is confirmed by answering.

Answers are kept beside the register's facts and never overwritten. Left to others: when something is asked
(``core.matching``), what becomes of it (``steps.propose``). Source: data-path.md § 4; rules.md § 5.1.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlmodel import Session

from consent.model import SubjectStatus
from consent.store import raise_epoch
from proaktiv.assent import act
from proaktiv.core.binding import Fact, to_json
from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.questions import Frage
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.house import House
from proaktiv.matters import PROPOSALS, decide_anew
from proaktiv.subjects import read_subjects, stopped_events
from proaktiv.tables import AnswerRow, BundleRow, core_table
from proaktiv.vault import Compartment, Place

_ANSWERS = core_table(AnswerRow)
_BUNDLES = core_table(BundleRow)

ANSWERS_KEPT_DAYS = 365
"""Longest life of an answer whose proposal is never confirmed; the retention job ends it earlier."""


def answer(
    session: Session, house: House, proof: SessionProof, proposal: UUID, written: Mapping[str, str], now: datetime
) -> None:
    """Keep the answers to all questions of a proposal and let it be decided anew.

    Raises ``BadInput`` (which never repeats an answer), ``NotFound``, or ``Conflict`` where nothing is asked any more.
    """
    _open(session, proof, proposal)
    raise_epoch(session.connection(), [proof.person])
    row = _open(session, proof, proposal)
    values = {name: frage.read(written[name]) for name, frage in _asked(house, row, written).items()}
    today = berlin_date(now)
    answers, kept = house.ids.row(now), {name: Fact(value, today) for name, value in values.items()}
    ring = house.vault.ring(session, [proof.person], (Compartment.VIEW, Compartment.FLOW))
    place = Place("answers", answers, "values")
    session.connection().execute(
        insert(_ANSWERS),
        [
            {
                "id": answers,
                "event": row.event,
                "person": proof.person,
                "names": sorted(values),
                "values": ring.seal(proof.person, Compartment.VIEW, place, to_json(kept)),
                "answered_at": now,
                "expires_at": now + timedelta(days=ANSWERS_KEPT_DAYS),
            }
        ],
    )
    decide_anew(session, [row.event], now)
    house.log.record(session, [act(house, proof, proposal, "question.answered")], now, ring)


def _asked(house: House, row: Row[*tuple[Any, ...]], written: Mapping[str, str]) -> Mapping[str, Frage]:
    """Return the questions as the rules ask them now. Raises ``BadInput``, ``Conflict``."""
    plan = house.rules.plan(row.lebenslage, row.leistung).with_hash(row.plan_hash)
    if plan is None:
        raise Conflict("the rules changed since it was shown; load the page again")
    fragen = {frage.name: frage for frage in plan.fragen}
    for name in written:
        if name not in fragen:
            raise BadInput("/answers", "answers a question that is not asked here; see GET /vorschlag")
    if not written:
        raise BadInput("/answers", "must answer at least one question")
    return {name: fragen[name] for name in written}


def _open(session: Session, proof: SessionProof, proposal: UUID) -> Row[*tuple[Any, ...]]:
    """Return the proposal if it is this person's and asks something."""
    where = [PROPOSALS.c.id == proposal, PROPOSALS.c.person == proof.person]
    if proof.trust <= Trust.V1:
        where.append(PROPOSALS.c.bundle == proof.bundle)
    row = (
        session.connection()
        .execute(
            select(
                PROPOSALS.c.event,
                PROPOSALS.c.leistung,
                PROPOSALS.c.plan_hash,
                PROPOSALS.c.state,
                PROPOSALS.c.outcome,
                _BUNDLES.c.lebenslage,
            )
            .join(_BUNDLES, _BUNDLES.c.id == PROPOSALS.c.bundle)
            .where(*where)
        )
        .one_or_none()
    )
    if row is None or stopped_events(session, [row.event], proof.person):
        raise NotFound("proposal")
    subject = read_subjects(session, [proof.person])[proof.person]
    if row.state not in ("open", "later") or row.outcome != "frage" or subject.status is not SubjectStatus.ALIVE:
        raise Conflict("nothing is asked here any more")
    return row
