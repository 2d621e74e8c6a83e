"""The decision table of consent.md § 6: each row, every pair of rows that deny, and no way round a basis."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import pytest
from consent_cases import ANNA, NOON, TYPES, Situation, a_permitted_situation, an_activity, an_id

from consent.decide import DENIALS, PERMITTING, decide
from consent.model import (
    Basis,
    ConsentState,
    Operation,
    Permit,
    Phase,
    Reason,
    Refusal,
    SubjectStatus,
    Transmit,
    Watch,
)


def answer(situation: Situation) -> Permit | Refusal:
    phase = TYPES[situation.activity.phase] if situation.activity else Transmit
    return decide(phase, situation.activity, situation.subject, situation.head, situation.ask)


R = Reason
HIDDEN = R.NO_DISCLOSURE
ROWS = {
    2: (R.ACTIVITY_NOT_APPROVED, R.ACTIVITY_NOT_APPROVED, {"activity": {"retired": True}}),
    3: (R.CALLER_NOT_PARTY, R.CALLER_NOT_PARTY, {"activity": {"controller": "andere-stadt"}}),
    4: (R.SUBJECT_UNRESOLVED, HIDDEN, {"subject": {"person": None}}),
    5: (R.PROTECTED, HIDDEN, {"subject": {"protections": frozenset({"52"})}}),
    6: (R.DECEASED, HIDDEN, {"subject": {"status": SubjectStatus.DECEASED}}),
    9: (R.NORM_NOT_IN_FORCE, R.NORM_NOT_IN_FORCE, {"activity": {"norm_to": date(2026, 11, 22)}}),
    10: (R.RECIPIENT_NOT_COVERED, R.RECIPIENT_NOT_COVERED, {"ask": {"recipient": "steueramt-musterstadt"}}),
    11: (R.FIELDS_NOT_COVERED, R.FIELDS_NOT_COVERED, {"ask": {"fields": frozenset({"kind.vornamen", "religion"})}}),
    12: (R.NO_CONSENT, R.NO_CONSENT, {"head": None}),
    14: (R.REFUSED, R.NO_CONSENT, {"head": {"state": ConsentState.REFUSED}}),
    15: (R.WITHDRAWN, R.NO_CONSENT, {"head": {"state": ConsentState.WITHDRAWN}}),
    23: (
        R.OBJECTION_OPEN,
        R.OBJECTION_OPEN,
        {"activity": {"basis": Basis.PUBLIC_TASK}, "head": {"state": ConsentState.OBJECTED}},
    ),
}
ONE_STATE_ONLY = {(12, 14), (12, 15), (12, 23), (14, 15), (14, 23), (15, 23)}
"""A record has one state, so these cannot hold at once."""


def test_what_no_row_denies_is_permitted_for_exactly_what_was_asked() -> None:
    situation = a_permitted_situation().having(subject={"epoch": 7, "children": frozenset({an_id("Mia Musterkind")})})
    permit = answer(situation)
    assert isinstance(permit, Permit)
    assert permit.fields == {"kind.vornamen"}
    assert permit.activity == "geburt/transmit/KITA-PLATZ@1"
    assert (permit.person, permit.epoch, permit.at) == (ANNA, 7, NOON)
    assert permit.record == an_id("record")
    assert permit.persons == {ANNA, an_id("Mia Musterkind")}


def test_the_rows_stand_in_the_order_of_the_table() -> None:
    assert [number for number, _ in DENIALS] == sorted(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_each_row_denies_with_its_reason_and_tells_no_more_than_it_may(row: int) -> None:
    reason, told, changes = ROWS[row]
    refusal = answer(a_permitted_situation().having(**changes))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.told) == (reason, told)


@pytest.mark.parametrize(("first", "second"), [p for p in combinations(ROWS, 2) if p not in ONE_STATE_ONLY])
def test_of_two_rows_that_deny_the_first_answers(first: int, second: int) -> None:
    situation = a_permitted_situation().having(**ROWS[first][2]).having(**ROWS[second][2])
    refusal = answer(situation)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is ROWS[first][0]


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (R.ACTIVITY_NOT_APPROVED, {"activity": None}),
        (R.ACTIVITY_NOT_APPROVED, {"activity": {"dsb_approved_at": None}}),
        (R.ACTIVITY_NOT_APPROVED, {"activity": {"dsb_approved_at": NOON + timedelta(microseconds=1)}}),
        (R.CALLER_NOT_PARTY, {"ask": {"caller": ""}}),
        (R.SUBJECT_UNRESOLVED, {"subject": {"status": SubjectStatus.UNKNOWN}}),
        (R.NORM_NOT_IN_FORCE, {"activity": {"norm_from": date(2026, 11, 24)}}),
        (R.RECIPIENT_NOT_COVERED, {"head": {"recipient": "steueramt-musterstadt"}}),
        (R.RECIPIENT_NOT_COVERED, {"activity": {"recipient": "steueramt-musterstadt"}}),
        (R.NO_CONSENT, {"head": {"state": ConsentState.REQUESTED}}),
        (R.NO_CONSENT, {"head": {"state": ConsentState.SUPERSEDED}}),
        (R.NO_CONSENT, {"head": {"person": an_id("somebody else")}}),
        (R.NO_CONSENT, {"head": {"activity": "geburt/transmit/GEBURTSURKUNDE"}}),
        (R.EXPIRED, {"head": {"state": ConsentState.EXPIRED}}),
        (R.LAPSED, {"head": {"state": ConsentState.LAPSED}}),
        (R.REVOKED, {"head": {"state": ConsentState.REVOKED}}),
    ],
)
def test_other_ways_into_a_row(reason: Reason, changes: dict) -> None:
    refusal = answer(a_permitted_situation().having(**changes))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason


@pytest.mark.parametrize("state", [state for state in ConsentState if state is not ConsentState.GIVEN])
def test_only_given_permits(state: ConsentState) -> None:
    assert isinstance(answer(a_permitted_situation().having(head={"state": state})), Refusal)


def test_a_permit_of_one_phase_is_not_had_for_an_activity_of_another() -> None:
    s = a_permitted_situation()
    refusal = decide(Watch, s.activity, s.subject, s.head, s.ask)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is R.ACTIVITY_NOT_APPROVED


def test_fields_beyond_the_activity_or_beyond_the_record_are_listed_exactly_and_nothing_is_trimmed() -> None:
    asked = frozenset({"kind.vornamen", "kind.geburtsdatum", "religion"})
    narrow = a_permitted_situation().having(
        ask={"fields": asked}, head={"fields": frozenset({"kind.vornamen", "religion"})}
    )
    refusal = answer(narrow)
    assert isinstance(refusal, Refusal)
    assert refusal.fields == {"kind.geburtsdatum", "religion"}


def test_a_consent_holds_until_the_instant_it_ends() -> None:
    last = a_permitted_situation().having(head={"valid_until": NOON + timedelta(microseconds=1)})
    over = a_permitted_situation().having(head={"valid_until": NOON})
    assert isinstance(answer(last), Permit)
    assert isinstance(answer(over), Refusal)
    assert answer(over).reason is R.EXPIRED


def test_a_norm_begins_and_ends_at_midnight_in_berlin() -> None:
    year = a_permitted_situation().having(activity={"norm_from": date(2027, 1, 1), "norm_to": date(2027, 7, 31)})

    def at(*instant: int) -> type:
        return type(answer(year.having(ask={"at": datetime(*instant, tzinfo=UTC)})))

    assert at(2026, 12, 31, 22, 59, 59) is Refusal
    assert at(2026, 12, 31, 23, 0, 0) is Permit
    assert at(2027, 7, 31, 21, 59, 59) is Permit  # summer time
    assert at(2027, 7, 31, 22, 0, 0) is Refusal


PUBLIC = {"basis": Basis.PUBLIC_TASK, "consent_required": False}


def test_a_withdrawn_consent_is_not_replaced_by_a_public_task() -> None:
    withdrawn = {"state": ConsentState.WITHDRAWN}
    second_lock = {"basis": Basis.PUBLIC_TASK, "consent_required": True}
    both = a_permitted_situation().having(activity=second_lock)
    assert isinstance(answer(both), Permit)
    refusal = answer(both.having(head=withdrawn))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is R.WITHDRAWN
    # The same flow also has an activity under a public task, which stands on its own and helps nobody else.
    alone = a_permitted_situation().having(activity={**PUBLIC, "name": "geburt/transmit/KITA-PLATZ-AMTLICH"})
    assert isinstance(answer(alone.having(head=withdrawn)), Permit)
    assert isinstance(answer(a_permitted_situation().having(head=withdrawn)), Refusal)


def test_a_consent_does_not_replace_a_basis_that_is_missing_or_over() -> None:
    no_norm = a_permitted_situation().having(
        activity={"basis": Basis.PUBLIC_TASK, "consent_required": True, "norm_to": date(2026, 1, 2)}
    )
    assert answer(no_norm).reason is R.NORM_NOT_IN_FORCE
    not_chosen = a_permitted_situation().having(activity={"basis": Basis.APPLICANT_CHOICE})
    assert answer(not_chosen).reason is R.DEFAULT_DENY


@pytest.mark.parametrize("basis", [Basis.CONSENT, Basis.CONSENT_SPECIAL, Basis.CONSENT_STATUTORY])
def test_a_consent_basis_needs_consent_whatever_its_flag_says(basis: Basis) -> None:
    forgotten = a_permitted_situation().having(activity={"basis": basis, "consent_required": False})
    assert isinstance(answer(forgotten), Permit)
    assert answer(forgotten.having(head=None)).reason is R.NO_CONSENT


@pytest.mark.parametrize("basis", [Basis.PUBLIC_TASK, Basis.LEGAL_OBLIGATION])
def test_where_no_consent_is_needed_no_record_counts_and_none_is_named(basis: Basis) -> None:
    alone = a_permitted_situation().having(activity={"basis": basis, "consent_required": False})
    for situation in (alone, alone.having(head=None), alone.having(head={"state": ConsentState.REFUSED})):
        permit = answer(situation)
        assert isinstance(permit, Permit)
        assert permit.record is None


def test_an_objection_stops_a_public_task_whether_or_not_consent_counts_and_no_legal_obligation() -> None:
    objected = a_permitted_situation().having(head={"state": ConsentState.OBJECTED})
    for needs_consent in (True, False):
        task = objected.having(activity={"basis": Basis.PUBLIC_TASK, "consent_required": needs_consent})
        assert answer(task).reason is R.OBJECTION_OPEN
        assert isinstance(answer(task.having(head={"person": an_id("somebody else")})), Permit) is not needs_consent
    duty = objected.having(activity={"basis": Basis.LEGAL_OBLIGATION, "consent_required": False})
    assert isinstance(answer(duty), Permit)


def test_every_basis_has_a_row_or_is_denied() -> None:
    assert set(Basis) - set(PERMITTING) == {Basis.APPLICANT_CHOICE}


def test_an_activity_for_the_dead_may_concern_the_dead() -> None:
    dead = a_permitted_situation().having(
        subject={"status": SubjectStatus.DECEASED}, activity={"allows_deceased": True}
    )
    assert isinstance(answer(dead), Permit)


def test_blocked_unknown_and_dead_look_the_same_to_the_caller() -> None:
    assert {answer(a_permitted_situation().having(**ROWS[row][2])).told for row in (4, 5, 6)} == {HIDDEN}


def under_51(name: str, **ask: object) -> Permit | Refusal:
    activity = an_activity(name)
    s = a_permitted_situation()
    s = Situation(activity, s.subject, s.head, s.ask)
    return answer(s.having(subject={"protections": frozenset({"51"})}, head={"activity": name}, ask=ask))


@pytest.mark.parametrize(
    ("name", "ask", "permitted"),
    [
        ("geburt/watch", {}, True),
        ("geburt/match", {}, True),
        ("geburt/transmit/KITA-PLATZ", {}, True),
        ("geburt/prefill/MELDEREGISTER", {}, False),
        ("geburt/prefill/MELDEREGISTER", {"channel": "PULL", "trust": 3}, False),
        ("geburt/propose/LETTER", {"channel": "LETTER"}, False),
        ("geburt/propose/LETTER", {"channel": "LETTER", "trust": 3}, False),
        ("geburt/propose/LETTER", {}, False),
        ("geburt/propose/PULL", {"channel": "PULL", "trust": 2}, False),
        ("geburt/propose/PULL", {"channel": "PULL", "trust": 3}, True),
        ("geburt/match", {"channel": "LETTER"}, False),
    ],
)
def test_section_51_leaves_what_she_fetches_herself_and_her_own_auftrag(name: str, ask: dict, permitted: bool) -> None:
    assert isinstance(under_51(name, **ask), Permit) is permitted


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize("protection", ["52", "a protection of tomorrow"])
@pytest.mark.parametrize("phase", [Phase.WATCH, Phase.PREFILL, Phase.PROPOSE, Phase.TRANSMIT])
def test_section_52_and_what_is_not_known_leave_only_storing(
    operation: Operation, protection: str, phase: Phase
) -> None:
    name = f"geburt/{phase}/X"
    s = a_permitted_situation()
    s = Situation(an_activity(name), s.subject, s.head, s.ask).having(
        subject={"protections": frozenset({protection})},
        head={"activity": name},
        ask={"operation": operation, "channel": "PULL", "trust": 3},
    )
    assert isinstance(answer(s), Permit) is (operation is Operation.STORE)
