"""Names as a register and an account write them, brought to one form, so that they can be held against each other.

Equal names say nothing: beside the letter and the birth date they keep an account of somebody else in the same
household out. Left to others: what is compared (``vault``), what follows from it (``steps.account``).
"""

import unicodedata


def folded(name: str) -> str:
    """Return a name in small letters without marks, signs and doubled blanks: ``Ḫaß-Müller`` becomes ``hass muller``.

    Providers and registers differ in case, hyphens and combining marks, never in which letters a name has (DIN 91379).
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = (sign if sign.isalnum() else " " for sign in plain if not unicodedata.combining(sign))
    return " ".join("".join(letters).split())
