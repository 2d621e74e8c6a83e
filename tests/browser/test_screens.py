"""The README's pictures. ``make screens`` writes them anew; otherwise only that they can be taken is tested."""

import io
import os
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from notifiers.letter import LetterChannel
from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from notifiers.typesetting import Typesetter
from proaktiv.core.letters import bundle_words
from proaktiv.core.trust import Trust
from proaktiv.demo.mailbox import Mail, Mailbox
from proaktiv.demo.post import make_post
from proaktiv.flowlog.sequencer import integrate
from tests.browser.conftest import enters, follows, proven, served, signs_up
from tests.builders import Somebody, a_birth
from tests.journeys.test_news import says
from tests.notifiers.building import ANNA, HEAD, a_message
from tests.office.conftest import Office, staffing
from tests.world import World, code_in

SIZE = ViewportSize(width=1000, height=700)
LARGEST_BYTES = 150 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = Path(os.environ.get("SCREENS") or tmp_path / "screens")
    found.mkdir(parents=True, exist_ok=True)
    return found


def keep(image: Image.Image, folder: Path, name: str) -> None:
    """Write a picture in as few colours as its size may have."""
    for colours in (256, 128, 64, 32, 16):
        written = io.BytesIO()
        image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() <= LARGEST_BYTES:
            break
    assert 5_000 < written.tell() <= LARGEST_BYTES, f"{name}: {written.tell()} bytes"
    (folder / f"{name}.png").write_bytes(written.getvalue())


def take(page: Page, folder: Path, name: str, *, whole: bool = True, part: str = "") -> None:
    """Take the whole page, or what the window shows, or a window's height from one part of the page on."""
    image = Image.open(io.BytesIO(page.screenshot(full_page=whole)))
    box = page.locator(part).first.bounding_box() if part else None
    if box is not None:
        image = image.crop((0, int(box["y"]), image.width, min(int(box["y"]) + SIZE["height"], image.height)))
    keep(image, folder, name)


def signed(world: World) -> None:
    """Let the log's entries get their place and a signature of this minute, as the signing worker does."""
    with world.sequencer.transaction() as session:
        integrate(session)
    with world.sequencer.transaction() as session:
        world.signer.sign(session, world.now)


def test_pictures_of_what_people_see(world: World, page: Page, anna: Somebody, site: str, folder: Path) -> None:
    page.set_viewport_size(SIZE)
    page.goto("/")
    take(page, folder, "home")
    signs_up(page, world, anna)
    world.announce(a_birth(anna))
    world.tick()
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    take(page, folder, "overview")
    follows(page, "main >> text=Geburtsurkunde")
    take(page, folder, "proposal")
    proven(world, page, site, anna, Trust.V2)
    page.goto("/meine-daten")
    take(page, folder, "timeline", whole=False)
    auftrag = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.wait(hours=25)
    says(world, auftrag, "acknowledged", "m-0", text="")
    world.wait(days=2)
    says(world, auftrag, "question")
    world.tick()
    proven(world, page, site, anna, Trust.V3)
    page.goto(f"/auftrag/{auftrag}")
    take(page, folder, "auftrag")


def test_pictures_of_what_comes_to_people(chromium: Browser, folder: Path, tmp_path: Path) -> None:
    words = bundle_words(HEAD.name)
    typesetter = Typesetter()
    try:
        letter = LetterChannel(tmp_path, HEAD, typesetter).render(
            a_message(subject=words.subject, paragraphs=words.paragraphs, versions=words.versions), ANNA
        )
    finally:
        typesetter.close()
    keep(pypdfium2.PdfDocument(letter.body)[0].render(scale=90 / 72).to_pil(), folder, "letter")

    sender = Sender(HEAD.name, "post@musterstadt.example", "https://musterstadt.example/b", b"k" * 32)
    mails = MailChannel(Relay("127.0.0.1", 9, Tls.NONE, "proaktiv.example"), sender)
    rendered = mails.render(a_message(secret=""), ANNA)
    mailbox = Mailbox()
    mailbox.take(Mail("b@bounce.musterstadt.example", (rendered.to,), rendered.body))
    with served(make_post(mailbox, tmp_path, 0, sender.page)) as address:
        context = chromium.new_context(base_url=address, locale="de-DE", viewport=SIZE)
        page = context.new_page()
        page.goto("/mails/1")
        take(page, folder, "mail", whole=False)
        context.close()


def test_pictures_of_what_the_office_sees(chromium: Browser, sent: Office, folder: Path) -> None:
    with staffing(sent.world) as owner:
        links = {name: owner.link(name).partition("127.0.0.1")[2] for name in ("k.standesamt", "d.schutz")}
    with served(sent.app) as address:
        for name, link in links.items():
            context = chromium.new_context(
                base_url=address,
                java_script_enabled=False,
                locale="de-DE",
                viewport=SIZE,
            )
            context.set_default_timeout(60_000)
            page = context.new_page()
            page.goto(link)
            follows(page, page.get_by_role("button", name="Anmelden"))
            page.get_by_text("Abmelden").wait_for()  # a page asked for meanwhile would end the log-in
            if name == "k.standesamt":
                page.goto("/auftraege")
                take(page, folder, "office-inbox")
                follows(page, page.get_by_role("link", name=sent.reference))
                take(page, folder, "office-auftrag")
            else:
                signed(sent.world)
                page.goto("/protokoll")
                take(page, folder, "office-log")
                page.goto("/datenfluesse")
                page.set_viewport_size({"width": 1280, "height": 700})
                take(page, folder, "office-flows", part="table")
                why = "Beschwerde der Person vom 14. Oktober"
                request = sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, why)
                sent.pipeline.decide_on_person(sent.proof("d.vertretung"), request, grant=True)
                page.goto(f"/person/{request}")
                take(page, folder, "office-person", whole=False)
            context.close()
