"""In which language a page speaks, and the words of it.

German is the language of the templates; the others are gettext catalogues (``locale/<language>.po``), read as they
stand. Left to others: texts of the rules (``core.lebenslagen.Texte``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel.messages.pofile import read_po
from starlette.requests import HTTPConnection

LOCALES = Path(__file__).parents[1] / "locale"
LANGUAGES = {"de": "Deutsch", "en": "English"}
"""Code and own name of each language that pages speak."""

COOKIE = "sprache"


def marked(german: str) -> str:
    """Mark a sentence for the catalogues, called as ``_``; it is translated when it is shown."""
    return german


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language."""

    language: str
    words: Mapping[str, str]
    plurals: Mapping[str, tuple[str, ...]]

    def gettext(self, german: str) -> str:
        """Return a sentence in this language, in German where it lacks it."""
        return self.words.get(german) or german

    def ngettext(self, one: str, many: str, n: int) -> str:
        """Return a sentence about ``n`` things. German and English tell one from many, and nothing else."""
        forms = self.plurals.get(one) or (one, many)
        return forms[0 if n == 1 else 1]


@lru_cache
def catalogue(language: str) -> Catalogue:
    """Return the words of a language of ``LANGUAGES``."""
    if language == "de":
        return Catalogue("de", {}, {})
    with (LOCALES / f"{language}.po").open("rb") as file:
        messages = [message for message in read_po(file, locale=language) if message.id and not message.fuzzy]
    return Catalogue(
        language,
        {str(message.id): str(message.string) for message in messages if not message.pluralizable},
        {message.id[0]: tuple(message.string or ()) for message in messages if message.pluralizable},
    )


def chosen(request: HTTPConnection) -> str:
    """Return what the visitor chose, else the first language of the browser that pages speak, else German."""
    if (cookie := request.cookies.get(COOKIE, "")) in LANGUAGES:
        return cookie
    wanted = []
    for place, part in enumerate(request.headers.get("accept-language", "")[:200].split(",")):
        tag, _, weight = part.partition(";q=")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            wanted.append((-_weight(weight), place, language))
    return min(wanted)[2] if wanted else "de"


def _weight(written: str) -> float:
    try:
        return min(1.0, max(0.0, float(written[:5]))) if written else 1.0
    except ValueError:
        return 0.0
