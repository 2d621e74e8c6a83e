"""What a register's vendor reads is what the intake does: pages, schemas and examples against the real parser."""

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from proaktiv.core import cloudevents, events
from proaktiv.core.errors import BadInput
from proaktiv.core.events import EventKind
from proaktiv.core.schemas import event_schema
from proaktiv.sources.commands import make_events_app
from proaktiv.sources.pages import MEANS, example, pages
from tests.builders import a_birth, a_cancellation, a_death, a_move, a_protection, somebody
from tests.world import START

DOCS = Path(__file__).parents[2] / "docs" / "events"
KINDS = list(EventKind)


def schema(kind: EventKind) -> Any:
    return jsonschema_rs.Draft202012Validator(json.loads(json.dumps(event_schema(kind))), validate_formats=True)


def taken(event: Mapping[str, Any]) -> bool:
    try:
        events.read(cloudevents.parse(json.dumps(event).encode()), START)
    except BadInput:
        return False
    return True


def test_the_pages_are_current() -> None:
    written = {path.name: path.read_text() for path in DOCS.iterdir()}
    assert written == dict(pages()), "run make events-docs"


def test_an_example_that_was_changed_leaves_the_next_one_as_it_was() -> None:
    example(EventKind.GEBURT)["data"]["eltern"][0]["kennung"] = "changed"
    assert example(EventKind.GEBURT)["data"]["eltern"][0]["kennung"] != "changed"


@pytest.mark.parametrize("kind", KINDS)
def test_each_example_is_taken_by_the_intake_and_by_its_schema(kind: EventKind) -> None:
    assert taken(example(kind))
    assert schema(kind).is_valid(example(kind))


@pytest.mark.parametrize(
    "event",
    [
        a_birth(somebody(), other=somebody("Ben"), mehrlingsgruppe="MG-1", schutz={"sperre_51": ["MR-1"]}),
        a_birth(somebody(), schutz={"totgeboren": True}),
        a_move(somebody(), somebody("Ben")),
        a_death("MR-1"),
        a_cancellation(a_birth(somebody())),
        a_protection("MR-1", "sorge"),
    ],
    ids=lambda event: event.kind,
)
def test_what_the_intake_takes_its_schema_takes(event: Any) -> None:
    sent = json.loads(event.body)
    assert taken(sent)
    assert schema(EventKind(event.kind)).is_valid(sent)


def test_a_quiet_birth_needs_no_people_and_a_birth_does() -> None:
    quiet = example(EventKind.GEBURT)
    del quiet["data"]["kind"], quiet["data"]["eltern"]
    assert not taken(quiet)
    assert not schema(EventKind.GEBURT).is_valid(quiet)
    quiet["data"]["schutz"] = {"vertraulich": True}
    assert taken(quiet)
    assert schema(EventKind.GEBURT).is_valid(quiet)


WRONG: Mapping[type, tuple[Any, ...]] = {
    str: (7, None, "", " x ", "x" * 2000, ["x"]),
    bool: ("true", 1, None),
    int: ("1", 0, -1, 1_000_001, None),
    list: ({}, None, "x"),
    dict: ([], None, "x"),
}


def mistakes(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every member left out, every leaf of another type or out of its range, something unknown in every object."""
    for path, value in places(event):
        parent, last = path[:-1], path[-1]
        for name, change in (
            ("left out", lambda at, key: at.pop(key)),
            *(
                (f"{wrong!r:.12}", lambda at, key, wrong=wrong: at.__setitem__(key, wrong))
                for wrong in WRONG[type(value)]
            ),
        ):
            if isinstance(last, int) and name == "left out":
                continue
            yield f"{'/'.join(map(str, path))} {name}", changed(event, parent, last, change)
        if isinstance(value, dict):
            yield (
                f"{'/'.join(map(str, path))} unknown",
                changed(event, path, "unbekannt", lambda at, key: at.update({key: 1})),
            )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if path:
        yield path, value
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        yield from places(item, (*path, key))


def changed(
    event: dict[str, Any], path: tuple[Any, ...], key: Any, change: Callable[[Any, Any], Any]
) -> dict[str, Any]:
    copy = deepcopy(event)
    at: Any = copy
    for step in path:
        at = at[step]
    change(at, key)
    return copy


@pytest.mark.parametrize("kind", KINDS)
def test_planted_mistakes_are_refused_by_schema_and_intake_alike(kind: EventKind) -> None:
    check = schema(kind)
    for name, wrong in mistakes(example(kind)):
        assert check.is_valid(wrong) == taken(wrong), name
    refused = [name for name, wrong in mistakes(example(kind)) if not check.is_valid(wrong)]
    assert len(refused) > 40


def test_special_categories_have_no_place_in_a_schema_and_are_dropped_by_the_intake() -> None:
    """The one place where the schema is stricter: nobody should send them."""
    loud = example(EventKind.GEBURT)
    loud["data"]["kind"]["religion"] = "x"
    assert taken(loud)
    assert not schema(EventKind.GEBURT).is_valid(loud)


def test_every_field_of_every_schema_is_explained() -> None:
    def fields(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value.get("properties", {})
            for inner in value.values():
                yield from fields(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from fields(inner)

    named = {field for kind in KINDS for field in fields(event_schema(kind)["properties"]["data"])}
    assert named == set(MEANS) | {"eintrag", "fassung"}


def test_a_file_is_checked_before_it_is_sent(tmp_path: Path) -> None:
    app, run = make_events_app(lambda: START), CliRunner()
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([example(kind) for kind in KINDS]))
    assert run.invoke(app, ["check", str(good)]).exit_code == 0
    wrong = example(EventKind.STERBEFALL)
    wrong["data"]["ars"] = "Musterstadt"
    bad.write_text(json.dumps([example(EventKind.UMZUG), wrong]))
    said = run.invoke(app, ["check", str(bad)])
    assert said.exit_code == 1
    assert said.output.splitlines() == [
        "event 0: ok",
        "event 1: /data/ars must be an ARS: a string of twelve digits",
    ]
    bad.write_text("{")
    said = run.invoke(app, ["check", str(bad)])
    assert (said.exit_code, said.output) == (1, "the file must be JSON (RFC 8259)\n")


def test_the_pages_can_be_written(tmp_path: Path) -> None:
    said = CliRunner().invoke(make_events_app(lambda: START), ["docs", str(tmp_path / "new")])
    assert said.exit_code == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {name for name, _ in pages()}
