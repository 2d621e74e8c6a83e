"""A source that reports far more than it uses to: nothing is lost, vetoes count at once, the rest waits for a human."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from proaktiv.core.clients import Client, held_beyond
from proaktiv.core.errors import NotFound
from proaktiv.pipeline import Pipeline
from proaktiv.sources.commands import make_sources_app
from proaktiv.tables import ClientDayRow, ClientRow, EventSubjectRow, RegisterEventRow, StopRow, core_table
from tests.builders import Event, Somebody, a_birth, a_cancellation, a_death, child_of, somebody
from tests.intake.conftest import City
from tests.world import World

USUAL = 2
CLERK = "Sachbearbeitung 7"


@pytest.fixture
def used(city: City) -> City:
    """The Standesamt reports two events on a usual day, and may report eight before anybody wonders."""
    days = [
        {"client": "standesamt", "day": city.world.now.date() - timedelta(days=ago), "n": USUAL} for ago in range(1, 8)
    ]
    with city.owner.transaction() as session:
        session.connection().execute(insert(core_table(ClientDayRow)), days)
    city.set(ClientRow, "standesamt", jump_factor=4, jump_floor=5)
    return city


def flood(city: City, number: int = 8) -> None:
    """Use up what goes on unseen."""
    for _ in range(number):
        city.world.announce(a_birth(somebody()))


def held(city: City) -> list[Any]:
    return [row for row in city.rows(RegisterEventRow) if row.quarantined_at is not None]


def client(**changes: Any) -> Client:
    return Client("x", "urn:x", ("99",), frozenset({"geburt"}), 1000, **changes)


@pytest.mark.parametrize(
    ("days", "beyond"),
    [
        ([], None),
        ([10] * 4, None),
        ([10] * 5, 50),
        ([1] * 14, 20),
        ([10, 10, 10, 10, 900], 50),
        ([30, 40, 50, 60], None),
        ([30, 40, 50, 60, 70, 80], 275),
    ],
)
def test_what_is_usual_is_the_median_of_enough_days_and_never_below_the_floor(days: list[int], beyond: int) -> None:
    assert held_beyond(client(jump_floor=20), days) == beyond


def test_a_usual_day_is_not_held(used: City) -> None:
    flood(used)
    assert held(used) == []
    assert used.world.count("incidents") == used.world.count("tasks") == 0


def test_a_source_without_a_history_is_not_held(city: City) -> None:
    city.set(ClientRow, "standesamt", jump_floor=1)
    flood(city)
    assert held(city) == []


def test_beyond_it_events_are_kept_and_not_looked_into_until_a_human_lets_them(used: City) -> None:
    world = used.world
    anna = world.lives_here(somebody("Anna"))
    flood(used)
    assert not world.announce(a_birth(anna)).duplicate
    world.tick()
    assert world.letters_to(anna) == []
    (row,) = held(used)
    assert (row.state, row.due_at) == ("held", None)
    assert row.payload is not None
    assert world.pipeline.release_source("standesamt", CLERK) == 1
    world.tick()
    assert len(world.letters_to(anna)) == 1
    assert held(used) == []
    world.check_log()


def test_clerk_and_dsb_are_told_once_a_day_and_source(used: City) -> None:
    flood(used, 12)
    assert used.world.count("incidents", "what = 'source.jumped'") == 1
    assert used.world.count("tasks", "what = 'source.held' AND done_at IS NULL") == 1
    assert used.world.value("SELECT count(*) FROM flow_log WHERE f_bytes::text LIKE '%736f757263652e68656c64%'") == 1
    used.world.now += timedelta(days=1)
    flood(used, 48)
    assert used.world.count("incidents", "what = 'source.jumped'") == 2
    used.world.pipeline.release_source("standesamt", CLERK)
    assert used.world.count("tasks", "what = 'source.held' AND done_at IS NULL") == 0
    used.world.check_log()


def test_after_a_release_the_rest_of_the_day_goes_on(used: City) -> None:
    flood(used, 9)
    used.world.pipeline.release_source("standesamt", CLERK)
    flood(used, 5)
    assert held(used) == []


def test_other_sources_are_not_held(used: City) -> None:
    flood(used, 9)
    assert {row.client for row in held(used)} == {"standesamt"}
    used.world.announce(a_death("MR-1").but(source="urn:proaktiv:demo:meldebehoerde"))
    assert len(held(used)) == 1


def test_a_repeat_of_what_is_held_is_a_duplicate(used: City) -> None:
    flood(used)
    birth = a_birth(somebody())
    first = used.world.announce(birth)
    again = used.world.announce(birth)
    assert (again.id, again.duplicate) == (first.id, True)


def test_a_veto_of_a_held_source_counts_at_once(used: City) -> None:
    world = used.world
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    ours, theirs = a_birth(anna), a_birth(ben)
    world.announce(ours)
    world.announce(theirs)
    world.tick()
    flood(used, 6)
    world.announce(a_death(child_of(ours)))
    world.announce(a_cancellation(theirs))
    assert len(held(used)) == 2
    assert world.count("proposals", "state = 'open'") == 0
    world.check_log()


def test_a_forged_veto_costs_a_delay_and_a_human_is_told_what_to_mend(used: City) -> None:
    world = used.world
    anna = world.lives_here(somebody("Anna"))
    flood(used)
    world.announce(a_death(anna.kennung))
    assert world.pipeline.reject_source("standesamt", CLERK) == 1
    assert [row.lifted_at is None for row in used.rows(StopRow)] == [False]
    assert world.count("tasks", "what = 'stop.lifted'") == 1
    world.now += timedelta(days=1)
    world.announce(a_birth(anna))
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_a_held_source_takes_no_veto_away(used: City) -> None:
    """A forged Storno must not wake the dead; the true one counts when it is released."""
    death = a_death("MR-1")
    used.world.announce(death)
    flood(used, 7)
    used.world.announce(a_cancellation(death))

    def standing() -> set[str]:
        return {row.guard for row in used.rows(StopRow) if row.lifted_at is None}

    assert standing() == {"V08"}
    used.world.announce(a_cancellation(a_death("MR-2")))
    used.world.pipeline.release_source("standesamt", CLERK)
    assert standing() == {"V14"}
    used.world.check_log()


def test_a_held_storno_of_a_death_to_come_does_not_hide_that_death(used: City) -> None:
    world = used.world
    anna = world.lives_here(somebody("Anna"))
    death = a_death(anna.kennung)
    flood(used)
    world.announce(a_cancellation(death))
    world.announce(death)
    assert world.value("SELECT status FROM persons WHERE status = 'deceased'") == "deceased"
    world.pipeline.reject_source("standesamt", CLERK)


def test_a_held_correction_changes_nothing_before_it_is_released(used: City) -> None:
    world = used.world
    anna, berta = world.lives_here(somebody("Anna")), world.lives_here(somebody("Berta"))
    birth = a_birth(anna)
    world.announce(birth)
    flood(used, 7)
    world.announce(moved_to(berta, birth))
    world.tick()
    assert (len(world.letters_to(anna)), len(world.letters_to(berta))) == (1, 0)
    world.pipeline.release_source("standesamt", CLERK)
    world.tick()
    assert len(world.letters_to(berta)) == 1
    assert world.proposals(world.opens_letter(anna)) == {}
    world.check_log()


def moved_to(mother: Somebody, birth: Event) -> Event:
    return birth.but(id=f"{birth.id}-2", fassung=2, eltern=a_birth(mother).data["eltern"])


def test_of_several_held_versions_the_newest_goes_on(used: City) -> None:
    world = used.world
    anna, berta = world.lives_here(somebody("Anna")), world.lives_here(somebody("Berta"))
    birth = a_birth(anna)
    flood(used)
    world.announce(moved_to(berta, birth))
    world.announce(birth)
    world.pipeline.release_source("standesamt", CLERK)
    world.tick()
    assert (len(world.letters_to(anna)), len(world.letters_to(berta))) == (0, 1)
    assert {row.event for row in used.rows(EventSubjectRow)} <= {
        row.id for row in used.rows(RegisterEventRow) if row.state != "stopped"
    }


def test_a_held_stillbirth_is_not_undone_by_a_held_correction_before_the_release(used: City) -> None:
    world = used.world
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna, schutz={"totgeboren": True})
    world.announce(birth)
    flood(used, 7)
    world.announce(birth.but(id="v2", fassung=2, schutz={}))
    assert [row.lifted_at for row in used.rows(StopRow)] == [None]
    world.pipeline.release_source("standesamt", CLERK)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_what_is_rejected_leaves_nothing_personal_and_may_be_reported_again(used: City) -> None:
    world = used.world
    anna = world.lives_here(somebody("Anna"))
    flood(used)
    birth = a_birth(anna)
    forged = world.announce(birth)
    assert world.pipeline.reject_source("standesamt", CLERK) == 1
    row = used.event(forged.id)
    assert (row.state, row.payload, row.quarantined_at) == ("refused", None, None)
    assert row.id not in {each.event for each in used.rows(EventSubjectRow)}
    world.tick()
    assert world.letters_to(anna) == []
    world.now += timedelta(days=1)
    again = world.announce(birth)
    assert (again.id == forged.id, again.duplicate) == (False, False)
    world.tick()
    assert len(world.letters_to(anna)) == 1
    world.check_log()


def test_a_batch_across_the_limit_is_kept_whole_and_held_in_part(used: City) -> None:
    reports = [a_birth(somebody()) for _ in range(10)]
    body = b"[" + b",".join(report.body for report in reports) + b"]"
    answers = used.world.pipeline.receive_batch("standesamt", body)
    assert len(answers) == 10
    assert [row.event_id for row in held(used)] == [report.id for report in reports[8:]]


def test_a_large_quarantine_is_decided_in_sets(used: City) -> None:
    flood(used)
    for _ in range(3):
        reports = [a_birth(somebody()) for _ in range(70)]
        used.world.pipeline.receive_batch(
            "standesamt", json.dumps([json.loads(report.body) for report in reports]).encode()
        )
    assert used.world.pipeline.release_source("standesamt", CLERK) == 210
    assert {row.state for row in used.rows(RegisterEventRow)} == {"waiting"}


@pytest.fixture
def run(used: City) -> Callable[..., Any]:
    @contextmanager
    def house() -> Iterator[Pipeline]:
        yield used.world.pipeline

    app = make_sources_app(house)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


def test_the_clerk_lists_releases_and_rejects(used: City, run: Callable[..., Any]) -> None:
    flood(used, 9)
    listed = run("list").output.splitlines()
    assert listed[0].split() == ["meldebehoerde", "active", "today", "0/1000", "-"]
    assert "today 9/1000  1 in quarantine since 2026-10-14 09:00 UTC" in listed[1]
    assert run("reject", "standesamt", "--by", CLERK).output.startswith("1 events are rejected")
    flood(used, 1)
    assert run("release", "standesamt", "--by", CLERK).output == "1 events go on.\n"
    assert run("release", "standesamt").exit_code == 2, "nobody decides without a name"


def test_a_client_that_is_not_there_is_named(used: City) -> None:
    world: World = used.world
    for decide in (world.pipeline.release_source, world.pipeline.reject_source):
        with pytest.raises(NotFound, match="there is no client nobody; proaktiv sources list names them"):
            decide("nobody", CLERK)
