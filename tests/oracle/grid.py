"""The families that both sides decide: 5,000 for each birth date, crowded at the caps, and 240 children a year.

Standard library only: it also runs in the oracle's own environment. ``Random.random`` alone is drawn from, whose
sequence Python promises for a seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

BIRTHS = ("2023-06-01", "2024-03-31", "2024-04-01", "2025-03-31", "2025-04-01", "2026-11-01")
YEARS = ("2022-07-01", "2023-07-01", "2024-07-01", "2025-07-01", "2026-07-01")
FAMILIES = 5_000
CHILDREN = 240
AGES = 24

_CAPS = (175_000, 200_000, 250_000, 300_000)


@dataclass(frozen=True)
class Family:
    """Income of the couple or the lone parent in whole euros, hours a week, whether alone."""

    income: int
    hours: int
    alone: bool


def families(birth: str) -> Iterator[Family]:
    """Yield the families of one birth date."""
    dice = Random(f"elterngeld {birth}")
    for _ in range(FAMILIES):
        cap = _CAPS[int(dice.random() * len(_CAPS))]
        near, wide = cap - 2 + int(dice.random() * 5), int(dice.random() * 400_000)
        hours = 30 + int(dice.random() * 6) if dice.random() < 0.5 else int(dice.random() * 60)
        yield Family(near if dice.random() < 0.7 else wide, hours, dice.random() < 0.4)


def ages() -> list[int]:
    """Return the whole years of the children of one year: ten of each age from 0 to 23."""
    return [number % AGES for number in range(CHILDREN)]


def packed(answers: list[bool]) -> str:
    """Return answers as hexadecimal digits, the first answer in the highest bit."""
    bits = "".join("1" if answer else "0" for answer in answers)
    return f"{int(bits, 2):0{len(bits) // 4}x}"


def unpacked(text: str) -> list[bool]:
    """Return what ``packed`` was given."""
    return [bit == "1" for bit in f"{int(text, 16):0{4 * len(text)}b}"]
