"""The rows of the log, streamed out of the database in the order of the log.

Reads only, and joins outward: what is missing comes as None, so that whoever checks can say so.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, Text, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from proaktiv.tables import CheckpointRow, CosignatureRow, FlowLeafRow, FlowLogRow, FlowSecretRow, core_table

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_LEAF = core_table(FlowLeafRow)
_CHECKPOINTS = core_table(CheckpointRow)
_COSIGNATURES = core_table(CosignatureRow)
_BATCH = 2_000

# Not as ``t``: a row of SQLAlchemy has an attribute of that name.
PARTS = (
    *(column for column in _LOG.c if column.name != "t"),
    _LOG.c.t.label("recorded_at"),
    _SECRET.c.fid.label("secret_fid"),
    _SECRET.c.subj,
    _SECRET.c.s_blob,
    _SECRET.c.a_blob,
    _SECRET.c.staff_key,
)
"""What a check of one entry reads, out of ``flow_log`` and ``flow_secret``."""


def entries(connection: Connection, size: int, first: int = 0) -> Iterator[Row[Any]]:
    """Yield the entries from ``first`` to before ``size`` that have a place."""
    return stream(
        connection,
        select(_LEAF.c.idx, _LEAF.c.fid.label("leaf_fid"), *PARTS)
        .select_from(_LEAF)
        .outerjoin(_LOG, _LOG.c.fid == _LEAF.c.fid)
        .outerjoin(_SECRET, _SECRET.c.fid == _LEAF.c.fid)
        .where(_LEAF.c.idx >= first, _LEAF.c.idx < size)
        .order_by(_LEAF.c.idx),
    )


def row_where(which: ColumnElement[bool]) -> Select[Any]:
    """Return the query for single entries as a check reads them, with their place, None while they have none."""
    return (
        select(*PARTS, _LEAF.c.idx)
        .select_from(_LOG)
        .outerjoin(_SECRET, _SECRET.c.fid == _LOG.c.fid)
        .outerjoin(_LEAF, _LEAF.c.fid == _LOG.c.fid)
        .where(which)
    )


def notes(connection: Connection, newest: int) -> Iterator[Row[Any]]:
    """Yield the checkpoints up to ``newest`` entries, each with the cosignatures that it got."""
    return stream(
        connection,
        select(_CHECKPOINTS.c.size, (_CHECKPOINTS.c.note + lines_of_witnesses()).label("note"))
        .where(_CHECKPOINTS.c.size <= newest)
        .order_by(_CHECKPOINTS.c.size),
    )


def lines_of_witnesses() -> ScalarSelect[str]:
    """Return, inside a query for checkpoints, the newest cosignatures of each as the lines that follow its note."""
    newer = _COSIGNATURES.alias()
    outdated = select(newer.c.at).where(
        newer.c.size == _COSIGNATURES.c.size,
        newer.c.witness == _COSIGNATURES.c.witness,
        newer.c.at > _COSIGNATURES.c.at,
    )
    lines = func.string_agg(_COSIGNATURES.c.line, aggregate_order_by(cast("", Text), _COSIGNATURES.c.witness))
    return (
        select(func.coalesce(lines, ""))
        .where(_COSIGNATURES.c.size == _CHECKPOINTS.c.size, ~outdated.exists())
        .correlate(_CHECKPOINTS)
        .scalar_subquery()
    )


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield a query's rows without holding them all."""
    yield from connection.execute(query, execution_options={"yield_per": _BATCH})
