"""Whoever wished for something takes it back before a second person decides; the log keeps that there was a wish."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Select

from proaktiv.core.errors import Conflict, NotFound
from proaktiv.flowlog.keeping.holds import Held
from tests.office.conftest import Office
from tests.office.test_dsb_api import program
from tests.office.test_holds import beside_a_yes

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
FIRST, SECOND = "d.schutz", "d.vertretung"


def hold(office: Office, by: str) -> UUID:
    today = office.world.now.date()
    proof = office.proof(by)
    wish: UUID = office.pipeline.ask_for_hold(proof, Held(first=today, last=today), today + timedelta(days=90), WHY)
    return wish


Asking = Callable[[Office, str], UUID]
ASKS: dict[str, tuple[Asking, str, str, str]] = {
    "person": (
        lambda office, by: office.pipeline.ask_for_person(office.proof(by), office.reference, WHY),
        *("person_requests", "/person", "/requests"),
    ),
    "erasure": (
        lambda office, by: office.pipeline.ask_for_erasure(office.proof(by), office.reference, "withdrawn", WHY),
        *("erasure_requests", "/loeschungen", "/erasures"),
    ),
    "hold": (hold, "hold_requests", "/sperren", "/holds/requests"),
}
each = pytest.mark.parametrize("about", list(ASKS))


def take_back(office: Office, about: str, by: str, request: UUID) -> None:
    acts: dict[str, Callable[..., None]] = {
        "person": office.pipeline.withdraw_person_request,
        "erasure": office.pipeline.withdraw_erasure_request,
        "hold": office.pipeline.withdraw_hold_request,
    }
    acts[about](office.proof(by), request)


def decide(office: Office, about: str, by: str, request: UUID) -> Any:
    acts: dict[str, Callable[..., Any]] = {
        "person": office.pipeline.decide_on_person,
        "erasure": office.pipeline.decide_on_erasure,
        "hold": office.pipeline.decide_on_hold,
    }
    return acts[about](office.proof(by), request, grant=True)


def told(office: Office, action: str) -> int:
    return office.world.count("flow_log", f"convert_from(f_bytes, 'UTF8') LIKE '%\"action\":\"{action}\"%'")


@each
def test_on_the_page_a_wish_is_taken_back_and_nobody_can_say_yes_to_it_any_more(sent: Office, about: str) -> None:
    asks, table, path, _ = ASKS[about]
    request = asks(sent, FIRST)
    desk = sent.desk(FIRST)
    assert "Wunsch zurückziehen" in desk.get(path).text
    answer = desk.post(f"{path}/{request}/zurueckziehen", {})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?zurueck=ja")
    after = desk.get(answer.headers["location"]).text
    assert "Ihr Wunsch ist zurückgezogen" in after
    assert "Wartet auf eine zweite Person" not in after
    assert sent.world.count(table) == 0
    assert (told(sent, f"{about}.requested"), told(sent, f"{about}.withdrawn")) == (1, 1)
    with pytest.raises(NotFound):
        decide(sent, about, SECOND, request)
    sent.world.check_log()


@each
def test_for_programs_the_same_and_what_is_gone_is_not_found(sent: Office, about: str) -> None:
    asks, _, _, path = ASKS[about]
    request = asks(sent, FIRST)
    dsb = program(sent)
    assert dsb.post(f"{path}/{request}/withdrawal", {}).json() == {"state": "withdrawn"}
    assert dsb.post(f"{path}/{request}/withdrawal", {}).status_code == 404


@each
def test_nobody_takes_back_somebody_elses_wish_nor_sees_a_button_for_it(sent: Office, about: str) -> None:
    asks, table, path, _ = ASKS[about]
    request = asks(sent, FIRST)
    assert "Wunsch zurückziehen" not in sent.desk(SECOND).get(path).text
    with pytest.raises(NotFound):
        take_back(sent, about, SECOND, request)
    assert sent.world.count(table) == 1


@each
def test_what_is_decided_or_over_is_not_taken_back(sent: Office, about: str) -> None:
    asks, _, _, _ = ASKS[about]
    decided = asks(sent, FIRST)
    decide(sent, about, SECOND, decided)
    with pytest.raises(Conflict):
        take_back(sent, about, FIRST, decided)
    assert told(sent, f"{about}.withdrawn") == 0
    waiting = asks(sent, SECOND)
    sent.world.now += timedelta(days=3)
    with pytest.raises(NotFound):
        take_back(sent, about, SECOND, waiting)


def test_the_wish_to_release_a_hold_is_taken_back_by_its_own_name(sent: Office) -> None:
    decide(sent, "hold", SECOND, hold(sent, FIRST))
    standing = sent.world.value("SELECT id FROM legal_hold")
    request = sent.pipeline.ask_for_release(sent.proof(FIRST), standing, WHY)
    take_back(sent, "hold", FIRST, request)
    assert (told(sent, "release.withdrawn"), told(sent, "hold.withdrawn")) == (1, 0)
    assert sent.world.value("SELECT released_at FROM legal_hold") is None


def test_a_clerk_takes_nothing_back(sent: Office) -> None:
    request = ASKS["person"][0](sent, FIRST)
    assert sent.desk("k.haus").post(f"/person/{request}/zurueckziehen", {}).status_code == 403


# a race ---------------------------------------------------------------------------------------------------------------


def taken_back_beside_a_yes(office: Office) -> list[str]:
    """The asker takes a wish back while the yes to it is about to commit; returns what the asker was told."""
    request, first, said = hold(office, FIRST), office.proof(FIRST), list[str]()

    def take() -> None:
        try:
            office.pipeline.withdraw_hold_request(first, request)
        except Conflict as error:
            said.append(str(error))
        else:
            said.append("withdrawn")

    beside_a_yes(office, request, take)
    return said


def test_a_wish_taken_back_while_the_yes_commits_stands_and_the_log_tells_one_end(sent: Office) -> None:
    (said,) = taken_back_beside_a_yes(sent)
    assert "decided already" in said
    assert len(sent.pipeline.held_entries()) == 1
    assert (told(sent, "hold.granted"), told(sent, "hold.withdrawn")) == (1, 0)


def test_control_without_the_lock_on_the_wish_the_log_tells_both_ends(
    sent: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Select, "with_for_update", lambda query, **_: query)
    assert taken_back_beside_a_yes(sent) == ["withdrawn"]
    assert (told(sent, "hold.granted"), told(sent, "hold.withdrawn")) == (1, 1)
