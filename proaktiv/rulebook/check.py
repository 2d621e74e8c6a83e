"""Do the parts of a Lebenslage fit together? Everything that one file alone cannot show.

Flows must cover what Plans use, texts must exist in every language with placeholders that can be filled, a condition
must be able to hold. Left to others: form and types (``compile``), cases (``cases``).
Source: rules.md §§ 0, 4, 6; lebenslagen.md § 9.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from consent.model import Basis, Phase
from proaktiv.core import texts
from proaktiv.core.conditions import facts_of
from proaktiv.core.derived import REGISTRY
from proaktiv.core.lebenslagen import LANGUAGES, Datenfluss, Lebenslage
from proaktiv.core.outcomes import tangles
from proaktiv.core.plans import Plan
from proaktiv.core.proposals import AMOUNTS
from proaktiv.core.trust import Trust
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import Compiled, compile_folder, folders
from proaktiv.rulebook.contradictions import contradictions
from proaktiv.rulebook.facts import FaktTyp, Quelle
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.parameters import dead_values, late_begins, unchecked
from proaktiv.rulebook.reading import Place

NEEDED_TEXTS = ("titel", "grund")
"""What every Leistung says in every language; one that asks the person also says ``frage``."""

_CONSENT = frozenset({Basis.CONSENT, Basis.CONSENT_SPECIAL, Basis.CONSENT_STATUTORY})
_BARE_NUMBER = re.compile(r"[0-9]{3,}|[0-9]\s*(?:€|Euro|EUR|%)")


def _telling(text: str) -> frozenset[str]:
    """Return the placeholders that every language must have: days and amounts, not names."""
    try:
        names = texts.placeholders(text)
    except texts.TextError:
        return frozenset()
    return frozenset(name for name in names if name.startswith(("fristen.", "parameter.")))


def check(root: Path) -> tuple[tuple[Compiled, ...], tuple[Problem, ...]]:
    """Return all Lebenslagen of the rules folder ``root`` and everything that is wrong, in the order of the files."""
    catalogue = read_catalogue(root)
    compiled = tuple(compile_folder(folder, catalogue) for folder in folders(root))
    problems = list(catalogue.problems)
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
        for leistung, message in tangles(self.lebenslage.plans):
            yield self.problem(leistung, message)
        yield from self.texts()
        yield from self.same_in_every_language()
        yield from dead_values(self.compiled.parameter, self.lebenslage.plans)

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
        part = fluss.name.split("/")[-1]
        if fluss.phase is Phase.TRANSMIT:
            yield from self.transmitted(fluss, part)
        if fluss.phase is Phase.PREFILL:
            foreign = [name for name in sorted(fluss.felder) if self.catalogue.fakten[name].register != part]
            if foreign:
                yield self.problem(fluss.name, f"not from the register {part}: {', '.join(foreign)}")

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

    def declared(self, plan: Plan) -> Iterator[Problem]:
        """Find assumptions that decide nothing."""
        used = facts_of(plan.bedingung, plan.parameter)
        for each in plan.annahmen:
            if each.das not in used:
                yield self.problem(plan.leistung, f"no condition looks at {each.das}: its 'annahme' decides nothing")
        if plan.annahmen and plan.art != "auftrag":
            yield self.problem(plan.leistung, "only an Auftrag holds declarations; 'annahmen' belong to art: auftrag")

    # texts -----------------------------------------------------------------------------------------------------------

    def texts(self) -> Iterator[Problem]:
        by_language = self.lebenslage.texte.by_language
        sections = {"lebenslage", *(plan.leistung for plan in self.lebenslage.plans)}
        for plan in self.lebenslage.plans:
            for language in LANGUAGES:
                for part in (*NEEDED_TEXTS, *(("frage",) if plan.fragen else ())):
                    if f"{plan.leistung}.{part}" not in by_language.get(language, {}):
                        file = f"{self.compiled.name}/texte/{language}.yaml"
                        yield Problem(file, 1, 1, f"the text '{plan.leistung}: {part}' is missing")
        for language, found in by_language.items():
            for key, text in found.items():
                section = key.partition(".")[0]
                if section not in sections:
                    yield self.problem(f"{language}:{key}", f"there is no Leistung '{section}'")
                else:
                    yield from self.text(f"{language}:{key}", section, text)

    def text(self, place: str, section: str, text: str) -> Iterator[Problem]:
        allowed = self.may_stand(section)
        try:
            names = texts.placeholders(text)
        except texts.TextError as error:
            yield self.problem(place, str(error))
            return
        for name in names:
            if name not in allowed:
                choices = ", ".join(sorted(allowed)) or "none"
                yield self.problem(place, f"nothing fills the placeholder {{{name}}}; allowed here: {choices}")
            elif name.startswith("parameter.") and place.rpartition(".")[2] not in AMOUNTS:
                message = f"{{{name}}} stands in a text {' or '.join(AMOUNTS)} only: it is left out where it is unknown"
                yield self.problem(place, message)
        if found := _BARE_NUMBER.search(texts.without_placeholders(text)):
            yield self.problem(place, f"the number '{found[0]}' stands bare in a text; law changes, use a placeholder")

    def same_in_every_language(self) -> Iterator[Problem]:
        """Find what one language tells and another leaves out: a text, or a Frist or an amount in it."""
        by_language = self.lebenslage.texte.by_language
        for language, found in by_language.items():
            for key in sorted({key for other in by_language.values() for key in other} - found.keys()):
                section, _, part = key.partition(".")
                message = f"the text '{section}: {part}' stands in another language and is missing here"
                if part not in NEEDED_TEXTS and section != "lebenslage":
                    yield Problem(f"{self.compiled.name}/texte/{language}.yaml", 1, 1, message)
            for key, text in found.items():
                told = {name for other in by_language.values() for name in _telling(other.get(key, ""))}
                if lacking := sorted(told - _telling(text)):
                    names = ", ".join(f"{{{name}}}" for name in lacking)
                    yield self.problem(f"{language}:{key}", f"another language tells {names} here, this one does not")

    def may_stand(self, section: str) -> frozenset[str]:
        """Return what a text of a Leistung may name: facts of the permitted event, and its own Fristen."""
        if section == "lebenslage":
            return frozenset()
        match = self.flows.get(f"{self.lebenslage.name}/match")
        plan = self.lebenslage.plan(section)
        filled = {f"fristen.{frist.name}" for frist in plan.fristen} | {f"parameter.{name}" for name in plan.parameter}
        # A betrag is in cents; a text shows amounts of the law only, as {parameter.name}.
        known = self.catalogue.fakten
        covered = match.felder if match else frozenset()
        filled |= {name for name in plan.abgeleitet if REGISTRY[name].needs.keys() <= covered}
        facts = {name for name in covered if known[name].typ is not FaktTyp.BETRAG}
        return frozenset(facts | filled)
