"""docs/dsb.md is walked as it is written: its commands run, its words stand on the pages, its outputs come out so."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proaktiv.flowlog.exports.handing_out import hand_over
from tests.flowlog.alone import needs_node
from tests.office.conftest import Office
from tests.office.test_dsb_api import WHY
from tests.web.browser import PageBrowser

PAGE = (Path(__file__).parents[2] / "docs" / "dsb.md").read_text("utf-8")
WAY = PAGE.partition("## Wenn etwas anderes dasteht")[0]
"""What somebody reads and types until both sentences are proven."""
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
FOR_WINDOWS = re.findall(r"```powershell\n(.*?)```", PAGE, re.DOTALL)
OUTPUTS = re.findall(r"```\n\n(?:[^\n`]+\n\n)?```\n(.*?)```", PAGE, re.DOTALL)
MACHINE = ("cd ~/pruefen", "python3 -m venv python", "python/bin/pip install cryptography")
PYTHON = "python/bin/python verify.py"
"""What the DSB's own machine needs once, and this one has."""
ASKED = "node verify.mjs --policy policy.txt"
WORDS_MAX = 440
"""So many to read until both sentences are proven; at a lawyer's 150 a minute three of the fifteen."""
PATIENCE_SECONDS = 300


def as_typed_on_windows(command: str) -> str:
    """Return a command of the terminal as PowerShell wants it."""
    command = re.sub(
        r"mkdir \S+ && unzip -q (\S+) -d (\S+) && (.*)", r"Expand-Archive (Get-Item \1) \2; if ($?) { \3 }", command
    )
    grouped = r"(Get-FileHash \1).Hash -replace '.{8}', '$0 '"
    command = re.sub(r"shasum -a 256 (\S+) \| cut -c 1-64 \| fold -w 8", grouped, command)
    command = command.replace("python3 -m venv python\npython/bin/pip", "py -m pip")
    return re.sub(r"(auszug|beleg|~)/(?=\w)", r"\1\\", command)


def by_python(command: str) -> str:
    """Return a command as the page says that it goes without Node."""
    return command.replace("node verify.mjs", PYTHON)


def last(command: str) -> str:
    """Return what a command asks once the file is unpacked."""
    return command.rpartition(" && ")[2]


def test_the_page_has_the_commands_that_are_walked_here() -> None:
    machine, first, keeping, second, since, practising, python = COMMANDS
    assert machine.splitlines() == [MACHINE[0], "shasum -a 256 verify.mjs | cut -c 1-64 | fold -w 8", ASKED]
    assert python.splitlines() == [*MACHINE[1:], "shasum -a 256 verify.py | cut -c 1-64 | fold -w 8"]
    assert f"statt `node verify.mjs`: `{PYTHON}`, unter Windows `py verify.py`" in PAGE
    assert [len(each.splitlines()) for each in (first, keeping, second, since)] == [1, 1, 1, 1]
    assert practising == "proaktiv log verifier ~/pruefen\n"
    handed, whole, rested, grown = OUTPUTS
    assert [len(each.splitlines()) for each in (handed, whole, rested, grown)] == [6, 4, 5, 5]


def test_each_command_stands_below_for_windows_too() -> None:
    shells = [*COMMANDS[:5], COMMANDS[6]]
    assert [as_typed_on_windows(command) for command in shells] == FOR_WINDOWS
    assert len(re.findall(r"```sh\n.*?```\n\n```powershell\n", PAGE, re.DOTALL)) == len(FOR_WINDOWS)


def test_the_way_to_both_sentences_is_short() -> None:
    prose = re.sub(r"```.*?```", "", WAY, flags=re.DOTALL)
    assert len(prose.split()) <= WORDS_MAX
    minutes = [int(found) for found in re.findall(r"^## \d\. .*\((\d+) Minute", WAY, re.MULTILINE)]
    assert len(minutes) == 4
    assert sum(minutes) <= 15


