"""What clerks do on the office's pages, and how all staff come in.

Each look is logged and committed before anything is opened. What the DSB does stands in ``acts.oversight``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from proaktiv.acts.means import Means
from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import BadInput
from proaktiv.core.staff import StaffProof
from proaktiv.core.tasks import How
from proaktiv.steps import acknowledge, admit, case_file, inspection, tasks
from proaktiv.steps.admit import Entered
from proaktiv.steps.inspection import Curious, Foreign, Forged

MUST_SAY = frozenset({"question", "rejected"})
"""Answers of a clerk that mean nothing without words."""

_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StaffActs(Means):
    """The acts of the office's pages."""

    def day_ahead(self) -> date | None:
        """Return the day that it is here where the clock was moved ahead by more than a day, else None.

        Only a demonstration's is: its entries then carry later days than signatures, wishes and exports.
        """
        now = self.clock()
        return berlin_date(now) if now - self.wall() > _A_DAY else None

    # in and out ------------------------------------------------------------------------------------------------------

    def enter_by_provider(self, issuer: str, subject: str) -> Entered:
        """Return a session of whoever a provider identified. Raises ``NotAllowed``."""
        with self.database.transaction() as session:
            return admit.by_provider(session, self.house, issuer, subject, self.wall())

    def enter_by_link(self, token: str) -> Entered:
        """Return a session by a link of the demonstration, which is used up by it. Raises ``NotProven``."""
        with self.database.transaction() as session:
            return admit.by_link(session, self.house, token, self.wall())

    def staff(self, token: str) -> StaffProof:
        """Return who stands behind a cookie. Raises ``NotProven``."""
        with self.database.transaction() as session:
            return admit.read(session, token, self.wall())

    def staff_for_change(self, token: str, csrf: str) -> StaffProof:
        """Return who stands behind a cookie, if the form's token is right. Raises ``NotProven``, ``NotAllowed``."""
        proof = self.staff(token)
        admit.require_csrf(self.house, token, csrf)
        return proof

    def staff_csrf(self, token: str) -> str:
        """Return the form token that belongs to a session's token."""
        return admit.csrf_of(self.house, token)

    def staff_leaves(self, token: str) -> None:
        """End a session; again is no error."""
        with self.database.transaction() as session:
            admit.leave(session, token)

    # clerks ----------------------------------------------------------------------------------------------------------

    def inbox(self, proof: StaffProof) -> list[dict[str, Any]]:
        """Return what waits for this clerk."""
        with self.database.transaction() as session:
            return tasks.tasks_of(session, proof)

    def end_task(self, proof: StaffProof, task: UUID, how: How) -> None:
        """End one of the clerk's own tasks in one of its ways. Raises ``NotFound``, ``BadInput``, ``Conflict``."""
        now = self.clock()
        with self.database.transaction() as session:
            tasks.require_own(session, proof, task)
            tasks.finish(session, self.house, task, how, proof.name, now)

    def sent_to_us(self, proof: StaffProof, before: str) -> dict[str, Any]:
        """Return the Aufträge that were sent to the clerk's Behörde."""
        with self.database.transaction() as session:
            return case_file.sent_to(session, self.current(session), proof, before)

    def open_auftrag(self, proof: StaffProof, auftrag: UUID) -> dict[str, Any]:
        """Log that a clerk looks at an Auftrag, then open it."""
        with self.looking(proof) as (session, now):
            leave = inspection.of_auftrag(session, self.house, proof, auftrag, now, self.wall())
        with self.database.transaction() as session:
            return case_file.auftrag(session, self.current(session), leave)

    def answer_for_behoerde(self, proof: StaffProof, auftrag: UUID, status: str, text: str) -> None:
        """Say for the clerk's Behörde what became of an Auftrag; the same again changes nothing.

        Raises ``NotFound``, ``BadInput`` where words are missing.
        """
        if status in MUST_SAY and not text.strip():
            raise BadInput("text", "must not be empty")
        now = self.clock()
        with self.database.transaction() as session:
            wire_id = case_file.wire_id_of(session, proof, auftrag)
            said = {"behoerde": proof.behoerde, "wire_id": wire_id, "status": status, "text": text.strip()}
            name = self.house.vault.mac("page-answer", dumps(said)).hex()[:32]
            message = acknowledge.read(dumps({**said, "message_id": f"page:{name}"}))
            mac = acknowledge.content_mac(self.house.vault, message)
            acknowledge.accept(session, self.house, message, mac, now, by=proof)

    @contextmanager
    def looking(self, proof: StaffProof) -> Iterator[tuple[Session, datetime]]:
        """Open the transaction of a look; one that is refused for what it is becomes an incident."""
        now = self.clock()
        try:
            with self.database.transaction() as session:
                yield session, now
        except (Curious, Foreign, Forged) as error:
            with self.database.transaction() as session:
                inspection.report(session, self.house, proof, error, now)
            raise
