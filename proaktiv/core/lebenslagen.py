"""Rules as values: Lebenslage, its Datenflüsse, its Plans. What the steps and the pages see of ``rules/``.

Left to others: one Leistung (``core.plans``), reading and checking files (``rulebook``), deciding (``core.matching``).
Source: rules.md §§ 5, 6.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from consent.model import Activity, Ask, Basis, Operation, Phase
from proaktiv.core.errors import NotFound
from proaktiv.core.forms import Form
from proaktiv.core.fristen import Frist, Rechnung
from proaktiv.core.plans import Gilt, Leika, Plan, Vorbelegung

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

    ``einwilligung`` stands apart from ``grundlage``: a flow may need consent on top of its norm. ``norm`` lets the
    controller ask (Erhebung), ``uebermittlung`` the office that holds the data answer; empty where nobody else holds
    them. ``hinweis_text`` is what the person reads before deciding, by language (always ``de``, ``en``).
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
    uebermittlung: str = ""
    einwilligung: bool = True
    alternativer_weg: str = ""
    hinweis_text: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def rechtsgrundlage(self) -> str:
        """Return the legal basis as the person reads it and the log records it: of each door by its name.

        Source: BVerfG, 27 May 2020, 1 BvR 1873/13 (asking and answering each need a basis of their own).
        """
        if not self.uebermittlung:
            return self.norm
        return f"{self.norm} (Erhebung); {self.uebermittlung} (Übermittlung)"

    def activity(self, version: int, controller: str, approved_at: datetime) -> Activity:
        """Return the flow as the consent activity that its release makes of it."""
        return Activity(
            name=self.name,
            version=version,
            phase=self.phase,
            purpose=self.zweck,
            controller=controller,
            source=self.quelle,
            recipient=self.empfaenger,
            fields=self.felder,
            basis=self.grundlage,
            norm=self.rechtsgrundlage,
            norm_from=self.norm_ab,
            norm_to=self.norm_bis,
            consent_required=self.einwilligung,
            dsb_approved_at=approved_at,
            alternative_path=self.alternativer_weg,
        )

    def ask(self, caller: str, at: datetime) -> Ask:
        """Return the gate's question for all that this flow names, at an instant."""
        operation = Operation.READ if self.phase is Phase.WATCH else Operation.USE
        return Ask(caller=caller, recipient=self.empfaenger, operation=operation, fields=self.felder, at=at)

    def to_json(self) -> dict[str, Any]:
        """Return the flow as JSON data; ``uebermittlung`` is left out where it is empty, as before there was any."""
        door = {"uebermittlung": self.uebermittlung} if self.uebermittlung else {}
        return door | {
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
            uebermittlung=data.get("uebermittlung", ""),
            einwilligung=data["einwilligung"],
            alternativer_weg=data["alternativer_weg"],
            hinweis_text=dict(data["hinweis_text"]),
        )


@dataclass(frozen=True, slots=True)
class Lebenslage:
    """One folder of ``rules/``, compiled. ``anmeldung`` is one without events and Plans: only flows.

    ``fakten``: what people call the facts that its flows name, by language; ``im_amt``: what clerks call those of them
    whose name speaks to the person. ``formen``: what values those of them have that a register is asked for.
    """

    name: str
    version: int
    ereignisse: tuple[str, ...]
    fluesse: tuple[Datenfluss, ...]
    plans: tuple[Plan, ...]
    texte: Texte = field(default_factory=Texte)
    fakten: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    im_amt: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    formen: Mapping[str, Form] = field(default_factory=dict, hash=False)

    def plan(self, leistung: str) -> Plan:
        """Return the Plan of a Leistung. Raises ``NotFound``."""
        for plan in self.plans:
            if plan.leistung == leistung:
                return plan
        raise NotFound(f"Leistung {self.name}/{leistung}")

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON data, without the release's version: equal content gives equal bytes."""
        forms = {name: form.to_json() for name, form in self.formen.items()}
        return ({"formen": forms} if forms else {}) | {
            "ereignisse": list(self.ereignisse),
            "fakten": {name: dict(label) for name, label in self.fakten.items()},
            "fluesse": [fluss.to_json() for fluss in self.fluesse],
            "im_amt": {name: dict(label) for name, label in self.im_amt.items()},
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
            fakten=data["fakten"],
            im_amt=data.get("im_amt", {}),  # rules that were released before there were any
            formen={name: Form.from_json(form) for name, form in data.get("formen", {}).items()},
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

        labels: dict[str, Mapping[str, str]] = {}
        office: dict[str, Mapping[str, str]] = {}
        for lebenslage in self.lebenslagen.values():
            labels |= lebenslage.fakten
            office |= lebenslage.im_amt
        object.__setattr__(self, "_labels", labels)
        object.__setattr__(self, "_office_labels", labels | office)
        forms = {name: form for lebenslage in self.lebenslagen.values() for name, form in lebenslage.formen.items()}
        object.__setattr__(self, "_forms", forms)

    _labels: Mapping[str, Mapping[str, str]] = field(init=False, repr=False, compare=False)
    _office_labels: Mapping[str, Mapping[str, str]] = field(init=False, repr=False, compare=False)
    _forms: Mapping[str, Form] = field(init=False, repr=False, compare=False)
    _by_event: Mapping[str, tuple[Lebenslage, ...]] = field(init=False, repr=False, compare=False)
    _flows: Mapping[str, Datenfluss] = field(init=False, repr=False, compare=False)

    def called(self, fakt: str, language: str = "de") -> str:
        """Return what people call a fact; one that no flow names keeps its own name."""
        label = self._labels.get(fakt, {})
        return label.get(language) or label.get("de") or fakt

    def forms(self, names: Collection[str]) -> dict[str, Form]:
        """Return what values some facts have; one that was released before there were forms has none."""
        return {name: self._forms[name] for name in names if name in self._forms}

    def office_labels(self, fakt: str) -> Mapping[str, str]:
        """Return what clerks call a fact, by language; empty for one that no flow names."""
        return self._office_labels.get(fakt, {})

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
