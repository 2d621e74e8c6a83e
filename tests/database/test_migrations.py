from collections.abc import Iterator
from hashlib import sha256

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

import consent.tables
import proaktiv.tables
from proaktiv.core.errors import NotSafe
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import check_current, migrate

TARGETS = [proaktiv.tables.METADATA, consent.tables.METADATA]
TABLES = sorted(table for metadata in TARGETS for table in metadata.tables)
APPEND_ONLY = ("flow_log", "flow_secret", "flow_queue", "staff_keys", "consent_ledger", "consent_notices", "vault_keys")
OWNERS = ("consent_activities", "releases", "clients", "behoerden", "competences", "demo_clock", "staff")
ERASED = (
    *("answers", "bundles", "codes", "contacts", "enrolments", "event_facts", "event_subjects", "fetched_facts"),
    *("lookups", "mail_addresses", "matches", "person_identifiers", "persons", "proposals", "relations", "sessions"),
    *("signatures", "wiedervorlagen", "holds", "notices", "mail_confirmations", "person_requests", "address_doubts"),
)
SEQUENCERS = ("flow_leaf", "tile", "log_head", "checkpoint")
ATTESTED = ("cosignature", "time_stamp", "witness_answer", "contradiction")
ENDED = ("succession", "former_checkpoint")


def differences(url: str) -> list[object]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_server_default": True}),
            TARGETS,  # type: ignore[arg-type]
        )
    engine.dispose()
    return list(found)


def run(url: str, statement: str) -> None:
    opened = Database(url, pool_size=1)
    try:
        with opened.transaction() as session:
            session.connection().execute(text(statement))
    finally:
        opened.close()


def privileges(url: str, role: str) -> dict[str, set[str]]:
    opened = Database(url, pool_size=1)
    found: dict[str, set[str]] = {}
    with opened.transaction() as session:
        rows = session.connection().execute(
            text(
                "SELECT c.relname, p.name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
                " unnest(ARRAY['SELECT','INSERT','UPDATE','DELETE','TRUNCATE','REFERENCES','TRIGGER']) AS p(name)"
                " WHERE n.nspname = 'public' AND c.relkind = 'r' AND has_table_privilege(:role, c.oid, p.name)"
            ),
            {"role": role},
        )
        for table, name in rows:
            found.setdefault(table, set()).add(name)
    opened.close()
    return found


@pytest.fixture
def empty(postgres: EmbeddedServer) -> Iterator[str]:
    """A database without tables, as its owner."""
    postgres.create_database("empty", "template0")
    yield postgres.url("proaktiv_owner", "empty")
    postgres.drop_database("empty")


def test_the_migrations_make_the_tables_that_the_code_declares(urls: dict[str, str]) -> None:
    assert differences(urls["owner"]) == []


def test_control_a_column_that_no_migration_made_is_noticed(urls: dict[str, str]) -> None:
    run(urls["owner"], "ALTER TABLE tasks DROP COLUMN behoerde")
    assert differences(urls["owner"]) != []


def test_an_empty_database_is_not_current_until_it_is_migrated(empty: str) -> None:
    with pytest.raises(NotSafe, match="migrate"):
        check_current(empty)
    migrate(empty)
    migrate(empty)  # a second time changes nothing
    check_current(empty)


@pytest.mark.parametrize("role", ["app", "sequencer", "eraser", "keeper", "reader"])
def test_every_role_can_see_whether_the_schema_is_current(urls: dict[str, str], role: str) -> None:
    check_current(urls[role])


def test_the_log_starts_empty_and_the_demonstrations_clock_on_time(database: Database) -> None:
    with database.transaction() as session:
        head = session.connection().execute(text("SELECT id, size, root FROM log_head")).all()
        clock = session.connection().execute(text("SELECT id, offset_seconds FROM demo_clock")).all()
    assert [tuple(row) for row in head] == [(1, 0, sha256(b"").digest())]
    assert [tuple(row) for row in clock] == [(1, 0)]


def test_the_queue_of_the_log_is_vacuumed_by_number(database: Database) -> None:
    with database.transaction() as session:
        options = session.connection().execute(text("SELECT reloptions FROM pg_class WHERE relname = 'flow_queue'"))
        assert set(options.scalar_one()) == {
            "autovacuum_vacuum_scale_factor=0",
            "autovacuum_vacuum_threshold=10000",
        }


