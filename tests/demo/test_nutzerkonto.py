"""The double of a Nutzerkonto: what a provider checks it checks, and whoever it lets in our own pages let in."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from proaktiv.core.trust import Trust
from proaktiv.demo.keys import signing_key
from proaktiv.demo.nutzerkonto import KID, LEVELS, Nutzerkonto, Registered, make_nutzerkonto
from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Attributes, Client, LoginRefused, Why
from proaktiv.identity.provider import Provider
from tests.browser.conftest import served

REDIRECT = "http://127.0.0.1/konto/zurueck"
ANNA = {"sub": "a1", "given_name": "Anna", "family_name": "Muster-Ḫaß", "birthdate": "1994-03-08"}
PEOPLE = [ANNA, {"sub": "b2", "given_name": "Ben", "family_name": "Muster", "birthdate": "1991-05-17"}]
HIGH, SUBSTANTIAL, LOW = LEVELS


@pytest.fixture
def konto() -> Nutzerkonto:
    client = Registered("musterstadt", "a secret: that/is invented", REDIRECT)
    return Nutzerkonto("", PEOPLE, client, signing_key(bytes(range(32)), KID), time.time)


@pytest.fixture
def issuer(konto: Nutzerkonto) -> Iterator[str]:
    app: FastAPI = make_nutzerkonto(konto)
    with served(app) as address:
        konto.issuer = address
        yield address


def party(issuer: str, **changed: Any) -> RelyingParty:
    said = {"client_secret": "a secret: that/is invented", "client_id": "musterstadt"} | changed
    client = Client(issuer, redirect=REDIRECT, trust=Trust.V2, max_age_seconds=900, **said)
    provider = Provider(client, Egress(frozenset({urlsplit(issuer).netloc}), loopback=True), time.monotonic)
    return RelyingParty(client, provider, bytes(32), secrets.token_bytes)


def picks(address: str, **form: str) -> list[tuple[str, str]]:
    """What a person does on the page, and what their browser brings back."""
    asked = dict(parse_qsl(urlsplit(address).query))
    answer = httpx.post(address.partition("?")[0], data=asked | form)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(REDIRECT)
    return parse_qsl(urlsplit(answer.headers["location"]).query)


@pytest.mark.parametrize(("acr", "trust"), [(SUBSTANTIAL, Trust.V2), (HIGH, Trust.V3)])
def test_an_inhabitant_logs_in_and_attributes_come_where_they_are_asked_for(
    issuer: str, acr: str, trust: Trust
) -> None:
    ours, now = party(issuer), datetime.now(UTC)
    for asked in (False, True):
        begun = ours.begin(now, attributes=asked)
        found = ours.redeem(ours.returned(begun.cookie, picks(begun.address, sub="a1", acr=acr), now), now)
        assert (found.subject, found.trust) == ("a1", trust)
        said = Attributes("Anna", "Muster-Ḫaß", datetime(1994, 3, 8, tzinfo=UTC).date())
        assert found.attributes == (said if asked else None)


def test_a_password_alone_is_refused_by_us(issuer: str) -> None:
    ours, now = party(issuer), datetime.now(UTC)
    begun = ours.begin(now)
    returned = ours.returned(begun.cookie, picks(begun.address, sub="a1", acr=LOW), now)
    with pytest.raises(LoginRefused) as refused:
        ours.redeem(returned, now)
    assert refused.value.why is Why.TRUST


@pytest.mark.parametrize(
    "form",
    [
        {"sub": "a1", "acr": SUBSTANTIAL, "nein": "1"},
        {"acr": SUBSTANTIAL},
        {"sub": "z", "acr": HIGH},
        {"sub": "a1", "acr": "x"},
    ],
)
def test_whoever_says_no_or_picks_nobody_is_sent_back_with_a_no(issuer: str, form: dict[str, str]) -> None:
    ours, now = party(issuer), datetime.now(UTC)
    begun = ours.begin(now)
    with pytest.raises(LoginRefused) as refused:
        ours.returned(begun.cookie, picks(begun.address, **form), now)
    assert refused.value.why is Why.DENIED


def test_a_code_serves_once_for_the_client_with_its_verifier_and_in_time(issuer: str, konto: Nutzerkonto) -> None:
    ours, now = party(issuer), datetime.now(UTC)

    def back() -> Any:
        begun = ours.begin(now)
        return ours.returned(begun.cookie, picks(begun.address, sub="a1", acr=HIGH), now)

    once = back()
    ours.redeem(once, now)
    for wrong, why in ((once, Why.CODE), (back(), None)):
        redeemer = ours if why else party(issuer, client_secret="another")
        with pytest.raises(LoginRefused):
            redeemer.redeem(wrong, now)
    late = back()
    konto.now = lambda: time.time() + 61
    with pytest.raises(LoginRefused) as refused:
        ours.redeem(late, now)
    assert refused.value.why is Why.CODE


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://127.0.0.1/elsewhere"},
        {"state": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"scope": "profile"},
    ],
)
def test_it_sends_nobody_anywhere_for_a_client_it_does_not_know(issuer: str, changed: dict[str, str]) -> None:
    asked = dict(parse_qsl(urlsplit(party(issuer).begin(datetime.now(UTC)).address).query)) | changed
    assert httpx.get(f"{issuer}/authorize", params=asked).status_code == 400
    assert httpx.post(f"{issuer}/authorize", data=asked | {"sub": "a1", "acr": HIGH}).status_code == 400


def test_every_page_says_what_it_is_and_a_name_can_be_sought(issuer: str) -> None:
    address = party(issuer).begin(datetime.now(UTC)).address
    page = httpx.get(address).text
    assert "kein echtes Nutzerkonto" in page
    assert ("Anna" in page, "1991-05-17" in page) == (True, True)
    found = httpx.get(address, params=dict(parse_qsl(urlsplit(address).query)) | {"suche": "ḫass"}).text
    assert ("Anna" in found, "1991-05-17" in found) == (True, False)
    left = httpx.get(f"{issuer}/end", params={"post_logout_redirect_uri": "http://127.0.0.1/"}).text
    assert 'href="http://127.0.0.1/"' in left
    assert "<a href" not in httpx.get(f"{issuer}/end", params={"post_logout_redirect_uri": "http://evil.example/"}).text
