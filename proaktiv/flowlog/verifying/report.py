"""What a verification says: findings, each with its place, and the report around them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

FINDINGS_MAX = 1_000
"""So many are listed; a log with more needs no longer list."""


STRANGE = "no trusted key signed this note"
"""What is found of every checkpoint where the key is that of another log."""


class What(StrEnum):
    """What a finding is about. Closed."""

    ROW = "row"
    ENTRY = "entry"
    FACTS = "facts"
    COLUMN = "column"
    SUBJECT = "subject part"
    STAFF = "staff part"
    SEQUENCE = "sequence"
    INDEX = "index"
    QUEUE = "queue"
    TILE = "tile"
    HEAD = "head"
    CHECKPOINT = "checkpoint"
    COSIGNATURE = "cosignature"
    STAMP = "time stamp"
    TIME = "time"
    FILE = "file"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up. ``index`` is the entry's place in the log where it has one."""

    what: What
    detail: str
    index: int | None = None
    flow: UUID | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "what": self.what.value,
            "detail": self.detail,
            "index": self.index,
            "flow": str(self.flow) if self.flow else None,
        }


@dataclass(frozen=True, slots=True)
class RestedOn:
    """Which consent a flow rested on: what the entries of the flow and of the consent say of it.

    ``whole``: all entries of the person between the two were there, and none of them ends the consent.
    """

    consent: str
    flow: Mapping[str, Any]
    given: Mapping[str, Any]
    whole: bool

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"consent": self.consent, "flow": dict(self.flow), "given": dict(self.given), "whole": self.whole}

    def lines(self) -> list[str]:
        """Return it as lines for people."""
        flow = {name: _spoken(value) for name, value in self.flow.items()}
        given = {name: _spoken(value) for name, value in self.given.items()}
        ended = (
            "it did not end in between: the person's numbers run without a gap, and no entry there names its end"
            if self.whole
            else "whether it was withdrawn in between these two proofs do not show; the way of the consent does"
        )
        about = f"{flow['action']}, {flow['t']}, {flow['scope']}"
        return [
            f"the flow at place {flow['index']} ({about}) names the consent {_spoken(self.consent)}",
            f"it was given before, at place {given['index']} ({given['action']}, {given['t']}), under {given['scope']}",
            ended,
        ]


def _spoken(value: object) -> str:
    """Return a value on one line, without what could move a terminal's cursor."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(value))


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was opened of the sealed parts, by their letter, S and A; what was not shows its commitment alone."""

    staff: bool
    subjects: bool
    opened: Mapping[str, int] = field(default_factory=dict)
    closed: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data; null for parts that nobody opened."""
        return {letter: self._counts(letter) if wanted else None for letter, wanted, _ in self._parts()}

    def lines(self) -> Iterator[str]:
        """Yield for each kind of part what was opened, or by which command it would be."""
        for letter, wanted, option in self._parts():
            if wanted:
                opened, closed = self._counts(letter).values()
                yield f"parts {letter}: {opened} opened and checked" + (
                    f", {closed} stayed closed: no key of this process opens them" if closed else ""
                )
            else:
                yield f"parts {letter}: not opened; at the office `proaktiv log verify {option}` checks them"

    def _parts(self) -> Iterator[tuple[str, bool, str]]:
        yield "A", self.staff, "--staff"
        yield "S", self.subjects, "--sealed"

    def _counts(self, letter: str) -> dict[str, int]:
        return {"opened": self.opened.get(letter, 0), "closed": self.closed.get(letter, 0)}


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified and what was found.

    ``root`` is None where nobody trusted says one, ``pending`` where nobody can know: an export does not hold what is
    queued. ``cosigned`` is None where the policy asks for no cosignature. Entries before ``first`` were not there to be
    read, their hashes were. ``truncated``: there are more findings than are listed. ``selected`` is how many entries
    were judged where it was not all of them. ``names`` is what a single proof shows of the person's own part;
    ``rested_on`` says, where that was asked and nothing speaks against it, which consent a flow rested on. ``since`` is
    how many entries the checkpoint covers that the caller kept. ``sealed`` is None where sealed parts are not at hand.
    """

    size: int
    root: bytes | None
    pending: int | None
    checkpoints: int
    findings: tuple[Finding, ...]
    truncated: bool = False
    first: int = 0
    expires_on: date | None = None
    cosigned: int | None = None
    stamped: int | None = None
    selected: int | None = None
    names: Mapping[str, Any] = field(default_factory=dict)
    rested_on: "RestedOn | None" = None
    since: int | None = None
    sealed: Sealed | None = None

    @property
    def ok(self) -> bool:
        """Return whether everything adds up."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "ok": self.ok,
            "size": self.size,
            "first": self.first,
            "selected": self.selected,
            "root": self.root.hex() if self.root else None,
            "pending": self.pending,
            "checkpoints": self.checkpoints,
            "findings": [finding.to_json() for finding in self.findings],
            "truncated": self.truncated,
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
            "cosigned": self.cosigned,
            "stamped": self.stamped,
            "since": self.since if self.ok else None,
            **({"sealed": self.sealed.to_json()} if self.sealed else {}),
            **({"names": dict(self.names)} if self.names else {}),
            **({"rested_on": self.rested_on.to_json()} if self.rested_on else {}),
        }

    def text(self) -> str:
        """Return it as lines for people; one line says it all where the key is that of another log."""
        strange = [finding for finding in self.findings if finding.detail.endswith(STRANGE)]
        wrong_key = any(finding.what is What.HEAD for finding in strange)
        listed = [finding for finding in self.findings if not (wrong_key and finding in strange)]
        queued = "" if self.pending is None else f", {self.pending} more still queued"
        wrong = "the key does not fit: this log was signed with another one than the one you named"
        lines = [
            *([wrong] if wrong_key else []),
            f"{self.size} entries{queued}, {self.checkpoints} signed checkpoints",
            *([f"{self.selected} of them are here, each with its proof"] if self.selected is not None else []),
            *([f"of entries 0 to {self.first - 1} only the hashes are here"] if self.first else []),
            *([f"to be deleted on {self.expires_on}"] if self.expires_on else []),
            *([] if self.cosigned is None else [f"cosigned as the policy asks: {self.cosigned} entries"]),
            *([] if self.stamped is None else [f"time-stamped: {self.stamped} entries"]),
            f"root {self.root.hex() if self.root else 'that a trusted key signed: none'}",
            *([self._grown(self.since)] if self.since is not None and self.ok else []),
            *(
                [f"the person's own part says {name}: {_spoken(value)}" for name, value in self.names.items()]
                if self.ok
                else []
            ),
            *(self.rested_on.lines() if self.rested_on else []),
            *(
                f"{finding.what.value}: {finding.detail}"
                + (f" (entry {finding.index})" if finding.index is not None else "")
                for finding in listed
            ),
            *(["… and more."] if self.truncated else []),
            *(self.sealed.lines() if self.sealed else []),
            "Everything adds up." if self.ok else "The log does not add up.",
        ]
        return "\n".join(lines)

    def _grown(self, since: int) -> str:
        """Return where the log stood when the caller's checkpoint was kept, and where it stands."""
        if since < self.size:
            return f"since your checkpoint of {since} entries the log has only grown, to {self.size} entries"
        return f"since your checkpoint of {since} entries nothing was added to the log and nothing changed"
