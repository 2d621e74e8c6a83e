"""The whole city runs once, as a user runs it, and nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

EVENTS = 14


@pytest.fixture(scope="module")
def run() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proaktiv", "demo", "--once", "--events", str(EVENTS), "--seed", "3", "--json"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def result(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_every_equation_holds_and_the_log_verifies(result: dict[str, Any]) -> None:
    assert [line for line in result["equations"] if not line["holds"]] == []
    assert result["log_verified"] is True
    assert result["ok"] is True


def test_every_event_came_in_once_and_found_its_end(result: dict[str, Any]) -> None:
    assert result["events"] == EVENTS
    assert result["duplicates"] == 4
    assert result["waiting"] == 0
    assert min(result["admitted"], result["refused"], result["stopped"]) > 0


def test_what_was_confirmed_arrived_and_its_citizen_saw_the_receipt(result: dict[str, Any]) -> None:
    assert 0 < result["dispatched"] <= result["confirmed"]
    assert result["receipts_seen_by_citizens"] == result["receipts"] == result["dispatched"]
    assert result["second_arrivals"] == 0


def test_progress_goes_to_stderr_phase_by_phase(run: subprocess.CompletedProcess[str]) -> None:
    lines = [line for line in run.stderr.splitlines() if line.startswith("[")]
    assert len(lines) == 11


@pytest.mark.chaos
def test_a_run_that_is_ended_early_leaves_no_process_and_no_folder_behind() -> None:
    # The base lies in the system's own temporary folder: as root the server needs a path that all may enter.
    with tempfile.TemporaryDirectory(prefix="p-") as base:
        Path(base).chmod(0o755)
        run = subprocess.Popen(
            [sys.executable, "-m", "proaktiv", "demo", "--events", "2", "--json"],
            env={**os.environ, "TMPDIR": base},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert run.stderr is not None
        for line in run.stderr:
            if line.startswith("[ 3/11]"):
                break
        started = psutil.Process(run.pid).children(recursive=True)
        assert len(started) >= 7
        run.send_signal(signal.SIGTERM)
        assert run.wait(60) == 128 + signal.SIGTERM
        run.stderr.close()
        assert [process for process in started if process.is_running()] == []
        assert list(Path(base).iterdir()) == []
