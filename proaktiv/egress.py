"""The one door to the network: which address may be called at all, and when a call is over.

Every HTTP call of the house goes through ``Egress``. It resolves a name once, checks every address it got and
connects to exactly one of them; follows no redirect, reads no proxy from the environment, keeps no cookie, decodes
no encoding; takes at most 1 MiB of answer; and cuts the socket when the deadline is over, even of a server that
drips one byte a second. Addresses of private networks are called by nobody but whoever was given them, host by host:
that is the log's own process, for its witnesses (``vouching``).
Left to others: what is asked and what the answer means (registers, dispatchers).
Source: security-and-faults.md "Binding" (a), (h) and T9.
"""

import ipaddress
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpcore

from proaktiv.core.addresses import (
    LOOPBACK,
    Address,
    AddressRefused,
    Network,
    Target,
    may_call,
    may_call_privately,
    read_url,
)
from proaktiv.core.errors import OutcomeUnknown, Permanent, Temporary, Unavailable

MAX_ANSWER_BYTES = 1 << 20
_CHUNK = 1 << 16
_NOT_TAKEN = ("ALERT_CERTIFICATE_", "ALERT_BAD_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE", "ALERT_UNKNOWN_CA")
"""Alerts of a server about the certificate that we presented, or did not (RFC 8446 § 6.2)."""

Resolve = Callable[[str, int], Sequence[str]]
"""From host and port to addresses; raises OSError when there is none."""


class Declined(Permanent):
    """The far side answered with a status that means no. ``status`` is that status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"answered {status}")
        self.status = status


class AnswerTooLarge(OutcomeUnknown):
    """The far side said yes (200 to 299) and then more than anybody reads here: what it did is not known."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of status 200 to 299, or of one that was asked for. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Deadline:
    """A total time for one outbound act, from its making on."""

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._over_at = monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds left; zero or less means that the act is over."""
        return self._over_at - self._monotonic()


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system's resolver knows, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(entry[4][0]) for entry in found]


def trusting(certificates: Path | None) -> ssl.SSLContext:
    """Return TLS that believes who stands in a PEM file beside the system's. Raises ``ValueError``."""
    tls = ssl.create_default_context()
    if certificates is None:
        return tls
    try:
        tls.load_verify_locations(cafile=certificates)
    except FileNotFoundError:
        raise ValueError("there is no such file") from None
    except ssl.SSLError:
        raise ValueError("no PEM certificate stands in it") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    return tls


