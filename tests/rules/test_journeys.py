"""Whole journeys: what happens in the small town, and that every kind of expectation fails when it should."""

import pytest

from proaktiv.core.conditions import Alle, Op, Vergleich
from tests.rules.journeys_building import CASE, FRIST, TEXTS, after, but, geld, karte, outcome, rules, told


def test_a_case_that_says_everything_passes() -> None:
    assert outcome().verdict == "passed"
    assert told() == ""


# red controls: a wrong rule ------------------------------------------------------------------------------------------


def test_a_deadline_that_is_not_shifted_fails_the_case() -> None:
    unshifted = FRIST.__class__(**{name: getattr(FRIST, name) for name in FRIST.__slots__} | {"verschiebung": ""})
    said = told(CASE, rules(geld(fristen=(unshifted,)), karte()))
    assert "auftrag GELD an Anna, Ben: neu: fristen" in said
    assert "gesetzlich 2027-03-01" in said.split("+ ist:")[0]
    assert "gesetzlich 2027-02-28" in said.split("+ ist:")[1]


def test_a_dropped_condition_makes_an_extra_item_and_fails_the_case() -> None:
    loose = karte(bedingung=Vergleich("kind.lebt", Op.IST, wert=True, norm="§ 1 Probe"))
    said = told(CASE, rules(geld(), loose))
    assert "auftrag KARTE (Mia) an Ben: neu, offen" in said
    assert "- erwartet: nichts" in said


def test_a_missing_item_fails_the_case() -> None:
    never = karte(bedingung=Vergleich("kind.lebt", Op.IST, wert=False, norm="§ 1 Probe"))
    said = told(CASE, rules(geld(), never))
    assert "- erwartet: auftrag KARTE an Anna: neu\n      + ist:      nichts" in said


def test_a_rule_for_the_wrong_parent_fails_the_case() -> None:
    mother = Vergleich("elternteil.rolle", Op.IST, "mutter", "§ 1 Probe")
    said = told(CASE, rules(geld(bedingung=Alle((mother,))), karte()))
    assert "- erwartet: auftrag GELD an Ben: neu" in said


def test_a_text_that_says_what_it_must_not_fails_the_case() -> None:
    said = told(CASE, rules(texts=TEXTS | {"GELD.titel": "Glückwunsch! Geld für {kind.vornamen}"}))
    assert "text_nicht" in said
    assert "darf nicht" in said


# red controls: each expectation --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("ergebnis: auftrag\n        an: [Anna, Ben]", "ergebnis: frage\n        an: [Anna, Ben]", ": ergebnis"),
        ("an: [Anna, Ben]\n        behoerde", "an: Anna\n        behoerde", "auftrag GELD (Mia) an Ben: neu, offen"),
        ("an: Anna, buendel", "an: [Anna, Ben], buendel", "auftrag KARTE an Ben: neu"),
        ("behoerde: Geldstelle Musterstadt", "behoerde: Geldstelle Anderswo", ": behoerde"),
        ("gesetzlich: 2027-03-01", "gesetzlich: 2027-02-28", ": fristen"),
        ("sicher_bis: 2027-02-26", "sicher_bis: 2027-03-01", ": fristen"),
        ("typ: ohne_verlust", "typ: pflicht", ": fristen"),
        ("massgeblich: eingang_zustaendige_stelle", "massgeblich: abgabe", ": fristen"),
        ("gesetzlich: 2027-03-01", "fruehestens: 2026-11-01, gesetzlich: 2027-03-01", ": fristen"),
        ("gesetzlich: 2027-03-01", "spaetestens: 2027-03-31, gesetzlich: 2027-03-01", ": fristen"),
        ("{typ: ohne_verlust", "{name: anders, typ: ohne_verlust", ": fristen"),
        ("fristen: []", "fristen: [{gesetzlich: 2027-01-01}]", ": fristen"),
        ("        buendel: Mia\n", "        buendel: Geld\n", ": buendel"),
        ("        buendel: Mia\n", "        buendel_bis: 2027-03-01\n", ": buendel_bis"),
        ("felder: {kind/vornamen: Mia}", "felder: {kind/vornamen: Ida}", ": felder"),
        ("text: Geld für Mia", "text: Geld für Ida", ": text"),
        ("text_nicht: Glückwunsch", "text_nicht: Geld", ": text_nicht"),
        ("text: Geld für Mia", "betraege: 175.000 Euro", ": betraege"),
        ("        text: Geld für Mia\n", "        stand: spaeter\n", ": stand"),
        ("        text: Geld für Mia\n", "        wie: geaendert\n", ": wie"),
        ("        text: Geld für Mia\n", "        versand: selbst\n", ": versand"),
        ("        text: Geld für Mia\n", "        nach: KARTE\n", ": nach"),
        ("        text: Geld für Mia\n", "        sperrvermerk: ja\n", ": sperrvermerk"),
        ("        text: Geld für Mia\n", "        sichtbar_ab: V3\n", ": sichtbar_ab"),
        ("        text: Geld für Mia\n", "        fragt: paar.zve_vorjahr\n", ": fragt"),
        (
            "        text: Geld für Mia\n",
            "        unterzeichner: [elternteil, zweiter_elternteil]\n",
            ": unterzeichner",
        ),
        ("        text: Geld für Mia\n", "        fuer: Ben\n", "auftrag GELD (Ben) an Anna, Ben"),
        ("kanal: brief", "kanal: email", "nachrichten"),
        ("[{an: [Anna, Ben], kanal: brief}]", "[]", "nachrichten"),
        ("[{an: [Anna, Ben], kanal: brief}]", "[{an: [Anna, Ben], kanal: brief, stand: wartet}]", "nachrichten"),
        ("    nachrichten", "    protokoll: V01\n    nachrichten", "protokoll"),
    ],
)
def test_an_expectation_that_does_not_hold_fails_the_case(old: str, new: str, what: str) -> None:
    text = but((old, new))
    assert outcome(text).verdict == "failed"
    said = told(text)
    assert what in said
    assert "probe.yaml:" in said
    assert "Di 03.11.2026" in said


