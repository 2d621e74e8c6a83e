"""The vectors of others can fail: with the thing taken out that each of them is about, they do."""

from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
import rfc8785

from proaktiv.core import canonical, merkle
from proaktiv.core.canonical import checked
from proaktiv.flowlog.alone import trust
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, open_note
from tests.conformance.test_merkle_vectors import TESSERA, TESSERA_KEY, tessera_entries, wrongly_judged
from tests.conformance.vectors import needs

pytestmark = needs("merkle-transparency-dev")


@pytest.mark.flowlog_control(1)
def test_without_the_refusal_of_size_zero_three_vectors_are_judged_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    real = merkle.verify_consistency
    monkeypatch.setattr(
        merkle,
        "verify_consistency",
        lambda old, new, *roots_and_proof: old == 0 or real(old, new, *roots_and_proof),
    )
    files, wrong = wrongly_judged("consistency")
    assert (files, len(wrong) >= 3) == (98, True)


@pytest.mark.flowlog_control(1)
def test_without_their_prefix_nodes_lead_to_other_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "sha256", lambda data: sha256(data.removeprefix(b"\x01")))
    assert wrongly_judged("inclusion")[1] != []


@pytest.mark.flowlog_control(2)
@pytest.mark.flowlog_control(3)
def test_without_their_prefix_leaves_and_nodes_give_another_log() -> None:
    entries = tessera_entries()
    tile = (TESSERA / "tile/0/000.p/15").read_bytes()
    assert tile == b"".join(merkle.leaf_hash(entry) for entry in entries)
    assert tile != b"".join(sha256(entry).digest() for entry in entries)
    signed = Checkpoint.parse((TESSERA / "checkpoint.15").read_text().rpartition("\n\n")[0] + "\n").root
    leaves = merkle.split_hashes(tile)
    assert signed == merkle.root_of(leaves)
    while len(leaves) > 1:
        leaves = [sha256(b"".join(leaves[at : at + 2])).digest() for at in range(0, len(leaves), 2)]
    assert signed != leaves[0]


@pytest.mark.flowlog_control(4)
def test_a_reader_that_checks_no_signature_believes_a_note_that_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _, signatures = (TESSERA / "checkpoint.15").read_text().rpartition("\n\n")
    changed = f"{text.replace('15', '16')}\n\n{signatures}"
    policy = trust.Policy(f"log {TESSERA_KEY}\nquorum none\n".encode(), 0)
    with pytest.raises(NoteError):
        open_note(changed, [TESSERA_KEY])
    with pytest.raises(trust.Broken):
        policy.open(changed.encode())
    monkeypatch.setattr(Vkey, "verifies", lambda *_: True)
    monkeypatch.setattr(trust.Key, "signed", lambda *_: True)
    assert open_note(changed, [TESSERA_KEY]).verified == ("example.com/log/testdata",)
    assert policy.open(changed.encode()).size == 16


@pytest.mark.flowlog_control(4)
def test_a_key_whose_id_is_not_held_against_it_has_neighbours() -> None:
    name, key_id, raw = TESSERA_KEY.split("+", 2)
    other = bytearray(b64decode(raw))
    other[5] ^= 1
    with pytest.raises(NoteError, match="does not fit"):
        Vkey.parse(f"{name}+{key_id}+{b64encode(other).decode()}")
    assert Vkey(name, bytes(other[1:])).id.hex() != key_id


@pytest.mark.flowlog_control(7)
def test_without_its_profile_the_short_way_is_not_canonical(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"z": 1e2, "\U0001f600": 1, "\ufb33": 2}
    with pytest.raises(canonical.CanonicalError):
        checked(body)
    monkeypatch.setattr(canonical, "_check", lambda *_: None)
    assert checked(body) != rfc8785.dumps(body)
