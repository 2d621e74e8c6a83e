"""What clerks see and do, what they do not, and what the person sees of it."""

import re

import pytest
from sqlalchemy import text

from proaktiv.steps import case_file
from proaktiv.steps.inspection import PER_HOUR
from proaktiv.web.pages import states
from proaktiv.web.pages.language import catalogue
from tests.builders import a_protection
from tests.office.conftest import CANARY, Office
from tests.web.browser import PageBrowser
from tests.web.conftest import everything_stored


def tasks_of(office: Office, *tasks: tuple[str, str]) -> list[str]:
    """Plant tasks, each with its Behörde; return their ids."""
    with office.world.database.transaction() as session:
        return [
            str(
                session.connection()
                .execute(
                    text(
                        "INSERT INTO tasks (id, what, matter, behoerde, made_at, how)"
                        " VALUES (gen_random_uuid(), :what, :matter, :behoerde, now(), '') RETURNING id"
                    ),
                    {"what": what, "behoerde": behoerde, "matter": office.auftrag},
                )
                .scalar_one()
            )
            for what, behoerde in tasks
        ]


def test_a_clerk_sees_the_own_tasks_and_the_house_all_that_nobody_else_has(office: Office) -> None:
    own, other, houses, nobodys = tasks_of(
        office,
        ("behoerde.not_reachable", "standesamt-musterstadt"),
        ("behoerde.not_reachable", "jugendamt-musterstadt"),
        ("text.missing", ""),
        ("behoerde.not_reachable", "steueramt-musterstadt"),
    )
    standesamt, house = (office.desk(name).get("/aufgaben").text for name in ("k.standesamt", "k.haus"))
    assert [each in standesamt for each in (own, other, houses, nobodys)] == [True, False, False, False]
    assert [each in house for each in (own, other, houses, nobodys)] == [False, False, True, True]


def test_a_task_ends_in_one_of_its_ways_and_the_log_says_who_ended_it(sent: Office) -> None:
    (task,) = tasks_of(sent, ("auftrag.in_doubt", "standesamt-musterstadt"))
    desk = sent.desk("k.standesamt")
    assert desk.post(f"/aufgaben/{task}", {"wie": "no way"}).status_code == 422
    assert desk.post(f"/aufgaben/{task}", {"wie": "to_citizen"}).status_code == 409, "it was sent meanwhile"
    assert desk.post(f"/aufgaben/{task}", {"wie": "done"}).status_code == 303, "so there is nothing left to decide"
    (seen,) = tasks_of(sent, ("auftrag.changed", "standesamt-musterstadt"))
    assert desk.post(f"/aufgaben/{seen}", {"wie": "done"}).status_code == 303
    assert sent.world.value("SELECT how FROM tasks WHERE id = :id", id=seen) == "done"


def test_nobody_ends_a_task_of_others(office: Office) -> None:
    (task,) = tasks_of(office, ("text.missing", "jugendamt-musterstadt"))
    assert office.desk("k.standesamt").post(f"/aufgaben/{task}", {"wie": "done"}).status_code == 404
    assert office.desk("d.schutz").post(f"/aufgaben/{task}", {"wie": "done"}).status_code == 403
    assert office.world.count("tasks", "done_at IS NULL") == 1


def test_the_list_names_nobody_and_is_of_the_own_behoerde(sent: Office) -> None:
    before = everything_stored(sent.world.urls)
    desk = sent.desk("k.standesamt")
    shown = desk.get("/auftraege")
    assert sent.reference in shown.text
    assert sent.anna.familienname not in shown.text
    assert sent.reference not in sent.desk("k.jugendamt").get("/auftraege").text
    after = everything_stored(sent.world.urls)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"staff_sessions", "sequences"}, "two came in"
    assert sent.looks() == [], "a list that names nobody is no look"


