"""Matching: one Plan, one row of facts, one day → one Decision.

Pure and fast (a few microseconds); the explanation is made only when somebody asks. Guards and consent stand before
this (``core.guards``, ``steps.gate``): what a permit does not cover never reaches ``facts``.
Source: rules.md §§ 5.1–5.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Literal, cast

from proaktiv.core import conditions
from proaktiv.core.conditions import JA, NEIN, Explained, Op, Vergleich
from proaktiv.core.dates import Holiday
from proaktiv.core.derived import REGISTRY, lacking
from proaktiv.core.fristen import Clock, Value
from proaktiv.core.parameters import Stand
from proaktiv.core.plans import Plan
from proaktiv.core.public_holidays import calendar_of

Result = Literal["ja", "nein", "offen", "gilt_nicht"]
Outcome = Literal["auftrag", "termin", "hinweis", "wiedervorlage", "manuell", "frage", ""]

_DAY = timedelta(days=1)
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a Plan says. A yes yields its ``art``. ``needs`` are register facts to fetch before this is final.

    ``missing`` are the facts that can still decide an open result. The outcome ``frage`` means that only the person
    can go on: ``fragen`` are the facts to ask for. ``next_change_on`` is the first day on which the same facts give
    another result, or None. ``angenommen`` are unknown facts that the person declares in the Auftrag itself: the result
    is open, and there is an Auftrag all the same. ``ausgeschlossen_durch`` is the Leistung that this one falls away
    for (``core.outcomes``).
    """

    result: Result
    outcome: Outcome = ""
    missing: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING, hash=False)
    fragen: tuple[str, ...] = ()
    clocks: tuple[Clock, ...] = ()
    next_change_on: date | None = None
    angenommen: tuple[str, ...] = ()
    ausgeschlossen_durch: str = ""
    _plan: Plan | None = field(default=None, repr=False, compare=False)
    _facts: Mapping[str, Value] = field(default_factory=dict, repr=False, compare=False)

    def explanation(self) -> Explained | None:
        """Return the tree of reasons, or None where the rule does not apply to this time at all."""
        if self._plan is None or self.result == "gilt_nicht":
            return None
        return conditions.interpret(self._plan.bedingung, self._facts, self._plan.parameter)

    def own_time(self) -> tuple[conditions.Ergebnis, date | None] | None:
        """Return whether the rule applies to this time, and the key date by which that was decided, where known."""
        if self._plan is None:
            return None
        key = self._facts.get(self._plan.gilt.schluessel)
        return _applies(self._plan, self._facts), key if type(key) is date else None

    def next_result(self) -> Result | None:
        """Return what the same facts give on ``next_change_on``, or None where nothing changes by itself."""
        if self._plan is None or self.next_change_on is None:
            return None
        return self._plan.check({**self._facts, "heute": self.next_change_on}).value

    @property
    def vorlaeufig(self) -> bool:
        """Return whether a parameter of the Plan was not checked for its key date: the law may have changed."""
        return any(stand.vorlaeufig for stand in self.staende())

    @property
    def plan(self) -> Plan | None:
        """Return the Plan, or the Fassung of it, that decided."""
        return self._plan

    def derived(self) -> Mapping[str, Value]:
        """Return the derived facts that are known."""
        if self._plan is None:
            return {}
        return {name: self._facts[name] for name in self._plan.abgeleitet if name in self._facts}

    def staende(self) -> tuple[Stand, ...]:
        """Return what each parameter of the Plan is for these facts: what may be shown as an amount, and from when."""
        if self._plan is None:
            return ()
        assumed = {each.das: each.wert for each in self._plan.annahmen if each.das in self.angenommen}
        facts = {**assumed, **self._facts}
        return tuple(parameter.stand(facts) for parameter in self._plan.parameter.values())


def decide(
    plan: Plan,
    facts: Mapping[str, Value],
    today: date,
    asked: frozenset[str] = frozenset(),
    holiday: Holiday | None = None,
) -> Decision:
    """Return what ``plan`` says of ``facts`` on ``today`` (a Berlin calendar day).

    ``asked`` are register facts that were asked for already: they are not needed twice. ``holiday`` is another
    calendar than that of the receiving office.
    """
    plan = plan.at(facts)
    known = plan.known({**facts, "heute": today})
    applies = _applies(plan, known)
    if applies is not JA:
        if applies is NEIN:
            return Decision("gilt_nicht", _plan=plan, _facts=known)
        return Decision("offen", missing=lacking(REGISTRY, (plan.gilt.schluessel,), known), _plan=plan, _facts=known)
    answer = plan.check(known)
    change = _next_change(plan, known, today, answer) if plan.wechsel or plan.stichtage else None
    if answer is NEIN:
        return Decision("nein", next_change_on=change, _plan=plan, _facts=known)
    if answer is JA:
        return _yes(plan, known, "ja", asked, change, holiday)
    missing = lacking(REGISTRY, conditions.missing(plan.bedingung, known, plan.parameter), known)
    angenommen = _assumed(plan, known, missing, asked) if plan.annahmen else ()
    if angenommen:
        return replace(_yes(plan, known, "offen", asked, change, holiday), missing=missing, angenommen=angenommen)
    fragen = _to_ask(plan, known, missing) if plan.fragen else ()
    return Decision(
        "offen",
        outcome="frage" if fragen else "",
        missing=missing,
        needs=_needs(plan, known, missing, asked),
        fragen=fragen,
        clocks=_clocks(plan, known, holiday) if fragen else (),
        next_change_on=change,
        _plan=plan,
        _facts=known,
    )


