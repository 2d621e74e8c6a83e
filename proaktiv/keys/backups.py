"""A key backup as a file: rows of ``vault_keys`` as they are, wrapped, for at most 30 days.

JSON lines: a head, a row each, and a foot with one MAC per compartment over all before it, under a key derived from
that compartment's KEK. So nobody without the KEKs can make or change one, and whoever has the file alone has nothing
that opens. Left to others: what may come back (``keys.restoring``).
"""

import base64
import hmac
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.canonical import dumps
from proaktiv.core.errors import BadInput
from proaktiv.flowlog.entries import instant
from proaktiv.tables import VaultKeyRow, core_table
from proaktiv.vault import Compartment, Vault

DAYS_MAX = 30
_KEYS = core_table(VaultKeyRow)
_FORMAT = "proaktiv/key-backup/v1"
_LINE_MAX = 4096
_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Head:
    """Whose keys, since when and how long the file is good; the KEK of each compartment that vouches for it."""

    controller: str
    made_at: datetime
    expires_at: datetime
    keks: Mapping[str, str]


def write_backup(
    session: Session,
    vault: Vault,
    path: Path,
    controller: str,
    now: datetime,
    days: int,
    tell: Callable[[int], None],
) -> int:
    """Write all keys into a new file, readable by this user alone. Returns how many rows. Raises ``BadInput``."""
    if not 1 <= days <= DAYS_MAX:
        raise BadInput("--days", f"1 to {DAYS_MAX}: what is kept longer keeps the destroyed alive")
    if path.exists():
        raise BadInput(str(path), "is there already; give each backup a file of its own")
    keks = {each.value: vault.wrapper(each).present.name for each in Compartment}
    head = {
        "format": _FORMAT,
        "controller": controller,
        "made_at": instant(now),
        "expires_at": instant(now + timedelta(days=days)),
        "keks": keks,
    }
    part = path.with_name(f".{path.name}.{os.getpid()}")
    rows = 0
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            digest = sha256()

            def put(line: dict[str, Any]) -> None:
                raw = dumps(line) + b"\n"
                digest.update(raw)
                file.write(raw)

            put(head)
            for row in session.connection().execution_options(yield_per=_EVERY).execute(select(_KEYS)):
                put(_line(row))
                rows += 1
                if rows % _EVERY == 0:
                    tell(rows)
            macs = {each.value: vault.wrapper(each).mac(keks[each], digest.digest()).hex() for each in Compartment}
            file.write(dumps({"rows": rows, "macs": macs}) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)  # unlike a rename it never replaces what came there meanwhile
        _sync(path.parent)
    except OSError as error:
        raise BadInput(str(path), f"cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return rows


def read_backup(vault: Vault, path: Path) -> tuple[Head, Iterator[dict[str, Any]]]:
    """Return head and rows of a backup, after checking every byte of it once, and again as the rows are read.

    Raises ``BadInput`` where it is none, cut, changed or another house's; ``NotHeld`` where the KEK that vouches for it
    is not held. Whether its time is over is the caller's question.
    """
    head: Head | None = None
    for each in _checked(vault, path):
        if isinstance(each, Head):
            head = each
    if head is None:
        raise BadInput(str(path), "is no key backup")
    return head, (each for each in _checked(vault, path) if not isinstance(each, Head))


def _checked(vault: Vault, path: Path) -> Iterator[Head | dict[str, Any]]:
    """Yield head and rows; whoever comes to the end knows that all of it was as it was written."""
    digest, rows, head, foot = sha256(), 0, None, None
    try:
        with path.open("rb") as file:
            while line := file.readline(_LINE_MAX):
                if foot is not None:
                    raise BadInput(str(path), "goes on behind its end")
                data = json.loads(line)
                if "macs" in data:
                    foot = data
                    continue
                digest.update(line)
                if head is None:
                    head = _head(data, path)
                    yield head
                else:
                    rows += 1
                    yield _row(data)
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise BadInput(str(path), "is no key backup, or was changed") from None
    if head is None or foot is None or foot.get("rows") != rows:
        raise BadInput(str(path), "is cut: its end is missing")
    for each in Compartment:
        found = foot["macs"].get(each.value) if isinstance(foot["macs"], dict) else None
        wanted = vault.wrapper(each).mac(str(head.keks.get(each.value)), digest.digest()).hex()
        if not isinstance(found, str) or not hmac.compare_digest(found.encode(), wanted.encode()):
            raise BadInput(str(path), "was changed, or is of another installation: no row of it is taken")


def _head(data: Any, path: Path) -> Head:
    if data["format"] != _FORMAT:
        raise BadInput(str(path), "is no key backup")
    made_at, expires_at = datetime.fromisoformat(data["made_at"]), datetime.fromisoformat(data["expires_at"])
    return Head(str(data["controller"]), made_at, expires_at, dict(data["keks"]))


def _line(row: Any) -> dict[str, Any]:
    line = {
        "person": str(row.person),
        "compartment": row.compartment,
        "state": row.state,
        "kek": row.kek,
        "made_at": instant(row.made_at),
    }
    if row.wrapped is not None:
        line["wrapped"] = base64.b64encode(row.wrapped).decode()
    if row.destroyed_at is not None:
        line["destroyed_at"] = instant(row.destroyed_at)
    return line


def _row(data: Any) -> dict[str, Any]:
    wrapped, destroyed_at = data.get("wrapped"), data.get("destroyed_at")
    return {
        "person": UUID(data["person"]),
        "compartment": Compartment(data["compartment"]).value,
        "state": data["state"],
        "kek": data["kek"],
        "wrapped": None if wrapped is None else base64.b64decode(wrapped, validate=True),
        "made_at": datetime.fromisoformat(data["made_at"]),
        "destroyed_at": None if destroyed_at is None else datetime.fromisoformat(destroyed_at),
    }


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
