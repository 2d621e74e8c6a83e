"""What is no Auftrag: a hint and an appointment are told, a Wiedervorlage comes back, a human gets the rest."""

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from proaktiv.core.errors import Conflict
from proaktiv.core.letters import told_words
from proaktiv.database import Database
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import release
from proaktiv.steps.notify.contents import About, contents
from proaktiv.tables import BundleRow, core_table
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import Somebody, a_birth, a_cancellation, a_death, child_of, somebody
from tests.web.browser import PageBrowser
from tests.world import START, World, code_in

LOOK = Look("Stadt Musterstadt", account=True)

COMMON = """
status: in_kraft
version: 1
geprueft_bis: 2030-12-31
je: elternteil
gilt: {schluessel: kind.geburtsdatum, ab: 2015-11-01}
vorschlag: {schluessel: [kind.kennung]}
"""
ALIVE = "voraussetzungen: {das: kind.lebt, ist: ja, norm: Schutzregeln V01 und V02}\n"
BIRTHDAY = "{tage: 1, von: {lebensjahr: 1, von: kind.geburtsdatum}}"
STELLE = "stelle: {art: jugendamt, nach: elternteil.wohnort_ars}\n"
LEISTUNGEN = {
    "STEUER-ID": f"art: hinweis\n{ALIVE}",
    "VATERSCHAFT": f"art: termin\n{ALIVE}{STELLE}"
    f"fristen:\n  - {{name: feier, typ: pflicht, massgeblich: beurkundung, norm: § 1 Probe, ende: {BIRTHDAY}}}\n",
    "NACHSEHEN": f"art: wiedervorlage\n{ALIVE}"
    f"fristen:\n  - {{name: geburtstag, typ: pflicht, massgeblich: abgabe, norm: § 1 Probe, ende: {BIRTHDAY}}}\n",
    "VORMUND": f"art: manuell\n{ALIVE}{STELLE}",
}
ZWEITE_URKUNDE = "ZWEITE-URKUNDE"


@pytest.fixture
def told(world: World, tmp_path: Path) -> World:
    """A town whose rules have one Leistung of each kind, and a second Urkunde that comes after the first."""
    folder = tmp_path / "rules"
    shutil.copytree(rules_folder(), folder)
    birth = folder / "geburt"
    for name, body in LEISTUNGEN.items():
        file = birth / "leistungen" / f"{name.lower()}.yaml"
        file.write_text(f"leistung: {name}\nname: {name.title()}{COMMON}{body}")
        _with_texts_and_a_case(birth, name)
    urkunde = (birth / "leistungen" / "geburtsurkunde.yaml").read_text()
    second = urkunde.replace("leistung: GEBURTSURKUNDE", f"leistung: {ZWEITE_URKUNDE}\nnach: [GEBURTSURKUNDE]")
    second = second.replace("name: Geburtsurkunde", "name: Zweite Urkunde")
    lines = [line for line in second.splitlines(True) if not line.startswith("leika")]
    (birth / "leistungen" / "zweite.yaml").write_text("".join(lines))
    _with_texts_and_a_case(birth, ZWEITE_URKUNDE)
    flow = (birth / "lebenslage.yaml").read_text()
    start = flow.index("  - fluss: transmit/GEBURTSURKUNDE")
    one = flow[start : flow.index("  - fluss:", start + 5)]
    (birth / "lebenslage.yaml").write_text(flow + "\n" + one.replace("GEBURTSURKUNDE", ZWEITE_URKUNDE))
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        release(
            session,
            folder,
            author="rule author (invented)",
            reviewer="reviewer (invented)",
            demo=True,
            key=world.signing_key,
            now=START - timedelta(days=1),
        )
    owner.close()
    return world.open()


def _with_texts_and_a_case(birth: Path, name: str) -> None:
    for language in ("de", "en", "ls"):
        with (birth / "texte" / f"{language}.yaml").open("a") as texts:
            texts.write(f"{name}:\n  titel: {name.title()}\n  grund: So ist es.\n  nein: Das Amt entscheidet.\n")
    base = (birth / "faelle" / "geburtsurkunde.yaml").read_text()
    grundlage = base[base.index("grundlage:") : base.index("faelle:")]
    case = "faelle:\n  - {name: wie immer, erwartet: ja}\n"
    (birth / "faelle" / f"{name.lower()}.yaml").write_text(f"leistung: {name}\n{grundlage}{case}")


def items(world: World, proof: Any) -> dict[str, Any]:
    return {each["leistung"]: each for each in world.pipeline.overview(proof)["bundles"][0]["proposals"]}


@pytest.fixture
def anna(told: World) -> Somebody:
    anna = told.lives_here(somebody("Anna"))
    told.announce(a_birth(anna))
    told.tick()
    return anna


