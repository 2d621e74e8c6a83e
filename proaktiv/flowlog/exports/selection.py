"""A selection of the log that stands by itself: some entries, each with its proof, and the checkpoint over them.

For the person whom they are about: facts and their own part lie open, the staff's part never. Lines, names and bytes
are those of an export (decision 10), with two more members: ``S`` is opened, ``p`` leads to the root. Left to others:
which entries (``steps.timeline``), checking it (``flowlog.verifying.selection``).
Source: flowlog.md § 3.
"""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from proaktiv.core.canonical import dumps
from proaktiv.flowlog.exports.lines import ExportedEntry, LineBroken, entry_line, number, text

FORMAT = "proaktiv/log-selection/v1"
MANIFEST = "MANIFEST.json"
README = "README.txt"
HEAD = "checkpoint"
ENTRIES = "entries.jsonl"
FILES = (README, HEAD, ENTRIES)
"""What the manifest lists, in its order."""

_ELSEWHERE = b""
"""Stands for sealed bytes that stay in the house."""
_SEALED = {"filed": True, "is": "sealed"}
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest day that a zip file can name: the same content gives the same bytes."""


@dataclass(frozen=True, slots=True)
class Selected:
    """One entry of a selection: as exported, with its subject part opened and its way to the root."""

    row: ExportedEntry
    salt: bytes
    body: bytes
    path: tuple[bytes, ...]

    @classmethod
    def of(cls, row: Any, index: int, salt: bytes, body: bytes, path: tuple[bytes, ...]) -> "Selected":
        """Return a stored row of the log as one of a selection."""
        exported = ExportedEntry(
            idx=index,
            leaf_fid=row.fid,
            fid=row.fid,
            kind=row.kind,
            recorded_at=row.recorded_at,
            sender=row.sender,
            receiver=row.receiver,
            purpose=row.purpose,
            basis=row.basis,
            scope=row.scope,
            outcome=row.outcome,
            f_salt=bytes(row.f_salt),
            f_bytes=bytes(row.f_bytes),
            entry=bytes(row.entry),
            secret_fid=row.fid,
            subj=_ELSEWHERE,
            s_blob=_ELSEWHERE,
            a_blob=_ELSEWHERE,
            staff_key=_ELSEWHERE,
        )
        return cls(exported, salt, body, path)

    def to_bytes(self) -> bytes:
        """Return its line."""
        line = json.loads(entry_line(self.row))
        line["S"] = {"s": _b64(self.salt), "b": self.body.decode()}
        line["p"] = [_b64(step) for step in self.path]
        return dumps(line) + b"\n"

    @classmethod
    def parse(cls, raw: bytes) -> "Selected":
        """Read a line. Raises ``LineBroken`` unless every byte is as ``to_bytes`` writes it."""
        try:
            data = json.loads(raw)
            opened, path = data["S"], data.pop("p")
            salt, body = _bytes(opened["s"]), text(opened["b"]).encode()
            row = ExportedEntry.parse(dumps({**data, "S": _SEALED}) + b"\n")
            found = cls(row, salt, body, tuple(_bytes(step) for step in path))
            whole = found.to_bytes() == raw
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise LineBroken("not an entry") from None
        if not whole:
            raise LineBroken("not an entry")
        return found


@dataclass(frozen=True, slots=True)
class SelectionManifest:
    """What a selection says about itself. ``digests``: SHA-256 in hex of each of ``FILES``."""

    origin: str
    size: int
    entries: int
    digests: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        data = {"format": FORMAT, "origin": self.origin, "size": self.size, "entries": self.entries}
        return dumps({**data, "files": dict(self.digests)}) + b"\n"

    @classmethod
    def parse(cls, raw: bytes) -> "SelectionManifest":
        """Read a manifest. Raises ``LineBroken`` unless every byte is as ``to_bytes`` writes it."""
        try:
            data = json.loads(raw)
            digests = {name: text(data["files"][name]) for name in FILES}
            found = cls(text(data["origin"]), number(data["size"]), number(data["entries"]), digests)
            whole = found.to_bytes() == raw and 0 < found.entries <= found.size
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise LineBroken("not a manifest of a selection") from None
        if not whole:
            raise LineBroken("not a manifest of a selection")
        return found


def files(note: str, size: int, entries: Sequence[Selected], readme: str = "") -> dict[str, bytes]:
    """Return the files of a selection; ``entries`` in the order of the log, ``note`` the checkpoint over ``size``.

    ``readme`` is one of ``READMES``; without it the person's own.
    """
    made = {
        README: (readme or README_TEXT).encode(),
        HEAD: note.encode(),
        ENTRIES: b"".join(each.to_bytes() for each in entries),
    }
    digests = {name: sha256(content).hexdigest() for name, content in made.items()}
    manifest = SelectionManifest(note.partition("\n")[0], size, len(entries), digests)
    return {MANIFEST: manifest.to_bytes(), **made}


def zipped(content: Mapping[str, bytes]) -> bytes:
    """Return files as one zip file; the same files give the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, raw in content.items():
            out.writestr(zipfile.ZipInfo(name, _EPOCH), raw, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(value: Any) -> bytes:
    return base64.b64decode(text(value), validate=True)


README_TEXT = """\
Wer hat meine Daten gesehen? Auszug aus dem Datenfluss-Protokoll (proaktiv)

Was darin ist: jeder Eintrag über Sie, den das Protokoll schon unterschrieben hat, mit Ihrem eigenen Teil (Nummer und
Einwilligung) und dem Beleg, dass er im Protokoll steht. Ihr eigener Teil gehört Ihnen: Geben Sie den Auszug nur weiter,
wenn Sie das möchten. Wer im Amt gehandelt hat, steht nicht darin.

Die Nummern („seq“) beginnen mit Ihrem ältesten Eintrag und haben keine Lücke. Einträge der letzten Minuten können noch
fehlen: Sie werden erst mit der nächsten Unterschrift belegbar.

Prüfen, auf irgendeinem Rechner mit proaktiv, ohne Netz und ohne Konto. Packen Sie die Datei aus, dann:

    proaktiv log verify --export DIESER_ORDNER --vkey SCHLÜSSEL

SCHLÜSSEL ist der Prüfschlüssel des Protokolls. Fragen Sie danach beim Datenschutz der Stadt; nehmen Sie nie einen, der
mit dem Auszug kommt.
"""

WAY_README = """\
Weg der Einwilligung: Auszug aus dem Datenfluss-Protokoll (proaktiv), für den Datenschutz der Stadt

Was darin ist: die Einträge einer einzigen Person, von dem, mit dem sie eine Einwilligung gab, bis zu einem Fluss, der
diese Einwilligung nennt; jeder mit seinem Teil S (Nummer und Einwilligung) und dem Beleg, dass er im Protokoll steht.
Namen stehen nicht darin, aber wer die Person kennt, liest mit: Löschen Sie ihn, sobald die Sache entschieden ist. Dass
Sie ihn holten, steht im Protokoll, und die Person sieht es.

Prüfen, ohne Netz und ohne Konto, auf dem eigenen Rechner. Packen Sie die Datei in einen neuen Ordner aus, dann:

    node verify.mjs FLUSS.tlog-proof --consent DIESER_ORDNER --policy policy.txt
    python3 verify.py FLUSS.tlog-proof --consent DIESER_ORDNER --policy policy.txt

Das Programm sagt, welche Einwilligung der Fluss nennt, wann sie gegeben wurde, und ob sie davor endete: Die Nummern
(„seq“) haben keine Lücke. Die letzte Zeile ist das Urteil:

    „Alles stimmt.“                             kein Befund
    „Es stimmt nicht alles.“                    ein Befund; darüber steht, welcher
    „Nicht alles geprüft.“, „Nichts geprüft.“   kein Befund; darüber steht, was zu tun ist

Die policy ist Ihre eigene; nehmen Sie nie einen Schlüssel, der mit dem Auszug kommt.
"""

READMES = (README_TEXT, WAY_README)
"""What a selection may tell its reader."""
README_DIGESTS = frozenset(
    {
        *(sha256(each.encode()).hexdigest() for each in READMES),
        "4814d663bd4d773e3ac0f47c638918bb5b5062e50fc5a5330160751dc5e33426",
        "9c366a33dda2f24b954b4bf9c6c744e5045aadaa4f34cd94ee9b7a0316df11de",
    }
)
"""Their SHA-256, and those of versions before, whose selections stay whole."""
