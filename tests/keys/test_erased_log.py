"""The log after an erasure: nothing of the tree moves, everything of before verifies, and the person is not in it."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.entries import SALT_BYTES, SUBJECT, commitment, subject_body, unpack
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.proving.opening import Parts
from proaktiv.flowlog.proving.paths import Inclusion, consistency, inclusion
from proaktiv.flowlog.staff import StaffReader
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.vault import Compartment
from proaktiv.wrapping import Wrapper
from tests.builders import somebody
from tests.depth import depth
from tests.keys.conftest import House

GUESSES = depth(30_000, 1_000_000)


@dataclass
class Before:
    """A log of somebody's, as it was kept elsewhere on the day before the erasure."""

    house: House
    person: UUID
    folder: Path
    tiles: dict[tuple[Any, Any], bytes]
    proofs: list[Inclusion]
    secrets: list[tuple[Any, ...]]
    keys: list[tuple[Any, ...]]

    @property
    def vkey(self) -> str:
        return self.house.world.signer.vkey

    def note(self) -> Any:
        return open_checkpoint((self.folder / "checkpoint").read_text(), self.vkey)


def tiles(house: House) -> dict[tuple[Any, Any], bytes]:
    return {(level, n): bytes(data) for level, n, data in house.as_owner("SELECT level, n, data FROM tile")}  # type: ignore[call-overload]


@pytest.fixture
def before(house: House, tmp_path: Path) -> Before:
    world = house.world
    anna = house.key_of(world.lives_here(somebody("Anna"), "geburt"))
    world.lives_here(somebody("Ben"), "geburt")
    size = world.check_log()
    with world.reader.transaction() as session:
        export_log(session, tmp_path / "before")
        proofs = [inclusion(session, index, size) for index in range(size)]
    dump = "SELECT fid, subj, s_blob, entry FROM flow_secret JOIN flow_log USING (fid) WHERE subj = :subj"
    backup = house.as_owner(dump, subj=house.eraser().log.subj(anna))
    keys = house.as_owner("SELECT kek, wrapped FROM vault_keys WHERE person = :p AND compartment = 'flow'", p=anna)
    return Before(house, anna, tmp_path / "before", tiles(house), proofs, backup, keys)


@pytest.fixture
def erased(before: Before) -> Before:
    before.house.destroys(before.person)
    before.house.world.check_log()
    return before


# nothing moves --------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(19)
def test_an_erasure_changes_no_byte_of_a_tile_and_only_adds_its_own_leaf(erased: Before) -> None:
    after = tiles(erased.house)
    for place, data in erased.tiles.items():
        assert after[place][: len(data)] == data
    grown = sum(len(data) for (level, _), data in after.items() if level == 0)
    assert grown == sum(len(data) for (level, _), data in erased.tiles.items() if level == 0) + 32


@pytest.mark.flowlog_test(19)
def test_proofs_bundles_and_checkpoints_of_before_still_hold_and_the_facts_verify(
    erased: Before, tmp_path: Path
) -> None:
    note = erased.note()
    assert all(proof.holds(note.root) for proof in erased.proofs)
    assert verify_export(erased.folder, erased.vkey).ok
    with erased.house.world.reader.transaction() as session:
        export_log(session, tmp_path / "after")
        newest = open_checkpoint((tmp_path / "after" / "checkpoint").read_text(), erased.vkey)
        assert consistency(session, note.size, newest.size).holds(note.root, newest.root)
    report = verify_export(tmp_path / "after", erased.vkey, kept=note)
    assert report.ok, report.text()


@pytest.mark.flowlog_control(19)
@pytest.mark.parametrize(
    ("harm", "what"),
    [
        ("UPDATE flow_log SET f_bytes = '{}' WHERE fid = :fid", "facts"),
        ("UPDATE flow_log SET entry = overlay(entry PLACING sha256('') FROM 52) WHERE fid = :fid", "entry"),
        ("DELETE FROM flow_secret WHERE fid = :fid", "row"),
    ],
    ids=["facts go as well", "the commitment goes as well", "the row goes"],
)
def test_control_an_erasure_that_takes_more_than_the_subject_part_is_found(
    erased: Before, harm: str, what: str
) -> None:
    fid = erased.secrets[0][0]
    erased.house.as_owner(harm, fid=fid)
    with pytest.raises(AssertionError, match=f"(?m)^{what}: "):
        erased.house.world.check_log()


def by_the_office(before: Before) -> list[str]:
    """What the verifier finds that has the office's key."""
    world = before.house.world
    reader = StaffReader((world.staff.private_bytes_raw(),))
    with world.database.transaction() as session:
        reader.load(session)
        report = verify_database(session, before.vkey, opener=Parts(before.house.vault(), staff=reader))
    return [f"{finding.what.value}: {finding.detail}" for finding in report.findings]


@pytest.mark.flowlog_test(20)
def test_the_office_finds_that_an_erasure_took_what_it_names_and_control_that_another_part_went(
    erased: Before,
) -> None:
    assert by_the_office(erased) == []
    # Somebody else's part goes, and the person's own salt comes back: their number is the same.
    restored = "UPDATE flow_secret SET subj = :subj, s_blob = :blob WHERE fid = :fid"
    fid, subj, blob, _ = erased.secrets[0]
    erased.house.as_owner(restored, subj=subj, blob=blob, fid=fid)
    other = "(SELECT fid FROM flow_secret WHERE subj IS NOT NULL AND subj <> :subj LIMIT 1)"
    erased.house.as_owner(f"UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = {other}", subj=subj)
    assert by_the_office(erased) == [
        "subject part: is missing, and no erasure names it",
        "subject part: an erasure names it, and it is still there",
    ]
    erased.house.world.check_log()  # the control: without the key the number is right


