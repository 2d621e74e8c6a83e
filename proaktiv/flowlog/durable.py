"""Write a small file so that after a crash it is the old one or the new one, and after return the new one.

For memories outside the database, on which it rests that nothing is signed twice.
"""

import os
from pathlib import Path


def write_durably(place: Path, content: bytes) -> None:
    """Put ``content`` in the place of a file, for this user alone; it is on the disk when this returns."""
    fresh = place.with_name(f"{place.name}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "wb") as out:  # noqa: PTH123 - a handle, not a path
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(place)
    sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
