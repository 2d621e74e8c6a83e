"""docs/dsb.md is walked as it is written: its commands run, its words stand on the pages, its outputs come out so."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from proaktiv.flowlog.handing_out import hand_out
from tests.office.conftest import Office
from tests.office.test_dsb_api import WHY
from tests.web.browser import PageBrowser

PAGE = (Path(__file__).parents[2] / "docs" / "dsb.md").read_text("utf-8")
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
OUTPUTS = re.findall(r"```\n\n```\n(.*?)```", PAGE, re.DOTALL)
MACHINE = ("cd ~/pruefen", "python3 -m venv python", "python/bin/pip install cryptography")
"""What the DSB's own machine needs once, and this one has."""
PATIENCE_SECONDS = 300


def test_the_page_has_the_commands_that_are_walked_here() -> None:
    practising, machine, unpacking, verifying, two, way = COMMANDS
    assert "proaktiv log verifier" in practising
    assert "proaktiv log vkey" in practising
    assert machine.splitlines() == [*MACHINE, "sha256sum verify.py verify.mjs"]
    assert [len(each.splitlines()) for each in (unpacking, verifying, two, way)] == [1, 1, 1, 2]
    assert len(OUTPUTS) == 3


@pytest.fixture
def folder(sent: Office, tmp_path: Path) -> Path:
    """The DSB's folder after sections 1 and 2."""
    sent.world.check_log()
    place = tmp_path / "pruefen"
    hand_out(place)
    (place / "python" / "bin").mkdir(parents=True)
    (place / "python" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "$@"\n')
    (place / "python" / "bin" / "python").chmod(0o755)
    (place / "policy.txt").write_text(f"log {sent.world.signer.vkey}\nquorum none\n")
    return place


def typed(command: str, folder: Path) -> str:
    lines = [line for line in command.splitlines() if line not in MACHINE]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(lines)],
        cwd=folder,
        env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def comes_out(expected: str, told: str) -> None:
    """Each line of the page's output is one of what was told, but for numbers, times and hashes."""

    def shape(line: str) -> str:
        return re.sub(r"[0-9a-f]*\d[0-9a-f-]*…?\.?", "#", re.sub(r"\d{4}-\d{2}-\d{2}T[0-9:.]+Z", "#", line))

    lines = {shape(line) for line in told.splitlines()}
    for line in expected.splitlines():
        assert shape(line) in lines, (line, told)


def saves(desk: PageBrowser, link: tuple[str, str], folder: Path) -> None:
    answer = desk.get(link[0])
    assert answer.status_code == 200
    name = link[1] or re.findall(r'filename="([^"]+)"', answer.headers["content-disposition"])[0]
    (folder / name).write_bytes(answer.content)


def says(page: str, *words: str) -> None:
    for word in words:
        assert f"**{word}" in PAGE or word in PAGE, word
        assert word in page, word


def test_the_first_sentence_this_export_is_whole_and_untouched(sent: Office, folder: Path) -> None:
    _, machine, unpacking, verifying, *_ = COMMANDS
    assert len(typed(machine, folder).splitlines()) == 2
    desk = sent.desk("d.schutz")
    page = desk.get("/auszuege").text
    says(page, "Auszüge", "Was soll er enthalten?", "Protokoll zum Prüfen", "Auszug machen")
    desk.post("/auszuege", {"art": "log", "von": "", "bis": "", "tage": "7"})
    page = desk.get("/auszuege").text
    (link,) = re.findall(r'href="(/dsb/exports/[^"]+)"', page)
    assert "Auszug vom" in page
    saves(desk, (link, ""), folder)
    typed(unpacking, folder)
    comes_out(OUTPUTS[0], typed(verifying, folder))


def test_the_second_sentence_this_flow_rested_on_that_consent(sent: Office, folder: Path) -> None:
    *_, two, way = COMMANDS
    says(sent.desk("d.schutz").get("/person").text, "Um Erlaubnis fragen", "Person")
    request = sent.allowed(sent.reference, WHY)
    desk = sent.desk("d.schutz")
    says(desk.get("/person").text, "Datenflüsse ansehen")
    entries = desk.get(request).text
    says(entries, "Erlaubt, vor der Übermittlung")
    rows = re.findall(r'<tr>.*?href="(/datenfluesse/[^"]+)".*?</tr>', entries, re.DOTALL)
    pages = [desk.get(row).text for row in rows]
    page = next(each for each in pages if "auftrag.sent" in each and "Erlaubt, vor der Übermittlung" in each)
    says(page, "Dieser Fluss beruhte auf der Einwilligung", "Ihr Stand heute: Ja.")
    assert re.search(r"@1\)\.\s+Sie wurde am \d", page)
    says(page, "Beleg mit Teil S", "Beleg der Einwilligung", "Weg der Einwilligung")
    for link in re.findall(r'href="(/dsb/flows/[^"]+)" download="([^"]+)"', page):
        saves(desk, link, folder)
    comes_out(OUTPUTS[1], typed(two, folder))
    comes_out(OUTPUTS[2], typed(way, folder))


def test_control_a_word_that_no_page_says_or_an_output_that_does_not_come_is_seen() -> None:
    with pytest.raises(AssertionError):
        says("<p>Etwas anderes</p>", "Auszug machen")
    with pytest.raises(AssertionError):
        comes_out("Alles stimmt.", "Es stimmt nicht alles.")
