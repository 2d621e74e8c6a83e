"""What does not unwrap closes nothing but itself; a pair of the office's that was replaced opens what it sealed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import insert, text

from proaktiv.flowlog.proving.opening import staff_parts
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.staff import _INFO, _KEYS, _SUITE
from tests.flowlog.conftest import NOW, OFFICE_KEY, World, a_flow

OLD, NEW = OFFICE_KEY, X25519PrivateKey.from_private_bytes(bytes(range(32, 64)))
_ROWS = text("SELECT s.a_blob, s.staff_key, g.entry FROM flow_log g JOIN flow_secret s USING (fid) ORDER BY g.fid")


def plant(world: World, wrapped: bytes, key_id: UUID | None = None) -> UUID:
    """Put a key into the table, as whoever has the application's log-in could."""
    key_id = key_id or uuid4()
    row = {"id": key_id, "month": NOW.date().replace(day=1), "wrapped": wrapped, "made_at": NOW}
    with world.role("app").transaction() as session:
        session.connection().execute(insert(_KEYS), row)
    return key_id


def too_short(key_id: UUID) -> bytes:
    """Five bytes, rightly wrapped: the public key is no secret."""
    return _SUITE.encrypt(b"short", OFFICE_KEY.public_key(), info=_INFO + key_id.bytes)


def said(world: World, *keys: X25519PrivateKey) -> list[str]:
    with world.role("app").transaction() as session:
        rows: Sequence[Any] = session.connection().execute(_ROWS).all()
        return [part.said for part in staff_parts(session, tuple(key.private_bytes_raw() for key in keys), rows)]


@pytest.mark.parametrize("size", [0, 10, 80, "too short"])
def test_a_key_that_nobody_can_use_closes_what_it_sealed_and_nothing_else(world: World, size: int | str) -> None:
    world.record(a_flow(actor="d.schutz"))
    planted = uuid4()
    plant(world, too_short(planted) if isinstance(size, str) else b"x" * size, planted)
    assert said(world, OLD) == ["open"]
    world.record(a_flow(actor="d.schutz"))
    with world.role("owner").transaction() as session:
        of_it = text("UPDATE flow_secret SET staff_key = :key WHERE fid = (SELECT min(fid::text)::uuid FROM flow_log)")
        session.connection().execute(of_it, {"key": planted})
    assert said(world, OLD) == ["closed", "open"]


def test_after_the_pair_was_replaced_both_private_keys_together_open_everything(world: World) -> None:
    world.record(a_flow(actor="before"))
    after = FlowLog(world.vault, world.ids, NEW.public_key().public_bytes_raw())
    with world.role("app").transaction() as session:
        after.record(session, [a_flow(actor="after")], NOW)
    assert said(world, NEW, OLD) == said(world, OLD, NEW) == ["open", "open"]
    assert sorted(said(world, NEW)) == sorted(said(world, OLD)) == ["closed", "open"]
    assert said(world) == ["closed", "closed"]
