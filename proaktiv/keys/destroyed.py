"""The list of destroyed persons, kept outside the database: whoever restores a backup of it cannot bring them back.

One line per person: number, instant, keyed hash of the person key, MAC over this line and the one before. It only
grows. A line is on the disk (fsync) before the transaction that destroys commits: a crash in between leaves somebody
listed who is not destroyed yet, which `proaktiv keys reconcile` ends; the other order would leave somebody destroyed
whom a backup brings back unseen.
"""

import fcntl
import hmac
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.flowlog.entries import instant
from proaktiv.tables import PersonRow, VaultKeyRow, core_table
from proaktiv.vault import Vault

_KEYS = core_table(VaultKeyRow)
_PERSONS = core_table(PersonRow)
_FORMAT = "proaktiv/destroyed/v1"
_MAC_HEX = 32


class ListNotSafe(NotSafe):
    """The list of destroyed persons is missing, cut or changed: nothing may be destroyed or brought back without it."""


class DestroyedList:
    """The list as one process reads it, and adds to it."""

    def __init__(self, vault: Vault, file: BinaryIO | None, path: Path, lines: Sequence[bytes], last: str) -> None:
        self._vault = vault
        self._file = file
        self._path = path
        self._hashes = dict.fromkeys(lines)
        self._last = last

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, person: UUID) -> bool:
        return hash_of(self._vault, person) in self._hashes

    def fresh(self, persons: Sequence[UUID]) -> list[UUID]:
        """Return who of them is not listed yet."""
        return [person for person in persons if person not in self]

    def append(self, persons: Sequence[UUID], now: datetime) -> None:
        """Add persons who are not listed yet; they are on the disk when this returns. Raises ``ListNotSafe``."""
        if self._file is None:
            raise ListNotSafe(f"{self._path} was opened to be read")
        at, written = instant(now), b""
        for person in self.fresh(persons):
            entry = hash_of(self._vault, person)
            said = f"{len(self) + 1} {at} {entry.hex()}"
            self._last = _mac(self._vault, self._last, said)
            self._hashes[entry] = None
            written += f"{said} {self._last}\n".encode()
        try:
            self._file.write(written)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ListNotSafe(f"{self._path} cannot be written: {error.strerror}") from None

    def check(self, session: Session, listed_in_log: int = 0) -> None:
        """Raise ``ListNotSafe`` where database or log know of more destroyed persons than the list does."""
        unknown = sum(person not in self for person in destroyed_persons(session))
        if unknown:
            raise ListNotSafe(
                f"{self._path} lacks {unknown} persons whom the database has destroyed: it is not the newest list; put"
                " that back"
            )
        if listed_in_log > len(self):
            raise ListNotSafe(
                f"{self._path} has {len(self)} persons, the flow log tells of {listed_in_log}: it is not the newest"
                " list; put that back"
            )


def hash_of(vault: Vault, person: UUID) -> bytes:
    """Return what stands in the list for a person: it tells nobody who that is."""
    return vault.mac("destroyed", person.bytes)


def destroyed_persons(session: Session) -> list[UUID]:
    """Return whose keys the database says are destroyed."""
    found = session.connection().execute(select(_KEYS.c.person).where(_KEYS.c.state == "destroyed").distinct())
    return list(found.scalars())


def revived(session: Session, listed: DestroyedList) -> list[UUID]:
    """Return who is listed and yet has keys or a row here: a restored database brought them back."""
    alive = select(_KEYS.c.person).where(_KEYS.c.state == "active").union(select(_PERSONS.c.person))
    found = session.connection().execute(alive).scalars()
    return sorted((person for person in found if person in listed), key=str)


def read_list(vault: Vault, controller: str, path: Path) -> DestroyedList:
    """Return the list as it is now. Raises ``ListNotSafe`` where it is missing, another house's, cut or changed."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ListNotSafe(f"{path}, the list of destroyed persons, cannot be read: {error.strerror}") from None
    lines, last, _ = _parse(vault, controller, path, raw)
    return DestroyedList(vault, None, path, lines, last)


@contextmanager
def adding(vault: Vault, controller: str, path: Path) -> Iterator[DestroyedList]:
    """Open the list to add to it, alone; make it where there is none. Raises ``ListNotSafe``."""
    try:
        fresh = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ListNotSafe(f"{path}, the list of destroyed persons, cannot be opened: {error.strerror}") from None
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        raw = file.read()
        if not raw:
            raw = f"{_head(vault, controller)}\n".encode()
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        lines, last, whole = _parse(vault, controller, path, raw)
        file.truncate(whole)  # a line that a dying process did not end: its transaction never committed
        file.seek(whole)
        yield DestroyedList(vault, file, path, lines, last)


def _head(vault: Vault, controller: str) -> str:
    said = f"{_FORMAT} {controller}"
    return f"{said} {_mac(vault, '', said)}"


def _mac(vault: Vault, before: str, said: str) -> str:
    return vault.mac("destroyed-list", f"{before} {said}".encode()).hex()[:_MAC_HEX]


def _parse(vault: Vault, controller: str, path: Path, raw: bytes) -> tuple[list[bytes], str, int]:
    """Return the hashes, the last MAC, and how many bytes are whole lines."""
    whole = raw.rfind(b"\n") + 1
    try:
        head, *lines = raw[:whole].decode("ascii").splitlines()
    except ValueError:
        raise ListNotSafe(f"{path} is no list of destroyed persons") from None
    if head != _head(vault, controller):
        raise ListNotSafe(f"{path} is not this installation's list of destroyed persons, or its first line was changed")
    last = head.rsplit(" ", 1)[1]
    hashes = []
    for number, line in enumerate(lines, 1):
        said, _, mac = line.rpartition(" ")
        last = _mac(vault, last, said)
        parts = said.split(" ")
        if not hmac.compare_digest(mac, last) or len(parts) != 3 or parts[0] != str(number):
            raise ListNotSafe(f"{path}: line {number + 1} was changed, or one before it is missing; put the list back")
        hashes.append(bytes.fromhex(parts[2]))
    return hashes, last, whole
