"""Files that are whole, durable and never replaced, in a folder that somebody else empties.

A file that is there is complete. The folder itself is made by the operator, so that a wrong path is seen and not
filled. Left to others: what the files are (``folder``, ``letter``).
"""

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifiers.model import AlreadyDone, DeadlineLike, Permanent, Temporary, Unavailable

_WIRE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})


@contextmanager
def placing(wire_id: str, deadline: DeadlineLike) -> Iterator[None]:
    """Guard the placing of one wire id's files.

    Raises ``Permanent`` when the wire id is no file name, ``Unavailable`` when the folder is away, ``Temporary`` when
    it is full or the time is over.
    """
    if not _WIRE_ID.fullmatch(wire_id):
        raise Permanent("the wire id is no file name")
    if deadline.remaining() <= 0:
        raise Temporary(f"{wire_id}: the deadline is over")
    try:
        yield
    except OSError as error:
        # The text of an OSError holds the path, which is the operator's; only its name is told on.
        name = errno.errorcode.get(error.errno or 0, "EUNKNOWN")
        if error.errno in _FULL:
            raise Temporary(f"{wire_id}: {name}") from None
        raise Unavailable(f"the folder cannot be used: {name}") from None


def place(folder: Path, name: str, body: bytes) -> None:
    """Write one file, durable once this returns.

    Raises ``AlreadyDone`` when the same bytes are there, ``Permanent`` when other bytes are, ``OSError``.
    """
    final = folder / name
    if final.exists():
        _compare(final, body)
    handle, path = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
    part = Path(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A hard link never replaces a file that is there, which a rename would.
            final.hardlink_to(part)
        except (FileExistsError, FileNotFoundError):
            # There already; or our part was swept as forgotten by the writer who came first.
            _compare(final, body)
    finally:
        part.unlink(missing_ok=True)
    _sync(folder)
    for forgotten in folder.glob(f".{name}.*.part"):  # of a process that died while writing
        forgotten.unlink(missing_ok=True)


def _compare(final: Path, body: bytes) -> None:
    """Raise what a file that is there already means."""
    if final.read_bytes() == body:
        _sync(final.parent)  # whoever wrote it may have died before this
        raise AlreadyDone(f"{final.stem}: it is there")
    raise Permanent(f"{final.stem}: another letter has this wire id")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
