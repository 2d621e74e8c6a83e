"""What the citizen's surface asks of the pipeline: the acts by name, so that a test or a page can stand on others.

Left to others: who does them (``acts``), over which path (``web.citizen``).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from proaktiv.core.birthdays import Born
from proaktiv.core.trust import SessionProof
from proaktiv.steps.channels import Reachable, Terms
from proaktiv.steps.confirm import Confirmation
from proaktiv.steps.consents import Choice
from proaktiv.steps.enrol import Wish
from proaktiv.steps.genuine import Sent
from proaktiv.steps.prove import Proven


class CitizenPipeline(Protocol):
    """What this surface asks of the pipeline."""

    def enrol(self, wish: Wish, net: bytes) -> None:
        """Keep a request to be known here. Raises ``TooMany``."""
        ...

    def prove(self, code: str, birth_date: Born, net: bytes) -> Proven:
        """Return a session. Raises ``NotProven``, ``TooMany``."""
        ...

    def session(self, token: str) -> SessionProof:
        """Return the proof of a session. Raises ``NotProven``."""
        ...

    def session_for_change(self, token: str, csrf: str) -> SessionProof:
        """Return the proof of a session whose form token is right. Raises ``NotProven``, ``NotAllowed``."""
        ...

    def overview(self, proof: SessionProof) -> dict[str, Any]:
        """Return what is open for this person."""
        ...

    def proposal(self, proof: SessionProof, proposal: UUID) -> dict[str, Any]:
        """Return one proposal."""
        ...

    def auftrag(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return one Auftrag."""
        ...

    def consents(self, proof: SessionProof) -> dict[str, Any]:
        """Return what can be decided on."""
        ...

    def choose(self, proof: SessionProof, choices: list[Choice]) -> None:
        """Record decisions about activities."""
        ...

    def withdraw(self, proof: SessionProof, *, lebenslage: str, activity: str) -> tuple[str, ...]:
        """Withdraw consents given in advance."""
        ...

    def object_to(self, proof: SessionProof, *, lebenslage: str, activity: str) -> tuple[str, ...]:
        """Object to what rests on a public task."""
        ...

    def withdraw_auftrag(self, proof: SessionProof, auftrag: UUID) -> None:
        """Withdraw one confirmed Auftrag."""
        ...

    def confirm(self, proof: SessionProof, proposal: UUID, shown: bytes) -> Confirmation:
        """Record a yes."""
        ...

    def decline(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a no."""
        ...

    def postpone(self, proof: SessionProof, proposal: UUID) -> None:
        """Record a later."""
        ...

    def answer(self, proof: SessionProof, proposal: UUID, written: Mapping[str, str]) -> None:
        """Keep what a person answered. Raises ``BadInput``."""
        ...

    def undo(self, proof: SessionProof, auftrag: UUID) -> None:
        """Take a yes or a signature back."""
        ...

    def sheet(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what is to be signed by hand."""
        ...

    def to_sign(self, proof: SessionProof, auftrag: UUID) -> dict[str, Any]:
        """Return what a second parent is asked to sign."""
        ...

    def sign(self, proof: SessionProof, auftrag: UUID, shown: bytes) -> None:
        """Record a second signature."""
        ...

    def refuse_signature(self, proof: SessionProof, auftrag: UUID) -> None:
        """Record that the second parent does not sign."""
        ...

    def reachable(self, proof: SessionProof) -> Reachable:
        """Return how a person is reached beside the letter."""
        ...

    def mail_terms(self) -> Terms | None:
        """Return what giving a mail address agrees to, where mail is offered."""
        ...

    def give_mail(self, proof: SessionProof, address: str, notice: str) -> None:
        """Let a code go to a mail address. Raises ``BadInput``, ``Conflict``, ``TooMany``."""
        ...

    def confirm_mail(self, proof: SessionProof, code: str) -> bool:
        """Use the address that waits for this code. Returns whether."""
        ...

    def remove_mail(self, proof: SessionProof) -> None:
        """Forget the mail address."""
        ...

    def genuine(self, reference: str) -> Sent | None:
        """Return what was sent under a printed reference, if anything. Raises ``TooMany``."""
        ...

    def usages(
        self, proof: SessionProof, first_on: date | None, last_on: date | None, offset: int, limit: int
    ) -> list[dict[str, Any]]:
        """Return the person's own entries of the flow log. Raises ``NotAllowed``."""
        ...

    def usage_period(self, proof: SessionProof) -> dict[str, str | None]:
        """Return from when to when there are entries. Raises ``NotAllowed``."""
        ...

    def cockpit_status(self, proof: SessionProof) -> dict[str, Any]:
        """Return whether there are Protokolldaten. Raises ``NotAllowed``."""
        ...

    def cockpit_list(
        self, proof: SessionProof, first_on: date | None, last_on: date | None, offset: int, limit: int
    ) -> dict[str, Any]:
        """Return Protokolldaten, two years back. Raises ``NotAllowed``."""
        ...

    def cockpit_content(self, proof: SessionProof, entry: UUID) -> dict[str, Any]:
        """Return the Inhaltsdaten of one of them. Raises ``NotAllowed``, ``NotFound``."""
        ...

    def own_bundle(self, proof: SessionProof) -> bytes | None:
        """Return what is signed about the person as a zip file. Raises ``NotAllowed``."""
        ...

    def heartbeat(self) -> dict[str, str]:
        """Return whether the log answers and keeps up."""
        ...

    def healthy(self) -> None:
        """Raise where the database cannot be reached."""
        ...
