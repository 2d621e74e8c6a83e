"""``/dsb`` for programs: what the pages show, each call an entry of the log, and nothing of it for anybody else."""

import csv
import io
import json
import zipfile
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert, text

from proaktiv.core.flows import Flow, Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.merkle import verify_consistency
from proaktiv.database import Database
from proaktiv.flowlog import counts
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.exports import packing
from proaktiv.flowlog.keeping.pruning import Pruned
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.proof import verify_proof
from proaktiv.steps.oversight import evidence
from proaktiv.tables import CosignatureRow, TimeStampRow, core_table
from proaktiv.web.staff.visitor import SESSION
from tests.office.conftest import Office
from tests.web.conftest import ask, everything_stored
from tests.world import World

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
NONE = UUID(int=7)
GETS = (
    *("/session", "/log", "/flows", f"/flows/{NONE}", f"/flows/{NONE}/proof", "/findings", "/checkpoints"),
    "/checkpoints/1",
    f"/flows/{NONE}/consent?subject={NONE}",
    *("/log/consistency?old=1&new=1", "/incidents", "/requests", "/exports", f"/exports/{NONE}"),
    *("/erasures", "/holds"),
)
POSTS: dict[str, dict[str, Any]] = {
    "/requests": {"who": "MR-1", "reason": WHY},
    f"/requests/{NONE}/decision": {"grant": True},
    f"/requests/{NONE}/withdrawal": {},
    "/exports": {"kind": "counts"},
    "/erasures": {"who": "MR-1", "ground": "withdrawn", "reason": WHY},
    f"/erasures/{NONE}/decision": {"grant": True},
    f"/erasures/{NONE}/withdrawal": {},
    "/holds": {"from": "2026-10-01", "to": "2026-10-01", "review_on": "2027-01-01", "reason": WHY},
    f"/holds/{NONE}/release": {"reason": WHY},
    f"/holds/requests/{NONE}/decision": {"grant": True},
    f"/holds/requests/{NONE}/withdrawal": {},
}


@dataclass
class Program:
    """A program of somebody who logged in at the office."""

    office: Office
    token: str
    csrf: str = ""

    def get(self, path: str) -> httpx.Response:
        (answer,) = ask(self.office.app, ("GET", f"/dsb{path}"), cookies={SESSION: self.token})
        return answer

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        sent = {"x-csrf": self.csrf, "sec-fetch-site": "same-origin"} | headers
        (answer,) = ask(
            self.office.app, ("POST", f"/dsb{path}"), cookies={SESSION: self.token}, json=body, headers=sent
        )
        return answer


def program(office: Office, name: str = "d.schutz") -> Program:
    made = Program(office, office.desk(name).cookies[SESSION])
    if name.startswith("d."):
        made.csrf = made.get("/session").json()["csrf"]
    return made


@pytest.fixture
def dsb(sent: Office) -> Program:
    return program(sent)


def signed(world: World) -> None:
    world.check_log()


def test_nobody_and_no_clerk_gets_anything(sent: Office) -> None:
    nobody, clerk = Program(sent, "x"), program(sent, "k.haus")
    clerk.csrf = sent.pipeline.staff_csrf(clerk.token)
    before = everything_stored(sent.world.urls)
    for path in GETS:
        assert (nobody.get(path).status_code, clerk.get(path).status_code) == (401, 403), path
    for path, body in POSTS.items():
        assert (nobody.post(path, body).status_code, clerk.post(path, body).status_code) == (401, 403), path
    assert everything_stored(sent.world.urls) == before


