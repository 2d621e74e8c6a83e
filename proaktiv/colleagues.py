"""Four eyes are two people's: which rows of ``staff`` are one of them.

Somebody who ended here and was entered again has a new id. By the same name in the house, or the same subject at the
provider, they are who they were. Two subjects of one human are the provider's matter. Source: Art. 5 (1) lit. f, 32
DSGVO; decision 21.
"""

from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.errors import ProaktivError
from proaktiv.tables import StaffRow, core_table

_STAFF = core_table(StaffRow)


class OnePersonError(ProaktivError):
    """Two ids of the staff are one person's, or somebody is unknown: who that is cannot be said."""


def require_two(session: Session, one: UUID, other: UUID) -> None:
    """Raise ``OnePersonError`` unless both ids are known here and are different people's."""
    name, who = func.lower(_STAFF.c.name).label("name"), _STAFF.c.subject_hash
    rows = session.connection().execute(select(name, who).where(_STAFF.c.id.in_([one, other]))).all()
    names = {row.name for row in rows}
    subjects = [bytes(row.subject_hash) for row in rows if row.subject_hash is not None]
    if len(rows) != 2 or len(names) != 2 or len(set(subjects)) != len(subjects):
        raise OnePersonError("one person both")
