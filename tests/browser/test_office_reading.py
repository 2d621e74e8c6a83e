"""What the DSB sees in a real browser: buttons keep their distance, files stand together, the banner is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize

from tests.browser.conftest import follows, served
from tests.browser.test_office import WHY, judged
from tests.office.conftest import Office, staffing
from tests.office.test_clock_ahead import AHEAD, moved

APART = 12
"""Pixels between two buttons of opposite effect, at the least."""


@contextmanager
def at_desk(chromium: Browser, office: Office, name: str, width: int, *, scripts: bool = False) -> Iterator[Page]:
    """Somebody of the office before a browser; ``scripts`` are for axe, the pages have none."""
    with served(office.app) as address:
        size = ViewportSize(width=width, height=900)
        context = chromium.new_context(base_url=address, java_script_enabled=scripts, locale="de-DE", viewport=size)
        context.set_default_timeout(60_000)
        page = context.new_page()
        with staffing(office.world) as owner:
            page.goto(owner.link(name).partition("127.0.0.1")[2])
        follows(page, page.get_by_role("button", name="Anmelden"))
        page.get_by_text("Abmelden").wait_for()
        yield page
        context.close()


def box(of: Locator) -> tuple[float, float, float, float]:
    found = of.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["x"] + found["width"], found["y"] + found["height"]


def distance(one: Locator, other: Locator) -> float:
    """How far two boxes lie apart, to the side or downwards."""
    left, top, right, bottom = box(one)
    left_2, top_2, right_2, bottom_2 = box(other)
    return max(left_2 - right, left - right_2, top_2 - bottom, top - bottom_2)


@pytest.mark.parametrize("row", ["flex", "block"], ids=["as it is", "control"])
@pytest.mark.parametrize("width", [1200, 400])
def test_yes_and_no_do_not_nearly_touch(chromium: Browser, sent: Office, width: int, row: str) -> None:
    """Without their row (the control) they stand side by side with a blank between them, or one on the other."""
    sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, WHY)
    with at_desk(chromium, sent, "d.vertretung", width) as page:
        page.goto("/person")
        page.locator("main .dayrow").evaluate("(each, row) => { each.style.display = row }", row)
        buttons = [page.get_by_role("button", name=name) for name in ("Ja, nachsehen lassen", "Nein")]
        assert (distance(*buttons) >= APART) is (row == "flex")


@pytest.mark.parametrize("width", [1200, 400])
def test_taking_a_wish_back_stands_below_what_is_said_of_it(chromium: Browser, sent: Office, width: int) -> None:
    sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, WHY)
    with at_desk(chromium, sent, "d.schutz", width) as page:
        page.goto("/person")
        said, button = page.get_by_text("Wartet auf eine zweite Person."), page.get_by_text("Wunsch zurückziehen")
        assert abs(box(said)[0] - box(button)[0]) < 1


def test_the_way_through_the_persons_page_needs_no_script(chromium: Browser, sent: Office) -> None:
    request = sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, WHY)
    sent.pipeline.decide_on_person(sent.proof("d.vertretung"), request, grant=True)
    sent.world.check_log()
    with at_desk(chromium, sent, "d.schutz", 1200) as page:
        page.goto(f"/person/{request}")
        follows(page, page.get_by_role("link", name="nur Erlaubt"))
        follows(page, page.locator("tr", has_text="Auftrag an die Behörde").locator("a"))
        with page.expect_download() as coming:
            page.get_by_role("link", name="Beleg und Weg der Einwilligung").click()
        assert coming.value.suggested_filename.startswith("beleg-")
        other = page.get_by_role("link", name="Beleg der Einwilligung")
        assert not other.is_visible()
        page.get_by_text("mehr", exact=True).click()
        assert other.is_visible()


@pytest.mark.parametrize("width", [1200, 320])
def test_the_banner_of_a_clock_that_was_moved_stands_on_the_page_and_is_accessible(
    chromium: Browser, sent: Office, width: int
) -> None:
    office = moved(sent, AHEAD + timedelta(days=1))
    with at_desk(chromium, office, "d.schutz", width, scripts=True) as page:
        judged(page, "/protokoll")
        assert page.get_by_text("Die Uhr dieser Stadt geht vor: Hier ist heute der").is_visible()
