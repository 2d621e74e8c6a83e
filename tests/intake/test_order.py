"""In whatever order reports arrive, the same is true in the end: what is proposed to whom, and what is stopped.

Each order runs in a copy of one city, with the same people, the same keys and the same reports, so that what is left
can be compared byte by byte. Evaluate runs between the reports, or not, as the order says.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, permutations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from proaktiv.embedded import EmbeddedServer
from tests.builders import (
    Event,
    Somebody,
    a_birth,
    a_cancellation,
    a_death,
    a_protection,
    child_of,
    somebody,
)
from tests.conftest import ROLES
from tests.depth import depth
from tests.world import World

_NUMBERS = count(1)
SEED = 20261014
_OPEN = "SELECT p.leistung, p.dedupe, p.shown_mac FROM proposals p WHERE p.state IN ('open', 'later') ORDER BY 1, 2"
_STOPS = "SELECT DISTINCT target, guard FROM stops WHERE lifted_at IS NULL ORDER BY 1, 2"
_TASKS = "SELECT DISTINCT what FROM tasks WHERE what NOT IN ('stop.lifted', 'letter.call_back') ORDER BY 1"
_LEFT = (
    "SELECT count(*) FROM register_events WHERE payload IS NOT NULL OR state IN ('waiting', 'needs')"
    " UNION ALL SELECT count(*) FROM event_subjects s JOIN register_events e ON e.id = s.event"
    " WHERE e.state = 'stopped'"
)

Left = tuple[list[Any], ...]


@dataclass
class Town:
    """A city with Anna and Berta in it, from which copies are made."""

    server: EmbeddedServer
    template: str
    folder: Path
    seed: bytes
    anna: Somebody
    berta: Somebody

    def left_by(self, reports: Sequence[Event], evaluated: Sequence[bool]) -> Left:
        """Report in this order to a copy of the city; return what is left. Evaluate always runs at the end."""
        number = next(_NUMBERS)
        name, folder = f"order_{number}", self.folder / f"copy-{number}"
        shutil.copytree(self.folder / "city", folder)
        self.server.create_database(name, self.template)
        world = World(
            {role: self.server.url(f"proaktiv_{role}", name) for role in ROLES}, folder, seed=self.seed
        ).open()
        try:
            for person in (self.anna, self.berta):
                world.melderegister.knows(person, **{"kind.im_haushalt": True})
            for report, evaluate in zip(reports, (*evaluated, True), strict=True):
                world.announce(report)
                if evaluate:
                    world.tick()
            with world.database.transaction() as session:
                open_, stops, tasks, left = (
                    [tuple(row) for row in session.connection().execute(text(sql))]
                    for sql in (_OPEN, _STOPS, _TASKS, _LEFT)
                )
            assert left == [(0,), (0,)], "nothing is under way, and nothing is kept of what was stopped"
            return open_, stops, tasks
        finally:
            world.close()
            self.server.drop_database(name)
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def town(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("orders")
    (folder / "city").mkdir()
    postgres.create_database("orders", "proaktiv")
    world = World({role: postgres.url(f"proaktiv_{role}", "orders") for role in ROLES}, folder / "city").found()
    anna, berta = world.lives_here(somebody("Anna")), world.lives_here(somebody("Berta"))
    world.check_log()
    world.close()
    yield Town(postgres, "orders", folder, world.seed, anna, berta)
    postgres.drop_database("orders")


def corrected(birth: Event, fassung: int, **changes: Any) -> Event:
    return birth.but(id=f"{birth.id}-{fassung}", fassung=fassung, **changes)


def renamed(birth: Event, fassung: int, name: str) -> Event:
    return corrected(birth, fassung, kind=birth.data["kind"] | {"vornamen": name})


def three_versions(town: Town) -> list[Event]:
    birth = a_birth(town.anna)
    return [birth, renamed(birth, 2, "Mio"), renamed(birth, 3, "Mila")]


def a_correction_and_a_storno(town: Town) -> list[Event]:
    birth = a_birth(town.anna)
    return [birth, renamed(birth, 2, "Mio"), a_cancellation(birth)]


def another_mother(town: Town) -> list[Event]:
    birth = a_birth(town.anna)
    return [birth, corrected(birth, 2, eltern=a_birth(town.berta).data["eltern"])]


def a_mother_nobody_knows(town: Town) -> list[Event]:
    birth = a_birth(town.anna)
    return [birth, corrected(birth, 2, eltern=a_birth(somebody("Cora")).data["eltern"])]


def another_child(town: Town) -> list[Event]:
    birth = a_birth(town.anna)
    return [birth, corrected(birth, 2, kind=birth.data["kind"] | {"kennung": "MR-another"})]


def a_group_that_was_forgotten(town: Town) -> list[Event]:
    birth = a_birth(town.anna, mehrlingsgruppe="MG-1")
    alone = {key: value for key, value in birth.data.items() if key != "mehrlingsgruppe"}
    twin = a_birth(town.anna, mehrlingsgruppe="MG-1")
    return [Event(birth.kind, alone, f"{birth.id}-0", birth.source), corrected(birth, 2), twin]


def a_stillbirth_that_was_none(town: Town) -> list[Event]:
    birth = a_birth(town.anna, schutz={"totgeboren": True})
    return [birth, corrected(birth, 2, schutz={})]


def an_adoption_that_a_correction_forgets(town: Town) -> list[Event]:
    birth = a_birth(town.anna, schutz={"adoption": True})
    return [birth, corrected(birth, 2, schutz={})]


def a_sperre_that_a_correction_forgets(town: Town) -> list[Event]:
    birth = a_birth(town.anna, schutz={"sperre_51": [town.anna.kennung]})
    return [birth, corrected(birth, 2, schutz={})]


def a_death_of_somebody_else(town: Town) -> list[Event]:
    death = a_death(town.anna.kennung)
    return [death, corrected(death, 2, person={"kennung": town.berta.kennung})]


def a_protection_and_its_storno(town: Town) -> list[Event]:
    note = a_protection(town.anna.kennung, "51")
    return [note, a_cancellation(note)]


def a_death_and_a_birth_of_one_number(town: Town) -> list[Event]:
    """The Storno of the death must not reach the birth, whatever the register's numbers are."""
    birth = a_birth(town.anna)
    death = a_death(town.berta.kennung).but(eintrag=birth.data["eintrag"])
    return [birth, death, a_cancellation(death)]