def test_the_application_may_do_exactly_this(urls: dict[str, str]) -> None:
    worked = {"SELECT", "INSERT", "UPDATE", "DELETE"}
    expected = dict.fromkeys(TABLES, worked)
    expected |= {key: {"SELECT", "INSERT"} for key in APPEND_ONLY}
    expected["legal_hold"] = {"SELECT", "INSERT"}  # and UPDATE of who released it, and when
    del expected["erasures"]
    expected |= {key: {"SELECT"} for key in OWNERS + SEQUENCERS + ATTESTED + ENDED + ("alembic_version",)}
    expected["staff_links"] = {"SELECT", "DELETE"}
    expected["stops"] = {"SELECT", "INSERT", "DELETE"}  # and UPDATE of one column; DELETE of what was lifted: below
    expected["consent_heads"] = worked - {"DELETE"}
    expected["subject_heads"] = {"SELECT"}  # and INSERT and UPDATE of the number: test_log_walls
    expected["consent_subjects"] = {"SELECT", "INSERT"}  # and UPDATE of one column: below
    assert privileges(urls["owner"], "proaktiv_app") == expected


def test_the_other_roles_may_do_exactly_this(urls: dict[str, str]) -> None:
    unread = {"person_identifiers", "event_subjects", "codes", "sessions", "client_tokens", "vault_keys"}
    unread |= {"staff_links", "logins", "staff_sessions", "staff_looks", "erasures", "exports", "person_requests"}
    unread |= {"erasure_requests", "hold_requests", "address_doubts"}
    read = {key: {"SELECT"} for key in [*TABLES, "alembic_version"] if key not in unread}
    assert privileges(urls["owner"], "proaktiv_reader") == read
    assert privileges(urls["owner"], "proaktiv_eraser") == {
        **{key: {"DELETE"} for key in ERASED},  # and SELECT of the columns that say whose a row is
        **{key: {"SELECT", "INSERT"} for key in ("flow_secret", "staff_keys")},
        **{key: {"INSERT"} for key in ("flow_log", "flow_queue")},
        **{key: {"SELECT", "INSERT"} for key in ("consent_ledger", "consent_subjects")},
        "consent_heads": {"SELECT", "INSERT", "UPDATE"},
        "erasures": {"SELECT", "INSERT", "DELETE"},
        "erasure_requests": {"SELECT", "DELETE"},  # and UPDATE of how it stands: tests/office/test_erasures
        **{
            key: {"SELECT"}
            for key in (
                "vault_keys",
                "flow_leaf",
                "subject_heads",
                "consent_activities",
                "consent_notices",
                "demo_clock",
                "alembic_version",
            )
        },
    }
    assert privileges(urls["owner"], "proaktiv_keeper") == {
        **{key: {"SELECT", "INSERT"} for key in ("vault_keys", "flow_log", "staff_keys")},
        **{key: {"INSERT"} for key in ("flow_secret", "flow_queue")},
        "checkpoint": {"SELECT"},
        "alembic_version": {"SELECT"},
    }
    assert privileges(urls["owner"], "proaktiv_sequencer") == {
        **{key: {"SELECT", "INSERT"} for key in SEQUENCERS},  # and UPDATE of what grows: test_log_walls
        "log_head": {"SELECT"},
        **{key: {"SELECT", "INSERT"} for key in ATTESTED},
        **{key: {"SELECT"} for key in ENDED},
        "witness_answer": {"SELECT", "INSERT", "UPDATE"},
        "flow_log": {"SELECT"},
        "flow_queue": {"SELECT", "DELETE"},
        "alembic_version": {"SELECT"},
    }


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("role", ["app", "reader"])
def test_nobody_who_works_changes_or_deletes_what_was_logged_or_consented(
    urls: dict[str, str], role: str, table: str
) -> None:
    column = next(
        iter((TARGETS[0].tables.get(table) if table in TARGETS[0].tables else TARGETS[1].tables[table]).c)
    ).name
    for statement in (
        f"UPDATE {table} SET {column} = {column}",
        f"DELETE FROM {table}",
        f"TRUNCATE {table} CASCADE",
        f"SELECT * FROM {table} FOR UPDATE",
        f"DROP TABLE {table}",
        f"ALTER TABLE {table} DISABLE TRIGGER ALL",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            run(urls[role], statement)


def test_control_the_owner_could_which_is_why_its_url_is_for_migrations_only(urls: dict[str, str]) -> None:
    run(urls["owner"], "DELETE FROM consent_ledger")


def test_a_subjects_epoch_moves_and_the_subject_does_not(urls: dict[str, str]) -> None:
    run(urls["app"], "UPDATE consent_subjects SET epoch = epoch + 1")
    run(urls["app"], "SELECT * FROM consent_subjects FOR SHARE")
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(urls["app"], "UPDATE consent_subjects SET person = person")


def test_the_eraser_nulls_secrets_and_nothing_else(urls: dict[str, str]) -> None:
    run(urls["eraser"], "UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid IS NULL")
    run(urls["eraser"], "UPDATE vault_keys SET state = 'destroyed', wrapped = NULL, destroyed_at = now()")
    for statement in (
        "UPDATE flow_secret SET staff_key = NULL",
        "UPDATE flow_secret SET a_blob = NULL",
        "UPDATE vault_keys SET kek = ''",
        "DELETE FROM vault_keys",
        "DELETE FROM flow_secret",
        "SELECT * FROM flow_log",
        "SELECT values FROM contacts",
        "SELECT draft FROM proposals",
        "UPDATE flow_log SET outcome = ''",
        "DELETE FROM flow_log",
        "UPDATE consent_ledger SET state_after = ''",
        "DELETE FROM stops",
        "INSERT INTO vault_keys SELECT * FROM vault_keys",
        "SELECT reason FROM holds",
        "UPDATE holds SET released_at = now()",
        "INSERT INTO holds SELECT * FROM holds",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(urls["eraser"], statement)


def test_the_keeper_wraps_anew_and_destroys_nothing(urls: dict[str, str]) -> None:
    run(urls["keeper"], "UPDATE vault_keys SET kek = '', wrapped = ''")
    for statement in (
        "UPDATE vault_keys SET state = 'destroyed'",
        "DELETE FROM vault_keys",
        "UPDATE flow_secret SET subj = NULL",
        "SELECT * FROM contacts",
        "DELETE FROM persons",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(urls["keeper"], statement)


@pytest.mark.parametrize("role", ["app", "sequencer", "reader"])
def test_nobody_else_rotates_or_destroys(urls: dict[str, str], role: str) -> None:
    for statement in (
        "UPDATE vault_keys SET wrapped = NULL",
        "UPDATE vault_keys SET kek = ''",
        "DELETE FROM vault_keys",
        "UPDATE flow_secret SET subj = NULL",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(urls[role], statement)


@pytest.mark.parametrize("role", ["owner", "app", "eraser"])
def test_nobody_deletes_a_hold_that_stands(urls: dict[str, str], role: str) -> None:
    run(
        urls["owner"],
        "INSERT INTO holds VALUES (gen_random_uuid(), gen_random_uuid(), NULL, 'x', 'y', now(), '', NULL)",
    )
    with pytest.raises(Exception, match="a hold that stands is released, never deleted"):
        run(urls[role], "DELETE FROM holds")
    run(urls["owner"], "UPDATE holds SET released_at = now()")
    run(urls[role], "DELETE FROM holds")


def test_not_even_the_owner_brings_destroyed_keys_back_by_mistake(urls: dict[str, str]) -> None:
    run(
        urls["owner"],
        "INSERT INTO vault_keys (person, compartment, state, kek, wrapped, made_at, destroyed_at)"
        " VALUES (gen_random_uuid(), 'view', 'destroyed', 'x', NULL, now(), now())",
    )
    for statement in ("UPDATE vault_keys SET state = 'active', wrapped = 'x'", "DELETE FROM vault_keys"):
        with pytest.raises(Exception, match="are destroyed, for ever"):
            run(urls["owner"], statement)


def test_no_role_makes_tables_or_roles(urls: dict[str, str]) -> None:
    for role in ("app", "sequencer", "eraser", "keeper", "reader"):
        for statement in ("CREATE TABLE mine (n int)", "CREATE ROLE mine"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(urls[role], statement)


def test_no_look_up_is_announced_without_its_entry_in_the_log(urls: dict[str, str]) -> None:
    insert = (
        "INSERT INTO lookups (id, person, register_name, names, state, tries, due_at, wire_id, flow_id)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'MELDEREGISTER', '[]', '{}', 0, now(), '', {})"
    )
    for state in ("wanted", "announced"):
        with pytest.raises(Exception, match="null value"):
            run(urls["app"], insert.format(state, "NULL"))
        with pytest.raises(Exception, match="fk_lookups_flow_id"):
            run(urls["app"], insert.format(state, "gen_random_uuid()"))