def test_an_opened_auftrag_shows_what_was_sent_and_the_person_who_looked(sent: Office) -> None:
    desk = sent.desk("k.standesamt")
    shown = desk.get(f"/auftraege/{sent.auftrag}")
    assert shown.status_code == 200
    for part in (sent.reference, sent.anna.familienname, "Quelle", "V1", "Unterschriften"):
        assert part in shown.text
    assert CANARY not in shown.text
    assert (
        re.findall(r"\b(?:Ihre?[mnrs]?|Sie|Ihnen) ", shown.text.partition("<dl")[2].partition("Unterschriften")[0])
        == []
    )
    assert "Vornamen des Elternteils" in shown.text
    assert sent.looks() == ["auftrag.opened"]
    entry = next(each for each in sent.history() if each["action"] == "auftrag.opened")
    assert entry["receiver_code"] == "standesamt-musterstadt"
    for language in ("de", "en"):
        said = states.sentence((entry["action"], entry["kind"]), catalogue(language))
        assert said.startswith("Jemand im Amt hat" if language == "de" else "Somebody at the office")
    assert sent.world.check_log() > 0


def test_a_clerk_sees_that_an_address_is_protected_also_where_the_protection_came_after_the_hand_over(
    sent: Office,
) -> None:
    desk = sent.desk("k.standesamt")
    path, warning = f"/auftraege/{sent.auftrag}", "Schutz im Melderegister (§§ 51, 52"
    assert warning not in desk.get(path).text
    sent.world.announce(a_protection(sent.anna.kennung, "51"))
    shown = desk.get(path).text
    assert warning in shown.replace("\u00a0", " ")
    assert "Geben Sie keine Angabe weiter" in shown
    sent.world.value("UPDATE stops SET lifted_at = since RETURNING 1")
    sent.world.value("UPDATE auftraege SET sperrvermerk = true RETURNING 1")
    assert warning in desk.get(path).text.replace("\u00a0", " "), "it went out under the Sperre"


def test_a_get_writes_the_look_and_nothing_else(sent: Office) -> None:
    desk = sent.desk("k.standesamt")
    before = everything_stored(sent.world.urls)
    desk.get("/")
    desk.get("/aufgaben")
    desk.get("/auftraege")
    assert everything_stored(sent.world.urls) == before
    desk.get(f"/auftraege/{sent.auftrag}")
    after = everything_stored(sent.world.urls)
    # The log entry is the point: who looked is written, whoever it was and whatever they do next.
    assert {name for name in before if before[name] != after[name]} <= {
        *("flow_log", "flow_secret", "flow_queue", "subject_heads", "staff_keys", "staff_looks", "sequences"),
    }
    assert len(after["flow_log"]) == len(before["flow_log"]) + 1


def test_a_look_is_logged_also_where_the_answer_fails(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("broken off")

    monkeypatch.setattr(case_file, "auftrag", breaks)
    assert sent.desk("k.standesamt").get(f"/auftraege/{sent.auftrag}").status_code == 500
    assert sent.looks() == ["auftrag.opened"]


def test_a_look_that_cannot_be_logged_opens_nothing(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = sent.desk("k.standesamt")

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("no log")

    with monkeypatch.context() as broken:
        broken.setattr(type(sent.pipeline.house.log), "record", breaks)
        answer = desk.get(f"/auftraege/{sent.auftrag}")
    assert answer.status_code == 500
    assert sent.anna.familienname not in answer.text


@pytest.mark.parametrize(("name", "status"), [("k.jugendamt", 404), ("k.haus", 404), ("d.schutz", 403)])
def test_an_auftrag_of_others_is_not_there_and_the_dsb_hears_of_the_try(sent: Office, name: str, status: int) -> None:
    answer = sent.desk(name).get(f"/auftraege/{sent.auftrag}")
    assert answer.status_code == status
    assert sent.anna.familienname not in answer.text
    assert sent.looks() == []
    assert sent.world.count("incidents", "what = 'staff.foreign_matter'") == (1 if status == 404 else 0)


def test_what_was_withdrawn_is_not_opened_any_more(sent: Office) -> None:
    sent.pipeline.withdraw_auftrag(sent.world.opens_letter(sent.anna), sent.auftrag)
    assert sent.desk("k.standesamt").get(f"/auftraege/{sent.auftrag}").status_code == 404
    assert "widerrufen" in sent.desk("k.haus").get("/aufgaben").text, "a task says so"
    assert sent.looks() == []


def test_the_twenty_first_auftrag_in_an_hour_is_not_opened_and_the_dsb_sees_it(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PER_HOUR, "auftrag", 1)
    desk = sent.desk("k.standesamt")
    with sent.world.database.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO staff_looks (id, staff, what, matter, at) SELECT gen_random_uuid(), staff, 'auftrag',"
                " gen_random_uuid(), :now FROM staff_sessions"
            ),
            {"now": sent.world.now},
        )
    stopped = desk.get(f"/auftraege/{sent.auftrag}")
    assert (stopped.status_code, sent.anna.familienname in stopped.text) == (429, False)
    assert sent.looks() == []
    assert sent.world.count("incidents", "what = 'staff.too_many_looks'") == 1
    assert "staff.too_many_looks" in sent.desk("d.schutz").get("/vorfaelle").text


