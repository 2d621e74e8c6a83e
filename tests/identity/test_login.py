"""Who is let in, and who is not: each lie of a provider or of a browser ends at its own check."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from proaktiv.core.trust import Trust
from proaktiv.identity import provider as providers
from proaktiv.identity.model import LoginRefused, ProviderAway, Why
from tests.identity.conftest import NOW, Door
from tests.identity.double import CLIENT, KEYS, part, sign, unsigned, with_the_public_key_as_secret

AT = NOW.timestamp()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "Ed25519"])
def test_a_good_log_in_says_who_it_is_and_when(door: Door, algorithm: str) -> None:
    door.double.algorithm = algorithm
    found = door.enters()
    assert (found.issuer, found.subject, found.trust) == (door.double.issuer, "s-1", Trust.V0)
    assert found.auth_time == NOW
    assert "s-1" not in repr(found)


def test_the_way_to_the_provider_says_what_is_asked_and_nothing_of_anybody(door: Door) -> None:
    door.changes = {"trust": Trust.V2}
    begun = door.party().begin(NOW)
    asked = dict(parse_qsl(urlsplit(begun.address).query))
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert "http://eidas.europa.eu/LoA/high" in asked["acr_values"]
    assert "http://eidas.europa.eu/LoA/low" not in asked["acr_values"]
    assert all(secret not in begun.cookie for secret in (asked["state"], asked["nonce"]))
    assert begun.cookie not in repr(begun)


def test_two_audiences_pass_with_us_as_the_authorised_party(door: Door) -> None:
    door.double.claims = {"aud": [CLIENT, "other"], "azp": CLIENT}
    assert door.enters().subject == "s-1"


@pytest.mark.parametrize(
    ("acr", "trust"),
    [
        ("http://eidas.europa.eu/LoA/substantial", Trust.V2),
        ("STORK-QAA-Level-4", Trust.V3),
        ("made up", Trust.V0),
        (7, Trust.V0),
    ],
)
def test_acr_becomes_a_vertrauensniveau_and_what_is_not_known_proves_nothing(
    door: Door, acr: object, trust: Trust
) -> None:
    door.double.claims = {"acr": acr}
    assert door.enters().trust is trust


CLAIMS: list[tuple[dict[str, Any], Why]] = [
    ({"iss": "https://other.example"}, Why.ISSUER),
    ({"iss": None}, Why.ISSUER),
    ({"aud": "other"}, Why.AUDIENCE),
    ({"aud": None}, Why.AUDIENCE),
    ({"aud": {"office": 1}}, Why.AUDIENCE),
    ({"aud": [CLIENT, "other"]}, Why.AUDIENCE),
    ({"aud": [CLIENT, "other"], "azp": "other"}, Why.AUDIENCE),
    ({"azp": "other"}, Why.AUDIENCE),
    ({"nonce": "another"}, Why.NONCE),
    ({"nonce": None}, Why.NONCE),
    ({"nonce": 1}, Why.NONCE),
    ({"exp": AT - 61}, Why.TIME),
    ({"exp": None}, Why.TIME),
    ({"exp": "soon"}, Why.TIME),
    ({"exp": True}, Why.TIME),
    ({"exp": 1e300}, Why.TIME),
    ({"iat": None}, Why.TIME),
    ({"iat": AT - 700}, Why.TIME),
    ({"iat": AT + 120}, Why.TIME),
    ({"nbf": AT + 120}, Why.TIME),
    ({"sub": None}, Why.SUBJECT),
    ({"sub": ""}, Why.SUBJECT),
    ({"sub": 17}, Why.SUBJECT),
    ({"sub": "x" * 256}, Why.SUBJECT),
    ({"sub": "ü"}, Why.SUBJECT),
    ({"auth_time": None}, Why.AUTH_TIME),
    ({"auth_time": AT - 13 * 3600}, Why.AUTH_TIME),
    ({"auth_time": AT + 3600}, Why.AUTH_TIME),
    ({"auth_time": "now"}, Why.AUTH_TIME),
]


@pytest.mark.parametrize(("claims", "why"), CLAIMS, ids=[json.dumps(claims)[:40] for claims, _ in CLAIMS])
def test_a_token_with_a_wrong_claim_opens_nothing(door: Door, claims: dict[str, Any], why: Why) -> None:
    door.double.claims = claims
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is why


def test_less_trust_than_is_asked_for_opens_nothing(door: Door) -> None:
    door.changes = {"trust": Trust.V2}
    door.double.claims = {"acr": "http://eidas.europa.eu/LoA/low"}
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is Why.TRUST


def _other_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return sign(header, claims, RSAKey.generate_key(2048))


def _changed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    head, _, signature = sign(header, claims, KEYS["RS256"]).split(".")
    return f"{head}.{part(claims | {'sub': 's-2'})}.{signature}"


def _own_key_inside(header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048)
    return f"{part(header | {'jwk': key.as_dict(private=False)})}.{part(claims)}.{part(b'x')}"


FORGED: list[tuple[Callable[[dict[str, Any], dict[str, Any]], Any], Why]] = [
    (unsigned, Why.ALGORITHM),
    (with_the_public_key_as_secret, Why.ALGORITHM),
    (lambda h, c: sign(h | {"alg": "PS256"}, c, KEYS["RS256"]), Why.ALGORITHM),
    (lambda h, c: sign(h | {"alg": "RS512"}, c, KEYS["RS256"]), Why.ALGORITHM),
    (lambda h, c: f"{part(h | {'alg': ['RS256']})}.{part(c)}.{part(b'x')}", Why.ALGORITHM),
    (lambda h, c: f"{part(h | {'alg': 'ES256'})}.{part(c)}.{part(b'x')}", Why.KEY),
    (_other_key, Why.SIGNATURE),
    (_changed, Why.SIGNATURE),
    (_own_key_inside, Why.FORM),
    (lambda h, c: f"{part(h | {'crit': ['b64'], 'b64': False})}.{part(c)}.{part(b'x')}", Why.FORM),
    (lambda h, c: sign(h, b"[]", KEYS["RS256"]), Why.FORM),
    (lambda h, c: sign(h, b"no json", KEYS["RS256"]), Why.FORM),
    (lambda h, c: "a.b", Why.FORM),
    (lambda h, c: "!.b.c", Why.FORM),
    (lambda h, c: "a" * 20_000 + ".b.c", Why.FORM),
    (lambda h, c: f"{part(h | {'kid': 7})}.{part(c)}.{part(b'x')}", Why.FORM),
    (lambda h, c: sign(h | {"kid": "unknown"}, c, KEYS["RS256"]), Why.KEY),
    (lambda h, c: 17, Why.ANSWER),
]


@pytest.mark.parametrize(("forge", "why"), FORGED)
def test_a_forged_token_opens_nothing(door: Door, forge: Callable[..., Any], why: Why) -> None:
    door.double.forge = forge
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is why


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_weak_key_signs_nothing(door: Door) -> None:
    key = RSAKey.generate_key(1024, {"kid": "rsa"})
    door.double.published = [key]
    door.double.forge = lambda header, claims: sign(header, claims, key)
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is Why.KEY


@pytest.mark.parametrize(
    ("algorithm", "key"), [("ES256", ECKey.generate_key("P-384")), ("EdDSA", OKPKey.generate_key("X25519"))]
)
def test_a_key_of_another_kind_signs_nothing(door: Door, algorithm: str, key: Any) -> None:
    door.double.algorithm, door.double.header = algorithm, {"kid": "other"}
    door.double.published = [key.as_dict(private=False) | {"kid": "other"}]
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is Why.KEY


def test_a_token_without_a_key_id_needs_exactly_one_key_that_fits(door: Door) -> None:
    door.double.header = {"kid": None}
    assert door.enters().subject == "s-1"
    door.double.published.append(RSAKey.generate_key(2048, {"kid": "second"}))
    with pytest.raises(LoginRefused) as refused:
        door.enters()
    assert refused.value.why is Why.KEY


def test_a_changed_key_is_found_by_asking_once_more_and_an_unknown_one_asks_once(door: Door) -> None:
    party = door.party()
    door.double.published = [KEYS["ES256"]]
    door.double.algorithm = "ES256"
    door.enters(party)
    door.enters(party)
    assert door.double.asked.count("/jwks") == 1
    door.double.published, door.double.algorithm = [KEYS["RS256"]], "RS256"
    door.enters(party)
    assert door.double.asked.count("/jwks") == 2
    door.double.header = {"kid": "unknown"}
    with pytest.raises(LoginRefused):
        door.enters(party)
    assert door.double.asked.count("/jwks") == 3


def test_what_the_provider_says_of_itself_is_kept_for_an_hour(door: Door) -> None:
    ticks = [0.0]
    door.ticks = lambda: ticks[0]
    party = door.party()
    party.begin(NOW)
    ticks[0] = providers.KEEP_SECONDS - 1
    party.begin(NOW)
    assert len(door.double.asked) == 1
    ticks[0] = providers.KEEP_SECONDS
    party.begin(NOW)
    assert len(door.double.asked) == 2


def test_a_provider_that_is_away_is_not_asked_again_by_everybody_at_once(door: Door) -> None:
    ticks = [0.0]
    door.ticks = lambda: ticks[0]
    door.double.metadata = {"issuer": "https://other.example"}
    party = door.party()
    for _ in range(5):
        with pytest.raises(ProviderAway):
            party.begin(NOW)
    assert len(door.double.asked) == 1
    door.double.metadata = {}
    ticks[0] = providers.AWAY_SECONDS
    assert door.enters(party).subject == "s-1"


# what the browser brings back -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"state": "swapped"}, Why.STATE),
        ({"state": None}, Why.STATE),
        ({"state": "ä"}, Why.STATE),
        ({"iss": "https://other.example"}, Why.ISSUER),
        ({"iss": None}, Why.ISSUER),
        ({"error": "access_denied"}, Why.DENIED),
        ({"code": None}, Why.PARAMETERS),
        ({"code": "x" * 3000}, Why.PARAMETERS),
        ({"code": "a\nb"}, Why.PARAMETERS),
        ({"code": "unknown"}, Why.CODE),
    ],
)
def test_a_changed_answer_opens_nothing(door: Door, changed: dict[str, str | None], why: Why) -> None:
    with pytest.raises(LoginRefused) as refused:
        door.enters(**changed)
    assert refused.value.why is why


def test_another_issuer_is_refused_also_where_the_provider_never_names_itself(door: Door) -> None:
    door.double.metadata = {"authorization_response_iss_parameter_supported": False}
    assert door.enters(iss=None).subject == "s-1"
    with pytest.raises(LoginRefused) as refused:
        door.enters(iss="https://other.example")
    assert refused.value.why is Why.ISSUER


def test_a_parameter_that_stands_twice_opens_nothing(door: Door) -> None:
    party = door.party()
    begun = party.begin(NOW)
    back = door.double.lets_in(begun.address)
    with pytest.raises(LoginRefused) as refused:
        party.returned(begun.cookie, [*back, ("code", "second")], NOW)
    assert refused.value.why is Why.PARAMETERS


def test_an_answer_for_another_browser_opens_nothing(door: Door) -> None:
    party = door.party()
    mine, theirs = party.begin(NOW), party.begin(NOW)
    with pytest.raises(LoginRefused) as refused:
        party.returned(mine.cookie, door.double.lets_in(theirs.address), NOW)
    assert refused.value.why is Why.STATE


@pytest.mark.parametrize("cookie", ["", "A" * 80, "not base64!", "ä"])
def test_without_its_cookie_no_answer_opens_anything(door: Door, cookie: str) -> None:
    party = door.party()
    back = door.double.lets_in(party.begin(NOW).address)
    with pytest.raises(LoginRefused) as refused:
        party.returned(cookie, back, NOW)
    assert refused.value.why is Why.COOKIE


def test_a_cookie_with_one_bit_changed_opens_nothing(door: Door) -> None:
    party = door.party()
    begun = party.begin(NOW)
    for place in range(0, len(begun.cookie), 7):
        wrong = begun.cookie[:place] + ("A" if begun.cookie[place] != "A" else "B") + begun.cookie[place + 1 :]
        with pytest.raises(LoginRefused) as refused:
            party.returned(wrong, door.double.lets_in(begun.address), NOW)
        assert refused.value.why is Why.COOKIE


def test_a_log_in_that_takes_longer_than_ten_minutes_is_over(door: Door) -> None:
    party = door.party()
    begun = party.begin(door.now)
    back = door.double.lets_in(begun.address)
    door.waits(minutes=10)
    with pytest.raises(LoginRefused) as refused:
        party.returned(begun.cookie, back, door.now)
    assert refused.value.why is Why.COOKIE


def test_a_cookie_of_another_issuer_is_none_of_this_one(door: Door) -> None:
    begun = door.party().begin(NOW)
    back = door.double.lets_in(begun.address)
    door.changes = {"issuer": door.double.issuer.replace("127.0.0.1", "localhost")}
    with pytest.raises(LoginRefused) as refused:
        door.party().returned(begun.cookie, back, NOW)
    assert refused.value.why is Why.COOKIE


def test_a_code_serves_once_at_the_provider_and_a_log_in_has_one_name_to_remember(door: Door) -> None:
    party = door.party()
    begun = party.begin(NOW)
    back = door.double.lets_in(begun.address)
    first, again = (party.returned(begun.cookie, back, NOW) for _ in range(2))
    assert first.once == again.once != party.returned(*_fresh(door, party)).once
    party.redeem(first, NOW)
    with pytest.raises(LoginRefused) as refused:
        party.redeem(again, NOW)
    assert refused.value.why is Why.CODE


def _fresh(door: Door, party: Any) -> Any:
    begun = party.begin(NOW)
    return begun.cookie, door.double.lets_in(begun.address), NOW


def test_a_code_that_was_stolen_is_worth_nothing_without_the_verifier(door: Door) -> None:
    party = door.party()
    theirs, mine = party.begin(NOW), party.begin(NOW)
    stolen = dict(door.double.lets_in(theirs.address))["code"]
    returned = party.returned(mine.cookie, door.double.lets_in(mine.address, code=stolen), NOW)
    with pytest.raises(LoginRefused) as refused:
        party.redeem(returned, NOW)
    assert refused.value.why is Why.CODE


def test_the_secret_goes_into_the_form_where_the_provider_takes_it_there_alone(door: Door) -> None:
    door.double.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert door.enters().subject == "s-1"


# the provider away, or none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://somewhere.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"end_session_endpoint": 17},
        {"response_types_supported": ["id_token"]},
        {"code_challenge_methods_supported": ["plain"]},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": "client_secret_basic"},
    ],
)
def test_a_provider_that_is_none_is_not_asked_any_further(door: Door, said: dict[str, Any]) -> None:
    door.double.metadata = said
    with pytest.raises(ProviderAway):
        door.party().begin(NOW)
    assert door.double.asked == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"no json"),
        (200, {}, b"[]"),
        (200, {}, b"[" * 60_000),
        (200, {}, b'{"issuer": "' + b"x" * 70_000 + b'"}'),
        (200, {}, b"x" * (2 << 20)),
        (302, {"location": "http://127.0.0.1:1/"}, b""),
        (404, {}, b""),
        (500, {}, b""),
        (200, {"content-length": "100"}, b"{"),
    ],
    ids=["no json", "no object", "deep", "large", "huge", "redirect", "missing", "broken", "cut off"],
)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
def test_a_hostile_document_ends_the_log_in_and_nothing_else(door: Door, path: str, answer: Any) -> None:
    door.double.answers[path] = lambda: answer
    with pytest.raises((ProviderAway, LoginRefused)):
        door.enters()


def test_a_slow_drip_ends_when_the_deadline_does(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "DEADLINE_SECONDS", 0.3)
    door.double.answers["/jwks"] = lambda: (200, {"x-drip": "1"}, b" " * 5000)
    with pytest.raises(ProviderAway):
        door.enters()


def test_keys_without_end_are_not_read(door: Door) -> None:
    door.double.answers["/jwks"] = lambda: (200, {}, json.dumps({"keys": [{}] * 51}).encode())
    with pytest.raises(ProviderAway):
        door.enters()


def test_a_host_that_is_not_on_the_list_is_not_called(door: Door) -> None:
    door.double.metadata = {"token_endpoint": "http://127.0.0.1:1/token"}
    with pytest.raises(ProviderAway):
        door.enters()


def test_the_way_out_leads_to_the_provider_and_names_nobody(door: Door) -> None:
    party = door.party()
    way = party.farewell("http://127.0.0.1/")
    assert way.startswith(f"{door.double.issuer}/end?")
    assert set(dict(parse_qsl(urlsplit(way).query))) == {"client_id", "post_logout_redirect_uri"}
    door.double.metadata = {"end_session_endpoint": None}
    assert door.party().farewell("http://127.0.0.1/") == ""
    door.double.metadata = {"issuer": "https://other.example"}
    assert door.party().farewell("http://127.0.0.1/") == ""
