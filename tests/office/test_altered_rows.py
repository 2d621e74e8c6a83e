"""Whoever alters a row of the log blinds nobody: every page still answers, and says which row is not what it was."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from proaktiv.flowlog.verifying.selection import verify_selection
from tests.office.conftest import Office
from tests.office.test_dsb_api import Program, owner_of, program
from tests.office.test_rested_on import allowed, entry_of
from tests.web.me.conftest import browser_of, proof_of, recorded


def _saying(was: str, is_now: str) -> str:
    """A change of the facts that leaves them readable."""
    return f"f_bytes = convert_to(regexp_replace(convert_from(f_bytes, 'UTF8'), '{was}', '{is_now}', 'g'), 'UTF8')"


UNREADABLE = {
    "facts that are no text": "f_bytes = overlay(f_bytes PLACING '\\xff00'::bytea FROM 3)",
    "facts without their time": "f_bytes = convert_to('{\"n\"\\:1}', 'UTF8')",
    "facts that are a list": "f_bytes = convert_to('[]', 'UTF8')",
    "no facts": "f_bytes = convert_to('', 'UTF8')",
    "facts of another type": _saying('"purpose"\\:"[^"]*"', '"purpose"\\:7'),
}
ALTERED = UNREADABLE | {
    "facts that name what no database takes": _saying('"(basis|scope)"\\:"[^"]*"', '"\\1"\\:"a@99999999999999999999"'),
    "a salt that was cut": "f_salt = substring(f_salt FOR 31)",
    "an entry that was cut": "entry = substring(entry FOR 114)",
    "an entry of another header": "entry = overlay(entry PLACING '\\x00'::bytea FROM 5)",
    "no entry": "entry = convert_to('', 'UTF8')",
}
"""What the list and the entry see; an entry's own bytes also close the parts that it commits to."""
SEALED = {
    "an own part that was cut": "s_blob = substring(s_blob FOR 40)",
    "an own part of five bytes": "s_blob = substring(s_blob FOR 5)",
    "no own part": "s_blob = NULL",
    "a staff part that was cut": "a_blob = substring(a_blob FOR 40)",
    "a staff part of five bytes": "a_blob = substring(a_blob FOR 5)",
    "no staff part": "a_blob = NULL",
}
HARMS = ALTERED | SEALED

OWN = (
    "/me/flows?limit=200",
    "/me/flows/bundle",
    "/me/usage-period",
    "/me/cockpit/status",
    "/me/cockpit/protokolldaten",
)
OWN_ONE = "/me/cockpit/protokolldaten/%s/inhaltsdaten"
SEAL = "passt nicht zu seinem Siegel"


@contextmanager
def altered(office: Office, fid: UUID, harm: str) -> Iterator[None]:
    """One row is not what it was, for as long as this lasts."""
    table = "flow_secret" if "_blob" in HARMS[harm] else "flow_log"
    with owner_of(office.world) as owner:
        owner(f"CREATE TABLE kept AS SELECT * FROM {table} WHERE fid = '{fid}'")
        owner(f"UPDATE {table} SET {HARMS[harm]} WHERE fid = '{fid}'")
        yield
        columns = ("s_blob", "a_blob") if table == "flow_secret" else ("f_salt", "f_bytes", "entry")
        back = ", ".join(f"{name} = kept.{name}" for name in columns)
        owner(f"UPDATE {table} SET {back} FROM kept WHERE {table}.fid = kept.fid")
        owner("DROP TABLE kept")


@pytest.fixture
def dsb(sent: Office) -> Program:
    sent.world.check_log()
    return program(sent)


def test_every_page_of_the_dsb_answers_and_names_the_row_whatever_was_done_to_it(sent: Office, dsb: Program) -> None:
    request = allowed(sent, dsb)
    sent.world.check_log()
    desk, fid, of = sent.desk("d.schutz"), entry_of(sent, "auftrag.sent"), f"?subject={request}"
    listing = f"/flows?cursor={UUID(int=fid.int + 1)}"
    one = (f"/flows/{fid}", f"/flows/{fid}{of}", f"/flows/{fid}/proof", f"/flows/{fid}/proof{of}")
    page, shows = f"/datenfluesse?vor={UUID(int=fid.int + 1)}", f"/datenfluesse/{fid}"
    for harm in HARMS:
        with altered(sent, fid, harm):
            told = {each: dsb.get(each) for each in (*one, listing, f"/flows{of}", f"/flows/{fid}/consent{of}")}
            told |= {"/findings": dsb.get("/findings")}
            shown = {each: desk.get(each) for each in (page, shows, f"{shows}?wunsch={request}", f"/person/{request}")}
            made = dsb.post("/exports", {"kind": "log"}).status_code if harm in ALTERED else 201
        broken = {path: each.status_code for path, each in (told | shown).items() if each.status_code >= 500}
        assert (broken, made) == ({}, 201), harm
        opened = told[one[0]].json()
        listed = next(each for each in told[listing].json()["flows"] if each["id"] == str(fid))
        row = next(each for each in shown[page].text.split("<tr>") if str(fid) in each)
        whole, readable = harm not in ALTERED, harm not in UNREADABLE
        assert (opened["intact"], listed["intact"], "nicht unberührt" not in row) == (whole, whole, whole), harm
        assert (opened["readable"], listed["readable"], "nicht lesbar" not in row) == (readable,) * 3, harm
        assert f">{listed['index']}<" in row, "its place stands there"
        for part in (opened, told[one[1]].json()):
            seal = not whole or "broken" in (part["A"]["is"], part["S"]["is"])
            assert seal == (SEAL in shown[shows if part is opened else f"{shows}?wunsch={request}"].text), harm
        assert (str(fid) in told["/findings"].text) == (not whole or harm.startswith("no ")), harm


