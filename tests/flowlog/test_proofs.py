"""Proofs that leave the house hold against the signed root, and only there."""

import base64

import pytest

from proaktiv.core.errors import NotFound
from proaktiv.core.merkle import leaf_hash, root_of, verify_inclusion
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.proving.paths import consistency, inclusion, index_of, proof_file
from tests.flowlog.conftest import World, a_flow


def test_every_entry_is_proven_under_every_later_root(world: World) -> None:
    world.record(*(a_flow() for _ in range(270)))
    world.integrate()
    leaves = [
        leaf_hash(entry)
        for (entry,) in world.rows("SELECT entry FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx")
    ]
    with world.role("reader").transaction() as session:
        for index, size in ((0, 1), (0, 270), (255, 256), (255, 270), (256, 257), (269, 270)):
            proof = inclusion(session, index, size)
            assert proof.leaf == leaves[index]
            assert proof.holds(root_of(leaves[:size]))
            assert not proof.holds(root_of(leaves[: size - 1]))
        assert inclusion(session, 3).size == 270
        assert consistency(session, 200).holds(root_of(leaves[:200]), root_of(leaves))
        assert not consistency(session, 200, 256).holds(root_of(leaves[1:201]), root_of(leaves[:256]))
        for index, size in ((270, None), (5, 5), (-1, 5)):
            with pytest.raises(ValueError, match="not in a tree"):
                inclusion(session, index, size)
        with pytest.raises(ValueError, match="no consistency"):
            consistency(session, 0)


def test_an_entry_has_no_place_before_the_sequencer_came(world: World) -> None:
    (fid,) = world.record(a_flow())
    with world.role("reader").transaction() as session:
        assert index_of(session, fid) is None
        with pytest.raises(NotFound):
            proof_file(session, fid)
    world.integrate()
    with world.role("reader").transaction() as session:
        assert index_of(session, fid) == 0
        with pytest.raises(NotFound):
            proof_file(session, fid)


def test_a_proof_file_verifies_with_the_key_alone(world: World) -> None:
    fids = world.log_and_sign(*(a_flow() for _ in range(5)))
    world.log_and_sign(a_flow())
    entry = world.one("SELECT entry FROM flow_log WHERE fid = :fid", fid=fids[3])
    with world.role("reader").transaction() as session:
        file = proof_file(session, fids[3])
    head, _, note = file.partition("\n\n")
    form, index, *path = head.split("\n")
    assert (form, index) == ("c2sp.org/tlog-proof@v1", "index 3")
    point = open_checkpoint(note, world.signer().vkey)
    assert point.size == 5
    assert verify_inclusion(3, 5, leaf_hash(entry), [base64.b64decode(step) for step in path], point.root)
