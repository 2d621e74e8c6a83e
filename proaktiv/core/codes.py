"""Letter codes: twelve Crockford symbols and a check symbol, in groups of four.

Derived from a MAC, so a letter can be rendered again byte for byte after a crash (data-path.md § 2).
The check symbol is Luhn mod 32: it catches every wrong symbol and nearly every swap of neighbours.
Source: channels-and-pages.md § 5.2; Crockford base32.
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
LENGTH = 13
DIGITS = 6


class CodeError(ValueError):
    """What was typed cannot be a code; never says why, so that nothing can be learned from it."""


def from_mac(mac: bytes) -> str:
    """Return the code of the first 60 bits of a MAC of at least eight bytes."""
    number = int.from_bytes(mac[:8], "big") >> 4
    symbols = "".join(ALPHABET[number >> shift & 31] for shift in range(55, -1, -5))
    return symbols + _check(symbols)


def grouped(code: str) -> str:
    """Return a code as it is printed: ``XXXX-XXXX-XXXX-X``."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def read(typed: str) -> str:
    """Return the code in what a person typed. Raises ``CodeError`` when it cannot be one."""
    code = "".join(typed.upper().split()).replace("-", "").translate(_READ_AS)
    if len(code) != LENGTH or any(symbol not in ALPHABET for symbol in code) or _check(code[:-1]) != code[-1]:
        raise CodeError("not a code")
    return code


def digits_from_mac(mac: bytes) -> str:
    """Return six digits made of a MAC of at least eight bytes: a code that is typed in a session, with few tries."""
    return f"{int.from_bytes(mac[:8], 'big') % 10**DIGITS:0{DIGITS}}"


def grouped_digits(code: str) -> str:
    """Return such a code as it is printed: ``123 456``."""
    return f"{code[:3]} {code[3:]}"


def read_digits(typed: str) -> str:
    """Return the digits in what a person typed; what is none comes back as some other text."""
    return "".join(typed.split()).replace("-", "")


def reference(mac: bytes) -> str:
    """Return the reference that a message prints, ``XXXX-XXXX``: it tells it from a false one and opens nothing."""
    return grouped(from_mac(mac)[:8])


def read_reference(typed: str) -> str:
    """Return a reference as it is printed, from what a person typed; what is none comes back as some other text."""
    plain = "".join(typed.upper().split()).replace("-", "").translate(_READ_AS)
    return grouped(plain)


def _check(symbols: str) -> str:
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        value = ALPHABET.index(symbol) * (2 if place % 2 == 0 else 1)
        total += value // 32 + value % 32
    return ALPHABET[-total % 32]
