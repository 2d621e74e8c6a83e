"""Judge that a flow rested on a consent: two proofs whose subject parts lie open, or a proof and a selection.

Two proofs show that the consent was given before the flow. That it had not ended meanwhile shows a selection alone, by
the person's numbers, which run without a gap.
Source: proaktiv's decision 0022.
"""

from typing import Any, NamedTuple

from proaktiv.flowlog.alone.entry import CHANGING, Row
from proaktiv.flowlog.alone.proof import Shown
from proaktiv.flowlog.alone.selection import body_of
from proaktiv.flowlog.alone.spelling import Unreadable, is_count
from proaktiv.flowlog.alone.verdict import Verdict

GIVING = {("consent_changed", "given"), ("confirmed", "confirmed")}
"""Kind and outcome of the entries by which a consent is given: in advance, and with the yes to one Auftrag."""


class Said(NamedTuple):
    """What an entry says of a consent, in facts and subject part."""

    at: int
    facts: dict[str, Any]
    subject: dict[str, Any]

    @property
    def consent(self) -> str:
        """Return the number of the record that it names, empty where it names none."""
        return str(self.subject.get("consent", ""))

    @property
    def gives(self) -> bool:
        """Return whether a consent was given by it."""
        return (self.facts.get("kind"), self.facts.get("outcome")) in GIVING

    def ends(self, record: str) -> bool:
        """Return whether this consent ended by it: withdrawn, objected to, or given anew under another number."""
        ended = self.facts.get("kind") in CHANGING and self.consent == record and not self.gives
        return ended or self.subject.get("replaces") == record

    def told(self) -> dict[str, Any]:
        """Return what is said of it to whoever reads the verdict."""
        return {"index": self.at} | {name: self.facts.get(name, "") for name in ("t", "kind", "action", "scope")}


def said_by(shown: Shown, which: str) -> Said:
    """Return what a proof says. Raises ``Unreadable`` where it does not show enough."""
    if not shown.facts or not shown.subject:
        raise Unreadable(f"{which} shows no subject part: download it again with what a second person allowed")
    return Said(shown.at, shown.facts, shown.subject)


def judge_two(flow: Shown, given: Shown, verdict: Verdict) -> None:
    """Judge by two proofs, each of which was judged before."""
    one, other = said_by(flow, "the proof of the flow"), said_by(given, "the proof of the consent")
    if flow.origin != given.origin:
        verdict.find("consent", "the proof of the consent is of another log", other.at)
    if not one.consent:
        verdict.find("consent", "names no consent", one.at)
    elif not other.consent:
        verdict.find("consent", "names no consent", other.at)
    elif other.consent != one.consent:
        verdict.find("consent", f"names the consent {other.consent}, the flow {one.consent}", other.at)
    if other.subject.get("subject") != one.subject.get("subject"):
        verdict.find("consent", "is another person's than the flow's", other.at)
    if not other.gives:
        verdict.find("consent", "says nothing of a consent that was given", other.at)
    if _name(other) != _name(one):
        verdict.find("consent", "is about another activity than the flow", other.at)
    if other.at >= one.at:
        verdict.find("consent", "the consent stands after the flow", other.at)
    if not verdict.findings:
        verdict.rested_on = {"consent": one.consent, "flow": one.told(), "given": other.told(), "whole": False}


def judge_among(flow: Shown, origin: str, rows: list[Row], verdict: Verdict) -> None:
    """Judge by the proof of a flow and a selection that was judged before: between the two no entry may end it."""
    one = said_by(flow, "the proof of the flow")
    if flow.origin != origin:
        verdict.find("consent", "the selection is of another log")
    said = [Said(row.at, body_of(row.facts), body_of(row.subject)) for row in rows]
    if not any(row.at == one.at and row.entry == flow.entry for row in rows):
        verdict.find("consent", "the flow is not in the selection", one.at)
    if not one.consent:
        verdict.find("consent", "names no consent", one.at)
    earlier = [each for each in said if each.at < one.at]
    giving = next((each for each in earlier if one.consent and each.gives and each.consent == one.consent), None)
    if giving is None:
        verdict.find("consent", "no entry before the flow says that its consent was given", one.at)
        return
    if _name(giving) != _name(one):
        verdict.find("consent", "is about another activity than the flow", giving.at)
    for each in earlier:
        if each.at > giving.at and each.ends(one.consent):
            verdict.find("consent", "ends the consent before the flow", each.at)
    if not verdict.findings:
        whole = is_count(giving.subject.get("seq"), one.subject.get("seq"))
        verdict.rested_on = {"consent": one.consent, "flow": one.told(), "given": giving.told(), "whole": whole}


def _name(said: Said) -> str:
    """Return the activity that an entry is about, without its version."""
    return str(said.facts.get("scope", "")).partition("@")[0]
