"""The invented city: repeatable, recognisably invented, and made of messages that the intake takes."""

import json
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from proaktiv.core import cloudevents, events
from proaktiv.demo.families import make_city
from proaktiv.demo.people import Conduct, Stance

TODAY = date(2026, 10, 14)
NOW = datetime(2026, 10, 14, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("number", [1, 2, 11, 12, 40, 300])
def test_a_city_reports_as_many_different_events_as_were_asked_for(number: int) -> None:
    city = make_city(1, number, TODAY)
    entries = [report.data["eintrag"] for report in (*city.first, *city.later)]
    assert len(entries) == len(set(entries)) == number


def test_the_same_seed_invents_the_same_city_and_another_seed_another_one() -> None:
    assert make_city(7, 40, TODAY) == make_city(7, 40, TODAY)
    assert make_city(7, 40, TODAY) != make_city(8, 40, TODAY)


@pytest.mark.parametrize("number", [1, 40, 300])
def test_the_intake_takes_every_report(number: int) -> None:
    city = make_city(1, number, TODAY)
    for report in (*city.first, *city.repeats, *city.later):
        body = json.dumps(report.cloud_event(NOW)).encode()
        assert events.read(cloudevents.parse(body), NOW).event_id == report.id


def test_no_two_residents_share_a_name_or_a_number() -> None:
    city = make_city(1, 300, TODAY)
    people = (*city.residents, *city.strangers)
    assert len({person.name for person in people}) == len(people)
    assert len({person.kennung for person in people}) == len(people)


def test_addresses_lie_nowhere_in_germany() -> None:
    for resident in make_city(1, 40, TODAY).residents:
        assert resident.anschrift.plz.startswith("000")
        assert resident.anschrift.ort == "Musterstadt"


def test_forty_events_show_every_stance_every_conduct_and_every_special_case() -> None:
    city = make_city(1, 40, TODAY)
    told = [citizen for citizen in city.citizens if citizen.letter]
    assert {citizen.stance for citizen in city.citizens} == set(Stance)
    assert {citizen.conduct for citizen in told} == set(Conduct)
    kinds = Counter(report.kind for report in (*city.first, *city.later))
    assert kinds["sterbefall"] == kinds["storno"] == 1
    assert abs(kinds["geburt"] - kinds["umzug"]) <= 6
    groups = Counter(report.data.get("mehrlingsgruppe") for report in city.first)
    assert min(groups.values()) == 2
    assert sum("schutz" in report.data for report in city.first) == 1


def test_in_some_families_both_parents_consent_and_say_yes() -> None:
    city = make_city(1, 40, TODAY)
    yes = {c.resident.kennung for c in city.citizens if c.letter and c.conduct is Conduct.CONFIRMS}
    births = [report for report in city.first if report.kind == "geburt"]
    assert any(
        {parent["kennung"] for parent in birth.data["eltern"]} <= yes
        for birth in births
        if len(birth.data["eltern"]) == 2
    )


def test_a_death_follows_the_birth_of_the_same_child_at_once() -> None:
    city = make_city(1, 40, TODAY)
    place = next(place for place, report in enumerate(city.first) if report.kind == "sterbefall")
    assert city.first[place - 1].data["kind"]["kennung"] == city.first[place].data["person"]["kennung"]


def test_nobody_in_a_stillbirth_may_get_a_letter() -> None:
    city = make_city(1, 40, TODAY)
    (stillbirth,) = [report for report in city.first if "schutz" in report.data]
    parents = {parent["kennung"] for parent in stillbirth.data["eltern"]}
    citizens = [citizen for citizen in city.citizens if citizen.resident.kennung in parents]
    assert citizens
    assert all(citizen.letter is False for citizen in citizens)


def test_repeats_say_nothing_new() -> None:
    city = make_city(1, 40, TODAY)
    said = {json.dumps(report.data, sort_keys=True) for report in city.first}
    ids = {report.id for report in city.first}
    assert all(json.dumps(report.data, sort_keys=True) in said for report in city.repeats)
    assert {report.id in ids for report in city.repeats} == {True, False}


def test_whoever_does_not_consent_expects_no_letter() -> None:
    for citizen in make_city(1, 300, TODAY).citizens:
        assert citizen.stance is Stance.CONSENTS or citizen.letter is False