def presenting(tls: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Let TLS prove who calls, to whoever asks: a PEM file with our certificate and its chain, and one with its key.

    Raises ``ValueError``. A key with a password is none: nobody is there to type it.
    """

    def no_password() -> str:
        raise ValueError(f"{key.name} has a password: take one without, readable by this process alone")

    for file in (certificate, key):
        try:
            file.open("rb").close()  # ssl does not say which of the two is missing
        except OSError as error:
            raise ValueError(f"{file.name} cannot be read: {error.strerror}") from None
    try:
        tls.load_cert_chain(certificate, key, no_password)
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise ValueError(f"{key.name} is not the key of {certificate.name}") from None
        raise ValueError(f"{certificate.name} or {key.name} is no PEM file of its kind") from None


# the wire ------------------------------------------------------------------------------------------------------------


class _Wire(httpcore.NetworkStream):
    """A socket of which every read and write ends when the deadline does."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._socket = sock
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what came, at most ``max_bytes``."""
        self._arm(timeout, httpcore.ReadTimeout)
        try:
            return self._socket.recv(max_bytes)
        except TimeoutError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except ssl.SSLError as error:
            # TLS 1.3 says only now that it does not take our certificate; it has read nothing (RFC 8446 §§ 4.4.3, 6.2).
            if any(refused in (error.reason or "") for refused in _NOT_TAKEN):
                raise httpcore.ConnectError(str(error)) from error
            raise httpcore.ReadError(str(error)) from error
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it; a reader that takes a byte a second does not stretch the time."""
        view = memoryview(buffer)
        while view:
            self._arm(timeout, httpcore.WriteTimeout)
            try:
                view = view[self._socket.send(view[:_CHUNK]) :]
            except TimeoutError as error:
                raise httpcore.WriteTimeout(str(error)) from error
            except OSError as error:
                raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return this wire under TLS; the time limit holds for the handshake as a whole."""
        self._arm(timeout, httpcore.ConnectTimeout)
        try:
            return _Wire(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._deadline)
        except TimeoutError as error:
            self.close()
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:  # ssl.SSLError is one
            self.close()
            raise httpcore.ConnectError(str(error)) from error

    def get_extra_info(self, info: str) -> Any:
        """Return the few things httpcore asks for."""
        if info == "ssl_object" and isinstance(self._socket, ssl.SSLSocket):
            return self._socket
        return None

    def _arm(self, timeout: float | None, over: type[httpcore.TimeoutException]) -> None:
        remaining = self._deadline.remaining()
        if remaining <= 0:
            self.close()
            raise over("the deadline is over")
        self._socket.settimeout(remaining if timeout is None else min(timeout, remaining))


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever name it is given."""

    def __init__(self, addresses: Sequence[Address], deadline: Deadline) -> None:
        self._addresses = addresses
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - resolving it a second time is what rebinding waits for
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Return a wire to the first address that takes the connection."""
        refused: OSError = OSError("no address")
        for address in self._addresses:
            remaining = self._deadline.remaining()
            if remaining <= 0:
                break
            try:
                sock = socket.create_connection((str(address), port), timeout=remaining)
            except OSError as error:
                refused = error
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Wire(sock, self._deadline)
        raise httpcore.ConnectError(str(refused))


class Egress:
    """Calls the hosts of one list. Safe to use from several threads; keeps no connection open.

    ``allowed`` holds ``host`` or ``host:port``; ``loopback`` also allows plain HTTP, to loopback alone. ``private``
    names for ``host:port`` the private addresses that it lives at: it is called there and nowhere else.
    """

    def __init__(
        self,
        allowed: frozenset[str],
        *,
        loopback: bool = False,
        private: Mapping[str, Sequence[Network]] = MappingProxyType({}),
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._loopback = loopback
        self._private = private
        self._resolve = resolve
        self._tls = tls or ssl.create_default_context()

    def post(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes,
        deadline: Deadline,
        also: frozenset[int] = frozenset(),
    ) -> Response:
        """Send one POST and return its answer; one of a status in ``also`` is an answer as well.

        Raises ``AddressRefused``, ``Declined`` (both ``Permanent``), ``Unavailable`` before anything was sent,
        ``Temporary`` (408, 425, 429, 503) or ``OutcomeUnknown`` (other 5xx, cut off, deadline, garbage, too large).
        """
        sent = {"Accept-Encoding": "identity", "Connection": "close", **headers}
        with self._asked("POST", url, sent, content, deadline) as response:
            # The status decides before the body is read: an error page of any size is not our matter.
            if response.status not in also:
                _refuse(response.status, dict(_texts(response.headers)))
            body = _read(response)
            return Response(response.status, dict(_texts(response.headers)), body)

    def get(self, url: str, *, headers: Mapping[str, str], deadline: Deadline) -> Response:
        """Ask for one document and return it. Raises as ``post``; asking again is always right."""
        sent = {"Accept-Encoding": "identity", "Connection": "close", **headers}
        with self._asked("GET", url, sent, None, deadline) as response:
            _refuse(response.status, dict(_texts(response.headers)))
            body = _read(response)
            return Response(response.status, dict(_texts(response.headers)), body)

    def reach(self, url: str, deadline: Deadline) -> int:
        """Ask for the head of a URL alone and return the status, whatever it is: somebody speaks HTTP there.

        Raises ``AddressRefused``, ``Unavailable`` or ``OutcomeUnknown`` (cut off, deadline, garbage).
        """
        with self._asked("HEAD", url, {"Connection": "close"}, None, deadline) as response:
            return response.status

    def check(self, url: str, deadline: Deadline) -> None:
        """Resolve a URL's host and judge its addresses, and call nobody. Raises ``AddressRefused``, ``Unavailable``."""
        self._check(read_url(url), deadline)

    @contextmanager
    def _asked(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, deadline: Deadline
    ) -> Iterator[httpcore.Response]:
        target = read_url(url)
        addresses = self._check(target, deadline)
        with httpcore.ConnectionPool(
            ssl_context=self._tls, network_backend=_Pinned(addresses, deadline), max_connections=1
        ) as pool:
            try:
                with pool.stream(method, target.url, headers=list(headers.items()), content=content) as response:
                    yield response
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                raise Unavailable(f"{target.host}:{target.port} cannot be reached") from None
            except httpcore.LocalProtocolError:
                raise Permanent("a header or the URL cannot be sent") from None
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
                raise OutcomeUnknown(f"{target.host}:{target.port}: {type(error).__name__}") from None

    def _check(self, target: Target, deadline: Deadline) -> list[Address]:
        """Return the addresses to call. One that is not allowed spoils the whole name."""
        if not target.names & self._allowed:
            raise AddressRefused(f"{target.host}:{target.port} is not on the list of hosts")
        literal = target.host.strip("[]")
        found = self._look_up(literal, target.port, deadline)
        try:
            addresses = [ipaddress.ip_address(text) for text in found]
        except ValueError:
            raise AddressRefused(f"{target.host}: the resolver gave an address with a zone or none") from None
        if not addresses:
            raise Unavailable(f"{target.host} has no address")
        named = self._private.get(f"{target.host}:{target.port}")
        for address in addresses:
            if named is not None:
                if not may_call_privately(address, named):
                    raise AddressRefused(f"{target.host} has an address that is not named for it: {address}")
            elif not may_call(address, loopback=self._loopback):
                raise AddressRefused(f"{target.host} has an address that is never called")
            if target.plain and address not in LOOPBACK:
                raise AddressRefused(f"{target.host} is called by https only")
        return addresses

    def _look_up(self, host: str, port: int, deadline: Deadline) -> Sequence[str]:
        """Resolve within the deadline: the system's resolver knows none, so it runs beside."""
        answers: queue.SimpleQueue[Sequence[str] | OSError | UnicodeError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=ask, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=max(deadline.remaining(), 0.0))
        except queue.Empty:
            raise Unavailable(f"{host} was not resolved in time") from None
        if isinstance(answer, Exception):
            raise Unavailable(f"{host} cannot be resolved")
        return answer


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[str, str]]:
    return ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)


def _refuse(status: int, headers: Mapping[str, str]) -> None:
    """Raise what a status outside 200 to 299 means."""
    if 200 <= status < 300:
        return
    wish = headers.get("retry-after", "")
    seconds = int(wish) if wish.isascii() and wish.isdigit() and len(wish) < 9 else None
    if status in {408, 425, 429, 503}:
        raise Temporary(f"answered {status}", seconds)
    if status >= 500:
        raise OutcomeUnknown(f"answered {status}", seconds)
    raise Declined(status)


def _read(response: httpcore.Response) -> bytes:
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise AnswerTooLarge(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)
