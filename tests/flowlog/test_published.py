"""Anybody may follow the log from outside, and learns nothing of anybody."""

from collections.abc import Callable

import pytest

from proaktiv.core import merkle
from proaktiv.core.errors import NotFound
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.exports.layout import bundle_path, bundles, tiles
from proaktiv.flowlog.published import published_checkpoint, published_file
from tests.flowlog.conftest import World, a_flow
from tests.flowlog.exports import SIZE, VKEY, fill


@pytest.fixture
def logged(world: World) -> World:
    fill(world)
    return world


def read(world: World) -> Callable[[str], bytes]:
    def file(path: str) -> bytes:
        with world.role("app").transaction() as session:
            return published_file(session, path)

    return file


def test_who_has_nothing_but_the_address_can_rebuild_the_whole_tree(logged: World) -> None:
    with logged.role("app").transaction() as session:
        said = open_checkpoint(published_checkpoint(session), VKEY)
    assert said.size == SIZE
    file = read(logged)
    entries: list[bytes] = []
    for n, width in bundles(said.size, 0):
        raw = file(bundle_path(n, width))
        while raw:
            length = int.from_bytes(raw[:2], "big")
            entries.append(raw[2 : 2 + length])
            raw = raw[2 + length :]
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    assert merkle.root_of(leaves) == said.root
    tree = merkle.extend_tiles(0, leaves, lambda _level, _n: b"")
    for level, n, width in tiles(said.size):
        assert file(merkle.tile_path(level, n, width)) == tree[level, n]


def test_what_is_not_signed_yet_is_not_shown(logged: World) -> None:
    logged.record(a_flow(), a_flow())
    logged.integrate()
    file = read(logged)
    assert len(file(f"tile/0/001.p/{SIZE - 256}")) == 32 * (SIZE - 256)
    for path in (f"tile/0/001.p/{SIZE - 255}", f"tile/entries/001.p/{SIZE - 255}"):
        with pytest.raises(NotFound):
            file(path)
    logged.sign()
    assert file(f"tile/0/001.p/{SIZE - 255}")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/0/000/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/07",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/2/000",
        "tile/63/000",
        "tile/64/000",
        "tile/0/002",
        "tile/entries/001",
        "tile/data/000",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/../0/000",
        "tile/0/000\n",
        "tile/0/００0",
    ],
)
def test_no_other_name_is_answered(logged: World, path: str) -> None:
    with pytest.raises(NotFound):
        read(logged)(path)


def test_a_log_that_nobody_signed_shows_nothing(world: World) -> None:
    world.record(a_flow())
    world.integrate()
    with world.role("app").transaction() as session, pytest.raises(NotFound):
        published_checkpoint(session)
    with pytest.raises(NotFound):
        read(world)("tile/0/000.p/1")


def test_a_bundle_with_a_hole_is_not_given_out(logged: World) -> None:
    logged.as_owner("DELETE FROM flow_leaf WHERE idx = 3")
    with pytest.raises(NotFound, match="no more"):
        read(logged)("tile/entries/000")
