"""An office with two Behörden's clerks, the house's own clerk and a DSB, and one Auftrag that was sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI

from proaktiv.core.staff import Role, StaffProof
from proaktiv.core.trust import SessionProof
from proaktiv.database import Database
from proaktiv.pipeline import Pipeline
from proaktiv.staffing import Staffing
from proaktiv.web.office import make_office
from proaktiv.web.pages.view import Look
from proaktiv.web.staff.visitor import SESSION, WayIn
from tests.builders import Somebody, a_birth, somebody
from tests.past import Pasts
from tests.web.browser import PageBrowser
from tests.world import World

CANARY = "Kanarienvogel-Zwitscher"
"""The family name of the person whom nobody here has to do with."""

PAGE = "http://127.0.0.1"
ERASURE_KEY = bytes(range(32))
"""What the office and the eraser hold alone."""

STAFF = {
    "k.standesamt": (Role.CLERK, "standesamt-musterstadt"),
    "k.jugendamt": (Role.CLERK, "jugendamt-musterstadt"),
    "k.haus": (Role.CLERK, ""),
    "d.schutz": (Role.DSB, ""),
    "d.vertretung": (Role.DSB, ""),
}


@contextmanager
def staffing(world: World, *, issuer: str = "", links: bool = True) -> Iterator[Staffing]:
    """The owner's hand on the table of staff."""
    owner = Database(world.urls["owner"], pool_size=1)
    try:
        with owner.transaction() as session:
            yield Staffing(session, world.vault, world.ids, world.now, issuer, PAGE, links)
    finally:
        owner.close()


@dataclass
class Office:
    """The office's surface, its staff, and what was sent."""

    world: World
    pipeline: Pipeline
    app: FastAPI
    anna: Somebody = field(default_factory=somebody)
    auftrag: UUID = field(default_factory=lambda: UUID(int=0))
    reference: str = ""

    def desk(self, name: str) -> PageBrowser:
        """Somebody comes in by a link."""
        with staffing(self.world) as owner:
            token = owner.link(name).partition("schein=")[2]
        desk = PageBrowser(self.app)
        answer = desk.post("/einlass", {"schein": token})
        assert (answer.status_code, SESSION in desk.cookies) == (303, True), answer.text
        desk.get("/aufgaben")
        desk.get("/protokoll")
        return desk

    def history(self) -> list[dict[str, Any]]:
        """What Anna finds about herself, newest first, with a log-in that shows it."""
        # Whoever proves V2 sees the timeline; the step itself asks for the proof alone.
        proof: SessionProof = self.world.opens_letter(self.anna)
        found: list[dict[str, Any]] = self.pipeline.timeline(proof, "")["entries"]
        return found

    def allowed(self, who: str, why: str, by: str = "d.vertretung") -> str:
        """The path of what the DSB may look at once a second one has said yes."""
        asking = self.desk("d.schutz").post("/person", {"wer": who, "grund": why})
        assert asking.status_code == 303, asking.text
        request = self.world.value("SELECT id FROM person_requests WHERE state = 'waiting'")
        second = self.desk(by)
        second.get("/person")
        answer = second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"})
        assert answer.status_code == 303, answer.text
        return f"/person/{request}"

    def proof(self, name: str) -> StaffProof:
        """Somebody who came in by a link, without a browser."""
        with staffing(self.world) as owner:
            token = owner.link(name).partition("schein=")[2]
        return self.pipeline.enter_by_link(token).proof

    def looks(self) -> list[str]:
        """What others looked at: that she comes in herself to read this is another access."""
        access = [entry["action"] for entry in self.history() if entry["kind"] == "access"]
        return [action for action in access if action != "code.entered"]


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


def staffed(world: World) -> Somebody:
    """Everybody of the office is entered; nothing has happened."""
    with staffing(world) as owner:
        for name, (role, behoerde) in STAFF.items():
            owner.add(name, role, behoerde, "")
    return somebody()


def sent_one(world: World) -> Somebody:
    """Anna's Geburtsurkunde was sent to the Standesamt; somebody else lives here, too."""
    staffed(world)
    world.lives_here(somebody("Zoe", familienname=CANARY))
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    auftrag = world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
    world.wait(hours=25)
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"
    return anna


def opened(world: World, anna: Somebody) -> Office:
    """The office's surface over a city."""
    pipeline = replace(world.pipeline, staff_private=(world.staff.private_bytes_raw(),), erasure_key=ERASURE_KEY)
    app = make_office(pipeline, Look("Stadt Musterstadt"), WayIn(None, PAGE, links=True), secure_cookies=False)
    return Office(world, pipeline, app, anna)


@pytest.fixture
def office(pasts: Pasts, tmp_path: Path) -> Iterator[Office]:
    with pasts.after(staffed, tmp_path) as (world, nobody):
        yield opened(world, nobody)


@pytest.fixture
def sent(pasts: Pasts, tmp_path: Path) -> Iterator[Office]:
    """An office after ``sent_one``."""
    with pasts.after(sent_one, tmp_path) as (world, anna):
        built = opened(world, anna)
        built.auftrag = world.value("SELECT id FROM auftraege")
        built.reference = world.value("SELECT reference FROM auftraege")
        yield built
