"""What an export of the log looks like: a folder of plain files, each byte of it given by the log.

::

    MANIFEST.json      format, origin, size, first entry, SHA-256 of SHA256SUMS, perhaps a day of expiry
    SHA256SUMS         every other file, in the form that ``sha256sum -c`` reads
    README.txt         for whoever finds the stick
    checkpoint         the newest signed checkpoint (C2SP tlog-checkpoint), with the cosignatures of witnesses
    checkpoint.tsr     where an authority stamped this very file: its token (RFC 3161)
    checkpoints.jsonl  every checkpoint up to it, with cosignatures
    entries.jsonl      one entry a line: place, id, committed bytes, facts F, query columns
    tile/…             hashes and entry bundles (C2SP tlog-tiles): other people's programs read them too

No key, no subject part, no staff part, no blind index: of what is sealed only stands that it is there. Whoever loses an
export loses no person, and what is erased in the house is erased.
Source: flowlog.md § 3, C2SP tlog-tiles.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from proaktiv.core.canonical import dumps
from proaktiv.core.errors import ProaktivError
from proaktiv.core.merkle import TILE_WIDTH, tile_count, tile_path
from proaktiv.flowlog.exports.lines import LineBroken, number, text

FORMAT = "proaktiv/log-export/v1"
MANIFEST = "MANIFEST.json"
SUMS = "SHA256SUMS"
README = "README.txt"
HEAD = "checkpoint"
STAMP = "checkpoint.tsr"
CHECKPOINTS = "checkpoints.jsonl"
ENTRIES = "entries.jsonl"

BUNDLED_MAX = 0xFFFF


class ExportUnreadable(ProaktivError):  # noqa: N818 - as in a sentence: raise ExportUnreadable
    """This is no export, or it cannot be read: nothing was judged. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says about itself. Entries from ``first``, a multiple of 256, to before ``size`` are inside."""

    origin: str
    size: int
    first: int
    sums: str
    expires_on: date | None = None

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        data: dict[str, Any] = {
            "format": FORMAT,
            "origin": self.origin,
            "size": self.size,
            "first": self.first,
            "sums": self.sums,
        }
        if self.expires_on is not None:
            data["expires_on"] = self.expires_on.isoformat()
        return dumps(data) + b"\n"

    @classmethod
    def parse(cls, raw: bytes) -> "Manifest":
        """Read a manifest. Raises ``LineBroken`` unless every byte is as ``to_bytes`` writes it."""
        try:
            data = json.loads(raw)
            expires = data.get("expires_on")
            found = cls(
                text(data["origin"]),
                number(data["size"]),
                number(data["first"]),
                text(data["sums"]),
                None if expires is None else date.fromisoformat(expires),
            )
            whole = found.to_bytes() == raw and 0 <= found.first <= found.size and found.first % TILE_WIDTH == 0
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise LineBroken("not a manifest") from None
        if not whole:
            raise LineBroken("not a manifest")
        return found


# files ----------------------------------------------------------------------------------------------------------------


def summed_paths(size: int, first: int, *, stamped: bool = False) -> Iterator[str]:
    """Yield every file that SHA256SUMS lists, in its order; ``stamped``: a token is among them."""
    yield from (README, HEAD, *([STAMP] if stamped else []), CHECKPOINTS, ENTRIES)
    for level, n, width in tiles(size):
        yield tile_path(level, n, width)
    for n, width in bundles(size, first):
        yield bundle_path(n, width)


def tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield level, number and width of every tile over ``size`` entries."""
    level = 0
    while (count := tile_count(level, size)) > 0:
        for n in range(-(-count // TILE_WIDTH)):
            yield level, n, min(TILE_WIDTH, count - n * TILE_WIDTH)
        level += 1


def bundles(size: int, first: int) -> Iterator[tuple[int, int]]:
    """Yield number and width of every entry bundle from entry ``first`` on."""
    for n in range(first // TILE_WIDTH, -(-size // TILE_WIDTH)):
        yield n, min(TILE_WIDTH, size - n * TILE_WIDTH)


def bundle_path(n: int, width: int) -> str:
    """Return the path of an entry bundle. Source: C2SP tlog-tiles."""
    return tile_path(0, n, width).replace("tile/0/", "tile/entries/", 1)


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each entry behind its length. What is missing or too long has the length 0."""
    fitting = (entry if len(entry) <= BUNDLED_MAX else b"" for entry in entries)
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in fitting)


def sums_line(path: str, digest: str) -> bytes:
    """Return a file's line in SHA256SUMS; ``digest`` in hex."""
    return f"{digest}  {path}\n".encode()


README_TEXT = """\
Auszug aus dem Datenfluss-Protokoll (proaktiv)

Was darin ist: je Eintrag die Tatsachen (wann, von wem, an wen, wozu, auf welcher Grundlage), die Prüfsummen und die
Unterschriften des Protokolls. Keine Namen, keine Schlüssel, keine Teile über einzelne Personen oder Beschäftigte.

Prüfen, auf Ihrem eigenen Rechner, ohne Netz, mit einem der beiden Prüfprogramme und Ihrer eigenen policy.txt:

    node verify.mjs DIESER_ORDNER --policy policy.txt
    python3 verify.py DIESER_ORDNER --policy policy.txt

Die letzte Zeile ist das Urteil:

    „Alles stimmt.“                             kein Befund
    „Es stimmt nicht alles.“                    ein Befund; darüber steht, welcher
    „Nicht alles geprüft.“, „Nichts geprüft.“   kein Befund; darüber steht, was zu tun ist

Die Programme gibt Ihnen das Haus einmal („proaktiv log verifier ORDNER“ schreibt sie), nie mit einem Auszug. In
policy.txt stehen die Zeilen „log SCHLÜSSEL“ und „quorum none“ (oder Ihre Zeugen). SCHLÜSSEL ist der Prüfschlüssel, den
Sie selbst notiert haben; nehmen Sie nie einen, der mit dem Auszug kommt.
Wo proaktiv eingerichtet ist, geht auch:  proaktiv log verify --export DIESER_ORDNER --policy policy.txt

Ob die Dateien heil angekommen sind, sagt auch ohne jedes Programm von uns:  sha256sum -c SHA256SUMS

Heben Sie die Datei checkpoint auf, auch wenn Sie den Auszug löschen: Mit --since zeigt sie beim nächsten Auszug,
dass seither nichts von dem geändert wurde, was Sie heute geprüft haben.
"""

READMES = frozenset(
    {
        sha256(README_TEXT.encode()).hexdigest(),
        "bac93ad86673b3b829b5004d652d24fb95f83cb94b907ab2d17d64c159628168",
        "5b137c5d264ba369f2f883eb3487f1ffe9d008b3dbeaf4d46c551642297a2826",
    }
)
"""SHA-256 of what an export may tell its reader: this version, and those before, whose exports stay whole."""
