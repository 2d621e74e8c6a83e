"""Many proofs at once are those that each entry would get alone, and one query reads all their tiles."""

import pytest
from sqlalchemy import event

from proaktiv.core.merkle import verify_inclusion
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.proving.inclusions import included
from proaktiv.flowlog.proving.paths import inclusion
from proaktiv.flowlog.tiles import LogBroken
from tests.flowlog.conftest import World, a_flow


def filled(world: World, *sizes: int) -> None:
    for size in sizes:
        world.log_and_sign(*(a_flow() for _ in range(size)))


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_each_is_the_proof_that_it_would_get_alone(world: World, size: int) -> None:
    filled(world, size)
    with world.role("reader").transaction() as session:
        found = included(session, [*range(size), None, size, size + 1])
        assert found is not None
        assert set(found.paths) == set(range(size)), "what is not signed has none"
        root = open_checkpoint(found.note, world.signer().vkey).root
        for index in {0, size // 2, size - 1}:
            alone = inclusion(session, index, size)
            assert found.paths[index] == alone.path
            assert verify_inclusion(index, size, alone.leaf, found.paths[index], root)
        assert found.text(None) is None
        assert found.text(size) is None


def test_tiles_from_before_anything_was_kept_halfway_up_give_the_same_proofs(world: World) -> None:
    filled(world, 700)
    proofs = []
    for _ in range(2):
        with world.role("reader").transaction() as session:
            alone = tuple(inclusion(session, index).path for index in (0, 255, 256, 699))
            found = included(session, range(700))
        proofs.append((alone, found and found.paths))
        world.as_owner("UPDATE tile SET halfway = NULL")
    assert proofs[0] == proofs[1]


def test_all_stand_under_the_newest_checkpoint_and_what_came_later_under_none(world: World) -> None:
    with world.role("reader").transaction() as session:
        assert included(session, [0]) is None
    filled(world, 5, 5)
    world.record(a_flow())
    world.integrate()
    with world.role("reader").transaction() as session:
        found = included(session, [0, 7, 10])
    assert found is not None
    assert (found.size, set(found.paths)) == (10, {0, 7})


def test_one_query_reads_the_tiles_of_all(world: World) -> None:
    filled(world, 1100)
    asked: list[str] = []
    reader = world.role("reader")
    event.listen(reader._engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    with reader.transaction() as session:
        included(session, range(0, 1100, 5))
    assert len([each for each in asked if "FROM tile" in each]) == 1


def test_a_tile_that_is_missing_is_said(world: World) -> None:
    filled(world, 300)
    world.as_owner("DELETE FROM tile WHERE level = 0 AND n = 0")
    with world.role("reader").transaction() as session, pytest.raises(LogBroken, match="tile 0/0 is missing"):
        included(session, [3])
