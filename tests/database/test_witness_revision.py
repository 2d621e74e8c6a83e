"""Revision 0012 goes back only where no evidence would be lost, and what others said is nobody's to change."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from alembic import command
from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import _alembic, migrate

EVIDENCE = {
    "cosignature": "INSERT INTO cosignature (size, witness, at, line) VALUES (1, 'w', now(), 'l')",
    "time_stamp": "INSERT INTO time_stamp VALUES (1, 'n', 't', now())",
    "contradiction": "INSERT INTO contradiction VALUES ('w', now(), 5, NULL)",
    "succession": "INSERT INTO succession VALUES ('a/2', 'a/1', 'n', now())",
    "former_checkpoint": "INSERT INTO former_checkpoint VALUES ('a/1', 1, 'n', NULL, now())",
}


def run(url: str, *statements: str, revision: str = "") -> None:
    database = Database(url, pool_size=1)
    try:
        with database.connection() as connection, connection.begin():
            for statement in statements:
                connection.execute(text(statement))
            if revision:
                config = _alembic()
                config.attributes["connection"] = connection
                (command.downgrade if revision.isdigit() else command.upgrade)(config, revision)
    finally:
        database.close()


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own, as its owner."""
    postgres.create_database("witnessed", "template0")
    url = postgres.url("proaktiv_owner", "witnessed")
    migrate(url)
    yield url
    postgres.drop_database("witnessed")


def test_without_evidence_it_goes_back_and_forth(owner: str) -> None:
    run(owner, "INSERT INTO witness_answer VALUES ('w', 'away', 0, now())", revision="0011")
    run(owner, revision="head")
    run(owner, "SELECT * FROM cosignature")


def test_what_a_witness_contradicts_already_is_kept_from_its_answer(owner: str) -> None:
    run(owner, revision="0019")
    run(owner, "INSERT INTO witness_answer VALUES ('w', 'contradicts', 5, now()), ('v', 'refused', 5, now())")
    run(owner, revision="head")
    run(owner, "UPDATE contradiction SET size = 1 / (SELECT count(*) FROM contradiction WHERE witness = 'w')")


@pytest.mark.parametrize("table", EVIDENCE)
def test_evidence_is_never_taken_away_with_a_table(owner: str, table: str) -> None:
    with pytest.raises(RuntimeError, match=f"1 rows of {table} would be lost"):
        run(owner, EVIDENCE[table], revision="0011")


@pytest.mark.parametrize("role", ["app", "sequencer", "eraser", "keeper", "reader"])
def test_nobody_who_works_changes_what_others_said(urls: dict[str, str], role: str) -> None:
    for table in EVIDENCE:
        for statement in (f"UPDATE {table} SET size = 2", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            if table == "succession" and "size" in statement:
                statement = "UPDATE succession SET old = 'x'"  # noqa: PLW2901
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(urls[role], statement)


@pytest.mark.parametrize("role", ["app", "eraser", "keeper", "reader"])
def test_only_the_signer_files_what_others_said(urls: dict[str, str], role: str) -> None:
    for table, statement in EVIDENCE.items():
        with pytest.raises(ProgrammingError, match="permission denied"):
            run(urls[role], statement)
        if table in {"succession", "former_checkpoint"}:
            with pytest.raises(ProgrammingError, match="permission denied"):
                run(urls["sequencer"], statement)


def test_control_the_signer_may_file_it(urls: dict[str, str]) -> None:
    run(urls["sequencer"], EVIDENCE["cosignature"], EVIDENCE["time_stamp"])
