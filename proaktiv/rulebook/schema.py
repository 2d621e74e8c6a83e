"""JSON Schema of the rule files, for editors: which words may stand where, and what each means.

Made from the same tables as the reader, so that an editor offers exactly the facts, codes, operators and parameters
that exist. It is a help while writing: ``rules check`` decides, and knows more.
In an editor: ``# yaml-language-server: $schema=../../_katalog/schema.json`` picks the file's part by its fields.
Source: rules.md §§ 6, 7.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from consent.model import Basis
from proaktiv.core.canonical import dumps
from proaktiv.core.conditions import NUMBERS, Op
from proaktiv.core.fristen import STEPS, FristTyp, Massgeblich
from proaktiv.core.plans import ART
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import folders
from proaktiv.rulebook.facts import Fakt, FaktTyp, Quelle
from proaktiv.rulebook.leistungen import (
    ALLOWED,
    FORMS,
    NEEDED,
    OHNE_ZWEITE,
    ROLES,
    SIGNERS,
    STATUS,
    TRUST,
    VERSAND,
)
from proaktiv.rulebook.parameters import TYPES, read_parameters
from proaktiv.rulebook.trees import FITTING

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "integer"]}
WHOLE: Schema = {"type": "integer"}
AMOUNT: Schema = {"type": "number", "description": "Euro, ohne Punkt zwischen Tausendern: 175000 oder 255.50"}
DAY: Schema = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "ein Tag wie 2026-10-31"}
YES: Schema = {"enum": ["ja", "nein"]}
SAYS: Mapping[Op, str] = {
    Op.IST: "genau dieser Wert",
    Op.EINER_VON: "einer aus der Liste",
    Op.MAXIMAL: "der genannte Wert gehört dazu",
    Op.MINDESTENS: "der genannte Wert gehört dazu",
    Op.WENIGER_ALS: "der genannte Wert gehört nicht dazu",
    Op.MEHR_ALS: "der genannte Wert gehört nicht dazu",
    Op.BIS: "der genannte Tag gehört dazu",
    Op.AB: "der genannte Tag gehört dazu",
}


def schema_text(root: Path) -> str:
    """Return the schema of the rules folder ``root`` as the file's text: the same rules give the same bytes."""
    return dumps(schema(root)).decode() + "\n"


def schema(root: Path) -> Schema:
    """Return the schema of the rules folder ``root``. Mistakes in its catalogue are left to ``rules check``."""
    catalogue = read_catalogue(root)
    parameter = dict.fromkeys(catalogue.parameter.by_name)
    for folder in folders(root):
        path = folder / "parameter.yaml"
        if path.exists():
            parameter |= dict.fromkeys(read_parameters(path, "", catalogue.fakten).by_name)
    definitions = _shared(catalogue, sorted(parameter)) | {
        "leistung": {"anyOf": [_leistung(art) for art in ART]},
        "lebenslage": _lebenslage(),
        "parameter": {"type": "object", "additionalProperties": _parameter(catalogue)},
        "texte": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": TEXT}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Regeldateien von proaktiv",
        "$defs": definitions,
        "if": {"required": ["leistung", "voraussetzungen"]},
        "then": _ref("leistung"),
        "else": {
            "if": {"required": ["lebenslage", "fluesse"]},
            "then": _ref("lebenslage"),
            "else": {"anyOf": [_ref("parameter"), _ref("texte")]},
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _record(needed: Iterable[str], parts: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": sorted(needed),
        "properties": dict(sorted(parts.items())),
    }


def _list(of: Schema, at_least: int = 0) -> Schema:
    return {"type": "array", "items": of} | ({"minItems": at_least} if at_least else {})


def _shared(catalogue: Catalogue, parameter: list[str]) -> dict[str, Schema]:
    fakten = catalogue.fakten
    dates = [name for name, fakt in fakten.items() if fakt.typ is FaktTyp.DATUM and fakt.quelle is not Quelle.UHR]
    steps = [
        _record(
            (step, "von"),
            {
                step: {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 999}, _ref("parameterwert")]},
                "von": {"anyOf": [{"enum": sorted(dates)}, _ref("rechnung")]},
            },
        )
        for step in STEPS
    ]
    named: Schema = {"enum": parameter} if parameter else {"not": {}}
    return {
        "parameterwert": _record(["parameter"], {"parameter": named}),
        "rechnung": {"anyOf": steps},
        "fakt": {"enum": sorted(fakten)},
        "stellenart": {"enum": sorted(catalogue.stellen)},
        "bedingung": {
            "anyOf": [
                _record(["alle"], {"alle": _list(_ref("bedingung"), 1)}),
                _record(["eine"], {"eine": _list(_ref("bedingung"), 1)}),
                _record(["nicht"], {"nicht": _ref("bedingung")}),
                *(
                    _comparison(names, fakt, op)
                    for names, fakt in _alike(fakten)
                    for op in Op
                    if op in FITTING[fakt.typ]
                ),
            ]
        },
    }


def _alike(fakten: Mapping[str, Fakt]) -> list[tuple[list[str], Fakt]]:
    """Return the facts in groups of one type and one list of codes."""
    groups: dict[tuple[str, tuple[str, ...]], tuple[list[str], Fakt]] = {}
    for name, fakt in sorted(fakten.items()):
        groups.setdefault((fakt.typ.value, fakt.codes), ([], fakt))[0].append(name)
    return list(groups.values())


def _comparison(names: list[str], fakt: Fakt, op: Op) -> Schema:
    value = _value(fakt)
    if op is Op.EINER_VON:
        operand = _list(value, 2)
    elif op in {Op.BIS, Op.AB}:
        operand = {"anyOf": [DAY, _ref("rechnung"), _ref("parameterwert")]}
    elif op in NUMBERS or op is Op.IST:
        operand = {"anyOf": [value, _ref("parameterwert")]}
    described = {**operand, "description": SAYS[op]}
    return _record(("das", "norm", op.value), {"das": {"enum": names}, "norm": TEXT, op.value: described})


