"""A register that answers ``POST <url>/nachschlagen`` with JSON."""

import json

from notifiers.model import Clearance
from proaktiv.egress import Deadline, Declined, Egress
from proaktiv.registers.model import Answer, BadAnswer, Question, read_answer

_NO_SUCH_PATH = frozenset({404, 410})


def asked_at(url: str) -> str:
    """Return the address that a register's look-ups go to."""
    return url.rstrip("/") + "/nachschlagen"


class HttpRegister:
    """One register behind HTTP. What a wire id asked once it may be asked again: reading changes nothing there."""

    def __init__(self, name: str, url: str, egress: Egress) -> None:
        self._name = name
        self._url = asked_at(url)
        self._egress = egress

    @property
    def name(self) -> str:
        """Return the name that activities and look-ups use."""
        return self._name

    def fetch(self, question: Question, clearance: Clearance, deadline: Deadline) -> Answer:
        """Ask before the deadline. Raises ``PersonNotThere``, ``BadAnswer`` and the outbound errors.

        That somebody is not there the register says in so many words. A bare 404 is a path that is wrong, or a gateway
        whose backend is away: it says nothing of anybody.

        The person stands in the body alone, never in the URL.
        """
        content = json.dumps(
            {
                "wire_id": clearance.wire_id,
                "register": question.register,
                "person": dict(question.person),
                "names": list(question.names),
                **({"child": {"kennung": question.child}} if question.child else {}),
            }
        )
        try:
            response = self._egress.post(
                self._url,
                headers={"Content-Type": "application/json", "Idempotency-Key": clearance.wire_id},
                content=content.encode(),
                deadline=deadline,
            )
        except Declined as error:
            if error.status in _NO_SUCH_PATH:
                raise BadAnswer(f"look-up {clearance.wire_id}: {error.status} is no answer about a person") from None
            raise
        return read_answer(response.body, question.names)
