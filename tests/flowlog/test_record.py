"""No log, no flow: entries live and die with the transaction of what they tell about."""

import json
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from notifiers.model import Clearance
from proaktiv.core.errors import NotSafe
from proaktiv.core.flows import Kind
from proaktiv.core.keys import PersonKey
from proaktiv.flowlog import record
from proaktiv.flowlog.entries import unpack
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.staff import StaffReader
from proaktiv.vault import Compartment, Destroyed, NotHeld, NotPermitted, SealBroken
from tests.flowlog.conftest import NOW, OFFICE_KEY, World, a_flow, a_proof


def subject_parts(world: World, person: PersonKey) -> list[dict[str, Any]]:
    """What a person finds under their own index, in the order of the log."""
    found = []
    with world.role("app").transaction() as session:
        ring = world.vault.ring(session, [person], (Compartment.FLOW,))
        rows = session.connection().execute(
            text(
                "SELECT s.s_blob, l.entry FROM flow_secret s JOIN flow_log l USING (fid)"
                " JOIN flow_leaf i USING (fid) WHERE s.subj = :subj ORDER BY i.idx"
            ),
            {"subj": world.log.subj(person)},
        )
        for blob, entry in rows:
            plain = ring.decrypt(a_proof(person), person, Compartment.FLOW, blob, unpack(entry).subject)
            found.append(json.loads(plain[32:]))
    return found


def counts(world: World) -> list[int]:
    tables = ("flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys")
    return [world.one(f"SELECT count(*) FROM {table}") for table in tables]


def test_ids_come_back_in_the_order_of_the_flows(world: World) -> None:
    flows = [a_flow(purpose=f"p-{number}") for number in range(50)]
    fids = world.record(*flows)
    purposes = dict(world.rows("SELECT fid, purpose FROM flow_log"))
    assert [purposes[fid] for fid in fids] == [flow.purpose for flow in flows]
    world.integrate()
    assert [fid for (fid,) in world.rows("SELECT fid FROM flow_leaf ORDER BY idx")] == fids


@pytest.mark.parametrize("kind", [Kind.CONSENT_CHANGED, Kind.CONFIRMED])
def test_what_gives_or_ends_a_consent_cannot_be_kept_from_its_person(world: World, kind: Kind) -> None:
    person = world.a_person()
    with pytest.raises(ValueError, match="never kept"):
        world.record(a_flow(person=person, kind=kind, restrict=True))
    world.record(a_flow(person=person, kind=kind), a_flow(person=person, restrict=True))


def test_recording_nothing_writes_nothing(world: World) -> None:
    assert world.record() == []
    assert counts(world) == [0, 0, 0, 0, 0]


@pytest.mark.flowlog_test(8)
def test_a_rollback_leaves_nothing(world: World) -> None:
    person = world.a_person()
    with world.role("app").transaction() as session:
        world.log.record(session, [a_flow(person=person), a_flow()], NOW)
        session.rollback()
    assert counts(world) == [0, 0, 0, 0, 0]
    world.log_and_sign(a_flow(person=person))
    assert [part["seq"] for part in subject_parts(world, person)] == [1]
    assert world.verify_opened([person]) == []


@pytest.mark.flowlog_test(11)
def test_where_the_log_cannot_be_written_the_flow_does_not_happen(world: World) -> None:
    world.as_owner("REVOKE INSERT ON flow_queue FROM proaktiv_app")

    def flow() -> None:
        with world.role("app").transaction() as session:
            session.connection().execute(
                text("INSERT INTO persons (person, status, since) VALUES (:p, 'active', now())"), {"p": UUID(int=1)}
            )
            world.log.record(session, [a_flow()], NOW)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        flow()
    assert world.rows("SELECT person FROM persons") == []


