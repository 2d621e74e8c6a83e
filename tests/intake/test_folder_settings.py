"""Folders and quarantine as an operator meets them: settings, a worker of its own, the clerk's commands."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from proaktiv.app import building
from proaktiv.needs import WrongSettings
from proaktiv.tables import RegisterEventRow
from tests.builders import a_birth, somebody
from tests.intake.conftest import City
from tests.processes import end, proaktiv, refused, start
from tests.settings_of import everything, settings_of


def environment(urls: Mapping[str, str], tmp_path: Path, folder: Path) -> dict[str, str]:
    return everything(urls, tmp_path) | {"PROAKTIV_FOLDERS": json.dumps({"standesamt": str(folder)})}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda given, folder: folder.rmdir(), r"PROAKTIV_FOLDERS \(standesamt\) names no folder; make it first"),
        (
            lambda given, folder: given.pop("PROAKTIV_INTAKE_PUBLIC_KEY"),
            "PROAKTIV_FOLDERS needs PROAKTIV_INTAKE_PUBLIC_KEY",
        ),
        (
            lambda given, folder: given.update(
                PROAKTIV_FOLDERS=json.dumps({"standesamt": str(folder), "meldebehoerde": f"{folder}/."})
            ),
            "PROAKTIV_FOLDERS names one folder for two clients",
        ),
    ],
)
def test_a_folder_that_cannot_work_stops_the_worker_before_it_starts(
    urls: dict[str, str], tmp_path: Path, spoil: Callable[[dict[str, str], Path], object], said: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    given = environment(urls, tmp_path, folder)
    spoil(given, folder)
    with pytest.raises(WrongSettings, match=said), building(settings_of(given), "work"):
        pass


def test_no_other_process_watches_the_folders(city: City, tmp_path: Path) -> None:
    given = environment(city.world.urls, tmp_path, tmp_path / "nowhere")
    with building(settings_of(given), "office") as pipeline:
        assert pipeline.event_sources == ()


def test_a_worker_takes_what_a_register_leaves(city: City, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    given = environment(city.world.urls, tmp_path, folder)
    birth = a_birth(somebody(), born_on="2026-01-06").but(time="2026-01-07T08:00:00Z")
    (folder / "a.json.part").write_bytes(birth.body)
    (folder / "a.json.part").rename(folder / "a.json")
    worker = start("-m", "proaktiv", "work", settings=given)
    try:
        assert worker.stdout is not None
        said = next(json.loads(line) for line in worker.stdout if "parcel." in line)
    finally:
        end(worker)
    assert {name: said[name] for name in ("event", "client", "events", "kept")} == {
        "event": "parcel.answered",
        "client": "standesamt",
        "events": 1,
        "kept": 1,
    }
    (row,) = city.rows(RegisterEventRow)
    assert (row.client, row.event_id) == ("standesamt", birth.id)
    assert list(folder.glob("*.json")) == list((folder / "taken").glob("*.json")) == []


def test_the_clerks_commands_run_with_the_offices_settings(city: City, tmp_path: Path) -> None:
    given = {name: value for name, value in everything(city.world.urls, tmp_path).items() if "FACTS" not in name}
    assert "standesamt" in proaktiv("sources", "list", settings=given).stdout
    done = proaktiv("sources", "release", "nobody", "--by", "Sachbearbeitung 7", settings=given)
    assert refused(done) == "there is no client nobody; proaktiv sources list names them"
