"""``proaktiv keys`` as an operator types it, with the settings an operator has."""

import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog

from proaktiv import __main__ as command_line
from proaktiv.clock import wall_clock
from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import Level
from proaktiv.vault import Compartment, Kek, Vault
from tests.builders import somebody
from tests.keys.conftest import House, a_kek
from tests.settings_of import b64, everything, settings_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def former(house: House) -> dict[Compartment, bytes]:
    """The KEKs under which the city works, a rotation before: each its own, as settings demand."""
    keks = {each: a_kek() for each in Compartment}
    held = {each: Kek.of(each, key) for each, key in keks.items()}
    house.world.vault = Vault(replace(house.world.vault._keys, keks=held), house.world.ids)
    house.world.open()
    return keks


@pytest.fixture
def environment(house: House, former: dict[Compartment, bytes], tmp_path: Path) -> dict[str, str]:
    """All settings of an installation whose KEKs have just been swapped, and the two roles of these commands."""
    return everything(house.world.urls, tmp_path) | {
        "PROAKTIV_INDEX_KEY": b64(house.world.seed),
        "PROAKTIV_KEEPER_URL": house.world.urls["keeper"],
        "PROAKTIV_ERASER_URL": house.world.urls["eraser"],
        "PROAKTIV_DESTROYED_LIST": str(house.listed),
        **{f"PROAKTIV_KEK_{each.upper()}": b64(a_kek()) for each in Compartment},
        **{f"PROAKTIV_KEK_{each.upper()}_OTHERS": b64(key) for each, key in former.items()},
    }


@pytest.fixture
def run(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    def run(*arguments: str, stdin: str = "", **settings: str) -> tuple[int, str, str]:
        for name, value in (environment | {f"PROAKTIV_{key}": value for key, value in settings.items()}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["proaktiv", "keys", *arguments])
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield run
    structlog.reset_defaults()


def test_an_operator_rotates_and_sees_when_the_former_kek_may_go(run: Run, house: House) -> None:
    house.world.lives_here(somebody("Anna"), "geburt")
    code, out, _ = run("status")
    assert code == 1
    assert "5 keys are left." in out
    code, out, _ = run("rotate", "view", "--by", "olga")
    assert code == 0
    assert "view     1 keys are now under view-" in out
    assert run("rotate", "all", "--by", "olga")[0] == 0
    code, out, _ = run("status", "--json")
    assert code == 0
    assert all(share["present"] and share["keys"] == 1 for share in json.loads(out))
    assert "Nothing is left under a former KEK." in run("status")[1]


def test_an_operator_looks_then_destroys_then_reconciles(run: Run, house: House) -> None:
    anna = somebody("Anna")
    house.world.lives_here(anna, "geburt")
    key = run("person", stdin=f"{anna.kennung}\n")[1].strip()
    command = ("destroy", key, "--reason", "withdrawn", "--by", "anna", "--and", "ben", "--case", "AZ 1")
    code, out, _ = run(*command)
    assert code == 0
    assert f"Would be destroyed: person {key}" in out
    assert "Nothing was changed." in out
    assert run("person", stdin=f"{anna.kennung}\n")[0] == 0
    hold = house.world.pipeline.hold(person=UUID(key), auftrag=None, reason="12 K 34/27", by="dora")
    code, _, err = run(*command, "--really")
    assert (code, f"proaktiv retention release {hold}" in err, "Traceback" in err) == (2, True, False)
    house.world.pipeline.release_hold(hold, reason="12 K 34/27", by="dora")
    code, out, _ = run(*command, "--really")
    assert (code, f"Destroyed: person {key}" in out) == (0, True)
    code, _, err = run("person", stdin=f"{anna.kennung}\n")
    assert (code, anna.kennung in err) == (2, False)
    assert "Nobody in the list stands in the database." in run("reconcile", "--by", "olga")[1]
    assert run(*command[:6], "--and", "Anna", "--really")[0] == 2


def test_an_operator_backs_up_and_brings_back(run: Run, house: House, tmp_path: Path) -> None:
    first, second = somebody("Anna"), somebody("Ben")
    for each in (first, second):
        house.world.lives_here(each, "geburt")
    house.destroys(house.key_of(second))
    now = house.world.now
    file = str(tmp_path / "keys.backup")
    assert "10 keys, good for 14 days." in run("backup", file, "--by", "olga")[1]
    house.as_owner("DELETE FROM vault_keys WHERE state = 'active' AND compartment = 'view'")
    code, out, _ = run("restore", file, "--destroyed", str(house.listed), "--by", "olga")
    assert code == 0
    assert "1 keys are back, 9 were there" in out
    assert house.world.now == now


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        (("status",), "KEEPER_URL"),
        (("status",), "KEK_PROOF"),
        (("reconcile", "--by", "x"), "ERASER_URL"),
        (("reconcile", "--by", "x"), "DESTROYED_LIST"),
    ],
)
def test_a_missing_setting_is_named(run: Run, command: tuple[str, ...], lacking: str) -> None:
    others = {"KEK_PROOF_OTHERS": ""} if lacking == "KEK_PROOF" else {}
    code, _, err = run(*command, **{lacking: "", **others})
    assert (code, f"needs PROAKTIV_{lacking}" in err) == (2, True)


def test_a_role_that_may_too_much_is_refused(run: Run, house: House) -> None:
    code, _, err = run("status", KEEPER_URL=house.world.urls["owner"])
    assert code == 2
    assert "PROAKTIV_KEEPER_URL must log in as proaktiv_keeper" in err


# the doctor -----------------------------------------------------------------------------------------------------------


def findings(environment: dict[str, str]) -> dict[str, Any]:
    examination = Examination(settings_of(environment), (), wall=wall_clock, monotonic=time.monotonic)
    return {each.check: each for each in examination.of("office", 60.0)}


def test_the_doctor_tells_a_rotation_under_way_from_a_kek_that_is_missing(
    house: House, environment: dict[str, str], former: dict[Compartment, bytes]
) -> None:
    with house.world.database.transaction() as session:
        house.world.vault.create(session, [house.world.ids.secret()], house.world.now)
    under_way = findings(environment)["KEK-view of office"]
    assert under_way.level is Level.LOOK
    assert Kek.of(Compartment.VIEW, former[Compartment.VIEW]).name in under_way.says
    environment["PROAKTIV_KEK_VIEW_OTHERS"] = ""
    missing = findings(environment)["KEK-view of office"]
    assert missing.level is Level.BROKEN
    assert "_OTHERS" in missing.do


def test_the_doctor_names_a_list_that_does_not_fit_the_database(house: House, environment: dict[str, str]) -> None:
    anna = house.key_of(house.world.lives_here(somebody("Anna"), "geburt"))
    assert findings(environment)["destroyed persons"].level is Level.FINE
    house.destroys(anna)
    assert findings(environment)["destroyed persons"].level is Level.FINE
    house.as_owner("INSERT INTO persons (person, status, since) VALUES (:p, 'active', now())", p=anna)
    back = findings(environment)["destroyed persons"]
    assert (back.level, "reconcile" in back.do) == (Level.BROKEN, True)
    house.listed.unlink()
    assert findings(environment)["destroyed persons"].level is Level.BROKEN
