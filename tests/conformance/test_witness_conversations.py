"""Conversations with other people's witnesses, word for word; never edited to pass.

The snapshot of litewitness is of 2025-06 and answers 403 for a log it does not know; the specification of today says
404. The conversation about sum.golang.org is not used: its log signs under another name than its origin, which this
witness refuses.
"""

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.flowlog.checkpoints import Checkpoint, Vkey, b64, sign_note, unb64
from proaktiv.flowlog.vouching.cosignatures import cosignatures
from proaktiv.flowlog.vouching.memory import Memory
from proaktiv.flowlog.vouching.witness import Witness, trust, write_request

VECTORS = Path(os.environ.get("PROAKTIV_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
TALK = VECTORS / "witness-torchwood" / "cmd" / "litewitness" / "testdata" / "litewitness.txt"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not TALK.is_file(), reason=f"no test vectors at {TALK}"),
]
NOW = datetime(2026, 10, 14, 8, 30, tzinfo=UTC)
SPECIFICATION_CHANGED = {"unknown log": 404}


def conversation() -> Iterator[tuple[str, int, str]]:
    """Yield what was sent, the status, and what the answer was asserted to hold."""
    pattern = (
        r"POST \S+\n```\n(?P<body>.*?)```\nHTTP (?P<status>\d+)\n\[Asserts\]\nbody (?:contains|==) \"(?P<said>[^\n]*)\""
    )
    for match in re.finditer(pattern, TALK.read_text(), re.DOTALL):
        yield match["body"], int(match["status"]), match["said"]


@pytest.mark.flowlog_test(6)
def test_litewitness_would_have_answered_the_same(tmp_path: Path) -> None:
    text = TALK.read_text()
    public = bytes.fromhex(re.search(r"add-sigsum-log -key=([0-9a-f]{64})", text)[1])  # type: ignore[index]
    origin = re.search(r"stdout (sigsum\.org/\S+)", text)[1]  # type: ignore[index]
    memory = Memory(tmp_path / "zeuge")
    key = memory.found("example.com/witness")
    trust(memory, str(Vkey(origin, public)))
    witness = Witness(memory)
    seen = []
    for body, status, said in conversation():
        answer = witness.add_checkpoint(body.encode(), NOW)
        assert answer.status == SPECIFICATION_CHANGED.get(said, status), body
        if status == 200:
            assert cosignatures(body.partition("\n\n")[2] + answer.body, [key])
        elif status == 409:
            assert answer.body == said.replace("\\n", "\n")
        seen.append(answer.status)
    assert seen == [200, 403, 404, 422, 422, 200, 409, 200, 409]
    assert memory.read().logs[origin].size == 5  # as the conversation ends


def cases() -> list[Any]:
    if not VECTORS.is_dir():
        return []
    groups = json.loads((VECTORS / "notes" / "notes_vectors.json").read_text())["groups"]
    return [pytest.param(group, case, id=case["name"]) for group in groups for case in group.get("witness_cases", ())]


@pytest.mark.flowlog_test(6)
@pytest.mark.parametrize(("group", "case"), cases())
def test_the_cases_of_another_witness_end_as_the_specification_says(
    tmp_path: Path, group: dict[str, Any], case: dict[str, Any]
) -> None:
    memory = Memory(tmp_path / "zeuge")
    memory.found("witness")
    trust(memory, group["log_vkey"])
    witness = Witness(memory)
    if case["init"] is not None:
        assert witness.add_checkpoint(write_request(0, [], case["init"]), NOW).status == 200
    note = case.get("new") or resigned(group, case)
    lines = "".join(f"{b64(bytes.fromhex(step))}\n" for step in case["proof_hex"])
    answer = witness.add_checkpoint(f"old {case['old']}\n{lines}\n{note}".encode(), NOW)
    assert answer.status == expected(case)


def resigned(group: dict[str, Any], case: dict[str, Any]) -> str:
    seed = unb64(group["log_skey"].split("+", 4)[4])[1:]
    point = Checkpoint("monkeys", case["new_size"], bytes.fromhex(case["new_root_hex"]))
    return sign_note(point.text(), "monkeys", Ed25519PrivateKey.from_private_bytes(seed))


def expected(case: dict[str, Any]) -> int:
    """Return the status of today's specification, where it says more than that witness of theirs did.

    A hash of two bytes is no line of a request at all; another root of the same size is a conflict.
    """
    if any(len(step) != 64 for step in case["proof_hex"]):
        return 400
    if "new_root_hex" in case:
        return 409
    return int(case["want"])
