"""The Auftrag on its way: what leaves, how it ended, and the act between the two transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from notifiers.model import Clearance
from proaktiv.core.errors import OutboundError
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import End, Ended, ended_by
from proaktiv.dispatchers.model import Auftrag, Dispatcher
from proaktiv.egress import Deadline
from proaktiv.house import Probe, no_probe
from proaktiv.outward import broken

PROBES = (
    "dispatch.announce.before",
    "dispatch.announce.during",
    "dispatch.announce.after",
    "dispatch.hand_over.before",
    "dispatch.hand_over.after",
    "dispatch.record.before",
    "dispatch.record.during",
    "dispatch.record.after",
)

UNDELIVERABLE = "auftrag.undeliverable"
IN_DOUBT = "auftrag.in_doubt"
LATE = "auftrag.late"


@dataclass(frozen=True, slots=True)
class Sending:
    """One attempt to hand over one Auftrag. ``tries`` counts the attempts that failed before it.

    ``also`` are the entries by which the log tells whoever else signed.
    """

    handover: UUID
    auftrag: UUID
    person: UUID
    behoerde: str
    dispatcher: str
    endpoint: str
    idempotent: bool
    tries: int
    order: Auftrag
    flow: Flow
    clearance: Clearance
    also: tuple[tuple[Flow, UUID], ...] = ()


@dataclass(frozen=True, slots=True)
class Sent:
    """How one attempt ended."""

    sending: Sending
    ended: Ended


def hand_over(sending: Sending, ways: Mapping[str, Dispatcher], deadline: Deadline, probe: Probe = no_probe) -> Sent:
    """Send. Never raises what the dispatcher raises: how it ended stands in the answer."""
    probe("dispatch.hand_over.before")
    dispatcher = ways.get(sending.dispatcher)
    if dispatcher is None:
        return Sent(sending, Ended(End.AWAY))
    try:
        dispatcher.send(sending.order, sending.endpoint, sending.clearance, deadline)
        ended = Ended(End.DONE)
    except OutboundError as error:
        ended = ended_by(error)
    except Exception as error:  # noqa: BLE001 - whatever it was, the other attempts of the set must be recorded
        ended = broken("dispatch", sending.handover, sending.clearance.wire_id, error)
    probe("dispatch.hand_over.after")
    return Sent(sending, ended)
