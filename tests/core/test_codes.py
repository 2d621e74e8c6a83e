"""Letter codes."""

import random

import pytest

from proaktiv.core import codes


def _codes(n: int) -> list[str]:
    dice = random.Random(7)
    return [codes.from_mac(dice.randbytes(32)) for _ in range(n)]


def test_a_code_is_read_back_however_a_person_types_it() -> None:
    for code in _codes(200):
        assert codes.read(codes.grouped(code)) == code
        assert codes.read(code.lower().replace("0", "o").replace("1", "l")) == code
        assert codes.read(" ".join(code)) == code


def test_every_single_wrong_symbol_is_caught_by_the_check_symbol() -> None:
    for code in _codes(20):
        for place in range(codes.LENGTH):
            for symbol in codes.ALPHABET:
                if symbol != code[place]:
                    with pytest.raises(codes.CodeError):
                        codes.read(code[:place] + symbol + code[place + 1 :])


def test_nearly_every_swap_of_neighbours_is_caught() -> None:
    swaps = missed = 0
    for code in _codes(500):
        for place in range(codes.LENGTH - 1):
            if code[place] == code[place + 1]:
                continue
            swaps += 1
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            try:
                codes.read(swapped)
                missed += 1
            except codes.CodeError:
                pass
    assert missed / swaps < 0.01


def test_the_same_mac_gives_the_same_code_so_a_letter_can_be_rendered_again() -> None:
    assert _codes(3) == _codes(3)


@pytest.mark.parametrize("typed", ["", "ABC", "!" * 13, "0" * 12 + "1", "ÄÖÜ" * 5, "0" * 400])
def test_what_cannot_be_a_code_is_refused_without_saying_why(typed: str) -> None:
    with pytest.raises(codes.CodeError, match=r"^not a code$"):
        codes.read(typed)


def test_six_digits_are_read_back_however_a_person_types_them() -> None:
    dice = random.Random(7)
    made = {codes.digits_from_mac(dice.randbytes(32)) for _ in range(2000)}
    assert len(made) > 1990, "spread over a million"
    for digits in made:
        assert (len(digits), digits.isdigit()) == (6, True)
        assert codes.read_digits(f" {codes.grouped_digits(digits)} ") == digits
        assert codes.read_digits("-".join(digits)) == digits
    assert codes.digits_from_mac(bytes(32)) == "000000"
