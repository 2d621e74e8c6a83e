"""A worker process whose machine's clock jumps by an hour, by a day and back, and lives through strange days.

What the parts decide with a clock that jumped stands in ``tests.journeys``; here the whole process meets it: ticks,
leases, connections, the law's clock. PostgreSQL keeps the right time, as the other machine of an installation does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from sqlalchemy import text

from proaktiv.core.calendar import BERLIN
from proaktiv.core.ids import Ids
from proaktiv.database import Database
from proaktiv.settings import Settings
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys
from tests.builders import a_birth, somebody
from tests.chaos.outage import wait_for
from tests.outward.servers import Server, answers
from tests.processes import start_into
from tests.settings_of import everything, settings_of
from tests.world import START, World

pytestmark = pytest.mark.chaos

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
STRANGE_DAYS = {
    ("Anna", "Ben"): datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN),  # until noon of the next day are 25 hours
    ("Berta", "Carl"): datetime(2027, 3, 27, 12, 0, tzinfo=BERLIN),  # and here 23
    ("Clara", "Dirk"): datetime(2028, 2, 28, 23, 30, tzinfo=BERLIN),  # the next day comes every four years
}


@dataclass
class Machines:
    """The house, PostgreSQL in the right time, a Behörde, and a worker on a machine of its own."""

    world: World
    owner: Database
    behoerde: Server
    environment: dict[str, str]
    worker: ForkServerProcess | None = None

    @property
    def clock(self) -> Path:
        return self.world.folder / "clock"

    @property
    def said(self) -> str:
        return (self.world.folder / "worker.log").read_text()

    def starts(self) -> None:
        self.clock.write_text("0")
        with (self.world.folder / "worker.log").open("wb") as log:
            words = ("-m", "tests.chaos.jumping", str(self.clock), "work")
            self.worker = start_into(log, *words, settings=self.environment)
        self.hears("worker.started")

    def hears(self, word: str, after: int = 0) -> int:
        """Wait until the worker has said it; returns how much it had said then."""
        wait_for(lambda: word in self.said[after:] or self.ended(), word)
        assert word in self.said[after:], self.said
        return len(self.said)

    def ended(self) -> bool:
        return self.worker is not None and self.worker.exitcode is not None

    def jumps(self, to: timedelta) -> int:
        """Somebody sets the machine's clock. Returns how much the worker had said before it noticed."""
        before = len(self.said)
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(str(to.total_seconds()))
        fresh.replace(self.clock)
        self.hears("clock.jumped", before)
        return before

    def law_says(self, now: datetime) -> None:
        """The time that rows are due by, for the whole house; the log is signed up to here."""
        self.world.check_log()
        self.world.now = now
        with self.owner.transaction() as session:
            session.connection().execute(
                text("UPDATE demo_clock SET offset_seconds = extract(epoch FROM :law - clock_timestamp())"),
                {"law": now},
            )

    def confirmed(self, at: datetime, name: str) -> str:
        """Somebody says yes at this moment; returns the Auftrag's id."""
        world = self.world
        world.now = at - DAY
        anna = world.lives_here(somebody(name), "geburt")
        born = (at - 5 * DAY).date().isoformat()
        world.announce(a_birth(anna, born_on=born).but(time=world.now.isoformat()))
        while world.pipeline.towards_citizen():
            pass
        world.now = at
        auftrag = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
        assert world.value("SELECT undo_until FROM auftraege WHERE id = :id", id=auftrag) == at + DAY
        return str(auftrag)

    def state(self, auftrag: str) -> str:
        return str(self.world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag))

    def sent(self, auftrag: str) -> None:
        def is_sent() -> bool:
            self.world.signs()  # or months of the law's clock are months without a signature, and nothing leaves
            return self.state(auftrag) == "sent" or self.ended()

        wait_for(is_sent, "the hand-over")
        assert self.state(auftrag) == "sent", self.said

    def keys_heard(self) -> list[bytes]:
        return [line for each in self.behoerde.heard for line in each.split(b"\r\n") if b"dempotency" in line]


