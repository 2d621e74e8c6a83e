"""The Datenschutzcockpit's three steps, status, list, content: one's own entries, two years back, nothing withheld."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.trust import Trust
from proaktiv.steps.timeline import cockpit
from tests.builders import Somebody
from tests.web.conftest import everything_stored
from tests.web.me.conftest import browser_of, proof_of, recorded
from tests.world import World

LIST = "/me/cockpit/protokolldaten"


def listed(world: World, person: Somebody, query: str = "?limit=200") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser_of(world, person).get(f"{LIST}{query}").json()["protokolldaten"]
    return found


def test_the_three_steps_show_what_the_flows_show(world: World, anna: Somebody) -> None:
    world.check_log()
    browser = browser_of(world, anna)
    flows = browser.get("/me/flows?limit=200").json()
    told = browser.get("/me/cockpit/status").json()
    assert (told["protokolldaten"], told["bodyName"]) == (True, "Stadt Musterstadt")
    assert {"from": told["from"], "to": told["to"]} == browser.get("/me/usage-period").json()
    found = browser.get(f"{LIST}?limit=200").json()
    assert found["next"] is None
    same = ("logtime", "action", "receiverCode", "receiverName", "receiverSystem", "purpose", "basis", "outcome")
    assert [[each[name] for name in same] for each in found["protokolldaten"]] == [
        [each[name] for name in same] for each in flows
    ]
    for entry, flow in zip(found["protokolldaten"], flows, strict=True):
        content = browser.get(f"{LIST}/{entry['id']}/inhaltsdaten").json()
        assert entry.items() <= content.items()
        assert [each["code"] for each in content["inhaltsdaten"]] == flow["categories"]
        for name in ("consent", "index", "proof", "number", "intact"):
            assert content[name] == flow[name], name


def test_content_names_kinds_of_data_as_people_call_them_and_no_value(world: World, anna: Somebody) -> None:
    browser = browser_of(world, anna)
    answers = [browser.get(f"{LIST}/{entry['id']}/inhaltsdaten") for entry in listed(world, anna)]
    kinds = [kind for answer in answers for kind in answer.json()["inhaltsdaten"]]
    assert any(kind["de"] != kind["code"] for kind in kinds)
    for answer in answers:
        assert anna.familienname not in answer.text
        assert anna.strasse not in answer.text


def test_the_list_comes_in_pages_and_by_days(world: World, anna: Somebody) -> None:
    everything = listed(world, anna)
    browser = browser_of(world, anna)
    seen: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        page = browser.get(f"{LIST}?limit=3&offset={offset}").json()
        seen += page["protokolldaten"]
        offset = page["next"]
    assert seen == everything
    assert len(seen) > 3
    day = f"{world.now:%Y-%m-%d}"
    assert {each["logtime"][:10] for each in listed(world, anna, f"?from={day}&to={day}")} == {day}
    assert listed(world, anna, "?to=2020-01-01") == []
    assert browser.get(f"{LIST}?from=x").status_code == 422


def test_what_is_restricted_leaves_no_trace_in_any_step(world: World, anna: Somebody) -> None:
    _, proof = proof_of(world, anna)
    browser = browser_of(world, anna)
    before = [browser.get(path).json() for path in ("/me/cockpit/status", LIST)]
    world.now += timedelta(hours=1)
    hidden = recorded(world, proof.person, restrict=True)
    browser = browser_of(world, anna)
    assert [browser.get(path).json() for path in ("/me/cockpit/status", LIST)] == before
    kept, none = (browser.get(f"{LIST}/{fid}/inhaltsdaten") for fid in (hidden, UUID(int=7)))
    assert (kept.status_code, kept.json()) == (404, none.json()), "as if it were not there"
    world.pipeline.release_entry(hidden, reason="Die Ermittlung ist zu Ende.", by="k.haus")
    shown = browser_of(world, anna).get(f"{LIST}/{hidden}/inhaltsdaten")
    assert (shown.status_code, shown.json()["number"], shown.json()["purpose"]) == (200, None, "ermittlung")
    assert "k.geheim" not in shown.text


def test_control_without_the_filter_the_restricted_entry_shows(
    world: World, anna: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proof = proof_of(world, anna)
    hidden = recorded(world, proof.person, restrict=True)
    monkeypatch.setattr("proaktiv.steps.timeline.entries._RESTRICTED", b"nothing says this")
    assert browser_of(world, anna).get(f"{LIST}/{hidden}/inhaltsdaten").status_code == 200


def test_nobody_reads_another_persons_content(world: World, anna: Somebody) -> None:
    _, proof = proof_of(world, anna)
    subj = world.pipeline.house.log.subj(proof.person)
    others = world.value("SELECT fid FROM flow_secret WHERE subj IS NOT NULL AND subj <> :subj LIMIT 1", subj=subj)
    assert browser_of(world, anna).get(f"{LIST}/{others}/inhaltsdaten").status_code == 404


@pytest.mark.parametrize("path", ["/me/cockpit/status", LIST, f"{LIST}/{UUID(int=7)}/inhaltsdaten"])
def test_a_letters_code_alone_shows_no_history_and_nobody_nothing(world: World, anna: Somebody, path: str) -> None:
    browser = browser_of(world, anna, Trust.V1)
    assert browser.get(path).status_code == 403
    browser.cookies.clear()
    assert browser.get(path).status_code == 401


def test_no_step_changes_anything(world: World, anna: Somebody) -> None:
    (first, *_) = listed(world, anna)
    browser = browser_of(world, anna)
    before = everything_stored(world.urls)
    for path in ("/me/cockpit/status", LIST, f"{LIST}/{first['id']}/inhaltsdaten"):
        assert browser.get(path).status_code == 200
    assert everything_stored(world.urls) == before


def test_two_years_are_shown_and_no_day_more(world: World, anna: Somebody) -> None:
    (newest, *_) = listed(world, anna)
    day = date.fromisoformat(newest["logtime"][:10])
    world.now = world.now.replace(year=world.now.year + 2)
    assert cockpit.since(world.now) == day
    assert {each["logtime"][:10] for each in listed(world, anna)} == {day.isoformat()}
    world.now += timedelta(days=1)
    assert listed(world, anna) == []
    browser = browser_of(world, anna)
    assert browser.get("/me/cockpit/status").json()["protokolldaten"] is False
    assert browser.get(f"{LIST}/{newest['id']}/inhaltsdaten").status_code == 404
    assert browser.get("/me/flows").json() != [], "the control: kept, and shown elsewhere"
