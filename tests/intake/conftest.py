"""A founded city and the private keys of its registers and Behörden."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from joserfc import jws
from joserfc.jwk import OKPKey
from sqlalchemy import select, update

from proaktiv.database import Database
from proaktiv.tables import (
    BehoerdeRow,
    ClientRow,
    EventSubjectRow,
    FlowLogRow,
    RegisterEventRow,
    StopRow,
    core_table,
)
from proaktiv.vault import Place
from tests.world import World

AUDIENCE = "https://intake.musterstadt.example/token"
STORED = (RegisterEventRow, EventSubjectRow, StopRow, FlowLogRow)


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def okp(key: Ed25519PrivateKey) -> OKPKey:
    return OKPKey.import_key(public(key) | {"d": text(key.private_bytes_raw())})


def public(key: Ed25519PrivateKey) -> dict[str, str]:
    return {"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().public_bytes_raw())}


def signed(key: Ed25519PrivateKey, claims: Mapping[str, Any], **header: Any) -> str:
    """A compact JWS over claims."""
    named = {"alg": "Ed25519"} | header
    return jws.serialize_compact(named, json.dumps(claims).encode(), okp(key), algorithms=[named["alg"]])


@dataclass(frozen=True)
class City:
    """The world with keys for its partners."""

    world: World
    owner: Database
    keys: Mapping[str, Ed25519PrivateKey]

    def set(self, model: type[ClientRow | BehoerdeRow], name: str, **values: Any) -> None:
        table = core_table(model)
        with self.owner.transaction() as session:
            session.connection().execute(update(table).where(table.c.id == name).values(**values))

    def rows(self, model: type[Any]) -> list[Any]:
        with self.owner.transaction() as session:
            return list(session.connection().execute(select(core_table(model))).all())

    def event(self, row: Any) -> Any:
        (found,) = [each for each in self.rows(RegisterEventRow) if each.id == row]
        return found

    def stored(self) -> dict[str, int]:
        """How many rows there are of everything that an event can leave."""
        return {model.__tablename__: len(self.rows(model)) for model in STORED}

    def opened(self, row: Any) -> Any:
        """What the worker reads in an event's payload."""
        private = X25519PrivateKey.from_private_bytes(self.world.seed)
        place = Place("register_events", row.id, "payload")
        suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
        with pytest.raises(InvalidTag):  # and nobody reads it elsewhere
            suite.decrypt(row.payload, private, info=b"another place")
        return json.loads(suite.decrypt(row.payload, private, info=place.aad))


@pytest.fixture
def urls(city_urls: dict[str, str]) -> dict[str, str]:
    """A database in which the city is founded already."""
    return city_urls


@pytest.fixture
def city(urls: dict[str, str], tmp_path: Path) -> Iterator[City]:
    world = World(urls, tmp_path).found()
    world.pipeline = replace(world.pipeline, token_audience=AUDIENCE)
    owner = Database(urls["owner"], pool_size=2)
    names = ("standesamt", "meldebehoerde", "jugendamt-musterstadt", "steueramt-musterstadt")
    made = City(world, owner, {name: Ed25519PrivateKey.generate() for name in names})
    for name, key in made.keys.items():
        made.set(BehoerdeRow if "-" in name else ClientRow, name, jwk=public(key))
    yield made
    owner.close()
    world.close()
