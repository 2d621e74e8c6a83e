"""This flow rested on that consent: what the DSB takes away proves it elsewhere, with a second person's yes alone."""

import io
import json
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.citations import cited
from proaktiv.flowlog.verifying.proof import ProofFile, verify_proof
from proaktiv.flowlog.verifying.resting import verify_rested
from proaktiv.flowlog.verifying.selection import verify_selection
from proaktiv.steps import inspection
from tests.builders import a_birth, somebody
from tests.flowlog.alone import Verifiers, needs_node
from tests.office.conftest import Office
from tests.office.test_dsb_api import WHY, Program, owner_of, program


def entry_of(office: Office, action: str) -> UUID:
    found = office.world.value(
        "SELECT fid FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE :action ORDER BY fid LIMIT 1",
        action=f'%"{action}"%',
    )
    assert isinstance(found, UUID)
    return found


def allowed(office: Office, dsb: Program, who: str = "") -> str:
    request: str = dsb.post("/requests", {"who": who or office.reference, "reason": WHY}).json()["id"]
    second = program(office, "d.vertretung")
    assert second.post(f"/requests/{request}/decision", {"grant": True}).status_code == 200
    return request


def parts(proof: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(ProofFile.parse(proof.encode()).extra)
    return shown


@pytest.fixture
def dsb(sent: Office) -> Program:
    sent.world.check_log()
    return program(sent)


def test_two_proofs_say_which_consent_a_flow_rested_on(sent: Office, dsb: Program) -> None:
    request = allowed(sent, dsb)
    fid = entry_of(sent, "auftrag.sent")
    rested = dsb.get(f"/flows/{fid}?subject={request}").json()["rested_on"]
    flow = dsb.get(f"/flows/{fid}/proof?subject={request}").text
    given = dsb.get(f"/flows/{rested['consent']['flow']}/proof?subject={request}").text
    assert sorted(parts(flow)) == ["F", "S", "e"], "the staff's part stays in the office"
    vkey = sent.world.signer.vkey
    assert verify_proof(flow.encode(), vkey).names["consent"] == rested["consent"]["record"]
    report = verify_rested(flow.encode(), given.encode(), vkey)
    assert report.ok, report.text()
    assert report.rested_on is not None
    assert report.rested_on.consent == rested["consent"]["record"]
    assert report.rested_on.given["action"] == "auftrag.confirmed"
    assert sent.anna.familienname not in flow + given


def test_a_consent_given_in_advance_and_the_flow_under_it_are_proven_together(sent: Office, dsb: Program) -> None:
    request = allowed(sent, dsb, sent.anna.kennung)
    theirs = dsb.get(f"/flows?subject={request}").json()["flows"]
    opened = [dsb.get(f"/flows/{each['id']}?subject={request}").json() for each in theirs if each["kind"] != "access"]
    resting = {
        each["F"]["action"]: each
        for each in opened
        if each["F"]["kind"] in {"authorised", "admitted"} and each["S"]["part"].get("consent")
    }
    assert {"auftrag.sent", "letter.handed_over"} & set(resting), sorted(resting)
    for each in resting.values():
        given = each["rested_on"]["consent"]["flow"]
        flow, consent = (dsb.get(f"/flows/{fid}/proof?subject={request}").content for fid in (each["id"], given))
        report = verify_rested(flow, consent, sent.world.signer.vkey)
        assert report.ok, (each["F"]["action"], report.text())


def test_the_way_shows_that_it_had_not_ended_and_nothing_from_before_or_after(
    sent: Office, dsb: Program, tmp_path: Path
) -> None:
    request = allowed(sent, dsb)
    fid = entry_of(sent, "auftrag.sent")
    answer = dsb.get(f"/flows/{fid}/consent?subject={request}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as inside:
        inside.extractall(tmp_path)
    flow, way = (tmp_path / "fluss.tlog-proof").read_bytes(), tmp_path / "weg"
    assert parts(flow.decode()) == parts(dsb.get(f"/flows/{fid}/proof?subject={request}").text)
    vkey = sent.world.signer.vkey
    assert verify_selection(way, vkey).ok
    report = verify_rested(flow, way, vkey)
    assert report.rested_on is not None, report.text()
    assert report.rested_on.whole
    places = [json.loads(line)["i"] for line in (way / "entries.jsonl").read_bytes().splitlines()]
    assert (places[0], places[-1]) == (report.rested_on.given["index"], report.rested_on.flow["index"])


@needs_node
def test_what_the_office_hands_out_is_judged_by_the_files_that_it_handed_out(
    sent: Office, dsb: Program, tmp_path: Path
) -> None:
    request, fid = allowed(sent, dsb), entry_of(sent, "auftrag.sent")
    with zipfile.ZipFile(io.BytesIO(dsb.get(f"/flows/{fid}/consent?subject={request}").content)) as inside:
        inside.extractall(tmp_path)
    (tmp_path / "policy").write_text(f"log {sent.world.signer.vkey}\nquorum none\n")
    verifiers = Verifiers.handed_out(tmp_path / "verifiers")
    asked = ("--consent", tmp_path / "weg", "--policy", tmp_path / "policy", "--lang", "de")
    flow = tmp_path / "fluss.tlog-proof"
    python, node = verifiers.run_python(flow, *asked), verifiers.run_node(flow, *asked)
    assert (python.returncode, python.stdout) == (node.returncode, node.stdout)
    assert python.returncode == 0, python.stdout
    assert "Dazwischen endete sie nicht" in python.stdout


def test_without_a_wish_or_before_the_yes_no_own_part_goes_out(sent: Office, dsb: Program) -> None:
    fid = entry_of(sent, "auftrag.sent")
    assert sorted(parts(dsb.get(f"/flows/{fid}/proof").text)) == ["F", "e"]
    request = dsb.post("/requests", {"who": sent.reference, "reason": WHY}).json()["id"]
    for path in (f"/flows/{fid}/proof?subject={request}", f"/flows/{fid}/consent?subject={request}"):
        assert dsb.get(path).status_code == 403
    assert dsb.get(f"/flows/{fid}/consent").status_code == 422
    assert sent.looks() == []


def test_a_yes_that_is_over_or_somebody_elses_opens_nothing(sent: Office, dsb: Program) -> None:
    fid, request = entry_of(sent, "auftrag.sent"), allowed(sent, dsb)
    paths = (f"/flows/{fid}/proof?subject={request}", f"/flows/{fid}/consent?subject={request}")
    assert [program(sent, "d.vertretung").get(path).status_code for path in paths] == [404, 404]
    sent.world.now += timedelta(days=1)
    late = program(sent)
    assert [late.get(path).status_code for path in paths] == [404, 404]


def test_a_yes_for_one_person_opens_no_entry_of_another(sent: Office, dsb: Program) -> None:
    world = sent.world
    ben = world.lives_here(somebody("Ben", familienname="Fremdenberg"))
    world.check_log()
    fid, request = entry_of(sent, "auftrag.sent"), allowed(sent, dsb, ben.kennung)
    for path in (f"/flows/{fid}/proof?subject={request}", f"/flows/{fid}/consent?subject={request}"):
        assert dsb.get(path).status_code == 404
    nobody = allowed(sent, dsb, "MR-999999")
    assert sorted(parts(dsb.get(f"/flows/{fid}/proof?subject={nobody}").text)) == ["F", "e"]
    assert dsb.get(f"/flows/{fid}/consent?subject={nobody}").status_code == 404


def test_control_without_the_look_whose_entry_it_is_another_ones_part_would_not_open_either(
    sent: Office, dsb: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    ben = sent.world.lives_here(somebody("Ben", familienname="Fremdenberg"))
    sent.world.check_log()
    fid, request = entry_of(sent, "auftrag.sent"), allowed(sent, dsb, ben.kennung)
    monkeypatch.setattr(inspection, "_is_about", lambda *_: True)
    answer = dsb.get(f"/flows/{fid}/proof?subject={request}")
    assert answer.status_code == 200, "the protection that was taken out"
    assert sorted(parts(answer.text)) == ["F", "e"], "and the key of another person opens nothing"


def test_each_proof_taken_away_is_an_entry_that_the_person_finds(sent: Office, dsb: Program) -> None:
    request, fid = allowed(sent, dsb), entry_of(sent, "auftrag.sent")
    dsb.get(f"/flows/{fid}/proof?subject={request}")
    dsb.get(f"/flows/{fid}/consent?subject={request}")
    assert sent.looks().count("flow.proven") == 2
    dsb.get(f"/flows/{fid}/proof")
    assert sent.looks().count("flow.proven") == 2, "without the own part it is a look at what names nobody"


def test_there_is_no_way_where_no_consent_is_named(sent: Office, dsb: Program) -> None:
    request = allowed(sent, dsb)
    dsb.get(f"/flows?subject={request}")
    sent.world.check_log()
    look = entry_of(sent, "person.looked_up")
    assert dsb.get(f"/flows/{look}/proof?subject={request}").status_code == 200
    assert dsb.get(f"/flows/{look}/consent?subject={request}").status_code == 404


def test_a_part_that_is_not_what_was_sealed_is_told_and_not_handed_out(sent: Office, dsb: Program) -> None:
    request, fid = allowed(sent, dsb), entry_of(sent, "auftrag.sent")
    with owner_of(sent.world) as owner:
        owner(f"UPDATE flow_secret SET s_blob = set_byte(s_blob, 20, get_byte(s_blob, 20) # 1) WHERE fid = '{fid}'")
    for path in (f"/flows/{fid}/proof?subject={request}", f"/flows/{fid}/consent?subject={request}"):
        answer = dsb.get(path)
        assert (answer.status_code, "not what was sealed" in answer.text) == (409, True)


def test_what_is_not_signed_yet_is_neither_proven_nor_a_way(sent: Office, dsb: Program) -> None:
    world = sent.world
    world.announce(a_birth(sent.anna))
    world.tick()
    request = allowed(sent, dsb)
    fid = world.value("SELECT fid FROM flow_log WHERE fid NOT IN (SELECT fid FROM flow_leaf) AND kind = 9 LIMIT 1")
    assert dsb.get(f"/flows/{fid}/proof?subject={request}").status_code == 202


def test_the_page_leads_to_the_proof_with_the_way_and_to_both_proofs_alone(sent: Office, dsb: Program) -> None:
    path = sent.allowed(sent.reference, WHY)
    request = path.rpartition("/")[2]
    desk = sent.desk("d.schutz")
    fid = entry_of(sent, "auftrag.sent")
    page = desk.get(f"/datenfluesse/{fid}?wunsch={request}").text
    place = sent.world.value("SELECT idx FROM flow_leaf WHERE fid = :fid", fid=fid)
    links = dict(re.findall(r'href="(/dsb/flows/[^"]+)" download="([^"]+)"', page))
    wanted, other = f"beleg-{place}.zip", [f"fluss-{place}.tlog-proof", f"einwilligung-{place}.tlog-proof"]
    assert list(links.values()) == [wanted, *other], "what the guide wants comes first"
    folded = page[page.index("<details>") : page.index("</details>")]
    assert [name for name in links.values() if name in folded] == other
    assert all(link.endswith(f"?subject={request}") for link in links)
    assert [desk.get(link).status_code for link in links] == [200, 200, 200]
    sealed = dict(re.findall(r'href="(/dsb/flows/[^"]+)" download="([^"]+)"', desk.get(f"/datenfluesse/{fid}").text))
    assert sealed == {f"/dsb/flows/{fid}/proof": f"fluss-{place}.tlog-proof"}


# two doors ------------------------------------------------------------------------------------------------------------

TWO_DOORS = "Art. 6 Abs. 1 Buchst. a DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)"


def under(office: Office, activity: str) -> UUID:
    found = office.world.value(
        "SELECT fid FROM flow_log WHERE scope LIKE :scope AND kind IN (1, 9) ORDER BY fid LIMIT 1",
        scope=f"{activity}@%",
    )
    assert isinstance(found, UUID), activity
    return found


def test_a_look_up_that_rests_on_consent_says_what_let_the_house_ask_and_what_let_the_register_answer(
    sent: Office, dsb: Program
) -> None:
    fid = under(sent, "geburt/prefill/MELDEREGISTER")
    shown = dsb.get(f"/flows/{fid}").json()
    assert (shown["F"]["basis"], shown["rested_on"]["basis"]) == (TWO_DOORS, "consent")
    page = sent.desk("d.schutz").get(f"/datenfluesse/{fid}").text
    assert "Dieser Fluss beruhte auf der Einwilligung „Prüfen, ob das Kind bei Ihnen gemeldet ist“" in page
    assert f"Rechtsgrundlage: {cited(TWO_DOORS)}. „Erhebung“ ist" in page
    assert TWO_DOORS in [entry["basis"] for entry in sent.history()], "the person reads the same"
    proof = dsb.get(f"/flows/{fid}/proof").text
    assert parts(proof)["F"]["b"].count("Übermittlung") == 1, "and so does whoever checks it elsewhere"


def test_a_flow_with_a_basis_in_law_is_not_said_to_rest_on_the_consent_that_it_needed_besides(
    sent: Office, dsb: Program
) -> None:
    fid = under(sent, "geburt/match")
    assert dsb.get(f"/flows/{fid}").json()["rested_on"]["basis"] == "public_task"
    page = sent.desk("d.schutz").get(f"/datenfluesse/{fid}").text
    assert "Dieser Fluss hatte eine gesetzliche Grundlage und brauchte dazu die Einwilligung „" in page
    assert "beruhte auf der Einwilligung" not in page
    assert cited("Art. 6 Abs. 1 Buchst. e DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)") in page


def test_one_basis_stays_one_basis(sent: Office, dsb: Program) -> None:
    fid = under(sent, "geburt/transmit/GEBURTSURKUNDE")
    assert "Übermittlung" not in dsb.get(f"/flows/{fid}").json()["F"]["basis"]
    assert "„Erhebung“ ist" not in sent.desk("d.schutz").get(f"/datenfluesse/{fid}").text
