"""Whoever asked for two people tells the wishes apart by how the numbers end; nobody else learns them anywhere."""

import base64
import re
from datetime import timedelta
from uuid import UUID

import pytest
from starlette.requests import Request
from starlette.responses import Response

from proaktiv.core.staff import Role, StaffProof
from proaktiv.web.staff import endings
from tests.office.conftest import Office
from tests.web.browser import PageBrowser
from tests.web.conftest import everything_stored

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
NUMBERS = ("MR-007531", "A-XXXXX-98642")
ENDINGS = ["7531", "8642"]
FORMS = {"/person": {}, "/loeschungen": {"grundlage": "withdrawn"}}


def asks_for_two(office: Office, desk: PageBrowser, path: str) -> None:
    for number in NUMBERS:
        office.world.now += timedelta(seconds=1)
        assert desk.post(path, {"wer": number, "grund": WHY, **FORMS[path]}).status_code == 303


def told(page: str) -> list[str]:
    return re.findall("Nummer endet auf ([^<\n· ]+)", page)


@pytest.mark.parametrize("path", FORMS)
def test_two_own_wishes_are_told_apart_by_how_the_numbers_end(sent: Office, path: str) -> None:
    desk = sent.desk("d.schutz")
    asks_for_two(sent, desk, path)
    assert told(desk.get(path).text) == ENDINGS
    desk.post("/abmelden")
    sent.world.now += timedelta(hours=30)
    again = sent.desk("d.schutz")
    again.cookies[endings.COOKIE] = desk.cookies[endings.COOKIE]
    assert told(again.get(path).text) == ENDINGS, "also after the next log-in, in the same browser"


@pytest.mark.parametrize("path", FORMS)
def test_the_second_person_sees_no_number_not_even_in_the_same_browser(sent: Office, path: str) -> None:
    desk = sent.desk("d.schutz")
    asks_for_two(sent, desk, path)
    second = sent.desk("d.vertretung")
    second.cookies[endings.COOKIE] = desk.cookies[endings.COOKIE]
    page = second.get(path).text
    assert page.count("Wunsch von d.schutz") == 2
    assert told(page) == []
    assert not [ending for ending in ENDINGS if ending in page]


def test_the_house_keeps_no_number_and_the_cookie_does_not_show_it(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    asks_for_two(sent, desk, "/person")
    stored = str(everything_stored(sent.world.urls))
    assert "d.schutz" in stored, "the control: what is kept is found"
    raw = base64.urlsafe_b64decode(desk.cookies[endings.COOKIE])
    for number, ending in zip(NUMBERS, ENDINGS, strict=True):
        assert number not in stored
        assert number.encode().hex() not in stored
        assert ending.encode() not in raw


def of(office: Office, staff: UUID, cookie: str = "") -> tuple[Request, StaffProof]:
    """Somebody of the DSB's office before their browser."""
    headers = [(b"cookie", f"{endings.COOKIE}={cookie}".encode())] if cookie else []
    scope = {"type": "http", "app": office.app, "headers": headers, "path": "/person", "query_string": b""}
    return Request(scope), StaffProof(UUID(int=0), staff, "d.schutz", Role.DSB, "")


def kept_by(office: Office, staff: UUID, wish: UUID, number: str, cookie: str = "") -> str:
    request, proof = of(office, staff, cookie)
    response = Response()
    endings.keep(request, response, proof, wish, number)
    return response.headers["set-cookie"].partition("=")[2].partition(";")[0].strip('"')


@pytest.mark.parametrize("sealed_to_all", [False, True])
def test_what_one_keeps_another_cannot_open(
    office: Office, monkeypatch: pytest.MonkeyPatch, sealed_to_all: bool
) -> None:
    """The red control: sealed with a key of the house, the cookie would open to everybody who works here."""
    if sealed_to_all:
        vault = office.pipeline.house.vault
        monkeypatch.setattr(endings, "_seal", lambda *_: endings.AESGCM(vault.mac("wish-endings", b"")))
    cookie = kept_by(office, UUID(int=1), UUID(int=7), "MR-007531")
    assert endings.kept(*of(office, UUID(int=1), cookie)) == {str(UUID(int=7)): "7531"}
    assert bool(endings.kept(*of(office, UUID(int=2), cookie))) is sealed_to_all


@pytest.mark.parametrize("cookie", ["", "x", "AAAA", "ü", "A" * 200])
def test_a_cookie_that_is_none_of_ours_says_nothing(office: Office, cookie: str) -> None:
    request, proof = of(office, UUID(int=1))
    request._cookies = {endings.COOKIE: cookie}
    assert endings.kept(request, proof) == {}


def test_a_changed_cookie_says_nothing(office: Office) -> None:
    cookie = kept_by(office, UUID(int=1), UUID(int=7), "MR-007531")
    raw = bytearray(base64.urlsafe_b64decode(cookie))
    raw[-1] ^= 1
    assert endings.kept(*of(office, UUID(int=1), base64.urlsafe_b64encode(raw).decode())) == {}


def test_a_browser_remembers_the_newest_and_its_cookie_stays_small(office: Office) -> None:
    cookie = ""
    for n in range(endings.MOST + 5):
        cookie = kept_by(office, UUID(int=1), UUID(int=n), f"MR-{n:06}", cookie)
    found = endings.kept(*of(office, UUID(int=1), cookie))
    assert list(found.values()) == [f"{n:04}" for n in range(5, endings.MOST + 5)]
    assert len(cookie) < 2_000
