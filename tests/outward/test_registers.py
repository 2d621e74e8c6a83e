"""A register's answer is hostile input; a Behörde's is hardly read at all."""

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.model import Clearance
from proaktiv.core.errors import AlreadyDone, OutcomeUnknown, Temporary
from proaktiv.core.trust import Trust
from proaktiv.dispatchers.model import Auftrag
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.egress import Deadline, Declined, Egress
from proaktiv.registers.http import HttpRegister
from proaktiv.registers.model import BadAnswer, PersonNotThere, Question, read_answer
from tests.outward.servers import Behave, answers, serving

NAMES = ("kind.im_haushalt", "person.hund_marke")
QUESTION = Question("MELDEREGISTER", {"kennung": "MR-1"}, NAMES)
CLEARED = Clearance(UUID(int=1), "wire-1", datetime(2026, 10, 14, tzinfo=UTC))


def answer(**changes: Any) -> bytes:
    return json.dumps({"facts": {"kind.im_haushalt": True}, "as_of": "2026-10-13"} | changes).encode()


def test_what_was_asked_is_taken_with_its_day() -> None:
    got = read_answer(answer(), NAMES)
    assert (got.facts, got.as_of, got.unasked) == ({"kind.im_haushalt": True}, date(2026, 10, 13), 0)


def test_what_was_not_asked_is_dropped_and_counted() -> None:
    got = read_answer(answer(facts={"kind.im_haushalt": False, "person.religion": "x", "person.konto": "y"}), NAMES)
    assert got.facts == {"kind.im_haushalt": False}
    assert got.unasked == 2


def test_a_flat_object_of_texts_is_a_value() -> None:
    address = {"strasse": "Erfundene Gasse 3", "plz": "00001", "ort": "Musterstadt"}
    assert read_answer(answer(facts={"anschrift": address}), ("anschrift",)).facts == {"anschrift": address}


def test_text_is_kept_in_one_form() -> None:
    assert read_answer(answer(facts={"kind.im_haushalt": "Mu\u0308ller"}), NAMES).facts == {
        "kind.im_haushalt": "Müller"
    }


