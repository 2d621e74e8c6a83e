"""A birth date as far as a register knows it: in full, or with noughts for a day or month that nobody knows.

Many who fled have none in full, and their papers say so. Nothing is made up for them: what is in part is only ever
compared with what somebody says of themselves, never counted from. Source: DSMeld, sheet 0601.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

PATTERN = (
    "^(1[89]|2[0-9])[0-9]{2}-"
    "(0[013578]-(0[0-9]|[12][0-9]|3[01])|1[02]-(0[0-9]|[12][0-9]|3[01])|(0[469]|11)-(0[0-9]|[12][0-9]|30)|02-[012][0-9])$"
)
"""YYYY-MM-DD from 1800 on; 00 where a month or day is not known. A year that is not known proves nothing at all."""
_SHORT = re.compile(r"[0-9]{4}(?:-[0-9]{2})?")


@dataclass(frozen=True, slots=True)
class InPart:
    """A birth date of which the day or the month is not known, in the shape of ``PATTERN``."""

    text: str = field(repr=False)

    def isoformat(self) -> str:
        """Return it as ``date.isoformat`` returns a whole one, with its noughts."""
        return self.text


Born = date | InPart


def read_born(text: object) -> Born:
    """Read ``PATTERN``, or a year, or a year and a month alone. Raises ``ValueError``, which never repeats the text."""
    if isinstance(text, str):
        whole = text + "-00" * (2 - text.count("-")) if _SHORT.fullmatch(text) else text
        if re.fullmatch(PATTERN, whole):
            if "-00" in whole:
                return InPart(whole)
            with suppress(ValueError):  # a 29th of February
                return date.fromisoformat(whole)
    raise ValueError("is no birth date")
