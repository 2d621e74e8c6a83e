"""What a yes leads to where two must sign: how long it waits, for whom, and who may sign."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proaktiv.core.confirming import asks_second, first_state, signing_trust, undo_after_signature
from proaktiv.core.states import AuftragState
from proaktiv.core.trust import Trust

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)


def content(sicher_bis: str) -> dict[str, Any]:
    """What two sign and a letter's code is enough for, as a rule author may write it."""
    return {
        "versand": {"V1": "behoerde"},
        "unterzeichner": ["elternteil", "zweiter_elternteil"],
        "fristen": [{"sicher_bis": sicher_bis}],
    }


@pytest.mark.parametrize(
    ("sicher_bis", "waits_until"),
    [
        ("2026-12-15", datetime(2026, 12, 7, 23, 0, tzinfo=UTC)),  # five working days before, midnight in Berlin
        ("2026-11-10", NOW + DAY),  # five working days before is today: the promised day comes first
        ("2026-11-05", NOW + DAY),
        ("2026-11-03", NOW),  # less than 48 hours: the page says that it leaves at once
    ],
)
def test_where_two_sign_an_auftrag_waits_at_least_as_long_as_it_can_be_taken_back(
    sicher_bis: str, waits_until: datetime
) -> None:
    state, due_at, undo_until = first_state(content(sicher_bis), Trust.V1, NOW)
    assert state is AuftragState.AWAITING_SIGNATURE
    assert due_at == waits_until
    assert undo_until <= waits_until
    assert asks_second(state, due_at, NOW) is (waits_until > NOW)


def test_the_second_signature_ends_no_time_that_the_first_was_promised() -> None:
    far = content("2026-12-15")["fristen"]
    assert undo_after_signature(far, Trust.V2, NOW, NOW + timedelta(hours=5)) == NOW + timedelta(hours=5)
    assert undo_after_signature(far, Trust.V2, NOW, NOW - DAY) == NOW


@pytest.mark.parametrize(
    ("first", "least"), [(Trust.V1, Trust.V2), (Trust.V2, Trust.V2), (Trust.V3, Trust.V3)], ids=str
)
def test_nobody_signs_with_a_letters_code_alone(first: Trust, least: Trust) -> None:
    assert signing_trust(first) is least
