"""The log's key is changed without a gap: announced in the log, both sign, and then the new one alone."""

from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.core.errors import BadInput, Conflict
from proaktiv.flowlog.ceremonies.rotation import announcement, refuse_unfit
from proaktiv.flowlog.checkpoints import (
    Checkpoint,
    NoteError,
    NotSigned,
    Vkey,
    open_note,
    sign_note,
    signature_line,
    vkey_of,
)
from proaktiv.flowlog.signer import LogForked, Signer
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.policy import Policy
from proaktiv.flowlog.verifying.whole import verify_database
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow
from tests.flowlog.exports import VKEY, export

COMING = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
NEW = str(vkey_of(ORIGIN, COMING))
BOTH = Policy.parse(f"log {VKEY}\nlog {NEW}\nquorum none\n")


def signed_by(world: World, size: int) -> list[str]:
    note = world.one("SELECT note FROM checkpoint WHERE size = :size", size=size)
    found = []
    for name, vkey in (("old", VKEY), ("new", NEW)):
        try:
            open_note(note, [vkey])
        except NotSigned:
            continue
        found.append(name)
    return found


def log_and_sign(world: World, signer: Signer, *flows: object) -> None:
    world.record(*flows)  # type: ignore[arg-type]
    world.integrate()
    world.sign(signer)


def rotated(world: World) -> Signer:
    """Sizes 1 and 2 under the old key, 3 and 4 under both, 5 under the new one."""
    before, during = world.signer(), world.signer(next_key=COMING)
    after = Signer(world.state, COMING, ORIGIN)
    log_and_sign(world, before, a_flow())
    log_and_sign(world, during, a_flow())  # not announced yet
    log_and_sign(world, during, announcement("musterstadt", NEW, "Frau Beispiel"))
    log_and_sign(world, during, a_flow())
    log_and_sign(world, after, a_flow())
    return after


@pytest.mark.flowlog_test(25)
def test_from_the_announcement_on_both_keys_sign_and_then_the_new_one_alone(world: World) -> None:
    rotated(world)
    assert [signed_by(world, size) for size in range(1, 6)] == [
        ["old"],
        ["old"],
        ["old", "new"],
        ["old", "new"],
        ["new"],
    ]
    with world.role("reader").transaction() as session:
        assert verify_database(session, BOTH).ok
        assert verify_database(session, f"{VKEY} {NEW}").ok  # as PROAKTIV_LOG_VKEY holds them


@pytest.mark.flowlog_control(25)
def test_control_who_knows_one_key_alone_finds_the_others_checkpoints(world: World, tmp_path: Path) -> None:
    rotated(world)
    export(world, tmp_path / "out")
    assert verify_export(tmp_path / "out", BOTH).ok
    for vkey, strange in ((VKEY, {"5"}), (NEW, {"1", "2"})):
        findings = verify_export(tmp_path / "out", vkey).findings
        told = {f.detail.split()[1] for f in findings if f.what == "checkpoint" and f.detail.startswith("of ")}
        assert told == strange


@pytest.mark.flowlog_test(25)
def test_no_key_slips_in_without_an_announcement(world: World) -> None:
    during = world.signer(next_key=COMING)
    log_and_sign(world, during, a_flow())
    log_and_sign(world, during, announcement("musterstadt", str(vkey_of("other.example/1", COMING)), "x"))
    assert [signed_by(world, size) for size in (1, 2)] == [["old"], ["old"]]


def test_when_the_old_key_is_taken_away_nothing_is_signed_twice_and_nothing_stops(world: World) -> None:
    during = world.signer(next_key=COMING)
    log_and_sign(world, during, a_flow())
    log_and_sign(world, during, announcement("musterstadt", NEW, "x"))
    after = Signer(world.state, COMING, ORIGIN)
    assert world.sign(after) is None
    assert world.sign(world.signer()) is None  # and back again
    assert signed_by(world, 2) == ["old", "new"]


def test_a_key_that_never_signed_beside_the_old_one_cannot_follow_unseen(world: World) -> None:
    log_and_sign(world, world.signer(), a_flow())
    with pytest.raises(LogForked, match="another checkpoint"):
        world.sign(Signer(world.state, COMING, ORIGIN))


def test_only_a_key_of_this_very_log_is_announced(world: World) -> None:
    def refuse(vkey: str) -> None:
        with world.role("keeper").transaction() as session:
            refuse_unfit(session, vkey)

    with pytest.raises(BadInput, match="nothing of this log is signed yet"):
        refuse(NEW)
    log_and_sign(world, world.signer(), a_flow())
    refuse(NEW)
    with pytest.raises(BadInput, match=r"is a key of other\.example/1"):
        refuse(str(vkey_of("other.example/1", COMING)))
    with pytest.raises(Conflict, match="signs already"):
        refuse(VKEY)
    with pytest.raises(NoteError):
        refuse("nonsense")


# names and ids --------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(25)
def test_the_same_key_under_another_origin_is_another_log() -> None:
    foreign = "flowlog.anderswo.example/1"
    note = sign_note(Checkpoint(foreign, 3, b"r" * 32).text(), foreign, SIGNING_KEY)
    with pytest.raises(NotSigned):
        Policy.of(VKEY).open(note)
    told = sign_note(Checkpoint(foreign, 3, b"r" * 32).text(), ORIGIN, SIGNING_KEY)
    with pytest.raises(NoteError, match="another log"):
        Policy.of(VKEY).open(told)


@pytest.mark.flowlog_control(25)
def test_control_the_signature_itself_would_hold_under_any_name() -> None:
    foreign = "flowlog.anderswo.example/1"
    note = sign_note(Checkpoint(foreign, 3, b"r" * 32).text(), foreign, SIGNING_KEY)
    assert Policy.of(str(vkey_of(foreign, SIGNING_KEY))).open(note).checkpoint.size == 3


def colliding() -> tuple[Vkey, Vkey]:
    """Two keys whose name and four bytes of id are the same: some 2¹⁶ tries."""
    seen: dict[bytes, Vkey] = {}
    for number in range(1 << 20):
        key = Vkey(ORIGIN, sha256(number.to_bytes(4, "big")).digest())
        if key.id in seen:
            return seen[key.id], key
        seen[key.id] = key
    raise AssertionError("no two keys collide")


@pytest.mark.flowlog_test(25)
def test_two_trusted_keys_of_one_name_and_id_let_nothing_through() -> None:
    one, two = colliding()
    assert one.public != two.public
    text = Checkpoint(ORIGIN, 3, b"r" * 32).text()
    note = f"{text}\n{signature_line(one, b's' * 64)}"
    with pytest.raises(NoteError, match="two trusted keys"):
        open_note(note, [str(one), str(two)])
    with pytest.raises(NoteError, match="two trusted keys"):
        Policy((one, two)).open(note)
    with pytest.raises(NotSigned):
        open_note(note, [str(one)])


def test_the_announcement_stands_in_the_log_for_everybody(world: World) -> None:
    rotated(world)
    kind, outcome, purpose = world.rows(
        "SELECT kind, outcome, purpose FROM flow_log JOIN flow_leaf USING (fid) WHERE idx = 2"
    )[0]
    assert (kind, outcome, purpose) == (5, NEW, "protokollschluessel")
