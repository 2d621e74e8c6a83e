"""What retention says of itself in the log: from which entry on the log must be whole, and how many are gone before.

One entry of kind 06 tells of one run. Its counts are totals, so the newest one alone accounts for every run before it.
Left to others: the run itself (``flowlog.keeping.retention``), who believes it (``flowlog.verifying.judging``,
``flowlog.findings``). Source: flowlog.md § 4; C2SP tlog-tiles (minimum index).
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from proaktiv.core.flows import Kind
from proaktiv.core.merkle import TILE_WIDTH
from proaktiv.tables import FlowLogRow, core_table

_LOG = core_table(FlowLogRow)

PURPOSE = "protokoll"
"""The purpose of retention's own entries, by which they are found; they are kept as long as the log is."""
ACTION = "log.pruned"


@dataclass(frozen=True, slots=True)
class Pruned:
    """Of the entries before ``minimum``, a multiple of 256, ``removed`` are gone; all others must be there."""

    minimum: int = 0
    removed: int = 0


def pruned(connection: Connection) -> Pruned:
    """Return what the newest run says, whether or not its entry has a place yet."""
    found = connection.execute(
        select(_LOG.c.f_bytes)
        .where(_LOG.c.purpose == PURPOSE, _LOG.c.kind == int(Kind.RETENTION))
        .order_by(_LOG.c.t.desc(), _LOG.c.fid.desc())
        .limit(100)
    )
    told = (told_by(bytes(body)) for body in found.scalars())
    # Totals only grow, so the greatest is the newest also among those of one instant.
    return max((one for one in told if one is not None), key=lambda one: (one.minimum, one.removed), default=Pruned())


def told_by(body: bytes) -> Pruned | None:
    """Return what facts F of kind 06 say of retention; None where they speak of something else, or are not whole."""
    try:
        facts = json.loads(body)
        minimum, removed = facts["minimum"], facts["removed"]
        ours = facts["action"] == ACTION
    except (ValueError, KeyError, TypeError):
        return None
    whole = type(minimum) is int and type(removed) is int and 0 <= removed <= minimum and minimum % TILE_WIDTH == 0
    return Pruned(minimum, removed) if ours and whole else None
