"""A time stamp is believed for these very bytes, from an authority that we named, and for no others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from proaktiv.flowlog.vouching.timestamps import Stamper, StampRefused, query_for
from tests.flowlog.authority import LocalAuthority, needs_openssl

pytestmark = needs_openssl
CONTENT = b"flowlog.musterstadt.example/1\n3\n"


@pytest.fixture
def authority(tmp_path: Path) -> LocalAuthority:
    return LocalAuthority(tmp_path / "tsa")


@pytest.mark.flowlog_test(24)
def test_a_good_stamp_says_when_the_authority_saw_it(authority: LocalAuthority) -> None:
    query = query_for(CONTENT)
    token = authority.reply(query.body)
    for asked in (query, None):
        at = authority.trusted.stamped_at(token, CONTENT, asked)
        assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)
        assert at.tzinfo is UTC


@pytest.mark.flowlog_test(24)
def test_a_stamp_of_other_bytes_is_refused(authority: LocalAuthority) -> None:
    token = authority.reply(query_for(CONTENT).body)
    with pytest.raises(StampRefused, match="Mismatch between messages"):
        authority.trusted.stamped_at(token, CONTENT + b" ")


@pytest.mark.flowlog_test(24)
def test_an_answer_to_somebody_elses_question_is_refused(authority: LocalAuthority) -> None:
    token = authority.reply(query_for(CONTENT).body)
    with pytest.raises(StampRefused, match="Nonce mismatch"):
        authority.trusted.stamped_at(token, CONTENT, query_for(CONTENT))


@pytest.mark.flowlog_test(24)
def test_no_byte_of_a_stamp_can_be_changed(authority: LocalAuthority) -> None:
    token = authority.reply(query_for(CONTENT).body)
    trusted = authority.trusted
    at = trusted.stamped_at(token, CONTENT)
    believed = []
    for place in range(0, len(token), 7):
        changed = bytearray(token)
        changed[place] ^= 1
        try:
            if trusted.stamped_at(bytes(changed), CONTENT) != at:
                believed.append(place)
        except StampRefused:
            continue
    assert believed == []


@pytest.mark.flowlog_test(24)
def test_a_certificate_that_was_over_when_it_stamped_is_refused(tmp_path: Path) -> None:
    ended = LocalAuthority(tmp_path / "ended", ended=True)
    with pytest.raises(StampRefused, match="expired"):
        ended.trusted.stamped_at(ended.reply(query_for(CONTENT).body), CONTENT)


@pytest.mark.flowlog_test(24)
def test_another_authority_is_refused(authority: LocalAuthority, tmp_path: Path) -> None:
    other = LocalAuthority(tmp_path / "other")
    with pytest.raises(StampRefused, match="local issuer certificate"):
        authority.trusted.stamped_at(other.reply(query_for(CONTENT).body), CONTENT)


@pytest.mark.flowlog_control(24)
def test_control_without_the_comparison_another_content_would_pass(
    authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = authority.reply(query_for(CONTENT).body)
    monkeypatch.setattr("rfc3161_client.verify._Verifier.verify_message", lambda *_: True)
    assert authority.trusted.stamped_at(token, b"something else")


@pytest.mark.parametrize("junk", [b"", b"\x30", b"x" * 5000, b"\x30\x03\x02\x01\x00"])
def test_what_is_no_answer_is_refused(authority: LocalAuthority, junk: bytes) -> None:
    with pytest.raises(StampRefused):
        authority.trusted.stamped_at(junk, CONTENT)


def test_an_authority_is_named_by_its_root(authority: LocalAuthority) -> None:
    own, root = ((authority.folder / name).read_bytes() for name in ("tsa.pem", "root.pem"))
    assert Stamper.parse(root + own).pinned is not None
    for pem, told in ((b"", "not PEM"), (own, "by its root"), (root + own + own, "at most one")):
        with pytest.raises(StampRefused, match=told):
            Stamper.parse(pem)
