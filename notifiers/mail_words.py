"""The words of every mail, closed: that something is there and where, an address to confirm, or a change.

The same for everybody. No name, no matter, no Behörde, no hurry, no question for a secret; the one code that a mail
carries confirms its address and opens nothing. Source: channels-and-pages.md §§ 0.4, 3.7, 5.2; docs/decisions/0017.
"""

from collections.abc import Mapping
from dataclasses import dataclass

HINT, CONFIRMATION, CHANGED, ACCESS = "bundle", "confirmation", "address", "account"
"""The purposes of a message that have words of their own; any other is a hint."""


@dataclass(frozen=True, slots=True)
class MailWords:
    """What a mail says in one language.

    ``{sender}``, ``{page}`` and ``{reference}`` are all that is filled in, and ``{code}`` in a confirmation.
    """

    language: str
    subject: str
    paragraphs: tuple[str, ...]


_SECRETS = (
    "Wir fragen in E-Mails nie nach dem Code aus einem Brief, einer PIN oder Ihrer Bankverbindung. Antworten auf diese "
    "E-Mail liest niemand."
)
_SECRETS_EN = (
    "We never ask for the code in a letter, a PIN or your bank details in e-mails. Nobody reads answers to this e-mail."
)
_REFERENCE, _REFERENCE_EN = "Zeichen dieser Nachricht: {reference}", "Reference of this message: {reference}"

_HINT = (
    MailWords(
        "de",
        "Für Sie liegt etwas bereit",
        (
            "Guten Tag,",
            (
                "{sender} hat etwas für Sie vorbereitet. Was es ist, steht nicht in dieser E-Mail: Das geht nur Sie "
                "etwas an."
            ),
            "Sie finden es auf unserer Seite: {page}",
            "Die Adresse können Sie auch selbst eintippen. Wenn Sie nichts tun, geschieht nichts.",
            (
                "Wir fragen in E-Mails nie nach einem Code, einer PIN oder Ihrer Bankverbindung. Antworten auf diese "
                "E-Mail liest niemand."
            ),
            "Sie möchten keine E-Mails mehr von uns? Das können Sie auf der Seite jederzeit ändern.",
            _REFERENCE,
        ),
    ),
    MailWords(
        "en",
        "Something is ready for you",
        (
            "Hello,",
            "{sender} has prepared something for you. What it is, this e-mail does not say: that is for you alone.",
            "You will find it on our page: {page}",
            "You can also type the address yourself. If you do nothing, nothing happens.",
            "We never ask for a code, a PIN or your bank details in e-mails. Nobody reads answers to this e-mail.",
            "You do not want e-mails from us any more? You can change that on the page at any time.",
            _REFERENCE_EN,
        ),
    ),
)
_CONFIRMATION = (
    MailWords(
        "de",
        "Bestätigen Sie Ihre E-Mail-Adresse",
        (
            "Guten Tag,",
            (
                "jemand hat diese E-Mail-Adresse bei {sender} angegeben. Waren Sie es? Dann geben Sie diesen Code ein: "
                "{code}"
            ),
            "Sie geben ihn auf unserer Seite ein, dort, wo Sie auch die Adresse angegeben haben: {page}",
            "Der Code gilt 24 Stunden. Er bestätigt nur diese Adresse und öffnet nichts.",
            "Waren Sie es nicht? Dann tun Sie nichts. Ohne den Code schreiben wir nicht an diese Adresse.",
            _SECRETS,
            _REFERENCE,
        ),
    ),
    MailWords(
        "en",
        "Confirm your e-mail address",
        (
            "Hello,",
            "Somebody gave this e-mail address to {sender}. If it was you, enter this code: {code}",
            "You enter it on our page, where you gave the address: {page}",
            "The code is good for 24 hours. It confirms this address and opens nothing.",
            "If it was not you, do nothing. Without the code we do not write to this address.",
            _SECRETS_EN,
            _REFERENCE_EN,
        ),
    ),
)
_CHANGED = (
    MailWords(
        "de",
        "Ihre E-Mail-Adresse wurde geändert",
        (
            "Guten Tag,",
            (
                "diese E-Mail-Adresse war bei {sender} angegeben. Jetzt gilt eine andere. Diese E-Mail ist die letzte "
                "an diese Adresse."
            ),
            "Waren Sie es selbst? Dann müssen Sie nichts tun.",
            "Waren Sie es nicht? Dann sehen Sie auf unserer Seite nach, oder sagen Sie es uns: {page}",
            _SECRETS,
            _REFERENCE,
        ),
    ),
    MailWords(
        "en",
        "Your e-mail address was changed",
        (
            "Hello,",
            "{sender} had this e-mail address. Another one counts now. This is the last e-mail to this address.",
            "If it was you, there is nothing to do.",
            "If it was not you, look on our page, or tell us: {page}",
            _SECRETS_EN,
            _REFERENCE_EN,
        ),
    ),
)
_ACCESS = (
    MailWords(
        "de",
        "Etwas an Ihrem Zugang hat sich geändert",
        (
            "Guten Tag,",
            "bei {sender} hat sich etwas an Ihrem Zugang geändert. Ein Brief an Sie sagt, was es ist.",
            "Waren Sie es selbst? Dann müssen Sie nichts tun.",
            "Waren Sie es nicht? Dann sehen Sie auf unserer Seite nach, oder sagen Sie es uns: {page}",
            _SECRETS,
            _REFERENCE,
        ),
    ),
    MailWords(
        "en",
        "Something about your access has changed",
        (
            "Hello,",
            "Something about your access to {sender} has changed. A letter to you says what it is.",
            "If it was you, there is nothing to do.",
            "If it was not you, look on our page, or tell us: {page}",
            _SECRETS_EN,
            _REFERENCE_EN,
        ),
    ),
)
WORDS: Mapping[str, tuple[MailWords, ...]] = {
    HINT: _HINT,
    CONFIRMATION: _CONFIRMATION,
    CHANGED: _CHANGED,
    ACCESS: _ACCESS,
}
"""By purpose, German first."""

LANGUAGES = tuple(words.language for words in _HINT)


def in_order(language: str, purpose: str = HINT) -> tuple[MailWords, ...]:
    """Return the words of a purpose in every language, the reader's own first; German for one that is none of them."""
    said = WORDS.get(purpose, _HINT)
    first = next((words for words in said if words.language == language), said[0])
    return (first, *(words for words in said if words is not first))
