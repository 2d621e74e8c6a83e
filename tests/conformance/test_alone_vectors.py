"""The verifier that stands alone against test data of others; never edited to pass."""

import json
from base64 import b64decode
from typing import Any

import pytest

from proaktiv.core import merkle
from proaktiv.flowlog.alone.proof import read_proof
from proaktiv.flowlog.alone.spelling import Broken, Unreadable
from proaktiv.flowlog.alone.tree import Edge, leaf_of, root_by, tile_path
from proaktiv.flowlog.alone.trust import LOG, WITNESS, Key, Policy
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, open_note
from proaktiv.flowlog.exports.layout import ExportUnreadable
from proaktiv.flowlog.verifying.proof import ProofFile
from tests.conformance.test_merkle_vectors import MERKLE, TESSERA, TESSERA_KEY, tessera_entries
from tests.conformance.vectors import VECTORS, needs

pytestmark = needs("notes")
SKYLIGHT = VECTORS / "sunlight-tiles/cmd/skylight/testdata"
COSIGNED = {
    "witness/witness.v0.json": "witness/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706",
    "witness/mirror/mirror.v0.json": "witness/mirror/000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706",
    "witness2/witness.v0.json": "witness2/88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482",
}


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / "notes/notes_vectors.json").read_text())["groups"]
    return found


def group(name: str) -> dict[str, Any]:
    (found,) = [each for each in groups() if name in each]
    return found


# the tree -------------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(1)
def test_every_inclusion_vector_is_judged_as_published() -> None:
    files = sorted((MERKLE / "inclusion").rglob("*.json"))
    wrong = []
    for file in files:
        case = json.loads(file.read_text())
        path = [b64decode(step) for step in case["proof"] or ()]
        leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
        accepted = len(leaf) == 32 and root_by(case["leafIdx"], case["treeSize"], leaf, path) == root
        if accepted == case["wantErr"]:
            wrong.append(file.name)
    assert len(files) > 90
    assert wrong == []


@pytest.mark.flowlog_test(1)
def test_the_roots_of_rfc_6962_come_out_of_both_trees() -> None:
    given = group("rfc6962_leaves_hex")
    leaves = [bytes.fromhex(leaf) for leaf in given["rfc6962_leaves_hex"]]
    roots = [bytes.fromhex(root) for root in given["roots_by_size_hex"]]
    edge = Edge()
    assert edge.root() == merkle.root_of([]) == roots[0]
    for size, leaf in enumerate(leaves, 1):
        list(edge.append(leaf_of(leaf)))
        assert edge.root() == merkle.root_of([merkle.leaf_hash(each) for each in leaves[:size]]) == roots[size]


@pytest.mark.flowlog_test(2)
def test_a_tessera_log_of_every_size_has_its_signed_root_and_no_tile_is_left_out() -> None:
    policy = Policy(f"log {TESSERA_KEY}\nquorum none\n".encode(), 0)
    edge, seen = Edge(), set()
    entries = tessera_entries()
    for size in range(16):
        head = policy.open((TESSERA / f"checkpoint.{size}").read_bytes())
        assert (head.size, head.root) == (size, edge.root())
        if size:
            width = (TESSERA / tile_path(0, 0, size)).read_bytes()
            assert width == b"".join(leaf_of(entry) for entry in entries[:size])
            seen.add(TESSERA / tile_path(0, 0, size))
        if size < 15:
            list(edge.append(leaf_of(entries[size])))
    assert {path for path in (TESSERA / "tile/0").rglob("*") if path.is_file()} == seen
    assert len(list(TESSERA.glob("checkpoint.*"))) == 16


