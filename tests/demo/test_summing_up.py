"""The equations hold for a run without loss; each of them fails where one thing is lost or comes twice."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from proaktiv.demo.citizens import Deed
from proaktiv.demo.counting import Counts
from proaktiv.demo.summing_up import Witnesses, equations, summed_up
from proaktiv.flowlog.verifying.report import Finding, Report, What

STATES: dict[str, dict[str, int]] = {
    "events": {"admitted": 5, "refused": 2, "stopped": 2, "waiting": 1},
    "proposals": {"open": 1, "later": 1, "confirmed": 4, "declined": 1, "recalled": 1, "lapsed": 1},
    "auftraege": {"acknowledged": 3, "withdrawn": 1},
    "deliveries": {"handed_over": 7, "cancelled": 1},
    "mails": {"handed_over": 2, "in_doubt": 1},
    "handovers": {"sent": 3},
    "about_accounts": {"handed_over": 1},
    "about_addresses": {"handed_over": 1},
    "confirmations": {"handed_over": 1},
    "lookups": {"answered": 4},
    "enrolments": {"finished": 4},
    "kinds": {"1": 14, "2": 14, "9": 5, "10": 3},
    "logged": {
        "event.received ": 10,
        "auftrag.confirmed confirmed": 4,
        "proposal.declined declined": 1,
        "letter.handed_over done": 7,
        "mail.handed_over done": 2,
        "auftrag.handed_over done": 3,
        "auftrag.handed_over.signer done": 1,
        "acknowledgement.received acknowledged": 3,
        "account.bound bound": 1,
        "mail_address.given given": 1,
        "mail_address.confirmed confirmed": 1,
    },
}
NUMBERS = {
    "flows": 36,
    "log_size": 30,
    "queued": 6,
    "receipts": 3,
    "tasks": 0,
    "incidents": 0,
    "consents_withdrawn": 1,
    "auftraege_withdrawn": 1,
    "signers": 1,
    "unpaired": 0,
    "letters_unasked": 0,
    "untold": 0,
    "unproposed": 0,
    "unmatched": 0,
    "open_after_stop": 0,
}
LOGGED = {
    "event.received ": "events in the log",
    "auftrag.confirmed confirmed": "confirmed in the log",
    "proposal.declined declined": "declined = declined in the log",
    "letter.handed_over done": "deliveries handed over = letters in the log",
    "mail.handed_over done": "mails handed over = mails in the log",
    "account.bound bound": "accounts bound in the log = the citizens' bindings",
    "mail_address.given given": "mails with a code = addresses given",
    "mail_address.confirmed confirmed": "addresses confirmed in the log = the citizens' codes",
    "auftrag.handed_over done": "dispatched = hand-overs in the log",
    "auftrag.handed_over.signer done": "who signed what was dispatched",
    "acknowledgement.received acknowledged": "receipts = acknowledgements in the log",
}
COUNTS = Counts(STATES, NUMBERS)
SEEN = Witnesses(
    reported=12,
    duplicates=2,
    arrivals=3,
    repeats=1,
    second_arrivals=0,
    acknowledged=3,
    letters=7,
    printed=7,
    mails=2,
    mails_telling=0,
    letters_missing=0,
    letters_unexpected=0,
    deeds=Counter(
        {
            Deed.YES: 4,
            Deed.NO: 1,
            Deed.CONSENTS_WITHDRAWN: 1,
            Deed.AUFTRAG_WITHDRAWN: 1,
            Deed.ACCOUNT_BOUND: 1,
            Deed.MAIL_CONFIRMED: 1,
        }
    ),
)
CLEAN = Report(size=30, root=bytes(32), pending=6, checkpoints=2, findings=())


def broken(counts: Counts = COUNTS, seen: Witnesses = SEEN) -> list[str]:
    return [line.says for line in equations(counts, seen) if not line.holds]


def with_state(what: str, state: str, number: int) -> Counts:
    return Counts({**STATES, what: {**STATES[what], state: number}}, NUMBERS)


def test_a_run_without_loss_obeys_every_equation() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("what", "state", "equation"),
    [
        ("events", "forgotten", "events = reports"),
        ("events", "admitted", "events in the log = admitted"),
        ("proposals", "forgotten", "proposals = open"),
        ("auftraege", "forgotten", "auftraege = confirmed proposals"),
        ("auftraege", "ready", "confirmed in the log = dispatched"),
        ("deliveries", "handed_over", "deliveries handed over = letters in the log"),
        ("proposals", "declined", "declined = declined in the log"),
        ("logged", "auftrag.withdrawn withdrawn", "withdrawn Aufträge = the citizens'"),
        ("auftraege", "sent", "dispatched = hand-overs in the log"),
        *(("logged", entry, equation) for entry, equation in LOGGED.items()),
        ("proposals", "declined", "declined = the citizens' no"),
        ("proposals", "confirmed", "auftraege = confirmed proposals"),
        ("auftraege", "withdrawn", "auftraege = the citizens' yes"),
        ("auftraege", "acknowledged", "dispatched = arrivals"),
        ("deliveries", "handed_over", "letters in the folder = deliveries handed over"),
        ("mails", "handed_over", "mails in the mailbox = mails handed over"),
    ],
)
def test_a_thing_in_a_wrong_state_breaks_an_equation(what: str, state: str, equation: str) -> None:
    found = broken(with_state(what, state, STATES[what].get(state, 0) + 1))
    assert any(says.startswith(equation) for says in found)


@pytest.mark.parametrize("name", [name for name in NUMBERS if name not in {"tasks", "incidents"}])
def test_every_number_that_is_off_by_one_breaks_an_equation(name: str) -> None:
    assert broken(Counts(STATES, {**NUMBERS, name: NUMBERS[name] + 1})) != []


@pytest.mark.parametrize(
    "name",
    [
        *("reported", "duplicates", "arrivals", "second_arrivals", "acknowledged"),
        *("letters", "letters_missing", "letters_unexpected", "printed", "mails", "mails_telling"),
    ],
)
def test_every_witness_who_saw_one_more_breaks_an_equation(name: str) -> None:
    more: dict[str, Any] = {name: getattr(SEEN, name) + 1}
    assert broken(seen=replace(SEEN, **more)) != []


@pytest.mark.parametrize("deed", [Deed.YES, Deed.NO, Deed.CONSENTS_WITHDRAWN, Deed.AUFTRAG_WITHDRAWN])
def test_every_deed_that_the_house_does_not_know_breaks_an_equation(deed: Deed) -> None:
    deeds = Counter(SEEN.deeds)
    deeds[deed] += 1
    assert broken(seen=replace(SEEN, deeds=deeds)) != []


def test_the_result_says_all_that_was_asked_for() -> None:
    result = summed_up(COUNTS, SEEN, CLEAN)
    assert result["ok"] is True
    assert result["log_verified"] is True
    assert result["permits"] == 19
    assert result["refusals"] == 3
    assert result["withdrawn"] == 2
    assert result["dispatched"] == result["receipts"] == 3
    asked = {
        *("events", "admitted", "permits", "refusals", "proposals", "deliveries", "confirmed", "declined"),
        *("withdrawn", "dispatched", "receipts", "flows", "log_size", "log_verified", "equations"),
    }
    assert asked <= result.keys()


def test_one_broken_equation_or_one_finding_in_the_log_spoils_the_result() -> None:
    assert summed_up(COUNTS, replace(SEEN, arrivals=4), CLEAN)["ok"] is False
    finding = Finding(next(iter(What)), "something")
    spoiled = summed_up(COUNTS, SEEN, replace(CLEAN, findings=(finding,)))
    assert (spoiled["ok"], spoiled["log_verified"]) == (False, False)
    assert "something" in spoiled["log_findings"][0]


def test_everything_that_the_log_is_asked_for_breaks_an_equation() -> None:
    assert LOGGED.keys() == STATES["logged"].keys()


@pytest.mark.parametrize(
    ("action", "says"),
    [
        ("letter.handed_over", "deliveries handed over = letters in the log"),
        ("auftrag.handed_over", "dispatched = hand-overs in the log"),
    ],
)
def test_what_a_dead_worker_had_handed_over_and_the_next_one_found_there_is_not_lost(action: str, says: str) -> None:
    logged = dict(STATES["logged"])
    logged[f"{action} done"] -= 1
    logged[f"{action} done_before"] = 1
    counts = Counts(STATES | {"logged": logged}, NUMBERS)
    (line,) = [line for line in equations(counts, SEEN) if line.says == says]
    assert line.holds
