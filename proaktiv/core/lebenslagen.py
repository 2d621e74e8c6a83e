"""Rules as values: Lebenslage, its Datenflüsse, its Plans. What the steps and the pages see of ``rules/``.

A Plan is one Leistung, compiled: immutable, with a hash over its canonical JSON by which a decision stays explicable
for years. Left to others: reading and checking files (``rulebook``), deciding (``core.matching``).
Source: rules.md §§ 5, 6.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from consent.model import Basis, Phase
from proaktiv.core import conditions
from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import Check, Node, Vergleich
from proaktiv.core.errors import NotFound
from proaktiv.core.fristen import Frist, Rechnung

LANGUAGES = ("de", "en", "ls")
"""German, English, Leichte Sprache. German is the one that exists always."""


@dataclass(frozen=True, slots=True)
class Texte:
    """Texts by language and key. Keys: ``lebenslage.<part>``, ``<LEISTUNG>.titel``, ``.grund`` and others."""

    by_language: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    def text(self, key: str, language: str = "de") -> str:
        """Return a text, in German where the language lacks it. Raises ``NotFound`` where German lacks it too."""
        for one in (language, "de"):
            found = self.by_language.get(one, {}).get(key)
            if found is not None:
                return found
        raise NotFound(f"text {key}")


@dataclass(frozen=True, slots=True)
class Datenfluss:
    """One flow of personal data that a Lebenslage declares; released, it is a consent activity of the same name.

    ``einwilligung`` stands apart from ``grundlage``: a flow may need consent on top of its norm. ``hinweis_text`` is
    what the person reads before deciding, by language (always ``de``, ``en``).
    """

    name: str
    phase: Phase
    zweck: str
    quelle: str
    empfaenger: str
    felder: frozenset[str]
    grundlage: Basis
    norm: str
    norm_ab: date
    norm_bis: date | None = None
    einwilligung: bool = True
    alternativer_weg: str = ""
    hinweis_text: Mapping[str, str] = field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Return the flow as JSON data."""
        return {
            "alternativer_weg": self.alternativer_weg,
            "einwilligung": self.einwilligung,
            "empfaenger": self.empfaenger,
            "felder": sorted(self.felder),
            "grundlage": self.grundlage.value,
            "hinweis_text": dict(self.hinweis_text),
            "name": self.name,
            "norm": self.norm,
            "norm_ab": self.norm_ab.isoformat(),
            "norm_bis": self.norm_bis.isoformat() if self.norm_bis else None,
            "phase": self.phase.value,
            "quelle": self.quelle,
            "zweck": self.zweck,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Datenfluss":
        """Return what ``to_json`` gave."""
        return cls(
            name=data["name"],
            phase=Phase(data["phase"]),
            zweck=data["zweck"],
            quelle=data["quelle"],
            empfaenger=data["empfaenger"],
            felder=frozenset(data["felder"]),
            grundlage=Basis(data["grundlage"]),
            norm=data["norm"],
            norm_ab=date.fromisoformat(data["norm_ab"]),
            norm_bis=date.fromisoformat(data["norm_bis"]) if data["norm_bis"] else None,
            einwilligung=data["einwilligung"],
            alternativer_weg=data["alternativer_weg"],
            hinweis_text=dict(data["hinweis_text"]),
        )


@dataclass(frozen=True, slots=True)
class Vorbelegung:
    """One field of the Auftrag and the fact that fills it."""

    ziel: str
    aus: str
    aenderbar: bool = False


@dataclass(frozen=True, slots=True)
class Gilt:
    """The rule's own time: it applies where the key fact lies from ``ab`` to ``bis`` (both included)."""

    schluessel: str
    ab: date
    bis: date | None = None


@dataclass(frozen=True, slots=True)
class Leika:
    """A key of the Leistungskatalog with where it was read and when; never without both."""

    key: str
    quelle: str
    geprueft_am: date


@dataclass(frozen=True, slots=True)
class Plan:
    """One Leistung of one Lebenslage, compiled. ``je`` is the role that gets a decision of its own.

    ``schluessel`` are the facts that make two proposals the same one; ``gruppe`` those of a group in which the first
    acceptance closes the others. ``stelle_nach`` is the fact that holds the ARS. ``register`` says which facts come by
    look-up, and from which register. ``benoetigt``, ``hash`` and ``check`` are derived.
    """

    lebenslage: str
    leistung: str
    name: str
    je: str
    bedingung: Node
    gilt: Gilt
    stelle_art: str
    stelle_nach: str
    schluessel: tuple[str, ...]
    version: int = 1
    leika: Leika | None = None
    indikator: Node | None = None
    fristen: tuple[Frist, ...] = ()
    gruppe: tuple[str, ...] = ()
    versand: str = "behoerde"
    form: str = "formlos"
    min_vertrauen: int = 1
    vorbelegung: tuple[Vorbelegung, ...] = ()
    register: Mapping[str, str] = field(default_factory=dict, hash=False)
    status: str = "in_kraft"
    geprueft_bis: date | None = None
    benoetigt: frozenset[str] = field(init=False, compare=False)
    hash: str = field(init=False, compare=False)
    check: Check = field(init=False, compare=False, repr=False)
    wechsel: tuple[Vergleich, ...] = field(init=False, compare=False, repr=False)
    """Comparisons of today with a date: only there can the passing of days change the result."""

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        set_once(self, "register", MappingProxyType(dict(self.register)))
        set_once(self, "benoetigt", self._facts())
        set_once(self, "hash", hashlib.sha256(dumps(self.to_json())).hexdigest())
        set_once(self, "check", conditions.compile_node(self.bedingung))
        days = (leaf for leaf in conditions.leaves(self.bedingung) if leaf.das == "heute")
        set_once(self, "wechsel", tuple(days))

    def _facts(self) -> frozenset[str]:
        used = set(conditions.facts_of(self.bedingung))
        if self.indikator is not None:
            used |= conditions.facts_of(self.indikator)
        used |= {frist.ende.von for frist in self.fristen if frist.ende}
        used |= {*self.schluessel, *self.gruppe, self.stelle_nach, self.gilt.schluessel}
        used |= {field.aus for field in self.vorbelegung}
        return frozenset(used - {"heute"})

    def to_json(self) -> dict[str, Any]:
        """Return the Plan as JSON data; its canonical bytes are what ``hash`` covers."""
        return {
            "bedingung": conditions.to_json(self.bedingung),
            "form": self.form,
            "fristen": [frist.to_json() for frist in self.fristen],
            "geprueft_bis": self.geprueft_bis.isoformat() if self.geprueft_bis else None,
            "gilt": {
                "ab": self.gilt.ab.isoformat(),
                "bis": self.gilt.bis.isoformat() if self.gilt.bis else None,
                "schluessel": self.gilt.schluessel,
            },
            "gruppe": list(self.gruppe),
            "indikator": conditions.to_json(self.indikator) if self.indikator else None,
            "je": self.je,
            "lebenslage": self.lebenslage,
            "leika": {
                "geprueft_am": self.leika.geprueft_am.isoformat(),
                "key": self.leika.key,
                "quelle": self.leika.quelle,
            }
            if self.leika
            else None,
            "leistung": self.leistung,
            "min_vertrauen": self.min_vertrauen,
            "name": self.name,
            "register": dict(self.register),
            "schluessel": list(self.schluessel),
            "status": self.status,
            "stelle_art": self.stelle_art,
            "stelle_nach": self.stelle_nach,
            "version": self.version,
            "versand": self.versand,
            "vorbelegung": [
                {"aenderbar": item.aenderbar, "aus": item.aus, "ziel": item.ziel} for item in self.vorbelegung
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """Return what ``to_json`` gave, compiled again."""
        gilt, leika = data["gilt"], data["leika"]
        return cls(
            lebenslage=data["lebenslage"],
            leistung=data["leistung"],
            name=data["name"],
            je=data["je"],
            bedingung=conditions.from_json(data["bedingung"]),
            gilt=Gilt(gilt["schluessel"], date.fromisoformat(gilt["ab"]), _day(gilt["bis"])),
            stelle_art=data["stelle_art"],
            stelle_nach=data["stelle_nach"],
            schluessel=tuple(data["schluessel"]),
            version=data["version"],
            leika=Leika(leika["key"], leika["quelle"], date.fromisoformat(leika["geprueft_am"])) if leika else None,
            indikator=conditions.from_json(data["indikator"]) if data["indikator"] else None,
            fristen=tuple(Frist.from_json(frist) for frist in data["fristen"]),
            gruppe=tuple(data["gruppe"]),
            versand=data["versand"],
            form=data["form"],
            min_vertrauen=data["min_vertrauen"],
            vorbelegung=tuple(
                Vorbelegung(item["ziel"], item["aus"], aenderbar=item["aenderbar"]) for item in data["vorbelegung"]
            ),
            register=data["register"],
            status=data["status"],
            geprueft_bis=_day(data["geprueft_bis"]),
        )


@dataclass(frozen=True, slots=True)
class Lebenslage:
    """One folder of ``rules/``, compiled. ``anmeldung`` is one without events and Plans: only flows."""

    name: str
    version: int
    ereignisse: tuple[str, ...]
    fluesse: tuple[Datenfluss, ...]
    plans: tuple[Plan, ...]
    texte: Texte = field(default_factory=Texte)

    def plan(self, leistung: str) -> Plan:
        """Return the Plan of a Leistung. Raises ``NotFound``."""
        for plan in self.plans:
            if plan.leistung == leistung:
                return plan
        raise NotFound(f"Leistung {self.name}/{leistung}")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON data, without the release's version: equal content gives equal bytes."""
        return {
            "ereignisse": list(self.ereignisse),
            "fluesse": [fluss.to_json() for fluss in self.fluesse],
            "name": self.name,
            "plans": [plan.to_json() for plan in self.plans],
            "texte": {language: dict(texts) for language, texts in self.texte.by_language.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], version: int) -> "Lebenslage":
        """Return what ``to_json`` gave, as the release ``version``."""
        return cls(
            name=data["name"],
            version=version,
            ereignisse=tuple(data["ereignisse"]),
            fluesse=tuple(Datenfluss.from_json(fluss) for fluss in data["fluesse"]),
            plans=tuple(Plan.from_json(plan) for plan in data["plans"]),
            texte=Texte(data["texte"]),
        )


@dataclass(frozen=True)
class Rulebook:
    """All released Lebenslagen, found by event kind, by Leistung, by flow."""

    lebenslagen: Mapping[str, Lebenslage] = field(hash=False)

    def __post_init__(self) -> None:
        kinds: dict[str, tuple[Lebenslage, ...]] = {}
        for lebenslage in self.lebenslagen.values():
            for kind in lebenslage.ereignisse:
                kinds[kind] = (*kinds.get(kind, ()), lebenslage)
        object.__setattr__(self, "_by_event", kinds)
        flows = {fluss.name: fluss for lebenslage in self.lebenslagen.values() for fluss in lebenslage.fluesse}
        object.__setattr__(self, "_flows", flows)

    _by_event: Mapping[str, tuple[Lebenslage, ...]] = field(init=False, repr=False, compare=False)
    _flows: Mapping[str, Datenfluss] = field(init=False, repr=False, compare=False)

    def for_event(self, kind: str) -> tuple[Lebenslage, ...]:
        """Return the Lebenslagen that a kind of event begins; none for an unknown kind."""
        return self._by_event.get(kind, ())

    def lebenslage(self, name: str) -> Lebenslage:
        """Return a Lebenslage by name. Raises ``NotFound``."""
        try:
            return self.lebenslagen[name]
        except KeyError:
            raise NotFound(f"Lebenslage {name}") from None

    def plan(self, lebenslage: str, leistung: str) -> Plan:
        """Return the Plan of a Leistung. Raises ``NotFound``."""
        return self.lebenslage(lebenslage).plan(leistung)

    def fluss(self, name: str) -> Datenfluss:
        """Return the flow behind an activity name (without version). Raises ``NotFound``."""
        try:
            return self._flows[name]
        except KeyError:
            raise NotFound(f"Datenfluss {name}") from None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


__all__ = [
    "LANGUAGES",
    "Datenfluss",
    "Frist",
    "Gilt",
    "Lebenslage",
    "Leika",
    "Plan",
    "Rechnung",
    "Rulebook",
    "Texte",
    "Vorbelegung",
]
