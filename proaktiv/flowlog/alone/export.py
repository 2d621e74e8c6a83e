"""Judge an export: every entry, the tree over them, every signature, every file.

Source: proaktiv's decision 0010, C2SP tlog-tiles.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from proaktiv.flowlog.alone.entry import Row, commitments, erased_by, judge_row, pruned_by, read_row
from proaktiv.flowlog.alone.folder import LINE_MAX, Folder, left_behind
from proaktiv.flowlog.alone.speaking import spoken
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, demand, is_count, is_text, parsed
from proaktiv.flowlog.alone.tree import Edge, leaf_of, tile_path
from proaktiv.flowlog.alone.trust import SKEW, Head, Policy
from proaktiv.flowlog.alone.verdict import Verdict, open_head

READMES = {
    "073ccbe9fd8ab852c74f2ab97dc89ae00bf1dc59194c72042442283c95420c47",
    "bac93ad86673b3b829b5004d652d24fb95f83cb94b907ab2d17d64c159628168",
    "5b137c5d264ba369f2f883eb3487f1ffe9d008b3dbeaf4d46c551642297a2826",
}
"""SHA-256 of each text that an export may tell its reader what to do."""
WIDTH = 256
OURS = ("README.txt", "checkpoint", "checkpoints.jsonl", "entries.jsonl")
STAMP = "checkpoint.tsr"


class Export:
    """One exported folder, judged into ``verdict``. ``kept`` is a checkpoint that the caller verified before."""

    def __init__(self, folder: Folder, policy: Policy, kept: Head | None, verdict: Verdict) -> None:
        self.folder, self.policy, self.kept, self.verdict = folder, policy, kept, verdict
        self.find = verdict.find
        self.manifest = read_manifest(folder)
        self.size, self.first = self.manifest["size"], self.manifest["first"]
        self.there = folder.names()
        if self.size > WIDTH * len(self.there):  # a claimed size costs time
            raise Unreadable(f"it says {self.size} entries and holds {len(self.there)} files")
        self.tile: tuple[str, bytes | None] = ("", None)
        self.missing: list[int] = []
        self.erased = 0
        self.gone: list[tuple[int, int]] = []
        self.pruned = (0, 0, 0)
        self.latest = (datetime.min.replace(tzinfo=UTC), -1)
        self.late: set[int] = set()
        verdict.size, verdict.expires_on = self.size, self.manifest.get("expires_on")

    def judge(self) -> None:
        """Judge all of it."""
        if self.policy.only(self.manifest["origin"]).logs:
            self.policy = self.policy.only(self.manifest["origin"])
        else:
            self.find("file", "MANIFEST.json names a log that the policy does not")
        if self.first > (self.kept.size if self.kept else 0):
            self.verdict.lack(
                f"this is a part of an export: it begins with entry {self.first}. Verify it with --since and a "
                "checkpoint that reaches up to there."
            )
        self._files()
        edge, newest = self._walk()
        head = self._head(newest)
        if head is not None:
            self.verdict.root = head.root
            if head.root != edge.root():
                self.find("head", f"the root of {self.size} entries is not the signed one")
        self._unexcused()
        # What retention took of erased ones is missing no more. A part does not show which erasures told of these.
        excused = max(0, self.erased - (0 if self.first else self.pruned[2]))
        if len(self.missing) > excused:
            for index in self.missing:
                self.find("subject part", f"missing, and erasures account for {excused} only", index)
        if self.kept is not None and not self.verdict.code:
            self.verdict.since = self.kept.size

    def _unexcused(self) -> None:
        """Find rows that are missing, unless retention says that it took as many before the entry it names."""
        minimum, removed, _ = self.pruned
        below = sum(min(end, minimum) - start for start, end in self.gone if start < minimum)
        if below > removed:
            self.find("row", f"{below} rows before entry {minimum} are missing, retention accounts for {removed}")
        for start, end in self.gone:
            for index in range(max(start, minimum), end):
                self.find("row", "the row is missing", index)

    # files ------------------------------------------------------------------------------------------------------------

    def _tiles(self) -> Iterator[tuple[str, int]]:
        level, count = 0, self.size
        while count:
            for n in range(-(-count // WIDTH)):
                width = min(WIDTH, count - n * WIDTH)
                yield tile_path(level, n, width), width
            level, count = level + 1, count // WIDTH

    def _files(self) -> None:
        tiles = dict(self._tiles())
        bundles = (self._bundle_path(n) for n in range(self.first // WIDTH, -(-self.size // WIDTH)))
        expected = [*OURS, *tiles, *bundles, *({STAMP} & self.there)]
        for path in sorted(self.there - {*expected, "MANIFEST.json", "SHA256SUMS"}):
            if not left_behind(path):
                self.find("file", f"{spoken(path[:100])} does not belong to an export")
        listed = self._listed()
        if listed is not None and listed.keys() - set(expected):
            self.find("file", "SHA256SUMS lists what does not belong to an export")
        for path in expected:
            digest = self.folder.digest(path)
            if digest is None:
                self.find("file", f"{path} is missing or no plain file")
            elif listed is not None and listed.get(path) != digest:
                self.find("file", f"{path} is not what was exported")
            if path == "README.txt" and digest not in READMES:
                self.find("file", f"{path} has another text than every export; do not follow it")
            if path in tiles and len(self.folder.read(path) or b"") > 32 * tiles[path]:
                self.find("tile", f"{path} holds more than {tiles[path]} hashes")

    def _listed(self) -> dict[str, str] | None:
        """Return what the list of sums says; None where it is not the one that was exported: it accuses nobody."""
        digest = self.folder.digest("SHA256SUMS")
        if digest is None:
            self.find("file", "the list of sums SHA256SUMS is missing, so no file can be held against it")
            return None
        if digest != self.manifest["sums"]:
            self.find("file", "the list of sums SHA256SUMS is another one, so no file can be held against it")
            return None
        lines = (line.decode(errors="replace").rstrip("\n") for _, line in self.folder.lines("SHA256SUMS"))
        return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}

    def _bundle_path(self, n: int) -> str:
        return tile_path(0, n, min(WIDTH, self.size - n * WIDTH), "entries")

    def _hash(self, level: int, place: int) -> bytes | None:
        """Return the hash at a place of a level of tiles, None where no tile holds it."""
        n, offset = divmod(place, WIDTH)
        path = tile_path(level, n, min(WIDTH, (self.size >> 8 * level) - n * WIDTH))
        if level:
            return (self.folder.read(path) or b"")[32 * offset : 32 * offset + 32]
        if self.tile[0] != path:
            self.tile = (path, self.folder.read(path))
        found = (self.tile[1] or b"")[32 * offset : 32 * offset + 32]
        return found if len(found) == 32 else None

    # entries ----------------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[Row]:
        for at, raw in self.folder.lines("entries.jsonl"):
            try:
                demand(len(raw) <= LINE_MAX, "longer than any; the rest is not read")
                yield read_row(raw, selected=False)
            except Broken as error:
                self.find("file", f"entries.jsonl: line {at} is {error}")

    def _walk(self) -> tuple[Edge, bytes]:
        """Go through entries and checkpoints in the order of the log; return its tree and the newest note."""
        edge, rows, notes, newest = Edge(), self._rows(), self._notes(), b""
        row, note = next(rows, None), next(notes, None)
        bundle: list[bytes] = []
        for index in range(self.size + 1):
            while note is not None and (note[0] <= index or index == self.size):
                newest = note[1]
                self._signed(*note, edge)
                note = next(notes, None)
            if self.kept is not None and self.kept.size == index and self.kept.root != edge.root():
                self.find("checkpoint", f"of {index} entries that you kept: the log does not begin with them")
            while row is not None and (row.at < index or index == self.size):
                self.find("index", "stands twice, out of order or beyond the log", row.at)
                row = next(rows, None)
            if index == self.size:
                break
            mine = row if row is not None and row.at == index else None
            self._append(edge, index, mine)
            if index >= self.first:
                bundle.append(b"" if mine is None or len(mine.entry) > 0xFFFF else mine.entry)
            if mine is not None:
                row = next(rows, None)
            if bundle and (index % WIDTH == WIDTH - 1 or index == self.size - 1):
                self._compare_bundle(index - len(bundle) + 1, bundle)
                bundle = []
        if self.kept is not None and self.kept.size > self.size:
            self.find(
                "checkpoint",
                f"the export is smaller ({self.size}) than the checkpoint you kept ({self.kept.size}). If it is older, "
                "take a newer one; if it is younger, entries are missing: hold on to everything.",
            )
        return edge, newest

    def _append(self, edge: Edge, index: int, row: Row | None) -> None:
        stored = self._hash(0, index)
        if stored is None:
            self.find("tile", "no tile holds its hash", index)
        leaf = leaf_of(row.entry) if row is not None and row.facts is not None else None
        if leaf is not None and stored is not None and leaf != stored:
            self.find("entry", "is not what stands in the tree", index)
        for level, place, value in edge.append(leaf or stored or bytes(32)):
            if self._hash(level, place) != value:
                self.find("tile", f"the tile of level {level} is not that of its entries, at hash {place}")
        if row is None:
            if index >= self.first:
                self.find("index", "no entry has this place", index)
            return
        self.verdict.judged += 1
        if index < self.first:
            self.find("index", "lies before the first entry of this export", index)
        if row.facts is None or row.columns is None:
            before = self.gone.pop() if self.gone and self.gone[-1][1] == index else (index, index)
            self.gone.append((before[0], index + 1))
            return
        self.latest = max(self.latest, (datetime.fromisoformat(row.columns["t"]), index), key=lambda each: each[0])
        for what, detail in judge_row(row):
            self.find(what, detail, index)
        if row.subject is not None and commitments(row.entry) is not None:
            self.erased += erased_by(row)
            self.pruned = max(self.pruned, pruned_by(row))
            if row.subject == "missing" and not row.filed:
                self.missing.append(index)

    def _compare_bundle(self, start: int, entries: list[bytes]) -> None:
        expected = b"".join(len(entry).to_bytes(2) + entry for entry in entries)
        found = self.folder.read(path := self._bundle_path(start // WIDTH))
        if found is not None and found != expected:
            same = next(
                (at for at, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]), 1 << 30
            )
            index = start + min(same // (2 + 115), len(entries) - 1)
            self.find("entry", f"{path} holds another one than entries.jsonl", index)

    # checkpoints ------------------------------------------------------------------------------------------------------

    def _notes(self) -> Iterator[tuple[int, bytes]]:
        last = -1
        for at, raw in self.folder.lines("checkpoints.jsonl"):
            try:
                demand(len(raw) <= LINE_MAX and raw.endswith(b"\n"), "no line")
                line = parsed(raw[:-1])
                demand(set(line) == {"size", "note"} and is_count(line["size"]) and is_text(".*", line["note"]), "none")
            except Broken:
                self.find("file", f"checkpoints.jsonl: line {at} is not a checkpoint")
                continue
            if line["size"] <= last:
                self.find("checkpoint", f"of {line['size']} entries: line {at} stands twice or out of order")
                continue
            last = line["size"]
            yield last, line["note"].encode()

    def _signed(self, size: int, note: bytes, edge: Edge) -> None:
        self.verdict.checkpoints += 1
        if size > self.size:
            self.find("checkpoint", f"{size} entries were signed, the log holds {self.size}")
            return
        try:
            said = self.policy.open(note)
        except Broken as error:
            self.find("checkpoint", f"of {size} entries: {error}")
            return
        if said.size != size:
            self.find("checkpoint", f"of {size} entries speaks of {said.size}")
            return
        latest, index = self.latest
        if said.seen is not None and latest.timestamp() > said.seen + SKEW and index not in self.late:
            self.late.add(index)
            self.find("time", "is later than others saw the checkpoint over it", index)
        if said.root != edge.root():
            self.find("checkpoint", f"of {size} entries: the log is not what was signed")

    def _head(self, newest: bytes) -> Head | None:
        raw = self.folder.read("checkpoint")
        if raw is None:
            return None
        if raw != newest:
            self.find("checkpoint", "the file checkpoint is not the last of checkpoints.jsonl")
        said = open_head(self.policy, raw, self.verdict)
        if said is not None and said.origin != self.manifest["origin"]:
            self.find("head", "the checkpoint is of another log than the export")
        if said is not None and said.size != self.size:
            self.find("head", f"the checkpoint speaks of {said.size} entries, the export of {self.size}")
            return None
        return said


def read_manifest(folder: Folder) -> dict[str, Any]:
    """Read MANIFEST.json of an export. Raises ``Unreadable``, with a word on what lies there instead."""
    raw = folder.read("MANIFEST.json") or b""
    with suppress(Broken, KeyError, TypeError, ValueError):
        said = parsed(raw[:-1])
        fields = {"format", "origin", "size", "first", "sums"}
        demand(raw.endswith(b"\n") and set(said) in (fields, fields | {"expires_on"}), "other fields")
        demand(said["format"] == "proaktiv/log-export/v1" and is_text(".*", said["origin"], said["sums"]), "other")
        demand(is_text("[0-9]{4}-[0-9]{2}-[0-9]{2}", day := said.get("expires_on", "2026-01-01")), "no day")
        date.fromisoformat(day)
        demand(is_count(said["size"], said["first"]) and 0 <= said["first"] <= said["size"], "no range")
        demand(said["first"] % WIDTH == 0, "no range")
        return said
    raise Unreadable(no_export(folder.names()))


def no_export(names: set[str]) -> str:
    """Return what is said of a folder that holds these files and no export."""
    there = sorted(name for name in names if not left_behind(name))
    below = [name.removesuffix("/MANIFEST.json") for name in there if name.endswith("/MANIFEST.json")]
    if "MANIFEST.json" in there:
        return "its MANIFEST.json is damaged: download it again and unpack it into a new folder"
    if below:
        return f"no export, but {spoken(below[0][:100])} in it holds one: name that folder"
    if not there:
        return "the folder is empty: name the one that you unpacked the zip file into"
    return "no export, for it holds no MANIFEST.json: name the folder that you unpacked the zip file into"
