"""Whole lives in the journey format: what people, registers and offices do, and what time does by itself."""

from proaktiv.core.conditions import Op, Vergleich
from proaktiv.core.fristen import Rechnung
from tests.rules.journeys_building import after, but, geld, karte, outcome, rules, told

# a life --------------------------------------------------------------------------------------------------------------


def test_the_first_yes_closes_the_others_and_leaves_when_it_can_no_longer_be_taken_back() -> None:
    text = after(
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD}, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: ruecknehmbar}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: geschlossen}]}",
        "{um: 2026-11-11 09:59, erwartet: []}",
        "{um: 2026-11-11 10:00, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: weiter, stand: gesendet}]}",
        "{am: 2026-12-01, behoerde: {zu: GELD, von: Anna, antwort: entschieden}, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: weiter, stand: entschieden}]}",
    )
    assert told(text) == ""


def test_a_yes_that_is_taken_back_opens_everything_again() -> None:
    text = after(
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD}}",
        "{um: 2026-11-10 11:00, zurueck: {von: Anna, zu: GELD}, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: [Anna, Ben], wie: wieder_offen, stand: offen}]}",
        "{am: 2026-11-13, erwartet: []}",
    )
    assert told(text) == ""
    too_late = after(
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD}}",
        "{um: 2026-11-12 11:00, zurueck: {von: Anna, zu: GELD}}",
    )
    assert "zurueck GELD" in told(too_late)
    assert "geht nicht: it can no longer be taken back" in told(too_late)


def test_silence_ends_what_nobody_answered() -> None:
    lapsed = "{leistung: [GELD, KARTE], ergebnis: auftrag, an: Anna, wie: verfallen}"
    text = after(
        "{am: 2027-01-10, erwartet: [], nachrichten: []}",
        "{am: 2027-01-20, erwartet: [], nachrichten: [{an: [Anna, Ben], kanal: brief}]}",
        "{am: 2027-01-31, erwartet: [], nachrichten: []}",
        f"{{am: 2027-02-01, erwartet: [{lapsed}, {{leistung: GELD, ergebnis: auftrag, an: Ben, wie: verfallen}}]}}",
    )
    assert told(text) == ""


def test_a_death_takes_back_what_is_queued_and_gives_a_human_what_is_gone() -> None:
    text = after(
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: KARTE, vertrauen: V2}}",
        "{um: 2026-11-10 10:05, ja: {von: Ben, zu: GELD}, erwartet: "
        "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: gesendet}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: bestaetigt, stand: ruecknehmbar}, "
        "{leistung: GELD, ergebnis: auftrag, an: Anna, wie: geschlossen}]}",
        "{um: 2026-11-11 08:00, sterbefall: {person: Mia, am: 2026-11-10}, protokoll: V02, nachrichten: [], erwartet: "
        "[{leistung: GELD, ergebnis: rueckruf, an: [Anna, Ben]}, "
        "{leistung: KARTE, ergebnis: manuell, aufgabe: auftrag.recall_by_hand}]}",
        "{am: 2026-11-20, bearbeitung: ja, erwartet: [], nachrichten: []}",
    )
    assert told(text) == ""


def test_a_letter_in_the_print_queue_is_stopped_by_a_death_and_goes_without_one() -> None:
    waits = but(
        ("  - am: 2026-11-03\n", "  - {am: 2026-11-03, druckstrasse: steht}\n  - am: 2026-11-03\n"),
        ("kanal: brief}", "kanal: brief, stand: wartet}"),
    )
    gone = "[{leistung: GELD, ergebnis: rueckruf, an: [Anna, Ben]}, {leistung: KARTE, ergebnis: rueckruf, an: Anna}]"
    stopped = waits.replace(
        "nie:\n",
        "  - {am: 2026-11-04, sterbefall: {person: Mia, am: 2026-11-03}, "
        f"nachrichten: [{{an: [Anna, Ben], kanal: brief, stand: abgebrochen}}], erwartet: {gone}}}\n"
        "  - {am: 2026-11-05, druckstrasse: laeuft, erwartet: [], nachrichten: []}\nnie:\n",
    )
    assert told(stopped) == ""
    goes = waits.replace(
        "nie:\n",
        "  - {am: 2026-11-05, druckstrasse: laeuft, erwartet: [], "
        "nachrichten: [{an: [Anna, Ben], kanal: brief}]}\nnie:\n",
    )
    assert told(goes) == ""


