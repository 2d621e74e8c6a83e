"""Time stamps of other authorities, good and attacked, against test data of others; never edited to pass."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused

VECTORS = Path(os.environ.get("PROAKTIV_VECTORS") or Path(__file__).parents[3] / "shared" / "vectors")
FIXTURES = VECTORS / "rfc3161" / "test" / "fixtures"
pytestmark = [
    pytest.mark.conformance,
    pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no test vectors at {FIXTURES}"),
]


def stamped(folder: str, token: str, content: bytes = b"hello", chain: str = "") -> datetime:
    authority = Stamper.parse((FIXTURES / (chain or folder) / "ts_chain.pem").read_bytes())
    return authority.stamped_at((FIXTURES / folder / token).read_bytes(), content)


@pytest.mark.flowlog_test(24)
@pytest.mark.parametrize(
    ("folder", "token", "at"),
    [
        ("sigstage", "response-sha256.tsr", "2025-05-09T11:58:55+00:00"),
        ("sigstage", "response-sha384.tsr", "2025-05-09T11:58:55+00:00"),
        ("sigstage", "response-sha512.tsr", "2025-05-09T11:58:56+00:00"),
        ("sigstage", "response-no-embedded-cert.tsr", "2025-06-18T08:13:02+00:00"),
        ("test_tsa", "response.tsr", "2024-10-08T15:40:32+00:00"),
    ],
)
def test_a_good_stamp_is_believed(folder: str, token: str, at: str) -> None:
    assert stamped(folder, token).isoformat() == at


@pytest.mark.flowlog_test(24)
def test_a_certificate_that_is_over_today_was_good_when_it_stamped() -> None:
    content = (FIXTURES / "sigstore.mock" / "payload").read_bytes()
    assert stamped("sigstore.mock", "response-expired.tsr", content).year == 2023


@pytest.mark.flowlog_test(24)
@pytest.mark.parametrize(
    ("folder", "token", "content", "chain"),
    [
        ("sigstage", "response-invalid-signature.tsr", b"hello", ""),
        ("sigstage", "response-sha256.tsr", b"hellp", ""),
        ("sigstage", "response-sha256.tsr", b"hello", "test_tsa"),
        ("test_tsa", "other_response.tsr", b"hello", ""),
        ("test_tsa", "response.tsr", b"hello", "sigstage"),
    ],
)
def test_a_bad_one_is_refused(folder: str, token: str, content: bytes, chain: str) -> None:
    with pytest.raises(StampRefused):
        stamped(folder, token, content, chain)


@pytest.mark.flowlog_test(24)
def test_certificates_slipped_into_a_stamp_do_not_change_who_signed_it() -> None:
    assert stamped("test_tsa", "response-injected-certs.tsr") == stamped("test_tsa", "response.tsr")
    with pytest.raises(StampRefused):
        stamped("test_tsa", "response-injected-certs.tsr", chain="sigstage")
