"""The office's pages in a real browser: axe finds nothing, nothing is wider than a phone, no script is needed."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from proaktiv.flowlog.keeping.holds import Held
from tests.browser.conftest import NARROW, WIDE, Scheme, follows, served
from tests.office.conftest import Office, staffing

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def at(sent: Office) -> Iterator[str]:
    with served(sent.app) as address:
        yield address


def granted_by_two(office: Office) -> str:
    """The page of a person whom two agreed on; somebody else's wish waits beside it."""
    first, second = office.proof("d.schutz"), office.proof("d.vertretung")
    request = office.pipeline.ask_for_person(first, office.reference, WHY)
    office.pipeline.decide_on_person(second, request, grant=True)
    office.pipeline.ask_for_person(second, "MR-999999", WHY)
    return f"/person/{request}"


def wished(office: Office) -> tuple[UUID, UUID]:
    """Erasures and holds that one wished and the other did or did not allow; the newest wait for an answer."""
    first, second = office.proof("d.schutz"), office.proof("d.vertretung")
    day, pipeline = office.world.now.date(), office.pipeline
    asked = pipeline.ask_for_erasure(second, office.reference, "withdrawn", WHY)
    pipeline.decide_on_erasure(first, asked, grant=True)
    held = pipeline.ask_for_hold(second, Held(first=day, last=day), day, WHY)
    pipeline.decide_on_hold(first, held, grant=True)
    pipeline.ask_for_release(first, UUID(pipeline.held_entries()[0]["id"]), WHY)
    pipeline.ask_for_erasure(second, "MR-999999", "objected", WHY)
    pipeline.ask_for_hold(second, Held(first=day, last=day, purpose="geburt"), day, WHY)
    return asked, held


