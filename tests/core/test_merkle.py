"""The hash tree against its definition, written recursively here."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proaktiv.core import merkle
from proaktiv.core.merkle import (
    EMPTY_ROOT,
    Tiles,
    TreeBuilder,
    consistency_proof,
    extend_tiles,
    halfway_of,
    inclusion_proof,
    leaf_hash,
    levels_of,
    root_of,
    subtree_root,
    tile_path,
    verify_consistency,
    verify_inclusion,
)
from tests.depth import depth

LEAVES = [leaf_hash(b"entry %d" % i) for i in range(700)]


def defined_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


def in_memory(leaves: list[bytes]) -> merkle.ReadHash:
    levels = levels_of(leaves)
    return lambda level, index: levels[level][index]


def stored(size: int, batch: int) -> dict[tuple[int, int], bytes]:
    tiles: dict[tuple[int, int], bytes] = {}

    def load(level: int, n: int) -> bytes:
        return tiles[level, n]

    for start in range(0, size, batch):
        tiles.update(extend_tiles(start, LEAVES[start : min(size, start + batch)], load))
    return tiles


def test_an_empty_tree_has_the_hash_of_nothing_as_its_root() -> None:
    assert root_of([]) == EMPTY_ROOT == TreeBuilder().root()


@pytest.mark.parametrize("size", [*range(1, 18), 255, 256, 257, 511, 512, 513, 700])
def test_every_way_to_the_root_agrees_with_the_definition(size: int) -> None:
    builder = TreeBuilder()
    builder.extend(LEAVES[:size])
    tiles = stored(size, 97)
    wanted = defined_root(LEAVES[:size])
    assert root_of(LEAVES[:size]) == wanted
    assert builder.root() == wanted
    assert subtree_root(Tiles(lambda level, n: tiles[level, n]).read, 0, size) == wanted


@pytest.mark.parametrize("batch", [1, 2, 255, 256, 257, 700])
def test_tiles_do_not_depend_on_how_the_leaves_arrived(batch: int) -> None:
    assert stored(700, batch) == stored(700, 31)


def test_a_builder_tells_of_every_hash_of_the_upper_tiles() -> None:
    told: dict[tuple[int, int, int], bytes] = {}
    builder = TreeBuilder(lambda level, n, offset, value: told.__setitem__((level, n, offset), value))
    builder.extend(LEAVES)
    upper = stored(700, 700)[1, 0]
    assert told == {(1, 0, 0): upper[:32], (1, 0, 1): upper[32:]}


def test_a_tree_of_three_tile_levels_stays_whole() -> None:
    leaves = [i.to_bytes(32, "big") for i in range(65_536 + 300)]
    tiles = extend_tiles(0, leaves, lambda _level, _n: b"")
    assert len(tiles[2, 0]) == 32
    read = Tiles(lambda level, n: tiles[level, n]).read
    proof = inclusion_proof(read, 65_600, len(leaves))
    root = root_of(leaves)
    assert verify_inclusion(65_600, len(leaves), leaves[65_600], proof, root)
    assert verify_consistency(
        65_000, len(leaves), root_of(leaves[:65_000]), root, consistency_proof(read, 65_000, len(leaves))
    )


def test_every_inclusion_proof_of_small_trees_verifies_and_no_other_leaf_does() -> None:
    for size in range(1, 20):
        read, root = in_memory(LEAVES[:size]), root_of(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(read, index, size)
            assert verify_inclusion(index, size, LEAVES[index], proof, root)
            assert not verify_inclusion(index, size, LEAVES[index + 1], proof, root)
            assert not verify_inclusion(index, size, LEAVES[index], [*proof, root], root)
            assert not verify_inclusion(index, size, LEAVES[index], proof[:-1], root) or not proof


def test_every_consistency_proof_of_small_trees_verifies_and_no_fork_does() -> None:
    for new in range(1, 20):
        read, root = in_memory(LEAVES[:new]), root_of(LEAVES[:new])
        for old in range(1, new + 1):
            proof = consistency_proof(read, old, new)
            assert verify_consistency(old, new, root_of(LEAVES[:old]), root, proof)
            assert not verify_consistency(old, new, root_of(LEAVES[1 : old + 1]), root, proof)
            assert not verify_consistency(old, new, root_of(LEAVES[:old]), EMPTY_ROOT, proof)


@settings(max_examples=depth(60, 5_000), deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 40), st.integers(0, 255))
def test_a_flipped_byte_anywhere_in_a_proof_is_refused(a: int, b: int, which: int, bit: int) -> None:
    old, new = sorted((a, b))
    read, root = in_memory(LEAVES[:new]), root_of(LEAVES[:new])
    proof = consistency_proof(read, old, new)
    if proof:
        place = which % len(proof)
        broken = bytearray(proof[place])
        broken[bit // 8] ^= 1 << bit % 8
        proof[place] = bytes(broken)
        assert not verify_consistency(old, new, root_of(LEAVES[:old]), root, proof)


def test_a_proof_of_a_smaller_tree_says_nothing_about_a_larger_one() -> None:
    read, roots = in_memory(LEAVES[:4]), [root_of(LEAVES[:size]) for size in range(5)]
    inside, grown = inclusion_proof(read, 0, 4), consistency_proof(read, 2, 4)
    assert verify_inclusion(0, 4, LEAVES[0], inside, roots[4])
    assert not verify_inclusion(0, 8, LEAVES[0], inside, roots[4])
    assert verify_consistency(2, 4, roots[2], roots[4], grown)
    assert not verify_consistency(2, 8, roots[2], roots[4], grown)


def test_a_proof_step_that_is_no_hash_is_refused() -> None:
    # Without the length check, left ‖ right could be cut elsewhere and hash the same.
    root = root_of(LEAVES[:2])
    assert not verify_inclusion(0, 2, LEAVES[0] + LEAVES[1][:1], [LEAVES[1][1:]], root)
    assert not verify_consistency(1, 2, LEAVES[0] + LEAVES[1][:1], root, [LEAVES[1][1:]])


def test_size_zero_proves_nothing() -> None:
    assert not verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert not verify_consistency(0, 1, EMPTY_ROOT, LEAVES[0], [])
    assert not verify_inclusion(0, 0, LEAVES[0], [], LEAVES[0])
    with pytest.raises(ValueError, match="from 0"):
        consistency_proof(in_memory(LEAVES[:1]), 0, 1)
    with pytest.raises(ValueError, match="from 3"):
        consistency_proof(in_memory(LEAVES[:2]), 3, 2)
    with pytest.raises(ValueError, match="leaf 2"):
        inclusion_proof(in_memory(LEAVES[:2]), 2, 2)


@pytest.mark.parametrize("size", [256, 700, 1024])
def test_what_is_kept_halfway_up_a_tile_changes_no_node_of_it(size: int) -> None:
    leaves = [i.to_bytes(32, "big") for i in range(size)]
    tiles = extend_tiles(0, leaves, lambda _level, _n: b"")
    whole = Tiles(lambda level, n: tiles[level, n])
    quick = Tiles(lambda level, n: tiles[level, n], lambda level, n: halfway_of(tiles[level, n]))
    for level in range(9):
        for index in range(size >> level):
            assert quick.read(level, index) == whole.read(level, index)


def test_only_a_full_tile_has_something_halfway_up_and_it_is_what_nodes_are_made_of() -> None:
    full = b"".join(i.to_bytes(32, "big") for i in range(256))
    assert halfway_of(full[:-32]) == b""
    assert len(halfway_of(full)) == 16 * 32
    believed = Tiles(lambda _level, _n: full, lambda _level, _n: bytes(512))
    assert believed.read(7, 0) == root_of([bytes(32)] * 8) != Tiles(lambda _level, _n: full).read(7, 0)


def test_a_tile_that_is_too_short_is_named() -> None:
    with pytest.raises(LookupError, match="tile 0/0"):
        Tiles(lambda _level, _n: LEAVES[0]).read(0, 1)
    with pytest.raises(LookupError, match="tile 0/0"):
        extend_tiles(2, LEAVES[2:4], lambda _level, _n: LEAVES[0])


def test_tile_paths_follow_the_published_examples() -> None:
    assert tile_path(0, 0) == "tile/0/000"
    assert tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile_path(1, 1234, 7) == "tile/1/x001/234.p/7"
