"""Give queued entries their place in the tree: gap-free, in the order of the queue, once.

Two may run: the row lock on ``log_head`` lets one pass at a time. The queue is emptied by deleting, never read by
"id beyond the last": ids are handed out before commits, so such a reader misses rows. Left to others: signing what
came out, from committed state (``flowlog.signer``).
Source: flowlog.md § 4.
"""

from collections.abc import Callable

from sqlalchemy import delete, select, text, update
from sqlmodel import Session

from proaktiv.flowlog.tiles import LogBroken, StoredTree
from proaktiv.sets import copy_rows
from proaktiv.tables import FlowLeafRow, FlowQueueRow, LogHeadRow, core_table

_HEAD = core_table(LogHeadRow)
_QUEUE = core_table(FlowQueueRow)
_LEAF = core_table(FlowLeafRow)

PROBES = (
    "sequencer.head.after",
    "sequencer.claim.after",
    "sequencer.leaves.after",
    "sequencer.tiles.after",
    "sequencer.commit.before",
)
"""Where a test may kill the process."""


def no_probe(_name: str) -> None:
    """Do nothing."""


def integrate(session: Session, limit: int = 10_000, probe: Callable[[str], None] = no_probe) -> int:
    """Move up to ``limit`` queued entries into the tree and return how many; the caller commits.

    Raises ``LogBroken`` if the stored tiles do not give the stored root: then nothing must be added to them.
    """
    connection = session.connection()
    # A signed tree must not shrink with a crash, whatever the operator chose for other transactions.
    connection.execute(text("SET LOCAL synchronous_commit = on"))
    head = connection.execute(select(_HEAD.c.size, _HEAD.c.root).where(_HEAD.c.id == 1).with_for_update()).one_or_none()
    if head is None:
        raise LogBroken("log_head has no row: the database was not migrated, or not by us")
    probe("sequencer.head.after")
    oldest = select(_QUEUE.c.qid).order_by(_QUEUE.c.qid).limit(limit).scalar_subquery()
    taken = connection.execute(
        delete(_QUEUE).where(_QUEUE.c.qid.in_(oldest)).returning(_QUEUE.c.qid, _QUEUE.c.fid, _QUEUE.c.leaf)
    )
    rows = sorted(taken)
    probe("sequencer.claim.after")
    if not rows:
        return 0
    size: int = head.size
    tree = StoredTree(session)
    if tree.root(size) != head.root:
        raise LogBroken(f"the tiles of {size} entries do not give the root of the head")
    copy_rows(session, _LEAF, ("idx", "fid"), ((size + place, fid) for place, (_, fid, _) in enumerate(rows)))
    probe("sequencer.leaves.after")
    tree.append(size, [leaf for _, _, leaf in rows])
    probe("sequencer.tiles.after")
    grown = size + len(rows)
    connection.execute(update(_HEAD).where(_HEAD.c.id == 1).values(size=grown, root=tree.root(grown)))
    probe("sequencer.commit.before")
    return len(rows)
