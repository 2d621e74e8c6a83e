"""Rows of several tables appended together: few and many of them leave the same."""

import secrets
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import select

from proaktiv.core.ids import Ids
from proaktiv.core.merkle import leaf_hash
from proaktiv.database import Database
from proaktiv.sets import Part, Premise, append_if, append_together
from proaktiv.tables import FlowLogRow, FlowQueueRow, FlowSecretRow, StaffKeyRow, SubjectHeadRow, core_table

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
KEYS, LOG, SECRET, QUEUE, HEADS = map(
    core_table, (StaffKeyRow, FlowLogRow, FlowSecretRow, FlowQueueRow, SubjectHeadRow)
)
LOG_COLUMNS = ("fid", "kind", "t", "sender", "receiver", "purpose", "basis", "scope", "outcome")
BYTES = ("f_salt", "f_bytes", "entry")


def parts(number: int) -> list[Part]:
    """An entry each: the first part is what the others refer to."""
    ids = Ids(secrets.token_bytes)
    fids = [ids.row(NOW) for _ in range(number)]
    key = ids.row(NOW)
    return [
        Part(KEYS, ("id", "month", "wrapped", "made_at"), [(key, NOW.date(), b"k", NOW)]),
        Part(
            LOG,
            LOG_COLUMNS + BYTES,
            [(fid, 8, NOW, "a", "b", "geburt", "§ 1", "", "", b"s" * 32, b"{}", b"e" * 115) for fid in fids],
        ),
        Part(
            SECRET,
            ("fid", "subj", "s_blob", "a_blob", "staff_key"),
            [(fid, None, b"s" * 32, b"a", key) for fid in fids],
        ),
        Part(QUEUE, ("fid", "leaf", "ts"), [(fid, leaf_hash(fid.bytes), NOW) for fid in fids]),
    ]


@pytest.mark.parametrize("number", [1, 8, 9, 300])
def test_few_by_one_statement_and_many_by_copy_leave_every_row_once(database: Database, number: int) -> None:
    wanted = parts(number)
    with database.transaction() as session:
        append_together(session, wanted)
    with database.transaction() as session:
        for part in wanted:
            columns = [part.table.c[name] for name in part.columns]
            found = session.connection().execute(select(*columns).order_by(columns[0]))
            assert [tuple(row) for row in found] == sorted(part.rows, key=lambda row: row[0])


@pytest.mark.parametrize("number", [1, 300])
def test_what_refers_to_nothing_is_refused_whole(database: Database, number: int) -> None:
    keys, _, *referring = parts(number)
    with pytest.raises(psycopg.errors.ForeignKeyViolation), database.transaction() as session:
        append_together(session, [keys, *referring])
    with database.transaction() as session:
        assert session.connection().execute(select(KEYS.c.id)).all() == []


@pytest.mark.parametrize("number", [1, 8])
def test_what_rests_on_a_premise_is_written_where_it_holds_and_nowhere_else(database: Database, number: int) -> None:
    keys, *referring = parts(number)
    with database.transaction() as session:
        append_together(session, [keys, Part(HEADS, ("subj", "seq"), [(b"s", 4)])])
        holds = Premise(b"UPDATE subject_heads SET seq = %b WHERE subj = %b AND seq = %b RETURNING seq", (6, b"s", 4))
        assert append_if(session, holds, referring)
        assert not append_if(session, holds, parts(number)[1:])  # it is 6 meanwhile
    with database.transaction() as session:
        found = session.connection().execute(select(LOG.c.fid).order_by(LOG.c.fid)).scalars().all()
        assert found == sorted(fid for fid, *_ in referring[0].rows)
        assert session.connection().execute(select(HEADS.c.seq)).scalar_one() == 6
