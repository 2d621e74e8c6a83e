"""What a register reports: five kinds of event, checked, without special categories, with its stops.

Decides which stops an event brings and whether anything besides them may be kept at all. Pure.
Left to others: the envelope's JSON (``core.cloudevents``), the shapes (``core.payloads``), writing (``steps.receive``).
Source: data-path.md §§ 3–5; lebenslagen.md § 4 (guards V01–V14).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from proaktiv.core import cloudevents
from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.cloudevents import Envelope, Part
from proaktiv.core.errors import BadInput
from proaktiv.core.guards import LIFTED_BY_STORNO, STOPS_EVENT, Guard
from proaktiv.core.payloads import (
    Reader,
    Spot,
    area,
    birth_day,
    choice,
    day,
    flag,
    many,
    postcode,
    record,
    reference,
    text,
    version,
)

MAX_AHEAD = timedelta(minutes=5)
"""How far a register's clock may run before ours."""


class EventKind(StrEnum):
    """What a register may report. Typed by rule authors, hence German."""

    GEBURT = "geburt"
    UMZUG = "umzug"
    STERBEFALL = "sterbefall"
    STORNO = "storno"
    SCHUTZVERMERK = "schutzvermerk"

    @property
    def type(self) -> str:
        """Return the CloudEvents ``type`` of this kind."""
        return f"de.proaktiv.event.{self.value}.v1"


ONLY_STOPS = frozenset({EventKind.STERBEFALL, EventKind.STORNO, EventKind.SCHUTZVERMERK})
"""Kinds that take something back and never bring anything."""

_KINDS = {kind.type: kind for kind in EventKind}

MISROUTED = "report.misrouted"
"""The incident that a report is of no kind that may come here."""


class Misrouted(BadInput):
    """The report is of no kind that proaktiv may get: nothing of it is kept, and the DSB is told that it came."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One veto that an event brings: on a register entry (``ref`` its number) or a person (``ref`` their kennung)."""

    scope: str
    ref: str
    guard: Guard
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """One checked event. ``payload`` has no special categories; ``subjects`` are (role, kennung).

    ``subjects`` is empty for a vertrauliche Geburt: nobody in it is looked for.
    """

    source: str
    event_id: str
    kind: EventKind
    time: datetime
    ars: str
    eintrag: str
    fassung: int
    ereignis_am: date
    case_ref: str
    subjects: tuple[tuple[str, str], ...]
    payload: Mapping[str, Any]
    stops: tuple[Stop, ...]
    cancels: tuple[str, EventKind] | None = None

    @property
    def only_stops(self) -> bool:
        """Return whether nothing of this event may be kept but its stops."""
        return self.kind in ONLY_STOPS or any(
            stop.scope == "entry" and stop.guard in STOPS_EVENT for stop in self.stops
        )

    @property
    def lifts(self) -> bool:
        """Return whether this is the Storno of a stop: it takes a veto away, so it is not one itself."""
        return self.cancels is not None and self.cancels[1].value in LIFTED_BY_STORNO

    @property
    def is_veto(self) -> bool:
        """Return whether this brings nobody anything, and only keeps harm from somebody."""
        return self.only_stops and not self.lifts

    @property
    def content(self) -> bytes:
        """Return the bytes that two reports of the same thing have in common: kind and payload, canonical."""
        return dumps({"kind": self.kind.value, "data": self.payload})


def read(envelope: Envelope, now: datetime) -> RegisterEvent:
    """Return what an envelope reports. Raises ``BadInput`` with the JSON pointer of what is wrong."""
    if envelope.time > now + MAX_AHEAD:
        raise BadInput("/time", "must not lie more than five minutes in the future")
    kind = _KINDS.get(envelope.type)
    if kind is None:
        raise Misrouted("/type", f"must be one of {', '.join(_KINDS)}")
    data = _shape(kind, envelope.data)(envelope.data, Spot("/data", berlin_date(envelope.time)))
    subjects = _subjects(kind, data)
    _check_people(kind, data, subjects)
    stops = _stops(kind, data)
    cancels = (data["storniert"]["eintrag"], EventKind(data["storniert"]["kind"])) if kind is EventKind.STORNO else None
    return RegisterEvent(
        source=envelope.source,
        event_id=envelope.id,
        kind=kind,
        time=envelope.time,
        ars=data["ars"],
        eintrag=data["eintrag"],
        fassung=data["fassung"],
        ereignis_am=date.fromisoformat(data["ereignis_am"]),
        case_ref=cancels[0] if cancels else data.get("mehrlingsgruppe", data["eintrag"]),
        subjects=() if any(stop.guard is Guard.VERTRAULICHE_GEBURT for stop in stops) else subjects,
        payload=data,
        stops=stops,
        cancels=cancels,
    )


