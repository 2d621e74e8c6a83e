"""The intake over HTTP, on the real pipeline."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from proaktiv.core.clients import BadTokenRequest
from proaktiv.tables import ClientRow, RegisterEventRow
from proaktiv.web.clients import ASSERTION, read_token_form
from proaktiv.web.intake import make_intake
from tests.builders import a_birth, a_move, somebody
from tests.intake.asking import ask
from tests.intake.conftest import City, signed
from tests.intake.test_authenticate import assertion, message

EVENT = {"content-type": "application/cloudevents+json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
JOSE = {"content-type": "application/jose"}


@pytest.fixture
def app(city: City) -> FastAPI:
    return make_intake(city.world.pipeline)


@pytest.fixture
def bearer(city: City) -> dict[str, str]:
    return {"authorization": f"Bearer {city.world.pipeline.token(assertion(city)).access_token}"}


def form(city: City, **changes: str | None) -> dict[str, str]:
    given = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion(city),
    } | changes
    return {name: value for name, value in given.items() if value is not None}


def problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The body of a problem, checked for what every problem has."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body: dict[str, Any] = answer.json()
    assert (body["type"], body["status"]) == (f"urn:proaktiv:problem:{slug}", status)
    assert body["title"]
    return body


def test_a_register_gets_a_token_reports_and_repeats(city: City, app: FastAPI) -> None:
    granted = ask(app, "POST", "/token", data=form(city))
    assert granted.status_code == 200
    assert granted.headers["cache-control"] == "no-store"
    token = granted.json()
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 300)
    headers = {"authorization": f"Bearer {token['access_token']}"} | EVENT
    body = a_birth(somebody()).body
    first, again = (ask(app, "POST", "/events", content=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == {"id": str(UUID(first.json()["id"])), "duplicate": False}
    assert again.json() == first.json() | {"duplicate": True}
    assert [str(row.id) for row in city.rows(RegisterEventRow)] == [first.json()["id"]]


def test_a_bad_event_is_told_by_place_and_remedy_and_never_by_value(
    city: City, app: FastAPI, bearer: dict[str, str]
) -> None:
    event = a_birth(somebody("Annegret-Kanarienvogel"))
    body = event.but(kind=event.data["kind"] | {"geburtsdatum": "2026-13-32"}).body
    answer = ask(app, "POST", "/events", content=body, headers=bearer | EVENT)
    told = problem(answer, 422, "bad-input")
    assert told["field"] == "/data/kind/geburtsdatum"
    assert told["detail"] == "must be a date of the calendar, written YYYY-MM-DD"
    assert "Annegret" not in answer.text
    assert "2026-13-32" not in answer.text
    assert city.rows(RegisterEventRow) == []


def test_a_body_that_is_no_json_is_400(app: FastAPI, bearer: dict[str, str]) -> None:
    told = problem(ask(app, "POST", "/events", content=b"{", headers=bearer | EVENT), 400, "not-readable")
    assert told["detail"] == "must be JSON (RFC 8259)"


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/cloudevents-batch", "text/plain", "", "application/cloudevents"],
)
def test_another_media_type_is_415(app: FastAPI, bearer: dict[str, str], media_type: str) -> None:
    answer = ask(
        app, "POST", "/events", content=a_birth(somebody()).body, headers=bearer | {"content-type": media_type}
    )
    assert problem(answer, 415, "media-type")["detail"] == (
        "send application/cloudevents+json or application/cloudevents-batch+json"
    )


def test_a_media_type_may_name_its_charset(app: FastAPI, bearer: dict[str, str]) -> None:
    headers = bearer | {"content-type": "Application/CloudEvents+JSON; charset=utf-8"}
    assert ask(app, "POST", "/events", content=a_birth(somebody()).body, headers=headers).status_code == 202


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic eDp5", "Bearer invented"])
def test_without_a_token_nobody_reports(city: City, app: FastAPI, authorization: str | None) -> None:
    headers = EVENT if authorization is None else EVENT | {"authorization": authorization}
    answer = ask(app, "POST", "/events", content=a_birth(somebody()).body, headers=headers)
    assert problem(answer, 401, "not-proven")["error"] == "invalid_token"
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert city.rows(RegisterEventRow) == []


def test_what_the_client_may_not_report_is_403_and_named(city: City, app: FastAPI, bearer: dict[str, str]) -> None:
    answer = ask(app, "POST", "/events", content=a_move(somebody()).body, headers=bearer | EVENT)
    assert "client standesamt may not report for this source" in problem(answer, 403, "not-allowed")["detail"]
    assert city.rows(RegisterEventRow) == []


def test_the_same_id_with_other_content_is_409(app: FastAPI, bearer: dict[str, str]) -> None:
    event = a_birth(somebody())
    assert ask(app, "POST", "/events", content=event.body, headers=bearer | EVENT).status_code == 202
    answer = ask(app, "POST", "/events", content=event.but(fassung=2).body, headers=bearer | EVENT)
    problem(answer, 409, "conflict")


def test_beyond_the_days_number_is_429_and_says_when(city: City, app: FastAPI, bearer: dict[str, str]) -> None:
    city.set(ClientRow, "standesamt", daily_max=0)
    answer = ask(app, "POST", "/events", content=a_birth(somebody()).body, headers=bearer | EVENT)
    problem(answer, 429, "too-many")
    assert answer.headers["retry-after"] == str(15 * 3600 + 1)  # the city's clock says 9:00 UTC


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"grant_type": None}, "grant_type", "invalid_request"),
        ({"grant_type": "password"}, "grant_type", "unsupported_grant_type"),
        ({"client_assertion_type": None}, "client_assertion_type", "invalid_request"),
        ({"client_assertion_type": "saml"}, "client_assertion_type", "invalid_request"),
        ({"client_assertion": None}, "client_assertion", "invalid_request"),
        ({"client_assertion": ""}, "client_assertion", "invalid_request"),
    ],
)
def test_a_wrong_request_for_a_token_is_400_with_its_oauth_code(
    city: City, app: FastAPI, changes: dict[str, str | None], field: str, error: str
) -> None:
    told = problem(ask(app, "POST", "/token", data=form(city, **changes)), 400, "bad-token-request")
    assert (told["field"], told["error"]) == (field, error)


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=a&grant_type=a",
        b"a=%ff",
        b"\xff",
        b"&".join(b"f%d=1" % n for n in range(11)),
        b"a=" + b"x" * 8192,
    ],
)
def test_a_form_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(BadTokenRequest) as refused:
        read_token_form(body)
    assert (refused.value.field, refused.value.oauth_error) == ("body", "invalid_request")


def test_a_form_may_name_the_client_and_hold_what_we_do_not_know() -> None:
    given = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": "a.b.c",
        "client_id": "standesamt",
        "resource": "x",
    }
    assert read_token_form(urlencode(given).encode()) == "a.b.c"


def test_a_false_or_used_assertion_is_401_with_its_oauth_code(city: City, app: FastAPI) -> None:
    used = form(city)
    assert ask(app, "POST", "/token", data=used).status_code == 200
    for given in (used, form(city, client_assertion="a.b.c")):
        answer = ask(app, "POST", "/token", data=given)
        assert problem(answer, 401, "not-proven")["error"] == "invalid_client"


def test_a_forged_acknowledgement_is_401_and_an_unknown_one_404(city: City, app: FastAPI) -> None:
    behoerde = "jugendamt-musterstadt"
    good = signed(city.keys[behoerde], message(), kid=behoerde)
    bad = signed(city.keys["steueramt-musterstadt"], message(), kid=behoerde)
    problem(ask(app, "POST", "/acknowledgements", content=bad, headers=JOSE), 401, "not-proven")
    problem(ask(app, "POST", "/acknowledgements", content=good, headers=JOSE), 404, "not-found")
    wrong = signed(city.keys[behoerde], message(status="lost"), kid=behoerde)
    told = problem(ask(app, "POST", "/acknowledgements", content=wrong, headers=JOSE), 422, "bad-input")
    assert told["field"] == "/status"


def test_a_body_beyond_one_mebibyte_is_413_before_anybody_is_asked_who_they_are(app: FastAPI) -> None:
    answer = ask(app, "POST", "/events", content=b" " * (1024 * 1024 + 1), headers=EVENT)
    assert problem(answer, 413, "too-large")["title"] == "The body must be at most 1048576 bytes"


def test_it_says_that_it_is_well(app: FastAPI) -> None:
    assert ask(app, "GET", "/health").json() == {"status": "ok"}


def test_unknown_paths_and_methods_are_problems_too(app: FastAPI) -> None:
    problem(ask(app, "GET", "/nirgends"), 404, "not-found")
    answer = ask(app, "DELETE", "/events")
    problem(answer, 405, "http")
    assert answer.headers["allow"] == "POST"


def test_the_description_links_what_is_made_to_what_can_be_done_with_it(app: FastAPI) -> None:
    description = ask(app, "GET", "/openapi.json").json()
    operations = {
        each["operationId"]: each
        for path in description["paths"].values()
        for each in path.values()
        if "operationId" in each
    }
    assert operations["report"]["responses"]["202"]["links"]["again"]["operationId"] == "report"
    assert operations["token"]["responses"]["200"]["links"]["report"]["operationId"] == "report"
    assert set(operations["report"]["requestBody"]["content"]) == {
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
    }
    assert operations["report"]["security"] == [{"token": []}]
    for operation in operations.values():
        for status, response in operation["responses"].items():
            assert status < "400" or set(response["content"]) == {"application/problem+json"}
    assert json.dumps(description)


def test_events_sent_each_for_itself_at_once_share_a_transaction_and_get_each_their_own_answer(
    city: City, bearer: dict[str, str]
) -> None:
    sets: list[int] = []
    entered, go = threading.Event(), threading.Event()

    class Slow:
        """The pipeline, with a first transaction that stands until the others have come."""

        def __getattr__(self, name: str) -> Any:
            return getattr(city.world.pipeline, name)

        def receive_set(self, client_id: str, bodies: Sequence[bytes]) -> Any:
            sets.append(len(bodies))
            if len(sets) == 1:
                entered.set()
                assert go.wait(60)
            return city.world.pipeline.receive_set(client_id, bodies)

    app = make_intake(Slow())  # type: ignore[arg-type]
    good = [a_birth(somebody(f"Anna{n}")).body for n in range(5)]
    bodies = [*good, b"{", good[0], a_move(somebody()).body]
    with ThreadPoolExecutor(len(bodies)) as threads:
        futures = [threads.submit(ask, app, "POST", "/events", content=bodies[0], headers=bearer | EVENT)]
        assert entered.wait(60)
        futures += [
            threads.submit(ask, app, "POST", "/events", content=body, headers=bearer | EVENT) for body in bodies[1:]
        ]
        singles = app.state.singles._gatherings["standesamt"]
        while len(singles._queue) < len(bodies) - 1:
            threading.Event().wait(0.001)
        go.set()
        answers = [future.result() for future in futures]
    assert sets == [1, len(bodies) - 1]
    assert [answer.status_code for answer in answers] == [202] * 5 + [400, 202, 403]
    assert answers[6].json() == answers[0].json() | {"duplicate": True}
    assert len(city.rows(RegisterEventRow)) == 5


def test_a_client_switched_off_is_refused_at_once_although_its_token_was_looked_up_just_now(
    city: City, app: FastAPI, bearer: dict[str, str]
) -> None:
    assert ask(app, "POST", "/events", content=a_birth(somebody()).body, headers=bearer | EVENT).status_code == 202
    city.set(ClientRow, "standesamt", active=False)
    answer = ask(app, "POST", "/events", content=a_birth(somebody("Ben")).body, headers=bearer | EVENT)
    problem(answer, 401, "not-proven")
    assert len(city.rows(RegisterEventRow)) == 1
