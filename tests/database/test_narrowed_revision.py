"""Revision 0020: what the sequencer and the eraser may still write only goes one way, and what went is not undone."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from proaktiv.database import Database
from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from proaktiv.tables import NO_MORE
from tests.database.test_confirmation_revision import value
from tests.database.test_log_walls import allowed_and_done
from tests.database.test_pruning_revision import back

_HALF, _WHOLE = "sha256('a')", "decode(repeat('ab', 8192), 'hex')"
_ENTRY = (
    "INSERT INTO flow_log VALUES ('00000000-0000-0000-0000-00000000000{n}', 1, now(), '', '', '', '', '', '',"
    " '\\x00', '\\x00', '\\x00')"
)
_SECRET = (
    "INSERT INTO flow_secret SELECT '00000000-0000-0000-0000-00000000000{n}', {of}, 'who looked', id FROM staff_keys"
)
_FILLED = (
    f"INSERT INTO tile (level, n, data) VALUES (0, 1, {_HALF})",
    f"INSERT INTO tile (level, n, data, halfway) VALUES (0, 0, {_WHOLE}, '\\x01')",
    "UPDATE log_head SET size = 257, root = '\\x02'",
    *(_ENTRY.replace("{n}", n) for n in "12"),
    "INSERT INTO staff_keys VALUES (gen_random_uuid(), now(), '', now())",
    _SECRET.format(n=1, of="'ada', 'of Ada'"),
    _SECRET.format(n=2, of="NULL, 'salt'"),
    f"INSERT INTO subject_heads (subj, seq) VALUES ('ada', 5), ('gone', {NO_MORE})",
)

REFUSED = {
    "sequencer": {
        "another hash in a tile": f"UPDATE tile SET data = sha256('b') || {_HALF} WHERE n = 1",
        "a tile that is shorter": "UPDATE tile SET data = substr(data, 1, 8) WHERE n = 1",
        "another full tile": "UPDATE tile SET data = set_byte(data, 8191, 1) WHERE n = 0",
        "more than a full tile": f"UPDATE tile SET data = data || {_HALF} WHERE n = 0",
        "other hashes halfway": "UPDATE tile SET halfway = '\\x03' WHERE n = 0",
        "no hashes halfway": "UPDATE tile SET halfway = NULL WHERE n = 0",
        "fewer entries": "UPDATE log_head SET size = 256, root = '\\x04'",
        "another root of as many": "UPDATE log_head SET root = '\\x05'",
    },
    "eraser": {
        "somebody else's entry": "UPDATE flow_secret SET subj = 'ben' WHERE subj = 'ada'",
        "another part": "UPDATE flow_secret SET s_blob = 'x' WHERE subj = 'ada'",
        "half of it": "UPDATE flow_secret SET s_blob = NULL WHERE subj = 'ada'",
        "the other half": "UPDATE flow_secret SET subj = NULL WHERE subj = 'ada'",
        "an entry about nobody": "UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE subj IS NULL",
        "a number that runs on": "UPDATE subject_heads SET seq = seq + 1 WHERE subj = 'ada'",
        "a number from where it likes": "INSERT INTO subject_heads (subj, seq) VALUES ('ben', 7)",
    },
    "app": {
        "a number once more": "UPDATE subject_heads SET seq = seq WHERE subj = 'ada'",
        "a lower number": "UPDATE subject_heads SET seq = 1 WHERE subj = 'ada'",
        "a number after the last": "UPDATE subject_heads SET seq = 9 WHERE subj = 'gone'",
    },
}
DONE = {
    "sequencer": (
        f"UPDATE tile SET data = data || {_HALF} WHERE n = 1",
        "UPDATE log_head SET size = 258, root = '\\x06'",
        "UPDATE log_head SET size = size, root = root",
        "INSERT INTO checkpoint VALUES (258, 'note', now())",
    ),
    "eraser": (
        "UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE subj = 'ada'",
        f"UPDATE subject_heads SET seq = {NO_MORE} WHERE subj = 'ada'",
        f"INSERT INTO subject_heads (subj, seq) VALUES ('ben', {NO_MORE})",
    ),
    "app": ("UPDATE subject_heads SET seq = seq + 3 WHERE subj = 'ada'",),
}


@pytest.fixture
def filled(urls: dict[str, str]) -> dict[str, str]:
    run(urls["owner"], *_FILLED)
    return urls


def run(url: str, *statements: str) -> None:
    opened = Database(url, pool_size=1)
    try:
        with opened.transaction() as session:
            for statement in statements:
                assert session.connection().execute(text(statement)).rowcount != 0, statement
    finally:
        opened.close()


@pytest.mark.flowlog_test(12)
@pytest.mark.parametrize("role", sorted(REFUSED))
def test_what_a_role_may_write_of_the_log_goes_one_way_alone(filled: dict[str, str], role: str) -> None:
    for statement in REFUSED[role].values():
        with pytest.raises(DBAPIError, match=r"of the log only (grows|ends)|is only taken away|only count on"):
            run(filled[role], statement)
    run(filled[role], *DONE[role])


@pytest.mark.flowlog_control(12)
@pytest.mark.parametrize("role", sorted(REFUSED))
def test_control_without_the_triggers_all_of_it_is_done(filled: dict[str, str], role: str) -> None:
    run(
        filled["owner"],
        *(
            f"ALTER TABLE {table} DISABLE TRIGGER USER"
            for table in ("tile", "log_head", "flow_secret", "subject_heads")
        ),
    )
    assert allowed_and_done(filled[role], REFUSED[role]) == set(REFUSED[role])


@pytest.mark.flowlog_test(12)
def test_a_table_of_ones_own_does_not_make_a_role_the_owner(filled: dict[str, str]) -> None:
    posing = (
        "CREATE TEMP TABLE pg_class AS SELECT oid, (SELECT oid FROM pg_roles WHERE rolname = current_user) AS relowner"
    )
    with pytest.raises(DBAPIError, match="only grows"):
        run(filled["sequencer"], f"{posing} FROM pg_catalog.pg_class", "UPDATE log_head SET size = 1")


def test_it_goes_back_and_forth(postgres: EmbeddedServer) -> None:
    postgres.create_database("narrowed", "template0")
    url = postgres.url("proaktiv_owner", "narrowed")
    may = "SELECT has_table_privilege('proaktiv_sequencer', 'checkpoint', 'DELETE')"
    blob = "SELECT has_column_privilege('proaktiv_eraser', 'flow_secret', 'a_blob', 'UPDATE')"
    tile = "SELECT has_table_privilege('proaktiv_sequencer', 'tile', 'UPDATE')"
    triggers = (
        "SELECT count(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE proname LIKE 'refuses_all_but%'"
    )
    try:
        migrate(url)
        assert [value(url, query) for query in (may, blob, tile, triggers)] == [False, False, False, 5]
        back(url, to="0019")
        assert [value(url, query) for query in (may, blob, tile, triggers)] == [True, True, True, 0]
        migrate(url)
        assert [value(url, query) for query in (may, blob, tile, triggers)] == [False, False, False, 5]
    finally:
        postgres.drop_database("narrowed")
