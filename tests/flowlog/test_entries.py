"""The formats are for ever: these bytes may never change."""

import json
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given, settings

from proaktiv.core.canonical import CanonicalError, checked
from proaktiv.core.flows import Kind
from proaktiv.core.keys import PersonKey
from proaktiv.flowlog import entries
from tests.depth import depth
from tests.flowlog.bodies import bodies
from tests.flowlog.conftest import NOW, a_flow

FID = UUID("0199e1b2-0000-7000-8000-000000000001")
PERSON = PersonKey(UUID("00000000-0000-4000-8000-00000000aaaa"))


def test_the_facts_of_a_plain_flow_are_these_bytes() -> None:
    assert (
        entries.facts_body(a_flow(), FID, entries.instant(NOW))
        == (
            '{"action":"event.received","basis":"§ 68 Abs. 3 PStG","categories":["geburt"],'
            '"flow":"0199e1b2-0000-7000-8000-000000000001","from":"standesamt-musterstadt","kind":"received","n":1,'
            '"purpose":"geburt","t":"2026-10-14T08:30:00.123456Z","to":"musterstadt","v":1}'
        ).encode()
    )


def test_the_facts_of_a_flow_with_everything_are_these_bytes() -> None:
    flow = a_flow(
        kind=Kind.OUTCOME,
        receiver_name="Standesamt Müsterstadt",
        receiver_system="webhook",
        scope="geburt/watch@1",
        rule="geburtsurkunde@2",
        outcome="sent",
        n=3,
        restrict=True,
        of=UUID(int=7),
        person=PERSON,
        consent="c-1",
        case="a-1",
    )
    assert (
        entries.facts_body(flow, FID, "2026-10-14T08:30:00.000000Z")
        == (
            '{"action":"event.received","basis":"§ 68 Abs. 3 PStG","categories":["geburt"],'
            '"flow":"0199e1b2-0000-7000-8000-000000000001","from":"standesamt-musterstadt","kind":"outcome","n":3,'
            '"of":"00000000-0000-0000-0000-000000000007","outcome":"sent","purpose":"geburt","restrict":true,'
            '"rule":"geburtsurkunde@2","scope":"geburt/watch@1","t":"2026-10-14T08:30:00.000000Z","to":"musterstadt",'
            '"to_name":"Standesamt Müsterstadt","to_system":"webhook","v":1}'
        ).encode()
    )


def test_the_facts_never_name_person_consent_or_case() -> None:
    flow = a_flow(person=PERSON, consent="consent-77", outbox="outbox-77", actor="clerk-77", case="case-77")
    body = entries.facts_body(flow, FID, entries.instant(NOW))
    assert b"77" not in body
    assert str(PERSON).encode() not in body


def test_subject_and_staff_parts_are_these_bytes() -> None:
    flow = a_flow(person=PERSON, consent="c-1", outbox="o-1", case="a-1", reason="V01")
    subject = b'"subject":"00000000-0000-4000-8000-00000000aaaa"}'
    assert entries.subject_body(flow, 4) == b'{"consent":"c-1","outbox":"o-1","seq":4,' + subject
    assert entries.subject_body(flow, None) == b'{"consent":"c-1","outbox":"o-1",' + subject
    assert entries.subject_body(a_flow(), None) == b""
    assert entries.staff_body(flow) == b'{"actor":"system","case":"a-1","reason":"V01"}'
    assert entries.staff_body(a_flow()) == b'{"actor":"system"}'


def test_an_entry_is_115_bytes_over_three_commitments() -> None:
    salt = bytes(range(32))
    commitments = [entries.commitment(group, salt, b"{}") for group in (b"F", b"S", b"A")]
    assert commitments == [sha256(b"proaktiv/commit/v1\n" + g + salt + b"{}").digest() for g in (b"F", b"S", b"A")]
    packed = entries.pack(Kind.REFUSED, *commitments)
    assert packed == b"proaktiv/flow/v1\n\x0a\x03" + b"".join(commitments)
    assert len(packed) == 115
    assert entries.unpack(packed) == entries.Entry(0x0A, *commitments)


@pytest.mark.parametrize("broken", [b"", b"x" * 115, b"proaktiv/flow/v1\n\x0a\x02" + b"c" * 96])
def test_other_bytes_are_no_entry(broken: bytes) -> None:
    with pytest.raises(ValueError, match="no entry"):
        entries.unpack(broken)


def test_an_instant_is_written_in_utc_with_microseconds() -> None:
    berlin = datetime(2026, 1, 2, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert entries.instant(berlin) == "2026-01-01T23:30:00.000000Z"


def test_a_name_outside_the_profile_is_refused() -> None:
    with pytest.raises(CanonicalError, match="to_name"):
        entries.facts_body(a_flow(receiver_name="Mu\u0308nster"), FID, entries.instant(NOW))


@pytest.mark.flowlog_test(7)
@settings(max_examples=depth(100, 20_000), deadline=None)
@given(bodies)
def test_the_profile_gives_the_bytes_of_a_full_jcs(body: dict[str, Any]) -> None:
    made = checked(body)
    assert made == rfc8785.dumps(body)
    assert checked(json.loads(made)) == made


@pytest.mark.flowlog_test(7)
@pytest.mark.parametrize(
    "body",
    [
        {"a": 1.5},
        {"a": None},
        {"A": 1},
        {"ä": 1},
        {"a1": 1},
        {1: 1},
        {"a": "\ud800"},
        {"a": "u\u0308"},
        {"a": 2**53},
        {"a": -(2**53)},
        {"a": [[[[[1]]]]]},
        {"a": "x" * 16_384},
        {"a": float("nan")},
        {"a": b"x"},
    ],
)
def test_what_lies_outside_the_profile_is_refused(body: dict[Any, Any]) -> None:
    with pytest.raises(CanonicalError):
        checked(body)
