"""The words of our own letters. They name no matter: who finds the letter on the table learns nothing from it.

German, and the same in English and in Leichte Sprache. The latter nobody has checked yet (DIN SPEC 33429), so letters
print it as a draft. Left to others: how a letter looks and where it prints page and code (``notifiers``), the code
(``vault``). Source: channels-and-pages.md §§ 5.2, 6.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from notifiers.model import Version

SUBJECT = "Für Sie liegt etwas bereit"
_SUBJECT_EN = "Something is ready for you"

_AGAIN = "wir haben Ihnen dazu schon geschrieben. Haben Sie schon geantwortet? Dann müssen Sie nichts mehr tun."
_AGAIN_EN = "We have written to you about this before. If you have answered, there is nothing more to do."
_AGAIN_LS = "Wir haben Ihnen schon einmal geschrieben. Haben Sie schon geantwortet? Dann müssen Sie nichts mehr tun."
_EARLIER = "wir haben Ihnen in dieser Sache schon geschrieben. Verwenden Sie bitte den Code aus diesem Brief."
_EARLIER_EN = "We have written to you about this before. Please use the code in this letter."
_EARLIER_LS = "Wir haben Ihnen schon einmal geschrieben. Bitte nehmen Sie den Code aus diesem Brief."
_NEVER_ASKED = "Wir fragen Sie nie nach Ihrer Bankverbindung und nie am Telefon nach diesem Code."
_NEVER_ASKED_EN = "We never ask for your bank details, and never for this code on the telephone."
_NEVER_ASKED_LS = "Wir fragen nie nach Ihrem Bank-Konto. Wir fragen nie am Telefon nach dem Code."
_NOTHING = (
    "Wenn Sie nichts tun, geschieht nichts. Wir fragen Sie nie nach Ihrer Bankverbindung und nie am Telefon nach "
    "diesem Code."
)
_NOTHING_EN = (
    "If you do nothing, nothing happens. We never ask for your bank details, and never for this code on the telephone."
)
_NOTHING_LS = (
    "Sie müssen nichts tun. Dann passiert auch nichts. Wir fragen nie nach Ihrem Bank-Konto. "
    "Wir fragen nie am Telefon nach dem Code."
)
_GOES = (
    "Was Sie nicht beantworten, verfällt mit seiner Frist. Einige Zeit danach löschen wir, was wir dafür vorbereitet "
    "haben."
)
_GOES_EN = "What you do not answer lapses with its deadline. Some time after that we delete what we prepared."
_GOES_LS = "Sie haben nur eine bestimmte Zeit. Danach löschen wir, was wir vorbereitet haben."
"""The notice before the deletion: in the first letter and in the reminder. Source: data-path.md § 5 (Retention)."""


@dataclass(frozen=True, slots=True)
class Words:
    """Subject and paragraphs of one letter, and the same in other words."""

    subject: str
    paragraphs: tuple[str, ...]
    versions: tuple[Version, ...]


def bundle_words(sender: str, *, again: bool = False) -> Words:
    """Return the words that tell of something prepared, to which they say yes, no or later.

    ``again``: they were told before. The code of an earlier letter stays good, unless they have moved since.
    """
    return Words(
        SUBJECT,
        (
            *((_AGAIN,) if again else ()),
            (
                f"{sender} hat etwas für Sie vorbereitet. Sie müssen keinen Antrag stellen. Sehen Sie es sich an und "
                "sagen Sie ja, nein oder später."
            ),
            "Dazu brauchen Sie den Code aus diesem Brief und Ihr Geburtsdatum. Der Code gilt 90 Tage.",
            _NOTHING,
            _GOES,
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    *((_AGAIN_EN,) if again else ()),
                    (
                        f"{sender} has prepared something for you. You need not apply for it. Look at it and say yes, "
                        "no or later."
                    ),
                    (
                        "To see it you need the code in this letter and your date of birth. The code is valid for 90 "
                        "days."
                    ),
                    _NOTHING_EN,
                    _GOES_EN,
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    *((_AGAIN_LS,) if again else ()),
                    f"{sender} hat etwas für Sie vorbereitet. Sie müssen keinen Antrag schreiben.",
                    "Sie können es im Internet ansehen. Dann sagen Sie: Ja. Oder: Nein. Oder: Später.",
                    (
                        "Sie brauchen den Code aus diesem Brief. Und Sie brauchen Ihren Geburts-Tag. "
                        "Der Code gilt 90 Tage."
                    ),
                    _NOTHING_LS,
                    _GOES_LS,
                ),
            ),
        ),
    )


def told_words(sender: str, *, again: bool = False) -> Words:
    """Return the words that tell of hints and appointments alone: there is nothing to answer, and nobody asks.

    ``again``: they were told of something in this matter before.
    """
    return Words(
        SUBJECT,
        (
            *((_EARLIER,) if again else ()),
            (
                f"{sender} hat Hinweise für Sie zusammengestellt. Sie müssen nichts beantworten und nichts "
                "zurückschicken. Lesen Sie sie bald: Manches kann eine Frist haben."
            ),
            "Dazu brauchen Sie den Code aus diesem Brief und Ihr Geburtsdatum. Der Code gilt 90 Tage.",
            _NEVER_ASKED,
            "Einige Zeit später löschen wir die Hinweise.",
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    *((_EARLIER_EN,) if again else ()),
                    (
                        f"{sender} has put together information for you. There is nothing to answer and nothing to "
                        "send back. Please read it soon: some of it may have a deadline."
                    ),
                    (
                        "To see it you need the code in this letter and your date of birth. The code is valid for 90 "
                        "days."
                    ),
                    _NEVER_ASKED_EN,
                    "Some time later we delete the information.",
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    *((_EARLIER_LS,) if again else ()),
                    f"{sender} hat Hinweise für Sie. Sie müssen nicht antworten.",
                    "Sie können die Hinweise im Internet lesen. Lesen Sie die Hinweise bald.",
                    (
                        "Sie brauchen den Code aus diesem Brief. Und Sie brauchen Ihren Geburts-Tag. "
                        "Der Code gilt 90 Tage."
                    ),
                    _NEVER_ASKED_LS,
                    "Später löschen wir die Hinweise.",
                ),
            ),
        ),
    )


def news_words(sender: str) -> Words:
    """Return the words that there is news of something they said yes to: they may have to act, and in time."""
    return Words(
        SUBJECT,
        (
            (
                f"{sender} hat Ihnen geschrieben, und Sie haben geantwortet. Dazu gibt es etwas Neues. Sehen Sie es "
                "sich bitte bald an: Vielleicht müssen Sie noch etwas tun, und dafür kann es eine Frist geben."
            ),
            "Dazu brauchen Sie den Code aus diesem Brief und Ihr Geburtsdatum. Der Code gilt 90 Tage.",
            _NEVER_ASKED,
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    (
                        f"{sender} wrote to you and you have answered. There is news about it. Please look at it soon: "
                        "you may have to do something, and there may be a deadline for it."
                    ),
                    (
                        "To see it you need the code in this letter and your date of birth. The code is valid for 90 "
                        "days."
                    ),
                    _NEVER_ASKED_EN,
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    f"{sender} hat Ihnen geschrieben. Sie haben geantwortet. Jetzt gibt es etwas Neues.",
                    "Sie können es im Internet lesen. Lesen Sie es bald. Vielleicht müssen Sie noch etwas tun.",
                    (
                        "Sie brauchen den Code aus diesem Brief. Und Sie brauchen Ihren Geburts-Tag. "
                        "Der Code gilt 90 Tage."
                    ),
                    _NEVER_ASKED_LS,
                ),
            ),
        ),
    )


def activation_words(sender: str) -> Words:
    """Return the words that finish an enrolment."""
    return Words(
        SUBJECT,
        (
            (
                "jemand hat Sie auf unserer Seite angemeldet. Waren Sie es selbst? Dann geben Sie dort den Code aus "
                "diesem Brief und Ihr Geburtsdatum ein. Der Code gilt 90 Tage."
            ),
            "Waren Sie es nicht? Dann werfen Sie diesen Brief weg. Ohne den Code geschieht nichts.",
            _NOTHING,
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    (
                        f"Somebody enrolled you with {sender}. If it was you, enter the code in this letter and your "
                        "date of birth on our page. The code is valid for 90 days."
                    ),
                    "If it was not you, throw this letter away. Without the code nothing happens.",
                    _NOTHING_EN,
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    "Jemand hat Sie auf unserer Internet-Seite angemeldet. Waren Sie das?",
                    (
                        "Ja? Dann schreiben Sie dort den Code aus diesem Brief hin. Und Ihren Geburts-Tag. "
                        "Der Code gilt 90 Tage."
                    ),
                    "Nein? Dann werfen Sie diesen Brief weg. Ohne den Code passiert nichts.",
                    _NOTHING_LS,
                ),
            ),
        ),
    )


def account_words(sender: str) -> Words:
    """Return the words that tell of an account that was bound or unbound, or of a locked code; one text for all."""
    return Words(
        SUBJECT,
        (
            (
                f"bei {sender} hat sich etwas an Ihrem Zugang geändert: Ein Nutzerkonto wurde mit Ihnen verbunden "
                "oder von Ihnen getrennt, oder ein Code aus einem Brief wurde nach fünf falschen Versuchen gesperrt. "
                "Waren Sie es selbst? Dann müssen Sie nichts tun."
            ),
            (
                "Waren Sie es nicht? Dann sagen Sie es uns bald. Ein Konto trennen Sie auf unserer Seite, mit dem Code "
                "aus einem früheren Brief und Ihrem Geburtsdatum, oder wir tun es für Sie. Für einen gesperrten Code "
                "schicken wir Ihnen auf Wunsch einen neuen Brief: Melden Sie sich dafür auf unserer Seite neu an."
            ),
            "Wir fragen Sie nie nach Ihrer Bankverbindung und nie am Telefon nach einem Code.",
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    (
                        f"Something about your access to {sender} has changed: an account was connected with you or "
                        "disconnected from you, or the code in a letter was locked after five wrong tries. If it was "
                        "you, there is nothing to do."
                    ),
                    (
                        "If it was not you, tell us soon. You disconnect an account on our page with the code in an "
                        "earlier letter and your date of birth, or we do it for you. In place of a locked code we send "
                        "you a new letter if you wish: enrol anew on our page."
                    ),
                    "We never ask for your bank details, and never for a code on the telephone.",
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    "Sie können sich im Internet anmelden. Daran hat sich etwas geändert.",
                    "Ein Konto gehört jetzt zu Ihnen. Oder: Es gehört nicht mehr zu Ihnen.",
                    "Oder: Ein Code war 5-mal falsch. Er gilt nicht mehr. Sie können einen neuen Brief bekommen.",
                    "Haben Sie das selbst gemacht? Dann müssen Sie nichts tun.",
                    "Haben Sie das nicht gemacht? Dann sagen Sie es uns bald.",
                ),
            ),
        ),
    )


def address_words(sender: str) -> Words:
    """Return the words that tell of a mail address that was given, changed or removed; one text for all three."""
    return Words(
        SUBJECT,
        (
            (
                f"bei {sender} hat sich etwas daran geändert, wie wir Sie erreichen: Eine E-Mail-Adresse wurde für Sie "
                "angegeben, geändert oder entfernt. Waren Sie es selbst? Dann müssen Sie nichts tun."
            ),
            (
                "Waren Sie es nicht? Dann sagen Sie es uns bald. Eine Adresse entfernen Sie auf unserer Seite, mit dem "
                "Code aus einem früheren Brief und Ihrem Geburtsdatum, oder wir tun es für Sie."
            ),
            "In E-Mails von uns steht nie, worum es geht. Unsere Briefe bekommen Sie weiter.",
        ),
        (
            Version(
                "en",
                _SUBJECT_EN,
                (
                    (
                        f"Something about how {sender} reaches you has changed: an e-mail address was given, changed "
                        "or removed for you. If it was you, there is nothing to do."
                    ),
                    (
                        "If it was not you, tell us soon. You remove an address on our page with the code in an "
                        "earlier letter and your date of birth, or we do it for you."
                    ),
                    "Our e-mails never say what they are about. You go on getting our letters.",
                ),
            ),
            Version(
                "ls",
                "Wir haben etwas für Sie",
                (
                    "Wir können Ihnen eine E-Mail schreiben. Daran hat sich etwas geändert.",
                    "Wir haben jetzt eine E-Mail-Adresse von Ihnen. Oder: eine andere. Oder: keine mehr.",
                    "Haben Sie das selbst gemacht? Dann müssen Sie nichts tun.",
                    "Haben Sie das nicht gemacht? Dann sagen Sie es uns bald.",
                ),
            ),
        ),
    )


def address_lines(contact: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the address field: name, street, postcode and town. Raises ``KeyError`` when a part is missing."""
    address = contact["anschrift"]
    return (" ".join(contact["name"]), address["strasse"], f"{address['plz']} {address['ort']}")


def written_on(day: date) -> str:
    """Return a date as a German letter writes it."""
    return f"{day:%d.%m.%Y}"
