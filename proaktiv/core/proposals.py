"""What a proposal carries: the pre-filled fields with their provenance, the clocks, the words. Pure.

The draft is what the citizen sees and what a confirmation refers to, so the same facts give the same draft,
whatever day it is made. Left to others: sealing, ids, the dedupe MAC (``steps.propose``).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from proaktiv.core.binding import Fact
from proaktiv.core.calendar import end_of_month
from proaktiv.core.lebenslagen import Plan, Texte
from proaktiv.core.matching import Decision
from proaktiv.core.texts import fill, shown

ANSWER_DAYS = 60
"""Calendar days for an answer where no clock says more."""


def key_values(plan: Plan, names: tuple[str, ...], facts: Mapping[str, Fact]) -> str | None:
    """Return the values that make a proposal the same one, or None where a fact of the key is unknown."""
    parts = [plan.lebenslage, plan.leistung]
    for name in names:
        if name not in facts:
            return None
        parts.append(str(facts[name].value))
    return "\x1f".join(parts)


def draft(
    plan: Plan,
    facts: Mapping[str, Fact],
    decision: Decision,
    *,
    source: str,
    basis: str,
    behoerde: str,
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """Return the proposal's content as JSON data: every field with value, source, day and legal basis.

    ``texts`` are ``titel`` and ``grund`` as ``words`` made them. ``source`` is the register that reported the event,
    ``basis`` the norm of the flow that brought the facts.
    """
    return {
        "leistung": plan.leistung,
        "lebenslage": plan.lebenslage,
        "name": plan.name,
        "behoerde": behoerde,
        "versand": plan.versand,
        "titel": texts["titel"],
        "grund": texts["grund"],
        "felder": [
            {
                "ziel": field.ziel,
                "aus": field.aus,
                "wert": shown(facts[field.aus].value),
                "quelle": plan.register.get(field.aus, source),
                "stand": facts[field.aus].stand.isoformat(),
                "grundlage": basis,
                "aenderbar": field.aenderbar,
            }
            for field in plan.vorbelegung
            if field.aus in facts
        ],
        "fristen": [
            {
                "name": clock.name,
                "typ": clock.typ,
                "gesetzlich": clock.gesetzlich.isoformat() if clock.gesetzlich else "",
                "sicher_bis": clock.sicher_bis.isoformat() if clock.sicher_bis else "",
                "massgeblich": clock.massgeblich,
            }
            for clock in decision.clocks
        ],
    }


def words(plan: Plan, texts: Texte, facts: Mapping[str, Fact], decision: Decision) -> dict[str, str]:
    """Return title and reason of a proposal in German, filled. Raises ``TextError``, ``NotFound``."""
    values: dict[str, object] = {name: fact.value for name, fact in facts.items()}
    values |= {f"fristen.{clock.name}": clock.sicher_bis for clock in decision.clocks if clock.sicher_bis}
    return {part: fill(texts.text(f"{plan.leistung}.{part}"), values) for part in ("titel", "grund")}


def answer_by(decision: Decision, today: date) -> date:
    """Return the last day on which an answer counts: the end of a month, so that no birth date shows through."""
    ahead = [clock.sicher_bis for clock in decision.clocks if clock.sicher_bis and clock.sicher_bis > today]
    return end_of_month(min([*ahead, today + timedelta(days=ANSWER_DAYS)]))
