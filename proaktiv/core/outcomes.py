"""What becomes of several Leistungen of one person together: which falls away for another, which must wait. Pure.

Left to others: deciding one alone (``core.matching``), guards and consent, which stand before and after.
Source: lebenslagen.md §§ 1, 2.1 (for example U07 after U03).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from proaktiv.core.fristen import Value
from proaktiv.core.matching import Decision, Outcome, decide
from proaktiv.core.plans import Plan

FORESEEN = timedelta(days=365)
"""How far ahead a change is noted: facts live no longer, and nothing can be decided without them."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one Leistung. ``ausgeschlossen_durch`` names the one it falls away for, or is empty.

    ``wartet_auf`` are the Leistungen that must be done first: it is there, and cannot be confirmed yet.
    """

    outcome: Outcome
    wartet_auf: tuple[str, ...] = ()
    ausgeschlossen_durch: str = ""


def settle(decisions: Mapping[str, Decision], done: Collection[str] = ()) -> Mapping[str, Settled]:
    """Return what becomes of each Leistung of one person and one event; ``done`` are those that were confirmed.

    Only what surely comes about excludes another: a question does not.
    """
    excluded: dict[str, str] = {}
    for leistung, decision in sorted(decisions.items()):
        plan = decision.plan
        if plan is not None and decision.outcome == plan.art:
            excluded.update(dict.fromkeys(plan.schliesst_aus, leistung))
    found = {}
    for leistung, decision in decisions.items():
        if leistung in excluded and decision.outcome:
            found[leistung] = Settled("", ausgeschlossen_durch=excluded[leistung])
            continue
        nach = decision.plan.nach if decision.plan is not None else ()
        first = (name for name in nach if name in decisions and decisions[name].outcome and name not in done)
        found[leistung] = Settled(decision.outcome, tuple(first) if decision.outcome else ())
    return found


def decide_together(
    plans: Iterable[Plan], facts: Mapping[str, Value], today: date, asked: frozenset[str] = frozenset()
) -> tuple[tuple[Plan, Decision], ...]:
    """Return what the Plans of a Lebenslage say of one person and event, each in the Fassung that counts.

    What falls away for another has no outcome and needs nothing. ``asked`` is as for ``matching.decide``.
    """
    there = {each.leistung: each.at(facts) for each in plans}
    decisions = {leistung: decide(plan, facts, today, asked) for leistung, plan in there.items()}
    settled = settle(decisions)
    return tuple(
        (plan, replace(decisions[name], outcome="", needs={}, fragen=(), ausgeschlossen_durch=other))
        if (other := settled[name].ausgeschlossen_durch)
        else (plan, decisions[name])
        for name, plan in there.items()
    )


def falls_away(decision: Decision) -> bool:
    """Return whether what was proposed before does not apply any more: by its rule, or for another Leistung."""
    return decision.result in ("nein", "gilt_nicht") or bool(decision.ausgeschlossen_durch)


def look_again_on(decision: Decision, today: date) -> date | None:
    """Return the day on which a person's matter is decided anew by itself, or None. Not beyond ``FORESEEN``.

    A Wiedervorlage names its own day: the next change, or the end of its Frist. With neither ahead it is over.
    """
    if decision.outcome != "wiedervorlage":
        return may_apply_on(decision, today)
    days = [decision.next_change_on, *(clock.gesetzlich for clock in decision.clocks)]
    ahead = [day for day in days if day is not None and today < day <= today + FORESEEN]
    return min(ahead, default=None)


def may_apply_on(decision: Decision, today: date) -> date | None:
    """Return the first day on which something may come of it that does not today, or None. Not beyond ``FORESEEN``."""
    change = decision.next_change_on
    if change is None or change > today + FORESEEN or decision.result == "ja" or decision.angenommen:
        return None
    return change


def tangles(plans: Iterable[Plan]) -> tuple[tuple[str, str], ...]:
    """Return Leistung and message of every order or exclusion that cannot be kept."""
    by_name = {plan.leistung: plan for plan in plans}
    found = []
    for name, plan in by_name.items():
        unknown = [other for other in (*plan.nach, *plan.schliesst_aus) if other not in by_name]
        found += [(name, f"there is no Leistung '{other}' in this Lebenslage") for other in unknown]
        for other in plan.schliesst_aus:
            if other == name or name in (by_name[other].schliesst_aus if other in by_name else ()):
                found.append((name, f"'{name}' and '{other}' exclude each other: one must win"))
            elif other in plan.nach:
                found.append((name, f"'{name}' comes after '{other}' and excludes it"))
        if name in _before(name, by_name):
            found.append((name, f"'{name}' waits for itself: {' → '.join(_circle(name, by_name))}"))
    return tuple(found)


def _before(name: str, by_name: Mapping[str, Plan]) -> frozenset[str]:
    """Return everything that comes before a Leistung, directly or not."""
    seen: set[str] = set()
    pending = list(by_name[name].nach)
    while pending:
        one = pending.pop()
        if one not in seen and one in by_name:
            seen.add(one)
            pending += by_name[one].nach
    return frozenset(seen)


def _circle(name: str, by_name: Mapping[str, Plan]) -> tuple[str, ...]:
    """Return one way from a Leistung back to itself."""
    pending: list[tuple[str, ...]] = [(name,)]
    while pending:
        way = pending.pop(0)
        for one in by_name[way[-1]].nach:
            if one == name:
                return (*way, name)
            if one in by_name and one not in way:
                pending.append((*way, one))
    return (name,)
