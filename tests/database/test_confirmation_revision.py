"""Revision 0011 keeps addresses and notices of before, and does not go back where somebody would lose something."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from alembic import command
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import _alembic, migrate

ADDRESS = (
    "INSERT INTO mail_addresses (person, inbox, address, given_at, address_hash, domain_hash)"
    " VALUES (gen_random_uuid(), 'i', NULL, now(), 'a', 'd')"
)
NOTICE = "INSERT INTO account_notices VALUES (gen_random_uuid(), gen_random_uuid(), 'bound', now(), now())"
CHANGED = (
    "INSERT INTO notices (id, person, what, made_at, due_at) VALUES (gen_random_uuid(), gen_random_uuid(),"
    " 'mail_changed', now(), now())"
)


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own at revision 0010, as its owner."""
    postgres.create_database("confirmation", "template0")
    url = postgres.url("proaktiv_owner", "confirmation")
    migrate(url)
    to(url, "0010")
    yield url
    postgres.drop_database("confirmation")


def to(url: str, revision: str, *statements: str) -> None:
    """Go to a revision, then run some statements."""
    database = Database(url, pool_size=1)
    try:
        with database.connection() as connection, connection.begin():
            config = _alembic()
            config.attributes["connection"] = connection
            (command.downgrade if revision == "0010" else command.upgrade)(config, revision)
            for statement in statements:
                connection.execute(text(statement))
    finally:
        database.close()


def value(url: str, sql: str) -> object:
    database = Database(url, pool_size=1)
    try:
        with database.transaction() as session:
            return session.connection().execute(text(sql)).scalar_one()
    finally:
        database.close()


def test_addresses_of_before_stay_unconfirmed_and_notices_stay_due(owner: str) -> None:
    to(owner, "0010", ADDRESS, NOTICE)
    to(owner, "head")
    assert value(owner, "SELECT count(*) FROM mail_addresses WHERE confirmation IS NULL") == 1
    assert value(owner, "SELECT what FROM notices WHERE due_at IS NOT NULL AND mail_due_at IS NULL") == "bound"
    to(owner, "0010")
    assert value(owner, "SELECT what FROM account_notices WHERE due_at IS NOT NULL") == "bound"


@pytest.mark.parametrize(
    ("statement", "lost"),
    [
        (ADDRESS.replace("address_hash,", "confirmation, address_hash,").replace("'a'", "gen_random_uuid(), 'a'"),
         "1 confirmed addresses"),
        (CHANGED, "1 notices about addresses"),
    ],
)  # fmt: skip
def test_it_does_not_go_back_over_what_somebody_would_lose(owner: str, statement: str, lost: str) -> None:
    to(owner, "head", statement)
    with pytest.raises(RuntimeError, match=f"{lost} would be lost"):
        to(owner, "0010")
    assert value(owner, "SELECT count(*) FROM notices") == (1 if "notices" in lost else 0)
