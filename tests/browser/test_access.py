"""Every page with axe: no violation, narrow and wide, light and dark, German and English; and nothing is cut off."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from proaktiv.core.trust import Trust
from proaktiv.web.asking import LOOPBACK_COOKIE
from proaktiv.web.pages import account, channels, consents, entry, matters, messages, timeline
from tests.browser.conftest import NARROW, WIDE, Scheme, proven
from tests.builders import Somebody, a_birth, somebody
from tests.world import World

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    route.path
    for part in (entry, matters, consents, channels, messages, timeline, account)
    for route in part.router.routes
    if "GET" in route.methods  # type: ignore[attr-defined]
}
WITHOUT_A_PERSON = {
    *("/konto", "/konto/anmelden", "/konto/zurueck", "/konto/verbinden", "/konto/abgemeldet"),
    *("/", "/b", "/anmelden", "/anmelden/danke", "/barrierefreiheit", "/datenschutz", "/leichte-sprache", "/echt"),
    "/keine-mails",
}
VARIANTS: list[tuple[ViewportSize, Scheme, str, bool]] = [
    (WIDE, "light", "de", True),
    (NARROW, "dark", "en", True),
    (NARROW, "light", "de", False),
]
"""How each page is looked at, and whether axe looks too: two that differ in all; the third for the longer words."""


@pytest.fixture(scope="module")
def axe() -> Axe:
    return Axe()


@pytest.fixture
def addresses(world: World, anna: Somebody) -> dict[str, str]:
    """Every page that a person can see, with ids that exist."""
    world.lives_here(anna)
    world.melderegister.knows(anna, **{"kind.im_haushalt": True})
    world.announce(a_birth(anna, other=world.lives_here(somebody("Ben", familienname="Beispiel-Ḫẇ"))))
    world.tick()
    proof = world.opens_letter(anna)
    world.confirms_mail(proof, "anna.kanarie@post.example")
    world.gives_mail(proof, "neu.kanarie@post.example")  # so that the page of addresses shows all it has
    ja = world.says_yes(proof, "GEBURTSURKUNDE")
    sheet = world.says_yes(proof, "ELTERNGELD")
    offered = world.proposals(proof)["KITA-PLATZ"]["id"]
    return {
        "/uebersicht": "/uebersicht",
        "/vorschlag/{proposal_id}": f"/vorschlag/{offered}",
        "/vorschlag/{proposal_id}/entscheiden": f"/vorschlag/{offered}/entscheiden",
        "/auftrag/{auftrag_id}": f"/auftrag/{ja}",
        "/auftrag/{auftrag_id}/widerrufen": f"/auftrag/{ja}/widerrufen",
        "/auftrag/{auftrag_id}/blatt": f"/auftrag/{sheet}/blatt",
        "/unterschrift/{auftrag_id}": f"/unterschrift/{ja}",
        "/einwilligungen": "/einwilligungen",
        "/einwilligungen/entscheiden": "/einwilligungen/entscheiden",
        "/kanaele": "/kanaele",
        "/meine-daten": "/meine-daten",
        **{path: path for path in WITHOUT_A_PERSON},
        "an error": "/vorschlag/nothing",
    }


def look(axe: Axe | None, page: Page, address: str) -> list[str]:
    page.goto(address)
    found = axe.run(page, options={"runOnly": RULES}).response["violations"] if axe else []
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    cut = [f"{address}: {wide} px too wide"] if wide > 0 else []
    return cut + [f"{address}: {each['id']} {each['nodes'][0]['html'][:160]}" for each in found]


def pages_of(chromium: Browser, site: str, world: World, anna: Somebody) -> Iterator[tuple[str, Page, bool]]:
    for number, (viewport, scheme, language, closely) in enumerate(VARIANTS):
        context = chromium.new_context(
            base_url=site,
            viewport=viewport,
            color_scheme=scheme,
            locale=language,
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        if number == 0:
            proven(world, page, site, anna, Trust.V2)
            (kept,) = [cookie for cookie in context.cookies() if cookie.get("name") == LOOPBACK_COOKIE]
        else:
            context.add_cookies([{"name": LOOPBACK_COOKIE, "value": kept.get("value", ""), "url": site}])
        yield f"{viewport['width']} {scheme} {language}", page, closely
        context.close()


def test_axe_finds_nothing_on_any_page(
    chromium: Browser, site: str, world: World, anna: Somebody, addresses: dict[str, str], axe: Axe
) -> None:
    assert addresses.keys() >= PAGES, "a page without an address here is not looked at"
    found, said = [], []
    for variant, page, closely in pages_of(chromium, site, world, anna):
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        for address in addresses.values():
            found += [f"{variant} {each}" for each in look(axe if closely else None, page, address)]
    assert found == [], "\n".join(sorted(set(found)))[:6000]
    violations = [text for text in said if "Content Security Policy" in text]
    assert violations == [], "no page asks for what its own policy forbids"


def test_control_axe_and_the_ruler_see_what_is_wrong(chromium: Browser, axe: Axe) -> None:
    context = chromium.new_context(viewport=NARROW)
    page = context.new_page()
    page.set_content("<main><img src='x'><input><div style='width:900px'>x</div></main>")
    rules = {each["id"] for each in axe.run(page, options={"runOnly": RULES}).response["violations"]}
    assert {"image-alt", "label"} <= rules
    assert page.evaluate("document.documentElement.scrollWidth") > NARROW["width"]
    context.close()


def test_every_stop_of_the_tab_key_shows_where_it_is(page: Page) -> None:
    page.goto("/b")
    stops = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() == 0:
            break
        stops.append(
            focused.evaluate("e => e.tagName + getComputedStyle(e).outlineStyle + getComputedStyle(e).boxShadow")
        )
    assert len(stops) >= 10
    assert [stop for stop in stops if re.fullmatch("[A-Z]+nonenone", stop)] == []


def test_pages_are_dark_where_the_system_is_without_a_script(chromium: Browser, site: str) -> None:
    seen = []
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        context = chromium.new_context(base_url=site, color_scheme=scheme)
        page = context.new_page()
        page.goto("/b")
        assert page.locator("script").count() == 1, "the one that brings the code of a QR"
        # A canvas turns whatever colour space a style is written in into bytes.
        bytes_of = """name => { const c = document.createElement("canvas").getContext("2d");
            c.fillStyle = getComputedStyle(document.body)[name]; c.fillRect(0, 0, 1, 1);
            return Array.from(c.getImageData(0, 0, 1, 1).data).slice(0, 3).reduce((a, b) => a + b) / 3 }"""
        seen.append(page.evaluate(bytes_of, "backgroundColor") > page.evaluate(bytes_of, "color"))
        context.close()
    assert seen == [True, False]
