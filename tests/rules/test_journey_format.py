"""What an author of journeys hears: every mistake at its place, with what is allowed and what was probably meant."""

from pathlib import Path

import pytest

from proaktiv.rulebook.journeys import read_journey
from proaktiv.rulebook.load import RuleFileError, parse
from tests.rules.journeys_building import CASE, CATALOGUE, but, read


def test_a_case_without_a_mistake_is_read() -> None:
    journey, problems = read()
    assert problems == []
    assert journey is not None
    assert (journey.name, len(journey.steps), journey.waits) == ("Probe", 3, ())


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("fall: Probe", "fal: Probe", "fal:", "'fal' is not known here; allowed: fall, personen, verlauf"),
        ("fall: Probe", "name: Probe", "name:", "'name' is not known here"),
        ('ars: "990010000000"}', 'ars: "99001"}', '"99001"', "twelve digits"),
        ('{"99001": Geldstelle', "{Muster: Geldstelle", "Muster:", "is no beginning of an ARS"),
        ("wohnung: hier, register", "wohnung: hir, register", "hir,", "'hir' is not allowed here; allowed: hier, dort"),
        ("geboren: 1994-03-08", "geboren: 08.03.1994", "08.03.1994", "is no date; write it as 2026-10-31"),
        ("geboren: 1994-03-08, ", "", "{wohnung: hier, register", "'geboren' is missing"),
        ("{kind.im_haushalt: ja}", "{kind.im_haushalt: jo}", "jo}", "'jo' is not allowed here; allowed: ja, nein"),
        ("{kind.im_haushalt: ja}", "{kind.im_haushald: ja}", "kind.im_haushald", "did you mean 'kind.im_haushalt'?"),
        (
            "Ben: {geboren: 1992-01-20, wohnung: hier}",
            'Ben: {geboren: 1992-01-20, sperre: "53"}',
            '"53"',
            "allowed: 51, 52",
        ),
        (
            "von: [Anna, Ben], zu",
            "von: [Anna, Bin], zu",
            "Bin]",
            "'Bin' is no person of this case; known here: Anna, Ben, Mia",
        ),
        ("von: [Anna, Ben], zu", "von: [Anna, Beno], zu", "Beno]", "did you mean 'Ben'?"),
        ("E-GEB,", "E-GEP,", "E-GEP,", "did you mean 'E-GEB'?"),
        ("einwilligung:", "einwilligungen:", "einwilligungen:", "did you mean 'einwilligung'?"),
        ("  - am: 2026-09-01\n    ein", "  - ein", "einwilligung:", "'am' (a day) or 'um' (day and time) is missing"),
        ("am: 2026-11-02", "um: 2026-11-02 8 Uhr", "2026-11-02 8 Uhr", "is no date"),
        ("am: 2026-11-02", "um: 2026-11-02 25:00", "2026-11-02 25:00", "is no moment; write it as 2026-11-11 17:30"),
        ("am: 2026-11-03", "am: 2026-10-03", "am: 2026-10-03", "this lies before the step above (2026-11-02 08:00)"),
        (
            "    als: geburt\n",
            "    als: geburt\n    storno: {von: geburt}\n",
            "geburt:\n      kind",
            "one step, one happening",
        ),
        (
            "    bearbeitung: ja\n",
            "    bearbeitung: ja\n    als: x\n",
            "x\n",
            "'als' belongs to what a register reports",
        ),
        ("    bearbeitung: ja\n", "    bearbeitung: heute\n", "heute\n", "'heute' is not allowed here; allowed: ja"),
        ("rolle: mutter", "rolle: Mutter", "Mutter,", "did you mean 'mutter'?"),
        (
            "sorge: gemeinsam}\n        - {person: Ben",
            "sorge: halb}\n        - {person: Ben",
            "halb}",
            "allowed: allein, gemeinsam",
        ),
        ("- {person: Ben,", "- {persn: Ben,", "persn:", "did you mean 'person'?"),
        ("ergebnis: auftrag\n", "ergebnis: antrag\n", "antrag\n", "did you mean 'auftrag'?"),
        ("ergebnis: auftrag\n        an: [Anna, Ben]\n", "ergebnis: auftrag\n", "leistung: GELD", "'an' is missing"),
        ("an: Anna, buendel", "an: Jugendamt, buendel", "Jugendamt, buendel", "is nobody of this case"),
        ("typ: ohne_verlust", "typ: verlust", "verlust,", "is not allowed here; allowed: pflicht"),
        ("massgeblich: eingang_zu", "massgeblich: eingang_bei_zu", "eingang_bei_zu", "did you mean"),
        ("gesetzlich: 2027-03-01", "gesetzlich: 2027-02-29", "2027-02-29", "is no date"),
        ("gesetzlich: 2027-03-01", "gesetzl: 2027-03-01", "gesetzl:", "did you mean 'gesetzlich'?"),
        ("kanal: brief", "kanal: telefon", "telefon", "allowed: brief, email, app"),
        ("    bearbeitung: ja\n", "    bearbeitung: ja\n    protokoll: V16\n", "V16", "'V16' is not allowed here"),
        ("text_nicht: Glückwunsch", "stand: offn", "offn", "did you mean 'offen'?"),
        ("text_nicht: Glückwunsch", "wie: neue", "neue", "did you mean 'neu'?"),
        ("text_nicht: Glückwunsch", "fuer: Mira", "Mira", "'Mira' is no person of this case"),
        ("text_nicht: Glückwunsch", "fristen: []", "fristen: []\n      - {", "'fristen' stands here twice"),
        ("- {text: Glückwunsch}", "- {notiz: nichts}", "{notiz", "this forbids nothing"),
        (
            "- {text: Glückwunsch}",
            "- {leistung: KARTEN}",
            "KARTEN",
            "there is no Leistung 'KARTEN'; did you mean 'KARTE'?",
        ),
        ("- {text: Glückwunsch}", "- {nachricht: post}", "post", "allowed: jede, brief, email, app"),
        ("fristen:\n", "fristen: offen\n", "offen", "leave 'fristen' out"),
        ("  jugendamt:", "  jugentamt:", "jugentamt", "is no kind of office in _katalog/stellen.yaml; allowed: abfall"),
        ("  jugendamt:", "  jugentamt:", "jugentamt", "did you mean 'jugendamt'?"),
        ("  jugendamt:", "  rathaus:", "rathaus", "'rathaus' is no kind of office in _katalog/stellen.yaml"),
        ("am: 2026-11-02", "am: 2026-11-31", "2026-11-31", "is no date; 2026-11 has 30 days"),
        ("am: 2026-11-02", "am: Di 2026-11-02", "Di 2026-11-02", "is a Mo; write it without the day of the week"),
        ("am: 2026-11-02", "am: 02.11.2026", "02.11.2026", "did you mean 2026-11-02?"),
        ("am: 2026-11-02", "um: 2026-11-02T17.30", "2026-11-02T17.30", "did you mean 2026-11-02 17:30?"),
        ("am: 2026-11-02", "um: 8:00 Uhr", "8:00 Uhr", "says no day; write it as 2026-11-11 17:30"),
        ("am: 2026-11-02", "am: 2026-11-02\n    um: 2026-11-02 09:00", "2026-11-02\n    um", "not both"),
        ("MELDEREGISTER:", "MELDEREGSTER:", "MELDEREGSTER", "is no register; known: AZR, BZST"),
        ("MELDEREGISTER:", "STEUERAMT:", "kind.im_haushalt", "stands in the register MELDEREGISTER, not in STEUERAMT"),
        ("{MELDEREGISTER: {kind.im_haushalt: ja}}", "{kind.im_haushalt: ja}", "kind.im_haushalt", "is a fact; its reg"),
        ("leistung: KARTE, ergebnis", "leistung: Karte, ergebnis", "Karte, ergebnis", "did you mean 'KARTE'?"),
        ("leistung: KARTE, ergebnis", "leistung: KARTEN, ergebnis", "KARTEN, erg", "there is no Leistung 'KARTEN'"),
        (
            "- {text: Glückwunsch}",
            "- {feld: kind.vornamn}",
            "kind.vornamn",
            "so this forbids nothing; did you mean 'kind.v",
        ),
        (
            "- {text: Glückwunsch}",
            "- {behoerde: Geldstele Musterstadt}",
            "Geldstele",
            "did you mean 'Geldstelle Musters",
        ),
        ("- {text: Glückwunsch}", "- {nachschlagen: MELDEREGISTR}", "MELDEREGISTR}", "did you mean 'MELDEREGISTER'?"),
        (
            "zu: [E-GEB, K-POST, P-MELD]",
            "zu: E-GEB und K-POST",
            "E-GEB und",
            "several stand in a list: [E-GEB, K-POST]",
        ),
        ("nachrichten: [{an: [Anna, Ben], kanal: brief}]", "nachrichten: keine", "keine", "write [] for none"),
        (
            "      kind: Mia\n",
            "      kind: Mia\n      schutz: {totgeborn: ja}\n",
            "totgeborn",
            "did you mean 'totgeboren'?",
        ),
        ('      ars: "990010000000"\n', '      ars: "99001"\n', '"99001"\n', "Ars must be twelve digits"),
        ("text: Geld", "texte: Geld", "texte", "did you mean 'text'?"),
    ],
)
def test_a_mistake_is_told_at_its_place(old: str, new: str, at: str, message: str) -> None:
    text = but((old, new))
    if new == "fristen: offen\n":
        cut = text.index("          - {typ: ohne_verlust")
        text = text[:cut] + text[text.index("\n", cut) + 1 :]
    before = text[: text.index(at)]
    place = f"probe.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
    try:
        journey, problems = read(text)
    except RuleFileError as error:
        journey, problems = None, [str(error).replace("x:", "probe.yaml:", 1)]
    assert journey is None
    assert any(each.startswith(place) and message in each for each in problems), (place, problems)