def test_an_altered_wish_to_look_somebody_up_blinds_no_page_that_counts_the_wishes(sent: Office, dsb: Program) -> None:
    allowed(sent, dsb)
    sent.world.check_log()
    desk, fid = sent.desk("d.schutz"), entry_of(sent, "person.requested")
    for harm in (each for each in HARMS if "own" not in each):
        with altered(sent, fid, harm):
            told = [dsb.get(each) for each in ("/findings", "/requests")] + [
                desk.get("/protokoll"),
                desk.get("/person"),
            ]
        assert {each.status_code for each in told} == {200}, harm
        assert (str(fid) in told[0].text) == (harm in ALTERED or harm.startswith("no ")), harm


def test_the_person_gets_every_answer_and_reads_which_of_their_entries_is_not_what_it_was(
    sent: Office, tmp_path: Path
) -> None:
    sent.world.check_log()
    fid = entry_of(sent, "auftrag.sent")
    browser = browser_of(sent.world, sent.anna)
    index = sent.world.value("SELECT idx FROM flow_leaf WHERE fid = :fid", fid=fid)
    everything = len(browser.get("/me/flows?limit=200").json())
    for number, (harm, _) in enumerate(item for item in HARMS.items() if "staff" not in item[0]):
        with altered(sent, fid, harm):
            answers = {path: browser.get(path) for path in (*OWN, OWN_ONE % fid)}
            page = sent.pipeline.timeline(proof_of(sent.world, sent.anna)[1], "")["entries"]
        assert {path: each.status_code for path, each in answers.items() if each.status_code != 200} == {}, harm
        flows = answers["/me/flows?limit=200"].json()
        wrong = [each["index"] for each in flows if not each["intact"]]
        assert (len(flows), wrong, [each["index"] for each in page if not each["intact"]]) == (
            everything,
            [index],
            [index],
        )
        assert not answers[OWN_ONE % fid].json()["intact"]
        folder = tmp_path / str(number)
        zipfile.ZipFile(io.BytesIO(answers["/me/flows/bundle"].content)).extractall(folder)
        report = verify_selection(folder, sent.world.signer.vkey)
        assert {each.index for each in report.findings} >= {index}, harm
        assert len([each for each in report.findings if each.index is None]) == 0, harm


def test_an_altered_entry_that_was_kept_from_the_person_stays_so_and_none_goes_missing_for_it(sent: Office) -> None:
    _, proof = proof_of(sent.world, sent.anna)
    hidden = recorded(sent.world, proof.person, restrict=True)
    sent.world.check_log()
    shown = sent.pipeline.timeline(proof, "")
    for harm in UNREADABLE:
        with altered(sent, hidden, harm):
            assert sent.pipeline.timeline(proof, "") == shown
            assert len(sent.pipeline.usages(proof, None, None, 0, 3)) == 3, "the page is full all the same"


def test_an_altered_release_releases_nothing_and_breaks_nothing(sent: Office) -> None:
    _, proof = proof_of(sent.world, sent.anna)
    hidden = recorded(sent.world, proof.person, restrict=True)
    released = sent.pipeline.release_entry(hidden, reason="Die Ermittlung ist zu Ende.", by="k.haus")
    assert "auftrag.opened" in {each["action"] for each in sent.pipeline.timeline(proof, "")["entries"]}
    for harm in ALTERED:
        with altered(sent, released, harm):
            entries = sent.pipeline.timeline(proof, "")["entries"]
            assert [each["purpose"] for each in entries if each["purpose"] == "ermittlung"] == [], harm
            assert sum(not each["intact"] for each in entries) == 1, harm