def _yes(
    plan: Plan,
    known: Mapping[str, Value],
    result: Literal["ja", "offen"],
    asked: frozenset[str],
    change: date | None,
    holiday: Holiday | None,
) -> Decision:
    fragen = _fields_to_ask(plan, known) if plan.fragen else ()
    return Decision(
        result,
        outcome="frage" if fragen else cast("Outcome", plan.art),
        needs=_prefill_needs(plan, known, asked) if plan.register else _NOTHING,
        fragen=fragen,
        clocks=_clocks(plan, known, holiday),
        next_change_on=change,
        _plan=plan,
        _facts=known,
    )


def _clocks(plan: Plan, known: Mapping[str, Value], holiday: Holiday | None) -> tuple[Clock, ...]:
    if not plan.fristen:
        return ()
    return plan.clocks(known, holiday or calendar_of(known.get(plan.stelle_nach)))


def _assumed(
    plan: Plan, known: Mapping[str, Value], missing: tuple[str, ...], asked: frozenset[str]
) -> tuple[str, ...]:
    """Return the facts that the person will declare, where the rest says yes; else nothing."""
    declared = {
        each.das: each.wert
        for each in plan.annahmen
        if each.das in missing
        and (each.das in asked or each.das not in plan.register)
        and (each.wenn is None or conditions.interpret(each.wenn, known, plan.parameter).ergebnis is JA)
    }
    if set(missing) - declared.keys():
        return ()
    return tuple(declared) if plan.check({**declared, **known}) is JA else ()


def _applies(plan: Plan, facts: Mapping[str, Value]) -> conditions.Ergebnis:
    key = facts.get(plan.gilt.schluessel)
    if type(key) is not date:
        return conditions.OFFEN
    gilt = plan.gilt
    return JA if gilt.ab <= key and (gilt.bis is None or key <= gilt.bis) else NEIN


def _prefill_needs(plan: Plan, facts: Mapping[str, Value], asked: frozenset[str]) -> Mapping[str, tuple[str, ...]]:
    """Return what only fills fields: fetched once it is clear that there will be an Auftrag."""
    lacking = [item.aus for item in plan.vorbelegung if item.aus in plan.register and item.aus not in facts]
    return _by_register(plan, [name for name in lacking if name not in asked])


def _needs(
    plan: Plan, facts: Mapping[str, Value], missing: tuple[str, ...], asked: frozenset[str]
) -> Mapping[str, tuple[str, ...]]:
    wanted = [name for name in missing if name in plan.register and name not in asked]
    if not wanted:
        return _NOTHING
    # One question to a register, not two: what would fill fields from the same register comes along.
    registers = {plan.register[name] for name in wanted}
    wanted += [
        item.aus
        for item in plan.vorbelegung
        if plan.register.get(item.aus) in registers and item.aus not in facts and item.aus not in asked
    ]
    return _by_register(plan, wanted)


def _to_ask(plan: Plan, facts: Mapping[str, Value], missing: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to ask the person: nothing while another source is missing, or nothing hints that it is worth it.

    Sensitive facts wait until everything else is known and still does not decide (data minimisation).
    """
    fragen = {frage.name: frage for frage in plan.fragen}
    if any(name not in fragen for name in missing):
        return ()
    hint = plan.indikator
    if hint is None or conditions.interpret(hint, facts, plan.parameter).ergebnis is not JA:
        return ()
    first = [name for name in missing if not fragen[name].sensibel] or list(missing)
    # One form, not two: what would fill fields is asked along.
    return tuple(dict.fromkeys([*first, *(name for name in _fields_to_ask(plan, facts) if not fragen[name].sensibel)]))


def _fields_to_ask(plan: Plan, facts: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the facts that fill fields and that only the person knows."""
    asked = {frage.name for frage in plan.fragen}
    return tuple([item.aus for item in plan.vorbelegung if item.aus in asked and item.aus not in facts])


def _by_register(plan: Plan, names: list[str]) -> Mapping[str, tuple[str, ...]]:
    if not names:
        return _NOTHING
    found: dict[str, dict[str, None]] = {}
    for name in names:
        found.setdefault(plan.register[name], {})[name] = None
    return {register: tuple(wanted) for register, wanted in found.items()}


def _next_change(plan: Plan, facts: Mapping[str, Value], today: date, now: conditions.Ergebnis) -> date | None:
    """Return the first later day with another result: only the days after or on a computed limit can be one."""
    # A limit by a parameter that changes with today is another one from each such day on.
    begins = [facts, *({**facts, "heute": day} for day in plan.stichtage if day > today)]
    turns = {turn for leaf in plan.wechsel for since in begins if (turn := _turn(plan, leaf, since))}
    for day in sorted(turn for turn in {*turns, *plan.stichtage} if turn > today):
        if plan.check({**facts, "heute": day}) is not now:  # no derived fact may read today
            return day
    return None


def _turn(plan: Plan, leaf: Vergleich, facts: Mapping[str, Value]) -> date | None:
    limit = conditions.limit(leaf, facts, plan.parameter)
    if not isinstance(limit, date) or limit == date.max:
        return None
    return limit + _DAY if leaf.op is Op.BIS else limit
