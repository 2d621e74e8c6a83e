"""What the verifiers that stand alone tell a DSB: one verdict, what to do, and an entry in words; both say the same."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from proaktiv.core.flows import Flow, Kind
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog import entries
from proaktiv.flowlog.alone import asking, speaking, verdict
from proaktiv.flowlog.alone.words import WORDS
from proaktiv.web import pages
from proaktiv.web.pages import log_words
from proaktiv.web.pages.language import catalogue
from tests.depth import depth
from tests.flowlog import words_alone
from tests.flowlog.alone import NODE, POLICY, Verifiers, needs_node
from tests.flowlog.exports import SIZE, VKEY, change_entry, city_log, copy, given, three_exports, verify
from tests.flowlog.mutations import mutate

NODE_FOLDER = Path(speaking.__file__).parent / "node"
ENGLISH = re.compile(r"\b(is|not|the|of|are|than|where)\b")
PAGES = Path(pages.__file__).parent
CONCLUDING = {german for _, german in verdict.CONCLUSIONS.values()}
COMPARE = "Zeichen für Zeichen mit dem Zettel vergleichen, oder die policy.txt nehmen, die mit den Programmen kam"
NOT_WHOLE = f"der Schlüssel ist nicht vollständig: {COMPARE}"
SAVE_AS = "im Editor „Speichern unter“ wählen, dort unter „Codierung“ UTF-8"
Answer = tuple[int, str, str]


@pytest.fixture(scope="module")
def place(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A DSB's folder: ``old`` at 6 entries, ``now``, ``part`` from entry 256 on, policy.txt, and one that is wrong."""
    folder = tmp_path_factory.mktemp("told")
    with city_log(postgres, folder, "alone_told") as world:
        three_exports(world, folder)
        (folder / "policy.txt").write_text(POLICY)
        change_entry(copy(folder / "now", folder / "wrong"), 3, given("somebody else", "x", "receiver"))
        yield folder


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    return Verifiers.handed_out(tmp_path_factory.mktemp("handed out"))


def both(verifiers: Verifiers, *words: str | Path) -> Answer:
    """Return what both say, which is the same but for their names."""
    python, node = verifiers.run_python(*words), verifiers.run_node(*words)
    answers = [(done.returncode, *(named(each) for each in (done.stdout, done.stderr))) for done in (python, node)]
    assert answers[0] == answers[1]
    return answers[0]


def named(said: str) -> str:
    return said.replace("python verify.py", "VERIFY").replace("node verify.mjs", "VERIFY")


# since ----------------------------------------------------------------------------------------------------------------


@needs_node
def test_where_the_log_has_only_grown_since_a_checkpoint_it_is_said(verifiers: Verifiers, place: Path) -> None:
    policy = ("--policy", place / "policy.txt")
    code, out, _ = both(verifiers, place / "now", *policy, "--since", place / "old" / "checkpoint")
    assert (code, out.splitlines()[2:]) == (
        0,
        [f"Seit Ihrem Checkpoint (6 Einträge) ist das Protokoll nur gewachsen, auf {SIZE} Einträge.", "Alles stimmt."],
    )
    _, out, _ = both(verifiers, place / "now", *policy, "--since", place / "now" / "checkpoint")
    said = f"Seit Ihrem Checkpoint ({SIZE} Einträge) kam im Protokoll nichts hinzu, und nichts wurde geändert."
    assert said in out.splitlines()
    for run in (verifiers.run_python, verifiers.run_node):
        done = run(place / "now", *policy, "--since", place / "old" / "checkpoint", "--json")
        assert json.loads(done.stdout)["since"] == 6
    for folder in ("old", "wrong"):  # what is shorter, and what is not as it was
        code, out, _ = both(verifiers, place / folder, *policy, "--since", place / "now" / "checkpoint")
        assert (code, "Seit Ihrem" in out) == (1, False)
    _, out, _ = both(verifiers, place / "old", *policy, "--since", place / "now" / "checkpoint")
    harmless_first = (
        f"Checkpoint: Der Auszug ist kleiner (6) als der Checkpoint, den Sie aufhoben ({SIZE}). Ist der Auszug älter,"
        " nehmen Sie einen neueren; ist er jünger, fehlen Einträge: festhalten."
    )
    assert out.splitlines()[-2:] == [harmless_first, "Es stimmt nicht alles."]


