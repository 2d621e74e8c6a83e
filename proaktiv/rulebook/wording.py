"""Texts of a Lebenslage: the same said in every language, and only what can be filled.

Amounts and days come as placeholders: law changes, texts stay. Left to others: everything that is no text (``check``),
filling (``core.texts``, ``core.proposals``). Source: rules.md §§ 4, 10 (25).
"""

import re
from collections.abc import Iterator

from proaktiv.core import texts
from proaktiv.core.derived import REGISTRY
from proaktiv.core.lebenslagen import LANGUAGES, Lebenslage
from proaktiv.core.proposals import AMOUNTS
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.facts import FaktTyp
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.reading import Place
from proaktiv.rulebook.suggest import suggestion

NEEDED_TEXTS = ("titel", "grund")
"""What every Leistung says in every language; one that asks the person also says ``frage``."""

_BARE_NUMBER = re.compile(r"[0-9]{3,}|[0-9][0-9.,]*\s*(?:€|Euro|EUR|%)")


def wrong_texts(compiled: Compiled, lebenslage: Lebenslage, catalogue: Catalogue) -> Iterator[Problem]:
    """Yield what is wrong in the texts of a Lebenslage whose files are well-formed."""
    wording = _Wording(compiled, lebenslage, catalogue)
    yield from wording.all()
    yield from wording.same_in_every_language()


def _telling(text: str) -> frozenset[str]:
    """Return the placeholders that every language must have: days and amounts, not names."""
    try:
        names = texts.placeholders(text)
    except texts.TextError:
        return frozenset()
    return frozenset(name for name in names if name.startswith(("fristen.", "parameter.")))


class _Wording:
    def __init__(self, compiled: Compiled, lebenslage: Lebenslage, catalogue: Catalogue) -> None:
        self.compiled = compiled
        self.lebenslage = lebenslage
        self.catalogue = catalogue
        self.flows = {fluss.name: fluss for fluss in lebenslage.fluesse}

    def problem(self, key: str, message: str) -> Problem:
        place = self.compiled.places.get(key, Place(f"{self.compiled.name}/lebenslage.yaml", 1, 1))
        return Problem(place.file, place.line, place.column, message)

    def all(self) -> Iterator[Problem]:
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
                yield self.problem(
                    place,
                    f"nothing fills the placeholder {{{name}}}; allowed here: {choices}{suggestion(name, allowed)}",
                )
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
        filled |= {name for name in plan.abgeleitet if REGISTRY[name].needs.keys() <= covered | {"heute"}}
        facts = {name for name in covered if known[name].typ is not FaktTyp.BETRAG}
        return frozenset(facts | filled)
