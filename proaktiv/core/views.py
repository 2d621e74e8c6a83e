"""What a person is shown of a proposal or an Auftrag, as data: the yes refers to exactly this. Pure.

At V1 no address, no office of a town and nobody else is shown: an ex-partner knows the birth date and may read the post
(security-and-faults.md T3). Left to others: sealing, the MAC over a view (steps), how it looks (``web``).
Source: data-path.md § 5.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from proaktiv.core.errors import NotFound
from proaktiv.core.fristen import Massgeblich
from proaktiv.core.lebenslagen import Plan, Rulebook
from proaktiv.core.proposals import way_of
from proaktiv.core.questions import ANSWERED
from proaktiv.core.trust import Trust
from proaktiv.core.windows import leaves_at_once, over

HIDDEN_AT_V1 = ("anschrift", "wohnort")
"""Parts of fact names whose value a letter and a birth date do not show, nor the office that is chosen by it."""

HIDDEN = "(aus dem Melderegister, hier nicht gezeigt)"

SHOWN_TO_SECOND = frozenset({"elternteil.vornamen", "elternteil.familienname"})
"""What of the first parent the second one sees besides the child: who asks, and nothing else."""

BEHOERDE = "behoerde"

OF_THE_PERSON = "Angabe der Person"
_ARTICLES = {"Ihre": "die", "Ihrem": "dem", "Ihren": "den", "Ihrer": "der", "Ihres": "des"}
_YOUR = re.compile(rf"\b(?:{'|'.join(_ARTICLES)})\b")


def plan_of(rules: Rulebook, lebenslage: str, leistung: str) -> Plan | None:
    """Return the Plan of a Leistung, or None where the rules know it no more."""
    try:
        return rules.lebenslage(lebenslage).plan(leistung)
    except NotFound:
        return None


def tells_where(plan: Plan | None, trust: Trust) -> bool:
    """Return whether the Behörde's name would tell at this trust where somebody lives; unknown is yes."""
    return trust <= Trust.V1 and (plan is None or any(word in plan.stelle_nach for word in HIDDEN_AT_V1))


def behoerde_at(behoerde: str, plan: Plan | None, trust: Trust) -> str:
    """Return the Behörde's id, or the kind of office alone where the id would tell where somebody lives."""
    if not tells_where(plan, trust):
        return behoerde
    return plan.stelle_art if plan is not None else ""


def rendered(content: Mapping[str, Any], trust: Trust, now: datetime, plan: Plan | None) -> dict[str, Any]:
    """Return a proposal as it is shown at this trust and time.

    ``vorbei``: the Fristen whose told day is over. ``sofort``: the yes leaves at once and cannot be taken back, because
    a Frist is near. ``eingang``: whether the yes itself keeps the Frist, or only its arrival at the Behörde; a sheet
    arrives when the person hands it in.
    """
    way = way_of(content, trust)
    return {
        "titel": content["titel"],
        "grund": content["grund"],
        "en": content["en"],
        "behoerde": behoerde_at(content["behoerde"], plan, trust),
        "felder": [_field(field, trust) for field in content["felder"]],
        "fristen": content["fristen"],
        "vorbei": over(content["fristen"], now),
        "fragen": content["fragen"],
        "versand": way,
        "unterschriften": signers(content, trust),
        "sofort": way == BEHOERDE and leaves_at_once(content["fristen"], trust, now),
        "eingang": "mit_ihrem_ja" if way == BEHOERDE and counts_here(content) else "bei_der_behoerde",
    }


def signers(content: Mapping[str, Any], trust: Trust) -> list[str]:
    """Return the roles that must sign at this trust; a sheet is signed by hand, so there it is nobody."""
    roles: list[str] = content["unterzeichner"]
    return list(roles) if way_of(content, trust) == BEHOERDE and len(roles) > 1 else []


def counts_here(content: Mapping[str, Any]) -> bool:
    """Return whether the yes at any Gemeinde already keeps a Frist (§ 16 (2) SGB I)."""
    here = Massgeblich.EINGANG_IRGENDEIN_TRAEGER_ODER_GEMEINDE.value
    return any(clock["massgeblich"] == here for clock in content["fristen"])


def for_second(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the second parent is shown before signing: the child and who asks; no address, office, answer."""
    return {
        "leistung": content["leistung"],
        "name": content["name"],
        "titel": content["titel"],
        "en": {"titel": content["en"]["titel"]},
        "felder": [
            field
            for field in content["felder"]
            if field["aus"] in SHOWN_TO_SECOND or field["aus"].startswith(("kind.", "eintrag."))
        ],
        "fristen": content["fristen"],
    }


def named_sources(rules: Rulebook, content: Mapping[str, Any]) -> dict[str, str]:
    """Return what the registers are called that the values of a proposal or an Auftrag come from."""
    names = {}
    for quelle in {field["quelle"] for field in content["felder"]}:
        flow = "match" if ":" in quelle else f"prefill/{quelle}"  # an event's source is a URI, a register's a name
        try:
            names[quelle] = rules.fluss(f"{content['lebenslage']}/{flow}").quelle
        except NotFound:
            names[quelle] = quelle
    return names


def for_office(sources: Mapping[str, str]) -> dict[str, str]:
    """Return the same names as clerks read them: „Melderegister Ihrer Gemeinde“ is that of the Gemeinde."""
    return {quelle: _told_of(name) for quelle, name in sources.items()}


def _told_of(name: str) -> str:
    """Put the article where the person is spoken to: it is inflected as the possessive is."""
    return OF_THE_PERSON if name == ANSWERED else _YOUR.sub(lambda found: _ARTICLES[found[0]], name)


def blank(field: Mapping[str, Any], trust: Trust) -> dict[str, Any]:
    """Return a field of a sheet: empty, to be filled in by hand, where this trust does not show it."""
    return {**field, "wert": "" if _hidden(field, trust) else field["wert"]}


def _field(field: Mapping[str, Any], trust: Trust) -> dict[str, Any]:
    return {**field, "wert": HIDDEN if _hidden(field, trust) else field["wert"]}


def _hidden(field: Mapping[str, Any], trust: Trust) -> bool:
    return trust <= Trust.V1 and any(word in field["aus"] for word in HIDDEN_AT_V1)
