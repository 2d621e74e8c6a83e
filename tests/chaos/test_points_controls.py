"""The controls of the crash points: each takes one protection out, and the rig says what went wrong.

Each is the work of a step with one line in the wrong place, killed where only that place matters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import Session

from notifiers.model import Clearance
from proaktiv.core.flows import Flow
from proaktiv.core.outbound import End, Ended
from proaktiv.demo.citizens import Deed
from proaktiv.dispatchers.model import Auftrag
from proaktiv.egress import Deadline
from proaktiv.embedded import EmbeddedServer
from proaktiv.steps import dispatch, notify
from proaktiv.steps.dispatch.sending import Sent
from tests.chaos.citizens import seen
from tests.chaos.dying import FolderBehoerde
from tests.chaos.life import Cast, Life
from tests.chaos.points import Moment
from tests.chaos.scenarios import Plan, Scenario, worker
from tests.chaos.stages import Request
from tests.chaos.trials import trials_of
from tests.world import World

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def life(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Life:
    return Life(postgres, tmp_path_factory.mktemp("life"))


def found(
    life: Life,
    moment: str,
    prepare: Callable[[World, Cast, int], Plan],
    place: str,
    when: Moment,
    behoerde: Callable[[Path], FolderBehoerde] = FolderBehoerde,
) -> str:
    """Kill at the first point of this name, and say what the rig says."""
    with trials_of(Scenario("control", place, moment, prepare), life, 1, behoerde) as trials:
        assert trials.found == [], "where nobody dies the mistake does not show: that is why there is a rig"
        trials.kill(
            next(each for each in trials.deaths if trials.points[each.point][1] == place and each.moment is when)
        )
        return "\n".join(trials.found)


def deadline() -> Deadline:
    return Deadline(5, lambda: 0.0)


@dataclass
class LateLog:
    """A log that is written after the transaction of what it tells about."""

    flows: list[Flow] = field(default_factory=list)

    def record(self, _session: Session, flows: Sequence[Flow], _now: datetime, _ring: object = None) -> list[UUID]:
        self.flows += flows
        return []


def test_control_an_act_that_is_logged_after_its_commit_is_missed_in_the_log(life: Life) -> None:
    def prepare(world: World, cast: Cast, _size: int) -> Plan:
        proof, proposal, _ = seen(world, cast)[0]

        def decline(world: World) -> None:
            pipeline, late = world.pipeline, LateLog()
            replace(pipeline, house=replace(pipeline.house, log=late)).decline(proof, proposal)  # type: ignore[arg-type]
            with world.database.transaction() as session:
                pipeline.house.log.record(session, late.flows, world.now)

        return Plan([decline], deeds={Deed.NO: 1})

    assert "declined = declined in the log: 1 ≠ 0" in found(life, "told", prepare, "commit", Moment.AFTER)


def test_control_a_letter_written_before_the_announcement_is_committed_is_sent_unlogged(life: Life) -> None:
    def write(world: World) -> None:
        pipeline = world.pipeline
        with world.database.transaction() as session:
            house = replace(pipeline.house, worker=pipeline.identity() if pipeline.identity else None)
            posting = notify.announce(session, house, pipeline.channels, world.now, 10)
            posted = [notify.hand_over(item, pipeline.channels, deadline()) for item in posting]
        with world.database.transaction() as session:
            notify.record(session, pipeline.house, posted, world.now)

    assert "1 sent unlogged" in found(life, "decided", planned(write), "letter", Moment.AFTER)


def test_control_an_outcome_written_before_the_sending_is_a_lost_auftrag(life: Life) -> None:
    def send(world: World) -> None:
        pipeline = world.pipeline
        with world.database.transaction() as session:
            house = replace(pipeline.house, worker=pipeline.identity() if pipeline.identity else None)
            sending = dispatch.announce(session, house, pipeline.dispatchers, world.now, 10)
        with world.database.transaction() as session:
            dispatch.record(session, pipeline.house, [Sent(each, Ended(End.DONE)) for each in sending], world.now)
        for each in sending:
            dispatch.hand_over(each, pipeline.dispatchers, deadline())

    said = found(life, "waiting", planned(send), "send", Moment.BEFORE)
    assert "dispatched = arrivals at the Behörden: 1 ≠ 0" in said
    assert "orders: 0 instead of 1" in said


class Forgetful(FolderBehoerde):
    """A Behörde that says it knows a wire id again, and does not."""

    def send(self, order: Auftrag, endpoint: str, clearance: Clearance, deadline: object) -> None:
        number = len(list(self.folder.iterdir()))
        super().send(order, endpoint, replace(clearance, wire_id=f"{clearance.wire_id}.{number}"), deadline)


def test_control_a_receiver_that_forgets_wire_ids_has_an_auftrag_twice(life: Life) -> None:
    said = found(life, "waiting", planned(worker("dispatch")), "send", Moment.AFTER, Forgetful)
    assert "dispatched = arrivals at the Behörden: 1 ≠ 2" in said
    assert "orders: 2 instead of 1" in said


def planned(request: Request) -> Callable[[World, Cast, int], Plan]:
    def prepare(_world: World, _cast: Cast, _size: int) -> Plan:
        return Plan([request])

    return prepare