def test_all_mistakes_are_told_at_once() -> None:
    _, problems = read(but(("E-GEB", "E-GIB"), ("rolle: mutter", "rolle: vater"), ("kanal: brief", "kanal: taube")))
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("widerruf: {von: Anna}", "say either 'zu' (consents) or 'auftrag' (one Leistung), not both"),
        ("widerruf: {von: Anna, zu: E-GEB, auftrag: GELD}", "say either 'zu'"),
        ("storno: {von: umzug}", "'umzug' names no report above; give it a name with 'als'"),
        ("wiederholung: {von: geburd}", "did you mean 'geburt'?"),
        ("ja: {von: Anna}", "'zu' is missing"),
        ("ja: {von: Anna, zu: GELD, vertrauen: V4}", "allowed: V0, V1, V2, V3"),
        ("behoerde: {zu: GELD, von: Anna, antwort: fertig}", "allowed: angenommen, quittiert"),
        ("sachbearbeitung: {zu: GELD, von: Anna, tut: nichts}", "allowed: erledigt"),
        ("druckstrasse: nein", "allowed: laeuft, steht"),
        ("versand: morgen", "allowed: laeuft, steht"),
        ("umzug: {personen: Anna, nach: irgendwo, einzug: 2026-12-01}", "'irgendwo' is not allowed here"),
        ("schutzvermerk: {person: Anna, art: '53'}", "allowed: 51, 52, 64, adoption, sorge"),
        ("register: {person: Anna, register: X, angaben: [ja]}", "here must stand facts by name"),
        ("bestand: [{leistung: GELD}]", "'an' is missing"),
        ("berichtigung: {von: geburt, statt: nichts}", "here must stand named values"),
        ("meldung: {personen: Anna}", "'art' is missing"),
        ("antwort: {von: Anna, angaben: {paar.verheiratet: vielleicht}}", ""),
    ],
)
def test_a_mistake_in_what_happens_is_told(step: str, message: str) -> None:
    _, problems = read(but(("nie:\n", f"  - {{am: 2026-12-01, {step}}}\nnie:\n")))
    assert bool(problems) == bool(message)
    assert not message or any(message in each for each in problems), problems


