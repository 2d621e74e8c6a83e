"""What a rule author hears: the exact place, what is allowed, and never a suggestion of the opposite."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from proaktiv.core.conditions import leaves
from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.suggest import opposite, suggestion
from tests.rules.mistakes import ELTERNGELD, FLOWS, GRENZEN, KITA, LEBT, MISTAKES, MOVING, PARKEN, SORGE, URKUNDE

OPERATORS = ["ist", "einer_von", "maximal", "mindestens", "weniger_als", "mehr_als", "bis", "ab"]


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
