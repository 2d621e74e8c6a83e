"""Competence: which Behörde a kind of office is at a place. Pure; the table of an installation is the caller's.

The longest matching area wins, so a Gemeinde's own office stands before its Kreis's. Left to others: which kind of
office a Leistung goes to, and whose residence counts (the Plan), keeping the answer (``steps.propose``).
Source: lebenslagen.md § 8.
"""

from collections.abc import Mapping

Competences = Mapping[str, Mapping[str, str]]
"""Kind of office → beginning of an ARS → Behörde."""


def competent(competences: Competences, art: str, ars: str) -> str | None:
    """Return the Behörde of the kind ``art`` for the area ``ars``, or None where nobody is entered."""
    areas = competences.get(art, {})
    for length in range(len(ars), -1, -1):
        if ars[:length] in areas:
            return areas[ars[:length]]
    return None


KINDS: Mapping[str, str] = {
    "standesamt": "Standesamt",
    "jugendamt": "Jugendamt (örtlicher Träger)",
    "steueramt": "Steueramt der Gemeinde",
    "elterngeldstelle": "Elterngeldstelle",
    "familienkasse": "Familienkasse der Bundesagentur für Arbeit",
    "strassenverkehrsbehoerde": "Straßenverkehrsbehörde",
    "zulassungsbehoerde": "Zulassungsbehörde",
    "wohngeldbehoerde": "Wohngeldbehörde",
    "auslaenderbehoerde": "Ausländerbehörde",
    "meldebehoerde": "Meldebehörde",
    "ausweisbehoerde": "Personalausweis- und Passbehörde",
    "finanzamt": "Finanzamt",
    "krankenkasse": "Krankenkasse",
    "pflegekasse": "Pflegekasse",
    "rentenversicherung": "Träger der Rentenversicherung",
    "versicherungsamt": "Versicherungsamt der Gemeinde",
    "sozialamt": "Sozialamt",
    "jobcenter": "Jobcenter",
    "bafoeg_amt": "Amt für Ausbildungsförderung",
    "schulamt": "Schule oder Schulamt",
    "nachlassgericht": "Nachlassgericht",
    "wahlbehoerde": "Wahlbehörde der Gemeinde",
    "abfallbehoerde": "Abfallbehörde",
}
"""What each kind of office is called where it must not be said which one it is; as ``rules/_katalog/stellen.yaml``."""

SOME_OFFICE = "Die zuständige Stelle"


def kind_of_office(art: str) -> str:
    """Return what a kind of office is called."""
    return KINDS.get(art, SOME_OFFICE)
