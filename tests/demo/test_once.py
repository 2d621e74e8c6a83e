"""The whole city runs once, as a user runs it, and nothing is left behind."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import psutil
import pypdf
import pytest

from tests.chaos.outage import wait_for

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


def test_some_got_a_mail_beside_their_letter(result: dict[str, Any]) -> None:
    assert 0 < result["mails"] < result["handed_over"]


def test_progress_goes_to_stderr_phase_by_phase(run: subprocess.CompletedProcess[str]) -> None:
    lines = [line for line in run.stderr.splitlines() if line.startswith("[")]
    assert len(lines) == 11


@pytest.mark.chaos
def test_a_run_that_is_ended_early_leaves_no_process_and_no_folder_behind() -> None:
    # The base lies in the system's own temporary folder: as root the server needs a path that all may enter.
    with tempfile.TemporaryDirectory(prefix="p-") as base:
        Path(base).chmod(0o755)
        run = subprocess.Popen(
            [sys.executable, "-m", "proaktiv", "demo", "--once", "--events", "2", "--json"],
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


# staying up -----------------------------------------------------------------------------------------------------------


class Stay:
    """A city that stays, and what it has said so far."""

    def __init__(self, base: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "proaktiv", "demo", "--events", "2", "--json"],
            env={**os.environ, "TMPDIR": base},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.result: dict[str, Any] = json.loads(self.process.stdout.readline())
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if "Ctrl-C" in line:
                break
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        assert "Traceback" not in err
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=60)


@pytest.fixture
def base() -> Iterator[str]:
    """The system's own temporary folder: as root the server needs a path that all may enter."""
    with tempfile.TemporaryDirectory(prefix="p-") as folder:
        Path(folder).chmod(0o755)
        yield folder


@pytest.mark.chaos
def test_the_city_stays_up_until_ctrl_c_and_leaves_nothing_behind(base: str) -> None:
    stay = Stay(base)
    try:
        assert stay.result["ok"] is True
        assert stay.process.poll() is None, "it stays after its result"
        table, _, _ = stay.said.partition("Enrol as a citizen")
        urls = re.findall(r"http://127\.0\.0\.1:\d+/(?:health|openapi\.json|bericht|letters)?", table)
        assert len(urls) == 9
        assert [url for url in urls if httpx.get(url, trust_env=False).status_code != 200] == []
        visit(stay)
        assert stay.end(signal.SIGINT) == 0
        assert [process for process in stay.children if process.is_running()] == []
        assert list(Path(base).iterdir()) == []
    finally:
        stay.close()


def visit(stay: Stay) -> None:
    """Do what it says, as a visitor with a browser: enrol, find the letter, type its code; look as an operator."""
    enrol, letters, code, account, channels = (
        re.findall(rf"^  {step}\. (\S+)", stay.said, re.MULTILINE)[0] for step in (1, 2, 3, 5, 6)
    )
    first, last = re.findall(r"first names: (\S+)   .*surname: (\S+)", stay.said)[0]
    day, month, year = re.findall(r"date of birth: (\d+) (\d+) (\d+)", stay.said)[0]
    street, plz, town = re.findall(r"address: (.+), (\d{5}) (\S+)", stay.said)[0]
    born = {"geburt_tag": day, "geburt_monat": month, "geburt_jahr": year}
    form = born | {"vornamen": first, "familienname": last, "strasse": street, "plz": plz, "ort": town}
    with httpx.Client(trust_env=False, headers={"Sec-Fetch-Site": "same-origin"}) as browser:

        def written() -> list[str]:
            """Their letters, newest first."""
            return re.findall(rf'href="(/letters/[^"]+)">{first} {last}<', browser.get(letters).text)

        before = written()  # of two families nobody is left who has not enrolled: the visitor may be one of them
        assert browser.post(enrol, data=form).headers["location"] == "/anmelden/danke"
        wait_for(lambda: written() != before, "the letter")
        found = written()[0]
        pdf = browser.get(letters.removesuffix("/letters") + found)
        assert pdf.headers["content-type"] == "application/pdf"
        printed = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.content)).pages)
        (typed,) = set(re.findall(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]\b", printed))
        opened = browser.post(code, data=born | {"code": typed})
        assert opened.headers["location"] == "/einwilligungen/entscheiden"
        assert "Nutzerkonto</h1>" in browser.get(account).text
        asked = browser.get(f"{account}/anmelden").headers["location"]
        assert "kein echtes Nutzerkonto" in browser.get(asked).text
        assert (
            f"{first} {last}"
            in browser.get(asked, params=dict(parse_qsl(urlsplit(asked).query)) | {"suche": last}).text
        )
        assert 'name="mail"' in browser.get(channels.removesuffix("–")).text

    german = stay.said.partition("Anmelden wie ein Bürger")[2]
    assert not re.search(r"\b(the|of|and|then|there|anew)\b", german.rpartition("/")[0])
    overseen = german.partition("Für Datenschutzbeauftragte (docs/dsb.md, Abschnitt „Üben“):\n")[2]
    assert len(re.findall(r"^  (?:Sie|Ihre Vertretung|Behörde) \(.+\): +http://\S+$", overseen, re.MULTILINE)) == 3
    assert "\n    proaktiv log verifier ~/pruefen\n" in overseen

    (settings,) = re.findall(r"^  \. (\S+)", stay.said, re.MULTILINE)
    (doctor,) = re.findall(r"proaktiv (doctor .*)", stay.said)
    command = f". {settings} && proaktiv {doctor} --json"
    bare = {"PATH": "/usr/bin:/bin"}  # the file of settings says where the command is
    looked = subprocess.run(["sh", "-c", command], check=False, capture_output=True, text=True, timeout=120, env=bare)
    assert [line for line in json.loads(looked.stdout)["findings"] if line["level"] == "broken"] == []
    assert looked.returncode == 0


def test_one_citizen_bound_an_account_and_saw_who_had_seen_their_data(result: dict[str, Any]) -> None:
    assert result["accounts_bound"] == 1
    assert result["timeline_entries_seen"] > 5
