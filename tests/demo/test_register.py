"""The city's registers answer look-ups about residents and report as OAuth clients."""

import asyncio
from datetime import date
from typing import Any

import httpx
import pytest
from joserfc import jwt

from proaktiv.demo.keys import ALGORITHM, public_jwk, signing_key
from proaktiv.demo.people import Anschrift, Resident
from proaktiv.demo.register import Registers, Reporter, entry_of, make_register
from proaktiv.demo.talking import CityError
from tests.demo.speaking import FarSide

SEED = bytes(range(32))
MIA = Resident(
    "MR-000001",
    "Mia",
    "Musterkind",
    date(1990, 2, 3),
    Anschrift("Erfundene Gasse 3", "00007"),
    {"STEUERAMT": {"person.hund_gemeldet": True, "person.hund_marke": "HM-1"}},
)
REGISTERS = Registers([entry_of(MIA)], "2026-10-01")


def ask(path: str, body: dict[str, Any]) -> httpx.Response:
    async def talk() -> httpx.Response:
        transport = httpx.ASGITransport(make_register(REGISTERS, {}))
        async with httpx.AsyncClient(transport=transport, base_url="http://city") as client:
            return await client.post(path, json=body)

    return asyncio.run(talk())


def question(register: str, person: dict[str, Any], *names: str) -> dict[str, Any]:
    return {"wire_id": "w-1", "register": register, "person": person, "names": list(names)}


def test_a_person_is_found_by_what_they_typed_themselves() -> None:
    names = ("kennung", "vornamen", "familienname", "geburtsdatum", "anschrift")
    answer = ask("/melderegister/nachschlagen", question("MELDEREGISTER", MIA.wish(), *names))
    assert answer.status_code == 200
    assert answer.json() == {"facts": {"kennung": "MR-000001", **MIA.wish()}, "as_of": "2026-10-01"}


def test_a_person_is_found_by_the_registers_own_key() -> None:
    asked = question("STEUERAMT", {"kennung": MIA.kennung}, "person.hund_gemeldet")
    assert ask("/steueramt/nachschlagen", asked).json()["facts"] == {"person.hund_gemeldet": True}


def test_a_register_gives_only_what_it_knows_itself() -> None:
    asked = question("STEUERAMT", {"kennung": MIA.kennung}, "vornamen", "person.hund_marke")
    assert ask("/steueramt/nachschlagen", asked).json()["facts"] == {"person.hund_marke": "HM-1"}


@pytest.mark.parametrize(
    "person",
    [
        {"kennung": "MR-999999"},
        MIA.wish() | {"geburtsdatum": "1990-02-04"},
        MIA.wish() | {"anschrift": {"strasse": "Nirgendweg 1", "plz": "00007", "ort": "Musterstadt"}},
        {"vornamen": "Mia"},
        MIA.wish() | {"anschrift": "Erfundene Gasse 3"},
        {},
    ],
)
def test_nobody_is_found_by_half_of_it(person: dict[str, Any]) -> None:
    answer = ask("/melderegister/nachschlagen", question("MELDEREGISTER", person, "kennung"))
    assert (answer.status_code, answer.json()) == (200, {"found": False})


def test_a_register_does_not_answer_for_another() -> None:
    asked = question("STEUERAMT", {"kennung": MIA.kennung}, "kennung")
    assert ask("/melderegister/nachschlagen", asked).status_code == 404


def intake(_method: str, path: str, how: dict[str, Any]) -> httpx.Response:
    if path.endswith("/token"):
        return httpx.Response(200, json={"access_token": "t-1", "token_type": "Bearer", "expires_in": 300})
    return httpx.Response(202, json={"id": "e-1", "duplicate": how["json"]["id"] == "again"})


def test_a_register_proves_itself_once_and_reports_with_its_token() -> None:
    talk = FarSide(intake)
    reporter = Reporter("standesamt", SEED, "http://intake", "http://intake/token")
    first = reporter.report(talk, {"id": "new"})  # type: ignore[arg-type]
    second = reporter.report(talk, {"id": "again"})  # type: ignore[arg-type]
    assert (first.status, first.duplicate, second.duplicate) == (202, False, True)
    assert talk.paths() == ["http://intake/token", "http://intake/events", "http://intake/events"]
    assert talk.asked[1][2]["headers"]["Authorization"] == "Bearer t-1"


def test_an_assertion_is_signed_short_lived_and_for_one_audience() -> None:
    talk = FarSide(intake)
    Reporter("standesamt", SEED, "http://intake", "http://intake/token").report(talk, {"id": "x"})  # type: ignore[arg-type]
    assertion = talk.asked[0][2]["data"]["client_assertion"]
    token = jwt.decode(assertion, signing_key(SEED, "standesamt"), algorithms=[ALGORITHM])
    assert token.claims["iss"] == token.claims["sub"] == "standesamt"
    assert token.claims["aud"] == "http://intake/token"
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 300
    assert "d" not in public_jwk(SEED, "standesamt")


def test_a_register_that_gets_no_token_says_so() -> None:
    talk = FarSide(lambda _method, _path, _how: httpx.Response(401, json={}))
    reporter = Reporter("standesamt", SEED, "http://intake", "http://intake/token")
    with pytest.raises(CityError, match="no token: 401"):
        reporter.report(talk, {"id": "x"})  # type: ignore[arg-type]
