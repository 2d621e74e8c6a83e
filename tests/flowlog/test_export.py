"""An export holds what was signed, whole or not at all, and nothing that identifies anybody."""

import json
import resource
import stat
from base64 import b64encode
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.core.flows import Kind
from proaktiv.core.merkle import leaf_hash, root_of
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.writing import NotExported
from tests.flowlog.conftest import World, a_flow
from tests.flowlog.exports import AT, SIZE, contents, export, fill, found, kept, verify


@pytest.fixture
def logged(world: World) -> World:
    fill(world)
    return world


def test_what_was_exported_verifies_elsewhere(logged: World, tmp_path: Path) -> None:
    done = export(logged, tmp_path / "out", expires_on=date(2027, 3, 31))
    report = verify(tmp_path / "out")
    assert report.findings == ()
    assert (report.size, report.first, report.pending, report.checkpoints) == (SIZE, 0, None, 2)
    assert report.root == logged.one("SELECT root FROM log_head")
    assert report.text().splitlines()[:2] == ["266 entries, 2 signed checkpoints", "to be deleted on 2027-03-31"]
    assert report.to_json()["expires_on"] == "2027-03-31"
    assert done.digest == sha256((tmp_path / "out" / "MANIFEST.json").read_bytes()).hexdigest()


def test_the_same_size_gives_the_same_bytes_however_the_log_grew_since(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "before")
    logged.log_and_sign(*(a_flow() for _ in range(300)))
    logged.record(a_flow())
    export(logged, tmp_path / "after", size=SIZE)
    assert contents(tmp_path / "before") == contents(tmp_path / "after")
    export(logged, tmp_path / "now")
    assert contents(tmp_path / "before") != contents(tmp_path / "now")  # the control
    assert verify(tmp_path / "now").size == SIZE + 300


@pytest.mark.parametrize("size", [1, 255, 256, 257, 513])
def test_trees_of_every_shape_verify(world: World, tmp_path: Path, size: int) -> None:
    world.log_and_sign(*(a_flow() for _ in range(size)))
    export(world, tmp_path / "out")
    assert found(tmp_path / "out") == []


def test_what_is_queued_or_not_signed_yet_stays_out(logged: World, tmp_path: Path) -> None:
    logged.record(a_flow())
    logged.integrate()
    logged.record(a_flow())
    export(logged, tmp_path / "out")
    assert len((tmp_path / "out" / "entries.jsonl").read_text().splitlines()) == SIZE
    assert found(tmp_path / "out") == []


def test_an_export_holds_no_sealed_byte_no_person_and_no_key(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "out")
    everything = b"".join(contents(tmp_path / "out").values())
    secrets = logged.rows("SELECT subj, s_blob, a_blob, staff_key FROM flow_secret WHERE subj IS NOT NULL")
    assert len(secrets) == 1
    line = json.loads((tmp_path / "out" / "entries.jsonl").read_text().splitlines()[AT])
    assert line["S"] == {"filed": True, "is": "sealed"}
    assert line["A"] == {"is": "sealed"}
    subj, s_blob, a_blob, staff_key = secrets[0]
    for secret in (subj, s_blob, a_blob):
        assert b64encode(secret)[:16] not in everything
        assert secret not in everything
        assert secret.hex().encode() not in everything
    assert str(staff_key).encode() not in everything
    # The control: what lies open for everybody would have been seen in this way.
    (salt,) = logged.rows("SELECT s_blob FROM flow_secret s JOIN flow_leaf USING (fid) WHERE idx = 0")[0]
    assert b64encode(salt)[:16] in everything


def test_the_folder_is_for_its_owner_alone(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "out")
    for path in (tmp_path / "out", *(tmp_path / "out").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_other_peoples_programs_find_tiles_bundles_and_checkpoint_where_they_look(
    logged: World, tmp_path: Path
) -> None:
    export(logged, tmp_path / "out")
    files = contents(tmp_path / "out")
    assert {path for path in files if path.startswith("tile/")} == {
        *("tile/0/000", "tile/0/001.p/10", "tile/1/000.p/1"),
        *("tile/entries/000", "tile/entries/001.p/10"),
    }
    # Read as C2SP tlog-tiles says, with none of our code but the hashes.
    entries, rest = [], files["tile/entries/000"] + files["tile/entries/001.p/10"]
    while rest:
        length = int.from_bytes(rest[:2])
        entries.append(rest[2 : 2 + length])
        rest = rest[2 + length :]
    leaves = [leaf_hash(entry) for entry in entries]
    assert files["tile/0/000"] + files["tile/0/001.p/10"] == b"".join(leaves)
    assert files["tile/1/000.p/1"] == root_of(leaves[:256])
    assert kept(tmp_path / "out").root == root_of(leaves)


def test_the_sums_are_those_that_sha256sum_checks(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "out")
    listed = dict(reversed(line.split("  ")) for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines())
    files = contents(tmp_path / "out")
    assert listed == {
        path: sha256(raw).hexdigest() for path, raw in files.items() if path not in {"MANIFEST.json", "SHA256SUMS"}
    }


# a part of the log ----------------------------------------------------------------------------------------------------


def test_a_later_part_is_whole_only_beside_the_checkpoint_that_covers_the_rest(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "first")
    logged.log_and_sign(*(a_flow() for _ in range(300)))
    export(logged, tmp_path / "later", first=SIZE)
    report = verify(tmp_path / "later", kept=kept(tmp_path / "first"))
    assert (report.findings, report.first, report.size) == ((), 256, 566)
    assert "of entries 0 to 255 only the hashes are here" in report.text()
    with pytest.raises(ExportUnreadable, match="--since"):  # the control: nobody has seen what is left out
        verify(tmp_path / "later")


def test_an_export_of_an_older_size_is_refused_beside_a_newer_checkpoint(logged: World, tmp_path: Path) -> None:
    export(logged, tmp_path / "new")
    export(logged, tmp_path / "old", size=6)
    assert found(tmp_path / "new", kept=kept(tmp_path / "old")) == []
    (finding,) = verify(tmp_path / "old", kept=kept(tmp_path / "new")).findings
    assert finding.detail == "266 entries stand in the one you kept, the log holds 6"


@pytest.mark.parametrize(
    ("wish", "refusal", "told"),
    [
        ({"size": 7}, NotFound, "the nearest: 6, 266"),
        ({"size": 267}, NotFound, "the nearest: 266"),
        ({"first": 266}, BadInput, "the export holds entries 0 to 265"),
    ],
)
def test_what_was_not_signed_cannot_be_exported(
    logged: World, tmp_path: Path, wish: dict[str, int], refusal: type[Exception], told: str
) -> None:
    with pytest.raises(refusal, match=told):
        export(logged, tmp_path / "out", **wish)
    assert list(tmp_path.iterdir()) == [logged.state]


def test_a_log_that_nobody_signed_is_not_exported(world: World, tmp_path: Path) -> None:
    world.record(a_flow())
    world.integrate()
    with pytest.raises(NotFound, match="nothing of this log is signed yet"):
        export(world, tmp_path / "out")


# whole or not at all --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(logged: World, tmp_path: Path, there: str) -> None:
    target = tmp_path / "out"
    if there == "folder":
        target.mkdir()
    elif there == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotExported, match="is there already"):
        export(logged, target)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "signer"}


