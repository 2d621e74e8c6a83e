"""Write the log, as far as it is signed, into a folder that the DSB takes to another machine.

Takes what is stored and judges nothing: a broken log is exported as it is, and ``flowlog.verifying.export`` finds what
is broken. The same tree size and the same cosignatures give the same bytes. Streams: memory does not grow with the log.
Left to others: what the folder looks like (``flowlog.exports.layout``), who may export.
Source: flowlog.md § 3.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, select
from sqlmodel import Session

from proaktiv.bars import tell_nobody
from proaktiv.core.errors import BadInput, ProaktivError
from proaktiv.core.merkle import HASH_BYTES, TILE_WIDTH, tile_path
from proaktiv.flowlog import rows
from proaktiv.flowlog.exports import layout
from proaktiv.flowlog.exports.lines import ExportedNote, entry_line
from proaktiv.flowlog.vouching import attested
from proaktiv.flowlog.vouching.attested import At
from proaktiv.tables import TileRow, core_table

_TILES = core_table(TileRow)
_TELL_EVERY = 2_000


class NotExported(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise NotExported
    """The folder could not be written; nothing was left behind."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written. ``digest`` is the SHA-256 of the manifest, and through it of everything."""

    manifest: layout.Manifest
    digest: str


def export_log(
    session: Session,
    target: Path,
    *,
    size: int | None = None,
    at: At = At.NEWEST,
    first: int = 0,
    expires_on: date | None = None,
    tell: Callable[[int], None] = tell_nobody,
) -> Exported:
    """Write an export to the new folder ``target``; readable by this user alone, there whole or not at all.

    ``size`` is that of a signed checkpoint; without it ``at`` says which of the newest is meant. Entries before
    ``first``, rounded down to a multiple of 256, are left out, their hashes are not. ``expires_on`` is a mark for
    whoever keeps the folder. Raises ``NotFound`` where nothing of that size is signed, ``BadInput`` for ``first``
    beyond it, ``NotExported``.
    """
    connection = session.connection()
    head = attested.checkpoint(connection, size=size, at=at)
    size, note = head.size, head.note
    if not 0 <= first < size:
        raise BadInput("--from", f"the export holds entries 0 to {size - 1}")
    first -= first % TILE_WIDTH
    with _new_folder(target) as folder:
        writing = _Writing(connection, folder, size, first)
        writing.put(layout.README, layout.README_TEXT.encode())
        writing.put(layout.HEAD, note.encode())
        if head.token is not None:
            writing.put(layout.STAMP, head.token)
        writing.checkpoints(note)
        writing.entries(tell)
        writing.tiles()
        manifest = layout.Manifest(note.partition("\n")[0], size, first, writing.sums(), expires_on)
        digest = writing.put(layout.MANIFEST, manifest.to_bytes())
    return Exported(manifest, digest)


class _Writing:
    """One export on its way into its folder. Keeps a SHA-256 for each file, and nothing else that grows."""

    def __init__(self, connection: Connection, folder: Path, size: int, first: int) -> None:
        self._connection = connection
        self._folder = folder
        self._size = size
        self._first = first
        self._digests: dict[str, bytes] = {}

    def put(self, path: str, content: bytes) -> str:
        """Write one small file; return its SHA-256."""
        with self._file(path) as out:
            out(content)
        return self._digests[path].hex()

    def checkpoints(self, newest: str) -> None:
        """Write every checkpoint of the export; the last as it stands in its file, byte for byte."""
        with self._file(layout.CHECKPOINTS) as out:
            for row in rows.notes(self._connection, self._size):
                out(ExportedNote(row.size, newest if row.size == self._size else row.note).to_bytes())

    def entries(self, tell: Callable[[int], None]) -> None:
        """Write the entries, and a bundle whenever one is full."""
        bundled: list[bytes] = []
        at = self._first
        with self._file(layout.ENTRIES) as out:
            for row in rows.entries(self._connection, self._size, self._first):
                while at < row.idx:
                    at = self._bundle(at, b"", bundled)
                out(entry_line(row))
                at = self._bundle(at, b"" if row.fid is None else bytes(row.entry), bundled)
                if at % _TELL_EVERY == 0:
                    tell(at)
            while at < self._size:
                at = self._bundle(at, b"", bundled)

    def _bundle(self, at: int, entry: bytes, bundled: list[bytes]) -> int:
        bundled.append(entry)
        at += 1
        if at % TILE_WIDTH == 0 or at == self._size:
            self.put(layout.bundle_path((at - 1) // TILE_WIDTH, len(bundled)), layout.bundle(bundled))
            bundled.clear()
        return at

    def tiles(self) -> None:
        """Write the hashes over all entries, also those that are left out; a tile that is missing stays missing."""
        stored = rows.stream(
            self._connection, select(_TILES.c.level, _TILES.c.n, _TILES.c.data).order_by(_TILES.c.level, _TILES.c.n)
        )
        row = next(stored, None)
        for level, n, width in layout.tiles(self._size):
            while row is not None and (row.level, row.n) < (level, n):
                row = next(stored, None)
            if row is not None and (row.level, row.n) == (level, n):
                self.put(tile_path(level, n, width), bytes(row.data)[: width * HASH_BYTES])

    def sums(self) -> str:
        """Write the list of what was written; return its SHA-256."""
        with self._file(layout.SUMS) as out:
            for path in layout.summed_paths(self._size, self._first, stamped=layout.STAMP in self._digests):
                if path in self._digests:
                    out(layout.sums_line(path, self._digests[path].hex()))
        return self._digests[layout.SUMS].hex()

    @contextmanager
    def _file(self, path: str) -> Iterator[Callable[[bytes], object]]:
        """Yield what writes into one new file; on disk when the block ends."""
        place = self._folder / path
        _make_private(place.parent)
        digest = sha256()
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        out: BinaryIO
        with open(handle, "wb") as out:  # noqa: PTH123 - a handle, not a path

            def write(content: bytes) -> None:
                digest.update(content)
                out.write(content)

            yield write
            out.flush()
            os.fsync(out.fileno())
        self._digests[path] = digest.digest()


def _make_private(folder: Path) -> None:
    if not folder.is_dir():
        _make_private(folder.parent)  # mkdir(parents=True) would give the ones between the usual mode
        folder.mkdir(mode=0o700)


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder beside ``target`` that takes its name at the end, or goes. Raises ``NotExported``."""
    _refuse_existing(target)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise NotExported(f"{target.parent} cannot be written: {error.strerror}") from None
    try:
        yield folder
        _refuse_existing(target)
        folder.rename(target)
    except OSError as error:
        raise NotExported(f"{target} cannot be written: {error.strerror}; nothing was left behind") from None
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _refuse_existing(target: Path) -> None:
    if os.path.lexists(target):
        raise NotExported(f"{target} is there already: name a new folder, an export is never overwritten")
