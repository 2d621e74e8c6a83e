"""A double of a Nutzerkonto: an OpenID provider for the invented city, and named as one on every page.

A page where one picks an inhabitant and how they prove themselves takes the place of eID and ELSTER. What a provider
must check it does check: client, secret, return address, PKCE, one use of a code within a minute. It stands for a
broker before BundID, whose own protocol is SAML and not spoken here.
Source: OpenID Connect Core 1.0 § 3.1; Discovery 1.0; RFC 7636; RFC 9207.
"""

import base64
import binascii
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import parse_qsl, unquote_plus, urlencode

from fastapi import FastAPI, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import DictLoader, Environment, StrictUndefined
from joserfc import jwt
from joserfc.jwk import OKPKey

from proaktiv.demo.keys import ALGORITHM
from proaktiv.demo.people import Resident

KID = "nutzerkonto-1"
CODE_SECONDS = 60.0
TOKEN_SECONDS = 300
MAX_SHOWN = 100
LEVELS: Mapping[str, tuple[str, str]] = {
    "http://eidas.europa.eu/LoA/high": ("Online-Ausweis", "online ID card"),
    "http://eidas.europa.eu/LoA/substantial": ("ELSTER-Zertifikat", "ELSTER certificate"),
    "http://eidas.europa.eu/LoA/low": ("Benutzername und Passwort", "name and password"),
}
"""``acr`` → how the inhabitant proves themselves, in German and English."""

