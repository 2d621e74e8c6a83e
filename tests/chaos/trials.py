"""One trial: somebody dies at one point of one scenario, and everything goes on. Says what does not hold.

``Trials`` first counts the points with a process that does not die, and takes what that leaves as what every other one
must leave.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proaktiv.demo.citizens import Deed
from proaktiv.demo.counting import count
from proaktiv.demo.summing_up import auftraege_withdrawn
from tests.chaos.deadly import ANSWERED, HANDED, deadly
from tests.chaos.dying import FolderBehoerde
from tests.chaos.holding import Baseline, Left, broken, endless, left, sent_unlogged, unpaired
from tests.chaos.life import Life
from tests.chaos.points import Death, Fuse, Moment, deaths
from tests.chaos.scenarios import Plan, Scenario
from tests.chaos.stages import Copy, Stage
from tests.world import World


@dataclass
class Trials:
    """Trials of one scenario. ``repeats`` are hand-overs that came a second time and were taken for one."""

    scenario: Scenario
    stage: Stage
    baseline: Baseline
    points: list[tuple[str, str]] = field(default_factory=list)
    anew: bool = False
    allowed: list[Left] = field(default_factory=list)
    kills: int = 0
    repeats: int = 0
    found: list[str] = field(default_factory=list)

    @property
    def deaths(self) -> list[Death]:
        return deaths(self.points)

    def count(self) -> None:
        """Let nobody die, count the points, and remember what is left; ``anew`` also by who dies before it began."""
        with self.stage.copy() as copy:
            assert copy.dies(None) == 0, f"{self.scenario.name} ends by itself"
            self.points = copy.points()
            self.allowed = [self._goes_on(copy, None)]
        if self.anew:
            with self.stage.copy() as copy:
                copy.dies(Death(0, Moment.BEFORE))
                self.allowed.append(self._goes_on(copy, None))

    def kill(self, death: Death) -> None:
        """Let one process die there, and go on."""
        with self.stage.copy() as copy:
            ended = copy.dies(death)
            assert ended == -signal.SIGKILL, f"{self._where(death)}: ended with {ended}"
            self.kills += 1
            self._goes_on(copy, death)

    def _where(self, death: Death | None) -> str:
        if death is None:
            return f"{self.scenario.name}, nobody dies"
        kind, name = self.points[death.point]
        return f"{self.scenario.name}, {death.moment} point {death.point} ({kind}: {name})"

    def _says(self, death: Death | None, *found: str) -> None:
        self.found += [f"{self._where(death)}: {each}" for each in found if each]

    def _goes_on(self, copy: Copy, death: Death | None) -> Left:
        """Do what callers and other workers do then, and look."""
        world = copy.open()
        try:
            if number := sent_unlogged(world, copy.journal):
                self._says(death, f"{number} sent unlogged")
            late = death is not None and death.point % 2 == 0
            if not late:
                copy.arrives_late(world)
            lost = unpaired(world)
            world.pipeline = deadly(world.pipeline, Fuse(), copy.journal)
            self._ask_again(world, copy, death)
            world.tick()
            if late:
                copy.arrives_late(world)
            self._says(death, *broken(world, self.baseline, lost))
            if number := endless(world, copy.journal):
                self._says(death, f"{number} handed over without an end")
            now = left(world)
            if death is not None and now not in self.allowed:
                self._says(death, now.differs(self.allowed[-1]))
            with _telling(self, death):
                world.check_log()
            wires = [wire for _, wire in copy.journal.entries(HANDED)]
            self.repeats += len(wires) - len(set(wires))
        except Exception as error:  # noqa: BLE001 - what it says belongs to the place of the death
            self._says(death, f"{type(error).__name__}: {error}")
            return Left({}, Counter(), 0)
        else:
            return now
        finally:
            world.close()

    def _ask_again(self, world: World, copy: Copy, death: Death | None) -> None:
        """Make every request as its caller does who heard no answer, twice; the answers must be the same."""
        before = dict(copy.journal.entries(ANSWERED))
        for _ in range(2):
            for number, request in enumerate(self.stage.requests):
                answer = request(world)
                if before.setdefault(number, answer) != answer:
                    self._says(death, f"request {number} was answered {before[number]}, now {answer}")


@contextmanager
def _telling(trials: Trials, death: Death | None) -> Iterator[None]:
    try:
        yield
    except AssertionError as error:
        trials._says(death, f"the log: {error}")


@contextmanager
def trials_of(
    scenario: Scenario, life: Life, size: int, behoerde: Callable[[Path], FolderBehoerde] = FolderBehoerde
) -> Iterator[Trials]:
    """Prepare one scenario and count its points."""
    prepared: list[Baseline] = []

    def prepare(world: World, cast: Any, size: int) -> Plan:
        plan = scenario.prepare(world, cast, size)
        prepared.append(_baseline(world, plan))
        return plan

    stage, plan = life.grown(
        f"trial_{scenario.name}_{size}".replace("-", "_"), life.at(scenario.moment, size), prepare, size
    )
    try:
        stage.requests, stage.behoerde = plan.requests, behoerde
        trials = Trials(scenario, stage, prepared[0], anew=plan.anew)
        trials.count()
        yield trials
    finally:
        life.drop(stage)


def _baseline(world: World, plan: Plan) -> Baseline:
    """What had happened before, and what the requests add once."""
    with world.database.transaction() as session:
        counts = count(session)
    deeds = {
        Deed.YES: counts.total("auftraege"),
        Deed.NO: counts.of("proposals", "declined"),
        Deed.CONSENTS_WITHDRAWN: counts.numbers["consents_withdrawn"],
        Deed.AUFTRAG_WITHDRAWN: auftraege_withdrawn(counts),
    }
    return Baseline(
        reports=counts.total("events") + plan.reports,
        deeds={deed: number + plan.deeds.get(deed, 0) for deed, number in deeds.items()},
        acknowledged=plan.acknowledged,
        exempt=plan.exempt,
    )