@pytest.fixture
def folder(sent: Office, tmp_path: Path) -> Path:
    """The DSB's folder after section 2, and a log that was signed more than once."""
    sent.world.check_log()
    assert sent.desk("d.schutz").get("/datenfluesse").status_code == 200
    sent.world.check_log()
    place = tmp_path / "pruefen"
    hand_over(place, [sent.world.signer.vkey], sent.world.now.date())
    (place / "python" / "bin").mkdir(parents=True)
    (place / "python" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "$@"\n')
    (place / "python" / "bin" / "python").chmod(0o755)
    return place


def typed(command: str, folder: Path) -> str:
    if (
        shutil.which("shasum") is None
    ):  # it comes with Perl; a small Linux has the other alone, which the page names too
        command = command.replace("shasum -a 256", "sha256sum")
    if shutil.which("unzip") is None:
        command = re.sub(r"unzip -q (\S+) -d", r"python3 -m zipfile -e \1", command)
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


def shapes(said: str) -> list[str]:
    """Return lines without what differs from day to day: numbers, times and hashes."""
    said = re.sub(r"\+[0-9a-f]{8}\+", "+#", said)
    said = re.sub(r"^   \S{4}( \S{4}){8,}$", "   #", said, flags=re.MULTILINE)  # a key, as the slip has it
    day = r"\d{2}\.\d{2}\.\d{4}|\d{4}-\d{2}-\d{2}|\d{2}:\d{2}:\d{2}"
    return [re.sub(r"\b[0-9a-f]*\d[0-9a-f-]*(…|\b)", "#", re.sub(day, "#", line)) for line in said.splitlines()]


def comes_out(expected: str, told: str) -> None:
    """The page's lines are the last ones of what was told, in their order."""
    lines = shapes(expected)
    assert shapes(told)[-len(lines) :] == lines, told


def saves(desk: PageBrowser, link: tuple[str, str], folder: Path) -> None:
    answer = desk.get(link[0])
    assert answer.status_code == 200
    name = link[1] or re.findall(r'filename="([^"]+)"', answer.headers["content-disposition"])[0]
    (folder / name).write_bytes(answer.content)


def says(page: str, *words: str) -> None:
    for word in words:
        assert f"**{word}" in PAGE or word in PAGE, word
        assert word in page, word


def draws(desk: PageBrowser, folder: Path) -> None:
    """Make an export of the log and download it, the newest one."""
    says(desk.get("/auszuege").text, "Auszüge", "Protokoll zum Prüfen", "Auszug machen")
    before = links(desk)
    desk.post("/auszuege", {"art": "log", "von": "", "bis": "", "tage": "7"})
    says(desk.get("/auszuege").text, "Auszug vom")
    (link,) = links(desk) - before
    saves(desk, (link, ""), folder)


def links(desk: PageBrowser) -> set[str]:
    return set(re.findall(r'href="(/dsb/exports/[^"]+)"', desk.get("/auszuege").text))


@needs_node
def test_the_first_sentence_this_export_is_whole_and_untouched(sent: Office, folder: Path) -> None:
    machine, first, keeping, _, since, _, python = COMMANDS
    comes_out(OUTPUTS[0], typed(machine, folder))
    assert re.fullmatch(r"([0-9a-f]{8}\n){8}", typed(python, folder))
    desk = sent.desk("d.schutz")
    draws(desk, folder)
    told = typed(first, folder)
    assert typed(by_python(last(first)), folder) == told
    comes_out(OUTPUTS[1], told)
    assert len(shapes(told)) == len(shapes(OUTPUTS[1])), "nothing stands above it"
    assert typed(keeping, folder) == ""
    for path in folder.glob("*.zip"):
        path.unlink()
    sent.world.check_log()
    draws(desk, folder)
    assert "protokoll-log-2026-12-*.zip" in since
    today = since.replace("protokoll-log-2026-12-*.zip", "protokoll-log-2026-10-*.zip")  # the day that it is here
    comes_out(OUTPUTS[3], typed(today, folder))


@needs_node
@pytest.mark.parametrize("joined", [" && ", "; "], ids=["as it stands", "control: one after the other"])
def test_whoever_repeats_a_command_beside_an_older_file_gets_no_verdict_on_the_older_one(
    sent: Office, folder: Path, joined: str
) -> None:
    desk = sent.desk("d.schutz")
    draws(desk, folder)
    assert "Alles stimmt." in typed(COMMANDS[1], folder)
    with pytest.raises(AssertionError, match="auszug") as again:
        typed(f"set +e\n{COMMANDS[1].replace(' && ', joined)}", folder)  # as in a terminal
    assert ("Alles stimmt." in str(again.value)) == (joined == "; ")


@needs_node
def test_the_second_sentence_this_flow_rested_on_that_consent(sent: Office, folder: Path) -> None:
    second = COMMANDS[3]
    says(sent.desk("d.schutz").get("/person").text, "Um Erlaubnis fragen", "Person")
    request = sent.allowed(sent.reference, WHY)
    desk = sent.desk("d.schutz")
    says(desk.get("/person").text, "Datenflüsse ansehen")
    entries = desk.get(request).text
    assert "Erlaubt, vor der Übermittlung" in entries
    says(entries, "nur Erlaubt")
    rows = re.findall(r'<tr>.*?href="(/datenfluesse/[^"]+)".*?</tr>', entries, re.DOTALL)
    pages = [desk.get(row).text for row in rows]
    page = next(each for each in pages if "auftrag.sent" in each and "Erlaubt, vor der Übermittlung" in each)
    says(page, "Dieser Fluss beruhte auf der Einwilligung", "Stand der Einwilligung heute: Ja.")
    assert re.search(r"@1\)\.\s+Sie wurde am \d", page)
    says(page, "Beleg und Weg der Einwilligung herunterladen", "Platz im Protokoll")
    for link in re.findall(r'href="(/dsb/flows/[^"]+)" download="([^"]+)"', page):
        saves(desk, link, folder)
    told = typed(second, folder)
    assert typed(by_python(last(second)), folder) == told
    comes_out(OUTPUTS[2], told)
    assert "\nDer Eintrag sagt:\n" in told.partition(OUTPUTS[2].splitlines()[1][:8])[0]
    given = typed(last(second).replace(" beleg/weg ", " einwilligung-*.tlog-proof "), folder)
    assert "Ob sie dazwischen widerrufen wurde, zeigen diese zwei Belege nicht" in given


def test_the_page_to_log_in_by_a_link_has_the_button_that_the_guide_names(sent: Office) -> None:
    assert "öffnen und **Anmelden** drücken" in PAGE.replace("\n", " ")
    template = Path(__file__).parents[2] / "proaktiv" / "web" / "templates" / "office" / "link.html"
    assert "parts.submit(_('Anmelden'))" in template.read_text("utf-8")


def test_control_a_word_that_no_page_says_or_an_output_that_does_not_come_is_seen() -> None:
    with pytest.raises(AssertionError):
        says("<p>Etwas anderes</p>", "Auszug machen")
    with pytest.raises(AssertionError):
        comes_out("Alles stimmt.", "Es stimmt nicht alles.")
    with pytest.raises(AssertionError):
        comes_out("zu löschen am 03.12.2026\nAlles stimmt.", "Alles stimmt.\nzu löschen am 03.12.2026")
