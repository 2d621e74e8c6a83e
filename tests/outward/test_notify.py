"""Notify: one letter, to the address of now, with leave of now, and never a second one by mistake."""

import json
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from notifiers import model as channels
from notifiers.folder import FolderChannel
from proaktiv.core import codes
from proaktiv.core.flows import Kind
from proaktiv.core.outbound import BACKOFF, HOUSE_PAUSE
from proaktiv.core.windows import code_until
from proaktiv.locks import lock_keys
from proaktiv.steps import notify
from proaktiv.tables import (
    BundleRow,
    CodeRow,
    DeliveryRow,
    EnrolmentRow,
    ProposalRow,
    RegisterEventRow,
)
from tests.outward.building import NOW, PROPOSE, FakeChannel, Left, Town


def announce(town: Town, channel: FakeChannel | None = None, now: Any = NOW, limit: int = 50) -> list[notify.Posting]:
    with town.database.transaction() as session:
        return notify.announce(
            session, town.house, {"LETTER": channel or FakeChannel()}, now, limit, page="musterstadt.example"
        )


def record(town: Town, posted: list[notify.Posted], now: Any = NOW) -> None:
    with town.database.transaction() as session:
        notify.record(session, town.house, posted, now)


def run(town: Town, channel: Any, now: Any = NOW) -> None:
    record(town, [notify.hand_over(item, {"LETTER": channel}, Left()) for item in announce(town, channel, now)], now)


def only(rows: list[Any]) -> Any:
    (row,) = rows
    return row


def test_a_bundle_becomes_one_letter_with_a_code_that_proves(town: Town, tmp_path: Path) -> None:
    person = town.person(PROPOSE)
    bundle = town.bundle(person)
    run(town, FolderChannel(tmp_path))
    delivery = only(town.rows(DeliveryRow))
    assert (delivery.state, delivery.matter, delivery.purpose, delivery.run) == ("handed_over", bundle, "bundle", 1)
    text = (tmp_path / f"{delivery.wire_id}.txt").read_text()
    lines = text.splitlines()
    assert lines[:3] == ["Anna Beispiel-Probst", "Erfundene Gasse 3", "00001 Musterstadt"]
    code = codes.read(next(line for line in lines if line.startswith("Ihr Code: ")).removeprefix("Ihr Code: "))
    row = only(town.rows(CodeRow))
    assert row.code_mac == town.vault.code_mac(code)
    assert row.proof_mac == town.vault.proof_mac(code, date(1994, 3, 8))
    assert (row.purpose, row.bundle, row.enrolment, row.person) == ("bundle", bundle, None, person)
    assert row.expires_at == code_until(NOW) > NOW + timedelta(days=90)
    told = town.row(BundleRow, bundle)
    assert (told.messages, told.due_at) == (1, None)
    assert town.kinds() == ["authorised", "outcome"]
    assert announce(town) == []


def test_no_letter_names_its_matter(town: Town, tmp_path: Path) -> None:
    town.bundle(town.person(PROPOSE))
    town.found_enrolment()
    run(town, FolderChannel(tmp_path))
    for letter in tmp_path.glob("*.txt"):
        text = letter.read_text().lower()
        for word in ("geburt:", "kita", "urkunde", "kind", "jugendamt", "standesamt", "umzug", "hund"):
            assert word not in text