def test_a_target_that_appears_meanwhile_is_not_overwritten(logged: World, tmp_path: Path) -> None:
    target = tmp_path / "out"

    def somebody_else(_done: int) -> None:
        target.mkdir(exist_ok=True)

    logged.log_and_sign(*(a_flow() for _ in range(2_000)))
    with pytest.raises(NotExported, match="is there already"):
        export(logged, target, tell=somebody_else)
    assert list(target.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"out", "signer"}


def test_a_disk_without_room_leaves_nothing_behind(logged: World, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        with pytest.raises(NotExported, match="File too large; nothing was left behind"):
            export(logged, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == [logged.state]
    export(logged, tmp_path / "out")  # the control


def test_a_folder_that_is_not_there_is_told(logged: World, tmp_path: Path) -> None:
    with pytest.raises(NotExported, match="No such file or directory"):
        export(logged, tmp_path / "nowhere" / "out")


# a log that is broken is exported as it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE flow_log SET receiver = 'x' WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 3)", [("column", 3)]),
        (
            "UPDATE flow_log SET f_bytes = '\\xff00' WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 3)",
            [("facts", 3)],
        ),
        (
            "UPDATE flow_log SET entry = set_byte(entry, 60, 0) WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 3)",
            [("entry", 3)],
        ),
        ("UPDATE flow_secret SET s_blob = NULL WHERE subj IS NOT NULL", [("subject part", 3)]),
        ("UPDATE flow_secret SET subj = NULL WHERE subj IS NOT NULL", [("subject part", 3)]),
        (
            "UPDATE flow_secret SET subj = 'x' WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)",
            [("subject part", 2)],
        ),
        (
            "UPDATE flow_secret SET a_blob = NULL WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)",
            [("staff part", 2)],
        ),
        ("DELETE FROM flow_secret WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)", [("row", 2)]),
        ("DELETE FROM flow_leaf WHERE idx = 3", [("index", 3)]),
        ("UPDATE tile SET data = set_byte(data, 0, 0) WHERE level = 0 AND n = 1", [("tile", None)]),
        ("DELETE FROM tile WHERE level = 1", [("file", None), ("tile", None)]),
        ("UPDATE checkpoint SET note = left(note, -3) WHERE size = 6", [("checkpoint", None)]),
        ("UPDATE checkpoint SET note = '' WHERE size = 6", [("checkpoint", None)]),
        (
            "UPDATE flow_log f SET entry = repeat('x', 70000)::bytea FROM flow_leaf l WHERE l.fid = f.fid AND idx = 3",
            [("entry", 3)],
        ),
    ],
)
def test_what_is_broken_in_the_house_is_found_elsewhere(
    logged: World, tmp_path: Path, statement: str, expected: list[tuple[str, int | None]]
) -> None:
    logged.as_owner(statement)
    export(logged, tmp_path / "out")
    assert found(tmp_path / "out") == expected


def test_a_row_that_is_gone_is_missed_elsewhere(logged: World, tmp_path: Path) -> None:
    fid = logged.one("SELECT fid FROM flow_leaf WHERE idx = 2")
    for table in ("flow_secret", "flow_log"):
        logged.as_owner(f"DELETE FROM {table} WHERE fid = :fid", fid=fid)
    export(logged, tmp_path / "out")
    (finding,) = verify(tmp_path / "out").findings
    assert (finding.what, finding.detail, finding.index, finding.flow) == ("row", "the row is missing", 2, fid)


def test_an_erasure_that_is_accounted_for_is_no_finding_elsewhere(logged: World, tmp_path: Path) -> None:
    logged.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE subj IS NOT NULL")
    export(logged, tmp_path / "out")
    assert found(tmp_path / "out") == [("subject part", AT)]
    logged.log_and_sign(a_flow(kind=Kind.ERASURE, action="person.erased", n=1, erased=(AT,)))
    export(logged, tmp_path / "after")
    assert found(tmp_path / "after") == []
