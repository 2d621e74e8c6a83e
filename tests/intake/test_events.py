"""What a register reports: shapes, people, special categories, stops."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from proaktiv.core import events
from proaktiv.core.cloudevents import parse
from proaktiv.core.errors import BadInput
from proaktiv.core.events import EventKind, RegisterEvent, Stop
from proaktiv.core.guards import Guard
from proaktiv.core.payloads import DROPPED
from tests.builders import (
    ARS,
    Event,
    a_birth,
    a_cancellation,
    a_death,
    a_move,
    a_protection,
    child_of,
    somebody,
)

NOW = datetime(2026, 10, 14, 9, tzinfo=UTC)
ADDRESS = {"strasse": "Erfundene Gasse 3", "plz": "00001", "ort": "Musterstadt", "ars": ARS}


def read(event: Event) -> RegisterEvent:
    return events.read(parse(event.body), NOW)


def changed(event: Event, path: str, value: Any) -> Event:
    """The event with one value put at a path of its data; ``...`` takes it away."""
    data = json.loads(json.dumps(event.data))
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place = data
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return Event(event.kind, data, event.id, event.source, event.time)


def birth() -> Event:
    return a_birth(somebody(), other=somebody("Ben"))


def move() -> Event:
    return a_move(somebody(), somebody("Ben"))


REFUSED = [
    (birth, "eintrag", ..., "missing"),
    (birth, "eintrag", 7, "1 to 64"),
    (birth, "eintrag", " G 1", "1 to 64"),
    (birth, "eintrag", "G" * 65, "1 to 64"),
    (birth, "eintrag", "G\u202e1", "1 to 64"),
    (birth, "fassung", 0, "whole number from 1"),
    (birth, "fassung", True, "whole number from 1"),
    (birth, "fassung", "1", "whole number from 1"),
    (birth, "ars", "99001", "twelve digits"),
    (birth, "ars", 990010000000, "twelve digits"),
    (birth, "ars", "٩٩٠٠١٠٠٠٠٠٠٠", "twelve digits"),
    (birth, "ereignis_am", "2026-02-30", "date of the calendar"),
    (birth, "ereignis_am", "20261006", "date of the calendar"),
    (birth, "ereignis_am", "2026-W41-2", "date of the calendar"),
    (birth, "ereignis_am", 20261006, "date of the calendar"),
    (birth, "ereignis_am", "2026-10-15", "day of time"),
    (birth, "ereignis_am", "1889-12-31", "1890-01-01"),
    (birth, "kind", ..., "missing"),
    (birth, "kind", [], "an object"),
    (birth, "kind/vornamen", "", "1 to 120"),
    (birth, "kind/vornamen", " Mia", "without blanks"),
    (birth, "kind/vornamen", "M" * 121, "1 to 120"),
    (birth, "kind/vornamen", "Mi\u0000a", "NUL"),
    (birth, "kind/vornamen", "Mi\ta", "printable"),
    (birth, "kind/vornamen", "Mia\u200d", "printable"),
    (birth, "kind/familienname", "Mu\u0308ller", "NFC"),
    (birth, "kind/geburtsdatum", "2026-10-15", "day of time"),
    (birth, "kind/lebt", "true", "true or false"),
    (birth, "kind/lebt", 1, "true or false"),
    (birth, "kind/spitzname", "Mimi", "not known here"),
    (birth, "eltern", [], "1 to 2"),
    (birth, "eltern", {}, "1 to 2"),
    (birth, "eltern/0/rolle", "vater", "one of mutter, zweiter_elternteil"),
    (birth, "eltern/1/rolle", "mutter", "each rolle once"),
    (birth, "eltern/0/sorge", "halb", "one of allein, gemeinsam, keine"),
    (birth, "eltern/0/geburtsdatum", "2026-10-06", "before the child's"),
    (birth, "eltern/0/geburtsdatum", "1985-00-00", "leave it out"),
    (birth, "eltern/0/geburtsdatum", "1985-07-00", "leave it out"),
    (birth, "eltern/0/geburtsdatum", "0000-00-00", "leave it out"),
    (birth, "eltern/0/geburtsdatum", "1985", "leave it out"),
    (birth, "eltern/0/geburtsdatum", None, "date of the calendar"),
    (birth, "kind/geburtsdatum", "2026-00-00", "date of the calendar"),
    (birth, "kind/geburtsdatum", ..., "missing"),
    (move, "personen/0/geburtsdatum", "1985-00-07", "leave it out"),
    (birth, "eltern/0/anschrift/plz", 1, "five digits"),
    (birth, "eltern/0/anschrift/ars", "1", "twelve digits"),
    (birth, "eltern/0/anschrift/land", "DE", "not known here"),
    (birth, "mehrlingsgruppe", "", "1 to 64"),
    (birth, "schutz", [], "an object"),
    (birth, "schutz", {"sperre_51": "MR-1"}, "a list of 0 to 12"),
    (birth, "schutz", {"adoption": None}, "true or false"),
    (birth, "bemerkung", "x", "not known here"),
    (move, "personen", [], "1 to 12"),
    (move, "personen/1/kennung", ..., "missing"),
    (move, "anschrift_neu", ..., "missing"),
    (move, "anschrift_alt", "Erfundene Gasse 3", "an object"),
    (move, "wohnungsart", "zweitwohnung", "hauptwohnung"),
    (move, "meldeweg", None, "persoenlich"),
    (move, "schutz", {"totgeboren": True}, "not known here"),
    (lambda: a_death("MR-1"), "person", "MR-1", "an object"),
    (lambda: a_death("MR-1"), "person/vornamen", "Anna", "not known here"),
    (lambda: a_protection("MR-1", "51"), "art", 51, "one of 51, 52"),
    (lambda: a_protection("MR-1", "51"), "art", "53", "one of 51, 52"),
    (lambda: a_cancellation(birth()), "storniert/kind", "storno", "one of geburt"),
    (lambda: a_cancellation(birth()), "storniert/eintrag", ..., "missing"),
]


@pytest.mark.parametrize(("event", "path", "value", "remedy"), REFUSED)
def test_what_no_register_may_say_is_refused_with_place_and_remedy(
    event: Any, path: str, value: Any, remedy: str
) -> None:
    with pytest.raises(BadInput, match=remedy) as refused:
        read(changed(event(), path, value))
    places = {"each rolle once": "/data/eltern"}
    inside = value if isinstance(value, dict) and value else {"": None}
    expected = places.get(remedy, f"/data/{path}" + "".join(f"/{key}" for key in inside if key))
    assert refused.value.field == expected


@pytest.mark.parametrize("name", ["geburtsdatum", "anschrift"])
def test_what_no_register_knows_of_a_parent_from_abroad_may_be_left_out(name: str) -> None:
    found = read(changed(birth(), f"eltern/0/{name}", ...))
    assert name not in found.payload["eltern"][0]
    assert len(found.subjects) == len(read(birth()).subjects)


def test_a_veto_in_such_an_event_counts() -> None:
    event = changed(changed(birth(), "eltern/0/geburtsdatum", ...), "schutz", {"adoption": True})
    (stop,) = read(event).stops
    assert stop.guard is Guard.ADOPTION


def test_who_moves_may_have_a_birth_date_that_is_not_known_in_full() -> None:
    assert "geburtsdatum" not in read(changed(move(), "personen/0/geburtsdatum", ...)).payload["personen"][0]


def test_a_name_that_nobody_knows_is_told_only_as_the_place_where_it_stands() -> None:
    with pytest.raises(BadInput) as refused:
        read(changed(birth(), "kind/Mia Musterkind", 1))
    assert refused.value.field == "/data/kind"
    assert "Mia" not in str(refused.value)


def test_a_person_who_stands_twice_is_refused() -> None:
    anna = somebody()
    for event, place in ((a_birth(anna, other=anna), "/data/eltern"), (a_move(anna, anna), "/data/personen")):
        with pytest.raises(BadInput, match="each person once") as refused:
            read(event)
        assert refused.value.field == place


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(BadInput, match=r"must be one of de\.proaktiv\.event\.geburt\.v1") as refused:
        read(Event("heirat", {}, "1", "urn:x"))
    assert refused.value.field == "/type"


def test_the_future_begins_five_minutes_from_now() -> None:
    read(birth().but(time="2026-10-14T09:05:00Z"))
    with pytest.raises(BadInput, match="five minutes") as refused:
        read(birth().but(time="2026-10-14T09:05:01Z"))
    assert refused.value.field == "/time"


def test_the_day_of_the_report_is_a_day_in_berlin() -> None:
    night = birth().but(time="2026-10-13T22:30:00Z", ereignis_am="2026-10-14")
    assert read(night).ereignis_am.isoformat() == "2026-10-14"


def test_a_birth_names_its_people_by_role() -> None:
    anna, ben = somebody(), somebody("Ben")
    event = a_birth(anna, other=ben)
    report = read(event)
    assert report.kind is EventKind.GEBURT
    assert report.subjects == (
        ("kind", child_of(event)),
        ("mutter", anna.kennung),
        ("zweiter_elternteil", ben.kennung),
    )
    assert report.case_ref == event.data["eintrag"]
    assert report.payload == event.data
    assert report.stops == ()
    assert not report.only_stops


def test_siblings_of_one_birth_are_one_case() -> None:
    assert read(a_birth(somebody(), mehrlingsgruppe="MG-1")).case_ref == "MG-1"


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_special_categories_are_let_in_anywhere_and_left_behind(name: str) -> None:
    event = birth()
    for place in ("", "kind/", "eltern/1/", "eltern/0/anschrift/"):
        event = changed(event, f"{place}{name}", {"sagt": ["roemisch", {"tief": 1}]})
    event = changed(event, "schutz", {name: "x"})
    report = read(event)
    assert name not in json.dumps(dict(report.payload))
    assert b"roemisch" not in report.content


def test_equal_reports_have_equal_content_whatever_their_ids_order_and_special_categories() -> None:
    one = birth()
    other = Event(one.kind, dict(reversed(one.data.items())) | {"religion": "x"}, "other", one.source, one.time)
    assert read(one).content == read(other).content
    assert read(one).content != read(changed(one, "kind/vornamen", "Mio")).content
    assert read(a_move(somebody())).content != read(one).content


def stops(event: Event) -> set[tuple[str, str, str, str]]:
    return {(stop.scope, stop.ref, stop.guard.value, stop.detail) for stop in read(event).stops}


@pytest.mark.parametrize(
    ("blocks", "guard"),
    [("totgeboren", "V01"), ("vertraulich", "V03"), ("adoption", "V04"), ("sperrvermerk_64", "V05")],
)
def test_a_block_on_the_entry_stops_the_whole_event(blocks: str, guard: str) -> None:
    event = changed(birth(), "schutz", {blocks: True})
    assert stops(event) == {("entry", event.data["eintrag"], guard, "")}
    assert read(event).only_stops


def test_blocks_that_are_false_stop_nothing() -> None:
    blocks = dict.fromkeys(("totgeboren", "vertraulich", "adoption", "sperrvermerk_64"), False)
    event = changed(birth(), "schutz", blocks | {"sperre_51": [], "sperre_52": []})
    assert stops(event) == set()
    assert not read(event).only_stops


def test_a_child_that_does_not_live_stops_the_event_without_further_word() -> None:
    event = changed(birth(), "kind/lebt", False)
    assert stops(event) == {("entry", event.data["eintrag"], "V01", "")}


@pytest.mark.parametrize("block", ["totgeboren", "vertraulich"])
def test_a_quiet_birth_may_come_without_people_and_no_other_may(block: str) -> None:
    bare = changed(changed(birth(), "kind", ...), "eltern", ...)
    assert read(changed(bare, "schutz", {block: True})).only_stops
    with pytest.raises(BadInput, match="missing"):
        read(changed(bare, "schutz", {"adoption": True}))


def test_of_a_vertrauliche_geburt_nobody_is_named() -> None:
    anna = somebody()
    event = a_birth(anna, schutz={"vertraulich": True, "sperre_51": [anna.kennung], "adoption": True})
    assert read(event).subjects == ()
    assert stops(event) == {("entry", event.data["eintrag"], "V03", "")}


@pytest.mark.parametrize("make", [a_birth, a_move])
def test_sperren_protect_persons_and_let_the_event_go_on(make: Any) -> None:
    anna = somebody()
    event = make(anna, schutz={"sperre_51": [anna.kennung, anna.kennung], "sperre_52": ["MR-other"]})
    assert stops(event) == {("person", anna.kennung, "V06", "51"), ("person", "MR-other", "V07", "52")}
    assert not read(event).only_stops


@pytest.mark.parametrize(
    ("art", "guard", "detail"),
    [("51", "V06", "51"), ("52", "V07", "52"), ("64", "V05", ""), ("adoption", "V04", ""), ("sorge", "V09", "")],
)
def test_a_schutzvermerk_is_a_stop_on_its_person(art: str, guard: str, detail: str) -> None:
    event = a_protection("MR-1", art)
    assert stops(event) == {("person", "MR-1", guard, detail)}
    assert read(event).only_stops


def test_a_death_is_a_stop_on_its_person() -> None:
    report = read(a_death("MR-1"))
    assert report.stops == (Stop("person", "MR-1", Guard.VERSTORBEN),)
    assert report.subjects == (("person", "MR-1"),)
    assert report.only_stops


def test_a_cancellation_stops_the_entry_it_cancels_and_is_of_its_case() -> None:
    event = birth()
    report = read(a_cancellation(event))
    assert report.stops == (Stop("entry", event.data["eintrag"], Guard.STORNO),)
    assert report.cancels == (event.data["eintrag"], EventKind.GEBURT)
    assert report.case_ref == read(event).case_ref
    assert report.only_stops


def test_an_old_address_may_be_left_out_or_given() -> None:
    event = a_move(somebody(), anschrift_alt=ADDRESS)
    assert read(event).payload["anschrift_alt"] == ADDRESS
