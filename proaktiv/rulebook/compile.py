"""One folder of ``rules/`` → one ``Lebenslage``, or the list of what is wrong in it.

Reads form and types; whether the parts fit together says ``check``, whether the law is met say the author's cases.
Layout: ``lebenslage.yaml``, ``leistungen/*.yaml``, ``texte/{de,en,ls}.yaml``, ``faelle/*.yaml``.
Source: rules.md §§ 0, 4.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from consent.model import Basis, Phase
from proaktiv.core.conditions import Eine
from proaktiv.core.fristen import DATELESS, Frist, FristTyp, Massgeblich
from proaktiv.core.lebenslagen import LANGUAGES, Datenfluss, Gilt, Lebenslage, Leika, Plan, Texte, Vorbelegung
from proaktiv.rulebook.catalogue import Catalogue, Quelle
from proaktiv.rulebook.load import Mapping as NodeMapping
from proaktiv.rulebook.load import Node, Problem, RuleFileError, Scalar, load
from proaktiv.rulebook.reading import Reader
from proaktiv.rulebook.trees import Trees

T = TypeVar("T")

ROLES = ("elternteil", "person")
"""Who a decision can be for: the role whose facts a row holds (``core.binding``)."""

STATUS = ("in_kraft", "entwurf")
VERSAND = ("behoerde", "selbst", "hinweis")
FORMS = ("formlos", "unterschrift_beide", "nutzerkonto_substantiell", "unterschrift")
TRUST = ("V0", "V1", "V2", "V3")

_LEISTUNG = re.compile(r"[A-Z][A-Z0-9-]{1,47}")
_FLOW = re.compile(r"watch|match|prefill/[A-Z][A-Z0-9-]+|propose/[A-Z][A-Z0-9-]+|transmit/[A-Z][A-Z0-9-]+")
_KEY = re.compile(r"[a-z][a-z_]{0,47}")
_FLOWS_ALLOWED = "watch, match, prefill/REGISTER, propose/KANAL, transmit/LEISTUNG"
NEVER = Eine(())
"""Stands for a condition that could not be read: never yes. A folder with problems is not used anyway."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a folder says. ``lebenslage`` may be used only where ``problems`` is empty.

    ``places`` finds the source of ``<LEISTUNG>``, ``<LEISTUNG>.<ziel>``, ``<flow name>``, ``<language>:<text key>``.
    """

    folder: Path
    name: str
    lebenslage: Lebenslage | None
    status: str = "entwurf"
    problems: tuple[Problem, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)


def folders(root: Path) -> tuple[Path, ...]:
    """Return the folders of all Lebenslagen below the rules folder ``root``, by name."""
    return tuple(sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))))


def compile_folder(folder: Path, catalogue: Catalogue) -> Compiled:
    """Return the Lebenslage of ``folder`` with every mistake of form that its files have."""
    return _Folder(folder, catalogue).compile()


class _Folder:
    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.folder = folder
        self.name = folder.name
        self.catalogue = catalogue
        self.problems: list[Problem] = []
        self.places: dict[str, Place] = {}
        self.status = "entwurf"

    def compile(self) -> Compiled:
        head = self.open("lebenslage.yaml")
        fluesse: tuple[Datenfluss, ...] = ()
        ereignisse: tuple[str, ...] = ()
        if head is not None:
            ereignisse, fluesse = self.head(*head)
        plans = []
        for path in sorted((self.folder / "leistungen").glob("*.yaml")):
            opened = self.open(f"leistungen/{path.name}")
            if opened is not None and (plan := self.plan(*opened)) is not None:
                plans.append(plan)
        texte = self.texts()
        lebenslage = Lebenslage(self.name, 0, ereignisse, fluesse, tuple(plans), texte)
        return Compiled(self.folder, self.name, lebenslage, self.status, tuple(self.problems), self.places)

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

    def keep(self, reader: Reader, key: str, node: Node) -> None:
        self.places[key] = Place(reader.file, node.line, node.column)

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
            self.keep(reader, fluss.name, item)
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
            ("norm_bis", "alternativer_weg"),
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
            felder=frozenset(self.field_names(reader, parts.get("felder"))),
            grundlage=Basis(reader.word(parts.get("grundlage"), [each.value for each in Basis], Basis.CONSENT.value)),
            norm=reader.text(parts.get("norm")),
            norm_ab=reader.day(parts.get("norm_ab")),
            norm_bis=reader.day_or_none(parts.get("norm_bis")),
            einwilligung=reader.yes(parts.get("einwilligung"), instead=True),
            alternativer_weg=reader.text(parts.get("alternativer_weg")),
            hinweis_text={language: reader.text(text) for language, text in hints.items()},
        )

    def field_names(self, reader: Reader, node: Node | None) -> tuple[str, ...]:
        trees = Trees(reader, self.catalogue, self.name)
        for item in reader.items(node):
            trees.fact(item)
        return reader.texts(node)

    # leistungen/*.yaml -----------------------------------------------------------------------------------------------

    def plan(self, reader: Reader, node: Node) -> Plan | None:
        parts = reader.fields(
            node,
            (
                "leistung",
                "name",
                "version",
                "status",
                "geprueft_bis",
                "je",
                "gilt",
                "voraussetzungen",
                "vorschlag",
                "stelle",
                "versand",
                "form",
                "min_vertrauen",
                "fristen",
                "vorbelegung",
            ),
            ("leika", "indikator"),
        )
        leistung = reader.text(parts.get("leistung"))
        if leistung and not _LEISTUNG.fullmatch(leistung):
            reader.wrong(parts["leistung"], f"'{leistung}' is no id of a Leistung; write capitals, like KITA-PLATZ")
        if leistung in self.places:
            reader.wrong(node, f"the Leistung '{leistung}' stands in another file too")
        self.keep(reader, leistung, node)
        trees = Trees(reader, self.catalogue, self.name)
        vorschlag = reader.fields(parts["vorschlag"], ("schluessel",), ("gruppe",)) if "vorschlag" in parts else {}
        stelle = reader.fields(parts["stelle"], ("art", "nach")) if "stelle" in parts else {}
        bedingung = trees.tree(parts.get("voraussetzungen"))
        plan = Plan(
            lebenslage=self.name,
            leistung=leistung,
            name=reader.text(parts.get("name")),
            je=reader.word(parts.get("je"), ROLES, ROLES[0]),
            bedingung=bedingung or NEVER,
            gilt=self.gilt(reader, trees, parts.get("gilt")),
            stelle_art=reader.word(stelle.get("art"), sorted(self.catalogue.stellen)),
            stelle_nach=_name(trees, stelle.get("nach")),
            schluessel=_names(trees, vorschlag.get("schluessel")),
            version=reader.whole(parts.get("version"), 1, 10_000),
            leika=self.leika(reader, parts.get("leika")),
            indikator=trees.tree(parts.get("indikator")),
            fristen=tuple(self.frist(reader, trees, item) for item in reader.items(parts.get("fristen"))),
            gruppe=_names(trees, vorschlag.get("gruppe")),
            versand=reader.word(parts.get("versand"), VERSAND, VERSAND[0]),
            form=reader.word(parts.get("form"), FORMS, FORMS[0]),
            min_vertrauen=TRUST.index(reader.word(parts.get("min_vertrauen"), TRUST, "V1")),
            vorbelegung=self.prefill(reader, trees, leistung, parts.get("vorbelegung")),
            status=reader.word(parts.get("status"), STATUS, "entwurf"),
            geprueft_bis=reader.day_or_none(parts.get("geprueft_bis")),
        )
        return self.done(reader, self.with_registers(plan))

    def with_registers(self, plan: Plan) -> Plan:
        """Return the Plan with the registers that the catalogue names for its facts."""
        fakten = self.catalogue.fakten
        register = {
            name: fakten[name].register
            for name in sorted(plan.benoetigt)
            if name in fakten and fakten[name].quelle is Quelle.REGISTER
        }
        return replace(plan, register=register)

    def gilt(self, reader: Reader, trees: Trees, node: Node | None) -> Gilt:
        parts = reader.fields(node, ("schluessel", "ab"), ("bis",)) if node is not None else {}
        key = trees.reckoning(parts.get("schluessel"))
        return Gilt(key.von if key else "", reader.day(parts.get("ab")), reader.day_or_none(parts.get("bis")))

    def leika(self, reader: Reader, node: Node | None) -> Leika | None:
        if node is None:
            return None
        parts = reader.fields(node, ("schluessel", "quelle", "geprueft_am"))
        key = reader.leika(parts.get("schluessel"))
        return Leika(key, reader.text(parts.get("quelle")), reader.day(parts.get("geprueft_am")))

    def frist(self, reader: Reader, trees: Trees, node: Node) -> Frist:
        parts = reader.fields(node, ("name", "typ", "massgeblich"), ("ende", "verschiebung", "norm", "quelle", "folge"))
        typ = FristTyp(reader.word(parts.get("typ"), [each.value for each in FristTyp], FristTyp.KEINE.value))
        if (typ in DATELESS) == ("ende" in parts):
            without = "has no date, so no 'ende'" if typ in DATELESS else "needs 'ende', how it is reckoned"
            reader.wrong(node, f"a Frist of typ {typ.value} {without}")
        if "ende" in parts and not ({"norm", "quelle"} & parts.keys()):
            reader.wrong(node, "a Frist needs its 'norm' or its 'quelle'")
        return Frist(
            name=reader.text(parts.get("name")),
            typ=typ,
            massgeblich=Massgeblich(
                reader.word(parts.get("massgeblich"), [each.value for each in Massgeblich], Massgeblich.ABGABE.value)
            ),
            ende=trees.reckoning(parts.get("ende")),
            verschiebung=reader.text(parts.get("verschiebung")),
            norm=reader.text(parts.get("norm")),
            quelle=reader.text(parts.get("quelle")),
            folge=reader.text(parts.get("folge")),
        )

    def prefill(self, reader: Reader, trees: Trees, leistung: str, node: Node | None) -> tuple[Vorbelegung, ...]:
        found: dict[str, Vorbelegung] = {}
        for item in reader.items(node):
            parts = reader.fields(item, ("ziel", "aus", "aenderbar"))
            ziel = reader.text(parts.get("ziel"))
            if ziel in found:
                reader.wrong(item, f"the field '{ziel}' is filled twice")
            self.keep(reader, f"{leistung}.{ziel}", item)
            found[ziel] = Vorbelegung(ziel, _name(trees, parts.get("aus")), reader.yes(parts.get("aenderbar")))
        return tuple(found.values())

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
                self.keep(reader, f"{language}:{section}.{key}", text)
        return found


def _name(trees: Trees, node: Node | None) -> str:
    fakt = trees.fact(node) if node is not None else None
    return fakt.name if fakt else ""


def _names(trees: Trees, node: Node | None) -> tuple[str, ...]:
    for item in trees.reader.items(node):
        if isinstance(item, Scalar):
            trees.fact(item)
    return trees.reader.texts(node)
