"""The flow log's entries about keys: kind 05 for what is done to many, 03 for an erasure.

None of them names a person. Source: flowlog.md §§ 3–4.
"""

import json
from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.flows import Flow, Kind
from proaktiv.keys.destroyed import ListNotSafe
from proaktiv.tables import FlowLogRow, core_table

_LOG = core_table(FlowLogRow)
ERASING = "loeschung"
"""The purpose of erasures, by which they are found."""
_PLACED_MAX = 1000
_UNPLACED_MAX = 250


def key_event(controller: str, action: str, by: str, *, scope: str = "", outcome: str = "", n: int = 0) -> Flow:
    """Return what was done to keys; ``scope`` names the KEK, ``n`` how many keys it was about."""
    return Flow(
        kind=Kind.KEY,
        sender=controller,
        receiver=controller,
        purpose="schluessel",
        action=action,
        basis="Art. 32 DSGVO",
        scope=scope,
        outcome=outcome,
        n=n,
        actor=by,
    )


def tombstones(
    controller: str,
    basis: str,
    by: str,
    *,
    case: str,
    listed: int,
    placed: Sequence[int],
    unplaced: Sequence[UUID],
) -> Iterator[Flow]:
    """Yield entries for what an erasure took: how many and on what basis in F, which of them in A (at most 16 KiB)."""
    parts = [(tuple(placed[at : at + _PLACED_MAX]), ()) for at in range(0, len(placed), _PLACED_MAX)]
    waiting = [((), tuple(unplaced[at : at + _UNPLACED_MAX])) for at in range(0, len(unplaced), _UNPLACED_MAX)]
    for indexes, fids in (*parts, *waiting) or [((), ())]:
        yield Flow(
            kind=Kind.ERASURE,
            sender=controller,
            receiver=controller,
            purpose=ERASING,
            action="person.erased",
            basis=basis,
            outcome="erased",
            n=len(indexes) + len(fids),
            listed=listed,
            actor=by,
            case=case,
            erased=indexes,
            erased_unplaced=fids,
        )


def listed_in_log(session: Session) -> int:
    """Return how long the list of destroyed persons was at the last erasure that the log tells of.

    Raises ``ListNotSafe`` where an entry was altered: what it said may be the longest.
    """
    found = session.connection().execute(
        select(_LOG.c.f_bytes)
        .where(_LOG.c.purpose == ERASING, _LOG.c.kind == int(Kind.ERASURE))
        .order_by(_LOG.c.t.desc())
        .limit(100)
    )
    try:
        return max((int(json.loads(body).get("listed", 0)) for body in found.scalars()), default=0)
    except (ValueError, AttributeError, TypeError):
        raise ListNotSafe(
            "an entry of the flow log about an erasure is not what was written, so nobody knows how long the list must"
            " be: run proaktiv log verify and call the DSB"
        ) from None
