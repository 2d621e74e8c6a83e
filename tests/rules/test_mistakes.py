"""What a rule author hears: the exact place, what is allowed, and never a suggestion of the opposite."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from proaktiv.core.conditions import leaves
from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.suggest import opposite, suggestion

OPERATORS = ["ist", "einer_von", "maximal", "mindestens", "weniger_als", "mehr_als", "bis", "ab"]
KITA = "geburt/leistungen/kita-platz.yaml"
URKUNDE = "geburt/leistungen/geburtsurkunde.yaml"
ELTERNGELD = "geburt/leistungen/elterngeld.yaml"
PARKEN = "umzug/leistungen/bewohnerparkausweis.yaml"
FLOWS = "geburt/lebenslage.yaml"
MOVING = "umzug/lebenslage.yaml"
GRENZEN = "geburt/parameter.yaml"
FAKTEN = "_katalog/fakten.yaml"
SCHUTZ = "_katalog/schutz.yaml"
DE, EN, LS = (f"geburt/texte/{language}.yaml" for language in ("de", "en", "ls"))


class Spoiled:
    """A copy of the rules in which one mistake after the other is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def replace(self, file: str, old: str, new: str) -> list[str]:
        """Replace the first ``old`` and return what ``check`` finds."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text, f"the test wants to replace what is not there: {old}"
        path.write_text(text.replace(old, new, 1), "utf-8")
        return [str(problem) for problem in check(self.folder)[1]]

    def place(self, file: str, token: str) -> str:
        """Return file, line and column of the one ``token`` in the file, counted without the loader; or its start."""
        text = (self.folder / file).read_text("utf-8")
        assert not token or text.count(token) == 1, f"{token!r} must stand once in {file}"
        before = text[: text.index(token)] if token else ""
        return f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


@pytest.fixture
def spoil(tmp_path: Path) -> Spoiled:
    shutil.copytree(rules_folder(), tmp_path / "rules")
    return Spoiled(tmp_path / "rules")


def test_the_rules_of_this_checkout_have_no_mistake() -> None:
    compiled, problems = check(rules_folder())
    assert [str(problem) for problem in problems] == []
    assert [one.name for one in compiled] == ["anmeldung", "erreichbarkeit", "geburt", "konto", "umzug"]


LEBT = "das: kind.lebt, ist: ja,"  # the first condition of each Leistung
SORGE = "{das: elternteil.sorge"

MISTAKES = [
    # file, what stands there, what the author writes, the place that is reported, what is said
    (KITA, LEBT, "das: kind.lebtt, ist: ja,", "kind.lebtt", "the fact 'kind.lebtt' is not in"),
    (KITA, LEBT, "das: kind.lebtt, ist: ja,", "kind.lebtt", "did you mean 'kind.lebt'?"),
    (KITA, LEBT, "das: person.kennung, ist: x,", "person.kennung", "is not known in geburt; it is known in: umzug"),
    (KITA, LEBT, "das: kind.lebt, ist: 1,", "1, norm", "'1' is not allowed here; allowed: ja, nein"),
    (KITA, LEBT, "das: kind.lebt, ist: true,", "true", "did you mean 'ja'?"),
    (KITA, LEBT, "das: kind.lebt, gleich: ja,", "gleich", "did you mean 'ist'?"),
    (
        KITA,
        LEBT,
        "das: kind.lebt, maximal: 3,",
        "maximal",
        "does not fit kind.lebt, which is of typ janein; allowed: ist",
    ),
    (KITA, LEBT, "das: kind.lebt, ist: ja, ist: nein,", "ist: nein", "'ist' stands here twice"),
    (KITA, LEBT, "das: elternteil.wohnort_ars, ist: 99001000000,", "99001000000,", "Ars must be twelve digits"),
    (KITA, LEBT, "das: kind.lebt,", "{das: kind.lebt,", "a comparison has exactly one of: ist, einer_von"),
    (KITA, "[allein, gemeinsam]", "[allein, gemeinsm]", "gemeinsm", "did you mean 'gemeinsam'?"),
    (KITA, "[allein, gemeinsam]", "[allein]", "[allein]", "'einer_von' needs a list of at least two"),
    (KITA, ", norm: § 24 SGB VIII}", "}", SORGE, "'norm' is missing"),
    (KITA, "  alle:", "  und:", "und:\n", "did you mean 'alle'?"),
    (KITA, "lebensjahr: 15", "lebensjahre: 15", "lebensjahre", "did you mean 'lebensjahr'?"),
    (KITA, "lebensjahr: 15", "lebensjahr: 15.0", "15.0", "'15.0' is no whole number; write digits only"),
    (KITA, "lebensjahr: 15", "lebensjahr: 1500", "1500", "1500 is out of range; allowed: 0 to 999"),
    (KITA, "von: elternteil.geburtsdatum", "von: elternteil.rolle", "elternteil.rolle", "elternteil.rolle is no date"),
    (
        KITA,
        "typ: rueckwaerts",
        "typ: unverzueglich",
        "name: anmeldung_kita",
        "a Frist of typ unverzueglich has no date",
    ),
    (
        KITA,
        "    quelle: Landesrecht oder Satzung (kita.csv)\n",
        "",
        "name: anmeldung_kita",
        "needs its 'norm' or its 'quelle'",
    ),
    (KITA, "geprueft_bis: 2027-04-30", "geprueft_bis: 30.04.2027", "30.04.2027", "is no date; write it as 2026-10-31"),
    (KITA, "geprueft_bis: 2027-04-30", "geprueft_bis: 2027-02-30", "2027-02-30", "'2027-02-30' is no date"),
    (KITA, "min_vertrauen: V1", "min_vertrauen: niedrig", "niedrig", "allowed: V0, V1, V2, V3"),
    (KITA, "art: jugendamt", "art: jugentamt", "jugentamt", "did you mean 'jugendamt'?"),
    (
        KITA,
        "nach: elternteil.wohnort_ars",
        "nach: elternteil.anschrift",
        "",
        "'stelle: nach' must be a fact of typ ars",
    ),
    (KITA, "versand: behoerde\n", "", "", "'versand' is missing"),
    (KITA, "norm: § 36 SGB I}", "norm: §§ 24, 86 SGB I}", "86 SGB I}", "put the whole value in quotes"),
    (KITA, "leistung: KITA-PLATZ", "leistung: Kita", "Kita\n", "'Kita' is no id of a Leistung"),
    (URKUNDE, '"99027002012000"', '"9902700201200"', '"9902700201200"', "LeikaKey must be fourteen digits"),
    (URKUNDE, "aus: kind.geburtsort", "aus: heute", "{ziel: kind/geburtsort", "cannot be filled with today's date"),
    (FLOWS, "- fluss: watch", "- fluss: wach", "wach\n", "'wach' is no flow; allowed: watch, match"),
    (FLOWS, "    norm: § 37 Abs. 1 BMG\n", "", "fluss: watch", "'norm' is missing"),
    (
        FLOWS,
        "grundlage: public_task",
        "grundlage: wichtig",
        "wichtig",
        "'wichtig' is not allowed here; allowed: consent",
    ),
    (FLOWS, "fluss: propose/LETTER", "fluss: propose/PUSH", "", "the flow 'propose/LETTER' is missing"),
    (
        FLOWS,
        "fluss: transmit/KITA-PLATZ",
        "fluss: transmit/KITA",
        "fluss: transmit/KITA",
        "there is no Leistung 'KITA'",
    ),
    (FLOWS, "[kind.im_haushalt]", "[kind.lebt]", "fluss: prefill", "not from the register MELDEREGISTER: kind.lebt"),
    (DE, "{fristen.anmeldung_kita}", "{fristen.x}", "Melden Sie", "nothing fills the placeholder {fristen.x}"),
    (
        DE,
        "{kind.geburtsort}",
        "{kind.im_haushalt}",
        "Wir schlagen das vor, weil {kind.vornamen} am {kind.geburtsdatum} in",
        "nothing fills the placeholder {kind.im_haushalt}",
    ),
    (LS, "  titel: Kita-Platz\n", "", "", "the text 'KITA-PLATZ: titel' is missing"),
    (EN, "Day-care", "259 EUR day-care", "259", "the number '259' stands bare in a text"),
    (EN, "Birth certificate for {kind.vornamen}", "Birth certificate for {kind.vornamen", "Birth cert", "a single {"),
    (EN, "KITA-PLATZ:", "KITA:", "Day-care", "there is no Leistung 'KITA'"),
    (
        FAKTEN,
        "kind.lebt: {typ: janein",
        "kind.lebt: {typ: wahr",
        "wahr",
        "'wahr' is not allowed here; allowed: text, code",
    ),
    (
        FAKTEN,
        "werte: [mutter, zweiter_elternteil], ",
        "",
        "{typ: code, quelle: ereignis, lebenslagen: [geburt], beschriftung: {de: Ihre Stellung",
        "a fact of typ code needs 'werte'",
    ),
    (
        KITA,
        "    - {das: heute, ab: {tage: 1, von: {lebensjahr: 15, von: elternteil.geburtsdatum}}, norm: § 36 SGB I}\n",
        "",
        "",
        "nothing says from which age somebody can do this; compare 'heute' with elternteil.geburtsdatum (V11)",
    ),
    # parameters, derived facts, declarations, Fassungen
    (GRENZEN, "wert: 175000,", "wert: 175.000,", "175.000,", "it could be 175 or 175000: write 175000"),
    (
        ELTERNGELD,
        "{parameter: einkommensgrenze}",
        "{parameter: einkommensgrenzen}",
        "einkommensgrenzen",
        "there is no parameter 'einkommensgrenzen' in parameter.yaml or _katalog/parameter; did you mean 'einkommensgr",
    ),
    (ELTERNGELD, "{parameter: wochenstunden_max}", "32 Stunden", "32 Stunden", "is no whole number; write digits only"),
    (
        ELTERNGELD,
        "{parameter: wochenstunden_max}",
        "{parameter: einkommensgrenze  }",
        "einkommensgrenze  }",
        "the parameter 'einkommensgrenze' is of typ betrag, elternteil.wochenstunden of typ zahl",
    ),
    (
        ELTERNGELD,
        "wochenstunden, maximal:",
        "wochenstunden, hoechstens:",
        "hoechstens",
        "did you mean 'maximal'?",
    ),
    (
        ELTERNGELD,
        "gilt: {schluessel: kind.geburtsdatum, ab: 2021-09-01}",
        "gilt: {schluessel: kind.geburtsdatum, ab: 2021-08-01}",
        "{das: elternteil.wochenstunden, maximal",
        "the parameter 'wochenstunden_max' begins on 2021-09-01, the rule on 2021-08-01: between them",
    ),
    (
        ELTERNGELD,
        "  - {das: paar.zve_vorjahr, wert: 0,",
        "  - {das: kind.lebt, wert: ja,",
        "kind.lebt, wert",
        "only what the person or a register says can be declared (quelle: person or register)",
    ),
    (
        KITA,
        "    wenn: {das: kind.wohnt_bei_elternteil, ist: ja, norm: § 17 Abs. 3 BMG}\n",
        "",
        "das: kind.im_haushalt\n    wert",
        "kind.im_haushalt is the register's to say; 'wenn' must name what speaks for it where that is silent",
    ),
    (
        ELTERNGELD,
        "{lebensmonat: 14, von: kind.geburtsdatum}",
        "{lebensmonat: 14, von: heute}",
        "heute}",
        "count from a fact, not from today",
    ),
    (ELTERNGELD, "version: 2", "version: 2\nnach: [KINDERGARTEN]", "", "there is no Leistung 'KINDERGARTEN' in this"),
    (
        KITA,
        "gilt: {schluessel: kind.geburtsdatum, ab",
        "gilt: {schluessel: {lebensjahr: 1, von: kind.geburtsdatum}, ab",
        "{lebensjahr: 1, von: kind.geburtsdatum}, ab",
        "'gilt' goes by a fact as it is, not by a reckoned day",
    ),
    (
        KITA,
        "gilt: {schluessel: kind.geburtsdatum, ab",
        "gilt: {schlüssel: kind.geburtsdatum, ab",
        "schlüssel",
        "did you",
    ),
    (KITA, "version: 3", "version: 3\nart: hinweiss", "hinweiss", "did you mean 'hinweis'?"),
    (KITA, "version: 3", "version: 3\nart: hinweis", "versand", "'versand' is not known here"),
    (
        FAKTEN,
        "kind.ein_jahr_alt_am: {typ: datum",
        "kind.ein_jahr_alt_am: {typ: zahl",
        "{typ: zahl, quelle: abgeleitet, lebenslagen: [geburt], beschriftung: {de: Erster",
        "the function of 'kind.ein_jahr_alt_am' makes a datum, not a zahl",
    ),
    (
        FAKTEN,
        "kind.veranlagungsjahr: {",
        "kind.veranlagungsjahre: {",
        "{typ: zahl, quelle: abgeleitet",
        "no function makes the derived fact 'kind.veranlagungsjahre'; a programmer adds it to core/derived",
    ),
    (
        FAKTEN,
        "  typ: betrag\n  einheit: EUR/Jahr\n",
        "  typ: betrag\n",
        "typ: betrag\n",
        "a fact of typ betrag says its 'einheit', like EUR/Monat or EUR/Jahr",
    ),
    (FAKTEN, "bereich: [0, 100000000]", "bereich: [0, 100.000.000]", "100.000.000]", "write 100000000, without a sign"),
    # two parents, form, way of sending
    (
        ELTERNGELD,
        "[elternteil, zweiter_elternteil]",
        "[elternteil, vater]",
        "vater",
        "'vater' is not allowed here; allowed: elternteil, zweiter_elternteil, person",
    ),
    (
        ELTERNGELD,
        "[elternteil, zweiter_elternteil]",
        "[zweiter_elternteil, elternteil]",
        "[zweiter_elternteil, ",
        "with 'je: elternteil' the signers are [elternteil] or [elternteil, zweiter_elternteil]",
    ),
    (
        PARKEN,
        "versand: behoerde",
        "unterzeichner: [elternteil]\nversand: behoerde",
        "[elternteil]",
        "with 'je: person' the signers are [person]",
    ),
    (
        ELTERNGELD,
        "ohne_zweite: einreichen_und_nachreichen ",
        "# ",
        "[elternteil, zweiter_elternteil]",
        "two signers need 'ohne_zweite', what happens without the second: einreichen_und_nachreichen or warten",
    ),
    (
        ELTERNGELD,
        "einreichen_und_nachreichen ",
        "einreichen ",
        "einreichen ",
        "'einreichen' is not allowed here; allowed: einreichen_und_nachreichen, warten",
    ),
    (KITA, "form: formlos", "form: formlos\nohne_zweite: warten", "warten", "'ohne_zweite' belongs to two signers"),
    (
        ELTERNGELD,
        "unterzeichner: [elternteil, zweiter_elternteil]",
        "unterzeichner: [elternteil]",
        "{das: elternteil.sorge, ist: allein",
        "'zweite_entfaellt' belongs to two signers",
    ),
    (
        ELTERNGELD,
        ", gruppe: [kind.mehrlingsgruppe]}",
        "}",
        "",
        "two signers need 'gruppe', or each begins an Auftrag of their own",
    ),
    (KITA, "form: formlos", "form: unterschrift_beide", "", "'form: unterschrift_beide' needs two 'unterzeichner'"),
    (
        ELTERNGELD,
        "form: [unterschrift_beide, nutzerkonto_substantiell]",
        "form: formlos",
        "",
        "two sign, and 'form: formlos' has no place for both",
    ),
    (
        ELTERNGELD,
        "{V1: selbst, V2: behoerde}",
        "behoerde",
        "",
        "below V2 nobody keeps the form (unterschrift_beide, nutzerkonto_substantiell): 'versand' is selbst or hinweis",
    ),
    (
        ELTERNGELD,
        "form: [unterschrift_beide, nutzerkonto_substantiell]",
        "form: unterschrift_beide",
        "",
        "what is sent keeps no form of paper (unterschrift_beide); add nutzerkonto_substantiell",
    ),
    (
        ELTERNGELD,
        "{V1: selbst, V2: behoerde}",
        "{V2: behoerde}",
        "{V2: behoerde}",
        "'versand' by trust begins with V1, the 'min_vertrauen'",
    ),
    (
        ELTERNGELD,
        "{V1: selbst, V2: behoerde}",
        "{V1: selbst, V2: selbst}",
        "V2: selbst",
        "'selbst' holds from V1 on already",
    ),
    (ELTERNGELD, "{V1: selbst, V2:", "{V1: selbst, V9:", "V9:", "'V9' is not known here; allowed: V0, V1, V2, V3"),
    (
        ELTERNGELD,
        "[unterschrift_beide, nutzerkonto_substantiell]",
        "[unterschrift_beide, formlos]",
        "[unterschrift_beide, formlos]",
        "'formlos' stands alone",
    ),
    (
        MOVING,
        "fluss: transmit/BEWOHNERPARKAUSWEIS",
        "fluss: transmit/KFZ-ANSCHRIFT",
        "fluss: transmit/KFZ-ANSCHRIFT",
        "the Leistung 'KFZ-ANSCHRIFT' is never sent; nothing needs this flow",
    ),
    # questions
    (
        FAKTEN,
        "    ls: Dürfen in Ihrer Straße nur Bewohner parken?\n",
        "",
        "de: Liegt Ihre neue Wohnung",
        "'ls' is missing",
    ),
    (
        FAKTEN,
        "{typ: janein, quelle: ereignis, lebenslagen: [geburt], beschriftung: {de: Das Kind lebt,",
        "{typ: janein, quelle: person, lebenslagen: [geburt], beschriftung: {de: Das Kind lebt,",
        "{typ: janein, quelle: person, lebenslagen: [geburt]",
        "a fact with quelle person needs 'frage', how it is asked: de, en, ls",
    ),
    (
        FAKTEN,
        "person.hund_gemeldet: {typ: janein, ",
        "person.hund_gemeldet: {typ: janein, sensibel: ja, ",
        "ja, quelle: register, register: STEUERAMT",
        "what is sensitive is never looked up; use quelle: person",
    ),
    (
        FAKTEN,
        "kind.lebt: {typ: janein, ",
        "kind.lebt: {typ: janein, frage: {de: Lebt es?, en: Alive?, ls: Lebt es?}, ",
        "{de: Lebt es?",
        "only a fact with quelle person has 'frage'",
    ),
    # what a clerk reads
    (
        FAKTEN,
        ", im_amt: {de: Neue Anschrift, en: New address}",
        "",
        "{de: Ihre neue Anschrift",
        "a label that speaks to the person needs 'im_amt', what a clerk reads",
    ),
    (
        FAKTEN,
        "im_amt: {de: Neue Anschrift, en: New address}",
        "im_amt: {de: Neue Anschrift, en: Your new home}",
        "{de: Neue Anschrift",
        "'im_amt' speaks of the person, never to them",
    ),
    (
        FAKTEN,
        "im_amt: {de: Neue Anschrift, en: New address}",
        "im_amt: {de: Neue Anschrift}",
        "{de: Neue Anschrift",
        "'en' is missing",
    ),
    (FAKTEN, "  laenge: [3, 12]\n", "  laenge: [12, 3]\n", "[12, 3]", "the lowest stands first"),
    (FAKTEN, "  laenge: [3, 12]\n", "  laenge: [3]\n", "[3]", "here must stand two numbers: [lowest, highest]"),
    (
        FAKTEN,
        "  typ: text\n  laenge: [3, 12]",
        "  typ:  zahl",
        "typ:  zahl",
        "a number that a person types needs its 'bereich'",
    ),
    (FAKTEN, "  typ: text\n  laenge: [3, 12]", "  typ: ars", "ars\n", "nobody knows an ARS by heart"),
    (
        FAKTEN,
        "  typ: text\n  laenge: [3, 12]",
        "  typ: code\n  werte: [a, b]",
        "typ: code\n",
        "a question of typ code needs 'antworten', how each of its 'werte' reads",
    ),
    (
        FAKTEN,
        "Für welches Kennzeichen soll",
        "Für welches {kennzeichen} soll",
        "Für welches {kennzeichen}",
        "nothing fills a placeholder here",
    ),
    (PARKEN, "indikator: {", "# {", "", "conditions that only a person can answer need an 'indikator'"),
    (
        PARKEN,
        "indikator: {das: person.kfz_zugelassen",
        "indikator: {das: person.hat_stellplatz",
        "",
        "the 'indikator' cannot wait for the person's answer: person.hat_stellplatz",
    ),
    (
        PARKEN,
        "[eintrag.nummer, person.kennung]",
        "[eintrag.nummer, person.parkausweis_kennzeichen]",
        "",
        "what only the person says cannot tell proposals apart or find the office: person.parkausweis_kennzeichen",
    ),
    (
        "umzug/texte/ls.yaml",
        "  frage: |\n    Sie sind umgezogen.",
        "  fragen: |\n    Sie sind umgezogen.",
        "",
        "the text 'BEWOHNERPARKAUSWEIS: frage' is missing",
    ),
    (SCHUTZ, "V06:", "V16:", "V16", "'V16' is not known here"),
    (SCHUTZ, "V06:", "V16:", "V01:", "'V06' is missing"),
]


@pytest.mark.parametrize(("file", "old", "new", "token", "said"), MISTAKES)
def test_a_mistake_is_reported_at_its_place(
    spoil: Spoiled, file: str, old: str, new: str, token: str, said: str
) -> None:
    found = spoil.replace(file, old, new)
    place = spoil.place(file, token)
    assert any(problem.startswith(place) and said in problem for problem in found), (place, found)


def test_a_fact_that_no_flow_brings_is_reported_at_the_leistung(spoil: Spoiled) -> None:
    found = spoil.replace(FLOWS, "      - elternteil.sorge\n", "")
    message = "the flow 'match' does not cover: elternteil.sorge"
    assert found == [f"{file}:1:1: {message}" for file in (ELTERNGELD, URKUNDE, KITA)]


def test_a_value_that_no_birth_reaches_any_more_is_reported_where_it_stands(spoil: Spoiled) -> None:
    found = spoil.replace(ELTERNGELD, "kind.geburtsdatum, ab: 2021-09-01}", "kind.geburtsdatum, ab: 2024-04-01}")
    place = spoil.place(GRENZEN, "{ab: 2021-09-01, wert: {je")
    assert found == [f"{place}the value from 2021-09-01 is dead: it ends before 2024-04-01, when the rule begins"]


FASSUNGEN = """fassungen:
  - {ab: 2027-03-01, schluessel: kind.geburtsdatum, name: Kita-Platz neu}
