"""A person is destroyed for ever: all of it or nothing, nobody else, and not by one alone."""

import json
import signal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.flowlog.staff import StaffReader
from proaktiv.keys import erasing
from proaktiv.keys.destroyed import DestroyedList, ListNotSafe, read_list
from proaktiv.keys.erasing import Reason, Refused
from proaktiv.tables import METADATA
from proaktiv.vault import Compartment, Destroyed, Place
from tests.builders import a_birth, somebody
from tests.chaos.dying import Killer, in_own_process
from tests.keys.conftest import House, a_mother_with_a_child, named
from tests.retention.planting import plant
from tests.world import START

PERSONS = {"person", "from_person", "to_person"}
SAID = {
    "auftraege": {"state": "decided"},
    "deliveries": {"state": "handed_over"},
    "erasure_requests": {"state": "waiting"},
    "handovers": {"state": "sent"},
    "holds": {"released_at": START},
    "lookups": {"state": "answered", "flow_id": uuid4()},
    "signatures": {"state": "refused"},
}
"""What keeps a planted row from standing in the way, and what PostgreSQL demands of it."""
STAYS = {"consent_heads", "consent_ledger", "consent_subjects", "vault_keys"}


def test_nothing_of_a_destroyed_person_is_left_and_the_log_verifies(house: House) -> None:
    ben = house.world.lives_here(somebody("Ben"), "geburt")
    bens, rest = house.key_of(ben), "SELECT count(*) FROM flow_secret WHERE subj IS NOT NULL"
    bens_entries = house.world.value(rest)
    anna, child = a_mother_with_a_child(house, confirmed=True)
    house.world.check_log()
    tiles = house.as_owner("SELECT * FROM tile ORDER BY 1, 2")
    would = house.eraser().look([anna])
    assert would.persons == (anna,)
    assert would.children == (child,)
    assert not house.listed.exists(), "looking changes nothing"
    done = house.eraser().destroy([anna], Reason.WITHDRAWN, "anna.amt", "ben.amt", "AZ 7")
    assert done == would
    assert named(house, anna) <= STAYS
    assert named(house, child) <= STAYS
    assert house.as_owner("SELECT * FROM tile ORDER BY 1, 2") == tiles
    assert house.world.value(rest) == bens_entries, "Ben's entries are as they were"
    assert {"persons", "contacts"} <= named(house, bens)
    states = house.as_owner(
        "SELECT DISTINCT state, wrapped FROM vault_keys WHERE person = ANY(:gone)", gone=[anna, child]
    )
    assert states == [("destroyed", None)]
    assert house.as_owner("SELECT DISTINCT content FROM auftraege") == [(None,)]
    house.world.check_log()
    house.world.wait(days=40)
    house.world.check_log()


def test_no_table_keeps_somebody_who_is_destroyed_but_those_that_must(house: House) -> None:
    anna = house.key_of(house.world.lives_here(somebody("Anna"), "geburt"))
    there = named(house, anna)
    owner = create_engine(house.world.urls["owner"])
    with owner.begin() as connection:
        for table in METADATA.sorted_tables:
            for column in PERSONS & set(table.c.keys()) if table.name not in there else ():
                plant(connection, table.name, house.world.now, **{column: anna} | SAID.get(table.name, {}))
    owner.dispose()
    assert named(house, anna) >= {"wiedervorlagen", "holds", "relations"}
    house.destroys(anna)
    assert named(house, anna) <= STAYS


