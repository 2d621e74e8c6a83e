"""How the log stands, and when nothing may leave the house."""

from datetime import timedelta

import pytest

from proaktiv.flowlog.findings import Code, findings
from proaktiv.flowlog.status import _WAITS, LogBehind, require_current, status
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


@pytest.mark.flowlog_test(11)
@pytest.mark.parametrize("gone", [("flow_secret", "flow_log"), ("flow_leaf", "flow_secret", "flow_log")])
def test_taking_the_unsigned_entry_away_does_not_open_the_border(world: World, gone: tuple[str, ...]) -> None:
    world.log_and_sign(a_flow())
    (fid,) = world.record(a_flow())
    world.integrate()
    for table in gone:
        world.as_owner(f"DELETE FROM {table} WHERE fid = :fid", fid=fid)
    with world.role("app").transaction() as session:
        require_current(session, NOW + LIMIT, LIMIT)
        with pytest.raises(LogBehind, match="not signed"):
            require_current(session, NOW + 2 * LIMIT, LIMIT)
    with world.role("reader").transaction() as session:
        late = [each for each in findings(session, NOW + LIMIT) if each.code is Code.SIGNING_LATE]
    assert [each.index for each in late] == [1]


@pytest.mark.flowlog_test(11)
@pytest.mark.parametrize("size", [1, None], ids=["rolled back", "gone"])
def test_nothing_leaves_while_more_was_signed_than_there_is(world: World, size: int | None) -> None:
    world.log_and_sign(a_flow(), a_flow())
    with world.role("app").transaction() as session:
        require_current(session, NOW, LIMIT)
    world.as_owner("DELETE FROM log_head" if size is None else "UPDATE log_head SET size = 1")
    with world.role("app").transaction() as session, pytest.raises(LogBehind, match="more entries than there are"):
        require_current(session, NOW, LIMIT)


def test_the_border_reads_by_index_however_long_the_log_is(world: World) -> None:
    world.log_and_sign(*(a_flow() for _ in range(600)))
    world.as_owner("INSERT INTO checkpoint SELECT n, 'x', now() FROM generate_series(2, 599) n")
    for table in ("flow_log", "flow_leaf", "checkpoint"):
        world.as_owner(f"ANALYZE {table}")
    plan = "\n".join(row[0] for row in world.rows(f"EXPLAIN {_WAITS.text}"))
    assert not any(f"Seq Scan on {table}" in plan for table in ("flow_log", "flow_leaf", "checkpoint")), plan
