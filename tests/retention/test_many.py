"""Several jobs at once, and jobs that die: every row goes once, and the log says of each that it went."""

import signal
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from proaktiv.steps import retain
from tests.chaos.dying import Killer, in_own_process
from tests.retention.test_lives import a_life, due
from tests.world import World

pytestmark = pytest.mark.chaos


def of_this_day(world: World) -> dict[str, int]:
    """What the log says was deleted, by rule; its facts are the bytes that were committed to."""
    with world.database.transaction() as session:
        rows = session.connection().execute(
            text("SELECT scope, convert_from(f_bytes, 'UTF8')::jsonb ->> 'n' AS n FROM flow_log WHERE kind = 6")
        )
        found: dict[str, int] = {}
        for row in rows:
            found[row.scope] = found.get(row.scope, 0) + int(row.n)
    return found


def much_is_over(world: World) -> dict[str, int]:
    a_life(world)
    world.now += timedelta(days=3000)
    world.tick()
    return due(world.pipeline.preview_retention())


def finish(world: World) -> None:
    for _ in range(500):
        if not world.pipeline.retain() and world.count("retention_runs", "finished_at IS NOT NULL"):
            return
    raise AssertionError("the run never ends")


def test_the_daily_run_takes_everything_once_and_then_rests(world: World) -> None:
    expected = much_is_over(world)
    finish(world)
    assert of_this_day(world) == expected
    assert world.pipeline.retain() == 0
    assert world.value("SELECT n FROM retention_runs") == sum(expected.values())
    world.now += timedelta(days=1)
    finish(world)
    assert world.count("retention_runs") == 2
    assert of_this_day(world) == expected
    world.check_log()


def test_two_jobs_at_once_take_every_row_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = much_is_over(world)
    monkeypatch.setattr("proaktiv.pipeline.RETENTION_SET", 1)
    monkeypatch.setattr("proaktiv.acts.office.RETENTION_SET", 1)
    start, broken = threading.Barrier(3), []

    def job(work: object) -> None:
        try:
            start.wait(60)
            work()  # type: ignore[operator]
        except Exception as error:  # noqa: BLE001 - shown by the test
            broken.append(error)

    jobs = [lambda: finish(world), lambda: finish(world), lambda: world.pipeline.delete_all(lambda _r, _n: None)]
    threads = [threading.Thread(target=job, args=(each,)) for each in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert broken == []
    assert of_this_day(world) == expected
    world.check_log()


def test_what_somebody_works_on_is_left_and_taken_when_they_are_done(world: World) -> None:
    much_is_over(world)
    with world.database.transaction() as session:
        session.connection().execute(text("SELECT FROM auftraege FOR UPDATE"))
        while world.pipeline.retain():
            pass
        assert world.count("auftraege", "content IS NOT NULL") == 1
        assert world.count("retention_runs", "finished_at IS NULL") == 1, "the day is not done"
    finish(world)
    assert world.count("auftraege") == 0


@pytest.mark.parametrize("place", retain.PROBES)
def test_a_killed_job_loses_nothing_and_logs_nothing_that_did_not_happen(world: World, place: str) -> None:
    expected = much_is_over(world)

    def dying() -> None:
        child = replace(world, now=world.now, probe=Killer(place, nth=3)).open()
        child.pipeline.delete_all(lambda _rule, _n: None)

    assert in_own_process(dying) == -signal.SIGKILL
    finish(world)
    assert of_this_day(world) == expected
    assert due(world.pipeline.preview_retention()) == {}
    world.check_log()


def test_control_a_set_without_its_entry_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = much_is_over(world)
    monkeypatch.setattr(type(world.pipeline.house.log), "record", lambda *_a, **_k: [])
    finish(world)
    monkeypatch.undo()
    assert of_this_day(world) != expected
