"""The envelope: what is refused, with which pointer and remedy; what is taken, as a peer takes it."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from proaktiv.core import events
from proaktiv.core.cloudevents import MAX_BYTES, MAX_DEPTH, parse
from proaktiv.core.errors import BadInput
from tests.builders import Event, a_birth, a_cancellation, a_death, a_move, a_protection, somebody

NOW = datetime(2026, 10, 14, 9, tzinfo=UTC)


def a_body(**attributes: Any) -> bytes:
    event = json.loads(a_birth(somebody()).body) | attributes
    return json.dumps({name: value for name, value in event.items() if value is not ...}).encode()


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def written(old: str, new: str) -> bytes:
    """The body of a birth with one piece of its text replaced."""
    body = a_body().decode()
    assert old in body
    return body.replace(old, new, 1).encode()


REFUSED = {
    "a byte order mark": (b"\xef\xbb\xbf" + a_body(), "", "without a byte order mark"),
    "another encoding": (a_body().decode().encode("utf-16"), "", "UTF-8"),
    "half a character": (a_body()[:-1] + b"\xc3", "", "UTF-8"),
    "more than 1 MiB": (a_body() + b" " * MAX_BYTES, "", "1048576 bytes"),
    "nothing": (b"", "", "JSON"),
    "no JSON": (b"{'id': 1}", "", "JSON"),
    "something behind it": (a_body() + b"{}", "", "JSON"),
    "a batch": (b"[" + a_body() + b"]", "", "one JSON object"),
    "a text": (b'"event"', "", "one JSON object"),
    "a raw control character": (written('"Mia"', '"Mi\na"'), "", "JSON"),
    "endless nesting": (b"[" * 200_000, "", "nested at most 16"),
    "nesting of 17": (a_body(data={"kind": nested(MAX_DEPTH)}), "/data/kind" + "/0" * 14, "nested at most 16"),
    "an attribute twice": (written('"specversion"', '"id": "x", "specversion"'), "/id", "stand once"),
    "a key twice, deep inside": (written('"lebt": true', '"lebt": false, "lebt": true'), "/data/kind/lebt", "once"),
    "a key twice under a name that might be personal": (
        written('"lebt": true', '"Eva M": 1, "Eva M": 2, "lebt": true'),
        "/data/kind",
        "once",
    ),
    "NaN": (written('"fassung": 1', '"fassung": NaN'), "/data/fassung", "whole number"),
    "Infinity": (written('"fassung": 1', '"fassung": -Infinity'), "/data/fassung", "whole number"),
    "a fraction": (written('"fassung": 1', '"fassung": 1.0'), "/data/fassung", "no fractions"),
    "an exponent": (written('"fassung": 1', '"fassung": 1e0'), "/data/fassung", "no exponents"),
    "an integer beyond 2^53": (written('"fassung": 1', '"fassung": 9007199254740992'), "/data/fassung", "2^53"),
    "an integer of 5,000 digits": (written('"fassung": 1', '"fassung": 1' + "0" * 5000), "/data/fassung", "2^53"),
    "NUL in a name": (a_body(data={"ort": "Muster\0stadt"}), "/data/ort", "NUL"),
    "NUL in a key": (a_body(data={"o\0rt": "Musterstadt"}), "/data", "NUL"),
    "half a surrogate pair": (written('"Mia"', '"\\ud83d"'), "/data/kind/vornamen", "surrogate"),
    "no specversion": (a_body(specversion=...), "/specversion", "missing"),
    "no id": (a_body(id=...), "/id", "missing"),
    "no source": (a_body(source=...), "/source", "missing"),
    "no type": (a_body(type=...), "/type", "missing"),
    "no time": (a_body(time=...), "/time", "missing"),
    "an empty id": (a_body(id=""), "/id", "missing or empty"),
    "an id that is null": (a_body(id=None), "/id", "missing or empty"),
    "an id that is a number": (a_body(id=7), "/id", "must be a text"),
    "an id that is a list": (a_body(id=["7"]), "/id", "must be a text"),
    "another specversion": (a_body(specversion="0.3"), "/specversion", '"1.0"'),
    "an id of 129 characters": (a_body(id="i" * 129), "/id", "1 to 128"),
    "a source of 257 characters": (a_body(source="urn:" + "s" * 253), "/source", "1 to 256"),
    "a source with a blank": (a_body(source="urn:a b"), "/source", "URI"),
    "a source with an umlaut": (a_body(source="urn:behörde"), "/source", "URI"),
    "a line break in the id": (a_body(id="a\nb"), "/id", "printable"),
    "a delete in the id": (a_body(id="a\x7fb"), "/id", "printable"),
    "a bidi override in the id": (a_body(id="a\u202eb"), "/id", "printable"),
    "an invisible blank in the id": (a_body(id="a\u200bb"), "/id", "printable"),
    "a bidi isolate in the subject": (a_body(subject="a\u2066b"), "/subject", "printable"),
    "an id that is not composed": (a_body(id="u\u0308"), "/id", "NFC"),
    "time without zone": (a_body(time="2026-10-14T08:00:00"), "/time", "with zone"),
    "time as a number": (a_body(time=1_790_000_000), "/time", "with zone"),
    "time of a day alone": (a_body(time="2026-10-14"), "/time", "with zone"),
    "time of the week calendar": (a_body(time="2026-W42-3T08:00:00Z"), "/time", "with zone"),
    "the 30th of February": (a_body(time="2026-02-30T08:00:00Z"), "/time", "exists"),
    "an offset of 99 hours": (a_body(time="2026-10-14T08:00:00+99:00"), "/time", "exists"),
    "a time before time": (a_body(time="0001-01-01T00:00:00+14:00"), "/time", "exists"),
    "binary data": (a_body(data_base64="AAAA"), "/data_base64", "left out"),
    "an extension": (a_body(traceparent="00-1"), "/traceparent", "known are"),
    "an extension that is an object": (a_body(trace={"a": 1}), "/trace", "never an object"),
    "an extension under a name that might be personal": (a_body(**{"Eva M": "x"}), "", "known are"),
    "XML inside": (a_body(datacontenttype="application/xml"), "/datacontenttype", "application/json"),
    "JSON with a parameter": (a_body(datacontenttype="application/json; a=b"), "/datacontenttype", "application/json"),
    "a content type that is null": (a_body(datacontenttype=None), "/datacontenttype", "application/json"),
    "no data": (a_body(data=...), "/data", "must be an object"),
    "data that is null": (a_body(data=None), "/data", "must be an object"),
    "data that is a text": (a_body(data="{}"), "/data", "must be an object"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_a_strict_event_is_refused_with_place_and_remedy(case: str) -> None:
    body, field, remedy = REFUSED[case]
    with pytest.raises(BadInput) as refused:
        parse(body)
    assert refused.value.field == field
    assert remedy in refused.value.message
    assert "Eva" not in str(refused.value)


VALID = {
    "a birth": a_birth(somebody()).body,
    "a move": a_move(somebody(), somebody()).body,
    "an offset": a_body(time="2026-10-14T10:00:00+02:00"),
    "microseconds": a_body(time="2026-10-14T08:00:00.123456Z"),
    "an id with umlauts": a_body(id="Vorgang-Ü-1"),
    "a subject and a schema": a_body(subject="p-1", dataschema="urn:proaktiv:schema:geburt:1"),
    "no content type": a_body(datacontenttype=...),
    "escapes": written('"Mia"', '"\\u004dia"'),
    "a deep nest": a_body(data={"kind": nested(MAX_DEPTH - 2)}),
}


@pytest.mark.parametrize("case", VALID)
def test_a_strict_event_reads_as_the_peer_reads_it(case: str) -> None:
    ours, peer = parse(VALID[case]), JSONFormat().read(None, VALID[case])
    assert (ours.id, ours.source, ours.type) == (peer.get_id(), peer.get_source(), peer.get_type())
    assert ours.time == peer.get_time()
    assert ours.data == peer.get_data()


def test_nanoseconds_are_read_to_the_microsecond() -> None:
    assert parse(a_body(time="2026-10-14T08:00:00.123456789Z")).time.microsecond == 123456


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def _reads_or_refuses(body: bytes) -> None:
    with suppress(BadInput):
        events.read(parse(body), NOW)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    _reads_or_refuses(body)


@given(json_values)
def test_any_json_is_read_or_refused_and_nothing_else(value: Any) -> None:
    _reads_or_refuses(json.dumps(value).encode())


TRUE_EVENTS = [
    a_birth(somebody(), other=somebody(), schutz={"sperre_51": ["x"]}, mehrlingsgruppe="MG-1"),
    a_move(somebody(), somebody(), schutz={"sperre_52": ["x"]}),
    a_death("MR-1"),
    a_cancellation(a_birth(somebody())),
    a_protection("MR-1", "51"),
]


@given(st.sampled_from(TRUE_EVENTS), st.data())
def test_a_true_event_with_anything_in_one_place_is_read_or_refused_and_nothing_else(report: Event, data: Any) -> None:
    event = json.loads(report.body)
    place: Any = event
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(json_values)
    _reads_or_refuses(json.dumps(event).encode())
