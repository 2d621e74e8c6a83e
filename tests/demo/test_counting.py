"""What is due and what happened is counted as the role that may only read."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from sqlalchemy import insert, text

from proaktiv.core.flows import Kind
from proaktiv.database import Database
from proaktiv.demo import counting
from proaktiv.demo.summing_up import dispatched
from proaktiv.tables import BundleRow, FlowLogRow, RegisterEventRow, core_table
from tests.builders import a_birth, somebody
from tests.journeys.test_two_parents import Family
from tests.world import World

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)
SPACE = UUID(int=1)


@pytest.fixture
def reader(urls: dict[str, str]) -> Iterator[Database]:
    opened = Database(urls["reader"], pool_size=1)
    yield opened
    opened.close()


def an_id(name: str) -> UUID:
    return uuid5(SPACE, name)


def write_event(database: Database, name: str, state: str, due_at: datetime | None) -> None:
    with database.transaction() as session:
        session.connection().execute(
            insert(core_table(RegisterEventRow)),
            {
                "id": an_id(name),
                "client": "standesamt",
                "source": "urn:x",
                "event_id": name,
                "kind": "geburt",
                "entry_hash": name.encode(),
                "register_version": 1,
                "case_key": name.encode(),
                "ars": "990010000000",
                "occurred_month": NOW.date(),
                "arrived_at": NOW,
                "state": state,
                "due_at": due_at,
                "content_mac": b"x",
                "flow_id": an_id(f"flow {name}"),
            },
        )


def write_flow(database: Database, name: str, kind: Kind, of: str = "") -> None:
    body = {"of": str(an_id(of))} if of else {}
    with database.transaction() as session:
        session.connection().execute(
            insert(core_table(FlowLogRow)),
            {
                "fid": an_id(name),
                "kind": int(kind),
                "t": NOW,
                **dict.fromkeys(("sender", "receiver", "purpose", "basis", "scope", "outcome"), "x"),
                "f_salt": b"x",
                "f_bytes": json.dumps(body).encode(),
                "entry": b"x",
            },
        )


def due(reader: Database) -> dict[str, int]:
    with reader.transaction() as session:
        return counting.due(session)


def count(reader: Database) -> counting.Counts:
    with reader.transaction() as session:
        return counting.count(session)


def test_in_an_empty_house_nothing_is_due_and_nothing_happened(reader: Database) -> None:
    assert due(reader) == {}
    counts = count(reader)
    assert counts.total("events") == 0
    assert set(counts.numbers.values()) == {0}


def test_an_event_is_due_until_it_is_decided(database: Database, reader: Database) -> None:
    write_event(database, "a", "waiting", NOW)
    write_event(database, "b", "admitted", None)
    assert due(reader) == {"events": 1}
    assert count(reader).of("events", "admitted") == 1
    assert count(reader).total("events") == 2


def test_what_is_due_later_is_due_once_the_clock_was_moved(
    urls: dict[str, str], database: Database, reader: Database
) -> None:
    with reader.transaction() as session:
        in_two_days = session.connection().execute(text("SELECT now() + interval '2 days'")).scalar_one()
    write_event(database, "a", "waiting", in_two_days)
    assert due(reader) == {}
    owner = Database(urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(text("UPDATE demo_clock SET offset_seconds = 3 * 24 * 3600"))
    owner.close()
    assert due(reader) == {"events": 1}


@pytest.mark.parametrize(("hour", "mails"), [(10, {"mails": 1}), (23, {}), (6, {})])
def test_a_mail_is_due_by_day_alone(
    urls: dict[str, str], database: Database, reader: Database, hour: int, mails: dict[str, int]
) -> None:
    owner = Database(urls["owner"], pool_size=1)
    with owner.transaction() as session:
        move = "UPDATE demo_clock SET offset_seconds = extract(epoch FROM (date_trunc('day', here) + :hours - here))"
        session.connection().execute(
            text(f"{move} FROM (SELECT now() AT TIME ZONE 'Europe/Berlin' AS here) AS clock"),
            {"hours": timedelta(days=1, hours=hour)},
        )
        soon = session.connection().execute(
            text("SELECT now() + make_interval(secs => offset_seconds) FROM demo_clock")
        )
        due_at = soon.scalar_one() - timedelta(minutes=1)
    owner.close()
    with database.transaction() as session:
        bundle = {"id": an_id("b"), "event": an_id("e"), "case_key": b"x", "lebenslage": "geburt", "person": an_id("p")}
        session.connection().execute(
            insert(core_table(BundleRow)),
            {**bundle, "state": "open", "messages": 1, "mail_due_at": due_at, "made_at": NOW},
        )
    assert due(reader) == mails


def test_an_authorised_entry_needs_exactly_one_outcome(database: Database, reader: Database) -> None:
    write_flow(database, "paired", Kind.AUTHORISED)
    write_flow(database, "outcome", Kind.OUTCOME, of="paired")
    assert count(reader).numbers["unpaired"] == 0
    write_flow(database, "lonely", Kind.AUTHORISED)
    assert count(reader).numbers["unpaired"] == 1
    write_flow(database, "outcome again", Kind.OUTCOME, of="paired")
    assert count(reader).numbers["unpaired"] == 2
    write_flow(database, "outcome of nothing", Kind.OUTCOME, of="nothing")
    assert count(reader).numbers["unpaired"] == 3
    assert count(reader).flows(Kind.AUTHORISED, Kind.OUTCOME) == 5


# proposals ------------------------------------------------------------------------------------------------------------

Act = Callable[[str], None]


@pytest.fixture
def city(urls: dict[str, str], tmp_path: Path) -> Iterator[World]:
    """A city with one birth, evaluated and not yet told."""
    world = World(urls, tmp_path).found()
    world.announce(a_birth(world.lives_here(somebody("Anna"))))
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass
    assert world.count("proposals", "state = 'open'") > 0
    yield world
    world.close()


@pytest.fixture
def does(urls: dict[str, str]) -> Act:
    """Do what no step does."""

    def act(sql: str) -> None:
        owner = Database(urls["owner"], pool_size=1)
        with owner.transaction() as session:
            session.connection().execute(text(sql))
        owner.close()

    return act


def number(reader: Database, name: str) -> int:
    return count(reader).numbers[name]


def test_an_open_proposal_that_nobody_will_hear_of_is_counted(city: World, reader: Database, does: Act) -> None:
    open_ones = city.count("proposals", "state = 'open'")
    assert number(reader, "untold") == 0, "its bundle is due"
    does("UPDATE bundles SET due_at = NULL")
    assert number(reader, "untold") == open_ones
    does(
        "INSERT INTO tasks (id, what, matter, behoerde, how, made_at)"
        " SELECT gen_random_uuid(), 'x', id, '', '', now() FROM bundles"
    )
    assert number(reader, "untold") == 0, "a clerk sees to it"
    does("UPDATE tasks SET done_at = now()")
    assert number(reader, "untold") == open_ones
    does("UPDATE bundles SET due_at = made_at")
    city.tick()
    does("UPDATE bundles SET due_at = NULL")
    assert number(reader, "untold") == 0, "the letter is out"
    does("UPDATE deliveries SET state = 'failed'")
    assert number(reader, "untold") == open_ones, "the letter came back and nobody took it up"
    does("UPDATE proposals SET state = 'declined'")
    assert number(reader, "untold") == 0


@pytest.mark.usefixtures("city")
def test_a_decision_without_its_proposal_and_a_proposal_without_its_decision_are_counted(
    reader: Database, does: Act
) -> None:
    assert (number(reader, "unproposed"), number(reader, "unmatched")) == (0, 0)
    does("UPDATE matches SET result = 'nein', outcome = ''")
    assert number(reader, "unproposed") == 0
    assert number(reader, "unmatched") > 0
    does("UPDATE matches SET result = 'ja', outcome = 'auftrag'")
    does("DELETE FROM proposals")
    assert number(reader, "unproposed") > 0
    assert number(reader, "unmatched") == 0


def test_what_silence_brings_is_due_until_it_is_done(city: World, reader: Database, does: Act) -> None:
    def at(now: datetime) -> dict[str, int]:
        city.now = now
        does(f"UPDATE demo_clock SET offset_seconds = extract(epoch FROM timestamptz '{now.isoformat()}' - now())")
        return due(reader)

    by_the_day = {"reminders", "unanswered proposals", "second signatures", "Wiedervorlagen"}
    city.tick()
    assert not by_the_day & at(city.now).keys()
    assert {"reminders", "unanswered proposals"} <= at(city.now + timedelta(days=95)).keys()
    city.tick()
    assert not by_the_day & at(city.now).keys()
    assert city.count("proposals", "state = 'lapsed'") > 0


def test_a_second_signature_and_a_wiedervorlage_are_due_by_their_day(
    urls: dict[str, str], tmp_path: Path, reader: Database, does: Act
) -> None:
    world = World(urls, tmp_path).found()
    family = Family(world)
    world.says_yes(family.hers, "ELTERNGELD")
    does("UPDATE auftraege SET due_at = now() + interval '1 day' WHERE state = 'awaiting_signature'")
    assert "second signatures" not in due(reader)
    does("UPDATE auftraege SET due_at = now() WHERE state = 'awaiting_signature'")
    assert due(reader)["second signatures"] == 1
    noted = "INSERT INTO wiedervorlagen (id, event, person, what, due_month, due_on)"
    noted += " SELECT gen_random_uuid(), event, person"
    does(f"{noted}, 'day', date_trunc('month', now()), current_date + 2 FROM bundles LIMIT 1")
    does(f"{noted}, 'month', date_trunc('month', now()), NULL FROM bundles LIMIT 1")
    before = due(reader).get("Wiedervorlagen", 0)
    does("UPDATE wiedervorlagen SET due_on = current_date - 2 WHERE what = 'day'")
    does("UPDATE wiedervorlagen SET due_month = due_month - interval '1 month' WHERE what = 'month'")
    assert due(reader)["Wiedervorlagen"] == before + 2
    world.close()


def test_what_the_log_says_is_counted_by_what_happened_and_how_it_ended(city: World, reader: Database) -> None:
    city.tick()
    counts = count(reader)
    assert counts.logged("event.received") == counts.total("events") == 1
    assert counts.logged("letter.handed_over", "done") == counts.logged("letter.handed_over") == 2
    assert counts.logged("letter.handed_over", "failed") == 0


def test_a_hand_over_that_two_signed_is_one_and_stands_in_the_log_of_both(
    urls: dict[str, str], tmp_path: Path, reader: Database
) -> None:
    world = World(urls, tmp_path).found()
    family = Family(world)
    auftrag = world.says_yes(family.hers, "ELTERNGELD")
    family.signs(auftrag)
    world.says_yes(family.his, "GEBURTSURKUNDE")
    world.tick()
    counts = count(reader)
    assert len(world.behoerde.orders) == dispatched(counts) == 2
    assert counts.logged("auftrag.handed_over") == 2
    assert counts.logged("auftrag.handed_over.signer") == counts.numbers["signers"] == 1
    world.check_log()
    world.close()
