"""How the log stands, and when nothing may leave the house."""

from datetime import timedelta

import pytest

from proaktiv.flowlog.status import LogBehind, require_current, status
from tests.flowlog.conftest import NOW, World, a_flow

LIMIT = timedelta(seconds=30)


def test_the_status_counts_what_is_placed_queued_and_signed(world: World) -> None:
    world.log_and_sign(a_flow(), a_flow())
    world.record(a_flow(), now=NOW + timedelta(seconds=3))
    with world.role("reader").transaction() as session:
        found = status(session, NOW + timedelta(seconds=10)).to_json()
        assert status(session).size == 2
    assert found == {
        "size": 2,
        "queued": 1,
        "signed": 2,
        "oldest_queued_seconds": 7.0,
        "last_checkpoint_seconds": 9.0,
        "cosigned": 0,
        "stamped": 0,
        "last_stamp_seconds": None,
        "asked": {},
        "kinds": {"received": 3},
    }


def test_an_empty_log_has_no_ages(world: World) -> None:
    with world.role("reader").transaction() as session:
        found = status(session, NOW)
    assert (found.oldest_queued_seconds, found.last_checkpoint_seconds, found.kinds) == (None, None, {})


@pytest.mark.flowlog_test(11)
def test_nothing_leaves_while_an_entry_waits_too_long_for_its_place(world: World) -> None:
    world.record(a_flow())
    with world.role("app").transaction() as session:
        require_current(session, NOW + LIMIT, LIMIT)
        with pytest.raises(LogBehind, match="no place"):
            require_current(session, NOW + 2 * LIMIT, LIMIT)


@pytest.mark.flowlog_test(11)
def test_nothing_leaves_while_an_entry_waits_too_long_for_a_signature(world: World) -> None:
    world.log_and_sign(a_flow())
    world.record(a_flow(), now=NOW + timedelta(hours=5))
    world.integrate()
    late = NOW + timedelta(hours=5)
    with world.role("app").transaction() as session:
        require_current(
            session, late + LIMIT, LIMIT
        )  # an old checkpoint is fine as long as nothing waits for a new one
        with pytest.raises(LogBehind, match="not signed"):
            require_current(session, late + 2 * LIMIT, LIMIT)
    world.sign()
    with world.role("app").transaction() as session:
        require_current(session, late + timedelta(days=1), LIMIT)
