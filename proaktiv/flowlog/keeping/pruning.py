"""What retention says of itself in the log: from which entry on the log must be whole, and how many are gone before.

One entry of kind 06 tells of one run. Its counts are totals, so the newest one alone accounts for every run before it.
Left to others: the run itself (``flowlog.keeping.retention``), who believes it (``flowlog.verifying.judging``,
``flowlog.findings``). Source: flowlog.md § 4; C2SP tlog-tiles (minimum index).
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.merkle import TILE_WIDTH
from proaktiv.tables import FlowLogRow, core_table

_LOG = core_table(FlowLogRow)

PURPOSE = "protokoll"
"""The purpose of retention's own entries, by which they are found; they are kept as long as the log is."""
ACTION = "log.pruned"


@dataclass(frozen=True, slots=True)
class Pruned:
    """Of the entries before ``minimum``, a multiple of 256, ``removed`` are gone; all others must be there.

    Of ``removed_erased`` of these an erasure had taken the subject part: it excuses no other one that is missing. Runs
    before this was counted say nothing of it, so what they took of erased entries stays an excuse.
    """

    minimum: int = 0
    removed: int = 0
    removed_erased: int = 0

    @property
    def order(self) -> tuple[int, int, int]:
        """Return by what the newest is found: totals only grow, also among entries of one instant."""
        return self.minimum, self.removed, self.removed_erased


def pruned(connection: Connection) -> Pruned:
    """Return what the newest run says, whether or not its entry has a place yet."""
    found = connection.execute(
        select(_LOG.c.f_bytes)
        .where(_LOG.c.purpose == PURPOSE, _LOG.c.kind == int(Kind.RETENTION))
        .order_by(_LOG.c.t.desc(), _LOG.c.fid.desc())
        .limit(100)
    )
    told = (told_by(bytes(body)) for body in found.scalars())
    return max((one for one in told if one is not None), key=lambda one: one.order, default=Pruned())


def further(said: Pruned, controller: str, by: str) -> Flow:
    """Return the entry that says the same of a tree in which every entry stands one place further.

    The last one that is gone stands at the old minimum then; with the next one it lies before it, and no more may be
    missing there than before.
    """
    return Flow(
        kind=Kind.RETENTION,
        sender=controller,
        receiver=controller,
        purpose=PURPOSE,
        action=ACTION,
        basis="Art. 5 Abs. 2 DSGVO",
        n=0,
        minimum=said.minimum + TILE_WIDTH,
        removed=said.removed,
        removed_erased=said.removed_erased,
        actor=by,
    )


def told_by(body: bytes) -> Pruned | None:
    """Return what facts F of kind 06 say of retention; None where they speak of something else, or are not whole."""
    try:
        facts = json.loads(body)
        minimum, removed, erased = facts["minimum"], facts["removed"], facts.get("removed_erased", 0)
        ours = facts["action"] == ACTION
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    whole = {type(minimum), type(removed), type(erased)} == {int} and 0 <= erased <= removed <= minimum
    return Pruned(minimum, removed, erased) if ours and whole and minimum % TILE_WIDTH == 0 else None
