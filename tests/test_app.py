"""What each process needs, what it is not given, and what production refuses."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from proaktiv.app import building, make_surface
from proaktiv.core.errors import NotSafe
from proaktiv.database import Database, DatabaseAway
from proaktiv.embedded import EmbeddedServer
from proaktiv.logapp import signing
from proaktiv.needs import WrongSettings, read_settings
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import demo_key, release
from proaktiv.settings import Env, Settings
from proaktiv.vault import Compartment, NotHeld, Place
from tests.processes import proaktiv, refused
from tests.settings_of import PRINTED, b64, everything, settings_of

COMMON = ("CONTROLLER", "DATABASE_URL", "INDEX_KEY", "KEK_FLOW", "STAFF_PUBLIC_KEY")
NEEDED = {
    "work": (
        *COMMON,
        *("CODE_KEY", "KEK_VIEW", "KEK_CONTACT", "KEK_FACTS", "KEK_PROOF", "INTAKE_PRIVATE_KEY", "LETTERS_DIR"),
    ),
    "intake": (*COMMON, "INTAKE_PUBLIC_KEY", "TOKEN_AUDIENCE"),
    "citizen": (*COMMON, "CODE_KEY", "KEK_VIEW", "INTAKE_PUBLIC_KEY"),
    "office": (*COMMON, "KEK_VIEW", "KEK_PROOF", "INTAKE_PUBLIC_KEY"),
    "sign": ("SEQUENCER_URL", "SIGNING_KEY", "LOG_ORIGIN"),
}
EACH = [(part, name) for part, names in NEEDED.items() for name in names]
SURFACES = ("intake", "citizen", "office")
PARTS = ("work", *SURFACES)


@pytest.fixture
def given(urls: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Every setting of every process."""
    return everything(urls, tmp_path)


def begin(part: str, settings: Settings, folder: Path) -> None:
    """Build a process and end it again."""
    with signing(settings, folder / "signer") if part == "sign" else building(settings, part):
        pass


def without(given: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in given.items() if name.removeprefix("PROAKTIV_") not in names}


# what is needed -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", NEEDED)
def test_with_exactly_what_it_needs_each_process_begins(part: str, given: dict[str, str], tmp_path: Path) -> None:
    own = {f"PROAKTIV_{name}": given[f"PROAKTIV_{name}"] for name in ("ENV", *NEEDED[part])}
    begin(part, settings_of(own), tmp_path)


@pytest.mark.parametrize(("part", "name"), EACH)
def test_a_missing_setting_is_named_in_one_line(part: str, name: str, tmp_path: Path) -> None:
    nowhere = {role: f"postgresql://{role}@127.0.0.1:9/none" for role in ("app", "sequencer", "owner", "reader")}
    given = everything(nowhere, tmp_path)
    with pytest.raises(WrongSettings) as told:
        begin(part, settings_of(without(given, name)), tmp_path)
    assert str(told.value) == f"{part} needs PROAKTIV_{name}"


