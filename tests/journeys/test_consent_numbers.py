"""The entry that tells of a decision names, in the person's own part, the record that the ledger carries; never in F.

So a flow's own part and that of the entry which gave the consent name one number, and files alone can prove the two
together (docs/decisions/0022).
"""

import json
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from consent.model import ReleasedActivity
from consent.store import activities, release
from proaktiv import assent
from proaktiv.core.errors import BadInput, Conflict
from proaktiv.database import Database
from proaktiv.flowlog.entries import SALT_BYTES, unpack
from proaktiv.steps.consents import Choice
from proaktiv.vault import Compartment
from tests.builders import a_birth, somebody
from tests.flowlog.conftest import a_proof
from tests.world import World


@dataclass(frozen=True)
class Written:
    """A row of the ledger, and what its entry says in F and in S."""

    event: str
    record: str
    version: int
    facts: dict[str, Any]
    own: dict[str, Any]


def ledger(world: World, person: UUID) -> list[Written]:
    """Every row of a person's ledger beside what its entry names; the entry is this person's."""
    with world.database.transaction() as session:
        rows = session.connection().execute(
            text(
                "SELECT event, record, version, f_bytes, entry, s_blob FROM consent_ledger"
                " JOIN flow_log ON flow_log.fid = consent_ledger.flow_id"
                " JOIN flow_secret ON flow_secret.fid = flow_log.fid"
                " WHERE person = :person AND subj = :subj ORDER BY seq"
            ),
            {"person": person, "subj": world.pipeline.house.log.subj(person)},
        )
        ring = world.vault.ring(session, [person], (Compartment.FLOW,))
        found = []
        for row in rows:
            committed = unpack(bytes(row.entry)).subject
            part = ring.decrypt(a_proof(person), person, Compartment.FLOW, bytes(row.s_blob), committed)
            facts, own = json.loads(row.f_bytes), json.loads(part[SALT_BYTES:])
            found.append(Written(row.event, str(row.record), row.version, facts, own))
    assert len(found) == world.count("consent_ledger", f"person = '{person}'"), "each row has its entry"
    return found


def holds_together(rows: list[Written]) -> None:
    """Each row's record is the one that its entry names; one that was replaced, the one that it takes the place of."""
    for row in rows:
        assert row.own["replaces" if row.event in {"supersede", "expire"} else "consent"] == row.record
        assert row.record not in json.dumps(row.facts), "never in F"
        if row.event not in {"supersede", "expire"}:
            assert row.facts["scope"].endswith(f"@{row.version}")


def events(rows: list[Written]) -> list[str]:
    return [row.event for row in rows]


GIVEN = "geburt/propose/LETTER"


def choice(world: World, proof: Any, gives: bool, name: str = GIVEN) -> Choice:
    (notice,) = [each["notice"] for each in world.pipeline.consents(proof)["activities"] if each["name"] == name]
    return Choice(name, gives, notice)


def test_giving_once_and_again_names_the_new_record_and_the_one_that_it_replaces(world: World) -> None:
    proof = world.settles(somebody("Anna"))
    for _ in range(3):
        world.pipeline.choose(proof, [choice(world, proof, gives=True)])
    rows = ledger(world, proof.person)
    assert events(rows) == ["give", "supersede", "give", "supersede", "give"]
    holds_together(rows)
    assert len({row.record for row in rows}) == 3
    assert [row.own.get("replaces") for row in rows] == [
        None,
        rows[0].record,
        rows[0].record,
        rows[2].record,
        rows[2].record,
    ]
    world.check_log()


def test_refusing_and_changing_ones_mind_names_a_record_each(world: World) -> None:
    proof = world.settles(somebody("Anna"))
    for gives in (False, False, True):
        world.pipeline.choose(proof, [choice(world, proof, gives=gives)])
    rows = ledger(world, proof.person)
    assert events(rows) == ["refuse", "refuse", "give"]
    holds_together(rows)
    with pytest.raises(Conflict):
        world.pipeline.choose(proof, [choice(world, proof, gives=False)])
    assert ledger(world, proof.person) == rows, "what stands is withdrawn, not refused: nothing was written"


def test_one_decision_is_made_once_in_a_request(world: World) -> None:
    proof = world.settles(somebody("Anna"))
    with pytest.raises(BadInput, match="twice"):
        world.pipeline.choose(proof, [choice(world, proof, gives=True), choice(world, proof, gives=False)])
    assert ledger(world, proof.person) == []


def test_a_withdrawal_names_each_record_that_it_ends_in_whatever_version(world: World) -> None:
    proof = world.settles(somebody("Anna"))
    world.consents(proof, "geburt")
    given = {row.record for row in ledger(world, proof.person)}
    with world.database.transaction() as session:
        known = activities(session.connection())[GIVEN]
    newer(world, replace(known, version=known.version + 1))
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    rows = ledger(world, proof.person)
    holds_together(rows)
    assert {row.record for row in rows if row.event == "withdraw"} == given
    (old,) = [row for row in rows if row.event == "withdraw" and row.facts["scope"].startswith(f"{GIVEN}@")]
    assert (old.version, old.facts["scope"]) == (known.version, f"{GIVEN}@{known.version}")
    world.pipeline.withdraw(proof, lebenslage="geburt", activity="")
    assert ledger(world, proof.person) == rows, "again writes nothing"
    world.check_log()


def newer(world: World, activity: Any) -> None:
    """The owner releases a newer version of an activity."""
    owner = Database(world.urls["owner"], pool_size=1)
    try:
        with owner.transaction() as session:
            row = ReleasedActivity(activity, content_hash="ab" * 32, demo=True, signature=b"x", released_at=world.now)
            release(session.connection(), [row])
    finally:
        owner.close()


def test_an_objection_names_the_record_that_stands_or_a_new_one(world: World) -> None:
    proof = world.settles(somebody("Anna"))
    names = world.pipeline.object_to(proof, lebenslage="geburt", activity="")
    assert names
    world.pipeline.object_to(proof, lebenslage="geburt", activity="")
    rows = ledger(world, proof.person)
    assert events(rows) == ["object"] * len(names)
    holds_together(rows)


def test_a_yes_its_withdrawal_and_a_mail_address_name_theirs(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.gives_mail(proof, "anna@example.org")
    world.gives_mail(proof, "anna.neu@example.org")
    world.pipeline.remove_mail(proof)
    world.pipeline.withdraw_auftrag(proof, auftrag)
    rows = ledger(world, proof.person)
    holds_together(rows)
    assert [row.event for row in rows if row.facts["scope"].startswith("erreichbarkeit/")] == [
        *("give", "supersede", "give", "withdraw"),
    ]
    yes, no = [row for row in rows if row.facts["scope"].startswith("geburt/transmit/")]
    assert (yes.facts["action"], no.facts["action"]) == ("auftrag.confirmed", "consent.withdrawn")
    assert yes.record == no.record
    world.check_log()


def test_control_an_entry_that_names_another_record_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = world.settles(somebody("Anna"))
    decided = assent.decided
    forged = UUID(int=7)
    monkeypatch.setattr(
        "proaktiv.steps.consents.decided",
        lambda house, who, activity, this, *more: decided(house, who, activity, replace(this, record=forged), *more),
    )
    world.pipeline.choose(proof, [choice(world, proof, gives=True)])
    with pytest.raises(AssertionError):
        holds_together(ledger(world, proof.person))
