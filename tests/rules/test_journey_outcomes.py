"""Journeys with what is no Auftrag (hints, appointments, Wiedervorlagen, a human's work) and with an order."""

from proaktiv.core.conditions import Op, Vergleich
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung
from tests.rules.journeys_building import CASE, after, but, geld, karte, rules, told

GELD_EXPECTED = CASE[CASE.index("      - leistung: GELD") : CASE.index("      - {leistung: KARTE")]


def test_appointments_hints_and_tasks_of_a_rule_are_items_too() -> None:
    for art in ("termin", "hinweis"):
        text = but(("ergebnis: auftrag\n", f"ergebnis: {art}\n"))
        assert told(text, rules(geld(art=art), karte())) == ""
    manual = but(
        (
            GELD_EXPECTED,
            "      - {leistung: GELD, ergebnis: manuell}\n      - {leistung: GELD, ergebnis: manuell}\n",
        ),
        ("[{an: [Anna, Ben], kanal: brief}]", "[{an: Anna, kanal: brief}]"),
    )
    assert told(manual, rules(geld(art="manuell"), karte())) == ""


def test_a_humans_work_is_given_once_however_often_it_is_decided() -> None:
    manual = but(
        (GELD_EXPECTED, "      - {leistung: GELD, ergebnis: manuell, aufgabe: leistung.by_hand}\n" * 2),
        ("[{an: [Anna, Ben], kanal: brief}]", "[{an: Anna, kanal: brief}]"),
        (
            "nie:\n",
            (
                "  - {am: 2026-11-10, berichtigung: {von: geburt, statt: {kind: {vornamen: Mja}}}}\n"
                "  - {am: 2026-11-11, bearbeitung: ja, erwartet: [{leistung: KARTE, ergebnis: auftrag, an: Anna, "
                "wie: geaendert}]}\nnie:\n"
            ),
        ),
    )
    assert told(manual, rules(geld(art="manuell"), karte(fristen=()))) == ""


def test_a_hint_cannot_be_confirmed_and_ends_unnoticed() -> None:
    hint = but(("ergebnis: auftrag\n", "ergebnis: hinweis\n"))
    steps = (
        "  - {um: 2026-11-06 10:00, ja: {von: Anna, zu: GELD}, geht: nein}\n"
        "  - {um: 2026-11-06 10:01, spaeter: {von: Anna, zu: GELD}, geht: nein}\n"
        "  - {um: 2026-11-06 10:02, nein: {von: Anna, zu: KARTE}, "
        "erwartet: [{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: abgelehnt}]}\n"
        "  - {am: 2027-06-01, bearbeitung: ja, erwartet: [], nachrichten: []}\nnie:\n"
    )
    assert told(hint.replace("nie:\n", steps), rules(geld(art="hinweis"), karte())) == ""


def test_a_wiedervorlage_is_decided_again_at_the_day_of_its_frist_and_then_is_over() -> None:
    birthday = Frist(
        "geburtstag",
        FristTyp.PFLICHT,
        Massgeblich.ABGABE,
        Rechnung("kind.geburtsdatum", (("lebensjahr", 1), ("tage", 1))),
    )
    text = but(
        (GELD_EXPECTED, "      - {leistung: GELD, ergebnis: wiedervorlage, an: [Anna, Ben], faellig: 2027-10-31}\n"),
        ("[{an: [Anna, Ben], kanal: brief}]", "[{an: Anna, kanal: brief}]"),
        (
            "nie:\n",
            (
                "  - {am: 2027-10-31, bearbeitung: ja, erwartet: [{leistung: KARTE, ergebnis: auftrag, an: Anna, "
                "wie: verfallen}]}\n  - {am: 2027-12-01, bearbeitung: ja, erwartet: []}\nnie:\n"
            ),
        ),
    )
    assert told(text, rules(geld(art="wiedervorlage", fristen=(birthday,)), karte())) == ""
    assert "wiedervorlage GELD" in told(text, rules(geld(art="wiedervorlage", fristen=()), karte()))


def test_what_comes_after_another_waits_for_its_yes_or_no() -> None:
    book = rules(geld(), karte(nach=("GELD",)))
    early = after("{um: 2026-11-06 10:00, ja: {von: Anna, zu: KARTE}, geht: nein}")
    assert told(early, book) == ""
    assert "geht nicht" in told(early, rules(geld(), karte())), "without the order it can be done at once"
    for first in ("nein: {von: Anna, zu: GELD}", "ja: {von: Anna, zu: GELD, vertrauen: V2}"):
        steps = after(f"{{um: 2026-11-06 10:00, {first}}}", "{um: 2026-11-06 10:05, ja: {von: Anna, zu: KARTE}}")
        assert "geht nicht" not in told(steps, book)


def test_what_falls_away_for_another_after_an_answer_is_taken_back() -> None:
    hours = Vergleich("elternteil.wochenstunden", Op.MAXIMAL, 30, "§ 1 Probe")
    book = rules(geld(), karte(bedingung=hours, register={}, fristen=(), schliesst_aus=("GELD",)))
    karte_line = CASE[CASE.index("      - {leistung: KARTE") : CASE.index("nie:\n")]
    answered = (
        "  - {am: 2026-11-06, antwort: {von: Anna, angaben: {elternteil.wochenstunden: 20}}, erwartet: ["
        "{leistung: KARTE, ergebnis: auftrag, an: Anna, fristen: []}, "
        "{leistung: GELD, ergebnis: auftrag, an: Anna, wie: zurueckgerufen}]}\nnie:\n"
    )
    assert told(but((karte_line, ""), ("nie:\n", answered)), book) == ""
