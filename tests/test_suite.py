"""How the suite itself runs: a test fails for what it tests and for nothing else."""

import fcntl
import sys
from pathlib import Path
from typing import IO

import anyio
import pytest

from tests import conftest


def test_pytest_rewrites_the_tests_and_no_package_that_the_house_imports() -> None:
    # One imported late, inside a test, would be parsed anew while other threads run: see addopts in pyproject.toml.
    rewritten = {
        name.partition(".")[0]
        for name, module in list(sys.modules.items())
        if type(getattr(module, "__loader__", None)).__name__ == "AssertionRewritingHook"
    }
    assert "tests" in rewritten
    assert not rewritten & {anyio.__name__, "hypothesis", "schemathesis", "time_machine", "platformdirs"}


def test_a_session_that_sweeps_touches_no_folder_of_another_that_begins_or_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several begin at once: a lock that a sweep holds for a moment would make another session's server give up."""
    begins, lives, killed = (tmp_path / f"proaktiv-tests-{name}" for name in ("begins", "lives", "killed"))
    begins.mkdir()
    for folder in (lives, killed):
        (folder / "data").mkdir(parents=True)
        (folder / "data" / "PG_VERSION").write_text("17")
    locked: list[str] = []
    take = fcntl.flock

    def taking(file: IO[bytes], how: int) -> None:
        locked.append(Path(file.name).parent.name)
        take(file, how)

    with (lives / "lock").open("ab") as held:
        take(held, fcntl.LOCK_EX)
        monkeypatch.setattr(fcntl, "flock", taking)
        conftest._sweep(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {begins.name, lives.name}
    assert begins.name not in locked
    assert list(begins.iterdir()) == []
