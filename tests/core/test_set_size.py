"""A set takes about half a second, whatever the machine is doing."""

import pytest

from proaktiv.core.set_size import LEAST, TARGET_SECONDS, SetSize


def after(size: SetSize, seconds_an_item: float, sets: int) -> int:
    for _ in range(sets):
        size.took(size.now, size.now * seconds_an_item)
    return size.now


def test_a_quick_machine_does_the_most_at_once() -> None:
    assert after(SetSize(100), 0.002, 5) == 100


@pytest.mark.parametrize("seconds_an_item", [0.006, 0.008, 0.011])
def test_a_slow_one_does_what_half_a_second_holds(seconds_an_item: float) -> None:
    assert after(SetSize(100), seconds_an_item, 12) == pytest.approx(TARGET_SECONDS / seconds_an_item, abs=2)


def test_it_grows_again_when_the_flood_is_over() -> None:
    size = SetSize(100)
    assert after(size, 0.02, 12) == LEAST
    assert after(size, 0.001, 12) == 100


def test_it_never_falls_below_the_least_nor_above_the_most() -> None:
    assert after(SetSize(100), 60.0, 20) == LEAST
    assert after(SetSize(100), 0.0, 20) == 100
    assert after(SetSize(4), 60.0, 20) == 4
    assert SetSize(1).now == 1


def test_a_few_quick_items_say_nothing_and_a_few_slow_ones_do() -> None:
    size = SetSize(100)
    size.took(1, 0.1)
    size.took(0, 5.0)
    assert size.now == 100
    size.took(1, 5.0)
    assert size.now < 60