def judged(page: Page, path: str) -> None:
    answer = page.goto(path)
    assert answer is not None, path
    assert answer.status in {200, 404, 422}, path
    found = Axe().run(page, options={"runOnly": RULES})
    assert not found.response["violations"], (path, found.generate_report())
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow and dark"])
def test_axe_finds_nothing_on_any_page_of_the_office(
    chromium: Browser,
    sent: Office,
    at: str,
    size: ViewportSize,
    scheme: Scheme,
) -> None:
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 1 ORDER BY fid DESC LIMIT 1")
    sent.world.check_log()
    granted = granted_by_two(sent)
    erasure, hold = wished(sent)
    sent.pipeline.make_export(sent.proof("d.vertretung"), "log", None, None, 7)
    with staffing(sent.world) as owner:
        links = {name: owner.link(name).partition("127.0.0.1")[2] for name in ("k.standesamt", "k.haus", "d.schutz")}
    pages = {
        "k.standesamt": ("/aufgaben", "/auftraege", f"/auftraege/{sent.auftrag}", "/nirgends"),
        "k.haus": ("/aufgaben",),
        "d.schutz": (
            "/protokoll",
            "/datenfluesse",
            "/datenfluesse?von=x",
            f"/datenfluesse/{fid}",
            f"/datenfluesse/{fid}?wunsch={granted.rpartition('/')[2]}",
            "/verweigert",
            "/befunde",
            "/checkpoints",
            "/auszuege",
            "/person",
            f"/person?eben={granted.rpartition('/')[2]}",
            granted,
            "/loeschungen",
            f"/loeschungen?eben={erasure}",
            "/sperren",
            f"/sperren?eben={hold}",
            "/vorfaelle",
        ),
    }
    for name, paths in pages.items():
        context = chromium.new_context(
            base_url=at,
            locale="de-DE",
            viewport=size,
            color_scheme=scheme,
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        judged(page, "/")
        judged(page, links[name])
        follows(page, page.get_by_role("button", name="Anmelden"))
        page.get_by_text("Abmelden").wait_for()  # a page asked for meanwhile would end the log-in
        for path in paths:
            judged(page, path)
        context.close()


def test_a_clerk_answers_and_the_dsb_looks_up_without_a_script(chromium: Browser, sent: Office, at: str) -> None:
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 1 ORDER BY fid LIMIT 1")
    granted = granted_by_two(sent)
    sent.world.check_log()
    with staffing(sent.world) as owner:
        links = {name: owner.link(name).partition("127.0.0.1")[2] for name in ("k.standesamt", "d.schutz")}
    for name, link in links.items():
        context = chromium.new_context(base_url=at, java_script_enabled=False, locale="de-DE")
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(link)
        follows(page, page.get_by_role("button", name="Anmelden"))
        page.get_by_text("Abmelden").wait_for()  # a page asked for meanwhile would end the log-in
        if name == "k.standesamt":
            follows(page, page.get_by_role("link", name="Aufträge"))
            follows(page, page.get_by_role("link", name=sent.reference))
            page.get_by_label("Eingang bestätigen").check()
            follows(page, page.get_by_role("button", name="Antwort senden"))
            assert page.get_by_text("Eingang bestätigt").is_visible()
        else:
            follows(page, page.get_by_role("link", name="Person", exact=True))
            page.get_by_label("Auftragsnummer").fill(sent.reference)
            page.get_by_label("Warum?").fill("Beschwerde der Person vom 14. Oktober")
            follows(page, page.get_by_role("button", name="Um Erlaubnis fragen"))
            assert page.get_by_text(
                "Es geschieht nichts, bevor eine zweite Person Ja sagt. Sie hat dafür bis"
            ).is_visible()
            follows(page, page.get_by_role("button", name="Nein"))
            page.goto(granted)
            assert page.get_by_text("Auftrag erteilt").first.is_visible()
            follows(page, page.get_by_role("link", name="Auszüge", exact=True))
            page.get_by_label("Protokoll zum Prüfen").check()
            follows(page, page.get_by_role("button", name="Auszug machen"))
            with page.expect_download() as coming:
                page.get_by_role("link", name="Auszug vom").click()
            assert coming.value.suggested_filename.endswith(".zip")
            with page.expect_download() as coming:
                page.goto(f"/datenfluesse/{fid}")
                page.get_by_role("link", name="Beleg herunterladen").click()
            assert coming.value.suggested_filename.endswith(".tlog-proof")
        follows(page, page.get_by_role("button", name="Abmelden"))
        assert page.get_by_role("heading", name="Sie sind abgemeldet").is_visible()
        context.close()
    assert sorted(sent.looks()) == ["auftrag.opened", "person.looked_up"]


def test_a_table_fits_a_window_scrolls_in_its_box_on_a_tablet_and_is_cards_on_a_phone(
    chromium: Browser, sent: Office, at: str
) -> None:
    sent.world.check_log()
    granted = granted_by_two(sent)
    sent.pipeline.make_export(sent.proof("d.vertretung"), "log", None, None, 7)
    for width, fits in ((1200, True), (700, False), (400, True)):
        with staffing(sent.world) as owner:
            link = owner.link("d.schutz").partition("127.0.0.1")[2]
        context = chromium.new_context(base_url=at, locale="de-DE", viewport=ViewportSize(width=width, height=900))
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.goto(link)
        follows(page, page.get_by_role("button", name="Anmelden"))
        page.get_by_text("Abmelden").wait_for()
        for path in (
            ("/datenfluesse", granted) if width == 700 else ("/datenfluesse", "/checkpoints", "/auszuege", granted)
        ):
            page.goto(path)
            box = page.locator(".scroll")
            assert box.count() == 1, path
            inside, outside = box.evaluate("each => [each.scrollWidth, each.clientWidth]")
            assert (inside <= outside) is fits, (path, width, inside, outside)
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), path
            assert page.get_by_text("seitlich verschieben").is_visible() is not fits, path
            if width == 400:
                right = page.locator(".scroll tbody a").first.evaluate("each => each.getBoundingClientRect().right")
                assert 0 < right <= width, (path, "a link is on the screen")
                labels = page.locator(".scroll tbody tr:first-child td").evaluate_all(
                    "all => all.map(each => [each.dataset.label, getComputedStyle(each, '::before').content])"
                )
                assert labels
                assert all(label and content == f'"{label}"' for label, content in labels), path
        context.close()
