"""Sources take turns: a flood of one does not stand before another's events. Nothing here is timed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, select

from proaktiv.steps import gate
from proaktiv.tables import EventSubjectRow, RegisterEventRow, core_table
from tests.world import World

EVENTS = core_table(RegisterEventRow)
SUBJECTS = core_table(EventSubjectRow)
SET = 100


def store(city: World, client: str, count: int, *, case: bytes | None = None) -> list[UUID]:
    """Store events of nobody we know, due now, as the intake leaves them."""
    rows = [city.ids.row(city.now) for _ in range(count)]
    events = [
        {
            "id": row,
            "client": client,
            "source": f"urn:{client}",
            "event_id": str(row),
            "kind": "geburt",
            "entry_hash": city.vault.mac("entry", row.bytes),
            "register_version": 1,
            "case_key": case or city.vault.mac("case", row.bytes),
            "ars": "",
            "occurred_month": city.now.date().replace(day=1),
            "arrived_at": city.now,
            "state": "waiting",
            "due_at": city.now,
            "content_mac": row.bytes,
            "payload": b"sealed",
            "flow_id": row,
        }
        for row in rows
    ]
    with city.database.transaction() as session:
        session.connection().execute(insert(EVENTS), events)
        session.connection().execute(
            insert(SUBJECTS),
            [{"event": row, "role": "mutter", "lookup_hash": city.vault.mac("who", row.bytes)} for row in rows],
        )
    return rows


@contextmanager
def a_claim(city: World, limit: int = SET) -> Iterator[list[UUID]]:
    """Claim one set as a worker does, and hold it while the body runs."""
    with city.database.transaction() as session:
        yield [event.id for event in gate._claim(session, city.now, limit)]


def decided(city: World, events: Iterable[UUID]) -> set[UUID]:
    with city.database.transaction() as session:
        found = session.connection().execute(select(EVENTS.c.id).where(EVENTS.c.state != "waiting")).scalars()
        return set(found) & set(events)


def test_an_event_is_in_the_next_set_although_ten_thousand_of_another_source_are_older(world: World) -> None:
    store(world, "flooding", 10_000)
    world.now += timedelta(seconds=1)
    (quiet,) = store(world, "quiet", 1)
    world.pipeline.evaluate()
    assert decided(world, [quiet]) == {quiet}


def test_the_order_of_arrival_alone_would_let_it_wait(world: World) -> None:
    """The control: how the set would look if the sources took no turns."""
    store(world, "flooding", 10 * SET)
    world.now += timedelta(seconds=1)
    (quiet,) = store(world, "quiet", 1)
    with world.database.transaction() as session:
        oldest = select(EVENTS.c.id).order_by(EVENTS.c.due_at, EVENTS.c.seq).limit(SET)
        assert quiet not in set(session.connection().execute(oldest).scalars())


def test_a_set_is_full_whoever_it_is_of(world: World) -> None:
    store(world, "flooding", 3 * SET)
    store(world, "quiet", 1)
    with a_claim(world) as claimed:
        assert len(claimed) == SET


def test_sources_that_have_as_much_get_as_much(world: World) -> None:
    events = {name: store(world, name, 2 * SET) for name in ("a", "b", "c", "d")}
    with a_claim(world) as claimed:
        shares = [len(set(claimed) & set(theirs)) for theirs in events.values()]
    assert shares == [SET // 4] * 4


def test_with_more_sources_than_places_the_oldest_go_first(world: World) -> None:
    first = []
    for number in range(6):
        first += store(world, f"source-{number}", 3)
        world.now += timedelta(seconds=1)
    with a_claim(world, 4) as claimed:
        assert claimed == [first[0], first[3], first[6], first[9]]


def test_within_a_source_the_oldest_goes_first(world: World) -> None:
    events = store(world, "a", 5)
    with a_claim(world, 3) as claimed:
        assert claimed == events[:3]


def test_two_events_of_one_case_are_not_claimed_together(world: World) -> None:
    case = world.vault.mac("case", b"the same")
    earlier, later = store(world, "a", 2, case=case)
    with a_claim(world) as claimed:
        assert claimed == [earlier]
    assert later not in claimed


def test_a_second_worker_takes_the_set_behind_the_first_ones(world: World) -> None:
    events = store(world, "a", 2 * SET)
    with a_claim(world) as first, a_claim(world) as second, a_claim(world) as third:
        assert first == events[:SET]
        assert second == events[SET:]
        assert third == []


def test_nothing_is_claimed_where_nothing_is_due(world: World) -> None:
    store(world, "a", 3)
    world.now -= timedelta(hours=1)
    with a_claim(world) as claimed:
        assert claimed == []
