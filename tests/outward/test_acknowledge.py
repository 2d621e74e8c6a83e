"""Acknowledge: only its own Behörde, each message once, never backward."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.flows import Kind
from proaktiv.steps import acknowledge, dispatch
from proaktiv.steps.acknowledge import Acknowledgement, ChangedMessage, ForeignSender
from proaktiv.tables import AcknowledgementRow, AuftragRow, HandoverRow
from tests.outward.building import BEHOERDE, NOW, FakeDispatcher, Left, Town


@pytest.fixture
def intake(town: Town, urls: dict[str, str]) -> Iterator[Town]:
    """The same house as the internet-facing intake sees it: no key that opens anything."""
    built = Town(urls, surface="intake", seed=town.seed)
    yield built
    built.close()


def sent(town: Town) -> UUID:
    auftrag = town.auftrag(town.person())
    with town.database.transaction() as session:
        (item,) = dispatch.announce(session, town.house, {"webhook": FakeDispatcher()}, NOW, 5)
    with town.database.transaction() as session:
        done = dispatch.hand_over(item, {"webhook": FakeDispatcher()}, Left())
        dispatch.record(session, town.house, [done], NOW)
    return auftrag


def a_message(auftrag: UUID, status: str = "acknowledged", message_id: str = "m-1", **changes: Any) -> Acknowledgement:
    return replace(Acknowledgement(BEHOERDE, str(auftrag), message_id, status, ""), **changes)


def accept(town: Town, message: Acknowledgement) -> UUID:
    with town.database.transaction() as session:
        return acknowledge.accept(session, town.house, message, acknowledge.content_mac(town.vault, message), NOW)


def state(town: Town, auftrag: UUID) -> str:
    return str(town.row(AuftragRow, auftrag).state)


@pytest.mark.parametrize("status", ["acknowledged", "question", "decided", "rejected"])
def test_a_message_moves_its_auftrag_and_is_logged(town: Town, intake: Town, status: str) -> None:
    auftrag = sent(town)
    row = accept(intake, a_message(auftrag, status))
    assert state(town, auftrag) == status
    kept = town.row(AcknowledgementRow, row)
    assert (kept.status, kept.text, kept.signed) == (status, None, True)
    (flow,) = town.flows(Kind.RECEIVED)
    said = json.loads(flow.f_bytes)
    assert (said["from"], said["outcome"], said["purpose"]) == (BEHOERDE, status, "geburt")
    assert kept.flow_id == flow.fid


def test_a_text_is_readable_by_the_worker_alone(town: Town, intake: Town) -> None:
    row = accept(intake, a_message(sent(town), "question", text="Bitte reichen Sie das Formular nach."))
    sealed = town.row(AcknowledgementRow, row).text
    assert b"Formular" not in sealed
    assert intake.vault.holds == frozenset()


def test_the_worker_names_the_person_in_the_sealed_part(town: Town) -> None:
    accept(town, a_message(sent(town)))
    assert len(town.flows(Kind.RECEIVED)) == 1


def test_the_same_message_again_changes_nothing(town: Town, intake: Town) -> None:
    auftrag = sent(town)
    message = a_message(auftrag)
    first = accept(intake, message)
    assert accept(intake, message) == first
    assert len(town.rows(AcknowledgementRow)) == len(town.flows(Kind.RECEIVED)) == 1


def test_twenty_at_once_are_one(town: Town, intake: Town) -> None:
    message = a_message(sent(town))
    gate, rows, errors = threading.Barrier(8), [], []

    def post() -> None:
        gate.wait()
        try:
            rows.extend(accept(intake, message) for _ in range(3))
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(rows) == 24
    assert len(set(rows)) == len(town.rows(AcknowledgementRow)) == 1


def test_the_same_id_with_other_content_is_refused_and_told_to_the_dsb(town: Town, intake: Town) -> None:
    auftrag = sent(town)
    accept(intake, a_message(auftrag))
    with pytest.raises(ChangedMessage) as caught:
        accept(intake, a_message(auftrag, "rejected"))
    assert isinstance(caught.value, Conflict)
    assert state(town, auftrag) == "acknowledged"
    with intake.database.transaction() as session:
        acknowledge.report(session, intake.house, caught.value, NOW)
    assert town.incidents() == ["acknowledgement.changed"]
    assert len(town.flows(Kind.INCIDENT)) == 1


def test_the_same_id_about_another_auftrag_is_refused(town: Town, intake: Town) -> None:
    first, second = sent(town), sent(town)
    accept(intake, a_message(first))
    with pytest.raises(ChangedMessage):
        accept(intake, a_message(second))
    assert state(town, second) == "sent"


def test_another_behoerde_may_not_speak_about_it(town: Town, intake: Town) -> None:
    auftrag = sent(town)
    with pytest.raises(ForeignSender) as caught:
        accept(intake, a_message(auftrag, behoerde="far"))
    assert isinstance(caught.value, NotAllowed)
    assert state(town, auftrag) == "sent"
    assert town.rows(AcknowledgementRow) == []
    with intake.database.transaction() as session:
        acknowledge.report(session, intake.house, caught.value, NOW)
    assert town.incidents() == ["acknowledgement.foreign_sender"]


def test_a_wire_id_that_nobody_was_handed_is_not_found(town: Town, intake: Town) -> None:
    with pytest.raises(NotFound):
        accept(intake, a_message(town.ids.secret()))


@pytest.mark.parametrize(
    ("statuses", "ends"),
    [
        (["acknowledged", "question", "decided"], "decided"),
        (["acknowledged", "acknowledged"], "acknowledged"),
        (["decided", "acknowledged"], "decided"),
        (["rejected", "question"], "rejected"),
        (["decided", "rejected"], "decided"),
        (["question", "acknowledged"], "acknowledged"),
    ],
)
def test_what_is_over_stays_over(town: Town, intake: Town, statuses: list[str], ends: str) -> None:
    auftrag = sent(town)
    for number, status in enumerate(statuses):
        accept(intake, a_message(auftrag, status, f"m-{number}"))
    assert state(town, auftrag) == ends
    assert len(town.rows(AcknowledgementRow)) == len(statuses)


@pytest.mark.parametrize("before", ["announced", "ready", "in_doubt", "sent"])
@pytest.mark.parametrize("status", ["acknowledged", "decided"])
def test_a_message_proves_the_arrival_of_what_we_did_not_know(
    town: Town, intake: Town, before: str, status: str
) -> None:
    auftrag = sent(town)
    town.change(AuftragRow, auftrag, state=before, due_at=NOW)
    accept(intake, a_message(auftrag, status))
    row = town.row(AuftragRow, auftrag)
    assert (row.state, row.due_at) == (status, None)


def test_an_acknowledgement_that_overtakes_the_record_is_kept_by_it(town: Town, intake: Town) -> None:
    auftrag = town.auftrag(town.person())
    with town.database.transaction() as session:
        (item,) = dispatch.announce(session, town.house, {"webhook": FakeDispatcher()}, NOW, 5)
    accept(intake, a_message(auftrag))
    with town.database.transaction() as session:
        done = dispatch.hand_over(item, {"webhook": FakeDispatcher()}, Left())
        dispatch.record(session, town.house, [done], NOW)
    assert state(town, auftrag) == "acknowledged"
    assert [row.state for row in town.rows(HandoverRow)] == ["sent"]


def test_a_message_about_a_withdrawn_auftrag_calls_a_clerk(town: Town, intake: Town) -> None:
    auftrag = sent(town)
    town.change(AuftragRow, auftrag, state="withdrawn")
    accept(intake, a_message(auftrag))
    assert state(town, auftrag) == "withdrawn"
    assert town.tasks() == ["auftrag.recall_by_hand"]


@pytest.mark.parametrize("status", ["question", "rejected"])
def test_what_a_behoerde_asks_or_turns_down_is_to_be_told_once(town: Town, intake: Town, status: str) -> None:
    """Without a letter the person reads it on a page that nothing tells them to open (tests/journeys/test_news)."""
    auftrag = sent(town)
    accept(intake, a_message(auftrag, "acknowledged"))
    assert town.row(AuftragRow, auftrag).due_at is None
    accept(intake, a_message(auftrag, status, "m-8"))
    assert town.row(AuftragRow, auftrag).due_at == NOW
    town.change(AuftragRow, auftrag, due_at=None)
    for number in ("m-8", "m-9"):
        accept(intake, a_message(auftrag, status, number))
    assert town.row(AuftragRow, auftrag).due_at is None, "the same again tells nothing new"
    assert town.tasks() == []


GOOD = {"behoerde": BEHOERDE, "wire_id": "w", "message_id": "m", "status": "acknowledged", "text": "", "iat": 1}


def test_a_payload_is_read() -> None:
    assert acknowledge.read(json.dumps(GOOD).encode()) == Acknowledgement(BEHOERDE, "w", "m", "acknowledged", "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "sent"}, "/status"),
        ({"status": None}, "/status"),
        ({"wire_id": ""}, "/wire_id"),
        ({"wire_id": 7}, "/wire_id"),
        ({"message_id": "m" * 65}, "/message_id"),
        ({"behoerde": ["x"]}, "/behoerde"),
        ({"text": "x" * 2001}, "/text"),
        ({"text": "a\x00b"}, "/text"),
        ({"text": "a\x1b[2Jb"}, "/text"),
        ({"text": "a\x85b"}, "/text"),
        ({"text": "Frist: \u202e4202.21.13"}, "/text"),
        ({"text": "\u2066a\u2069"}, "/text"),
        ({"text": "\ud800"}, "/text"),
        ({"message_id": "m\n"}, "/message_id"),
        ({"wire_id": "\udfff"}, "/wire_id"),
        ({"text": None}, "/text"),
    ],
)
def test_a_payload_of_another_form_names_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as caught:
        acknowledge.read(json.dumps(GOOD | changes).encode())
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["Bitte:\r\n\t1. Formular", "לְאַנָּה\u200f", "می\u200cخواهم", "👩\u200d🍼", "Ø"])
def test_a_text_may_have_lines_and_be_of_any_script(town: Town, intake: Town, text: str) -> None:
    accept(intake, a_message(sent(town), "question", text=text))
    assert acknowledge.read(json.dumps(GOOD | {"text": text}).encode()).text == text


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b"\xff", b"7", b"[" * 100_000])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(BadInput):
        acknowledge.read(payload)