def test_a_duplicate_brings_nothing_and_a_correction_a_new_version() -> None:
    text = after(
        "{am: 2026-11-04, wiederholung: {von: geburt}, aufnahme: doppelt}",
        "{am: 2026-11-04, bearbeitung: ja, erwartet: [], nachrichten: []}",
        "{am: 2026-11-05, berichtigung: {von: geburt, statt: {kind: {vornamen: Mja}}}}",
        "{am: 2026-11-05, bearbeitung: ja, erwartet: [{leistung: GELD, ergebnis: auftrag, an: [Anna, Ben], "
        "wie: geaendert, text: Geld für Mja, fristen: [{gesetzlich: 2027-03-01, sicher_bis: 2027-02-26}]}, "
        "{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: geaendert, fristen: []}]}",
    )
    assert told(text) == ""
    new = after("{am: 2026-11-04, wiederholung: {von: geburt}, aufnahme: angenommen}")
    assert "wiederholung: aufnahme" in told(new)


def test_a_cancellation_takes_everything_back() -> None:
    text = after(
        "{am: 2026-11-04, storno: {von: geburt}, protokoll: V14, erwartet: "
        "[{leistung: GELD, ergebnis: rueckruf, an: [Anna, Ben], stand: zurueckgerufen}, "
        "{leistung: KARTE, ergebnis: rueckruf, an: Anna}]}",
    )
    assert told(text) == ""


def test_a_withdrawn_consent_recalls_what_is_not_confirmed_of_that_person_alone() -> None:
    text = after(
        "{am: 2026-11-10, widerruf: {von: Anna, zu: E-GEB}, erwartet: "
        "[{leistung: [GELD, KARTE], ergebnis: auftrag, an: Anna, wie: zurueckgerufen}]}",
    )
    assert told(text) == ""


def test_without_consent_nothing_is_made_and_the_log_names_the_guard() -> None:
    refused = but(
        ("von: [Anna, Ben], zu: [E-GEB, K-POST, P-MELD]", "von: [Anna, Ben], zu: [K-POST, P-MELD]"),
        ("[{an: [Anna, Ben], kanal: brief}]", "[]\n    protokoll: V15"),
    )
    nothing = refused[: refused.index("    erwartet:")] + "    erwartet: []\n"
    assert told(nothing) == ""


def test_without_consent_to_a_look_up_nobody_is_asked_and_what_needs_it_does_not_come() -> None:
    text = but(("[E-GEB, K-POST, P-MELD]", "[E-GEB, K-POST]"))
    assert "- erwartet: auftrag KARTE an Anna: neu" in told(text)


def test_a_locked_address_gets_no_letter_and_no_look_up_and_the_auftrag_carries_the_flag() -> None:
    text = but(
        ("Anna: {geboren: 1994-03-08,", 'Anna: {geboren: 1994-03-08, sperre: "51",'),
        ("[{an: [Anna, Ben], kanal: brief}]", "[{an: Ben, kanal: brief}]"),
        ("        text: Geld für Mia\n", "        sperrvermerk: ja\n"),
        ("an: [Anna, Ben]\n        behoerde", "an: Anna\n        behoerde"),
        (
            "      - {leistung: KARTE, ergebnis: auftrag, an: Anna, buendel: Mia, behoerde: Jugendamt, fristen: []}\n",
            (
                "      - leistung: GELD\n        ergebnis: auftrag\n        an: Ben\n"
                "        fristen: [{typ: ohne_verlust, gesetzlich: 2027-03-01, sicher_bis: 2027-02-26}]\n"
            ),
        ),
        ("{text: Glückwunsch}", "{an: Anna, nachschlagen: MELDEREGISTER}"),
    )
    assert told(text) == ""


