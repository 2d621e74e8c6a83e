"""A mail hints at a letter that went: with consent of now, once, in nobody's sleep, and it says nothing of anybody."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest

from notifiers import model as channels
from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from proaktiv.core.flows import Kind
from proaktiv.core.outbound import BACKOFF
from proaktiv.steps import notify
from proaktiv.tables import BundleRow, CodeRow, DeliveryRow, MailAddressRow, ProposalRow, SuppressionRow
from tests.notifiers.servers import Post, real_server, scripted_server
from tests.outward.building import HINT, NOW, PROPOSE, FakeChannel, Left, Town

PAGE = "https://musterstadt.example/b"
ADDRESS = "kanarie@post.example"
GOOD = ["220 hi", "250 ok", "250 ok", "250 ok", "354 go"]


def mail_to(port: int) -> MailChannel:
    relay = Relay("127.0.0.1", port, Tls.NONE, "proaktiv.example")
    return MailChannel(relay, Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32))


def announce(town: Town, ways: dict[str, Any], now: Any = NOW) -> list[notify.Posting]:
    with town.database.transaction() as session:
        return notify.announce(session, town.house, ways, now, 50, page="musterstadt.example/b", mail_page=PAGE)


def run(town: Town, ways: dict[str, Any], now: Any = NOW, left: Any = None) -> None:
    """Announce, hand over and record until nothing is due."""
    while postings := announce(town, ways, now):
        posted = [notify.hand_over(each, ways, left or Left()) for each in postings]
        with town.database.transaction() as session:
            notify.record(session, town.house, posted, now)


def mails(town: Town) -> list[Any]:
    return [row for row in town.rows(DeliveryRow) if row.channel == "MAIL"]


@pytest.fixture
def letters() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def post() -> Iterator[Post]:
    with real_server(Post()) as running:
        yield running


def a_reader(town: Town, *consents: str) -> tuple[UUID, UUID]:
    person = town.person(*(consents or (PROPOSE, HINT)), name="Kanaria Kanarienvogel")
    town.reachable_at(person, ADDRESS)
    return person, town.bundle(person)


def test_beside_the_letter_goes_one_mail_without_a_code(town: Town, letters: FakeChannel, post: Post) -> None:
    person, bundle = a_reader(town)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    assert sorted(row.channel for row in town.rows(DeliveryRow)) == ["LETTER", "MAIL"]
    assert {row.state for row in town.rows(DeliveryRow)} == {"handed_over"}
    (envelope,) = post.taken
    assert envelope.rcpt_tos == [ADDRESS]
    message = message_from_bytes(bytes(envelope.content or b""), policy=policy.SMTP)
    assert PAGE in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert len(town.rows(CodeRow)) == 1, "the letter's"
    row = town.row(BundleRow, bundle)
    assert (row.messages, row.mail_due_at) == (1, None)
    assert sorted(town.kinds()) == ["authorised", "authorised", "outcome", "outcome"]
    said = {json.loads(flow.f_bytes)["action"] for flow in town.flows(Kind.AUTHORISED, Kind.OUTCOME)}
    assert said == {"letter.written", "letter.handed_over", "mail.written", "mail.handed_over"}
    assert person is not None


def test_nothing_of_the_reader_stands_in_the_mail(town: Town, letters: FakeChannel, post: Post) -> None:
    person, bundle = a_reader(town)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    body = bytes(post.taken[0].content or b"").replace(f"To: {ADDRESS}".encode(), b"X-To: -")
    text = body + message_from_bytes(body, policy=policy.SMTP).get_body().get_content().encode()  # type: ignore[union-attr]
    code = town.vault.code(bundle, 1)
    for canary in ("anari", "1994", "Gasse", "00001", "geburt", "kita", str(bundle), str(person), code, code[:4]):
        assert canary.lower().encode() not in text.lower(), canary


def test_the_address_moves_under_its_persons_key_when_it_is_first_read(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    a_reader(town)
    (before,) = town.rows(MailAddressRow)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    (after,) = town.rows(MailAddressRow)
    assert (before.inbox is None, before.address is None) == (False, True)
    assert (after.inbox is None, after.address is None) == (True, False)
    town.bundle(after.person)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    assert [each.rcpt_tos for each in post.taken] == [[ADDRESS]] * 2


def test_two_workers_at_once_send_one_mail(town: Town, letters: FakeChannel, post: Post) -> None:
    planned(town, letters)
    ways, morning = {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(days=1)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait(60)
        run(town, ways, morning)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert (len(post.taken), [row.state for row in mails(town)]) == (1, ["handed_over"])


@pytest.mark.parametrize("consents", [(PROPOSE,), (HINT,)])
def test_without_consent_to_mail_or_to_the_letter_no_mail_goes(
    town: Town, letters: FakeChannel, post: Post, consents: tuple[str, ...]
) -> None:
    a_reader(town, *consents)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    assert (post.taken, mails(town), town.tasks()) == ([], [], [])
    assert town.kinds().count("refused") == 1


def test_without_an_address_nobody_is_even_asked(town: Town, letters: FakeChannel, post: Post) -> None:
    town.bundle(town.person(PROPOSE, HINT))
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    assert (post.taken, mails(town)) == ([], [])
    assert "refused" not in town.kinds()


def planned(town: Town, letters: FakeChannel) -> tuple[UUID, UUID]:
    """The letter went; its mail is due and not announced yet, because it is night."""
    person, bundle = a_reader(town)
    night = NOW.replace(hour=20)  # 22:00 in Berlin
    run(town, {"LETTER": letters, "MAIL": mail_to(9)}, night)
    assert (len(letters.letters), town.row(BundleRow, bundle).mail_due_at) == (1, night)
    return person, bundle


def test_at_night_the_letter_is_printed_and_the_mail_waits(town: Town, letters: FakeChannel, post: Post) -> None:
    planned(town, letters)
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    run(town, ways, NOW.replace(day=15, hour=4, minute=59))
    assert post.taken == []
    run(town, ways, NOW.replace(day=15, hour=5))
    assert len(post.taken) == 1


def test_a_withdrawal_between_planning_and_hand_over_leaves_no_byte(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    person, bundle = planned(town, letters)
    town.withdraws(person, HINT)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(days=1))
    assert (post.taken, mails(town), town.row(BundleRow, bundle).mail_due_at) == ([], [], None)


def test_an_address_taken_back_between_planning_and_hand_over_gets_nothing(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    person, bundle = planned(town, letters)
    town.no_longer_reachable(person)
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(days=1))
    assert (post.taken, mails(town), town.row(BundleRow, bundle).mail_due_at) == ([], [], None)
    assert town.tasks() == []


def test_what_is_answered_before_the_mail_needs_none(town: Town, letters: FakeChannel, post: Post) -> None:
    _, bundle = planned(town, letters)
    for proposal in town.rows(ProposalRow):
        town.change(ProposalRow, proposal.id, state="declined")
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(days=1))
    assert (post.taken, town.row(BundleRow, bundle).mail_due_at) == ([], None)


def test_while_the_relay_is_away_the_mail_waits_and_no_try_counts(town: Town, letters: FakeChannel) -> None:
    a_reader(town)
    run(town, {"LETTER": letters, "MAIL": mail_to(9)})
    (mail,) = mails(town)
    assert (mail.state, mail.reason, mail.tries, mail.due_at) == ("announced", "away", 0, NOW + timedelta(seconds=60))
    assert len(letters.letters) == 1, "the letter does not wait for it"
    with real_server(Post()) as post:
        run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(seconds=60))
        assert len(post.taken) == 1


def test_a_hint_that_waited_three_days_is_dropped(town: Town, letters: FakeChannel, post: Post) -> None:
    a_reader(town)
    run(town, {"LETTER": letters, "MAIL": mail_to(9)})
    for hours in (24, 71):
        run(town, {"LETTER": letters, "MAIL": mail_to(9)}, NOW + timedelta(hours=hours))
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(hours=72))
    (mail,) = mails(town)
    assert (mail.state, mail.reason, mail.due_at) == ("cancelled", "used_up", None)
    assert post.taken == []


def test_where_mail_is_set_up_later_nobody_is_hinted_at_old_letters(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    a_reader(town)
    run(town, {"LETTER": letters})
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(hours=72))
    assert (post.taken, mails(town)) == ([], [])


def test_while_the_letter_cannot_be_printed_no_mail_hints_at_it(town: Town, letters: FakeChannel, post: Post) -> None:
    _, bundle = a_reader(town)
    letters.error = channels.Temporary("printer")
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    run(town, ways)
    assert (post.taken, town.row(BundleRow, bundle).mail_due_at) == ([], None)
    letters.error = None
    run(town, ways, NOW + BACKOFF[0])
    assert len(post.taken) == 1


class Soon:
    """A deadline that is over at the first look after some."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def remaining(self) -> float:
        self.looks -= 1
        return 0.2 if self.looks > 0 else 0.0


