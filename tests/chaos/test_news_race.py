"""A letter's end against whoever acts on the very Auftrag that it tells of.

The end of a letter locks bundles first, an act its Auftrag: where the one waited for the other, PostgreSQL would end
one of them, and a Behörde's word would be lost until it says it again. Source: docs/decisions/0029.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from proaktiv.steps.notify import contents, recording
from tests.chaos.meanwhile import Meanwhile
from tests.chaos.test_race_matrix import Family, until_sendable
from tests.chaos.town import Town

pytestmark = pytest.mark.chaos


def raced(town: Town, status: str, monkeypatch: pytest.MonkeyPatch) -> tuple[UUID, Meanwhile]:
    """Let the Behörde speak again once the letter about its question has left, while its end holds the bundle."""
    family = Family(town)
    until_sendable(family)
    town.world.wait(hours=25)
    auftrag = UUID(str(town.world.value("SELECT id FROM auftraege")))
    behoerde = str(town.world.value("SELECT behoerde FROM auftraege"))
    town.pipeline.acknowledge(town.says(str(auftrag), behoerde, "question", "m-1"))
    again = town.says(str(auftrag), behoerde, status, "m-2")
    beside = Meanwhile(town.watcher, "news", lambda: town.beside.acknowledge(again))
    news_told = recording.news_told

    def held(*given: Any) -> None:
        beside("news")
        news_told(*given)

    monkeypatch.setattr(recording, "news_told", held)
    town.world.tick()
    assert beside.reached
    return auftrag, beside


@pytest.mark.parametrize(("status", "told_again"), [("decided", False), ("rejected", True)])
def test_a_behoerde_that_speaks_while_the_letter_about_its_question_ends_is_heard(
    town: Town, monkeypatch: pytest.MonkeyPatch, status: str, told_again: bool
) -> None:
    auftrag, beside = raced(town, status, monkeypatch)
    beside.ends()
    assert town.world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == status
    assert town.world.count("deliveries", "state = 'handed_over' AND run = 2") == 1
    town.world.now += timedelta(seconds=1)
    town.world.tick()
    assert town.world.count("deliveries", "state = 'handed_over' AND run = 3") == int(told_again)
    assert town.world.count("auftraege", "due_at IS NOT NULL") == 0
    town.world.check_log()


def test_control_where_the_end_waits_for_the_auftrag_postgresql_ends_one_of_the_two(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waiting(session: Any, auftraege: Sequence[UUID]) -> None:
        table = contents.AUFTRAEGE
        session.connection().execute(update(table).where(table.c.id.in_(auftraege)).values(due_at=None))

    monkeypatch.setattr(contents, "_over", waiting)
    with pytest.raises(OperationalError) as ended:
        _both(town, monkeypatch)
    assert isinstance(ended.value.orig, DeadlockDetected), "else the race tests nothing"


def _both(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    _, beside = raced(town, "rejected", monkeypatch)
    beside.ends()
