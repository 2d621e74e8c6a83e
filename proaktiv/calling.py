"""Call a human: a task for each thing that has none open. What tasks there are says ``core.tasks``.

Left to others: deciding that one is needed or over (any step), a human's ending it (``steps.tasks``).
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, true, update
from sqlmodel import Session

from proaktiv.core.tasks import How
from proaktiv.house import House
from proaktiv.tables import TaskRow, core_table

_TASKS = core_table(TaskRow)


def call_human(
    session: Session, house: House, tasks: Iterable[tuple[str, UUID, str]], now: datetime, *, once: bool = False
) -> None:
    """Write one task for each (what, matter, Behörde or "") that has no open one; ``once``: nor ever had one."""
    wanted = set(tasks)
    if not wanted:
        return
    connection = session.connection()
    present = {
        (row.what, row.matter)
        for row in connection.execute(
            select(_TASKS.c.what, _TASKS.c.matter).where(
                _TASKS.c.matter.in_({matter for _, matter, _ in wanted}),
                true() if once else _TASKS.c.done_at.is_(None),
            )
        )
    }
    rows = [
        {
            "id": house.ids.row(now),
            "what": what,
            "matter": matter,
            "behoerde": behoerde,
            "made_at": now,
            "done_at": None,
        }
        for what, matter, behoerde in sorted(wanted, key=lambda task: (task[0], task[1]))
        if (what, matter) not in present
    ]
    if rows:
        connection.execute(insert(_TASKS), rows)


def call_off(session: Session, matters: Collection[UUID], now: datetime, what: str = "") -> None:
    """End the open tasks about some matters, of one kind where it is named: what they told of is over."""
    if matters:
        kind = _TASKS.c.what == what if what else true()
        session.connection().execute(
            update(_TASKS)
            .where(_TASKS.c.matter.in_(matters), _TASKS.c.done_at.is_(None), kind)
            .values(done_at=now, how=How.DONE.value)
        )
