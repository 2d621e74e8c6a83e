"""What a proposal carries: the pre-filled fields with their provenance, the clocks, the words. Pure.

The draft is what the citizen sees and what a confirmation refers to, so the same facts give the same draft,
whatever day it is made. Left to others: sealing, ids, the dedupe MAC (``steps.propose``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from proaktiv.core.binding import Fact
from proaktiv.core.calendar import end_of_month
from proaktiv.core.competence import Competences, competent
from proaktiv.core.errors import NotFound
from proaktiv.core.lebenslagen import Texte
from proaktiv.core.matching import Decision
from proaktiv.core.parameters import Value
from proaktiv.core.plans import Plan, Vorbelegung
from proaktiv.core.questions import ANSWERED
from proaktiv.core.texts import TextError, euros, fill, shown
from proaktiv.core.trust import Trust
from proaktiv.core.windows import answered_by_letter

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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proposal before it has an id. ``key`` and ``group`` are the values that make it the same one, in the open."""

    key: str
    group: str | None
    behoerde: str
    content: Mapping[str, Any] = field(hash=False)


def prepare(
    plan: Plan,
    facts: Mapping[str, Fact],
    decision: Decision,
    texte: Texte,
    competences: Competences,
    *,
    source: str,
    basis: str,
) -> Prepared | tuple[str, str]:
    """Return what a decision with an outcome proposes, or (task, Behörde) where a human must complete something first.

    ``source`` and ``basis`` are as for ``draft``.
    """
    key = key_values(plan, plan.schluessel, facts)
    area = facts.get(plan.stelle_nach)
    if not plan.stelle_art:  # a hint about what comes by itself goes to nobody
        behoerde: str | None = ""
    else:
        behoerde = competent(competences, plan.stelle_art, str(area.value)) if area else None
    if key is None:
        return "key.missing", behoerde or ""
    if behoerde is None:
        return "competence.missing", ""
    try:
        texts = words(plan, texte, facts, decision)
    except (TextError, NotFound):
        return "text.missing", behoerde
    content = draft(plan, facts, decision, source=source, basis=basis, behoerde=behoerde, texts=texts)
    group = key_values(plan, plan.gruppe, facts) if plan.gruppe else None
    return Prepared(key, group, behoerde, content)


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

    ``texts`` are what ``words`` made. ``source`` is the register that reported the event,
    ``basis`` the norm of the flow that brought the facts. Where ``fragen`` is not empty, the person must answer
    before there is anything to say yes to. ``unterzeichner`` are the roles that sign, the addressee's first;
    ``ohne_zweite`` says what becomes of it without the second, and is empty where one signature is enough. ``nach`` are
    Leistungen that come first; it is absent where there are none.
    """
    sources = {frage.name: ANSWERED for frage in plan.fragen} | dict(plan.register)
    signers = plan.signers({name: fact.value for name, fact in facts.items()})
    questions = {frage.name: frage for frage in plan.fragen}
    return {
        "leistung": plan.leistung,
        "lebenslage": plan.lebenslage,
        "name": plan.name,
        "behoerde": behoerde,
        "titel": texts["titel"],
        "grund": texts["grund"],
        "en": {"titel": texts["en.titel"], "grund": texts["en.grund"]},
        "felder": [
            {
                "ziel": item.ziel,
                "aus": item.aus,
                "name": dict(item.name),
                "wert": _shown(item, facts[item.aus].value),
                "quelle": sources.get(item.aus, source),
                "stand": facts[item.aus].stand.isoformat(),
                "grundlage": basis,
                "aenderbar": item.aenderbar,
            }
            for item in plan.vorbelegung
            if item.aus in facts
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
        "fragen": [questions[name].shown() for name in decision.fragen],
        "form": list(plan.form),
        "unterzeichner": list(signers),
        "ohne_zweite": plan.ohne_zweite if len(signers) > 1 else "",
        "versand": {f"V{level}": way for level, way in plan.ways().items()},
    } | ({"nach": list(plan.nach)} if plan.nach else {})


def filled(plan: Plan, values: Mapping[str, Value]) -> dict[str, str]:
    """Return what stands in the fields of an Auftrag, by their names, for these facts."""
    return {item.ziel: _shown(item, values[item.aus]) for item in plan.vorbelegung if item.aus in values}


def _shown(field: Vorbelegung, value: Value) -> str:
    return euros(value) if field.typ == "betrag" and isinstance(value, int) else shown(value)


def way_of(content: Mapping[str, Any], trust: Trust) -> str:
    """Return how a proposal of this content is sent after a yes at ``trust``: behoerde, selbst or hinweis.

    ``trust`` is at least the proposal's ``min_vertrauen``; below it nothing can be confirmed.
    """
    ways = {Trust[level]: way for level, way in content["versand"].items()}
    return str(ways[max(level for level in ways if level <= trust)])


AMOUNTS = ("betrag", "folgebetrag")
"""Texts that show amounts of the law: sentences of their own, left out where nobody knows or has checked the amount."""


def words(plan: Plan, texts: Texte, facts: Mapping[str, Fact], decision: Decision) -> dict[str, str]:
    """Return title and reason of a proposal, filled, in German and (``en.…``) English. German is the one that binds.

    Where something must be asked first, the reason is the text ``frage``: it promises nothing yet. Where English lacks
    a text, German stands there. Raises ``TextError``, ``NotFound``.
    """
    values: dict[str, object] = {name: fact.value for name, fact in facts.items()}
    values |= decision.derived()
    values |= {f"fristen.{clock.name}": clock.sicher_bis for clock in decision.clocks if clock.sicher_bis}
    asks = decision.outcome == "frage"
    found = {}
    for language, mark in (("de", ""), ("en", "en.")):
        for name, part in (("titel", "titel"), ("grund", "frage" if asks else "grund")):
            found[f"{mark}{name}"] = fill(texts.text(f"{plan.leistung}.{part}", language), values, language=language)
        amounts = () if asks else amount_texts(plan, texts, values, decision, language)
        found[f"{mark}grund"] = " ".join((found[f"{mark}grund"], *amounts))
    return found


def amount_texts(
    plan: Plan, texts: Texte, values: Mapping[str, object], decision: Decision, language: str
) -> tuple[str, ...]:
    """Return the sentences about amounts that can be filled; an amount that nobody has checked is not printed."""
    known = dict(values)
    for stand in decision.staende():
        if stand.wert is not None and not stand.vorlaeufig:
            known[f"parameter.{stand.name}"] = plan.parameter[stand.name].shown(stand.wert, language)
    found = []
    for part in AMOUNTS:
        try:
            found.append(fill(texts.text(f"{plan.leistung}.{part}", language), known, language=language))
        except (NotFound, TextError):
            continue  # no such sentence, or nothing to put into it
    return tuple(found)


def answer_by(decision: Decision, today: date) -> date:
    """Return the last day on which an answer counts: the end of a month, so that no birth date shows through.

    Not before a letter that is written today can have been answered: whoever is told of something too late for its
    Frist still finds it.
    """
    ahead = [clock.sicher_bis for clock in decision.clocks if clock.sicher_bis and clock.sicher_bis >= today]
    return end_of_month(max(answered_by_letter(today), min([*ahead, today + timedelta(days=ANSWER_DAYS)])))
