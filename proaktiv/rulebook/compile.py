"""One folder of ``rules/`` → one ``Lebenslage``, or the list of what is wrong in it.

Reads form and types; one Leistung is read by ``leistungen``. Whether the parts fit together says ``check``, whether
the law is met say the author's cases.
Layout: ``lebenslage.yaml``, ``leistungen/*.yaml``, ``texte/{de,en,ls}.yaml``, ``faelle/*.yaml``.
Source: rules.md §§ 0, 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from consent.model import Basis, Phase
from proaktiv.core.lebenslagen import LANGUAGES, Datenfluss, Lebenslage, Texte
from proaktiv.core.plans import Plan
from proaktiv.core.texts import TextError, placeholders
from proaktiv.rulebook.catalogue import Catalogue
from proaktiv.rulebook.leistungen import STATUS, Leistungen
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, load
from proaktiv.rulebook.parameters import NONE, Parameters, joined, read_parameters
from proaktiv.rulebook.reading import Place, Reader
from proaktiv.rulebook.trees import Trees

T = TypeVar("T")

_FLOW = re.compile(r"watch|match|prefill/[A-Z][A-Z0-9-]+|propose/[A-Z][A-Z0-9-]+|transmit/[A-Z][A-Z0-9-]+")
_KEY = re.compile(r"[a-z][a-z_]{0,47}")
_FLOWS_ALLOWED = "watch, match, prefill/REGISTER, propose/KANAL, transmit/LEISTUNG"


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a folder says. ``lebenslage`` may be used only where ``problems`` is empty.

    ``entwuerfe`` are Leistungen as they would be after a law that is not adopted: for simulation, never for release.
    ``places`` finds the source of ``<LEISTUNG>``, ``<LEISTUNG>.<ziel>``, ``<flow name>``, ``<flow name>:<fact>``,
    ``<language>:<text key>``.
    """

    folder: Path
    name: str
    lebenslage: Lebenslage | None
    status: str = "entwurf"
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)
    parameter: Parameters = NONE
    entwuerfe: tuple[Plan, ...] = ()


def folders(root: Path) -> tuple[Path, ...]:
    """Return the folders of all Lebenslagen below the rules folder ``root``, by name."""
    return tuple(sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))))


def compile_folder(folder: Path, catalogue: Catalogue) -> Compiled:
    """Return the Lebenslage of ``folder`` with every mistake of form that its files have."""
    return _Folder(folder, catalogue).compile()


def named_in_texts(texte: Texte) -> dict[str, frozenset[str]]:
    """Return what the texts of each Leistung show: the names of their placeholders. Broken texts show nothing."""
    found: dict[str, set[str]] = {}
    for by_key in texte.by_language.values():
        for key, text in by_key.items():
            try:
                names = placeholders(text)
            except TextError:
                continue
            found.setdefault(key.partition(".")[0], set()).update(names)
    return {leistung: frozenset(names) for leistung, names in found.items()}


