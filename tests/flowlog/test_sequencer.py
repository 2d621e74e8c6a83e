"""Places in the tree: gap-free, once each, whatever commits when."""

import random
import threading
import time
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.merkle import leaf_hash, root_of
from proaktiv.flowlog.sequencer import PROBES, integrate
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from tests.depth import EXHAUSTIVE, depth
from tests.flowlog.conftest import NOW, World, a_flow


def leaves(world: World) -> list[bytes]:
    rows = world.rows("SELECT entry FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx")
    return [leaf_hash(entry) for (entry,) in rows]


def check_tree(world: World) -> None:
    """Places are contiguous, and tiles and head are those of the entries."""
    hashes = leaves(world)
    size, root = world.rows("SELECT size, root FROM log_head")[0]
    assert [idx for (idx,) in world.rows("SELECT idx FROM flow_leaf ORDER BY idx")] == list(range(size))
    assert len(hashes) == size
    assert root == root_of(hashes)
    with world.role("reader").transaction() as session:
        assert StoredTree(session).root(size) == root


@pytest.mark.parametrize("limit", [1, 7, 256, 10_000])
def test_batches_of_any_size_give_the_same_tree(world: World, limit: int) -> None:
    world.record(*(a_flow() for _ in range(20 if limit == 1 else 600)))
    taken = []
    while not taken or taken[-1]:
        taken.append(world.integrate(limit))
    assert max(taken) <= limit
    assert world.one("SELECT count(*) FROM flow_queue") == 0
    check_tree(world)


def test_an_empty_queue_changes_nothing(world: World) -> None:
    assert world.integrate() == 0
    assert world.one("SELECT size FROM log_head") == 0


def test_a_tile_that_was_changed_stops_the_sequencer(world: World) -> None:
    world.record(*(a_flow() for _ in range(5)))
    world.integrate()
    world.as_owner("UPDATE tile SET data = set_byte(data, 40, get_byte(data, 40) # 1)")
    world.record(a_flow())
    with pytest.raises(LogBroken):
        world.integrate()
    assert world.one("SELECT count(*) FROM flow_queue") == 1


@pytest.mark.parametrize(
    "harm", ["DELETE FROM tile", "UPDATE tile SET data = substr(data, 1, 64)", "DELETE FROM log_head"]
)
def test_a_tree_that_is_not_whole_stops_the_sequencer(world: World, harm: str) -> None:
    world.record(*(a_flow() for _ in range(5)))
    world.integrate()
    world.as_owner(harm)
    world.record(a_flow())
    with pytest.raises(LogBroken):
        world.integrate()


@pytest.mark.flowlog_test(18)
@pytest.mark.parametrize("place", PROBES)
def test_a_crash_anywhere_loses_nothing_and_doubles_nothing(world: World, place: str) -> None:
    world.record(*(a_flow() for _ in range(300)))
    world.integrate(200)

    def crash(name: str) -> None:
        if name == place:
            raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt), world.role("sequencer").transaction() as session:
        integrate(session, probe=crash)
    check_tree(world)
    assert world.one("SELECT size FROM log_head") == 200
    assert world.integrate() == 100
    check_tree(world)


@pytest.mark.flowlog_control(9)
def test_a_reader_by_cursor_misses_what_commits_late_and_the_queue_does_not(world: World) -> None:
    # The control: why the queue is emptied by deleting. Numbers are given before commits.
    def beyond(cursor: int) -> list[int]:
        rows = world.rows("SELECT qid FROM flow_queue WHERE qid > :cursor ORDER BY qid", cursor=cursor)
        return [qid for (qid,) in rows]

    with world.role("app").transaction() as slow:
        (late,) = world.log.record(slow, [a_flow()], NOW)
        (early,) = world.record(a_flow())
        seen = beyond(0)
        world.integrate()
    assert len(seen) == 1
    assert beyond(seen[-1]) == []
    assert world.one("SELECT count(*) FROM flow_queue") == 1
    world.integrate()
    assert [fid for (fid,) in world.rows("SELECT fid FROM flow_leaf ORDER BY idx")] == [early, late]


TURNS = depth(12, 400)
"""Transactions of each of eight writers, one in four rolled back. In full more than the run of flowlog.md § 6."""
DESIGN = {"entries": 3_438, "rolled back": 631, "batches": 594}


@pytest.mark.flowlog_test(9)
def test_writers_with_rollbacks_and_two_sequencers_leave_a_whole_log(world: World) -> None:
    people = [world.a_person() for _ in range(4)]
    kept: list[UUID] = []
    undone: list[int] = []
    batches: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def write(number: int) -> None:
        dice = random.Random(number)
        try:
            for _ in range(TURNS):
                persons = dice.sample(people, dice.randint(0, 3))
                flows = [a_flow(person=person, restrict=dice.random() < 0.2) for person in persons] + [a_flow()]
                with world.role("app").transaction() as session:
                    fids = world.log.record(session, flows, NOW)
                    time.sleep(dice.random() * 0.01)  # commits in another order than numbers were given
                    if dice.random() < 0.25:
                        session.rollback()
                        undone.append(number)
                        fids = []
                kept.extend(fids)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    def sequence() -> None:
        try:
            while True:
                last = done.is_set()
                taken = world.integrate(7)
                if taken:
                    batches.append(taken)
                elif last:
                    return
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    sequencers = [threading.Thread(target=sequence) for _ in range(2)]
    for thread in (*writers, *sequencers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sequencers:
        thread.join()
    assert failures == []
    placed = [fid for (fid,) in world.rows("SELECT fid FROM flow_leaf")]
    assert len(placed) == len(kept) == sum(batches)
    assert set(placed) == set(kept)
    check_tree(world)
    world.sign()
    assert world.verify_opened(people) == []
    did = {"entries": len(kept), "rolled back": len(undone), "batches": len(batches)}
    print(f"concurrency: {did}")
    assert not EXHAUSTIVE or all(did[what] > many for what, many in DESIGN.items()), did


def test_the_sequencer_can_neither_read_nor_write_anything_about_persons(world: World) -> None:
    for table in ("flow_secret", "persons", "contacts", "vault_keys", "event_facts"):
        with (
            pytest.raises(Exception, match="permission denied"),
            world.role("sequencer").transaction() as session,
        ):
            session.connection().execute(text(f"SELECT 1 FROM {table}"))