def test_all_that_is_missing_is_named_at_once(given: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(WrongSettings) as told:
        begin("citizen", settings_of(without(given, "CONTROLLER", "CODE_KEY", "KEK_VIEW")), tmp_path)
    assert str(told.value) == "citizen needs PROAKTIV_CONTROLLER and 2 more: PROAKTIV_CODE_KEY, PROAKTIV_KEK_VIEW"


@pytest.mark.parametrize("part", NEEDED)
def test_a_process_that_cannot_start_says_so_in_one_line(part: str, given: dict[str, str], tmp_path: Path) -> None:
    missing = NEEDED[part][-1]
    state = str(tmp_path / "signer")
    words = {"work": ["work"], "sign": ["work", "--sign", "--state", state]}.get(part, ["serve", "--surface", part])
    assert refused(proaktiv(*words, settings=without(given, missing))) == f"{part} needs PROAKTIV_{missing}"


@pytest.mark.parametrize("part", PARTS)
def test_a_database_that_is_away_or_not_migrated_is_told(
    part: str, given: dict[str, str], tmp_path: Path, postgres: EmbeddedServer
) -> None:
    away = given | {"PROAKTIV_DATABASE_URL": "postgresql://proaktiv_app@127.0.0.1:9/none"}
    with pytest.raises(DatabaseAway):
        begin(part, settings_of(away), tmp_path)
    empty = given | {"PROAKTIV_DATABASE_URL": postgres.url("proaktiv_owner", "postgres")}
    with pytest.raises(NotSafe, match="migrate as the owner first"):
        begin(part, settings_of(empty), tmp_path)


def test_a_folder_for_letters_that_is_not_there_is_told_before_the_first_letter(
    given: dict[str, str], tmp_path: Path
) -> None:
    wrong = settings_of(given | {"PROAKTIV_LETTERS_DIR": str(tmp_path / "nowhere")})
    with pytest.raises(WrongSettings, match="PROAKTIV_LETTERS_DIR names no folder"):
        begin("work", wrong, tmp_path)
    begin("citizen", wrong, tmp_path)


# how it is read -------------------------------------------------------------------------------------------------------

Environment = Callable[..., Settings]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Read the settings from an environment."""

    def read(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(f"PROAKTIV_{name}", value)
        return read_settings()

    return read


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("INDEX_KEY", "not base64 §", "string argument should contain only ASCII characters"),
        ("INDEX_KEY", "bm90 base64!", "is not base64"),
        ("KEK_FLOW", base64.b64encode(bytes(31)).decode(), "has 31 bytes, a key has 32"),
        ("SIGNING_KEY", base64.b64encode(bytes(64)).decode(), "has 64 bytes, a key has 32"),
        ("DATABASE_URL", "geheim", "is no database URL: postgresql://role:password@host[:port][,host[:port]]/database"),
        ("READER_URL", "postgresql://geheim@host:port/x", "is no database URL"),
        ("REGISTERS", "MELDEREGISTER=http://geheim", "is not JSON"),
        ("REGISTERS", '{"MELDEREGISTER": 7}', "(MELDEREGISTER) Input should be a valid string"),
        ("OUTBOUND", "127.0.0.1:9", "is not JSON"),
        ("OUTBOUND", '{"geheim": 1}', "Input should be a valid tuple"),
        ("ENV", "geheim", "Input should be 'production', 'test' or 'demo'"),
        ("DEADLINE_SECONDS", "0", "Input should be greater than 0"),
        ("BATCH", "many", "Input should be a valid integer"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_without_its_value(
    reading: Environment, name: str, value: str, told: str
) -> None:
    with pytest.raises(WrongSettings) as error:
        reading(**{name: value})
    assert str(error.value).startswith(f"PROAKTIV_{name} ")
    assert told in str(error.value)
    assert "\n" not in str(error.value)
    assert "geheim" not in str(error.value)
    assert error.value.__cause__ is None


def test_an_empty_variable_is_none_at_all(reading: Environment) -> None:
    settings = reading(ENV="", LETTERS_DIR="", INDEX_KEY="", REGISTERS="", OUTBOUND="")
    assert (settings.env, settings.letters_dir, settings.index_key) == (Env.PRODUCTION, None, None)
    assert (settings.registers, settings.outbound) == ({}, ())


def test_a_variable_of_each_kind_is_read(reading: Environment) -> None:
    settings = reading(
        INDEX_KEY=b64(bytes(range(32))),
        DATABASE_URL="postgresql://proaktiv_app@/x?host=/run/postgresql",
        REGISTERS=json.dumps({"MELDEREGISTER": "https://register.example"}),
        OUTBOUND='["register.example"]',
    )
    assert settings.index_key == bytes(range(32))
    assert settings.registers == {"MELDEREGISTER": "https://register.example"}
    assert settings.outbound == ("register.example",)


def test_settings_shown_by_mistake_show_no_secret(given: dict[str, str]) -> None:
    settings = settings_of(given | {"PROAKTIV_DATABASE_URL": "postgresql://a:geheim@127.0.0.1/x"})
    shown = f"{settings!r} {settings}"
    assert "geheim" not in shown
    for name in ("INDEX_KEY", "KEK_VIEW", "SIGNING_KEY", "INTAKE_PRIVATE_KEY"):
        raw = base64.b64decode(given[f"PROAKTIV_{name}"])
        assert repr(raw)[2:-1] not in shown
        assert given[f"PROAKTIV_{name}"] not in shown


# what a process does not hold -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    compartments: frozenset[Compartment]
    code: bool
    seals_to_worker: bool
    opens_as_worker: bool


HELD = {
    "work": Held(frozenset(Compartment), code=True, seals_to_worker=False, opens_as_worker=True),
    "intake": Held(frozenset({Compartment.FLOW}), code=False, seals_to_worker=True, opens_as_worker=False),
    "citizen": Held(
        frozenset({Compartment.VIEW, Compartment.FLOW}), code=True, seals_to_worker=True, opens_as_worker=False
    ),
    "office": Held(
        frozenset({Compartment.VIEW, Compartment.FLOW, Compartment.PROOF}),
        code=False,
        seals_to_worker=True,
        opens_as_worker=False,
    ),
}


@pytest.mark.parametrize("part", HELD)
def test_a_process_that_is_given_every_key_holds_only_its_own(part: str, given: dict[str, str]) -> None:
    with building(settings_of(given), part) as pipeline:
        vault = pipeline.house.vault
        place = Place("register_events", pipeline.house.ids.secret(), "payload")
        found = Held(
            vault.holds,
            code=works(lambda: vault.code_mac("0" * 13)),
            seals_to_worker=works(lambda: vault.seal_to_worker(place, {})),
            opens_as_worker=bool(vault._keys.intake_private),
        )
        assert found == HELD[part]
        with pipeline.database.transaction() as session:
            for compartment in Compartment:
                held = works(partial(vault.ring, session, [], [compartment]))
                assert held == (compartment in HELD[part].compartments)


def works(act: Callable[[], Any]) -> bool:
    try:
        act()
    except NotHeld:
        return False
    return True


@pytest.mark.parametrize("part", PARTS)
def test_only_the_worker_has_ways_out_of_the_house(part: str, given: dict[str, str]) -> None:
    with building(settings_of(given), part) as pipeline:
        ways = [set(pipeline.channels), set(pipeline.registers), set(pipeline.dispatchers)]
    assert ways == ([{"LETTER"}, {"MELDEREGISTER"}, {"webhook"}] if part == "work" else [set(), set(), set()])


@pytest.mark.parametrize(
    ("surface", "title"), [(name, "proaktiv" if name == "citizen" else f"proaktiv {name}") for name in SURFACES]
)
def test_each_surface_is_its_own_application(surface: str, title: str, given: dict[str, str]) -> None:
    settings = settings_of(given)
    with building(settings, surface) as pipeline:
        assert make_surface(settings, surface, pipeline).title == title


def test_cookies_are_secure_wherever_it_is_no_test(given: dict[str, str]) -> None:
    with building(settings_of(given), "citizen") as pipeline:
        secure = {
            env: make_surface(settings_of(given | {"PROAKTIV_ENV": env}), "citizen", pipeline).state.door.secure
            for env in ("production", "test", "demo")
        }
    assert secure == {"production": True, "test": False, "demo": False}


def test_only_one_signing_worker_runs(given: dict[str, str], tmp_path: Path) -> None:
    settings = settings_of(given)
    with (
        signing(settings, tmp_path / "signer") as first,
        pytest.raises(NotSafe, match="exactly one"),
        signing(settings, tmp_path / "other"),
    ):
        pytest.fail("a second memory")
    assert first.signer.vkey.startswith("flowlog.musterstadt.example/1+")
    begin("sign", settings, tmp_path)


def test_a_signers_memory_that_cannot_be_is_told(given: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(WrongSettings, match=r"--state .* cannot be used"),
        signing(settings_of(given), tmp_path / "file"),
    ):
        pytest.fail("no folder")


# production -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def production(given: dict[str, str]) -> dict[str, str]:
    """Settings for production, on a server that does not say that it is an embedded one."""
    own = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return {
        name: f"{value}&options=-c%20proaktiv.embedded%3Doff" if name.endswith("_URL") else value
        for name, value in given.items()
    } | {
        "PROAKTIV_ENV": "production",
        **{f"PROAKTIV_{name}": value for name, value in PRINTED.items()},
        "PROAKTIV_RELEASE_PUBLIC_KEY": b64(own),
        "PROAKTIV_REGISTERS": '{"MELDEREGISTER": "https://register.example"}',
        "PROAKTIV_OUTBOUND": '["register.example"]',
        "PROAKTIV_TOKEN_AUDIENCE": "https://intake.example/token",
    }


ALL_PARTS = tuple(NEEDED)


@pytest.mark.parametrize("part", ALL_PARTS)
def test_production_begins_on_a_server_of_its_own(part: str, production: dict[str, str], tmp_path: Path) -> None:
    begin(part, settings_of(production), tmp_path)


@pytest.mark.parametrize("part", ALL_PARTS)
def test_production_refuses_the_embedded_database(
    part: str, production: dict[str, str], given: dict[str, str], tmp_path: Path
) -> None:
    embedded = production | {name: value for name, value in given.items() if name.endswith("_URL")}
    with pytest.raises(NotSafe, match="embedded PostgreSQL"):
        begin(part, settings_of(embedded), tmp_path)


@pytest.mark.parametrize("part", ALL_PARTS)
def test_production_refuses_the_demonstrations_clock(part: str, production: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="PROAKTIV_DEMO_CLOCK"):
        begin(part, settings_of(production | {"PROAKTIV_DEMO_CLOCK": "true"}), tmp_path)


@pytest.mark.parametrize("part", PARTS)
def test_production_needs_to_know_whose_rules_to_trust(part: str, production: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="PROAKTIV_RELEASE_PUBLIC_KEY"):
        begin(part, settings_of(without(production, "RELEASE_PUBLIC_KEY")), tmp_path)


@pytest.mark.parametrize("part", PARTS)
def test_production_refuses_the_demonstrations_rules(
    part: str, production: dict[str, str], given: dict[str, str], urls: dict[str, str], tmp_path: Path
) -> None:
    owner = Database(urls["owner"], pool_size=1)
    with owner.transaction() as session:
        release(
            session,
            rules_folder(),
            author="A. Muster",
            reviewer="B. Beispiel",
            demo=True,
            key=demo_key(),
            now=datetime(2026, 10, 1, tzinfo=UTC),
        )
    owner.close()
    trusting = production | {"PROAKTIV_RELEASE_PUBLIC_KEY": b64(demo_key().public_key().public_bytes_raw())}
    with pytest.raises(NotSafe, match="is a demonstration's"):
        begin(part, settings_of(trusting), tmp_path)
    begin(part, settings_of(given), tmp_path)  # the control: elsewhere they are good enough


@pytest.mark.parametrize("env", ["production", ""])
def test_no_demonstrations_rules_are_released_in_production(env: str, production: dict[str, str]) -> None:
    words = ("rules", "release", "--demo", "--author", "A. Muster", "--reviewer", "B. Beispiel")
    done = proaktiv(*words, settings=production | {"PROAKTIV_ENV": env})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "--demo is refused in production: everybody has the demonstration's key\n"


def test_the_simulated_city_does_not_run_in_production(tmp_path: Path) -> None:
    production = {"PROAKTIV_ENV": "production", "TMPDIR": str(tmp_path)}
    for words in (("demo", "--events", "1"), ("city", "--part", "register", "--port", "9", "--folder", str(tmp_path))):
        assert "PROAKTIV_ENV is production" in refused(proaktiv(*words, settings=production))
    assert list(tmp_path.iterdir()) == [], "no server was started"


def test_an_embedded_server_says_what_it_is(urls: dict[str, str]) -> None:
    for role in ("app", "sequencer", "reader"):
        database = Database(urls[role], pool_size=1)
        with database.transaction() as session:
            found = session.connection().execute(text("SHOW proaktiv.embedded")).scalar_one()
        database.close()
        assert found == "on"
