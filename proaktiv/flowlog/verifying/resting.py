"""Verify that a flow rested on a consent: two proofs that show their subject parts, or a proof and a selection.

Two proofs show that the consent was given before the flow, under which text. That it had not ended meanwhile shows a
selection alone, by the person's numbers, which run without a gap. That a log was kept for everybody alike is no matter
of these files (witnesses, ``--since``).
Source: docs/decisions/0022; flowlog.md § 3 (part S).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from proaktiv.core.flows import Kind
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.exports.selection import Selected
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.proof import Shown, judge_proof
from proaktiv.flowlog.verifying.report import Finding, Report, RestedOn, What
from proaktiv.flowlog.verifying.selection import facts_of, judge_selection, subject_of

GIVING = {(Kind.CONSENT_CHANGED.label, "given"), (Kind.CONFIRMED.label, "confirmed")}
"""Kind and outcome of the entries by which a consent is given: in advance, and with the yes to one Auftrag."""
_CHANGING = {Kind.CONSENT_CHANGED.label, Kind.CONFIRMED.label}


@dataclass(frozen=True, slots=True)
class _Said:
    """What an entry says of a consent, in facts and subject part."""

    index: int
    facts: Mapping[str, Any]
    subject: Mapping[str, Any]

    @property
    def consent(self) -> str:
        return str(self.subject.get("consent", ""))

    @property
    def activity(self) -> str:
        return str(self.facts.get("scope", "")).partition("@")[0]

    @property
    def gives(self) -> bool:
        return (self.facts.get("kind"), self.facts.get("outcome")) in GIVING

    def ends(self, record: str) -> bool:
        """Return whether it was withdrawn or objected to by this, or given anew under another number."""
        changed = self.facts.get("kind") in _CHANGING and self.consent == record and not self.gives
        return changed or self.subject.get("replaces") == record

    def told(self) -> dict[str, Any]:
        return {"index": self.index} | {name: self.facts.get(name, "") for name in ("t", "kind", "action", "scope")}


def verify_rested(flow: bytes, consent: bytes | Path, trusted: str | Policy, now: datetime | None = None) -> Report:
    """Check the proof of a flow and what shows its consent, a proof or an unpacked selection, then the two together.

    Returns one report; what is wrong with either stands in it, and only where nothing is are they held together.
    Raises as ``verify_proof`` and ``verify_selection``, and ``ExportUnreadable`` where a subject part is not shown.
    """
    report, shown = judge_proof(flow, trusted, now)
    rested: RestedOn | None = None
    if isinstance(consent, bytes):
        other, given = judge_proof(consent, trusted, now)
        if not (findings := [*report.findings, *other.findings]):
            findings, rested = _together(shown, given)
    else:
        other, origin, entries = judge_selection(consent, trusted, now=now)
        if not (findings := [*report.findings, *other.findings]):
            findings, rested = _among(shown, origin, entries)
    return replace(report, findings=tuple(findings), rested_on=None if findings else rested)


def _said(shown: Shown, which: str) -> _Said:
    if not shown.facts or not shown.subject:
        raise ExportUnreadable(f"{which} shows no subject part: download it again with what a second person allowed")
    return _Said(shown.index, shown.facts, shown.subject)


def _together(flow_shown: Shown, given_shown: Shown) -> tuple[list[Finding], RestedOn]:
    flow, given = _said(flow_shown, "the proof of the flow"), _said(given_shown, "the proof of the consent")
    found = []
    if flow_shown.origin != given_shown.origin:
        found.append(Finding(What.CONSENT, "the proof of the consent is of another log", given.index))
    if not flow.consent:
        found.append(Finding(What.CONSENT, "names no consent", flow.index))
    elif not given.consent:
        found.append(Finding(What.CONSENT, "names no consent", given.index))
    elif given.consent != flow.consent:
        detail = f"names the consent {given.consent}, the flow {flow.consent}"
        found.append(Finding(What.CONSENT, detail, given.index))
    if given.subject.get("subject") != flow.subject.get("subject"):
        found.append(Finding(What.CONSENT, "is another person's than the flow's", given.index))
    if not given.gives:
        found.append(Finding(What.CONSENT, "says nothing of a consent that was given", given.index))
    if given.activity != flow.activity:
        found.append(Finding(What.CONSENT, "is about another activity than the flow", given.index))
    if given.index >= flow.index:
        found.append(Finding(What.CONSENT, "the consent stands after the flow", given.index))
    return found, RestedOn(flow.consent, flow.told(), given.told(), whole=False)


def _among(shown: Shown, origin: str, entries: list[Selected]) -> tuple[list[Finding], RestedOn | None]:
    flow = _said(shown, "the proof of the flow")
    found = []
    if shown.origin != origin:
        found.append(Finding(What.CONSENT, "the selection is of another log"))
    if not any((each.row.idx, each.row.entry) == (shown.index, shown.entry) for each in entries):
        found.append(Finding(What.CONSENT, "the flow is not in the selection", flow.index))
    if not flow.consent:
        found.append(Finding(What.CONSENT, "names no consent", flow.index))
    earlier = [
        _Said(each.row.idx, facts_of(each), subject_of(each) or {}) for each in entries if each.row.idx < flow.index
    ]
    giving = [each for each in earlier if flow.consent and each.gives and each.consent == flow.consent]
    if not giving:
        missing = "no entry before the flow says that its consent was given"
        return [*found, Finding(What.CONSENT, missing, flow.index)], None
    given = giving[0]
    if given.activity != flow.activity:
        found.append(Finding(What.CONSENT, "is about another activity than the flow", given.index))
    found += [
        Finding(What.CONSENT, "ends the consent before the flow", each.index)
        for each in earlier
        if each.index > given.index and each.ends(flow.consent)
    ]
    whole = all(isinstance(each.subject.get("seq"), int) for each in (given, flow))
    return found, RestedOn(flow.consent, flow.told(), given.told(), whole)
