"""The doctor tells how far others vouch for the log."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.doctor.findings import Level
from proaktiv.flowlog.cosignatures import witness_key_of
from tests.doctor.conftest import Installation

KEY = witness_key_of("dsb.example/zeuge", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
ANSWER = "INSERT INTO witness_answer VALUES ('{}', '{}', 5, now())"


@pytest.fixture
def witnessed(installation: Installation) -> Installation:
    hosts = [*json.loads(installation.environment["PROAKTIV_OUTBOUND"]), "127.0.0.1:9"]
    return installation.is_given(
        WITNESSES=json.dumps({str(KEY): "http://127.0.0.1:9/zeuge"}), OUTBOUND=json.dumps(hosts)
    )


def told(installation: Installation, name: str) -> tuple[Level, str]:
    (finding,) = [finding for finding in installation.findings("sign") if finding.check == name]
    return finding.level, finding.says


@pytest.mark.parametrize(
    ("outcome", "level", "said"),
    [
        ("cosigned", Level.FINE, "knows 5 entries"),
        ("behind", Level.FINE, "knows 5 entries"),
        ("away", Level.LOOK, "does not help (away)"),
        ("refused", Level.LOOK, "does not help (refused)"),
        ("wrong", Level.BROKEN, "cannot be checked"),
        ("blocked", Level.BROKEN, "may not be called"),
        ("contradicts", Level.BROKEN, "knows a log of 5 entries that this one does not continue"),
    ],
)
def test_how_a_witness_answered_last_is_said(witnessed: Installation, outcome: str, level: Level, said: str) -> None:
    witnessed.does(ANSWER.format(KEY.name, outcome))
    assert told(witnessed, f"witness {KEY.name}")[0] is level
    assert said in told(witnessed, f"witness {KEY.name}")[1]


def test_a_witness_that_was_never_asked_is_said(witnessed: Installation) -> None:
    assert told(witnessed, f"witness {KEY.name}") == (Level.LOOK, "was not asked yet")


def test_who_has_no_witness_hears_nothing_of_them(installation: Installation) -> None:
    assert not [finding for finding in installation.findings("sign") if "witness" in finding.check]
