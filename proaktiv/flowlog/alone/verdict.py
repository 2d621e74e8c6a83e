"""What a verification says: findings, each with its place, and the verdict that follows from them."""

import json
from typing import Any

from proaktiv.flowlog.alone.german import in_german
from proaktiv.flowlog.alone.speaking import in_german_time, named, shown, spoken
from proaktiv.flowlog.alone.spelling import Broken
from proaktiv.flowlog.alone.trust import Head, Policy, signers

FINDINGS_MAX = 1_000
GERMAN = {
    "row": "Zeile",
    "entry": "Eintrag",
    "facts": "Tatsachen",
    "column": "Spalte",
    "subject part": "Teil S",
    "staff part": "Teil A",
    "sequence": "Zählung",
    "index": "Platz",
    "tile": "Kachel",
    "head": "Kopf",
    "checkpoint": "Checkpoint",
    "cosignature": "Mitunterschrift",
    "time": "Zeit",
    "file": "Datei",
    "consent": "Einwilligung",
}
"""What a finding may be about."""
COLUMN_NAMES = {
    "kind": "Art (kind)",
    "t": "Wann (t)",
    "sender": "Von (sender)",
    "receiver": "An (receiver)",
    "purpose": "Zweck (purpose)",
    "basis": "Rechtsgrundlage (basis)",
    "scope": "Freigegebener Text (scope)",
    "outcome": "Ergebnis (outcome)",
}
CONCLUSIONS = {
    "good": ("Everything adds up.", "Alles stimmt."),
    "bad": ("It does not add up.", "Es stimmt nicht alles."),
    "partly": ("Not all of it was judged.", "Nicht alles geprüft."),
    "nothing": ("Nothing was judged.", "Nichts geprüft."),
}
"""The last line, in English and in German: one for everything that was asked."""
GROWN = (
    "Since your checkpoint ({since} entries) the log has only grown, to {size} entries.",
    "Seit Ihrem Checkpoint ({since} Einträge) ist das Protokoll nur gewachsen, auf {size} Einträge.",
)
UNGROWN = (
    "Since your checkpoint ({since} entries) nothing was added to the log and nothing changed.",
    "Seit Ihrem Checkpoint ({since} Einträge) kam im Protokoll nichts hinzu, und nichts wurde geändert.",
)
WRONG_KEY = (
    "The key does not fit: your policy names {held}, signed by {found}. Compare it with what you noted.",
    "Der Schlüssel passt nicht: Ihre policy nennt {held}, unterschrieben hat {found}. Mit Ihrem Zettel vergleichen.",
)
RESTED = (
    (
        "The flow at place {flow[index]} ({flow[action]}; {flow[t]}; {flow[scope]}) names the consent {consent}.",
        (
            "Der Fluss an Platz {flow[index]} – {flow[action]}; {flow[t]}; {flow[scope]} – nennt die Einwilligung"
            " {consent}."
        ),
    ),
    (
        "It was given before, at place {given[index]} ({given[action]}; {given[t]}), under the text {given[scope]}.",
        "Davor gegeben wurde sie an Platz {given[index]} – {given[action]}; {given[t]} – zum Text {given[scope]}.",
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
UNASKED = (
    "Not judged: whether a flow rested on a consent (that takes --consent).",
    "Nicht gefragt: ob ein Fluss auf einer Einwilligung beruhte (dazu --consent).",
)
"""What is said of a key that does not fit and of what a flow rested on, in English and in German."""
STRANGE = "no trusted key signed this note"
UNNAMED = "MANIFEST.json names a log that the policy does not"
"""What is found of every checkpoint where a policy holds the key of another log."""


class Verdict:
    """One verification. ``size`` and ``root`` are what a trusted log signed, ``judged`` how many entries were here.

    ``facts`` and ``subject`` are those of a single proof that shows them, to be held against a screen or a letter.
    ``rested_on`` says which consent a flow rested on, where that was asked and nothing speaks against it. ``since`` is
    how many entries the checkpoint covers that the caller kept, where the log has only grown since. ``error`` says why
    nothing could be judged, ``lacking`` what is needed to judge all of it.
    """

    def __init__(self, path: str, kind: str) -> None:
        self.path, self.kind = path, kind
        self.size, self.judged, self.checkpoints = 0, 0, 0
        self.root: bytes | None = None
        self.findings: list[tuple[str, str, int | None]] = []
        self.truncated = False
        self.since: int | None = None
        self.expires_on: str | None = None
        self.facts: dict[str, Any] = {}
        self.subject: dict[str, Any] = {}
        self.rested_on: dict[str, Any] = {}
        self.origin = ""
        self.keys: list[str] = []
        self.signers: list[str] = []
        self.error = ""
        self.lacking = ""

    def find(self, what: str, detail: str, index: int | None = None) -> None:
        """Take a finding down, as long as there is room."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append((what, detail, index))
        else:
            self.truncated = True

    def lack(self, needed: str) -> None:
        """Take down why not all of it can be judged."""
        self.lacking = needed

    @property
    def code(self) -> int:
        """Return 0: untouched, 1: a finding, 2: nothing, or not all, could be judged."""
        if self.error or not self.findings:
            return 2 if self.error or self.lacking else 0
        return 1

    def to_json(self) -> str:
        """Return one line of JSON."""
        found = [{"what": what, "detail": detail, "index": index} for what, detail, index in self.findings]
        told: dict[str, Any] = {"path": self.path, "kind": self.kind, "code": self.code, "ok": self.code == 0}
        if self.code == 2:
            return json.dumps(told | {"error": self.error or self.lacking}, ensure_ascii=False)
        told |= {"size": self.size, "judged": self.judged, "root": self.root.hex() if self.root else None}
        told |= {"checkpoints": self.checkpoints, "expires_on": self.expires_on, "facts": self.facts}
        told |= {"subject": self.subject, "rested_on": self.rested_on, "since": self.since}
        return json.dumps(told | {"findings": found, "truncated": self.truncated}, ensure_ascii=False)

    def text(self, *, german: bool) -> str:
        """Return it as lines for people, without a conclusion: that stands once, below everything that was asked."""
        if self.error:
            said = in_german(self.error) if german else self.error
            return said if said.startswith(f"{self.path} ") else f"{self.path}: {said}"
        strange = ("head", STRANGE, None) in self.findings
        lines = [f"{self.path}: {self._wrong_key(german=german)}"] if strange else self._counted(german=german)
        if self.expires_on:
            day = ".".join(reversed(self.expires_on.split("-")))
            lines.append(f"zu löschen am {day}" if german else f"to be deleted on {self.expires_on}")
        if self.since is not None and not self.findings:
            grown = GROWN if self.since < self.size else UNGROWN
            lines.append(grown[german].format(since=self.since, size=self.size))
        if self.facts and not self.findings:
            lines += ["Der Eintrag sagt:" if german else "The entry says:", *shown(self.facts, german=german)]
        if self.subject and not self.findings:
            own = {name: value for name, value in self.subject.items() if name != "subject"}
            lines += ["Der Teil S sagt:" if german else "The person's own part says:", *shown(own, german=german)]
        lines += self._resting(german=german) if self.rested_on else []
        if self.lacking and not strange:
            lines.append(in_german(self.lacking) if german else self.lacking)
        for what, detail, first, last in self._runs():
            if not (strange and (detail.endswith(STRANGE) or detail == UNNAMED)):
                said = in_words(what, detail) if german else f"{what}: {detail}"
                lines.append(said + _places(first, last, german=german))
        return "\n".join([*lines, *(["…"] if self.truncated else [])])

    def _runs(self) -> list[tuple[str, str, int | None, int | None]]:
        """Return the findings, one of many places in a row as one: what, detail, first place and last."""
        runs: list[tuple[str, str, int | None, int | None]] = []
        for what, detail, index in self.findings:
            follows = index is not None and runs and runs[-1][:2] == (what, detail) and runs[-1][3] == index - 1
            runs.append((what, detail, runs.pop()[2] if follows else index, index))
        return runs

    def _counted(self, *, german: bool) -> list[str]:
        """Return how much was here, and what is signed over it."""
        if self.kind == "consent":
            return [f"{self.path}:"]
        one, root = self.checkpoints == 1, self.root.hex() if self.root else ""
        if german:
            notes = "unterschriebener Checkpoint" if one else "unterschriebene Checkpoints"
            return [
                f"{self.path}: {self.judged} von {self.size} Einträgen, {self.checkpoints} {notes}",
                f"Wurzel, die ein vertrauter Schlüssel unterschrieb: {root or 'keine'}",
            ]
        notes = "signed checkpoint" if one else "signed checkpoints"
        return [
            f"{self.path}: {self.judged} of {self.size} entries, {self.checkpoints} {notes}",
            f"root that a trusted key signed: {root or 'none'}",
        ]

    def _wrong_key(self, *, german: bool) -> str:
        """Return the one line that says it all where the keys of the policy signed nothing of it."""
        found = ", ".join(self.signers) or ("niemand" if german else "nobody")
        return WRONG_KEY[german].format(held=", ".join(self.keys), found=found)

    def _resting(self, *, german: bool) -> list[str]:
        """Return which consent a flow rested on, and what is not proven by that."""

        def told(name: str, value: Any) -> str:
            if not german:
                return spoken(value)
            return in_german_time(value) if name == "t" else named(name, value)

        said = {
            which: {name: told(name, value) for name, value in self.rested_on[which].items()}
            for which in ("flow", "given")
        }
        consent = spoken(self.rested_on["consent"])
        lines = [*RESTED, WHOLE if self.rested_on["whole"] else NOT_SHOWN]
        return [line[german].format(consent=consent, **said) for line in lines]


def in_words(what: str, detail: str) -> str:
    """Return a finding in German."""
    said = f"{COLUMN_NAMES[detail]} sagt anderes als die Tatsachen" if what == "column" else in_german(detail)
    return f"{GERMAN[what]}: {said}"


def _places(first: int | None, last: int | None, *, german: bool) -> str:
    if first is None:
        return ""
    if first == last:
        return f" (Platz {first})" if german else f" (entry {first})"
    return f" (Platz {first} bis {last})" if german else f" (entries {first} to {last})"


def concluded(judged: list[Verdict], *, german: bool) -> tuple[int, str]:
    """Return how all of it ends, and the line that says so; what was found stays found, whatever was unreadable."""
    codes = [verdict.code for verdict in judged]
    worst = 1 if 1 in codes else max(codes, default=2)
    unread = "nothing" if all(verdict.error for verdict in judged) else "partly"
    said = {0: "good", 1: "bad"}.get(worst, unread)
    return worst, CONCLUSIONS[said][german]


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
