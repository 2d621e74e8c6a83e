"""Mail scanners follow every link and press every button. Nothing may come of it (channels-and-pages.md § 5.1)."""

from collections.abc import Mapping

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import text

from proaktiv.database import Database
from tests.browser.conftest import enters, follows, has_enrolled
from tests.browser.test_access import PAGES
from tests.builders import Somebody, a_birth
from tests.web.conftest import everything_stored
from tests.world import World, code_in

AGENTS = ("Mozilla/5.0 (compatible; SafeLinks)", "curl/8", "Barracuda Sentinel", "")


@pytest.fixture
def offered(world: World, anna: Somebody) -> Somebody:
    has_enrolled(world, anna)
    world.announce(a_birth(anna))
    world.tick()
    return anna


def test_a_storm_of_scanners_changes_not_one_byte(
    world: World, page: Page, offered: Somebody, urls: Mapping[str, str]
) -> None:
    before = everything_stored(urls)
    fixed = [path for path in sorted(PAGES) if "{" not in path]
    for agent in AGENTS:
        for path in [*fixed, "/vorschlag/00000000-0000-0000-0000-000000000001"]:
            for method in ("GET", "HEAD", "OPTIONS"):
                page.request.fetch(path, method=method, headers={"User-Agent": agent}, max_redirects=0)
    assert everything_stored(urls) == before


def press_everything(page: Page) -> int:
    """Follow each link and press each button of each page that is reached so, without knowing anything."""
    seen: set[str] = set()
    waiting, pressed = ["/"], 0
    while waiting and len(seen) < 40:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        page.goto(path)
        waiting += [
            href
            for href in page.eval_on_selector_all("a[href^='/']", "all => all.map(e => e.getAttribute('href'))")
            if href.partition("#")[0] not in seen
        ]
        for number in range(page.locator("button").count()):
            page.goto(path)
            follows(page, page.locator("button").nth(number))
            pressed += 1
    return pressed


def decided(urls: Mapping[str, str]) -> tuple[int, ...]:
    """What somebody has decided, as numbers."""
    owner = Database(urls["owner"], pool_size=1)
    queries = (
        "SELECT count(*) FROM auftraege",
        "SELECT count(*) FROM proposals WHERE state <> 'open'",
        "SELECT count(*) FROM consent_ledger",
        "SELECT count(*) FROM enrolments",
        "SELECT count(*) FROM sessions",
    )
    with owner.transaction() as session:
        found = tuple(session.connection().execute(text(query)).scalar_one() for query in queries)
    owner.close()
    return found


def clicking(chromium: Browser, site: str) -> Page:
    context = chromium.new_context(base_url=site, locale="de")
    context.set_default_timeout(60_000)
    return context.new_page()


def test_a_robot_that_presses_every_button_decides_nothing(
    chromium: Browser, site: str, world: World, offered: Somebody, urls: Mapping[str, str]
) -> None:
    before = decided(urls)
    robot = clicking(chromium, site)
    assert press_everything(robot) >= 10
    robot.context.close()
    assert decided(urls) == before


def test_control_the_same_robot_with_the_letter_in_hand_does_decide(
    chromium: Browser, site: str, world: World, offered: Somebody, urls: Mapping[str, str]
) -> None:
    before = decided(urls)
    robot = clicking(chromium, site)
    enters(robot, code_in(world.letters_to(offered)[-1]), offered)
    robot.goto("/einwilligungen")
    follows(robot, robot.locator("main button").last)
    robot.context.close()
    assert decided(urls) != before
