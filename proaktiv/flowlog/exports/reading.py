"""Read an export that somebody handed over: nothing in it is believed, and nothing in it chooses what is opened.

Opens plain files under names that follow from the size alone, never a link, never a path that the export names. What
is missing or broken becomes a finding; only what cannot be read at all raises.
Left to others: what it means (``flowlog.verifying.export``).
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar
from zipfile import is_zipfile

from proaktiv.core.merkle import HASH_BYTES, TILE_WIDTH, tile_count, tile_path
from proaktiv.flowlog.entries import ENTRY_BYTES
from proaktiv.flowlog.exports import layout
from proaktiv.flowlog.exports.layout import ExportUnreadable, Manifest
from proaktiv.flowlog.exports.lines import LINE_MAX, ExportedEntry, ExportedNote, LineBroken
from proaktiv.flowlog.verifying.report import Finding, What

_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_SMALL_MAX = 64 * 1024
_CHUNK = 1024 * 1024
_PATH_LINE_MAX = 1024
_Line = TypeVar("_Line", ExportedEntry, ExportedNote)

Find = Callable[[Finding], None]


class Missing(LookupError):  # noqa: N818 - as in a sentence: raise Missing
    """A file that belongs to an export is not there, or is no plain file."""


class Export:
    """One exported folder. Raises ``ExportUnreadable`` where it is none, and wherever reading fails."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        if is_zipfile(folder):
            raise ExportUnreadable(
                f"{folder} is a zip file: unpack it into a new folder and name that,"
                f" `python3 -m zipfile -e {folder.name} {folder.stem}`"
            )
        try:
            self.manifest = Manifest.parse(self.small(layout.MANIFEST))
        except (Missing, LineBroken):
            raise ExportUnreadable(no_export(folder)) from None
        self._there = files_below(folder)
        # A claimed size costs time: believe no more than the files can hold.
        if self.manifest.size > len(self._there) * TILE_WIDTH:
            raise ExportUnreadable(f"{folder} says {self.manifest.size} entries and holds {len(self._there)} files")

    def small(self, path: str) -> bytes:
        """Return a file's bytes, at most 64 KiB of them. Raises ``Missing``, ``ExportUnreadable``."""
        with self._open(path) as file:
            return file.read(_SMALL_MAX)

    def compare_files(self, find: Find) -> None:
        """Hold every file against the list of SHA-256, and the list against the manifest."""
        size = self.manifest.size
        listed = self._listed(find)
        stamped = layout.STAMP in self._there or layout.STAMP in (listed or ())
        expected = list(layout.summed_paths(size, self.manifest.first, stamped=stamped))
        known = {*expected, layout.MANIFEST, layout.SUMS}
        for path in sorted(self._there - known):
            if not _left_by_a_file_manager(path):
                find(Finding(What.FILE, f"{_printable(path)} does not belong to an export"))
        if listed and listed.keys() - set(expected):
            find(Finding(What.FILE, f"{layout.SUMS} lists what does not belong to an export"))
        for path in expected:
            try:
                digest = self._digest(path)
            except Missing as error:
                find(Finding(What.FILE, str(error)))
                continue
            if listed is not None and listed.get(path) != digest:
                find(Finding(What.FILE, f"{path} is not what was exported"))
            if path == layout.README and digest not in layout.READMES:
                find(Finding(What.FILE, f"{path} has another text than every export; do not follow it"))
        for level, n, width in layout.tiles(size):
            self._compare_width(tile_path(level, n, width), width, find)

    def _listed(self, find: Find) -> dict[str, str] | None:
        """Return path → SHA-256 as listed, None without the list that was exported. What is no line is left out."""
        held = f"the list of sums {layout.SUMS} is {{}}, so no file can be held against it"
        try:
            if self._digest(layout.SUMS) != self.manifest.sums:
                find(Finding(What.FILE, held.format("another one")))
                return None
            with self._open(layout.SUMS) as file:
                lines = islice(iter(lambda: file.readline(_PATH_LINE_MAX), b""), len(self._there))
                pairs = (line.decode(errors="replace").rstrip("\n").partition("  ") for line in lines)
                return {path: digest for digest, _, path in pairs}
        except Missing:
            find(Finding(What.FILE, held.format("missing")))
            return None

    def _compare_width(self, path: str, width: int, find: Find) -> None:
        try:
            with self._open(path) as file:
                there = os.fstat(file.fileno()).st_size
        except Missing:
            return
        if there > width * HASH_BYTES:  # a shorter one is found where its hashes are needed
            find(Finding(What.TILE, f"{path} holds more than {width} hashes"))

    def notes(self, find: Find) -> Iterator[ExportedNote]:
        """Yield the checkpoints with ascending sizes; what stands out of order is found and left out."""
        last = -1
        for number, note in self._lines(layout.CHECKPOINTS, ExportedNote, find):
            if note.size <= last:
                find(Finding(What.CHECKPOINT, f"of {note.size} entries: line {number} stands twice or out of order"))
                continue
            last = note.size
            yield note

    def entries(self, find: Find) -> Iterator[ExportedEntry]:
        """Yield the entries in the order of their lines, each held against its bundle."""
        size, first = self.manifest.size, self.manifest.first
        bundled: list[bytes] = []
        at = first
        for _, entry in self._lines(layout.ENTRIES, ExportedEntry, find):
            while at < min(entry.idx, size):
                at = self._bundle(at, b"", bundled, find)
            if at == entry.idx:
                at = self._bundle(at, entry.entry, bundled, find)
            yield entry
        while at < size:
            at = self._bundle(at, b"", bundled, find)

    def tile(self, level: int, n: int) -> bytes:
        """Return a tile's bytes. Raises ``LookupError``."""
        width = min(TILE_WIDTH, tile_count(level, self.manifest.size) - n * TILE_WIDTH)
        with self._open(tile_path(level, n, width)) as file:
            return file.read(width * HASH_BYTES + 1)

    def _bundle(self, at: int, entry: bytes, bundled: list[bytes], find: Find) -> int:
        bundled.append(entry)
        at += 1
        if at % TILE_WIDTH and at < self.manifest.size:
            return at
        expected = layout.bundle(bundled)
        path = layout.bundle_path((at - 1) // TILE_WIDTH, len(bundled))
        try:
            found = self.small(path)
        except Missing:
            found = expected  # told already, where the sums are compared
        if found != expected:
            shorter = min(len(found), len(expected))
            place = next((i for i in range(shorter) if found[i] != expected[i]), shorter)
            # Exact where entries have their length, and near it where they do not.
            index = min(at - len(bundled) + place // (2 + ENTRY_BYTES), at - 1)
            find(Finding(What.ENTRY, f"{path} holds another one than {layout.ENTRIES}", index))
        bundled.clear()
        return at

    # files ------------------------------------------------------------------------------------------------------------

    def _lines(self, path: str, kind: type[_Line], find: Find) -> Iterator[tuple[int, _Line]]:
        try:
            with self._open(path) as file:
                for number, raw in enumerate(iter(lambda: file.readline(LINE_MAX + 1), b""), 1):
                    if len(raw) > LINE_MAX:
                        find(Finding(What.FILE, f"{path}: line {number} is longer than any; the rest is not read"))
                        return
                    try:
                        yield number, kind.parse(raw)
                    except LineBroken as error:
                        find(Finding(What.FILE, f"{path}: line {number} is {error}"))
        except Missing:
            return  # told already, where the sums are compared

    def _digest(self, path: str) -> str:
        digest = sha256()
        with self._open(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    @contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO]:
        """Open one plain file below the folder. Raises ``Missing``, ``ExportUnreadable``."""
        try:
            handle = os.open(self._folder / path, _PLAIN)
        except (FileNotFoundError, NotADirectoryError):
            raise Missing(f"{path} is missing") from None
        except OSError as error:
            if (self._folder / path).is_symlink():
                raise Missing(f"{path} is a link") from None
            raise ExportUnreadable(f"{self._folder / path} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Missing(f"{path} is no plain file")
        with open(handle, "rb") as file:  # noqa: PTH123 - a handle, not a path
            try:
                yield file
            except OSError as error:
                raise ExportUnreadable(f"{self._folder / path} cannot be read: {error.strerror}") from None


def files_below(folder: Path) -> set[str]:
    """Return the path of everything in a folder that is no folder. Raises ``ExportUnreadable``."""

    def give_up(error: OSError) -> None:
        raise ExportUnreadable(f"{error.filename} cannot be read: {error.strerror}") from None

    found = set()
    for below, folders, files in os.walk(folder, onerror=give_up):
        place = Path(below).relative_to(folder)
        links = [name for name in folders if (Path(below) / name).is_symlink()]
        found |= {(place / name).as_posix() for name in (*files, *links)}
    return found


def no_export(folder: Path) -> str:
    """Return what is said of a folder whose MANIFEST.json is missing or is none. Raises ``ExportUnreadable``."""
    if not folder.is_dir():
        return f"{folder} is no folder: name the one that you unpacked the zip file into"
    there = sorted(name for name in files_below(folder) if not _left_by_a_file_manager(name))
    below = [name.removesuffix(f"/{layout.MANIFEST}") for name in there if name.endswith(f"/{layout.MANIFEST}")]
    if layout.MANIFEST in there:
        return f"{folder}: its {layout.MANIFEST} is damaged: download it again and unpack it into a new folder"
    if below:
        return f"{folder} is no export, but {_printable(below[0])} in it holds one: name that folder"
    if not there:
        return f"{folder} is empty: name the folder that you unpacked the zip file into"
    return (
        f"{folder} is no export, for it holds no {layout.MANIFEST}: name the folder that you unpacked the zip file into"
    )


def _printable(path: str) -> str:
    """Return a foreign name so that it can neither move a cursor nor fill a screen."""
    return ascii(path[:100])[1:-1]


def _left_by_a_file_manager(path: str) -> bool:
    """Return whether looking at a folder leaves such a file behind; nobody reads it, so it proves nothing."""
    name = path.rpartition("/")[2]
    return name in {".DS_Store", "Thumbs.db", "desktop.ini"} or name.startswith("._")