BAD = {
    "nothing": b"",
    "no JSON": b"<html>",
    "not UTF-8": b'{"facts": {}, "as_of": "\xff"}',
    "a list": b"[]",
    "no facts": b'{"as_of": "2026-10-13"}',
    "one member too many": answer(more=1),
    "facts are a list": answer(facts=[]),
    "no day": answer(as_of="yesterday"),
    "a day with a time": answer(as_of="2026-10-13T00:00:00"),
    "a day that is none": answer(as_of="2026-02-30"),
    "a day of another form": answer(as_of="2026-W42-1"),
    "a day that is a number": answer(as_of=20261013),
    "a name twice": b'{"facts": {"kind.im_haushalt": true, "kind.im_haushalt": false}, "as_of": "2026-10-13"}',
    "a fraction": b'{"facts": {"kind.im_haushalt": 1.5}, "as_of": "2026-10-13"}',
    "no number": b'{"facts": {"kind.im_haushalt": NaN}, "as_of": "2026-10-13"}',
    "a huge number": answer(facts={"kind.im_haushalt": 1 << 60}),
    "a list as value": answer(facts={"kind.im_haushalt": [True]}),
    "null as value": answer(facts={"kind.im_haushalt": None}),
    "an object in an object": answer(facts={"kind.im_haushalt": {"a": {"b": "c"}}}),
    "an object too wide": answer(facts={"kind.im_haushalt": {str(n): "x" for n in range(13)}}),
    "long text": answer(facts={"kind.im_haushalt": "x" * 501}),
    "a line break": answer(facts={"kind.im_haushalt": "a\nb"}),
    "a NUL": answer(facts={"kind.im_haushalt": "a\x00b"}),
    "text that runs backward": answer(facts={"kind.im_haushalt": "a\u202eb"}),
    "half a character": answer(facts={"kind.im_haushalt": "\ud800"}),
    "nobody, and somebody": answer(found=False),
    "nobody by a number": b'{"found": 0}',
    "somebody without facts": b'{"found": true}',
    "depth": b'{"facts": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_an_answer_of_another_form_is_no_answer(name: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(BAD[name], NAMES)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_no_json_raises_anything_else(value: Any) -> None:
    for body in (value, {"facts": value, "as_of": "2026-10-13"}, {"facts": {NAMES[0]: value}, "as_of": "2026-10-13"}):
        try:
            read_answer(json.dumps(body).encode(), NAMES)
        except BadAnswer as error:
            assert len(str(error)) < 100  # noqa: PT017 - what came is never in the message


def ask(behave: Behave, question: Question = QUESTION) -> tuple[Any, bytes]:
    with serving(behave) as server:
        register = HttpRegister(
            "MELDEREGISTER", f"http://{server.host}/", Egress(frozenset({server.host}), loopback=True)
        )
        got = register.fetch(question, CLEARED, Deadline(5, time.monotonic))
        return got, server.heard[0]


def test_a_register_is_asked_with_the_person_in_the_body_alone() -> None:
    got, heard = ask(answers(200, answer()))
    head, _, body = heard.partition(b"\r\n\r\n")
    assert got.facts == {"kind.im_haushalt": True}
    assert head.startswith(b"POST /nachschlagen HTTP/1.1")
    assert b"MR-1" not in head
    assert json.loads(body) == {
        "wire_id": "wire-1",
        "register": "MELDEREGISTER",
        "person": {"kennung": "MR-1"},
        "names": list(NAMES),
    }
    _, heard = ask(answers(200, answer()), replace(QUESTION, child="MR-2"))
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["child"] == {"kennung": "MR-2"}


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (answers(200, b'{"found": false}'), PersonNotThere),
        (answers(404), BadAnswer),
        (answers(404, b'{"found": false}'), BadAnswer),
        (answers(410), BadAnswer),
        (answers(403), Declined),
        (answers(503), Temporary),
        (answers(500), OutcomeUnknown),
        (answers(200, b"hello"), BadAnswer),
    ],
)
def test_each_bad_end_of_a_question_has_its_error(behave: Behave, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        ask(behave)
    assert type(caught.value) is error


ORDER = Auftrag(
    reference="A-1",
    leistung="KITA-PLATZ",
    confirmed_at=datetime(2026, 10, 14, 9, tzinfo=UTC),
    trust=Trust.V1,
    sperrvermerk=True,
    felder=({"ziel": "vorname", "wert": "Mia", "quelle": "Standesamt", "stand": "2026-10-06"},),
)


def send(behave: Behave) -> bytes:
    with serving(behave) as server:
        webhook = Webhook(Egress(frozenset({server.host}), loopback=True))
        try:
            webhook.send(ORDER, f"{server.url}/eingang", CLEARED, Deadline(5, time.monotonic))
        finally:
            heard = server.heard[0]
        return heard


def test_an_auftrag_is_handed_over_with_its_wire_id_as_key() -> None:
    head, _, body = send(answers(202, b"")).partition(b"\r\n\r\n")
    assert b"Idempotency-Key: wire-1" in head
    assert json.loads(body) == {
        "wire_id": "wire-1",
        "reference": "A-1",
        "leistung": "KITA-PLATZ",
        "confirmed_at": "2026-10-14T09:00:00+00:00",
        "trust": 1,
        "sperrvermerk": True,
        "felder": [{"ziel": "vorname", "wert": "Mia", "quelle": "Standesamt", "stand": "2026-10-06"}],
        "unterschriften": [],
        "nachzureichen": [],
    }


def test_a_repeat_is_already_done() -> None:
    with pytest.raises(AlreadyDone):
        send(answers(200, b'{"duplicate": true}'))


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"duplicate": false}', b"[" * 50_000])
def test_any_other_answer_that_says_yes_is_a_yes(body: bytes) -> None:
    send(answers(200, body))


@pytest.mark.parametrize(
    ("status", "error"), [(400, Declined), (409, Declined), (429, Temporary), (504, OutcomeUnknown)]
)
def test_each_bad_end_of_a_hand_over_has_its_error(status: int, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        send(answers(status))
    assert type(caught.value) is error
