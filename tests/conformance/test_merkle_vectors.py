"""The tree, tiles and notes against test data of others (``../shared/vectors``); never edited to pass."""

import base64
import json
import os
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from proaktiv.core import merkle
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, open_checkpoint, open_note

VECTORS = Path(os.environ.get("PROAKTIV_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no test vectors at {VECTORS}"),
]
MERKLE = VECTORS / "merkle-transparency-dev" / "testdata"
TESSERA = VECTORS / "tessera-log" / "testdata" / "log"
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
MIRROR = VECTORS / "sunlight-tiles/cmd/skylight/testdata/witness/mirror"
SUNLIGHT = MIRROR / "000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"


def b64(text: str) -> bytes:
    return base64.b64decode(text)


def wrongly_judged(kind: str) -> tuple[int, list[str]]:
    files = sorted((MERKLE / kind).rglob("*.json"))
    wrong = []
    for file in files:
        case = json.loads(file.read_text())
        proof = [b64(item) for item in case["proof"] or ()]
        if kind == "inclusion":
            accepted = merkle.verify_inclusion(
                case["leafIdx"], case["treeSize"], b64(case["leafHash"]), proof, b64(case["root"])
            )
        else:
            accepted = merkle.verify_consistency(
                case["size1"], case["size2"], b64(case["root1"]), b64(case["root2"]), proof
            )
        if accepted == case["wantErr"]:
            wrong.append(str(file.relative_to(MERKLE)))
    return len(files), wrong


@pytest.mark.flowlog_test(1)
def test_all_196_merkle_vectors_are_judged_as_published() -> None:
    inclusions, wrong_inclusions = wrongly_judged("inclusion")
    consistencies, wrong_consistencies = wrongly_judged("consistency")
    assert inclusions + consistencies == 196
    assert wrong_inclusions + wrong_consistencies == []


def tessera_entries() -> list[bytes]:
    bundle = (TESSERA / "tile/entries/000.p/15").read_bytes()
    entries = []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        entries.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return entries


@pytest.mark.flowlog_test(2)
@pytest.mark.parametrize("size", range(16))
def test_a_tessera_log_is_reproduced_byte_for_byte(size: int) -> None:
    leaves = [merkle.leaf_hash(entry) for entry in tessera_entries()[:size]]
    for (level, n), data in merkle.extend_tiles(0, leaves, lambda _level, _n: b"").items():
        assert (TESSERA / merkle.tile_path(level, n, len(data) // 32)).read_bytes() == data
    found = open_checkpoint((TESSERA / f"checkpoint.{size}").read_text(), TESSERA_KEY)
    assert found == Checkpoint("example.com/log/testdata", size, merkle.root_of(leaves))


@pytest.mark.flowlog_test(3)
def test_a_sunlight_tree_of_two_tiles_has_its_published_root() -> None:
    tiles = {(0, 0): "tile/0/000", (0, 1): "tile/0/001.p/44", (1, 0): "tile/1/000.p/1"}
    read = merkle.Tiles(lambda level, n: (SUNLIGHT / tiles[level, n]).read_bytes()).read
    _origin, size, root = (SUNLIGHT / "checkpoint").read_text().splitlines()[:3]
    assert int(size) == 300
    assert merkle.subtree_root(read, 0, 300) == b64(root)


def prototext_bytes(text: str) -> bytes:
    """Undo C escapes; what is not escaped stands there as UTF-8."""
    escapes = {
        "n": "\n",
        "r": "\r",
        "t": "\t",
        '"': '"',
        "'": "'",
        "\\": "\\",
        "a": "\a",
        "b": "\b",
        "f": "\f",
        "v": "\v",
    }

    def one(match: re.Match[bytes]) -> bytes:
        token = match[1].decode()
        if token[0] == "u":
            return chr(int(token[1:], 16)).encode()
        if token[0] == "x":
            return bytes([int(token[1:], 16)])
        return escapes[token].encode() if token in escapes else bytes([int(token, 8)])

    return re.sub(rb"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|[0-7]{1,3}|.)", one, text.encode(), flags=re.DOTALL)


@pytest.mark.flowlog_test(3)
@pytest.mark.parametrize(("size", "nodes"), [(96, 190), (871, 1735), (1000, 1994), (1024, 2047)])
def test_every_node_of_a_trillian_tree_has_its_published_hash(size: int, nodes: int) -> None:
    # Their leaves are hashed without the 0x00 prefix; the nodes above are those of the RFC.
    dump = (VECTORS / f"trillian-trees/integration/format/testdata/dump_tree_output_{size}").read_text()
    levels = merkle.levels_of([sha256(b"Leaf %d" % i).digest() for i in range(size)])
    prefix, seen, wrong = b"", 0, []
    for match in re.finditer(
        r'prefix: "(?P<p>(?:[^"\\]|\\.)*)"|key: "(?P<k>[^"]*)"\s+value: "(?P<v>(?:[^"\\]|\\.)*)"', dump
    ):
        if match["p"] is not None:
            prefix = prototext_bytes(match["p"])
            continue
        bits, path = b64(match["k"])[0], b64(match["k"])[1:]
        level = (8 - len(prefix)) * 8 - bits
        index = int.from_bytes(prefix, "big") << bits | (int.from_bytes(path, "big") >> 8 * len(path) - bits)
        seen += 1
        if levels[level][index] != prototext_bytes(match["v"]):
            wrong.append((level, index))
    assert wrong == []
    assert seen >= nodes


def notes() -> list[Any]:
    if not VECTORS.is_dir():
        return []
    groups = json.loads((VECTORS / "notes/notes_vectors.json").read_text())["groups"]
    return [
        pytest.param(case, id=f"{number}-{case['name']}")
        for number, group in enumerate(groups)
        for case in group.get("cases", ())
    ]


@pytest.mark.flowlog_test(4)
@pytest.mark.parametrize("case", notes())
def test_a_signed_note_is_judged_as_published(case: dict[str, Any]) -> None:
    if case["want"] == "ok":
        assert list(open_note(case["note"], case["vkeys"]).verified) == case["verified"]
    else:
        with pytest.raises(NoteError):
            open_note(case["note"], case["vkeys"])


@pytest.mark.flowlog_test(4)
def test_no_case_of_notes_checkpoints_proofs_and_witnesses_is_left_out() -> None:
    """39, as ``vectors/README.md`` counts: a rule about keys is one. Cosigned checkpoints stand with their tiles."""
    groups = json.loads((VECTORS / "notes/notes_vectors.json").read_text())["groups"]
    judged = ("cases", "witness_cases", "checkpoint_syntax", "tlog_proof_syntax", "bad_vkeys_rule")
    counts = {kind: sum(_count(group.get(kind, ())) for group in groups) for kind in judged}
    assert counts == dict(zip(judged, (16, 7, 7, 8, 1), strict=True))
    assert sum(counts.values()) == 39


def _count(found: Any) -> int:
    return 1 if isinstance(found, str) else len(found)


@pytest.mark.flowlog_test(4)
def test_every_piece_and_every_neighbour_of_a_key_is_refused() -> None:
    group = json.loads((VECTORS / "notes/notes_vectors.json").read_text())["groups"][0]
    good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert Vkey.parse(good).name == "PeterNeumann"
    pieces = {good[i:j] for i in range(len(good)) for j in range(i, len(good) + 1)} - {good}
    neighbours = {good[:i] + chr(ord(good[i]) + 1) + good[i + 1 :] for i in range(len(good))}
    for bad in (*group["bad_vkeys"], *sorted(pieces | neighbours)):
        with pytest.raises(NoteError):
            Vkey.parse(bad)
