"""Flows that name more than is needed: a fact that no Leistung uses must not flow (Art. 5 Abs. 1 Buchst. c DSGVO).

That a flow covers what is used says ``check``; this is the other direction. A Lebenslage without Leistungen has only
flows of the house itself, which use what they name.
Source: rules.md §§ 0, 5.1; data-path.md.
"""

from collections.abc import Iterator

from consent.model import Phase
from proaktiv.core.lebenslagen import Datenfluss, Lebenslage
from proaktiv.core.plans import Plan
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.compile import Compiled, named_in_texts
from proaktiv.rulebook.facts import Quelle
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.reading import Place

_REMEDY = "take it out (Art. 5 Abs. 1 Buchst. c DSGVO)"


def superfluous(compiled: Compiled, lebenslage: Lebenslage, catalogue: Catalogue) -> Iterator[Problem]:
    """Yield each fact that a flow names and nothing needs there, where it stands."""
    if not lebenslage.plans:
        return
    shown = named_in_texts(lebenslage.texte)
    plans = [each for plan in (*lebenslage.plans, *compiled.entwuerfe) for each in (plan, *plan.fassungen)]
    used = frozenset().union(*(plan.benoetigt for plan in plans), *shown.values())
    for fluss in lebenslage.fluesse:
        needed, message = _needed(fluss, plans, used, catalogue)
        for name in sorted(fluss.felder - needed):
            place = compiled.places.get(f"{fluss.name}:{name}") or compiled.places.get(fluss.name)
            place = place or Place(f"{compiled.name}/lebenslage.yaml", 1, 1)
            yield Problem(place.file, place.line, place.column, f"{message.format(name=name)}; {_REMEDY}")


def _needed(
    fluss: Datenfluss, plans: list[Plan], used: frozenset[str], catalogue: Catalogue
) -> tuple[frozenset[str], str]:
    """Return which facts a flow may name, and what to say of any other."""
    part = fluss.name.rpartition("/")[2]
    short = fluss.name.partition("/")[2]
    if fluss.phase is Phase.PROPOSE:
        contact = frozenset(name for name, fakt in catalogue.fakten.items() if fakt.quelle is Quelle.KONTAKT)
        return contact, f"'{short}' needs contact data alone (quelle: kontakt), not {{name}}"
    if fluss.phase is Phase.PREFILL:
        asked = {name for plan in plans for name, register in plan.register.items() if register == part}
        return frozenset(asked), f"'{short}' looks up {{name}}, which no Leistung needs"
    if fluss.phase is Phase.TRANSMIT:
        filled = {item.aus for plan in plans if plan.leistung == part for item in plan.vorbelegung}
        return frozenset(filled), f"'{short}' sends {{name}}, which fills no field of {part} ('vorbelegung')"
    identifying = {
        name for name in fluss.felder if name.startswith("eintrag.") or name.endswith((".kennung", ".rolle"))
    }
    return used | identifying, f"'{short}' names {{name}}, which no Leistung and no text uses"
