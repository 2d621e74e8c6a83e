"""Each line of the table: a day before it stays, on the day it goes. In Berlin, whatever the season."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select
from sqlmodel import Session

from proaktiv.core.calendar import BERLIN, berlin_date
from proaktiv.core.errors import BadInput
from proaktiv.core.retention import RULES, Rule
from proaktiv.core.terms import DEFAULTS, Period, Term, Terms, end_of
from proaktiv.steps import retain
from proaktiv.steps.retain.over import Over
from proaktiv.steps.retain.sets import due
from tests.retention.planting import PLANTED, a_proposal, an_auftrag, an_event, plant

INSTANTS = (
    datetime(2026, 10, 24, 23, 59, 59, tzinfo=BERLIN),  # the last second before the day with 25 hours
    datetime(2027, 3, 28, 0, 0, tzinfo=BERLIN),  # in UTC it is still the day before, in winter time
    datetime(2028, 2, 29, 12, tzinfo=BERLIN),  # a day that two years later does not exist
)
BY_DAY = [rule for rule in RULES if rule.name in PLANTED]


def counted(connection: Connection, rule: Rule, today: date, terms: Terms | None = None) -> int:
    with Session(bind=connection, join_transaction_mode="create_savepoint") as session:
        what = due(rule, Over(terms or Terms(), today))
        found = session.connection().execute(retain._free(what, select(func.count()).select_from(what.table)))
        return int(found.scalar_one())


def rule_of(name: str) -> Rule:
    return next(rule for rule in RULES if rule.name == name)


@pytest.mark.parametrize("rule", BY_DAY, ids=lambda rule: rule.name)
def test_a_day_before_it_stays_and_on_the_day_it_goes(soil: Connection, rule: Rule) -> None:
    for at in INSTANTS:
        before = soil.begin_nested()
        PLANTED[rule.name](soil, at)
        day = DEFAULTS[rule.term].ends(berlin_date(at)) + timedelta(days=1)
        assert counted(soil, rule, day - timedelta(days=1)) == 0, f"{rule.name} since {at} must stay"
        assert counted(soil, rule, day) == 1, f"{rule.name} since {at} must go on {day}"
        before.rollback()


def test_every_rule_is_planted_or_goes_at_once() -> None:
    assert {rule.name for rule in RULES} - PLANTED.keys() == {"payload", "wiedervorlage"}


def test_what_a_gate_forgot_goes_at_once_and_what_waits_stays(soil: Connection) -> None:
    for state in ("waiting", "needs", "held", "refused"):
        an_event(soil, INSTANTS[0], state=state, payload=b"sealed")
    assert counted(soil, rule_of("payload"), INSTANTS[0].date()) == 1


def test_a_wiedervorlage_goes_with_the_facts_it_would_read(soil: Connection) -> None:
    event = an_event(soil, INSTANTS[0])
    note = plant(soil, "wiedervorlagen", INSTANTS[0], event=event)
    assert counted(soil, rule_of("wiedervorlage"), INSTANTS[0].date()) == 1
    plant(soil, "event_facts", INSTANTS[0], event=event, person=note["person"])
    assert counted(soil, rule_of("wiedervorlage"), date(2050, 1, 1)) == 0
    assert counted(soil, rule_of("event_facts"), date(2050, 1, 1)) == 0, "and they wait for it"


@pytest.mark.parametrize("state", ["open", "later"])
def test_facts_stay_while_a_proposal_waits_for_its_answer(soil: Connection, state: str) -> None:
    proposal = a_proposal(soil, INSTANTS[0], state=state)
    plant(soil, "event_facts", INSTANTS[0], event=proposal["event"], person=proposal["person"])
    assert counted(soil, rule_of("event_facts"), date(2050, 1, 1)) == 0


def test_facts_of_a_correction_stay_with_the_proposal_of_the_first_version(soil: Connection) -> None:
    entry = {"entry_hash": b"entry-hash", "kind": "geburt"}
    first, second = (an_event(soil, INSTANTS[0], register_version=n, **entry) for n in (1, 2))
    proposal = a_proposal(soil, INSTANTS[0], event=first, state="open")
    plant(soil, "event_facts", INSTANTS[0], event=second, person=proposal["person"])
    assert counted(soil, rule_of("event_facts"), date(2050, 1, 1)) == 0


@pytest.mark.parametrize("state", ["held", "ready", "awaiting_signature", "announced", "in_doubt"])
def test_an_auftrag_that_is_not_at_its_end_keeps_all_it_has(soil: Connection, state: str) -> None:
    auftrag = an_auftrag(soil, INSTANTS[0], state=state)
    plant(soil, "handovers", INSTANTS[0], auftrag=auftrag["id"], attempt=1, state="sent")
    for name in ("auftrag_content", "proposal_confirmed", "handover", "auftrag_trace", "event_trace"):
        assert counted(soil, rule_of(name), date(2050, 1, 1)) == 0, name


def test_a_session_lives_by_real_time_where_the_demonstrations_clock_runs_ahead(soil: Connection) -> None:
    PLANTED["session"](soil, INSTANTS[0])
    for wall, n in ((INSTANTS[0].date(), 0), (INSTANTS[0].date() + timedelta(days=1), 1)):
        with Session(bind=soil, join_transaction_mode="create_savepoint") as session:
            what = due(rule_of("session"), Over(Terms(), date(2030, 1, 1), wall))
            assert (
                session.connection().execute(select(func.count()).select_from(what.table).where(what.where)).scalar()
                == n
            )


def test_facts_of_a_confirmed_auftrag_go_after_a_year_at_the_latest(soil: Connection) -> None:
    at = INSTANTS[0]
    proposal = a_proposal(soil, at, state="confirmed")
    an_auftrag(soil, at, of=proposal)
    expires = at + timedelta(days=365)
    plant(soil, "event_facts", at, event=proposal["event"], person=proposal["person"], expires_at=expires)
    gone = berlin_date(expires) + timedelta(days=1)
    assert [counted(soil, rule_of("event_facts"), gone + timedelta(days=n)) for n in (-1, 0)] == [0, 1]


def test_a_lebenslage_may_have_its_own_period(soil: Connection) -> None:
    an_auftrag(soil, INSTANTS[0])
    terms = Terms.read({"umzug": {"auftrag_months": 1}, "geburt": {"auftrag_months": 2}})
    days = (date(2026, 11, 24), date(2026, 11, 25))
    assert [counted(soil, rule_of("auftrag_content"), day, terms) for day in days] == [0, 1]
    assert counted(soil, rule_of("auftrag_content"), days[1]) == 0


@pytest.mark.parametrize(
    ("setting", "says"),
    [({"umzug": {"forever": 1}}, "/umzug/forever"), ({"umzug": {"auftrag_months": 61}}, "1 to 60")],
)
def test_a_period_that_is_none_is_refused(setting: dict[str, dict[str, int]], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Terms.read(setting)


@pytest.mark.parametrize("period", [Period(), Period(days=30), Period(months=1), Period(months=24), Period(months=60)])
def test_the_newest_day_that_is_over_is_the_newest(period: Period) -> None:
    for n in range(366 * 4):
        today = date(2027, 1, 1) + timedelta(days=n)
        newest = period.newest_over(today)
        assert period.ends(newest) < today <= period.ends(newest + timedelta(days=1))


def test_a_day_in_berlin_ends_an_hour_earlier_in_summer() -> None:
    assert end_of(date(2026, 7, 1)).astimezone(UTC).hour == 22
    assert end_of(date(2026, 12, 1)).astimezone(UTC).hour == 23


def test_two_years_after_a_leap_day_end_on_the_last_of_february() -> None:
    assert DEFAULTS[Term.AUFTRAG].ends(date(2028, 2, 29)) == date(2030, 2, 28)
