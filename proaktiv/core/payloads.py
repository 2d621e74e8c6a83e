"""What the ``data`` of each kind of event must look like, as readers that check and copy.

A reader takes a JSON value and the spot it stands at, and returns the value as it will be stored; it also says as JSON
Schema (draft 2020-12) what it takes, for those who build the other side. Whatever no shape
names is refused; special categories of personal data are let in at any level and left behind (Art. 9 DSGVO).
Left to others: JSON itself (``core.cloudevents``), what a value means (``core.events``).
Messages name the place and the remedy, never a value.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any, NamedTuple

from proaktiv.core.errors import BadInput
from proaktiv.core.keys import Ars, KeyFormatError

DROPPED = frozenset(
    {
        "behinderung",
        "diagnose",
        "ethnie",
        "fruehgeburt",
        "geburtsgewicht",
        "geschlecht",
        "gesundheit",
        "gewicht",
        "grad_der_behinderung",
        "konfession",
        "krankheit",
        "religion",
        "religionszugehoerigkeit",
        "sexuelle_orientierung",
        "staatsangehoerigkeit",
        "staatsangehoerigkeiten",
    }
)
"""Names that are dropped at the door, whatever they hold: no rule may ask for them in this version."""

EARLIEST = date(1890, 1, 1)
_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IN_PART = re.compile(r"[0-9]{4}-(?:00-[0-9]{2}|[0-9]{2}-00)|[0-9]{4}(?:-[0-9]{2})?")
"""A day of which a part is not known, as registers write it: noughts, or left out (XMeld, DSMeld)."""
_REFERENCE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._:/-]{0,62}[A-Za-z0-9])?")
_POSTCODE = re.compile(r"[0-9]{5}")


class Spot(NamedTuple):
    """Where a value stands, and the last day a date may name. The pointer is put together for an error alone."""

    start: str
    latest: date
    keys: tuple[str | int, ...] = ()

    @property
    def pointer(self) -> str:
        """Return the JSON pointer."""
        return reduce(joined, self.keys, self.start)

    def at(self, key: str | int) -> "Spot":
        """Return the spot of a member or an item."""
        return Spot(self.start, self.latest, (*self.keys, key))


@dataclass(frozen=True, slots=True)
class Reader:
    """Checks and copies one value. ``schema`` is never laxer in shape; what it cannot say, ``docs/events`` says."""

    read: Callable[[Any, Spot], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: Any, spot: Spot) -> Any:
        """Return the value as it will be stored. Raises ``BadInput``."""
        return self.read(value, spot)


def reader(**schema: Any) -> Callable[[Callable[[Any, Spot], Any]], Reader]:
    """Make a function a reader of what a JSON Schema says."""

    def make(read: Callable[[Any, Spot], Any]) -> Reader:
        return Reader(read, schema)

    return make


def joined(pointer: str, key: str | int) -> str:
    """Return the pointer of a member; of the object itself where its name is not one that we would know.

    So that no answer ever repeats what somebody hid in a name.
    """
    if isinstance(key, int) or _PLAIN_KEY.fullmatch(key):
        return f"{pointer}/{key}"
    return pointer


def clean(value: str) -> bool:
    """Return whether a text is printable and composed (NFC): no controls, no bidi marks, nothing unassigned."""
    if value.isascii():
        return value.isprintable()
    return unicodedata.is_normalized("NFC", value) and not any(
        unicodedata.category(symbol) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for symbol in value
    )


# leaves --------------------------------------------------------------------------------------------------------------


@reader(type="string", minLength=1, maxLength=120, pattern=r"^\S(.*\S)?$")
def text(value: Any, spot: Spot) -> str:
    """Read a name or a line: 1 to 120 printable characters, no blanks around."""
    if not isinstance(value, str) or not 0 < len(value) <= 120 or value != value.strip():
        raise BadInput(spot.pointer, "must be a text of 1 to 120 characters without blanks around it")
    if not clean(value):
        raise BadInput(spot.pointer, "must hold printable characters in normal form NFC only")
    return value


@reader(type="string", pattern=f"^{_REFERENCE.pattern}$")
def reference(value: Any, spot: Spot) -> str:
    """Read a register's key of a person or an entry: 1 to 64 ASCII characters."""
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise BadInput(spot.pointer, "must be 1 to 64 of A-Z a-z 0-9 . _ : / - and inner blanks")
    return value


