"""What gets installed is whole: built from the checkout, laid out in another folder, run from a third."""

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.embedded import EmbeddedServer
from tests.flowlog.alone import POLICY, Verifiers
from tests.flowlog.conftest import World as LogWorld
from tests.flowlog.exports import VKEY, export, fill, flip

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network: hatchling is in the environment."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pure wheel is a zip file of what an installer puts into site-packages."""
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


@pytest.fixture
def empty(postgres: EmbeddedServer) -> Iterator[str]:
    postgres.create_database("packaged", "template0")
    yield postgres.url("proaktiv_owner", "packaged")
    postgres.drop_database("packaged")


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    """Run Python with the installed tree first and the dependencies after it; the checkout is out of sight.

    ``-S`` leaves out the .pth files, and with them the editable installation of the checkout.
    """
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{installed}:{sysconfig.get_path('purelib')}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", ["proaktiv", "consent", "notifiers"])
def test_the_installed_packages_are_ours_and_not_their_namesakes(installed: Path, tmp_path: Path, package: str) -> None:
    where = run(installed, tmp_path, "-c", f"import {package}; print({package}.__file__)")
    assert Path(where.strip()) == installed / package / "__init__.py"


def test_rules_and_migrations_are_inside_and_nothing_shadows_alembic(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "proaktiv/_data/alembic/env.py" in names
    assert "proaktiv/_data/alembic/versions/0001_walls.py" in names
    rules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rules").rglob("*") if path.is_file()}
    assert rules
    assert {f"proaktiv/_data/{name}" for name in rules} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"proaktiv", "consent", "notifiers"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_is_no_module_travels_along(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("proaktiv", "consent", "notifiers")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".pyo"}
    }
    assert found <= names


def test_the_installed_program_migrates_an_empty_database(installed: Path, tmp_path: Path, empty: str) -> None:
    run(
        installed,
        tmp_path,
        "-c",
        f"from proaktiv.schema import check_current, migrate; migrate({empty!r}); check_current({empty!r})",
    )


def test_the_installed_program_shows_its_commands(installed: Path, tmp_path: Path) -> None:
    assert "demo" in run(installed, tmp_path, "-m", "proaktiv", "--help")


def test_the_installed_program_verifies_an_export_on_a_machine_that_has_nothing_else(
    installed: Path, tmp_path: Path, urls: dict[str, str]
) -> None:
    house = LogWorld(urls, tmp_path / "signer")
    fill(house)
    export(house, tmp_path / "stick")
    house.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def verified() -> subprocess.CompletedProcess[str]:
        # No environment at all, another folder, the wheel and its dependencies: what a DSB's own machine has.
        argv = ["proaktiv", "log", "verify", "--export", str(tmp_path / "stick"), "--vkey", VKEY]
        program = (
            f"import sys; sys.path[:0] = {[str(installed), sysconfig.get_path('purelib')]!r}; sys.argv = {argv!r};"
            "from proaktiv.__main__ import main; main()"
        )
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", program],
            cwd=elsewhere,
            env={},
            capture_output=True,
            text=True,
            check=False,
        )

    done = verified()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "Everything adds up."
    flip(tmp_path / "stick" / "tile" / "0" / "000", 0)
    done = verified()
    assert (done.returncode, done.stderr) == (1, "")
    assert list(elsewhere.iterdir()) == []


def test_the_installed_program_hands_out_verifiers_that_need_nothing_of_it(
    installed: Path, tmp_path: Path, urls: dict[str, str]
) -> None:
    house = LogWorld(urls, tmp_path / "signer")
    fill(house)
    export(house, tmp_path / "stick")
    house.close()
    run(installed, tmp_path, "-m", "proaktiv", "log", "verifier", str(tmp_path / "programs"))
    (tmp_path / "policy").write_text(POLICY)
    verifiers = Verifiers(tmp_path / "programs")
    assert [told.code for told in verifiers.by_python([tmp_path / "stick"], tmp_path / "policy")] == [0]
    assert "verify.mjs" in {path.name for path in verifiers.folder.iterdir()}


def test_the_licence_is_the_eupl_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\n")
    assert "15.Applicable Law" in text
    assert "Appendix" in text


def test_continuous_integration_runs_the_tests() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == "make test"


def test_a_python_without_pip_is_told_from_a_broken_project(tmp_path: Path) -> None:
    """As in the activated environment of another project that uv made."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    bare = tmp_path / "python3"
    bare.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    bare.chmod(0o755)
    done = subprocess.run(
        ["make", "-C", str(tmp_path), "env", f"PYTHON={bare}"], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "has no pip" in done.stdout
    assert "deactivate" in done.stdout
    assert not (tmp_path / ".tools").exists()
