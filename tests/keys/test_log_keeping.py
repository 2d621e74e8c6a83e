"""``proaktiv log erase | hold | retain`` and ``work --erase`` as an operator uses them."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from proaktiv import __main__ as command_line
from proaktiv.core.flows import Flow, Kind
from proaktiv.logapp import erasing_daily
from tests.builders import somebody
from tests.chaos.outage import wait_for
from tests.keys.conftest import House, named
from tests.keys.test_destroying import STAYS
from tests.processes import ROOT
from tests.processes import environment as process_environment
from tests.settings_of import b64, everything, settings_of

Run = Callable[..., tuple[int, str, str]]
WHO = ("--by", "st-1", "--and", "st-2")


@pytest.fixture
def environment(house: House, tmp_path: Path) -> dict[str, str]:
    return everything(house.world.urls, tmp_path) | {
        "PROAKTIV_INDEX_KEY": b64(house.world.seed),
        "PROAKTIV_ERASER_URL": house.world.urls["eraser"],
        "PROAKTIV_DESTROYED_LIST": str(house.listed),
    }


@pytest.fixture
def run(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
        for name, value in (environment | {f"PROAKTIV_{key}": value for key, value in settings.items()}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["proaktiv", "log", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield run
    structlog.reset_defaults()


def grows_old(house: House, many: int) -> None:
    """The log holds so many signed entries of years ago."""
    world = house.world
    log = house.log(world.vault)
    flow = Flow(Kind.RECEIVED, "a", "b", "geburt", "event.received", "§ 1")
    with world.database.transaction() as session:
        log.record(session, [flow] * many, datetime(2022, 3, 1, 12, tzinfo=UTC))
    world.signs()


def test_an_operator_previews_and_retains(run: Run, house: House) -> None:
    grows_old(house, 300)
    code, out, _ = run("retain", "--dry-run")
    assert code == 0
    assert "minimum index 256, 0 entries went before" in out
    assert "over          256  geburt" in out
    assert out.endswith("Nothing was changed.\n")
    assert json.loads(run("retain", "--dry-run", "--on", "2023-01-01", "--json")[1])["due"] == {}
    code, out, _ = run("retain", "--by", "st-1")
    assert (code, out.splitlines()[-1]) == (0, "256 entries went; each set stands in the log.")
    assert run("retain", "--json")[1] == '{"removed": 0}\n'
    assert "256 entries went before" in run("retain", "--dry-run")[1]
    assert run("retain", "--on", "2030-01-01")[0] == 2
    house.world.check_log()


def test_a_longer_period_is_a_setting_and_a_wrong_one_is_named(run: Run, house: House) -> None:
    grows_old(house, 300)
    longer = '{"geburt": 3650}'
    assert "stays" not in run("retain", "--dry-run")[1]
    assert "stays         256  longer period" in run("retain", "--dry-run", LOG_RETENTION=longer)[1]
    code, _, err = run("retain", "--dry-run", LOG_RETENTION='{"geburt": 30}')
    assert code == 2
    assert "PROAKTIV_LOG_RETENTION/geburt must be 365 to 3650 days" in err


def test_two_people_hold_entries_and_two_release_them(run: Run, house: House) -> None:
    grows_old(house, 300)
    about = ("--reason", "VG 7 K 12/26", "--review-on", "2027-01-01")
    code, out, _ = run("hold", "--from", "2022-03-01", "--until", "2022-03-01", *about, *WHO)
    assert code == 0
    hold = out.removeprefix("Hold ").rstrip(".\n")
    assert "stays         256  held" in run("retain", "--dry-run")[1]
    assert run("holds")[1].startswith(f"{hold}  2022-02-28 to 2022-03-01")
    assert json.loads(run("holds", "--json")[1])[0]["by"] == ["st-1", "st-2"]
    assert "second person" in run("hold", "--from", "2022-03-01", "--until", "2022-03-01", *about, *WHO[:3], "st-1")[2]
    assert run("release", hold, "--reason", "over", *WHO)[1] == f"Hold {hold}: released.\n"
    assert run("holds")[1] == ""
    house.world.check_log()


def test_an_operator_puts_two_on_the_list_and_erases_them_together(run: Run, house: House) -> None:
    emma, ida = (house.key_of(house.world.lives_here(somebody(name), "geburt")) for name in ("Emma", "Ida"))
    code, out, _ = run("erase", "ask", str(emma), "--reason", "withdrawn", "--case", "AZ 1", *WHO)
    assert (code, out.split(";")[0]) == (0, "1 more wait to be erased")
    run("erase", "ask", str(ida), "--reason", "withdrawn", *WHO)
    assert [one["person"] for one in json.loads(run("erase", "list", "--json")[1])] == [str(emma), str(ida)]
    assert "AZ 1" in run("erase", "list")[1]
    assert "2 wait. Nothing was changed." in run("erase", "run")[1]
    assert run("erase", "drop", str(ida))[1] == f"person {ida}: off the list\n"
    assert "one alone would stand out in the log" in run("erase", "run", "--really")[1]
    run("erase", "ask", str(ida), "--reason", "withdrawn", *WHO)
    hold = house.world.pipeline.hold(person=ida, auftrag=None, reason="VG 7 K 12/26", by="st-1")
    code, out, err = run("erase", "run", "--really", "--alone")
    assert f"Erased: person {emma}" in out
    assert f"Waits: person {ida}: hold {hold}" in err
    assert named(house, emma) <= STAYS
    code, _, err = run("erase", "ask", str(ida), "--reason", "withdrawn", *WHO)
    assert (code, f"hold {hold}" in err) == (2, True)
    house.world.check_log()


def test_the_erasing_process_does_both_by_itself(house: House, environment: dict[str, str]) -> None:
    grows_old(house, 300)
    with erasing_daily(settings_of(environment)) as parts:
        assert list(parts) == ["requests", "erase", "retain_log"]
        assert [part() for part in parts.values()] == [0, 0, 0]
    assert house.world.count("flow_log", "purpose = 'geburt'") == 44
    house.world.check_log()


@pytest.mark.chaos
def test_the_erasing_process_runs_until_it_is_told_to_end(house: House, environment: dict[str, str]) -> None:
    grows_old(house, 300)
    working = subprocess.Popen(
        [sys.executable, "-m", "proaktiv", "work", "--erase"], cwd=ROOT, env=process_environment(environment)
    )
    try:
        wait_for(
            lambda: working.poll() is not None or house.world.count("flow_log", "purpose = 'protokoll'") == 1, "it"
        )
        assert house.world.count("flow_log", "purpose = 'protokoll'") == 1
    finally:
        working.send_signal(signal.SIGTERM)
        assert working.wait(60) == 0
    house.world.check_log()


def test_the_retention_of_the_log_asks_for_no_kek_and_no_list(run: Run) -> None:
    assert "PROAKTIV_ERASER_URL" in run("retain", "--dry-run", ERASER_URL="")[2]
    assert run("retain", "--dry-run", DESTROYED_LIST="", KEK_FLOW="")[0] == 0