def test_what_was_there_before_is_reached_by_stops_and_is_not_new() -> None:
    text = after(
        "{am: 2026-11-04, bestand: [{leistung: HILFE, an: Anna, stand: gesendet, lebenslage: geburt, fuer: Mia}, "
        "{leistung: GEBURTSTAG, ergebnis: wiedervorlage, an: Anna, fuer: Mia, faellig: 2027-10-31}], erwartet: []}",
        "{am: 2026-11-05, sterbefall: {person: Mia, am: 2026-11-04}, erwartet: "
        "[{leistung: GELD, ergebnis: rueckruf, an: [Anna, Ben]}, {leistung: KARTE, ergebnis: rueckruf, an: Anna}, "
        "{leistung: HILFE, ergebnis: manuell, aufgabe: auftrag.recall_by_hand}, "
        "{leistung: GEBURTSTAG, ergebnis: wiedervorlage, an: Anna, fuer: Mia, wie: gestrichen}]}",
    )
    assert told(text) == ""


def test_what_applies_later_is_noted_and_comes_on_its_day() -> None:
    grown = Vergleich("heute", Op.AB, date_of("kind.geburtsdatum", "lebensjahr", 1), "§ 1 Probe")
    book = rules(geld(), karte(bedingung=grown, fristen=()))
    text = but(
        (
            "      - {leistung: KARTE, ergebnis: auftrag, an: Anna, buendel: Mia, behoerde: Jugendamt, fristen: []}\n",
            "      - {leistung: KARTE, ergebnis: wiedervorlage, an: [Anna, Ben], faellig: 2027-10-30}\n",
        ),
        (
            "nie:\n",
            (
                "  - {am: 2027-10-30, bearbeitung: ja, erwartet: "
                "[{leistung: GELD, ergebnis: auftrag, an: [Anna, Ben], wie: verfallen}, "
                "{leistung: KARTE, ergebnis: auftrag, an: [Anna, Ben], fristen: []}]}\nnie:\n"
            ),
        ),
    )
    assert told(text, book) == ""
    assert ": faellig" in told(text.replace("faellig: 2027-10-30", "faellig: 2027-10-31"), book)


def date_of(von: str, step: str, n: int) -> Rechnung:
    return Rechnung(von, ((step, n),))


def test_a_place_without_a_competent_behoerde_gives_a_human_a_task() -> None:
    text = but(('jugendamt: {"": Jugendamt}', 'jugendamt: {"01": Jugendamt}'))
    assert "manuell KARTE (Mia) an Sachbearbeitung: neu, zu_tun" in told(text)


def test_the_same_case_gives_the_same_result_again() -> None:
    assert outcome() == outcome()


# acts of the Behörde, of clerks, of registers ------------------------------------------------------------------------


def test_a_sheet_that_the_person_hands_in_may_arrive_there() -> None:
    book = rules(geld(versand="selbst"), karte())
    text = after(
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD}, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: bei_person}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: geschlossen}]}",
        "{am: 2026-11-12, behoerde: {zu: GELD, von: Anna, antwort: angenommen}, erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: weiter, stand: gesendet}]}",
    )
    assert told(text, book) == ""


def test_the_queue_of_sending_can_stand_still() -> None:
    text = after(
        "{um: 2026-11-10 10:00, versand: steht}",
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: KARTE, vertrauen: V2}}",
        "{um: 2026-11-12 10:00, erwartet: "
        "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: ruecknehmbar}]}",
        "{um: 2026-11-12 11:00, versand: laeuft, erwartet: "
        "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: weiter, stand: gesendet}]}",
    )
    assert told(text) == ""


def test_a_clerk_gives_an_auftrag_back_and_what_cannot_be_is_refused() -> None:
    held = "{um: 2026-11-10 10:00, ja: {von: Anna, zu: KARTE}}"
    text = after(
        held,
        "{um: 2026-11-10 11:00, sachbearbeitung: {zu: KARTE, von: Anna, tut: an_person}, erwartet: "
        "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: bei_person}]}",
    )
    assert told(text) == ""
    refused = after(held, "{um: 2026-11-10 11:00, behoerde: {zu: KARTE, von: Anna, antwort: entschieden}}")
    assert "behoerde KARTE" in told(refused)
    assert "geht nicht: held cannot become decided" in told(refused)


