"""Counts of the log for others than the DSB: by day, and never of fewer than five.

Always cut the same way, whole days by all columns: two exports of different periods cannot be subtracted to find what
each of them left out. What is restricted is not counted at all. Source: flowlog.md (decided beyond the page).
"""

import csv
from datetime import date
from io import StringIO

from sqlalchemy import Date, LargeBinary, cast, func, literal, select
from sqlmodel import Session

from proaktiv.core.flows import Kind
from proaktiv.tables import FlowLogRow, core_table

FEWEST = 5
COLUMNS = ("tag", "art", "von", "an", "zweck", "grundlage", "ergebnis", "anzahl")

_LOG = core_table(FlowLogRow)
_LABELS = {int(kind): kind.label for kind in Kind}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def counted_lines(session: Session, first_on: date | None, last_on: date) -> tuple[bytes, int]:
    """Return counts of whole days in Berlin as CSV (UTF-8, semicolons), and how many lines; days both included."""
    day = cast(func.timezone("Europe/Berlin", _LOG.c.t), Date)
    grouped = (day, _LOG.c.kind, _LOG.c.sender, _LOG.c.receiver, _LOG.c.purpose, _LOG.c.basis, _LOG.c.outcome)
    query = (
        select(*grouped, func.count())
        .where(day <= last_on, func.position(literal(b'"restrict":true', LargeBinary).op("IN")(_LOG.c.f_bytes)) == 0)
        .group_by(*grouped)
        .having(func.count() >= FEWEST)
        .order_by(*grouped)
    )
    if first_on is not None:
        query = query.where(day >= first_on)
    out = StringIO()
    lines = csv.writer(out, delimiter=";", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    lines.writerow(COLUMNS)
    n = 0
    for on, kind, *said, count in session.connection().execute(query):
        lines.writerow([on.isoformat(), _LABELS.get(kind, str(kind)), *map(_plain, said), count])
        n += 1
    return out.getvalue().encode(), n


def _plain(value: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value
