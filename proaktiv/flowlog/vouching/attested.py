"""What others said of the log, as the database holds it: checkpoints with their cosignatures, and time stamps.

Reads only. Left to others: getting it (``flowlog.vouching.attesting``), judging it all (``flowlog.verifying.whole``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from proaktiv.core.errors import NotFound
from proaktiv.flowlog.checkpoints import NoteError
from proaktiv.flowlog.rows import lines_of_witnesses
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.report import Finding, What
from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused
from proaktiv.tables import CheckpointRow, CosignatureRow, TimeStampRow, core_table

_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_STAMPS = core_table(TimeStampRow)


class At(StrEnum):
    """Which of the newest checkpoints is meant. Closed."""

    NEWEST = "newest"
    COSIGNED = "cosigned"
    STAMPED = "stamped"


@dataclass(frozen=True, slots=True)
class Attested:
    """A checkpoint file: the note with its cosignatures. ``token`` is over its very bytes, None where there is none."""

    size: int
    note: str
    token: bytes | None


def checkpoint(connection: Connection, *, size: int | None = None, at: At = At.NEWEST) -> Attested:
    """Return the checkpoint of a size, or the newest there is of a kind. Raises ``NotFound`` and names the nearest."""
    there = (
        select(
            _CHECKPOINTS.c.size,
            (_CHECKPOINTS.c.note + lines_of_witnesses()).label("note"),
            _STAMPS.c.note.label("stamped"),
            _STAMPS.c.token,
        )
        .outerjoin(_STAMPS, _STAMPS.c.size == _CHECKPOINTS.c.size)
        .where(_CHECKPOINTS.c.size > 0)
        .order_by(_CHECKPOINTS.c.size.desc())
        .limit(1)
    )
    if size is not None:
        there = there.where(_CHECKPOINTS.c.size == size)
    elif at is At.COSIGNED:
        there = there.where(select(_COSIGNATURES.c.size).where(_COSIGNATURES.c.size == _CHECKPOINTS.c.size).exists())
    elif at is At.STAMPED:
        there = there.where(_STAMPS.c.token.is_not(None))
    found = connection.execute(there).one_or_none()
    if found is None:
        raise NotFound(_nearest(connection, size) if size is not None else _NONE[at])
    if at is At.STAMPED and size is None:
        return Attested(found.size, found.stamped, bytes(found.token))
    # A token is over the file as it was: whoever vouched since then did not get in.
    fits = found.token is not None and found.stamped == found.note
    return Attested(found.size, found.note, bytes(found.token) if fits else None)


def of_this_log(connection: Connection, policy: Policy) -> Policy:
    """Return ``policy`` for the log that lies here, if it believes that one: after a succession it may name two."""
    newest = select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
    origin = (connection.execute(newest).scalar_one_or_none() or "").partition("\n")[0]
    return policy.only(origin) if origin in policy.origins else policy


def stamps(
    connection: Connection, policy: Policy, stamper: Stamper, find: Callable[[Finding], None]
) -> dict[int, datetime]:
    """Return the sizes whose checkpoints the authority saw, and when; what does not hold is found."""
    seen: dict[int, datetime] = {}
    query = (
        select(_STAMPS.c.size, _STAMPS.c.note, _STAMPS.c.token, _CHECKPOINTS.c.note.label("signed"))
        .outerjoin(_CHECKPOINTS, _CHECKPOINTS.c.size == _STAMPS.c.size)
        .order_by(_STAMPS.c.size)
    )
    for row in connection.execute(query):
        try:
            said = policy.open(row.note).checkpoint
            at = stamper.stamped_at(bytes(row.token), row.note.encode())
        except (NoteError, StampRefused) as error:
            find(Finding(What.STAMP, f"of {row.size} entries: {error}"))
            continue
        if said.size != row.size or not row.note.startswith(row.signed or "\n"):
            find(Finding(What.STAMP, f"of {row.size} entries: the stamped checkpoint is not the stored one"))
            continue
        seen[row.size] = at
    return seen


_NONE = {
    At.NEWEST: "nothing of this log is signed yet: is `proaktiv work --sign` running?",
    At.COSIGNED: "no witness has cosigned yet: see PROAKTIV_WITNESSES and `proaktiv log status`",
    At.STAMPED: "nothing is time-stamped yet: see PROAKTIV_TSA_URL and `proaktiv log status`",
}


def _nearest(connection: Connection, size: int) -> str:
    below = select(func.max(_CHECKPOINTS.c.size)).where(_CHECKPOINTS.c.size < size)
    above = select(func.min(_CHECKPOINTS.c.size)).where(_CHECKPOINTS.c.size > size)
    near = [connection.execute(query).scalar_one() for query in (below, above)]
    return f"no checkpoint was signed at {size} entries; the nearest: " + (
        ", ".join(str(one) for one in near if one) or "none"
    )
