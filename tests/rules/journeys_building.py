"""A small town with rules of its own, and a journey that holds in it: what tests of journeys change one thing of.

The rules here are not the shipped ones, so that a change of content breaks no test of the format.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from proaktiv.core.conditions import Alle, Op, Vergleich
from proaktiv.core.fristen import Frist, FristTyp, Massgeblich, Rechnung
from proaktiv.core.lebenslagen import Gilt, Lebenslage, Plan, Rulebook, Texte, Vorbelegung
from proaktiv.core.nodes import Operand
from proaktiv.rulebook import check as checking
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.journeys import Journey, Outcome, read_journey, run, shown
from proaktiv.rulebook.load import parse
from tests.rules.plans import plan_of

GELD, KARTE = "GELD", "KARTE"
CATALOGUE: Catalogue = read_catalogue(rules_folder())

FRIST = Frist(
    name="geld_ohne_verlust",
    typ=FristTyp.OHNE_VERLUST,
    massgeblich=Massgeblich.EINGANG_ZUSTAENDIGE_STELLE,
    ende=Rechnung("kind.geburtsdatum", (("lebensmonat", 4),)),
    verschiebung="§ 26 Abs. 3 SGB X",
)


def _is(das: str, wert: Operand) -> Vergleich:
    return Vergleich(das, Op.IST, wert, "§ 1 Probe")


def geld(**changes: Any) -> Plan:
    plan = plan_of(
        Alle((_is("kind.lebt", wert=True), _is("kind.wohnt_bei_elternteil", wert=True))),
        leistung=GELD,
        name="Geld",
        gilt=Gilt("kind.geburtsdatum", date(2020, 1, 1)),
        stelle_art="elterngeldstelle",
        stelle_nach="elternteil.wohnort_ars",
        schluessel=("kind.mehrlingsgruppe",),
        gruppe=("kind.mehrlingsgruppe",),
        fristen=(FRIST,),
        vorbelegung=(Vorbelegung("kind/vornamen", "kind.vornamen"),),
    )
    return replace(plan, **changes)


def karte(**changes: Any) -> Plan:
    plan = plan_of(
        _is("kind.im_haushalt", wert=True),
        leistung=KARTE,
        name="Karte",
        gilt=Gilt("kind.geburtsdatum", date(2020, 1, 1)),
        stelle_art="jugendamt",
        stelle_nach="elternteil.wohnort_ars",
        schluessel=("kind.kennung",),
        register={"kind.im_haushalt": "MELDEREGISTER"},
    )
    return replace(plan, **changes)


TEXTS = {
    "GELD.titel": "Geld für {kind.vornamen}",
    "GELD.grund": "{kind.vornamen} wohnt bei Ihnen.",
    "KARTE.titel": "Karte für {kind.vornamen}",
    "KARTE.grund": "Das Kind ist bei Ihnen gemeldet.",
}


def rules(*plans: Plan, texts: Mapping[str, str] = TEXTS) -> Rulebook:
    compiled, _ = checking.check(rules_folder())
    (geburt,) = (one.lebenslage for one in compiled if one.name == "geburt" and one.lebenslage)
    own = Lebenslage("geburt", 1, ("geburt",), geburt.fluesse, plans or (geld(), karte()), Texte({"de": texts}))
    return Rulebook({"geburt": own})


CASE = """\
fall: Probe
wohnungen:
  hier: {strasse: Erfundene Gasse 1, plz: "00001", ort: Musterstadt, ars: "990010000000"}
  dort: {strasse: Erfundener Weg 2, plz: "00002", ort: Anderswo, ars: "990020000000"}
zustaendig:
  elterngeldstelle: {"99001": Geldstelle Musterstadt}
  jugendamt: {"": Jugendamt}
personen:
  Anna: {geboren: 1994-03-08, wohnung: hier, register: {MELDEREGISTER: {kind.im_haushalt: ja}}}
  Ben: {geboren: 1992-01-20, wohnung: hier}
  Mia: {geboren: 2026-10-31}
verlauf:
  - am: 2026-09-01
    einwilligung: {von: [Anna, Ben], zu: [E-GEB, K-POST, P-MELD]}
  - am: 2026-11-02
    als: geburt
    geburt:
      kind: Mia
      ort: Musterstadt
      ars: "990010000000"
      eltern:
        - {person: Anna, rolle: mutter, sorge: gemeinsam}
        - {person: Ben, rolle: zweiter_elternteil, sorge: gemeinsam}
  - am: 2026-11-03
    bearbeitung: ja
    nachrichten: [{an: [Anna, Ben], kanal: brief}]
    erwartet:
      - leistung: GELD
        ergebnis: auftrag
        an: [Anna, Ben]
        behoerde: Geldstelle Musterstadt
        buendel: Mia
        fristen:
          - {typ: ohne_verlust, gesetzlich: 2027-03-01, sicher_bis: 2027-02-26, massgeblich: eingang_zustaendige_stelle}
        felder: {kind/vornamen: Mia}
        text: Geld für Mia
        text_nicht: Glückwunsch
      - {leistung: KARTE, ergebnis: auftrag, an: Anna, buendel: Mia, behoerde: Jugendamt, fristen: []}
nie:
  - {text: Glückwunsch}
"""


def read(text: str = CASE, leistungen: frozenset[str] = frozenset({GELD, KARTE})) -> tuple[Journey | None, list[str]]:
    journey, problems = read_journey(Path("probe.yaml"), "probe.yaml", CATALOGUE, leistungen, parse(text.encode(), "x"))
    return journey, [str(problem) for problem in problems]


def but(*changes: tuple[str, str]) -> str:
    """Return the case with some lines changed; each must be there."""
    text = CASE
    for old, new in changes:
        assert old in text, f"the test wants to replace what is not there: {old}"
        text = text.replace(old, new, 1)
    return text


def after(*steps: str) -> str:
    """Return the case with more steps before ``nie``."""
    return but(("nie:\n", "".join(f"  - {step}\n" for step in steps) + "nie:\n"))


def outcome(text: str = CASE, book: Rulebook | None = None) -> Outcome:
    journey, problems = read(text)
    assert journey is not None, problems
    return run(journey, book or rules())


def told(text: str = CASE, book: Rulebook | None = None) -> str:
    return "\n".join(shown(outcome(text, book)))


def born_on() -> tuple[Plan, Plan]:
    """Return plans that fill in the day of birth."""
    fields = (*geld().vorbelegung, Vorbelegung("kind/geburtsdatum", "kind.geburtsdatum"))
    return geld(vorbelegung=fields), karte()
