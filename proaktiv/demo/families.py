"""Invent a city: the same seed, size and day always give the same families, matters and conducts.

About half births and half moves. From twelve events on there are also a stillbirth, twins, a child that dies right
after its birth was reported, a cancelled birth, repeated reports and a stranger. Left to others: acting it out.
"""

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from proaktiv.demo.people import (
    ARS,
    CITY,
    MELDEBEHOERDE,
    STANDESAMT,
    Anschrift,
    Citizen,
    City,
    Conduct,
    Report,
    Resident,
    Stance,
)

_WITH_SPECIALS = 12
_SPECIAL_EVENTS = 7
_REPEATS = 4

_FIRST = (
    *("Mia", "Anna", "Emil", "Lina", "Paul", "Jona", "Frida", "Karl", "Nele", "Otto", "Ida", "Theo", "Rosa", "Hugo"),
    *("Greta", "Anton", "Klara", "Bruno", "Wanda", "Edgar", "Selma", "Konrad", "Hedda", "Ludwig", "Tilda", "Falk"),
)
_LAST = (
    *("Musterkind", "Beispiel", "Probst", "Erfunden", "Vorlage", "Platzhalter", "Niemandsen", "Phantasie", "Testfall"),
    *("Attrappe", "Schablone", "Modell", "Kulisse", "Papier", "Entwurf", "Skizze", "Fiktion", "Luftschloss", "Nirgend"),
)
_STREETS = ("Erfundene Gasse", "Beispielallee", "Nirgendweg", "Platz der Muster", "Kulissenstraße", "Am Luftschloss")

_STANCES = (
    *(Stance.CONSENTS, Stance.CONSENTS, Stance.CONSENTS, Stance.CONSENTS, Stance.REFUSES),
    *(Stance.CONSENTS, Stance.ABSENT, Stance.ABSENT, Stance.CONSENTS, Stance.REFUSES),
)
_SECOND_STANCES = (Stance.ABSENT, Stance.CONSENTS, Stance.ABSENT, Stance.REFUSES)
_CONDUCTS = {
    "geburt": (
        *(Conduct.CONFIRMS, Conduct.CONFIRMS, Conduct.DECLINES, Conduct.REPENTS, Conduct.PICKS),
        *(Conduct.STAYS_SILENT, Conduct.WITHDRAWS, Conduct.POSTPONES),
    ),
    "umzug": (
        *(Conduct.CONFIRMS, Conduct.WITHDRAWS, Conduct.STAYS_SILENT, Conduct.CONFIRMS),
        *(Conduct.DECLINES, Conduct.REPENTS, Conduct.POSTPONES),
    ),
}


def make_city(seed: int, events: int, today: date) -> City:
    """Return a city in which registers report ``events`` (1 or more) different events."""
    return _Inventor(random.Random(seed), today).invent(events)