def _value(fakt: Fakt) -> Schema:
    return {
        FaktTyp.JANEIN: YES,
        FaktTyp.ZAHL: WHOLE,
        FaktTyp.BETRAG: AMOUNT,
        FaktTyp.DATUM: DAY,
        FaktTyp.CODE: {"enum": list(fakt.codes)},
        FaktTyp.ARS: TEXT,
        FaktTyp.TEXT: TEXT,
    }[fakt.typ]


def _leistung(art: str) -> Schema:
    parts = {name: part for name, part in _parts().items() if name in {*NEEDED[art], *ALLOWED[art]}}
    parts["art"] = {"const": art}
    needed = {*NEEDED[art]} | (set() if art == ART[0] else {"art"})
    return _record(needed, parts)


def _parts() -> dict[str, Schema]:
    way: Schema = {"enum": list(VERSAND)}
    fristen = _record(
        ("name", "typ", "massgeblich"),
        {
            "name": TEXT,
            "typ": {"enum": [each.value for each in FristTyp]},
            "massgeblich": {"enum": [each.value for each in Massgeblich]},
            "ende": {"anyOf": [_ref("fakt"), _ref("rechnung")]},
            **dict.fromkeys(("verschiebung", "norm", "quelle", "folge"), TEXT),
        },
    )
    return {
        "leistung": {"type": "string", "pattern": "^[A-Z][A-Z0-9-]{1,47}$"},
        "name": TEXT,
        "version": {"type": "integer", "minimum": 1},
        "status": {"enum": list(STATUS)},
        "geprueft_bis": DAY,
        "je": {"enum": list(ROLES)},
        "gilt": _record(("schluessel", "ab"), {"schluessel": _ref("fakt"), "ab": DAY, "bis": DAY}),
        "voraussetzungen": _ref("bedingung"),
        "indikator": _ref("bedingung"),
        "zweite_entfaellt": _ref("bedingung"),
        "vorschlag": _record(["schluessel"], {"schluessel": _list(_ref("fakt"), 1), "gruppe": _list(_ref("fakt"))}),
        "stelle": _record(
            ("art", "nach"), {"art": _ref("stellenart"), "nach": _ref("fakt"), "fest": {"const": "erster_auftrag"}}
        ),
        "leika": _record(
            ("schluessel", "quelle", "geprueft_am"), {"schluessel": TEXT, "quelle": TEXT, "geprueft_am": DAY}
        ),
        "annahmen": _list(
            _record(
                ("das", "wert", "grund"), {"das": _ref("fakt"), "wert": TEXT, "grund": TEXT, "wenn": _ref("bedingung")}
            )
        ),
        "unterzeichner": _list({"enum": list(SIGNERS)}, 1),
        "ohne_zweite": {"enum": list(OHNE_ZWEITE)},
        "versand": {"anyOf": [way, _record((), dict.fromkeys(TRUST, way))]},
        "form": {"anyOf": [{"enum": list(FORMS)}, _list({"enum": list(FORMS)}, 1)]},
        "min_vertrauen": {"enum": list(TRUST)},
        "fristen": _list(fristen),
        "vorbelegung": _list(
            _record(("ziel", "aus", "aenderbar"), {"ziel": TEXT, "aus": _ref("fakt"), "aenderbar": YES})
        ),
        "nach": _list(TEXT),
        "schliesst_aus": _list(TEXT),
        "fassungen": _list({"type": "object", "required": ["ab"], "properties": {"ab": DAY, "entwurf": YES}}),
    }


def _lebenslage() -> Schema:
    texts = ("fluss", "zweck", "quelle", "empfaenger", "norm", "alternativer_weg", "uebermittlung")
    fluss = _record(
        (
            *(name for name in texts if name not in {"alternativer_weg", "uebermittlung"}),
            "felder",
            "grundlage",
            "norm_ab",
            "einwilligung",
            "hinweis",
        ),
        {
            **dict.fromkeys(texts, TEXT),
            "felder": _list(_ref("fakt"), 1),
            "grundlage": {"enum": [each.value for each in Basis]},
            "norm_ab": DAY,
            "norm_bis": DAY,
            "einwilligung": YES,
            "hinweis": _record(("de", "en"), {"de": TEXT, "en": TEXT}),
        },
    )
    parts = {"lebenslage": TEXT, "ereignisse": _list(TEXT), "status": {"enum": list(STATUS)}, "fluesse": _list(fluss)}
    return _record(parts, parts)


def _parameter(catalogue: Catalogue) -> Schema:
    value: Schema = {"type": ["string", "number", "integer"]}
    depends = {
        "type": "object",
        "required": ["je"],
        "properties": {"je": _ref("fakt")},
        "additionalProperties": value,
    }
    wert = _record(("ab", "wert", "fundstelle"), {"ab": DAY, "wert": {"anyOf": [value, depends]}, "fundstelle": TEXT})
    places = sorted(name for name, fakt in catalogue.fakten.items() if fakt.typ is FaktTyp.ARS)
    return _record(
        ("typ", "schluessel", "geprueft_bis"),
        {
            "typ": {"enum": [each.value for each in TYPES]},
            "schluessel": _ref("fakt"),
            "geprueft_bis": DAY,
            "einheit": TEXT,
            "codes": _list(TEXT, 1),
            "werte": _list(wert, 1),
            "je_ort": {"enum": places},
            "tabelle": {"type": "string", "pattern": r"\.csv$"},
            "spalte": TEXT,
        },
    )
