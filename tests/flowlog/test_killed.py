"""The signing worker is killed with -9 at each of its places; the next one ends with the same bytes.

Source: flowlog.md §§ 4, 8 (18).
"""

import signal

import pytest

from proaktiv.core import merkle
from proaktiv.database import Database
from proaktiv.flowlog import sequencer, signer
from proaktiv.flowlog.checkpoints import Checkpoint, sign_note
from tests.chaos.dying import in_own_process
from tests.depth import depth
from tests.flowlog.conftest import NOW, ORIGIN, SIGNING_KEY, World, a_flow
from tests.flowlog.test_atomicity import forget, killed_before
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
    program = world.state.parent / "sequences_and_signs.py"
    program.write_text(_PROCESS, "utf-8")
    process = start(str(program), url, state, ORIGIN, place, way)
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


LOGS = depth([(1, 4)], [(0, 1), (1, 4), (255, 2), (256, 256), (300, 600)])
"""How many entries had a place before, and how many wait: at the edges of a tile, and over two of them."""
EACH = depth(3, 1)
"""A commit lets it die before one statement in so many."""


def killed_at_a_statement(world: World, nth: int) -> int:
    """Let a process die before its nth statement, COMMIT included; returns how it ended."""

    def work() -> None:
        database = Database(world.urls["sequencer"], pool_size=1)
        with killed_before(nth):
            with database.transaction() as session:
                sequencer.integrate(session, 10_000)
            with database.transaction() as session:
                world.signer().sign(session, NOW)

    return in_own_process(work)


@pytest.mark.chaos
@pytest.mark.flowlog_test(18)
@pytest.mark.parametrize(("placed", "waiting"), LOGS)
def test_whoever_comes_after_one_who_died_between_any_two_statements_ends_with_the_same_bytes(
    world: World, placed: int, waiting: int
) -> None:
    nth, ended = 1 - EACH, -signal.SIGKILL
    while ended != 0:
        nth += EACH
        assert ended == -signal.SIGKILL, nth
        forget(world)
        if placed:
            world.log_and_sign(*(a_flow() for _ in range(placed)))
        world.record(*(a_flow() for _ in range(waiting)))
        note, size = expected(world), placed + waiting
        ended = killed_at_a_statement(world, nth)
        world.integrate()
        world.sign()
        assert world.rows("SELECT note FROM checkpoint WHERE size = :size", size=size) == [(note,)], nth
        assert world.rows("SELECT count(DISTINCT fid), max(idx) + 1, count(*) FROM flow_leaf") == [(size,) * 3], nth
        assert world.found() == [], nth
    assert nth > 8, "statements were counted"


@pytest.mark.flowlog_control(18)
def test_control_a_sequencer_that_claims_in_a_transaction_of_its_own_loses_entries(world: World) -> None:
    world.log_and_sign(a_flow())
    world.record(*(a_flow() for _ in range(4)))
    killed(world, "sequencer.claim.after", "claims-first")
    world.integrate()
    world.sign()
    assert world.one("SELECT size FROM log_head") == 1
    assert world.found() == [("row", None)] * 4