def test_a_hint_and_an_appointment_are_shown_with_their_words_and_lead_to_nothing(told: World, anna: Somebody) -> None:
    proof = told.opens_letter(anna)
    shown = items(told, proof)
    assert (shown["STEUER-ID"]["outcome"], shown["VATERSCHAFT"]["outcome"]) == ("hinweis", "termin")
    for leistung in ("STEUER-ID", "VATERSCHAFT"):
        item = told.pipeline.proposal(proof, UUID(shown[leistung]["id"]))
        assert (item["grund"], item["versand"], item["felder"]) == ("So ist es.", "hinweis", [])
        with pytest.raises(Conflict, match="nothing to say yes to"):
            told.pipeline.confirm(proof, UUID(shown[leistung]["id"]), bytes.fromhex(item["shown"]))
        with pytest.raises(Conflict, match="nothing to put off"):
            told.pipeline.postpone(proof, UUID(shown[leistung]["id"]))
    assert [clock["name"] for clock in item["fristen"]] == ["feier"]
    assert told.count("auftraege") == 0
    told.check_log()


def test_nobody_is_reminded_of_a_hint_and_in_the_end_it_is_over(told: World, anna: Somebody) -> None:
    proof = told.opens_letter(anna)
    for leistung, item in items(told, proof).items():
        if leistung not in LEISTUNGEN:
            told.pipeline.decline(proof, UUID(item["id"]))
    told.wait(days=120)
    assert len(told.letters_to(anna)) == 1
    assert told.count("proposals", "outcome IN ('hinweis', 'termin') AND state = 'lapsed'") == 2
    told.check_log()


def test_a_wiedervorlage_proposes_nothing_and_is_decided_anew_at_its_day(told: World, anna: Somebody) -> None:
    assert told.count("proposals", "leistung = 'NACHSEHEN'") == 0
    assert told.value("SELECT due_month::text FROM wiedervorlagen WHERE what = 'geburt/NACHSEHEN'") == "2027-10-01"
    passes = "SELECT count(*) FROM matches WHERE leistung = 'NACHSEHEN'"
    before = told.value(passes)
    told.wait(days=364)
    assert told.value(passes) == before + 1
    assert told.count("wiedervorlagen", "what = 'geburt/NACHSEHEN'") == 0, "with its day it is over"
    told.check_log()


def test_what_only_a_human_can_do_is_one_task_that_names_the_leistung(told: World, anna: Somebody) -> None:
    (task,) = [each for each in told.pipeline.tasks() if each["what"] == "leistung.by_hand"]
    assert (task["leistung"], task["behoerde"] != "") == ("VORMUND", True)
    assert told.count("proposals", "leistung = 'VORMUND'") == 0
    told.wait(days=200)
    assert told.count("tasks", "what = 'leistung.by_hand'") == 1


def test_what_comes_after_another_can_be_confirmed_once_that_is_decided(told: World, anna: Somebody) -> None:
    proof = told.opens_letter(anna)
    shown = items(told, proof)
    second = UUID(shown[ZWEITE_URKUNDE]["id"])
    item = told.pipeline.proposal(proof, second)
    assert item["zuerst"] == ["Geburtsurkunde"]
    with pytest.raises(Conflict, match="first comes GEBURTSURKUNDE"):
        told.pipeline.confirm(proof, second, bytes.fromhex(item["shown"]))
    first = told.pipeline.proposal(proof, UUID(shown["GEBURTSURKUNDE"]["id"]))
    told.pipeline.confirm(proof, UUID(first["id"]), bytes.fromhex(first["shown"]))
    item = told.pipeline.proposal(proof, second)
    assert item["zuerst"] == []
    told.pipeline.confirm(proof, second, bytes.fromhex(item["shown"]))
    assert told.count("auftraege") == 2
    told.check_log()


def test_a_stop_takes_a_hint_back_and_forgets_the_wiedervorlage(told: World) -> None:
    anna = told.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    told.announce(birth)
    told.tick()
    told.announce(a_death(child_of(birth)))
    assert told.count("proposals", "state = 'open'") == 0
    assert told.count("wiedervorlagen") == 0
    told.check_log()


def test_a_hint_of_an_entry_that_is_cancelled_and_made_again_is_told_again(told: World) -> None:
    anna = told.lives_here(somebody("Anna"))
    wrong = a_birth(anna)
    told.announce(wrong)
    told.tick()
    told.announce(a_cancellation(wrong))
    told.announce(a_birth(anna, kind=wrong.data["kind"]))
    told.tick()
    assert told.count("proposals", "leistung = 'STEUER-ID' AND state = 'open' AND generation = 2") == 1
    told.check_log()


# what the person reads -----------------------------------------------------------------------------------------------


def reading(told: World, anna: Somebody) -> PageBrowser:
    browser = PageBrowser(make_site(told.pipeline, LOOK, secure_cookies=False))
    year, month, day = anna.geburtsdatum.split("-")
    typed = {"code": code_in(told.letters_to(anna)[-1]), "geburt_tag": day, "geburt_monat": month, "geburt_jahr": year}
    assert browser.post("/b", typed).status_code == 303
    return browser


