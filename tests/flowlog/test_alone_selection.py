"""A selection: some entries about one person, each proven, their own part open; judged by both verifiers alike."""

import json
import random
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core.canonical import dumps
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog import entries
from proaktiv.flowlog.alone.selection import SELECTION_READMES
from proaktiv.flowlog.alone.verdict import CONCLUSIONS
from proaktiv.flowlog.exports import handing_out, selection
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.paths import inclusion
from proaktiv.flowlog.verifying.selection import verify_selection
from proaktiv.vault import Compartment
from tests.conftest import ROLES
from tests.depth import depth
from tests.flowlog.alone import POLICY, Told, Verifiers, needs_node
from tests.flowlog.conftest import ORIGIN, World, a_flow, a_proof
from tests.flowlog.exports import VKEY, change_lines, contents, copy, flip
from tests.flowlog.mutations import VALUES

FLIPS = depth(200, 2_000)
README = b"What a test says.\n"
FILES = ("README.txt", "checkpoint", "entries.jsonl")
Tamper = Callable[[Path], object]


def sum_up(folder: Path, **claims: Any) -> None:
    """Make the manifest fit what the folder holds, perhaps with other claims."""
    manifest = {
        "format": "proaktiv/log-selection/v1",
        "origin": ORIGIN,
        "size": 9,
        "entries": len((folder / "entries.jsonl").read_bytes().splitlines()),
        "files": {name: sha256((folder / name).read_bytes()).hexdigest() for name in FILES},
    }
    (folder / "MANIFEST.json").write_bytes(dumps(manifest | claims) + b"\n")


