"""Plan: one Leistung of one Lebenslage, compiled.

Immutable, with a hash over its canonical JSON by which a decision stays explicable for years. Left to others: the
Lebenslage around it (``core.lebenslagen``), reading and checking files (``rulebook``), deciding (``core.matching``).
Source: rules.md §§ 5, 6.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from proaktiv.core import conditions
from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import JA, Check, Node, Vergleich
from proaktiv.core.dates import Holiday
from proaktiv.core.derived import REGISTRY, versions, with_derived
from proaktiv.core.fristen import Clock, Frist, Value
from proaktiv.core.parameters import Parameter, value_from_json, value_to_json
from proaktiv.core.questions import Frage

ART = ("auftrag", "termin", "hinweis", "wiedervorlage", "manuell")
"""What a Leistung can yield (lebenslagen.md § 2.1); ``frage`` comes of what is missing, ``rueckruf`` of a guard."""

ASKED = frozenset({"auftrag", "frage"})
"""What a person is asked for: something to say yes to, or to answer."""

TOLD = frozenset({"hinweis", "termin"})
"""What a person is only told: there is nothing to say yes to, and nothing is sent."""

PROPOSED = ASKED | TOLD
"""What becomes an item that the person sees."""


@dataclass(frozen=True, slots=True)
class Vorbelegung:
    """One field of the Auftrag and the fact that fills it. ``name``: what people call it, by language.

    ``typ`` is ``betrag`` where the fact is in cents, else empty.
    """

    ziel: str
    aus: str
    aenderbar: bool = False
    name: Mapping[str, str] = field(default_factory=dict, hash=False)
    typ: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the field as JSON data."""
        data = {"aenderbar": self.aenderbar, "aus": self.aus, "name": dict(self.name), "ziel": self.ziel}
        return data | {"typ": self.typ} if self.typ else data


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
class Annahme:
    """What an Auftrag may rest on while a fact is unknown, because the person declares it there.

    Never a default: the result stays open. What a register would say is declared only after it was asked in vain
    (it is silent, or a lock or the person forbids to ask), and only where ``wenn`` holds.
    """

    das: str
    wert: Value
    grund: str
    wenn: Node | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the assumption as JSON data."""
        data: dict[str, Any] = {"das": self.das, "grund": self.grund, "wert": value_to_json(self.wert)}
        return data | {"wenn": conditions.to_json(self.wenn)} if self.wenn is not None else data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Annahme":
        """Return what ``to_json`` gave."""
        wenn = conditions.from_json(data["wenn"]) if "wenn" in data else None
        return cls(data["das"], value_from_json(data["wert"]), data["grund"], wenn)


@dataclass(frozen=True, slots=True)
class Plan:
    """One Leistung of one Lebenslage, compiled. ``je`` is the role that gets a decision of its own.

    ``schluessel`` are the facts that make two proposals the same one; ``gruppe`` those of a group in which the first
    acceptance closes the others. ``stelle_nach`` is the fact that holds the ARS. ``register`` says which facts come by
    look-up, and from which register; ``fragen`` which the person says. ``versand`` is the way at ``min_vertrauen``,
    ``versand_ab`` another way from a higher trust level on. ``unterzeichner`` are the roles that sign, the addressee's
    first; the second need not where ``zweite_entfaellt`` holds, and ``ohne_zweite`` says what becomes of an Auftrag
    that it never signs. ``art`` is what a yes yields (``ART``). ``parameter`` are those that conditions, Fristen and
    texts name. ``abgeleitet`` are the derived facts that it uses or shows. ``nach`` are Leistungen that come first,
    ``schliesst_aus`` those that fall away where this one comes about. ``stelle_fest``: the office of the first Auftrag
    stays competent. ``fassungen`` are later versions of the law, each from its own ``gilt.ab`` on, in their order.
    ``benoetigt``, ``hash`` and ``check`` follow from the rest.
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
    unterzeichner: tuple[str, ...] = ()
    zweite_entfaellt: Node | None = None
    ohne_zweite: str = ""
    versand: str = "behoerde"
    versand_ab: Mapping[int, str] = field(default_factory=dict, hash=False)
    form: tuple[str, ...] = ("formlos",)
    min_vertrauen: int = 1
    vorbelegung: tuple[Vorbelegung, ...] = ()
    register: Mapping[str, str] = field(default_factory=dict, hash=False)
    fragen: tuple[Frage, ...] = ()
    status: str = "in_kraft"
    geprueft_bis: date | None = None
    art: str = "auftrag"
    parameter: Mapping[str, Parameter] = field(default_factory=dict, hash=False)
    annahmen: tuple[Annahme, ...] = ()
    abgeleitet: tuple[str, ...] = ()
    nach: tuple[str, ...] = ()
    schliesst_aus: tuple[str, ...] = ()
    stelle_fest: bool = False
    fassungen: tuple["Plan", ...] = ()
    benoetigt: frozenset[str] = field(init=False, compare=False)
    hash: str = field(init=False, compare=False)
    check: Check = field(init=False, compare=False, repr=False)
    wechsel: tuple[Vergleich, ...] = field(init=False, compare=False, repr=False)
    """Comparisons of today with a date: only there can the passing of days change the result."""
    stichtage: tuple[date, ...] = field(init=False, compare=False, repr=False)
    """Days on which a parameter changes whose legal key date is today."""

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        set_once(self, "register", MappingProxyType(dict(self.register)))
        set_once(self, "versand_ab", MappingProxyType(dict(self.versand_ab)))
        set_once(self, "parameter", MappingProxyType(dict(sorted(self.parameter.items()))))
        set_once(self, "unterzeichner", self.unterzeichner or (self.je,))
        used = self._facts()
        derived = {*self.abgeleitet, *(used & REGISTRY.keys())}
        set_once(self, "abgeleitet", tuple(sorted(derived)))
        needed = {need for name in derived for need in REGISTRY[name].needs}
        set_once(self, "benoetigt", frozenset(((used - derived) | needed) - {"heute"}))
        set_once(self, "hash", hashlib.sha256(dumps(self.to_json())).hexdigest())
        set_once(self, "check", conditions.compile_node(self.bedingung, self.parameter))
        days = (leaf for leaf in conditions.leaves(self.bedingung) if leaf.das == "heute")
        set_once(self, "wechsel", tuple(days))
        running = (p for p in self.parameter.values() if p.schluessel == "heute")
        set_once(self, "stichtage", tuple(sorted({day for p in running for day in p.days()})))

    def _facts(self) -> frozenset[str]:
        used: set[str] = set().union(*(conditions.facts_of(tree) for tree in self.trees()))
        for parameter in self.parameter.values():
            used |= parameter.benoetigt
        used |= {frist.ende.von for frist in self.fristen if frist.ende}
        used |= {*self.schluessel, *self.gruppe, self.stelle_nach, self.gilt.schluessel}
        used |= {field.aus for field in self.vorbelegung}
        return frozenset(used - {"heute", ""})  # what goes to no office has no place for one

    def trees(self) -> tuple[Node, ...]:
        """Return every condition of it, but for those of its Fassungen; the one that decides first."""
        more = (self.indikator, self.zweite_entfaellt, *(each.wenn for each in self.annahmen))
        return (self.bedingung, *(tree for tree in more if tree is not None))

    def at(self, facts: Mapping[str, Value]) -> "Plan":
        """Return the Fassung that counts for these facts; the Plan itself where the key date is unknown."""
        key = self.known(facts).get(self.gilt.schluessel) if self.fassungen else None  # it may be a derived one
        if isinstance(key, date):
            began = [plan for plan in self.fassungen if plan.gilt.ab <= key]
            return began[-1] if began else self
        return self

    def with_hash(self, wanted: str) -> "Plan | None":
        """Return the Plan or the Fassung of it that has this hash, or None."""
        return next((plan for plan in (self, *self.fassungen) if plan.hash == wanted), None)

    def known(self, facts: Mapping[str, Value]) -> Mapping[str, Value]:
        """Return the facts with the derived ones."""
        return with_derived(REGISTRY, self.abgeleitet, facts) if self.abgeleitet else facts

    def ways(self) -> dict[int, str]:
        """Return how it is sent, by the trust level (0..3) from which that holds, lowest first."""
        return {self.min_vertrauen: self.versand, **dict(sorted(self.versand_ab.items()))}

    def signers(self, facts: Mapping[str, Value]) -> tuple[str, ...]:
        """Return the roles that must sign for these facts: all of them where it is unknown whether one may be left."""
        alone = self.zweite_entfaellt
        if alone is not None and conditions.interpret(alone, facts, self.parameter).ergebnis is JA:
            return self.unterzeichner[:1]
        return self.unterzeichner

    def clocks(self, facts: Mapping[str, Value], holiday: Holiday) -> tuple[Clock, ...]:
        """Return the dates of all Fristen for these facts, by the calendar of the receiving office."""
        return tuple([frist.clock(facts, holiday, self.parameter) for frist in self.fristen])

    def to_json(self) -> dict[str, Any]:
        """Return the Plan as JSON data; its canonical bytes are what ``hash`` covers.

        What came to Plans later stands there only where it says something: what was released before keeps its hash.
        """
        return self._later() | {
            "bedingung": conditions.to_json(self.bedingung),
            "form": list(self.form),
            "fragen": [frage.to_json() for frage in self.fragen],
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
            "ohne_zweite": self.ohne_zweite,
            "register": dict(self.register),
            "schluessel": list(self.schluessel),
            "status": self.status,
            "stelle_art": self.stelle_art,
            "stelle_nach": self.stelle_nach,
            "unterzeichner": list(self.unterzeichner),
            "version": self.version,
            "versand": self.versand,
            "versand_ab": {str(level): way for level, way in self.versand_ab.items()},
            "vorbelegung": [item.to_json() for item in self.vorbelegung],
            "zweite_entfaellt": conditions.to_json(self.zweite_entfaellt) if self.zweite_entfaellt else None,
        }

    def _later(self) -> dict[str, Any]:
        says = {
            "abgeleitet": {name: REGISTRY[name].version for name in self.abgeleitet},
            "annahmen": [each.to_json() for each in self.annahmen],
            "art": self.art if self.art != "auftrag" else "",
            "fassungen": [plan.to_json() for plan in self.fassungen],
            "nach": list(self.nach),
            "parameter": {name: one.to_json() for name, one in self.parameter.items()},
            "schliesst_aus": list(self.schliesst_aus),
            "stelle_fest": self.stelle_fest,
        }
        return {name: value for name, value in says.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """Return what ``to_json`` gave, compiled again."""
        gilt, leika, alone = data["gilt"], data["leika"], data["zweite_entfaellt"]
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
            unterzeichner=tuple(data["unterzeichner"]),
            zweite_entfaellt=conditions.from_json(alone) if alone else None,
            ohne_zweite=data["ohne_zweite"],
            versand=data["versand"],
            versand_ab={int(level): way for level, way in data["versand_ab"].items()},
            form=tuple(data["form"]),
            min_vertrauen=data["min_vertrauen"],
            vorbelegung=tuple(
                Vorbelegung(item["ziel"], item["aus"], item["aenderbar"], dict(item["name"]), item.get("typ", ""))
                for item in data["vorbelegung"]
            ),
            register=data["register"],
            fragen=tuple(Frage.from_json(frage) for frage in data["fragen"]),
            status=data["status"],
            geprueft_bis=_day(data["geprueft_bis"]),
            art=data.get("art", "auftrag"),
            parameter={name: Parameter.from_json(one) for name, one in data.get("parameter", {}).items()},
            annahmen=tuple(Annahme.from_json(each) for each in data.get("annahmen", ())),
            abgeleitet=versions(REGISTRY, data.get("abgeleitet", {})),
            nach=tuple(data.get("nach", ())),
            schliesst_aus=tuple(data.get("schliesst_aus", ())),
            stelle_fest=data.get("stelle_fest", False),
            fassungen=tuple(cls.from_json(plan) for plan in data.get("fassungen", ())),
        )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
