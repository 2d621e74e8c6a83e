"""Many look-ups in a short time are a finding, counted from the log; whoever decides is told before the yes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from proaktiv.core.series import Pace
from proaktiv.database import Database
from proaktiv.flowlog.commands import make_app
from proaktiv.flowlog.findings import Code, Finding, Limits, findings, series
from tests.office.conftest import Office

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
FIRST, SECOND = "d.schutz", "d.vertretung"


def wishes(office: Office, many: int, by: str = FIRST, yes_of: str = "") -> None:
    """Somebody asks for so many people, one a minute; another one says yes at once, or nobody does."""
    asker = office.proof(by)
    decider = office.proof(yes_of) if yes_of else None
    for number in range(many):
        request = office.pipeline.ask_for_person(asker, f"MR-99{number:04}", WHY)
        if decider is not None:
            office.pipeline.decide_on_person(decider, request, grant=True)
        office.world.now += timedelta(minutes=1)


def found(office: Office, *, key: bool = True, role: str = "app", pace: Pace | None = None) -> list[Finding]:
    database = Database(office.world.urls[role], pool_size=1)
    try:
        with database.transaction() as session:
            staff_private = office.pipeline.staff_private if key else ()
            limits = Limits(pace=pace or Pace())
            every = findings(session, office.pipeline.clock(), limits, staff_private=staff_private)
    finally:
        database.close()
    return [each for each in every if each.code is Code.LOOKUP_SERIES]


def as_owner(office: Office, statement: str) -> None:
    database = Database(office.world.urls["owner"], pool_size=1)
    try:
        with database.transaction() as session:
            session.connection().execute(text(statement))
    finally:
        database.close()


def test_a_key_that_nobody_can_use_takes_no_series_its_name(sent: Office) -> None:
    as_owner(sent, "INSERT INTO staff_keys VALUES (gen_random_uuid(), current_date, '', now())")
    wishes(sent, 6)
    assert [each.detail.startswith("6 wishes of d.schutz") for each in found(sent)] == [True]


def test_twenty_look_ups_of_the_same_two_in_a_quarter_of_an_hour_are_found_by_their_names_and_nobody_elses(
    sent: Office,
) -> None:
    wishes(sent, 20, yes_of=SECOND)
    one, two = found(sent)
    assert one.detail.startswith("20 wishes of d.schutz to look a person up, since 20")
    assert two.detail.startswith("20 look-ups that d.schutz and d.vertretung completed together, since 20")
    assert one.detail.endswith("up to 20 in an hour (limit 5), 20 in a day (limit 20)")
    last = sent.world.value(
        "SELECT fid FROM flow_log WHERE convert_from(f_bytes, 'UTF8') LIKE '%\"person.requested\"%'"
        " ORDER BY fid DESC LIMIT 1"
    )
    assert (one.flow, one.at is not None) == (last, True)
    for whom in ("MR-99", sent.reference, sent.anna.familienname, WHY):
        assert whom not in f"{one.to_json()}{two.to_json()}"
    sent.world.check_log()
    assert [each.index is not None for each in found(sent)] == [True, True]


def test_five_in_an_hour_are_no_series_and_nor_is_one_an_hour_for_a_working_day(sent: Office) -> None:
    wishes(sent, 5, yes_of=SECOND)
    assert found(sent) == []
    for _ in range(8):
        sent.world.now += timedelta(hours=1)
        wishes(sent, 1)
    assert found(sent) == []
    assert found(sent, pace=Pace(per_hour=5, per_day=12)) != [], "the control: thirteen in a day, with a lower measure"


def test_two_who_take_turns_are_found_as_the_two_they_are(sent: Office) -> None:
    wishes(sent, 3, FIRST, yes_of=SECOND)
    wishes(sent, 3, SECOND, yes_of=FIRST)
    (both,) = found(sent)
    assert both.detail.startswith("6 look-ups that d.schutz and d.vertretung completed together")


def test_two_who_ask_three_times_each_are_no_series_though_together_they_ask_six_times(sent: Office) -> None:
    wishes(sent, 3, FIRST)
    wishes(sent, 3, SECOND)
    assert found(sent) == []
    (unnamed,) = found(sent, key=False)
    assert "by whom part A says, which was not opened" in unnamed.detail


def test_without_the_offices_key_a_series_is_found_all_the_same_and_names_nobody(sent: Office) -> None:
    wishes(sent, 6, yes_of=SECOND)
    (unnamed,) = found(sent, key=False, role="reader")
    assert unnamed.detail.startswith("6 wishes to look a person up, by whom part A says, which was not opened")
    assert FIRST not in str(unnamed.to_json())


def test_whoever_empties_the_table_of_wishes_hides_nothing(sent: Office) -> None:
    """The control beside it: a count of the table's rows would see nothing any more."""
    wishes(sent, 6, yes_of=SECOND)
    as_owner(sent, "DELETE FROM person_requests")
    assert sent.world.count("person_requests") == 0
    assert len(found(sent)) == 2


def test_whoever_takes_the_names_away_leaves_a_series_without_names(sent: Office) -> None:
    wishes(sent, 6)
    as_owner(sent, "UPDATE flow_secret SET a_blob = NULL")
    (unnamed,) = found(sent)
    assert "by whom part A says" in unnamed.detail


