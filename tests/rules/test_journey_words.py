"""Every word that an author writes is looked at: none stands in a case and does nothing. Each has its red control."""

import pytest

from tests.rules.journeys_building import TEXTS, after, born_on, but, outcome, read, rules, told

# a step without ``erwartet`` ------------------------------------------------------------------------------------------

_DIES = "{am: 2026-11-11, sterbefall: {person: Mia, am: 2026-11-10}, WORD}"
_GONE = "{leistung: [GELD, KARTE], ergebnis: rueckruf, an: Anna}, {leistung: GELD, ergebnis: rueckruf, an: Ben}"
_LOOK = f"{{am: 2026-11-11, erwartet: [{_GONE}]}}"


def test_the_log_is_looked_at_also_where_nothing_else_is() -> None:
    assert told(after(_DIES.replace("WORD", "protokoll: V02"), _LOOK)) == ""
    said = told(after(_DIES.replace("WORD", "protokoll: V14"), _LOOK))
    assert "protokoll\n      - erwartet: V14\n      + ist:      V02" in said


def test_what_the_log_said_was_looked_at_once() -> None:
    again = "{am: 2026-11-12, protokoll: []}"
    assert told(after(_DIES.replace("WORD", "protokoll: V02"), _LOOK, again)) == ""


def test_messages_are_looked_at_also_where_nothing_else_is() -> None:
    assert told(after(_DIES.replace("WORD", "nachrichten: []"), _LOOK)) == ""
    said = told(after(_DIES.replace("WORD", "nachrichten: [{an: Ben, kanal: brief}]"), _LOOK))
    assert "nachrichten\n      - erwartet: brief an Ben: gesendet\n      + ist:      nichts" in said


# messages -------------------------------------------------------------------------------------------------------------

_PRINT = (
    "  - am: 2026-11-03\n    bearbeitung: ja\n",
    (
        "  - {am: 2026-11-03, druckstrasse: steht}\n  - {am: 2026-11-03, bearbeitung: ja}\n"
        "  - am: 2026-11-03\n    druckstrasse: laeuft\n"
    ),
)


def test_a_letter_that_waited_and_went_between_two_looks_is_one_letter() -> None:
    assert told(but(_PRINT)) == ""


def test_a_message_too_many_says_which_occasion_it_was_about() -> None:
    said = told(but(("[{an: [Anna, Ben], kanal: brief}]", "[]")))
    assert "brief an Anna: gesendet (Anlass geburt 1/geburt)" in said


# what the house refuses -----------------------------------------------------------------------------------------------

_YES = (
    "{um: 2026-11-10 10:00, ja: {von: Anna, zu: KARTE, vertrauen: V2}, erwartet: "
    "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: gesendet}]}"
)


def test_a_case_may_say_that_the_house_refuses_something() -> None:
    late = "{um: 2026-11-10 11:00, zurueck: {von: Anna, zu: KARTE}, geht: GEHT, erwartet: []}"
    assert told(after(_YES, late.replace("GEHT", "nein"))) == ""
    assert "geht nicht: it can no longer be taken back" in told(after(_YES, late.replace("GEHT", "ja")))


def test_what_should_be_refused_and_is_not_fails_the_case() -> None:
    said = told(after(_YES.replace(", erwartet", ", geht: nein, erwartet")))
    assert "ja KARTE\n      - erwartet: geht nicht\n      + ist:      geht" in said


def test_only_what_somebody_does_can_be_refused() -> None:
    _, problems = read(but(("    bearbeitung: ja\n", "    bearbeitung: ja\n    geht: nein\n")))
    assert problems == ["probe.yaml:26:11: 'geht: nein' belongs to what somebody does"]


def test_a_step_that_waits_and_works_already_fails_the_case() -> None:
    said = told(after(_YES.replace(", erwartet", ", wartet_auf: Nutzerkonto, erwartet")))
    assert "wartet_auf\n      - erwartet: Nutzerkonto\n      + ist:      ist erfüllt" in said
    taken = but(("    als: geburt\n", "    als: geburt\n    wartet_auf: Geburtsmitteilung\n"))
    assert "ist erfüllt; nehmen Sie die Zeile heraus" in told(taken)


# words in what is shown -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "there"),
    [("175.000 Euro", True), ("75.000 Euro", False), ("5.000 Euro", False), ("175.000", True), ("175", False)],
)
def test_an_amount_is_there_only_as_a_whole(amount: str, there: bool) -> None:
    book = rules(texts=TEXTS | {"GELD.grund": "Bis 175.000 Euro, sagt das Gesetz."})
    verdict = outcome(but(("text: Geld für Mia", f"betraege: {amount}")), book).verdict
    assert verdict == ("passed" if there else "failed")