@needs_node
def test_a_kept_checkpoint_that_is_none_is_told_with_its_name_and_what_to_do(
    verifiers: Verifiers, place: Path, tmp_path: Path
) -> None:
    good = (place / "old" / "checkpoint").read_bytes()
    signed = good.index(b"\n\n")
    (tmp_path / "changed").write_bytes(good.replace(b"\n6\n", b"\n7\n"))
    (tmp_path / "cut").write_bytes(good[:signed])
    (tmp_path / "utf16").write_bytes(good.decode().encode("utf-16"))
    (tmp_path / "other").write_bytes(b"flowlog.anderswo.example/1\n" + good.partition(b"\n")[2])
    reasons = {
        "changed": "ist kein Checkpoint dieses Protokolls: falsche Unterschrift von ",
        "cut": "ist kein Checkpoint dieses Protokolls: ein Checkpoint endet mit Unterschriftszeilen",
        "utf16": f"ist kein Checkpoint dieses Protokolls: als UTF-16 gespeichert: {SAVE_AS}",
        "other": "ist kein Checkpoint dieses Protokolls: falsche Unterschrift von ",
        "nothing": "ist nicht da: den Namen prüfen",
        ".": "ist ein Ordner, gebraucht wird eine Datei",
    }
    for name, reason in reasons.items():
        path = f"{tmp_path}/{name}"
        code, out, err = both(verifiers, place / "now", "--policy", place / "policy.txt", "--since", path)
        assert (code, out) == (2, "")
        said, verdict_line = err.splitlines()
        assert said.startswith(f"--since: {path} {reason}"), said
        remedy = (
            ". Nehmen Sie die unveränderte Datei, die Sie aufgehoben haben; ist sie es schon, dann ist das ein "
            "Befund: festhalten, und nicht ohne --since weiterprüfen"
            if "ist kein Checkpoint" in reason
            else ". Nennen Sie die Datei, die Sie aufgehoben haben, und prüfen Sie nicht ohne --since weiter"
        )
        assert said.endswith(remedy)
        assert not re.search("[.?!:][.?!:]", said.replace("…", ""))
        assert verdict_line == "Nichts geprüft."
    (tmp_path / "windows").write_bytes(b"\xef\xbb\xbf" + good.replace(b"\n", b"\r\n"))
    words = (place / "now", "--policy", place / "policy.txt", "--since", tmp_path / "windows")
    assert both(verifiers, *words)[0] == 0, "an editor's marks change nothing that was signed"


@needs_node
def test_since_is_not_passed_over_where_it_can_say_nothing(verifiers: Verifiers, place: Path, tmp_path: Path) -> None:
    (tmp_path / "selection").mkdir()
    (tmp_path / "selection" / "MANIFEST.json").write_text('{"format":"proaktiv/log-selection/v1"}\n')
    (tmp_path / "beleg.tlog-proof").write_text("c2sp.org/tlog-proof@v1\n")
    since = ("--policy", place / "policy.txt", "--since", place / "old" / "checkpoint")
    for name in ("selection", "beleg.tlog-proof"):
        code, out, _ = both(verifiers, tmp_path / name, *since)
        assert (code, out.splitlines()) == (
            2,
            [f"{tmp_path / name}: kein ganzer Auszug: --since braucht einen", "Nichts geprüft."],
        )
    code, _, err = both(verifiers, "a", "--consent", "b", *since)
    assert (code, err.splitlines()[0]) == (2, "--since gilt einem ganzen Auszug, nicht neben --consent")


@needs_node
def test_a_part_without_a_checkpoint_that_reaches_it_is_no_finding_but_not_all(
    verifiers: Verifiers, place: Path, tmp_path: Path
) -> None:
    policy, part = ("--policy", place / "policy.txt"), place / "part"
    said = (
        "Dies ist ein Teilauszug: Er beginnt bei Eintrag 256. Prüfen Sie ihn mit --since und einem Checkpoint, der bis"
        " dorthin reicht."
    )
    for more in ((), ("--since", place / "old" / "checkpoint")):
        code, out, _ = both(verifiers, part, *policy, *more)
        assert (code, out.splitlines()[-2:]) == (2, [said, "Nicht alles geprüft."])
        assert out.startswith(f"{part}: {SIZE + 40 - 256} von {SIZE + 40} Einträgen, ")
        assert "Seit Ihrem" not in out
    code, out, _ = both(verifiers, part, *policy, "--since", place / "now" / "checkpoint")
    assert (code, out.splitlines()[-1], said in out) == (0, "Alles stimmt.", False)
    _, english, _ = both(verifiers, part, *policy, "--lang", "en")
    assert english.splitlines()[-2].startswith("this is a part of an export: it begins with entry 256. Verify it with")
    for run in (verifiers.run_python, verifiers.run_node):
        (told,) = [json.loads(line) for line in run(part, *policy, "--json").stdout.splitlines()]
        assert (told["code"], told["ok"], told["error"][:25]) == (2, False, "this is a part of an expo")
    # What is found stays found, and a key that does not fit is still one line.
    change_entry(copy(part, tmp_path / "wrong"), 1, given("somebody else", "x", "receiver"))
    code, out, _ = both(verifiers, tmp_path / "wrong", *policy)
    assert (code, said in out.splitlines(), out.splitlines()[-1]) == (1, True, "Es stimmt nicht alles.")
    assert out.splitlines()[-2].endswith(" (Platz 257)")
    (tmp_path / "policy").write_text(
        "log PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\nquorum none\n"
    )
    code, out, _ = both(verifiers, part, "--policy", tmp_path / "policy")
    assert (code, out.splitlines()[0].startswith(f"{part}: Der Schlüssel passt nicht"), len(out.splitlines())) == (
        1,
        True,
        2,
    )


