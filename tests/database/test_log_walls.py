"""Who may change the log: nobody. Asked table by table, as the catalogue lists them: no new one is forgotten."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from proaktiv.database import Database
from proaktiv.tables import flow
from proaktiv.tables.columns import METADATA

LEDGERS = ("consent_ledger", "consent_notices", "vault_keys")
"""What is appended to and not of the log."""

MAY: dict[str, dict[str, set[str]]] = {
    # A head counts on, from a lower number to a higher one; a hold is released by two people.
    "app": {
        "subject_heads": {"UPDATE seq"},
        "legal_hold": {"UPDATE released_by", "UPDATE released_and", "UPDATE released_at"},
    },
    # What erasure needs, and nothing of what was committed to.
    "eraser": {
        "flow_secret": {"UPDATE subj", "UPDATE s_blob"},
        "subject_heads": {"UPDATE seq"},
        "erasures": {"DELETE"},
        "vault_keys": {"UPDATE state", "UPDATE wrapped", "UPDATE destroyed_at"},
    },
    "keeper": {"vault_keys": {"UPDATE kek", "UPDATE wrapped"}},
    "reader": {},
    # It adds: the head counts on, the last tiles fill up. How asking a witness ended is no evidence.
    "sequencer": {
        "flow_queue": {"DELETE"},
        "tile": {"UPDATE data", "UPDATE halfway"},
        "log_head": {"UPDATE size", "UPDATE root"},
        "contradiction": {"UPDATE settled_at"},
        "witness_answer": {"UPDATE witness", "UPDATE outcome", "UPDATE size", "UPDATE at"},
    },
}

ERASER_READS = {
    "flow_log": {"fid", "kind", "t", "purpose", "outcome", "f_bytes"},
    "checkpoint": {"size"},
    "log_head": {"size"},
    "legal_hold": {"id", "fid", "from_at", "until_at", "purpose", "released_at"},
    "tile": set(),
    "flow_queue": set(),
}


def of_the_log() -> list[str]:
    """The tables that ``tables/flow.py`` declares: where a table of the log belongs, and is found."""
    ours = {cls.__tablename__ for cls in vars(flow).values() if isinstance(cls, type) and hasattr(cls, "__tablename__")}
    return sorted(ours & set(METADATA.tables))


@pytest.fixture
def owner(urls: dict[str, str]) -> Iterator[Database]:
    opened = Database(urls["owner"], pool_size=1)
    yield opened
    opened.close()


def catalogue(owner: Database) -> list[str]:
    """The tables of the log as PostgreSQL lists them: by what the code declares, and by what their names say."""
    with owner.transaction() as session:
        every = session.connection().execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        named = {
            name
            for name in every.scalars()
            if name.startswith(("flow_", "log_", "tile", "checkpoint", "cosign", "tsr", "witness", "consent_ledger"))
        }
    return sorted(named | set(of_the_log()) | set(LEDGERS))


def columns(owner: Database, table: str) -> list[str]:
    query = text("SELECT attname FROM pg_attribute WHERE attrelid = CAST(:t AS regclass) AND attnum > 0")
    with owner.transaction() as session:
        return list(session.connection().execute(query, {"t": table}).scalars())


def allowed(url: str, statements: dict[str, str]) -> set[str]:
    """Return which statements the database does not refuse for want of a right; none of them is kept."""
    opened, done = Database(url, pool_size=1), set()
    try:
        for name, statement in statements.items():
            try:
                with opened.transaction() as session:
                    session.connection().execute(text(statement))
                    session.rollback()
            except ProgrammingError as error:
                if "permission denied" in str(error):
                    continue
                raise
            except DBAPIError:
                pass  # a trigger or a constraint came after the right
            done.add(name)
    finally:
        opened.close()
    return done


def changes(owner: Database, table: str) -> dict[str, str]:
    """Every way in which SQL changes or takes rows of a table."""
    updates = {f"UPDATE {name}": f"UPDATE {table} SET {name} = {name}" for name in columns(owner, table)}
    return updates | {"DELETE": f"DELETE FROM {table}", "TRUNCATE": f"TRUNCATE {table} CASCADE"}


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("role", sorted(MAY))
def test_nothing_of_the_log_and_the_ledger_is_changed_or_taken_away_by_any_role_but_as_erasure_needs(
    urls: dict[str, str], owner: Database, role: str
) -> None:
    tables = catalogue(owner)
    assert {"flow_log", "flow_secret", "flow_queue", "flow_leaf", "tile", "checkpoint", "consent_ledger"} <= set(tables)
    found = {table: allowed(urls[role], changes(owner, table)) for table in tables}
    assert {table: ways for table, ways in found.items() if ways} == MAY[role]


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize(
    ("grant", "table", "way"),
    [
        ("GRANT UPDATE (outcome) ON flow_log TO proaktiv_app", "flow_log", "UPDATE outcome"),
        ("GRANT DELETE ON flow_secret TO proaktiv_app", "flow_secret", "DELETE"),
        ("GRANT TRUNCATE ON consent_ledger TO proaktiv_app", "consent_ledger", "TRUNCATE"),
        ("CREATE TABLE flow_new (n int); GRANT DELETE ON flow_new TO proaktiv_app", "flow_new", "DELETE"),
    ],
    ids=["one column", "rows", "all rows", "a table that nobody thought of"],
)
def test_control_one_right_too_many_is_found(
    urls: dict[str, str], owner: Database, grant: str, table: str, way: str
) -> None:
    with owner.transaction() as session:
        for statement in grant.split("; "):
            session.connection().execute(text(statement))
    assert table in catalogue(owner)
    assert allowed(urls["app"], changes(owner, table)) == {way}


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("table", sorted(ERASER_READS))
def test_the_eraser_reads_of_the_log_what_says_whose_and_how_old_an_entry_is(
    urls: dict[str, str], owner: Database, table: str
) -> None:
    reads = {name: f"SELECT {name} FROM {table} LIMIT 1" for name in columns(owner, table)}
    assert allowed(urls["eraser"], reads) == ERASER_READS[table]


_OUTWARD = {
    "deliveries": "INSERT INTO deliveries (id, matter, purpose, channel, run, state, reason, tries, wire_id, flow_id,"
    " made_at, moved_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'tell', 'LETTER', 1, 'announced', '', 0, '',"
    " {}, now(), now())",
    "handovers": "INSERT INTO handovers (id, auftrag, attempt, behoerde, wire_id, state, reason, flow_id, made_at,"
    " moved_at) VALUES (gen_random_uuid(), gen_random_uuid(), 1, '', '', 'announced', '', {}, now(), now())",
    "lookups": "INSERT INTO lookups (id, person, register_name, names, state, tries, due_at, wire_id, flow_id)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 'MELDEREGISTER', '[]', 'announced', 0, now(), '', {})",
}
_AUTHORISED, _ADMITTED = "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000009'"
_NO_ENTRY = "gen_random_uuid()"
_UNAUTHORISED = "names an authorised entry"


@pytest.fixture
def logged(owner: Database) -> Database:
    """A log with an entry that authorises something and one that does not."""
    entry = "INSERT INTO flow_log VALUES ({}, {}, now(), '', '', '', '', '', '', '\\x00', '\\x00', '\\x00')"
    as_owner(owner, entry.format(_AUTHORISED, 1), entry.format(_ADMITTED, 9))
    return owner


def as_owner(owner: Database, *statements: str) -> None:
    with owner.transaction() as session:
        for statement in statements:
            session.connection().execute(text(statement))


def refused(url: str, statement: str, wall: str) -> None:
    opened = Database(url, pool_size=1)
    try:
        with pytest.raises(DBAPIError, match=wall), opened.transaction() as session:
            session.connection().execute(text(statement))
    finally:
        opened.close()


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("table", sorted(_OUTWARD))
def test_nothing_goes_out_without_an_authorised_entry_that_is_there(
    urls: dict[str, str], logged: Database, table: str, role: str
) -> None:
    walls = {"NULL": "null value", _NO_ENTRY: f"fk_{table}_flow_id", _ADMITTED: _UNAUTHORISED}
    for flow_id, wall in walls.items():
        refused(urls[role], _OUTWARD[table].format(flow_id), wall)
    as_owner(logged, _OUTWARD[table].format(_AUTHORISED))
    refused(urls[role], f"UPDATE {table} SET flow_id = {_ADMITTED}", _UNAUTHORISED)
    refused(urls["owner"], f"DELETE FROM flow_log WHERE fid = {_AUTHORISED}", f"fk_{table}_flow_id")


@pytest.mark.flowlog_test(12)
def test_a_look_up_that_waits_names_an_entry_and_is_announced_under_an_authorised_one_alone(
    urls: dict[str, str], logged: Database
) -> None:
    waiting = _OUTWARD["lookups"].replace("'announced'", "'wanted'")
    for flow_id, wall in {"NULL": "null value", _NO_ENTRY: "fk_lookups_flow_id"}.items():
        refused(urls["app"], waiting.format(flow_id), wall)
    as_owner(logged, waiting.format(_ADMITTED))
    for state in ("announced", "answered"):
        refused(urls["app"], f"UPDATE lookups SET state = '{state}'", _UNAUTHORISED)
    announce = {"announce": f"UPDATE lookups SET state = 'announced', flow_id = {_AUTHORISED}"}
    assert allowed_and_done(urls["app"], announce) == {"announce"}


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize("table", sorted(_OUTWARD))
def test_control_without_the_trigger_something_goes_out_under_an_entry_that_authorised_nothing(
    urls: dict[str, str], logged: Database, table: str
) -> None:
    as_owner(logged, f"DROP TRIGGER names_authorised ON {table}")
    assert allowed_and_done(urls["app"], {"insert": _OUTWARD[table].format(_ADMITTED)}) == {"insert"}


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize("table", sorted(_OUTWARD))
def test_control_without_its_foreign_key_what_authorised_something_can_be_taken_away(
    urls: dict[str, str], logged: Database, table: str
) -> None:
    as_owner(
        logged,
        f"ALTER TABLE {table} DROP CONSTRAINT fk_{table}_flow_id",
        _OUTWARD[table].format(_AUTHORISED),
        f"DELETE FROM flow_log WHERE fid = {_AUTHORISED}",
    )
    refused(urls["app"], _OUTWARD[table].format(_NO_ENTRY), _UNAUTHORISED)


def allowed_and_done(url: str, statements: dict[str, str]) -> set[str]:
    """Return which statements the database does, rights and walls and all; none of them is kept."""
    opened, done = Database(url, pool_size=1), set()
    try:
        for name, statement in statements.items():
            with suppress(DBAPIError), opened.transaction() as session:
                session.connection().execute(text(statement))
                session.rollback()
                done.add(name)
    finally:
        opened.close()
    return done
