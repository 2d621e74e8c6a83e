"""Where somebody's letters go when registers report moves: the newest by the register's own day. Pure.

Never a guess: what a report cannot settle stays in doubt, and no letter goes meanwhile.
Left to others: who may look at a report (the gate), keeping the address (``proaktiv.homes``, ``steps.relocate``).
Source: data-path.md § 5 (notify: contact now); security-and-faults.md T3; Art. 5 (1) (d) DSGVO.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from proaktiv.core.calendar import berlin_date

MAIN_HOME = "hauptwohnung"
"""The kind of dwelling that letters go to; a Nebenwohnung changes nothing (§ 22 BMG)."""


class Home(StrEnum):
    """What a report says about where letters go."""

    NEW = "new"
    AS_BEFORE = "as_before"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True, slots=True)
class Stand:
    """How the stored address is known: from a move (``moved_on``, ``reported_at``), or from a look-up ``as_of`` a day.

    ``before`` is the day of the move that the address before it came from, if it came from one.
    """

    as_of: date
    moved_on: date | None = None
    reported_at: datetime | None = None
    before: date | None = None


@dataclass(frozen=True, slots=True)
class Umzug:
    """One report of a move. ``corrects``: the stored address comes from an older version of the same entry."""

    moved_on: date
    reported_at: datetime
    main_home: bool
    corrects: bool = False


def settle(stand: Stand, move: Umzug) -> Home:
    """Return where letters go after a report.

    Of two moves the later one by the day of moving in counts, of one day the later report; a look-up counts against
    what was reported before its day. A correction replaces what it corrects, unless it leads back behind the move
    before that: then nobody here knows which one is the last.
    """
    if not move.main_home:
        return Home.IN_DOUBT if move.corrects else Home.AS_BEFORE
    if move.corrects:
        return Home.IN_DOUBT if stand.before is not None and move.moved_on < stand.before else Home.NEW
    if stand.moved_on is None or stand.reported_at is None:
        return Home.NEW if berlin_date(move.reported_at) >= stand.as_of else Home.AS_BEFORE
    newer = (move.moved_on, move.reported_at) > (stand.moved_on, stand.reported_at)
    return Home.NEW if newer else Home.AS_BEFORE


def stand_of(contact: Mapping[str, Any], known_at: datetime) -> Stand:
    """Return how a contact's address is known. Of one that does not say it, since when it is here."""
    said = contact.get("stand") or {}
    as_of = said.get("zum")
    return Stand(
        date.fromisoformat(as_of) if as_of else berlin_date(known_at),
        date.fromisoformat(said["einzug_am"]) if "einzug_am" in said else None,
        datetime.fromisoformat(said["gemeldet"]) if "gemeldet" in said else None,
        date.fromisoformat(said["davor"]) if "davor" in said else None,
    )


def moved(contact: Mapping[str, Any], stand: Stand, move: Umzug, address: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contact with the address of a move, and how that one is known."""
    before = stand.before if move.corrects else stand.moved_on
    said = {
        "zum": berlin_date(move.reported_at).isoformat(),
        "einzug_am": move.moved_on.isoformat(),
        "gemeldet": move.reported_at.isoformat(),
    }
    if before is not None:
        said["davor"] = before.isoformat()
    return {**contact, "anschrift": dict(address), "stand": said}


def same_place(contact: Mapping[str, Any], address: Mapping[str, Any]) -> bool:
    """Return whether letters would go to the same door."""
    there = contact["anschrift"]
    return all(str(there[part]).casefold() == str(address[part]).casefold() for part in ("strasse", "plz", "ort"))