def test_a_persons_entries_are_numbered_without_gap_over_calls_and_processes(world: World) -> None:
    anna, ben = world.a_person(), world.a_person()
    world.record(a_flow(person=anna), a_flow(person=ben), a_flow(person=anna), a_flow())
    world.log = world.another_process()
    world.record(a_flow(person=anna), a_flow(person=ben, restrict=True), a_flow(person=ben))
    world.integrate()
    assert [part["seq"] for part in subject_parts(world, anna)] == [1, 2, 3]
    assert [part.get("seq") for part in subject_parts(world, ben)] == [1, None, 2]
    assert {part["subject"] for part in subject_parts(world, anna)} == {str(anna)}


def test_nothing_stored_in_the_open_leads_to_the_person(world: World) -> None:
    person = world.a_person()
    world.record(a_flow(person=person, consent="consent-77", actor="clerk-77", case="case-77", reason="V01-77"))
    stored = b"".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
        for table in ("flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys")
        for row in world.rows(f"SELECT * FROM {table}")
        for value in row
    )
    for secret in (person.bytes, str(person).encode(), b"77"):
        assert secret not in stored
    assert b"geburt" in stored  # the control: what is open is found


def test_a_subject_part_opens_for_its_person_alone_and_at_its_entry_alone(world: World) -> None:
    anna, ben = world.a_person(), world.a_person()
    world.record(a_flow(person=anna), a_flow(person=anna))
    (one, entry), (_other, other_entry) = world.rows("SELECT s_blob, entry FROM flow_secret JOIN flow_log USING (fid)")
    with world.role("app").transaction() as session:
        ring = world.vault.ring(session, [anna, ben], (Compartment.FLOW,))
    assert ring.decrypt(a_proof(anna), anna, Compartment.FLOW, one, unpack(entry).subject)
    with pytest.raises(NotPermitted):
        ring.decrypt(a_proof(ben), anna, Compartment.FLOW, one, unpack(entry).subject)
    with pytest.raises(SealBroken):
        ring.decrypt(a_proof(anna), anna, Compartment.FLOW, one, unpack(other_entry).subject)


def test_a_person_whose_keys_are_gone_gets_no_entry(world: World) -> None:
    with pytest.raises(Destroyed):
        world.record(a_flow(person=PersonKey(world.ids.secret())))
    assert counts(world) == [0, 0, 0, 0, 0]


def test_a_ring_that_is_given_is_used(world: World) -> None:
    person = world.a_person()
    with world.role("app").transaction() as session:
        ring = world.vault.ring(session, [person], (Compartment.FLOW,))
        world.log.record(session, [a_flow(person=person)], NOW, ring)
    world.log_and_sign()
    assert world.verify_opened([person]) == []


def test_an_authorised_flow_gets_its_clearance_and_another_kind_does_not(world: World) -> None:
    with world.role("app").transaction() as session:
        made = world.log.authorise(
            session,
            [(a_flow(kind=Kind.AUTHORISED), "w-1"), (a_flow(kind=Kind.AUTHORISED, purpose="umzug"), "w-2")],
            NOW,
        )
        assert world.log.authorise(session, [], NOW) == []
        with pytest.raises(ValueError, match="AUTHORISED"):
            world.log.authorise(session, [(a_flow(), "w-3")], NOW)
    stored = dict(world.rows("SELECT purpose, fid FROM flow_log WHERE kind = 1"))
    assert made == [Clearance(stored["geburt"], "w-1", NOW), Clearance(stored["umzug"], "w-2", NOW)]


def test_the_application_can_neither_change_nor_delete_what_it_logged(world: World) -> None:
    world.record(a_flow())
    for statement in (
        "UPDATE flow_log SET sender = 'x'",
        "DELETE FROM flow_log",
        "UPDATE flow_secret SET subj = NULL",
        "DELETE FROM flow_secret",
        "DELETE FROM flow_queue",
        "UPDATE staff_keys SET wrapped = ''",
        "DELETE FROM staff_keys",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), world.role("app").transaction() as session:
            session.connection().execute(text(statement))


