"""Looking a person up takes two, and neither alone sees anything; the person sees that it was done."""

import re
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from proaktiv.steps.inspection import PER_HOUR
from tests.office.conftest import Office
from tests.web.conftest import everything_stored

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
FORM = {"grund": WHY}


def request_of(office: Office) -> str:
    return str(office.world.value("SELECT id FROM person_requests ORDER BY asked_at DESC LIMIT 1"))


def asked(office: Office, who: str = "") -> str:
    answer = office.desk("d.schutz").post("/person", {"wer": who or office.reference, **FORM})
    assert answer.status_code == 303
    return request_of(office)


def test_a_person_is_looked_up_once_a_second_one_said_yes_and_sees_that(sent: Office) -> None:
    path = sent.allowed(sent.reference, WHY)
    assert sent.looks() == [], "nobody has looked yet"
    found = sent.desk("d.schutz").get(path)
    assert found.status_code == 200
    assert "Auftrag erteilt" in found.text
    assert sent.anna.familienname not in found.text
    assert sent.looks() == ["person.looked_up"]
    facts = sent.world.value("SELECT string_agg(convert_from(f_bytes, 'UTF8'), '') FROM flow_log")
    assert WHY not in facts
    by_key = sent.desk("d.schutz").get(sent.allowed(sent.anna.kennung, WHY)).text
    assert by_key.count("<tr>") >= found.text.count("<tr>")
    sent.world.check_log()


def test_a_look_up_lists_one_persons_entries_and_nobody_elses(sent: Office) -> None:
    found = sent.desk("d.schutz").get(sent.allowed(sent.reference, WHY)).text
    listed = set(re.findall(r'href="/datenfluesse/([0-9a-f-]{36})\?wunsch=', found))
    subj = sent.pipeline.house.log.subj(sent.world.value("SELECT person FROM auftraege"))
    with sent.world.database.transaction() as session:
        rows = session.connection().exec_driver_sql("SELECT fid FROM flow_secret WHERE subj = %s", (subj,))
        assert listed == {str(fid) for (fid,) in rows}


@pytest.mark.parametrize("known", [True, False])
def test_whoever_asks_learns_nothing_before_the_yes_not_even_whether_there_is_such_a_person(
    sent: Office, *, known: bool
) -> None:
    request = asked(sent, sent.reference if known else "MR-999999")
    desk = sent.desk("d.schutz")
    waiting = desk.get("/person").text
    assert "Wartet auf eine zweite Person" in waiting
    assert f'href="/person/{request}"' not in waiting
    assert desk.get(f"/person/{request}").status_code == 403
    assert sent.looks() == []


def test_whoever_decides_sees_who_asks_and_why_and_never_about_whom(sent: Office) -> None:
    request = asked(sent)
    second = sent.desk("d.vertretung")
    shown = second.get("/person").text
    assert "d.schutz" in shown
    assert WHY in shown
    for whom in (sent.reference, sent.anna.familienname, sent.anna.kennung, str(sent.auftrag)):
        assert whom not in shown
    assert second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 303
    assert second.get(f"/person/{request}").status_code == 404, "the yes is for whoever asked"


def test_nobody_says_yes_to_themselves(sent: Office) -> None:
    request = asked(sent)
    desk = sent.desk("d.schutz")
    desk.get("/person")
    assert desk.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 403
    assert sent.world.value("SELECT state FROM person_requests") == "waiting"
    with pytest.raises(IntegrityError, match="four_eyes"):
        sent.world.value("UPDATE person_requests SET decided_by = asked_by RETURNING 1")


def test_a_clerk_neither_asks_nor_decides(sent: Office) -> None:
    request = asked(sent)
    clerk = sent.desk("k.haus")
    assert clerk.post("/person", {"wer": "MR-1", **FORM}).status_code == 403
    assert clerk.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 403
    assert clerk.get(f"/person/{request}").status_code == 403


def test_a_no_opens_nothing_and_an_answer_is_final(sent: Office) -> None:
    request = asked(sent)
    second = sent.desk("d.vertretung")
    second.get("/person")
    assert second.post(f"/person/{request}/entscheidung", {"entscheidung": "vielleicht"}).status_code == 422
    assert second.post(f"/person/{request}/entscheidung", {"entscheidung": "nein"}).status_code == 303
    assert second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 409
    desk = sent.desk("d.schutz")
    assert "Abgelehnt von d.vertretung" in desk.get("/person").text
    assert desk.get(f"/person/{request}").status_code == 403