# one verdict ----------------------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize(
    ("names", "code", "last"),
    [
        (["now"], 0, "Alles stimmt."),
        (["now", "old"], 0, "Alles stimmt."),
        (["wrong"], 1, "Es stimmt nicht alles."),
        (["now", "wrong", "old"], 1, "Es stimmt nicht alles."),
        (["wrong", "nothing"], 1, "Es stimmt nicht alles."),
        (["nothing", "wrong", "now"], 1, "Es stimmt nicht alles."),
        (["now", "nothing"], 2, "Nicht alles geprüft."),
        (["nothing"], 2, "Nichts geprüft."),
        (["nothing", "policy.txt"], 2, "Nichts geprüft."),
    ],
)
def test_whatever_is_asked_there_is_one_verdict_and_it_stands_last(
    verifiers: Verifiers, place: Path, names: list[str], code: int, last: str
) -> None:
    told, out, err = both(verifiers, *(place / name for name in names), "--policy", place / "policy.txt")
    lines = out.splitlines()
    assert (told, lines[-1], err) == (code, last, "")
    assert [line for line in lines if any(said in line for said in CONCLUDING)] == [last]


@needs_node
def test_what_decides_the_verdict_stands_directly_above_it(verifiers: Verifiers, place: Path) -> None:
    policy = ("--policy", place / "policy.txt")
    _, out, _ = both(verifiers, place / "nothing", place / "now", *policy)
    told = out.splitlines()
    assert told[0].startswith(f"{place / 'now'}: ")
    assert told[-2].startswith(f"{place / 'nothing'} ist nicht da")
    _, out, _ = both(verifiers, place / "wrong", place / "nothing", place / "now", *policy)
    order = [line.partition(" ist nicht da")[0].partition(":")[0] for line in out.splitlines()]
    assert [name for name in order if name.startswith(str(place))] == [
        str(place / name) for name in ("nothing", "now", "wrong")
    ]
    assert out.splitlines()[-2].endswith(" (Platz 3)")
    done = verifiers.run_node(place / "nothing", place / "now", *policy, "--json")
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == [2, 0], "programs are told in their order"


@needs_node
def test_the_same_of_many_places_in_a_row_is_one_line(verifiers: Verifiers, place: Path, tmp_path: Path) -> None:
    mixed = copy(place / "now", tmp_path / "mixed")
    (mixed / "entries.jsonl").write_bytes((place / "old" / "entries.jsonl").read_bytes())
    for words, gone in (
        ((), "Platz: kein Eintrag hat diesen Platz (Platz 6 bis 255)"),
        (("--lang", "en"), "index: no entry has this place (entries 6 to 255)"),
    ):
        code, out, _ = both(verifiers, mixed, "--policy", place / "policy.txt", *words)
        assert (code, gone in out.splitlines(), len(out.splitlines()) < 10) == (1, True, True), out
    lines = (mixed / "entries.jsonl").read_bytes().splitlines(keepends=True)
    (mixed / "entries.jsonl").write_bytes(lines[0] + lines[1] + lines[3] + lines[5])
    _, out, _ = both(verifiers, mixed, "--policy", place / "policy.txt")
    places = [line.rpartition(" (")[2] for line in out.splitlines() if line.startswith("Platz: kein")]
    assert places == ["Platz 2)", "Platz 4)", "Platz 6 bis 255)", "Platz 256 bis 265)"]


# the policy -----------------------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize(
    "key",
    [
        VKEY[:-12] + "…",
        VKEY[:-12] + "...",
        VKEY[:-1],
        VKEY[:-8],
        VKEY.rpartition("+")[0],
        VKEY.rpartition("+")[0] + "+",
        VKEY[:12],
        VKEY[:-20] + "\n" + VKEY[-20:],
        VKEY[:-20] + "…" + VKEY[-20:],
        f"„{VKEY}“",
    ],
)
def test_a_key_that_is_not_whole_is_told_so_and_where_the_whole_one_is(
    verifiers: Verifiers, place: Path, tmp_path: Path, key: str
) -> None:
    (tmp_path / "policy.txt").write_text(f"log {key}\nquorum none\n")
    code, out, err = both(verifiers, place / "now", "--policy", tmp_path / "policy.txt")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"policy, Zeile 1: {NOT_WHOLE}",
        "Nichts geprüft.",
    ]