def page_of(browser: PageBrowser, name: str) -> str:
    overview = browser.get("/uebersicht").text
    found = re.search(rf'href="(/vorschlag/[^"]+)"[^>]*>{name}', overview)
    assert found is not None, overview
    return browser.get(found[1]).text


def test_the_overview_calls_a_hint_a_hint_and_an_appointment_an_appointment(told: World, anna: Somebody) -> None:
    page = reading(told, anna).get("/uebersicht").text
    assert "Steuer-Id – ein Hinweis" in page
    assert "Vaterschaft – ein Termin" in page
    assert page.count("Zur Information") == 2


def test_the_page_of_a_hint_has_words_and_nothing_to_decide(told: World, anna: Somebody) -> None:
    browser = reading(told, anna)
    hint, appointment = page_of(browser, "Steuer-Id"), page_of(browser, "Vaterschaft")
    for page in (hint, appointment):
        assert "So ist es." in page
        assert "Warum wir Ihnen das sagen" in page
        assert "Es wird nichts gesendet" in page
        assert "/entscheiden" not in page
    assert "Vereinbaren Sie den Termin selbst" in appointment
    assert "Sicher bis" in appointment


def test_the_page_of_what_comes_second_says_what_comes_first(told: World, anna: Somebody) -> None:
    page = page_of(reading(told, anna), "Zweite Urkunde")
    assert "Zuerst kommt: Geburtsurkunde." in page
    assert "/entscheiden" not in page


# the letter about hints alone ----------------------------------------------------------------------------------------

ASKS = ("ja, nein oder später", "nicht beantworten, verfällt", "keinen Antrag")


@pytest.fixture
def minor(told: World) -> Somebody:
    """Somebody whom no Auftrag is for (V11), so that hints and an appointment are all there is."""
    minor = told.lives_here(somebody("Mona", geburtsdatum="2013-02-28"))
    told.announce(a_birth(minor))
    told.tick()
    return minor


def test_a_letter_about_hints_alone_asks_for_no_yes_and_no_no(told: World, minor: Somebody) -> None:
    letter = " ".join(told.letters_to(minor)[0].split())
    assert "hat Hinweise für Sie zusammengestellt. Sie müssen nichts beantworten und nichts zurückschicken." in letter
    assert not any(asked in letter for asked in ASKS)
    found = told.pipeline.overview(told.opens_letter(minor))["bundles"][0]["proposals"]
    assert {each["outcome"] for each in found} == {"hinweis", "termin"}


def test_control_a_letter_about_an_auftrag_beside_hints_asks(told: World, anna: Somebody) -> None:
    letter = " ".join(told.letters_to(anna)[0].split())
    assert all(asked in letter for asked in ASKS)
    assert "Hinweise" not in letter


def test_what_was_open_when_a_letter_was_made_decides_its_words_whatever_came_since(
    told: World, anna: Somebody
) -> None:
    made = told.now
    proof = told.opens_letter(anna)
    told.wait(days=1)
    with told.database.transaction() as session:
        (bundle,) = session.connection().execute(select(core_table(BundleRow).c.id)).scalars()
        assert contents(session, {bundle: made}) == {bundle: About.ASKS}
    for leistung, item in items(told, proof).items():
        if leistung not in LEISTUNGEN:
            told.pipeline.decline(proof, UUID(item["id"]))
    with told.database.transaction() as session:
        assert contents(session, {bundle: made}) == {bundle: About.ASKS}, "a repeat has the same words"
        hints = {bundle: About.HINTS}
        assert contents(session, {bundle: told.now}) == hints, "another letter now would be about hints alone"
        assert contents(session, {}) == {}


def test_whoever_types_the_page_of_a_decision_about_a_hint_is_led_to_its_words(told: World, minor: Somebody) -> None:
    browser = reading(told, minor)
    overview = browser.get("/uebersicht").text
    for path in re.findall(r'href="(/vorschlag/[^"]+)"', overview):
        answer = browser.get(f"{path}/entscheiden")
        assert (answer.status_code, answer.headers["location"]) == (303, path)


@pytest.mark.parametrize("again", [False, True])
def test_no_version_of_the_letter_about_hints_asks_for_an_answer(again: bool) -> None:
    told = told_words("Stadt Musterstadt", again=again)
    assert [version.language for version in told.versions] == ["en", "ls"]
    for paragraphs in (told.paragraphs, *(version.paragraphs for version in told.versions)):
        said = " ".join(paragraphs)
        assert not re.search(
            r"(?i)\bja\b|\bnein\b|\byes\b|\bno or\b|später an|verfällt|lapses|unterschr|\bsign\b", said
        ), said
