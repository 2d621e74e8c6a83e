"""Check one stored entry against what it commits to.

Written apart from ``flowlog.record``: reads the stored bytes, trusts no column. Left to others: whether the entry is
in the tree (``flowlog.verifying.whole``).
Source: flowlog.md §§ 2–3.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from proaktiv.core.canonical import CanonicalError, checked
from proaktiv.core.flows import NEVER_RESTRICTED, Kind
from proaktiv.flowlog.entries import FACTS, SALT_BYTES, STAFF, SUBJECT, Entry, commitment, instant, unpack
from proaktiv.flowlog.keeping.pruning import Pruned, told_by
from proaktiv.flowlog.verifying.erasures import Erasures, Placed
from proaktiv.flowlog.verifying.report import FINDINGS_MAX, Finding, What
from proaktiv.vault import SealBroken


class Opener(Protocol):
    """Opens parts for the check; None means: closed to us, not checked."""

    @property
    def opens_staff(self) -> bool:
        """Return whether it opens parts A at all."""
        ...

    @property
    def opens_subjects(self) -> bool:
        """Return whether it opens parts S at all."""
        ...

    def prepare(self, subjs: Collection[bytes]) -> None:
        """Hear whose entries come next, so that their keys are read together."""
        ...

    def subj_of(self, person: UUID) -> bytes:
        """Return a person's blind index."""
        ...

    def subject(self, subj: bytes, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body S. Raises ``SealBroken``."""
        ...

    def staff(self, key_id: UUID, blob: bytes, aad: bytes) -> bytes | None:
        """Return salt ‖ body A. Raises ``SealBroken``."""
        ...


_COLUMNS = {
    "kind": "kind",
    "t": "t",
    "sender": "from",
    "receiver": "to",
    "purpose": "purpose",
    "basis": "basis",
    "scope": "scope",
    "outcome": "outcome",
}
"""Query column → key in body F. What a screen filters by must be what was committed."""


@dataclass(slots=True)
class RowCheck:
    """Checks rows one after the other and remembers each opened person's numbers."""

    opener: Opener | None = None
    numbers: dict[bytes, int] = field(default_factory=dict)
    pruned: Pruned = field(default_factory=Pruned)
    """What retention says of itself in the entries read so far."""
    erasures: Erasures = field(default_factory=Erasures)
    """What is missing, and what erasures say of it."""
    opened: Counter[str] = field(default_factory=Counter)
    """How many parts S and A were opened, by their letter."""
    closed: Counter[str] = field(default_factory=Counter)
    """How many stayed closed to an opener that opens such parts."""
    _missing: list[Finding] = field(default_factory=list)
    _gone: int = 0
    """How many rows were not there so far, the last of them just before the entry that is read next or earlier."""
    _gone_at: dict[bytes, int] = field(default_factory=dict)

    def gone(self, index: int) -> None:
        """Take down that a row is not there: numbers of persons may be missing with it."""
        self._gone += 1
        self.erasures.gone(index)

    def findings(self, row: Any, index: int | None, *, erased: bool) -> Iterator[Finding]:
        """Yield what is wrong inside one row of log and secret; ``erased`` excuses missing parts."""

        def found(what: What, detail: str) -> Finding:
            return Finding(what, detail, index, row.fid)

        try:
            entry = unpack(bytes(row.entry))
        except ValueError:
            yield found(What.ENTRY, "the bytes are no entry")
            return
        for what, detail in _facts(row, entry):
            yield found(what, detail)
        if row.secret_fid is None:
            yield found(What.ROW, "its row of sealed parts is missing")
            return
        self._account(row)
        if row.s_blob is None and row.subj is None and not erased:
            self.erasures.misses(index, row.fid)
            if len(self._missing) < FINDINGS_MAX:
                self._missing.append(found(What.SUBJECT, "missing without an erasure"))
        for detail in self._subject(row, entry.subject):
            yield found(What.SUBJECT, detail)
        for detail in self._staff(row, entry.staff, erased=erased):
            yield found(What.STAFF, detail)
        if row.s_blob is not None and row.subj is not None:
            for detail in self._sequence(row, entry.subject):
                yield found(What.SEQUENCE, detail)

    def _account(self, row: Any) -> None:
        """Take down what retention says it took."""
        if row.kind == Kind.RETENTION and (said := told_by(bytes(row.f_bytes))) is not None:
            self.pruned = max(self.pruned, said, key=lambda one: one.order)

    def unexcused(self, placed: Placed | None = None, *, whole: bool = True) -> Iterator[Finding]:
        """Yield what is missing, once all entries are read, unless the erasures told of account for all of it.

        Which entry an erasure took stands sealed in its staff part: in the open it would group one person's entries.
        So without that key their number is what must agree, less those that retention took since; with it, and
        ``placed``, each place. Where the log was not read from its beginning (not ``whole``) nobody knows which
        erasures told of what retention took. Source: flowlog.md § 4.
        """
        said = self.erasures
        if placed is not None and self.opener is not None and self.opener.opens_staff:
            yield from said.findings(placed)
            return
        excused = max(0, said.counted - (self.pruned.removed_erased if whole else 0))
        if said.missing <= excused:
            return
        if excused:
            yield Finding(What.SUBJECT, f"{said.missing} are missing, erasures account for {excused}")
        yield from self._missing

    def _subject(self, row: Any, c_subject: bytes) -> Iterator[str]:
        blob = row.s_blob
        if blob is None:
            if row.subj is not None:
                yield "missing without an erasure"
        elif len(blob) == SALT_BYTES:
            if row.subj is not None or commitment(SUBJECT, blob, b"") != c_subject:
                yield "the open salt does not show that there never was one"
        elif row.subj is None:
            yield "its blind index is missing"
        else:
            plain = self._opened("S", lambda opener: opener.subject(row.subj, blob, c_subject))
            if plain is not None and not _commits(SUBJECT, plain, c_subject):
                yield "does not open to what was committed"

    def _staff(self, row: Any, c_staff: bytes, *, erased: bool) -> Iterator[str]:
        blob, body = row.a_blob, None
        if blob is None or row.staff_key is None:
            if not erased:
                yield "missing without an erasure"
        else:
            plain = self._opened("A", lambda opener: opener.staff(row.staff_key, blob, c_staff))
            if plain is not None and not _commits(STAFF, plain, c_staff):
                yield "does not open to what was committed"
            elif plain is not None:
                body = plain[SALT_BYTES:]
        if row.kind == Kind.ERASURE and not self.erasures.told(_taken(row), body):
            yield "names not as many erased entries as the facts count"

    def _opened(self, part: str, open_part: Callable[[Opener], bytes | None]) -> bytes | None:
        """Return what a part opens to, None where it is closed to us; what is no seal opens to nothing."""
        opener = self.opener
        if opener is None or not (opener.opens_staff if part == "A" else opener.opens_subjects):
            return None
        try:
            plain = open_part(opener)
        except SealBroken:
            plain = b""
        (self.closed if plain is None else self.opened)[part] += 1
        return plain

    def _sequence(self, row: Any, c_subject: bytes) -> Iterator[str]:
        """Check that a person's numbers run 1, 2, 3 … in the order of the log."""
        if self.opener is None or not self.opener.opens_subjects or len(row.s_blob) == SALT_BYTES:
            return
        try:
            plain = self.opener.subject(row.subj, row.s_blob, c_subject)
        except SealBroken:
            plain = None
        if plain is None or not _commits(SUBJECT, plain, c_subject):
            return  # reported already, or closed to us
        body = json.loads(plain[SALT_BYTES:])
        if self.opener.subj_of(UUID(body["subject"])) != row.subj:
            yield "is filed under another person's blind index"
        elif "seq" in body:
            expected = self.numbers.get(row.subj, 0) + 1
            jump = body["seq"] - expected
            # What retention took between two entries of a person may have had the numbers between; more it cannot have.
            if jump < 0 or jump > self._gone - self._gone_at.get(row.subj, 0):
                yield f"number {body['seq']} where {expected} should follow"
            self._gone_at[row.subj] = self._gone
            self.numbers[row.subj] = body["seq"]


def _commits(group: bytes, plain: bytes, committed: bytes) -> bool:
    return commitment(group, plain[:SALT_BYTES], plain[SALT_BYTES:]) == committed


def _facts(row: Any, entry: Entry) -> Iterator[tuple[What, str]]:
    body = bytes(row.f_bytes)
    if len(row.f_salt) != SALT_BYTES or commitment(FACTS, bytes(row.f_salt), body) != entry.facts:
        yield What.FACTS, "bytes or salt are not what was committed"
        return
    try:
        facts = json.loads(body)
        canonical = isinstance(facts, dict) and checked(facts) == body
    except (ValueError, CanonicalError, RecursionError):
        canonical = False
    if not canonical:
        yield What.FACTS, "not canonical"
        return
    if facts.get("flow") != str(row.fid):
        yield What.FACTS, "are those of another flow"
    if entry.kind not in _LABELS or facts.get("kind") != _LABELS[entry.kind]:
        yield What.FACTS, "name another kind than the entry"
    # The person's numbers show that a consent did not end: what gives or ends one must have a number.
    if entry.kind in NEVER_RESTRICTED and facts.get("restrict"):
        yield What.FACTS, "keep from the person what gives or ends a consent"
    stored = {"kind": _LABELS.get(row.kind, "unknown"), "t": instant(row.recorded_at)}
    for column, key in _COLUMNS.items():
        value = stored[column] if column in stored else getattr(row, column)
        if value != facts.get(key, ""):
            yield What.COLUMN, column


_LABELS = {int(kind): kind.label for kind in Kind}


def _taken(row: Any) -> int:
    """Return how many entries an erasure says it took; what says nothing readable took none."""
    try:
        n = json.loads(bytes(row.f_bytes)).get("n", 0)
    except (ValueError, AttributeError, RecursionError):
        return 0
    return n if type(n) is int and n > 0 else 0
