"""Do the parts of a Lebenslage fit together? Everything that one file alone cannot show.

Flows must cover what Plans use, a condition must be able to hold, a rule must say who is old enough.
Left to others: form and types (``compile``), texts (``wording``), cases (``cases``).
Source: rules.md §§ 0, 4, 6; lebenslagen.md § 9.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from consent.model import Basis, Phase
from proaktiv.core.conditions import Op, facts_of, leaves
from proaktiv.core.derived import REGISTRY
from proaktiv.core.fristen import Rechnung
from proaktiv.core.lebenslagen import Datenfluss, Lebenslage
from proaktiv.core.outcomes import tangles
from proaktiv.core.plans import Plan
from proaktiv.core.trust import Trust
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import Compiled, compile_folder, folders
from proaktiv.rulebook.contradictions import contradictions
from proaktiv.rulebook.facts import FaktTyp, Quelle
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.parameters import dead_values, late_begins, unchecked
from proaktiv.rulebook.reading import Place
from proaktiv.rulebook.strays import unread
from proaktiv.rulebook.superfluous import superfluous
from proaktiv.rulebook.wording import wrong_texts

_CONSENT = frozenset({Basis.CONSENT, Basis.CONSENT_SPECIAL, Basis.CONSENT_STATUTORY})
_ARTICLES = "Art. 6 Abs. 1 Buchst. a or Art. 9 Abs. 2 Buchst. a DSGVO"
_BY_CONSENT = re.compile(r"Art\. (?:6 Abs\. 1(?: UAbs\. 1)?|9 Abs\. 2) Buchst\. a\b")


def check(root: Path) -> tuple[tuple[Compiled, ...], tuple[Problem, ...]]:
    """Return all Lebenslagen of the rules folder ``root`` and everything that is wrong, in the order of the files."""
    catalogue = read_catalogue(root)
    compiled = tuple(compile_folder(folder, catalogue) for folder in folders(root))
    problems = [*catalogue.problems, *unread(root)]
    for one in compiled:
        problems += one.problems or check_whole(one, catalogue)
    if not problems:
        plans = [plan for one in compiled if one.lebenslage for plan in one.lebenslage.plans]
        problems += dead_values(catalogue.parameter, plans)
    return compiled, tuple(problems)


def stale(root: Path, today: date) -> tuple[Problem, ...]:
    """Return the parameters of the rules folder ``root`` whose values nobody has checked for ``today``: no mistakes."""
    catalogue = read_catalogue(root)
    compiled = (compile_folder(folder, catalogue) for folder in folders(root))
    return tuple(
        late for one in (catalogue.parameter, *(each.parameter for each in compiled)) for late in unchecked(one, today)
    )


def check_whole(compiled: Compiled, catalogue: Catalogue) -> tuple[Problem, ...]:
    """Return what does not fit together in a Lebenslage whose files are well-formed."""
    lebenslage = compiled.lebenslage
    if lebenslage is None:
        return ()
    return tuple(_Checking(compiled, lebenslage, catalogue).all())


class _Checking:
    def __init__(self, compiled: Compiled, lebenslage: Lebenslage, catalogue: Catalogue) -> None:
        self.compiled = compiled
        self.lebenslage = lebenslage
        self.catalogue = catalogue
        self.flows = {fluss.name: fluss for fluss in lebenslage.fluesse}

    def all(self) -> Iterator[Problem]:
        yield from self.frame()
        for fluss in self.lebenslage.fluesse:
            yield from self.flow(fluss)
        for each in self.lebenslage.plans:
            for plan in (each, *each.fassungen):
                yield from self.covered(plan)
                yield from self.fitting(plan)
                yield from self.signing(plan)
                yield from self.asking(plan)
                yield from self.declared(plan)
                yield from self.of_age(plan)
        for leistung, message in tangles(self.lebenslage.plans):
            yield self.problem(leistung, message)
        yield from wrong_texts(self.compiled, self.lebenslage, self.catalogue)
        yield from dead_values(self.compiled.parameter, self.lebenslage.plans)
        yield from superfluous(self.compiled, self.lebenslage, self.catalogue)

    def problem(self, key: str, message: str) -> Problem:
        fallback = Place(f"{self.compiled.name}/lebenslage.yaml", 1, 1)
        place = self.compiled.places.get(key, fallback)
        return Problem(place.file, place.line, place.column, message)

    # flows -----------------------------------------------------------------------------------------------------------

    def frame(self) -> Iterator[Problem]:
        """Find missing flows of the walk; a Lebenslage that no event begins has only its own."""
        if not self.lebenslage.ereignisse:
            if self.lebenslage.plans:
                yield self.problem("", "Leistungen without 'ereignisse' are never decided")
            return
        for short in ("watch", "match", "propose/LETTER"):
            if f"{self.lebenslage.name}/{short}" not in self.flows:
                yield self.problem("", f"the flow '{short}' is missing")

    def flow(self, fluss: Datenfluss) -> Iterator[Problem]:
        if not fluss.felder:
            yield self.problem(fluss.name, "a flow names at least one field")
        if fluss.norm_bis is not None and fluss.norm_bis < fluss.norm_ab:
            yield self.problem(fluss.name, "'norm_bis' lies before 'norm_ab'")
        if fluss.grundlage in _CONSENT and not fluss.einwilligung:
            yield self.problem(fluss.name, f"the basis {fluss.grundlage.value} needs 'einwilligung: ja'")
        if fluss.einwilligung and not fluss.alternativer_weg:
            message = "where consent is asked, 'alternativer_weg' says how it goes without (recital 43 DSGVO)"
            yield self.problem(fluss.name, message)
        yield from self.two_doors(fluss)
        part = fluss.name.split("/")[-1]
        if fluss.phase is Phase.TRANSMIT:
            yield from self.transmitted(fluss, part)
        if fluss.phase is Phase.PREFILL:
            foreign = [name for name in sorted(fluss.felder) if self.catalogue.fakten[name].register != part]
            if foreign:
                yield self.problem(fluss.name, f"not from the register {part}: {', '.join(foreign)}")

    def two_doors(self, fluss: Datenfluss) -> Iterator[Problem]:
        """Find flows that give the norm of answering for that of asking, or leave one of the two open.

        Source: BVerfG, 27 May 2020, 1 BvR 1873/13; docs/decisions/0023.
        """
        if fluss.grundlage in _CONSENT and not _BY_CONSENT.search(fluss.norm):
            message = (
                f"rests on consent, and 'norm' does not say so: {_ARTICLES}; what lets a register answer is"
                " 'uebermittlung'"
            )
            yield self.problem(fluss.name, message)
        if fluss.grundlage not in _CONSENT and _BY_CONSENT.search(fluss.norm):
            yield self.problem(fluss.name, f"'norm' names a consent, and the basis is {fluss.grundlage.value}")
        if fluss.phase is Phase.PREFILL and not fluss.uebermittlung:
            message = "a look-up says which norm lets the register answer: 'uebermittlung'; asking opens no door alone"
            yield self.problem(fluss.name, message)
        if fluss.uebermittlung and fluss.uebermittlung in fluss.norm:
            message = "'uebermittlung' lets the register answer; 'norm' must say what lets you ask, which is another"
            yield self.problem(fluss.name, message)

    def transmitted(self, fluss: Datenfluss, leistung: str) -> Iterator[Problem]:
        plans = {plan.leistung: plan for plan in self.lebenslage.plans}
        if leistung not in plans:
            yield self.problem(fluss.name, f"there is no Leistung '{leistung}' to transmit")
        elif "behoerde" not in plans[leistung].ways().values():
            yield self.problem(fluss.name, f"the Leistung '{leistung}' is never sent; nothing needs this flow")

    # Plans -----------------------------------------------------------------------------------------------------------

    def covered(self, plan: Plan) -> Iterator[Problem]:
        """Find facts that a Plan uses and no flow brings."""
        yield from self.lacking(plan, "match", plan.benoetigt - plan.register.keys())
        for register in sorted(set(plan.register.values())):
            names = {name for name, source in plan.register.items() if source == register}
            yield from self.lacking(plan, f"prefill/{register}", names)
        if "behoerde" in plan.ways().values():
            yield from self.lacking(plan, f"transmit/{plan.leistung}", {item.aus for item in plan.vorbelegung})

    def lacking(self, plan: Plan, short: str, names: Iterable[str]) -> Iterator[Problem]:
        fluss = self.flows.get(f"{self.lebenslage.name}/{short}")
        if fluss is None:
            yield self.problem(plan.leistung, f"the flow '{short}' is missing in lebenslage.yaml")
            return
        over = sorted(set(names) - fluss.felder)
        if over:
            yield self.problem(plan.leistung, f"the flow '{short}' does not cover: {', '.join(over)}")

    def fitting(self, plan: Plan) -> Iterator[Problem]:
        area = self.catalogue.fakten.get(plan.stelle_nach)
        if area is not None and area.typ is not FaktTyp.ARS:
            yield self.problem(
                plan.leistung, f"'stelle: nach' must be a fact of typ ars; {area.name} is {area.typ.value}"
            )
        if not plan.schluessel:
            yield self.problem(plan.leistung, "'schluessel' names at least one fact that tells two proposals apart")
        if plan.gilt.bis is not None and plan.gilt.bis < plan.gilt.ab:
            yield self.problem(plan.leistung, "'gilt: bis' lies before 'ab'")
        names = [frist.name for frist in plan.fristen]
        if len(set(names)) < len(names):
            yield self.problem(plan.leistung, "two Fristen have the same name")
        for item in plan.vorbelegung:
            fakt = self.catalogue.fakten.get(item.aus)
            if fakt is not None and fakt.quelle is Quelle.UHR:
                yield self.problem(f"{plan.leistung}.{item.ziel}", "a field cannot be filled with today's date")
        place = self.compiled.places.get(plan.leistung, Place(f"{self.compiled.name}/leistungen", 1, 1))
        for one in leaves(plan.bedingung):
            if one.das in REGISTRY and "heute" in REGISTRY[one.das].needs:
                message = f"{one.das} changes with the day; a condition says so itself, with 'das: heute'"
                yield Problem(place.file, one.line, one.column, message)
        for leaf, message in late_begins(plan):
            line, column = (leaf.line, leaf.column) if leaf else (place.line, place.column)
            yield Problem(place.file, line, column, message)
        for line, column, message in contradictions(plan.bedingung):
            yield Problem(place.file, line, column, message)

    def signing(self, plan: Plan) -> Iterator[Problem]:
        """Find forms that nobody can keep, and Aufträge of two that would become two Aufträge."""
        two = len(plan.unterzeichner) > 1
        if two and not plan.gruppe:
            yield self.problem(plan.leistung, "two signers need 'gruppe', or each begins an Auftrag of their own")
        if "unterschrift_beide" in plan.form and not two:
            yield self.problem(plan.leistung, "'form: unterschrift_beide' needs two 'unterzeichner'")
        if two and not {"unterschrift_beide", "nutzerkonto_substantiell"} & set(plan.form):
            yield self.problem(plan.leistung, f"two sign, and 'form: {', '.join(plan.form)}' has no place for both")
        ways = plan.ways()
        if "formlos" not in plan.form and any(way == "behoerde" and level < Trust.V2 for level, way in ways.items()):
            forms = ", ".join(plan.form)
            message = f"below V2 nobody keeps the form ({forms}): 'versand' is selbst or hinweis there"
            yield self.problem(plan.leistung, message)
        elif "behoerde" in ways.values() and not {"formlos", "nutzerkonto_substantiell"} & set(plan.form):
            message = f"what is sent keeps no form of paper ({', '.join(plan.form)}); add nutzerkonto_substantiell"
            yield self.problem(plan.leistung, message)

    def asking(self, plan: Plan) -> Iterator[Problem]:
        """Find questions that would be asked of everybody, or of nobody."""
        said = {frage.name for frage in plan.fragen}
        if said & facts_of(plan.bedingung, plan.parameter):
            if plan.indikator is None:
                yield self.problem(plan.leistung, "conditions that only a person can answer need an 'indikator'")
            elif said & facts_of(plan.indikator, plan.parameter):
                names = ", ".join(sorted(said & facts_of(plan.indikator, plan.parameter)))
                yield self.problem(plan.leistung, f"the 'indikator' cannot wait for the person's answer: {names}")
        fixed = {*plan.schluessel, *plan.gruppe, plan.stelle_nach, plan.gilt.schluessel} & said
        if fixed:
            names = ", ".join(sorted(fixed))
            message = f"what only the person says cannot tell proposals apart or find the office: {names}"
            yield self.problem(plan.leistung, message)

    def of_age(self, plan: Plan) -> Iterator[Problem]:
        """Find Aufträge that a child could be asked for: each law has its own age, so each rule says it (V11)."""
        born = f"{plan.je}.geburtsdatum"
        told = any(
            leaf.das == "heute" and leaf.op is Op.AB and isinstance(leaf.wert, Rechnung) and leaf.wert.von == born
            for leaf in leaves(plan.bedingung)
        )
        if plan.art == "auftrag" and not told:
            message = f"nothing says from which age somebody can do this; compare 'heute' with {born} (V11)"
            yield self.problem(plan.leistung, message)

    def declared(self, plan: Plan) -> Iterator[Problem]:
        """Find assumptions that decide nothing."""
        used = facts_of(plan.bedingung, plan.parameter)
        for each in plan.annahmen:
            if each.das not in used:
                yield self.problem(plan.leistung, f"no condition looks at {each.das}: its 'annahme' decides nothing")
        if plan.annahmen and plan.art != "auftrag":
            yield self.problem(plan.leistung, "only an Auftrag holds declarations; 'annahmen' belong to art: auftrag")
