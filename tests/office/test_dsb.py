"""What the DSB sees, that each look is itself an entry, and that nothing here changes anything of a matter."""

import re
import subprocess
import sys
from datetime import timedelta
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zipfile import ZipFile

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text

from proaktiv.acts import oversight as acts
from proaktiv.core.calendar import BERLIN
from proaktiv.database import Database
from proaktiv.flowlog.exports.handing_out import hand_out
from proaktiv.flowlog.sequencer import integrate
from proaktiv.steps import oversight
from proaktiv.steps.oversight import evidence
from proaktiv.web.pages import log_words
from proaktiv.web.pages.language import catalogue
from proaktiv.web.pages.log_actions import ACTIONS
from proaktiv.web.pages.view import Look
from proaktiv.web.staff import dsb, erasures, exports, holds, person
from tests.builders import a_birth, somebody
from tests.office.conftest import CANARY, Office
from tests.web.conftest import everything_stored

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"


def opened(office: Office, action: str = "flow.opened") -> int:
    """How often the log says that the DSB did this."""
    return office.world.count("flow_log", f"convert_from(f_bytes, 'UTF8') LIKE '%\"action\":\"{action}\"%'")


def test_the_page_of_the_log_says_how_it_stands_and_what_is_wrong(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    assert "steht nicht, wie es soll" in desk.get("/protokoll").text, "nothing is signed yet, and a day has passed"
    sent.world.check_log()
    assert "Nichts fällt auf" in desk.get("/protokoll").text


def test_entries_are_listed_without_anybody_and_filtered(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    everything = desk.get("/datenfluesse").text
    assert "Auftrag erteilt" in everything
    for personal in (sent.anna.familienname, sent.anna.kennung, CANARY):
        assert personal not in everything
    only = desk.get("/datenfluesse?art=received").text
    assert "Meldung eines Registers eingegangen" in only
    assert "Auftrag erteilt" not in only
    sent_only = desk.get("/datenfluesse?receiver=standesamt-musterstadt&art=outcome").text
    assert sent_only.count("<tr>") == 2
    day = f"{sent.world.now:%Y-%m-%d}"
    assert "Auftrag an die Behörde" in desk.get(f"/datenfluesse?von={day}&bis={day}").text
    assert "meldung eines registers eingegangen" not in desk.get(f"/datenfluesse?von={day}&bis={day}").text.lower()
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?von=2031-01-01").text
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?purpose=none").text
    assert "keinen solchen Eintrag" in desk.get("/datenfluesse?bis=2020-01-01").text
    assert "eingegangen" in desk.get("/datenfluesse?art=received&von=2000-01-01&bis=2999-12-31").text


@pytest.mark.parametrize(
    "query", ["art=unknown", "von=14.10.26", "von=31.02.2026", "bis=2026-13-01", "von=15.10.2026&bis=14.10.2026"]
)
def test_a_filter_that_is_none_is_told(sent: Office, query: str) -> None:
    assert sent.desk("d.schutz").get(f"/datenfluesse?{query}").status_code == 422


def test_pages_go_on_where_the_last_ended_and_every_entry_stands_once(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oversight, "PAGE", 7)
    desk = sent.desk("d.schutz")
    everything = set(sent.world.value("SELECT array_agg(fid::text) FROM flow_log"))  # each page adds one more
    seen: list[str] = []
    before = ""
    while True:
        page = desk.get(f"/datenfluesse?vor={before}").text
        seen += re.findall(r'href="/datenfluesse/([0-9a-f-]{36})"', page)
        if not (more := re.search(r'name="vor" value="([0-9a-f-]{36})"', page)):
            break
        before = more[1]
    assert len(seen) == len(set(seen))
    assert everything <= set(seen)


def test_an_entry_opens_with_part_a_where_the_office_holds_the_key_and_the_look_is_logged(sent: Office) -> None:
    sent.desk("k.standesamt").get(f"/auftraege/{sent.auftrag}")
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 4 AND receiver = 'standesamt-musterstadt'")
    desk = sent.desk("d.schutz")
    shown = desk.get(f"/datenfluesse/{fid}").text
    assert "k.standesamt" in shown
    assert "Bearbeitung des Auftrags" in shown
    assert sent.anna.familienname not in shown
    assert opened(sent) == 1
    object.__setattr__(sent.pipeline, "staff_private", ())
    closed = desk.get(f"/datenfluesse/{fid}").text
    assert "bleibt geschlossen" in closed
    assert "k.standesamt" not in closed


LOGGED = {"flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys", "staff_looks", "sequences"}
"""What a look writes: the entry that says so. That is the point of it."""
ASKED = {"person_requests", "erasure_requests", "hold_requests", "legal_hold"}
EXPORTED = {"exports"}


def test_the_dsb_has_no_route_that_changes_anything_of_a_matter(sent: Office) -> None:
    parts = (dsb, person, erasures, holds, exports)
    routes = [each for part in parts for each in part.router.routes if isinstance(each, APIRoute)]
    assert {route.path for route in routes if route.methods != {"GET"}} == {
        "/person",
        "/person/{request_id}/entscheidung",
        "/person/{request_id}/zurueckziehen",
        "/auszuege",
        "/loeschungen",
        "/loeschungen/{request_id}/entscheidung",
        "/loeschungen/{request_id}/zurueckziehen",
        "/sperren",
        "/sperren/{hold_id}/freigabe",
        "/sperren/{request_id}/entscheidung",
        "/sperren/{request_id}/zurueckziehen",
    }
    assert {
        route.path for route in dsb.router.routes if isinstance(route, APIRoute) and route.methods != {"GET"}
    } == set()
    fid = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    sent.world.check_log()
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    before = everything_stored(sent.world.urls)
    for path in PAGES:
        assert desk.get(path).status_code == 200, path
    desk.get(f"/datenfluesse/{fid}")
    assert changed(sent, before) <= LOGGED
    before = everything_stored(sent.world.urls)
    desk.post("/person", {"wer": sent.reference, "grund": WHY})
    request = sent.world.value("SELECT id FROM person_requests")
    second.get("/person")
    second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"})
    assert desk.get(f"/person/{request}").status_code == 200
    desk.post("/loeschungen", {"wer": sent.reference, "grundlage": "withdrawn", "grund": WHY})
    desk.post("/sperren", {"von": "2026-10-01", "bis": "2026-10-01", "nachsehen": "2027-01-01", "grund": WHY})
    for path, table in (("/loeschungen", "erasure_requests"), ("/sperren", "hold_requests")):
        request = sent.world.value(f"SELECT id FROM {table}")
        assert second.post(f"{path}/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 303
    assert changed(sent, before) <= LOGGED | ASKED
    before = everything_stored(sent.world.urls)
    assert desk.post("/auszuege", {"art": "log", "tage": "7"}).status_code == 303
    assert changed(sent, before) <= LOGGED | EXPORTED


def changed(office: Office, before: dict[str, list[str]]) -> set[str]:
    after = everything_stored(office.world.urls)
    return {name for name in before if before[name] != after[name]}


PAGES = (
    *("/protokoll", "/datenfluesse", "/verweigert", "/befunde", "/checkpoints", "/auszuege", "/person", "/vorfaelle"),
    *("/loeschungen", "/sperren"),
)


@pytest.mark.parametrize("path", PAGES)
def test_every_look_of_the_dsb_is_itself_an_entry(sent: Office, path: str) -> None:
    desk = sent.desk("d.schutz")
    looks = "SELECT count(*) FROM flow_log WHERE kind = 4 AND purpose = 'datenschutzaufsicht'"
    before = sent.world.value(looks)
    desk.get(path)
    assert sent.world.value(looks) == before + 1
    fid = sent.world.value("SELECT fid FROM flow_log WHERE kind = 4 ORDER BY t DESC, fid DESC LIMIT 1")
    assert "d.schutz" in desk.get(f"/datenfluesse/{fid}").text


def test_what_was_refused_has_a_page_of_its_own(sent: Office) -> None:
    carl = sent.world.lives_here(somebody("Carl"), gives=False)
    sent.world.announce(a_birth(carl))
    sent.world.tick()
    shown = sent.desk("d.schutz").get("/verweigert").text
    assert "Meldung nicht bearbeitet" in shown
    assert "keine Einwilligung" in shown
    assert "Auftrag erteilt" not in shown


def test_what_a_second_person_said_no_to_stands_among_what_was_refused(sent: Office) -> None:
    sent.world.check_log()
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    form = {"wer": sent.reference, "grundlage": "withdrawn", "nachsehen": "31.12.2027", "grund": WHY}
    form |= {"von": "01.10.2026", "bis": "31.10.2026"}
    no = {"entscheidung": "nein"}
    for path, table, told in (
        ("/person", "person_requests", "Nachschlagen abgelehnt"),
        ("/loeschungen", "erasure_requests", "Löschung abgelehnt"),
        ("/sperren", "hold_requests", "Sperre abgelehnt"),
    ):
        assert told not in desk.get("/verweigert").text, "the control: nobody said no yet"
        assert desk.post(path, form).status_code == 303
        request = sent.world.value(f"SELECT id FROM {table} WHERE state = 'waiting'")
        assert second.post(f"{path}/{request}/entscheidung", no).status_code == 303
        assert told in desk.get("/verweigert").text
    desk.post("/sperren", form)
    request = sent.world.value("SELECT id FROM hold_requests WHERE state = 'waiting'")
    assert second.post(f"/sperren/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 303
    assert desk.post(f"/sperren/{sent.pipeline.held_entries()[0]['id']}/freigabe", form).status_code == 303
    request = sent.world.value("SELECT id FROM hold_requests WHERE state = 'waiting'")
    assert second.post(f"/sperren/{request}/entscheidung", no).status_code == 303
    shown = desk.get("/verweigert").text
    assert "Freigabe abgelehnt" in shown
    assert "Sperre erlaubt" not in shown
    assert "Wunsch: " not in shown


def test_findings_are_shown_with_their_meaning_and_on_the_overview(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    sent.world.check_log()
    assert "Es gibt keinen Befund" in desk.get("/befunde").text
    harm(sent, "UPDATE flow_log SET receiver = 'somebody' WHERE fid = (SELECT min(fid::text)::uuid FROM flow_log)")
    assert "Suchspalte sagt anderes" in desk.get("/befunde").text
    integrated(sent)
    assert "passt etwas nicht zusammen" in desk.get("/protokoll").text


def test_a_page_that_has_no_time_to_look_says_so_and_never_that_nothing_is_wrong(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sent.desk("d.schutz")
    sent.world.check_log()
    for name in ("_AT_A_GLANCE", "_AT_LENGTH"):
        monkeypatch.setattr(acts, name, timedelta(0))
    overview, listed = desk.get("/protokoll").text, desk.get("/befunde").text
    assert "Noch nicht alles durchgesehen" in overview
    assert "Nichts fällt auf" not in overview
    assert "passt etwas nicht zusammen" not in overview
    assert "Noch nicht alles durchgesehen" in listed
    assert "Es gibt keinen Befund" not in listed
    assert "Nicht zu Ende gesucht: einer Person fehlen Nummern." in listed


def harm(office: Office, statement: str) -> None:
    owner = Database(office.world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(text(statement))
    owner.close()


def integrated(office: Office) -> None:
    """Everything that waits has its place and a signature."""
    with office.world.sequencer.transaction() as session:
        integrate(session)
    with office.world.sequencer.transaction() as session:
        office.world.signer.sign(session, office.world.now)


def test_a_checkpoint_comes_as_the_file_that_a_verifier_takes_with_since(sent: Office, tmp_path: Path) -> None:
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    link, name = re.findall(r'href="(/dsb/checkpoints/[0-9]+)" download="([^"]+)"', desk.get("/checkpoints").text)[0]
    size = link.rpartition("/")[2]
    answer = desk.get(link)
    month = sent.world.value("SELECT max(published_at) FROM checkpoint").astimezone(BERLIN)
    assert (answer.status_code, name) == (200, f"checkpoint-{month:%Y-%m}-{size}"), "no ending: the guide's has none"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"].startswith("text/plain")
    kept = tmp_path / name
    kept.write_bytes(answer.content)
    integrated(sent)
    desk.post("/auszuege", {"art": "log", "tage": "7"})
    (export,) = re.findall(r'href="(/dsb/exports/[^"]+)"', desk.get("/auszuege").text)
    with ZipFile(BytesIO(desk.get(export).content)) as archive:
        archive.extractall(tmp_path / "auszug")
    (tmp_path / "policy.txt").write_text(f"log {sent.world.signer.vkey}\nquorum none\n")
    hand_out(tmp_path / "verifier")

    def verdict(*since: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, tmp_path / "verifier" / "verify.py", "auszug", "--policy", "policy.txt", *since],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    assert verdict("--since", name)[0] == 0
    kept.write_bytes(answer.content.replace(size.encode(), str(int(size) + 1).encode(), 1))
    assert verdict("--since", name)[0] != 0, "the control: changed by one"
    assert desk.get("/dsb/checkpoints/999999").status_code == 404
    assert opened(sent, "checkpoint.fetched") == 2


def test_checkpoints_are_listed_and_paged(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "PAGE", 2)
    desk = sent.desk("d.schutz")
    assert "noch nichts unterschrieben" in desk.get("/checkpoints").text
    for _ in range(3):
        desk.get("/protokoll")
        integrated(sent)
    page = desk.get("/checkpoints").text
    (more,) = re.findall(r"/checkpoints\?vor=([0-9]+)", page)
    assert page.count("<tr>") == 3
    assert desk.get(f"/checkpoints?vor={more}").text.count("<tr>") == 2
    assert desk.get("/checkpoints?vor=x").status_code == 200


def test_an_entry_says_what_it_rested_on_and_how_far_it_has_come(sent: Office) -> None:
    fid = sent.world.value(
        "SELECT fid FROM flow_log WHERE kind = 1 AND receiver = 'standesamt-musterstadt' ORDER BY fid LIMIT 1"
    )
    desk = sent.desk("d.schutz")
    shown = desk.get(f"/datenfluesse/{fid}").text
    assert "Wartet auf seinen Platz" in shown
    assert "beruhte auf der Einwilligung" in shown
    assert "steht in Teil S" in shown
    assert "Beleg herunterladen" not in shown
    integrated(sent)
    assert "Beleg herunterladen" in desk.get(f"/datenfluesse/{fid}").text
    path = sent.allowed(sent.reference, WHY)
    opened_by_two = desk.get(f"/datenfluesse/{fid}?wunsch={path.rpartition('/')[2]}").text
    assert "gegeben." in opened_by_two
    assert "Stand der Einwilligung heute: Ja" in opened_by_two
    assert str(sent.world.value("SELECT person FROM auftraege")) not in opened_by_two


def test_an_entry_of_somebody_else_does_not_open_with_a_yes_for_one_person(sent: Office) -> None:
    sent.world.check_log()
    path = sent.allowed(sent.reference, WHY)
    subj = sent.pipeline.house.log.subj(sent.world.value("SELECT person FROM auftraege"))
    other = sent.world.value("SELECT fid FROM flow_secret WHERE subj IS NOT NULL AND subj <> :subj LIMIT 1", subj=subj)
    request = path.rpartition("/")[2]
    assert sent.desk("d.schutz").get(f"/datenfluesse/{other}?wunsch={request}").status_code == 404


# as somebody reads it -------------------------------------------------------------------------------------------------


def of_a_letter(office: Office) -> str:
    """An entry that tells which data went to somebody."""
    found = "convert_from(f_bytes, 'UTF8') LIKE '%categories%kind.geburtsdatum%'"
    return str(office.world.value(f"SELECT fid FROM flow_log WHERE {found} ORDER BY fid LIMIT 1"))


def test_the_facts_of_an_entry_are_called_what_people_call_them(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    shown = desk.get(f"/datenfluesse/{of_a_letter(sent)}").text
    terms = re.findall(r'__key">([^<]+)</dt>', shown)
    assert {"Wann", "Von", "An", "Welche Daten", "Zweck", "Rechtsgrundlage"} <= set(terms)
    assert not {"t", "from", "to", "categories", "purpose", "basis"} & set(terms)
    word = sent.pipeline.house.rules.called("kind.geburtsdatum")
    assert f'{word} <span class="code">(kind.geburtsdatum)</span>' in shown, "the word first, the code small behind it"
    assert shown.count("kind.geburtsdatum") == 1
    assert not re.search(r"\bIhre?\b", shown.partition("<h2")[2].partition("Zweck")[0]), "that is for the person"
    desk.cookies["sprache"] = "en"
    assert "Which data" in desk.get(f"/datenfluesse/{of_a_letter(sent)}").text


def test_senders_and_receivers_are_called_by_name_and_an_entry_says_their_code_as_well(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    listed = desk.get("/datenfluesse").text
    senders = re.findall(r'<td class="breaks" data-label="(?:Von|An)">([^<]+)</td>', listed)
    assert {"Stadt Musterstadt", "die Person"} <= set(senders)
    assert not [each for each in senders if each.startswith("urn:") or each.isupper() or each in {"citizen", "person"}]
    fid = sent.world.value("SELECT fid FROM flow_log WHERE receiver = 'standesamt-musterstadt' LIMIT 1")
    shown = desk.get(f"/datenfluesse/{fid}").text
    assert 'Standesamt Musterstadt <span class="code">(standesamt-musterstadt)</span>' in shown


def test_every_member_that_an_entry_may_have_has_a_name() -> None:
    words = catalogue("de")
    members = {"flow", "kind", "t", "from", "to", "purpose", "action", "basis", "n", "categories", "restrict", "of"}
    members |= {"listed", "minimum", "removed", "to_name", "to_system", "scope", "rule", "outcome"}
    members |= {"seq", "consent", "replaces", "outbox", "actor", "case", "reason", "erased", "erased_unplaced"}
    assert {name for name in members if log_words.called("fact", name, words) == name} == set()


@pytest.mark.parametrize(
    ("language", "at", "shown"),
    [
        ("de", "2026-07-14T10:00:00+00:00", "14.07.2026, 12:00 Uhr MESZ"),
        ("de", "2026-12-14T10:00:00Z", "14.12.2026, 11:00 Uhr MEZ"),
        ("en", "2026-07-14T10:00:00+00:00", "12:00 CEST"),
    ],
)
def test_times_are_berlins_and_say_so(language: str, at: str, shown: str) -> None:
    rendered = Look("x").environments[language].from_string("{{ at | instant }}").render(at=at)
    assert rendered.endswith(shown)


@pytest.mark.parametrize(
    ("language", "seconds", "shown"),
    [
        ("de", 0.0, "gerade eben"),
        ("de", 727.281, "vor 12 Minuten"),
        ("de", 3600, "vor 1 Stunde"),
        ("de", 200_000, "vor 2 Tagen"),
        ("en", 61, "1 minute ago"),
    ],
)
def test_an_age_is_told_as_people_tell_it(language: str, seconds: float, shown: str) -> None:
    assert Look("x").environments[language].from_string("{{ at | ago }}").render(at=seconds) == shown


def test_the_overview_tells_ages_and_numbers_as_people_do_and_what_stands_still(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    stands = desk.get("/protokoll").text
    assert re.search(r"Ein Eintrag, der vor \d+ Tag\w* geschrieben wurde, hat noch keinen Platz", stands)
    sent.world.check_log()
    shown = desk.get("/protokoll").text
    values = re.findall(r'__value">([^<]*)<', shown)
    assert values
    assert not [each for each in values if "." in each and not re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+", each)]
    assert 'lang="en"' not in shown.partition("<footer")[0].partition("<body")[2]


def test_where_order_matters_times_say_the_second(sent: Office) -> None:
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    request = sent.allowed(sent.reference, WHY)
    for path in ("/datenfluesse", "/verweigert", "/checkpoints", f"/datenfluesse/{of_a_letter(sent)}", request):
        shown = desk.get(path).text
        assert re.search(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d Uhr MES?Z", shown) or "<td" not in shown, path


def test_entries_of_one_moment_stand_by_their_place_in_the_log(sent: Office) -> None:
    sent.world.check_log()
    page = sent.desk("d.schutz").get("/datenfluesse").text
    rows = re.findall(r">([^<]+ Uhr MES?Z)</a></td><td data-label=\"Platz\">(\d+)<", page)
    times = [at for at, _ in rows]
    same = [(int(after), int(before)) for (at, after), (then, before) in pairwise(rows) if at == then]
    assert len(set(times)) < len(times), "the world's clock stands still between its steps"
    assert same
    assert all(after > before for after, before in same)


CODES = ACTIONS.keys() | log_words.OUTCOMES.keys() | log_words.PURPOSES.keys() | log_words.BASES.keys()


def codes_alone(page: str, language: str = "de") -> list[str]:
    """What of a page's table cells and terms is a code and nothing else."""
    words = catalogue(language)
    tables = (ACTIONS, log_words.OUTCOMES, log_words.PURPOSES, log_words.BASES)
    said = {words.gettext(german) for table in tables for german in table.values()}
    cells = re.findall(r"<(?:td|dd)[^>]*>\s*([^<]*?)\s*(?=<)", page)
    return [cell for cell in cells if cell in CODES - said]


def test_no_page_of_the_dsb_shows_a_code_where_a_word_belongs(sent: Office) -> None:
    carl = sent.world.lives_here(somebody("Carl"), gives=False)
    sent.world.announce(a_birth(carl))
    sent.world.tick()
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    request = sent.allowed(sent.reference, WHY)
    entries = re.findall(r'href="(/datenfluesse/[0-9a-f-]{36})"', desk.get("/datenfluesse").text)
    assert len(entries) > 20
    for language in ("de", "en"):
        desk.cookies["sprache"] = language
        for path in (*PAGES, request, *entries[:12]):
            assert codes_alone(desk.get(path).text, language) == [], path
    assert codes_alone("<td>auftrag.sent</td><dd>\n done </dd>") == ["auftrag.sent", "done"], "the control"
    listed = desk.get("/datenfluesse").text
    assert "datenschutzaufsicht" not in listed
    assert "no_disclosure" not in listed


@pytest.mark.parametrize(
    "query",
    [
        "receiver=Standesamt+Musterstadt",
        "receiver=standesamt-musterstadt",
        "purpose=Datenschutzaufsicht",
        "purpose=Data+protection+oversight",
        "outcome=angekommen",
        "outcome=done",
        "sender=die+Person",
        "basis=Art.+39+Abs.+1+Buchst.+b+DSGVO",
        "basis=Art.+39+(1)+lit.+b+DSGVO",
    ],
)
def test_a_filter_takes_what_a_page_says_and_what_the_log_says(sent: Office, query: str) -> None:
    desk = sent.desk("d.schutz")
    assert desk.get(f"/datenfluesse?{query}").text.count("<tr>") > 1


def test_no_page_shows_utc_beside_berlins_time(sent: Office) -> None:
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    for path in (*PAGES, f"/datenfluesse/{of_a_letter(sent)}"):
        assert re.findall(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)", desk.get(path).text) == [], path


@pytest.mark.parametrize("ask", ["person", "loeschungen", "sperren"])
def test_the_overview_says_what_waits_for_a_second_person(sent: Office, ask: str) -> None:
    sent.world.check_log()
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    assert "Nichts fällt auf" in desk.get("/protokoll").text
    form = {"wer": sent.reference, "grundlage": "withdrawn", "grund": WHY, "nachsehen": "2027-01-01"}
    desk.post(f"/{ask}", form | {"von": "2026-10-01", "bis": "2026-10-01"})
    for each in (desk, second):
        shown = each.get("/protokoll").text
        assert "Etwas wartet auf eine zweite Person" in shown
        assert f'href="/{ask}"' in shown
        assert "Nichts fällt auf" not in shown
    table = {"person": "person_requests", "loeschungen": "erasure_requests", "sperren": "hold_requests"}[ask]
    request = sent.world.value(f"SELECT id FROM {table}")
    second.post(f"/{ask}/{request}/entscheidung", {"entscheidung": "nein"})
    assert "Etwas wartet" not in desk.get("/protokoll").text


def test_whoever_says_yes_or_no_is_told_what_that_means_and_until_when(sent: Office) -> None:
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    for said, told in (("ja", "d.schutz darf bis"), ("nein", "Es geschieht nichts. d.schutz sieht Ihre Antwort bis")):
        answer = desk.post("/person", {"wer": sent.reference, "grund": WHY})
        assert (
            "Es geschieht nichts, bevor eine zweite Person Ja sagt. Sie hat dafür bis"
            in desk.get(answer.headers["location"]).text
        )
        request = sent.world.value("SELECT id FROM person_requests WHERE state = 'waiting'")
        answer = second.post(f"/person/{request}/entscheidung", {"entscheidung": said})
        shown = second.get(answer.headers["location"]).text
        assert told in shown
        until = sent.world.value("SELECT expires_at FROM person_requests WHERE id = :id", id=request)
        assert f"{until.astimezone(BERLIN):%H:%M} Uhr MES" in shown
        assert "Sie haben" not in second.get("/person").text, "once, not for ever"
