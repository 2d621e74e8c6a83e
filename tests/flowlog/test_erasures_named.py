"""What erasures name in part A against what is missing: place by place with the office's key, by number without."""

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from proaktiv.core.flows import Flow, Kind
from proaktiv.flowlog.record import FlowLog
from proaktiv.flowlog.verifying.erasures import Places
from tests.flowlog.conftest import NOW, World, a_flow

NOBODYS = X25519PrivateKey.from_private_bytes(b"n" * 32)


def an_erasure(*places: int, n: int | None = None, unplaced: tuple[UUID, ...] = ()) -> Flow:
    many = len(places) + len(unplaced) if n is None else n
    return a_flow(kind=Kind.ERASURE, action="person.erased", n=many, erased=places, erased_unplaced=unplaced)


def takes(world: World, *places: int) -> None:
    for place in places:
        world.as_owner(
            "UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = :i)",
            i=place,
        )


@pytest.fixture
def five(world: World) -> World:
    """Five entries about somebody, at places 0 to 4."""
    person = world.a_person()
    world.log_and_sign(*(a_flow(person=person) for _ in range(5)))
    return world


@pytest.mark.flowlog_test(20)
def test_an_erasure_that_took_what_it_names_is_no_finding(five: World) -> None:
    takes(five, 1, 2)
    five.log_and_sign(an_erasure(1, 2))
    assert five.verify_opened([]) == []


@pytest.mark.flowlog_test(20)
def test_an_erasure_that_took_others_than_it_names_is_found_at_both_places_by_the_offices_key_alone(
    five: World,
) -> None:
    takes(five, 1, 3)
    five.log_and_sign(an_erasure(1, 2))
    assert five.verify_opened([]) == [("subject part", 3), ("subject part", 2)]
    assert five.found() == []  # the control: the number is right


@pytest.mark.flowlog_test(20)
def test_an_erasure_that_names_more_than_it_counts_is_found(five: World) -> None:
    takes(five, 1, 2)
    five.log_and_sign(an_erasure(1, 2, n=3))
    assert five.verify_opened([]) == [("staff part", 5)]


def test_what_had_no_place_when_it_was_erased_is_looked_for_where_it_came_to_stand(five: World) -> None:
    person = five.a_person()
    late = five.record(a_flow(person=person), a_flow(person=person))
    five.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = :fid", fid=late[0])
    five.record(an_erasure(unplaced=(late[0],)))
    assert five.verify_opened([]) == [], "all of it waits"
    five.integrate()
    five.sign()
    assert five.verify_opened([]) == []
    five.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = :fid", fid=late[1])
    assert five.verify_opened([]) == [("subject part", 6)]


def test_an_erasure_that_is_closed_to_the_office_counts_as_it_does_without_a_key(five: World) -> None:
    others = FlowLog(five.vault, five.ids, NOBODYS.public_key().public_bytes_raw())
    takes(five, 1)
    with five.role("app").transaction() as session:
        others.record(session, [an_erasure(1)], NOW)
    five.integrate()
    five.sign()
    assert five.verify_opened([]) == []
    takes(five, 3)
    found = five.verify_opened([])
    assert found[0] == ("subject part", None), "one more than closed erasures count"
    assert found[1:] == [("subject part", 1), ("subject part", 3)]


def test_what_retention_took_since_is_not_missed_of_an_erasure(five: World) -> None:
    takes(five, 1)
    five.log_and_sign(an_erasure(1))
    for table in ("flow_secret", "flow_log"):
        five.as_owner(f"DELETE FROM {table} WHERE fid = (SELECT fid FROM flow_leaf WHERE idx = 1)")
    assert five.verify_opened([]) == [("row", 1)], "the row alone: retention tells of none here"


def test_places_far_apart_are_one_set() -> None:
    some, other = Places(), Places()
    for place in (3, 4_095, 4_096, 2**52):
        some.add(place)
    other.add(4_096)
    assert list(some.without(other)) == [3, 4_095, 2**52]
    assert list(some.without()) == [3, 4_095, 4_096, 2**52]
