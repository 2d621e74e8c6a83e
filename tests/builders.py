"""Builders: each test states only what matters to it. Everybody here is invented, recognisably so."""

import json
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count
from typing import Any

ARS = "990010000000"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Somebody:
    """One invented person as a register knows them."""

    kennung: str
    vornamen: str = "Anna"
    familienname: str = "Beispiel-Probst"
    geburtsdatum: str = "1994-03-08"
    strasse: str = "Erfundene Gasse 3"
    plz: str = "00001"
    ort: str = "Musterstadt"

    @property
    def anschrift(self) -> dict[str, str]:
        return {"strasse": self.strasse, "plz": self.plz, "ort": self.ort}


def somebody(name: str = "Anna", **changes: Any) -> Somebody:
    return replace(Somebody(kennung=f"MR-{next(_NUMBERS)}", vornamen=name), **changes)


@dataclass(frozen=True)
class Event:
    """A CloudEvent that a register would send."""

    kind: str
    data: dict[str, Any]
    id: str
    source: str
    time: str = "2026-10-14T08:00:00Z"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return json.dumps(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": self.source,
                "type": f"de.proaktiv.event.{self.kind}.v1",
                "time": self.time,
                "datacontenttype": "application/json",
                "data": self.data,
            }
            | self.extra
        ).encode()

    def but(self, **changes: Any) -> "Event":
        """The same event with another id, version or data member."""
        data = self.data | {key: value for key, value in changes.items() if key in self.data or key == "schutz"}
        rest = {key: value for key, value in changes.items() if key in ("id", "time", "source", "extra")}
        return replace(self, data=data, **rest)


STANDESAMT = "urn:proaktiv:demo:standesamt"
MELDEBEHOERDE = "urn:proaktiv:demo:meldebehoerde"


def _event(kind: str, source: str, data: dict[str, Any]) -> Event:
    number = next(_NUMBERS)
    return Event(kind, {"eintrag": f"{kind} {number}/2026", "fassung": 1, "ars": ARS} | data, f"ev-{number}", source)


def a_birth(mother: Somebody, *, other: Somebody | None = None, born_on: str = "2026-10-06", **data: Any) -> Event:
    child = data.pop("kind", None) or {
        "kennung": f"MR-{next(_NUMBERS)}",
        "vornamen": "Mia",
        "familienname": "Musterkind",
        "geburtsdatum": born_on,
        "geburtsort": "Musterstadt",
        "lebt": True,
    }
    parents = [_parent(mother, "mutter", "gemeinsam" if other else "allein")]
    if other:
        parents.append(_parent(other, "zweiter_elternteil", "gemeinsam"))
    return _event("geburt", STANDESAMT, {"ereignis_am": born_on, "kind": child, "eltern": parents} | data)


def _parent(person: Somebody, role: str, custody: str) -> dict[str, Any]:
    return {
        "kennung": person.kennung,
        "rolle": role,
        "vornamen": person.vornamen,
        "familienname": person.familienname,
        "geburtsdatum": person.geburtsdatum,
        "sorge": custody,
        "anschrift": person.anschrift | {"ars": ARS},
    }


def a_move(*persons: Somebody, moved_on: str = "2026-10-01", **data: Any) -> Event:
    return _event(
        "umzug",
        MELDEBEHOERDE,
        {
            "ereignis_am": moved_on,
            "personen": [
                {
                    "kennung": person.kennung,
                    "vornamen": person.vornamen,
                    "familienname": person.familienname,
                    "geburtsdatum": person.geburtsdatum,
                }
                for person in persons
            ],
            "anschrift_neu": {"strasse": "Neuer Weg 9", "plz": "00001", "ort": "Musterstadt", "ars": ARS},
            "wohnungsart": "hauptwohnung",
            "meldeweg": "persoenlich",
        }
        | data,
    )


def a_death(kennung: str, died_on: str = "2026-10-13") -> Event:
    return _event("sterbefall", STANDESAMT, {"ereignis_am": died_on, "person": {"kennung": kennung}})


def a_cancellation(event: Event) -> Event:
    return _event(
        "storno",
        event.source,
        {"ereignis_am": event.data["ereignis_am"], "storniert": {"eintrag": event.data["eintrag"], "kind": event.kind}},
    )


def a_protection(kennung: str, art: str) -> Event:
    return _event(
        "schutzvermerk", MELDEBEHOERDE, {"ereignis_am": "2026-10-12", "person": {"kennung": kennung}, "art": art}
    )


def child_of(birth: Event) -> str:
    """The register's key of the child that a birth is about."""
    kennung: str = birth.data["kind"]["kennung"]
    return kennung


def born(person: Somebody) -> date:
    return date.fromisoformat(person.geburtsdatum)
