"""Derived facts of the addressee: where somebody lives, from the keys that registers give."""

from proaktiv.core.derived.registry import Derived
from proaktiv.core.keys import Ars, KeyFormatError
from proaktiv.core.parameters import Value

LAENDER = ("SH", "HH", "NI", "HB", "NW", "HE", "RP", "BW", "BY", "SL", "BE", "BB", "MV", "SN", "ST", "TH")
"""The Länder in the order of their two digits, 01 to 16."""


def _land(ars: str) -> Value | None:
    try:
        number = int(Ars(ars).land)
    except KeyFormatError:
        return None
    # Other digits belong to invented places: they lie in no Land.
    return LAENDER[number - 1] if 1 <= number <= len(LAENDER) else None


def _inland(ars: str) -> Value | None:
    try:
        Ars(ars)
    except KeyFormatError:
        return None
    return True


_HOME = {"elternteil.wohnort_ars": str}

ALL = (
    Derived("elternteil.land", "code", "Amtlicher Regionalschlüssel, Stellen 1 und 2", _HOME, _land),
    Derived(
        "elternteil.wohnt_im_inland", "janein", "§ 62 Abs. 1 Nr. 1 EStG; § 1 Abs. 1 S. 1 Nr. 1 BEEG", _HOME, _inland
    ),
)