def test_a_change_needs_the_sessions_token_and_the_own_site(dsb: Program) -> None:
    for path, body in POSTS.items():
        assert dsb.post(path, body, **{"x-csrf": "0" * 64}).status_code == 403
        assert dsb.post(path, body, **{"sec-fetch-site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("path", [path for path in GETS if "subject=" not in path])
def test_every_call_is_itself_an_entry(sent: Office, dsb: Program, path: str) -> None:
    known = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    looks = "SELECT count(*) FROM flow_log WHERE kind = 4 AND purpose = 'datenschutzaufsicht'"
    before = sent.world.value(looks)
    answer = dsb.get(path.replace(str(NONE), str(known)) if "/flows/" in path else path)
    assert answer.status_code in {200, 202, 404, 422}, answer.text
    assert sent.world.value(looks) == before + 1


def test_a_wish_that_nobody_granted_opens_nothing_and_so_there_is_nothing_to_enter(sent: Office, dsb: Program) -> None:
    known = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    before = everything_stored(sent.world.urls)
    for path in (f"/flows/{known}/consent", f"/flows/{known}/proof", f"/flows/{known}"):
        assert dsb.get(f"{path}?subject={NONE}").status_code == 404
    assert everything_stored(sent.world.urls) == before


def test_flows_are_filtered_and_paged_and_name_nobody(sent: Office, dsb: Program) -> None:
    found = dsb.get("/flows?receiver=standesamt-musterstadt").json()
    assert found["flows"]
    assert {each["receiver"] for each in found["flows"]} == {"Standesamt Musterstadt"}
    assert sent.anna.familienname not in json.dumps(found)
    day = f"{sent.world.now:%Y-%m-%d}"
    assert {each["at"][:10] for each in dsb.get(f"/flows?from={day}").json()["flows"]} == {day}
    assert dsb.get("/flows?to=2020-01-01").json() == {"flows": [], "cursor": None}
    last = found["flows"][-1]["id"]
    older = dsb.get(f"/flows?receiver=standesamt-musterstadt&cursor={last}").json()["flows"]
    assert last not in {each["id"] for each in older}


@pytest.mark.parametrize(
    "path",
    [
        *("/flows?from=x", "/flows?cursor=x", "/flows?sender=%00", f"/flows?purpose={'x' * 121}", "/flows/x"),
        *("/checkpoints?cursor=-1", "/log/consistency?old=0&new=1", "/log/consistency?old=2&new=1"),
        *("/log/consistency", "/log/consistency?old=1&new=999999", "/exports/x"),
    ],
)
def test_what_cannot_be_wished_is_told(dsb: Program, path: str) -> None:
    answer = dsb.get(path)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:proaktiv:problem:bad-input")


def test_an_entry_comes_with_its_parts_and_its_proof(sent: Office, dsb: Program) -> None:
    sent.desk("k.standesamt").get(f"/auftraege/{sent.auftrag}")
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 4 AND receiver = 'standesamt-musterstadt'")
    found = dsb.get(f"/flows/{fid}").json()
    assert (found["state"], found["index"], found["S"]) == ("queued", None, {"is": "sealed", "part": {}})
    assert found["A"]["part"]["actor"] == "k.standesamt"
    assert found["F"]["action"] == "auftrag.opened"
    waiting = dsb.get(f"/flows/{fid}/proof")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (202, "10")
    signed(sent.world)
    assert dsb.get(f"/flows/{fid}").json()["state"] == "integrated"
    proof = dsb.get(f"/flows/{fid}/proof")
    assert proof.headers["content-type"].startswith("text/plain")
    assert proof.text.startswith("c2sp.org/tlog-proof@v1\n")
    assert verify_proof(proof.text.encode(), sent.world.signer.vkey).ok, "with the entry in it, or nothing is proven"
    assert dsb.get(f"/flows/{NONE}").status_code == 404
    assert dsb.get(f"/flows/{NONE}/proof").status_code == 404


def test_with_a_second_persons_yes_the_own_part_opens_and_names_the_consent(sent: Office, dsb: Program) -> None:
    answer = dsb.post("/requests", {"who": sent.reference, "reason": WHY})
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    request = answer.json()["id"]
    assert dsb.get(f"/flows?subject={request}").status_code == 403
    second = program(sent, "d.vertretung")
    (wish,) = second.get("/requests").json()
    assert (wish["reason"], wish["mine"]) == (WHY, False)
    assert dsb.post(f"/requests/{request}/decision", {"grant": True}).status_code == 403
    assert second.post(f"/requests/{request}/decision", {"grant": True}).json() == {"state": "granted"}
    assert second.post(f"/requests/{request}/decision", {"grant": False}).status_code == 409
    theirs = dsb.get(f"/flows?subject={request}").json()["flows"]
    assert "auftrag.confirmed" in {each["action"] for each in theirs}
    only = dsb.get(f"/flows?subject={request}&receiver=standesamt-musterstadt").json()["flows"]
    sent_on = next(each for each in only if each["kind"] == "authorised")
    found = dsb.get(f"/flows/{sent_on['id']}?subject={request}").json()
    assert found["S"]["is"] == "open"
    assert "subject" not in found["S"]["part"]
    assert found["rested_on"]["consent"]["record"] == found["S"]["part"]["consent"]
    assert sent.looks().count("person.looked_up") == 2


def test_an_entry_says_who_else_vouches_for_it(sent: Office, dsb: Program) -> None:
    signed(sent.world)
    fid = sent.world.value("SELECT fid FROM flow_leaf ORDER BY idx LIMIT 1")
    size = sent.world.value("SELECT max(size) FROM checkpoint")
    states = []
    for row, table in (
        ({"size": size, "witness": "w+1+x", "at": sent.world.now, "line": "— w x"}, CosignatureRow),
        ({"size": size, "note": "x", "token": b"x", "at": sent.world.now}, TimeStampRow),
    ):
        states.append(dsb.get(f"/flows/{fid}").json()["state"])
        with sent.world.sequencer.transaction() as session:
            session.connection().execute(insert(core_table(table)), row)
    states.append(dsb.get(f"/flows/{fid}").json()["state"])
    assert states == ["integrated", "witnessed", "timestamped"]


@pytest.mark.parametrize(
    "body", [{}, {"who": "MR-1"}, {"who": "MR-1", "reason": "kurz"}, {"who": "\x00", "reason": WHY}]
)
def test_a_wish_without_a_person_or_a_reason_is_none(dsb: Program, body: dict[str, str]) -> None:
    assert dsb.post("/requests", body).status_code == 422


@pytest.mark.parametrize("path", ["/requests", "/erasures"])
@pytest.mark.parametrize("name", ["Kanaria Beispielhuber", "kanaria", "Kanaria 12.03.1980"])
def test_a_name_is_a_problem_of_its_field_and_neither_told_nor_kept(
    sent: Office, dsb: Program, path: str, name: str
) -> None:
    before = everything_stored(sent.world.urls)
    answer = dsb.post(path, {**POSTS[path], "who": name})
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (answer.status_code, told["type"], told["field"]) == (422, "urn:proaktiv:problem:bad-input", "/who")
    assert told["detail"].startswith("must be an Auftrag's number (A-XXXXX-XXXXX) or a register's key")
    assert "anaria" not in answer.text
    assert everything_stored(sent.world.urls) == before, "no wish, no entry, no count"


def test_an_erased_persons_entry_says_so_and_a_pruned_one_is_only_a_place(
    sent: Office, dsb: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(sent.world)
    fid = sent.world.value(
        "SELECT fid FROM flow_secret JOIN flow_log USING (fid) WHERE subj IS NOT NULL AND kind = :kind LIMIT 1",
        kind=int(Kind.ADMITTED),
    )
    with owner_of(sent.world) as owner:
        owner(f"UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = '{fid}'")
    found = dsb.get(f"/flows/{fid}").json()
    assert (found["state"], found["S"]["is"]) == ("erased", "erased")
    with owner_of(sent.world) as owner:
        owner(f"DELETE FROM flow_secret WHERE fid = '{fid}'")
        owner(f"DELETE FROM flow_log WHERE fid = '{fid}'")
    assert dsb.get(f"/flows/{fid}").status_code == 404, "gone before its time: a finding, not an entry"
    monkeypatch.setattr(evidence, "pruned", lambda _connection: Pruned(256, 1))
    found = dsb.get(f"/flows/{fid}").json()
    assert found == {"id": str(fid), "index": found["index"], "state": "pruned"}


@contextmanager
def owner_of(world: World) -> Iterator[Callable[[str], None]]:
    """Yield the owner's hand, for what an attacker or another command does."""
    database = Database(world.urls["owner"], pool_size=1)

    def run(statement: str) -> None:
        with database.transaction() as session:
            session.connection().execute(text(statement))

    yield run
    database.close()


def test_findings_incidents_and_the_standing_are_told(sent: Office, dsb: Program) -> None:
    signed(sent.world)
    assert dsb.get("/findings").json() == []
    sent.desk("k.jugendamt").get(f"/auftraege/{sent.auftrag}")
    assert "staff.foreign_matter" in {each["what"] for each in dsb.get("/incidents").json()}
    standing = dsb.get("/log").json()
    assert standing["counts"]["access"] >= 3
    with owner_of(sent.world) as owner:
        owner("UPDATE flow_log SET receiver = 'somebody' WHERE fid = (SELECT min(fid::text)::uuid FROM flow_log)")
    assert [each["code"] for each in dsb.get("/findings").json()] == ["column_changed"]


def test_what_was_refused_is_listed_alone_the_second_persons_no_among_it(sent: Office, dsb: Program) -> None:
    assert dsb.get("/flows?refused=true").json()["flows"] == []
    request = dsb.post("/requests", {"who": sent.reference, "reason": WHY}).json()["id"]
    said = program(sent, "d.vertretung").post(f"/requests/{request}/decision", {"grant": False})
    assert said.json() == {"state": "denied"}
    sent.desk("k.jugendamt").get(f"/auftraege/{sent.auftrag}")
    refused = [each["action"] for each in dsb.get("/flows?refused=true").json()["flows"]]
    assert sorted(refused) == ["person.denied", "staff.foreign_matter"]
    assert len(dsb.get("/flows").json()["flows"]) > len(refused)


def test_a_checkpoint_is_handed_out_as_it_was_signed(sent: Office, dsb: Program) -> None:
    signed(sent.world)
    (newest,) = dsb.get("/checkpoints").json()["checkpoints"]
    assert dsb.get(f"/checkpoints/{newest['size']}").text == newest["note"]
    assert dsb.get(f"/checkpoints/{newest['size'] + 1}").status_code == 404
    assert dsb.get("/checkpoints/0").status_code == 422


def test_checkpoints_and_the_proof_between_two_of_them(sent: Office, dsb: Program) -> None:
    assert dsb.get("/checkpoints").json() == {"checkpoints": [], "cursor": None}
    for _ in range(2):
        dsb.get("/log")
        signed(sent.world)
    new, old = dsb.get("/checkpoints").json()["checkpoints"]
    heads = [open_checkpoint(each["note"], sent.world.signer.vkey) for each in (old, new)]
    assert [head.root.hex() for head in heads] == [old["root"], new["root"]]
    found = dsb.get(f"/log/consistency?old={old['size']}&new={new['size']}").json()
    path = [b64decode(step) for step in found["path"]]
    assert verify_consistency(old["size"], new["size"], heads[0].root, heads[1].root, path)
    (only,) = dsb.get(f"/checkpoints?cursor={new['size']}").json()["checkpoints"]
    assert only == old


def parts_a(office: Office, dsb: Program, action: str, member: str) -> list[str]:
    """What part A of each entry of this action says, sorted: ids of one moment have no order."""
    named = f"convert_from(f_bytes, 'UTF8') LIKE '%\"action\":\"{action}\"%'"
    fids = office.world.value(f"SELECT array_agg(fid) FROM flow_log WHERE {named}") or []
    return sorted(dsb.get(f"/flows/{fid}").json()["A"]["part"].get(member, "") for fid in fids)


def test_all_that_a_list_was_filtered_by_stands_in_part_a(sent: Office, dsb: Program) -> None:
    some = sent.world.value("SELECT fid FROM flow_log ORDER BY fid DESC LIMIT 1")
    api = f"/flows?from=2026-10-01&to=2026-10-31&receiver=standesamt-musterstadt&refused=true&cursor={some}"
    days = '"from":"2026-10-01","receiver":"standesamt-musterstadt","refused":true,"to":"2026-10-31"'
    said = f'{{"before":"{some}",{days}}}'
    assert [dsb.get(path).status_code for path in ("/flows", api)] == [200, 200]
    assert parts_a(sent, dsb, "flows.listed", "case") == ["", said]
    path = sent.allowed(sent.reference, WHY)
    assert dsb.get(f"{api}&subject={path.rpartition('/')[2]}").status_code == 200
    (reason,) = parts_a(sent, dsb, "person.looked_up", "reason")
    assert reason.endswith(f"; gefiltert: {said}")


def test_the_pages_filters_stand_in_part_a_with_what_their_words_meant(sent: Office, dsb: Program) -> None:
    desk = sent.desk("d.schutz")
    desk.get("/datenfluesse", params={"art": "access", "von": "01.10.2026", "purpose": "Datenschutzaufsicht"})
    desk.get("/verweigert")
    words = '"meant":{"purpose":["datenschutzaufsicht"]},"purpose":"Datenschutzaufsicht"'
    typed = f'{{"from":"2026-10-01","in_part":true,"kind":"access",{words}}}'
    assert parts_a(sent, dsb, "flows.listed", "case") == [typed, '{"refused":true}']
    desk.get(sent.allowed(sent.reference, WHY), params={"art": "authorised"})
    (reason,) = parts_a(sent, dsb, "person.looked_up", "reason")
    assert reason.endswith('; gefiltert: {"kind":"authorised"}')


# exports --------------------------------------------------------------------------------------------------------------


def test_a_look_at_the_exports_deletes_nothing_and_shows_nothing_that_is_over(sent: Office, dsb: Program) -> None:
    signed(sent.world)
    dsb.post("/exports", {"kind": "log", "days": 1})
    dsb.post("/requests", {"who": sent.reference, "reason": WHY})
    sent.world.now += timedelta(days=4)
    late = program(sent)
    looks = {"flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys", "sequences", "staff_sessions"}
    before = everything_stored(sent.world.urls)
    (listed,) = late.get("/exports").json()
    assert listed["there"] is False
    after = everything_stored(sent.world.urls)
    assert {name for name in before if before[name] != after[name]} <= looks
    assert sent.world.count("exports", "bundle IS NOT NULL") == sent.world.count("person_requests") == 1
    assert sent.pipeline.end_exports() == 2, "the worker's"


def test_an_export_of_the_log_verifies_elsewhere_and_goes_when_its_time_is_up(
    sent: Office, dsb: Program, tmp_path: Path
) -> None:
    assert dsb.post("/exports", {"kind": "log"}).status_code == 404, "nothing is signed yet"
    signed(sent.world)
    made = dsb.post("/exports", {"kind": "log", "days": 1})
    assert made.status_code == 201
    (listed,) = dsb.get("/exports").json()
    assert (listed, listed["made_by"], listed["there"]) == (made.json(), "d.schutz", True)
    file = dsb.get(f"/exports/{listed['id']}")
    assert file.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(file.content)) as inside:
        inside.extractall(tmp_path / "export")
    report = verify_export(tmp_path / "export", sent.world.signer.vkey)
    assert report.ok, report.text()
    assert report.size == listed["n"]
    assert report.expires_on is not None
    sent.world.now += timedelta(days=1)
    late = program(sent)
    assert late.get(f"/exports/{listed['id']}").status_code == 404, "over, whether or not anybody has deleted it"
    assert sent.world.count("exports", "bundle IS NOT NULL") == 1
    sent.pipeline.end_exports()
    assert sent.world.count("exports", "bundle IS NOT NULL") == 0
    (listed,) = late.get("/exports").json()
    assert listed["there"] is False
    deleted = "convert_from(f_bytes, 'UTF8') LIKE '%export.deleted%'"
    assert sent.world.count("flow_log", f"kind = 6 AND {deleted}") == 1
    assert sent.pipeline.end_exports() == 0


def test_an_export_begins_with_a_day_where_one_is_named(sent: Office, dsb: Program) -> None:
    signed(sent.world)
    day = f"{sent.world.now:%Y-%m-%d}"
    assert dsb.post("/exports", {"kind": "log", "from": day}).status_code == 201
    assert dsb.post("/exports", {"kind": "log", "from": "2031-01-01"}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        *(
            {"kind": "everything"},
            {"kind": "log", "days": 0},
            {"kind": "log", "days": 31},
            {"kind": "log", "days": "7"},
        ),
        *({"kind": "log", "to": "2026-10-14"}, {"kind": "counts", "from": "2026-10-14", "to": "2026-10-13"}, {}),
        {"kind": "counts", "more": 1},
    ],
)
def test_an_export_that_cannot_be_is_told(sent: Office, dsb: Program, body: dict[str, Any]) -> None:
    signed(sent.world)
    assert dsb.post("/exports", body).status_code == 422
    assert sent.world.count("exports") == 0


def test_more_than_a_page_can_carry_is_left_to_the_command(
    sent: Office, dsb: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "ENTRIES_MAX", 3)
    signed(sent.world)
    answer = dsb.post("/exports", {"kind": "log"})
    assert (answer.status_code, "proaktiv log export" in answer.json()["detail"]) == (422, True)


@pytest.fixture
def busy(sent: Office) -> Office:
    """A day with five flows of one kind, four of another, five that are restricted, and one that begins a formula."""
    person = PersonKey(sent.world.value("SELECT person FROM auftraege"))
    same: dict[str, Any] = {"kind": Kind.OUTCOME, "sender": "musterstadt", "basis": "§ 1", "action": "auftrag.sent"}
    flows = [
        *[Flow(receiver="five", purpose="geburt", person=person, **same) for _ in range(5)],
        *[Flow(receiver="four", purpose="geburt", **same) for _ in range(4)],
        *[Flow(receiver="secret", purpose="geburt", restrict=True, **same) for _ in range(5)],
        *[Flow(receiver="=cmd", purpose="geburt", **same) for _ in range(5)],
    ]
    with sent.world.database.transaction() as session:
        sent.pipeline.house.log.record(session, flows, sent.world.now)
    sent.world.now += timedelta(days=1)
    return sent


def lines_of(dsb: Program, **wish: str) -> list[dict[str, str]]:
    made = dsb.post("/exports", {"kind": "counts", **wish})
    assert made.status_code == 201, made.text
    file = dsb.get(f"/exports/{made.json()['id']}")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(file.text), delimiter=";"))


