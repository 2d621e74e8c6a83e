"""The doctor says whether the office's private keys open the keys of staff parts, and what to do if not."""

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from proaktiv.doctor.findings import Finding, Level
from proaktiv.flowlog.staff import _INFO, _SUITE
from tests.doctor.conftest import Installation

FORMER, PRESENT = (X25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def office(installation: Installation) -> Installation:
    """An office that holds the present pair; what was sealed so far was for a pair of before."""
    installation.does("DELETE FROM flow_secret")
    installation.does("DELETE FROM staff_keys")
    return installation.is_given(
        STAFF_PUBLIC_KEY=b64(PRESENT.public_key().public_bytes_raw()),
        STAFF_PRIVATE_KEY=b64(PRESENT.private_bytes_raw()),
    )


def holds(installation: Installation, number: int, to: X25519PrivateKey | None) -> None:
    """A key is stored, wrapped to a pair or to nobody's."""
    key_id = bytes([number]) * 16
    wrapped = _SUITE.encrypt(b"k" * 32, to.public_key(), info=_INFO + key_id) if to else b""
    installation.does(
        f"INSERT INTO staff_keys VALUES ('{key_id.hex()}', '2026-01-01', decode('{wrapped.hex()}', 'hex'), now())"
    )


def said(installation: Installation) -> Finding:
    return {each.check: each for each in installation.findings("office")}["staff keys"]


def test_keys_of_a_pair_of_before_are_missed_until_the_former_private_key_is_given(installation: Installation) -> None:
    office(installation)
    holds(installation, 1, FORMER)
    assert said(installation).level is Level.BROKEN
    holds(installation, 2, PRESENT)
    assert (said(installation).level, said(installation).says[:9]) == (Level.LOOK, "1 of 2 do")
    assert "_OTHERS" in said(installation).do
    installation.is_given(STAFF_PRIVATE_KEY_OTHERS=b64(FORMER.private_bytes_raw()))
    assert (said(installation).level, said(installation).says) == (Level.FINE, "all 2 open")


def test_a_row_that_was_wrapped_to_nobody_is_told_of_and_nothing_is_broken_by_it(installation: Installation) -> None:
    office(installation)
    holds(installation, 1, PRESENT)
    holds(installation, 2, None)
    assert said(installation).level is Level.LOOK
    assert "call the DSB" in said(installation).do


def test_an_office_without_a_private_key_is_not_asked(installation: Installation) -> None:
    assert "staff keys" not in {each.check for each in installation.findings("office")}
