"""Who works in the city's office: one clerk for each Behörde, one for the house, the DSB and a deputy. All invented.

They come in by links that serve once; there is no provider here. Left to others: what they may (``steps``).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, insert, select
from sqlmodel import Session

from proaktiv.core.ids import Ids, RandomBytes
from proaktiv.core.staff import Role
from proaktiv.database import Database
from proaktiv.steps.admit import hash_of
from proaktiv.tables import StaffLinkRow, StaffRow, core_table

LINK = timedelta(hours=1)
DSB, DEPUTY, HOUSE = "d.schutz", "d.vertretung", "k.haus"
_STAFF = core_table(StaffRow)
_LINKS = core_table(StaffLinkRow)


def enter_staff(session: Session, behoerden: Mapping[str, str], now: datetime, random: RandomBytes) -> None:
    """Enter everybody. ``behoerden``: kind of office → id of the Behörde."""
    row = partial(Ids(random).row, now)
    members = [(DSB, Role.DSB, ""), (DEPUTY, Role.DSB, ""), (HOUSE, Role.CLERK, "")]
    members += [(f"k.{art}", Role.CLERK, behoerde) for art, behoerde in behoerden.items()]
    session.connection().execute(
        insert(_STAFF),
        [
            {"id": row(), "name": name, "role": role.value, "behoerde": behoerde, "added_at": now}
            for name, role, behoerde in members
        ],
    )


def fresh_links(owner_url: str, page: str, random: RandomBytes, names: Iterable[str]) -> dict[str, str]:
    """Return a link for each of them that logs in once within an hour."""
    owner = Database(owner_url, application_name="proaktiv-demo", pool_size=1)
    made = {}
    try:
        with owner.transaction() as session:
            for name in names:
                token = random(32).hex()
                staff = select(_STAFF.c.id).where(_STAFF.c.name == name).scalar_subquery()
                session.connection().execute(
                    insert(_LINKS).values(token_hash=hash_of(token), staff=staff, expires_at=func.now() + LINK)
                )
                made[name] = f"{page}/einlass?schein={token}"
    finally:
        owner.close()
    return made
