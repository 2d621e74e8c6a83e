"""The clock jumps: an hour, a day, back, over the change of summer time, over a leap day.

Nothing is sent twice, no Frist is another one, and the log keeps its order. What a drifting machine may do stands in
``test_drift``.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from proaktiv.core.calendar import BERLIN
from proaktiv.core.trust import Trust
from proaktiv.core.windows import undo_until
from proaktiv.steps import dispatch
from tests.builders import a_birth, somebody
from tests.world import World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def confirmed(world: World) -> None:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    world.tick()
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")


@pytest.mark.parametrize("jump", [HOUR, -HOUR, DAY, -DAY], ids=str)
def test_a_jump_and_back_changes_no_frist_and_sends_nothing_twice(world: World, jump: timedelta) -> None:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    world.tick()
    last = world.value("SELECT array_agg(answer_by ORDER BY id) FROM proposals")
    right = world.now
    for now in (right + jump, right, right + jump, right):
        world.now = now
        world.tick()
    assert world.value("SELECT array_agg(answer_by ORDER BY id) FROM proposals") == last
    assert len(world.letters_to(anna)) == 1
    assert world.count("proposals", "state <> 'open'") == 0
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    until = world.value("SELECT undo_until FROM auftraege")
    assert until == right + DAY
    world.now = right - DAY
    world.tick()
    assert world.behoerde.orders == {}, "back in time nothing is due earlier"
    world.now = right + 2 * DAY
    world.tick()
    world.now = right - DAY
    world.tick()
    assert (len(world.behoerde.orders), world.behoerde.repeats) == (1, 0)
    assert world.value("SELECT undo_until FROM auftraege") == until
    world.check_log()


def test_the_log_keeps_its_order_when_the_clock_goes_back(world: World) -> None:
    confirmed(world)
    before = world.flow_names()
    world.now -= DAY
    world.announce(a_birth(somebody("Berta")).but(time=world.now.isoformat()))
    world.tick()
    assert world.flow_names()[: len(before)] == before, "what came later stands later, whatever its clock said"
    size = world.check_log()
    world.now += 2 * DAY
    world.tick()
    assert world.check_log() > size


@pytest.mark.parametrize(
    ("before", "wall_hours"),
    [(datetime(2027, 3, 27, 12, 0, tzinfo=BERLIN), 25), (datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN), 23)],
    ids=["to summer time", "to winter time"],
)
def test_an_undo_window_has_24_real_hours_when_the_clocks_are_changed(before: datetime, wall_hours: int) -> None:
    until = undo_until([], Trust.V1, before.astimezone(UTC))
    assert until - before.astimezone(UTC) == DAY
    local = until.astimezone(BERLIN).replace(tzinfo=None) - before.replace(tzinfo=None)
    assert local == timedelta(hours=wall_hours)


def test_control_an_undo_window_reckoned_by_the_wall_is_an_hour_off(world: World) -> None:
    before = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN)
    by_the_wall = before + DAY  # arithmetic of one zone: 12 o'clock again
    assert by_the_wall.astimezone(UTC) - before.astimezone(UTC) != DAY
    confirmed(world)
    right = world.now
    world.now += DAY + HOUR
    assert world.pipeline.dispatch() == 1
    assert right + DAY <= world.now


@pytest.mark.parametrize(
    "start",
    [
        datetime(2028, 2, 28, 22, 30, tzinfo=UTC),  # in Berlin still the 28th, then the leap day
        datetime(2028, 2, 29, 22, 59, tzinfo=UTC),
        datetime(2027, 3, 28, 0, 59, tzinfo=UTC),  # a minute before 2:00 becomes 3:00
        datetime(2026, 10, 25, 0, 59, tzinfo=UTC),  # a minute before 3:00 becomes 2:00
    ],
    ids=lambda start: start.isoformat(),
)
def test_a_yes_on_a_strange_day_leaves_once_and_after_its_window(world: World, start: datetime) -> None:
    world.now = start - 2 * DAY
    anna = world.lives_here(somebody("Anna"), "geburt")
    born = (start - 5 * DAY).date()
    world.announce(a_birth(anna, born_on=born.isoformat()).but(time=world.now.isoformat()))
    world.tick()
    world.now = start
    world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    assert world.value("SELECT undo_until FROM auftraege") == start + DAY
    world.wait(hours=23, minutes=59)
    assert world.behoerde.orders == {}
    world.wait(minutes=2)
    assert len(world.behoerde.orders) == 1
    for last in world.value("SELECT array_agg(answer_by) FROM proposals"):
        assert isinstance(last, date)
        assert last >= start.date()
    world.check_log()


@pytest.mark.parametrize("wrong", [False, True], ids=["real time", "control: the jumped clock"])
def test_a_lease_is_reckoned_in_real_time_and_a_jump_of_the_others_clock_takes_nothing(
    world: World, wrong: bool
) -> None:
    """A worker has an Auftrag in hand; another's clock of the house is a day ahead. Its wall clock is not."""
    confirmed(world)
    world.now += 25 * HOUR
    wall = world.now
    with world.database.transaction() as session:
        (item,) = dispatch.announce(session, world.pipeline.house, world.pipeline.dispatchers, world.now, 8, wall=wall)
    assert item
    ahead = world.now + DAY
    with world.database.transaction() as session:
        taken = dispatch.announce(
            session, world.pipeline.house, world.pipeline.dispatchers, ahead, 8, wall=ahead if wrong else wall
        )
    assert len(taken) == (1 if wrong else 0)
