"""``proaktiv log verify --staff --sealed``: each sealed part is opened and judged, told of first, and none is shown."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from typer.testing import CliRunner

from proaktiv.core.errors import BadInput
from proaktiv.database import Database
from proaktiv.flowlog.commands import make_app
from proaktiv.vault import Compartment, NotHeld
from tests.office.conftest import Office
from tests.office.test_series import as_owner
from tests.processes import proaktiv, refused
from tests.settings_of import b64, everything
from tests.world import World

WHY = "Jährliche Prüfung, Aktenzeichen 7"
ASKED = ("--by", "d.schutz", "--reason", WHY)


def verify(office: Office, *options: str) -> Result:
    database = Database(office.world.urls["reader"], pool_size=1)
    pipeline = office.pipeline
    try:
        app = make_app(
            database.transaction,
            lambda: office.world.signer.vkey,
            list,
            lambda *_: "",
            pipeline.clock,
            lambda: pipeline.pace,
            list,
            pipeline.opened_log,
        )
        return CliRunner().invoke(app, ["verify", *options])
    finally:
        database.close()


def lines(office: Office, *options: str) -> Sequence[str]:
    office.world.signs()
    return verify(office, *options).output.splitlines()


def told(office: Office) -> int:
    found = office.world.value(
        "SELECT count(*) FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE '%\"log.judged\"%'"
    )
    assert isinstance(found, int)
    return found


def a_flow_about(office: Office, *, person: bool) -> tuple[UUID, int]:
    where = "s.subj IS NOT NULL" if person else "s.subj IS NULL"
    office.world.signs()
    fid = office.world.value(
        f"SELECT fid FROM flow_leaf JOIN flow_secret s USING (fid) WHERE {where} ORDER BY idx DESC LIMIT 1"
    )
    index = office.world.value("SELECT idx FROM flow_leaf WHERE fid = :fid", fid=fid)
    return fid, index


def test_without_the_options_the_last_lines_say_what_was_not_opened_and_by_which_command_it_would_be(
    sent: Office,
) -> None:
    assert lines(sent)[-3:] == [
        "parts A: not opened; at the office `proaktiv log verify --staff` checks them",
        "parts S: not opened; at the office `proaktiv log verify --sealed` checks them",
        "Everything adds up.",
    ]
    assert told(sent) == 0


def test_all_parts_of_a_city_that_is_well_open_and_what_is_told_names_nobody(sent: Office) -> None:
    said = lines(sent, "--staff", "--sealed", *ASKED)
    entries = sent.world.count("flow_secret")
    about = sent.world.count("flow_secret", "subj IS NOT NULL")
    assert said[-3:] == [
        f"parts A: {entries} opened and checked",
        f"parts S: {about} opened and checked",
        "Everything adds up.",
    ]
    assert not [line for line in said if "Anna" in line or "d.schutz" in line or "system" in line]
    assert told(sent) == 1


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize(("part", "option"), [("a_blob", "--staff"), ("s_blob", "--sealed")])
def test_a_flipped_byte_of_a_sealed_part_is_found_by_the_command_that_opens_it(
    sent: Office, part: str, option: str
) -> None:
    fid, index = a_flow_about(sent, person=True)
    as_owner(
        sent, f"UPDATE flow_secret SET {part} = set_byte({part}, 40, get_byte({part}, 40) # 1) WHERE fid = '{fid}'"
    )
    name = "staff part" if part == "a_blob" else "subject part"
    found = f"{name}: does not open to what was committed (entry {index})"
    assert found in lines(sent, option, *ASKED)
    assert lines(sent)[-1] == "Everything adds up.", "the control: closed, it is not to be seen"


@pytest.mark.flowlog_test(13)
def test_an_entry_under_an_index_that_is_nobodys_is_found(sent: Office) -> None:
    fid, index = a_flow_about(sent, person=True)
    as_owner(sent, f"UPDATE flow_secret SET subj = 'nobody' WHERE fid = '{fid}'")
    assert f"subject part: does not open to what was committed (entry {index})" in lines(sent, "--sealed", *ASKED)


def test_keys_that_are_not_held_are_counted_and_no_finding(sent: Office) -> None:
    as_owner(sent, "INSERT INTO staff_keys VALUES (gen_random_uuid(), current_date, '', now())")
    fid, _ = a_flow_about(sent, person=False)
    as_owner(
        sent,
        "UPDATE flow_secret SET staff_key = (SELECT id FROM staff_keys WHERE wrapped = '' LIMIT 1)"
        f" WHERE fid = '{fid}'",
    )
    person = sent.world.value("SELECT person FROM vault_keys ORDER BY person LIMIT 1")
    as_owner(sent, f"UPDATE vault_keys SET wrapped = '' WHERE person = '{person}' AND compartment = 'flow'")
    subj = sent.pipeline.house.log.subj(person)
    closed = sent.world.value("SELECT count(*) FROM flow_secret WHERE subj = :subj", subj=subj)
    sent.world.signs()
    said = json.loads(verify(sent, "--staff", "--sealed", "--json", *ASKED).output)
    assert (said["findings"], said["sealed"]["A"]["closed"], said["sealed"]["S"]["closed"]) == ([], 1, closed)


def test_a_look_without_a_name_a_reason_or_the_keys_opens_nothing(sent: Office) -> None:
    for options in ((), ("--by", "d.schutz"), ("--reason", WHY), ("--by", "d.schutz", "--reason", "darum")):
        assert isinstance(verify(sent, "--staff", *options).exception, BadInput)
    assert isinstance(
        verify(sent, "--staff", *ASKED, "--export", "x", "--vkey", sent.world.signer.vkey).exception, BadInput
    )
    assert told(sent) == 0
    without = replace(sent, pipeline=replace(sent.pipeline, staff_private=()))
    assert isinstance(verify(without, "--staff", *ASKED).exception, NotHeld)
    assert told(sent) == 1, "the attempt is in the log"


def test_the_parts_of_a_compartment_that_this_process_does_not_hold_stay_closed(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = sent.pipeline.house.vault
    monkeypatch.delitem(vault._wrappers, Compartment.FLOW)
    with pytest.raises(NotHeld, match="KEK-flow"), sent.pipeline.database.transaction() as session:
        vault.ring_as_far_as_held(session, [], Compartment.FLOW)


def test_the_command_runs_with_the_offices_settings_and_says_which_of_them_is_missing(
    urls: dict[str, str], tmp_path: Path
) -> None:
    world = World(urls, tmp_path).found()
    given = everything(urls, tmp_path) | {"PROAKTIV_LOG_VKEY": world.signer.vkey}
    world.close()
    command = ("log", "verify", "--staff", "--sealed", *ASKED)
    assert "PROAKTIV_STAFF_PRIVATE_KEY" in refused(proaktiv(*command, settings=given))
    staff = X25519PrivateKey.generate()
    given["PROAKTIV_STAFF_PRIVATE_KEY"] = b64(staff.private_bytes_raw())
    given["PROAKTIV_STAFF_PUBLIC_KEY"] = b64(staff.public_key().public_bytes_raw())
    told = proaktiv(*command, settings=given)
    # The attempt of before was sealed for another pair; the entry of this one waits in the queue and opens.
    assert told.stdout.splitlines()[-3].startswith("parts A: "), told.stdout + told.stderr
    assert "no key of this process opens them" in told.stdout
