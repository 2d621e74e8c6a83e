"""Against a provider that we did not write: ``oidc-provider-mock``, as a real server."""

import secrets
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from oidc_provider_mock import User, run_server_in_thread

from proaktiv.core.trust import Trust
from proaktiv.egress import Egress
from proaktiv.identity.login import RelyingParty
from proaktiv.identity.model import Client, LoginRefused, Why
from proaktiv.identity.provider import Provider

# Its library warns about itself at every token.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

REDIRECT = "http://127.0.0.1/anmeldung/zurueck"
PEOPLE = (User(sub="k.muster", claims={"acr": "http://eidas.europa.eu/LoA/high"}),)


def party_of(port: int) -> RelyingParty:
    client = Client(f"http://localhost:{port}", "office", "invented", REDIRECT, trust=Trust.V2)
    provider = Provider(client, Egress(frozenset({f"localhost:{port}"}), loopback=True), time.monotonic)
    return RelyingParty(client, provider, secrets.token_bytes(32), secrets.token_bytes)


def says_yes(address: str, **form: str) -> list[tuple[str, str]]:
    """What a person does in the provider's page; what their browser brings back."""
    answer = httpx.post(address, data=form)
    assert answer.status_code == 302, answer.text
    return parse_qsl(urlsplit(answer.headers["location"]).query)


@pytest.mark.parametrize("nonce", [False, True])
def test_a_person_logs_in_with_a_provider_of_others(nonce: bool) -> None:
    with run_server_in_thread(user_claims=PEOPLE, require_nonce=nonce) as server:
        party = party_of(server.server_port)
        begun = party.begin(datetime.now(UTC))
        back = says_yes(begun.address, sub="k.muster")
        returned = party.returned(begun.cookie, back, datetime.now(UTC))
        found = party.redeem(returned, datetime.now(UTC))
        assert (found.subject, found.trust) == ("k.muster", Trust.V3)
        with pytest.raises(LoginRefused) as refused:
            party.redeem(returned, datetime.now(UTC))
        assert refused.value.why is Why.CODE
        assert party.farewell("http://127.0.0.1/").startswith(f"http://localhost:{server.server_port}/oauth2/end")


def test_a_person_who_says_no_is_not_let_in() -> None:
    with run_server_in_thread(user_claims=PEOPLE) as server:
        party = party_of(server.server_port)
        begun = party.begin(datetime.now(UTC))
        # This one forgets the state where somebody says no, so the answer is refused even before the no is read.
        back = says_yes(begun.address, action="deny")
        with pytest.raises(LoginRefused) as refused:
            party.returned(begun.cookie, back, datetime.now(UTC))
        assert refused.value.why in {Why.STATE, Why.DENIED}
