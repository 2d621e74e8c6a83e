"""Check that nothing was lost and nothing came twice: every kind of thing obeys an equation of conservation.

"Lost" means that an equation does not hold. The house's rows stand beside what others saw (registers, Behörden, the
letterbox, the citizens) and beside what the log says, never beside themselves. Source: data-path.md § 7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proaktiv.core.flows import Kind
from proaktiv.demo.citizens import Deed
from proaktiv.demo.counting import Counts
from proaktiv.flowlog.verifying.report import Report

_ON_THE_WAY = ("awaiting_signature", "held", "ready", "announced", "in_doubt", "with_citizen")
_HANDED_OVER = ("sent", "acknowledged", "question", "decided", "rejected")


@dataclass(frozen=True, slots=True)
class Equation:
    """Two ways to count the same. ``says`` is for people."""

    says: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Return whether nothing was lost and nothing came twice."""
        return self.left == self.right

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {"equation": self.says, "left": self.left, "right": self.right, "holds": self.holds}


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What those outside the house saw: the registers, the Behörden, the letterbox, the citizens."""

    reported: int
    duplicates: int
    arrivals: int
    repeats: int
    second_arrivals: int
    acknowledged: int
    letters: int
    printed: int
    mails: int
    mails_telling: int
    letters_missing: int
    letters_unexpected: int
    deeds: Mapping[Deed, int]
    timeline: int = 0


def equations(counts: Counts, seen: Witnesses) -> tuple[Equation, ...]:
    """Return every equation that a run without loss and without anything twice obeys."""
    numbers, bound = counts.numbers, seen.deeds[Deed.ACCOUNT_BOUND]
    return (
        Equation(
            "events in the log = admitted + refused + stopped + waiting + held",
            counts.logged("event.received"),
            counts.of("events", "admitted", "refused", "stopped", "waiting", "needs", "held"),
        ),
        Equation("events = reports - duplicates", counts.total("events"), seen.reported - seen.duplicates),
        Equation("Aufträge found that were not proposed = 0", numbers["unproposed"], 0),
        Equation("proposals that nothing was found for = 0", numbers["unmatched"], 0),
        Equation(
            "proposals = open + later + confirmed + declined + superseded + lapsed + recalled",
            counts.total("proposals"),
            counts.of("proposals", "open", "later", "confirmed", "declined", "superseded", "lapsed", "recalled"),
        ),
        Equation("open proposals neither told nor due nor a task = 0", numbers["untold"], 0),
        Equation(
            "confirmed in the log = dispatched + withdrawn + on the way",
            counts.logged("auftrag.confirmed", "confirmed"),
            counts.of("auftraege", *_HANDED_OVER, *_ON_THE_WAY, "withdrawn"),
        ),
        Equation("auftraege = confirmed proposals", counts.total("auftraege"), counts.of("proposals", "confirmed")),
        Equation("auftraege = the citizens' yes", counts.total("auftraege"), seen.deeds[Deed.YES]),
        Equation("declined = the citizens' no", counts.of("proposals", "declined"), seen.deeds[Deed.NO]),
        Equation(
            "declined = declined in the log",
            counts.of("proposals", "declined"),
            counts.logged("proposal.declined", "declined"),
        ),
        Equation(
            "withdrawn consents = the citizens' withdrawals",
            numbers["consents_withdrawn"],
            seen.deeds[Deed.CONSENTS_WITHDRAWN],
        ),
        Equation(
            "withdrawn Aufträge = the citizens' withdrawals",
            auftraege_withdrawn(counts),
            seen.deeds[Deed.AUFTRAG_WITHDRAWN],
        ),
        Equation(
            "deliveries handed over = letters in the log",
            counts.of("deliveries", "handed_over"),
            counts.logged("letter.handed_over"),
        ),
        Equation(
            "letters in the folder = deliveries handed over", seen.letters, counts.of("deliveries", "handed_over")
        ),
        Equation("PDFs with their ticket = letters in the folder", seen.printed, seen.letters),
        Equation(
            "mails handed over = mails in the log", counts.of("mails", "handed_over"), counts.logged("mail.handed_over")
        ),
        Equation("mails in the mailbox = mails handed over", seen.mails, counts.of("mails", "handed_over")),
        Equation("mails that tell an invented name = 0", seen.mails_telling, 0),
        Equation("letters that must come and did not = 0", seen.letters_missing, 0),
        Equation("letters that must not come and did = 0", seen.letters_unexpected, 0),
        Equation("accounts bound in the log = the citizens' bindings", counts.logged("account.bound"), bound),
        Equation("letters about accounts = bindings", counts.of("about_accounts", "handed_over"), bound),
        Equation(
            "mails with a code = addresses given",
            counts.of("confirmations", "handed_over"),
            counts.logged("mail_address.given"),
        ),
        Equation(
            "addresses confirmed in the log = the citizens' codes",
            counts.logged("mail_address.confirmed"),
            seen.deeds[Deed.MAIL_CONFIRMED],
        ),
        Equation(
            "letters about addresses = addresses confirmed",
            counts.of("about_addresses", "handed_over"),
            seen.deeds[Deed.MAIL_CONFIRMED],
        ),
        Equation("letters without consent = 0", numbers["letters_unasked"], 0),
        Equation("proposals open after a stop = 0", numbers["open_after_stop"], 0),
        Equation("dispatched = arrivals at the Behörden", dispatched(counts), seen.arrivals),
        Equation("dispatched = hand-overs in the log", dispatched(counts), counts.logged("auftrag.handed_over")),
        Equation(
            "who signed what was dispatched = hand-overs in their own log",
            numbers["signers"],
            counts.logged("auftrag.handed_over.signer"),
        ),
        Equation(
            "receipts = acknowledgements in the log",
            numbers["receipts"],
            counts.logged("acknowledgement.received"),
        ),
        Equation("receipts = arrivals at the Behörden", numbers["receipts"], seen.arrivals),
        Equation("receipts = acknowledgements of the Behörden", numbers["receipts"], seen.acknowledged),
        Equation("second arrivals = 0", seen.second_arrivals, 0),
        Equation("flows = log size + queued", numbers["flows"], numbers["log_size"] + numbers["queued"]),
        Equation("authorised entries without exactly one outcome = 0", numbers["unpaired"], 0),
    )


def dispatched(counts: Counts) -> int:
    """Return how many Aufträge their Behörde has."""
    return counts.of("auftraege", *_HANDED_OVER)


def auftraege_withdrawn(counts: Counts) -> int:
    """Return how many Aufträge were taken back; a sheet rests on no consent, so its withdrawal is an act alone."""
    return counts.numbers["auftraege_withdrawn"] + counts.logged("auftrag.withdrawn")


def summed_up(counts: Counts, seen: Witnesses, verified: Report) -> dict[str, Any]:
    """Return the result of a run as JSON data; ``ok`` says whether every equation holds and the log verifies."""
    sums = equations(counts, seen)
    return {
        "ok": verified.ok and all(line.holds for line in sums),
        **_numbers(counts),
        "reports": seen.reported,
        "duplicates": seen.duplicates,
        "repeats_at_behoerden": seen.repeats,
        "second_arrivals": seen.second_arrivals,
        "receipts_seen_by_citizens": seen.deeds[Deed.RECEIPT_SEEN],
        "accounts_bound": seen.deeds[Deed.ACCOUNT_BOUND],
        "timeline_entries_seen": seen.timeline,
        "no_longer_open": seen.deeds[Deed.NO_LONGER_OPEN],
        "log_verified": verified.ok,
        "log_findings": [f"{finding.what.value}: {finding.detail}" for finding in verified.findings],
        "checkpoints": verified.checkpoints,
        "states": counts.states,
        "equations": [line.to_json() for line in sums],
    }


def _numbers(counts: Counts) -> dict[str, int]:
    numbers = counts.numbers
    return {
        "events": counts.total("events"),
        "admitted": counts.of("events", "admitted"),
        "refused": counts.of("events", "refused"),
        "stopped": counts.of("events", "stopped"),
        "waiting": counts.of("events", "waiting", "needs"),
        # Each permit that led to something stands in the log: admitted events, and flows authorised to leave.
        "permits": counts.flows(Kind.ADMITTED, Kind.AUTHORISED),
        "refusals": counts.flows(Kind.REFUSED),
        "proposals": counts.total("proposals"),
        "open": counts.of("proposals", "open"),
        "later": counts.of("proposals", "later"),
        "confirmed": counts.of("proposals", "confirmed"),
        "declined": counts.of("proposals", "declined"),
        "superseded": counts.of("proposals", "superseded"),
        "lapsed": counts.of("proposals", "lapsed"),
        "recalled": counts.of("proposals", "recalled"),
        "deliveries": counts.total("deliveries"),
        "handed_over": counts.of("deliveries", "handed_over"),
        "mails": counts.of("mails", "handed_over"),
        "withdrawn": numbers["consents_withdrawn"] + auftraege_withdrawn(counts),
        "auftraege": counts.total("auftraege"),
        "dispatched": dispatched(counts),
        "receipts": numbers["receipts"],
        "flows": numbers["flows"],
        "log_size": numbers["log_size"],
        "queued": numbers["queued"],
        "tasks": numbers["tasks"],
        "incidents": numbers["incidents"],
    }