"""


def test_a_fassung_takes_over_what_it_does_not_say(spoil: Spoiled) -> None:
    assert spoil.replace(KITA, "fristen:\n", f"{FASSUNGEN}fristen:\n") == []
    (geburt,) = [one for one in check(spoil.folder)[0] if one.name == "geburt"]
    assert geburt.lebenslage is not None
    plan = geburt.lebenslage.plan("KITA-PLATZ")
    (later,) = plan.fassungen
    assert (later.name, later.gilt.ab, later.gilt.schluessel) == (
        "Kita-Platz neu",
        date(2027, 3, 1),
        "kind.geburtsdatum",
    )
    assert (later.bedingung, later.fristen, later.register) == (plan.bedingung, plan.fristen, plan.register)


def test_a_draft_of_a_law_is_kept_apart_from_what_can_be_released(spoil: Spoiled) -> None:
    draft = FASSUNGEN.replace("name: Kita-Platz neu", "entwurf: ja, art: hinweis")
    assert spoil.replace(KITA, "fristen:\n", f"{draft}fristen:\n") == []
    (geburt,) = [one for one in check(spoil.folder)[0] if one.name == "geburt"]
    assert geburt.lebenslage is not None
    assert geburt.lebenslage.plan("KITA-PLATZ").fassungen == ()
    drafts = [(each.leistung, each.art, each.status) for each in geburt.entwuerfe]
    assert ("KITA-PLATZ", "hinweis", "entwurf") in drafts


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2027-03-01", "2015-11-01", "a Fassung begins after the one before it (2015-11-01), not 2015-11-01"),
        ("schluessel: kind.geburtsdatum", "schluessel: kind.lebt", "'kind.lebt' is not allowed here"),
        ("ab: 2027-03-01, ", "", "'ab' is missing"),
        ("name: Kita-Platz neu", "nahme: Kita", "'nahme' is not known here"),
    ],
)
def test_a_mistake_in_a_fassung_is_reported_there(spoil: Spoiled, old: str, new: str, said: str) -> None:
    found = spoil.replace(KITA, "fristen:\n", f"{FASSUNGEN.replace(old, new)}fristen:\n")
    line = (spoil.folder / KITA).read_text("utf-8").split("\n").index("fassungen:") + 2
    assert any(problem.startswith(f"{KITA}:{line}:") and said in problem for problem in found), found


def test_an_answer_that_no_flow_covers_is_reported_at_the_leistung(spoil: Spoiled) -> None:
    found = spoil.replace(MOVING, "      - person.hat_stellplatz\n", "")
    assert found == [f"{PARKEN}:1:1: the flow 'match' does not cover: person.hat_stellplatz"]


def test_several_mistakes_are_reported_in_one_run(spoil: Spoiled) -> None:
    spoil.replace(KITA, LEBT, "das: kind.lebtt, ist: ja,")
    assert len(spoil.replace(KITA, "min_vertrauen: V1", "min_vertrauen: niedrig")) == 2


def test_conditions_that_exclude_each_other_are_reported(spoil: Spoiled) -> None:
    found = spoil.replace(KITA, SORGE, "{das: kind.lebt, ist: nein, norm: § 1 Probe}\n    - {das: elternteil.sorge")
    place = spoil.place(KITA, "{das: kind.lebt, ist: nein")
    assert found == [f"{place}this can never hold together with the other conditions on kind.lebt"]


def test_an_empty_list_of_conditions_is_refused(spoil: Spoiled) -> None:
    found = spoil.replace(KITA, "indikator: {", "indikator: {nicht: {alle: []}}\nrest: {")
    assert f"{spoil.place(KITA, '[]')}'alle' needs a list with at least one condition" in found


def test_consent_as_basis_cannot_be_switched_off(spoil: Spoiled) -> None:
    text = "norm: Art. 6 Abs. 1 Buchst. a DSGVO\n    norm_ab: 2018-05-25\n    einwilligung: "
    found = spoil.replace(FLOWS, f"{text}ja", f"{text}nein")
    assert found == [f"{spoil.place(FLOWS, 'fluss: propose/LETTER')}the basis consent needs 'einwilligung: ja'"]


def test_where_consent_is_asked_there_is_a_way_without(spoil: Spoiled) -> None:
    found = spoil.replace(FLOWS, "    alternativer_weg: Sie können das im Auftrag selbst angeben.\n", "")
    assert len(found) == 1
    assert found[0].startswith(f"{spoil.place(FLOWS, 'fluss: prefill')}where consent is asked, 'alternativer_weg' says")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    shutil.copytree(rules_folder(), folder)
    (folder / "umzug" / "texte" / "ls.yaml").unlink()
    assert [str(problem) for problem in check(folder)[1]] == ["umzug/texte/ls.yaml:1:1: the file is missing"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hoechstens", "maximal"),
        ("wenigstens", "mindestens"),
        ("mindesten", "mindestens"),
        ("maximall", "maximal"),
        ("spaetestens", "bis"),
        ("kleiner_als", "weniger_als"),
        ("einervon", "einer_von"),
    ],
)
def test_a_slip_gets_the_word_that_was_meant(written: str, meant: str) -> None:
    assert suggestion(written, OPERATORS) == f"; did you mean '{meant}'?"


@pytest.mark.parametrize("written", ["meistens", "destens", "als", "xyz", "mehr_oder_weniger_als"])
def test_an_unclear_word_gets_no_suggestion(written: str) -> None:
    assert suggestion(written, OPERATORS) == ""


def test_no_word_is_ever_answered_with_its_opposite() -> None:
    for word in OPERATORS:
        for at in range(len(word)):
            for slip in (word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word[:at] + "e" + word[at + 1 :]):
                offered = suggestion(slip, [each for each in OPERATORS if each != slip])
                assert not any(f"'{other}'" in offered for other in opposite(word)), (word, slip, offered)


def test_an_ars_stays_text(spoil: Spoiled) -> None:
    assert spoil.replace(KITA, LEBT, "das: elternteil.wohnort_ars, ist: 012345678901,") == []
    (geburt,) = [one for one in check(spoil.folder)[0] if one.name == "geburt"]
    assert geburt.lebenslage is not None
    operands = [leaf.wert for leaf in leaves(geburt.lebenslage.plan("KITA-PLATZ").bedingung)]
    assert operands[0] == "012345678901"
