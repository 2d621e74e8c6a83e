"""The verifiers that stand alone: what they need, what they believe, what they say, and how they end."""

import ast
import json
import re
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import strategies as st

from proaktiv.core.canonical import CanonicalError, checked, dumps
from proaktiv.core.flows import Kind
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.alone import entry as alone_entry
from proaktiv.flowlog.alone import export as alone_export
from proaktiv.flowlog.alone.german import SENTENCES, in_german
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, canonical, parsed
from proaktiv.flowlog.alone.trust import Policy
from proaktiv.flowlog.alone.verdict import CONCLUSIONS
from proaktiv.flowlog.checkpoints import Checkpoint, open_checkpoint, sign_note, vkey_of
from proaktiv.flowlog.exports import handing_out
from proaktiv.flowlog.exports.layout import README_TEXT, READMES, bundle, bundle_path, bundles
from tests.flowlog.alone import NODE, POLICY, Told, Verifiers, needs_node
from tests.flowlog.bodies import bodies
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY
from tests.flowlog.cosigning import AT, WITNESSES, cosigned, policy_of
from tests.flowlog.exports import SIZE, VKEY, change_entry, city_log, copy, given, sum_up, three_exports
from tests.flowlog.mutations import commit, rebuild
from tests.processes import proaktiv, refused

NODE_FOLDER = Path(alone_entry.__file__).parent / "node"
NETWORK = {"socket", "ssl", "http", "urllib", "asyncio", "ftplib", "smtplib", "subprocess", "ctypes", "importlib"}


