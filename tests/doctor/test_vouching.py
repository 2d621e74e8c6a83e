"""The doctor tells how far others vouch for the log."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.doctor.findings import Level
from proaktiv.flowlog.vouching.cosignatures import witness_key_of
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


def test_a_contradiction_is_said_whatever_the_witness_answered_since(witnessed: Installation) -> None:
    witnessed.does(ANSWER.format(KEY.name, "away"))
    witnessed.does(f"INSERT INTO contradiction VALUES ('{KEY.name}', now(), 9, NULL)")
    level, said = told(witnessed, f"witness {KEY.name}")
    assert (level, "a log of 9 entries that this one does not continue" in said) == (Level.BROKEN, True)
    witnessed.does("UPDATE contradiction SET settled_at = now()")
    assert told(witnessed, f"witness {KEY.name}")[0] is Level.LOOK


def test_a_witness_that_was_never_asked_is_said(witnessed: Installation) -> None:
    assert told(witnessed, f"witness {KEY.name}") == (Level.LOOK, "was not asked yet")


def test_who_has_no_witness_hears_nothing_of_them(installation: Installation) -> None:
    assert not [finding for finding in installation.findings("sign") if "witness" in finding.check]


def test_a_witness_whose_name_leads_where_nobody_may_be_called_is_named(installation: Installation) -> None:
    outbound = [*json.loads(installation.environment["PROAKTIV_OUTBOUND"]), "10.20.0.7"]
    given = installation.is_given(
        WITNESSES=json.dumps({str(KEY): "https://10.20.0.7:7380"}), OUTBOUND=json.dumps(outbound)
    )
    check = f"address of PROAKTIV_WITNESSES ({KEY.name})"
    assert "is never called" in given.ill("sign")[check].says
    assert "PROAKTIV_LOG_PRIVATE_ADDRESSES" in given.ill("sign")[check].do
    given.is_given(LOG_PRIVATE_ADDRESSES='{"10.20.0.7": ["10.20.0.8"]}')
    assert "not named for it: 10.20.0.7" in given.ill("sign")[check].says
    given.is_given(LOG_PRIVATE_ADDRESSES='{"10.20.0.7": ["10.20.0.7"]}')
    assert told(given, check) == (Level.FINE, "leads to an address that may be called")


def test_a_behoerde_at_the_address_of_a_witness_is_still_not_called(installation: Installation) -> None:
    outbound = [*json.loads(installation.environment["PROAKTIV_OUTBOUND"]), "10.20.0.7"]
    installation.is_given(
        WITNESSES=json.dumps({str(KEY): "https://10.20.0.7:7380"}),
        OUTBOUND=json.dumps(outbound),
        LOG_PRIVATE_ADDRESSES='{"10.20.0.7": ["10.20.0.7"]}',
    ).does("UPDATE behoerden SET endpoint = 'https://10.20.0.7:7380/' WHERE dispatcher = 'webhook'")
    behoerden = [finding for check, finding in installation.ill().items() if check.startswith("Behörde ")]
    assert behoerden
    assert all("is never called" in finding.says for finding in behoerden)
