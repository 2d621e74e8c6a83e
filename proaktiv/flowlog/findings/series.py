"""Who asks to look how many people up, and which two complete it: counted from the log's own entries.

Not from the wishes' table: whoever runs the database may edit that unseen. Who asked, and who said yes, stands in part
A, which the office's key opens. Where it is not at hand, all count together as one hand nobody knows: a series may then
stand without its name, and none is passed over. Whom they looked up stands nowhere here; the entries do not say.
Left to others: what is a series (``core.series``), telling it (``flowlog.findings``, ``steps.inspection``).
Source: flowlog.md §§ 2, 5; security-and-faults.md T2, T22.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from proaktiv.core.flows import Kind
from proaktiv.core.ids import uuid7
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.series import DAY, HOUR, Pace, Stretch, stretches
from proaktiv.flowlog.proving.opening import staff_parts

ASKED, GRANTED = "person.requested", "person.granted"
"""The actions of the entries that tell of a wish to look a person up, and of a second person's yes."""

ANSWERED_WITHIN = timedelta(days=3)
"""So long before its yes a wish may lie (``steps.inspection.wishes.WAITS``)."""

# By their kind and id, which the index holds; what they say of a look-up is looked for in the bytes that are committed.
_LOOK_UPS = text(
    """
    WITH said AS MATERIALIZED (
        SELECT fid, t, entry, position(:granted IN f_bytes) > 0 AS granted FROM flow_log
        WHERE kind = :access AND fid >= :earliest
            AND (position(:asked IN f_bytes) > 0 OR position(:granted IN f_bytes) > 0)
    )
    SELECT said.fid, said.t AS at, said.granted, said.entry, l.idx, s.a_blob, s.staff_key
    FROM said LEFT JOIN flow_leaf l USING (fid) LEFT JOIN flow_secret s USING (fid) ORDER BY said.t, said.fid
    """
).bindparams(access=int(Kind.ACCESS), asked=f'"action":"{ASKED}"'.encode(), granted=f'"action":"{GRANTED}"'.encode())


@dataclass(frozen=True, slots=True)
class LookUp:
    """One wish, or one yes to it. A name is empty where part A does not open: then nobody here knows whose it is."""

    fid: UUID
    at: datetime
    index: int | None
    asked_by: str
    granted_by: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Many look-ups in a short time. ``by``: who asked, or which two; empty where nobody here can tell."""

    by: tuple[str, ...]
    n: int
    since: datetime
    last: LookUp
    stretch: Stretch


@dataclass(frozen=True, slots=True)
class Recent:
    """How many look-ups one person asked for lately, and to how many of these another one said yes."""

    hour: int
    day: int
    granted_hour: int
    granted_day: int


class LookUps:
    """What the log says of look-ups since an instant, in the order of their time."""

    def __init__(self, session: Session, since: datetime, staff_private: OfficeKeys) -> None:
        """Read them. ``staff_private`` is empty where nobody holds the office's key."""
        self.since = since
        earliest = uuid7(since - max(ANSWERED_WITHIN, DAY), bytes(10))
        rows = session.connection().execute(_LOOK_UPS, {"earliest": earliest}).all()
        parts = [part.part for part in staff_parts(session, staff_private, rows)]
        hands = {row.fid: str(part.get("actor", "")) for row, part in zip(rows, parts, strict=True)}
        self.asked = [LookUp(row.fid, row.at, row.idx, hands[row.fid]) for row in rows if not row.granted]
        self.granted = [
            LookUp(row.fid, row.at, row.idx, hands.get(_wish(part), ""), hands[row.fid])
            for row, part in zip(rows, parts, strict=True)
            if row.granted
        ]
        self._granted_by = {
            _wish(part): hands[row.fid] for row, part in zip(rows, parts, strict=True) if row.granted and _wish(part)
        }

    def series(self, pace: Pace) -> Iterator[Series]:
        """Yield each series that ended since: of whoever asked, and of the same two, whichever of them asked."""
        for name in sorted({each.asked_by for each in self.asked}):
            mine = [each for each in self.asked if each.asked_by == name]
            yield from self._among(mine, (name,) if name else (), pace)
        pairs = {tuple(sorted((each.asked_by, each.granted_by))) for each in self.granted}
        for pair in sorted(pairs):
            if all(pair):
                both = [each for each in self.granted if tuple(sorted((each.asked_by, each.granted_by))) == pair]
                yield from self._among(both, pair, pace)

    def recent(self, asker: str, decider: str, now: datetime) -> Recent:
        """Return what whoever decides should know of whoever asks; whose hand nobody can read counts as the asker's."""
        mine = [each for each in self.asked if each.asked_by in {asker, ""} and now - DAY < each.at <= now]
        yes = [each for each in mine if self._granted_by.get(each.fid) == decider]
        hour = now - HOUR
        return Recent(sum(e.at > hour for e in mine), len(mine), sum(e.at > hour for e in yes), len(yes))

    def _among(self, acts: Sequence[LookUp], by: tuple[str, ...], pace: Pace) -> Iterator[Series]:
        for stretch in stretches([each.at for each in acts], pace):
            last = acts[stretch.last]
            if last.at >= self.since:
                n = stretch.last - stretch.first + 1
                yield Series(by, n, acts[stretch.first].at, last, stretch)


def _wish(part: Any) -> UUID | None:
    try:
        return UUID(str(part.get("case", "")))
    except ValueError:
        return None
