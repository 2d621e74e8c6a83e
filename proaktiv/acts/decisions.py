"""What two of the DSB's office decide: to erase somebody, to hold entries of the log, to release a hold.

Each call is an entry of the log. The same acts as ``proaktiv log erase | hold | release``: holds are placed and
released here, in the transaction of the yes; persons are erased by the eraser alone, whom this only tells. Left to
others: who may do what when (``steps.inspection``).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from proaktiv.acts.staff import StaffActs
from proaktiv.core.staff import Role, StaffProof
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.steps import inspection
from proaktiv.steps.inspection import erasing, holding


@dataclass(frozen=True, slots=True)
class DecisionActs(StaffActs):
    """The acts of the DSB's office that take two."""

    # erasures --------------------------------------------------------------------------------------------------------

    @property
    def erases(self) -> bool:
        """Return whether the eraser believes what is wished here."""
        return bool(self.erasure_key)

    def ask_for_erasure(self, proof: StaffProof, typed: str, ground: str, reason: str) -> UUID:
        """Keep a wish to erase a person, which a second one decides; the same again is the same wish.

        Raises ``BadInput``, ``Curious``, ``Conflict`` where this office holds no key for it.
        """
        with self.looking(proof) as (session, now):
            key, wall = self.erasure_key, self.wall()
            return erasing.ask(session, self.house, key, proof, typed, ground, reason, now, wall)

    def decide_on_erasure(self, proof: StaffProof, request: UUID, *, grant: bool) -> str:
        """Say yes or no to somebody else's wish; return how it stands. The same again changes nothing.

        Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``.
        """
        with self.looking(proof) as (session, now):
            key, wall = self.erasure_key, self.wall()
            return erasing.decide(session, self.house, key, proof, request, now, wall, grant=grant)

    def withdraw_erasure_request(self, proof: StaffProof, request: UUID) -> None:
        """End the own wish to erase a person, before anybody decided. Raises ``NotFound``, ``Conflict``."""
        now = self.clock()
        with self.database.transaction() as session:
            erasing.withdraw(session, self.house, proof, request, now, self.wall())

    def erasure_requests(self, proof: StaffProof) -> list[dict[str, Any]]:
        """Return the own wishes, those one decided, and everybody's that wait or cannot be done yet."""
        self._glance(proof, "erasures.listed")
        with self.database.transaction() as session:
            return erasing.requests(session, proof, self.staff_private, self.wall())

    # holds on entries ------------------------------------------------------------------------------------------------

    def ask_for_hold(
        self, proof: StaffProof, held: Held, review_on: date, reason: str, place: int | None = None
    ) -> UUID:
        """Keep a wish to hold entries; the same again is the same wish. Raises ``BadInput``, ``NotFound``.

        ``place`` names an entry by its place in the log instead of its id.
        """
        with self.looking(proof) as (session, now):
            return holding.ask(session, self.house, proof, held, review_on, reason, now, self.wall(), place)

    def ask_for_release(self, proof: StaffProof, hold: UUID, reason: str) -> UUID:
        """Keep a wish to release a hold; the same again is the same wish. Raises ``NotFound``, ``Conflict``."""
        with self.looking(proof) as (session, now):
            return holding.ask_release(session, self.house, proof, hold, reason, now, self.wall())

    def decide_on_hold(self, proof: StaffProof, request: UUID, *, grant: bool) -> str:
        """Say yes or no to somebody else's wish about a hold; a yes does it. Return how it stands.

        Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``.
        """
        with self.looking(proof) as (session, now):
            key, wall = self.staff_private, self.wall()
            return holding.decide(session, self.house, key, proof, request, now, wall, grant=grant)

    def withdraw_hold_request(self, proof: StaffProof, request: UUID) -> None:
        """End the own wish about a hold, before anybody decided. Raises ``NotFound``, ``Conflict``."""
        now = self.clock()
        with self.database.transaction() as session:
            holding.withdraw(session, self.house, proof, request, now, self.wall())

    def holds(self, proof: StaffProof) -> dict[str, Any]:
        """Return the holds that stand, and the wishes about holds."""
        self._glance(proof, "holds.listed")
        with self.database.transaction() as session:
            return holding.listed(session, proof, self.staff_private, self.wall())

    def _glance(self, proof: StaffProof, action: str, case: str = "") -> None:
        inspection.require(proof, Role.DSB)
        now = self.clock()
        with self.database.transaction() as session:
            inspection.glance(session, self.house, proof, action, now, case)
