"""The list of who waits to be erased: a day's requests go together, and one alone waits for company."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.flowlog.staff import StaffReader
from proaktiv.keys.erasing import Reason, Refused
from proaktiv.keys.waiting import COMPANY, Waiting
from tests.builders import somebody
from tests.keys.conftest import House, a_mother_with_a_child, named
from tests.keys.test_destroying import STAYS


def waiting(house: House) -> Waiting:
    return Waiting(house.eraser())


def asks(house: House, *persons: UUID, reason: Reason = Reason.WITHDRAWN, by: str = "anna.amt", case: str = "") -> None:
    assert waiting(house).ask(persons, reason, by, "ben.amt", case) == len(persons)


def settled(house: House, *names: str) -> list[UUID]:
    return [house.key_of(house.world.lives_here(somebody(name), "geburt")) for name in names]


def who_waits(house: House) -> list[UUID]:
    return [row.person for row in waiting(house).asked()]


def test_the_requests_of_a_day_go_together_on_the_next_and_one_entry_tells_of_both(house: House) -> None:
    emma, ida = settled(house, "Emma", "Ida")
    asks(house, emma, case="AZ 1")
    asks(house, ida, reason=Reason.UNNEEDED, by="carl.amt", case="AZ 2")
    assert waiting(house).daily() == 0
    assert who_waits(house) == [emma, ida], "the day is not over"
    placed = house.world.check_log() and house.as_owner(
        "SELECT idx FROM flow_leaf JOIN flow_secret USING (fid) WHERE subj IS NOT NULL ORDER BY 1"
    )
    house.world.now += timedelta(days=1)
    with capture_logs() as said:
        waiting(house).daily()
    assert [line["event"] for line in said] == ["persons.erased"]
    assert who_waits(house) == []
    for person in (emma, ida):
        assert named(house, person) <= STAYS
    ((body, entry, blob, key),) = house.as_owner(
        "SELECT f_bytes, entry, a_blob, staff_key FROM flow_log JOIN flow_secret USING (fid) WHERE kind = 3"
    )
    facts = json.loads(body)  # type: ignore[arg-type]
    assert (facts["n"], facts["basis"], facts["listed"]) == (len(placed), "Art. 17 Abs. 1 DSGVO", 2)
    reader = StaffReader((house.world.seed,))
    with house.world.reader.transaction() as session:
        reader.load(session)
    staff = json.loads(reader.open(key, blob, entry[83:115])[32:])  # type: ignore[arg-type,index]
    assert staff["actor"] == "anna.amt + ben.amt; carl.amt + ben.amt"
    assert staff["case"] == "AZ 1; AZ 2"
    assert staff["erased"] == [idx for (idx,) in placed], "in the order of the log, so that nobody's stand together"
    house.world.check_log()


def test_one_alone_waits_a_week_for_company_and_no_longer(house: House) -> None:
    (emma,) = settled(house, "Emma")
    asks(house, emma)
    house.world.now += COMPANY - timedelta(minutes=1)
    assert waiting(house).run().waiting == 1
    waiting(house).daily()
    assert who_waits(house) == [emma]
    house.world.now += timedelta(minutes=1)
    waiting(house).daily()
    assert who_waits(house) == []
    assert named(house, emma) <= STAYS


def test_one_alone_goes_at_once_where_somebody_decides_so(house: House) -> None:
    (emma,) = settled(house, "Emma")
    asks(house, emma)
    assert waiting(house).run(wait=False).erased.persons == (emma,)


def test_who_is_held_stays_in_the_list_and_keeps_nobody_else_from_going(house: House) -> None:
    emma, ida, otto = settled(house, "Emma", "Ida", "Otto")
    asks(house, emma, ida, otto)
    hold = house.world.pipeline.hold(person=ida, auftrag=None, reason="VG 7 K 12/26", by="st-1")
    house.world.now += timedelta(days=1)
    with capture_logs() as said:
        waiting(house).daily()
    assert {line["event"] for line in said} == {"erasure.waits", "persons.erased"}
    assert who_waits(house) == [ida]
    house.world.pipeline.release_hold(hold, reason="over", by="st-1")
    done = waiting(house).run(wait=False)
    assert (done.erased.persons, done.refused) == ((ida,), {})
    house.world.check_log()


def test_a_child_goes_with_its_mother_and_is_not_asked_for_twice(house: House) -> None:
    mother, child = a_mother_with_a_child(house)
    (otto,) = settled(house, "Otto")
    asks(house, mother, otto)
    done = waiting(house).run()
    assert set(done.erased.persons) == {mother, otto}
    assert done.erased.children == (child,)


def test_a_request_takes_two_people_and_somebody_who_is_here(house: House) -> None:
    (emma,) = settled(house, "Emma")
    with pytest.raises(BadInput, match="second person"):
        waiting(house).ask([emma], Reason.WITHDRAWN, "anna", " ANNA")
    with pytest.raises(NotFound):
        waiting(house).ask([UUID(int=1)], Reason.WITHDRAWN, "anna", "ben")
    house.world.pipeline.hold(person=emma, auftrag=None, reason="VG 7 K 12/26", by="st-1")
    with pytest.raises(Refused, match="hold"):
        waiting(house).ask([emma], Reason.WITHDRAWN, "anna", "ben")
    assert who_waits(house) == []


def test_a_request_is_taken_back_and_made_once(house: House) -> None:
    (emma,) = settled(house, "Emma")
    asks(house, emma)
    assert waiting(house).ask([emma, emma], Reason.OBJECTED, "x", "y") == 0
    assert [row.reason for row in waiting(house).asked()] == ["withdrawn"]
    waiting(house).drop(emma)
    with pytest.raises(NotFound):
        waiting(house).drop(emma)
    assert waiting(house).run().erased.persons == ()


def test_who_is_destroyed_past_the_list_is_on_it_no_more(house: House) -> None:
    (emma,) = settled(house, "Emma")
    asks(house, emma)
    house.destroys(emma)
    assert who_waits(house) == []


@pytest.mark.parametrize("how", ["entry", "day", "another purpose"])
def test_a_hold_on_an_entry_keeps_its_part_about_the_person_from_erasure(house: House, how: str) -> None:
    (emma,) = settled(house, "Emma")
    ((fid, purpose),) = house.as_owner(
        "SELECT fid, purpose FROM flow_log JOIN flow_secret USING (fid) WHERE subj IS NOT NULL ORDER BY t LIMIT 1"
    )
    day = house.world.now.date()
    held = {
        "entry": Held(entry=fid),  # type: ignore[arg-type]
        "day": Held(first=day, last=day, purpose=str(purpose)),
        "another purpose": Held(first=day, last=day, purpose="elsewhere"),
    }[how]
    pipeline = house.world.pipeline
    hold = pipeline.hold_entries(held, reason="VG 7 K 12/26", review_on=day, by="st-1", and_by="st-2")
    if how != "another purpose":
        with pytest.raises(Refused, match=f"hold {hold} keeps entries of the log"):
            house.destroys(emma)
        pipeline.release_entries(hold, reason="over", by="st-1", and_by="st-2")
    house.destroys(emma)
    assert [one["id"] for one in pipeline.held_entries()] == ([str(hold)] if how == "another purpose" else [])
    house.world.check_log()