@dataclass(frozen=True, slots=True)
class Report:
    """One event of a batch, or what is wrong with it, and how it was written."""

    event: RegisterEvent | BadInput
    text: str


def read_batch(body: bytes, now: datetime) -> list[Report]:
    """Return what a batch reports, each for itself. Raises ``BadInput`` where the body as a whole is no batch."""
    return [Report(_read_part(part, now), part.text) for part in cloudevents.parse_batch(body)]


def _read_part(part: Part, now: datetime) -> RegisterEvent | BadInput:
    try:
        return read(part.envelope(), now)
    except BadInput as wrong:
        return wrong


# shapes --------------------------------------------------------------------------------------------------------------

_COMMON: Mapping[str, Reader] = {"eintrag": reference, "fassung": version, "ars": area, "ereignis_am": day}
_ADDRESS = record({"strasse": text, "plz": postcode, "ort": text, "ars": area})
_NAMED: Mapping[str, Reader] = {"kennung": reference, "vornamen": text, "familienname": text}
_BORN: Mapping[str, Reader] = {"geburtsdatum": birth_day}
_SOMEBODY = record({"kennung": reference})
_BLOCKS: Mapping[str, Reader] = {
    "adoption": flag,
    "sperrvermerk_64": flag,
    "sperre_51": many(reference, 0, 12),
    "sperre_52": many(reference, 0, 12),
}
_BIRTH_BLOCKS = record({}, {**_BLOCKS, "totgeboren": flag, "vertraulich": flag})
_CHILD = record({**_NAMED, "geburtsdatum": day, "geburtsort": text, "lebt": flag})
# Of people from abroad registers often know the year alone (§ 3 BMG), and of who lives there no address. Refused, such
# an event would take everybody else's Leistungen along, and a veto that stands in it.
_PARENT = record(
    {
        **_NAMED,
        "rolle": choice("mutter", "zweiter_elternteil"),
        "sorge": choice("allein", "gemeinsam", "keine"),
    },
    {**_BORN, "anschrift": _ADDRESS},
)
_BIRTH_PEOPLE: Mapping[str, Reader] = {"kind": _CHILD, "eltern": many(_PARENT, 1, 2)}
_BIRTH_MORE: Mapping[str, Reader] = {"mehrlingsgruppe": reference, "schutz": _BIRTH_BLOCKS}
_BIRTH = record({**_COMMON, **_BIRTH_PEOPLE}, _BIRTH_MORE)
QUIET_BIRTH = record(_COMMON, {"kind": _CHILD, "eltern": many(_PARENT, 0, 2), **_BIRTH_MORE})
"""A stillbirth, or a birth whose mother stays unnamed, may come without people: it only stops."""

SHAPES: Mapping[EventKind, Reader] = {
    EventKind.GEBURT: _BIRTH,
    EventKind.UMZUG: record(
        {
            **_COMMON,
            "personen": many(record(_NAMED, _BORN), 1, 12),
            "anschrift_neu": _ADDRESS,
            "wohnungsart": choice("hauptwohnung", "nebenwohnung"),
            "meldeweg": choice("persoenlich", "elektronisch"),
        },
        {"anschrift_alt": _ADDRESS, "schutz": record({}, _BLOCKS)},
    ),
    EventKind.STERBEFALL: record({**_COMMON, "person": _SOMEBODY}),
    EventKind.STORNO: record(
        {
            **_COMMON,
            "storniert": record(
                {"eintrag": reference, "kind": choice(*(kind.value for kind in EventKind if kind != "storno"))}
            ),
        }
    ),
    EventKind.SCHUTZVERMERK: record(
        {**_COMMON, "person": _SOMEBODY, "art": choice("51", "52", "64", "adoption", "sorge")}
    ),
}