def test_the_same_auftrag_again_is_the_same_work_and_logged_again(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PER_HOUR, "auftrag", 1)
    desk = sent.desk("k.standesamt")
    assert [desk.get(f"/auftraege/{sent.auftrag}").status_code for _ in range(3)] == [200, 200, 200]
    assert sent.looks() == ["auftrag.opened"] * 3


def test_a_clerk_answers_for_the_behoerde_once_by_name_and_unsigned(sent: Office) -> None:
    desk = sent.desk("k.standesamt")
    for _ in range(2):
        assert desk.post(f"/auftraege/{sent.auftrag}/antwort", {"antwort": "acknowledged"}).status_code == 303
    assert sent.world.count("acknowledgements", "NOT signed AND status = 'acknowledged'") == 1
    assert sent.world.value("SELECT state FROM auftraege") == "acknowledged"
    asked = desk.post(f"/auftraege/{sent.auftrag}/antwort", {"antwort": "question", "text": "Welches Kind?"})
    assert asked.status_code == 303
    assert sent.world.value("SELECT state FROM auftraege") == "question"
    assert "auf dieser Seite" in desk.get(f"/auftraege/{sent.auftrag}").text
    sent.world.check_log()


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"antwort": "sent"},
        {"antwort": "question"},
        {"antwort": "rejected", "text": "  "},
        {"antwort": "decided", "text": "x" * 2001},
    ],
)
def test_an_answer_that_is_none_changes_nothing_and_says_what_is_missing(sent: Office, form: dict[str, str]) -> None:
    answer = sent.desk("k.standesamt").post(f"/auftraege/{sent.auftrag}/antwort", form)
    assert answer.status_code == 422
    assert "Fehler" not in answer.headers
    assert sent.world.count("acknowledgements") == 0


def test_nobody_else_answers_for_a_behoerde(sent: Office) -> None:
    for name, status in (("k.jugendamt", 404), ("k.haus", 404), ("d.schutz", 403)):
        desk = sent.desk(name)
        assert desk.post(f"/auftraege/{sent.auftrag}/antwort", {"antwort": "acknowledged"}).status_code == status
    assert sent.world.count("acknowledgements") == 0


def test_a_form_without_its_own_token_changes_nothing(sent: Office) -> None:
    (task,) = tasks_of(sent, ("auftrag.changed", "standesamt-musterstadt"))
    desk, other = sent.desk("k.standesamt"), sent.desk("k.standesamt")
    for csrf in ("", "x", other.csrf):
        for path, form in (
            (f"/aufgaben/{task}", {"wie": "done"}),
            (f"/auftraege/{sent.auftrag}/antwort", {"antwort": "acknowledged"}),
            ("/abmelden", {}),
        ):
            assert desk.post(path, form, csrf).status_code == 403, (path, csrf)
    assert desk.get("/aufgaben").status_code == 200
    assert sent.world.count("tasks", "done_at IS NULL") == 1
    assert sent.world.count("acknowledgements") == 0


def test_a_form_from_another_site_is_refused_before_it_is_read(sent: Office) -> None:
    desk: PageBrowser = sent.desk("k.standesamt")
    answer = desk._ask("POST", "/abmelden", data={"csrf": desk.csrf}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    assert desk.get("/aufgaben").status_code == 200
