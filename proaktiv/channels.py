"""The ways to a person, built from settings: letters as text or PDF into a folder, mail to a relay.

Whatever is wrong with them raises ``ValueError``, whose text names no value: ``contradictions`` tells it in one line
before a worker starts. Left to others: what a channel does (``notifiers``), whether there are settings (``app``).
"""

import hmac
from contextlib import ExitStack
from pathlib import Path

from notifiers.folder import FolderChannel
from notifiers.letter import LetterChannel, Letterhead
from notifiers.mail import MailChannel, Sender
from notifiers.mail_ids import MailIds
from notifiers.model import Channel
from notifiers.smtp import Relay
from notifiers.typesetting import Typesetter
from proaktiv.demo.letters import BesideChannel
from proaktiv.settings import Settings

TYPESETTING_SECONDS = 20.0
"""Most that one letter may take to be set; with the deadline of its hand-over it stays below a lease."""


def letterhead(settings: Settings) -> Letterhead:
    """Return what stands on every letter. Raises ``ValueError`` where a letter could not be written under it."""
    if not settings.letterhead_entry:
        raise ValueError("PDF letters need a letterhead: address, and the page that takes a code")
    return Letterhead(
        name=settings.controller_name or settings.controller,
        address=settings.letterhead_address,
        contact=settings.letterhead_contact,
        entry=settings.letterhead_entry,
        mark=settings.letterhead_mark,
    )


def relay(settings: Settings) -> Relay:
    """Return the mail server that takes our mail. Raises ``ValueError``."""
    if not settings.mail_hello:
        raise ValueError("a relay wants to know who calls: the name of this host")
    if bool(settings.mail_user) != bool(settings.mail_password):
        raise ValueError("a log-in has a user and a password, or neither")
    return Relay(
        host=settings.mail_host,
        port=settings.mail_port,
        tls=settings.mail_tls,
        hello=settings.mail_hello,
        user=settings.mail_user,
        password=settings.mail_password.get_secret_value() if settings.mail_password else "",
    )


def sender(settings: Settings) -> Sender:
    """Return who writes mails. Raises ``ValueError`` where a mail could not be written in this name."""
    return Sender(
        name=settings.controller_name or settings.controller,
        address=settings.mail_sender,
        page=settings.mail_page,
        key=_ids_key(settings),
        bounces=settings.mail_bounces,
        leave=settings.mail_leave,
    )


def mail_ids(settings: Settings) -> MailIds:
    """Return what reads the ids that come back in failure reports and clicks; writing mails needs more."""
    return MailIds(_ids_key(settings), settings.mail_sender.partition("@")[2], settings.mail_bounces)


def _ids_key(settings: Settings) -> bytes:
    """Return a key of its own use: who sees a Message-ID learns nothing of a look-up hash."""
    return hmac.digest(settings.index_key or b"", b"mail/ids", "sha256")


def opened(settings: Settings, ending: ExitStack) -> dict[str, Channel]:
    """Return the channels of a worker by name; what they hold ends with ``ending``. Raises ``ValueError``."""
    found: dict[str, Channel] = {}
    if settings.letters_dir is not None:
        found["LETTER"] = _letters(settings, settings.letters_dir, ending)
    if settings.mail_host:
        found["MAIL"] = MailChannel(relay(settings), sender(settings))
    return found


def _letters(settings: Settings, folder: Path, ending: ExitStack) -> Channel:
    text = FolderChannel(folder)
    if settings.letters_format == "text":
        return text
    typesetter = Typesetter(TYPESETTING_SECONDS)
    ending.callback(typesetter.close)
    pdf = LetterChannel(folder, letterhead(settings), typesetter)
    return pdf if settings.letters_format == "pdf" else BesideChannel(pdf, text)
