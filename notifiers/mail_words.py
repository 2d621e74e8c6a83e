"""The words of every mail, closed: a mail says that something is there and where, and is the same for everybody.

No name, no matter, no Behörde, no hurry, no question for a secret. Source: channels-and-pages.md §§ 0.4, 3.7, 5.2.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailWords:
    """What a mail says in one language. ``{sender}``, ``{page}`` and ``{reference}`` are all that is filled in."""

    language: str
    subject: str
    paragraphs: tuple[str, ...]


_GERMAN = MailWords(
    "de",
    "Für Sie liegt etwas bereit",
    (
        "Guten Tag,",
        "{sender} hat etwas für Sie vorbereitet. Was es ist, steht nicht in dieser E-Mail: Das geht nur Sie etwas an.",
        "Sie finden es auf unserer Seite: {page}",
        "Die Adresse können Sie auch selbst eintippen. Wenn Sie nichts tun, geschieht nichts.",
        (
            "Wir fragen in E-Mails nie nach einem Code, einer PIN oder Ihrer Bankverbindung. Antworten auf diese "
            "E-Mail liest niemand."
        ),
        "Sie möchten keine E-Mails mehr von uns? Das können Sie auf der Seite jederzeit ändern.",
        "Zeichen dieser Nachricht: {reference}",
    ),
)
_ENGLISH = MailWords(
    "en",
    "Something is ready for you",
    (
        "Hello,",
        "{sender} has prepared something for you. What it is, this e-mail does not say: that is for you alone.",
        "You will find it on our page: {page}",
        "You can also type the address yourself. If you do nothing, nothing happens.",
        ("We never ask for a code, a PIN or your bank details in e-mails. Nobody reads answers to this e-mail."),
        "You do not want e-mails from us any more? You can change that on the page at any time.",
        "Reference of this message: {reference}",
    ),
)
LANGUAGES: Mapping[str, MailWords] = {words.language: words for words in (_GERMAN, _ENGLISH)}


def in_order(language: str) -> tuple[MailWords, ...]:
    """Return the words in every language, the reader's own first; German for a language that is none of them."""
    first = LANGUAGES.get(language, _GERMAN)
    return (first, *(words for words in LANGUAGES.values() if words is not first))
