"""Who may speak: assertions, tokens, signed messages; and each way of lying about it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from proaktiv.core.clients import ClientRefused
from proaktiv.core.errors import NotProven
from proaktiv.steps.authenticate import said_by_behoerde
from proaktiv.tables import BehoerdeRow, ClientJtiRow, ClientRow, ClientTokenRow
from tests.intake.conftest import AUDIENCE, City, public, signed, text
from tests.world import START

AT = int(START.timestamp())
BEHOERDE = "jugendamt-musterstadt"


def claims(**changes: Any) -> dict[str, Any]:
    given = {
        "iss": "standesamt",
        "sub": "standesamt",
        "aud": AUDIENCE,
        "iat": AT,
        "exp": AT + 60,
        "jti": "jti-1",
    } | changes
    return {name: value for name, value in given.items() if value is not ...}


def assertion(city: City, **changes: Any) -> str:
    return signed(city.keys["standesamt"], claims(**changes), kid="standesamt")


def unsigned(header: dict[str, Any], content: dict[str, Any], signature: bytes = b"") -> str:
    return ".".join(text(part) for part in (json.dumps(header).encode(), json.dumps(content).encode(), signature))


def test_a_signed_assertion_becomes_a_token_that_names_its_client(city: City) -> None:
    token = city.world.pipeline.token(assertion(city))
    assert token.expires_in == 300
    client = city.world.pipeline.client(token.access_token)
    assert (client.id, client.source, client.daily_max) == ("standesamt", "urn:proaktiv:demo:standesamt", 1000)
    assert "geburt" in client.kinds
    (stored,) = city.rows(ClientTokenRow)
    assert token.access_token.encode() not in stored.token_hash


@pytest.mark.parametrize("name", ["Ed25519", "EdDSA"])
def test_both_names_of_the_one_algorithm_are_taken(city: City, name: str) -> None:
    made = jws.JWSRegistry.algorithms["Ed25519"]
    head = text(json.dumps({"alg": name, "typ": "JWT"}).encode()) + "." + text(json.dumps(claims()).encode())
    key = OKPKey.import_key(public(city.keys["standesamt"]) | {"d": text(city.keys["standesamt"].private_bytes_raw())})
    assert city.world.pipeline.token(f"{head}.{text(made.sign(head.encode(), key))}").access_token


def wrong_claims() -> dict[str, dict[str, Any]]:
    return {
        "another audience": {"aud": "https://elsewhere.example/token"},
        "no audience": {"aud": ...},
        "an audience among others": {"aud": [AUDIENCE, "https://elsewhere.example/token"]},
        "an empty audience": {"aud": ""},
        "expired": {"exp": AT},
        "no end": {"exp": ...},
        "an end after more than five minutes": {"exp": AT + 301},
        "an end as text": {"exp": str(AT + 60)},
        "an end with a fraction": {"exp": AT + 60.5},
        "an end that is true": {"exp": True},
        "no beginning": {"iat": ...},
        "made long ago": {"iat": AT - 3600},
        "made in the future": {"iat": AT + 120},
        "not valid yet": {"nbf": AT + 120},
        "another issuer": {"iss": "meldebehoerde"},
        "no issuer": {"iss": ...},
        "another subject": {"sub": "meldebehoerde"},
        "an unknown subject": {"sub": "finanzamt", "iss": "finanzamt"},
        "a subject with NUL": {"sub": "standes\0amt", "iss": "standes\0amt"},
        "a subject that is a list": {"sub": ["standesamt"], "iss": ["standesamt"]},
        "no jti": {"jti": ...},
        "an empty jti": {"jti": ""},
        "a jti of 129 characters": {"jti": "j" * 129},
        "a jti with NUL": {"jti": "j\0"},
        "a jti that is a number": {"jti": 7},
    }


def test_a_wrong_claim_is_refused_like_every_other(city: City) -> None:
    for lie, changes in wrong_claims().items():
        with pytest.raises(ClientRefused) as refused:
            pytest.fail(f"{lie} was taken: {city.world.pipeline.token(assertion(city, **changes))}")
        assert str(refused.value) == "the client assertion is not valid here, or no longer"
        assert refused.value.oauth_error == "invalid_client"
    assert city.rows(ClientTokenRow) == city.rows(ClientJtiRow) == []


def forged(city: City) -> dict[str, str]:
    key, other = city.keys["standesamt"], Ed25519PrivateKey.generate()
    good = assertion(city)
    head, body, signature = good.split(".")
    octets = OctKey.import_key(city.keys["standesamt"].public_key().public_bytes_raw())
    big = Ed448PrivateKey.generate()
    return {
        "alg none": unsigned({"alg": "none"}, claims()),
        "alg none with a signature": unsigned({"alg": "none"}, claims(), b"x" * 64),
        "alg HS256 with the public key as secret": jws.serialize_compact(
            {"alg": "HS256"}, json.dumps(claims()).encode(), octets, algorithms=["HS256"]
        ),
        "alg Ed448": ".".join(
            (
                head448 := text(b'{"alg":"Ed448"}'),
                body,
                text(big.sign(f"{head448}.{body}".encode())),
            )
        ),
        "alg EdDSA with an Ed448 signature": ".".join(
            (headdsa := text(b'{"alg":"EdDSA"}'), body, text(big.sign(f"{headdsa}.{body}".encode())))
        ),
        "no alg": ".".join((text(b"{}"), body, signature)),
        "another key": signed(other, claims()),
        "another client's key": signed(city.keys["meldebehoerde"], claims()),
        "its own key in the header": signed(other, claims(), jwk=public(other)),
        "a key's address in the header": signed(key, claims(), jku="https://evil.example/jwks"),
        "a critical header": ".".join((text(b'{"alg":"Ed25519","crit":["b64"],"b64":false}'), body, signature)),
        "a changed body": f"{head}.{text(json.dumps(claims(jti='jti-2')).encode())}.{signature}",
        "a changed signature": f"{head}.{body}.{text(b'x' * 64)}",
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "nothing": "",
        "dots": "..",
        "no base64": "!.!.!",
        "no characters of ASCII": "ü.ü.ü",
        "half a surrogate": "\ud800.a.b",
        "a header that is a list": ".".join((text(b"[]"), body, signature)),
        "a header of brackets": ".".join((text(b"[" * 2500), body, signature)),
        "a body that is a list": ".".join((head, text(b"[1]"), signature)),
        "over-long": signed(key, claims(more="x" * 4096)),
    }


def test_a_forged_assertion_is_refused_like_every_other(city: City) -> None:
    for lie, forgery in forged(city).items():
        with pytest.raises(ClientRefused, match="not valid here"):
            pytest.fail(f"{lie} was taken: {city.world.pipeline.token(forgery)}")
    assert city.rows(ClientTokenRow) == city.rows(ClientJtiRow) == []


def test_an_assertion_serves_once_also_when_it_comes_twenty_times_at_once(city: City) -> None:
    one = assertion(city)

    def ask(_n: int) -> int:
        try:
            city.world.pipeline.token(one)
        except ClientRefused:
            return 0
        return 1

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(20))) == 1
    assert city.world.pipeline.token(assertion(city, jti="jti-2")).access_token  # the control: another one does


def test_a_used_assertion_stays_used_until_it_is_over(city: City) -> None:
    late = assertion(city, exp=AT + 300)
    city.world.pipeline.token(late)
    city.world.now += timedelta(seconds=299)
    city.world.pipeline.token(assertion(city, iat=AT + 299, exp=AT + 500, jti="jti-2"))
    with pytest.raises(ClientRefused):
        city.world.pipeline.token(late)


def test_what_is_over_is_swept_away_with_the_next_token(city: City) -> None:
    city.world.pipeline.token(assertion(city))
    city.world.now += timedelta(seconds=301)
    later = AT + 301
    city.world.pipeline.token(assertion(city, iat=later, exp=later + 60, jti="jti-2"))
    assert [row.jti for row in city.rows(ClientJtiRow)] == ["jti-2"]
    assert len(city.rows(ClientTokenRow)) == 1


def test_a_token_ends_after_five_minutes(city: City) -> None:
    token = city.world.pipeline.token(assertion(city)).access_token
    city.world.now += timedelta(seconds=299)
    city.world.pipeline.client(token)
    city.world.now += timedelta(seconds=1)
    with pytest.raises(ClientRefused, match="no longer valid"):
        city.world.pipeline.client(token)


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\0", "ü" * 43, "x" * 100_000])
def test_an_invented_token_is_refused(city: City, token: str) -> None:
    with pytest.raises(ClientRefused) as refused:
        city.world.pipeline.client(token)
    assert refused.value.oauth_error == "invalid_token"


def test_a_client_that_is_switched_off_gets_nothing_with_what_it_has(city: City) -> None:
    token = city.world.pipeline.token(assertion(city)).access_token
    city.set(ClientRow, "standesamt", active=False)
    with pytest.raises(ClientRefused):
        city.world.pipeline.client(token)
    with pytest.raises(ClientRefused):
        city.world.pipeline.token(assertion(city, jti="jti-2"))


def test_a_house_without_a_token_address_gives_no_tokens(city: City) -> None:
    pipeline = replace(city.world.pipeline, token_audience="")
    with pytest.raises(ClientRefused):
        pipeline.token(assertion(city, aud=""))


@pytest.mark.parametrize(
    "jwk", [{}, {"kty": "OKP"}, {"kty": "oct", "crv": "Ed25519", "x": "AA"}, {"kty": 1, "crv": 2, "x": 3}]
)
def test_a_client_with_a_broken_key_is_refused_like_every_other(city: City, jwk: dict[str, Any]) -> None:
    city.set(ClientRow, "standesamt", jwk=jwk)
    with pytest.raises(ClientRefused, match="not valid here"):
        city.world.pipeline.token(assertion(city))


# Behörden ------------------------------------------------------------------------------------------------------------


def message(**changes: Any) -> dict[str, Any]:
    given = {
        "behoerde": BEHOERDE,
        "wire_id": "w-1",
        "message_id": "m-1",
        "status": "acknowledged",
        "text": "",
        "iat": AT,
    } | changes
    return {name: value for name, value in given.items() if value is not ...}


def heard(city: City, jws_bytes: bytes) -> Any:
    with city.world.database.transaction() as session:
        return json.loads(said_by_behoerde(session, jws_bytes, city.world.now))


@pytest.mark.parametrize("aside", [-300, 0, 300])
def test_a_behoerde_is_heard_within_five_minutes(city: City, aside: int) -> None:
    said = message(iat=AT + aside)
    assert heard(city, signed(city.keys[BEHOERDE], said, kid=BEHOERDE).encode()) == said


def forged_messages(city: City) -> dict[str, str]:
    key = city.keys[BEHOERDE]
    good = signed(key, message(), kid=BEHOERDE)
    head, _, signature = good.split(".")
    return {
        "alg none": unsigned({"alg": "none", "kid": BEHOERDE}, message()),
        "no kid": signed(key, message()),
        "an unknown kid": signed(key, message(), kid="finanzamt"),
        "a kid with NUL": unsigned({"alg": "Ed25519", "kid": "a\0"}, message(), b"x" * 64),
        "a kid that is a number": unsigned({"alg": "Ed25519", "kid": 7}, message(), b"x" * 64),
        "a Behörde without a key": signed(key, message(), kid="standesamt-musterstadt"),
        "another Behörde's key": signed(city.keys["steueramt-musterstadt"], message(), kid=BEHOERDE),
        "in another's name": signed(key, message(behoerde="steueramt-musterstadt"), kid=BEHOERDE),
        "in nobody's name": signed(key, message(behoerde=...), kid=BEHOERDE),
        "changed": f"{head}.{text(json.dumps(message(status='decided')).encode())}.{signature}",
        "five minutes and a second ago": signed(key, message(iat=AT - 301), kid=BEHOERDE),
        "five minutes and a second ahead": signed(key, message(iat=AT + 301), kid=BEHOERDE),
        "without time": signed(key, message(iat=...), kid=BEHOERDE),
        "with true as time": signed(key, message(iat=True), kid=BEHOERDE),
        "over-long": signed(key, message(text="x" * 16_384), kid=BEHOERDE),
        "nothing": "",
        "a list": ".".join((head, text(b"[]"), signature)),
    }


def test_a_forged_message_is_refused_like_every_other(city: City) -> None:
    for lie, forgery in forged_messages(city).items():
        with pytest.raises(NotProven, match="not signed by a Behörde of this house, or not just now"):
            pytest.fail(f"{lie} was heard: {heard(city, forgery.encode())}")


def test_after_a_change_of_keys_the_old_one_is_worth_nothing(city: City) -> None:
    old, new = city.keys[BEHOERDE], Ed25519PrivateKey.generate()
    city.set(BehoerdeRow, BEHOERDE, jwk=public(new))
    with pytest.raises(NotProven):
        heard(city, signed(old, message(), kid=BEHOERDE).encode())
    assert heard(city, signed(new, message(), kid=BEHOERDE).encode())


def test_a_time_beyond_every_clock_is_not_just_now(city: City) -> None:
    """JSON's numbers have no end: 10^400 seconds is an integer, and no float."""
    for beyond in (10**400, -(10**400)):
        with pytest.raises(NotProven):
            heard(city, signed(city.keys[BEHOERDE], message(iat=beyond), kid=BEHOERDE).encode())
