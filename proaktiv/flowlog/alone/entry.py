"""What a line of an export says, and whether it is what its entry committed to.

Source: proaktiv's decisions 0010 and 0019.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from proaktiv.flowlog.alone.spelling import Broken, canonical, demand, is_count, is_text, parsed, unbase64

KINDS = (
    *("authorised", "outcome", "erasure", "access", "key", "retention", "succession", "received", "admitted"),
    *("refused", "consent_changed", "confirmed", "incident", "act", "recall"),
)
LABELS = dict(enumerate(KINDS, 1))
"""The byte of a kind and its name; for ever."""
ERASURE, RETENTION = 3, 6
CHANGING = ("consent_changed", "confirmed")
"""Kinds that give or end a consent; that it did not end the person's numbers show, so each must have one."""
COLUMNS = {"sender": "from", "receiver": "to"} | {name: name for name in ("purpose", "basis", "scope", "outcome")}
"""The columns that a screen filters by, and where the committed facts say the same."""
UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
INSTANT = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}[.][0-9]{6}Z"
BODY_MAX = 16 * 1024
SALT_BYTES = 32

Problem = tuple[str, str]
"""What a finding is about, and what it says."""


class Part(NamedTuple):
    """A body that lies open, with the salt that it was committed with."""

    salt: bytes
    body: bytes

    def fits(self, group: bytes, commitment: bytes) -> bool:
        """Return whether this is what was committed."""
        said = sha256(b"proaktiv/commit/v1\n" + group + self.salt + self.body)
        return len(self.salt) == SALT_BYTES and said.digest() == commitment

    def said(self) -> dict[str, Any]:
        """Return the body as data. Raises ``Broken`` outside the canonical profile."""
        value = parsed(self.body)
        demand(len(self.body) <= BODY_MAX and canonical(value), "not canonical")
        return value


class Row(NamedTuple):
    """A line of entries.jsonl. ``facts`` is None where the row is missing, ``subject`` where its sealed parts are.

    ``subject`` and ``staff`` say "sealed" or "missing"; a subject part may also lie open.
    """

    at: int
    flow: str
    entry: bytes = b""
    facts: Part | None = None
    columns: dict[str, Any] | None = None
    filed: bool = False
    subject: str | Part | None = None
    staff: str = ""
    path: list[bytes] | None = None


def read_row(raw: bytes, *, selected: bool) -> Row:
    """Read a line of an export or of a selection. Raises ``Broken`` for one that none holds."""
    try:
        demand(raw.endswith(b"\n"), "no line")
        line = parsed(raw[:-1])
        path = [unbase64(each) for each in line.pop("p")] if selected else None
        there = set(line)
        demand(there in ({"i", "fid"}, {*"ieFx", "fid"}, {*"ieFxSA", "fid"}), "other fields")
        demand(there == {*"ieFxSA", "fid"} or not selected, "other fields")
        demand(is_count(line["i"]) and is_text(UUID, line["fid"]), "no place")
        row = Row(line["i"], line["fid"], path=path)
        if "e" in line:
            demand(_are_columns(line["x"]), "other columns")
            row = row._replace(entry=unbase64(line["e"]), facts=_facts(line["F"]), columns=line["x"])
        if selected:
            demand(set(line["S"]) == {"s", "b"} and line["A"] == {"is": "sealed"}, "other fields")
            row = row._replace(filed=True, subject=read_part(line["S"]), staff="sealed")
        elif "S" in line:
            demand(line["A"] in ({"is": "sealed"}, {"is": "missing"}), "other fields")
            row = row._replace(filed=line["S"]["filed"], subject=_subject(line["S"]), staff=line["A"]["is"])
    except (Broken, KeyError, TypeError, ValueError):
        raise Broken("not an entry") from None
    return row


def read_part(opened: dict[str, Any]) -> Part:
    """Read a part that lies open."""
    demand(set(opened) == {"s", "b"} and is_text(".*", opened["b"]), "no open part")
    return Part(unbase64(opened["s"]), opened["b"].encode())


def _facts(facts: dict[str, Any]) -> Part:
    if "raw" not in facts:
        return read_part(facts)
    part = Part(unbase64(facts["s"]), unbase64(facts["raw"]))
    demand(set(facts) == {"s", "raw"}, "other fields")
    with suppress(UnicodeDecodeError):
        part.body.decode()
        raise Broken("what is text stands there as text")
    return part


