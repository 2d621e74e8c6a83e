"""Revision 0015: look-ups of before name the entry they are wanted by, and none is given an entry that is not there."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from alembic import command
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import _alembic, migrate
from tests.database.test_confirmation_revision import value

ENTRY = "INSERT INTO flow_log VALUES ('{}', 8, now(), '', '', '', '', '', '', '\\x00', '\\x00', '\\x00')"
REPORTED = (
    "INSERT INTO register_events (id, client, source, event_id, kind, entry_hash, register_version, case_key, ars,"
    " occurred_month, arrived_at, state, content_mac, flow_id) VALUES ('{}', 'c', 's', 'e', 'geburt', 'h', 1, 'k',"
    " '990010000000', '2026-10-01', now(), 'needs', 'm', '{}')"
)
TYPED = (
    "INSERT INTO enrolments (id, person, state, requested_at, flow_id) VALUES ('{}', gen_random_uuid(), 'requested',"
    " now(), '{}')"
)
LOOKUP = (
    "INSERT INTO lookups (id, {}, person, register_name, names, state, tries, due_at, wire_id, flow_id)"
    " VALUES (gen_random_uuid(), '{}', gen_random_uuid(), 'MELDEREGISTER', '[]', '{}', 0, now(), '', {})"
)
RECEIVED, REQUESTED, ASKED, EVENT, ENROLMENT = (UUID(int=n) for n in range(1, 6))


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own at revision 0014, as its owner."""
    postgres.create_database("named", "template0")
    url = postgres.url("proaktiv_owner", "named")
    migrate(url)
    back(url)
    yield url
    postgres.drop_database("named")


def back(url: str, *statements: str) -> None:
    """Go back before the revision, then run some statements."""
    database = Database(url, pool_size=1)
    try:
        with database.connection() as connection, connection.begin():
            config = _alembic()
            config.attributes["connection"] = connection
            command.downgrade(config, "0014")
            for statement in statements:
                connection.execute(text(statement))
    finally:
        database.close()


def house() -> list[str]:
    return [
        *(ENTRY.format(fid) for fid in (RECEIVED, REQUESTED, ASKED)),
        REPORTED.format(EVENT, RECEIVED),
        TYPED.format(ENROLMENT, REQUESTED),
    ]


def test_look_ups_of_before_name_what_their_event_or_enrolment_was_received_by(owner: str) -> None:
    back(
        owner,
        *house(),
        LOOKUP.format("event", EVENT, "wanted", "NULL"),
        LOOKUP.format("enrolment", ENROLMENT, "failed", "NULL"),
        LOOKUP.format("event", EVENT, "answered", f"'{ASKED}'"),
    )
    migrate(owner)
    named = "SELECT string_agg(state || ' ' || flow_id, ', ' ORDER BY state) FROM lookups"
    assert value(owner, named) == f"answered {ASKED}, failed {REQUESTED}, wanted {RECEIVED}"


@pytest.mark.parametrize(
    ("planted", "event"),
    [(house(), UUID(int=7)), ([REPORTED.format(EVENT, RECEIVED)], EVENT)],
    ids=["no such event", "its entry has gone"],
)
def test_a_look_up_that_no_entry_explains_is_not_passed_over(owner: str, planted: list[str], event: UUID) -> None:
    back(owner, *planted, LOOKUP.format("event", event, "refused", "NULL"))
    with pytest.raises(RuntimeError, match="1 look-ups were never asked"):
        migrate(owner)


def test_it_goes_back_and_what_was_named_stays(owner: str) -> None:
    back(owner, *house(), LOOKUP.format("event", EVENT, "wanted", "NULL"))
    migrate(owner)
    back(owner, LOOKUP.format("event", EVENT, "failed", "NULL"))
    assert value(owner, "SELECT count(*) FROM lookups WHERE flow_id IS NULL") == 1
    assert value(owner, f"SELECT count(*) FROM lookups WHERE flow_id = '{RECEIVED}'") == 1
    with pytest.raises(Exception, match="ck_lookups_flow"):
        back(owner, LOOKUP.format("event", EVENT, "answered", "NULL"))
