"""Founded cities with a keeper and an eraser, each as its own database role with its own keys."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.database import Database
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import Probe, no_probe
from proaktiv.keys.erasing import Eraser, Reason
from proaktiv.keys.keeping import Keeper
from proaktiv.vault import Compartment, Kek, Vault, VaultKeys
from tests.builders import Somebody, a_birth, somebody
from tests.world import World


@dataclass
class House:
    """A city, and what its operator does to the vault. Each opening is like another process."""

    world: World
    folder: Path
    opened: list[Database] = field(default_factory=list)
    owner: Database | None = None

    @property
    def listed(self) -> Path:
        return self.folder / "destroyed.list"

    def database(self, role: str) -> Database:
        self.opened.append(Database(self.world.urls[role], pool_size=2))
        return self.opened[-1]

    def vault(self, present: bytes | None = None, *others: bytes) -> Vault:
        """A vault whose KEKs are ``present`` (default: the city's), and others that open as well."""
        seed = self.world.seed
        return Vault(
            VaultKeys(
                index=seed,
                keks={each: Kek.of(each, present or seed) for each in Compartment},
                code=seed,
                kek_others={each: [Kek.of(each, other) for other in others] for each in Compartment},
            ),
            self.world.ids,
        )

    def keeper(self, present: bytes | None = None, *others: bytes, probe: Probe = no_probe) -> Keeper:
        vault = self.vault(present, *others)
        return Keeper(self.database("keeper"), vault, self.log(vault), "musterstadt", lambda: self.world.now, probe)

    def eraser(self, *, probe: Probe = no_probe, office_key: bytes = b"") -> Eraser:
        vault = Vault(VaultKeys(index=self.world.seed, keks={}), self.world.ids)
        return Eraser(
            self.database("eraser"),
            vault,
            self.log(vault),
            "musterstadt",
            lambda: self.world.now,
            self.listed,
            probe,
            office_key,
        )

    def log(self, vault: Vault) -> FlowLog:
        return FlowLog(vault, self.world.ids, self.world.staff.public_key().public_bytes_raw())

    def key_of(self, person: Somebody) -> UUID:
        return self.eraser().find(person.kennung)

    def destroys(self, *persons: UUID) -> None:
        self.eraser().destroy(persons, Reason.WITHDRAWN, "anna.amt", "ben.amt", "AZ 1")

    def as_owner(self, sql: str, **values: object) -> list[tuple[object, ...]]:
        if self.owner is None:
            self.owner = self.database("owner")
        with self.owner.transaction() as session:
            found = session.connection().execute(text(sql), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def keys(self) -> list[tuple[object, ...]]:
        """All rows of the vault, in one order."""
        return self.as_owner("SELECT person, compartment, state, kek, wrapped FROM vault_keys ORDER BY 1, 2")

    def close(self) -> None:
        for each in self.opened:
            each.close()


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture
def house(urls: dict[str, str], tmp_path: Path) -> Iterator[House]:
    city = World(urls, tmp_path).found()
    made = House(city, tmp_path)
    yield made
    made.close()
    city.close()


def named(house: House, person: UUID) -> set[str]:
    """The tables in which a person's key still stands, in whatever column."""
    columns = house.as_owner(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'uuid'"
    )
    looks = [
        f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table} WHERE {column} = :person)" for table, column in columns
    ]
    return {str(table) for (table,) in house.as_owner(" UNION ".join(looks), person=person)}


def a_mother_with_a_child(house: House, *, confirmed: bool = False) -> tuple[UUID, UUID]:
    """Anna has a birth, a letter, and if wished an Auftrag at the Behörde. Returns her key and her child's."""
    world = house.world
    anna = world.lives_here(somebody("Anna"), "geburt")
    world.announce(a_birth(anna))
    world.tick()
    if confirmed:
        world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")
        world.wait(hours=25)
    person = house.key_of(anna)
    ((child,),) = house.as_owner("SELECT to_person FROM relations WHERE kind = 'sorge'")
    assert isinstance(child, UUID)
    return person, child


def a_kek() -> bytes:
    return secrets.token_bytes(32)
