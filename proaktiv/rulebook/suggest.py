"""Did you mean …? Only what is surely meant, and never the opposite of what was written.

A checker that answers ``hoechstens`` with "did you mean mindestens?" turns a right into a wrong rule (rules.md T7).
"""

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_MEANT = {
    "hoechstens": "maximal",
    "höchstens": "maximal",
    "max": "maximal",
    "minimal": "mindestens",
    "wenigstens": "mindestens",
    "min": "mindestens",
    "kleiner": "weniger_als",
    "kleiner_als": "weniger_als",
    "weniger": "weniger_als",
    "unter": "weniger_als",
    "groesser": "mehr_als",
    "groesser_als": "mehr_als",
    "größer_als": "mehr_als",
    "mehr": "mehr_als",
    "ueber": "mehr_als",
    "gleich": "ist",
    "=": "ist",
    "in": "einer_von",
    "eins_von": "einer_von",
    "eines_von": "einer_von",
    "spaetestens": "bis",
    "spätestens": "bis",
    "fruehestens": "ab",
    "frühestens": "ab",
    "seit": "ab",
    "und": "alle",
    "alles": "alle",
    "oder": "eine",
    "eines": "eine",
    "einer": "eine",
    "kein": "nicht",
    "keine": "nicht",
    "true": "ja",
    "yes": "ja",
    "wahr": "ja",
    "false": "nein",
    "no": "nein",
    "falsch": "nein",
}

_OPPOSITES = frozenset(
    frozenset(pair)
    for pair in (
        ("maximal", "mindestens"),
        ("weniger_als", "mehr_als"),
        ("bis", "ab"),
        ("alle", "eine"),
        ("ist", "nicht"),
        ("ja", "nein"),
        ("tage", "monate"),
    )
)
_WITH_OPPOSITE = frozenset(word for pair in _OPPOSITES for word in pair)

_IN_TWO = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_CLOSE = 0.75
_VERY_CLOSE = 0.86


def suggestion(written: str, allowed: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` or nothing.

    A word that has an opposite is offered only for a known synonym or an evident slip of the keys.
    """
    choices = list(allowed)
    meant = _MEANT.get(written.lower())
    if meant in choices:
        return f"; did you mean '{meant}'?"
    small = {_plain(choice): choice for choice in choices}
    for close in (small[each] for each in get_close_matches(_plain(written), small, n=1, cutoff=_CLOSE)):
        if close in _WITH_OPPOSITE and SequenceMatcher(None, _plain(written), close).ratio() < _VERY_CLOSE:
            continue
        return f"; did you mean '{close}'?"
    return ""


def _plain(word: str) -> str:
    """Return a word in small letters, umlauts in two: the words of rules have none."""
    return word.lower().translate(_IN_TWO)


def opposite(word: str) -> frozenset[str]:
    """Return the words that must never be suggested for ``word``."""
    return frozenset(other for pair in _OPPOSITES if word in pair for other in pair - {word})


def words(allowed: Iterable[str]) -> str:
    """Return a closed list as an author reads it."""
    return ", ".join(allowed)