@needs_node
def test_so_is_a_witnesss_and_a_wrong_sign_is_another_thing(verifiers: Verifiers, place: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {VKEY}\nwitness w dsb.example/zeuge+01020304+BAAA…\nquorum w\n")
    _, _, err = both(verifiers, place / "now", "--policy", policy)
    assert err.startswith(
        "policy, Zeile 2: der Schlüssel ist nicht vollständig: den ganzen gibt „proaktiv witness status“"
    )
    for wrong in (VKEY[:-1] + ("A" if VKEY[-1] != "A" else "B"), VKEY + "A", VKEY + "AAAA", VKEY.replace("+", "+0", 1)):
        policy.write_text(f"log {wrong}\nquorum none\n")
        _, _, err = both(verifiers, place / "now", "--policy", policy)
        assert err.startswith(f"policy, Zeile 1: ein Zeichen des Schlüssels ist falsch oder zu viel: {COMPARE}\n")


@needs_node
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (VKEY, f"die Zeile muss mit „log “ beginnen, so: log {VKEY[:-44]}…"),
        (VKEY[:-9] + "…", f"die Zeile muss mit „log “ beginnen, so: log {VKEY[:-44]}…"),
        (
            f"log: {VKEY}",
            "vorn steht weder log noch quorum (oder witness, group), klein und ohne Doppelpunkt",
        ),
        (f"Log {VKEY}", "vorn steht weder log noch quorum"),
        (f"log\u00a0{VKEY}", "ein Leerzeichen darin ist ein besonderes (etwa aus Word): neu tippen"),
        ("log", "hinter „log “ steht ein ganzer Schlüssel, in derselben Zeile und ohne Leerzeichen darin"),
        (
            f"log {VKEY[:-20]} {VKEY[-20:-9]} {VKEY[-9:]}",
            "hinter „log “ steht ein ganzer Schlüssel, in derselben Zeile",
        ),
        ("quorum zeuge", "hinter „quorum“ steht ein Name zweimal, ein unbekannter, oder es fehlt etwas"),
        ("witness w", "hinter „witness“ steht ein Name zweimal, ein unbekannter, oder es fehlt etwas"),
    ],
)
def test_a_line_of_a_policy_that_is_none_is_told_with_what_belongs_there(
    verifiers: Verifiers, place: Path, tmp_path: Path, line: str, said: str
) -> None:
    (tmp_path / "policy.txt").write_text(f"{line}\nquorum none\n")
    code, out, err = both(verifiers, place / "now", "--policy", tmp_path / "policy.txt")
    assert (code, out, err.splitlines()[-1]) == (2, "", "Nichts geprüft.")
    assert err.startswith(f"policy, Zeile 1: {said}")


@needs_node
def test_a_policy_in_another_encoding_is_told_how_to_be_saved(
    verifiers: Verifiers, place: Path, tmp_path: Path
) -> None:
    policy, text = tmp_path / "policy.txt", f"# für die DSB\r\nlog {VKEY}\r\nquorum none\r\n"
    for codec in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        policy.write_bytes(text.encode(codec))
        code, _, err = both(verifiers, place / "now", "--policy", policy)
        assert (code, err.splitlines()[0]) == (2, f"die policy ist als UTF-16 gespeichert: {SAVE_AS}")
    policy.write_bytes(text.encode("cp1252"))
    _, _, err = both(verifiers, place / "now", "--policy", policy)
    assert err.splitlines()[0] == f"policy, Zeile 1: nicht als UTF-8 gespeichert: {SAVE_AS}"
    for start in (b"{\\rtf1\\ansi", b"PK\x03\x04"):
        policy.write_bytes(start + text.encode())
        _, _, err = both(verifiers, place / "now", "--policy", policy)
        assert err.startswith("die policy ist kein reiner Text (RTF oder Word): als reinen Text speichern")
    for codec in ("utf-8", "utf-8-sig"):
        policy.write_bytes(text.encode(codec))
        assert both(verifiers, place / "now", "--policy", policy)[0] == 0
    policy.write_bytes(b"")
    assert "eine policy hat eine Zeile „log SCHLÜSSEL“" in both(verifiers, place / "now", "--policy", policy)[2]


# what was typed -------------------------------------------------------------------------------------------------------

