"""Revision 0013 forwards and back: nothing that was decided, and no count of what went, is forgotten on the way."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from alembic import command
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import _alembic, migrate
from tests.database.test_confirmation_revision import value

HOLD = (
    "INSERT INTO legal_hold (id, fid, purpose, reason, review_on, placed_by, placed_and, placed_at, released_by,"
    " released_and) VALUES (gen_random_uuid(), gen_random_uuid(), '', 'x', '2027-01-01', 'a', 'b', now(), '', '')"
)


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own, current, as its owner."""
    postgres.create_database("pruning", "template0")
    url = postgres.url("proaktiv_owner", "pruning")
    migrate(url)
    yield url
    postgres.drop_database("pruning")


def back(url: str, *statements: str, to: str = "0011") -> None:
    """Run some statements, then go back before the revision, or as far as is said."""
    database = Database(url, pool_size=1)
    try:
        with database.transaction() as session:
            for statement in statements:
                session.connection().execute(text(statement))
        with database.connection() as connection, connection.begin():
            config = _alembic()
            config.attributes["connection"] = connection
            command.downgrade(config, to)
    finally:
        database.close()


@pytest.mark.parametrize(
    ("statement", "left"),
    [
        (
            HOLD,
            "1 holds on entries stand",
        ),
        ("INSERT INTO erasures VALUES (gen_random_uuid(), 'withdrawn', 'a', 'b', '', now())", "1 persons wait"),
        ("INSERT INTO subject_heads VALUES ('x', 3, 2)", "1 persons lost entries to retention"),
    ],
    ids=["a hold", "a request", "a count"],
)
def test_it_does_not_go_back_over_what_would_be_forgotten(owner: str, statement: str, left: str) -> None:
    with pytest.raises(RuntimeError, match=left):
        back(owner, statement)


def test_it_goes_back_and_forth_where_nothing_would_be(owner: str) -> None:
    back(owner)
    assert value(owner, "SELECT count(*) FROM pg_proc WHERE proname = 'flow_log_prune'") == 0
    assert value(owner, "SELECT has_table_privilege('proaktiv_app', 'subject_heads', 'UPDATE')")
    migrate(owner)
    assert value(owner, "SELECT count(*) FROM pg_proc WHERE proname = 'flow_log_prune'") == 1


def test_before_revision_0016_the_function_takes_no_turn_and_since_then_it_does(owner: str) -> None:
    turns = "SELECT count(*) FROM pg_proc WHERE proname = 'flow_log_prune' AND prosrc LIKE '%pg_advisory_xact_lock%'"
    assert value(owner, turns) == 1
    back(owner, to="0015")
    assert value(owner, turns) == 0