@pytest.fixture(scope="module")
def originals(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``old`` at 6 entries, ``now``, and ``part`` from entry 256 on of a longer one."""
    place = tmp_path_factory.mktemp("alone")
    with city_log(postgres, place, "alone") as world:
        three_exports(world, place)
        (place / "policy").write_text(POLICY)
        yield place


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    return Verifiers.handed_out(tmp_path_factory.mktemp("handed out"))


@pytest.fixture(params=["python", pytest.param("node", marks=needs_node)])
def which(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(verifiers: Verifiers, which: str, *words: str | Path) -> tuple[int, str, str]:
    done = verifiers.run_python(*words) if which == "python" else verifiers.run_node(*words)
    return done.returncode, done.stdout, done.stderr


def judged(verifiers: Verifiers, which: str, path: Path, policy: Path, *more: str | Path) -> Told:
    by = verifiers.by_python if which == "python" else verifiers.by_node
    (told,) = by([path], policy, *more)
    return told


# what they are --------------------------------------------------------------------------------------------------------


def imported(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_the_python_verifier_is_one_file_of_the_standard_library_and_cryptography(verifiers: Verifiers) -> None:
    names = {module.partition(".")[0] for module in imported(verifiers.python.read_text())}
    assert names - set(sys.stdlib_module_names) == {"cryptography"}
    assert names & NETWORK == set()


def test_its_modules_import_nothing_of_proaktiv_but_each_other() -> None:
    for path in Path(alone_entry.__file__).parent.glob("*.py"):
        for module in imported(path.read_text()):
            ours = module.partition(".")[0] == "proaktiv"
            assert not ours or module.startswith("proaktiv.flowlog.alone."), (path.name, module)


def test_nothing_of_proaktiv_imports_them_but_to_hand_them_out() -> None:
    package = Path(alone_entry.__file__).parents[2]
    for path in package.rglob("*.py"):
        if path.parent.name != "alone":
            assert not any(module.startswith("proaktiv.flowlog.alone") for module in imported(path.read_text())), path


def test_one_file_of_several_modules_defines_no_name_twice(verifiers: Verifiers) -> None:
    names = []
    for node in ast.parse(verifiers.python.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    assert len(names) > 50
    assert len(set(names)) == len(names)


def test_every_module_is_in_the_file() -> None:
    there = {path.stem for path in Path(alone_entry.__file__).parent.glob("*.py")}
    assert there == {*handing_out.MODULES, "__init__"}
    assert {path.name for path in NODE_FOLDER.iterdir()} == {f"{name}.mjs" for name in handing_out.NODE_MODULES}


def test_the_node_modules_import_what_stands_before_them_and_use_it(verifiers: Verifiers) -> None:
    for place, name in enumerate(handing_out.NODE_MODULES):
        source = (NODE_FOLDER / f"{name}.mjs").read_text()
        for names, whole, module in re.findall(
            r'^import (?:\{ ([^}]+) \}|(\w+)) from "([^"]+)";$', source, re.MULTILINE
        ):
            before = {f"./{each}.mjs" for each in handing_out.NODE_MODULES[:place]}
            assert module in before | {"node:crypto", "node:fs", "node:path"}, (name, module)
            for each in names.split(", ") if names else [whole]:
                assert len(re.findall(rf"\b{each.rpartition(' ')[2]}\b", source)) > 1, (name, each)
    exported = re.findall(r"^export (?:const|function|class) (\w+)", every_node_module(), re.MULTILINE)
    for each in exported:
        assert re.search(rf"^import \{{[^}}]*\b{each}\b", every_node_module(), re.MULTILINE), each
    joined = verifiers.node.read_text()
    defined = re.findall(r"^(?:const|function|class) (\w+)", joined, re.MULTILINE)
    assert len(set(defined)) == len(defined) > 50
    assert "import" not in re.sub(r'^import .+ from "node:\w+";$', "", joined, flags=re.MULTILINE)
    assert not re.search(r"^export\b", joined, re.MULTILINE)


def every_node_module() -> str:
    return "\n".join((NODE_FOLDER / f"{name}.mjs").read_text() for name in handing_out.NODE_MODULES)


def test_the_same_version_is_handed_out_with_the_same_bytes(verifiers: Verifiers, tmp_path: Path) -> None:
    again = handing_out.hand_out(tmp_path / "again")
    assert [each.path.read_bytes() for each in again] == [verifiers.python.read_bytes(), verifiers.node.read_bytes()]
    assert [each.digest for each in again] == [sha256(each.path.read_bytes()).hexdigest() for each in again]


@needs_node
def test_the_node_modules_judge_as_the_one_file_does(originals: Path, verifiers: Verifiers, tmp_path: Path) -> None:
    folder = copy(originals / "now", tmp_path / "now")
    change_entry(folder, 3, given("somebody else", "x", "receiver"))
    for words in ((), ("--json",), ("--lang", "en"), ("--help",), ("--policy", "x")):
        asked = (str(folder), str(originals / "now"), str(tmp_path), "--policy", str(originals / "policy"), *words)
        modules = subprocess.run(
            [NODE or "node", str(NODE_FOLDER / "main.mjs"), *asked], capture_output=True, text=True, check=False
        )
        assert (modules.returncode, modules.stdout, modules.stderr) == run(verifiers, "node", *asked)


@needs_node
def test_the_node_verifier_imports_what_node_brings_and_no_network(verifiers: Verifiers) -> None:
    source = verifiers.node.read_text()
    assert set(re.findall(r'from "([^"]+)"', source)) == {"node:crypto", "node:fs", "node:path"}
    assert not re.search(r"\b(require|fetch|WebSocket|import\()\b", source)


def test_both_know_the_texts_and_kinds_of_this_version(verifiers: Verifiers) -> None:
    digest = sha256(README_TEXT.encode()).hexdigest()
    assert alone_export.READMES == READMES > {digest}
    node = verifiers.node.read_text()
    assert {each for each in READMES if each in node} == READMES
    assert len(READMES) == 3, "the texts of versions before stay"
    program, other, *_ = [line.split()[1] for line in README_TEXT.splitlines() if line.startswith("    ")]
    assert (program, other) == ("verify.mjs", "verify.py"), "as the guide goes"
    assert {german for _, german in CONCLUSIONS.values()} == set(re.findall(r"„([^“]+[.])“", README_TEXT))
    assert {int(kind): kind.label for kind in Kind} == alone_entry.LABELS
    for kind in Kind:
        assert re.search(rf"\b{kind.label}\b", node), kind.label


# handing out ----------------------------------------------------------------------------------------------------------


def test_the_house_hands_both_out_and_never_overwrites(tmp_path: Path) -> None:
    told = proaktiv("log", "verifier", str(tmp_path / "für die DSB"))
    assert (told.returncode, told.stderr) == (0, "")
    *lines, printing, missing = told.stdout.splitlines()
    for line, name in zip(lines, ("verify.mjs", "verify.py", "zettel.txt"), strict=True):
        path = tmp_path / "für die DSB" / name
        assert line == f"{sha256(path.read_bytes()).hexdigest()}  {path}"
    assert printing.startswith("Print zettel.txt and hand it over in person")
    assert missing.startswith("No policy.txt: no key is set here. `proaktiv log vkey` prints it")
    assert "______" in (tmp_path / "für die DSB" / "zettel.txt").read_text("utf-8")
    again = refused(proaktiv("log", "verifier", str(tmp_path / "für die DSB")))
    assert again.endswith("verify.mjs is there already: name another folder")
    (tmp_path / "file").write_text("x")
    assert "cannot be written" in refused(proaktiv("log", "verifier", str(tmp_path / "file" / "below")))


def test_the_key_comes_as_a_policy_and_all_of_it_stands_on_a_slip_of_paper(originals: Path, tmp_path: Path) -> None:
    signs = {"PROAKTIV_LOG_ORIGIN": ORIGIN, "PROAKTIV_SIGNING_KEY": b64encode(SIGNING_KEY.private_bytes_raw()).decode()}
    for name, settings in (("signer", signs), ("reader", {"PROAKTIV_LOG_VKEY": VKEY})):
        folder = tmp_path / name
        told = proaktiv("log", "verifier", str(folder), settings=settings)
        assert (told.returncode, told.stderr, len(told.stdout.splitlines())) == (0, "", 5)
        given_out = Verifiers(folder)
        assert [each.code for each in given_out.by_python([originals / "now"], folder / "policy.txt")] == [0]
        slip = (folder / "zettel.txt").read_text("utf-8")
        assert max(map(len, slip.splitlines())) <= 80
        bare = re.sub(r"\s", "", slip)
        assert VKEY in bare
        assert f"log {VKEY}\nquorum none\n" in (folder / "policy.txt").read_text("utf-8")
        for program in (given_out.python, given_out.node):
            assert program.name + sha256(program.read_bytes()).hexdigest() in bare
        assert re.search(r"Ausgegeben am \d\d\.\d\d\.\d{4}\.", slip)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "policy.txt").write_text("mine")
    again = refused(proaktiv("log", "verifier", str(tmp_path / "there"), settings=signs))
    assert again.endswith("policy.txt is there already: name another folder")
    assert [each.name for each in (tmp_path / "there").iterdir()] == ["policy.txt"], "nothing is written beside it"


# exports --------------------------------------------------------------------------------------------------------------


def test_an_untouched_export_adds_up(originals: Path, verifiers: Verifiers, which: str) -> None:
    root = open_checkpoint((originals / "now" / "checkpoint").read_text(), VKEY).root
    assert judged(verifiers, which, originals / "now", originals / "policy") == Told(0, root.hex(), ())


def test_both_say_the_same_words_in_english_and_german(originals: Path, verifiers: Verifiers, tmp_path: Path) -> None:
    folder = copy(originals / "now", tmp_path / "now")
    change_entry(folder, 3, given("somebody else", "x", "receiver"))
    sum_up(folder, expires_on="2027-03-31")
    code, english, _ = run(verifiers, "python", folder, "--policy", originals / "policy", "--lang", "en")
    assert code == 1
    lines = english.splitlines()
    assert lines[0] == f"{folder}: 266 of 266 entries, 2 signed checkpoints"
    assert lines[2:] == ["to be deleted on 2027-03-31", "column: receiver (entry 3)", "It does not add up."]
    code, german, _ = run(verifiers, "python", folder, "--policy", originals / "policy")
    found = "Spalte: An (receiver) sagt anderes als die Tatsachen (Platz 3)"
    assert german.splitlines()[3:] == [found, "Es stimmt nicht alles."]
    assert run(verifiers, "python", folder, "--policy", originals / "policy", "--lang", "de")[1] == german
    good = run(verifiers, "python", originals / "now", "--policy", originals / "policy")[1]
    assert good.splitlines()[-1] == "Alles stimmt."


@needs_node
def test_every_line_is_the_same_by_both(originals: Path, verifiers: Verifiers, tmp_path: Path) -> None:
    folder = copy(originals / "now", tmp_path / "now")
    change_entry(folder, 3, given("somebody else", "x", "receiver"))
    (folder / "stranger").write_text("x")
    for words in ((), ("--json",), ("--lang", "en")):
        asked = (folder, originals / "now", tmp_path, "--policy", originals / "policy", *words)
        python, node = run(verifiers, "python", *asked), run(verifiers, "node", *asked)
        assert (python[0], python[2]) == (1, "")
        if words == ("--json",):
            assert [json.loads(line) for line in python[1].splitlines()] == [
                json.loads(line) for line in node[1].splitlines()
            ]
        else:
            assert python == node


def test_a_later_part_is_whole_only_beside_the_checkpoint_that_was_kept(
    originals: Path, verifiers: Verifiers, which: str
) -> None:
    policy = originals / "policy"
    assert judged(verifiers, which, originals / "part", policy) == Told(2, None, ())
    assert judged(verifiers, which, originals / "part", policy, "--since", originals / "old" / "checkpoint").code == 2
    assert judged(verifiers, which, originals / "part", policy, "--since", originals / "now" / "checkpoint").code == 0
    old = judged(verifiers, which, originals / "old", policy, "--since", originals / "now" / "checkpoint")
    assert old.found == (("checkpoint", None),)


def test_another_past_under_the_stolen_key_is_caught_by_what_was_kept(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    folder = copy(originals / "now", tmp_path / "now")
    lines = [json.loads(line) for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    rebuild(folder, lines[:3] + lines[4:], SIGNING_KEY)
    policy = originals / "policy"
    assert judged(verifiers, which, folder, policy).code == 0  # the control
    kept = judged(verifiers, which, folder, policy, "--since", originals / "old" / "checkpoint")
    assert kept.found == (("checkpoint", None),)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("{now}", "--policy", "{nothing}"), "nothing is not there"),
        (("{now}", "--policy", "{now}"), "now is a folder, and a file is needed"),
        (("{now}", "--policy", "{now}/tile/0/000"), "policy line 1"),
        (("{now}", "--policy", "{now}/checkpoint"), "policy line 1: neither log, witness, group nor quorum"),
        (("{now}", "--policy", "{policy}", "--since", "{now}/README.txt"), "is no checkpoint of this log"),
        (("{now}",), "--policy is missing"),
        ((), "name what to verify"),
    ],
)
def test_what_cannot_be_judged_ends_with_two_and_says_why(
    originals: Path, verifiers: Verifiers, which: str, words: tuple[str, ...], told: str
) -> None:
    places = {"now": originals / "now", "policy": originals / "policy", "nothing": originals / "nothing"}
    code, out, err = run(verifiers, which, *(word.format(**places) for word in words), "--lang", "en")
    assert (code, out) == (2, "")
    assert told in err.splitlines()[0]
    assert err.splitlines()[-1] == "Nothing was judged."


@pytest.mark.parametrize("there", ["nothing", "empty folder", "file"])
def test_what_is_no_export_is_told_apart_from_a_broken_one(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path, there: str
) -> None:
    target = tmp_path / "x"
    if there == "file":
        target.write_text("x")
    elif there == "empty folder":
        target.mkdir()
    assert judged(verifiers, which, target, originals / "policy") == Told(2, None, ())


def test_a_zip_file_is_told_with_the_command_that_unpacks_it(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    packed = tmp_path / "protokoll-log-2026-11-26.zip"
    with zipfile.ZipFile(packed, "w") as out:
        out.write(originals / "now" / "MANIFEST.json", "MANIFEST.json")
    asked = (packed, "--policy", originals / "policy")
    unpack = "unzip -q protokoll-log-2026-11-26.zip -d protokoll-log-2026-11-26"
    assert (run(verifiers, which, *asked)[0], unpack in run(verifiers, which, *asked)[1]) == (2, True)
    german = run(verifiers, which, *asked)[1]
    assert german.splitlines()[-1] == "Nichts geprüft."
    assert german.startswith(f"{packed}: eine Zip-Datei: in einen neuen Ordner entpacken")
    for words in (("verify", "--export", str(packed)), ("verify-proof", str(packed))):
        assert "python3 -m zipfile -e" in refused(proaktiv("log", *words, "--vkey", VKEY))


def test_a_key_of_another_log_gives_one_line_and_not_one_for_each_checkpoint(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    now = originals / "now"
    for origin in (ORIGIN, "flowlog.anderswo.example/1"):
        vkey = str(vkey_of(origin, other))
        (tmp_path / "policy").write_text(f"log {vkey}\nquorum none\n")
        code, out, _ = run(verifiers, which, now, "--policy", tmp_path / "policy")
        lines = out.splitlines()
        assert code == 1
        assert lines[0] == (
            f"{now}: Der Schlüssel passt nicht: Ihre policy nennt {vkey[:-45]}, unterschrieben hat {VKEY[:-45]}."
            " Mit Ihrem Zettel vergleichen."
        )
        assert lines[1:] == ["Es stimmt nicht alles."]
        assert len(judged(verifiers, which, now, tmp_path / "policy").found) >= 3, "programs are told all"
        told = proaktiv("log", "verify", "--export", str(now), "--vkey", vkey)
        assert told.stdout.startswith("the key does not fit: ")
        assert "no trusted key signed" not in told.stdout
        # Every month: the checkpoint that was kept is not what is wrong.
        since = ("--since", originals / "old" / "checkpoint")
        assert run(verifiers, which, now, "--policy", tmp_path / "policy", *since) == (code, out, "")
        again = proaktiv("log", "verify", "--export", str(now), "--vkey", vkey, *map(str, since))
        assert (again.returncode, again.stdout) == (told.returncode, told.stdout)


def test_a_kept_checkpoint_of_another_key_is_blamed_where_the_key_fits_the_export(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    kept = tmp_path / "checkpoint-2026-11"
    kept.write_text(
        sign_note((originals / "old" / "checkpoint").read_text().partition("\n\n")[0] + "\n", ORIGIN, other)
    )
    asked = ("--policy", originals / "policy", "--since", kept)
    for paths in ([originals / "now"], [originals / "now", tmp_path / "nowhere"], [tmp_path / "nowhere"], [kept]):
        code, out, err = run(verifiers, which, *paths, *asked)
        assert (code, out, err.splitlines()[-1]) == (2, "", "Nichts geprüft.")
        assert err.startswith(f"--since: {kept} ist kein Checkpoint dieses Protokolls: kein Schlüssel Ihrer policy")
    (tmp_path / "policy").write_text(f"log {vkey_of(ORIGIN, other)}\nquorum none\n")
    code, _, err = run(
        verifiers,
        which,
        originals / "now",
        "--policy",
        tmp_path / "policy",
        "--since",
        originals / "now" / "README.txt",
    )
    assert (code, err.startswith("--since: ")) == (2, True), "a checkpoint that is none is told so under any key"
    told = refused(proaktiv("log", "verify", "--export", str(originals / "now"), "--vkey", VKEY, "--since", str(kept)))
    assert "is no checkpoint of this log: no trusted key signed this note" in told


# what they say in German ----------------------------------------------------------------------------------------------


def said_in_english() -> set[str]:
    """Every sentence of the Python verifier that somebody may read, with a brace for what is filled in."""
    found: set[str] = set()

    def take(node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            pieces = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            found.add("".join(map(str, pieces)))

    for path in Path(alone_entry.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                place = {"demand": 1, "find": 1, "Broken": 0, "Unreadable": 0, "lack": 0}.get(called)
                if place is not None and len(node.args) > place:
                    take(node.args[place])
            elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
                take(node.value.elts[1])
    return found


INSIDE = {
    *("no line", "other fields", "no place", "other columns", "no open part", "no salt", "neither", "other", "no day"),
    *(
        "no range",
        "no count",
        "other files",
        "none",
        "no proof",
        "a step is a hash",
        "what is text stands there as text",
    ),
}
"""Reasons that nobody reads: whoever caught them says it in one sentence for all."""


def test_every_sentence_of_the_python_verifier_is_there_in_german() -> None:
    english = said_in_english()
    assert len(english) > 80
    missing = {each for each in english - INSIDE if in_german(each.replace("{}", "7")) == each.replace("{}", "7")}
    assert missing == set()


def test_both_verifiers_have_the_same_sentences(verifiers: Verifiers) -> None:
    table = verifiers.node.read_text().partition("const DEUTSCH = {")[2].partition("\n};")[0]
    assert json.loads("{" + table.rstrip().rstrip(",") + "}") == SENTENCES


@pytest.mark.parametrize("english", SENTENCES)
def test_what_is_filled_in_stands_in_the_german_sentence_in_its_order(english: str) -> None:
    filled = english
    for value in ("[1]", "[2]", "[3]")[: english.count("{}")]:
        filled = filled.replace("{}", value, 1)
    german = in_german(filled)
    assert german != filled
    assert "{" not in german
    values = [f"[{n}]" for n in range(1, english.count("{}") + 1)]
    assert re.findall(r"\[\d\]", german) == values


# whom they believe ----------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(23)
def test_a_key_that_comes_with_the_export_is_never_believed(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    thief = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    folder = copy(originals / "now", tmp_path / "now")
    lines = [json.loads(line) for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    rebuild(folder, lines, thief)
    own = f"log {vkey_of(ORIGIN, thief)}\nquorum none\n"
    for name in ("policy", "policy.txt", "POLICY", "vkey", ".policy"):
        (folder / name).write_text(own)
    told = judged(verifiers, which, folder, originals / "policy")
    assert (told.code, told.root) == (1, None)
    (tmp_path / "own").write_text(own)
    believed = judged(verifiers, which, folder, tmp_path / "own")  # the control: with that key it is as it should be
    assert believed.root is not None
    assert {what for what, _ in believed.found} == {"file"}


def with_head(folder: Path, note: str) -> Path:
    """Let an export end with another note over the same entries."""
    size = json.loads((folder / "MANIFEST.json").read_bytes())["size"]
    (folder / "checkpoint").write_text(note)
    lines = (folder / "checkpoints.jsonl").read_bytes().splitlines(keepends=True)
    lines[-1] = dumps({"note": note, "size": size}) + b"\n"
    (folder / "checkpoints.jsonl").write_bytes(b"".join(lines))
    sum_up(folder)
    return folder


def test_a_head_needs_the_quorum_of_witnesses_that_the_policy_asks_for(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    head = (originals / "now" / "checkpoint").read_text()
    two_of_three, policy = tmp_path / "policy", "group all 2 w1 w2 w3\nquorum all\n"
    two_of_three.write_text(policy_of(policy))
    for signers, code in (((), 1), (("w1",), 1), (("w1", "w3"), 0), (("w1", "w2", "w3"), 0)):
        folder = with_head(copy(originals / "now", tmp_path / "-".join(("x", *signers))), cosigned(head, *signers))
        told = judged(verifiers, which, folder, two_of_three)
        assert (told.code, told.found) == (code, (("cosignature", None),) if code else ())
        assert judged(verifiers, which, folder, originals / "policy").code == 0  # strangers' lines are passed over
    wrong = cosigned(head, "w1", "w3").replace("— w2", "— w2")[:-6] + "AAAA=\n"
    folder = with_head(copy(originals / "now", tmp_path / "wrong"), wrong)
    assert judged(verifiers, which, folder, two_of_three).root is None, "a trusted witness's wrong line spoils the note"


@pytest.mark.flowlog_test(24)
def test_a_cosignature_that_is_too_old_or_from_the_future_does_not_count(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    head = (originals / "now" / "checkpoint").read_text()
    policy, young = tmp_path / "policy", tmp_path / "young"
    policy.write_text(policy_of("quorum w1\n"))
    young.write_text(policy_of("# proaktiv: cosignature-max-age 1h\nquorum w1\n"))
    folder = with_head(copy(originals / "now", tmp_path / "now"), cosigned(head, "w1"))
    assert judged(verifiers, which, folder, policy).code == 0
    assert judged(verifiers, which, folder, young).found == (("cosignature", None),)
    future = with_head(copy(originals / "now", tmp_path / "future"), cosigned(head, "w1", at=2**37))
    assert judged(verifiers, which, future, policy).found == (("cosignature", None),)
    no_time = with_head(copy(originals / "now", tmp_path / "no time"), cosigned(head, "w1", at=2**40))
    assert judged(verifiers, which, no_time, policy).root is None


@pytest.mark.flowlog_test(24)
def test_an_entry_later_than_witnesses_saw_it_is_found(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    head = (originals / "old" / "checkpoint").read_text()
    (tmp_path / "policy").write_text(policy_of("quorum w1\n"))
    for at, found in ((AT - 60 - 300, (("time", 0),)), (AT - 60 - 299, ())):
        folder = with_head(copy(originals / "old", tmp_path / str(at)), cosigned(head, "w1", at=at))
        assert judged(verifiers, which, folder, tmp_path / "policy").found == found


@pytest.mark.flowlog_test(21)
def test_rows_that_retention_accounts_for_may_be_gone_and_one_more_may_not(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in (originals / "now" / "entries.jsonl").read_bytes().splitlines()]
    facts = json.loads(lines[-1]["F"]["b"])
    told = facts | {"kind": "retention", "action": "log.pruned", "minimum": 256, "removed": 2}
    commit(lines[-1], dumps(told), kind=6)
    lines[-1]["x"]["kind"] = 6
    folder = copy(originals / "now", tmp_path / "now")
    rebuild(folder, lines, SIGNING_KEY)

    def without(*gone: int) -> tuple[tuple[str, int | None], ...]:
        kept = [{"fid": line["fid"], "i": line["i"]} if line["i"] in gone else line for line in lines]
        (folder / "entries.jsonl").write_bytes(b"".join(dumps(line) + b"\n" for line in kept))
        stored = [b64decode(line["e"]) if "e" in line else b"" for line in kept]
        for n, width in bundles(SIZE, 0):
            (folder / bundle_path(n, width)).write_bytes(bundle(stored[n * 256 : n * 256 + width]))
        sum_up(folder)
        return judged(verifiers, which, folder, originals / "policy").found

    assert without() == without(3, 7) == ()
    assert without(3, 7, 8) == (("row", None),)
    assert without(3, 260) == (("row", 260),)


POLICIES = {
    "": "a policy has lines log",
    "log {log}\n": "exactly one line quorum",
    "log {log}\nquorum none\nquorum none\n": "exactly one line quorum",
    "quorum none\n": "a policy has lines log",
    "log {w1}\nquorum none\n": "policy line 1",
    "log {log} url more\nquorum none\n": "policy line 1",
    "log {log}\nlog {log}\nquorum none\n": "policy line 2: a key stands twice",
    "log {log}\nwitness a {log}\nquorum a\n": "policy line 2",
    "log {log}\nwitness none {w1}\nquorum none\n": "policy line 2",
    "log {log}\nwitness a {w1}\nwitness a {w2}\nquorum a\n": "policy line 3",
    "log {log}\nwitness a {w1}\nwitness b {w1}\nquorum a\n": "policy line 3: a key stands twice",
    "log {log}\nquorum a\nwitness a {w1}\n": "policy line 2",
    "log {log}\nwitness a {w1}\ngroup g 2 a\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g 0 a\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g 01 a\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g any\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g any a a\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g any a none\nquorum g\n": "policy line 3",
    "log {log}\nwitness a {w1}\ngroup g any a\ngroup h any a\nquorum h\n": "policy line 4",
    "log {log}\rquorum none\n": "policy line 1",
    "log {log}\n# proaktiv: cosignature-max-age 1w\nquorum none\n": "policy line 2: cosignature-max-age",
    "log {log}\n#proaktiv: something\nquorum none\n": "policy line 2: cosignature-max-age",
    "log\u00a0{log}\nquorum none\n": "policy line 1",
    "witnes a\nlog {log}\nquorum none\n": "policy line 1",
}


def test_a_policy_may_come_from_an_editor_of_windows(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    (tmp_path / "policy").write_bytes(f"\ufefflog {VKEY}\r\nquorum none\r\n".encode())
    code, out, _ = run(verifiers, which, originals / "now", "--policy", tmp_path / "policy")
    assert (code, out.splitlines()[-1]) == (0, "Alles stimmt.")


@pytest.mark.parametrize("text", POLICIES)
def test_a_policy_that_cannot_be_kept_as_it_stands_is_refused(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path, text: str
) -> None:
    keys = {name: str(key) for name, key in WITNESSES.items()} | {"log": VKEY}
    (tmp_path / "policy").write_text(text.format(**keys))
    code, out, err = run(verifiers, which, originals / "now", "--policy", tmp_path / "policy", "--lang", "en")
    assert (code, out) == (2, "")
    assert POLICIES[text] in err


def test_a_policy_of_everything_is_kept() -> None:
    text = policy_of(
        " \t# comment\n\ngroup x-witnesses 2 w1 w2 w3\nwitness ü {w4} https://w.example\ngroup both all x-witnesses ü\n"
        "quorum both"
    )
    policy = Policy(text.encode(), 0)
    assert policy.reached({"w1", "w3", "ü"}, "both")
    assert not policy.reached({"w1", "ü"}, "both")
    assert not policy.reached({"w1", "w2", "w3"}, "both")
    with pytest.raises(Unreadable):
        Policy(text.replace("quorum both", "quorum bot").encode(), 0)


def test_the_notes_of_two_keys_of_one_log_are_both_believed_while_keys_change(
    originals: Path, verifiers: Verifiers, which: str, tmp_path: Path
) -> None:
    fresh = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    folder = copy(originals / "old", tmp_path / "old")
    head = Checkpoint.parse((folder / "checkpoint").read_text().rpartition("\n\n")[0] + "\n")
    note = sign_note(head.text(), ORIGIN, fresh)
    (folder / "checkpoint").write_text(note)
    (folder / "checkpoints.jsonl").write_text(
        json.dumps({"note": note, "size": 6}, separators=(",", ":"), ensure_ascii=False) + "\n"
    )
    sum_up(folder)
    assert judged(verifiers, which, folder, originals / "policy").root is None
    (tmp_path / "policy").write_text(f"log {VKEY}\nlog {vkey_of(ORIGIN, fresh)}\nquorum none\n")
    assert judged(verifiers, which, folder, tmp_path / "policy").code == 0
    assert judged(verifiers, which, originals / "old", tmp_path / "policy").code == 0


# canonical bodies -----------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(7)
@hypothesis.given(bodies)
def test_what_we_write_is_what_the_other_reader_takes(body: dict[str, Any]) -> None:
    made = checked(body)
    assert parsed(made) == body
    assert canonical(parsed(made))


@pytest.mark.flowlog_test(7)
@hypothesis.given(
    bodies, st.sampled_from([None, 1.5, 2**53, -(2**53), "u\u0308", [[[[1]]]], {"A": 1}, {"ä": 1}, {"": 1}])
)
def test_one_value_outside_the_profile_is_refused_by_both(body: dict[str, Any], stranger: Any) -> None:
    with pytest.raises(CanonicalError):
        checked(body | {"z": stranger})
    assert not canonical(body | {"z": stranger})


@pytest.mark.parametrize(
    "raw", [b'{"a":1,"a":1}', b'{"a":"\\ud800"}', b'{"a":NaN}', b'{"b":1,"a":1}', b'{"a": 1}', b"[" * 100_000, b"\xff"]
)
def test_what_is_spelt_otherwise_is_refused(raw: bytes) -> None:
    with pytest.raises(Broken):
        parsed(raw)
