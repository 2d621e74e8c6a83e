"""Protected headers that no client of good will sends: deep, huge, no object. Each is refused, none breaks anything.

What is signed here is signed rightly, so that the header alone is what is wrong.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from proaktiv.steps import authenticate
from proaktiv.steps.authenticate import MAX_ASSERTION_BYTES, MAX_MESSAGE_BYTES
from proaktiv.web.intake import make_intake
from tests.intake.asking import ask
from tests.intake.conftest import City, text
from tests.intake.test_authenticate import BEHOERDE, claims, message

_NAMED = {"/token": ("standesamt", MAX_ASSERTION_BYTES), "/acknowledgements": (BEHOERDE, MAX_MESSAGE_BYTES)}
_KIND = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REFUSAL = {"/token": "the client assertion is not valid here", "/acknowledgements": "not signed by a Behörde of this"}


@pytest.fixture
def app(city: City) -> FastAPI:
    return make_intake(city.world.pipeline)


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", inside: bytes = b"") -> bytes:
    return opening * depth + inside + closing * depth


def sent(city: City, app: FastAPI, route: str, header: bytes) -> Any:
    """Ask with a message of this header, signed by whom it names."""
    name, _ = _NAMED[route]
    content = claims(jti=f"jti-{sha256(header).hexdigest()}") if route == "/token" else message()
    signing = f"{text(header)}.{text(json.dumps(content).encode())}"
    made = f"{signing}.{text(city.keys[name].sign(signing.encode()))}"
    if route == "/acknowledgements":
        return ask(app, "POST", route, content=made, headers={"content-type": "application/jose"})
    form = {"grant_type": "client_credentials", "client_assertion_type": _KIND, "client_assertion": made}
    return ask(app, "POST", route, data=form)


def plain(route: str, **more: Any) -> bytes:
    return json.dumps({"alg": "Ed25519", "kid": _NAMED[route][0]} | more).encode()


def wrong_headers(route: str) -> Iterator[tuple[str, bytes]]:
    name, longest = _NAMED[route]
    begun = b'{"alg":"Ed25519","kid":"%b",' % name.encode()
    most = (longest * 3 // 4 - 500) // 8
    yield "a deep type", begun + b'"typ":' + nested(most) + b"}"
    yield "a deep object", begun + b'"typ":' + nested(most // 4, b'{"a":', b"}", b"1") + b"}"
    yield "brackets that never close", b"[" * (most * 2)
    yield "a deep key id", b'{"alg":"Ed25519","kid":' + nested(100) + b"}"
    yield "a deep algorithm", b'{"kid":"%b","alg":' % name.encode() + nested(900) + b"}"
    yield "huge", plain(route, typ="x" * longest)
    yield "a number without end", begun + b'"typ":' + b"9" * (longest // 2) + b"}"
    yield "a type that is no text", plain(route, typ={"a": 1})
    yield "a content type that is none", plain(route, cty=None)
    for kind in (b"[]", b"null", b"7", b'"Ed25519"', b"true", b"", b"\xff\xfe", b"{}", b'{"alg":"Ed25519"'):
        yield f"not an object: {kind!r}", kind


@pytest.mark.parametrize("route", _NAMED)
def test_a_header_that_is_no_small_object_of_text_is_refused_like_every_other_lie(
    city: City, app: FastAPI, route: str
) -> None:
    good = sent(city, app, route, plain(route, typ="JWT"))
    assert good.status_code == (200 if route == "/token" else 404), "the header alone is what is wrong below"
    with capture_logs() as logs:
        for what, header in wrong_headers(route):
            answer = sent(city, app, route, header)
            assert (what, answer.status_code) == (what, 401), answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert REFUSAL[route] in answer.json()["detail"], what
    assert [line for line in logs if line["event"].startswith("request.")] == []


@pytest.mark.parametrize("route", _NAMED)
def test_at_no_depth_does_one_reader_stop_where_another_went_on(city: City, app: FastAPI, route: str) -> None:
    """The stack ends at another depth for each reader of a header: ours, and the library's below it."""
    for depth in range(880, 1000, 8):
        header = plain(route)[:-1] + b',"typ":' + nested(depth) + b"}"
        assert sent(city, app, route, header).status_code == 401, depth


@pytest.mark.parametrize("route", _NAMED)
def test_a_reader_that_trusts_its_stack_would_break(
    city: City, app: FastAPI, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The red control: without the catch a deep header is a 500."""
    monkeypatch.setattr(authenticate, "_object", json.loads)
    _, deep = next(wrong_headers("/acknowledgements"))
    if route == "/token":
        deep = b"[" * 1200
    assert sent(city, app, route, deep).status_code == 500
