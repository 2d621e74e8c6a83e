"""The QR of a letter: its code comes into the field and into nothing else, no address, history, referrer or log."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.browser.conftest import WIDE, fills_in_birthday, sends, served
from tests.builders import Somebody, a_birth
from tests.world import World, code_in


class Watched:
    """The site, and all that a server in front of it could write into a log."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            self.seen.append(repr((scope["path"], scope["raw_path"], scope["query_string"], scope["headers"])))
        await self.app(scope, receive, send)


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False))


@pytest.fixture
def address(watched: Watched) -> Iterator[str]:
    with served(watched) as found:
        yield found


@pytest.fixture
def code(world: World, anna: Somebody) -> str:
    """As the QR has it: without hyphens."""
    world.lives_here(anna)
    world.announce(a_birth(anna))
    world.tick()
    return code_in(world.letters_to(anna)[-1]).replace("-", "")


def opened(chromium: Browser, address: str, *, script: bool) -> Page:
    context = chromium.new_context(base_url=address, java_script_enabled=script, locale="de-DE", viewport=WIDE)
    context.set_default_timeout(60_000)
    return context.new_page()


def test_the_code_of_the_qr_comes_into_the_field_and_nowhere_else(
    chromium: Browser, address: str, watched: Watched, anna: Somebody, code: str
) -> None:
    page = opened(chromium, address, script=True)
    requests: list[Request] = []
    problems: list[str] = []
    page.on("request", lambda sent: requests.append(sent))  # noqa: PLW0108 - playwright cannot take a builtin
    page.on("console", lambda said: problems.append(said.text))
    page.goto(f"/b#{code}")
    expect(page.locator("#code")).to_have_value(code)
    assert page.url == f"{address}/b"
    assert page.evaluate("document.activeElement.id") == "geburt_tag"
    page.goto("/")
    page.go_back()
    assert page.url == f"{address}/b", "nor does the history know it"
    page.goto(f"/b#{code}")
    fills_in_birthday(page, anna)
    sends(page)
    expect(page).to_have_url(f"{address}/uebersicht")
    assert [each.url for each in requests if code in each.url or code in repr(each.headers)] == []
    assert [each.method for each in requests if code in (each.post_data or "")] == ["POST"]
    assert [line for line in watched.seen if code in line] == []
    assert problems == []
    page.context.close()


def test_the_same_letter_scanned_twice_into_one_window_is_taken_twice(
    chromium: Browser, address: str, code: str
) -> None:
    page = opened(chromium, address, script=True)
    page.goto("/b")
    page.evaluate("code => { location.hash = code }", code)
    expect(page.locator("#code")).to_have_value(code)
    assert page.url == f"{address}/b"
    page.context.close()


@pytest.mark.parametrize("nonsense", ["inhalt", "<script>alert(1)</script>", "%E0%A4%A", "0" * 500, "short"])
def test_any_other_fragment_fills_in_nothing(chromium: Browser, address: str, nonsense: str) -> None:
    page = opened(chromium, address, script=True)
    page.goto(f"/b#{nonsense}")
    page.wait_for_load_state("load")
    expect(page.locator("#code")).to_have_value("")
    page.context.close()


def test_without_script_the_page_works_and_the_code_is_typed(
    chromium: Browser, address: str, anna: Somebody, code: str
) -> None:
    page = opened(chromium, address, script=False)
    page.goto(f"/b#{code}")
    expect(page.locator("#code")).to_have_value("")
    page.fill("#code", code)
    fills_in_birthday(page, anna)
    sends(page)
    assert page.url == f"{address}/uebersicht"
    page.context.close()


def test_control_a_page_that_sends_the_code_as_a_query_is_seen(
    chromium: Browser, address: str, watched: Watched, code: str
) -> None:
    page = opened(chromium, address, script=True)
    page.goto(f"/b?code={code}")
    assert [line for line in watched.seen if code in line] != []
    page.context.close()
