"""An installation from nothing: every process gets its own keys and nobody else's."""

import base64
import json
import os
import signal
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from proaktiv.database import Database
from proaktiv.demo.families import make_city
from proaktiv.demo.running import ProcessDied, Processes
from proaktiv.demo.serving import make_part
from proaktiv.demo.setting_up import BEHOERDEN, Installation, set_up
from proaktiv.demo.staying import stay
from proaktiv.demo.talking import CityError, Talk
from proaktiv.flowlog.checkpoints import Vkey

NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


class _Dice:
    """Bytes that never repeat and are the same in every run."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, number: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(number, "big")


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with set_up(make_city(1, 2, NOW.date()), NOW, _Dice()) as made:
        yield made


SURFACES_LACK = {
    "intake": ("CODE_KEY", "KEK_VIEW", "KEK_CONTACT", "KEK_FACTS", "KEK_PROOF", "INTAKE_PRIVATE_KEY", "SIGNING_KEY"),
    "citizen": ("KEK_CONTACT", "KEK_FACTS", "KEK_PROOF", "INTAKE_PRIVATE_KEY", "SIGNING_KEY", "REGISTERS"),
    "office": ("KEK_CONTACT", "KEK_FACTS", "INTAKE_PRIVATE_KEY", "SIGNING_KEY", "CODE_KEY"),
    "work": ("SIGNING_KEY", "SEQUENCER_URL"),
    "sign": ("DATABASE_URL", "INDEX_KEY", "KEK_FLOW"),
    "erase": ("DATABASE_URL", "KEK_FLOW", "KEK_VIEW", "SIGNING_KEY", "SEQUENCER_URL"),
    "register": ("DATABASE_URL", "INDEX_KEY"),
    "behoerde": ("DATABASE_URL", "INDEX_KEY"),
    "mailbox": ("DATABASE_URL", "INDEX_KEY"),
}


@pytest.mark.parametrize(("process", "names"), SURFACES_LACK.items())
def test_a_process_is_not_given_the_keys_of_another(
    installation: Installation, process: str, names: tuple[str, ...]
) -> None:
    given = installation.environment(process)
    assert given["PROAKTIV_ENV"] == "demo"
    assert not {f"PROAKTIV_{name}" for name in names} & given.keys()
    assert not {"PROAKTIV_OWNER_URL", "PROAKTIV_READER_URL"} & given.keys()


def test_every_key_has_32_bytes_and_is_used_for_one_thing(installation: Installation) -> None:
    keys = [value for name, value in installation.settings.items() if name.endswith("_KEY") or name.startswith("KEK_")]
    assert {len(base64.b64decode(key)) for key in keys} == {32}
    assert len(set(keys)) == len(keys)


def test_what_a_part_knows_is_readable_by_its_owner_alone(installation: Installation) -> None:
    for name in ("register.json", "behoerde.json", "mailbox.json"):
        assert stat.S_IMODE((installation.folder / name).stat().st_mode) == 0o600


def test_rules_partners_and_competences_stand_in_the_database(installation: Installation) -> None:
    reader = Database(installation.reader_url, pool_size=1)
    with reader.transaction() as session:
        connection = session.connection()
        assert connection.execute(text("SELECT count(*) FROM releases WHERE demo")).scalar_one() >= 2
        assert connection.execute(text("SELECT count(*) FROM clients WHERE active")).scalar_one() == 2
        unserved = text("SELECT count(*) FROM competences c LEFT JOIN behoerden b ON b.id = c.behoerde WHERE b IS NULL")
        assert connection.execute(unserved).scalar_one() == 0
        assert connection.execute(text("SELECT count(*) FROM behoerden")).scalar_one() == len(BEHOERDEN)
    reader.close()
    assert Vkey.parse(installation.vkey).name == "flowlog.musterstadt.example/1"


def test_every_part_of_the_city_can_be_made_from_their_plans(installation: Installation) -> None:
    assert make_part("register", installation.folder).title == "simulated registers"
    assert make_part("behoerde", installation.folder).title == "simulated Behörden"
    assert make_part("mailbox", installation.folder).title == "simulated mailbox"


def test_another_part_or_a_missing_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="there are register, behoerde, mailbox"):
        make_part("rathaus", tmp_path)
    with pytest.raises(CityError, match=r"register\.json is missing"):
        make_part("register", tmp_path)


def test_a_process_that_ends_is_noticed_and_its_last_words_are_told(installation: Installation) -> None:
    with Processes(installation) as processes:
        processes.start("register", "city", "--part", "rathaus", "--port", "1", "--folder", str(installation.folder))
        with pytest.raises(ProcessDied, match="register ended with 2") as died:
            processes.wait_ready("register")
        assert "there are register, behoerde, mailbox" in str(died.value)


@pytest.fixture
def signals() -> Iterator[None]:
    """Give back what a city that stays takes: Ctrl-C and SIGTERM."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
def test_a_process_that_dies_while_the_city_stays_is_named(installation: Installation) -> None:
    with Processes(installation) as processes:
        processes.start("work", "work")
        os.kill(processes.pid("work"), signal.SIGKILL)
        with pytest.raises(ProcessDied, match="work ended with -9"):
            stay(make_city(1, 2, NOW.date()), installation, processes)
        assert processes.names == ("work", "erase")
        left = psutil.Process(processes.pid("erase"))
    assert not left.is_running()


def test_a_part_answers_until_it_is_stopped(installation: Installation) -> None:
    port = str(installation.ports["register"])
    with Talk(installation.url("register")) as talk:
        with Processes(installation) as processes:
            folder = str(installation.folder)
            processes.start("register", "city", "--part", "register", "--port", port, "--folder", folder)
            processes.wait_ready("register")
            resident = json.loads((installation.folder / "register.json").read_text(encoding="utf-8"))["residents"][0]
            asked = {
                "wire_id": "w-1",
                "register": "MELDEREGISTER",
                "person": {"kennung": resident["kennung"]},
                "names": ["vornamen"],
            }
            answer = talk.post("/melderegister/nachschlagen", asked)
            assert answer["facts"] == {"vornamen": resident["vornamen"]}
        assert not talk.answers("/health")
