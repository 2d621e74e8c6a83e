"""Verify an exported log: no database, no settings, no network.

Finds what ``flowlog.verifying.whole`` finds, as far as it can be seen without the house: not what is queued or sealed.
The key to trust is the caller's and never comes from the export, and so is the checkpoint that the log must begin with.
Source: flowlog.md §§ 2, 3, 8.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from proaktiv.bars import tell_nobody
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.exports import layout
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.lines import ExportedNote
from proaktiv.flowlog.exports.reading import Export, Missing
from proaktiv.flowlog.verifying.checks import RowCheck
from proaktiv.flowlog.verifying.judging import Judge
from proaktiv.flowlog.verifying.policy import Policy, PolicyError
from proaktiv.flowlog.verifying.report import STRANGE, Finding, Report, What
from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused


def verify_export(
    folder: Path,
    trusted: str | Policy,
    *,
    kept: Checkpoint | None = None,
    now: datetime | None = None,
    stamper: Stamper | None = None,
    tell: Callable[[int], None] = tell_nobody,
) -> Report:
    """Check an exported folder and return what was found.

    ``trusted`` is the log's key as the DSB noted it, or their whole policy; then the newest checkpoint must have its
    quorum, at ``now``. A time stamp is checked against ``stamper``, without one passed over. ``kept`` is a checkpoint
    that the DSB verified earlier and kept: the log must begin with it, and an export without the entries before it is
    whole. Raises ``ExportUnreadable`` where there is nothing to judge, or where nothing speaks against a part of an
    export and ``kept`` does not reach up to it; ``NoteError`` for a malformed key, ``PolicyError`` where ``now`` is
    missing.
    """
    policy = Policy.of(trusted)
    if policy.max_age is not None and now is None:
        raise PolicyError("the policy asks how old a cosignature is, and nobody says what time it is")
    export = Export(folder)
    size, first = export.manifest.size, export.manifest.first
    check = RowCheck()
    known = export.manifest.origin in policy.origins
    policy = policy.only(export.manifest.origin) if known else policy
    judge = Judge(policy, export.tile, check, kept=kept, now=now, tell=tell)
    if not known:
        judge.find(Finding(What.FILE, f"{layout.MANIFEST} names another log than the key does"))
    export.compare_files(judge.find)
    if stamper is not None:
        judge.stamped = _stamps(export, stamper, judge.find)
    newest = ""

    def notes() -> Iterator[ExportedNote]:
        nonlocal newest
        for note in export.notes(judge.find):
            newest = note.note
            yield note

    judge.walk(size, export.entries(judge.find), notes(), first)
    root = _head(export, policy, newest, judge.find)
    judge.settle(Finding(What.HEAD, f"the root of {size} entries is not that of the tree"), root)
    judge.unexcused()
    for finding in check.unexcused(whole=first == 0):
        judge.find(finding)
    cosigned = judge.quorum_of(size)
    if first > (kept.size if kept else 0) and not judge.findings:
        raise ExportUnreadable(
            f"{folder} is a part of an export: it begins with entry {first}, and nothing speaks against what is here. "
            "Verify it with --since and a checkpoint that reaches up to there"
        )
    return Report(
        size,
        root,
        None,
        judge.checkpoints,
        tuple(judge.findings),
        judge.truncated,
        first,
        export.manifest.expires_on,
        cosigned,
        None if stamper is None else max(judge.stamped, default=0),
        since=kept.size if kept else None,
    )


def signed_by_another(folder: Path, trusted: str | Policy) -> bool:
    """Return whether no key of the caller's signed the checkpoint of an export: then it is the key that is wrong."""
    try:
        Policy.of(trusted).open(Export(folder).small(layout.HEAD).decode())
    except NoteError as error:
        return str(error) == STRANGE
    except (Missing, ExportUnreadable, UnicodeDecodeError):
        pass
    return False


def _stamps(export: Export, stamper: Stamper, find: Callable[[Finding], None]) -> dict[int, datetime]:
    """Return when the authority saw the newest checkpoint, as far as it did."""
    try:
        head, token = export.small(layout.HEAD), export.small(layout.STAMP)
    except Missing:
        return {}
    try:
        return {export.manifest.size: stamper.stamped_at(token, head)}
    except StampRefused as error:
        find(Finding(What.STAMP, str(error)))
        return {}


def _head(export: Export, policy: Policy, newest: str, find: Callable[[Finding], None]) -> bytes | None:
    """Return the root that the log gives the exported entries, None if nobody trusted says one."""
    try:
        raw = export.small(layout.HEAD)
    except Missing:
        return None  # told already, where the sums are compared
    if raw != newest.encode():
        find(Finding(What.CHECKPOINT, f"the file {layout.HEAD} is not the last of {layout.CHECKPOINTS}"))
    try:
        said = policy.open(raw.decode()).checkpoint
    except (NoteError, UnicodeDecodeError) as error:
        find(Finding(What.HEAD, str(error) if isinstance(error, NoteError) else "the checkpoint is not text"))
        return None
    if said.size != export.manifest.size:
        find(Finding(What.HEAD, f"the checkpoint speaks of {said.size} entries, the export of {export.manifest.size}"))
        return None
    return said.root