MISTYPED = {
    (): "Es fehlt, was geprüft werden soll: der Ordner eines entpackten Auszugs, oder ein Beleg (.tlog-proof)",
    ("now",): "Es fehlt --policy: die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben",
    ("", "now"): "Es fehlt --policy: die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben",
    ("now", "--policy"): "hinter --policy fehlt etwas",
    ("now", "--policy", "--json"): "hinter --policy fehlt etwas",
    ("now", "--policy="): "hinter --policy fehlt etwas",
    ("now", "--policy", "policy.txt", "--consent", ""): "hinter --consent fehlt etwas",
    ("now", "--pol", "policy.txt"): "--pol kennt dieses Programm nicht",
    ("now", "-policy", "policy.txt"): "-policy kennt dieses Programm nicht",
    ("now", "--json=1"): "--json=1 kennt dieses Programm nicht",
    ("now", "--policy", "policy.txt", "--policy", "policy.txt"): "--policy steht zweimal",
    ("now", "--policy", "policy.txt", "--lang", "fr"): "--lang ist de oder en",
    ("now", "old", "--policy", "policy.txt", "--consent", "old"): (
        "vor --consent steht ein einziger Beleg eines Flusses (fluss-….tlog-proof), dahinter der Weg der Einwilligung"
    ),
    (
        "fluss-7.tlog-proof",
    ): "Es fehlt --policy: die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben",
    (
        "now",
        "--since",
        "kept",
    ): "Es fehlt --policy: die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben",
    ("now", "--policy", "*o*"): "*o* passt auf mehrere Dateien: eine davon nennen",
}


