"""Judge a single proof: an entry, the way from it to the signed root, and those of its parts that lie open.

Source: C2SP tlog-proof; proaktiv's decision 0019 for what stands behind ``extra``.
"""

import re
from typing import Any, NamedTuple

from proaktiv.flowlog.alone.entry import Part, commitments, judge_facts, read_part
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, demand, is_count, parsed, unbase64
from proaktiv.flowlog.alone.tree import leaf_of, root_by
from proaktiv.flowlog.alone.trust import Policy
from proaktiv.flowlog.alone.verdict import Verdict, open_head

PROOF_MAX = 1024 * 1024
PROOF = re.compile(
    rb"c2sp\.org/tlog-proof@v1\n(?:extra (?P<extra>[^\n]*)\n)?index (?P<index>0|[1-9][0-9]{0,18})\n"
    rb"(?P<path>(?:[^\n]+\n)*)\n(?P<note>.*)",
    re.DOTALL,
)


class Shown(NamedTuple):
    """What a proof shows of its entry, as far as it is what was committed. ``origin`` is empty where nobody signed."""

    origin: str
    at: int
    entry: bytes
    facts: dict[str, Any]
    subject: dict[str, Any]


def judge_proof(raw: bytes, policy: Policy, verdict: Verdict) -> Shown:
    """Judge one proof file and return what it shows."""
    index, path, extra, note = read_proof(raw)
    try:
        opened = parsed(extra)
        demand({"e"} <= set(opened) <= {"e", "F", "S", "A"}, "other fields")
        entry = unbase64(opened["e"])
        parts = {group: read_part(opened[group]) for group in "FSA" if group in opened}
    except (Broken, TypeError):
        raise Unreadable(
            "a proof whose extra names no entry of this log: there is nothing to hold it against"
        ) from None
    verdict.judged = 1
    head = open_head(policy, note, verdict)
    if head is not None:
        verdict.size, verdict.root, verdict.checkpoints = head.size, head.root, 1
        if root_by(index, head.size, leaf_of(entry), path) != head.root:
            verdict.find("entry", "its proof does not lead to the signed root", index)
    _judge_parts(entry, parts, index, verdict)
    return Shown(head.origin if head else "", index, entry, verdict.facts, verdict.subject)


def _judge_parts(entry: bytes, parts: dict[str, Part], index: int, verdict: Verdict) -> None:
    committed = commitments(entry)
    if committed is None:
        verdict.find("entry", "the bytes are no entry", index)
        return
    kind, facts, subject, staff = committed
    if "F" in parts:
        before = len(verdict.findings)
        for what, detail in judge_facts(parts["F"], kind, facts, "", None):
            verdict.find(what, detail, index)
        if len(verdict.findings) == before:
            verdict.facts = {"index": index} | parts["F"].said()
    for group, commitment, what in (("S", subject, "subject part"), ("A", staff, "staff part")):
        part = parts.get(group)
        if part is None:
            continue
        try:
            demand(part.fits(group.encode(), commitment), "is not what was committed")
            said = part.said() if part.body or group == "A" else {}  # nobody's subject part is empty
            verdict.subject = said if group == "S" else verdict.subject
        except Broken as error:
            verdict.find(what, str(error), index)


def read_proof(raw: bytes) -> tuple[int, list[bytes], bytes, bytes]:
    """Return index, path, extra and checkpoint of a tlog-proof. Raises ``Unreadable``."""
    found = PROOF.fullmatch(raw)
    try:
        demand(found is not None and raw.decode(), "no proof")
        said: Any = found
        path = [unbase64(step.decode()) for step in said["path"].split(b"\n")[:-1]]
        demand(all(len(step) == 32 for step in path) and is_count(int(said["index"])), "a step is a hash")
        return int(said["index"]), path, unbase64((said["extra"] or b"").decode()), said["note"]
    except (Broken, UnicodeDecodeError):
        raise Unreadable("no tlog-proof") from None
