"""What a citizen does: enrol, prove, look, decide, take back."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from proaktiv.acts.account import AccountActs
from proaktiv.acts.own import OwnActs
from proaktiv.core.birthdays import Born
from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotProven
from proaktiv.core.nets import UNTOLD
from proaktiv.core.trust import SessionProof
from proaktiv.steps import (
    answer,
    brake,
    channels,
    confirm,
    consents,
    enrol,
    genuine,
    prove,
    show,
    sign,
    undo,
)
from proaktiv.steps.channels import Reachable, Terms
from proaktiv.steps.confirm import Confirmation
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Wish
from proaktiv.steps.genuine import Sent
from proaktiv.steps.prove import Proven


@dataclass(frozen=True, slots=True)
class CitizenActs(AccountActs, OwnActs):
    """The acts of the citizen's surface."""

    def enrol(self, wish: Wish, net: bytes = UNTOLD) -> None:
        """Keep a request to be known here; the answer is the same whatever becomes of it. Raises ``TooMany``."""
        now = self.clock()
        with self.database.transaction() as session:
            brake.slow(session, self.house, brake.ENROLMENT, net, self.wall())
            full = brake.count(session, self.house, self.enrolments_per_day, now)
        if full is not None:
            raise full
        with self.database.transaction() as session:
            enrol.enrol(session, self.house, wish, now)

    def prove(self, code: str, birth_date: Born, net: bytes = UNTOLD) -> Proven:
        """Return a session. Raises ``NotProven``, after the wrong try was counted; ``TooMany``."""
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            brake.slow(session, self.house, brake.CODE, net, wall)
        with self.database.transaction() as session:
            proven = prove.prove(session, self.house, code, birth_date, now, wall)
        if proven is not None:
            with self.database.transaction() as session:
                brake.forgive(session, self.house, brake.CODE, net)
        if proven is None:
            raise NotProven("code or birth date is not right, or the code is no longer valid")
        return proven

    def session_for_change(self, token: str, csrf: str) -> SessionProof:
        """Return the proof of a session whose form token is right. Raises ``NotProven``, ``NotAllowed``."""
        proof = self.session(token)
        if not hmac.compare_digest(prove.csrf_of(self.house, token).encode(), csrf.encode()):
            raise NotAllowed("the form token is missing or of another session; load the page again")
        return proof

    def csrf(self, token: str) -> str:
        """Return the form token that belongs to a session's token."""
        return prove.csrf_of(self.house, token)

    def overview(self, proof: SessionProof) -> dict[str, Any]:
        """Return what is open for this person."""
        with self.database.transaction() as session:
            return show.overview(session, self.current(session), proof)

    def proposal(self, proof: SessionProof, proposal: UUID) -> dict[str, Any]:
        """Return one proposal as it is shown."""
        now = self.clock()
        with self.database.transaction() as session:
            return show.proposal(session, self.current(session), proof, proposal, now)

    def auftrag(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return where one Auftrag stands."""
        now = self.clock()
        with self.database.transaction() as session:
            return show.auftrag(session, self.current(session), proof, auftrag, now)

    def sheet(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what is to be printed and signed by hand."""
        with self.database.transaction() as session:
            return show.sheet(session, self.house, proof, auftrag)

    def to_sign(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what a second parent is asked to sign."""
        with self.database.transaction() as session:
            return sign.to_sign(session, self.house, proof, auftrag)

    def consents(self, proof: SessionProof) -> dict[str, Any]:
        """Return what a person can decide on, with texts and states."""
        with self.database.transaction() as session:
            return show.consents(session, self.current(session), proof)

    def choose(self, proof: SessionProof, choices: Sequence[Choice]) -> None:
        """Record what a person gives and refuses."""
        now = self.clock()
        with self.database.transaction() as session:
            consents.choose(session, self.current(session), proof, choices, now)

    def withdraw(self, proof: SessionProof, *, lebenslage: str, activity: str) -> tuple[str, ...]:
        """Withdraw a whole Lebenslage or one activity. Raises ``BadInput`` where neither or both are named."""
        if bool(lebenslage) == bool(activity):
            raise BadInput("/lebenslage", "name either lebenslage or activity")
        now = self.clock()
        with self.database.transaction() as session:
            if activity:
                return consents.withdraw_activity(session, self.house, proof, activity, now)
            return consents.withdraw_lebenslage(session, self.house, proof, lebenslage, now)

    def object_to(self, proof: SessionProof, *, lebenslage: str, activity: str) -> tuple[str, ...]:
        """Object to a whole Lebenslage or one activity. Raises ``BadInput`` where neither or both are named."""
        if bool(lebenslage) == bool(activity):
            raise BadInput("/lebenslage", "name either lebenslage or activity")
        now = self.clock()
        with self.database.transaction() as session:
            return consents.object_to_public_task(
                session, self.house, proof, lebenslage=lebenslage, activity=activity, now=now
            )

    def reachable(self, proof: SessionProof) -> Reachable:
        """Return how a person is reached beside the letter."""
        now = self.clock()
        with self.database.transaction() as session:
            return channels.reachable(session, proof, now)

    def mail_terms(self) -> Terms | None:
        """Return what giving a mail address agrees to; None where mail is not offered."""
        if not self.mail_offered:
            return None
        with self.database.transaction() as session:
            return channels.terms(session, self.current(session))

    def give_mail(self, proof: SessionProof, address: str, notice: str) -> None:
        """Keep a mail address that nobody but the worker can read until its code comes back.

        ``notice`` is the digest of the terms that were read. Raises ``BadInput``, ``Conflict``, ``TooMany``.
        """
        if not self.mail_offered:
            raise Conflict("mail is not offered here: there is no relay")
        now = self.clock()
        with self.database.transaction() as session:
            channels.give_mail(session, self.current(session), proof, address, notice, now)

    def confirm_mail(self, proof: SessionProof, code: str) -> bool:
        """Use the address that waits, if this is its code. Returns whether; wrong tries count."""
        now = self.clock()
        with self.database.transaction() as session:
            return channels.confirm_mail(session, self.house, proof, code, now)

    def remove_mail(self, proof: SessionProof) -> None:
        """Forget a person's mail address; again is no error."""
        now = self.clock()
        with self.database.transaction() as session:
            channels.remove_mail(session, self.house, proof, now)

    def stop_mails(self, token: str) -> None:
        """Stop mails to whoever got the one that this token is of; a forged one does nothing, and looks the same."""
        wire_id = self.mail_ids.leaving(token) if self.mail_ids else None
        now = self.clock()
        with self.database.transaction() as session:
            channels.stop_mails(session, self.house, wire_id, now)

    def genuine(self, reference: str) -> Sent | None:
        """Return what was sent under a printed reference, if anything. Raises ``TooMany``."""
        wall = self.wall()
        with self.database.transaction() as session:
            genuine.allow(session, wall)
        with self.database.transaction() as session:
            return genuine.sent(session, self.house, reference)

    def withdraw_auftrag(self, proof: SessionProof, auftrag: UUID) -> None:
        """Withdraw one confirmed Auftrag."""
        now = self.clock()
        with self.database.transaction() as session:
            consents.withdraw_auftrag(session, self.house, proof, auftrag, now)

    def confirm(self, proof: SessionProof, proposal: UUID, shown: bytes) -> Confirmation:
        """Record a yes to what was shown."""
        now = self.clock()
        with self.database.transaction() as session:
            return confirm.confirm(session, self.current(session), proof, proposal, shown, now)

    def decline(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a no."""
        now = self.clock()
        with self.database.transaction() as session:
            confirm.decline(session, self.house, proof, proposal, now)

    def postpone(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a later."""
        now = self.clock()
        with self.database.transaction() as session:
            confirm.postpone(session, self.house, proof, proposal, now)

    def undo(self, proof: SessionProof, auftrag: UUID) -> None:
        """Take a yes or a signature back while nothing has left."""
        now = self.clock()
        with self.database.transaction() as session:
            undo.undo(session, self.house, proof, auftrag, now)

    def sign(self, proof: SessionProof, auftrag: UUID, shown: bytes) -> None:
        """Record the second signature under what was shown."""
        now = self.clock()
        with self.database.transaction() as session:
            sign.sign(session, self.current(session), proof, auftrag, shown, now)

    def refuse_signature(self, proof: SessionProof, auftrag: UUID) -> None:
        """Record that the second parent does not sign."""
        now = self.clock()
        with self.database.transaction() as session:
            sign.refuse(session, self.house, proof, auftrag, now)

    def answer(self, proof: SessionProof, proposal: UUID, written: Mapping[str, str]) -> None:
        """Keep what a person answered; the proposal is decided anew with it."""
        now = self.clock()
        with self.database.transaction() as session:
            answer.answer(session, self.current(session), proof, proposal, written, now)
