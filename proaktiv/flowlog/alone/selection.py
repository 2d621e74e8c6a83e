"""Judge a selection: some entries about one person, each with its way to the signed root, their own part open.

What it cannot show: that there are no entries before the first number; those may be over and deleted.
Source: proaktiv's decision 0019.
"""

from contextlib import suppress
from typing import Any

from proaktiv.flowlog.alone.entry import Part, Row, judge_row, read_row
from proaktiv.flowlog.alone.folder import LINE_MAX, Folder
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, demand, is_count, is_text, parsed
from proaktiv.flowlog.alone.tree import leaf_of, root_by
from proaktiv.flowlog.alone.trust import Head, Policy
from proaktiv.flowlog.alone.verdict import Verdict, open_head

SELECTION_FORMAT = "proaktiv/log-selection/v1"
SELECTION_READMES = {
    "9eceb9f1cefc28c925acacad2e37241c57edda468b8e9ab2851d45656d7d01e5",
    "aa31261291d0c119e63b9b9e2a17e34efa397cfa280257cc4aed35a96708121f",
    "9c366a33dda2f24b954b4bf9c6c744e5045aadaa4f34cd94ee9b7a0316df11de",
    "4814d663bd4d773e3ac0f47c638918bb5b5062e50fc5a5330160751dc5e33426",
}
"""SHA-256 of each text that a selection may tell its reader what to do."""
SELECTED_FILES = ("README.txt", "checkpoint", "entries.jsonl")
RELEASED = "entry.released"
"""What the entry does by which one that was kept from a person is shown to them."""


def judge_selection(folder: Folder, policy: Policy, verdict: Verdict) -> list[Row]:
    """Judge one unpacked selection and return its entries."""
    manifest = read_selection_manifest(folder.read("MANIFEST.json") or b"")
    for name in SELECTED_FILES:
        digest = folder.digest(name)
        if digest is None:
            raise Unreadable(f"{name} is missing: download it again and unpack it into a new folder")
        if digest != manifest["files"][name]:
            verdict.find("file", f"{name} is not what was handed out")
        if name == "README.txt" and digest not in SELECTION_READMES:
            verdict.find("file", "README.txt has another text than every selection; do not follow it")
    verdict.size, verdict.checkpoints = manifest["size"], 1
    head = open_head(policy, folder.read("checkpoint") or b"", verdict)
    if head is not None:
        verdict.root = head.root
        if (head.origin, head.size) != (manifest["origin"], manifest["size"]):
            verdict.find("head", "MANIFEST.json speaks of another log or size than the checkpoint")
    rows = []
    for at, raw in folder.lines("entries.jsonl"):
        try:
            demand(len(raw) <= LINE_MAX, "longer than any")
            rows.append(read_row(raw, selected=True))
        except Broken as error:
            verdict.find("file", f"entries.jsonl: line {at} is {error}")
    verdict.judged = len(rows)
    if len(rows) != manifest["entries"]:
        verdict.find("file", f"MANIFEST.json says {manifest['entries']} entries, {len(rows)} are here")
    _judge_rows(rows, head, verdict)
    verdict.origin = head.origin if head else ""
    return rows


def _judge_rows(rows: list[Row], head: Head | None, verdict: Verdict) -> None:
    said = [(row, body_of(row.facts), body_of(row.subject)) for row in rows]
    released = {facts.get("of") for _, facts, _ in said if facts.get("action") == RELEASED}
    last_index, last_number, person = -1, None, None
    for row, facts, subject in said:
        if row.at <= last_index:
            verdict.find("index", "stands twice or out of order", row.at)
        last_index = max(last_index, row.at)
        for what, detail in judge_row(row):
            verdict.find(what, detail, row.at)
        if head and root_by(row.at, head.size, leaf_of(row.entry), row.path or []) != head.root:
            verdict.find("entry", "its proof does not lead to the signed root", row.at)
        if not subject:
            verdict.find("subject part", "is not canonical", row.at)
            continue
        if person not in {None, subject.get("subject")}:
            verdict.find("subject part", "is another person's", row.at)
        person = subject.get("subject")
        number = subject.get("seq")
        if number is None:
            if not facts.get("restrict") or row.flow not in released:
                verdict.find("sequence", "has no number, and no entry here releases it", row.at)
            continue
        if last_number is not None and number != last_number + 1:
            verdict.find("sequence", f"number {number} where {last_number + 1} should follow", row.at)
        last_number = number if is_count(number) else None


def body_of(part: Part | str | None) -> dict[str, Any]:
    """Return what a part that lies open says; nothing where it says nothing."""
    with suppress(Broken):
        return part.said() if isinstance(part, Part) else {}
    return {}


def is_selection(folder: Folder) -> bool:
    """Return whether a folder says that it is a selection, not a whole export."""
    with suppress(Broken):
        return parsed((folder.read("MANIFEST.json") or b"")[:-1]).get("format") == SELECTION_FORMAT
    return False


def read_selection_manifest(raw: bytes) -> dict[str, Any]:
    """Read MANIFEST.json of a selection. Raises ``Unreadable``."""
    with suppress(Broken, KeyError, TypeError):
        said = parsed(raw[:-1])
        demand(raw.endswith(b"\n") and set(said) == {"format", "origin", "size", "entries", "files"}, "other fields")
        demand(is_count(said["size"], said["entries"]) and 0 < said["entries"] <= said["size"], "no count")
        demand(set(said["files"]) == set(SELECTED_FILES), "other files")
        demand(is_text(".*", said["origin"], *said["files"].values()), "not text")
        return said
    raise Unreadable("its MANIFEST.json is damaged: download it again and unpack it into a new folder")
