"""By what a person is sought in the office: an Auftrag's number or a register's key. A name is none.

Told apart by form alone, so whoever types learns nothing of who is there. What is refused is quoted nowhere: it may be
a name. Left to others: whether there is such a number (``steps.inspection``).
Source: security-and-faults.md T2; Art. 5 (1) lit. c DSGVO.
"""

import re

from proaktiv.core.codes import ALPHABET
from proaktiv.core.errors import BadInput

MUST_BE = "must be an Auftrag's number (A-XXXXX-XXXXX) or a register's key, with a digit in it; nobody is found by name"
"""What is told of anything else, whatever it was."""

INCOMPLETE = "is no whole Auftrag's number: A-XXXXX-XXXXX has ten signs behind its A"
"""What is told of an Auftrag's number that lacks a sign, or has one too many or a wrong one."""

_NUMBER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._:/-]{0,62}[A-Za-z0-9])?")  # as ``payloads.reference`` takes a key
_DIGIT = re.compile(r"[0-9]")
_BIRTHDAY = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[. /-]+[0-9]{1,2}[. /-]+(?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2})(?![0-9])"
)
_WORD = re.compile(r"[A-Za-z.-]*(?:[a-z]|[A-Z]{4})[A-Za-z.-]*")
"""A word of a name beside others: small letters, or four capitals, and no digit. ``MR`` is none."""
_AUFTRAG = re.compile(rf"A[- ]?([{ALPHABET}OIL]{{5}})[- ]?([{ALPHABET}OIL]{{5}})")
_PRINTED = re.compile(rf"A-[{ALPHABET}OIL]{{5}}-[{ALPHABET}OIL]{{5}}")
"""Of forty numbers one has no digit: with both hyphens it is a number all the same."""
_NEARLY = re.compile(r"A[- ](?:[0-9A-Z]{5}(?:[- ][0-9A-Z]{1,7})?|[0-9A-Z]{4,6}[- ][0-9A-Z]{5}|[0-9A-Z]{9,11})")
"""What can only have been meant for one; there is no check sign in it, so its length alone shows a slip."""
_LETTER = re.compile(r"[A-Z]")
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


class Incomplete(BadInput):
    """It begins as an Auftrag's number and is none; whoever typed it compares it again."""


def number(typed: str, field: str) -> str:
    """Return the number in what somebody typed, without the blanks around it.

    Raises ``BadInput`` of ``field`` for what cannot be one: without a digit, with other signs, with a day or a word of
    a name in it; ``Incomplete`` for an Auftrag's number that is not whole. Says nothing of what was typed.
    """
    plain = typed.strip()
    if _is_nearly_one(plain.upper()):
        raise Incomplete(field, INCOMPLETE)
    if _PRINTED.fullmatch(plain.upper()):
        return plain
    if not _NUMBER.fullmatch(plain) or not _DIGIT.search(plain) or _BIRTHDAY.search(plain):
        raise BadInput(field, MUST_BE)
    words = plain.split()
    if len(words) > 1 and not _AUFTRAG.fullmatch(plain.upper()) and any(_WORD.fullmatch(word) for word in words):
        raise BadInput(field, MUST_BE)
    return plain


def auftrag_number(typed: str) -> str:
    """Return an Auftrag's number as it is printed, from what a person typed; what is none comes back as it was."""
    found = _AUFTRAG.fullmatch(typed.strip().upper())
    return f"A-{found[1]}-{found[2]}".translate(_READ_AS) if found else typed.strip()


def _is_nearly_one(plain: str) -> bool:
    if not _NEARLY.fullmatch(plain) or _AUFTRAG.fullmatch(plain):
        return False
    # Of digits alone it is rather a register's key, as ``A-2026-000123``; without one, but for both hyphens, a name.
    return bool(_LETTER.search(plain, 1)) and (bool(_DIGIT.search(plain)) or plain.count("-") == 2)
