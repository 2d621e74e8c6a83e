"""What the DSB sees, that each look is seen by whom it is about, and that nothing here changes anything."""

import re

import pytest
from fastapi.routing import APIRoute

from proaktiv.steps import oversight
from proaktiv.steps.inspection import PER_HOUR
from proaktiv.web.staff import dsb
from tests.office.conftest import CANARY, Office
from tests.web.conftest import everything_stored

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"


def test_the_page_of_the_log_says_how_it_stands_and_what_is_wrong(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    assert "steht nicht, wie es soll" in desk.get("/protokoll").text, "nothing is signed yet, and a day has passed"
    sent.world.check_log()
    assert "Nichts fällt auf" in desk.get("/protokoll").text


def test_entries_are_listed_without_anybody_and_filtered(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    everything = desk.get("/datenfluesse").text
    assert "auftrag.confirmed" in everything
    for personal in (sent.anna.familienname, sent.anna.kennung, CANARY):
        assert personal not in everything
    only = desk.get("/datenfluesse?art=received").text
    assert "event.received" in only
    assert "auftrag.confirmed" not in only
    sent_only = desk.get("/datenfluesse?receiver=standesamt-musterstadt&art=outcome").text
    assert sent_only.count("<tr>") == 2
    day = f"{sent.world.now:%Y-%m-%d}"
    assert "auftrag.sent" in desk.get(f"/datenfluesse?von={day}&bis={day}").text
    assert "event.received" not in desk.get(f"/datenfluesse?von={day}&bis={day}").text
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?von=2031-01-01").text
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?purpose=none").text
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?bis=2020-01-01").text


@pytest.mark.parametrize("query", ["art=unknown", "von=14.10.2026", "bis=2026-13-01"])
def test_a_filter_that_is_none_is_told(sent: Office, query: str) -> None:
    assert sent.desk("d.schutz").get(f"/datenfluesse?{query}").status_code == 422


def test_pages_go_on_where_the_last_ended_and_every_entry_stands_once(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oversight, "PAGE", 7)
    desk = sent.desk("d.schutz")
    seen: list[str] = []
    before = ""
    while True:
        page = desk.get(f"/datenfluesse?vor={before}").text
        seen += re.findall(r'href="/datenfluesse/([0-9a-f-]{36})"', page)
        if not (more := re.search(r'name="vor" value="([0-9a-f-]{36})"', page)):
            break
        before = more[1]
    assert len(seen) == len(set(seen)) == sent.world.count("flow_log")


def test_an_entry_opens_with_part_a_where_the_office_holds_the_key_and_the_look_is_logged(sent: Office) -> None:
    sent.desk("k.standesamt").get(f"/auftraege/{sent.auftrag}")
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 4")
    desk = sent.desk("d.schutz")
    shown = desk.get(f"/datenfluesse/{fid}").text
    assert "k.standesamt" in shown
    assert "Bearbeitung des Auftrags" in shown
    assert sent.anna.familienname not in shown
    assert sent.world.count("flow_log", "kind = 4") == 2
    object.__setattr__(sent.pipeline, "staff_private", b"")
    closed = desk.get(f"/datenfluesse/{fid}").text
    assert "bleibt geschlossen" in closed
    assert "k.standesamt" not in closed


def test_a_person_is_looked_up_with_a_reason_and_sees_that(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    found = desk.post("/person", {"wer": sent.reference, "grund": WHY})
    assert found.status_code == 200
    assert "auftrag.confirmed" in found.text
    assert sent.anna.familienname not in found.text
    assert WHY not in sent.world.value("SELECT convert_from(f_bytes, 'UTF8') FROM flow_log WHERE kind = 4")
    assert sent.looks() == ["person.looked_up"]
    by_key = desk.post("/person", {"wer": sent.anna.kennung, "grund": WHY}).text
    assert by_key.count("<tr>") >= found.text.count("<tr>")
    sent.world.check_log()


def test_a_look_up_lists_one_persons_entries_and_nobody_elses(sent: Office) -> None:
    found = sent.desk("d.schutz").post("/person", {"wer": sent.reference, "grund": WHY}).text
    listed = set(re.findall(r'href="/datenfluesse/([0-9a-f-]{36})"', found))
    subj = sent.pipeline.house.log.subj(sent.world.value("SELECT person FROM auftraege"))
    with sent.world.database.transaction() as session:
        rows = session.connection().exec_driver_sql("SELECT fid FROM flow_secret WHERE subj = %s", (subj,))
        assert listed == {str(fid) for (fid,) in rows}


def test_nobody_found_is_logged_too(sent: Office) -> None:
    page = sent.desk("d.schutz").post("/person", {"wer": "MR-unknown", "grund": WHY})
    assert "niemanden" in page.text
    assert sent.world.count("flow_log", "kind = 4 AND outcome = 'not_found'") == 1


@pytest.mark.parametrize("form", [{}, {"wer": "x"}, {"wer": "x", "grund": "kurz"}, {"grund": WHY}])
def test_without_a_person_and_a_reason_nothing_is_looked_up(sent: Office, form: dict[str, str]) -> None:
    assert sent.desk("d.schutz").post("/person", form).status_code == 422
    assert sent.world.count("flow_log", "kind = 4") == 0


def test_the_twenty_first_person_in_an_hour_is_not_looked_up(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PER_HOUR, "person", 2)
    desk = sent.desk("d.schutz")
    given = [desk.post("/person", {"wer": f"MR-{n}-unknown", "grund": WHY}).status_code for n in range(3)]
    assert given == [200, 200, 429]
    assert sent.world.count("incidents", "what = 'staff.too_many_looks'") == 1


def test_the_dsb_has_no_route_that_changes_anything(sent: Office) -> None:
    routes = [route for route in dsb.router.routes if isinstance(route, APIRoute)]
    assert {route.path for route in routes if route.methods != {"GET"}} == {"/person"}
    desk = sent.desk("d.schutz")
    fid = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    before = everything_stored(sent.world.urls)
    for path in ("/protokoll", "/datenfluesse", "/person", "/vorfaelle"):
        assert desk.get(path).status_code == 200
    assert everything_stored(sent.world.urls) == before
    desk.get(f"/datenfluesse/{fid}")
    desk.post("/person", {"wer": sent.reference, "grund": WHY})
    after = everything_stored(sent.world.urls)
    # Looks are written; that is the point of them.
    assert {name for name in before if before[name] != after[name]} <= {
        *("flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys", "staff_looks", "sequences"),
    }
