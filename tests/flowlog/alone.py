"""The verifiers that stand alone, run as the DSB runs them: a process of their own, no network, nothing of proaktiv."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from proaktiv.flowlog.checkpoints import NoteError, Vkey
from proaktiv.flowlog.exports.handing_out import hand_out
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.verifying.export import verify_export
from tests.flowlog.exports import VKEY

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on this machine: the second verifier is not run")
POLICY = f"# noted by the DSB\nlog {VKEY}\nquorum none\n"
PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Told:
    """What a verifier says of one path: how it ends, the root that was signed, and what is wrong at which place."""

    code: int
    root: str | None
    found: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True)
class Verifiers:
    """Both files, handed out into a folder of their own."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "verify.py"

    @property
    def node(self) -> Path:
        return self.folder / "verify.mjs"

    @classmethod
    def handed_out(cls, folder: Path) -> "Verifiers":
        hand_out(folder)
        return cls(folder)

    def run_python(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        # -I: neither this folder nor any variable leads to proaktiv; what is left is the interpreter's own packages.
        return _run([sys.executable, "-I", str(self.python), *map(str, words)])

    def run_node(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return _run([NODE or "node", str(self.node), *map(str, words)])

    def by_python(self, paths: Sequence[Path], policy: Path, *more: str | Path) -> list[Told]:
        return told(self.run_python(*paths, "--policy", policy, "--json", *more))

    def by_node(self, paths: Sequence[Path], policy: Path, *more: str | Path) -> list[Told]:
        return told(self.run_node(*paths, "--policy", policy, "--json", *more))


@cache
def _without_network() -> tuple[str, ...]:
    """Return what runs a command where there is no network at all; nothing where the machine does not allow that."""
    cut_off = ("unshare", "-rn")
    if shutil.which("unshare") is None:
        return ()
    return cut_off if subprocess.run([*cut_off, "true"], capture_output=True, check=False).returncode == 0 else ()


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_without_network(), *command],
        env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> list[Told]:
    assert done.stderr == "", done.stderr[-2_000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    codes = {line["code"] for line in lines}
    assert done.returncode == (1 if 1 in codes else max(codes))
    return [Told(line["code"], line.get("root"), _found(line)) for line in lines]


def _found(line: dict[str, Any]) -> tuple[tuple[str, int | None], ...]:
    return tuple((each["what"], each["index"]) for each in line.get("findings", ()))


def by_proaktiv(path: Path, vkey: str = VKEY) -> Told:
    """Return what proaktiv's own verifier says of an export."""
    Vkey.parse(vkey)
    try:
        report = verify_export(path, vkey)
    except (ExportUnreadable, NoteError):
        return Told(2, None, ())
    found = tuple((finding.what.value, finding.index) for finding in report.findings)
    return Told(int(not report.ok), report.root.hex() if report.root else None, found)
