"""Revision 0022: an Auftrag that rests and that no task is about is due again; one that waits for a clerk is not."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text

from alembic import command
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import _alembic, migrate

AUFTRAG = (
    "INSERT INTO auftraege (id, reference, proposal, leistung, lebenslage, behoerde, names, shown_mac, trust,"
    " sperrvermerk, confirmed_at, undo_until, undone_at, ohne_zweite, state, due_at, moved_at) VALUES"
    " ('{0}', right('{0}', 9), gen_random_uuid(), 'L', 'geburt', 'b', '[]', 'm', 1, false, now(), now(), {1}, '',"
    " '{2}', NULL, now())"
)
TASK = (
    "INSERT INTO tasks (id, what, matter, behoerde, made_at, done_at, how)"
    " VALUES (gen_random_uuid(), 'auftrag.protected', '{}', '', now(), {}, '')"
)
FORGOTTEN, WAITS, UNDONE, SENT = (UUID(int=n) for n in range(1, 5))


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    postgres.create_database("resting", "template0")
    url = postgres.url("proaktiv_owner", "resting")
    migrate(url)
    yield url
    postgres.drop_database("resting")


def test_what_nobody_has_to_do_with_any_more_is_looked_at_again(owner: str) -> None:
    database = Database(owner, pool_size=1)
    try:
        with database.connection() as connection, connection.begin():
            config = _alembic()
            config.attributes["connection"] = connection
            command.downgrade(config, "0019")
            for auftrag, undone, state in (
                (FORGOTTEN, "NULL", "held"), (WAITS, "NULL", "held"), (UNDONE, "now()", "held"), (SENT, "NULL", "sent")
            ):  # fmt: skip
                connection.execute(text(AUFTRAG.format(auftrag, undone, state)))
            connection.execute(text(TASK.format(FORGOTTEN, "now()")))
            connection.execute(text(TASK.format(WAITS, "NULL")))
        migrate(owner)
        with database.connection() as connection:
            due = connection.execute(text("SELECT id FROM auftraege WHERE due_at IS NOT NULL")).scalars().all()
    finally:
        database.close()
    assert due == [FORGOTTEN]
