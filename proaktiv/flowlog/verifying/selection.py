"""Verify a selection of the log: no database, no settings, no network, and no key but the caller's.

Nothing in it is believed and nothing in it chooses what is opened. What it can show: that each entry is in the signed
log, says what it said then, is about one person, and that this person's numbers run without a gap. What it cannot: that
there are no entries before the first number; those may be over and deleted.
Source: flowlog.md §§ 2, 3, 8.
"""

import json
import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from proaktiv.core.canonical import CanonicalError, checked
from proaktiv.core.flows import RELEASED
from proaktiv.core.merkle import leaf_hash, verify_inclusion
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.entries import SUBJECT, commitment, unpack
from proaktiv.flowlog.exports import selection
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.lines import LINE_MAX, LineBroken
from proaktiv.flowlog.exports.reading import no_export
from proaktiv.flowlog.exports.selection import Selected, SelectionManifest
from proaktiv.flowlog.verifying.checks import RowCheck
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, Report, What

_PLAIN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FILE_MAX = 256 * 1024 * 1024
Find = Callable[[Finding], None]


def is_selection(folder: Path) -> bool:
    """Return whether a folder says that it is a selection, not a whole export."""
    try:
        return bool(json.loads(_plain(folder, selection.MANIFEST))["format"] == selection.FORMAT)
    except (ValueError, TypeError, KeyError, RecursionError, ExportUnreadable):
        return False


def verify_selection(folder: Path, trusted: str | Policy, *, now: datetime | None = None) -> Report:
    """Check an unpacked selection and return what was found.

    ``trusted`` is the log's key or the DSB's policy, whose quorum is asked as of ``now``. Raises ``ExportUnreadable``
    where there is nothing to judge, ``NoteError`` for a malformed key.
    """
    return judge_selection(folder, trusted, now=now)[0]


def judge_selection(
    folder: Path, trusted: str | Policy, *, now: datetime | None = None
) -> tuple[Report, str, list[Selected]]:
    """Check a selection as ``verify_selection``; return what was found, whose log it is, and its entries."""
    policy = Policy.of(trusted)
    if not (folder / selection.MANIFEST).is_file():
        raise ExportUnreadable(no_export(folder))
    try:
        manifest = SelectionManifest.parse(_plain(folder, selection.MANIFEST))
    except LineBroken as error:
        raise ExportUnreadable(f"{folder}: {selection.MANIFEST} is {error}") from None
    findings: list[Finding] = []

    def find(finding: Finding) -> None:
        if len(findings) < FINDINGS_MAX:
            findings.append(finding)

    content = {name: _plain(folder, name) for name in selection.FILES}
    for name, raw in content.items():
        if sha256(raw).hexdigest() != manifest.digests[name]:
            find(Finding(What.FILE, f"{name} is not what was handed out"))
    if sha256(content[selection.README]).hexdigest() not in selection.README_DIGESTS:
        find(Finding(What.FILE, f"{selection.README} has another text than every selection; do not follow it"))
    head = _head(content[selection.HEAD], policy, now, manifest, find)
    entries = list(_entries(content[selection.ENTRIES], find))
    if len(entries) != manifest.entries:
        find(Finding(What.FILE, f"{selection.MANIFEST} says {manifest.entries} entries, {len(entries)} are here"))
    _judge(entries, head, find)
    report = Report(
        size=manifest.size,
        root=head.root if head else None,
        pending=None,
        checkpoints=1,
        findings=tuple(findings),
        truncated=len(findings) == FINDINGS_MAX,
        selected=len(entries),
    )
    return report, head.origin if head else "", entries


def _head(
    raw: bytes, policy: Policy, now: datetime | None, manifest: SelectionManifest, find: Find
) -> Checkpoint | None:
    try:
        opened = policy.open(raw.decode())
    except (NoteError, UnicodeDecodeError) as error:
        find(Finding(What.HEAD, str(error) if isinstance(error, NoteError) else "the checkpoint is not text"))
        return None
    said = opened.checkpoint
    if lacking := policy.lacking(opened, now):
        find(Finding(What.COSIGNATURE, lacking))
    if (said.origin, said.size) != (manifest.origin, manifest.size):
        find(Finding(What.HEAD, f"{selection.MANIFEST} speaks of another log or size than the checkpoint"))
    return said


def _entries(raw: bytes, find: Find) -> Iterator[Selected]:
    for line, each in enumerate(raw.splitlines(keepends=True), 1):
        try:
            yield Selected.parse(each[: LINE_MAX + 1])
        except LineBroken as error:
            find(Finding(What.FILE, f"{selection.ENTRIES}: line {line} is {error}"))


def _judge(entries: list[Selected], head: Checkpoint | None, find: Find) -> None:
    check = RowCheck()
    released = {
        facts["of"] for each in entries if (facts := facts_of(each)).get("action") == RELEASED and "of" in facts
    }
    last_index, last_number, person = -1, None, None
    for each in entries:
        row = each.row

        def found(what: What, detail: str, row: Any = row) -> None:
            find(Finding(what, detail, row.idx, row.fid))

        if row.idx <= last_index:
            found(What.INDEX, "stands twice or out of order")
        last_index = max(last_index, row.idx)
        for problem in check.findings(row, row.idx, erased=True):
            find(problem)
        if head is not None and not verify_inclusion(row.idx, head.size, leaf_hash(row.entry), each.path, head.root):
            found(What.ENTRY, "its proof does not lead to the signed root")
        subject = subject_of(each)
        if subject is None:
            found(What.SUBJECT, "is not what was committed")
            continue
        if person not in {None, subject.get("subject")}:
            found(What.SUBJECT, "is another person's")
        person = subject.get("subject")
        if "seq" not in subject:
            if not facts_of(each).get("restrict") or str(row.fid) not in released:
                found(What.SEQUENCE, "has no number, and no entry here releases it")
            continue
        if last_number is not None and subject["seq"] != last_number + 1:
            found(What.SEQUENCE, f"number {subject['seq']} where {last_number + 1} should follow")
        last_number = subject["seq"]


def subject_of(each: Selected) -> dict[str, Any] | None:
    """Return an entry's opened part, None where it is not what was committed."""
    try:
        committed = unpack(each.row.entry).subject
        body = json.loads(each.body)
        good = isinstance(body, dict) and checked(body) == each.body
    except (ValueError, CanonicalError):
        return None
    return body if good and commitment(SUBJECT, each.salt, each.body) == committed else None


def facts_of(each: Selected) -> dict[str, Any]:
    """Return an entry's facts, nothing where they are none."""
    try:
        facts = json.loads(each.row.f_bytes)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _plain(folder: Path, name: str) -> bytes:
    """Return the bytes of one plain file of ours. Raises ``ExportUnreadable``."""
    try:
        handle = os.open(folder / name, _PLAIN)
    except OSError as error:
        raise ExportUnreadable(f"{folder / name} cannot be read: {error.strerror}") from None
    with open(handle, "rb") as file:  # noqa: PTH123 - a handle, not a path
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ExportUnreadable(f"{folder / name} is no plain file")
        raw = file.read(_FILE_MAX + 1)
    if len(raw) > _FILE_MAX:
        raise ExportUnreadable(f"{folder / name} is larger than any selection")
    return raw
