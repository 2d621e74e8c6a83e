"""Official keys as checked types, so that a bare string never passes for one.

Left to others: whether a key exists (competence table, registers).
"""

import re
from typing import NewType, Self
from uuid import UUID

PersonKey = NewType("PersonKey", UUID)
"""A person inside this installation: random, never derived from anything about the person."""


OfficeKeys = tuple[bytes, ...]
"""The office's private keys, which open staff parts of the log: the present one first; none where nobody holds one."""


class KeyFormatError(ValueError):
    """An official key has the wrong form; the message names the kind of key, not its value."""


class _Key(str):
    """A string of fixed form. Subclasses name the pattern and where it comes from."""

    __slots__ = ()
    pattern = re.compile("")
    says = ""

    def __new__(cls, value: str) -> Self:
        """Return the checked key. Raises ``KeyFormatError`` when the form is wrong."""
        if not cls.pattern.fullmatch(value):
            raise KeyFormatError(f"{cls.__name__} must be {cls.says}")
        return super().__new__(cls, value)


class Ars(_Key):
    """Amtlicher Regionalschlüssel: Land 2 · Regierungsbezirk 1 · Kreis 2 · Verband 4 · Gemeinde 3."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{12}")
    says = "twelve digits"

    @property
    def land(self) -> str:
        """Return the two digits of the Land."""
        return self[:2]

    def within(self, prefix: str) -> bool:
        """Return whether this area lies in the one that ``prefix`` (2 to 12 digits) names."""
        return self.startswith(prefix)


class Ags(_Key):
    """Amtlicher Gemeindeschlüssel: the Ars without its four digits of Verband."""

    __slots__ = ()
    pattern = re.compile(r"[0-9]{8}")
    says = "eight digits"

    @classmethod
    def of(cls, ars: Ars) -> Self:
        """Return the AGS of an ARS."""
        return cls(ars[:5] + ars[9:])


class LeikaKey(_Key):
    """Key of a Leistung in the Leistungskatalog; verified or left empty, never guessed (rules.md § 0)."""

    __slots__ = ()
    pattern = re.compile(r"99[0-9]{12}")
    says = "fourteen digits that begin with 99"
