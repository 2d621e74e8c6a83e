"""A script with a stolen list is braked, whoever is meant; whoever has a letter in hand is not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from proaktiv.core.nets import UNTOLD, net_of
from proaktiv.settings import Settings
from proaktiv.steps import brake
from proaktiv.steps.brake import PER_HOUR
from proaktiv.web.citizen import make_citizen
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import a_protection, somebody
from tests.web.conftest import BASE, a_parent, newest_code, wish_of
from tests.world import World

HERE, NEIGHBOUR, ELSEWHERE = "9.9.9.9", "9.9.9.200", "9.9.8.9"
SAFE = {"sec-fetch-site": "same-origin"}


def posts(
    app: Any, path: str, bodies: Sequence[dict[str, Any]], host: str = HERE, *, form: bool = False, **headers: str
) -> list[httpx.Response]:
    """The answers to one client, one after the other."""

    async def asked() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app, client=(host, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=SAFE | headers) as client:
            how = "data" if form else "json"
            return [await client.post(path, **{how: body}) for body in bodies]

    return asyncio.run(asked())


def guesses(n: int) -> list[dict[str, Any]]:
    return [{"code": "4T6V-KL5B-MNUS-2", "geburtsdatum": "1990-03-31"}] * n


def wishes(n: int) -> list[dict[str, Any]]:
    return [wish_of(somebody()) for _ in range(n)]


def statuses(answers: Sequence[httpx.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


# by net ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "bodies", "good"), [("/anmelden", wishes, 202), ("/sitzung", guesses, 401)])
def test_so_many_tries_come_from_one_net_in_an_hour_and_other_nets_go_on(
    world: World, app: FastAPI, path: str, bodies: Any, good: int
) -> None:
    assert statuses(posts(app, path, bodies(PER_HOUR))) == [good] * PER_HOUR
    refused = posts(app, path, bodies(2), NEIGHBOUR)
    assert statuses(refused) == [429, 429], "the same net"
    assert 0 < int(refused[0].headers["retry-after"]) <= 180
    assert statuses(posts(app, path, bodies(1), ELSEWHERE)) == [good]
    world.now += timedelta(hours=1)
    assert statuses(posts(app, path, bodies(1))) == [good]


def test_control_without_the_brake_a_script_would_have_the_register_asked_for_each_line(
    world: World, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "slow", lambda *_: None)
    posts(app, "/anmelden", wishes(PER_HOUR + 5))
    assert world.count("lookups") == PER_HOUR + 5


def test_beyond_it_nothing_is_asked_or_kept_and_the_net_stands_nowhere_but_as_a_keyed_hash_for_an_hour(
    world: World, app: FastAPI
) -> None:
    posts(app, "/anmelden", wishes(PER_HOUR + 5))
    assert (world.count("enrolments"), world.count("lookups")) == (PER_HOUR, PER_HOUR)
    assert world.value("SELECT target FROM paces") == world.vault.mac("net", net_of(HERE))
    world.now += timedelta(hours=2)
    posts(app, "/sitzung", guesses(1), ELSEWHERE)
    assert world.count("paces") == 1, "the other one is forgotten"


def test_whoever_is_meant_the_answer_is_the_same_before_and_beyond_it(world: World, app: FastAPI) -> None:
    known, protected = a_parent(world, "Anna"), a_parent(world, "Lena")
    world.announce(a_protection(protected.kennung, "51"))
    typed = [wish_of(each) for each in (known, protected, somebody("Niemand"))]
    good, bad = posts(app, "/anmelden", typed), posts(app, "/anmelden", [*wishes(PER_HOUR), *typed])[-3:]
    for answers, status in ((good, 202), (bad, 429)):
        assert {(a.status_code, a.content, tuple(a.headers.items())) for a in answers} == {
            (status, answers[0].content, tuple(answers[0].headers.items()))
        }


def test_whoever_enters_with_a_code_takes_no_try_from_the_others_of_the_net(world: World, app: FastAPI) -> None:
    anna = a_parent(world)
    right = {"code": newest_code(world, anna), "geburtsdatum": anna.geburtsdatum}
    assert statuses(posts(app, "/sitzung", [right] * (PER_HOUR + 5))) == [200] * (PER_HOUR + 5)
    assert 401 in statuses(posts(app, "/sitzung", guesses(1)))


def test_the_pages_say_when_it_goes_on_and_what_else_there_is(world: World) -> None:
    site = make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False)
    typed = {"code": "4T6V-KL5B-MNUS-2", "geburt_tag": "31", "geburt_monat": "3", "geburt_jahr": "1990"}
    *_, last = posts(site, "/b", [typed] * (PER_HOUR + 1), form=True)
    assert last.status_code == 429
    assert "Minuten geht es wieder" in last.text
    assert "Am Schalter" in last.text
    assert int(last.headers["retry-after"]) > 0


# whose net ------------------------------------------------------------------------------------------------------------


def test_nets_are_told_apart_as_far_as_the_design_says() -> None:
    assert net_of(HERE) == net_of(NEIGHBOUR) == net_of(f"::ffff:{HERE}") != net_of(ELSEWHERE)
    assert net_of("2a02:8100:1:2::3") == net_of("2a02:8100:1:ffff::1") != net_of("2a02:8100:2::1")
    assert {net_of(each) for each in ("127.0.0.1", "10.1.2.3", "::1", "fe80::1%eth0", "x", "")} == {UNTOLD}


def test_a_strangers_word_for_where_they_come_from_is_not_believed(world: World, app: FastAPI) -> None:
    asgi: Any = app
    behind = ProxyHeadersMiddleware(asgi, list(Settings.model_fields["proxies"].default))
    for number in range(PER_HOUR + 1):
        (last,) = posts(behind, "/anmelden", wishes(1), **{"x-forwarded-for": f"8.8.{number}.8"})
    assert last.status_code == 429, "the peer's own net"
    own = {"x-forwarded-for": f"8.8.8.8, {ELSEWHERE}"}
    told = [posts(behind, "/anmelden", wishes(1), "127.0.0.1", **own)[0].status_code for _ in range(PER_HOUR + 1)]
    assert told == [202] * PER_HOUR + [429], "what the proxy itself added, not what came with it"


@pytest.mark.parametrize("proxies", ['["*"]', '["0.0.0.0/0"]', '["::/0"]', '["proxy"]'])
def test_nobody_is_named_a_proxy_who_is_everybody(proxies: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROAKTIV_PROXIES", proxies)
    with pytest.raises(ValueError, match="names"):
        Settings()


# by day ---------------------------------------------------------------------------------------------------------------


def incidents(world: World) -> list[str]:
    return sorted(world.value("SELECT array_agg(what) FROM incidents") or [])


def test_a_day_has_a_most_of_which_the_dsb_hears_once_and_the_next_day_goes_on(world: World) -> None:
    app = make_citizen(replace(world.pipeline, enrolments_per_day=3), secure_cookies=False)
    answers = posts(app, "/anmelden", wishes(6), "10.0.0.1")
    assert statuses(answers) == [202] * 3 + [429] * 3
    assert 0 < int(answers[-1].headers["retry-after"]) <= 24 * 3600
    assert (world.count("lookups"), incidents(world)) == (3, ["enrolments.full"])
    world.now += timedelta(days=1)
    assert statuses(posts(app, "/anmelden", wishes(1), "10.0.0.1")) == [202]
    world.check_log()


def test_far_more_than_on_the_days_before_is_told_once_and_goes_on(world: World, app: FastAPI) -> None:
    with world.database.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO client_days (client, day, n) SELECT '@enrolment', :day - s, 30 FROM generate_series(1,9) s"
            ),
            {"day": world.now.date()},
        )
        session.connection().execute(
            text("INSERT INTO client_days (client, day, n) VALUES ('@enrolment', :day, 149)"), {"day": world.now.date()}
        )
    assert statuses(posts(app, "/anmelden", wishes(1), "10.0.0.1")) == [202]
    assert incidents(world) == []
    assert statuses(posts(app, "/anmelden", wishes(3), "10.0.0.1")) == [202] * 3
    assert incidents(world) == ["enrolments.jumped"]
