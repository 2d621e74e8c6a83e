"""What a scenario is: what is done when somebody dies, and what that adds to the world.

It starts from a moment of the city's life, may go on from there, and returns what is requested and what that adds once,
however often it is requested. They stand in ``offices``, ``workers`` and ``citizens``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proaktiv.core.errors import ProaktivError
from proaktiv.demo.citizens import Deed
from tests.chaos.life import Cast
from tests.chaos.stages import Request
from tests.world import World

Prepare = Callable[[World, Cast, int], "Plan"]


@dataclass(frozen=True)
class Plan:
    """What is requested, and what it adds: events, deeds of citizens, acknowledgements.

    ``exempt`` are equations that this scenario breaks also where nobody dies, each with its reason there. ``anew``: who
    says it again has said it again, and that is kept too; then it was said by the dead process wholly or not at all.
    """

    requests: Sequence[Request]
    reports: int = 0
    deeds: Mapping[Deed, int] = field(default_factory=dict)
    acknowledged: int = 0
    exempt: frozenset[str] = frozenset()
    anew: bool = False


@dataclass(frozen=True)
class Scenario:
    """One way through one step."""

    step: str
    way: str
    moment: str
    prepare: Callable[[World, Cast, int], Plan]

    @property
    def name(self) -> str:
        return f"{self.step}-{self.way}".replace(" ", "-")


def into(scenarios: list[Scenario], step: str, way: str, moment: str) -> Callable[[Prepare], Prepare]:
    """Put what is decorated into a list, as one scenario."""

    def register(prepare: Prepare) -> Prepare:
        scenarios.append(Scenario(step, way, moment, prepare))
        return prepare

    return register


def answered(call: Callable[[World], Any]) -> Request:
    """A request whose refusal is an answer too."""

    def request(world: World) -> Any:
        try:
            return call(world)
        except ProaktivError as refusal:
            return type(refusal).__name__, str(refusal)

    return request


def silent(call: Callable[[World], Any]) -> Request:
    """A request whose answer says how much was left to do, which is another the second time."""

    def request(world: World) -> None:
        call(world)

    return request


def worker(name: str) -> Request:
    """One part of the worker's work: nobody hears an answer."""
    return silent(lambda world: getattr(world.pipeline, name)())
