"""Somebody with a history, and what their own entries are asked for with."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.tables import PersonIdentifierRow, SessionRow, core_table
from proaktiv.web.citizen import make_citizen
from tests.builders import Somebody, a_birth, somebody
from tests.past import Pasts
from tests.web.conftest import Browser
from tests.world import World


def two_with_a_history(world: World) -> Somebody:
    """Anna has a history; Ben has one too."""
    anna, ben = world.lives_here(somebody("Anna")), world.lives_here(somebody("Ben"))
    for each in (anna, ben):
        world.announce(a_birth(each))
    world.tick()
    return anna


@pytest.fixture
def lived(pasts: Pasts, tmp_path: Path) -> Iterator[tuple[World, Somebody]]:
    with pasts.after(two_with_a_history, tmp_path) as found:
        yield found


@pytest.fixture
def world(lived: tuple[World, Somebody]) -> World:
    return lived[0]


@pytest.fixture
def anna(lived: tuple[World, Somebody]) -> Somebody:
    return lived[1]


@pytest.fixture
def urls(world: World) -> dict[str, str]:
    return dict(world.urls)


def proof_of(world: World, person: Somebody, trust: Trust = Trust.V2) -> tuple[str, SessionProof]:
    """A session as a log-in with an account makes it, and its proof."""
    identifiers = core_table(PersonIdentifierRow)
    found = select(identifiers.c.person).where(
        identifiers.c.lookup_hash == world.vault.lookup_hash("register_id", person.kennung)
    )
    token = world.ids.random(32).hex()
    with world.database.transaction() as session:
        row = {
            "token_hash": sha256(token.encode()).digest(),
            "id": world.ids.secret(),
            "person": session.connection().execute(found).scalar_one(),
            "trust": int(trust),
            "purpose": "account",
            "bundle": None,
            "enrolment": None,
            "extra": {},
            "expires_at": world.now + timedelta(hours=1),
        }
        session.connection().execute(insert(core_table(SessionRow)), [row])
    return token, world.pipeline.session(token)


def browser_of(world: World, person: Somebody, trust: Trust = Trust.V2) -> Browser:
    token, _ = proof_of(world, person, trust)
    browser = Browser(make_citizen(world.pipeline, secure_cookies=False))
    browser.cookies[browser.name] = token
    return browser


def recorded(world: World, person: PersonKey, **said: Any) -> UUID:
    """One more entry about somebody."""
    flow = Flow(
        kind=Kind.ACCESS,
        sender="musterstadt",
        receiver="polizei",
        purpose="ermittlung",
        action="auftrag.opened",
        basis="§ 163 StPO",
        actor="k.geheim",
        reason="Kanarienvogel",
        person=person,
        **said,
    )
    with world.database.transaction() as session:
        return world.pipeline.house.log.record(session, [flow], world.now)[0]
