"""A person binds their Nutzerkonto beside a letter, without JavaScript, and from then on needs no letter."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NARROW, Scheme, enters, follows, has_enrolled, sends
from tests.browser.test_access import RULES
from tests.builders import Somebody, a_birth
from tests.world import World, code_in


def picks_anna(page: Page, level: str = "ELSTER") -> None:
    """What she does at the Nutzerkonto."""
    expect(page.locator("aside")).to_contain_text("kein echtes Nutzerkonto")
    page.click("text=Anna Beispiel")
    page.click(f"text={level}")
    follows(page, "text=Weiter / continue")


def binds(page: Page) -> None:
    follows(page, "nav >> text=Nutzerkonto")
    follows(page, "main >> text=Nutzerkonto verbinden")
    picks_anna(page)
    expect(page.locator("h1")).to_have_text("Nutzerkonto verbinden")
    sends(page)


def test_from_the_letter_to_the_timeline_and_a_withdrawal(world: World, page: Page, born: Somebody) -> None:
    follows(page, "nav >> text=Meine Daten")
    expect(page.locator("main")).to_contain_text("stärkeren Nachweis")
    binds(page)
    expect(page.locator("h1")).to_have_text("Wer hat meine Daten gesehen?")
    expect(page.locator("table")).to_contain_text("Sie haben Ihr Nutzerkonto verbunden.")
    expect(page.locator("table")).to_contain_text("Ein Brief an Sie wurde geschrieben.")
    assert world.count("sessions", "purpose = 'bundle'") == 0, "the letter's session is over"

    follows(page, "nav >> text=Einwilligungen")
    follows(page, "text=Alles zu „Geburt eines Kindes“ widerrufen")
    expect(page.locator("main")).to_contain_text("Widerrufen")
    assert world.count("proposals", "state = 'open'") == 0
    follows(page, "nav >> text=Meine Daten")
    expect(page.locator("table")).to_contain_text("Sie haben eine Einwilligung widerrufen.")

    follows(page, "text=Abmelden")
    expect(page.locator("h1")).to_have_text("Sie sind abgemeldet")
    follows(page, "text=Auch dort abmelden")
    page.goto("/meine-daten")
    expect(page.locator("main")).to_contain_text("Bitte weisen Sie sich noch einmal aus")

    page.goto("/")
    follows(page, "main >> text=Mit dem Nutzerkonto anmelden")
    follows(page, "main >> text=Mit dem Nutzerkonto anmelden")
    picks_anna(page)
    expect(page.locator("h1")).to_have_text("Das liegt für Sie bereit")
    follows(page, "nav >> text=Meine Daten")
    expect(page.locator("table")).to_contain_text("Sie haben sich mit Ihrem Nutzerkonto angemeldet.")
    assert world.check_log()


def test_a_person_unbinds_and_the_account_opens_nothing_more(world: World, page: Page, born: Somebody) -> None:
    binds(page)
    follows(page, "nav >> text=Nutzerkonto")
    follows(page, "main >> text=Nutzerkonto trennen")
    expect(page.locator("h1")).to_have_text("Sie sind abgemeldet")
    page.goto("/konto/anmelden")
    picks_anna(page)
    expect(page.locator("h1")).to_have_text("Dieses Nutzerkonto öffnet hier noch nichts")
    world.tick()
    told = [path.read_text() for path in world.letters.glob("*.txt")]
    assert sum("Ein Nutzerkonto wurde mit Ihnen" in " ".join(letter.split()) for letter in told) == 2


def test_a_password_alone_and_a_no_at_the_account_are_told_plainly(page: Page, born: Somebody) -> None:
    page.goto("/konto/anmelden")
    picks_anna(page, "Benutzername")
    expect(page.locator("h1")).to_have_text("Dieser Nachweis reicht nicht")
    page.goto("/konto/anmelden")
    follows(page, "text=Abbrechen")
    expect(page.locator("h1")).to_have_text("Das hat nicht geklappt")
    page.goto("/uebersicht")
    expect(page.locator("main")).to_contain_text("Geburtsurkunde")


@pytest.mark.parametrize(("language", "scheme"), [("de", "light"), ("en", "dark")])
def test_axe_finds_nothing_on_the_pages_between(
    chromium: Browser, site: str, world: World, anna: Somebody, language: str, scheme: Scheme
) -> None:
    axe = Axe()
    has_enrolled(world, anna)
    world.announce(a_birth(anna))
    world.tick()
    context = chromium.new_context(base_url=site, viewport=NARROW, locale=language, color_scheme=scheme)
    context.set_default_timeout(60_000)
    page = context.new_page()

    def clean() -> None:
        found = axe.run(page, options={"runOnly": RULES}).response["violations"]
        assert found == [], (page.url, [each["id"] for each in found], found[0]["nodes"][0]["html"][:200])
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, page.url

    page.goto("/konto/anmelden")
    picks_anna(page)
    clean()  # bound to nobody yet
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    page.goto("/konto")
    clean()
    page.goto("/konto/anmelden")
    picks_anna(page, "Benutzername")
    clean()  # too low
    page.goto("/konto/anmelden")
    picks_anna(page)
    clean()  # to bind
    sends(page)
    page.goto("/konto")
    clean()  # bound
    context.close()
