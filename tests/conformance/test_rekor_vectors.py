"""Inclusion proofs and checkpoints of Sigstore bundles, judged as their folders are named; never edited to pass.

Of a bundle only what a transparency log says is ours: certificates, artefacts and time stamps are not. So a folder that
must fail for one of those reasons holds here.
"""

import json
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from proaktiv.core.merkle import leaf_hash, verify_inclusion
from proaktiv.flowlog.alone.spelling import Broken
from proaktiv.flowlog.alone.tree import leaf_of, root_by
from proaktiv.flowlog.alone.trust import Policy
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, open_note
from tests.conformance.vectors import VECTORS, needs

FOLDERS = VECTORS / "sigstore-conformance/test/assets/bundle-verify"
pytestmark = [*needs("sigstore-conformance"), pytest.mark.flowlog_test(5)]
OURS = ("checkpoint", "inclusion")
ECDSA = {"checkpoint-bad-keyhint_fail", "invalid-checkpoint-signature_fail"}
"""Checkpoints of the first Rekor, wrong only in their ECDSA signature: no key of that kind is ever trusted here."""


def names() -> list[str]:
    return sorted(path.name for path in FOLDERS.iterdir() if path.is_dir()) if FOLDERS.is_dir() else []


def keys_of(folder: Path) -> list[str]:
    """Return the Ed25519 keys of the trusted logs, under the names that they sign by."""
    if not (folder / "trusted_root.json").is_file():
        return []
    logs = json.loads((folder / "trusted_root.json").read_text())["tlogs"]
    return [
        str(Vkey(urlsplit(log["baseUrl"]).netloc, b64decode(log["publicKey"]["rawBytes"])[-32:]))
        for log in logs
        if log["publicKey"]["keyDetails"] == "PKIX_ED25519"
    ]


def log_entry(folder: Path) -> dict[str, Any]:
    (found,) = json.loads((folder / "bundle.sigstore.json").read_text())["verificationMaterial"]["tlogEntries"]
    assert isinstance(found, dict)
    return found


def holds(folder: Path) -> bool:
    """Return what proaktiv's own code says of the proof and the checkpoint of a bundle."""
    entry = log_entry(folder)
    proof = entry.get("inclusionProof")
    if proof is None:
        return False
    index, size = int(proof["logIndex"]), int(proof["treeSize"])
    path, root = [b64decode(step) for step in proof["hashes"]], b64decode(proof["rootHash"])
    if "checkpoint" in proof:
        try:
            said = signed(proof["checkpoint"]["envelope"], keys_of(folder))
        except NoteError:
            return False
        if (said.size, said.root) != (size, root):
            return False
    return verify_inclusion(index, size, leaf_hash(b64decode(entry["canonicalizedBody"])), path, root)


def signed(note: str, keys: list[str]) -> Checkpoint:
    """Return a checkpoint; the first Rekor signs by ECDSA and with a line more, so there its text alone is read."""
    if not keys:
        return Checkpoint.parse("".join(note.splitlines(keepends=True)[:3]))
    opened = open_note(note, keys)
    found = Checkpoint.parse(opened.text)
    if found.origin not in opened.verified:
        raise NoteError("of another log")
    return found


@pytest.mark.parametrize("name", names())
def test_a_bundles_proof_and_checkpoint_are_judged_as_its_folder_says(name: str) -> None:
    if name in ECDSA:
        pytest.skip("wrong only in an ECDSA signature, which nothing here trusts")
    must_fail = name.endswith("_fail") and any(word in name for word in OURS)
    assert holds(FOLDERS / name) == (not must_fail), name


@pytest.mark.parametrize("name", names())
def test_the_verifier_that_stands_alone_says_the_same(name: str) -> None:
    folder = FOLDERS / name
    entry, keys = log_entry(folder), keys_of(folder)
    proof = entry.get("inclusionProof")
    if not keys or proof is None:
        pytest.skip("no checkpoint that an Ed25519 key signed")
    policy = Policy(("".join(f"log {key}\n" for key in keys) + "quorum none\n").encode(), 0)
    try:
        head = policy.open(proof["checkpoint"]["envelope"].encode())
    except Broken:
        assert not holds(folder)
        return
    path = [b64decode(step) for step in proof["hashes"]]
    leaf = leaf_of(b64decode(entry["canonicalizedBody"]))
    assert (root_by(int(proof["logIndex"]), head.size, leaf, path) == head.root) == holds(folder)


@pytest.mark.flowlog_control(5)
def test_a_proof_of_another_entry_does_not_hold(tmp_path: Path) -> None:
    bundle = json.loads((FOLDERS / "rekor2-happy-path" / "bundle.sigstore.json").read_text())
    (tmp_path / "trusted_root.json").write_bytes((FOLDERS / "rekor2-happy-path" / "trusted_root.json").read_bytes())
    (tmp_path / "bundle.sigstore.json").write_text(json.dumps(bundle))
    assert holds(tmp_path)
    bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"] = b64encode(sha256(b"x").digest()).decode()
    (tmp_path / "bundle.sigstore.json").write_text(json.dumps(bundle))
    assert not holds(tmp_path)
