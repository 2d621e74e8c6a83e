"""The table forgets nothing: every column that is sealed, hashed or names a person has a rule or a reason."""

from datetime import date
from pathlib import Path

from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid

import consent.tables
import proaktiv.tables
from proaktiv.core.kept import KEPT
from proaktiv.core.retention import RULES, page
from proaktiv.core.terms import DEFAULTS, PER_LEBENSLAGE, Period, Term, Terms
from proaktiv.steps.retain.over import Over
from proaktiv.steps.retain.sets import _SETS, due

PERSONS = frozenset({"person", "from_person", "to_person"})
ALL = (proaktiv.tables.METADATA, consent.tables.METADATA)


def forgotten(*metadata: MetaData) -> set[str]:
    """Return the columns that no line of the table speaks of."""
    covered = {(kept.table, name) for kept in KEPT for name in kept.columns}
    for rule in RULES:
        table = next((each.tables[rule.table] for each in metadata if rule.table in each.tables), None)
        if table is not None:
            covered |= {(rule.table, name) for name in rule.columns or table.c.keys()}
    return {
        f"{table.name}.{column.name}"
        for each in metadata
        for table in each.tables.values()
        for column in table.c
        if (column.name in PERSONS or isinstance(column.type, LargeBinary)) and (table.name, column.name) not in covered
    }


def test_no_column_that_is_sealed_or_names_a_person_is_forgotten() -> None:
    assert forgotten(*ALL) == set()


def test_control_a_new_table_with_a_person_is_found() -> None:
    planted = MetaData()
    Table("passkeys", planted, Column("person", Uuid(), primary_key=True), Column("secret", LargeBinary()))
    assert forgotten(*ALL, planted) == {"passkeys.person", "passkeys.secret"}


def test_every_line_speaks_of_what_there_is() -> None:
    tables = {name: table for each in ALL for name, table in each.tables.items()}
    for rule in RULES:
        assert set(rule.columns) <= set(tables[rule.table].c.keys()), rule.name
        assert all(tables[rule.table].c[name].nullable for name in rule.columns), rule.name
    for kept in KEPT:
        assert kept.because
        assert set(kept.columns) <= set(tables[kept.table].c.keys()), kept.table


def test_every_rule_has_a_set_a_period_and_a_name_of_its_own() -> None:
    assert [rule.name for rule in RULES] == list(dict.fromkeys(rule.name for rule in RULES))
    assert _SETS.keys() == {rule.name for rule in RULES}
    assert DEFAULTS.keys() == set(Term)


def test_nothing_may_be_set_to_outlive_the_row_that_it_stands_in() -> None:
    assert PER_LEBENSLAGE["auftrag_months"][3] <= DEFAULTS[Term.TRACE].months


def test_the_page_is_current() -> None:
    kept = Path(__file__).parents[2] / "docs" / "retention.md"
    assert kept.read_text() == page(Terms()), "proaktiv retention table > docs/retention.md"


def test_a_lebenslage_with_a_period_of_its_own_stands_in_the_line_of_each_rule_that_heeds_it() -> None:
    today = date(2030, 5, 1)
    for rule in RULES:
        changed = Terms(lebenslagen={"umzug": {rule.term: Period(days=7)}})
        heeds = str(due(rule, Over(changed, today)).where) != str(due(rule, Over(Terms(), today)).where)
        if rule.purpose == "fakten":  # they go with their proposal or Auftrag, whose lines say when
            assert not rule.own(changed)
        else:
            assert (rule.period(changed).endswith("; umzug: 7 Tage"), bool(rule.own(changed))) == (heeds, heeds), rule


def test_the_page_of_an_installation_says_its_own_periods() -> None:
    said = page(Terms.read({"umzug": {"auftrag_months": 12}}))
    assert "| letzte Bewegung des Auftrags | 2 Jahre; umzug: 1 Jahr |" in said
    assert "| letzte Bewegung des Briefs | 2 Jahre |" in said, "letters know no Lebenslage"