def test_two_sets_with_the_same_people_the_other_way_round_do_not_block_each_other(world: World) -> None:
    people = [world.a_person() for _ in range(12)]
    failures: list[BaseException] = []
    start = threading.Barrier(2)

    def write(order: list[PersonKey]) -> None:
        try:
            start.wait()
            for _ in range(15):
                world.record(*(a_flow(person=person) for person in order))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            failures.append(error)

    threads = [threading.Thread(target=write, args=(order,)) for order in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {seq for (seq,) in world.rows("SELECT seq FROM subject_heads")} == {30}


# staff parts ----------------------------------------------------------------------------------------------------------


def staff_parts(world: World) -> list[dict[str, Any]]:
    reader = StaffReader((OFFICE_KEY.private_bytes_raw(),))
    with world.role("app").transaction() as session:
        reader.load(session)
    rows = world.rows(
        "SELECT staff_key, a_blob, entry FROM flow_secret JOIN flow_log USING (fid)"
        " JOIN flow_queue USING (fid) ORDER BY qid"
    )
    return [json.loads(reader.open(key, blob, unpack(entry).staff)[32:]) for key, blob, entry in rows]


def test_the_office_reads_who_acted_and_why(world: World) -> None:
    world.record(a_flow(actor="clerk-1", case="a-1", reason="V05"))
    assert staff_parts(world) == [{"actor": "clerk-1", "case": "a-1", "reason": "V05"}]


def test_one_key_serves_a_process_for_a_month_once_it_is_committed(world: World) -> None:
    for _ in range(4):
        world.record(a_flow())
    assert world.one("SELECT count(*) FROM staff_keys") == 1
    world.record(a_flow(), now=NOW + timedelta(days=31))
    assert world.one("SELECT count(*) FROM staff_keys") == 2
    world.log = world.another_process()
    world.record(a_flow())
    assert world.one("SELECT count(*) FROM staff_keys") == 3
    assert len(staff_parts(world)) == 6


def test_a_key_whose_transaction_was_rolled_back_is_never_used_again(world: World) -> None:
    with world.role("app").transaction() as session:
        world.log.record(session, [a_flow()], NOW)
        world.log.record(session, [a_flow()], NOW)  # in the same transaction its own row is there
        session.rollback()
    world.record(a_flow(actor="clerk-1"))
    world.record(a_flow(actor="clerk-2"))
    assert [part["actor"] for part in staff_parts(world)] == ["clerk-1", "clerk-2"]


def test_a_key_that_was_rolled_back_to_a_savepoint_is_not_used_after_it(world: World) -> None:
    with world.role("app").transaction() as session:
        point = session.begin_nested()
        world.log.record(session, [a_flow()], NOW)
        point.rollback()
        world.log.record(session, [a_flow(actor="clerk-1")], NOW)
    assert [part["actor"] for part in staff_parts(world)] == ["clerk-1"]


def test_a_first_transaction_that_hangs_holds_nobody_up(world: World) -> None:
    with world.role("app").transaction() as hanging:
        world.log.record(hanging, [a_flow(actor="clerk-1")], NOW)
        world.record(a_flow(actor="clerk-2"))
        world.record(a_flow(actor="clerk-3"))
        hanging.rollback()
    assert [part["actor"] for part in staff_parts(world)] == ["clerk-2", "clerk-3"]


def test_without_the_offices_key_nothing_is_logged(world: World) -> None:
    blind = FlowLog(world.vault, world.ids, b"")
    with pytest.raises(NotSafe, match="office"), world.role("app").transaction() as session:
        blind.record(session, [a_flow()], NOW)


def test_a_staff_part_without_its_key_or_with_other_bytes_stays_closed(world: World) -> None:
    world.record(a_flow())
    key, blob, entry = world.rows("SELECT staff_key, a_blob, entry FROM flow_secret JOIN flow_log USING (fid)")[0]
    reader = StaffReader((OFFICE_KEY.private_bytes_raw(),))
    with pytest.raises(NotHeld):
        reader.open(key, blob, unpack(entry).staff)
    with world.role("app").transaction() as session:
        reader.load(session)
    with pytest.raises(SealBroken):
        reader.open(key, blob[:-1] + bytes([blob[-1] ^ 1]), unpack(entry).staff)
    other = StaffReader((b"x" * 32,))
    with world.role("app").transaction() as session:
        other.load(session)
    assert other.closed == {key}
    with pytest.raises(NotHeld, match="STAFF_PRIVATE_KEY_OTHERS"):
        other.open(key, blob, unpack(entry).staff)


def numbers(world: World, person: PersonKey) -> list[int]:
    """What stands in a person's entries, in the order of the log; what is withheld from them has none."""
    world.integrate()
    return [part["seq"] for part in subject_parts(world, person) if "seq" in part]


def test_numbers_stay_gapless_whoever_went_on_counting_since_the_ring_was_read(world: World) -> None:
    anna, ben = world.a_person(), world.a_person()
    with world.role("app").transaction() as session:
        ring = world.vault.ring(session, [anna, ben], (Compartment.FLOW,))
        assert ring.numbers == {}, "of several it is not read"
        ring.numbers.update(world.vault.ring(session, [anna], (Compartment.FLOW,)).numbers)
        assert ring.numbers == {anna: 0}
        world.record(a_flow(person=anna))  # committed in between: the ring is behind
        for flows in (
            [a_flow(person=anna)],
            [a_flow(person=anna, restrict=True)],
            [a_flow(person=anna), a_flow(), a_flow(person=anna, restrict=True), a_flow(person=anna)],
            [a_flow(person=anna), a_flow(person=ben)],
            [a_flow(person=ben)],
        ):
            world.log.record(session, flows, NOW, ring)
        assert ring.numbers == {anna: 5, ben: 2}
    world.record(*[a_flow(person=anna)] * 20)
    assert numbers(world, anna) == list(range(1, 26))
    assert numbers(world, ben) == [1, 2]
    assert world.verify_opened([anna, ben]) == []


def test_numbers_stay_gapless_where_a_part_of_the_transaction_is_undone(world: World) -> None:
    person = world.a_person()
    with world.role("app").transaction() as session:
        ring = world.vault.ring(session, [person], (Compartment.FLOW,))
        world.log.record(session, [a_flow(person=person)], NOW, ring)
        with suppress(ZeroDivisionError), session.begin_nested():
            world.log.record(session, [a_flow(person=person)], NOW, ring)
            raise ZeroDivisionError
        assert ring.numbers == {person: 2}  # it knows nothing of that
        world.log.record(session, [a_flow(person=person)], NOW, ring)
    assert numbers(world, person) == [1, 2]


def test_an_entry_about_one_person_takes_its_number_in_the_statement_that_writes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.a_person()
    monkeypatch.setattr(record, "append_together", None)  # the way of two statements is shut
    for _ in range(3):
        world.record(a_flow(person=person), a_flow(person=person))
    with pytest.raises(TypeError):  # the control: two people go that way
        world.record(a_flow(person=person), a_flow(person=world.a_person()))
    assert numbers(world, person) == [1, 2, 3, 4, 5, 6]


CARELESS_FIRST = (
    b"INSERT INTO subject_heads AS h (subj, seq) VALUES (%b, %b::bigint)"
    b" ON CONFLICT (subj) DO UPDATE SET seq = h.seq + 1 RETURNING seq"
)
CARELESS_NEXT = (
    b"UPDATE subject_heads SET seq = seq + 1 WHERE %b::bigint > 0 AND subj = %b AND %b::bigint > 0 RETURNING seq"
)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("careless", [False, True], ids=["as built", "control: the last number is believed"])
def test_two_who_read_the_same_last_number_do_not_both_take_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, before: int, careless: bool
) -> None:
    if careless:
        monkeypatch.setattr(record, "_FIRST", CARELESS_FIRST)
        monkeypatch.setattr(record, "_NEXT", CARELESS_NEXT)
    person = world.a_person()
    if before:
        world.record(a_flow(person=person))
    both = threading.Barrier(2)

    def write() -> None:
        with world.role("app").transaction() as session:
            ring = world.vault.ring(session, [person], (Compartment.FLOW,))
            both.wait()
            world.log.record(session, [a_flow(person=person)], NOW, ring)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sorted(numbers(world, person))
    assert len(found) == before + 2
    assert (found == list(range(1, before + 3))) is not careless
