"""The log's entry of a decision about an activity."""

from consent.model import Activity
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.trust import SessionProof
from proaktiv.house import House


def changed(house: House, proof: SessionProof, activity: Activity, outcome: str, case: str = "") -> Flow:
    """Return what the log says of one decision about one activity."""
    return Flow(
        kind=Kind.CONSENT_CHANGED,
        sender="citizen",
        receiver=house.controller,
        receiver_name=house.name,
        purpose=activity.purpose,
        action=f"consent.{outcome}",
        basis=activity.norm,
        scope=activity.id,
        outcome=outcome,
        person=proof.person,
        actor="citizen",
        case=case,
    )