def _are_columns(columns: dict[str, Any]) -> bool:
    whole = set(columns) == {"kind", "t", *COLUMNS} and is_text(INSTANT, columns["t"])
    datetime.fromisoformat(columns["t"])  # no thirteenth month
    return whole and is_count(columns["kind"]) and is_text(".*", *(columns[name] for name in COLUMNS))


def _subject(said: dict[str, Any]) -> str | Part:
    demand(type(said["filed"]) is bool and len(said) == 2, "other fields")
    if "salt" not in said:
        demand(said["is"] in {"sealed", "missing"}, "neither")
        return str(said["is"])
    salt = unbase64(said["salt"])
    demand(len(salt) == SALT_BYTES, "no salt")
    return Part(salt, b"")


# what is wrong with it ------------------------------------------------------------------------------------------------


def commitments(entry: bytes) -> tuple[int, bytes, bytes, bytes] | None:
    """Return kind and commitments to facts, subject part and staff part, None where the bytes are no entry."""
    if len(entry) != 115 or entry[:17] != b"proaktiv/flow/v1\n" or entry[18] != 3:
        return None
    return entry[17], entry[19:51], entry[51:83], entry[83:]


def judge_row(row: Row) -> Iterator[Problem]:
    """Yield what is wrong inside an entry whose row is there."""
    committed = commitments(row.entry)
    if committed is None:
        yield "entry", "the bytes are no entry"
        return
    kind, facts, subject, _ = committed
    yield from judge_facts(row.facts, kind, facts, row.flow, row.columns)
    if row.subject is None:
        yield "row", "its row of sealed parts is missing"
        return
    if isinstance(row.subject, Part):
        if row.filed != bool(row.subject.body) or not row.subject.fits(b"S", subject):
            yield "subject part", "is not what was committed"
    elif row.filed != (row.subject == "sealed"):
        yield "subject part", "there without its index, or missing with it"
    if row.staff == "missing":
        yield "staff part", "missing without an erasure"


def judge_facts(
    part: Part | None, kind: int, commitment: bytes, flow: str, columns: dict[str, Any] | None
) -> Iterator[Problem]:
    """Yield where facts are not what was committed, or what the columns show is not what they say."""
    if part is None or not part.fits(b"F", commitment):
        yield "facts", "bytes or salt are not what was committed"
        return
    try:
        facts = part.said()
    except Broken:
        yield "facts", "not canonical"
        return
    if flow and facts.get("flow") != flow:
        yield "facts", "are those of another flow"
    if kind not in LABELS or facts.get("kind") != LABELS[kind]:
        yield "facts", "name another kind than the entry"
    if LABELS.get(kind) in CHANGING and facts.get("restrict"):
        yield "facts", "keep from the person what gives or ends a consent"
    if columns is None:
        return
    shown = columns | {"kind": LABELS.get(columns["kind"], "unknown")}
    for column, name in {"kind": "kind", "t": "t", **COLUMNS}.items():
        if shown[column] != facts.get(name, ""):
            yield "column", column


def erased_by(row: Row) -> int:
    """Return how many subject parts an entry says that an erasure took."""
    if row.facts is None or row.columns is None or row.columns["kind"] != ERASURE:
        return 0
    with suppress(Broken):
        n = row.facts.said().get("n", 0)
        return n if is_count(n) and n > 0 else 0
    return 0


def pruned_by(row: Row) -> tuple[int, int, int]:
    """Return what an entry says that retention took: entries before which one, how many, how many of them erased.

    Older entries do not say the last: then what retention took of erased ones still excuses others.
    """
    if row.facts is not None and row.columns is not None and row.columns["kind"] == RETENTION:
        with suppress(Broken):
            said = row.facts.said()
            minimum, removed, erased = (said.get(name, 0) for name in ("minimum", "removed", "removed_erased"))
            if said.get("action") == "log.pruned" and is_count(minimum, removed, erased):
                whole = 0 <= erased <= removed <= minimum and minimum % 256 == 0
                return (minimum, removed, erased) if whole else (0, 0, 0)
    return 0, 0, 0
