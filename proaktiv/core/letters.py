"""The words of our own letters. They name no matter: who finds the letter on the table learns nothing from it.

German first, English below, in every letter. Left to others: how a letter looks (``notifiers``), the code (``vault``).
Source: channels-and-pages.md §§ 5.2, 6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

SUBJECT = "Für Sie liegt etwas bereit"

_PAGE = "Die Adresse der Seite können Sie auch selbst eintippen: {page}"
_AGAIN = (
    "wir haben Ihnen dazu schon geschrieben. Haben Sie schon geantwortet? Dann müssen Sie nichts mehr tun. "
    "English: we have written to you about this before. If you have answered, there is nothing more to do."
)
_NOTHING = (
    "Wenn Sie nichts tun, geschieht nichts. Wir fragen Sie nie nach Ihrer Bankverbindung und nie am Telefon nach "
    "diesem Code."
)
_NOTHING_EN = (
    "If you do nothing, nothing happens. We never ask for your bank details, and never for this code on the telephone."
)


_GOES = (
    "Was Sie nicht beantworten, verfällt mit seiner Frist. Einige Zeit danach löschen wir, was wir dafür vorbereitet "
    "haben."
)
_GOES_EN = "What you do not answer lapses with its deadline. Some time after that we delete what we prepared."
"""The notice before the deletion: in the first letter and in the reminder. Source: data-path.md § 5 (Retention)."""


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and paragraphs of one letter."""

    subject: str
    paragraphs: tuple[str, ...]


def bundle_words(sender: str, page: str, *, again: bool = False) -> Words:
    """Return the words that tell of something prepared. ``page`` is the address to type, or empty.

    ``again``: they were told before. The code of an earlier letter stays good.
    """
    return Words(
        SUBJECT,
        (
            *((_AGAIN,) if again else ()),
            (
                f"{sender} hat etwas für Sie vorbereitet. Sie müssen keinen Antrag stellen. Sehen Sie es sich an und "
                "sagen Sie ja, nein oder später."
            ),
            "Dazu brauchen Sie den Code unten und Ihr Geburtsdatum. Der Code gilt 90 Tage.",
            *_where(page),
            _NOTHING,
            _GOES,
            (
                f"English: {sender} has prepared something for you. To see it you need the code below and your date of "
                f"birth. The code is valid for 90 days. {_NOTHING_EN} {_GOES_EN}"
            ),
        ),
    )


def activation_words(sender: str, page: str) -> Words:
    """Return the words that finish an enrolment."""
    return Words(
        SUBJECT,
        (
            (
                "jemand hat Sie auf unserer Seite angemeldet. Waren Sie es selbst? Dann geben Sie dort den Code unten "
                "und Ihr Geburtsdatum ein. Der Code gilt 90 Tage."
            ),
            "Waren Sie es nicht? Dann werfen Sie diesen Brief weg. Ohne den Code geschieht nichts.",
            *_where(page),
            _NOTHING,
            (
                f"English: somebody enrolled you with {sender}. If it was you, enter the code below and your date "
                f"of birth on our page. If it was not you, throw this letter away. {_NOTHING_EN}"
            ),
        ),
    )


def _where(page: str) -> Sequence[str]:
    return (_PAGE.format(page=page),) if page else ()


def address_lines(contact: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the address field: name, street, postcode and town. Raises ``KeyError`` when a part is missing."""
    address = contact["anschrift"]
    return (" ".join(contact["name"]), address["strasse"], f"{address['plz']} {address['ort']}")


def written_on(day: date) -> str:
    """Return a date as a German letter writes it."""
    return f"{day:%d.%m.%Y}"
