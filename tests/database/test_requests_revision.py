"""Revision 0018 forwards and back: nobody whom two people want erased is forgotten on the way."""

from collections.abc import Iterator

import pytest

from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.database.test_confirmation_revision import value
from tests.database.test_pruning_revision import back

ENTRY = (
    "INSERT INTO flow_log (fid, kind, t, sender, receiver, purpose, basis, scope, outcome, f_salt, f_bytes, entry)"
    " VALUES ('00000000-0000-0000-0000-000000000007', 4, now(), '', '', '', '', '', '', '', '', '')"
)


def wish(state: str, decided: str = "gen_random_uuid(), 'b', now()") -> str:
    return (
        "INSERT INTO erasure_requests (id, person, matter, ground, flow_id, state, asked_by, asked_name, asked_at,"
        " decided_by, decided_name, decided_at, expires_at, seal) VALUES (gen_random_uuid(), gen_random_uuid(),"
        f" gen_random_uuid(), 'withdrawn', '00000000-0000-0000-0000-000000000007', '{state}', gen_random_uuid(), 'a',"
        f" now(), {decided}, now(), 'x')"
    )


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own, current, as its owner."""
    postgres.create_database("requests", "template0")
    url = postgres.url("proaktiv_owner", "requests")
    migrate(url)
    yield url
    postgres.drop_database("requests")


@pytest.mark.parametrize("state", ["granted", "hindered"])
def test_it_does_not_go_back_over_somebody_who_is_to_be_erased(owner: str, state: str) -> None:
    with pytest.raises(RuntimeError, match="1 persons are to be erased"):
        back(owner, ENTRY, wish(state))


def test_it_goes_back_and_forth_where_a_wish_only_waits_or_is_done(owner: str) -> None:
    back(owner, ENTRY, wish("waiting", "NULL, NULL, NULL"), wish("listed"))
    tables = "SELECT count(*) FROM pg_tables WHERE tablename IN ('erasure_requests', 'hold_requests')"
    assert value(owner, tables) == 0
    migrate(owner)
    assert value(owner, tables) == 2