def test_red_control_without_its_question_no_series_is_found(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes(sent, 20, yes_of=SECOND)
    monkeypatch.setattr(series, "_LOOK_UPS", series._LOOK_UPS.bindparams(asked=b"nobody", granted=b"asks"))
    assert found(sent) == []


def test_a_series_that_ended_before_what_is_looked_at_is_not_told_again(sent: Office) -> None:
    wishes(sent, 6)
    sent.world.now += timedelta(days=32)
    assert found(sent) == []
    sent.world.now -= timedelta(days=2)
    assert len(found(sent)) == 1


def test_a_yes_after_two_days_is_counted_for_the_two_where_the_wish_lies_before_what_is_looked_at(sent: Office) -> None:
    asker, decider = sent.proof(FIRST), sent.proof(SECOND)
    asked = [sent.pipeline.ask_for_person(asker, f"MR-99{number}", WHY) for number in range(6)]
    sent.world.now += timedelta(days=2)
    decider = sent.proof(SECOND)
    for request in asked:
        sent.pipeline.decide_on_person(decider, request, grant=True)
    sent.world.now += timedelta(days=30)
    (both,) = found(sent)
    assert both.detail.startswith("6 look-ups that d.schutz and d.vertretung completed together")


def test_the_command_finds_it_too_by_the_measure_of_its_settings_and_names_nobody(sent: Office) -> None:
    wishes(sent, 6, yes_of=SECOND)
    sent.world.check_log()
    database = Database(sent.world.urls["reader"], pool_size=1)

    def said(pace: Pace) -> str:
        app = make_app(database.transaction, str, list, lambda *_: "", sent.pipeline.clock, lambda: pace, list, None)
        told = CliRunner().invoke(app, ["findings", "--since", "2020-01-01"])
        assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
        return told.output

    try:
        assert "lookup_series" in said(Pace())
        assert "by whom part A says, which was not opened" in said(Pace())
        assert FIRST not in said(Pace())
        assert "lookup_series" not in said(Pace(per_hour=6))
    finally:
        database.close()


# what whoever decides is told -----------------------------------------------------------------------------------------


def test_whoever_decides_is_told_how_many_the_asker_had_lately_and_how_many_yeses_were_their_own(sent: Office) -> None:
    wishes(sent, 3, yes_of=SECOND)
    sent.world.now += timedelta(hours=2)
    wishes(sent, 1, yes_of=SECOND)
    wishes(sent, 1)
    (waiting,) = [each for each in sent.pipeline.person_requests(sent.proof(SECOND)) if each["state"] == "waiting"]
    told = {"hour": 2, "day": 5, "granted_by_you_hour": 1, "granted_by_you_day": 4}
    assert waiting["lately"] == told | {"series": False, "per_hour": 5, "per_day": 20}
    shown = sent.desk(SECOND).get("/person").text
    assert "Wünsche von d.schutz, eine Person nachzuschlagen: 2 in der letzten Stunde, davon 1 mit Ihrem Ja" in shown
    assert "Viele Wünsche kurz nacheinander" not in shown


def test_a_series_is_a_notice_before_the_yes_and_the_yes_stays_possible(sent: Office) -> None:
    wishes(sent, 6, yes_of=SECOND)
    wishes(sent, 1)
    second = sent.desk(SECOND)
    shown = second.get("/person").text
    assert shown.index("Viele Wünsche kurz nacheinander") < shown.index("Ja, nachsehen lassen")
    assert "Teil der Serie" not in shown
    assert "7 in der letzten Stunde, davon 6 mit Ihrem Ja" in shown
    request = sent.world.value("SELECT id FROM person_requests WHERE state = 'waiting'")
    answer = second.post(f"/person/{request}/entscheidung", {"entscheidung": "ja"})
    assert answer.status_code == 303, "the work of an authority goes on; what is too much is seen, not forbidden"


def test_of_many_wishes_that_wait_the_first_tells_how_many_and_each_other_one_that_it_belongs_to_them(
    sent: Office,
) -> None:
    wishes(sent, 6)
    shown = sent.desk(SECOND).get("/person").text
    assert (shown.count("Viele Wünsche kurz nacheinander"), shown.count("Teil der Serie von oben")) == (1, 5)


def test_whoever_asked_is_not_told_of_others_and_an_answered_wish_tells_nothing(sent: Office) -> None:
    wishes(sent, 2, yes_of=SECOND)
    assert [each["lately"] for each in sent.pipeline.person_requests(sent.proof(FIRST))] == [None, None]
    assert [each["lately"] for each in sent.pipeline.person_requests(sent.proof(SECOND))] == [None, None]


def test_without_its_key_the_office_counts_what_it_cannot_name_as_the_askers(sent: Office) -> None:
    wishes(sent, 6)
    object.__setattr__(sent.pipeline, "staff_private", ())
    assert "Viele Wünsche kurz nacheinander" in sent.desk(SECOND).get("/person").text


def test_the_overview_and_the_list_of_findings_say_that_there_is_a_series(sent: Office) -> None:
    sent.world.check_log()
    assert "kurz nacheinander" not in sent.desk(FIRST).get("/protokoll").text
    wishes(sent, 6)
    sent.world.check_log()
    desk = sent.desk(SECOND)
    overview = desk.get("/protokoll").text
    assert "Viele Personen wurden kurz nacheinander nachgeschlagen" in overview
    assert "passt etwas nicht zusammen" not in overview, "a series is no damage to the log"
    listed = desk.get("/befunde").text
    assert "Serie: viele Personen kurz nacheinander nachgeschlagen" in listed
    assert "6 Wünsche von d.schutz, eine Person nachzuschlagen, seit " in listed


def test_a_list_of_many_wishes_opens_the_staffs_keys_once(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    wishes(sent, 6)
    loads = []
    load: Callable[..., None] = series.staff_parts.__globals__["StaffReader"].load

    def counting(*arguments: object) -> None:
        loads.append(1)
        load(*arguments)

    monkeypatch.setattr(series.staff_parts.__globals__["StaffReader"], "load", counting)
    sent.pipeline.person_requests(sent.proof(SECOND))
    assert len(loads) == 2, "once for the reasons, once for who asked"
