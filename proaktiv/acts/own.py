"""What a person does to see who saw their data: list, span, proof, bundle. Nothing of it writes anything."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from proaktiv.acts.means import Means
from proaktiv.core.errors import NotAllowed
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.flowlog.status import LogBehind, require_current
from proaktiv.parties import names_of
from proaktiv.steps import timeline
from proaktiv.steps.timeline import cockpit
from proaktiv.steps.timeline.entries import Part

BEHIND = timedelta(seconds=60)
"""Older than this nothing may wait for its place or its signature without the heartbeat saying so."""


@dataclass(frozen=True, slots=True)
class OwnActs(Means):
    """The acts of a person about their own entries of the flow log."""

    def timeline(self, proof: SessionProof, before: str) -> dict[str, Any]:
        """Return the person's own entries of the flow log, newest first, from before an entry on."""
        with self.database.transaction() as session:
            return timeline.timeline(session, self.current(session), proof, before)

    def usages(
        self, proof: SessionProof, first_on: date | None, last_on: date | None, offset: int, limit: int
    ) -> list[dict[str, Any]]:
        """Return the person's own entries for a program, each with its proof. Raises ``NotAllowed`` at V1."""
        _require_history(proof)
        with self.database.transaction() as session:
            return timeline.usages(session, self.current(session), proof, first_on, last_on, offset, limit)

    def usage_period(self, proof: SessionProof) -> dict[str, str | None]:
        """Return from when to when there are entries about the person. Raises ``NotAllowed`` at V1."""
        _require_history(proof)
        with self.database.transaction() as session:
            return timeline.usage_period(session, self.house, proof)

    def cockpit_status(self, proof: SessionProof) -> dict[str, Any]:
        """Return whether there are Protokolldaten about the person. Raises ``NotAllowed`` at V1."""
        _require_history(proof)
        with self.database.transaction() as session:
            return cockpit.status(session, self.house, proof, self.clock())

    def cockpit_list(
        self, proof: SessionProof, first_on: date | None, last_on: date | None, offset: int, limit: int
    ) -> dict[str, Any]:
        """Return Protokolldaten about the person, two years back. Raises ``NotAllowed`` at V1."""
        _require_history(proof)
        asked = Part(first_on, last_on, offset=offset, limit=limit)
        with self.database.transaction() as session:
            house = self.current(session)
            names = names_of(session, house)
            return cockpit.listed(session, house, proof, names, self.clock(), asked)

    def cockpit_content(self, proof: SessionProof, entry: UUID) -> dict[str, Any]:
        """Return the Inhaltsdaten of one Protokolldatum. Raises ``NotAllowed`` at V1, ``NotFound``."""
        _require_history(proof)
        with self.database.transaction() as session:
            house = self.current(session)
            names = names_of(session, house)
            return cockpit.content(session, house, proof, names, self.clock(), entry)

    def own_bundle(self, proof: SessionProof) -> bytes | None:
        """Return what is signed about the person as a zip file, None while nothing is. Raises ``NotAllowed`` at V1."""
        _require_history(proof)
        with self.database.transaction() as session:
            return timeline.bundle(session, self.house, proof)

    def heartbeat(self) -> dict[str, str]:
        """Return whether the log answers, and whether it keeps up."""
        now = self.clock()
        with self.database.transaction() as session:
            try:
                require_current(session, now, BEHIND)
            except LogBehind:
                return {"status": "ok", "log": "behind"}
        return {"status": "ok", "log": "current"}


def _require_history(proof: SessionProof) -> None:
    """Raise ``NotAllowed`` unless the person proved more than a letter's code: somebody else may open a letter."""
    if proof.trust < Trust.V2:
        raise NotAllowed("a letter's code alone shows no history: log in with an account")
