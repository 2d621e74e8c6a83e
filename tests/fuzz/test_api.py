"""Fuzz of the surfaces as five roles: nothing breaks, nothing undocumented, nobody learns of others.

The roles are those that the surfaces have: nobody; a citizen with a letter code (V1); a citizen logged in with an
account (V2, a session row as a log-in will write it); a register's client, whose bearer token and assertions stand
beside a Behörde's signed messages; the DSB, whose operations stand beside the office's pages. Those have no document;
``tests/office`` asks them.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI, Response

from proaktiv.core.trust import Trust
from proaktiv.web import problems
from proaktiv.web.citizen import make_citizen
from proaktiv.web.dsb import make_dsb
from proaktiv.web.intake import make_intake
from tests.depth import depth
from tests.fuzz.api import SEED, Fuzz
from tests.fuzz.city import FuzzedCity, a_city

ROLES: dict[str, tuple[Trust, int, dict[str, int]]] = {
    "nobody": (Trust.V1, 1, {"intake": 350, "citizen": 650}),
    "citizen at V1": (Trust.V1, 6, {"intake": 250, "citizen": 1100}),
    "citizen at V2": (Trust.V2, 10, {"intake": 250, "citizen": 1300}),
    "register": (Trust.V1, 1, {"intake": 650, "citizen": 550}),
    "dsb": (Trust.V1, 1, {"dsb": 400}),
}
"""Trust of the residents, how many families there are, and the cases for each surface at a commit's depth."""

FULLY: dict[str, str] = {"citizen at V2": "citizen", "register": "intake", "dsb": "dsb"}
"""Who has a way to everything: each operation answers well at least once, each link leads to such an answer."""

NO_WAY_BACK = {"POST /unterschrift/{auftrag_id}/ja -> [200] undo -> POST /auftrag/{auftrag_id}/rueckgaengig"}
"""Followed, and answered that it is too late: who signs is at V2, and from there an Auftrag leaves at once."""


def surface(name: str, city: FuzzedCity) -> FastAPI:
    if name == "intake":
        return make_intake(city.world.pipeline)
    if name == "dsb":
        return make_dsb(city.world.pipeline, secure_cookies=False)
    return make_citizen(city.world.pipeline, secure_cookies=False)


@pytest.mark.parametrize("role", ROLES)
def test_a_surface_keeps_its_word_to_everybody_and_tells_nobody_of_others(
    urls: dict[str, str], tmp_path: Path, role: str
) -> None:
    trust, families, surfaces = ROLES[role]
    city = a_city(urls, tmp_path, trust, families)
    failures: dict[str, str] = {}
    for name, cases in surfaces.items():
        fuzz = Fuzz(city, surface(name, city), role)
        if name == "dsb":
            fuzz.staff = city.enters_office("d.schutz")
        tally = fuzz.run(depth(cases, cases * 20))
        print(f"\n{role} on {name}, seed {SEED}: {tally}")
        failures |= {f"{name}: {kind}": told for kind, told in tally.failures.items()}
        assert tally.operations == {operation.label for operation in fuzz.operations}
        assert tally.cases >= cases
        if FULLY.get(role) == name:
            assert tally.good == tally.operations
            assert set(tally.links) == fuzz.ways
            assert fuzz.ways - tally.arrived <= NO_WAY_BACK
    assert not failures, "\n\n".join(f"{kind}\n    {told}" for kind, told in failures.items())
    city.world.check_log()
    city.world.close()


def test_what_is_asked_comes_to_five_thousand_at_a_commit_and_a_hundred_thousand_in_full() -> None:
    asked = sum(cases for _, _, surfaces in ROLES.values() for cases in surfaces.values())
    assert asked >= 5000
    assert asked * 20 >= 100_000


def breaks_on_one_value(app: FastAPI, _city: FuzzedCity) -> None:
    @app.post("/planted", responses={422: {}})
    def planted(number: Annotated[int, Body(ge=0, le=500, embed=True)]) -> int:
        return 500 // (500 - number)


def answers_with_a_status_that_is_nowhere_written(app: FastAPI, _city: FuzzedCity) -> None:
    @app.post("/planted", responses={422: {}})
    def planted(word: Annotated[str, Body(max_length=20, embed=True)]) -> Response:
        return Response(status_code=200 if len(word) < 20 else 418)


def shows_another_person(app: FastAPI, city: FuzzedCity) -> None:
    @app.get("/planted")
    def planted() -> dict[str, Any]:
        return {"neighbour": city.residents[-1].who.familienname}


def names_somebody_in_an_error(app: FastAPI, city: FuzzedCity) -> None:
    @app.get("/planted", responses={404: {}})
    def planted() -> Response:
        return Response(f"no {city.residents[0].who.vornamen} here", 404)


def takes_what_its_schema_refuses(app: FastAPI, _city: FuzzedCity) -> None:
    schema = {"type": "object", "required": ["day"], "properties": {"day": {"type": "string", "format": "date"}}}
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

    @app.post("/planted", openapi_extra=body)
    def planted() -> int:
        return 1


PLANTED: Mapping[str, Callable[[FastAPI, FuzzedCity], None]] = {
    "ServerError (500)": breaks_on_one_value,
    "UndefinedStatusCode (418)": answers_with_a_status_that_is_nowhere_written,
    "Leak (200)": shows_another_person,
    "Leak (404)": names_somebody_in_an_error,
    "AcceptedNegativeData (200)": takes_what_its_schema_refuses,
}


def test_each_planted_fault_is_found(urls: dict[str, str], tmp_path: Path) -> None:
    """The red control: a route with a fault, among routes that have none."""
    city = a_city(urls, tmp_path, Trust.V1, 1)
    for kind, plant in PLANTED.items():
        app = FastAPI()
        problems.install(app)
        app.add_middleware(problems.LastResort)
        plant(app, city)
        fuzz = Fuzz(city, app, "citizen at V1")
        found = fuzz.run(150).failures
        assert [each for each in found if "/planted" in each and each.endswith(kind)], (kind, found)
        assert not [each for each in found if "/health" in each]
    city.world.close()


def test_a_link_to_what_answers_nobody_well_does_not_arrive(urls: dict[str, str], tmp_path: Path) -> None:
    """The red control of what must be reached: a link whose place refuses everybody, and a link that names nothing."""
    city = a_city(urls, tmp_path, Trust.V1, 1)
    app = FastAPI()
    ways = {
        "shut": {"operationId": "shut"},
        "nowhere": {"operationId": "taken", "parameters": {"wanted": "$response.body#/missing"}},
    }

    @app.get("/planted", operation_id="planted", responses={200: {"links": ways}})
    def planted() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/shut", operation_id="shut", responses={403: {}})
    def shut() -> Response:
        return Response(status_code=403)

    @app.get("/taken", operation_id="taken", responses={422: {}})
    def taken(wanted: int) -> int:
        return wanted

    fuzz = Fuzz(city, app, "citizen at V1")
    fuzz.everywhere()
    assert fuzz.tally.good == {"GET /planted", "GET /taken"}
    assert set(fuzz.tally.links) == {"GET /planted -> [200] shut -> GET /shut"}
    assert fuzz.tally.arrived == set()
    city.world.close()