@reader(type="string", pattern=f"^{_POSTCODE.pattern}$")
def postcode(value: Any, spot: Spot) -> str:
    """Read a Postleitzahl."""
    if not isinstance(value, str) or not _POSTCODE.fullmatch(value):
        raise BadInput(spot.pointer, "must be a string of five digits")
    return value


@reader(type="string", pattern="^[0-9]{12}$")
def area(value: Any, spot: Spot) -> str:
    """Read an ARS."""
    if isinstance(value, str):
        try:
            return str(Ars(value))
        except KeyFormatError:
            pass
    raise BadInput(spot.pointer, "must be an ARS: a string of twelve digits")


@reader(type="string", format="date", pattern=f"^{_DAY.pattern}$")
def day(value: Any, spot: Spot) -> str:
    """Read a date that has come: ``YYYY-MM-DD``, from 1890 to the day of the report."""
    try:
        read = date.fromisoformat(value) if isinstance(value, str) and _DAY.fullmatch(value) else None
    except ValueError:
        read = None
    if read is None:
        raise BadInput(spot.pointer, "must be a date of the calendar, written YYYY-MM-DD")
    if not EARLIEST <= read <= spot.latest:
        raise BadInput(spot.pointer, "must lie between 1890-01-01 and the day of time")
    return read.isoformat()


@reader(**day.schema)
def birth_day(value: Any, spot: Spot) -> str:
    """Read a birth date that is known in full, as ``day``; one that is not has no place here."""
    if isinstance(value, str) and _IN_PART.fullmatch(value):
        raise BadInput(spot.pointer, "is not known in full: leave it out, the event is taken without it")
    read: str = day(value, spot)
    return read


@reader(type="boolean")
def flag(value: Any, spot: Spot) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise BadInput(spot.pointer, "must be true or false")
    return value


@reader(type="integer", minimum=1, maximum=1_000_000)
def version(value: Any, spot: Spot) -> int:
    """Read a register version: 1 to 1,000,000."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise BadInput(spot.pointer, "must be a whole number from 1 to 1000000")
    return value


# builders ------------------------------------------------------------------------------------------------------------


def choice(*allowed: str) -> Reader:
    """Return a reader of one of some words."""

    @reader(enum=list(allowed))
    def read(value: Any, spot: Spot) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise BadInput(spot.pointer, f"must be one of {', '.join(allowed)}")
        return value

    return read


def many(item: Reader, least: int, most: int) -> Reader:
    """Return a reader of a list of ``least`` to ``most`` items."""

    @reader(type="array", minItems=least, maxItems=most, items=item.schema)
    def read(value: Any, spot: Spot) -> list[Any]:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise BadInput(spot.pointer, f"must be a list of {least} to {most} items")
        return [item(entry, spot.at(index)) for index, entry in enumerate(value)]

    return read


def record(required: Mapping[str, Reader], optional: Mapping[str, Reader] | None = None) -> Reader:
    """Return a reader of an object with these members and no others but the dropped ones."""
    known = {**required, **(optional or {})}

    @reader(
        type="object",
        required=list(required),
        properties={key: member.schema for key, member in known.items()},
        additionalProperties=False,
    )
    def read(value: Any, spot: Spot) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise BadInput(spot.pointer, "must be an object")
        for key in value:
            if key not in known and key not in DROPPED:
                raise BadInput(joined(spot.pointer, key), f"is not known here; known are {', '.join(sorted(known))}")
        for key in required:
            if key not in value:
                raise BadInput(spot.at(key).pointer, "is missing")
        return {key: member(value[key], spot.at(key)) for key, member in known.items() if key in value}

    return read
