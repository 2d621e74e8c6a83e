"""A provider of our own that lies on demand. It checks what a good provider checks: secret, redirect, PKCE, one use."""

import base64
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

CLIENT, SECRET, REDIRECT = "office", "a secret that is invented", "http://127.0.0.1/anmeldung/zurueck"
KEYS: dict[str, Any] = {
    "RS256": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
    "ES256": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed", "use": "sig"}),
}
KEYS["EdDSA"] = KEYS["Ed25519"]
Answer = tuple[int, dict[str, str], bytes]


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Double:
    """One provider. ``claims`` and ``header`` are laid over the true ones, None takes one away."""

    now: Callable[[], float]
    issuer: str = ""
    subject: str = "s-1"
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    """Path → what is answered instead."""
    forge: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
    published: list[Any] = field(default_factory=lambda: [KEYS[name] for name in ("RS256", "ES256", "Ed25519")])
    names_issuer: str | None = "true"
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def says(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "end_session_endpoint": f"{self.issuer}/end",
            "response_types_supported": ["code"],
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata

    def lets_in(self, address: str, **changed: str | None) -> list[tuple[str, str]]:
        """What the browser brings back after the person pressed yes."""
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_hex(8)
        self.codes[code] = asked
        back: dict[str, str | None] = {"code": code, "state": asked["state"], "iss": self.issuer}
        return [(name, value) for name, value in (back | changed).items() if value is not None]

    def token(self, form: dict[str, str], authorization: str) -> Answer:
        asked = self.codes.pop(form.get("code", ""), None)
        given = part(sha256(form.get("code_verifier", "").encode()).digest())
        right = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()
        by_form = form.get("client_id") == CLIENT and form.get("client_secret") == SECRET
        if asked is None or given != asked["code_challenge"] or form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {}, b'{"error": "invalid_grant"}'
        if authorization != right and not by_form:
            return 401, {}, b'{"error": "invalid_client"}'
        at = int(self.now())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "exp": at + 300,
            "iat": at,
            "auth_time": at,
            "nonce": asked["nonce"],
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": KEYS[self.algorithm].kid} | self.header
        header = {name: value for name, value in header.items() if value is not None}
        token = self.forge(header, claims) if self.forge else sign(header, claims, KEYS[self.algorithm])
        return 200, {}, json.dumps({"access_token": "x", "token_type": "Bearer", "id_token": token}).encode()

    def answer(self, path: str, form: dict[str, str], authorization: str) -> Answer:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]()
        if path == "/.well-known/openid-configuration":
            return 200, {}, json.dumps(self.says()).encode()
        if path == "/jwks":
            keys = [key if isinstance(key, dict) else key.as_dict(private=False) for key in self.published]
            return 200, {}, json.dumps({"keys": keys}).encode()
        if path == "/token":
            return self.token(form, authorization)
        return 404, {}, b""


def sign(header: dict[str, Any], claims: Any, key: Any) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    if header["alg"] == "EdDSA":  # the library warns of the old name, and this one uses it
        signed = f"{part(header)}.{part(payload)}"
        return f"{signed}.{part(key.private_key.sign(signed.encode()))}"
    return jws.serialize_compact(header, payload, key, algorithms=["RS256", "ES256", "Ed25519", "PS256", "RS512"])


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{part(header | {'alg': 'none'})}.{part(claims)}."


def with_the_public_key_as_secret(header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = f"{part(header | {'alg': 'HS256'})}.{part(claims)}"
    return f"{signed}.{part(hmac.digest(KEYS['RS256'].as_pem(private=False), signed.encode(), 'sha256'))}"


@contextmanager
def running(double: Double) -> Iterator[Double]:
    """Serve a provider on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(double.answer(urlsplit(self.path).path, {}, ""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            self._say(double.answer(urlsplit(self.path).path, form, self.headers.get("authorization", "")))

        def _say(self, answer: Answer) -> None:
            status, headers, body = answer
            self.send_response(status)
            for name, value in (
                {"content-type": "application/json", "content-length": str(len(body))} | headers
            ).items():
                self.send_header(name, value)
            self.end_headers()
            drip = "x-drip" in headers
            try:
                for at in range(0, len(body), 1 if drip else max(len(body), 1)):
                    self.wfile.write(body[at : at + 1] if drip else body)
                    if drip:
                        self.wfile.flush()
                        time.sleep(0.05)  # what it is: a server that takes its time
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    double.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
