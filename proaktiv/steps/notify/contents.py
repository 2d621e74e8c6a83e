"""What a letter about a bundle tells of: what waits for an answer, news of what was answered, or hints alone."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select, union, update
from sqlmodel import Session

from proaktiv.core.outbound import UNTOLD_TASKS
from proaktiv.core.plans import TOLD
from proaktiv.core.states import AuftragState
from proaktiv.matters import AUFTRAEGE, PROPOSALS, SIGNATURES, TO_SIGN, UNTOLD


class About(StrEnum):
    """What decides the words of a letter. News come first: who has answered must not read that nothing is to do."""

    ASKS = "asks"
    NEWS = "news"
    HINTS = "hints"


def open_events(session: Session, bundles: Sequence[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Return the events of what waits for an answer or a signature, or of which there is news; others are absent.

    The events of one bundle are those of twins: one of them may be stopped while the other's proposals stand.
    """
    asked = (
        select(SIGNATURES.c.bundle, PROPOSALS.c.event)
        .join(AUFTRAEGE, TO_SIGN)
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .where(SIGNATURES.c.bundle.in_(bundles))
    )
    offered = select(PROPOSALS.c.bundle, PROPOSALS.c.event).where(
        PROPOSALS.c.bundle.in_(bundles), PROPOSALS.c.state.in_(("open", "later"))
    )
    news = _untold(bundles).with_only_columns(PROPOSALS.c.bundle, PROPOSALS.c.event)
    events: dict[UUID, set[UUID]] = {}
    found: list[Any] = [*session.connection().execute(union(offered, asked, news))]
    for bundle, event in found:
        events.setdefault(bundle, set()).add(event)
    return {bundle: frozenset(found) for bundle, found in events.items()}


def contents(session: Session, made: Mapping[UUID, datetime]) -> dict[UUID, About]:
    """Return what each bundle's letter is about.

    ``made`` says when each letter was: a repeat has the same words, whatever came to the bundle or was answered since.
    News alone are gone from a repeat once the Behörde has decided meanwhile.
    """
    if not made:
        return {}
    connection = session.connection()
    bundles = list(made)
    offered = select(PROPOSALS.c.bundle, PROPOSALS.c.outcome, PROPOSALS.c.made_at, PROPOSALS.c.moved_at).where(
        PROPOSALS.c.bundle.in_(bundles),
        or_(PROPOSALS.c.state.in_(("open", "later")), PROPOSALS.c.moved_at > min(made.values())),
    )
    asked = set(connection.execute(select(SIGNATURES.c.bundle).where(SIGNATURES.c.bundle.in_(bundles))).scalars())
    hints: set[UUID] = set()
    for row in connection.execute(offered.add_columns(PROPOSALS.c.state)):
        open_then = row.made_at <= made[row.bundle] and (
            row.state in ("open", "later") or row.moved_at > made[row.bundle]
        )
        if open_then:
            (hints if row.outcome in TOLD else asked).add(row.bundle)
    news = connection.execute(_untold(bundles).with_only_columns(PROPOSALS.c.bundle, AUFTRAEGE.c.due_at))
    come = {row.bundle for row in news if row.due_at <= made[row.bundle]}
    return {
        bundle: About.NEWS if bundle in come else About.HINTS if bundle in hints - asked else About.ASKS
        for bundle in bundles
    }


def give_up(session: Session, bundles: Collection[UUID]) -> list[tuple[str, UUID, str]]:
    """Return the tasks for a human about news of these bundles, which no letter may bring any more."""
    connection = session.connection()
    found = connection.execute(
        _untold(bundles).with_only_columns(AUFTRAEGE.c.id, AUFTRAEGE.c.state, AUFTRAEGE.c.behoerde)
    ).all()
    _over(session, [row.id for row in found])
    return [(UNTOLD_TASKS[AuftragState(row.state)], row.id, row.behoerde) for row in found]


def news_told(session: Session, made: Mapping[UUID, datetime]) -> None:
    """Note that letters about some bundles have left; ``made`` says when each was.

    What came while a letter was on its way is not in it: it is told of by another one.
    """
    news = _untold(list(made)).with_only_columns(PROPOSALS.c.bundle, AUFTRAEGE.c.id, AUFTRAEGE.c.due_at)
    _over(session, [row.id for row in session.connection().execute(news) if row.due_at <= made[row.bundle]])


def _over(session: Session, auftraege: Sequence[UUID]) -> None:
    """Let no letter wait for these any more.

    Never waits: bundles are locked here, and who acts on an Auftrag locks that first and its bundle after. One that is
    skipped so is told of once more if a letter goes at all.
    """
    if auftraege:
        free = select(AUFTRAEGE.c.id).where(AUFTRAEGE.c.id.in_(auftraege)).with_for_update(skip_locked=True)
        session.connection().execute(update(AUFTRAEGE).where(AUFTRAEGE.c.id.in_(free)).values(due_at=None))


def _untold(bundles: Collection[UUID]) -> Select[Any]:
    return (
        select(AUFTRAEGE)
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .where(PROPOSALS.c.bundle.in_(bundles), UNTOLD)
    )
