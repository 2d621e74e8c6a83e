"""A practice city's clock runs months ahead: each page says so, and what looks back does not miss what happened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from proaktiv.steps import oversight
from proaktiv.web.office import make_office
from proaktiv.web.pages.view import Look
from proaktiv.web.staff.visitor import WayIn
from tests.office.conftest import PAGE, Office
from tests.office.test_dsb_api import owner_of

AHEAD = timedelta(days=95)
"""So far a demonstration moves its clock past silence."""

PAGES = (
    *("/protokoll", "/datenfluesse", "/verweigert", "/befunde", "/checkpoints"),
    *("/auszuege", "/person", "/loeschungen", "/sperren", "/vorfaelle"),
)


def moved(office: Office, by: timedelta) -> Office:
    """The same office where the clock that the application is given runs ahead of the machine's."""
    pipeline = replace(office.pipeline, clock=lambda: office.world.now + by)
    app = make_office(pipeline, Look("Stadt Musterstadt"), WayIn(None, PAGE, links=True), secure_cookies=False)
    return replace(office, pipeline=pipeline, app=app)


def test_each_page_of_a_house_whose_clock_was_moved_says_which_day_it_is_there(sent: Office) -> None:
    office = moved(sent, AHEAD)
    says = f"Die Uhr dieser Stadt geht vor: Hier ist heute der {sent.world.now + AHEAD:%d.%m.%Y}."
    desk = office.desk("d.schutz")
    assert {path: says in desk.get(path).text for path in PAGES} == dict.fromkeys(PAGES, True)
    missing = desk.get("/person/00000000-0000-0000-0000-000000000001")
    assert (missing.status_code, says in missing.text) == (404, True)
    assert says in office.desk("k.standesamt").get("/auftraege").text


def test_the_way_in_says_it_too(sent: Office) -> None:
    office = moved(sent, AHEAD)
    desk = office.desk("d.schutz")
    desk.cookies.clear()
    assert "Die Uhr dieser Stadt geht vor" in desk.get("/").text


@pytest.mark.parametrize("by", [timedelta(), timedelta(hours=23), timedelta(days=-2)])
def test_a_clock_that_is_right_or_nearly_so_is_not_spoken_of(sent: Office, by: timedelta) -> None:
    desk = moved(sent, by).desk("d.schutz")
    assert "Die Uhr dieser Stadt" not in "".join(desk.get(path).text for path in PAGES)


def counted(office: Office) -> dict[str, int]:
    found: dict[str, int] = office.pipeline.log_standing(office.proof("d.schutz"))["counts"]
    return found


def from_the_moved_clock(now: datetime, wall: datetime) -> datetime:
    return now - timedelta(days=31)


@pytest.mark.parametrize(("since", "seen"), [(oversight.since, True), (from_the_moved_clock, False)])
def test_the_overview_counts_what_happened_before_the_clock_was_moved(
    sent: Office, monkeypatch: pytest.MonkeyPatch, since: Callable[..., datetime], seen: bool
) -> None:
    """With a window from the moved clock (the control) the city's flows are missed."""
    monkeypatch.setattr(oversight, "since", since)
    assert ("authorised" in counted(moved(sent, AHEAD))) is seen


@pytest.mark.parametrize(("since", "seen"), [(oversight.since, True), (from_the_moved_clock, False)])
def test_findings_from_before_the_clock_was_moved_are_seen(
    sent: Office, monkeypatch: pytest.MonkeyPatch, since: Callable[..., datetime], seen: bool
) -> None:
    """A fact that was changed in the log before the jump; with a window from the moved clock nobody would see it."""
    monkeypatch.setattr(oversight, "since", since)
    sent.world.check_log()
    with owner_of(sent.world) as owner:
        owner("UPDATE flow_log SET purpose = 'umzug' WHERE kind = 1")
    office = moved(sent, AHEAD)
    found = {each["code"] for each in office.pipeline.wrong(office.proof("d.schutz"))}
    assert ("column_changed" in found) is seen


def test_the_pages_say_since_when_they_look(sent: Office) -> None:
    desk = moved(sent, AHEAD).desk("d.schutz")
    says = f"{sent.world.now - timedelta(days=31):%d.%m.%Y}"
    assert f"Seit dem {says}" in desk.get("/protokoll").text
    assert f"Was im Protokoll seit dem {says} nicht zusammenpasst" in desk.get("/befunde").text
