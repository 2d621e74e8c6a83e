"""One mail over SMTP, on a socket of which every read and write ends when the deadline does.

TLS with a checked certificate, by STARTTLS or from the first byte; without TLS to loopback alone. What a server says
is told on as a number, never as text: it quotes addresses. Nothing is repeated here.
Left to others: the bytes (``mail``), when to try again (the steps). Source: RFC 5321, 3207, 8314, 3463, 4954.
"""

import ipaddress
import queue
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from notifiers.enhanced import About, about
from notifiers.model import (
    DeadlineLike,
    Forbidden,
    OutcomeUnknown,
    Permanent,
    Temporary,
    TooSlow,
    Unavailable,
    Undeliverable,
)
from notifiers.wire import Wire

_LONG_PAUSE_SECONDS = 4 * 3600
_ENHANCED = re.compile(rb"\s*5\.(\d{1,3})\.(\d{1,3})\b")
_NO_SUCH_BOX = frozenset({550, 551, 553})

Resolve = Callable[[str, int], Sequence[str]]
"""From host and port to addresses; raises OSError when there is none."""


class Tls(StrEnum):
    """How a connection is kept private."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes our mail. ``hello`` is how we name ourselves; ``user`` empty means no log-in."""

    host: str
    port: int
    tls: Tls
    hello: str
    user: str = ""
    password: str = field(default="", repr=False)


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver knows, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


class _Session(smtplib.SMTP):
    """smtplib's commands and replies over our wire; it never connects by itself."""

    def __init__(self, wire: Wire, hello: str) -> None:
        super().__init__(local_hostname=hello)
        self.sock = wire  # type: ignore[assignment]
        self._wire = wire

    def greeting(self) -> int:
        return self.getreply()[0]

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        self._wire.start_tls(context, host)
        self._host = host
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def send(
    relay: Relay,
    sender: str,
    to: str,
    body: bytes,
    deadline: DeadlineLike,
    *,
    tls: ssl.SSLContext,
    resolve: Resolve = system_resolve,
) -> None:
    """Send one mail; once this returns, the relay has taken it over.

    Raises ``Unavailable`` before the relay was ready, ``Temporary``, ``Permanent`` or ``Undeliverable`` as it
    answered (``TooSlow`` where it did not in time), ``OutcomeUnknown`` when the whole mail left and no answer came.
    """
    if deadline.remaining() <= 0:
        raise Temporary("the deadline is over")
    with _open(relay, deadline, tls, resolve) as (session, wire):
        _deliver(session, wire, sender, to, body)


def reach(
    relay: Relay, deadline: DeadlineLike, *, tls: ssl.SSLContext | None = None, resolve: Resolve = system_resolve
) -> None:
    """Greet the relay, secure the line and log in, and say good-bye: no mail. Raises ``Unavailable``."""
    with _open(relay, deadline, tls or ssl.create_default_context(), resolve):
        return


@contextmanager
def _open(
    relay: Relay, deadline: DeadlineLike, tls: ssl.SSLContext, resolve: Resolve
) -> Iterator[tuple[_Session, Wire]]:
    """Yield a session with a relay that is ready, and take leave of it."""
    wire = _connected(relay, deadline, resolve)
    try:
        if relay.tls is Tls.IMPLICIT:
            _handshake(lambda: wire.start_tls(tls, relay.host))
        session = _Session(wire, relay.hello)
        _ready(session, relay, tls)
        yield session, wire
        with suppress(OSError):
            wire.sendall(b"QUIT\r\n")  # nobody waits for the answer: the mail is theirs
    finally:
        wire.close()


def _connected(relay: Relay, deadline: DeadlineLike, resolve: Resolve) -> Wire:
    addresses = _look_up(relay, deadline, resolve)
    if relay.tls is Tls.NONE and not all(ipaddress.ip_address(each).is_loopback for each in addresses):
        raise Unavailable("without TLS mail goes to loopback alone")
    for address in addresses:
        remaining = deadline.remaining()
        if remaining <= 0:
            break
        with suppress(OSError):
            return Wire(socket.create_connection((address, relay.port), timeout=remaining), deadline)
    raise Unavailable("the relay cannot be reached")


