"""Read a failure report (DSN) of a mail: which of our messages, and what it means for the address. Nothing else of it.

Whoever answers by hand or by machine ("JA", out of office) wrote no report: such mail means nothing here. That a report
is ours is for the caller to see, by the id in the address it was sent to (``mail_ids``).
Source: RFC 3464, 3462, 3463; channels-and-pages.md §§ 3.3, 3.4.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from notifiers.enhanced import About, about

MAX_BYTES = 256 * 1024
"""Of a longer mail only the beginning is read: what is reported stands before the mail that is returned."""

_OURS = re.compile(rb"b\+[0-9A-Za-z-]{1,41}\.[0-9a-f]{8}@[0-9A-Za-z.-]{1,253}")
_SENT_TO = frozenset({b"delivered-to", b"x-original-to", b"envelope-to", b"to"})
_BOUNDARY = re.compile(rb"""boundary=(?:"([^"\r\n]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)
_STATUS = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_DIAGNOSTIC = re.compile(rb"smtp\s*;\s*5\d\d[ -]+(5)\.(\d{1,3})\.(\d{1,3})(?!\d)", re.IGNORECASE)
_FIELD = re.compile(rb"([!-9;-~]{1,64}):[ \t]*(.*)", re.DOTALL)


class Fate(StrEnum):
    """What became of a mail that its relay had taken."""

    HARD = "hard"
    """The address is none: nothing may be sent to it again."""

    SOFT = "soft"
    """This mail did not arrive; the address may be good."""

    POLICY = "policy"
    """Its domain takes no mail of ours, whoever it is for; also where it does so because of our sender's address."""


@dataclass(frozen=True, slots=True)
class Report:
    """Addresses that the report was sent to, and what it says."""

    sent_to: tuple[str, ...]
    fate: Fate


def read_report(raw: bytes) -> Report | None:
    """Return what a failure report says; None for any other mail, and for a report that nothing failed."""
    lines = raw[:MAX_BYTES].replace(b"\r\n", b"\n").split(b"\n")
    head, body = _fields(lines)
    said = b" ".join(value for name, value in head if name == b"content-type")
    boundary = _BOUNDARY.search(said)
    kind = said.lower()
    if boundary is None or not kind.startswith(b"multipart/report") or b"delivery-status" not in kind:
        return None
    sent_to = [each.decode("ascii") for name, value in head if name in _SENT_TO for each in _OURS.findall(value)]
    fate = _worst(_status_part(lines[body:], b"--" + (boundary[1] or boundary[2])))
    return Report(tuple(dict.fromkeys(sent_to)), fate) if fate else None


def _fields(lines: list[bytes]) -> tuple[list[tuple[bytes, bytes]], int]:
    """Return the header fields up to the first empty line, unfolded, and where the rest begins."""
    unfolded: list[bytes] = []
    for place, line in enumerate(lines):
        if not line.strip():
            return _named(unfolded), place + 1
        if line[:1] in b" \t" and unfolded:
            unfolded[-1] += b" " + line.strip()
        else:
            unfolded.append(line)
    return _named(unfolded), len(lines)


def _named(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    found = (_FIELD.fullmatch(line) for line in lines)
    return [(match[1].lower(), match[2].strip()) for match in found if match]


def _status_part(lines: list[bytes], mark: bytes) -> list[bytes]:
    """Return the lines of the part ``message/delivery-status``, without its own head."""
    parts: list[list[bytes]] = []
    for line in lines:
        if line.rstrip() in (mark, mark + b"--"):
            parts.append([])
        elif parts:
            parts[-1].append(line)
    for part in parts:
        head, body = _fields(part)
        if any(name == b"content-type" and b"message/delivery-status" in value.lower() for name, value in head):
            return part[body:]
    return []


def _worst(lines: list[bytes]) -> Fate | None:
    """Return the fate of the one recipient that a mail of ours has; of several, as an alias makes them, the mildest."""
    fates = list(_fates(lines))
    if not fates or None in fates:
        return None  # somebody behind the alias has it, or will
    return next(fate for fate in (Fate.SOFT, Fate.POLICY, Fate.HARD) if fate in fates)


def _fates(lines: list[bytes]) -> Iterator[Fate | None]:
    while lines:
        group, end = _fields(lines)
        lines = lines[end:]
        said = dict(group)
        action = said.get(b"action", b"").lower()
        if action.startswith(b"failed"):
            yield _fate(said.get(b"status", b""), said.get(b"diagnostic-code", b""))
        elif action:
            yield None


def _fate(status: bytes, diagnostic: bytes) -> Fate:
    match = _STATUS.match(status)
    if match is None or (match[1], match[2], match[3]) == (b"5", b"0", b"0"):
        match = _DIAGNOSTIC.match(diagnostic)  # many relays say 5.0.0 and the reason beside it
    if match is None or match[1] != b"5":
        return Fate.SOFT
    return _FATES.get(about(int(match[2]), int(match[3])), Fate.SOFT)


_FATES = {About.ADDRESS: Fate.HARD, About.SENDER: Fate.POLICY, About.POLICY: Fate.POLICY}