class _Folder:
    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.folder = folder
        self.name = folder.name
        self.catalogue = catalogue
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self.status = "entwurf"

    def compile(self) -> Compiled:
        own = self.parameters()
        head = self.open("lebenslage.yaml")
        fluesse: tuple[Datenfluss, ...] = ()
        ereignisse: tuple[str, ...] = ()
        if head is not None:
            ereignisse, fluesse = self.head(*head)
        plans = []
        entwuerfe: list[Plan] = []
        texte = self.texts()
        shown = named_in_texts(texte)
        for path in sorted((self.folder / "leistungen").glob("*.yaml")):
            opened = self.open(f"leistungen/{path.name}")
            if opened is not None:
                reader, node = opened
                leistungen = Leistungen(reader, self.catalogue, self.name, self.places, shown)
                plans.append(self.done(reader, leistungen.plan(node)))
                entwuerfe += leistungen.entwuerfe
        named = sorted({name for fluss in fluesse for name in fluss.felder} & self.catalogue.fakten.keys())
        fakten = {name: dict(self.catalogue.fakten[name].beschriftung) for name in named}
        im_amt = {name: dict(fakt.im_amt) for name in named if (fakt := self.catalogue.fakten[name]).im_amt}
        formen = {name: fakt.form for name in named if (fakt := self.catalogue.fakten[name]).register}
        lebenslage = Lebenslage(self.name, 0, ereignisse, fluesse, tuple(plans), texte, fakten, im_amt, formen)
        return Compiled(
            self.folder,
            self.name,
            lebenslage,
            self.status,
            tuple(dict.fromkeys(self.problems)),
            self.places,
            own,
            tuple(entwuerfe),
        )

    def parameters(self) -> Parameters:
        """Return the Lebenslage's own parameters; from here on the catalogue has them beside the shared ones."""
        path = self.folder / "parameter.yaml"
        if not path.exists():
            return NONE
        own = read_parameters(path, f"{self.name}/parameter.yaml", self.catalogue.fakten)
        shared = replace(self.catalogue.parameter, problems=())
        everything = joined(shared, own)
        self.problems += everything.problems
        self.catalogue = replace(self.catalogue, parameter=everything)
        return own

    def open(self, file: str) -> tuple[Reader, Node] | None:
        shown = f"{self.name}/{file}"
        try:
            node = load(self.folder / file, shown)
        except RuleFileError as error:
            self.problems.append(error.problem)
            return None
        except FileNotFoundError:
            self.problems.append(Problem(shown, 1, 1, "the file is missing"))
            return None
        return Reader(shown), node

    def done(self, reader: Reader, result: T) -> T:
        self.problems += reader.problems
        return result

    # lebenslage.yaml -------------------------------------------------------------------------------------------------

    def head(self, reader: Reader, node: Node) -> tuple[tuple[str, ...], tuple[Datenfluss, ...]]:
        parts = reader.fields(node, ("lebenslage", "ereignisse", "status", "fluesse"))
        if "lebenslage" in parts:
            reader.word(parts["lebenslage"], (self.name,))
        self.status = reader.word(parts.get("status"), STATUS, "entwurf")
        ereignisse = reader.texts(parts.get("ereignisse"))
        fluesse = []
        for item in reader.items(parts.get("fluesse")):
            fluss = self.fluss(reader, item)
            if fluss.name in self.places:
                reader.wrong(item, f"the flow '{fluss.name}' stands here twice")
            self.places[fluss.name] = reader.place(item)
            fluesse.append(fluss)
        return self.done(reader, (ereignisse, tuple(fluesse)))

    def fluss(self, reader: Reader, node: Node) -> Datenfluss:
        parts = reader.fields(
            node,
            (
                "fluss",
                "zweck",
                "quelle",
                "empfaenger",
                "felder",
                "grundlage",
                "norm",
                "norm_ab",
                "einwilligung",
                "hinweis",
            ),
            ("norm_bis", "alternativer_weg", "uebermittlung"),
        )
        short = reader.text(parts.get("fluss"))
        if short and not _FLOW.fullmatch(short):
            reader.wrong(parts["fluss"], f"'{short}' is no flow; allowed: {_FLOWS_ALLOWED}")
            short = "watch"
        hints = reader.fields(parts["hinweis"], ("de", "en")) if "hinweis" in parts else {}
        return Datenfluss(
            name=f"{self.name}/{short or 'watch'}",
            phase=Phase((short or "watch").partition("/")[0]),
            zweck=reader.text(parts.get("zweck")),
            quelle=reader.text(parts.get("quelle")),
            empfaenger=reader.text(parts.get("empfaenger")),
            felder=frozenset(self.field_names(reader, f"{self.name}/{short}", parts.get("felder"))),
            grundlage=Basis(reader.word(parts.get("grundlage"), [each.value for each in Basis], Basis.CONSENT.value)),
            norm=reader.text(parts.get("norm")),
            norm_ab=reader.day(parts.get("norm_ab")),
            norm_bis=reader.day_or_none(parts.get("norm_bis")),
            uebermittlung=reader.text(parts["uebermittlung"]) if "uebermittlung" in parts else "",
            einwilligung=reader.yes(parts.get("einwilligung"), instead=True),
            alternativer_weg=reader.text(parts.get("alternativer_weg")),
            hinweis_text={language: reader.text(text) for language, text in hints.items()},
        )

    def field_names(self, reader: Reader, flow: str, node: Node | None) -> tuple[str, ...]:
        trees = Trees(reader, self.catalogue, self.name)
        for item in reader.items(node):
            trees.fact(item)
            if isinstance(item, Scalar):
                self.places[f"{flow}:{item.text}"] = reader.place(item)
        return reader.texts(node)

    # texte/*.yaml ----------------------------------------------------------------------------------------------------

    def texts(self) -> Texte:
        by_language = {}
        for language in LANGUAGES:
            opened = self.open(f"texte/{language}.yaml")
            if opened is not None:
                reader, node = opened
                by_language[language] = self.done(reader, self.sections(reader, language, node))
        return Texte(by_language)

    def sections(self, reader: Reader, language: str, node: Node) -> dict[str, str]:
        if not isinstance(node, NodeMapping):
            reader.wrong(node, "here must stand sections of texts by name")
            return {}
        found = {}
        for section, inner in node.entries.items():
            if not isinstance(inner, NodeMapping):
                reader.wrong(inner, "here must stand texts by name")
                continue
            for key, text in inner.entries.items():
                if not _KEY.fullmatch(key):
                    reader.wrong(inner.keys[key], f"'{key}' is no name of a text; write small letters, like titel")
                found[f"{section}.{key}"] = reader.text(text)
                self.places[f"{language}:{section}.{key}"] = reader.place(text)
        return found