SMALL = [
    three_versions,
    a_correction_and_a_storno,
    another_mother,
    a_mother_nobody_knows,
    another_child,
    a_stillbirth_that_was_none,
    an_adoption_that_a_correction_forgets,
    a_death_of_somebody_else,
    a_protection_and_its_storno,
    a_death_and_a_birth_of_one_number,
    a_group_that_was_forgotten,
]
Made = Callable[[Town], list[Event]]


def orders(reports: Sequence[Event]) -> Iterator[tuple[tuple[Event, ...], tuple[bool, ...]]]:
    """Every order, of two reports with every way to evaluate in between, of more with one or two that are drawn."""
    dice = Random(SEED)
    between = list(product((False, True), repeat=len(reports) - 1))
    for order in permutations(reports):
        yield from ((order, evaluated) for evaluated in dice.sample(between, 2 if len(reports) == 2 else depth(1, 2)))


@pytest.mark.parametrize("made", SMALL, ids=lambda made: made.__name__)
def test_every_order_of_a_few_reports_ends_the_same(town: Town, made: Made) -> None:
    reports = made(town)
    expected = town.left_by(reports, [True] * (len(reports) - 1))
    for order, evaluated in orders(reports):
        assert town.left_by(order, evaluated) == expected, [(report.kind, report.id) for report in order]


def test_two_births_a_correction_a_death_and_a_storno_end_the_same_in_every_order(town: Town) -> None:
    """Sixteen of the 120 orders, and what is evaluated between, drawn by a fixed seed."""
    first, second = a_birth(town.anna), a_birth(town.anna)
    third = a_birth(town.berta)
    reports = [first, renamed(first, 2, "Mio"), a_death(child_of(second)), second, a_cancellation(third)]
    dice = Random(SEED)
    expected = town.left_by(reports, [True] * 4)
    assert {"GEBURTSURKUNDE", "KITA-PLATZ"} <= {row[0] for row in expected[0]}, "one birth is left"
    for order in dice.sample(list(permutations(reports)), 16):
        evaluated = [dice.random() < 0.5 for _ in range(4)]
        assert town.left_by(order, evaluated) == expected, ([report.id for report in order], evaluated)


def test_a_sperre_that_a_correction_forgets_ends_the_same_whether_a_register_was_asked_before_or_not(
    town: Town,
) -> None:
    """§ 51 BMG denies look-ups from its arrival on; what the mother declares instead comes to the same."""
    reports = a_sperre_that_a_correction_forgets(town)
    expected = town.left_by(reports, [True])
    assert "KITA-PLATZ" in {row[0] for row in expected[0]}, "the one that asks the Melderegister where it may"
    assert expected[1]
    for order, evaluated in orders(reports):
        assert town.left_by(order, evaluated) == expected, ([report.id for report in order], evaluated)


def test_what_is_left_is_what_the_newest_version_says(town: Town) -> None:
    """The control of all others: states that differ are told apart."""
    birth = a_birth(town.anna)
    newer = renamed(birth, 2, "Mio")
    assert town.left_by([birth], []) != town.left_by([newer], [])
    assert town.left_by([birth, newer], [True]) == town.left_by([newer], [])
    assert town.left_by([birth, a_cancellation(birth)], [True])[0] == []


def test_a_death_that_was_cancelled_hides_a_birth_only_where_a_human_is_told(town: Town) -> None:
    """What a death ended in between is gone, its payload with it: then a task says so, and the register can repeat."""
    birth = a_birth(town.anna)
    death = a_death(child_of(birth))
    for order, evaluated in orders([birth, death, a_cancellation(death)]):
        proposals, stops, _ = town.left_by(order, evaluated)
        between = order.index(death) < 2 and order.index(death) < order.index(order[-1])
        assert stops == town.left_by([death, a_cancellation(death)], [True])[1]
        if not proposals:
            assert between, "only a death that stood for a while can have ended anything"
