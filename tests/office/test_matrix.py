"""Every route by every role: a new one is thought about here before it is served."""

import re
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest
from babel.messages.extract import extract_from_dir
from fastapi.routing import APIRoute

import proaktiv.web
from proaktiv.web.pages.language import LANGUAGES, catalogue
from tests.office.conftest import CANARY, Office
from tests.web.browser import PageBrowser

NONE = UUID(int=7)
OPEN, CLERK, DSB = "open", "clerk", "dsb"
ROUTES: Mapping[tuple[str, str], str] = {
    ("GET", "/"): OPEN,
    ("GET", "/health"): OPEN,
    ("GET", "/static/{digest}/{name}"): OPEN,
    ("GET", "/anmeldung"): OPEN,
    ("GET", "/anmeldung/zurueck"): OPEN,
    ("GET", "/einlass"): OPEN,
    ("POST", "/einlass"): OPEN,
    ("GET", "/abgemeldet"): OPEN,
    ("POST", "/sprache"): OPEN,
    ("POST", "/abmelden"): "staff",
    ("GET", "/aufgaben"): CLERK,
    ("POST", "/aufgaben/{task_id}"): CLERK,
    ("GET", "/auftraege"): CLERK,
    ("GET", "/auftraege/{auftrag_id}"): CLERK,
    ("POST", "/auftraege/{auftrag_id}/antwort"): CLERK,
    ("GET", "/protokoll"): DSB,
    ("GET", "/datenfluesse"): DSB,
    ("GET", "/datenfluesse/{flow_id}"): DSB,
    ("GET", "/verweigert"): DSB,
    ("GET", "/befunde"): DSB,
    ("GET", "/checkpoints"): DSB,
    ("GET", "/auszuege"): DSB,
    ("POST", "/auszuege"): DSB,
    ("GET", "/person"): DSB,
    ("POST", "/person"): DSB,
    ("GET", "/person/{request_id}"): DSB,
    ("POST", "/person/{request_id}/entscheidung"): DSB,
    ("POST", "/person/{request_id}/zurueckziehen"): DSB,
    ("GET", "/loeschungen"): DSB,
    ("POST", "/loeschungen"): DSB,
    ("POST", "/loeschungen/{request_id}/entscheidung"): DSB,
    ("POST", "/loeschungen/{request_id}/zurueckziehen"): DSB,
    ("GET", "/sperren"): DSB,
    ("POST", "/sperren"): DSB,
    ("POST", "/sperren/{hold_id}/freigabe"): DSB,
    ("POST", "/sperren/{request_id}/entscheidung"): DSB,
    ("POST", "/sperren/{request_id}/zurueckziehen"): DSB,
    ("GET", "/vorfaelle"): DSB,
}
FORM = {"wie": "done", "antwort": "acknowledged", "wer": "MR-0", "grund": "weil es geprüft werden soll"}
FORM |= {"entscheidung": "ja", "art": "counts", "tage": "7", "grundlage": "withdrawn", "nachsehen": "2027-01-01"}


def served(office: Office) -> set[tuple[str, str]]:
    found = set()
    pending = list(office.app.routes)
    while pending:
        route = pending.pop()
        if isinstance(route, APIRoute):
            found |= {(method, route.path) for method in route.methods or ()}
        else:
            pending += list(getattr(getattr(route, "original_router", None), "routes", []) or [])
    return found


def asks(desk: PageBrowser, method: str, path: str) -> int:
    filled = path
    for name in ("task_id", "auftrag_id", "flow_id", "request_id", "hold_id", "digest", "name"):
        filled = filled.replace(f"{{{name}}}", str(NONE))
    return (desk.get(filled) if method == "GET" else desk.post(filled, FORM)).status_code


def test_every_route_is_in_the_table(office: Office) -> None:
    assert served(office) == set(ROUTES)