def test_a_day_that_must_not_be_is_found_in_a_sentence_and_in_a_field() -> None:
    book = rules(texts=TEXTS | {"GELD.grund": "Spätestens am 28.02.2027."})
    forbids = but(("{text: Glückwunsch}", "{datum: 2027-02-28}"))
    assert outcome(forbids, book).verdict == "failed"
    assert outcome(forbids).verdict == "passed"


def test_a_day_in_a_field_may_be_written_either_way() -> None:
    for day, verdict in (("2026-10-31", "passed"), ("31.10.2026", "passed"), ("2026-10-30", "failed")):
        text = but(("felder: {kind/vornamen: Mia}", f"felder: {{kind/geburtsdatum: {day}}}"))
        assert outcome(text, rules(*born_on())).verdict == verdict


# § 52 BMG, and others than the person ---------------------------------------------------------------------------------

_LATE_YES = (
    "{um: 2026-11-10 10:00, ja: {von: Anna, zu: KARTE}, erwartet: "
    "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: bestaetigt, stand: ruecknehmbar}]}"
)


def test_what_is_not_sent_under_a_conditional_lock_is_a_clerks_matter() -> None:
    locked = '{um: 2026-11-10 12:00, schutzvermerk: {person: Anna, art: "52"}, protokoll: V07, erwartet: []}'
    task = "{leistung: KARTE, ergebnis: manuell, aufgabe: auftrag.protected}"
    assert told(after(_LATE_YES, locked, f"{{am: 2026-11-13, erwartet: [{task}]}}")) == ""
    sent = "{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: weiter, stand: gesendet}"
    plain = locked.replace('"52"', '"51"').replace("V07", "V06")
    assert told(after(_LATE_YES, plain, f"{{am: 2026-11-13, erwartet: [{sent}]}}")) == ""


def test_a_letter_that_a_conditional_lock_forbids_is_a_clerks_matter_without_a_leistung() -> None:
    stopped = (
        "  - am: 2026-11-03\n    bearbeitung: ja\n    nachrichten: [{an: [Anna, Ben], kanal: brief}]\n",
        (
            "  - {am: 2026-11-03, druckstrasse: steht}\n  - am: 2026-11-03\n    bearbeitung: ja\n"
            "    nachrichten: [{an: [Anna, Ben], kanal: brief, stand: wartet}]\n"
        ),
    )
    steps = (
        '  - {am: 2026-11-04, schutzvermerk: {person: Anna, art: "52"}, erwartet: []}\n'
        "  - {am: 2026-11-05, druckstrasse: laeuft, nachrichten: [{an: Anna, kanal: brief, stand: abgebrochen}, "
        "{an: Ben, kanal: brief}], erwartet: [{ergebnis: manuell, aufgabe: bundle.protected}]}\n"
    )
    assert told(but(stopped).replace("nie:\n", f"{steps}nie:\n")) == ""


def test_only_a_task_may_be_without_a_leistung() -> None:
    _, problems = read(but(("{leistung: KARTE, ergebnis", "{ergebnis")))
    assert "'leistung' is missing" in problems[0]


def test_the_behoerde_answers_also_after_the_person_has_died() -> None:
    text = after(
        _YES,
        "{am: 2026-11-11, sterbefall: {person: Anna, am: 2026-11-10}, erwartet: "
        "[{leistung: GELD, ergebnis: rueckruf, an: Anna}, "
        "{leistung: KARTE, ergebnis: manuell, aufgabe: auftrag.recall_by_hand}, "
        "{ergebnis: manuell, aufgabe: birth.mother_died}]}",
        "{am: 2026-11-12, behoerde: {zu: KARTE, von: Anna, antwort: quittiert}, erwartet: "
        "[{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: weiter, stand: quittiert}]}",
    )
    assert told(text) == ""


def test_somebody_without_such_an_item_is_named() -> None:
    assert "geht nicht: Ben hat hier kein KARTE" in told(after("{am: 2026-11-10, nein: {von: Ben, zu: KARTE}}"))


def test_which_report_an_act_is_about_can_be_said() -> None:
    about = _LATE_YES.replace("zu: KARTE}, erw", "zu: KARTE, anlass: geburt}, erw")
    late = "{am: 2026-11-13, erwartet: [{leistung: KARTE, ergebnis: auftrag, an: Anna, wie: weiter, stand: gesendet}]}"
    assert told(after(about, late)) == ""
    _, problems = read(after(about.replace("anlass: geburt", "anlass: umzug")))
    assert "names no report above" in problems[0]