def test_counts_for_others_are_by_day_and_never_of_fewer_than_five(busy: Office) -> None:
    lines = lines_of(program(busy))
    counted = {line["an"]: int(line["anzahl"]) for line in lines}
    assert (counted["five"], counted["'=cmd"]) == (5, 5)
    assert not {"four", "secret"} & set(counted)
    assert all(int(line["anzahl"]) >= counts.FEWEST for line in lines)
    assert {len(line["tag"]) for line in lines} == {10}
    assert max(line["tag"] for line in lines) < f"{busy.world.now:%Y-%m-%d}", "a day that goes on is not told"


def test_control_without_the_least_number_four_would_be_told(busy: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "FEWEST", 1)
    assert "four" in {line["an"] for line in lines_of(program(busy))}


def test_counts_of_two_periods_say_the_same_of_each_day_they_share(busy: Office) -> None:
    dsb = program(busy)
    day = f"{busy.world.now - timedelta(days=1):%Y-%m-%d}"
    longer = lines_of(dsb)
    shorter = lines_of(dsb, **{"from": day, "to": day})
    assert shorter == [line for line in longer if line["tag"] == day]
    assert lines_of(dsb, to="2020-01-01") == []


def test_counts_of_a_period_of_which_no_day_is_over_are_refused_by_name(busy: Office) -> None:
    day = busy.world.now.date()
    answer = program(busy).post("/exports", {"kind": "counts", "from": f"{day}"})
    assert (answer.status_code, f"the last is {day - timedelta(days=1)}" in answer.text) == (422, True)
    asked = {"art": "counts", "von": f"{day:%d.%m.%Y}", "bis": "", "tage": "7"}
    answer = busy.desk("d.schutz").post("/auszuege", asked)
    assert (answer.status_code, "Gezählt werden nur Tage, die vorbei sind." in answer.text) == (422, True)
    assert busy.world.count("exports") == 0
