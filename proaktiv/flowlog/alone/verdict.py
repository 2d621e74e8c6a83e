"""What a verification says: findings, each with its place, and the verdict that follows from them."""

import json
from typing import Any

from proaktiv.flowlog.alone.german import in_german
from proaktiv.flowlog.alone.spelling import Broken
from proaktiv.flowlog.alone.trust import Head, Policy, signers

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
WRONG_KEY = (
    "The key does not fit: your policy names {held}, signed by {found}. Compare it with what you noted.",
    "Der Schlüssel passt nicht: Ihre policy nennt {held}, unterschrieben hat {found}. Mit Ihrem Zettel vergleichen.",
)
RESTED = (
    (
        "The flow at place {flow[index]} ({flow[action]}, {flow[t]}, {flow[scope]}) names the consent {consent}.",
        "Der Fluss an Platz {flow[index]} ({flow[action]}, {flow[t]}, {flow[scope]}) nennt die Einwilligung {consent}.",
    ),
    (
        "It was given before, at place {given[index]} ({given[action]}, {given[t]}), under the text {given[scope]}.",
        "Sie wurde davor gegeben, an Platz {given[index]} ({given[action]}, {given[t]}), zum Text {given[scope]}.",
    ),
)
WHOLE = (
    "It did not end in between: the person's numbers run without a gap, and no entry there names its end.",
    "Dazwischen endete sie nicht: Die Nummern der Person laufen ohne Lücke, und kein Eintrag dort nennt ihr Ende.",
)
NOT_SHOWN = (
    "Whether it was withdrawn in between these two proofs do not show; the way of the consent does.",
    "Ob sie dazwischen widerrufen wurde, zeigen diese zwei Belege nicht; das zeigt der Weg der Einwilligung.",
)
"""What is said of a key that does not fit and of what a flow rested on, in English and in German."""
STRANGE = "no trusted key signed this note"
UNNAMED = "MANIFEST.json names a log that the policy does not"
"""What is found of every checkpoint where a policy holds the key of another log."""


class Verdict:
    """One verification. ``size`` and ``root`` are what a trusted log signed, ``judged`` how many entries were here.

    ``facts`` and ``subject`` are those of a single proof that shows them, to be held against a screen or a letter.
    ``rested_on`` says which consent a flow rested on, where that was asked and nothing speaks against it.
    """

    def __init__(self, path: str, kind: str) -> None:
        self.path, self.kind = path, kind
        self.size, self.judged, self.checkpoints = 0, 0, 0
        self.root: bytes | None = None
        self.findings: list[tuple[str, str, int | None]] = []
        self.truncated = False
        self.expires_on: str | None = None
        self.facts: dict[str, Any] = {}
        self.subject: dict[str, Any] = {}
        self.rested_on: dict[str, Any] = {}
        self.origin = ""
        self.keys: list[str] = []
        self.signers: list[str] = []
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
        told |= {"subject": self.subject, "rested_on": self.rested_on}
        return json.dumps(told | {"findings": found, "truncated": self.truncated}, ensure_ascii=False)

    def text(self, *, german: bool) -> str:
        """Return it as lines for people."""
        if self.error:
            nothing = "Nichts geprüft: " if german else "Nothing was judged: "
            return f"{self.path}: {nothing}{in_german(self.error) if german else self.error}"
        root = self.root.hex() if self.root else ("keine" if german else "none")
        place = " (Eintrag {})" if german else " (entry {})"
        lines = [
            f"{self.path}: {self.judged} von {self.size} Einträgen, {self.checkpoints} unterschriebene Checkpoints"
            if german
            else f"{self.path}: {self.judged} of {self.size} entries, {self.checkpoints} signed checkpoints",
            ("Wurzel, die ein vertrauter Schlüssel unterschrieb: " if german else "root that a trusted key signed: ")
            + root,
        ]
        strange = ("head", STRANGE, None) in self.findings
        if self.kind == "consent":
            lines = [f"{self.path}:"]
        if strange:
            lines = [f"{self.path}: {self._wrong_key(german=german)}"]
        if self.expires_on:
            lines.append(("zu löschen am " if german else "to be deleted on ") + self.expires_on)
        if self.facts and not self.findings:
            lines.append("Der Eintrag sagt:" if german else "The entry says:")
            lines += [f"    {name}: {_spoken(value)}" for name, value in sorted(self.facts.items())]
        if self.subject and not self.findings:
            lines.append("Der Teil S der Person sagt:" if german else "The person's own part says:")
            lines += [
                f"    {name}: {_spoken(self.subject[name])}" for name in sorted(self.subject) if name != "subject"
            ]
        lines += self._resting(german=german) if self.rested_on else []
        for what, detail, index in self.findings:
            if strange and (detail.endswith(STRANGE) or detail == UNNAMED):
                continue
            said = f"{GERMAN[what]}: {in_german(detail)}" if german else f"{what}: {detail}"
            lines.append(said + ("" if index is None else place.format(index)))
        lines += ["…"] if self.truncated else []
        good, bad = (
            ("Alles stimmt.", "Es stimmt nicht alles.") if german else ("Everything adds up.", "It does not add up.")
        )
        return "\n".join([*lines, bad if self.findings else good])

    def _wrong_key(self, *, german: bool) -> str:
        """Return the one line that says it all where the keys of the policy signed nothing of it."""
        found = ", ".join(self.signers) or ("niemand" if german else "nobody")
        return WRONG_KEY[german].format(held=", ".join(self.keys), found=found)

    def _resting(self, *, german: bool) -> list[str]:
        """Return which consent a flow rested on, and what is not proven by that."""
        said = {
            which: {name: _spoken(value) for name, value in self.rested_on[which].items()}
            for which in ("flow", "given")
        }
        consent = _spoken(self.rested_on["consent"])
        lines = [*RESTED, WHOLE if self.rested_on["whole"] else NOT_SHOWN]
        return [line[german].format(consent=consent, **said) for line in lines]


def _spoken(value: object) -> str:
    """Return a value on one line, without what could move a terminal's cursor."""
    said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return "".join(sign if sign.isprintable() else "?" for sign in said)


def open_head(policy: Policy, raw: bytes, verdict: Verdict) -> Head | None:
    """Return the checkpoint that everything is held against; what is wrong with it is found."""
    verdict.keys, verdict.signers = policy.called(), signers(raw)
    try:
        head = policy.open(raw)
    except Broken as error:
        verdict.find("head", str(error))
        return None
    if not head.enough:
        verdict.find("cosignature", "fewer witnesses cosigned it than the policy asks for, or too long ago")
    return head
