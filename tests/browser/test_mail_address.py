"""A person gives a mail address, reads its code in the demonstration's mailbox, and types it; without JavaScript."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from proaktiv.core.trust import Trust
from proaktiv.demo.mailbox import Mailbox
from proaktiv.demo.post import make_post
from tests.browser.conftest import follows, proven, served
from tests.builders import Somebody
from tests.demo.test_mailbox import open_box
from tests.world import World

OLD, NEW = "kanarie.gelb@post.example", "kanarie.blau@post.example"
SENDER = Sender("Stadt Musterstadt", "post@musterstadt.example", "https://musterstadt.example/b", b"k" * 32)


@pytest.fixture
def mailbox(world: World) -> Iterator[str]:
    """The mailbox's pages; the worker's mails go there over SMTP."""
    with open_box() as (box, port):
        mail = MailChannel(Relay("127.0.0.1", port, Tls.NONE, "proaktiv.example"), SENDER)
        ways = {**world.pipeline.channels, "MAIL": mail}
        world.pipeline = replace(world.pipeline, channels=ways, mail_page=SENDER.page)
        with served(pages(box, world)) as address:
            yield address


def pages(box: Mailbox, world: World) -> object:
    return make_post(box, world.letters, 0, SENDER.page)


def gives(page: Page, address: str) -> None:
    page.fill("#mail", address)
    follows(page, page.get_by_role("button", name="Adresse speichern"))


def reads(page: Page, mailbox: str, address: str, subject: str) -> str:
    """The text of the newest mail to an address."""
    page.goto(f"{mailbox}/")
    row = page.locator("tr", has_text=address).first
    expect(row).to_contain_text(subject)
    follows(page, row.get_by_role("link"))
    return page.locator("pre").first.inner_text()


def test_an_address_is_used_once_its_code_is_typed_and_the_former_one_is_told(
    world: World, page: Page, site: str, born: Somebody, mailbox: str
) -> None:
    said: list[str] = []
    page.on("request", lambda request: said.append(request.url + request.headers.get("referer", "")))
    main = page.locator("main")
    follows(page, page.get_by_role("link", name="Erreichbarkeit"))
    gives(page, "anna")
    assert page.title().startswith("Fehler:")
    gives(page, OLD)
    expect(main).to_contain_text("Bis dahin schreiben wir sonst nichts dorthin.")
    expect(main).not_to_contain_text(OLD)
    codes = []
    for address in (OLD, NEW):
        world.tick()
        found = re.search(r"Code ein: ([0-9]{3} [0-9]{3})", reads(page, mailbox, address, "Bestätigen Sie"))
        assert found
        codes.append(found[1])
        page.goto(f"{site}/kanaele")
        page.fill("#code", "0")
        follows(page, page.get_by_role("button", name="Adresse bestätigen"))
        assert page.title().startswith("Fehler:")
        expect(page.locator("#code-fehler")).to_contain_text("Der Code passt nicht")
        page.fill("#code", found[1])
        follows(page, page.get_by_role("button", name="Adresse bestätigen"))
        expect(main).to_contain_text("gilt eine Adresse, die Sie bestätigt haben")
        expect(main).not_to_contain_text("kanarie")
        if address == OLD:
            gives(page, NEW)
            expect(main).to_contain_text("Bis dahin gilt Ihre bisherige Adresse.")
    world.tick()
    assert "Jetzt gilt eine andere" in reads(page, mailbox, OLD, "wurde geändert")
    told = [letter for letter in world.letters.glob("*.txt") if "Eine E-Mail-Adresse wurde" in letter.read_text()]
    assert len(told) == 2
    page.goto(f"{site}/kanaele")
    follows(page, page.get_by_role("button", name="Adresse entfernen"))
    expect(page.get_by_role("button", name="Adresse entfernen")).to_have_count(0)
    assert not [text for text in said for code in codes if code in text or code.replace(" ", "") in text]
    proven(world, page, site, born, Trust.V2)
    page.goto(f"{site}/meine-daten")
    for sentence in ("Sie haben Ihre E-Mail-Adresse bestätigt.", "Eine E-Mail an Sie wurde geschrieben."):
        expect(main).to_contain_text(sentence)
    expect(main).to_contain_text("Art. 32 Abs. 1 DSGVO für ihre Bestätigung")
    assert world.check_log()


def test_the_page_speaks_english_too(world: World, page: Page, born: Somebody) -> None:
    page.goto("/kanaele")
    follows(page, page.get_by_role("button", name="English"))
    expect(page.locator("main")).to_contain_text("We use it only once you have entered the code here.")
    page.fill("#mail", OLD)
    follows(page, page.get_by_role("button", name="Save"))
    expect(page.locator("main")).to_contain_text("Confirm your address")
