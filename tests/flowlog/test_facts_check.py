"""Facts that somebody committed to and that no reader should have to bear."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from proaktiv.core.flows import Kind
from proaktiv.flowlog import entries
from proaktiv.flowlog.exports.lines import ExportedEntry
from proaktiv.flowlog.verifying.checks import RowCheck

FID = UUID("0199e1b2-0000-7000-8000-000000000001")


def found(body: bytes, salt: bytes = b"s" * 32, kind: Kind = Kind.RECEIVED) -> list[str]:
    facts = entries.commitment(b"F", salt, body)
    nobody = entries.commitment(b"S", b"n" * 32, b"")
    row = ExportedEntry(
        0,
        FID,
        FID,
        kind=int(kind),
        recorded_at=datetime(2026, 10, 14, tzinfo=UTC),
        f_salt=salt,
        f_bytes=body,
        entry=entries.pack(kind, facts, nobody, b"a" * 32),
        secret_fid=FID,
        s_blob=b"n" * 32,
        a_blob=b"",
        staff_key=b"",
    )
    return [f"{finding.what.value}: {finding.detail}" for finding in RowCheck().findings(row, 0, erased=False)]


@pytest.mark.parametrize("kind", [Kind.RECEIVED, Kind.ERASURE])
def test_a_body_nested_deeper_than_a_parser_goes_is_a_finding_and_no_crash(kind: Kind) -> None:
    assert found(b"[" * 100_000, kind=kind) == ["facts: not canonical"]
    assert found(b'{"a":' * 100_000, kind=kind) == ["facts: not canonical"]


def test_a_salt_of_another_length_is_a_finding_though_its_hash_fits() -> None:
    assert found(b"{}", b"s" * 31) == ["facts: bytes or salt are not what was committed"]
    assert "facts: bytes or salt are not what was committed" not in found(b"{}")
