"""The disk of a watched folder is full: what was kept stays kept, the file stays, somebody is told, all goes on."""

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from proaktiv.sources.folder import Folder
from proaktiv.tables import ClientRow, RegisterEventRow
from tests.builders import Event, a_birth, somebody
from tests.chaos.test_disk_full import fill, small_disk
from tests.intake.conftest import City, city
from tests.intake.test_folder_source import Watched

pytestmark = pytest.mark.chaos
__all__ = ["city"]


@pytest.fixture
def full(city: City) -> Iterator[Watched]:
    """A register's folder on a small disk of its own."""
    with small_disk("1m") as disk:
        yield Watched(city, disk / "standesamt")


def a_wrong_one() -> Event:
    return a_birth(somebody()).but(ars="Musterstadt")


def in_the_way(watched: Watched) -> list[str]:
    """All that lies in our three folders, hidden names too."""
    return sorted(
        f"{place}/{path.name}" for place in ("taken", "done", "refused") for path in (watched.folder / place).iterdir()
    )


@pytest.mark.parametrize(
    ("reports", "raw", "kept", "answers"),
    [
        ([a_birth(somebody())], None, 1, ["done/x.receipt.json"]),
        ([a_wrong_one()], None, 0, ["refused/x.json", "refused/x.problem.json"]),
        (
            [a_birth(somebody()), a_wrong_one()],
            None,
            1,
            ["done/x.receipt.json", "refused/x.json", "refused/x.problem.json"],
        ),
        ([], b"no JSON", 0, ["refused/x.json", "refused/x.problem.json"]),
    ],
    ids=["receipt", "problem file", "both", "not readable"],
)
def test_what_cannot_be_answered_for_want_of_room_waits_and_is_answered_with_room(
    full: Watched, reports: list[Event], raw: bytes | None, kept: int, answers: list[str]
) -> None:
    full.drops("x.json", *reports, raw=raw)
    ballast = fill(full.folder.parent)
    with capture_logs() as logs:
        assert full.collect() == 0
    assert len(full.city.rows(RegisterEventRow)) == kept, "what was kept stays kept"
    (waits,) = in_the_way(full)
    assert waits.startswith("taken/x."), "the file, whole, and no half answer"
    (told,) = [line for line in logs if line["log_level"] == "error"]
    assert (told["event"], told["client"]) == ("parcel.waits", "standesamt")
    assert told["says"] == "No space left on device"
    assert "make room on the disk of this folder" in told["do"]
    assert "x." not in repr(told), "a file's name may be a person's"
    ballast.unlink()
    assert full.collect() == 0, "it rests a minute"
    full.seconds += 61
    assert full.collect() == 1
    name = waits.removeprefix("taken/")
    assert [each.replace(name, "x.json").replace("x.json.", "x.") for each in in_the_way(full)] == answers
    if kept:
        assert full.only("done", ".receipt.json")[0]["duplicate"] is True
    assert len(full.city.rows(RegisterEventRow)) == kept
    full.city.world.check_log()


def test_the_rest_of_a_day_is_not_lost_for_want_of_room(full: Watched) -> None:
    """What is beyond the day's number is written back into the file: here it cannot be."""
    full.city.set(ClientRow, "standesamt", daily_max=1)
    full.drops("x.json", a_birth(somebody()), a_birth(somebody()))
    taking = full.source.take()
    parcel = next(taking)
    taken = full.city.world.pipeline.receive_batch("standesamt", parcel.body)
    ballast = fill(full.folder.parent)
    with pytest.raises(OSError, match="No space left"):
        parcel.settle([each for each in taken if not hasattr(each.answer, "duplicate")])
    taking.close()
    ballast.unlink()
    full.city.set(ClientRow, "standesamt", daily_max=1000)
    assert full.collect() == 1
    assert [each["duplicate"] for each in full.only("done", ".receipt.json")] == [True, False]
    assert len(full.city.rows(RegisterEventRow)) == 2


def test_a_worker_that_deletes_before_it_has_answered_would_lose_the_answer(
    full: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The red control: an answer that may fail quietly."""
    write = Folder.write

    def careless(folder: Folder, place: str, name: str, content: bytes) -> None:
        try:
            write(folder, place, name, content)
        except OSError:
            return

    monkeypatch.setattr(Folder, "write", careless)
    full.drops("x.json", a_wrong_one())
    fill(full.folder.parent)
    assert full.collect() == 1
    assert in_the_way(full) == [], "neither the file nor what was wrong with it"


def test_a_file_that_cannot_even_be_moved_stays_and_no_other_register_waits_for_it(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory that must grow for a name needs room too; it is said here by the call itself."""
    first, second = Watched(city, tmp_path / "first"), Watched(city, tmp_path / "second")
    first.drops("x.json", a_birth(somebody()))
    second.drops("y.json", a_birth(somebody()))
    sources = (first.source, second.source)
    city.world.pipeline = replace(city.world.pipeline, event_sources=sources)
    rename = Path.rename

    def no_room(path: Path, target: Path) -> Path:
        if path.name == "x.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return rename(path, target)

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Path, "rename", no_room)
        assert city.world.pipeline.collect() == 1
        assert city.world.pipeline.collect() == 0
    (told,) = [line for line in logs if line["log_level"] == "error"]
    assert (told["event"], "make room" in told["do"]) == ("source.waits", True)
    assert first.names() == ["x.json"]
    first.seconds += 61
    assert city.world.pipeline.collect() == 1
    assert len(city.rows(RegisterEventRow)) == 2