# the person is gone ---------------------------------------------------------------------------------------------------


def opens(blob: bytes, aad: bytes, wrapped: list[tuple[Any, ...]], person: UUID, house: House) -> bool:
    """Whether somebody with all KEKs and these rows of the vault reads a subject part."""
    held = house.vault()._wrappers[Compartment.FLOW]
    assert isinstance(held, Wrapper)
    for kek, key in wrapped:
        if key is None:
            continue
        try:
            AESGCM(held.unwrap(person, kek, key)).decrypt(blob[:12], blob[12:], aad)
        except InvalidTag:
            continue
        return True
    return False


@pytest.mark.flowlog_test(19)
def test_an_old_ciphertext_with_a_whole_dump_and_every_kek_opens_nothing(erased: Before) -> None:
    dump = erased.house.as_owner("SELECT kek, wrapped FROM vault_keys WHERE person = :p", p=erased.person)
    assert dump
    for _, _, blob, entry in erased.secrets:
        assert not opens(blob, unpack(bytes(entry)).subject, dump, erased.person, erased.house)
    assert erased.house.as_owner("SELECT 1 FROM flow_secret WHERE subj = :s", s=erased.secrets[0][1]) == []


@pytest.mark.flowlog_control(19)
def test_control_with_a_backup_of_the_keys_it_would_which_is_why_those_live_thirty_days(erased: Before) -> None:
    for _, _, blob, entry in erased.secrets:
        assert opens(blob, unpack(bytes(entry)).subject, erased.keys, erased.person, erased.house)


def guessed(before: Before, committed: set[bytes], salts: list[bytes]) -> bool:
    """Whether somebody who knows all persons there could be, and how bodies are written, finds the one committed to.

    The person is among the guesses, and so is the number: everything but the salt is known.
    """
    candidates = [UUID(bytes=secrets.token_bytes(16), version=4) for _ in range(GUESSES - 1)]
    flow = Flow(Kind.ACT, "", "", "", "", "")
    for candidate in [*candidates, before.person]:
        body = subject_body(_about(flow, candidate), 1)
        if any(commitment(SUBJECT, salt, body) in committed for salt in salts):
            return True
    return False


def _about(flow: Flow, person: UUID) -> Flow:
    return Flow(flow.kind, "", "", "", "", "", person=PersonKey(person))


def an_entry_about(before: Before) -> tuple[bytes, list[bytes], bytes]:
    """One more entry, whose body S a guesser would write to the byte; returns C_S, open salts, and its own."""
    house = before.house
    log = house.log(house.world.vault)
    with house.world.database.transaction() as session:
        ring = house.world.vault.ring(session, [before.person], [Compartment.FLOW])
        (fid,) = log.record(
            session, [_about(Flow(Kind.ACT, "a", "b", "c", "d.done", "e"), before.person)], house.world.now
        )
    ((entry, f_salt, blob),) = house.as_owner(
        "SELECT entry, f_salt, s_blob FROM flow_log JOIN flow_secret USING (fid) WHERE fid = :fid", fid=fid
    )
    c_subject = unpack(bytes(entry)).subject  # type: ignore[call-overload]
    key = ring._keys[before.person, Compartment.FLOW]
    plain = key.decrypt(bytes(blob)[:12], bytes(blob)[12:], c_subject)  # type: ignore[call-overload]
    return c_subject, [bytes(f_salt), bytes(SALT_BYTES), b""], plain[:SALT_BYTES]  # type: ignore[call-overload]


def renumbered(before: Before) -> None:
    """Let the next entry have number 1, which the guesser takes for granted."""
    subj = before.house.eraser().log.subj(before.person)
    before.house.as_owner("DELETE FROM subject_heads WHERE subj = :subj", subj=subj)


@pytest.mark.flowlog_test(19)
def test_whoever_knows_every_person_there_could_be_does_not_find_whose_an_entry_was(before: Before) -> None:
    renumbered(before)
    committed, salts, _ = an_entry_about(before)
    before.house.destroys(before.person)
    assert not guessed(before, {committed}, salts)


@pytest.mark.flowlog_control(19)
def test_control_with_its_salt_the_same_guesses_find_it(before: Before) -> None:
    renumbered(before)
    committed, salts, salt = an_entry_about(before)
    assert guessed(before, {committed}, [*salts, salt])


# silence --------------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(20)
def test_a_tombstone_shows_nobody_outside_which_entries_it_took(erased: Before, tmp_path: Path) -> None:
    with erased.house.world.reader.transaction() as session:
        export_log(session, tmp_path / "after")
    lines = (tmp_path / "after" / "entries.jsonl").read_text().splitlines()
    (tombstone,) = [line for line in lines if '\\"kind\\":\\"erasure\\"' in line]
    assert '"is":"sealed"' in tombstone
    assert 'erased\\":[' not in tombstone
    assert "case" not in tombstone


@pytest.mark.flowlog_control(20)
def test_control_without_its_tombstone_every_part_that_went_is_found(before: Before) -> None:
    house = before.house
    house.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE subj = :s", s=before.secrets[0][1])
    with pytest.raises(AssertionError, match="subject part: missing without an erasure"):
        house.world.check_log()
