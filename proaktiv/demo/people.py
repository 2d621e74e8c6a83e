"""Who lives in the simulated city and what its registers report. Values only; all names are invented.

Left to others: inventing them (``families``), reporting (``register``), acting (``citizens``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

ARS = "990010000000"
"""The area of Musterstadt. No Land has the digits 99."""

CITY = "Musterstadt"
STANDESAMT = "urn:proaktiv:demo:standesamt"
MELDEBEHOERDE = "urn:proaktiv:demo:meldebehoerde"


class Stance(StrEnum):
    """What a citizen thinks of proaktiv."""

    CONSENTS = "consents"
    REFUSES = "refuses"
    ABSENT = "absent"


class Conduct(StrEnum):
    """What a citizen does with the letter about a matter."""

    CONFIRMS = "confirms"
    PICKS = "picks"
    DECLINES = "declines"
    POSTPONES = "postpones"
    STAYS_SILENT = "stays_silent"
    WITHDRAWS = "withdraws"
    REPENTS = "repents"
    COMES_TOO_LATE = "comes_too_late"


@dataclass(frozen=True, slots=True)
class Anschrift:
    """An invented address; the PLZ begins with 000, which no place in Germany has."""

    strasse: str
    plz: str
    ort: str = CITY
    ars: str = ARS

    def typed(self) -> dict[str, str]:
        """Return the address as a person types it and as a register gives it."""
        return {"strasse": self.strasse, "plz": self.plz, "ort": self.ort}

    def reported(self) -> dict[str, str]:
        """Return the address as an event carries it."""
        return self.typed() | {"ars": self.ars}


@dataclass(frozen=True, slots=True)
class Resident:
    """One person in the registers. ``facts`` holds, for each register, what it knows besides the identity."""

    kennung: str
    vornamen: str
    familienname: str
    geburtsdatum: date
    anschrift: Anschrift
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name as it stands in an address field; no two residents share one."""
        return f"{self.vornamen} {self.familienname}"

    def identity(self) -> dict[str, str]:
        """Return what an event says about who this is."""
        return {
            "kennung": self.kennung,
            "vornamen": self.vornamen,
            "familienname": self.familienname,
            "geburtsdatum": self.geburtsdatum.isoformat(),
        }

    def wish(self) -> dict[str, Any]:
        """Return what this person types at ``/anmelden``."""
        return {
            "vornamen": self.vornamen,
            "familienname": self.familienname,
            "geburtsdatum": self.geburtsdatum.isoformat(),
            "anschrift": self.anschrift.typed(),
        }


@dataclass(frozen=True, slots=True)
class Citizen:
    """A resident that an event is about. ``letter`` says whether one must come; None where it is a race.

    ``mail`` is the address that this person gives, if any; it consists of no name.
    """

    resident: Resident
    lebenslage: str
    stance: Stance
    conduct: Conduct
    letter: bool | None
    mail: str = ""

    @property
    def enrols(self) -> bool:
        """Return whether this person asks to be known to proaktiv."""
        return self.stance is not Stance.ABSENT


@dataclass(frozen=True, slots=True)
class Report:
    """One message of a register. ``id`` is the register's own; ``data`` holds the payload in the register's words."""

    source: str
    id: str
    kind: str
    data: Mapping[str, Any]

    def cloud_event(self, at: datetime) -> dict[str, Any]:
        """Return the message as a CloudEvent of that instant."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": f"de.proaktiv.event.{self.kind}.v1",
            "time": at.isoformat(),
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }


@dataclass(frozen=True, slots=True)
class City:
    """Everything that will happen. ``first``, then ``repeats``, and, once the letters are out, ``later``.

    ``first`` and ``later`` together are the events that were asked for; ``repeats`` say nothing new.
    ``strangers`` ask to be known and stand in no register.
    """

    residents: tuple[Resident, ...]
    citizens: tuple[Citizen, ...]
    strangers: tuple[Resident, ...]
    first: tuple[Report, ...]
    repeats: tuple[Report, ...]
    later: tuple[Report, ...]