@pytest.mark.parametrize(
    "rule",
    [
        "{an: Ben}",
        "{leistung: GELD}",
        "{leistung: [KARTE, GELD], an: Ben}",
        "{ergebnis: auftrag}",
        "{text: wohnt bei Ihnen}",
        "{datum: 2027-02-26}",
        "{behoerde: Jugendamt}",
        "{feld: kind.vornamen}",
        "{feld: kind/vornamen}",
        "{nachricht: brief}",
        "{an: Anna, nachricht: jede}",
        "{nachschlagen: MELDEREGISTER}",
    ],
)
def test_what_must_never_be_and_is_fails_the_case(rule: str) -> None:
    for text in (
        but(("{text: Glückwunsch}", rule)),
        but(("    erwartet:", f"    darf_nicht: [{rule}]\n    erwartet:")),
    ):
        assert outcome(text).verdict == "failed"
        assert "darf nicht" in told(text)


@pytest.mark.parametrize(
    "rule",
    [
        "{an: Ben, leistung: KARTE}",
        "{leistung: GELD, ergebnis: frage}",
        "{datum: 2027-02-27}",
        "{text: Geld, leistung: KARTE}",
        "{nachricht: email}",
        "{nachschlagen: STEUERAMT}",
    ],
)
def test_what_must_never_be_and_is_not_lets_the_case_pass(rule: str) -> None:
    assert outcome(but(("{text: Glückwunsch}", rule))).verdict == "passed"


def test_what_happened_and_was_never_looked_at_fails_the_case() -> None:
    silent = after("{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD}}")
    assert "auftrag GELD (Mia) an Anna: bestaetigt, ruecknehmbar" in told(silent)


def test_an_empty_list_means_that_nothing_at_all_may_have_happened() -> None:
    text = after("{um: 2026-11-10 10:00, nein: {von: Anna, zu: KARTE}, erwartet: []}")
    assert "auftrag KARTE (Mia) an Anna: abgelehnt" in told(text)


# waiting -------------------------------------------------------------------------------------------------------------


def test_a_leistung_that_the_rules_lack_waits_by_name_and_the_rest_is_checked() -> None:
    more = (
        "      - {leistung: KARTE",
        "      - {leistung: HILFE, ergebnis: frage, an: Anna}\n      - {leistung: KARTE",
    )
    waiting = outcome(but(more))
    assert (waiting.verdict, waiting.waits) == ("waits", ("HILFE",))
    assert outcome(but(more, ("2027-03-01", "2027-02-28"))).verdict == "failed"


def test_what_proaktiv_lacks_waits_as_long_as_it_lacks_it() -> None:
    lacking = but(("2027-03-01", "2027-03-02"), ("text: Geld für Mia", "wartet_auf: Kalender der Gemeinde"))
    assert outcome(lacking).waits == ("Kalender der Gemeinde",)
    there = outcome(but(("text: Geld für Mia", "wartet_auf: Kalender der Gemeinde")))
    assert there.verdict == "failed"
    said = told(but(("text: Geld für Mia", "wartet_auf: Kalender der Gemeinde")))
    assert "ist erfüllt; nehmen Sie die Zeile heraus" in said


def test_a_part_of_an_item_can_wait_and_the_rest_is_checked() -> None:
    part = but(("2027-03-01", "2027-03-02"), ("text: Geld für Mia", "wartet_auf: {fristen: Kalender der Gemeinde}"))
    assert (outcome(part).verdict, outcome(part).waits) == ("waits", ("Kalender der Gemeinde",))
    assert outcome(part.replace("Geldstelle Musterstadt\n        buendel", "Amt\n        buendel")).verdict == "failed"
    there = but(("text: Geld für Mia", "wartet_auf: {fristen: Kalender der Gemeinde}"))
    assert "ist erfüllt; nehmen Sie die Zeile heraus" in told(there)


def test_a_report_of_a_kind_that_the_intake_does_not_know_waits_by_name() -> None:
    text = after("{am: 2026-12-01, meldung: {art: vaterschaft, personen: [Mia, Ben]}}")
    assert outcome(text).waits == ("Ereignis vaterschaft",)
    refused = after(
        "{am: 2026-12-01, meldung: {art: vaterschaft}, aufnahme: abgewiesen, "
        "erwartet: [{ergebnis: manuell, an: DSB, aufgabe: report.misrouted}]}"
    )
    assert outcome(refused).verdict == "passed"
