"""Whole lives: what is deleted when, what the pages say then, and that a dry run counts what a run takes."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from proaktiv.core.calendar import berlin_date
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.trust import SessionProof
from proaktiv.pipeline import Pipeline
from proaktiv.steps.retain import Preview
from proaktiv.web.asking import LOOPBACK_COOKIE
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import a_birth, somebody
from tests.depth import depth
from tests.retention.planting import plant
from tests.web.browser import PageBrowser
from tests.world import World

OTHER = "ELTERNGELD"


def due(preview: Preview) -> dict[str, int]:
    return {each.rule.name: each.n for each in preview.counted if each.n}


def deletes(world: World) -> dict[str, int]:
    return {rule: n for rule, n in world.pipeline.delete_all(lambda _rule, _n: None).items() if n}


def at(world: World, day: date) -> None:
    world.now += timedelta(days=(day - berlin_date(world.now)).days)


def everything(world: World) -> list[tuple[str, int, str]]:
    """Every table that the application sees, with its number of rows and a fingerprint of what stands in them."""
    seen = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    seen += " AND has_table_privilege(oid, 'SELECT')"
    with world.database.transaction() as session:
        names = session.connection().execute(text(seen))
        found = []
        for name in sorted(names.scalars()):
            row = session.connection().execute(
                text(f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {name} t")
            )
            found.append((name, *row.one()))
    return found


def a_life(world: World) -> tuple[SessionProof, UUID]:
    """Anna confirms the Geburtsurkunde, which is sent, declines the Elterngeld and does not answer the rest."""
    anna = world.lives_here(somebody("Anna"))
    world.birth = a_birth(anna)  # type: ignore[attr-defined]
    world.announce(world.birth)  # type: ignore[attr-defined]
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.pipeline.decline(proof, UUID(world.proposals(proof)[OTHER]["id"]))
    world.wait(hours=25)
    return proof, auftrag


DAYS = (0, 1, 20, 31, 32, 92, 130, 200, 366, 500, 730, 732, 760, 1500, 1830, 2700)


def test_a_dry_run_counts_exactly_what_a_run_takes_on_every_day_of_a_life(world: World) -> None:
    a_life(world)
    begun = berlin_date(world.now)
    total: dict[str, int] = {}
    for days in depth(DAYS[1::2], DAYS):
        at(world, begun + timedelta(days=days))
        world.tick()
        before = everything(world)
        preview = world.pipeline.preview_retention()
        assert not preview.written
        assert everything(world) == before, "a dry run changes nothing"
        expected = due(preview)
        assert deletes(world) == expected, f"on day {days}"
        assert due(world.pipeline.preview_retention()) == {}, "a second run has nothing to do"
        for rule, n in expected.items():
            total[rule] = total.get(rule, 0) + n
    assert total.keys() >= {"session", "code", "event_facts", "match_facts", "auftrag_content", "handover", "delivery"}
    assert world.count("register_events") + world.count("proposals") + world.count("auftraege") == 0
    assert world.count("flow_log", "kind = 6") == world.count("flow_log", "kind = 6 AND scope <> ''") > 0
    world.check_log()


def logged_in(world: World, proof: SessionProof, monkeypatch: pytest.MonkeyPatch) -> PageBrowser:
    """A browser whose session is alive: what had one when the rows were old is long over."""
    monkeypatch.setattr(Pipeline, "session", lambda _pipeline, _token: proof)
    return PageBrowser(
        make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False), {LOOPBACK_COOKIE: "x"}
    )


def test_pages_of_an_old_auftrag_say_that_its_content_is_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    proof, auftrag = a_life(world)
    decided = world.value("SELECT moved_at FROM auftraege WHERE id = :id", id=auftrag)
    other = world.value("SELECT id FROM proposals WHERE leistung = :leistung", leistung=OTHER)
    at(world, date(berlin_date(decided).year + 2, berlin_date(decided).month, berlin_date(decided).day))
    deletes(world)
    assert world.pipeline.auftrag(proof, auftrag)["geloescht"] == "", "on the last day it is there"
    world.wait(days=1)
    deletes(world)
    shown = world.pipeline.auftrag(proof, auftrag)
    assert "gelöscht" in shown["geloescht"]
    assert shown["leistung"] == "GEBURTSURKUNDE"
    assert shown["reference"]
    assert "gelöscht" in world.pipeline.proposal(proof, other)["geloescht"]
    browser = logged_in(world, proof, monkeypatch)
    for path in (f"/auftrag/{auftrag}", f"/vorschlag/{other}"):
        page = browser.get(path)
        assert (page.status_code, "Frist gelöscht" in page.text) == (200, True), path
    sent_back = (303, f"/vorschlag/{other}")
    for answer in (
        browser.get(f"/vorschlag/{other}/entscheiden"),
        browser.post(f"/vorschlag/{other}/entscheiden", {}),
    ):
        assert (answer.status_code, answer.headers["location"]) == sent_back
    for path, form in (("entscheiden", {"entscheidung": "ja", "gezeigt": "0" * 64}), ("antwort", {"frage:x": "ja"})):
        assert browser.post(f"/vorschlag/{other}/{path}", form).status_code == 409
    assert {each["leistung"] for b in world.pipeline.overview(proof)["bundles"] for each in b["proposals"]} >= {
        "GEBURTSURKUNDE"
    }
    with pytest.raises(NotFound):
        world.pipeline.sheet(proof, auftrag)
    with pytest.raises(Conflict):
        world.pipeline.confirm(proof, other, b"x" * 32)
    assert world.count("matches", "facts IS NOT NULL") == 0, "a replay finds the facts destroyed"
    assert world.count("matches", "plan_hash <> '' AND result <> ''") > 0, "Plan and result remain"
    world.check_log()


def test_a_repeated_report_brings_no_second_proposal_after_the_deletion(world: World) -> None:
    a_life(world)
    world.wait(days=800)
    deletes(world)
    assert world.count("event_facts") == world.count("proposals", "draft IS NOT NULL") == 0
    proposals, letters = world.count("proposals"), len(list(world.letters.iterdir()))
    world.announce(world.birth)  # type: ignore[attr-defined]
    world.announce(world.birth.but(id="ev-again"))  # type: ignore[attr-defined]
    world.announce(world.birth.but(id="ev-corrected", fassung=2))  # type: ignore[attr-defined]
    world.tick()
    assert world.count("proposals") == proposals
    assert len(list(world.letters.iterdir())) == letters
    world.check_log()


def test_an_event_whose_facts_are_gone_is_neither_decided_nor_asked_about_again(world: World) -> None:
    a_life(world)
    world.wait(days=800)
    deletes(world)
    asked, matches = len(world.melderegister.asked), world.count("matches")
    with world.database.transaction() as session:
        session.connection().execute(
            text("UPDATE register_events SET state = 'waiting', due_at = :now"), {"now": world.now}
        )
    world.tick()
    assert (len(world.melderegister.asked), world.count("matches")) == (asked, matches)
    assert world.count("register_events", "state = 'admitted'") == 1
    world.check_log()


@pytest.mark.parametrize("whole", [True, False], ids=["person", "auftrag"])
def test_a_hold_keeps_what_is_over_until_it_is_released(world: World, whole: bool) -> None:
    _, auftrag = a_life(world)
    person = world.value("SELECT person FROM auftraege")
    about = {"person": person, "auftrag": None} if whole else {"person": None, "auftrag": auftrag}
    hold = world.pipeline.hold(**about, reason="12 K 34/27", by="dsb-1")
    with world.database.transaction() as session:
        plant(session.connection(), "notices", world.now, person=person, due_at=None)
        plant(session.connection(), "tasks", world.now, matter=auftrag, done_at=world.now)
    at(world, berlin_date(world.now) + timedelta(days=3000))
    world.tick()
    preview = world.pipeline.preview_retention()
    assert {each.rule.name for each in preview.counted if each.held} >= {"auftrag_content", "handover", "event_trace"}
    assert [each["id"] for each in preview.holds] == [str(hold)]
    assert deletes(world) == due(preview)
    assert world.count("auftraege", "content IS NOT NULL") == 1
    assert world.count("handovers") == 1
    assert world.count("event_facts") == 1
    assert (world.count("notices"), world.count("tasks")) == (int(whole), 1), "what was told, and what a clerk did"
    world.pipeline.release_hold(hold, reason="12 K 34/27 Urteil", by="dsb-1")
    with pytest.raises(Conflict):
        world.pipeline.release_hold(hold, reason="again", by="dsb-2")
    deletes(world)
    assert world.count("auftraege") + world.count("handovers") + world.count("register_events") == 0
    assert world.count("notices") + world.count("tasks") == 0
    assert world.count("flow_log", "kind = 6 AND outcome IN ('placed', 'released')") == 2
    world.check_log()


def test_a_hold_names_one_thing_that_is_here_and_who_demands_it(world: World) -> None:
    with pytest.raises(NotFound):
        world.pipeline.hold(person=UUID(int=1), auftrag=None, reason="x", by="dsb")
    with pytest.raises(BadInput, match="either"):
        world.pipeline.hold(person=None, auftrag=None, reason="x", by="dsb")
    for reason, by in ((" ", "dsb"), ("x", ""), ("x" * 65, "dsb")):
        with pytest.raises(BadInput, match="64"):
            world.pipeline.hold(person=UUID(int=1), auftrag=None, reason=reason, by=by)
    with pytest.raises(NotFound):
        world.pipeline.release_hold(UUID(int=1), reason="x", by="dsb")


def test_who_never_finished_to_enrol_is_forgotten_and_can_enrol_again(world: World) -> None:
    world.settles(somebody("Anna"))
    anna = next(iter(world.melderegister.people.values()))
    world.wait(days=119)
    deletes(world)
    assert world.count("persons") == world.count("contacts") == world.count("enrolments") == 1
    world.wait(days=2)
    deletes(world)
    for table in ("persons", "contacts", "person_identifiers", "enrolments", "lookups", "codes", "sessions"):
        assert world.count(table) == 0, table
    assert anna
    world.check_log()


def test_a_stop_that_stands_is_never_deleted_even_by_who_may(world: World) -> None:
    with world.database.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO stops (id, target, scope, guard, detail, since)"
                " VALUES (:id, '\\x00', 'person', 'V01', '', :at)"
            ),
            {"id": UUID(int=1), "at": world.now},
        )
    with pytest.raises(Exception, match="never deleted"), world.database.transaction() as session:
        session.connection().execute(text("DELETE FROM stops"))
    world.wait(days=4000)
    assert "stop" not in deletes(world)
