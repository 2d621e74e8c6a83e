"""Do the parts of a Lebenslage fit together? Everything that one file alone cannot show.

Flows must cover what Plans use, texts must exist in every language with placeholders that can be filled, a condition
must be able to hold. Left to others: form and types (``compile``), cases (``cases``).
Source: rules.md §§ 0, 4, 6; lebenslagen.md § 9.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from consent.model import Basis, Phase
from proaktiv.core import texts
from proaktiv.core.conditions import Alle, Eine, Nicht, Node, Op, Vergleich
from proaktiv.core.lebenslagen import LANGUAGES, Datenfluss, Lebenslage, Plan
from proaktiv.rulebook.catalogue import Catalogue, FaktTyp, Quelle, read_catalogue
from proaktiv.rulebook.compile import Compiled, Place, compile_folder, folders
from proaktiv.rulebook.load import Problem

NEEDED_TEXTS = ("titel", "grund")
"""What every Leistung says in every language."""

_CONSENT = frozenset({Basis.CONSENT, Basis.CONSENT_SPECIAL, Basis.CONSENT_STATUTORY})
_BARE_NUMBER = re.compile(r"[0-9]{3,}|[0-9]\s*(?:€|Euro|EUR|%)")


def check(root: Path) -> tuple[tuple[Compiled, ...], tuple[Problem, ...]]:
    """Return all Lebenslagen of the rules folder ``root`` and everything that is wrong, in the order of the files."""
    catalogue = read_catalogue(root)
    compiled = tuple(compile_folder(folder, catalogue) for folder in folders(root))
    problems = list(catalogue.problems)
    for one in compiled:
        problems += one.problems or check_whole(one, catalogue)
    return compiled, tuple(problems)


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
        for plan in self.lebenslage.plans:
            yield from self.covered(plan)
            yield from self.fitting(plan)
        yield from self.texts()

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
        if fluss.phase is Phase.TRANSMIT and part not in {plan.leistung for plan in self.lebenslage.plans}:
            yield self.problem(fluss.name, f"there is no Leistung '{part}' to transmit")
        if fluss.phase is Phase.PREFILL:
            foreign = [name for name in sorted(fluss.felder) if self.catalogue.fakten[name].register != part]
            if foreign:
                yield self.problem(fluss.name, f"not from the register {part}: {', '.join(foreign)}")

    # Plans -----------------------------------------------------------------------------------------------------------

    def covered(self, plan: Plan) -> Iterator[Problem]:
        """Find facts that a Plan uses and no flow brings."""
        yield from self.lacking(plan, "match", plan.benoetigt - plan.register.keys())
        for register in sorted(set(plan.register.values())):
            names = {name for name, source in plan.register.items() if source == register}
            yield from self.lacking(plan, f"prefill/{register}", names)
        if plan.versand == "behoerde":
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
        for line, column, message in contradictions(plan.bedingung):
            place = self.compiled.places.get(plan.leistung, Place(f"{self.compiled.name}/leistungen", 1, 1))
            yield Problem(place.file, line, column, message)

    # texts -----------------------------------------------------------------------------------------------------------

    def texts(self) -> Iterator[Problem]:
        by_language = self.lebenslage.texte.by_language
        sections = {"lebenslage", *(plan.leistung for plan in self.lebenslage.plans)}
        for plan in self.lebenslage.plans:
            for language in LANGUAGES:
                for part in NEEDED_TEXTS:
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
        if found := _BARE_NUMBER.search(texts.without_placeholders(text)):
            yield self.problem(place, f"the number '{found[0]}' stands bare in a text; law changes, use a placeholder")

    def may_stand(self, section: str) -> frozenset[str]:
        """Return what a text of a Leistung may name: facts of the permitted event, and its own Fristen."""
        if section == "lebenslage":
            return frozenset()
        match = self.flows.get(f"{self.lebenslage.name}/match")
        plan = self.lebenslage.plan(section)
        return (match.felder if match else frozenset()) | {f"fristen.{frist.name}" for frist in plan.fristen}


def contradictions(node: Node) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and message of every ``alle`` that can never hold, however the facts are.

    Looks at the direct parts of one ``alle``: enough for what authors mistype, and never a false alarm.
    """
    if isinstance(node, Vergleich):
        return
    if isinstance(node, Nicht):
        yield from contradictions(node.teil)
        return
    if isinstance(node, Alle):
        by_fact: dict[str, list[Vergleich]] = {}
        for part in node.teile:
            if isinstance(part, Vergleich):
                by_fact.setdefault(part.das, []).append(part)
        for name, parts in by_fact.items():
            if _excluded(parts):
                last = parts[-1]
                yield last.line, last.column, f"this can never hold together with the other conditions on {name}"
    if isinstance(node, Alle | Eine):
        for part in node.teile:
            yield from contradictions(part)


def _excluded(parts: list[Vergleich]) -> bool:
    possible: set[object] | None = None
    for part in parts:
        if part.op in {Op.IST, Op.EINER_VON}:
            named: set[object] = set(part.wert) if isinstance(part.wert, tuple) else {part.wert}
            possible = named if possible is None else possible & named
    if possible is not None and not possible:
        return True
    low = [_bound(part, Op.MINDESTENS, Op.MEHR_ALS, 1) for part in parts]
    high = [_bound(part, Op.MAXIMAL, Op.WENIGER_ALS, -1) for part in parts]
    lows, highs = [n for n in low if n is not None], [n for n in high if n is not None]
    return bool(lows and highs) and max(lows) > min(highs)


def _bound(part: Vergleich, including: Op, excluding: Op, step: int) -> int | None:
    if part.op not in {including, excluding} or not isinstance(part.wert, int):
        return None
    return part.wert + (step if part.op is excluding else 0)
