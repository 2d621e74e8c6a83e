"""The question on its way: what is asked, how it ended, and the act between the two transactions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from notifiers.model import Clearance
from proaktiv.core.errors import OutboundError
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import End, Ended, ended_by
from proaktiv.egress import Deadline
from proaktiv.house import Probe, no_probe
from proaktiv.outward import broken
from proaktiv.registers.model import Answer, PersonNotThere, Question, Register, fitting

PROBES = (
    "look_up.announce.before",
    "look_up.announce.during",
    "look_up.announce.after",
    "look_up.hand_over.before",
    "look_up.hand_over.after",
    "look_up.record.before",
    "look_up.record.during",
    "look_up.record.after",
)


@dataclass(frozen=True, slots=True)
class Asking:
    """One question that may leave now."""

    lookup: UUID
    event: UUID | None
    enrolment: UUID | None
    person: UUID
    question: Question
    norm: str
    flow: Flow
    clearance: Clearance
    asked_on: date


@dataclass(frozen=True, slots=True)
class Heard:
    """How one question ended. ``answer`` is None when there is none, or when the register knows nobody."""

    asking: Asking
    ended: Ended
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of an enrolment's look-up: the register's facts as of a day, or None when nobody was found."""

    lookup: UUID
    enrolment: UUID
    person: UUID
    facts: Mapping[str, Any] | None
    as_of: date | None = None


def hand_over(asking: Asking, registers: Mapping[str, Register], deadline: Deadline, probe: Probe = no_probe) -> Heard:
    """Ask the register. Never raises what the register raises: how it ended stands in the answer."""
    probe("look_up.hand_over.before")
    register = registers.get(asking.question.register)
    if register is None:
        return Heard(asking, Ended(End.NEVER))
    try:
        answer = register.fetch(asking.question, asking.clearance, deadline)
        heard = Heard(asking, Ended(End.DONE), fitting(answer, asking.question, asking.asked_on))
    except PersonNotThere:
        heard = Heard(asking, Ended(End.DONE))
    except OutboundError as error:
        heard = Heard(asking, ended_by(error))
    except Exception as error:  # noqa: BLE001 - whatever it was, the other questions of the set must be recorded
        heard = Heard(asking, broken("look_up", asking.lookup, asking.clearance.wire_id, error))
    probe("look_up.hand_over.after")
    return heard
