"""Revision 0021 forwards and back: who moved since they enrolled is written to nowhere before that is settled."""

from collections.abc import Iterator

import pytest

from proaktiv.embedded import EmbeddedServer
from proaktiv.schema import migrate
from tests.database.test_confirmation_revision import value
from tests.database.test_pruning_revision import back

PERSON = "'00000000-0000-0000-0000-0000000000{:02}'"
CONTACT = "INSERT INTO contacts (person, values, known_at) VALUES ({}, '', '2026-10-01')"
EVENT = (
    "INSERT INTO register_events (id, client, source, event_id, kind, entry_hash, register_version, case_key, ars,"
    " occurred_month, arrived_at, state, content_mac, flow_id)"
    " VALUES ({0}, 'm', 'm', {0}, '{1}', {0}, 1, {0}, '990010000000', '2026-09-01', '{2}', 'admitted', '', {0})"
)
FACTS = (
    "INSERT INTO event_facts (event, person, names, values, source, basis, known_at, expires_at)"
    " VALUES ({}, {}, '[]', '', '', '', now(), now())"
)


@pytest.fixture
def owner(postgres: EmbeddedServer) -> Iterator[str]:
    """A database of its own, current, as its owner."""
    postgres.create_database("residence", "template0")
    url = postgres.url("proaktiv_owner", "residence")
    migrate(url)
    yield url
    postgres.drop_database("residence")


def knows(number: int, kind: str, arrived_on: str) -> list[str]:
    """A contact of 1 October, and an event about that person."""
    person, event = PERSON.format(number), PERSON.format(number + 50)
    return [CONTACT.format(person), EVENT.format(event, kind, arrived_on), FACTS.format(event, person)]


def test_whoever_moved_since_the_enrolment_is_in_doubt_and_nobody_else(owner: str) -> None:
    told = [*knows(1, "umzug", "2026-10-05"), *knows(2, "umzug", "2026-09-01"), *knows(3, "geburt", "2026-10-05")]
    back(owner, *told)
    migrate(owner)
    assert value(owner, "SELECT count(*) FROM address_doubts") == 1
    assert str(value(owner, "SELECT person FROM address_doubts")) == PERSON.format(1).strip("'")
    with pytest.raises(RuntimeError, match="1 addresses are in doubt"):
        back(owner)
