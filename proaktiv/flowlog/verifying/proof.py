"""Verify a single proof: no database, no settings, no network, and no key but the caller's.

Source: C2SP tlog-proof, RFC 9162 § 2.1.3.2; ``flowlog.proving.single`` for what stands behind ``extra``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proaktiv.core.canonical import CanonicalError, checked, dumps
from proaktiv.core.flows import Kind
from proaktiv.core.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.entries import FACTS, SALT_BYTES, STAFF, SUBJECT, commitment, unpack
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.lines import base64_bytes, text
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.report import Finding, Report, What

PROOF_MAX = 1024 * 1024
ZIPPED = b"PK\x03\x04"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_LABELS = {int(kind): kind.label for kind in Kind}
_WHAT = {FACTS: What.FACTS, SUBJECT: What.SUBJECT, STAFF: What.STAFF}


@dataclass(frozen=True, slots=True)
class ProofFile:
    """A tlog-proof as it is written; nothing in it is checked yet."""

    index: int
    path: tuple[bytes, ...]
    extra: bytes
    note: str

    @classmethod
    def parse(cls, raw: bytes) -> "ProofFile":
        """Read a proof. Raises ``ExportUnreadable``, with a word on what to do where it is a zip file."""
        if raw.startswith(ZIPPED):
            raise ExportUnreadable(
                "this is a zip file: unpack it into a new folder, `python3 -m zipfile -e FILE FOLDER`"
            )
        try:
            head, blank, note = raw.decode().partition("\n\n")
            form, *lines = head.split("\n")
            extra = base64_bytes(lines.pop(0)[6:]) if lines[0].startswith("extra ") else b""
            index = _INDEX.fullmatch(lines[0])
            path = tuple(base64_bytes(line) for line in lines[1:])
        except (ValueError, TypeError, IndexError):
            raise ExportUnreadable("this is no tlog-proof") from None
        if form != "c2sp.org/tlog-proof@v1" or not blank or index is None or int(index[1]) >= 2**53:
            raise ExportUnreadable("this is no tlog-proof")
        if any(len(step) != HASH_BYTES for step in path):
            raise ExportUnreadable("this is no tlog-proof: each of its steps is a hash")
        return cls(int(index[1]), path, extra, note)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a proof shows of its entry, as far as it is what was committed. ``origin`` is empty where nobody signed."""

    origin: str
    index: int
    entry: bytes
    facts: Mapping[str, Any]
    subject: Mapping[str, Any]


def verify_proof(raw: bytes, trusted: str | Policy, now: datetime | None = None) -> Report:
    """Check a proof file that shows its entry and return what was found.

    ``trusted`` is the log's key or the DSB's policy, whose quorum is asked as of ``now``; without ``now`` each
    cosignature counts that is right. Raises ``ExportUnreadable`` where there is nothing to judge, ``NoteError`` for a
    malformed key.
    """
    return judge_proof(raw, trusted, now)[0]


def judge_proof(raw: bytes, trusted: str | Policy, now: datetime | None = None) -> tuple[Report, Shown]:
    """Check a proof as ``verify_proof``; return what was found, and what it shows."""
    policy = Policy.of(trusted)
    proof = ProofFile.parse(raw)
    entry, parts = _shown(proof.extra)
    findings: list[Finding] = []
    head: Checkpoint | None = None
    try:
        opened = policy.open(proof.note)
        head = opened.checkpoint
        if lacking := policy.lacking(opened, now):
            findings.append(Finding(What.COSIGNATURE, lacking))
    except NoteError as error:
        findings.append(Finding(What.HEAD, str(error)))
    if head and not verify_inclusion(proof.index, head.size, leaf_hash(entry), proof.path, head.root):
        findings.append(Finding(What.ENTRY, "its proof does not lead to the signed root", proof.index))
    wrong = list(_problems(entry, parts))
    findings += [Finding(what, detail, proof.index) for what, detail in wrong]
    good = {
        group: part for group, part in parts.items() if not {_WHAT[group], What.ENTRY} & {what for what, _ in wrong}
    }
    facts, subject = (_canonical(good[group][1]) or {} if group in good else {} for group in (FACTS, SUBJECT))
    report = Report(
        head.size if head else 0,
        head.root if head else None,
        None,
        int(head is not None),
        tuple(findings),
        names={name: value for name, value in subject.items() if name != "subject"},
    )
    return report, Shown(head.origin if head else "", proof.index, entry, facts, subject)


def _shown(extra: bytes) -> tuple[bytes, dict[bytes, tuple[bytes, bytes]]]:
    """Return the entry and the parts that lie open, salt and body. Raises ``ExportUnreadable``."""
    try:
        data = json.loads(extra)
        parts = {group: data[group.decode()] for group in _WHAT if group.decode() in data}
        opened = {group: (base64_bytes(part["s"]), text(part["b"]).encode()) for group, part in parts.items()}
        whole = {"e": data["e"]} | {group.decode(): {"s": part["s"], "b": part["b"]} for group, part in parts.items()}
        entry = base64_bytes(data["e"])
        spelt = dumps(whole) == extra
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        spelt = False
    if not spelt:
        raise ExportUnreadable("this proof shows no entry of a flow log: there is nothing to hold against the root")
    return entry, opened


def _problems(entry: bytes, parts: dict[bytes, tuple[bytes, bytes]]) -> Iterator[tuple[What, str]]:
    try:
        said = unpack(entry)
    except ValueError:
        yield What.ENTRY, "the bytes are no entry"
        return
    committed = {FACTS: said.facts, SUBJECT: said.subject, STAFF: said.staff}
    for group, (salt, body) in parts.items():
        if len(salt) != SALT_BYTES or commitment(group, salt, body) != committed[group]:
            yield _WHAT[group], "is not what was committed"
        elif group == SUBJECT and not body:
            continue  # nobody's: that there never was one
        elif (data := _canonical(body)) is None:
            yield _WHAT[group], "is not canonical"
        elif group == FACTS and (said.kind not in _LABELS or data.get("kind") != _LABELS[said.kind]):
            yield What.FACTS, "name another kind than the entry"


def _canonical(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
        return data if isinstance(data, dict) and checked(data) == body else None
    except (ValueError, CanonicalError, RecursionError):
        return None
