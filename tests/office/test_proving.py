"""A proof with its staff part open: told of in the log before it is opened, and only where the office holds its key."""

import json
from dataclasses import replace
from uuid import UUID

import pytest

from proaktiv.core.errors import BadInput, NotFound
from proaktiv.flowlog.verifying.proof import ProofFile, verify_proof
from proaktiv.vault import NotHeld
from tests.office.conftest import Office
from tests.office.test_series import as_owner

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"


def entry_of(office: Office, action: str) -> UUID:
    found = office.world.value(
        "SELECT fid FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE :action LIMIT 1", action=f'%"{action}"%'
    )
    assert isinstance(found, UUID)
    return found


def looks(office: Office) -> int:
    found = office.world.value(
        "SELECT count(*) FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE '%\"flow.proven\"%'"
    )
    assert isinstance(found, int)
    return found


def test_a_proof_shows_who_acted_and_that_it_was_taken_stands_in_the_log(sent: Office) -> None:
    sent.world.check_log()
    fid = entry_of(sent, "auftrag.sent")
    proof = sent.pipeline.prove_flow(fid, "d.schutz", WHY)
    shown = json.loads(ProofFile.parse(proof.encode()).extra)
    assert json.loads(shown["A"]["b"])["actor"] == "system"
    assert json.loads(shown["F"]["b"])["flow"] == str(fid)
    assert "S" not in shown, "the person's own part goes to the person"
    assert sent.anna.familienname not in proof
    assert verify_proof(proof.encode(), sent.world.signer.vkey).findings == ()
    assert looks(sent) == 1


def test_without_the_offices_key_nothing_opens_and_the_attempt_stands_in_the_log(sent: Office) -> None:
    sent.world.check_log()
    citizen = replace(sent.pipeline, staff_private=())
    with pytest.raises(NotHeld, match="PROAKTIV_STAFF_PRIVATE_KEY"):
        citizen.prove_flow(entry_of(sent, "auftrag.sent"), "d.schutz", WHY)
    assert looks(sent) == 1


def test_a_key_that_nobody_can_use_keeps_no_other_proof_shut_and_its_own_is_refused_with_the_remedy(
    sent: Office,
) -> None:
    sent.world.check_log()
    fid = entry_of(sent, "auftrag.sent")
    as_owner(sent, "INSERT INTO staff_keys VALUES (gen_random_uuid(), current_date, '', now())")
    assert "A" in json.loads(ProofFile.parse(sent.pipeline.prove_flow(fid, "d.schutz", WHY).encode()).extra)
    as_owner(sent, "UPDATE flow_secret SET staff_key = (SELECT id FROM staff_keys WHERE wrapped = '')")
    with pytest.raises(NotHeld, match="PROAKTIV_STAFF_PRIVATE_KEY_OTHERS"):
        sent.pipeline.prove_flow(fid, "d.schutz", WHY)


@pytest.mark.parametrize(("by", "reason"), [("", WHY), ("  ", WHY), ("d.schutz", "darum"), ("d.schutz", "x" * 501)])
def test_without_a_name_and_a_reason_nothing_opens(sent: Office, by: str, reason: str) -> None:
    with pytest.raises(BadInput):
        sent.pipeline.prove_flow(entry_of(sent, "auftrag.sent"), by, reason)
    assert looks(sent) == 0


def test_there_is_no_proof_of_an_entry_that_is_not_there(sent: Office) -> None:
    with pytest.raises(NotFound):
        sent.pipeline.prove_flow(UUID(int=7), "d.schutz", WHY)
    assert looks(sent) == 0