@needs_node
@pytest.mark.parametrize("words", MISTYPED)
def test_a_question_that_is_none_is_told_in_german_what_is_missing_and_how_it_goes(
    verifiers: Verifiers, place: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    code, out, err = both(verifiers, *words)
    assert (code, out) == (2, "")
    example = "auszug --policy policy.txt"
    if "--since" in words:
        example += " --since checkpoint-2026-11"
    if {"--consent", "fluss-7.tlog-proof"} & set(words):
        example = "fluss-217.tlog-proof --consent weg --policy policy.txt"
    assert err.splitlines() == [
        MISTYPED[words],
        f"So geht es: VERIFY {example}",
        "Mehr: VERIFY --help",
        "Nichts geprüft.",
    ]


@needs_node
def test_a_file_that_is_not_there_or_another_thing_than_asked_for_is_told(
    verifiers: Verifiers, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    not_there = "ist nicht da: den Namen prüfen, und ob das Terminal im richtigen Ordner steht"
    _, _, err = both(verifiers, "now", "--policy", "police.txt")
    assert err.splitlines() == [f"police.txt {not_there}", "Nichts geprüft."]
    _, _, err = both(verifiers, "now", "--policy", "now")
    assert err.splitlines() == ["now ist ein Ordner, gebraucht wird eine Datei", "Nichts geprüft."]
    told = {
        "nowhere": f"nowhere {not_there}",
        "fluss-*.tlog-proof": f"fluss-*.tlog-proof {not_there}",
        "now/MANIFEST.json": "now/MANIFEST.json: kein Beleg (tlog-proof); von einem Auszug den entpackten Ordner"
        " nennen",
        "now/tile": "now/tile: kein Auszug, denn hier liegt kein MANIFEST.json: den Ordner nennen, in den Sie die"
        " Zip-Datei entpackt haben",
    }
    for name, said in told.items():
        code, out, _ = both(verifiers, name, "--policy", "policy.txt")
        assert (code, out.splitlines()) == (2, [said, "Nichts geprüft."])


@needs_node
def test_a_folder_that_holds_no_export_is_called_what_it_is(verifiers: Verifiers, place: Path, tmp_path: Path) -> None:
    (tmp_path / "leer" / "darin").mkdir(parents=True)
    (tmp_path / "leer" / ".DS_Store").write_text("x")
    copy(place / "old", tmp_path / "zweimal" / "protokoll")
    (copy(place / "old", tmp_path / "beschädigt") / "MANIFEST.json").write_text("{}\n")
    (tmp_path / "weg").mkdir()
    (tmp_path / "weg" / "MANIFEST.json").write_text('{"format":"proaktiv/log-selection/v1"}\n')
    told = {
        "leer": "der Ordner ist leer: den nennen, in den Sie die Zip-Datei entpackt haben",
        "zweimal": "kein Auszug, aber protokoll darin ist einer: diesen Ordner nennen",
        "beschädigt": "MANIFEST.json darin ist beschädigt: neu laden und in einen neuen Ordner entpacken",
        "weg": "MANIFEST.json darin ist beschädigt: neu laden und in einen neuen Ordner entpacken",
    }
    (tmp_path / "x.tlog-proof").write_text("c2sp.org/tlog-proof@v1\n")
    policy = ("--policy", place / "policy.txt")
    for name, said in told.items():
        line = f"{tmp_path / name}: {said}"
        code, out, _ = both(verifiers, tmp_path / name, *policy)
        assert (code, out.splitlines()) == (2, [line, "Nichts geprüft."])
        _, out, _ = both(verifiers, tmp_path / "x.tlog-proof", "--consent", tmp_path / name, *policy)
        assert out.splitlines()[1:] == [line, "Nichts geprüft."], "an empty folder is no whole export"
    _, out, _ = both(verifiers, tmp_path / "x.tlog-proof", "--consent", place / "old", *policy)
    assert "ein ganzer Auszug: --consent nimmt" in out, "the control"


@needs_node
@pytest.mark.parametrize(("harm", "said"), [("missing", "fehlt"), ("changed", "ist nicht die ausgegebene")])
def test_without_its_list_of_sums_an_export_is_found_out_in_one_line_and_no_file_is_accused(
    verifiers: Verifiers, place: Path, tmp_path: Path, harm: str, said: str
) -> None:
    folder = copy(place / "now", tmp_path / "now")
    if harm == "missing":
        (folder / "SHA256SUMS").unlink()
    else:
        (folder / "SHA256SUMS").write_text("")
    code, out, _ = both(verifiers, folder, "--policy", place / "policy.txt")
    remedy = "neu laden und in einen neuen Ordner entpacken"
    assert (code, out.splitlines()[2:]) == (
        1,
        [f"Datei: die Liste der Prüfsummen, SHA256SUMS, {said}; {remedy}", "Es stimmt nicht alles."],
    )
    (finding,) = verify(folder).findings
    assert finding.detail.startswith("the list of sums SHA256SUMS is ")


@needs_node
def test_a_star_means_files_for_whoever_types_where_no_shell_does_that(
    verifiers: Verifiers, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(place)
    code, out, _ = both(verifiers, "./o*d", "--policy", "pol*.txt")
    assert (code, out.splitlines()[0]) == (0, "old: 6 von 6 Einträgen, 1 unterschriebener Checkpoint")
    for name in ("a[1].x", "a(1).x", ".hidden.x", "b.y"):
        (tmp_path / name).write_text("x")
    (tmp_path / "deeper*").mkdir()
    monkeypatch.chdir(tmp_path)
    assert asking.fitting("*.x") == ["a(1).x", "a[1].x"]
    assert asking.fitting("a[*") == ["a[1].x"]
    assert asking.fitting("deeper*") == ["deeper*"]
    assert asking.fitting("nowhere/*") == ["nowhere/*"]


@needs_node
def test_help_teaches_with_an_example_in_the_same_words(verifiers: Verifiers) -> None:
    for words in (("--help",), ("-h",), ("x", "--help", "--unknown")):
        code, german, err = both(verifiers, *words)
        assert (code, err) == (0, "")
        assert "    VERIFY auszug --policy policy.txt\n" in german
        for said in (*asking.VALUED, "--json", *CONCLUDING):
            assert said in german
    code, english, _ = both(verifiers, "--help", "--lang", "en")
    assert (code, english.splitlines()[0].split()[0]) == (0, "Verifies")
    assert max(map(len, (german + english).splitlines())) <= 120


@needs_node
def test_english_is_spoken_to_whoever_asks_for_it(verifiers: Verifiers) -> None:
    for words in (("--lang", "en"), ("--lang=en",)):
        _, _, err = both(verifiers, *words)
        assert err.splitlines()[0].startswith("name what to verify")
        assert err.splitlines()[-1] == "Nothing was judged."


# the machine ----------------------------------------------------------------------------------------------------------


def test_an_old_python_and_a_missing_package_are_told_in_a_sentence(verifiers: Verifiers) -> None:
    ast.parse(verifiers.python.read_text(), feature_version=(3, 9))  # what macOS brings reads it
    run = f"import runpy, sys; %s; runpy.run_path({str(verifiers.python)!r}, run_name='__main__')"
    for before, said in (
        ("sys.version_info, sys.version = (3, 9, 6), '3.9.6 x'", "braucht Python ab 3.11, hier läuft 3.9.6"),
        ("sys.modules['cryptography'] = None", f"einrichten: {sys.executable} -m pip install cryptography"),
    ):
        command = [sys.executable, "-I", "-X", "utf8", "-c", run % before]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Nichts geprüft."), done.stderr
        assert said in done.stderr.splitlines()[0]


@needs_node
def test_an_old_node_is_told_in_a_sentence(verifiers: Verifiers, tmp_path: Path) -> None:
    old = tmp_path / "old.cjs"
    old.write_text('Object.defineProperty(process, "versions", { value: { node: "18.19.0" } });\n')
    done = subprocess.run(
        [NODE or "node", "--require", old, verifiers.node], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, "Nichts geprüft.")
    assert "braucht Node ab 20, hier läuft 18.19.0" in done.stderr


# an entry in words ----------------------------------------------------------------------------------------------------


def of_node(table: str) -> dict[str, str]:
    source = (NODE_FOLDER / "speaking.mjs").read_text()
    inside = source.partition(f"const {table} = {{\n")[2].partition("\n};")[0]
    return dict(re.findall(r'^  (\w+): "([^"]+)",$', inside, re.MULTILINE))


def tables_of_pages(members: Collection[str]) -> list[dict[str, str]]:
    """Return the tables of the pages that have these members: code and German word."""
    found = []
    for path in PAGES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                codes = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
                words = [ast.unparse(value) for value in node.values]
                table = {str(code): word[3:-2] for code, word in zip(codes, words, strict=True) if word[:2] == "_("}
                found += [table] if table.keys() >= set(members) else []
    return found


def test_members_and_kinds_have_the_names_that_the_pages_give_them() -> None:
    assert of_node("NAMES") == speaking.NAMES
    assert list(of_node("NAMES")) == list(speaking.NAMES)
    assert of_node("KIND_NAMES") == speaking.KIND_NAMES
    assert set(speaking.KIND_NAMES) == {kind.label for kind in Kind}
    assert speaking.KIND_NAMES in tables_of_pages(speaking.KIND_NAMES)
    (facts,) = tables_of_pages({"to_system", "restrict", "minimum"})
    shared = speaking.NAMES.keys() & facts.keys()
    assert len(shared) > 20
    assert {name: speaking.NAMES[name] for name in shared} == {name: facts[name] for name in shared}


def test_codes_have_the_words_that_the_pages_give_them() -> None:
    asked = "python -m tests.flowlog.words_alone writes them anew"
    assert {name: dict(table) for name, table in words_alone.TABLES.items()} == WORDS, asked
    assert (NODE_FOLDER / "words.mjs").read_text("utf-8") == words_alone.node_module(), asked
    german = catalogue("de")
    for name, column in {"action": "action", "outcome": "outcome", "purpose": "purpose", "from": "sender"}.items():
        for code in (*WORDS[speaking.TABLE_OF[name]], "x § 3"):
            act, _, bare = code.rpartition(" ")
            word = log_words.called(column, bare, german, act)
            assert speaking.named(name, bare, act) in {word, f"{word} ({bare})"}


SPOKEN = {
    ("action", "auftrag.sent"): "Auftrag an die Behörde (auftrag.sent)",
    ("action", "constructor"): "constructor",
    ("outcome", "done"): "angekommen (done)",
    ("outcome", "days 30"): "gilt 30 Tage (days 30)",
    ("categories", "elternteil.anschrift"): "Anschrift (elternteil.anschrift)",
    ("categories", "kontakt.sprache"): "Sprache (kontakt.sprache)",
    ("categories", "geburtsurkunde"): "Geburtsurkunde",
    ("categories", "kind.im_haushalt"): "kind.im_haushalt",
    ("categories", "x\n."): "x?.",
    ("basis", "act of the person"): "Handlung der Person selbst (act of the person)",
    ("basis", "§ 18a BMG"): "§ 18a BMG",
    ("from", "citizen"): "die Person (citizen)",
    ("to", "standesamt-musterstadt"): "standesamt-musterstadt",
    ("purpose", "geburt"): "Geburt",
    ("rule", "done"): "done",
    ("outcome", 7): "7",
}


@needs_node
def test_a_code_stands_behind_its_word_by_both() -> None:
    assert {asked: speaking.named(*asked) for asked in SPOKEN} == SPOKEN
    assert speaking.named("outcome", "done", "task.ended") == "erledigt (done)"
    asked = [*SPOKEN, ("outcome", "done", "task.ended")]
    name = f"""
      const {{ named }} = await import({json.dumps((NODE_FOLDER / "speaking.mjs").as_uri())});
      const asked = JSON.parse(await new Response(process.stdin).text());
      console.log(JSON.stringify(asked.map((each) => named(...each))));
    """
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", name],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [*SPOKEN.values(), "erledigt (done)"]


def test_every_member_that_an_entry_may_have_is_named() -> None:
    everything = Flow(
        **{
            **{name: "x" for name, kind in Flow.__annotations__.items() if kind == "str" or kind is str},
            "kind": Kind.RETENTION,
            "categories": ("x",),
            "restrict": True,
            "of": UUID(int=1),
            "listed": 1,
            "minimum": 256,
            "removed": 1,
            "removed_erased": 1,
            "person": UUID(int=2),
        }
    )
    at = entries.instant(datetime(2026, 1, 1, tzinfo=UTC))
    facts = json.loads(entries.facts_body(everything, UUID(int=3), at))
    own = json.loads(entries.subject_body(everything, 1))
    assert {*facts, *own} - {"subject"} == set(speaking.NAMES) - {"index"}
    said = speaking.shown(facts | {"zz": "?", "aa": {"b": [True, 1]}}, german=True)
    assert [line.partition(":")[0].rpartition("(")[2] for line in said][:3] == ["t)", "kind)", "action)"]
    assert said[-2:] == ['    aa (aa): {"b":[true,1]}', "    zz (zz): ?"]
    assert "    Der Person nicht gezeigt (restrict): ja" in said
    assert "    Art (kind): Frist, Sperre oder Freigabe (retention)" in said


def instants() -> list[str]:
    """The seconds around every change of the clock, days at random, and what is no time."""
    found = ["2026-07-01T10:00:00.000000Z", "2026-02-30T10:00:00.000000Z", "x", "2026-13-01T00:00:00.000000Z"]
    found += ["1995-07-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "2026-07-01T24:00:00.000000Z"]
    for year in range(1996, depth(2060, 2400)):
        for month in (3, 10):
            for day in range(24, 32):
                change = datetime(year, month, day, 1, tzinfo=UTC)
                found += [entries.instant(change + timedelta(seconds=at)) for at in (-1, 0, 1)]
        found.append(entries.instant(datetime(year, 12, 31, 23, 30, tzinfo=UTC)))
    return found


def test_german_time_is_that_of_the_tables_of_the_world() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for value in instants():
        said = speaking.in_german_time(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            assert said == value
            continue
        if not 1996 <= moment.year <= 2037:  # up to where every table goes
            continue
        there = moment.astimezone(berlin)
        assert said == f"{there:%d.%m.%Y, %H:%M:%S} deutsche Zeit = {moment:%Y-%m-%d %H:%M:%S} UTC"
    assert speaking.in_german_time("2026-07-01T10:00:00.000000Z").startswith("01.07.2026, 12:00:00 deutsche Zeit = ")
    assert speaking.in_german_time("1995-07-01T00:00:00.000000Z") == "1995-07-01T00:00:00.000000Z"
    assert speaking.in_german_time(7) == "7"
    changes = [value for value, after in pairwise(instants()[7:]) if gap(value) != gap(after)]
    assert len(changes) >= 2 * 40, "the clock changes twice a year"


def gap(value: str) -> timedelta:
    said = speaking.in_german_time(value)
    there = datetime.strptime(f"{said[:20]} +0000", "%d.%m.%Y, %H:%M:%S %z")
    return there - datetime.fromisoformat(f"{value[:19]}+00:00")


@needs_node
def test_node_reckons_german_time_alike() -> None:
    reckon = f"""
      const {{ inGermanTime, spoken }} = await import({json.dumps((NODE_FOLDER / "speaking.mjs").as_uri())});
      const asked = JSON.parse(await new Response(process.stdin).text());
      console.log(JSON.stringify([asked.times.map(inGermanTime), asked.values.map(spoken)]));
    """
    values = [True, 1, "a\u00a0b\u2028c\u200bd\x1b[2J", ["x", False, {"b": [True, "\u2029"]}], {}, "ü–„“"]
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", reckon],
        input=json.dumps({"times": instants(), "values": values}),
        capture_output=True,
        text=True,
        check=True,
    )
    times, said = json.loads(done.stdout)
    assert times == [speaking.in_german_time(value) for value in instants()]
    assert said == [speaking.spoken(value) for value in values]
    assert said[2] == "a?b?c?d?[2J"


# by chance ------------------------------------------------------------------------------------------------------------


@needs_node
@pytest.mark.flowlog_test(23)
def test_whatever_is_changed_both_say_the_same_words_and_in_german_only_german_ones(
    verifiers: Verifiers, place: Path, tmp_path: Path
) -> None:
    paths = [copy(place / "old", tmp_path / str(number)) for number in range(depth(120, 1_200))]
    for number, path in enumerate(paths):
        mutate(path, number)
    _, out, _ = both(verifiers, *paths, "--policy", place / "policy.txt")
    said = {line.replace(str(tmp_path), "") for line in out.splitlines()}
    assert {line for line in said if ENGLISH.search(line)} == set()
    assert {line.partition(":")[0] for line in said} >= {"Datei", "Eintrag", "Tatsachen", "Checkpoint", "Kopf", "Platz"}
    _, english, _ = both(verifiers, *paths, "--policy", place / "policy.txt", "--lang", "en")
    assert ENGLISH.search(english), "the control: these words are those that it would say"


# controls -------------------------------------------------------------------------------------------------------------


@needs_node
def test_control_another_word_in_one_of_them_is_seen(verifiers: Verifiers, place: Path, tmp_path: Path) -> None:
    other = Verifiers(tmp_path)
    other.python.write_text(verifiers.python.read_text())
    other.node.write_text(verifiers.node.read_text().replace('"Es stimmt nicht alles."', '"Es stimmt etwas nicht."'))
    with pytest.raises(AssertionError):
        both(other, place / "wrong", "--policy", place / "policy.txt")
