"""The ways out of the house, and the folders into it: letters, the mail relay, every address that is called."""

import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from notifiers.letter import LetterChannel, Letterhead
from notifiers.model import ChannelError, Message, Recipient, Temporary, Unavailable
from notifiers.smtp import Relay, reach
from notifiers.typesetting import Typesetter
from proaktiv.core.addresses import AddressRefused
from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import OutboundError
from proaktiv.core.errors import Unavailable as Away
from proaktiv.core.letters import bundle_words, written_on
from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.egress import Deadline, Egress
from proaktiv.identity.provider import Provider
from proaktiv.tables import BehoerdeRow, core_table
from proaktiv.ways_out import valid_until

LOW_BYTES = 1 << 30
CERTIFICATE_ENDS_SOON = timedelta(days=30)
_SAMPLE_BYTES = 1 << 16
_AWAY = frozenset({502, 503, 504})
_NO_SUCH_PATH = frozenset({404, 410})

_BEHOERDEN = core_table(BehoerdeRow)


def letters(folder: Path) -> Check:
    """Ask whether a letter can be put into the folder."""
    return _takes("letters", folder, "PROAKTIV_LETTERS_DIR", "letters wait until then")


def watched(client: str, folder: Path) -> Check:
    """Ask whether a receipt can be put into the folder that a client's files come by."""
    return _takes(f"folder {client}", folder, "PROAKTIV_FOLDERS", "what is kept gets its receipt then")


def _takes(name: str, folder: Path, setting: str, until: str) -> Check:
    """Ask whether a folder takes a file, by putting some bytes there and taking them away."""
    full = f"make room, or mount a larger disk there; {until}"

    def act() -> Iterator[Finding]:
        if not folder.is_dir():
            yield broken(name, f"{setting} names no folder", "make it, for the worker's user alone")
            return
        try:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-", buffering=0) as sample:
                written = sample.write(bytes(_SAMPLE_BYTES))
        except OSError as error:
            yield broken(name, f"nothing can be written: {error.strerror}", full)
            return
        free = shutil.disk_usage(folder).free
        if written < _SAMPLE_BYTES:
            yield broken(name, "the disk is full", full)
        elif free < LOW_BYTES:
            yield look(name, f"{free >> 20} MiB are free", "make room before it is full")
        else:
            yield fine(name, f"can be written, {free >> 30} GiB are free")

    return Check(name, act, f"see whether the disk of {setting} answers")


def specimen(letterhead: Callable[[], Letterhead], now: datetime) -> Check:
    """Set one letter to nobody under the letterhead, and keep it nowhere."""
    name = "a specimen letter"
    do = "correct PROAKTIV_LETTERHEAD_ADDRESS, _CONTACT, _ENTRY and _MARK"

    def act() -> Iterator[Finding]:
        with ExitStack() as ending:
            typesetter = Typesetter()
            ending.callback(typesetter.close)
            try:
                head = letterhead()
                words = bundle_words(head.name)
                message = Message(
                    purpose="specimen",
                    reference="0000-0000",
                    sender=head.name,
                    sent_on=written_on(berlin_date(now)),
                    subject=words.subject,
                    paragraphs=words.paragraphs,
                    secret="0000-0000-0000-0",  # noqa: S106 - it opens nothing
                    made_at=now,
                    versions=words.versions,
                )
                nobody = Recipient(("Muster Niemand", "Beispielweg 1", "00001 Nirgendwo"))
                letter = LetterChannel(Path(), head, typesetter).render(message, nobody)
            except ValueError as error:
                yield broken(name, str(error), do)
            except Temporary:
                yield broken(name, "the typesetter did not answer", "see whether this machine has memory and time left")
            except ChannelError as error:
                yield broken(name, str(error), do)
            else:
                yield fine(name, f"can be set, {letter.ticket['pages']} pages")

    return Check(name, act, do)


def mail_relay(relay: Callable[[], Relay], deadline: Callable[[], Deadline]) -> Check:
    """Greet the relay as before a mail (EHLO, TLS, log-in), and send none."""
    name = "mail relay"
    do = "see whether the relay runs, its certificate is good and it lets us in; mails wait until then"

    def act() -> Iterator[Finding]:
        try:
            reach(relay(), deadline())
        except (ValueError, Unavailable) as error:
            yield broken(name, str(error), do)
        else:
            yield fine(name, "answers")

    return Check(name, act, do)


