"""What a register may send, as JSON Schema (draft 2020-12), made from the readers that check it.

A schema is as strict as the intake where a schema can say it; the rest is in ``LIMITS``, in words. Special categories
are missing on purpose: the intake drops them, so nobody should send them. Pure.
"""

from collections.abc import Mapping
from typing import Any

from proaktiv.core.cloudevents import LONGEST, TIME, URI
from proaktiv.core.events import QUIET_BIRTH, SHAPES, EventKind

DRAFT = "https://json-schema.org/draft/2020-12/schema"

LIMITS = (
    "`time` lies at most five minutes in the future; no date lies after the day of `time` (Berlin), none before 1890.",
    "Within one event each `kennung` stands once, and each `rolle` once; parents are born before the child.",
    "Texts are printable and in normal form NFC; a key stands once in its object; numbers are whole.",
    "`source`, areas (`ars`) and kinds are those agreed for your client.",
    "An event is at most 1 MiB, a batch at most 100 events and 1 MiB; nesting is at most 16 deep.",
)
"""What a schema cannot say."""


def data_schema(kind: EventKind) -> Mapping[str, Any]:
    """Return the schema of an event's ``data``."""
    if kind is not EventKind.GEBURT:
        return SHAPES[kind].schema
    quiet = [{"properties": {name: {"const": True}}, "required": [name]} for name in ("totgeboren", "vertraulich")]
    return {
        "type": "object",
        "if": {"properties": {"schutz": {"type": "object", "anyOf": quiet}}, "required": ["schutz"]},
        "then": QUIET_BIRTH.schema,
        "else": SHAPES[kind].schema,
    }


def event_schema(kind: EventKind) -> dict[str, Any]:
    """Return the schema of a whole CloudEvent of one kind."""

    def attribute(name: str, **more: Any) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": LONGEST[name], **more}

    uri = f"^{URI.pattern}$"
    return {
        "$schema": DRAFT,
        "title": kind.type,
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": attribute("id"),
            "source": attribute("source", pattern=uri),
            "type": {"const": kind.type},
            "time": {"type": "string", "format": "date-time", "pattern": f"^{TIME.pattern}$"},
            "subject": attribute("subject"),
            "datacontenttype": {"const": "application/json"},
            "dataschema": attribute("dataschema", pattern=uri),
            "data": data_schema(kind),
        },
        "additionalProperties": False,
    }
