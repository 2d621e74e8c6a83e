"""A release reaches running processes: a text and its activity's version always go together."""

import pytest
from sqlalchemy import text

from proaktiv.core.errors import NotSafe
from proaktiv.database import Database
from proaktiv.rulebook.released import Current
from tests.world import World


def test_rules_are_read_anew_when_something_was_released_and_only_then(world: World) -> None:
    current = Current()
    with world.database.transaction() as session:
        before = current(session)
        assert current(session) is before
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(text("UPDATE releases SET version = version + 1 WHERE lebenslage = 'umzug'"))
    owner.close()
    # The new row bears the old one's signature: that it is refused shows that it was read.
    with pytest.raises(NotSafe, match="umzug@2"), world.database.transaction() as session:
        current(session)
