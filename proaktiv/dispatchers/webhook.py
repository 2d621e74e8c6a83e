"""Hand over by HTTP: ``POST <endpoint>`` with the wire id as ``Idempotency-Key``."""

import json

from notifiers.model import Clearance
from proaktiv.core.errors import AlreadyDone
from proaktiv.dispatchers.model import Auftrag
from proaktiv.egress import Deadline, Egress


class Webhook:
    """A Behörde that takes JSON and honours ``Idempotency-Key``."""

    name = "webhook"
    idempotent = True

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: Deadline) -> None:
        """Hand over before the deadline. Raises ``AlreadyDone`` on a repeat, and the outbound errors."""
        content = json.dumps(
            {
                "wire_id": clearance.wire_id,
                "reference": order.reference,
                "leistung": order.leistung,
                "confirmed_at": order.confirmed_at.isoformat(),
                "trust": int(order.trust),
                "sperrvermerk": order.sperrvermerk,
                "felder": [dict(feld) for feld in order.felder],
                "unterschriften": [dict(each) for each in order.unterschriften],
                "nachzureichen": list(order.nachzureichen),
            }
        )
        response = self._egress.post(
            endpoint,
            headers={"Content-Type": "application/json", "Idempotency-Key": clearance.wire_id},
            content=content.encode(),
            deadline=deadline,
        )
        if response.status == 200 and _says_duplicate(response.body):
            raise AlreadyDone(f"hand-over {clearance.wire_id}: they have it")


def _says_duplicate(body: bytes) -> bool:
    """Return whether a 200 is the answer to a repeat; any other body of a 2xx is nothing we need to read."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("duplicate") is True