def test_a_relay_that_drips_does_not_hold_the_worker(town: Town, letters: FakeChannel) -> None:
    a_reader(town)
    with scripted_server(["220 " + "x" * 500], drip=True) as tarpit:
        run(town, {"LETTER": letters, "MAIL": mail_to(tarpit.port)}, left=Soon(40))
    (mail,) = mails(town)
    assert (mail.state, mail.reason) == ("announced", "away")


def test_a_mail_put_off_is_tried_again_after_the_backoff(town: Town, letters: FakeChannel, post: Post) -> None:
    a_reader(town)
    post.answers[ADDRESS] = "451 4.3.0 later"
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    now = NOW
    for tries, pause in enumerate(BACKOFF[:3], 1):
        run(town, ways, now)
        (mail,) = mails(town)
        assert (mail.state, mail.tries, mail.due_at) == ("announced", tries, now + pause)
        now += pause
    post.answers.clear()
    run(town, ways, now)
    assert ([row.state for row in mails(town)], len(post.taken)) == (["handed_over"], 1)


def test_an_address_that_refuses_is_never_written_to_again_until_it_is_given_anew(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    person, _ = a_reader(town)
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    post.answers[ADDRESS] = "550 5.1.1 nobody here"
    run(town, ways)
    (mail,) = mails(town)
    assert (mail.state, mail.reason, town.tasks()) == ("failed", "failed", [])
    assert len(letters.letters) == 1
    (suppressed,) = town.rows(SuppressionRow)
    assert ADDRESS.encode() not in suppressed.address_hash
    post.answers.clear()
    town.bundle(person)
    run(town, ways)
    assert (post.taken, len(mails(town)), len(letters.letters)) == ([], 1, 2)
    town.reachable_at(person, ADDRESS.upper())
    town.bundle(person)
    run(town, ways)
    assert (town.rows(SuppressionRow), len(post.taken)) == ([], 1)


def test_a_policy_that_refuses_is_no_fault_of_the_address(town: Town, letters: FakeChannel, post: Post) -> None:
    a_reader(town)
    post.answers[ADDRESS] = "550 5.7.1 not from you"
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)})
    (mail,) = mails(town)
    assert (mail.state, mail.due_at, town.rows(SuppressionRow)) == ("announced", NOW + timedelta(hours=4), [])