def test_each_role_sees_its_own_pages_and_no_others(sent: Office) -> None:
    clerk, dsb = sent.desk("k.standesamt"), sent.desk("d.schutz")
    letter_only = PageBrowser(sent.app, {"proaktiv": "a citizen's"}, csrf="x")
    for (method, path), who in ROUTES.items():
        if who == OPEN or path == "/abmelden":
            continue
        assert asks(letter_only, method, path) == 401, path
        mine, others = (clerk, dsb) if who == CLERK else (dsb, clerk)
        assert asks(others, method, path) == 403, path
        # What is asked of /sperren here names neither an entry nor days: told beside the field.
        assert asks(mine, method, path) in {200, 303, 404} | ({422} if path == "/sperren" else set()), path


def test_a_citizens_session_is_none_here(sent: Office) -> None:
    token = sent.world.ids.random(32).hex()
    proof = sent.world.opens_letter(sent.anna)
    with sent.world.database.transaction() as session:
        session.connection().exec_driver_sql(
            "UPDATE sessions SET token_hash = sha256(convert_to(%s, 'UTF8')) WHERE id = %s", (token, proof.session)
        )
    assert sent.pipeline.session(token) == proof, "the control: at the citizen's site it is one"
    for name in ("proaktiv", "proaktiv-amt", "__Host-proaktiv-amt"):
        desk = PageBrowser(sent.app, {name: token}, csrf=sent.pipeline.csrf(token))
        assert desk.get("/auftraege").status_code == 401
        assert desk.post("/person", FORM).status_code == 401


def test_no_page_names_the_person_whom_nobody_here_has_to_do_with(sent: Office) -> None:
    fid = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    for name in ("k.standesamt", "k.jugendamt", "k.haus", "d.schutz"):
        desk = sent.desk(name)
        paths = [path for (method, path) in ROUTES if method == "GET" and "{" not in path]
        for path in (*paths, f"/auftraege/{sent.auftrag}", f"/datenfluesse/{fid}"):
            assert CANARY not in desk.get(path).text, path


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_every_page_has_one_heading_and_labels_for_what_can_be_filled_in(sent: Office, language: str) -> None:
    clerk, dsb = sent.desk("k.standesamt"), sent.desk("d.schutz")
    fid = sent.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1")
    for desk, path in (
        (PageBrowser(sent.app), "/"),
        (PageBrowser(sent.app), "/einlass?schein=x"),
        (PageBrowser(sent.app), "/abgemeldet"),
        (PageBrowser(sent.app), "/aufgaben"),
        (clerk, "/aufgaben"),
        (clerk, "/auftraege"),
        (clerk, f"/auftraege/{sent.auftrag}"),
        (dsb, "/protokoll"),
        (dsb, "/datenfluesse"),
        (dsb, f"/datenfluesse/{fid}"),
        (dsb, "/verweigert"),
        (dsb, "/befunde"),
        (dsb, "/checkpoints"),
        (dsb, "/auszuege"),
        (dsb, "/person"),
        (dsb, "/loeschungen"),
        (dsb, "/sperren"),
        (dsb, "/vorfaelle"),
    ):
        desk.cookies["sprache"] = language
        page = desk.get(path).text
        assert f'<html lang="{language}"' in page
        assert page.count("<h1") == 1, path
        assert "<script" not in page
        assert page.count("<table") == page.count("<caption"), path
        ids = re.findall(r'<(?:input|select|textarea)[^>]* id="([^"]+)"', page)
        assert set(ids) <= set(re.findall(r'<label[^>]* for="([^"]+)"', page)), path
        every = re.findall(r' id="([^"]+)"', page)
        assert len(every) == len(set(every)), path


def test_every_german_sentence_of_the_office_is_there_in_english() -> None:
    root = Path(proaktiv.web.__file__).parent
    words = catalogue("en")
    found = set()
    methods = [("staff/**.py", "python"), ("templates/office/**.html", "jinja2"), ("pages/states.py", "python")]
    for _, _, message, _, _ in extract_from_dir(root, methods, {"**": {"trimmed": "true"}}):
        found.add(message[0] if isinstance(message, tuple) else message)
    assert len(found) > 100
    assert {each for each in found if each not in words.words and each not in words.plurals} == set()
