"""An export of the log as one file, for whoever makes it on a page and has no shell.

So long as a page and a database row can carry it; beyond, ``proaktiv log export`` writes a folder of any size.
"""

import tempfile
import zipfile
from datetime import date
from io import BytesIO
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.core.merkle import TILE_WIDTH
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.tables import CheckpointRow, core_table

ENTRIES_MAX = 50_000
"""About 60 MB of text, of which a sixth is left when it is packed; 3 s of work."""

_CHECKPOINTS = core_table(CheckpointRow)
_EPOCH = (1980, 1, 1, 0, 0, 0)


class NothingSince(BadInput):
    """Nothing is signed since the first day: name an earlier one."""


class TooMany(BadInput):
    """More entries than are packed here: name a later first day, or let the command export them."""


def packed(session: Session, first: int, expires_on: date) -> tuple[bytes, int]:
    """Return the export from entry ``first`` on as a zip file, and how many entries it holds.

    Raises ``NotFound`` while nothing is signed, ``TooMany`` beyond ``ENTRIES_MAX``, ``NothingSince`` beyond the newest
    signature.
    """
    size = session.connection().execute(select(func.max(_CHECKPOINTS.c.size))).scalar_one()
    if not size:
        raise NotFound("nothing of this log is signed yet")
    if first >= size:
        raise NothingSince("from", "nothing is signed since that day")
    first -= first % TILE_WIDTH
    if size - first > ENTRIES_MAX:
        raise TooMany("from", f"more than {ENTRIES_MAX} entries: name a later day, or use `proaktiv log export`")
    with tempfile.TemporaryDirectory() as below:
        folder = Path(below) / "export"
        export_log(session, folder, size=size, first=first, expires_on=expires_on)
        packing = BytesIO()
        with zipfile.ZipFile(packing, "w", zipfile.ZIP_DEFLATED) as out:
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                named = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                out.writestr(named, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return packing.getvalue(), size - first
