"""A watched folder: what is whole is taken once, what is kept leaves nothing to read, what is wrong comes back."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core.errors import NotSafe
from proaktiv.database import DatabaseAway
from proaktiv.sources.folder import SET, Folder
from proaktiv.tables import ClientRow, RegisterEventRow
from tests.builders import Event, a_birth, a_move, somebody
from tests.intake.conftest import City


@dataclass
class Watched:
    """A register's folder and the worker that watches it."""

    city: City
    folder: Path
    seconds: float = 0.0
    source: Folder = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.watch()

    def watch(self) -> None:
        """A worker starts."""
        self.source = Folder("standesamt", self.folder, lambda: self.seconds)
        self.city.world.pipeline = replace(self.city.world.pipeline, event_sources=(self.source,))

    def drops(self, name: str, *reports: Event, raw: bytes | None = None) -> None:
        """The register writes and renames."""
        one = reports[0].body if len(reports) == 1 else b"[" + b",".join(each.body for each in reports) + b"]"
        part = self.folder / f"{name}.part"
        part.write_bytes(one if raw is None else raw)
        part.rename(self.folder / name)

    def collect(self) -> int:
        return self.city.world.pipeline.collect()

    def names(self, place: str = ".") -> list[str]:
        return sorted(path.name for path in (self.folder / place).iterdir() if path.is_file())

    def only(self, place: str, ending: str) -> Any:
        """What the one file with this ending says."""
        (path,) = [path for path in (self.folder / place).iterdir() if path.name.endswith(ending)]
        return json.loads(path.read_text())

    def everything(self) -> str:
        return "".join(path.read_text() for path in self.folder.rglob("*") if path.is_file())

    @contextmanager
    def dying(self, place: str) -> Iterator[None]:
        """A worker dies at a place; what it held in memory and its locks are gone."""

        class KilledError(BaseException):
            pass

        def probe(name: str) -> None:
            if name == place:
                raise KilledError

        world = self.city.world
        world.pipeline = replace(world.pipeline, house=replace(world.pipeline.house, probe=probe))
        with pytest.raises(KilledError):
            yield
        world.open()
        self.watch()


@pytest.fixture
def watched(city: City, tmp_path: Path) -> Watched:
    return Watched(city, tmp_path / "standesamt")


def test_a_file_is_kept_deleted_and_receipted_without_anything_personal(watched: Watched) -> None:
    watched.drops("a.json", a_birth(somebody("Annegret-Kanarienvogel")))
    assert watched.collect() == 1
    (row,) = watched.city.rows(RegisterEventRow)
    assert watched.only("done", ".receipt.json") == [{"event": 0, "id": str(row.id), "duplicate": False}]
    assert (row.client, row.state) == ("standesamt", "waiting")
    assert watched.names() == watched.names("taken") == watched.names("refused") == []
    assert "Annegret" not in watched.everything()
    assert watched.collect() == 0
    watched.city.world.check_log()


def test_a_batch_with_one_bad_event_gives_back_that_one_alone(watched: Watched) -> None:
    wrong = a_birth(somebody("Berta")).but(ars="Musterstadt")
    watched.drops("b.json", a_birth(somebody("Annegret-Kanarienvogel")), wrong, a_move(somebody()))
    assert watched.collect() == 1
    assert len(watched.city.rows(RegisterEventRow)) == 1
    problems = watched.only("refused", ".problem.json")
    assert problems[0] == {
        "event": 1,
        "what": "not as it must be",
        "field": "/data/ars",
        "remedy": "must be an ARS: a string of twelve digits",
    }
    assert (problems[1]["event"], problems[1]["what"]) == (2, "not allowed")
    assert "only for urn:proaktiv:demo:standesamt" in problems[1]["remedy"]
    (name,) = [name for name in watched.names("refused") if not name.endswith(".problem.json")]
    assert name.startswith("b.")
    assert json.loads((watched.folder / "refused" / name).read_text())[0] == json.loads(wrong.body)
    assert "Annegret" not in watched.everything()
    assert watched.names("taken") == []


def test_what_was_refused_can_be_mended_and_put_back(watched: Watched) -> None:
    birth = a_birth(somebody())
    watched.drops("c.json", birth.but(ars="Musterstadt"))
    watched.collect()
    watched.drops("c.json", birth)
    assert watched.collect() == 1
    assert len(watched.city.rows(RegisterEventRow)) == 1


