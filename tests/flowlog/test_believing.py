"""Whoever was told a key of the log once believes the one that follows, and nobody else's."""

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.core.flows import Flow, Kind
from proaktiv.flowlog.ceremonies.rotation import announcement
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, sign_note, vkey_of
from proaktiv.flowlog.proving.believing import believed
from proaktiv.flowlog.proving.intact import intact
from proaktiv.flowlog.signer import Signer
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow
from tests.flowlog.exports import VKEY
from tests.flowlog.test_rotation import COMING, NEW, log_and_sign, rotated
from tests.flowlog.test_succession import NEW as SECOND_KEY

THIRD_KEY = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
THIRD = str(vkey_of(ORIGIN, THIRD_KEY))
THIEF = Ed25519PrivateKey.from_private_bytes(b"x" * 32)


def last(world: World, trusted: str) -> Checkpoint | None:
    note = world.one("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    with world.role("app").transaction() as session:
        return believed(session, note, trusted)


def untouched(world: World, fid: UUID, trusted: str) -> bool | None:
    with world.role("app").transaction() as session:
        return intact(session, fid, trusted)


def sign_anew(world: World, key: Ed25519PrivateKey) -> None:
    """Put checkpoints of another key over the very same tree, as whoever owns the database can."""
    for size, note in world.rows("SELECT size, note FROM checkpoint"):
        text = note.partition("\n\n")[0] + "\n"
        world.as_owner("UPDATE checkpoint SET note = :n WHERE size = :s", n=sign_note(text, ORIGIN, key), s=size)


def rotated_twice(world: World) -> None:
    rotated(world)
    during = Signer(world.state, COMING, ORIGIN, next_key=THIRD_KEY)
    log_and_sign(world, during, announcement("musterstadt", THIRD, "Frau Beispiel"))
    log_and_sign(world, Signer(world.state, THIRD_KEY, ORIGIN), a_flow())


@pytest.mark.parametrize("trusted", [VKEY, NEW, THIRD, f"{VKEY} {NEW}"])
@pytest.mark.flowlog_test(25)
def test_a_key_that_was_told_once_leads_through_every_rotation(world: World, trusted: str) -> None:
    rotated_twice(world)
    found = last(world, trusted)
    assert found is not None
    assert found.size == 7


@pytest.mark.parametrize(
    "trusted", [SECOND_KEY, str(vkey_of(ORIGIN, THIEF)), str(vkey_of("other.example/1", SIGNING_KEY))]
)
def test_a_stranger_leads_nowhere(world: World, trusted: str) -> None:
    rotated_twice(world)
    assert last(world, trusted) is None


def test_a_checkpoint_that_somebody_else_signed_is_not_believed(world: World) -> None:
    (fid,) = world.log_and_sign(a_flow())
    assert untouched(world, fid, VKEY) is True
    sign_anew(world, THIEF)
    assert untouched(world, fid, VKEY) is False
    assert untouched(world, fid, "") is True  # the control: without a key it is the tree alone that is looked at


def test_an_announcement_under_a_strange_signature_leads_nowhere(world: World) -> None:
    """Whoever owns the database writes an announcement of their own key, and signs with it."""
    thiefs = str(vkey_of(ORIGIN, THIEF))
    (fid,) = world.log_and_sign(a_flow())
    world.record(announcement("musterstadt", thiefs, "Frau Beispiel"))
    world.integrate()
    thief = Signer(world.state.parent / "thief", THIEF, ORIGIN)
    world.as_owner("DELETE FROM checkpoint")
    world.sign(thief)
    assert untouched(world, fid, VKEY) is False
    assert untouched(world, fid, thiefs) is True


@pytest.mark.flowlog_control(25)
def test_control_without_the_look_at_its_signature_it_would_lead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proaktiv.flowlog.proving.believing._signed", lambda *_: True)
    (fid,) = world.log_and_sign(a_flow())
    world.record(announcement("musterstadt", str(vkey_of(ORIGIN, THIEF)), "Frau Beispiel"))
    world.integrate()
    world.as_owner("DELETE FROM checkpoint")
    world.sign(Signer(world.state.parent / "thief", THIEF, ORIGIN))
    assert untouched(world, fid, VKEY) is True


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE flow_log SET outcome = :thiefs WHERE purpose = 'protokollschluessel'",
        "UPDATE flow_log SET f_salt = f_salt || f_salt WHERE purpose = 'protokollschluessel' AND :thiefs <> ''",
        "UPDATE flow_leaf SET idx = 100 WHERE idx = 2 AND :thiefs <> ''",
        "UPDATE checkpoint SET note = 'none' WHERE size < 5 AND :thiefs <> ''",
    ],
)
def test_an_announcement_that_was_touched_leads_nowhere(world: World, harm: str) -> None:
    rotated(world)
    thiefs = str(vkey_of(ORIGIN, THIEF))
    assert last(world, VKEY) is not None
    world.as_owner(harm, thiefs=thiefs)
    assert last(world, VKEY) is None
    sign_anew(world, THIEF)
    assert last(world, VKEY) is None


def test_what_announces_no_key_of_this_log_is_passed_over(world: World) -> None:
    def says(outcome: str) -> Flow:
        return Flow(
            Kind.KEY, "musterstadt", "musterstadt", "protokollschluessel", "log_key.announced", "x", outcome=outcome
        )

    world.log_and_sign(says("no key"), says(SECOND_KEY), says(VKEY))
    (fid,) = world.log_and_sign(a_flow())
    sign_anew(world, THIEF)
    assert untouched(world, fid, VKEY) is False


def test_keys_that_are_none_are_told(world: World) -> None:
    (fid,) = world.log_and_sign(a_flow())
    with pytest.raises(NoteError):
        untouched(world, fid, "no key")
