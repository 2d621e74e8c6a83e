"""``/dsb/erasures`` and ``/dsb/holds``: what two of the DSB's office decide, for programs.

One asks, another one decides; nothing happens before. Asking for the same again, or giving the same answer again, is
the same wish and the same answer. Left to others: what is done (``acts.decisions``), errors (``web.problems``).
Source: flowlog.md § 5.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from proaktiv.flowlog.keeping.holds import Held
from proaktiv.keys.erasing import Reason
from proaktiv.web import openapi
from proaktiv.web.leaves import Day
from proaktiv.web.overseer import ActsDep, Proof, ProofForChange, Who, Why

router = APIRouter()

Purpose = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f]*$")]

_READ = openapi.told(403) | openapi.READ


class Decision(BaseModel):
    """A second person's yes or no."""

    model_config = ConfigDict(extra="forbid")

    grant: Annotated[bool, Field(strict=True)]


class ErasureWish(BaseModel):
    """Whom to erase, by an Auftrag's number or a register's key, on which ground of Art. 17 (1) DSGVO, and why."""

    model_config = ConfigDict(extra="forbid")

    who: Who
    ground: Reason
    reason: Why


class HoldWish(BaseModel):
    """What to keep from retention, why, and when to look again: an entry, or whole days in Berlin of one purpose.

    An entry is named by its id or by its place in the log (``index``).
    """

    model_config = ConfigDict(extra="forbid")

    entry: UUID | None = None
    index: Annotated[int | None, Field(ge=0, le=2**53, strict=True)] = None
    first_on: Annotated[Day | None, Field(alias="from")] = None
    last_on: Annotated[Day | None, Field(alias="to")] = None
    purpose: Purpose = ""
    review_on: Day
    reason: Why

    def held(self) -> Held:
        """Return what is to be held."""
        return Held(self.entry, self.first_on, self.last_on, self.purpose)


class ReleaseWish(BaseModel):
    """Why a hold is to end."""

    model_config = ConfigDict(extra="forbid")

    reason: Why


@router.get("/erasures", responses=_READ)
def erasures(proof: Proof, acts: ActsDep) -> list[dict[str, Any]]:
    """List the own wishes to erase, those one decided, and everybody's that wait or cannot be done yet."""
    return acts.erasure_requests(proof)


@router.post("/erasures", status_code=202, responses=openapi.told(429) | openapi.CHANGE)
def ask_for_erasure(wish: ErasureWish, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Ask to erase a person; a second person decides, and nobody learns before whether there is such a person."""
    return {"id": str(acts.ask_for_erasure(proof, wish.who, wish.ground, wish.reason)), "state": "waiting"}


@router.post("/erasures/{request_id}/decision", responses=openapi.CHANGE_ONE)
def decide_on_erasure(request_id: UUID, decision: Decision, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Say yes or no to somebody else's wish; after a yes the eraser's process puts the person on the day's list."""
    state = acts.decide_on_erasure(proof, request_id, grant=decision.grant)
    return {"state": "denied" if state == "denied" else "granted"}


@router.post("/erasures/{request_id}/withdrawal", responses=openapi.CHANGE_ONE)
def withdraw_erasure(request_id: UUID, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Take the own wish back, on which nobody has decided yet."""
    acts.withdraw_erasure_request(proof, request_id)
    return {"state": "withdrawn"}


@router.get("/holds", responses=_READ)
def holds(proof: Proof, acts: ActsDep) -> dict[str, Any]:
    """List the holds on entries that stand, and the wishes about holds."""
    return acts.holds(proof)


@router.post("/holds", status_code=202, responses=openapi.told(404) | openapi.CHANGE)
def ask_for_hold(wish: HoldWish, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Ask to keep entries from retention; a second person's yes does it, and two people end it."""
    return {
        "id": str(acts.ask_for_hold(proof, wish.held(), wish.review_on, wish.reason, wish.index)),
        "state": "waiting",
    }


@router.post("/holds/{hold_id}/release", status_code=202, responses=openapi.CHANGE_ONE)
def ask_for_release(hold_id: UUID, wish: ReleaseWish, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Ask to release a hold; a second person's yes does it."""
    return {"id": str(acts.ask_for_release(proof, hold_id, wish.reason)), "state": "waiting"}


@router.post("/holds/requests/{request_id}/decision", responses=openapi.CHANGE_ONE)
def decide_on_hold(request_id: UUID, decision: Decision, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Say yes or no to somebody else's wish about a hold."""
    return {"state": acts.decide_on_hold(proof, request_id, grant=decision.grant)}


@router.post("/holds/requests/{request_id}/withdrawal", responses=openapi.CHANGE_ONE)
def withdraw_hold(request_id: UUID, proof: ProofForChange, acts: ActsDep) -> dict[str, str]:
    """Take the own wish about a hold back, on which nobody has decided yet."""
    acts.withdraw_hold_request(proof, request_id)
    return {"state": "withdrawn"}
