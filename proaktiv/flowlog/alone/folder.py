"""Read a folder that somebody handed over: plain files under names that we know, no link, and no path out of a file."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from proaktiv.flowlog.alone.spelling import Unreadable

SMALL_MAX = 64 * 1024
LINE_MAX = 256 * 1024
PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
LEFT_BEHIND = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""What looking at a folder leaves there; nobody reads it."""


def is_folder(place: str) -> bool:
    """Return whether a folder is there that we may look at."""
    try:
        return stat.S_ISDIR(Path(place).stat().st_mode)
    except (OSError, ValueError):
        return False


def small_file(place: str, most: int = SMALL_MAX) -> bytes:
    """Return the bytes of a small file. Raises ``Unreadable``."""
    if is_folder(place):
        raise Unreadable(f"{place} is a folder, and a file is needed")
    try:
        with Path(place).open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise unreadable(place, error) from None


def unreadable(place: Path | str, error: OSError) -> Unreadable:
    """Return what is said of a file that does not open."""
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return Unreadable(f"{place} is not there")
    return Unreadable(f"{place} cannot be read: {errno.errorcode.get(error.errno or 0, 'unknown')}")


class Folder:
    """A folder and what lies in it. Raises ``Unreadable`` wherever reading fails; what is not there is None."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> set[str]:
        """Return the path of everything in it that is no folder."""

        def give_up(error: OSError) -> None:
            raise unreadable(error.filename, error)

        found = set()
        for below, folders, files in os.walk(self._path, onerror=give_up):
            links = [name for name in folders if (Path(below) / name).is_symlink()]
            found |= {(Path(below) / name).relative_to(self._path).as_posix() for name in (*files, *links)}
        return found

    def read(self, path: str, most: int = SMALL_MAX) -> bytes | None:
        """Return at most so many bytes of a file."""
        with self._open(path) as file:
            return None if file is None else file.read(most)

    def digest(self, path: str) -> str | None:
        """Return a file's SHA-256 in hex."""
        digest = sha256()
        with self._open(path) as file:
            while file is not None and (chunk := file.read(1024 * 1024)):
                digest.update(chunk)
            return None if file is None else digest.hexdigest()

    def lines(self, path: str) -> Iterator[tuple[int, bytes]]:
        """Yield a file's lines with their numbers. One that is too long comes cut, and is the last."""
        with self._open(path) as file:
            at = 0
            while file is not None and (line := file.readline(LINE_MAX + 1)):
                at += 1
                yield at, line
                if len(line) > LINE_MAX:
                    return

    @contextmanager
    def _open(self, path: str) -> Iterator[BinaryIO | None]:
        place = self._path / path
        try:
            handle = os.open(place, PLAIN)
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError) or place.is_symlink():
                yield None
                return
            raise unreadable(place, error) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            yield None
            return
        with open(handle, "rb") as file:  # noqa: PTH123 - a handle, not a path
            try:
                yield file
            except OSError as error:
                raise unreadable(place, error) from None


def left_behind(path: str) -> bool:
    """Return whether this is what a file manager leaves."""
    name = path.rpartition("/")[2]
    return name in LEFT_BEHIND or name.startswith("._")