def test_an_answer_lost_after_the_mails_end_leaves_it_in_doubt_and_nothing_is_sent_twice(
    town: Town, letters: FakeChannel, post: Post
) -> None:
    a_reader(town)
    with scripted_server(GOOD) as far:
        run(town, {"LETTER": letters, "MAIL": mail_to(far.port)})
    (mail,) = mails(town)
    assert (mail.state, mail.reason) == ("in_doubt", "not_known")
    run(town, {"LETTER": letters, "MAIL": mail_to(post.port)}, NOW + timedelta(days=1))
    assert (post.taken, town.tasks()) == ([], [])


def test_a_mail_whose_worker_died_is_in_doubt_and_not_repeated(town: Town, letters: FakeChannel, post: Post) -> None:
    planned(town, letters)
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    assert len(announce(town, ways, NOW + timedelta(days=1))) == 1
    run(town, ways, NOW + timedelta(days=1, minutes=2))
    assert ([row.state for row in mails(town)], post.taken, town.tasks()) == (["in_doubt"], [], [])


def test_the_reminder_is_a_letter_alone(town: Town, letters: FakeChannel, post: Post) -> None:
    _, bundle = a_reader(town)
    ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
    run(town, ways)
    town.change(BundleRow, bundle, due_at=NOW + timedelta(days=20))
    run(town, ways, NOW + timedelta(days=20))
    assert (len(letters.letters), len(post.taken)) == (2, 1)


class Chatty(MailChannel):
    """A channel that somebody made tell the reader's birthday: the red control of the search."""

    def _rendered(self, reference: str, made_at: Any, to: str, language: str) -> Any:
        rendered = super()._rendered(reference, made_at, to, language)
        if to != ADDRESS:
            return rendered
        body = rendered.body.replace(b"Auto-Submitted:", b"X-Note: 08.03.1994\r\nAuto-Submitted:")
        return type(rendered)(rendered.media_type, body, rendered.to)


def test_a_mail_that_would_tell_a_birthday_does_not_leave(town: Town, letters: FakeChannel, post: Post) -> None:
    a_reader(town)
    honest = mail_to(post.port)
    run(town, {"LETTER": letters, "MAIL": Chatty(honest._relay, honest._sender)})
    (mail,) = mails(town)
    assert (mail.state, post.taken, town.rows(SuppressionRow)) == ("failed", [], [])


def test_without_the_search_it_would(town: Town, letters: FakeChannel, post: Post, monkeypatch: Any) -> None:
    a_reader(town)
    monkeypatch.setattr("proaktiv.steps.notify.posting._look_through", lambda *_: None)
    honest = mail_to(post.port)
    run(town, {"LETTER": letters, "MAIL": Chatty(honest._relay, honest._sender)})
    assert b"08.03.1994" in bytes(post.taken[0].content or b"")