# notes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(3)
@pytest.mark.parametrize("keys", COSIGNED)
def test_each_of_sunlights_three_cosignatures_verifies_and_only_as_it_is(keys: str) -> None:
    (vkey,) = json.loads((SKYLIGHT / keys).read_text())["verifier_keys"]
    witness = Key.parse(vkey, WITNESS)
    text, _, signatures = (SKYLIGHT / COSIGNED[keys] / "checkpoint").read_text().rpartition("\n\n")
    (line,) = [line for line in signatures.splitlines() if line.startswith(f"— {witness.name} ")]
    blob = b64decode(line.rpartition(" ")[2])
    assert (witness.name, blob[:4]) == witness.called
    message = (text + "\n").encode()
    assert witness.signed(message, blob[4:])
    assert not witness.signed(message.replace(b"300", b"301"), blob[4:])
    later = (int.from_bytes(blob[4:12]) + 1).to_bytes(8) + blob[12:]
    assert not witness.signed(message, later), "the time is signed as well"
    with pytest.raises(Broken):
        Key.parse(vkey, LOG)


@pytest.mark.flowlog_test(4)
def test_every_piece_and_every_neighbour_of_a_key_is_refused_by_the_other_reader_too() -> None:
    good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert Key.parse(good, LOG).name == "PeterNeumann"
    pieces = {good[i:j] for i in range(len(good)) for j in range(i, len(good) + 1)} - {good}
    neighbours = {good[:i] + chr(ord(good[i]) + 1) + good[i + 1 :] for i in range(len(good))}
    for bad in (*groups()[0]["bad_vkeys"], *sorted(pieces | neighbours)):
        with pytest.raises(Broken):
            Key.parse(bad, LOG)


@pytest.mark.flowlog_test(4)
def test_a_hundred_signatures_are_read_and_one_more_is_not() -> None:
    note = (TESSERA / "checkpoint.15").read_text()
    stranger = "— somebody.example AAAAAAA=\n"
    policy = Policy(f"log {TESSERA_KEY}\nquorum none\n".encode(), 0)
    full = note + stranger * 99
    assert policy.open(full.encode()).size == 15
    assert open_note(full, [TESSERA_KEY]).verified == ("example.com/log/testdata",)
    with pytest.raises(Broken, match="too many"):
        policy.open((full + stranger).encode())
    with pytest.raises(NoteError, match="too many"):
        open_note(full + stranger, [TESSERA_KEY])


@pytest.mark.flowlog_test(4)
def test_checkpoints_of_another_form_are_refused() -> None:
    cases = group("checkpoint_syntax")["checkpoint_syntax"]
    assert len(cases) == 7
    for text, want in cases:
        assert want == "reject"
        with pytest.raises(NoteError):
            Checkpoint.parse(text)


@pytest.mark.flowlog_test(4)
def test_proofs_are_told_from_what_is_none_by_both_readers() -> None:
    cases = group("tlog_proof_syntax")["tlog_proof_syntax"]
    assert len(cases) == 8
    for text, want in cases:
        if want == "ok-syntax":
            assert ProofFile.parse(text.encode()).note == "checkpoint\n"
            assert read_proof(text.encode()) == (0, [], b"", b"checkpoint\n")
            continue
        with pytest.raises(ExportUnreadable):
            ProofFile.parse(text.encode())
        with pytest.raises(Unreadable):
            read_proof(text.encode())


@pytest.mark.flowlog_test(4)
def test_notes_that_are_checkpoints_are_judged_as_published_by_the_other_reader() -> None:
    judged = 0
    for case in (case for each in groups() for case in each.get("cases", ())):
        try:
            policy = Policy(("".join(f"log {key}\n" for key in case["vkeys"]) + "quorum none\n").encode(), 0)
        except Unreadable:
            continue  # two keys of one name and id: refused where the policy is read already
        judged += 1
        if case["want"] != "ok":
            with pytest.raises(Broken):
                policy.open(case["note"].encode())
            continue
        try:
            policy.open(case["note"].encode())
        except Broken as error:
            # Signed as it should be; only that it is a poem and no checkpoint may stand against it.
            assert str(error) in {"no checkpoint", "the checkpoint is of another log"}  # noqa: PT017
    assert judged >= 10
