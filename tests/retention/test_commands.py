"""``proaktiv retention`` as the operator types it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import typer
from typer.testing import CliRunner, Result

from proaktiv.core.calendar import berlin_date
from proaktiv.core.retention import page
from proaktiv.core.terms import Terms
from proaktiv.pipeline import Pipeline
from proaktiv.retention import make_app
from tests.retention.test_lives import a_life
from tests.world import World


def run(world: World, *arguments: str) -> Result:
    @contextmanager
    def opening() -> Iterator[Pipeline]:
        yield world.pipeline

    app: typer.Typer = make_app(opening, lambda: world.pipeline.terms)
    return CliRunner().invoke(app, list(arguments))


def test_the_dry_run_of_a_later_day_says_what_the_run_of_that_day_deletes(world: World) -> None:
    a_life(world)
    later = world.now + timedelta(days=3000)
    shown = json.loads(run(world, "run", "--dry-run", "--json", "--on", berlin_date(later).isoformat()).stdout)
    assert shown["written"] is False
    assert run(world, "run", "--dry-run").stdout.endswith("to write under.\n")
    world.now = later
    deleted = json.loads(run(world, "run", "--json").stdout)["deleted"]
    # What lapses only with time is open in a preview: it says what is over by then of what there is now.
    assert {each["rule"]: each["n"] for each in shown["due"] if each["n"]}.items() <= deleted.items()
    assert "0 rows" in run(world, "run").stdout


def test_a_hold_is_placed_listed_and_released(world: World) -> None:
    _, auftrag = a_life(world)
    placed = run(world, "hold", "--auftrag", str(auftrag), "--reason", "12 K 34/27", "--by", "dsb-1")
    assert placed.exit_code == 0, placed.output
    hold = placed.stdout.split()[1].rstrip(".")
    assert f"held: {hold}  auftrag {auftrag}  12 K 34/27  by dsb-1" in run(world, "run", "--dry-run").stdout
    assert run(world, "release", hold, "--reason", "12 K 34/27", "--by", "dsb-1").exit_code == 0
    assert "held:" not in run(world, "run", "--dry-run").stdout


def test_a_real_run_is_always_todays(world: World) -> None:
    refused = run(world, "run", "--on", "2030-01-01")
    assert refused.exit_code == 2
    assert "--dry-run" in refused.output


def test_the_table_is_printed(world: World) -> None:
    assert run(world, "table").stdout == page(Terms())


def test_what_the_setting_changes_is_printed_as_it_counts(world: World) -> None:
    a_life(world)
    terms = Terms.read({"geburt": {"ended_days": 7}})
    world.pipeline = replace(world.pipeline, terms=terms)
    later = berlin_date(world.now + timedelta(days=8)).isoformat()
    shown = json.loads(run(world, "run", "--dry-run", "--json", "--on", later).stdout)["due"]
    (ended,) = [each for each in shown if each["rule"] == "proposal_ended"]
    assert (ended["n"], ended["period"], ended["lebenslagen"]) == (1, "30 Tage", {"geburt": "7 Tage"})
    assert "geburt: 7 Tage" in run(world, "table").stdout
