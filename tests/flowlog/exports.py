"""Exports to tamper with, and the attacker's own tools: everything but the signing key."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from proaktiv.core.canonical import dumps
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.checkpoints import Checkpoint, open_checkpoint, vkey_of
from proaktiv.flowlog.exports.writing import Exported, export_log
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.report import Report
from tests.conftest import ROLES
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow

VKEY = str(vkey_of(ORIGIN, SIGNING_KEY))
AT = 3
"""The place of the entry that is tampered with; it is one about a person."""
SIZE = 266


def fill(world: World) -> None:
    """Two checkpoints, two tiles, and entry 3 is one about a person."""
    person = world.a_person()
    world.log_and_sign(*(a_flow(person=person if number == AT else None) for number in range(6)))
    world.log_and_sign(*(a_flow(receiver_name="Behörde für Überflüssiges") for _ in range(SIZE - 6)))


@contextmanager
def city_log(postgres: EmbeddedServer, place: Path, name: str) -> Iterator[World]:
    """A log in a database of its own; the signer's memory lies in ``place``."""
    postgres.create_database(name, "proaktiv")
    world = World({role: postgres.url(f"proaktiv_{role}", name) for role in ROLES}, place / "signer")
    try:
        yield world
    finally:
        world.close()
        postgres.drop_database(name)


def three_exports(world: World, place: Path) -> None:
    """Write ``now``, as it was at 6 entries (``old``), and the part from entry 256 on of a longer one (``part``)."""
    fill(world)
    export(world, place / "now")
    export(world, place / "old", size=6)
    world.log_and_sign(*(a_flow() for _ in range(40)))
    export(world, place / "part", first=256)


def export(world: World, folder: Path, **wishes: Any) -> Exported:
    with world.role("reader").transaction() as session:
        return export_log(session, folder, **wishes)


def kept(folder: Path) -> Checkpoint:
    return open_checkpoint((folder / "checkpoint").read_text(), VKEY)


def found(folder: Path, **known: Any) -> list[tuple[str, int | None]]:
    return [(finding.what.value, finding.index) for finding in verify(folder, **known).findings]


def verify(folder: Path, **known: Any) -> Report:
    return verify_export(folder, VKEY, **known)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def copy(folder: Path, to: Path) -> Path:
    return Path(shutil.copytree(folder, to))


# what somebody does who has the stick in hand -------------------------------------------------------------------------


def flip(path: Path, place: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


def change_lines(path: Path, change: Callable[[list[bytes]], object]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def change_entry(folder: Path, index: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Change one entry's line; it stays a line that an export could hold."""

    def rewritten(lines: list[bytes]) -> None:
        data = json.loads(lines[index])
        change(data)
        lines[index] = dumps(data) + b"\n"

    change_lines(folder / "entries.jsonl", rewritten)


def given(value: Any, *path: str) -> Callable[[dict[str, Any]], None]:
    """Put a value into a field."""

    def change(line: dict[str, Any]) -> None:
        for step in path[:-1]:
            line = line[step]
        line[path[-1]] = value

    return change


def sum_up(folder: Path, **claims: Any) -> None:
    """Make list and manifest fit what the folder holds now, perhaps with other claims."""
    paths = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()]
    there = [path for path in paths if (folder / path).is_file()]
    sums = "".join(f"{sha256((folder / path).read_bytes()).hexdigest()}  {path}\n" for path in there).encode()
    (folder / "SHA256SUMS").write_bytes(sums)
    manifest = json.loads((folder / "MANIFEST.json").read_bytes())
    manifest |= {"sums": sha256(sums).hexdigest()} | claims
    (folder / "MANIFEST.json").write_bytes(dumps(manifest) + b"\n")