def vault_of(settings: Settings, ids: Ids) -> Vault:
    """All that an installation with these settings can open."""
    keks = {part: Kek.of(part, getattr(settings, f"kek_{part}")) for part in Compartment}
    assert settings.index_key
    assert settings.code_key
    keys = VaultKeys(
        index=settings.index_key,
        keks=keks,
        code=settings.code_key,
        intake_public=settings.intake_public_key or b"",
        intake_private=settings.intake_private_key or b"",
    )
    return Vault(keys, ids)


@pytest.fixture
def machines(urls: dict[str, str], tmp_path: Path) -> Iterator[Machines]:
    world, posted = World(urls, tmp_path), tmp_path / "posted"
    posted.mkdir()
    behoerde, owner = Server(answers(200)), Database(urls["owner"], pool_size=1)
    given = everything(urls, tmp_path) | {
        "PROAKTIV_LETTERS_DIR": str(posted),
        "PROAKTIV_OUTBOUND": f'["{behoerde.host}", "127.0.0.1:9"]',
        "PROAKTIV_DEMO_CLOCK": "1",
    }
    world.vault = vault_of(settings_of(given), world.ids)
    world.found()
    with owner.transaction() as session:
        session.connection().execute(text("UPDATE behoerden SET endpoint = :url"), {"url": behoerde.url})
    made = Machines(world, owner, behoerde, given)
    yield made
    if made.worker is not None:
        made.worker.kill()
        made.worker.join(60)
    behoerde.close()
    owner.close()
    world.close()


def test_a_machine_whose_clock_jumps_sends_nothing_until_it_is_right_and_then_each_thing_once(
    machines: Machines,
) -> None:
    at = START + 2 * DAY
    later = machines.confirmed(at + 2 * DAY, "Berta")
    auftrag = machines.confirmed(at, "Anna")
    machines.law_says(at + 23 * HOUR)
    machines.starts()
    for jump in (HOUR, -HOUR, DAY, -DAY):
        before = machines.jumps(jump)
        where = "ahead of" if jump > timedelta(0) else "behind"
        machines.hears(f"s {where} the database's", before)
        assert machines.state(auftrag) == "held", "nothing is decided by a clock that is wrong"
    machines.jumps(timedelta(0))
    assert machines.behoerde.heard == []
    machines.law_says(at + DAY + MINUTE)
    machines.sent(auftrag)
    machines.hears("the database's", machines.jumps(-DAY))
    machines.jumps(timedelta(0))
    assert machines.state(later) == "held"
    machines.law_says(at + 3 * DAY + MINUTE)
    machines.sent(later)
    assert len(machines.keys_heard()) == len(set(machines.keys_heard())) == 2
    assert machines.world.count("tasks", "done_at IS NULL AND what LIKE 'auftrag%'") == 0
    machines.world.check_log()


def test_a_worker_that_trusts_its_own_clock_sends_a_day_early(machines: Machines) -> None:
    """The red control."""
    at = START + 2 * DAY
    auftrag = machines.confirmed(at, "Anna")
    machines.law_says(at + HOUR)
    machines.clock.with_name("clock.trusting").touch()
    machines.starts()
    machines.jumps(DAY)
    machines.sent(auftrag)
    assert len(machines.keys_heard()) == 1, "with 23 hours left in which she may take it back"


def test_on_strange_days_a_yes_leaves_after_24_real_hours(machines: Machines) -> None:
    """Confirmed an hour before, somebody else's Auftrag shows that the worker has looked and what it then left."""
    days = {day.astimezone(UTC): names for names, day in STRANGE_DAYS.items()}
    made = {}
    for day, (name, earlier) in reversed(days.items()):  # what is later is not due while what is earlier is made
        made[day] = machines.confirmed(day - HOUR, earlier), machines.confirmed(day, name)
    machines.law_says(min(days))
    machines.starts()
    for day in days:
        before, auftrag = made[day]
        machines.law_says(day + 23 * HOUR + 59 * MINUTE)
        machines.sent(before)
        assert machines.state(auftrag) == "held"
        machines.law_says(day + DAY + MINUTE)
        machines.sent(auftrag)
    assert len(machines.keys_heard()) == len(set(machines.keys_heard())) == 2 * len(days)
    machines.world.check_log()
