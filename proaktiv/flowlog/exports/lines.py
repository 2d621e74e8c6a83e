"""The lines of an export: entries and checkpoints as JSON, each with exactly one spelling.

An exported entry has the names of a stored row, so that one check reads both. What is sealed never gets into a line.
Source: flowlog.md § 3.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from proaktiv.core.canonical import dumps
from proaktiv.flowlog.entries import SALT_BYTES, instant

LINE_MAX = 256 * 1024
"""Facts have at most 16 KiB; in JSON a byte takes at most six."""
_ELSEWHERE = b""
"""Stands for sealed bytes that stay in the house: there, and no open salt."""
_COLUMNS = ("sender", "receiver", "purpose", "basis", "scope", "outcome")


class LineBroken(ValueError):  # noqa: N818 - as in a sentence: raise LineBroken
    """This is not what an export writes; the message names no content."""


@dataclass(frozen=True, slots=True)
class ExportedNote:
    """A checkpoint as exported."""

    size: int
    note: str

    def to_bytes(self) -> bytes:
        """Return its line."""
        return dumps({"size": self.size, "note": self.note}) + b"\n"

    @classmethod
    def parse(cls, raw: bytes) -> "ExportedNote":
        """Read a line. Raises ``LineBroken``."""
        try:
            data = json.loads(raw)
            found = cls(number(data["size"]), text(data["note"]))
            whole = found.to_bytes() == raw
        except (ValueError, TypeError, KeyError, RecursionError):
            raise LineBroken("not a checkpoint") from None
        if not whole:
            raise LineBroken("not a checkpoint")
        return found


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """An entry as exported, under the names of a stored row, so that one check reads both. None: missing."""

    idx: int
    leaf_fid: UUID
    fid: UUID | None = None
    kind: int = 0
    recorded_at: datetime | None = None
    sender: str = ""
    receiver: str = ""
    purpose: str = ""
    basis: str = ""
    scope: str = ""
    outcome: str = ""
    f_salt: bytes = b""
    f_bytes: bytes = b""
    entry: bytes = b""
    secret_fid: UUID | None = None
    subj: bytes | None = None
    s_blob: bytes | None = None
    a_blob: bytes | None = None
    staff_key: bytes | None = None

    @classmethod
    def parse(cls, raw: bytes) -> "ExportedEntry":
        """Read a line. Raises ``LineBroken`` unless every byte is as ``entry_line`` writes it."""
        try:
            found = cls._from_json(json.loads(raw))
            whole = entry_line(found) == raw
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            raise LineBroken("not an entry") from None
        if not whole:
            raise LineBroken("not an entry")
        return found

    @classmethod
    def _from_json(cls, data: Any) -> "ExportedEntry":
        idx, fid = number(data["i"]), UUID(data["fid"])
        if "e" not in data:
            return cls(idx, fid)
        columns, facts = data["x"], data["F"]
        parts: dict[str, Any] = {}
        if "S" in data:
            subject, staff = data["S"], data["A"]
            sealed = {"sealed": _ELSEWHERE, "missing": None}
            parts = {
                "secret_fid": fid,
                "subj": _ELSEWHERE if subject["filed"] else None,
                "s_blob": base64_bytes(subject["salt"]) if "salt" in subject else sealed[subject["is"]],
                "a_blob": sealed[staff["is"]],
                "staff_key": sealed[staff["is"]],
            }
        return cls(
            idx,
            fid,
            fid,
            number(columns["kind"]),
            datetime.fromisoformat(columns["t"]),
            text(columns["sender"]),
            text(columns["receiver"]),
            text(columns["purpose"]),
            text(columns["basis"]),
            text(columns["scope"]),
            text(columns["outcome"]),
            base64_bytes(facts["s"]),
            base64_bytes(facts["raw"]) if "raw" in facts else text(facts["b"]).encode(),
            base64_bytes(data["e"]),
            **parts,
        )


def entry_line(row: Any) -> bytes:
    """Return the line of one stored or exported entry. Nothing sealed goes into it."""
    line: dict[str, Any] = {"i": row.idx, "fid": str(row.leaf_fid)}
    if row.fid is not None:
        body = bytes(row.f_bytes)
        line |= {
            "e": _b64(bytes(row.entry)),
            "F": {"s": _b64(bytes(row.f_salt))} | _readable(body),
            "x": {
                "kind": row.kind,
                "t": instant(row.recorded_at),
                **{name: getattr(row, name) for name in _COLUMNS},
            },
        }
        if row.secret_fid is not None:
            line |= {"S": _subject(row), "A": _staff(row)}
    return dumps(line) + b"\n"


def _subject(row: Any) -> dict[str, Any]:
    filed = row.subj is not None
    if row.s_blob is None:
        return {"filed": filed, "is": "missing"}
    if len(row.s_blob) == SALT_BYTES:  # nobody's part: its salt lies open and proves that there never was one
        return {"filed": filed, "salt": _b64(bytes(row.s_blob))}
    return {"filed": filed, "is": "sealed"}


def _staff(row: Any) -> dict[str, str]:
    return {"is": "missing" if row.a_blob is None or row.staff_key is None else "sealed"}


def _readable(body: bytes) -> dict[str, str]:
    try:
        return {"b": body.decode()}
    except UnicodeDecodeError:  # somebody has been at it: the verifier shall see the very bytes
        return {"raw": _b64(body)}


def text(value: Any) -> str:
    """Return ``value`` if it is text. Raises ``TypeError``."""
    if type(value) is not str:
        raise TypeError("not text")
    return value


def number(value: Any) -> int:
    """Return ``value`` if it is an integer that every JSON reader reads alike; true is none. Raises ``TypeError``."""
    if type(value) is not int or abs(value) >= 2**53:
        raise TypeError("not a number")
    return value


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def base64_bytes(value: Any) -> bytes:
    """Return the bytes of base64 in its one spelling. Raises ``TypeError``, ``ValueError``."""
    raw = base64.b64decode(text(value), validate=True)
    if _b64(raw) != value:
        raise LineBroken("base64 in another spelling")
    return raw
