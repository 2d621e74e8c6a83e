"""While the flow log is behind nothing leaves the house; when it is current again everything goes on by itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import text
from structlog.testing import capture_logs

from proaktiv.database import Database
from proaktiv.flowlog.border import LIMIT, Border
from proaktiv.flowlog.sequencer import integrate
from proaktiv.steps.enrol import Wish
from tests.builders import a_birth, somebody
from tests.world import World

BEYOND = LIMIT + timedelta(minutes=1)


def outside(world: World) -> tuple[int, int, int]:
    """What crossed the border: letters, register questions, Aufträge."""
    registers = (world.melderegister, world.steueramt, world.zulassung)
    return len(list(world.letters.iterdir())), sum(len(each.asked) for each in registers), len(world.behoerde.orders)


@pytest.fixture
def guarded(world: World) -> World:
    """A city as an operator starts it: four hours, and somebody signs until the test says otherwise."""
    world.pipeline = replace(world.pipeline, border=Border())
    return world


def wants_to_enrol(world: World) -> None:
    emil = somebody("Emil")
    world.melderegister.knows(emil)
    world.pipeline.enrol(Wish(emil.vornamen, emil.familienname, emil.geburtsdatum, emil.strasse, emil.plz, emil.ort))


def has_a_letter_ready(world: World) -> None:
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass


def has_said_yes(world: World) -> None:
    has_a_letter_ready(world)
    world.tick()
    auftrag = world.says_yes(world.opens_letter(somebody("Anna")), "GEBURTSURKUNDE")
    world.now = world.value("SELECT undo_until FROM auftraege WHERE id = :id", id=auftrag)


WAYS_OUT = pytest.mark.parametrize(
    ("begin", "act", "which"),
    [
        (wants_to_enrol, "look_up", 1),
        (has_a_letter_ready, "notify", 0),
        (has_said_yes, "dispatch", 2),
    ],
    ids=["look_up", "notify", "dispatch"],
)


@pytest.mark.flowlog_test(11)
@WAYS_OUT
@pytest.mark.parametrize("integrated", [False, True], ids=["queued", "unsigned"])
def test_no_connector_is_called_while_the_log_is_behind_and_then_all_goes_on_by_itself(
    guarded: World, begin: Callable[[World], None], act: str, which: int, integrated: bool
) -> None:
    begin(guarded)
    guarded.signs()
    before = outside(guarded)
    something = a_birth(somebody("Zoe", kennung="MR-99"))
    guarded.announce(something.but(time=guarded.now.isoformat()))  # one more entry, for which nobody comes any more
    if integrated:
        with guarded.sequencer.transaction() as session:
            integrate(session)
    entries = len(guarded.flow_names())
    guarded.now += BEYOND
    with capture_logs() as said:
        for _ in range(3):
            assert getattr(guarded.pipeline, act)() == 0
    assert outside(guarded) == before
    assert guarded.flow_names()[entries:] == [], "nothing was even announced"
    (told,) = [line for line in said if line["event"] == "outward.stopped"]
    assert ("not signed" if integrated else "no place") in told["detail"]
    assert "proaktiv doctor" in told["do"]

    guarded.signs()
    with capture_logs() as said:
        assert getattr(guarded.pipeline, act)() == 1
    assert [line["event"] for line in said if line["event"].startswith("outward")] == ["outward.resumed"]
    assert outside(guarded)[which] == before[which] + 1
    assert guarded.count("tasks", "done_at IS NULL") == 0
    guarded.check_log()


@pytest.mark.flowlog_control(11)
@WAYS_OUT
def test_control_without_its_border_the_house_goes_on_telling_and_asking(
    world: World, begin: Callable[[World], None], act: str, which: int
) -> None:
    begin(world)
    world.signs()
    before = outside(world)
    world.announce(a_birth(somebody("Zoe", kennung="MR-99")).but(time=world.now.isoformat()))
    world.now += BEYOND
    assert getattr(world.pipeline, act)() == 1
    assert outside(world)[which] == before[which] + 1


def test_what_comes_in_is_taken_while_nothing_goes_out(guarded: World) -> None:
    anna = guarded.lives_here(somebody("Anna"), "geburt")
    guarded.now += BEYOND
    guarded.announce(a_birth(anna).but(time=guarded.now.isoformat()))
    guarded.tick()
    assert guarded.letters_to(anna) == []
    assert guarded.flow_names()[-2:] == ["received", "admitted"]
    guarded.signs()
    guarded.tick()
    assert len(guarded.letters_to(anna)) == 1
    guarded.check_log()


def test_an_alarm_comes_after_ten_seconds_and_stops_nothing(guarded: World) -> None:
    wants_to_enrol(guarded)
    guarded.now += timedelta(seconds=11)
    with capture_logs() as said:
        assert guarded.pipeline.look_up() == 1
        guarded.pipeline.notify()
    assert [line["event"] for line in said if line["event"] == "log.late"] == ["log.late"]
    assert len(guarded.melderegister.asked) == 1


@pytest.mark.flowlog_test(11)
@WAYS_OUT
def test_no_connector_is_called_where_the_log_cannot_be_written(
    world: World, begin: Callable[[World], None], act: str, which: int
) -> None:
    begin(world)
    before = outside(world)
    owner = Database(world.urls["owner"], pool_size=1)
    try:
        with owner.transaction() as session:
            session.connection().execute(text("REVOKE INSERT ON flow_log FROM proaktiv_app"))
        with pytest.raises(InsufficientPrivilege, match="flow_log"):
            getattr(world.pipeline, act)()
        assert outside(world) == before
        with owner.transaction() as session:
            session.connection().execute(text("GRANT INSERT ON flow_log TO proaktiv_app"))
    finally:
        owner.close()
    assert getattr(world.pipeline, act)() == 1
    assert outside(world)[which] == before[which] + 1
