"""The state machine as consent.md § 5 draws it, written down a second time."""

import pytest

from consent.errors import ConsentConflict
from consent.model import ConsentState, Event
from consent.states import TERMINAL, moved

DRAWN = """
none -request-> requested
none -give-> given
none -refuse-> refused
none -object-> objected
requested -give-> given
requested -refuse-> refused
requested -expire-> expired
requested -lapse-> lapsed
requested -object-> objected
given -withdraw-> withdrawn
given -expire-> expired
given -lapse-> lapsed
given -revoke-> revoked
given -supersede-> superseded
given -object-> objected
"""
ARROWS = {tuple(line.replace("->", "-").split("-")[:2]): line.split("-> ")[1] for line in DRAWN.split("\n") if line}
CELLS = [(state, event) for state in (None, *ConsentState) for event in Event]


@pytest.mark.parametrize(("state", "event"), CELLS, ids=str)
def test_every_cell_is_an_arrow_or_a_conflict(state: ConsentState | None, event: Event) -> None:
    drawn = ARROWS.get((f"{state or 'none'} ", event.value))
    if drawn is None:
        with pytest.raises(ConsentConflict, match=event.value):
            moved(state, event)
    else:
        assert moved(state, event) == drawn


def test_all_arrows_are_read() -> None:
    assert len(ARROWS) == len(DRAWN.split()) / 3 == 15


def test_what_is_over_is_over() -> None:
    assert set(ConsentState) - TERMINAL == {ConsentState.REQUESTED, ConsentState.GIVEN}