def test_a_fact_that_is_still_to_be_written_waits_by_name() -> None:
    journey, problems = read(but(("{kind.im_haushalt: ja}", "{kind.im_haushalt: ja, elternteil.liest_gern: ja}")))
    assert problems == []
    assert journey is not None
    assert journey.waits == ("Fakt elternteil.liest_gern",)


@pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "fall: !!python/object:os.system x\n", "fall: a\nfall: b\n"])
def test_anchors_tags_and_double_names_are_refused(text: str) -> None:
    with pytest.raises(RuleFileError):
        parse(text.encode(), "probe.yaml")


def test_what_a_folder_shares_is_read_beside_the_case_and_its_mistakes_are_told(tmp_path: Path) -> None:
    case = tmp_path / "probe.yaml"
    case.write_text(but(('  elterngeldstelle: {"99001": Geldstelle Musterstadt}\n', "")), "utf-8")
    (tmp_path / "_umgebung.yaml").write_text('zustaendig: {elterngeldstelle: {"99": Geldstelle}}\n', "utf-8")
    journey, problems = read_journey(case, "probe.yaml", CATALOGUE, {"GELD", "KARTE"})
    assert problems == ()
    assert journey is not None
    assert journey.competences["elterngeldstelle"] == {"99": "Geldstelle"}
    assert journey.competences["jugendamt"] == {"": "Jugendamt"}
    (tmp_path / "_umgebung.yaml").write_text("zustaendig: [nichts]\n", "utf-8")
    journey, problems = read_journey(case, "probe.yaml", CATALOGUE, {"GELD", "KARTE"})
    assert journey is None
    assert [(each.file, each.line) for each in problems] == [("_umgebung.yaml", 1)]


def test_an_empty_course_is_told() -> None:
    cut = CASE[: CASE.index("verlauf:")]
    _, problems = read(cut + "verlauf: []\n")
    assert any("a case needs at least one step" in each for each in problems)


def test_a_register_that_nobody_knows_yet_may_be_named() -> None:
    for old, new in (
        ("{kind.im_haushalt: ja}}", "{kind.im_haushalt: ja}, WALDBESITZ: {}}"),
        ("- {text: Glückwunsch}", "- {nachschlagen: WALDBESITZ}"),
    ):
        journey, problems = read(but((old, new)))
        assert (problems, journey.waits if journey else None) == ([], ())


def test_a_date_that_cannot_be_read_is_one_mistake_not_two() -> None:
    _, problems = read(but(("am: 2026-11-02", "am: morgen")))
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("{kind: {vorname: Ina}}", "'vorname' is not known here; allowed: vornamen, familienname, geburtsdatum"),
        ("{kind: {geburtsdatum: 31.10.2026}}", "did you mean 2026-10-31?"),
        ("{kind: {lebt: vielleicht}}", "'vielleicht' is not allowed here; allowed: ja, nein"),
    ],
)
def test_a_correction_of_what_no_child_has_is_told(changes: str, message: str) -> None:
    step = f"  - {{am: 2026-12-01, berichtigung: {{von: geburt, statt: {changes}}}}}\nnie:\n"
    _, problems = read(but(("nie:\n", step)))
    assert any(message in each for each in problems), problems