def _shape(kind: EventKind, data: Mapping[str, Any]) -> Reader:
    blocks = data.get("schutz")
    quiet = isinstance(blocks, dict) and (blocks.get("totgeboren") is True or blocks.get("vertraulich") is True)
    return QUIET_BIRTH if kind is EventKind.GEBURT and quiet else SHAPES[kind]


# people --------------------------------------------------------------------------------------------------------------


def _subjects(kind: EventKind, data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if kind is EventKind.GEBURT:
        child = [("kind", data["kind"]["kennung"])] if "kind" in data else []
        return (*child, *((parent["rolle"], parent["kennung"]) for parent in data.get("eltern", ())))
    if kind is EventKind.UMZUG:
        return tuple(("person", person["kennung"]) for person in data["personen"])
    return (("person", data["person"]["kennung"]),) if "person" in data else ()


def _check_people(kind: EventKind, data: Mapping[str, Any], subjects: tuple[tuple[str, str], ...]) -> None:
    place = "/data/personen" if kind is EventKind.UMZUG else "/data/eltern"
    if len({kennung for _, kennung in subjects}) < len(subjects):
        raise BadInput(place, "must name each person once: a kennung stands twice")
    parents = data.get("eltern", ())
    if len({parent["rolle"] for parent in parents}) < len(parents):
        raise BadInput("/data/eltern", "must name each rolle once")
    for index, parent in enumerate(parents):
        if "kind" in data and parent.get("geburtsdatum", "") >= data["kind"]["geburtsdatum"]:
            raise BadInput(f"/data/eltern/{index}/geburtsdatum", "must lie before the child's")


# stops ---------------------------------------------------------------------------------------------------------------

_NOTES: Mapping[str, tuple[Guard, str]] = {
    "51": (Guard.AUSKUNFTSSPERRE, "51"),
    "52": (Guard.BEDINGTER_SPERRVERMERK, "52"),
    "64": (Guard.SPERRVERMERK, ""),
    "adoption": (Guard.ADOPTION, ""),
    "sorge": (Guard.SORGE_ENTZOGEN, ""),
}


def _stops(kind: EventKind, data: Mapping[str, Any]) -> tuple[Stop, ...]:
    if kind is EventKind.STERBEFALL:
        return (Stop("person", data["person"]["kennung"], Guard.VERSTORBEN),)
    if kind is EventKind.STORNO:
        return (Stop("entry", data["storniert"]["eintrag"], Guard.STORNO),)
    if kind is EventKind.SCHUTZVERMERK:
        return (Stop("person", data["person"]["kennung"], *_NOTES[data["art"]]),)
    blocks = data.get("schutz", {})
    if blocks.get("vertraulich"):  # nothing else is asked: no stop may name a person of this birth
        return (Stop("entry", data["eintrag"], Guard.VERTRAULICHE_GEBURT),)
    return (*_entry_stops(data, blocks), *_person_stops(blocks))


def _entry_stops(data: Mapping[str, Any], blocks: Mapping[str, Any]) -> Iterable[Stop]:
    if blocks.get("totgeboren") or ("kind" in data and not data["kind"]["lebt"]):
        yield Stop("entry", data["eintrag"], Guard.TOTGEBURT)
    if blocks.get("adoption"):
        yield Stop("entry", data["eintrag"], Guard.ADOPTION)
    if blocks.get("sperrvermerk_64"):
        yield Stop("entry", data["eintrag"], Guard.SPERRVERMERK)


def _person_stops(blocks: Mapping[str, Any]) -> Iterable[Stop]:
    for note in ("51", "52"):
        guard, detail = _NOTES[note]
        for kennung in dict.fromkeys(blocks.get(f"sperre_{note}", ())):
            yield Stop("person", kennung, guard, detail)
