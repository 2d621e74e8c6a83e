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
