"""The signatures under every note against Wycheproof's Ed25519 vectors; never edited to pass."""

import json

import pytest

from proaktiv.flowlog.alone.trust import LOG, Key
from proaktiv.flowlog.checkpoints import Vkey
from tests.conformance.vectors import VECTORS, needs

pytestmark = [*needs("wycheproof"), pytest.mark.flowlog_test(4)]


def test_every_signature_is_judged_as_published_by_both_readers() -> None:
    suite = json.loads((VECTORS / "wycheproof/testvectors_v1/ed25519_test.json").read_text())
    seen, wrong = 0, []
    for group in suite["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            seen += 1
            text, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            ours = Vkey("log.example", public).verifies(text, signature)
            alone = Key("log.example", LOG, public).signed(text, signature)
            if {ours, alone} != {case["result"] == "valid"}:
                wrong.append(case["tcId"])
    assert seen == suite["numberOfTests"] == 151
    assert wrong == []
