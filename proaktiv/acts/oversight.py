"""What the DSB does. Every act is an entry of the log, committed before anything is read: who oversees is seen, too.

None of it changes anything of a matter: what is written are looks, wishes, and exports of the log. What two people
decide on erasures and holds stands in ``acts.decisions``.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import Session

from proaktiv.acts.decisions import DecisionActs
from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput
from proaktiv.core.staff import Inspection, StaffProof
from proaktiv.steps import inspection, oversight, tasks
from proaktiv.steps.inspection import four_eyes
from proaktiv.steps.oversight import Wanted, entry, evidence, exports, way
from proaktiv.steps.oversight.exports import ExportKind

_AT_A_GLANCE, _AT_LENGTH = timedelta(seconds=5), timedelta(seconds=25)
"""How long the overview, and the list of findings, may look: a page answers before a proxy gives up, after 60 s."""


@dataclass(frozen=True, slots=True)
class OversightActs(DecisionActs):
    """The acts of the DSB."""

    # the log ---------------------------------------------------------------------------------------------------------

    def seen(self, proof: StaffProof) -> StaffProof:
        """Log that the DSB is here, and return who that is."""
        self._glance(proof, "office.entered")
        return proof

    def log_standing(self, proof: StaffProof) -> dict[str, Any]:
        """Return how the log stands, what does not fit in it, what a month brought, and how many wishes wait."""
        self._glance(proof, "log.seen")
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            return {
                **oversight.standing(session, proof, now, wall),
                "wrong": self._wrong(session, proof, _AT_A_GLANCE),
                "counts": oversight.counts(session, proof, now, wall),
                "waiting": inspection.wishes.standing(session, proof, wall),
            }

    def flows(self, proof: StaffProof, wanted: Wanted) -> dict[str, Any]:
        """Return a page of the flow log's entries."""
        self._glance(proof, "flows.listed", wanted.said())
        with self.database.transaction() as session:
            return oversight.flows(session, self.current(session), proof, wanted)

    def flows_of_subject(self, proof: StaffProof, wanted: Wanted, request: UUID | None) -> dict[str, Any]:
        """Return a page of entries; with a granted ``request`` those of that person alone."""
        if request is None:
            return self.flows(proof, wanted)
        with self.looking(proof) as (session, now):
            leave = inspection.of_request(session, self.house, proof, request, now, self.wall(), wanted.said())
        with self.database.transaction() as session:
            return oversight.flows_of(session, self.current(session), leave, wanted)

    def open_flow(self, proof: StaffProof, fid: UUID, request: UUID | None = None) -> dict[str, Any]:
        """Log that the DSB looks at an entry, then open it; with a granted ``request`` the person's own part, too."""
        with self.looking(proof) as (session, now):
            leave = inspection.of_flow(session, self.house, proof, fid, now, self.wall(), request)
        with self.database.transaction() as session:
            return entry.flow(session, self.current(session), leave, self.staff_private)

    def proof_of(self, proof: StaffProof, fid: UUID, request: UUID | None = None) -> str | None:
        """Return an entry's tlog-proof, None while nothing is signed over it. Raises ``NotFound``, ``Curious``.

        With a granted ``request`` the person's own part lies open in it, which the person finds among their entries.
        """
        if request is None:
            self._glance(proof, "proof.fetched", str(fid))
            with self.database.transaction() as session:
                return evidence.proof(session, fid)
        with self.looking(proof) as (session, now):
            leave = inspection.of_flow(session, self.house, proof, fid, now, self.wall(), request, "flow.proven")
        with self.database.transaction() as session:
            return evidence.opened_proof(session, self.house, leave)

    def rested(self, proof: StaffProof, fid: UUID, request: UUID) -> bytes | None:
        """Return what shows that a flow rested on its consent, None while nothing is signed over the flow.

        Only with a granted ``request`` for whom the flow is about. Raises ``NotFound``, ``NotAllowed``, ``Curious``.
        """
        with self.looking(proof) as (session, now):
            leave = inspection.of_flow(session, self.house, proof, fid, now, self.wall(), request, "flow.proven")
        with self.database.transaction() as session:
            return way.rested(session, self.house, leave)

    def wrong(self, proof: StaffProof) -> list[dict[str, Any]]:
        """Return what does not fit in the log of the last month."""
        self._glance(proof, "findings.listed")
        with self.database.transaction() as session:
            return self._wrong(session, proof, _AT_LENGTH)

    def _wrong(self, session: Session, proof: StaffProof, within: timedelta) -> list[dict[str, Any]]:
        now, wall = self.clock(), self.wall()
        return oversight.wrong(session, proof, now, wall, self.pace, self.staff_private, within=within)

    def looks_since(self) -> date:
        """Return the first day on which is looked for what does not fit."""
        return berlin_date(oversight.since(self.clock(), self.wall()))

    def checkpoints(self, proof: StaffProof, before: int | None) -> dict[str, Any]:
        """Return a page of what was signed."""
        self._glance(proof, "checkpoints.listed")
        with self.database.transaction() as session:
            return evidence.checkpoints(session, before)

    def checkpoint(self, proof: StaffProof, size: int) -> tuple[str, str]:
        """Return the file name of one signed checkpoint, and its text. Raises ``NotFound``."""
        self._glance(proof, "checkpoint.fetched", str(size))
        with self.database.transaction() as session:
            return evidence.note(session, size)

    def consistency(self, proof: StaffProof, old: int, new: int) -> dict[str, Any]:
        """Return the proof that an older log is the beginning of a newer one. Raises ``BadInput``."""
        self._glance(proof, "consistency.proven", f"{old} {new}")
        with self.database.transaction() as session:
            return evidence.consistency(session, old, new)

    def seen_incidents(self, proof: StaffProof) -> list[dict[str, str]]:
        """Return what the DSB must see. Raises ``NotAllowed`` for another role."""
        self._glance(proof, "incidents.listed")
        with self.database.transaction() as session:
            return tasks.incidents(session)

    # a person, with four eyes ----------------------------------------------------------------------------------------

    def ask_for_person(self, proof: StaffProof, typed: str, reason: str) -> UUID:
        """Keep a wish to look a person up, which a second person decides. Raises ``BadInput``, ``Curious``."""
        with self.looking(proof) as (session, now):
            return four_eyes.ask(session, self.house, proof, typed, reason, now, self.wall())

    def decide_on_person(self, proof: StaffProof, request: UUID, *, grant: bool) -> None:
        """Say yes or no to somebody else's wish. Raises ``NotAllowed`` to whoever asked, ``NotFound``, ``Conflict``."""
        now = self.clock()
        with self.database.transaction() as session:
            four_eyes.decide(session, self.house, proof, request, now, self.wall(), grant=grant)

    def withdraw_person_request(self, proof: StaffProof, request: UUID) -> None:
        """End the own wish to look a person up, before anybody decided. Raises ``NotFound``, ``Conflict``."""
        now = self.clock()
        with self.database.transaction() as session:
            four_eyes.withdraw(session, self.house, proof, request, now, self.wall())

    def person_requests(self, proof: StaffProof) -> list[dict[str, Any]]:
        """Return the own wishes, and those of others that wait, with how many their askers had lately."""
        self._glance(proof, "requests.listed")
        now = self.clock()
        with self.database.transaction() as session:
            return four_eyes.requests(session, proof, self.staff_private, self.pace, now, self.wall())

    def look_person_up(self, proof: StaffProof, request: UUID, before: str, kind: str = "") -> dict[str, Any]:
        """Log that the DSB looks a person up whom a second one allowed, then return the entries about them.

        ``kind``: those of one kind alone.
        """
        wanted = Wanted({}, kind, before=before)
        with self.looking(proof) as (session, now):
            leave: Inspection = inspection.of_request(
                session, self.house, proof, request, now, self.wall(), wanted.said()
            )
        with self.database.transaction() as session:
            return {"found": bool(leave.persons), **oversight.flows_of(session, self.current(session), leave, wanted)}

    # exports ---------------------------------------------------------------------------------------------------------

    def make_export(
        self, proof: StaffProof, kind: str, first_on: date | None, last_on: date | None, days: int
    ) -> dict[str, Any]:
        """Make an export of the log that goes by itself after some days. Raises ``BadInput``, ``NotFound``."""
        if kind not in set(ExportKind):
            raise BadInput("kind", f"is one of {', '.join(ExportKind)}")
        self._glance(proof, "export.made", f"{kind} {first_on or ''} {last_on or ''} {days}")
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            return exports.make(session, self.house, proof, ExportKind(kind), first_on, last_on, days, now, wall)

    def exports(self, proof: StaffProof) -> list[dict[str, Any]]:
        """Return the exports there are and were."""
        self._glance(proof, "exports.listed")
        with self.database.transaction() as session:
            return exports.listed(session, self.wall())

    def fetch_export(self, proof: StaffProof, export: UUID) -> tuple[str, bytes]:
        """Return an export's file name and its file. Raises ``NotFound``."""
        self._glance(proof, "export.fetched", str(export))
        with self.database.transaction() as session:
            return exports.fetch(session, export, self.wall())

    def end_exports(self) -> int:
        """Delete what is over of exports and wishes. Returns how many. The worker's: no look deletes."""
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            return exports.sweep(session, self.house, now, wall)