def test_a_register_that_says_something_else_from_now_on_is_asked_only_once() -> None:
    text = after(
        "{am: 2026-11-20, register: {person: Ben, register: MELDEREGISTER, angaben: {kind.im_haushalt: ja}}}",
        "{am: 2026-11-20, bearbeitung: ja, erwartet: [], nachrichten: []}",
    )
    assert told(text) == ""


def test_two_sign_and_the_second_is_written_to() -> None:
    book = rules(
        geld(
            unterzeichner=("elternteil", "zweiter_elternteil"),
            ohne_zweite="warten",
            form=("nutzerkonto_substantiell",),
            versand="selbst",
            versand_ab={2: "behoerde"},
        ),
        karte(),
    )
    signed = "{leistung: GELD, ergebnis: auftrag, an: Anna, wie: %s, stand: %s}"
    first = (
        "{um: 2026-11-10 10:00, ja: {von: Anna, zu: GELD, vertrauen: V2}, nachrichten: [{an: Ben, kanal: brief}], "
        f"erwartet: [{signed % ('bestaetigt', 'wartet_auf_unterschrift')}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: geschlossen}]}"
    )
    both = after(
        first,
        "{um: 2026-11-11 10:00, unterschrift: {von: Ben, zu: GELD, vertrauen: V2}, "
        f"erwartet: [{signed % ('weiter', 'gesendet')}]}}",
    )
    assert told(both, book) == ""
    alone = after(
        first,
        f"{{am: 2027-03-02, nachrichten: [{{an: [Anna, Ben], kanal: brief}}, {{an: Anna, kanal: brief}}], "
        f"erwartet: [{signed % ('weiter', 'bei_person')}, "
        "{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: verfallen}]}",
    )
    assert told(alone, book) == ""
    nobody = after("{um: 2026-11-11 10:00, unterschrift: {von: Ben, zu: GELD}}")
    assert "geht nicht: nothing waits for this signature" in told(nobody, book)


def test_what_a_person_may_not_do_is_refused_as_the_house_would() -> None:
    too_low = told(after("{am: 2026-11-10, ja: {von: Anna, zu: GELD, vertrauen: V0}}"))
    assert "geht nicht: this person cannot prove themselves here" in too_low
    unknown = told(after("{am: 2026-11-10, ja: {von: Mia, zu: GELD}}"))
    assert "geht nicht: this person cannot prove themselves here" in unknown
    late = after(
        "{am: 2027-02-01, ja: {von: Anna, zu: GELD}, nachrichten: [{an: [Anna, Ben], kanal: brief}], erwartet: "
        "[{leistung: [GELD, KARTE], ergebnis: auftrag, an: Anna, wie: verfallen}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: verfallen}]}"
    )
    assert "ja GELD" in told(late)
    assert "geht nicht" in told(late)


def test_a_note_of_protection_comes_later_and_stops_only_what_is_told() -> None:
    text = after(
        "{am: 2026-11-10, schutzvermerk: {person: Anna, art: '51'}, protokoll: V06, erwartet: [], nachrichten: []}",
        "{am: 2026-11-11, berichtigung: {von: geburt, statt: {kind: {vornamen: Mja}}}}",
        "{am: 2026-11-11, bearbeitung: ja, nachrichten: [{an: Ben, kanal: brief}], erwartet: "
        "[{leistung: GELD, ergebnis: auftrag, an: Anna, wie: geaendert, sperrvermerk: ja, sichtbar_ab: V3, "
        "fristen: [{gesetzlich: 2027-03-01, sicher_bis: 2027-02-26}]}, "
        "{leistung: GELD, ergebnis: auftrag, an: Ben, wie: geaendert, "
        "fristen: [{gesetzlich: 2027-03-01, sicher_bis: 2027-02-26}]}, "
        "{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: zurueckgerufen}]}",
    )
    assert told(text) == ""
