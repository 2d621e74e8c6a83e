"""The editor's schema: current, valid itself, true to every shipped file, and it refuses what check refuses."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.load import Mapping, Node, Scalar, load
from proaktiv.rulebook.schema import schema, schema_text

ROOT = rules_folder()
SCHEMA = schema(ROOT)
VALIDATOR = Draft202012Validator(SCHEMA)
FILES = sorted(
    path
    for pattern in ("*/lebenslage.yaml", "*/leistungen/*.yaml", "*/texte/*.yaml", "*/parameter.yaml")
    for path in ROOT.glob(pattern)
)


def plain(node: Node) -> Any:
    """Return nodes as an editor's YAML 1.2 sees them."""
    if isinstance(node, Scalar):
        if node.plain and re.fullmatch(r"-?(?:0|[1-9][0-9]*)", node.text):
            return int(node.text)
        return float(node.text) if node.plain and re.fullmatch(r"[0-9]+\.[0-9]+", node.text) else node.text
    if isinstance(node, Mapping):
        return {name: plain(inner) for name, inner in node.entries.items()}
    return [plain(item) for item in node.items]


def mistakes(data: Any) -> Iterator[str]:
    return (error.message for error in VALIDATOR.iter_errors(data))


def test_the_schema_in_the_rules_is_current() -> None:
    assert (ROOT / "_katalog" / "schema.json").read_text("utf-8") == schema_text(ROOT), "run: proaktiv rules schema"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(schema_text(ROOT)) == SCHEMA


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shipped_file_fits_the_schema(path: Path) -> None:
    assert list(mistakes(plain(load(path)))) == []


def a_leistung() -> Any:
    return plain(load(ROOT / "geburt/leistungen/elterngeld.yaml"))


@pytest.mark.parametrize(
    "condition",
    [
        {"das": "kind.lebtt", "ist": "ja", "norm": "§"},
        {"das": "kind.lebt", "ist": "vielleicht", "norm": "§"},
        {"das": "kind.lebt", "maximal": 3, "norm": "§"},
        {"das": "kind.lebt", "ist": "ja"},
        {"das": "kind.lebt", "bekannt": "ja", "norm": "§"},
        {"das": "elternteil.sorge", "einer_von": ["allein", "gemeinsm"], "norm": "§"},
        {"das": "paar.zve_vorjahr", "maximal": {"parameter": "einkommensgrenzen"}, "norm": "§"},
        {"das": "heute", "bis": {"monate": 3, "wochen": 1, "von": "kind.geburtsdatum"}, "norm": "§"},
        {"alle": []},
        {"alle": [{"das": "kind.lebt", "ist": "ja", "norm": "§"}], "eine": []},
    ],
)
def test_the_schema_refuses_a_condition_that_check_refuses(condition: Any) -> None:
    assert list(mistakes(a_leistung() | {"voraussetzungen": condition}))


def test_the_schema_refuses_a_part_that_the_kind_of_leistung_does_not_have() -> None:
    assert list(mistakes(a_leistung() | {"art": "hinweis"}))
    assert list(mistakes(a_leistung() | {"art": "gutschein"}))
    assert list(mistakes(a_leistung() | {"versant": "behoerde"}))
