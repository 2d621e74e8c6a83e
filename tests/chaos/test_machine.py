"""The machine runs, and finds each protection that is taken out.

Same seed, same code, same run: ``MACHINE_SEED=n`` repeats one.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from proaktiv.core.outbound import End, Ended
from proaktiv.recall import Recalled
from proaktiv.steps import dispatch, receive
from proaktiv.steps.consents import recalling, transmit
from tests.chaos.machine import Machine
from tests.chaos.tally import MACHINE
from tests.chaos.town import Town
from tests.depth import EXHAUSTIVE, depth

pytestmark = pytest.mark.chaos

STEPS_OF_A_RUN = depth(60, 240)
SHARES = depth(1, 40)
"""A run in full is many tests, so that every core has its part."""


def run(town: Town, steps: int, number: int) -> Counter[str]:
    """Run the machine for about so many steps and return what was counted. Raises what it found."""

    class Seeded(Machine):
        pass

    Seeded.town, Seeded.counts = town, Counter()
    run_state_machine_as_test(
        seed(number)(Seeded),
        settings=settings(
            max_examples=max(1, steps // STEPS_OF_A_RUN),
            stateful_step_count=STEPS_OF_A_RUN,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        ),
    )
    return Seeded.counts


@pytest.mark.parametrize("share", range(SHARES))
def test_nothing_that_happens_in_any_order_breaks_a_promise(
    town: Town, share: int, capsys: pytest.CaptureFixture[str], record_property: Callable[[str, object], None]
) -> None:
    first = int(os.environ.get("MACHINE_SEED", random.SystemRandom().randrange(2**32) if EXHAUSTIVE else 1))
    number = first if "MACHINE_SEED" in os.environ else first + share
    try:
        counts = run(town, depth(600, 3_120), number)
    except BaseException as error:
        error.add_note(f"again: MACHINE_SEED={number}")  # what is printed is not seen where several work
        raise
    faults = sum(n for name, n in counts.items() if name.startswith("fault"))
    record_property(MACHINE, (counts["steps"], counts["runs"], faults, number))
    with capsys.disabled():
        kinds = ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))
        print(f"machine: {counts['steps']} steps, {faults} faults, seed {number}: {kinds}")


def stops_recall_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(receive, "recall", lambda *_arguments: Recalled(0, 0, 0))


def withdrawals_move_nothing(patch: pytest.MonkeyPatch) -> None:
    for module in (recalling, transmit):
        patch.setattr(module, "write_moves", lambda *_arguments: None)


def what_nobody_knows_is_called_done(patch: pytest.MonkeyPatch) -> None:
    really = dispatch.hand_over

    def boldly(*arguments: Any) -> Any:
        sent = really(*arguments)
        return replace(sent, ended=Ended(End.DONE)) if sent.ended.end is End.UNSURE else sent

    patch.setattr(dispatch, "hand_over", boldly)


@pytest.mark.parametrize("sabotage", [stops_recall_nothing, withdrawals_move_nothing, what_nobody_knows_is_called_done])
def test_control_the_machine_finds_a_protection_that_is_taken_out(
    town: Town, monkeypatch: pytest.MonkeyPatch, sabotage: Callable[[pytest.MonkeyPatch], None]
) -> None:
    sabotage(monkeypatch)
    with pytest.raises(AssertionError):
        run(town, 3_000, 1)