def test_the_mail_address_goes_with_the_person(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    proof = SessionProof(UUID(int=1), PersonKey(anna), Trust.V1, None)
    house.world.confirms_mail(proof, "anna@post.example")
    house.world.gives_mail(proof, "neu@post.example")
    assert {"mail_addresses", "mail_confirmations", "notices"} <= named(house, anna)
    house.destroys(anna)
    assert named(house, anna) <= STAYS
    house.world.check_log()


@pytest.mark.flowlog_test(20)
def test_the_tombstone_tells_how_many_on_what_ground_and_only_the_dsb_which(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    house.world.check_log()
    placed = [
        idx
        for (idx,) in house.as_owner(
            "SELECT idx FROM flow_leaf JOIN flow_secret USING (fid) WHERE subj IS NOT NULL ORDER BY 1"
        )
    ]
    house.destroys(anna)
    ((fid, body, entry, blob, key),) = house.as_owner(
        "SELECT fid, f_bytes, entry, a_blob, staff_key FROM flow_log JOIN flow_secret USING (fid) WHERE kind = 3"
    )
    facts = json.loads(body)  # type: ignore[arg-type]
    assert facts["n"] == len(placed)
    assert facts["basis"] == "Art. 17 Abs. 1 Buchst. b DSGVO"
    assert facts["listed"] == 2, "mother and child"
    assert str(anna) not in str(facts)
    reader = StaffReader((house.world.seed,))
    with house.world.reader.transaction() as session:
        reader.load(session)
    staff = json.loads(reader.open(key, blob, entry[83:115])[32:])  # type: ignore[arg-type,index]
    assert staff == {"actor": "anna.amt + ben.amt", "case": "AZ 1", "erased": placed}
    assert fid


@pytest.mark.flowlog_test(20)
def test_a_quietly_nulled_part_is_still_found_beside_an_erasure(house: House) -> None:
    ben = house.world.lives_here(somebody("Ben"), "geburt")
    anna, _ = a_mother_with_a_child(house)
    house.destroys(anna)
    house.world.check_log()
    house.as_owner(
        "UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE subj = :subj",
        subj=house.eraser().log.subj(house.key_of(ben)),
    )
    with pytest.raises(AssertionError, match="erasures account for"):
        house.world.check_log()


def test_no_key_is_made_again_and_whoever_enrols_anew_is_somebody_new(house: House) -> None:
    world = house.world
    person = somebody("Anna")
    world.lives_here(person, "geburt")
    anna = house.key_of(person)
    house.destroys(anna)
    with world.database.transaction() as session:
        ring = world.vault.ring(session, [anna], [Compartment.VIEW])
        with pytest.raises(Destroyed):
            ring.seal(anna, Compartment.VIEW, Place("proposals", uuid4(), "draft"), {})
    world.wait(days=60)
    world.lives_here(person, "geburt")
    assert house.key_of(person) != anna
    world.check_log()


def test_whoever_read_the_keys_before_writes_nothing_after(house: House) -> None:
    world = house.world
    person = somebody("Anna")
    world.lives_here(person, "geburt")
    anna = house.key_of(person)
    log = house.log(world.vault)
    flow = Flow(Kind.ACT, "musterstadt", "musterstadt", "x", "thing.done", "y", person=PersonKey(anna))
    with pytest.raises(Destroyed), world.database.transaction() as session:
        ring = world.vault.ring(session, [anna], [Compartment.FLOW])
        house.destroys(anna)
        log.record(session, [flow], world.now, ring)
    assert house.world.count("flow_secret", "subj IS NOT NULL") == 0


def test_control_without_the_ended_number_the_late_entry_would_be_written(house: House) -> None:
    world = house.world
    person = somebody("Anna")
    world.lives_here(person, "geburt")
    anna = house.key_of(person)
    flow = Flow(Kind.ACT, "musterstadt", "musterstadt", "x", "thing.done", "y", person=PersonKey(anna))
    with world.database.transaction() as session:
        ring = world.vault.ring(session, [anna], [Compartment.FLOW])
        house.destroys(anna)
        house.as_owner("DELETE FROM subject_heads WHERE seq < 0")  # the protection taken out
        house.log(world.vault).record(session, [flow], world.now, ring)
    assert world.count("flow_secret", "subj IS NOT NULL") == 1, "an entry about somebody who was destroyed"


def test_a_child_stays_as_long_as_another_holders_permit_stands(house: House) -> None:
    world = house.world
    anna, ben = somebody("Anna"), somebody("Ben")
    for each in (anna, ben):
        world.lives_here(each, "geburt")
    world.announce(a_birth(anna, other=ben))
    world.tick()
    mother, father = house.key_of(anna), house.key_of(ben)
    child = house.as_owner("SELECT DISTINCT to_person FROM relations")[0][0]
    assert isinstance(child, UUID)
    with pytest.raises(Refused, match="a permit of holder"):
        house.destroys(child)
    house.destroys(mother)
    assert "persons" in named(house, child)
    assert house.eraser().destroy([father], Reason.OBJECTED, "a", "b").children == (child,)
    assert named(house, child) <= STAYS
    world.check_log()


def test_an_auftrag_at_a_behoerde_runs_on_there_and_the_operator_is_told(house: House) -> None:
    anna, _ = a_mother_with_a_child(house, confirmed=True)
    (running,) = house.eraser().destroy([anna], Reason.WITHDRAWN, "a", "b").running
    assert running[1:] == ("GEBURTSURKUNDE", "standesamt-musterstadt", "sent")


@pytest.mark.parametrize("state", ["awaiting_signature", "held", "ready", "announced", "in_doubt"])
def test_nobody_is_destroyed_while_an_auftrag_may_still_leave(house: House, state: str) -> None:
    anna, _ = a_mother_with_a_child(house, confirmed=True)
    house.as_owner("UPDATE auftraege SET state = :state", state=state)
    before = house.keys()
    with pytest.raises(Refused, match="Auftrag"):
        house.destroys(anna)
    assert house.keys() == before
    assert "contacts" in named(house, anna)
    assert not list(read_list(house.eraser().vault, "musterstadt", house.listed)._hashes)


@pytest.mark.parametrize(("by", "and_by"), [("anna", "anna"), ("anna", " ANNA "), ("anna", ""), ("", "ben")])
def test_it_takes_two_people(house: House, by: str, and_by: str) -> None:
    with pytest.raises(BadInput, match="four eyes"):
        house.eraser().destroy([uuid4()], Reason.WITHDRAWN, by, and_by)


def test_nobody_is_destroyed_by_a_key_that_is_nobodys(house: House) -> None:
    with pytest.raises(NotFound):
        house.destroys(uuid4())


def test_destroying_again_changes_nothing(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    house.destroys(anna)
    keys, listed, names = house.keys(), house.listed.read_bytes(), house.world.flow_names()
    house.destroys(anna)
    assert (house.keys(), house.listed.read_bytes(), house.world.flow_names()) == (keys, listed, names)


def test_the_application_cannot_destroy(house: House) -> None:
    anna, _ = a_mother_with_a_child(house)
    for statement in ("UPDATE vault_keys SET state = 'destroyed'", "UPDATE flow_secret SET s_blob = NULL"):
        with pytest.raises(ProgrammingError, match="permission denied"), house.world.database.transaction() as session:
            session.connection().execute(text(statement))
    assert anna


@pytest.mark.chaos
@pytest.mark.parametrize("place", erasing.PROBES)
def test_a_killed_eraser_leaves_all_or_nothing(house: House, place: str) -> None:
    anna, child = a_mother_with_a_child(house)
    keys, there = house.keys(), named(house, anna)

    def dying() -> None:
        house.eraser(probe=Killer(place)).destroy([anna], Reason.WITHDRAWN, "a", "b")

    assert in_own_process(dying) == -signal.SIGKILL
    if place == "destroy.committed":
        assert named(house, anna) | named(house, child) <= STAYS
    else:
        assert (house.keys(), named(house, anna)) == (keys, there)
    on_list = anna in read_list(house.eraser().vault, "musterstadt", house.listed)
    assert on_list == (place in {"destroy.listed", "destroy.committed"}), "never destroyed without being listed"
    house.destroys(anna)
    assert named(house, anna) | named(house, child) <= STAYS
    assert len(read_list(house.eraser().vault, "musterstadt", house.listed)) == 2
    house.world.check_log()


def test_control_listed_after_the_commit_somebody_destroyed_would_be_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = house.world.lives_here(somebody("Ben"), "geburt")
    anna, _ = a_mother_with_a_child(house)
    monkeypatch.setattr(DestroyedList, "append", lambda *_: None)  # the other order: it would come after the commit

    def dying() -> None:
        house.eraser(probe=Killer("destroy.committed")).destroy([anna], Reason.WITHDRAWN, "a", "b")

    assert in_own_process(dying) == -signal.SIGKILL
    monkeypatch.undo()
    assert anna not in read_list(house.eraser().vault, "musterstadt", house.listed), "a backup would bring her back"
    with pytest.raises(ListNotSafe, match="lacks 2 persons"):
        house.destroys(house.key_of(ben))


def test_reconcile_takes_back_what_a_restored_database_would_send_and_says_so(house: House) -> None:
    anna, _ = a_mother_with_a_child(house, confirmed=True)

    def dying() -> None:
        house.eraser(probe=Killer("destroy.listed")).destroy([anna], Reason.WITHDRAWN, "a", "b")

    in_own_process(dying)
    house.as_owner("UPDATE auftraege SET state = 'ready', due_at = now()")  # as it was in the backup
    assert [auftrag[3] for auftrag in house.eraser().reconcile("olga.ops").running] == ["ready"]
    assert house.as_owner("SELECT state, person, content FROM auftraege") == [("withdrawn", None, None)]
    sent = len(house.world.behoerde.orders)
    house.world.wait(days=3)
    assert len(house.world.behoerde.orders) == sent


def test_a_listed_person_who_was_not_destroyed_is_destroyed_by_reconcile(house: House) -> None:
    anna, child = a_mother_with_a_child(house)

    def dying() -> None:
        house.eraser(probe=Killer("destroy.listed")).destroy([anna], Reason.WITHDRAWN, "a", "b")

    in_own_process(dying)
    assert set(house.eraser().revived()) == {anna, child}
    house.eraser().reconcile("olga.ops")
    assert house.eraser().revived() == []
    assert named(house, anna) | named(house, child) <= STAYS
    house.world.check_log()


def test_without_the_list_or_with_an_older_one_nobody_more_is_destroyed(house: House) -> None:
    ben = house.world.lives_here(somebody("Ben"), "geburt")
    anna, _ = a_mother_with_a_child(house)
    house.destroys(anna)
    whole = house.listed.read_bytes()
    house.listed.unlink()
    with pytest.raises(ListNotSafe, match="cannot be read"):
        house.destroys(house.key_of(ben))
    for wrong, why in (
        (b"".join(whole.splitlines(keepends=True)[:2]), "not the newest"),
        (whole.replace(b"\n2 ", b"\n3 "), "was changed"),
        (b"".join(whole.splitlines(keepends=True)[::2]), "is missing"),
        (b"proaktiv/destroyed/v1 elsewhere 00\n", "not this installation's"),
    ):
        house.listed.write_bytes(wrong)
        with pytest.raises(ListNotSafe, match=why):
            house.destroys(house.key_of(ben))
    house.listed.write_bytes(whole + b"3 2026-")  # what a dying process left of a line
    house.destroys(house.key_of(ben))
    assert len(read_list(house.eraser().vault, "musterstadt", house.listed)) == 3
