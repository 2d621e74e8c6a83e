"""Mail servers on loopback: a real one (aiosmtpd), and one that says what a test lets it say."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PATIENCE = 60.0


@dataclass
class Post:
    """What a real server took; addresses decide what it answers."""

    taken: list[Envelope] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data_answer: str = "250 2.0.0 taken"
    tls_seen: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 2.1.5 ok")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tls_seen.append(session.ssl is not None)
        if self.data_answer.startswith("250"):
            self.taken.append(envelope)
        return self.data_answer


@contextmanager
def real_server(
    post: Post, *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: tuple[str, str] | None = None
) -> Iterator[Post]:
    loop = asyncio.new_event_loop()

    def authenticate(*asked: Any) -> AuthResult:
        data = asked[-1]
        wanted = login is not None and isinstance(data, LoginPassword)
        good = wanted and (data.login.decode(), data.password.decode()) == login
        return AuthResult(success=good, handled=False)

    def one() -> SMTP:
        options: dict[str, Any] = {"hostname": "post.example", "loop": loop}
        if tls is not None and not implicit:
            options |= {"tls_context": tls, "require_starttls": True}
        if login is not None:
            options |= {"authenticator": authenticate, "auth_required": True}
        return SMTP(post, **options)

    server = loop.run_until_complete(loop.create_server(one, "127.0.0.1", 0, ssl=tls if implicit else None))
    post.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield post
    finally:
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _closed(server: asyncio.Server) -> None:
    """End the server and every conversation that is still open."""
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@dataclass
class Scripted:
    """One connection, line by line: each entry answers what came before it; ``drip`` sends one sign at a time.

    The entry ``CLOSE`` hangs up, ``SILENCE`` says nothing until the other side has gone.
    """

    port: int
    heard: bytes = b""
    silent: threading.Event = field(default_factory=threading.Event)


CLOSE = "close"
SILENCE = "silence"


@contextmanager
def scripted_server(script: Sequence[str], *, drip: bool = False) -> Iterator[Scripted]:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(PATIENCE)
    state = Scripted(listener.getsockname()[1])

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(PATIENCE)
            try:
                for at, line in enumerate(script):
                    if at:
                        state.heard += _heard(connection, whole=script[at - 1].startswith("354"))
                    if line == CLOSE:
                        return
                    if line == SILENCE:
                        state.silent.set()
                        while connection.recv(1 << 16):
                            pass
                        return
                    _say(connection, line, drip=drip)
                while part := connection.recv(1 << 16):
                    state.heard += part
            except OSError:
                pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # closing alone would leave the thread in its accept
        listener.close()
        thread.join(PATIENCE)


def _heard(connection: socket.socket, *, whole: bool) -> bytes:
    """Read one command, or a mail to its end."""
    end = b"\r\n.\r\n" if whole else b"\r\n"
    body = b""
    while not body.endswith(end):
        part = connection.recv(1 << 16)
        if not part:
            raise OSError("gone")
        body += part
    return body


def _say(connection: socket.socket, line: str, *, drip: bool) -> None:
    body = f"{line}\r\n".encode()
    if not drip:
        connection.sendall(body)
        return
    for sign in body:
        connection.sendall(bytes([sign]))
        threading.Event().wait(0.05)  # the server's own slowness, nothing that the test waits for


def certificate(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return a server's context and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(secret + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())