class _Inventor:
    def __init__(self, dice: random.Random, today: date) -> None:
        self._dice = dice
        self._today = today
        self._residents: list[Resident] = []
        self._citizens: list[Citizen] = []
        self._reports: list[list[Report]] = []  # what stands in one list is reported in this order, together
        self._families = 0
        self._entries = 0
        self._conducts = {"geburt": 0, "umzug": 0}

    def invent(self, events: int) -> City:
        special = events >= _WITH_SPECIALS
        ordinary = events - (_SPECIAL_EVENTS if special else 0)
        for number in range(ordinary):
            (self._move if number % 2 else self._birth)(number)
        later: tuple[Report, ...] = ()
        strangers: tuple[Resident, ...] = ()
        if special:
            later = (self._cancelled_birth(),)
            self._stillbirth()
            self._twins()
            self._dying_child()
            strangers = (self._person(self._surname(), 30, self._address()),)
        self._dice.shuffle(self._reports)
        first = [report for together in self._reports for report in together]
        return City(
            residents=tuple(self._residents),
            citizens=tuple(self._citizens),
            strangers=strangers,
            first=tuple(first),
            repeats=_repeats(first) if special else (),
            later=later,
        )

    # matters ---------------------------------------------------------------------------------------------------------

    def _birth(self, number: int) -> None:
        stance = _STANCES[number % len(_STANCES)]
        conduct = self._conduct("geburt") if stance is Stance.CONSENTS else Conduct.STAYS_SILENT
        mother, second = self._parents(2 if number % 3 else 1)
        self._citizens.append(_citizen(mother, "geburt", stance, conduct))
        if second is not None:
            stance = _SECOND_STANCES[number // 2 % len(_SECOND_STANCES)]  # births have even numbers
            # Where both say yes to the same thing, one of them learns that it is no longer open.
            self._citizens.append(_citizen(second, "geburt", stance, conduct))
        self._reports.append([self._birth_report(self._child(mother), mother, second)])

    def _move(self, number: int) -> None:
        stance = _STANCES[number % len(_STANCES)]
        dog = number % 10 != 9
        car = number % 4 == 1
        main_home = number % 14 != 13
        surname, address = self._surname(), self._address()
        tax = {"person.hund_gemeldet": dog} | ({"person.hund_marke": f"HM-{number:05d}"} if dog else {})
        traffic = {"person.kfz_zugelassen": car} | ({"person.kfz_kennzeichen": f"XX MU {number}"} if car else {})
        known = {"STEUERAMT": tax, "ZULASSUNG": traffic}
        head = self._person(surname, self._dice.randint(21, 70), address, known)
        movers = [head]
        if number % 3 == 1:
            movers.append(self._person(surname, self._dice.randint(21, 70), address))
        if number % 6 == 1:
            movers.append(self._person(surname, 9, address))
        self._residents += movers
        gets_letter = stance is Stance.CONSENTS and (dog or car) and main_home
        conduct = self._conduct("umzug") if gets_letter else Conduct.STAYS_SILENT
        self._citizens.append(Citizen(head, "umzug", stance, conduct, gets_letter, _mail(head, stance)))
        data = {
            "personen": [person.identity() for person in movers],
            "anschrift_alt": self._address().reported(),
            "anschrift_neu": address.reported(),
            "wohnungsart": "hauptwohnung" if main_home else "nebenwohnung",
            "meldeweg": "persoenlich" if number % 4 == 1 else "elektronisch",
        }
        moved_on = self._today - timedelta(days=self._dice.randint(1, 4))
        self._reports.append([self._report(MELDEBEHOERDE, "umzug", "U", moved_on, data)])

    def _stillbirth(self) -> None:
        mother, second = self._parents(2)
        for parent in (mother, second):
            if parent is not None:
                citizen = _citizen(parent, "geburt", Stance.CONSENTS, Conduct.STAYS_SILENT)
                self._citizens.append(replace(citizen, letter=False))
        self._reports.append([self._birth_report(self._child(mother), mother, second, stillborn=True)])

    def _twins(self) -> None:
        mother, second = self._parents(2)
        self._citizens.append(_citizen(mother, "geburt", Stance.CONSENTS, Conduct.CONFIRMS))
        day = self._today - timedelta(days=3)
        group = f"MG-{self._entries:06d}"
        self._reports.append(
            [self._birth_report(self._child(mother, day), mother, second, group=group) for _ in range(2)]
        )

    def _dying_child(self) -> None:
        mother, _ = self._parents(1)
        citizen = _citizen(mother, "geburt", Stance.CONSENTS, Conduct.STAYS_SILENT)
        self._citizens.append(replace(citizen, letter=None))
        child = self._child(mother)
        birth = self._birth_report(child, mother, None)
        death = self._report(STANDESAMT, "sterbefall", "S", self._today, {"person": {"kennung": child.kennung}})
        self._reports.append([birth, death])

    def _cancelled_birth(self) -> Report:
        mother, _ = self._parents(1)
        self._citizens.append(_citizen(mother, "geburt", Stance.CONSENTS, Conduct.COMES_TOO_LATE))
        birth = self._birth_report(self._child(mother), mother, None)
        self._reports.append([birth])
        data = {"storniert": {"eintrag": birth.data["eintrag"], "kind": "geburt"}}
        return self._report(STANDESAMT, "storno", "ST", self._today, data)

    # parts -----------------------------------------------------------------------------------------------------------

    def _birth_report(
        self,
        child: Resident,
        mother: Resident,
        second: Resident | None,
        *,
        group: str = "",
        stillborn: bool = False,
    ) -> Report:
        custody = "gemeinsam" if second else "allein"
        parents = [("mutter", mother)] + ([("zweiter_elternteil", second)] if second else [])
        data: dict[str, Any] = {
            "kind": child.identity() | {"geburtsort": CITY, "lebt": not stillborn},
            "eltern": [
                parent.identity() | {"rolle": role, "sorge": custody, "anschrift": parent.anschrift.reported()}
                for role, parent in parents
            ],
        }
        if group:
            data["mehrlingsgruppe"] = group
        if stillborn:
            data["schutz"] = {"totgeboren": True}
        return self._report(STANDESAMT, "geburt", "G", child.geburtsdatum, data)

    def _report(self, source: str, kind: str, letter: str, day: date, data: dict[str, Any]) -> Report:
        self._entries += 1
        entry = f"{letter}-{day.year}-{self._entries:06d}"
        common = {"eintrag": entry, "fassung": 1, "ars": ARS, "ereignis_am": day.isoformat()}
        return Report(source, f"{entry}.1", kind, common | data)

    def _parents(self, count: int) -> tuple[Resident, Resident | None]:
        surname, address = self._surname(), self._address()
        known = {"MELDEREGISTER": {"kind.im_haushalt": True}}
        parents = [self._person(surname, self._dice.randint(20, 44), address, known) for _ in range(count)]
        self._residents += parents
        return parents[0], parents[1] if count > 1 else None

    def _child(self, mother: Resident, born_on: date | None = None) -> Resident:
        day = born_on or self._today - timedelta(days=self._dice.randint(2, 9))
        child = replace(self._person(mother.familienname, 0, mother.anschrift), geburtsdatum=day)
        self._residents.append(child)
        return child

    def _person(
        self, surname: str, age: int, address: Anschrift, facts: dict[str, dict[str, Any]] | None = None
    ) -> Resident:
        self._entries += 1
        # Going round the list by a running number, no two members of one small family get the same first name.
        first = _FIRST[self._entries % len(_FIRST)]
        born = self._today - timedelta(days=age * 365 + self._dice.randint(1, 300))
        return Resident(f"MR-{self._entries:06d}", first, surname, born, address, facts or {})

    def _surname(self) -> str:
        """Return a surname that no other family has."""
        self._families += 1
        rest, parts = self._families, []
        while rest:
            rest, place = divmod(rest, len(_LAST))
            parts.append(_LAST[place])
        return "-".join(parts)

    def _address(self) -> Anschrift:
        return Anschrift(
            f"{self._dice.choice(_STREETS)} {self._dice.randint(1, 199)}", f"000{self._dice.randint(1, 99):02d}"
        )

    def _conduct(self, lebenslage: str) -> Conduct:
        conducts = _CONDUCTS[lebenslage]
        conduct = conducts[self._conducts[lebenslage] % len(conducts)]
        self._conducts[lebenslage] += 1
        return conduct


def _citizen(resident: Resident, lebenslage: str, stance: Stance, conduct: Conduct) -> Citizen:
    return Citizen(
        resident, lebenslage, stance, conduct, letter=stance is Stance.CONSENTS, mail=_mail(resident, stance)
    )


def _mail(resident: Resident, stance: Stance) -> str:
    """Return the address that every second who consents gives."""
    wants = stance is Stance.CONSENTS and int(resident.kennung[-1]) % 2 == 0
    return f"{resident.kennung.lower()}@postfach.musterstadt.example" if wants else ""


def _repeats(first: list[Report]) -> tuple[Report, ...]:
    """Return reports that say nothing new: some under their own id, some under another one."""
    told = [report for report in first if report.kind in {"geburt", "umzug"}][:_REPEATS]
    return tuple(replace(report, id=f"{report.id}-again") if place % 2 else report for place, report in enumerate(told))