@pytest.mark.parametrize(
    ("raw", "remedy"),
    [
        (b"", "must be a JSON list of events (CloudEvents batch mode)"),
        (b'{"specversion": ', "must be JSON (RFC 8259)"),
        (b"\xff\xfe", "must be UTF-8"),
        (b"[" + b" " * (1024 * 1024) + b"]", "must be at most 1048576 bytes"),
    ],
)
def test_what_is_no_batch_comes_back_as_it_is(watched: Watched, raw: bytes, remedy: str) -> None:
    watched.drops("broken.json", raw=raw)
    watched.drops("good.json", a_birth(somebody()))
    assert watched.collect() == 2
    assert watched.only("refused", ".problem.json") == [{"what": "not readable", "remedy": remedy}]
    (name,) = [name for name in watched.names("refused") if not name.endswith(".problem.json")]
    assert (watched.folder / "refused" / name).read_bytes() == raw
    assert len(watched.city.rows(RegisterEventRow)) == 1


def test_what_is_not_whole_or_no_file_of_ours_is_left_alone(watched: Watched, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_bytes(a_birth(somebody()).body)
    (watched.folder / "half.json.part").write_bytes(b"{")
    (watched.folder / ".hidden.json").write_bytes(b"{")
    (watched.folder / "readme.txt").write_bytes(b"{")
    (watched.folder / "link.json").symlink_to(secret)
    (watched.folder / "folder.json").mkdir()
    os.mkfifo(watched.folder / "pipe.json")
    assert watched.collect() == 0
    assert len(list(watched.folder.iterdir())) == 6 + 3
    assert secret.exists()
    assert watched.city.rows(RegisterEventRow) == []


@pytest.mark.parametrize("place", ["receive.lock.after", "receive.write.after"])
def test_a_worker_that_dies_before_the_commit_leaves_the_file_to_the_next(watched: Watched, place: str) -> None:
    watched.drops("d.json", a_birth(somebody()))
    with watched.dying(place):
        watched.collect()
    assert watched.city.rows(RegisterEventRow) == []
    assert len(watched.names("taken")) == 1
    assert watched.collect() == 1
    assert watched.only("done", ".receipt.json")[0]["duplicate"] is False


def test_a_worker_that_dies_after_the_commit_makes_a_duplicate_and_no_second_event(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.drops("e.json", a_birth(somebody()))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "write", die)
        with pytest.raises(KeyboardInterrupt):
            watched.collect()
    (row,) = watched.city.rows(RegisterEventRow)
    watched.watch()
    assert watched.collect() == 1
    assert watched.only("done", ".receipt.json") == [{"event": 0, "id": str(row.id), "duplicate": True}]
    assert len(watched.city.rows(RegisterEventRow)) == 1
    assert watched.names("taken") == []


def test_while_the_database_is_away_nothing_is_lost(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.drops("f.json", a_birth(somebody()))

    def away(*_: object) -> None:
        raise DatabaseAway("for a while")

    with monkeypatch.context() as patch:
        patch.setattr(type(watched.city.world.database), "transaction", away)
        with pytest.raises(DatabaseAway):
            watched.collect()
    assert watched.collect() == 1
    assert len(watched.city.rows(RegisterEventRow)) == 1


def test_two_workers_never_take_one_file_at_once(watched: Watched) -> None:
    watched.drops("g.json", a_birth(somebody()))
    taking = watched.source.take()
    parcel = next(taking)
    other = Folder("standesamt", watched.folder, lambda: 0.0)
    assert list(other.take()) == []
    assert parcel.body.startswith(b"[")
    taking.close()
    assert len(list(other.take())) == 1, "the control: once it is free, it is there"


def test_without_the_lock_two_workers_would_take_one_file(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    watched.drops("g.json", a_birth(somebody()))
    taking = watched.source.take()
    next(taking)
    other = Folder("standesamt", watched.folder, lambda: 0.0).take()
    assert next(other).body
    other.close()
    taking.close()


def test_a_new_file_of_an_old_name_is_a_new_file(watched: Watched) -> None:
    watched.drops("day.json", a_birth(somebody()))
    taking = watched.source.take()
    next(taking)
    watched.drops("day.json", a_birth(somebody()))
    taking.close()
    while watched.collect():
        pass
    assert len(watched.city.rows(RegisterEventRow)) == 2
    assert len(watched.names("done")) == 2


def test_beyond_the_days_number_the_rest_of_a_file_waits_for_its_day(watched: Watched) -> None:
    watched.city.set(ClientRow, "standesamt", daily_max=2)
    kept, late = somebody("Annegret-Kanarienvogel"), somebody("Ben")
    watched.drops("h.json", a_birth(kept), a_birth(kept), a_birth(late))
    assert watched.collect() == 1
    assert "Annegret" not in watched.everything()
    assert "Ben" in watched.everything()
    assert watched.collect() == 0, "it is left alone until there is room"
    watched.seconds += 16 * 3600
    watched.city.world.wait(hours=16)
    assert watched.collect() == 1
    assert len(watched.city.rows(RegisterEventRow)) == 3
    assert watched.names("taken") == []


def test_what_is_refused_and_kept_on_two_days_is_all_there(watched: Watched) -> None:
    watched.city.set(ClientRow, "standesamt", daily_max=1)
    wrong, late = a_birth(somebody()).but(ars="Musterstadt"), a_birth(somebody())
    contradicting = late.but(ereignis_am="2026-10-02")
    watched.drops("h.json", wrong, a_birth(somebody()), late, contradicting)
    for _ in range(2):
        assert watched.collect() == 1
        watched.seconds += 86400
        watched.city.world.wait(hours=24)
    assert watched.names("taken") == []
    receipts = [json.loads((watched.folder / "done" / name).read_text()) for name in watched.names("done")]
    assert {each["id"] for receipt in receipts for each in receipt} == {
        str(row.id) for row in watched.city.rows(RegisterEventRow)
    }
    back = [name for name in watched.names("refused") if not name.endswith(".problem.json")]
    assert all((watched.folder / "refused" / f"{name}.problem.json").exists() for name in back)
    events = [event for name in back for event in json.loads((watched.folder / "refused" / name).read_text())]
    assert sorted(map(json.dumps, events)) == sorted(
        json.dumps(json.loads(each.body)) for each in (wrong, contradicting)
    )


def test_the_same_file_again_takes_nothing_away_of_what_was_said_of_it_before(watched: Watched) -> None:
    source = watched.source
    for content in (b"[1]\n", b"[2]\n", b"[1]\n"):
        source.keep("refused", "a.json", {".problem.json": b"{}", "": content})
    assert watched.names("refused") == ["a-2.json", "a-2.json.problem.json", "a.json", "a.json.problem.json"]
    for raw in (b"x", b"y"):
        (watched.folder / "a.json").write_bytes(raw)
        source.move(watched.folder / "a.json", "refused", {".problem.json": b"{}"})
    assert (watched.folder / "refused" / "a-4.json").read_bytes() == b"y"


def test_a_client_that_is_switched_off_loses_nothing(watched: Watched) -> None:
    watched.city.set(ClientRow, "standesamt", active=False)
    watched.drops("i.json", a_birth(somebody()))
    assert watched.collect() == 0
    watched.city.set(ClientRow, "standesamt", active=True)
    assert watched.collect() == 0, "it rests a minute"
    watched.seconds += 61
    assert watched.collect() == 1


def test_a_file_that_cannot_be_answered_holds_up_no_other(watched: Watched) -> None:
    watched.drops("j.json", a_birth(somebody()))
    watched.drops("k.json", a_birth(somebody()).but(ars="Musterstadt"))
    done = watched.folder / "done"
    done.rmdir()
    assert watched.collect() == 1
    assert len(watched.names("refused")) == 2
    done.mkdir()
    watched.seconds += 61
    assert watched.collect() == 1
    assert watched.only("done", ".receipt.json")[0]["duplicate"] is True


def test_a_long_queue_is_taken_in_sets_oldest_first(watched: Watched) -> None:
    reports = [a_birth(somebody()) for _ in range(SET + 1)]
    for number, report in enumerate(reports):
        watched.drops(f"{number}.json", report)
        os.utime(watched.folder / f"{number}.json", (number, number))
    assert watched.collect() == SET
    assert watched.names() == [f"{SET}.json"]
    assert watched.collect() == 1


def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotSafe, match="the folder of standesamt cannot be used: No such file or directory"):
        Folder("standesamt", tmp_path / "nowhere", lambda: 0.0)
