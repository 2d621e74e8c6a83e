"""A person before a browser without JavaScript: from the letter to the receipt, and back out again."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from proaktiv.core.trust import Trust
from tests.browser.conftest import enters, follows, proven, sends, signs_up
from tests.builders import Somebody, a_birth, a_move
from tests.world import World, code_in


def test_a_person_confirms_watches_and_takes_back(world: World, page: Page, born: Somebody) -> None:
    follows(page, "main >> text=Geburtsurkunde")
    main = page.locator("main")
    expect(main).to_contain_text("Warum wir Ihnen das vorschlagen")
    expect(main).to_contain_text("Grundlage: Art. 6 Abs. 1 Buchst. e DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)")
    expect(main).to_contain_text("Quelle: Melderegister Ihrer Gemeinde")
    expect(main).not_to_contain_text(born.strasse)  # no address at V1
    follows(page, "main a.kern-btn")
    assert page.locator("input[type=radio]:checked").count() == 0, "nothing is preset"
    sends(page)
    assert page.title().startswith("Fehler:")
    page.check("#entscheidung-ja")
    sends(page)
    expect(page.locator("main")).to_contain_text("Wartet noch bei uns")
    reference = page.inner_text(".reference")
    assert world.value("SELECT reference FROM auftraege") == reference
    sends(page)
    expect(page.locator("main")).to_contain_text("Wartet auf Sie")
    assert world.value("SELECT undone_at IS NOT NULL FROM auftraege")

    follows(page, "main >> text=Geburtsurkunde")
    follows(page, "main a.kern-btn")
    page.check("#entscheidung-ja")
    sends(page)
    address = page.url
    world.wait(hours=25)
    page.reload()
    expect(page.locator("main")).to_contain_text("Ihre Sitzung ist zu Ende")
    enters(page, code_in(world.letters_to(born)[-1]), born)
    page.goto(address)
    expect(page.locator("main .kern-alert")).to_contain_text("Bei der Behörde")
    assert world.check_log()


def test_a_person_says_no_and_later(world: World, page: Page, born: Somebody) -> None:
    for answer, badge in (("spaeter", "Später"), ("nein", "Von Ihnen abgelehnt")):
        page.goto("/uebersicht")
        follows(page, "main >> text=Geburtsurkunde")
        follows(page, "main a.kern-btn")
        page.check(f"#entscheidung-{answer}")
        sends(page)
        expect(page.locator("main")).to_contain_text(badge)


def test_a_sheet_is_made_where_a_letter_code_is_too_little(world: World, page: Page, born: Somebody) -> None:
    follows(page, "main >> text=Elterngeld")
    follows(page, "main a.kern-btn")
    page.check("#entscheidung-ja")
    sends(page)
    follows(page, "text=Blatt ansehen und drucken")
    expect(page.locator("main")).to_contain_text("Datum, Unterschrift")
    assert world.value("SELECT state FROM auftraege") == "with_citizen"


def test_a_person_answers_what_only_they_know(world: World, page: Page, anna: Somebody) -> None:
    signs_up(page, world, anna)
    world.announce(a_move(anna, moved_on="2026-10-10"))
    world.tick()
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    follows(page, "main >> text=Bewohnerparkausweis")
    sends(page)
    assert page.title().startswith("Fehler:"), "each question wants an answer"
    assert world.count("answers") == 0


def test_a_consent_is_withdrawn_in_two_clicks_and_takes_effect_at_once(
    world: World, page: Page, born: Somebody
) -> None:
    follows(page, "nav >> text=Einwilligungen")
    follows(page, "text=Alles zu „Geburt eines Kindes“ widerrufen")
    expect(page.locator("main")).to_contain_text("Widerrufen")
    follows(page, "nav >> text=Übersicht")
    assert page.locator("main >> text=Geburtsurkunde").count() == 0
    assert world.count("proposals", "state = 'open'") == 0


def test_history_is_shown_to_an_account_and_not_to_a_letter(
    world: World, page: Page, born: Somebody, site: str
) -> None:
    follows(page, "nav >> text=Meine Daten")
    expect(page.locator("main")).to_contain_text("stärkeren Nachweis")
    assert page.locator("table").count() == 0
    proven(world, page, site, born, Trust.V2)
    page.goto("/meine-daten")
    rows = page.locator("tbody tr")
    assert rows.count() >= 5
    numbers = [int(text) for text in page.locator("tbody tr td:first-child").all_inner_texts() if text]
    assert numbers == list(range(numbers[0], 0, -1)), "no gap, newest first"
    expect(page.locator("table")).to_contain_text("Ein Brief an Sie wurde geschrieben.")


def test_the_same_in_english(world: World, page: Page, born: Somebody) -> None:
    follows(page, "footer >> text=English")
    page.goto("/uebersicht")
    assert page.locator("html").get_attribute("lang") == "en"
    follows(page, "main >> text=Geburtsurkunde")
    expect(page.locator("main")).to_contain_text("Why we propose this to you")
    expect(page.locator("main")).to_contain_text("First names of the child")
    follows(page, "main a.kern-btn")
    page.check("#entscheidung-ja")
    sends(page)
    expect(page.locator("main")).to_contain_text("Still waits with us")


def test_a_wrong_code_gets_one_answer_and_keeps_what_was_typed_but_the_code(
    world: World, page: Page, anna: Somebody
) -> None:
    enters(page, "AAAA-AAAA-AAAA-A", anna)
    expect(page.locator("#fehler")).to_contain_text("passen nicht zusammen")
    assert page.input_value("#code") == ""
    assert page.input_value("#geburt_jahr") == anna.geburtsdatum[:4]


def test_what_changed_since_it_was_shown_is_not_confirmed(world: World, page: Page, anna: Somebody) -> None:
    signs_up(page, world, anna)
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    enters(page, code_in(world.letters_to(anna)[-1]), anna)
    follows(page, "main >> text=Geburtsurkunde")
    follows(page, "main a.kern-btn")
    page.check("#entscheidung-ja")
    renamed = birth.data["kind"] | {"vornamen": "Mio"}
    world.announce(birth.but(id=f"{birth.id}-2", fassung=2, kind=renamed))
    world.now += timedelta(minutes=1)
    world.tick()
    sends(page)
    assert world.count("auftraege") == 0, "nothing was sent of what is no longer true"


def test_a_session_ends_when_the_person_leaves(world: World, page: Page, born: Somebody) -> None:
    follows(page, "text=Abmelden")
    page.goto("/uebersicht")
    expect(page.locator("main")).to_contain_text("Bitte weisen Sie sich noch einmal aus")
    assert world.count("sessions", "purpose = 'bundle'") == 0
