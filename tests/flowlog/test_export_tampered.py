"""Whatever is changed in an export is found, also by one who makes every sum fit again; only the key would help them.

The controls: an untouched export has no finding, and with one check taken out its attack goes through.
"""

import json
import os
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.core.canonical import dumps
from proaktiv.core.merkle import leaf_hash, root_of
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog import entries
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, sign_note
from proaktiv.flowlog.exports import reading
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.verifying import checks
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.policy import Opened, Policy
from proaktiv.flowlog.verifying.twins import TwinTrees
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY
from tests.flowlog.exports import (
    AT,
    SIZE,
    change_entry,
    change_lines,
    city_log,
    contents,
    copy,
    flip,
    found,
    given,
    kept,
    sum_up,
    three_exports,
    verify,
)

Tamper = Callable[[Path], object]


@pytest.fixture(scope="module")
def originals(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``now``, as it was at 6 entries (``old``), and the part from entry 256 on of a longer one (``part``)."""
    place = tmp_path_factory.mktemp("exports")
    with city_log(postgres, place, "exports_tampered") as world:
        three_exports(world, place)
        yield place


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    return copy(originals / "now", tmp_path / "now")


def test_an_untouched_export_has_no_finding(folder: Path) -> None:
    assert found(folder) == []
    sum_up(folder)
    assert found(folder) == []


# each byte of each file -----------------------------------------------------------------------------------------------

FILES = (
    *("README.txt", "checkpoint", "checkpoints.jsonl", "entries.jsonl", "SHA256SUMS"),
    *("tile/0/000", "tile/0/001.p/10", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/10"),
)


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("share", [0, 0.25, 0.5, 0.75, 1])
@pytest.mark.parametrize("summed", [False, True])
def test_a_flipped_byte_anywhere_is_found(folder: Path, path: str, share: float, summed: bool) -> None:
    target = folder / path
    flip(target, int(share * (target.stat().st_size - 1)))
    if summed and path != "SHA256SUMS":  # which sums make anew
        sum_up(folder)
    assert found(folder) != []


def test_every_file_is_in_that_matrix(folder: Path) -> None:
    assert set(contents(folder)) == {*FILES, "MANIFEST.json"}


def test_a_flipped_byte_of_the_manifest_is_found_or_refused(folder: Path) -> None:
    raw = (folder / "MANIFEST.json").read_bytes()
    for place in range(len(raw)):
        flip(folder / "MANIFEST.json", place)
        with suppress(ExportUnreadable):
            assert found(folder) != [], place
        (folder / "MANIFEST.json").write_bytes(raw)
    assert found(folder) == []


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("summed", [False, True])
def test_a_file_that_is_gone_cut_short_or_longer_is_found(folder: Path, path: str, summed: bool) -> None:
    target = folder / path
    raw = target.read_bytes()

    def judged() -> list[tuple[str, int | None]]:
        if summed and path != "SHA256SUMS":
            sum_up(folder)
        return found(folder)

    for changed in (b"", raw[:-1], raw[: len(raw) // 2], raw + b"\n", raw + raw):
        target.write_bytes(changed)
        assert judged() != [], len(changed)
    target.write_bytes(raw)
    assert judged() == []
    target.unlink()
    assert judged() != []


# each field of an entry, with all sums made to fit --------------------------------------------------------------------


def flipped(name: str, place: int, *path: str) -> Callable[[dict[str, Any]], None]:
    """Flip a character inside a field; base64 stays base64."""

    def change(line: dict[str, Any]) -> None:
        for step in path:
            line = line[step]
        text = line[name]
        other = "A" if text[place] != "A" else "B"
        line[name] = text[:place] + other + text[place + 1 :]

    return change


FIELDS: dict[str, tuple[Callable[[dict[str, Any]], None], list[tuple[str, int | None]]]] = {
    "entry header": (flipped("e", 0), [("entry", AT)]),
    "entry kind": (flipped("e", 23), [("entry", AT)]),
    "commitment to the facts": (flipped("e", 40), [("entry", AT)]),
    "commitment to the staff part": (flipped("e", 150), [("entry", AT)]),
    "salt": (flipped("s", 5, "F"), [("facts", AT)]),
    "facts": (flipped("b", 20, "F"), [("facts", AT)]),
    "facts as bytes": (given({"raw": "/w==", "s": "A" * 42 + "A="}, "F"), [("facts", AT)]),
    "kind": (given(10, "x", "kind"), [("column", AT)]),
    "time": (given("2026-10-14T08:30:00.123457Z", "x", "t"), [("column", AT)]),
    "sender": (given("x", "x", "sender"), [("column", AT)]),
    "receiver": (given("x", "x", "receiver"), [("column", AT)]),
    "purpose": (given("x", "x", "purpose"), [("column", AT)]),
    "basis": (given("", "x", "basis"), [("column", AT)]),
    "scope": (given("geburt/watch@1", "x", "scope"), [("column", AT)]),
    "outcome": (given("sent", "x", "outcome"), [("column", AT)]),
    "subject part gone": (given({"filed": True, "is": "missing"}, "S"), [("subject part", AT)]),
    "subject part not filed": (given({"filed": False, "is": "sealed"}, "S"), [("subject part", AT)]),
    "subject part denied": (given({"filed": False, "salt": "A" * 43 + "="}, "S"), [("subject part", AT)]),
    "staff part gone": (given({"is": "missing"}, "A"), [("staff part", AT)]),
    "sealed parts gone": (lambda line: (line.pop("S"), line.pop("A")), [("row", AT)]),  # type: ignore[dict-item, return-value]
    "row gone": (lambda line: [line.pop(name) for name in ("e", "F", "x", "S", "A")], [("row", AT)]),  # type: ignore[dict-item, return-value]
    "another flow": (given("00000000-0000-7000-8000-000000000000", "fid"), [("facts", AT)]),
}


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize("name", FIELDS)
def test_a_changed_field_is_found_at_its_entry_though_all_sums_fit(folder: Path, name: str) -> None:
    change, expected = FIELDS[name]
    change_entry(folder, AT, change)
    assert found(folder) != []
    sum_up(folder)
    there = found(folder)
    assert set(expected) <= set(there)
    assert {index for _, index in there} == {AT}, "and nowhere else"


@pytest.mark.parametrize(
    "raw",
    [
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"not json\n",
        b"\xff\xfe\n",
        b'{"i":true,"fid":"x"}\n',
        b'{"i":3,"i":3}\n',
        b"[" * 100_000 + b"\n",
        b"9" * 5_000 + b"\n",
        b'{"i":NaN}\n',
        b'"\\ud800"\n',
    ],
)
def test_a_line_that_no_export_holds_is_named_and_the_rest_is_read(folder: Path, raw: bytes) -> None:
    change_lines(folder / "entries.jsonl", lambda lines: lines.__setitem__(AT, raw))
    sum_up(folder)
    report = verify(folder)
    told = [(finding.what.value, finding.detail, finding.index) for finding in report.findings]
    assert ("file", "entries.jsonl: line 4 is not an entry", None) in told
    assert ("index", "no entry has this place", AT) in told
    assert {index for _, _, index in told} == {AT, None}


def test_one_entry_has_one_spelling(folder: Path) -> None:
    def respell(lines: list[bytes]) -> None:
        lines[AT] = json.dumps(json.loads(lines[AT])).encode() + b"\n"

    change_lines(folder / "entries.jsonl", respell)
    sum_up(folder)
    assert ("index", AT) in found(folder)


# entries moved, taken, added ------------------------------------------------------------------------------------------


def swapped(lines: list[bytes]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def renumbered(lines: list[bytes]) -> None:
    """Two entries change places and take the numbers of their new ones."""
    three, four = json.loads(lines[3]), json.loads(lines[4])
    three["i"], four["i"] = 4, 3
    lines[3], lines[4] = dumps(four) + b"\n", dumps(three) + b"\n"


def doubled(lines: list[bytes]) -> None:
    lines.insert(3, lines[3])


def appended(lines: list[bytes]) -> None:
    last = json.loads(lines[-1])
    last["i"] = SIZE
    lines.append(dumps(last) + b"\n")


def taken(lines: list[bytes]) -> None:
    del lines[3]


@pytest.mark.flowlog_test(14)
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (swapped, {("index", 3)}),
        (renumbered, {("entry", 3), ("entry", 4)}),
        (doubled, {("index", 3)}),
        (appended, {("index", SIZE)}),
        (taken, {("index", 3), ("entry", 3)}),
    ],
)
def test_entries_moved_taken_or_added_are_found_at_their_place(
    folder: Path, change: Callable[[list[bytes]], None], expected: set[tuple[str, int | None]]
) -> None:
    change_lines(folder / "entries.jsonl", change)
    sum_up(folder)
    assert expected <= set(found(folder))


def rebuild(folder: Path, change: Callable[[list[dict[str, Any]]], None], key: Ed25519PrivateKey) -> None:
    """Change the past as one who holds the whole house but perhaps not the key: hashes, tiles, bundles, sums fit."""
    lines = [json.loads(line) for line in (folder / "entries.jsonl").read_bytes().splitlines()]
    change(lines)
    for index, line in enumerate(lines):
        line["i"] = index
    (folder / "entries.jsonl").write_bytes(b"".join(dumps(line) + b"\n" for line in lines))
    stored = [b64decode(line["e"]) for line in lines]
    leaves = [leaf_hash(entry) for entry in stored]
    shutil.rmtree(folder / "tile")
    size = len(lines)
    rest = size - 256
    files = {
        "tile/0/000": b"".join(leaves[:256]),
        f"tile/0/001.p/{rest}": b"".join(leaves[256:]),
        "tile/1/000.p/1": root_of(leaves[:256]),
        "tile/entries/000": b"".join(len(entry).to_bytes(2) + entry for entry in stored[:256]),
        f"tile/entries/001.p/{rest}": b"".join(len(entry).to_bytes(2) + entry for entry in stored[256:]),
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    notes = {
        signed: sign_note(Checkpoint(ORIGIN, signed, root_of(leaves[:signed])).text(), ORIGIN, key)
        for signed in (6, size)
    }
    (folder / "checkpoint").write_text(notes[size])
    (folder / "checkpoints.jsonl").write_bytes(
        b"".join(dumps({"note": note, "size": signed}) + b"\n" for signed, note in notes.items())
    )
    sums = "".join(
        f"{sha256((folder / path).read_bytes()).hexdigest()}  {path}\n"
        for path in ("README.txt", "checkpoint", "checkpoints.jsonl", "entries.jsonl", *files)
    )
    (folder / "SHA256SUMS").write_text(sums)
    sum_up(folder, size=size)


def without_three(lines: list[dict[str, Any]]) -> None:
    del lines[3]


def told_otherwise(lines: list[dict[str, Any]]) -> None:
    line = lines[3]
    said = entries.unpack(b64decode(line["e"]))
    body = line["F"]["b"].replace("standesamt-musterstadt", "standesamt-anderswo")
    committed = entries.commitment(b"F", b64decode(line["F"]["s"]), body.encode())
    line["F"]["b"] = body
    line["x"]["sender"] = "standesamt-anderswo"
    line["e"] = b64encode(entries.pack(said.kind, committed, said.subject, said.staff)).decode()


PASTS = [without_three, told_otherwise]


@pytest.mark.parametrize("change", PASTS)
def test_another_past_signed_with_another_key_is_not_believed(
    folder: Path, change: Callable[[list[dict[str, Any]]], None]
) -> None:
    rebuild(folder, change, Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    report = verify(folder)
    assert {finding.what.value for finding in report.findings} == {"checkpoint", "head"}
    assert {"no trusted key signed this note"} == {finding.detail.rpartition(": ")[2] for finding in report.findings}
    assert report.root is None
    assert "root that a trusted key signed: none" in report.text()


@pytest.mark.parametrize("change", PASTS)
def test_another_past_under_the_stolen_key_is_caught_by_a_checkpoint_that_was_kept(
    originals: Path, folder: Path, change: Callable[[list[dict[str, Any]]], None]
) -> None:
    rebuild(folder, change, SIGNING_KEY)
    assert found(folder) == []  # the control, and the reason why a DSB keeps checkpoints
    (finding,) = verify(folder, kept=kept(originals / "old")).findings
    assert finding.detail == "of 6 entries that you kept: the log does not begin with what was signed then"
    assert found(folder, kept=kept(originals / "now")) != []


def test_a_key_or_a_log_of_somebody_else_is_not_believed(folder: Path) -> None:
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    findings = verify_export(folder, other).findings
    assert findings[0].detail == "MANIFEST.json names another log than the key does"
    with pytest.raises(NoteError):
        verify_export(folder, "nonsense")


# the tree's own files, and checkpoints, with all sums made to fit -----------------------------------------------------


@pytest.mark.flowlog_test(14)
@pytest.mark.parametrize(
    ("path", "place", "expected"),
    [
        ("tile/0/000", 96, {("tile", None)}),
        ("tile/0/001.p/10", 0, {("tile", None)}),
        ("tile/1/000.p/1", 5, {("tile", None)}),
        ("tile/entries/000", 117 * AT + 2 + 60, {("entry", AT)}),
        ("tile/entries/000", 117 * AT, {("entry", AT)}),
        ("tile/entries/001.p/10", 117 * 9 + 116, {("entry", 265)}),
        ("checkpoint", 0, {("head", None), ("checkpoint", None)}),
        ("checkpoint", 40, {("head", None), ("checkpoint", None)}),
    ],
)
def test_a_changed_hash_or_bundle_is_named(
    folder: Path, path: str, place: int, expected: set[tuple[str, int | None]]
) -> None:
    flip(folder / path, place)
    sum_up(folder)
    assert set(found(folder)) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines.reverse(),
        lambda lines: lines.insert(0, lines[0]),
        lambda lines: lines.pop(),
        lambda lines: lines.__setitem__(0, lines[0].replace(b'"size":6', b'"size":7')),
        lambda lines: lines.__setitem__(0, lines[0].replace(b"\\n6\\n", b"\\n7\\n")),
        lambda lines: lines.append(lines[-1].replace(b'"size":266', b'"size":267')),
        lambda lines: lines.__setitem__(0, b"{}\n"),
    ],
)
def test_checkpoints_changed_moved_or_taken_are_found(folder: Path, change: Callable[[list[bytes]], object]) -> None:
    change_lines(folder / "checkpoints.jsonl", change)
    sum_up(folder)
    assert found(folder) != []


@pytest.mark.parametrize(
    "claims",
    [{"size": 265}, {"size": 267}, {"size": 10}, {"first": 256}, {"origin": "flowlog.other.example/1"}],
)
def test_a_manifest_that_claims_otherwise_is_found(folder: Path, claims: dict[str, Any]) -> None:
    sum_up(folder, **claims)
    assert found(folder) != []


@pytest.mark.parametrize(
    "claims",
    [
        {"size": 10**18},
        {"size": -1},
        {"first": 1},
        {"first": 512},
        {"format": "x"},
        {"more": 1},
        {"expires_on": "soon"},
    ],
)
def test_a_manifest_that_is_none_is_refused(folder: Path, claims: dict[str, Any]) -> None:
    sum_up(folder, **claims)
    with pytest.raises(ExportUnreadable):
        verify(folder)


def test_entries_slipped_into_what_was_left_out_are_found(originals: Path, tmp_path: Path) -> None:
    folder = copy(originals / "part", tmp_path / "part")
    known = kept(originals / "now")
    assert found(folder, kept=known) == []
    slipped = (originals / "now" / "entries.jsonl").read_bytes().splitlines(keepends=True)[AT]
    change_lines(folder / "entries.jsonl", lambda lines: lines.insert(0, slipped))
    sum_up(folder)
    assert ("index", AT) in found(folder, kept=known)
    with pytest.raises(ExportUnreadable, match="a part of an export: it begins with entry 256, and nothing speaks"):
        verify(copy(originals / "part", tmp_path / "alone"), kept=kept(originals / "old"))
    assert ("index", AT) in found(folder), "what is found is found beside nothing that was kept, too"


# the folder itself ----------------------------------------------------------------------------------------------------


def test_links_pipes_and_strangers_are_found_and_never_read(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for path in ("entries.jsonl", "tile/0/000"):
        target = folder / path
        shutil.copy(target, outside)
        target.unlink()
        target.symlink_to(outside)
        assert ("file", None) in found(folder), "a link, though the same bytes lie behind it"
        target.unlink()
        os.mkfifo(target)
        assert ("file", None) in found(folder), "nobody waits for a pipe"
        target.unlink()
        shutil.copy(outside, target)
    assert found(folder) == []
    (folder / "tile" / "strange\x1b[2J").write_text("x")
    (finding,) = verify(folder).findings
    assert finding.detail == "tile/strange\\x1b[2J does not belong to an export"


def test_a_folder_in_a_files_place_is_found(folder: Path) -> None:
    for path in ("entries.jsonl", "checkpoint", "tile/0/000"):
        raw = (folder / path).read_bytes()
        (folder / path).unlink()
        (folder / path).mkdir()
        assert ("file", None) in found(folder), path
        (folder / path).rmdir()
        (folder / path).write_bytes(raw)
    assert found(folder) == []


def test_a_number_that_readers_of_json_round_stands_in_no_export(folder: Path) -> None:
    change_entry(folder, AT, given(2**53, "x", "kind"))
    sum_up(folder)
    assert "entries.jsonl: line 4 is not an entry" in {finding.detail for finding in verify(folder).findings}
    change_entry(folder, AT, given(2**53 - 1, "x", "kind"))
    sum_up(folder)
    assert found(folder) == [("column", AT)]


def test_what_a_file_manager_leaves_behind_is_no_finding(folder: Path) -> None:
    for name in (".DS_Store", "tile/._0", "Thumbs.db"):
        (folder / name).write_text("x")
    assert found(folder) == []


def test_a_line_without_an_end_is_not_read_into_memory(folder: Path) -> None:
    with (folder / "entries.jsonl").open("ab") as file:
        file.truncate(64 * 2**20)  # sparse: a bomb of zeros
    told = [finding.detail for finding in verify(folder).findings]
    assert "entries.jsonl: line 267 is longer than any; the rest is not read" in told


def test_a_zip_file_is_named_with_the_command_that_unpacks_it(tmp_path: Path) -> None:
    target = tmp_path / "auszug.zip"
    with ZipFile(target, "w") as packed:
        packed.writestr("MANIFEST.json", "{}")
    with pytest.raises(ExportUnreadable, match=r"is a zip file: .* `python3 -m zipfile -e auszug.zip auszug`"):
        verify(target)


@pytest.mark.parametrize("there", ["nothing", "empty folder", "file", "other folder"])
def test_what_is_no_export_is_refused_and_says_what_to_do(tmp_path: Path, there: str) -> None:
    target = tmp_path / "x"
    if there == "file":
        target.write_text("x")
    elif there != "nothing":
        target.mkdir()
    if there == "other folder":
        (target / "MANIFEST.json").write_text("{}")
    told = {"empty folder": "is empty: name the folder", "other folder": "its MANIFEST.json is damaged: download it"}
    with pytest.raises(ExportUnreadable, match=told.get(there, "is no folder: name the one that you unpacked")):
        verify(target)


# each check is needed -------------------------------------------------------------------------------------------------


def no_findings(*_anything: object, **_named: object) -> Iterator[Any]:
    return iter(())


def believing(_policy: Policy, note: str) -> Opened:
    return Opened(Checkpoint.parse(note.rpartition("\n\n")[0] + "\n"), {})


def by_somebody_else(folder: Path) -> None:
    rebuild(folder, told_otherwise, Ed25519PrivateKey.from_private_bytes(b"x" * 32))


def entry_of_the_line_alone(folder: Path) -> None:
    flip(folder / "tile/entries/000", 200)
    sum_up(folder)


def only_the_sum(folder: Path) -> None:
    flip(folder / "SHA256SUMS", 3)


CHECKS: dict[str, tuple[Tamper, list[tuple[object, str, object]]]] = {
    "facts and columns": (
        lambda folder: (change_entry(folder, AT, FIELDS["receiver"][0]), sum_up(folder)),
        [(checks, "_facts", no_findings)],
    ),
    "subject part": (
        lambda folder: (change_entry(folder, AT, FIELDS["subject part gone"][0]), sum_up(folder)),
        [(checks.RowCheck, "_subject", no_findings)],
    ),
    "staff part": (
        lambda folder: (change_entry(folder, AT, FIELDS["staff part gone"][0]), sum_up(folder)),
        [(checks.RowCheck, "_staff", no_findings)],
    ),
    "signatures": (
        by_somebody_else,
        [(Policy, "open", believing)],
    ),
    "tiles against entries": (
        lambda folder: (flip(folder / "tile/1/000.p/1", 0), sum_up(folder)),
        [(TwinTrees, "_compare_stored", lambda *_: None)],
    ),
    "bundles": (entry_of_the_line_alone, [(reading.Export, "_bundle", lambda _self, at, *_: at + 1)]),
    "sums": (only_the_sum, [(reading.Export, "compare_files", lambda *_: None)]),
}


@pytest.mark.flowlog_control(13)
@pytest.mark.flowlog_control(14)
@pytest.mark.parametrize("name", CHECKS)
def test_without_one_check_its_attack_goes_through(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    attack, taken_out = CHECKS[name]
    attack(folder)
    assert found(folder) != []
    for owner, check, nothing in taken_out:
        monkeypatch.setattr(owner, check, nothing)
    assert found(folder) == []