def _look_up(relay: Relay, deadline: DeadlineLike, resolve: Resolve) -> Sequence[str]:
    """Resolve within the deadline: the system's resolver knows none, so it runs beside."""
    answers: queue.SimpleQueue[Sequence[str] | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(relay.host, relay.port))
        except (OSError, UnicodeError):
            answers.put(None)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(deadline.remaining(), 0.0))
    except queue.Empty:
        answer = None
    if not answer:
        raise Unavailable("the relay's name cannot be resolved")
    return answer


def _handshake(act: Callable[[], None]) -> None:
    try:
        act()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Unavailable(f"the relay's TLS failed: {type(error).__name__}") from None


def _ready(session: _Session, relay: Relay, tls: ssl.SSLContext) -> None:
    """Greet, secure and log in. Whatever fails here is the relay's or the operator's matter, never a recipient's."""
    try:
        _expect(session.greeting(), 220, "greeting")
        _expect(session.ehlo()[0], 250, "EHLO")
        if relay.tls is Tls.STARTTLS:
            if not session.has_extn("starttls"):
                raise Unavailable("the relay offers no STARTTLS")
            _expect(session.docmd("STARTTLS")[0], 220, "STARTTLS")
            _handshake(lambda: session.secure(tls, relay.host))
            _expect(session.ehlo()[0], 250, "EHLO under TLS")
        if relay.user:
            session.login(relay.user, relay.password)
    except smtplib.SMTPAuthenticationError as error:
        raise Unavailable(f"the relay refuses the log-in: {error.smtp_code}") from None
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Unavailable(f"the relay is not ready: {type(error).__name__}") from None


def _expect(code: int, wanted: int, what: str) -> None:
    if code != wanted:
        raise Unavailable(f"the relay answers {what} with {code}")


def _deliver(session: _Session, wire: Wire, sender: str, to: str, body: bytes) -> None:
    try:
        code, _ = session.docmd("MAIL", f"FROM:<{sender}>")
        if code != 250:
            # Who may send is between the relay and the operator; no recipient may pay for it.
            raise Unavailable(f"the relay answers MAIL with {code}")
        code, text = session.docmd("RCPT", f"TO:<{to}>")
        if code not in {250, 251}:
            raise _refusal("RCPT", code, text)
        code, text = session.docmd("DATA")
        if code != 354:
            raise _refusal("DATA", code, text)
        wire.sendall(_dotted(body))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        # The end of the mail never left: whatever the relay has, it is none.
        slow = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
        raise (TooSlow if slow else Temporary)(f"cut off before the mail's end: {type(error).__name__}") from None
    try:
        code, text = session.getreply()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise OutcomeUnknown(f"no answer after the mail's end: {type(error).__name__}") from None
    if not 200 <= code < 300:
        raise _refusal("the mail", code, text)


def _dotted(body: bytes) -> bytes:
    """Return the mail as it goes over the wire, its end included (RFC 5321 § 4.5.2)."""
    end = b"" if body.endswith(b"\r\n") else b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", body) + end + b".\r\n"


def _refusal(what: str, code: int, text: bytes) -> Exception:
    """Return what a refusal means for the next try (channels-and-pages.md § 3.3)."""
    said = f"the relay answers {what} with {code}"
    if code == 421:
        return Unavailable(said)
    if 400 <= code < 500:
        return Temporary(said)
    if not 500 <= code < 600:
        return OutcomeUnknown(said) if what == "the mail" else Temporary(said)
    enhanced = _ENHANCED.match(text)
    if enhanced is None:
        return Undeliverable(said) if what == "RCPT" and code in _NO_SUCH_BOX else Permanent(said)
    subject, detail = int(enhanced[1]), int(enhanced[2])
    said = f"{said} 5.{subject}.{detail}"
    return _MEANT[about(subject, detail)](said)


_MEANT: Mapping[About, Callable[[str], Exception]] = {
    About.ADDRESS: Undeliverable,
    About.SENDER: Unavailable,  # as of MAIL: the next mail would be refused as well
    About.FULL: lambda said: Temporary(said, _LONG_PAUSE_SECONDS),
    About.POLICY: lambda said: Forbidden(said, _LONG_PAUSE_SECONDS),
    About.MAIL: Permanent,
}
