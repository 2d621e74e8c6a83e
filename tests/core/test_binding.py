"""From a payload to rows of facts."""

from datetime import date

from proaktiv.core.binding import Fact, bind, from_json, to_json
from tests.builders import a_birth, a_move, somebody

DAY = date(2026, 10, 14)


def test_each_parent_gets_a_row_with_the_child_and_nothing_of_the_other_parent() -> None:
    anna, ben = somebody("Anna"), somebody("Ben", familienname="Anderswo", strasse="Geheimer Weg 1")
    mother, father = bind("geburt", a_birth(anna, other=ben).data, DAY)
    assert mother.role == "mutter"
    assert mother.facts["kind.vornamen"].value == father.facts["kind.vornamen"].value == "Mia"
    shown_to_anna = " ".join(str(fact.value) for fact in mother.facts.values())
    assert "Anderswo" not in shown_to_anna
    assert "Geheimer" not in shown_to_anna
    assert ben.kennung not in shown_to_anna


def test_everybody_who_moves_gets_a_row_of_their_own() -> None:
    rows = bind("umzug", a_move(somebody("Ada"), somebody("Bo")).data, DAY)
    assert [row.facts["person.vornamen"].value for row in rows] == ["Ada", "Bo"]
    assert {row.facts["umzug.einzug_am"].value for row in rows} == {date(2026, 10, 1)}


def test_a_fact_that_the_register_did_not_send_is_absent_and_neither_empty_nor_false() -> None:
    (row,) = bind("umzug", a_move(somebody()).data, DAY)
    assert "person.anschrift_alt" not in row.facts


def test_what_is_not_known_of_one_parent_is_absent_in_their_row_alone() -> None:
    event = a_birth(somebody("Anna"), other=somebody("Ben"))
    for name in ("geburtsdatum", "anschrift"):
        del event.data["eltern"][1][name]
    mother, father = bind("geburt", event.data, DAY)
    unknown = {"elternteil.geburtsdatum", "elternteil.anschrift", "elternteil.wohnort_ars", "kind.wohnt_bei_elternteil"}
    assert mother.facts.keys() - father.facts.keys() == unknown
    assert mother.facts["kind.wohnt_bei_elternteil"].value is True


def test_where_the_mothers_home_is_not_known_nobody_knows_with_whom_the_child_lives() -> None:
    event = a_birth(somebody("Anna"), other=somebody("Ben"))
    del event.data["eltern"][0]["anschrift"]
    assert all("kind.wohnt_bei_elternteil" not in row.facts for row in bind("geburt", event.data, DAY))


def test_who_moves_without_a_known_birth_date_has_none() -> None:
    event = a_move(somebody("Ada"))
    del event.data["personen"][0]["geburtsdatum"]
    (row,) = bind("umzug", event.data, DAY)
    assert "person.geburtsdatum" not in row.facts


def test_facts_survive_storage_with_their_types() -> None:
    facts = {
        "a": Fact(date(2024, 2, 29), DAY),
        "b": Fact("2024-02-29", DAY),
        "c": Fact(value=True, stand=DAY),
        "d": Fact(0, DAY),
    }
    back = from_json(to_json(facts))
    assert back == facts
    assert type(back["a"].value) is date
    assert type(back["b"].value) is str
    assert back["c"].value is True