@pytest.fixture(scope="module")
def original(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A person's entries 1, 4, 6 (kept from them, and released by 8) and 8 of a log of nine."""
    place, name = tmp_path_factory.mktemp("selection"), "alone_selection"
    postgres.create_database(name, "proaktiv")
    world = World({role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}, place / "signer")
    person = world.a_person()
    mine = {1: {}, 4: {}, 6: {"restrict": True}}
    fids = world.log_and_sign(*(a_flow(person=person if at in mine else None, **mine.get(at, {})) for at in range(8)))
    world.log_and_sign(a_flow(person=person, action="entry.released", of=fids[6]))
    with world.role("owner").transaction() as session:
        export_log(session, place / "export")
        ring = world.vault.ring(session, [person], (Compartment.FLOW,))
        parts = Parts(world.vault, ring, [a_proof(person)])
        lines = [json.loads(line) for line in (place / "export" / "entries.jsonl").read_bytes().splitlines()]
        chosen = []
        for at in (1, 4, 6, 8):
            sealed = world.rows(
                "SELECT subj, s_blob FROM flow_secret JOIN flow_leaf USING (fid) WHERE idx = :at", at=at
            )[0]
            committed = entries.unpack(b64decode(lines[at]["e"])).subject
            opened = parts.subject(bytes(sealed[0]), bytes(sealed[1]), committed)
            assert opened is not None
            lines[at]["S"] = {"s": b64encode(opened[:32]).decode(), "b": opened[32:].decode()}
            lines[at]["p"] = [b64encode(step).decode() for step in inclusion(session, at, 9).path]
            chosen.append(dumps(lines[at]) + b"\n")
    folder = place / "selection"
    folder.mkdir()
    (folder / "README.txt").write_bytes(README)
    (folder / "checkpoint").write_bytes((place / "export" / "checkpoint").read_bytes())
    (folder / "entries.jsonl").write_bytes(b"".join(chosen))
    sum_up(folder)
    world.close()
    yield folder
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Verifiers:
    """Both, knowing the text of this test instead of the one that people get."""
    made = Verifiers.handed_out(tmp_path_factory.mktemp("verifiers"))
    known = min(SELECTION_READMES)
    for path in (made.python, made.node):
        source = path.read_text()
        assert source.count(known) == 1
        path.write_text(source.replace(known, sha256(README).hexdigest()))
    (made.folder / "policy").write_text(POLICY)
    return made


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return copy(original, tmp_path / "selection")


def judged(verifiers: Verifiers, *folders: Path) -> list[Told]:
    python = verifiers.by_python(folders, verifiers.folder / "policy")
    assert verifiers.by_node(folders, verifiers.folder / "policy") == python
    return python


def changed(index: int, change: Callable[[dict[str, Any]], object]) -> Tamper:
    def tamper(folder: Path) -> None:
        def rewritten(lines: list[bytes]) -> None:
            data = json.loads(lines[index])
            change(data)
            lines[index] = dumps(data) + b"\n"

        change_lines(folder / "entries.jsonl", rewritten)
        sum_up(folder)

    return tamper


def lines(change: Callable[[list[bytes]], object]) -> Tamper:
    def tamper(folder: Path) -> None:
        change_lines(folder / "entries.jsonl", change)
        sum_up(folder)

    return tamper


TAMPERED: dict[str, tuple[Tamper, int, tuple[tuple[str, int | None], ...]]] = {
    "a number left out": (lines(lambda all_of: all_of.pop(1)), 1, (("sequence", 8),)),
    "the newest left out": (lines(lambda all_of: all_of.pop()), 1, (("sequence", 6),)),
    "two exchanged": (
        lines(lambda all_of: all_of.insert(0, all_of.pop(1))),
        1,
        (("index", 1), ("sequence", 1), ("sequence", 8)),
    ),
    "one twice": (lines(lambda all_of: all_of.insert(1, all_of[0])), 1, (("index", 1), ("sequence", 1))),
    "another number": (
        changed(1, lambda line: line["S"].update(b=line["S"]["b"].replace('"seq":2', '"seq":3'))),
        1,
        (("subject part", 4), ("sequence", 4), ("sequence", 8)),
    ),
    "another place": (changed(1, lambda line: line.update(i=5)), 1, (("entry", 5),)),
    "another way": (changed(1, lambda line: line["p"].pop()), 1, (("entry", 4),)),
    "another receiver": (changed(1, lambda line: line["x"].update(receiver="x")), 1, (("column", 4),)),
    "the staff's part": (
        changed(1, lambda line: line.update(A={"b": "{}", "s": "A" * 43 + "="})),
        1,
        (("file", None), ("file", None), ("sequence", 8)),
    ),
    "another readme": (
        lambda folder: ((folder / "README.txt").write_text("call me"), sum_up(folder)),
        1,
        (("file", None),),
    ),
    "another size": (lambda folder: sum_up(folder, size=8), 1, (("head", None),)),
    "another log": (lambda folder: sum_up(folder, origin="other.example"), 1, (("head", None),)),
    "fewer entries": (lambda folder: sum_up(folder, entries=3), 1, (("file", None),)),
    "no entries": (lambda folder: sum_up(folder, entries=0), 2, ()),
    "more in the manifest": (lambda folder: sum_up(folder, more=1), 2, ()),
    "a file gone": (lambda folder: (folder / "checkpoint").unlink(), 2, ()),
}


@needs_node
def test_a_selection_as_it_was_handed_out_adds_up(original: Path, verifiers: Verifiers) -> None:
    (told,) = judged(verifiers, original)
    assert (told.code, told.found) == (0, ())
    assert told.root is not None
    text = verifiers.run_python(original, "--policy", verifiers.folder / "policy", "--lang", "en").stdout
    assert text.splitlines()[0] == f"{original}: 4 of 9 entries, 1 signed checkpoint"


@needs_node
@pytest.mark.flowlog_test(22)
@pytest.mark.parametrize("name", TAMPERED)
def test_what_is_changed_or_left_out_of_a_selection_is_found(folder: Path, verifiers: Verifiers, name: str) -> None:
    tamper, code, found = TAMPERED[name]
    tamper(folder)
    (told,) = judged(verifiers, folder)
    assert (told.code, told.found) == (code, found)


@needs_node
@pytest.mark.flowlog_test(23)
def test_both_agree_on_selections_with_any_byte_or_field_changed(
    original: Path, verifiers: Verifiers, tmp_path: Path
) -> None:
    made = []
    for number in range(FLIPS):
        dice = random.Random(number)
        folder = copy(original, tmp_path / str(number))
        path = folder / dice.choice(sorted(contents(folder)))
        if path.name == "entries.jsonl" and dice.random() < 0.7:
            data = json.loads(path.read_bytes().splitlines()[0])
            inside = data
            while isinstance(inside[key := dice.choice(sorted(inside))], dict):
                inside = inside[key]
            inside[key] = dice.choice(VALUES)
            raw = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            path.write_bytes(raw.encode(errors="surrogatepass") + b"\n")
        else:
            flip(path, dice.randrange(path.stat().st_size))
        if dice.random() < 0.7 and path.name != "MANIFEST.json":
            sum_up(folder)
        made.append(folder)
    told = judged(verifiers, *made)
    assert {each.code for each in told} == {1, 2}


def test_they_know_each_text_that_a_selection_tells_its_reader() -> None:
    known = selection.README_DIGESTS
    assert known == SELECTION_READMES
    assert known > {sha256(text.encode()).hexdigest() for text in selection.READMES}
    assert all(digest in handing_out.node_source() for digest in known)
    assert len(known) == len(selection.READMES) + 2, "the texts of versions before stay"
    assert {german for _, german in CONCLUSIONS.values()} == set(re.findall(r"„([^“]+[.])“", selection.WAY_README))
    assert selection.WAY_README.index("node verify.mjs") < selection.WAY_README.index("python3 verify.py")


@needs_node
@pytest.mark.flowlog_test(23)
def test_proaktivs_own_verifier_says_the_same_of_selections(original: Path, tmp_path: Path) -> None:
    known = Verifiers.handed_out(tmp_path / "verifiers")  # as they are handed out: they know the text that people get
    (known.folder / "policy").write_text(POLICY)
    made = []
    for name, (tamper, _, _) in TAMPERED.items():
        folder = copy(original, tmp_path / name)
        (folder / "README.txt").write_text(selection.README_TEXT)
        sum_up(folder)
        tamper(folder)
        made.append(folder)
    untouched = copy(original, tmp_path / "untouched")
    (untouched / "README.txt").write_text(selection.README_TEXT)
    sum_up(untouched)
    alone = judged(known, *made, untouched)
    for folder, told in zip([*made, untouched], alone, strict=True):
        try:
            report = verify_selection(folder, VKEY)
        except ExportUnreadable:
            assert told.code == 2, folder.name
            continue
        assert told.code == int(not report.ok), folder.name
    assert alone[-1].code == 0
