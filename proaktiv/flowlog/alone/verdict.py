"""What a verification says: findings, each with its place, and the verdict that follows from them."""

import json
from typing import Any

from proaktiv.flowlog.alone.spelling import Broken
from proaktiv.flowlog.alone.trust import Head, Policy

FINDINGS_MAX = 1_000
GERMAN = {
    "row": "Zeile",
    "entry": "Eintrag",
    "facts": "Tatsachen",
    "column": "Spalte",
    "subject part": "Personenteil",
    "staff part": "Beschäftigtenteil",
    "sequence": "Zählung",
    "index": "Platz",
    "tile": "Kachel",
    "head": "Kopf",
    "checkpoint": "Checkpoint",
    "cosignature": "Mitunterschrift",
    "time": "Zeit",
    "file": "Datei",
}
"""What a finding may be about."""


class Verdict:
    """One verification. ``size`` and ``root`` are what a trusted log signed, ``judged`` how many entries were here.

    ``facts`` are those of a single proof that shows them, to be held against a screen or a letter.
    """

    def __init__(self, path: str, kind: str) -> None:
        self.path, self.kind = path, kind
        self.size, self.judged, self.checkpoints = 0, 0, 0
        self.root: bytes | None = None
        self.findings: list[tuple[str, str, int | None]] = []
        self.truncated = False
        self.expires_on: str | None = None
        self.facts: dict[str, Any] = {}
        self.error = ""

    def find(self, what: str, detail: str, index: int | None = None) -> None:
        """Take a finding down, as long as there is room."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append((what, detail, index))
        else:
            self.truncated = True

    @property
    def code(self) -> int:
        """Return 0: untouched, 1: a finding, 2: nothing could be judged."""
        return 2 if self.error else int(bool(self.findings))

    def to_json(self) -> str:
        """Return one line of JSON."""
        found = [{"what": what, "detail": detail, "index": index} for what, detail, index in self.findings]
        told: dict[str, Any] = {"path": self.path, "kind": self.kind, "code": self.code, "ok": self.code == 0}
        if self.error:
            return json.dumps(told | {"error": self.error}, ensure_ascii=False)
        told |= {"size": self.size, "judged": self.judged, "root": self.root.hex() if self.root else None}
        told |= {"checkpoints": self.checkpoints, "expires_on": self.expires_on, "facts": self.facts}
        return json.dumps(told | {"findings": found, "truncated": self.truncated}, ensure_ascii=False)

    def text(self, *, german: bool) -> str:
        """Return it as lines for people."""
        if self.error:
            return f"{self.path}: " + ("Nichts geprüft: " if german else "Nothing was judged: ") + self.error
        root = self.root.hex() if self.root else ("keine" if german else "none")
        place = " (Eintrag {})" if german else " (entry {})"
        lines = [
            f"{self.path}: {self.judged} von {self.size} Einträgen, {self.checkpoints} unterschriebene Checkpoints"
            if german
            else f"{self.path}: {self.judged} of {self.size} entries, {self.checkpoints} signed checkpoints",
            ("Wurzel, die ein vertrauter Schlüssel unterschrieb: " if german else "root that a trusted key signed: ")
            + root,
        ]
        if self.expires_on:
            lines.append(("zu löschen am " if german else "to be deleted on ") + self.expires_on)
        if self.facts and not self.findings:
            lines.append("Der Eintrag sagt:" if german else "The entry says:")
            lines += [f"    {name}: {_spoken(value)}" for name, value in sorted(self.facts.items())]
        for what, detail, index in self.findings:
            name = GERMAN[what] if german else what
            lines.append(f"{name}: {detail}" + ("" if index is None else place.format(index)))
        lines += ["…"] if self.truncated else []
        good, bad = (
            ("Alles stimmt.", "Es stimmt nicht alles.") if german else ("Everything adds up.", "It does not add up.")
        )
        return "\n".join([*lines, bad if self.findings else good])


def _spoken(value: object) -> str:
    """Return a value on one line, without what could move a terminal's cursor."""
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(sign if sign.isprintable() else "?" for sign in said)


def open_head(policy: Policy, raw: bytes, verdict: Verdict) -> Head | None:
    """Return the checkpoint that everything is held against; what is wrong with it is found."""
    try:
        head = policy.open(raw)
    except Broken as error:
        verdict.find("head", str(error))
        return None
    if not head.enough:
        verdict.find("cosignature", "fewer witnesses cosigned it than the policy asks for, or too long ago")
    return head
