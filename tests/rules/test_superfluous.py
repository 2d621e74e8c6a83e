"""A flow that names a fact which nothing needs is wrong: it must not flow (Art. 5 Abs. 1 Buchst. c DSGVO)."""

from pathlib import Path

import pytest

from proaktiv.rulebook.check import check
from tests.rules.copied import Rules, copied

BIRTH, MOVING = "geburt/lebenslage.yaml", "umzug/lebenslage.yaml"
ART = "      - umzug.wohnungsart\n"


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return copied(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "said"),
    [
        (
            MOVING,
            ART,
            f"{ART}      - umzug.meldeweg\n",
            "umzug.meldeweg",
            "'match' names umzug.meldeweg, which no Leistung and no text uses; take it out (Art. 5 Abs. 1",
        ),
        (
            BIRTH,
            "felder: [kontakt.name,",
            "felder: [kind.vornamen, kontakt.name,",
            "kind.vornamen, kontakt",
            "'propose/LETTER' needs contact data alone (quelle: kontakt), not kind.vornamen",
        ),
        (
            BIRTH,
            "      - eintrag.nummer\n      - kind.vornamen\n",
            "      - eintrag.nummer\n      - kind.lebt\n      - kind.vornamen\n",
            "kind.lebt\n      - kind.vornamen",
            "'transmit/GEBURTSURKUNDE' sends kind.lebt, which fills no field of GEBURTSURKUNDE",
        ),
        (
            "umzug/leistungen/hundesteuer.yaml",
            "  - {ziel: hund/marke, aus: person.hund_marke, aenderbar: ja}\n",
            "",
            "",
            "'prefill/STEUERAMT' looks up person.hund_marke, which no Leistung needs; take it out",
        ),
        (
            BIRTH,
            "felder: [elternteil.kennung, elternteil.rolle,",
            "felder: [paar.zve_vorjahr, kind.geburtsort, umzug.meldeweg, elternteil.rolle,",
            "",
            "the fact 'umzug.meldeweg' is not known in geburt",
        ),
    ],
)
def test_a_flow_that_names_what_nothing_needs_is_wrong_there(
    rules: Rules, file: str, old: str, new: str, place: str, said: str
) -> None:
    rules.replace(file, old, new)
    lines = [str(problem) for problem in check(rules.root)[1]]
    found = [line for line in lines if said in line]
    assert found, lines
    if place:
        text = (rules.root / file).read_text("utf-8")
        assert text.count(place) == 1
        before = text[: text.index(place)]
        at = f"{file}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
        assert found[0].startswith(at)


def test_control_what_a_text_shows_or_a_draft_of_a_law_uses_may_flow(rules: Rules) -> None:
    rules.replace(MOVING, "      - umzug.wohnungsart\n", "      - umzug.wohnungsart\n      - umzug.meldeweg\n")
    for language in ("de", "en", "ls"):
        path = rules.root / f"umzug/texte/{language}.yaml"
        text = path.read_text("utf-8")
        at = text.index("HUNDESTEUER:\n") + len("HUNDESTEUER:\n")
        path.write_text(f"{text[:at]}  nebenbei: 'Gemeldet: {{umzug.meldeweg}}.'\n{text[at:]}", "utf-8")
    assert check(rules.root)[1] == ()
