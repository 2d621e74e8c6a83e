"""Sets in SQL: many rows into a table at once, many keys in one parameter.

One COPY takes rows in three times as fast as inserts. Keys as one array give the same statement for any number of
them, so that it is compiled and parsed once; ``IN`` gives a new one for each length. Left to others: what stands in
the rows.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.adapt import PyFormat
from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, Column, ColumnElement, Select, Table, any_, column, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlmodel import Session

from proaktiv.line import STATEMENT_SECONDS, WATCH

FEW = 8
"""So many rows of each table go with one statement: from about there on COPY is the quicker."""


def copy_rows(session: Session, table: Table, columns: tuple[str, ...], rows: Iterable[Sequence[object]]) -> None:
    """Append ``rows``, each in the order of ``columns``, in the session's transaction. Raises ``psycopg.Error``.

    Runs past SQLAlchemy: a column that is not named takes the database's default, never the table class's.
    """
    statement, types = _copying(table, columns)
    as_json = [place for place, name in enumerate(types) if name == "jsonb"]
    with past_sqlalchemy(session) as raw, raw.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(_with_json(row, as_json) if as_json else row)


@dataclass(frozen=True)
class Part:
    """Rows for one table, each in the order of ``columns``; none of them holds an array or JSON."""

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Premise:
    """A statement that changes one row and returns it where it finds it as expected, and nothing else; with its values.

    Placeholders are ``%b``.
    """

    statement: bytes
    values: Sequence[object]


def append_together(session: Session, parts: Sequence[Part]) -> None:
    """Append the rows of several tables in the session's transaction: few in one statement, many by COPY.

    A COPY is two round trips for each table: of a page's one entry that is most of what it costs, of a set's hundreds
    nothing. Later parts may refer to earlier ones; each has rows. Raises ``psycopg.Error``. Runs past SQLAlchemy.
    """
    if max(len(part.rows) for part in parts) > FEW:
        for part in parts:
            copy_rows(session, part.table, part.columns, part.rows)
        return
    with past_sqlalchemy(session) as raw:
        raw.execute(_together(b"", _shape(parts)), _values(parts), prepare=True)


def append_if(session: Session, premise: Premise, parts: Sequence[Part]) -> bool:
    """Append ``FEW`` rows at most of each table where ``premise`` holds; return whether it did. One round trip.

    Otherwise as ``append_together``.
    """
    statement = _together(premise.statement, _shape(parts))
    with past_sqlalchemy(session) as raw:
        return raw.execute(statement, [*premise.values, *_values(parts)], prepare=True).rowcount > 0


_Shape = tuple[tuple[Table, tuple[str, ...], int], ...]


def _shape(parts: Sequence[Part]) -> _Shape:
    return tuple((part.table, part.columns, len(part.rows)) for part in parts)


def _values(parts: Sequence[Part]) -> list[object]:
    return [value for part in parts for row in part.rows for value in row]


@lru_cache(maxsize=64)
def _together(premise: bytes, parts: _Shape) -> bytes:
    """Return one statement that inserts into all of them; foreign keys are looked at when it ends."""
    before = [b"premise AS (" + premise + b")"] if premise else []
    *first, last = [_insert(*part, only_if=bool(premise)) for part in parts]
    before += [f"part_{n} AS (".encode() + each + b")" for n, each in enumerate(first)]
    return b"WITH " + b", ".join(before) + b" " + last if before else last


def _insert(table: Table, columns: tuple[str, ...], rows: int, *, only_if: bool) -> bytes:
    """Return the statement's part for one table, as bytes: to put it together each time took a tenth of the time."""
    # In binary: as text, bytes go as hex, twice as long, written here and read there.
    each: list[sql.Composable] = [sql.Placeholder(format=PyFormat.BINARY)] * len(columns)
    if only_if:  # under a SELECT, PostgreSQL does not see from the column what type is meant
        types = _types(table, columns)
        each = [sql.SQL("{}::{}").format(place, sql.SQL(name)) for place, name in zip(each, types, strict=True)]
    values = sql.SQL(", ").join([sql.SQL("({})").format(sql.SQL(", ").join(each))] * rows)
    given = sql.SQL("SELECT given.* FROM premise, (VALUES {}) AS given" if only_if else "VALUES {}").format(values)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("INSERT INTO {} ({}) {}").format(sql.Identifier(table.name), names, given).as_bytes(None)


@contextmanager
def past_sqlalchemy(session: Session) -> Iterator[psycopg.Connection[Any]]:
    """Yield the session's own connection, for what is said on every page; errors are psycopg's there.

    What is said in the block waits no longer for an answer than a statement may (``database.Patience``): SQLAlchemy
    knows nothing of it, so nobody else would cut a line that gives none.
    """
    connection = session.connection()
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise TypeError("this goes past SQLAlchemy, and needs psycopg below it")
    with WATCH.over(raw, connection.info.get(STATEMENT_SECONDS)):
        yield raw


def unnested(table: Table, columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> Select[Any]:
    """Return a query that yields ``rows`` as ``columns`` of ``table``: for an ``INSERT … SELECT`` that COPY cannot do.

    ``rows`` are in the order of ``columns``; none of them is an array or JSON.
    """
    wanted = [table.c[name] for name in columns]
    arrays = [literal([row[place] for row in rows], ARRAY(each.type)) for place, each in enumerate(wanted)]
    given = func.unnest(*arrays).table_valued(*(column(each.name, each.type) for each in wanted)).render_derived()
    return select(*given.c)


def among(wanted: Column[Any], keys: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that ``wanted`` is one of ``keys``; of none, it never is."""
    return wanted == any_(literal(list(keys), ARRAY(wanted.type)))


@lru_cache(maxsize=64)
def _copying(table: Table, columns: tuple[str, ...]) -> tuple[sql.Composed, tuple[str, ...]]:
    """Return the statement and the name of each column's type: binary COPY takes nothing but the exact one."""
    types = tuple(name.partition("(")[0].lower() for name in _types(table, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    return statement, types


def _types(table: Table, columns: Sequence[str]) -> list[str]:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return [table.c[name].type.compile(dialect) for name in columns]


def _with_json(row: Sequence[object], places: Sequence[int]) -> list[object]:
    row = list(row)
    for place in places:
        row[place] = Jsonb(row[place])
    return row
