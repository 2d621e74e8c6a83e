"""What the DSB should look at. Each finding has its untouched twin: the same log without the harm has none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.flows import Kind
from proaktiv.flowlog.findings import MEANINGS, Code, Finding, counted, findings, queries
from tests.flowlog.conftest import NOW, World, a_flow

SOON = NOW + timedelta(seconds=2)
LATER = NOW + timedelta(hours=2)


def found(world: World, now: Any = SOON, **changes: Any) -> list[Finding]:
    with world.role("reader").transaction() as session:
        return findings(session, now, **changes)


def codes(world: World, now: Any = SOON) -> list[str]:
    return [finding.code.value for finding in found(world, now)]


def a_pair(world: World, person: Any = None) -> tuple[UUID, UUID]:
    """An authorised flow and its outcome."""
    flow = a_flow(kind=Kind.AUTHORISED, action="letter.announced", person=person)
    (fid,) = world.record(flow)
    (outcome,) = world.record(a_flow(kind=Kind.OUTCOME, action="letter.handed_over", of=fid, person=person))
    return fid, outcome


@pytest.fixture
def whole(world: World) -> World:
    """A signed log of a person with a pair of flows and something about nobody."""
    world.person = world.a_person()  # type: ignore[attr-defined]
    world.pair = a_pair(world, world.person)  # type: ignore[attr-defined]
    world.log_and_sign(a_flow())
    return world


def test_an_untouched_log_has_no_finding_and_the_application_may_look_as_well(whole: World) -> None:
    assert found(whole) == []
    with whole.role("app").transaction() as session:
        assert findings(session, LATER) == []


def test_an_authorised_flow_without_outcome_is_found_after_an_hour_and_not_before(whole: World) -> None:
    (fid,) = whole.log_and_sign(a_flow(kind=Kind.AUTHORISED))
    assert codes(whole, NOW + timedelta(minutes=59)) == []
    (finding,) = found(whole, LATER)
    assert (finding.code, finding.flow, finding.index, finding.at) == (Code.NO_OUTCOME, fid, 3, NOW)
    whole.record(a_flow(kind=Kind.OUTCOME, of=fid))
    whole.integrate()
    whole.sign()
    assert codes(whole, LATER) == []


@pytest.mark.parametrize("of", [None, UUID(int=7)], ids=["none named", "one that is not there"])
def test_an_outcome_of_nothing_is_found(whole: World, of: UUID | None) -> None:
    whole.log_and_sign(a_flow(kind=Kind.OUTCOME, of=of))
    assert codes(whole) == ["no_authorisation"]


def test_an_outcome_of_an_entry_that_authorised_nothing_is_found(whole: World) -> None:
    (fid,) = whole.record(a_flow(kind=Kind.ADMITTED))
    whole.log_and_sign(a_flow(kind=Kind.OUTCOME, of=fid))
    assert codes(whole) == ["no_authorisation"]


def test_what_waits_in_the_queue_is_found_after_ten_seconds(whole: World) -> None:
    whole.record(a_flow())
    assert codes(whole, NOW + timedelta(seconds=10)) == []
    assert codes(whole, NOW + timedelta(seconds=11)) == ["queue_late"]


def test_what_nobody_signs_is_found_after_ten_seconds(whole: World) -> None:
    whole.record(a_flow())
    whole.integrate()
    assert codes(whole, NOW + timedelta(seconds=10)) == []
    assert codes(whole, NOW + timedelta(seconds=11)) == ["signing_late"]
    whole.sign()
    assert codes(whole, NOW + timedelta(days=1)) == []


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize("column", ["sender", "receiver", "purpose", "basis", "scope", "outcome"])
def test_a_query_column_that_was_changed_is_found_at_its_entry(whole: World, column: str) -> None:
    whole.as_owner(f"UPDATE flow_log SET {column} = 'harmlos' WHERE kind = :kind", kind=int(Kind.RECEIVED))
    assert [(each.code, each.index) for each in found(whole)] == [(Code.COLUMN_CHANGED, 2)]


@pytest.mark.parametrize(
    "change", ["kind = 9", "kind = 99", "t = t + interval '1 microsecond'"], ids=["kind", "no kind", "time"]
)
def test_a_kind_or_an_instant_that_was_changed_is_found(whole: World, change: str) -> None:
    whole.as_owner(f"UPDATE flow_log SET {change} WHERE kind = :kind", kind=int(Kind.RECEIVED))
    assert codes(whole) == ["column_changed"]


@pytest.mark.parametrize("column", ["f_bytes", "f_salt"])
def test_bytes_that_were_changed_are_found_and_bring_no_error(whole: World, column: str) -> None:
    # Not text, not JSON: whoever casts it falls over it, and the DSB would see nothing at all.
    whole.as_owner(
        f"UPDATE flow_log SET {column} = overlay({column} PLACING '\\xff00'::bytea FROM 3) WHERE kind = :kind",
        kind=int(Kind.RECEIVED),
    )
    assert [(each.code, each.index) for each in found(whole)] == [(Code.FACTS_CHANGED, 2)]


def test_a_deleted_row_is_missed_at_its_place(whole: World) -> None:
    whole.as_owner("DELETE FROM flow_secret WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)")
    whole.as_owner("DELETE FROM flow_log WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)")
    assert [(each.code, each.index) for each in found(whole)] == [(Code.ROW_MISSING, 2)]


@pytest.mark.flowlog_test(20)
def test_a_subject_part_taken_away_in_silence_is_found(whole: World) -> None:
    whole.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = :fid", fid=whole.pair[1])  # type: ignore[attr-defined]
    assert [(each.code, each.index) for each in found(whole) if each.code is not Code.SEQUENCE_GAP] == [
        (Code.PART_MISSING, 1)
    ]


@pytest.mark.parametrize(
    "change", ["a_blob = NULL", "staff_key = NULL", "s_blob = NULL"], ids=["staff part", "its key", "part, not index"]
)
def test_another_part_taken_away_is_found(whole: World, change: str) -> None:
    whole.as_owner(f"UPDATE flow_secret SET {change} WHERE fid = :fid", fid=whole.pair[1])  # type: ignore[attr-defined]
    assert codes(whole) == ["part_missing"]


@pytest.mark.flowlog_test(15)
def test_a_row_deleted_before_it_had_a_place_is_found_by_the_persons_numbers(whole: World) -> None:
    person = whole.person  # type: ignore[attr-defined]
    (gone,) = whole.record(a_flow(person=person))
    _steal(whole, gone)
    whole.log_and_sign(a_flow(person=person))
    (finding,) = found(whole)
    assert finding.code is Code.SEQUENCE_GAP
    assert finding.detail == "1 numbers of one person are missing"
    assert str(person) not in str(finding.to_json())


@pytest.mark.flowlog_control(15)
def test_control_a_log_that_numbers_nobody_does_not_notice_what_was_stolen_from_its_queue(whole: World) -> None:
    person = whole.person  # type: ignore[attr-defined]
    (gone,) = whole.record(a_flow(person=person))
    _steal(whole, gone)
    whole.as_owner("UPDATE subject_heads SET seq = seq - 1")  # the number was never given
    whole.log_and_sign(a_flow(person=person))
    assert found(whole) == []
    assert whole.verify().ok


def test_a_restricted_entry_takes_no_number_and_leaves_no_gap(whole: World) -> None:
    person = whole.person  # type: ignore[attr-defined]
    whole.log_and_sign(a_flow(person=person, restrict=True), a_flow(person=person))
    assert found(whole) == []


def test_an_entry_younger_than_its_signature_is_found(whole: World) -> None:
    whole.record(a_flow(), now=NOW + timedelta(minutes=10))
    whole.integrate()
    whole.sign()  # a second after NOW
    assert [(each.code, each.index) for each in found(whole)] == [(Code.TIME_AHEAD, 3)]


def test_a_demonstrations_clock_that_runs_ahead_is_no_finding(whole: World) -> None:
    whole.as_owner("UPDATE demo_clock SET offset_seconds = 600")
    whole.record(a_flow(), now=NOW + timedelta(minutes=10))
    whole.integrate()
    whole.sign()
    assert found(whole) == []


_OUTWARD = {
    "delivery": "INSERT INTO deliveries (id, matter, purpose, channel, run, state, reason, tries, wire_id, flow_id,"
    " made_at, moved_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'tell', 'LETTER', 1, 'sent', '', 0, '', :fid,"
    " :now, :now)",
    "hand-over": "INSERT INTO handovers (id, auftrag, attempt, behoerde, wire_id, state, reason, flow_id, made_at,"
    " moved_at) VALUES (gen_random_uuid(), gen_random_uuid(), 1, '', '', 'sent', '', :fid, :now, :now)",
    "look-up": "INSERT INTO lookups (id, person, register_name, names, state, tries, due_at, wire_id, flow_id)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 'MELDEREGISTER', '[]', 'answered', 0, :now, '', :fid)",
}
_TABLES = {"delivery": "deliveries", "hand-over": "handovers", "look-up": "lookups"}


@pytest.mark.parametrize("what", sorted(_OUTWARD))
def test_what_went_out_that_no_authorised_entry_explains_is_found(whole: World, what: str) -> None:
    authorised, outcome = whole.pair  # type: ignore[attr-defined]
    whole.as_owner(_OUTWARD[what], fid=authorised, now=NOW)
    assert found(whole) == []
    # The database would refuse it; whoever owns the database can take its wall away.
    whole.as_owner(f"ALTER TABLE {_TABLES[what]} DISABLE TRIGGER names_authorised")
    whole.as_owner(_OUTWARD[what], fid=outcome, now=NOW)
    (finding,) = found(whole)
    assert (finding.code, finding.flow, finding.detail) == (
        Code.UNEXPLAINED_EGRESS,
        outcome,
        f"a {what} without an authorised entry",
    )


def test_a_look_up_that_waits_under_what_it_is_wanted_by_went_nowhere_and_is_no_finding(whole: World) -> None:
    (fid,) = whole.log_and_sign(a_flow(kind=Kind.ADMITTED))
    whole.as_owner(_OUTWARD["look-up"].replace("answered", "wanted"), fid=fid, now=NOW)
    assert found(whole) == []


def test_old_entries_are_looked_at_only_on_demand(whole: World) -> None:
    whole.log_and_sign(a_flow(kind=Kind.AUTHORISED))
    late = NOW + timedelta(days=40)
    assert codes(whole, late) == []
    assert [each.code for each in found(whole, late, since=NOW - timedelta(days=1))] == [Code.NO_OUTCOME]


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM flow_secret WHERE fid = :fid",
        *(f"UPDATE flow_secret SET {part} = NULL WHERE fid = :fid" for part in ("a_blob", "staff_key")),
    ],
    ids=["sealed parts", "staff part", "its key"],
)
def test_what_is_missing_is_looked_for_in_the_whole_log_however_old_it_is(whole: World, harm: str) -> None:
    late = NOW + timedelta(days=40)
    fid = whole.one("SELECT fid FROM flow_leaf WHERE idx = 2")
    assert found(whole, late) == [], "the control"
    whole.as_owner(harm, fid=fid)
    assert [(each.code, each.index) for each in found(whole, late)] == [(Code.PART_MISSING, 2)]


def test_a_row_deleted_long_ago_is_missed_at_its_place(whole: World) -> None:
    late = NOW + timedelta(days=40)
    whole.as_owner("DELETE FROM flow_secret WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)")
    whole.as_owner("DELETE FROM flow_log WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 2)")
    assert [(each.code, each.index) for each in found(whole, late)] == [(Code.ROW_MISSING, 2)]


# the quick way and the sure one --------------------------------------------------------------------------------------

ODD = {"sender": 'das "Amt"', "receiver": "C:\\Ämter", "purpose": "a\tb", "basis": "§ 1 (2) – „x“", "scope": "%_@1"}


def test_columns_with_quotes_tabs_and_umlauts_say_what_their_bytes_say(whole: World) -> None:
    whole.log_and_sign(a_flow(**ODD, outcome='"'), *(a_flow(**{name: value}) for name, value in ODD.items()))
    assert found(whole) == []


@pytest.mark.parametrize("column", sorted(ODD))
def test_another_quote_or_sign_in_such_a_column_is_found(whole: World, column: str) -> None:
    (fid,) = whole.log_and_sign(a_flow(**ODD))
    whole.as_owner(
        f"UPDATE flow_log SET {column} = overlay({column} PLACING '!' FROM 2 FOR 1) WHERE fid = :fid", fid=fid
    )
    assert [(each.code, each.flow) for each in found(whole)] == [(Code.COLUMN_CHANGED, fid)]


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("receiver", 'musterstadt","to_name":"Amt'),
        ("outcome", 'done","purpose":"geburt'),
        ("outcome", ""),
        ("scope", ""),
        ("outcome", "don"),
        ("scope", "eburt/match@1"),
    ],
    ids=["runs on", "runs on before", "emptied", "scope emptied", "its beginning", "its end"],
)
def test_a_column_that_was_cut_or_runs_on_into_the_next_words_of_the_bytes_is_found(
    whole: World, column: str, value: str
) -> None:
    (fid,) = whole.log_and_sign(a_flow(receiver_name="Amt", outcome="done", scope="geburt/match@1"))
    assert found(whole) == []
    whole.as_owner(f"UPDATE flow_log SET {column} = :value WHERE fid = :fid", value=value, fid=fid)
    assert [(each.code, each.flow) for each in found(whole)] == [(Code.COLUMN_CHANGED, fid)]


def test_among_several_signatures_the_one_that_covers_an_entry_is_the_one_it_is_younger_than(whole: World) -> None:
    for minute in (0, 3, 0):
        whole.record(a_flow(), now=NOW + timedelta(minutes=minute))
        whole.integrate()
        whole.sign()
    whole.as_owner("UPDATE checkpoint SET published_at = :at WHERE size = 6", at=NOW + timedelta(minutes=2, seconds=30))
    whole.record(a_flow())
    whole.integrate()
    (finding,) = found(whole)
    assert (finding.code, finding.index) == (Code.TIME_AHEAD, 4)
    assert found(whole, since=NOW + timedelta(minutes=2)) == [], (
        "the one that covers it is older than what is asked for"
    )


# no time --------------------------------------------------------------------------------------------------------------

SLOW = text("SELECT pg_sleep(600), true AS facts")


def test_what_takes_too_long_is_ended_and_said_and_the_rest_is_told(
    whole: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole.log_and_sign(a_flow(kind=Kind.OUTCOME))
    monkeypatch.setattr(queries, "CHANGED", SLOW)
    with whole.role("reader").transaction() as session:
        limit = "SELECT set_config('statement_timeout', '77s', true)"
        session.connection().exec_driver_sql(limit)
        seen = findings(session, SOON, within=timedelta(seconds=10))
        left = session.connection().exec_driver_sql("SHOW statement_timeout").scalar_one()
    assert [each.code for each in seen] == [Code.NO_AUTHORISATION, *[Code.UNFINISHED] * 4]
    assert [each.detail.partition(":")[0] for each in seen[1:]] == [
        *("facts_changed", "column_changed"),
        *("row_missing", "part_missing"),  # those of the whole log come last
    ]
    assert seen[1].detail == "facts_changed: log findings has the time for it"
    assert left == "77s", "the transaction's other statements have the time they had"


def test_without_any_time_nothing_is_called_fitting(whole: World) -> None:
    seen = found(whole, within=timedelta(0))
    assert {each.code for each in seen} == {Code.UNFINISHED}
    assert {each.detail.partition(":")[0] for each in seen} == {code.value for code in Code} - {"unfinished"}


def test_another_error_than_the_end_of_its_time_is_not_passed_over(
    whole: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "CHANGED", text("SELECT 1 / 0 AS facts"))
    with pytest.raises(Exception, match="division by zero"):
        found(whole, within=timedelta(minutes=1))


def test_counts_leave_out_what_is_not_there(whole: World) -> None:
    whole.log_and_sign(a_flow(kind=Kind.OUTCOME), a_flow(kind=Kind.OUTCOME))
    assert counted(found(whole)) == {"no_authorisation": 2}


def test_every_code_has_its_words() -> None:
    assert set(MEANINGS) == set(Code)


def _steal(world: World, fid: UUID) -> None:
    take: Callable[[str], None] = lambda table: world.as_owner(f"DELETE FROM {table} WHERE fid = :fid", fid=fid)  # noqa: E731
    for table in ("flow_queue", "flow_secret", "flow_log"):
        take(table)