def test_a_wish_that_nobody_answered_is_over_after_three_days_and_a_yes_after_one(sent: Office) -> None:
    request = asked(sent)
    sent.world.now += timedelta(days=3)
    second = sent.desk("d.vertretung")
    second.get("/person")
    assert second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"}).status_code == 404
    path = sent.allowed(sent.reference, WHY)
    sent.world.now += timedelta(hours=23)
    assert sent.desk("d.schutz").get(path).status_code == 200
    sent.world.now += timedelta(hours=1)
    assert sent.desk("d.schutz").get(path).status_code == 404
    sent.pipeline.end_exports()
    assert sent.world.count("person_requests") == 0, "what is over names nobody any more"


def test_nobody_found_is_logged_too(sent: Office) -> None:
    page = sent.desk("d.schutz").get(sent.allowed("MR-999999", WHY))
    assert "niemanden" in page.text
    assert sent.world.count("flow_log", "kind = 4 AND outcome = 'not_found'") == 1


@pytest.mark.parametrize(
    "form",
    [{}, {"wer": "MR-1"}, {"wer": "MR-1", "grund": "kurz"}, {"grund": WHY}, {"wer": "MR-1", "grund": "a         b"}],
)
def test_without_a_person_and_a_reason_nothing_is_asked(sent: Office, form: dict[str, str]) -> None:
    assert sent.desk("d.schutz").post("/person", form).status_code == 422
    assert sent.world.count("person_requests") == 0


NAMES = ("Kanaria Beispielhuber", "kanaria", "Beispielhuber-Kanaria", "Kanaria 12.03.1980", "kanaria@post.example")


@pytest.mark.parametrize("path", ["/person", "/loeschungen"])
def test_a_name_is_refused_at_once_beside_its_field_kept_nowhere_and_costs_no_reason(sent: Office, path: str) -> None:
    desk = sent.desk("d.schutz")
    for name in NAMES:
        answer = desk.post(path, {"wer": name, "grundlage": "withdrawn", "grund": WHY})
        assert (answer.status_code, "location" in answer.headers) == (422, False)
        assert "Das ist keine Nummer, und nach Namen wird nicht gesucht." in answer.text
        assert 'id="wer-fehler"' in answer.text
        assert 'aria-describedby="wer-hinweis wer-fehler"' in answer.text
        assert f'value="{WHY}"' in answer.text, "what else was typed is there"
        assert name not in answer.text
    assert (sent.world.count("person_requests"), sent.world.count("erasure_requests")) == (0, 0)
    asked_for = "convert_from(f_bytes, 'UTF8') ~ '(person|erasure)[.]requested'"
    assert (sent.world.count("flow_log", asked_for), sent.world.count("staff_looks")) == (0, 0)
    stored = str(everything_stored(sent.world.urls))
    assert [name for name in NAMES if name in stored] == []


def test_the_refusal_knows_nobody_a_number_that_is_none_of_ours_is_asked_for_like_one_that_is(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    people = (sent.anna.familienname, f"{sent.anna.vornamen} {sent.anna.familienname}", "Niemand Erfunden")
    refused = [desk.post("/person", {"wer": who, **FORM}) for who in people]
    assert {answer.status_code for answer in refused} == {422}
    assert len({re.sub(r"value=.[0-9a-f]{64}.", "", answer.text) for answer in refused}) == 1, "one answer for all"
    taken = [desk.post("/person", {"wer": who, **FORM}) for who in (sent.anna.kennung, "MR-999999")]
    assert [answer.status_code for answer in taken] == [303, 303]


def test_an_auftrags_number_is_found_however_it_was_typed(sent: Office) -> None:
    typed = f" {sent.reference.lower().replace('0', 'o')} "
    assert "niemanden" not in sent.desk("d.schutz").get(sent.allowed(typed, WHY)).text
    assert sent.world.count("flow_log", "kind = 4 AND outcome = 'found'") == 1


def test_the_twenty_first_person_in_an_hour_is_not_looked_up(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PER_HOUR, "person", 2)
    desk = sent.desk("d.schutz")
    given = [desk.post("/person", {"wer": f"MR-99999{n}", **FORM}).status_code for n in range(3)]
    assert given == [303, 303, 429]
    assert sent.world.count("incidents", "what = 'staff.too_many_looks'") == 1


def test_without_its_key_the_office_shows_the_wish_and_not_the_reason(sent: Office) -> None:
    asked(sent)
    object.__setattr__(sent.pipeline, "staff_private", ())
    shown = sent.desk("d.vertretung").get("/person").text
    assert WHY not in shown
    assert "nicht lesen" in shown