_ASKED = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")
_PAGE = """<!doctype html><html lang="de"><head><meta charset="utf-8">
<title>{{ title }} – Nutzerkonto (Vorführung)</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>body{font-family:sans-serif;line-height:1.5;max-width:45rem;margin:0 auto;padding:0 1rem}
aside{background:#ffe9a8;padding:.6rem 1rem}label{display:block;padding:.2rem 0}
button,#suche{font-size:1rem;padding:.5rem 1rem}
fieldset{margin:1rem 0}</style></head><body>
<aside><strong>Vorführung / demonstration.</strong> Dies ist kein echtes Nutzerkonto. Alle Menschen sind erfunden /
this is no real account, and all people are invented.</aside>
<main><h1>{{ title }}</h1>{% block main %}{% endblock %}</main>
</body></html>"""
_PICK = """{% extends "page" %}{% block main %}
<form method="get" action="/authorize">{% for name, value in asked.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<label for="suche">Name suchen / search a name</label><input id="suche" name="suche" value="{{ sought }}">
<button type="submit">Suchen / search</button></form>
<form method="post" action="/authorize">{% for name, value in asked.items() %}
<input type="hidden" name="{{ name }}" value="{{ value }}">{% endfor %}
<fieldset><legend>Wer sind Sie? / Who are you?</legend>{% for person in people %}
<label><input type="radio" name="sub" value="{{ person.sub }}"> {{ person.given_name }} {{ person.family_name }},
{{ person.birthdate }}</label>{% else %}<p>Niemand heißt so / nobody is called that.</p>{% endfor %}</fieldset>
<fieldset><legend>Wie weisen Sie sich aus? / How do you prove it?</legend>{% for acr, called in levels.items() %}
<label><input type="radio" name="acr" value="{{ acr }}"{% if loop.index == 2 %} checked{% endif %}> {{ called[0] }} /
{{ called[1] }}</label>{% endfor %}</fieldset>
<button type="submit">Weiter / continue</button> <button type="submit" name="nein" value="1">Abbrechen / cancel</button>
</form>{% endblock %}"""
_LEFT = """{% extends "page" %}{% block main %}<p>{% if to %}<a href="{{ to }}">Weiter / continue</a>{% endif %}</p>
{% endblock %}"""
_PAGES = Environment(
    loader=DictLoader({"page": _PAGE, "pick": _PICK, "left": _LEFT}), autoescape=True, undefined=StrictUndefined
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"


def account_of(resident: Resident) -> dict[str, str]:
    """Return what the Nutzerkonto says of an inhabitant; its subject is no name and no key of a register."""
    return {
        "sub": sha256(f"nutzerkonto {resident.kennung}".encode()).hexdigest()[:32],
        "given_name": resident.vornamen,
        "family_name": resident.familienname,
        "birthdate": resident.geburtsdatum.isoformat(),
    }


@dataclass(frozen=True, slots=True)
class Registered:
    """The one client that may ask."""

    client_id: str
    secret: str = field(repr=False)
    redirect: str


@dataclass(slots=True)
class Nutzerkonto:
    """The provider's people, its key, and the codes that are on their way. Threads share it."""

    issuer: str
    people: Sequence[Mapping[str, str]]
    client: Registered
    key: OKPKey
    now: Callable[[], float]
    _codes: dict[str, tuple[float, dict[str, str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def knows(self, asked: Mapping[str, str]) -> bool:
        """Return whether the client, and it alone, sent somebody here, with all that it must say."""
        return (
            asked.get("client_id") == self.client.client_id
            and asked.get("redirect_uri") == self.client.redirect
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and "openid" in asked.get("scope", "").split()
            and all(asked.get(name) for name in _ASKED)
        )

    def found(self, sought: str) -> list[Mapping[str, str]]:
        """Return the first people whose name holds what was sought."""
        wanted = sought.casefold()
        named = (who for who in self.people if wanted in f"{who['given_name']} {who['family_name']}".casefold())
        return [who for _, who in zip(range(MAX_SHOWN), named, strict=False)]

    def code(self, asked: Mapping[str, str], sub: str, acr: str) -> str | None:
        """Return a code for whoever was picked; None for nobody."""
        if acr not in LEVELS or not any(who["sub"] == sub for who in self.people):
            return None
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes = {name: kept for name, kept in self._codes.items() if kept[0] > self.now()}
            self._codes[code] = (self.now() + CODE_SECONDS, {**asked, "sub": sub, "acr": acr})
        return code

    def token(self, form: Mapping[str, str]) -> str | None:
        """Return the ID token of a code, which is used up by it; None where anything is not right."""
        with self._lock:
            over_at, asked = self._codes.pop(form.get("code", ""), (0.0, {}))
        challenge = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if over_at <= self.now() or not hmac.compare_digest(challenge, asked["code_challenge"].encode()):
            return None
        if form.get("redirect_uri") != self.client.redirect or form.get("grant_type") != "authorization_code":
            return None
        at = int(self.now())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client.client_id,
            "sub": asked["sub"],
            "acr": asked["acr"],
            "nonce": asked["nonce"],
            "iat": at,
            "auth_time": at,
            "exp": at + TOKEN_SECONDS,
        }
        if "profile" in asked["scope"].split():
            claims |= next(who for who in self.people if who["sub"] == asked["sub"])
        return jwt.encode({"alg": ALGORITHM, "kid": KID}, claims, self.key, algorithms=[ALGORITHM])

    def is_client(self, authorization: str) -> bool:
        """Return whether an ``Authorization`` header is the client's (RFC 6749 § 2.3.1)."""
        scheme, _, given = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        right = hmac.compare_digest(unquote_plus(secret).encode(), self.client.secret.encode())
        return scheme == "Basic" and unquote_plus(name) == self.client.client_id and right


def make_nutzerkonto(konto: Nutzerkonto) -> FastAPI:
    """Return the provider's application."""
    app = FastAPI(title="double of a Nutzerkonto", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that it stands."""
        return {"status": "ok"}

    @app.get("/.well-known/openid-configuration")
    def metadata() -> dict[str, Any]:
        """Say where everything is."""
        return {
            "issuer": konto.issuer,
            "authorization_endpoint": f"{konto.issuer}/authorize",
            "token_endpoint": f"{konto.issuer}/token",
            "jwks_uri": f"{konto.issuer}/jwks",
            "end_session_endpoint": f"{konto.issuer}/end",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "acr_values_supported": list(LEVELS),
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        """Show the key that tokens are signed with."""
        return {"keys": [konto.key.as_dict(private=False) | {"kid": KID, "use": "sig"}]}

    @app.get("/authorize")
    def pick(request: Request) -> Response:
        """Ask who one is."""
        asked = dict(request.query_params)
        sought = asked.pop("suche", "")
        if not konto.knows(asked):
            return _page("left", 400, title="Diese Anfrage kommt von niemandem, den wir kennen", to="")
        people = konto.found(sought)
        return _page("pick", title="Am Nutzerkonto anmelden", asked=asked, people=people, sought=sought, levels=LEVELS)

    @app.post("/authorize")
    async def picked(request: Request) -> Response:
        """Send the browser back with a code, or with a no."""
        asked = dict(parse_qsl((await request.body()).decode("ascii", "replace"), keep_blank_values=True))
        sub, acr, no = (asked.pop(name, "") for name in ("sub", "acr", "nein"))
        if not konto.knows(asked):
            return _page("left", 400, title="Diese Anfrage kommt von niemandem, den wir kennen", to="")
        code = None if no else konto.code(asked, sub, acr)
        said = {"error": "access_denied"} if code is None else {"code": code}
        back = urlencode({**said, "state": asked["state"], "iss": konto.issuer})
        return RedirectResponse(f"{konto.client.redirect}?{back}", 303)

    @app.post("/token")
    async def token(request: Request, authorization: Annotated[str, Header()] = "") -> Response:
        """Give the client its token."""
        if not konto.is_client(authorization):
            return JSONResponse({"error": "invalid_client"}, 401)
        given = konto.token(dict(parse_qsl((await request.body()).decode("ascii", "replace"))))
        if given is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        answer = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "id_token": given}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    @app.get("/end")
    def end(post_logout_redirect_uri: str = "") -> Response:
        """Say that one is logged out; only the client's own pages are linked from here."""
        ours = konto.client.redirect.partition("/konto/")[0]
        to = post_logout_redirect_uri if post_logout_redirect_uri.startswith(f"{ours}/") else ""
        return _page("left", title="Sie sind vom Nutzerkonto abgemeldet", to=to)

    return app


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    body = _PAGES.get_template(name).render(**values)
    return HTMLResponse(body, status, {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"})