def answers(name: str, url: str, egress: Egress, deadline: Callable[[], Deadline], private: str = "") -> Check:
    """Ask whether somebody speaks HTTP at an address; nothing is asked of them.

    ``private`` is the setting that may name their addresses in a private network, where there is one.
    """
    otherwise = f", or name its private address in {private}" if private else ""
    do = "see whether the far side runs and the network lets us there"

    def act() -> Iterator[Finding]:
        try:
            status = egress.reach(url, deadline())
        except AddressRefused as error:
            yield broken(name, str(error), f"correct the address, or add its host to PROAKTIV_OUTBOUND{otherwise}")
        except OutboundError as error:
            yield broken(name, str(error), do)
        else:
            if status in _AWAY:
                yield broken(name, f"answers {status}", do)
            elif status in _NO_SUCH_PATH:
                yield look(name, f"answers {status}", "see whether the path is right and what stands behind it runs")
            elif status >= 500:
                yield look(name, f"answers {status}", "ask the far side whether that is meant")
            else:
                yield fine(name, "answers")

    return Check(name, act, do)


def known_by(certificate: Path | None, key: Path | None, now: Callable[[], datetime]) -> Check:
    """See whether registers and Behörden can tell this house from anybody else, and for how long yet."""
    name = "client certificate"
    do = "set PROAKTIV_CLIENT_CERTIFICATE and _CLIENT_KEY to a pair that the far sides believe; restart the workers"

    def act() -> Iterator[Finding]:
        if certificate is None or key is None:
            yield look(name, "there is none: registers and Behörden cannot tell this house from anybody else", do)
            return
        try:
            until = valid_until(certificate)
            others = key.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
        except (OSError, ValueError) as error:
            yield broken(name, str(error), do)
            return
        if others:
            yield look(name, f"more than its owner may read {key.name}", f"chmod 600 {key.name}")
        if until <= now():
            yield broken(name, f"ended on {berlin_date(until):%d.%m.%Y}", do)
        elif until <= now() + CERTIFICATE_ENDS_SOON:
            yield look(name, f"ends on {berlin_date(until):%d.%m.%Y}", do)
        else:
            yield fine(name, f"is good until {berlin_date(until):%d.%m.%Y}")

    return Check(name, act, do)


def leads(name: str, url: str, judge: Callable[[str, Deadline], None], deadline: Callable[[], Deadline]) -> Check:
    """Ask whether the name of whoever vouches for the log leads where it may be called; nobody is called."""
    do = "see whether the name server knows it; the log is signed without it meanwhile"

    def act() -> Iterator[Finding]:
        try:
            judge(url, deadline())
        except AddressRefused as error:
            yield broken(name, str(error), "name its private address in PROAKTIV_LOG_PRIVATE_ADDRESSES, or correct it")
        except OutboundError as error:
            yield look(name, str(error), do)
        else:
            yield fine(name, "leads to an address that may be called")

    return Check(name, act, do)


def provider(name: str, provider: Callable[[], Provider | None], deadline: Callable[[], Deadline]) -> Check:
    """Ask a provider of log-ins what it says of itself, and whether one could log in by that."""
    do = "see whether the provider runs, is the one of the settings, and the network lets us there"

    def act() -> Iterator[Finding]:
        try:
            found = provider()
            if found is None:
                return
            found.metadata(deadline())
        except (ValueError, Away) as error:
            yield broken(name, str(error), do)
        else:
            yield fine(name, "answers, and code flow with S256 is there")

    return Check(name, act, do)


def behoerden(database: Database, egress: Egress, deadline: Callable[[], Deadline]) -> Check:
    """Ask every Behörde that Aufträge go to over HTTP whether it answers."""

    def act() -> Iterator[Check]:
        with looking(database) as session:
            found = session.connection().execute(
                select(_BEHOERDEN.c.id, _BEHOERDEN.c.endpoint)
                .where(_BEHOERDEN.c.dispatcher == "webhook")
                .order_by(_BEHOERDEN.c.id)
            )
            rows = [(row.id, row.endpoint) for row in found]
        for behoerde, endpoint in rows:
            yield answers(f"Behörde {behoerde}", endpoint, egress, deadline)

    return Check("Behörden", act, "see whether the database is overloaded")
