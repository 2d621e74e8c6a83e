"""From a ``Flow`` to the bytes that are committed: three bodies, three commitments, one entry of 115 bytes.

Formats are for ever: what was written once is verified by them. Optional fields that are empty are left out. Left to
others: salts and keys (``flowlog.record``), checking stored bytes (``flowlog.verifying.checks``).
Source: flowlog.md § 3.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from proaktiv.core.canonical import checked
from proaktiv.core.flows import Flow

VERSION = 1
SALT_BYTES = 32
ENTRY_BYTES = 115
_COMMIT = b"proaktiv/commit/v1\n"
_HEADER = b"proaktiv/flow/v1\n"
_GROUPS = 3

FACTS, SUBJECT, STAFF = b"F", b"S", b"A"


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry's bytes say: the kind and the commitments to facts, subject part and staff part."""

    kind: int
    facts: bytes
    subject: bytes
    staff: bytes


def instant(now: datetime) -> str:
    """Return an instant as the log writes it: RFC 3339, UTC, microseconds, Z."""
    return now.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def facts_body(flow: Flow, fid: UUID, at: str) -> bytes:
    """Return body F. ``at`` comes from ``instant``. Raises ``CanonicalError`` outside the profile."""
    body: dict[str, Any] = {
        "v": VERSION,
        "flow": str(fid),
        "kind": flow.kind.label,
        "t": at,
        "from": flow.sender,
        "to": flow.receiver,
        "purpose": flow.purpose,
        "action": flow.action,
        "basis": flow.basis,
        "n": flow.n,
    }
    if flow.categories:
        body["categories"] = list(flow.categories)
    if flow.restrict:
        body["restrict"] = True
    if flow.of is not None:
        body["of"] = str(flow.of)
    if flow.listed is not None:
        body["listed"] = flow.listed
    if flow.minimum is not None:
        body["minimum"] = flow.minimum
    if flow.removed is not None:
        body["removed"] = flow.removed
    if flow.removed_erased is not None:
        body["removed_erased"] = flow.removed_erased
    _add(body, to_name=flow.receiver_name, to_system=flow.receiver_system)
    _add(body, scope=flow.scope, rule=flow.rule, outcome=flow.outcome)
    return checked(body)


def subject_body(flow: Flow, seq: int | None) -> bytes:
    """Return body S, empty without a person. ``seq`` is None for an entry that is withheld from the person."""
    if flow.person is None:
        return b""
    body: dict[str, Any] = {"subject": str(flow.person)}
    if seq is not None:
        body["seq"] = seq
    _add(body, consent=flow.consent, replaces=flow.replaces, outbox=flow.outbox)
    return checked(body)


def staff_body(flow: Flow) -> bytes:
    """Return body A."""
    body: dict[str, Any] = {"actor": flow.actor}
    _add(body, case=flow.case, reason=flow.reason)
    if flow.erased:
        body["erased"] = list(flow.erased)
    if flow.erased_unplaced:
        body["erased_unplaced"] = [str(fid) for fid in flow.erased_unplaced]
    return checked(body)


def _add(body: dict[str, Any], **optional: str) -> None:
    body.update({name: value for name, value in optional.items() if value})


def commitment(group: bytes, salt: bytes, body: bytes) -> bytes:
    """Return the commitment to one body: SHA-256 over format, group, 32 bytes of salt and body."""
    return sha256(b"".join((_COMMIT, group, salt, body))).digest()


def pack(kind: int, facts: bytes, subject: bytes, staff: bytes) -> bytes:
    """Return the entry over three commitments."""
    return b"".join((_HEADER, bytes((kind, _GROUPS)), facts, subject, staff))


def unpack(entry: bytes) -> Entry:
    """Return what an entry says. Raises ``ValueError`` if these bytes are no entry."""
    at = len(_HEADER)
    if len(entry) != ENTRY_BYTES or entry[:at] != _HEADER or entry[at + 1] != _GROUPS:
        raise ValueError("no entry of this format")
    return Entry(entry[at], entry[19:51], entry[51:83], entry[83:115])
