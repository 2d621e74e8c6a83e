"""How far a city's life has come before somebody dies: each moment is made once, from the moment before it.

``size`` families report a birth: the first two mothers are alone, in the third there are two parents. Somebody moves,
and somebody has just enrolled and decided on nothing.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from proaktiv.core.trust import SessionProof, Trust
from proaktiv.embedded import EmbeddedServer
from proaktiv.steps.enrol import Wish
from tests.builders import Event, Somebody, a_birth, somebody
from tests.chaos.dying import FolderBehoerde
from tests.chaos.stages import Stage
from tests.world import FakeRegister, World

CAR = {"person.kfz_zugelassen": True, "person.kfz_kennzeichen": "MM-XX 1"}
DOG = {"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"}
SHARED = "GEBURTSURKUNDE"
BY_BOTH = "ELTERNGELD"
ASKED = "BEWOHNERPARKAUSWEIS"


@dataclass
class Cast:
    """Who lives here and what happened to them; what a moment adds, its copies know."""

    mothers: tuple[Somebody, ...]
    ben: Somebody
    ada: Somebody
    dora: Somebody
    births: tuple[Event, ...]
    kept: dict[str, Any] = field(default_factory=dict)

    def but(self, **kept: Any) -> "Cast":
        return Cast(self.mothers, self.ben, self.ada, self.dora, self.births, self.kept | kept)

    @property
    def proofs(self) -> list[SessionProof]:
        """The mothers, logged in by their letters' codes."""
        found: list[SessionProof] = self.kept["proofs"]
        return found

    @property
    def auftraege(self) -> list[UUID]:
        found: list[UUID] = self.kept["auftraege"]
        return found


def with_account(proof: SessionProof) -> SessionProof:
    """The same person, logged in with an account instead of a letter code."""
    return SessionProof(proof.session, proof.person, Trust.V2, None)


def wish(person: Somebody) -> Wish:
    """What somebody types to be known here."""
    return Wish(person.vornamen, person.familienname, person.geburtsdatum, person.strasse, person.plz, person.ort)


def people(world: World, _cast: Cast, _size: int) -> Cast:
    mothers = tuple(somebody(name) for name in ("Berta", "Cleo", "Anna"))
    ben, ada = somebody("Ben", familienname="Probst-Muster"), somebody("Ada")
    dora = somebody("Dora")
    for person in (*mothers, ben, ada):
        world.lives_here(person)
    world.steueramt.knows(ada, **DOG)
    world.zulassung.knows(ada, **CAR)
    births = (a_birth(mothers[0]), a_birth(mothers[1]), a_birth(mothers[2], other=ben))
    return Cast(mothers, ben, ada, dora, births, {"dora": world.settles(dora)})


def reported(world: World, cast: Cast, size: int) -> Cast:
    for birth in cast.births[:size]:
        world.announce(birth)
    return cast


def evaluated(world: World, cast: Cast, _size: int) -> Cast:
    while world.pipeline.evaluate():
        pass
    return cast


def asked(world: World, cast: Cast, _size: int) -> Cast:
    while world.pipeline.look_up():
        pass
    return cast


def decided(world: World, cast: Cast, _size: int) -> Cast:
    while world.pipeline.evaluate() + world.pipeline.look_up():
        pass
    return cast


def told(world: World, cast: Cast, size: int) -> Cast:
    world.tick()
    return cast.but(proofs=[world.opens_letter(mother) for mother in cast.mothers[:size]])


def confirmed(world: World, cast: Cast, _size: int) -> Cast:
    return cast.but(auftraege=[world.says_yes(proof, SHARED) for proof in cast.proofs])


def waiting(world: World, cast: Cast, _size: int) -> Cast:
    world.now += timedelta(hours=25)
    return cast


def sent(world: World, cast: Cast, _size: int) -> Cast:
    world.tick()
    return cast


MOMENTS: Mapping[str, tuple[str, Callable[[World, Cast, int], Cast]]] = {
    "people": ("", people),
    "reported": ("people", reported),
    "evaluated": ("reported", evaluated),
    "asked": ("evaluated", asked),
    "decided": ("asked", decided),
    "told": ("decided", told),
    "confirmed": ("told", confirmed),
    "waiting": ("confirmed", waiting),
    "sent": ("waiting", sent),
}


class Life:
    """Makes moments on one server, each once, and keeps them for copies."""

    def __init__(self, server: EmbeddedServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._made: dict[tuple[str, int], tuple[Stage, Cast]] = {}

    def at(self, moment: str, size: int) -> tuple[Stage, Cast]:
        """Return the city as it stands then. ``people`` is the same for every size."""
        key = (moment, 0 if moment == "people" else size)
        if key not in self._made:
            before, step = MOMENTS[moment]
            start = self.at(before, size) if before else None
            self._made[key] = self.grown(f"life_{moment}_{key[1]}", start, step, size)
        return self._made[key]

    def grown(
        self,
        name: str,
        start: tuple[Stage, Cast] | None,
        step: Callable[[World, Cast, int], Any],
        size: int,
    ) -> tuple[Stage, Any]:
        """Make a city from another one, or found it, do ``step`` in it, and keep it under ``name``."""
        name = f"{self._folder.name.replace('-', '_')}_{name}"  # a server may hold the lives of two modules
        folder = self._folder / name
        self._server.create_database(name, start[0].template if start else "proaktiv")
        if start:
            shutil.copytree(start[0].folder, folder)
        else:
            (folder / "behoerde").mkdir(parents=True)
        before = start[0] if start else None
        registers = before.registers if before else {each: FakeRegister(each) for each in REGISTERS}
        stage = Stage(self._server, name, folder, b"", World.now, registers)
        seed = {"seed": before.seed} if before else {}
        world = World(
            stage.urls(name),
            folder,
            now=before.now if before else World.now,
            melderegister=registers["MELDEREGISTER"],
            steueramt=registers["STEUERAMT"],
            zulassung=registers["ZULASSUNG"],
            behoerde=FolderBehoerde(folder / "behoerde"),  # type: ignore[arg-type]
            **seed,
        )
        world = world.open() if before else world.found()
        try:
            grown = step(world, start[1] if start else None, size)  # type: ignore[arg-type]
        finally:
            world.close()
        stage.seed, stage.now = world.seed, world.now
        return stage, grown

    def drop(self, stage: Stage) -> None:
        """Forget a city that ``grown`` made."""
        self._server.drop_database(stage.template)
        shutil.rmtree(stage.folder, ignore_errors=True)


REGISTERS = ("MELDEREGISTER", "STEUERAMT", "ZULASSUNG")
