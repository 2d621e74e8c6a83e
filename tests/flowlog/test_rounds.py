"""The signer goes round the tiles: what changed deep below the root is found before much is signed over it."""

from datetime import timedelta

import pytest

from proaktiv.core.errors import NotFound
from proaktiv.doctor.log import remembers
from proaktiv.flowlog import rounds
from proaktiv.flowlog.published import published_file
from proaktiv.flowlog.rounds import Rounds, in_doubt, turn
from proaktiv.flowlog.signer import Signer
from proaktiv.flowlog.tiles import LogBroken, StoredTree
from tests.flowlog.conftest import NOW, ORIGIN, World, a_flow

FLIP = "UPDATE tile SET {0} = set_byte({0}, 40, get_byte({0}, 40) # 1) WHERE level = 0 AND n = {1}"


@pytest.fixture
def logged(world: World) -> World:
    """Two full tiles below one that is not."""
    world.log_and_sign(*(a_flow() for _ in range(600)))
    return world


def test_a_round_comes_by_each_full_tile_once_level_by_level() -> None:
    size = 2 * 65_536 + 300
    assert len(set(turn(size, (0, 0), 10_000))) == len(turn(size, (0, 0), 10_000)) == 513 + 2
    assert turn(size, (0, 511), 5) == [(0, 511), (0, 512), (1, 0), (1, 1), (0, 0)]
    assert turn(size, (3, 7), 1) == turn(size, (9, 0), 1) == [(0, 0)]
    assert turn(255, (0, 0), 5) == []


@pytest.mark.flowlog_test(14)
@pytest.mark.parametrize("what", ["data", "halfway"])
@pytest.mark.parametrize("n", [0, 1])
def test_a_byte_flipped_in_a_full_tile_is_found_before_the_next_signature(logged: World, n: int, what: str) -> None:
    logged.as_owner(FLIP.format(what, n))
    logged.record(a_flow())
    logged.integrate()
    with pytest.raises(LogBroken, match=f"tile 0/{n} is not what the tile above says"):
        logged.sign()
    assert logged.one("SELECT max(size) FROM checkpoint") == 600


@pytest.mark.flowlog_control(14)
def test_control_a_signer_that_does_not_go_round_signs_over_it(logged: World, monkeypatch: pytest.MonkeyPatch) -> None:
    logged.as_owner(FLIP.format("data", 0))
    logged.record(a_flow())
    logged.integrate()
    monkeypatch.setattr(Rounds, "look", lambda *_: None)
    assert logged.sign() is not None
    with logged.role("reader").transaction() as session:
        assert StoredTree(session).root(601) == logged.one("SELECT root FROM log_head")


@pytest.mark.flowlog_test(14)
def test_in_a_long_log_it_is_found_within_one_round_and_nothing_is_signed_until_it_fits(
    logged: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "PER_LOOK", 1)
    signer = logged.signer()
    ticks = 0

    def tick(by: Signer) -> None:
        nonlocal ticks
        ticks += 1
        logged.record(a_flow())
        logged.integrate()
        with logged.role("sequencer").transaction() as session:
            by.sign(session, NOW + timedelta(seconds=ticks))

    for _ in range(3):
        tick(signer)
    logged.as_owner(FLIP.format("data", 1))
    with pytest.raises(LogBroken):  # in one of two ticks
        for _ in range(2):
            tick(signer)
    signed = logged.one("SELECT max(size) FROM checkpoint")
    for by in (signer, logged.signer()):  # neither does the next tick, nor a process that was started anew
        for _ in range(2):
            with pytest.raises(LogBroken):
                tick(by)
    assert logged.one("SELECT max(size) FROM checkpoint") == signed
    assert in_doubt(logged.state) == (0, 1)
    (said,) = remembers(logged.state, ORIGIN, logged.role("reader")).act()
    assert "tile 0/1" in said.says
    logged.as_owner(FLIP.format("data", 1))
    for _ in range(3):
        tick(signer)
    assert in_doubt(logged.state) is None
    (said,) = remembers(logged.state, ORIGIN, logged.role("reader")).act()
    assert "tile" not in said.says


def test_a_tile_that_is_gone_is_found(logged: World) -> None:
    logged.as_owner("DELETE FROM tile WHERE level = 0 AND n = 0")
    with pytest.raises(LogBroken, match="0/0"):
        logged.sign()


@pytest.mark.flowlog_test(14)
def test_a_full_tile_that_does_not_fit_is_not_given_out(logged: World) -> None:
    with logged.role("app").transaction() as session:
        assert len(published_file(session, "tile/0/000")) == 8192
    logged.as_owner(FLIP.format("data", 0))
    with logged.role("app").transaction() as session:
        for path in ("tile/0/000", "tile/0/000.p/255"):
            with pytest.raises(LogBroken, match="tile 0/0"):
                published_file(session, path)
        assert len(published_file(session, "tile/0/001")) == 8192
        with pytest.raises(NotFound):
            published_file(session, "tile/0/003")
