"""The gate's decision: the table of consent.md § 6 as rows that are asked in order; the first match wins.

Pure, and the only maker of ``Permit``. One activity has one basis and, apart from it, may need consent: a permit takes
both, and nothing falls back from one basis to another. Left to others: reading heads under lock (``store``), how the
subject stands (the caller). Rows 1, 7, 8, 13, 16–18 and 20–22 of the table have no data yet; each has its place below.
Sources: consent.md § 6; data-path.md § 5 (§§ 51, 52 BMG).
"""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from consent.model import (
    Activity,
    Ask,
    Basis,
    ConsentState,
    Head,
    Match,
    Operation,
    Permit,
    Phase,
    Prefill,
    Propose,
    Reason,
    Refusal,
    S,
    Subject,
    SubjectStatus,
    Transmit,
    Watch,
)

PHASES: dict[type, Phase] = {
    Watch: Phase.WATCH,
    Match: Phase.MATCH,
    Prefill: Phase.PREFILL,
    Propose: Phase.PROPOSE,
    Transmit: Phase.TRANSMIT,
}
"""Which kind of activity each permit is for."""

CONSENT_BASES = frozenset({Basis.CONSENT, Basis.CONSENT_SPECIAL, Basis.CONSENT_STATUTORY})

_LAW = ZoneInfo("Europe/Berlin")  # a norm is in force by the calendar day where it applies
_PULL, _HIGH = "PULL", 3
_ENDED = {
    ConsentState.WITHDRAWN: Reason.WITHDRAWN,
    ConsentState.EXPIRED: Reason.EXPIRED,
    ConsentState.LAPSED: Reason.LAPSED,
    ConsentState.REVOKED: Reason.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Case:
    """What the rows look at. Row 2 comes first, so the rows after it may rely on a released activity."""

    activity: Activity
    subject: Subject
    head: Head | None
    ask: Ask

    @property
    def needs_consent(self) -> bool:
        """Return whether rows 12–19 apply; a consent basis needs consent whatever its flag says."""
        return self.activity.consent_required or self.activity.basis in CONSENT_BASES

    @property
    def record(self) -> Head | None:
        """Return the record to look at: the person's own for this activity, and only where consent counts.

        An objection from when the recipient had another name answers nothing that is asked now.
        """
        head = self.head
        if head is None or not self.needs_consent or not self._is_theirs(head):
            return None
        elsewhere = head.state is ConsentState.OBJECTED and head.recipient != self.activity.recipient
        return None if elsewhere else head

    @property
    def objected(self) -> bool:
        """Return whether the person objected, which counts whether or not consent does."""
        head = self.head
        return head is not None and self._is_theirs(head) and head.state is ConsentState.OBJECTED

    def _is_theirs(self, head: Head | None) -> bool:
        return head is not None and (head.person, head.activity) == (self.subject.person, self.activity.name)

    @property
    def too_many_fields(self) -> frozenset[str]:
        """Return what was asked beyond the activity, or beyond what the person was told."""
        covered = self.activity.fields if self.record is None else self.activity.fields & self.record.fields
        return self.ask.fields - covered


Row = Callable[[Case], Reason | None]


def not_approved(case: Case) -> Reason | None:
    """Row 2: retired, or the DSB has not approved it by now."""
    approved_at = case.activity.dsb_approved_at
    if case.activity.retired or approved_at is None or approved_at > case.ask.at:
        return Reason.ACTIVITY_NOT_APPROVED
    return None


def not_a_party(case: Case) -> Reason | None:
    """Row 3: only the controller of the activity may ask."""
    return Reason.CALLER_NOT_PARTY if case.ask.caller != case.activity.controller else None


def unresolved(case: Case) -> Reason | None:
    """Row 4: nobody, or somebody this house does not know."""
    known = case.subject.person is not None and case.subject.status is not SubjectStatus.UNKNOWN
    return None if known else Reason.SUBJECT_UNRESOLVED


def protected(case: Case) -> Reason | None:
    """Row 5: § 52 BMG leaves only storing; § 51 no look-up elsewhere, and no message but what she fetches at V3.

    An unknown protection protects like § 52.
    """
    protections = case.subject.protections
    if protections - {"51"}:
        return None if case.ask.operation is Operation.STORE else Reason.PROTECTED
    if "51" not in protections or case.activity.phase is Phase.TRANSMIT:
        return None
    message = case.activity.phase is Phase.PROPOSE or case.ask.channel != ""
    fetched_by_her = case.ask.channel == _PULL and case.ask.trust >= _HIGH
    if case.activity.phase is Phase.PREFILL or (message and not fetched_by_her):
        return Reason.PROTECTED
    return None


def deceased(case: Case) -> Reason | None:
    """Row 6: dead, and the activity is not for the dead."""
    dead = case.subject.status is SubjectStatus.DECEASED
    return Reason.DECEASED if dead and not case.activity.allows_deceased else None


def norm_not_in_force(case: Case) -> Reason | None:
    """Row 9: the norm's days are ``norm_from`` to ``norm_to``, both included, counted in Berlin."""
    day = case.ask.at.astimezone(_LAW).date()
    activity = case.activity
    in_force = activity.norm_from <= day and (activity.norm_to is None or day <= activity.norm_to)
    return None if in_force else Reason.NORM_NOT_IN_FORCE


def recipient_not_covered(case: Case) -> Reason | None:
    """Row 10: the data may go only to the recipient the activity, and the record, names."""
    recipients = {case.activity.recipient} | ({case.record.recipient} if case.record else set())
    return None if recipients == {case.ask.recipient} else Reason.RECIPIENT_NOT_COVERED


def fields_not_covered(case: Case) -> Reason | None:
    """Row 11: one field too many denies all; nothing is trimmed silently."""
    return Reason.FIELDS_NOT_COVERED if case.too_many_fields else None


def no_consent(case: Case) -> Reason | None:
    """Row 12: never answered, or the record was replaced and its successor is not at hand."""
    if not case.needs_consent:
        return None
    answered = case.record is not None and case.record.state not in {ConsentState.REQUESTED, ConsentState.SUPERSEDED}
    return None if answered else Reason.NO_CONSENT


def refused(case: Case) -> Reason | None:
    """Row 14: the person said no."""
    return Reason.REFUSED if case.record is not None and case.record.state is ConsentState.REFUSED else None


def ended(case: Case) -> Reason | None:
    """Row 15: given once and over: withdrawn, expired (``valid_until`` is exclusive), lapsed or revoked."""
    record = case.record
    if record is None:
        return None
    if record.state is ConsentState.GIVEN and record.valid_until is not None and record.valid_until <= case.ask.at:
        return Reason.EXPIRED
    return _ENDED.get(record.state)


def objection(case: Case) -> Reason | None:
    """Row 23: an objection stops a public task while nobody has decided on it (Art. 18 (1) (d), 21 (1) DSGVO)."""
    return Reason.OBJECTION_OPEN if case.objected and case.activity.basis is Basis.PUBLIC_TASK else None


DENIALS: tuple[tuple[int, Row], ...] = (
    (2, not_approved),
    (3, not_a_party),
    (4, unresolved),
    (5, protected),
    (6, deceased),
    # 7, 8: restriction (Art. 18)
    (9, norm_not_in_force),
    (10, recipient_not_covered),
    (11, fields_not_covered),
    (12, no_consent),
    # 13: approvals missing
    (14, refused),
    (15, ended),
    # 16: material change of the text; 17: given_at >= start of the flow; 18: condition of the norm
    # 20-22: applicant's choice
    (23, objection),
)
"""The rows that deny, by their number in consent.md § 6. Order decides."""

PERMITTING: dict[Basis, int] = {
    Basis.CONSENT: 19,
    Basis.CONSENT_SPECIAL: 19,
    Basis.CONSENT_STATUTORY: 19,
    Basis.PUBLIC_TASK: 24,
    Basis.LEGAL_OBLIGATION: 25,
}
"""The row that permits, by basis. A basis that is missing here falls to row 26."""

TOLD: dict[Reason, Reason] = {
    Reason.SUBJECT_UNRESOLVED: Reason.NO_DISCLOSURE,
    Reason.PROTECTED: Reason.NO_DISCLOSURE,
    Reason.DECEASED: Reason.NO_DISCLOSURE,
    Reason.REFUSED: Reason.NO_CONSENT,
    Reason.WITHDRAWN: Reason.NO_CONSENT,
    Reason.EXPIRED: Reason.NO_CONSENT,
    Reason.LAPSED: Reason.NO_CONSENT,
    Reason.REVOKED: Reason.NO_CONSENT,
}
"""What the caller learns where it is not the reason itself: blocked, unknown and dead look the same."""


def decide(
    phase: type[S], activity: Activity | None, subject: Subject, head: Head | None, ask: Ask
) -> Permit[S] | Refusal:
    """Return a permit for exactly the fields asked for, or the first reason against it.

    ``ask.at`` is an aware UTC instant. ``head`` is the person's record for this activity, or None. A phase that is not
    the activity's own is refused like an unknown activity. Raises nothing.
    Source: consent.md § 6.
    """
    if activity is None or activity.phase is not PHASES.get(phase):
        asked = "" if activity is None else activity.id
        return Refusal(asked, Reason.ACTIVITY_NOT_APPROVED, Reason.ACTIVITY_NOT_APPROVED)
    case = Case(activity, subject, head, ask)
    for _, denies in DENIALS:
        reason = denies(case)
        if reason is not None:
            beyond = case.too_many_fields if reason is Reason.FIELDS_NOT_COVERED else frozenset()
            return Refusal(activity.id, reason, TOLD.get(reason, reason), beyond)
    person = subject.person
    given = case.record is not None and case.record.state is ConsentState.GIVEN
    if person is None or activity.basis not in PERMITTING or (case.needs_consent and not given):  # 26
        return Refusal(activity.id, Reason.DEFAULT_DENY, Reason.DEFAULT_DENY)
    return Permit(
        person=person,
        activity=activity.id,
        fields=ask.fields,
        basis=activity.basis,
        norm=activity.norm,
        purpose=activity.purpose,
        source=activity.source,
        recipient=activity.recipient,
        record=case.record.record if case.record is not None else None,
        epoch=subject.epoch,
        at=ask.at,
        children=subject.children,
    )