def test_every_named_place_is_passed(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    posted = [notify.hand_over(item, {"LETTER": FakeChannel()}, Left(), town.probed.append) for item in announce(town)]
    record(town, posted)
    assert [
        name for name in notify.PROBES if name not in ("notify.announce.after", "notify.record.after")
    ] == town.probed


def test_without_consent_no_letter_is_written(town: Town) -> None:
    bundle, channel = town.bundle(town.person()), FakeChannel()
    run(town, channel)
    assert channel.letters == {}
    assert town.rows(DeliveryRow) == []
    assert town.row(BundleRow, bundle).due_at is None
    assert town.kinds() == ["refused"]
    assert town.tasks() == []


@pytest.mark.parametrize(
    ("guard", "detail", "tasks"), [("V06", "51", []), ("V07", "52", ["bundle.protected"]), ("V08", "", [])]
)
def test_protection_and_death_write_no_letter(town: Town, guard: str, detail: str, tasks: list[str]) -> None:
    person = town.person(PROPOSE)
    town.bundle(person)
    town.stop(town.kennung_hash(person), guard, detail=detail)
    channel = FakeChannel()
    run(town, channel)
    assert (channel.letters, town.tasks()) == ({}, tasks)
    said = json.loads(only(town.flows(Kind.REFUSED)).f_bytes)
    assert (said["outcome"], said["purpose"], said["restrict"]) == ("schutz", "schutz", True)


def test_a_stop_on_the_entry_writes_no_letter(town: Town) -> None:
    event = town.event(state="admitted")
    town.bundle(town.person(PROPOSE), event=event)
    town.stop(town.entry(event), "V14", scope="entry")
    channel = FakeChannel()
    run(town, channel)
    assert channel.letters == {}
    assert town.kinds() == ["refused"]


@pytest.mark.parametrize(("stopped", "letters"), [("first", 1), ("second", 1), ("both", 0)])
def test_of_twins_the_one_who_is_not_stopped_is_told(town: Town, stopped: str, letters: int) -> None:
    person = town.person(PROPOSE)
    twins = {name: town.event(state="admitted", child=f"MR-{name}") for name in ("first", "second")}
    bundle = town.bundle(person, event=twins["first"])
    town.proposal(bundle, twins["second"], person)
    for name, event in twins.items():
        if stopped in (name, "both"):
            town.stop(town.entry(event), "V14", scope="entry")
    channel = FakeChannel()
    run(town, channel)
    assert len(channel.letters) == letters
    assert ("refused" in town.kinds()) is (letters == 0)


def test_a_stopped_twin_counts_once_nothing_else_is_open(town: Town) -> None:
    person = town.person(PROPOSE)
    alive, stopped = town.event(state="admitted", child="MR-1"), town.event(state="admitted", child="MR-2")
    bundle = town.bundle(person, event=alive, proposal="declined")
    town.proposal(bundle, stopped, person)
    town.stop(town.entry(stopped), "V14", scope="entry")
    channel = FakeChannel()
    run(town, channel)
    assert (channel.letters, town.kinds()) == ({}, ["refused"])


def test_while_the_case_of_one_twin_is_held_the_bundle_waits(town: Town) -> None:
    person = town.person(PROPOSE)
    first, second = town.event(state="admitted", child="MR-1"), town.event(state="admitted", child="MR-2")
    bundle = town.bundle(person, event=first)
    town.proposal(bundle, second, person)
    with town.database.transaction() as receiving:
        lock_keys(receiving, [town.vault.mac("case", second.bytes)])
        assert announce(town) == []
    assert town.row(BundleRow, bundle).due_at == NOW
    assert len(announce(town)) == 1


def test_what_the_house_itself_forbids_does_not_silence_a_bundle(town: Town) -> None:
    bundle, channel = town.bundle(town.person(PROPOSE)), FakeChannel()
    town.change(BundleRow, bundle, lebenslage="umzug")  # whose activity nobody released
    for hours in range(3):
        run(town, channel, NOW + hours * HOUSE_PAUSE)
        assert town.row(BundleRow, bundle).due_at == NOW + (hours + 1) * HOUSE_PAUSE
        assert announce(town, channel, NOW + hours * HOUSE_PAUSE) == []
    assert (channel.letters, town.tasks()) == ({}, ["bundle.house_refused"])
    town.change(BundleRow, bundle, lebenslage="geburt")
    run(town, channel, NOW + 3 * HOUSE_PAUSE)
    assert len(channel.letters) == 1


def test_a_letter_begun_that_the_house_itself_forbids_is_written_later(town: Town) -> None:
    bundle, channel = town.bundle(town.person(PROPOSE)), FakeChannel(error=channels.Temporary("printer"))
    run(town, channel)
    channel.error = None
    town.change(BundleRow, bundle, lebenslage="umzug")
    run(town, channel, NOW + BACKOFF[0])
    delivery = only(town.rows(DeliveryRow))
    assert (delivery.state, delivery.due_at) == ("announced", NOW + BACKOFF[0] + HOUSE_PAUSE)
    town.change(BundleRow, bundle, lebenslage="geburt")
    run(town, channel, NOW + BACKOFF[0] + HOUSE_PAUSE)
    assert only(town.rows(DeliveryRow)).state == "handed_over"
    assert len(channel.letters) == 1


def test_a_lost_letter_that_the_house_itself_forbids_stays_a_lost_one(town: Town) -> None:
    person = town.person(PROPOSE)
    bundle = town.bundle(person)
    announce(town)
    lost_at = NOW + timedelta(seconds=60)
    town.change(BundleRow, bundle, lebenslage="umzug")
    assert announce(town, now=lost_at) == announce(town, now=lost_at + timedelta(minutes=59)) == []
    assert only(town.rows(DeliveryRow)).state == "announced"
    assert town.tasks() == ["bundle.house_refused"]
    town.change(BundleRow, bundle, lebenslage="geburt")
    town.withdraws(person, PROPOSE)
    assert announce(town, now=lost_at + HOUSE_PAUSE) == []
    assert only(town.rows(DeliveryRow)).state == "in_doubt"


def test_what_the_house_itself_forbids_does_not_end_an_enrolment(town: Town) -> None:
    enrolment, channel = town.found_enrolment(), FakeChannel()
    before_the_norm = datetime(2019, 1, 1, tzinfo=UTC)
    town.change(EnrolmentRow, enrolment, due_at=before_the_norm)
    run(town, channel, before_the_norm)
    row = town.row(EnrolmentRow, enrolment)
    assert (row.state, row.due_at) == ("found", before_the_norm + HOUSE_PAUSE)
    assert town.tasks() == ["enrolment.house_refused"]
    run(town, channel)
    assert len(channel.letters) == 1


def test_one_odd_error_does_not_lose_the_results_of_the_others(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    town.bundle(town.person(PROPOSE))
    first, second = announce(town)
    odd = FakeChannel(error=ZeroDivisionError("Anna Beispiel"))
    with capture_logs() as lines:
        record(
            town,
            [
                notify.hand_over(first, {"LETTER": odd}, Left()),
                notify.hand_over(second, {"LETTER": FakeChannel()}, Left()),
            ],
        )
    assert town.row(DeliveryRow, second.delivery).state == "handed_over"
    row = town.row(DeliveryRow, first.delivery)
    assert (row.state, row.reason, row.due_at) == ("announced", "not_known", NOW + BACKOFF[0])
    assert [(line["event"], line["error"]) for line in lines] == [("hand_over.broken", "ZeroDivisionError")]
    assert "Anna" not in repr(lines)


def test_an_odd_error_of_a_channel_that_may_deliver_twice_is_a_humans_matter(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    run(town, FakeChannel(error=ZeroDivisionError("odd"), idempotent=False))
    assert only(town.rows(DeliveryRow)).state == "in_doubt"
    assert town.tasks() == ["delivery.in_doubt"]


@pytest.mark.parametrize("state", ["confirmed", "declined", "recalled", "superseded", "lapsed"])
def test_a_bundle_with_nothing_open_is_silent(town: Town, state: str) -> None:
    bundle, channel = town.bundle(town.person(PROPOSE), proposal=state), FakeChannel()
    run(town, channel)
    assert channel.letters == {}
    assert town.row(BundleRow, bundle).due_at is None
    assert town.kinds() == []


def test_a_letter_that_is_tried_again_goes_to_the_address_of_then(town: Town) -> None:
    person = town.person(PROPOSE)
    town.bundle(person)
    channel = FakeChannel(error=channels.Temporary("printer"))
    run(town, channel)
    town.moves(person, "Neuer Weg 9")
    channel.error = None
    run(town, channel, NOW + BACKOFF[0])
    (letter,) = channel.letters.values()
    assert b"Neuer Weg 9" in letter
    assert b"Erfundene Gasse" not in letter


def test_a_failing_channel_is_tried_again_until_the_tries_are_used_up(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    channel, now = FakeChannel(error=channels.Temporary("printer")), NOW
    for tries, pause in enumerate(BACKOFF, start=1):
        run(town, channel, now)
        delivery = only(town.rows(DeliveryRow))
        assert (delivery.state, delivery.tries, delivery.due_at) == ("announced", tries, now + pause)
        assert announce(town, channel, now) == []
        now += pause
    run(town, channel, now)
    assert only(town.rows(DeliveryRow)).state == "failed"
    assert town.tasks() == ["delivery.failed"]
    assert len(town.flows(Kind.AUTHORISED)) == len(town.flows(Kind.OUTCOME)) == len(BACKOFF) + 1


def test_a_channel_that_is_away_uses_up_no_try(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    run(town, FakeChannel(error=channels.Unavailable("away")))
    delivery = only(town.rows(DeliveryRow))
    assert (delivery.tries, delivery.due_at) == (0, NOW + timedelta(seconds=60))


def test_a_letter_that_can_never_be_delivered_is_a_task_at_once(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    run(town, FakeChannel(error=channels.Permanent("no")))
    assert only(town.rows(DeliveryRow)).state == "failed"
    assert town.tasks() == ["delivery.failed"]


def test_a_letter_that_is_there_already_counts_as_handed_over(town: Town) -> None:
    bundle = town.bundle(town.person(PROPOSE))
    run(town, FakeChannel(error=channels.AlreadyDone("there")))
    assert only(town.rows(DeliveryRow)).state == "handed_over"
    assert town.row(BundleRow, bundle).messages == 1


def test_a_letter_whose_worker_died_after_writing_is_written_again_byte_for_byte(town: Town, tmp_path: Path) -> None:
    town.bundle(town.person(PROPOSE))
    folder = FolderChannel(tmp_path)
    (first,) = announce(town)
    notify.hand_over(first, {"LETTER": folder}, Left())  # and nobody records it
    before = only(list(tmp_path.iterdir())).read_bytes()
    later = NOW + timedelta(days=1)
    run(town, folder, later)
    assert only(list(tmp_path.iterdir())).read_bytes() == before
    assert only(town.rows(DeliveryRow)).state == "handed_over"
    assert len(town.rows(CodeRow)) == 1
    assert len(town.flows(Kind.AUTHORISED)) == 2
    assert json.loads(only(town.flows(Kind.OUTCOME)).f_bytes)["outcome"] == "done_before"


def test_a_lost_letter_of_a_channel_that_may_deliver_twice_is_a_humans_matter(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    channel = FakeChannel(idempotent=False)
    announce(town, channel)
    assert announce(town, channel, NOW + timedelta(seconds=60)) == []
    assert only(town.rows(DeliveryRow)).state == "in_doubt"
    assert town.tasks() == ["delivery.in_doubt"]


def test_a_lost_letter_whose_consent_is_gone_is_in_doubt_and_not_repeated(town: Town) -> None:
    person = town.person(PROPOSE)
    town.bundle(person)
    announce(town)
    town.withdraws(person, PROPOSE)
    channel = FakeChannel()
    run(town, channel, NOW + timedelta(seconds=60))
    assert channel.letters == {}
    assert only(town.rows(DeliveryRow)).state == "in_doubt"
    assert town.tasks() == ["delivery.in_doubt"]
    assert town.kinds() == ["authorised", "refused"]


def test_a_letter_that_never_left_is_cancelled_when_consent_goes(town: Town) -> None:
    person = town.person(PROPOSE)
    town.bundle(person)
    run(town, FakeChannel(error=channels.Temporary("printer")))
    town.withdraws(person, PROPOSE)
    channel = FakeChannel()
    run(town, channel, NOW + BACKOFF[0])
    assert channel.letters == {}
    assert only(town.rows(DeliveryRow)).state == "cancelled"
    assert town.tasks() == []


def test_a_late_success_is_true_even_after_doubt(town: Town) -> None:
    person = town.person(PROPOSE)
    bundle = town.bundle(person)
    (slow,) = announce(town)
    town.withdraws(person, PROPOSE)
    announce(town, now=NOW + timedelta(seconds=60))
    record(town, [notify.hand_over(slow, {"LETTER": FakeChannel()}, Left())])
    assert only(town.rows(DeliveryRow)).state == "handed_over"
    assert town.row(BundleRow, bundle).messages == 1


def test_a_late_failure_changes_nothing_once_another_worker_has_the_letter(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    (slow,) = announce(town)
    (quick,) = announce(town, now=NOW + timedelta(seconds=60))
    record(town, [notify.hand_over(slow, {"LETTER": FakeChannel(error=channels.Permanent("no"))}, Left())])
    assert only(town.rows(DeliveryRow)).state == "announced"
    record(town, [notify.hand_over(quick, {"LETTER": FakeChannel()}, Left())])
    assert only(town.rows(DeliveryRow)).state == "handed_over"
    assert town.tasks() == []


def test_a_bundle_due_again_while_its_letter_is_on_its_way_gets_no_second_one(town: Town) -> None:
    bundle = town.bundle(town.person(PROPOSE))
    announce(town)
    town.change(BundleRow, bundle, due_at=NOW)
    assert announce(town) == []


def test_a_bundle_due_again_later_gets_a_second_run_with_another_code(town: Town) -> None:
    bundle, channel = town.bundle(town.person(PROPOSE)), FakeChannel()
    run(town, channel)
    town.change(BundleRow, bundle, due_at=NOW)
    run(town, channel)
    assert sorted(row.run for row in town.rows(DeliveryRow)) == [1, 2]
    assert len({row.code_mac for row in town.rows(CodeRow)}) == 2
    assert town.row(BundleRow, bundle).messages == 2


def test_a_contact_that_cannot_be_read_is_a_task_and_does_not_hold_up_the_others(town: Town) -> None:
    broken, whole = town.person(PROPOSE), town.person(PROPOSE)
    town.bundle(broken)
    town.bundle(whole)
    town.change_contact(broken, b"x" * 40)
    channel = FakeChannel()
    run(town, channel)
    assert len(channel.letters) == 1
    assert town.tasks() == ["contact.unreadable"]


def test_an_activation_letter_moves_the_enrolment_on_and_its_code_is_for_activation(town: Town, tmp_path: Path) -> None:
    enrolment = town.found_enrolment()
    run(town, FolderChannel(tmp_path))
    assert (town.row(EnrolmentRow, enrolment).state, town.row(EnrolmentRow, enrolment).due_at) == ("letter", None)
    code = only(town.rows(CodeRow))
    assert (code.purpose, code.enrolment, code.bundle) == ("activation", enrolment, None)
    delivery = only(town.rows(DeliveryRow))
    assert (delivery.purpose, delivery.matter, delivery.state) == ("activation", enrolment, "handed_over")
    assert "angemeldet" in (tmp_path / f"{delivery.wire_id}.txt").read_text()


@pytest.mark.parametrize(("guard", "tasks"), [("V08", []), ("V06", []), ("V07", ["bundle.protected"])])
def test_somebody_who_dies_or_is_protected_while_enrolling_gets_no_letter(
    town: Town, guard: str, tasks: list[str]
) -> None:
    enrolment = town.found_enrolment()
    person = town.row(EnrolmentRow, enrolment).person
    town.stop(town.kennung_hash(person), guard)
    channel = FakeChannel()
    run(town, channel)
    assert channel.letters == {}
    assert town.row(EnrolmentRow, enrolment).state == "lapsed"
    assert town.tasks() == tasks


def test_without_a_letter_channel_nothing_is_announced(town: Town) -> None:
    bundle = town.bundle(town.person(PROPOSE))
    with town.database.transaction() as session:
        assert notify.announce(session, town.house, {}, NOW, 10) == []
    assert town.row(BundleRow, bundle).due_at == NOW


def test_of_many_workers_only_one_writes_each_letter(town: Town) -> None:
    for _ in range(12):
        town.bundle(town.person(PROPOSE))
    channel, gate = FakeChannel(), threading.Barrier(4)
    errors: list[BaseException] = []

    def work() -> None:
        gate.wait()
        try:
            for _ in range(4):
                run(town, channel)
        except BaseException as error:  # noqa: BLE001 - a thread's error must reach the test
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run(town, channel)
    assert errors == []
    assert len(channel.letters) == 12
    assert len(town.rows(DeliveryRow)) == 12
    assert len(town.flows(Kind.AUTHORISED)) == len(town.flows(Kind.OUTCOME)) == 12


def test_a_rolled_back_announcement_leaves_nothing(town: Town) -> None:
    bundle = town.bundle(town.person(PROPOSE))

    class Crash(Exception):  # noqa: N818
        pass

    def crash() -> None:
        with town.database.transaction() as session:
            notify.announce(session, town.house, {"LETTER": FakeChannel()}, NOW, 10)
            raise Crash

    with pytest.raises(Crash):
        crash()
    assert town.rows(DeliveryRow) == town.rows(CodeRow) == []
    assert town.flows() == []
    assert town.row(BundleRow, bundle).due_at == NOW


def test_no_row_and_no_log_entry_holds_a_name(town: Town) -> None:
    town.bundle(town.person(PROPOSE))
    run(town, FakeChannel())
    for table in (DeliveryRow, CodeRow, BundleRow, ProposalRow, RegisterEventRow):
        assert "Beispiel" not in repr(town.rows(table))
    for flow in town.flows():
        assert b"Beispiel" not in flow.f_bytes
