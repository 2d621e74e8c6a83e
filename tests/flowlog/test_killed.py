"""The signing worker is killed with -9 at each of its places; the next one ends with the same bytes.

Source: flowlog.md §§ 4, 8 (18).
"""

import signal

import pytest

from proaktiv.core import merkle
from proaktiv.flowlog import sequencer, signer
from proaktiv.flowlog.checkpoints import Checkpoint, sign_note
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow
from tests.processes import PATIENCE_SECONDS, start

_PROCESS = """
import os, signal, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from proaktiv.clock import wall_clock
from proaktiv.database import Database
from proaktiv.flowlog.sequencer import integrate
from proaktiv.flowlog.signer import Signer

url, state, origin, place, way = sys.argv[1:]
database = Database(url, "killed", pool_size=1)

def die(name):
    if name == place:
        if way == "claims-first":
            held.connection().commit()
        os.kill(os.getpid(), signal.SIGKILL)

with database.transaction() as held:
    integrate(held, probe=die)
with database.transaction() as held:
    Signer(Path(state), Ed25519PrivateKey.from_private_bytes(b"s" * 32), origin).sign(held, wall_clock(), die)
"""


def killed(world: World, place: str, way: str = "as-built") -> None:
    url, state = world.urls["sequencer"], str(world.state)
    process = start("-c", _PROCESS, url, state, ORIGIN, place, way)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == -signal.SIGKILL, said


def expected(world: World) -> str:
    """The note over everything in the order of the queue, as nobody's death could change it."""
    placed = world.rows("SELECT entry FROM flow_log JOIN flow_leaf USING (fid) ORDER BY idx")
    queued = world.rows("SELECT entry FROM flow_log JOIN flow_queue USING (fid) ORDER BY qid")
    leaves = [merkle.leaf_hash(bytes(entry)) for (entry,) in placed + queued]
    return sign_note(Checkpoint(ORIGIN, len(leaves), merkle.root_of(leaves)).text(), ORIGIN, SIGNING_KEY)


@pytest.mark.flowlog_test(18)
@pytest.mark.parametrize("place", [*sequencer.PROBES, *signer.PROBES])
def test_whoever_comes_after_the_dead_ends_with_the_same_bytes(world: World, place: str) -> None:
    world.log_and_sign(a_flow())
    world.record(*(a_flow() for _ in range(4)))
    note = expected(world)
    killed(world, place)
    world.integrate()
    world.sign()
    assert world.rows("SELECT size, note FROM checkpoint WHERE size > 1") == [(5, note)]
    assert [idx for (idx,) in world.rows("SELECT idx FROM flow_leaf ORDER BY idx")] == list(range(5))
    assert world.one("SELECT count(DISTINCT fid) FROM flow_leaf") == 5
    assert world.found() == []


@pytest.mark.flowlog_control(18)
def test_control_a_sequencer_that_claims_in_a_transaction_of_its_own_loses_entries(world: World) -> None:
    world.log_and_sign(a_flow())
    world.record(*(a_flow() for _ in range(4)))
    killed(world, "sequencer.claim.after", "claims-first")
    world.integrate()
    world.sign()
    assert world.one("SELECT size FROM log_head") == 1
    assert world.found() == [("row", None)] * 4
