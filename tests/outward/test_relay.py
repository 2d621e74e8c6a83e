"""A relay that is away, slow, overrun or against us: nothing is lost, nothing goes twice, somebody is told."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from proaktiv.core.outbound import ALARM_AFTER, AWAY_FOR, BACKOFF
from proaktiv.core.rates import Rate, Rates
from proaktiv.core.tasks import TASKS
from proaktiv.doctor.work import ways_out
from proaktiv.steps import notify
from proaktiv.steps.notify import announcing
from proaktiv.tables import BundleRow, DeliveryRow, OutageRow, PaceRow, SuppressionRow, TaskRow
from tests.notifiers.servers import CLOSE, PATIENCE, Post, certificate, real_server, scripted_server
from tests.outward.building import HINT, NOW, PROPOSE, FakeChannel, Left, Town

PAGE = "https://musterstadt.example/b"
SENDER = Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32)
MORNING = NOW + timedelta(days=1)
FREE = Rates(Rate(1e6), Rate(1e6))
GREETED = ("220 hi", "250 ok")


def mail_to(port: int, **relay: Any) -> MailChannel:
    context = relay.pop("context", None)
    parts = {"host": "localhost", "port": port, "tls": Tls.NONE, "hello": "proaktiv.example", **relay}
    return MailChannel(Relay(**parts), SENDER, tls=context, resolve=lambda _host, _port: ["127.0.0.1"])


def one_set(town: Town, ways: dict[str, Any], now: datetime, rates: Rates = FREE) -> int:
    """Announce one set, hand it over, record it; return how many were on their way."""
    with town.database.transaction() as session:
        postings = notify.announce(session, town.house, ways, now, 50, page="x/b", mail_page=PAGE, rates=rates)
    posted = [notify.hand_over(each, ways, Left()) for each in postings]
    with town.database.transaction() as session:
        notify.record(session, town.house, posted, now)
    return len(posted)


def run(town: Town, ways: dict[str, Any], now: datetime, rates: Rates = FREE) -> int:
    return sum(iter(lambda: one_set(town, ways, now, rates), 0))


def mails(town: Town) -> list[Any]:
    return [row for row in town.rows(DeliveryRow) if row.channel == "MAIL"]


def tasks(town: Town, *, done: bool = False) -> list[str]:
    return [row.what for row in town.rows(TaskRow) if (row.done_at is not None) is done]


def message_ids(post: Post) -> list[str]:
    return [message_from_bytes(bytes(envelope.content or b""))["Message-ID"] for envelope in post.taken]


@pytest.fixture
def letters() -> FakeChannel:
    return FakeChannel()


def hinted(town: Town, letters: FakeChannel, addresses: Sequence[str]) -> list[UUID]:
    """People whose letter went in the evening: their mails are due in the morning."""
    bundles = []
    for address in addresses:
        person = town.person(PROPOSE, HINT)
        town.reachable_at(person, address)
        bundles.append(town.bundle(person))
    run(town, {"LETTER": letters, "MAIL": mail_to(9)}, NOW.replace(hour=20))
    assert len(letters.letters) == len(addresses)
    return bundles


def many(number: int, domain: str = "post.example") -> list[str]:
    return [f"kanarie{place}@{domain}" for place in range(number)]


@contextmanager
def counting(*said: str, holds: bool = False) -> Iterator[Any]:
    """A relay that hangs up on everybody after what it says, or says nothing more; and counts them."""
    listener = socket.create_server(("127.0.0.1", 0))

    class Counted:
        port = listener.getsockname()[1]
        calls = 0

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            Counted.calls += 1
            with connection:
                connection.settimeout(PATIENCE)
                for line in said:
                    connection.sendall(f"{line}\r\n".encode())
                    connection.recv(4096)
                while holds and connection.recv(4096):
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Counted
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


# the relay is away ----------------------------------------------------------------------------------------------------


def test_while_the_relay_is_away_one_mail_a_minute_asks_and_no_try_counts(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(60))
    with counting() as relay:
        ways = {"LETTER": letters, "MAIL": mail_to(relay.port)}
        assert run(town, ways, MORNING) == 50, "one set: the first that finds out"
        found_out = relay.calls
        for minute in range(1, 6):
            for _ in range(3):
                run(town, ways, MORNING + minute * AWAY_FOR)
            assert relay.calls == found_out + minute
    assert {row.tries for row in mails(town)} == {0}
    with real_server(Post()) as post:
        back = MORNING + 6 * AWAY_FOR
        assert one_set(town, {"MAIL": mail_to(post.port)}, back) == 1
        run(town, {"MAIL": mail_to(post.port)}, back)
    assert sorted(each.rcpt_tos[0] for each in post.taken) == sorted(many(60))
    assert ({row.state for row in mails(town)}, town.rows(OutageRow)) == ({"handed_over"}, [])


def test_control_without_the_outage_every_mail_asks_each_minute(
    town: Town, letters: FakeChannel, monkeypatch: Any
) -> None:
    monkeypatch.setattr(announcing, "ways_now", lambda _session, channels, _now: (set(channels), set()))
    hinted(town, letters, many(12))
    with counting() as relay:
        for minute in range(3):
            run(town, {"MAIL": mail_to(relay.port)}, MORNING + minute * AWAY_FOR)
        assert relay.calls == 36


def test_two_workers_send_one_probe(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(8))
    with counting() as relay:
        ways = {"MAIL": mail_to(relay.port)}
        one_set(town, ways, MORNING)
        found_out, start = relay.calls, threading.Barrier(4)

        def work() -> None:
            start.wait(PATIENCE)
            one_set(town, ways, MORNING + AWAY_FOR)

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE)
        assert relay.calls == found_out + 1


def test_letters_go_on_while_the_relay_is_away(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(60))
    ways = {"LETTER": letters, "MAIL": mail_to(9)}
    run(town, ways, MORNING)
    town.bundle(town.person(PROPOSE))
    one_set(town, ways, MORNING + AWAY_FOR)
    assert len(letters.letters) == 61, "sixty mails that are due again do not stand before it"


@pytest.mark.parametrize("why", ["nobody", "hangs up", "421", "certificate", "log-in", "sender"])
def test_whatever_keeps_the_relay_away_is_no_fault_of_a_mail(
    town: Town, letters: FakeChannel, tmp_path: Path, why: str
) -> None:
    (bundle,) = hinted(town, letters, many(1))
    server, client = certificate(tmp_path)
    if why == "nobody":
        run(town, {"MAIL": mail_to(9)}, MORNING)
    elif why in {"certificate", "log-in"}:
        with real_server(Post(), tls=server, login=("proaktiv", "geheim")) as post:
            trusting = {} if why == "certificate" else {"context": client, "user": "proaktiv", "password": "falsch"}
            run(town, {"MAIL": mail_to(post.port, tls=Tls.STARTTLS, **trusting)}, MORNING)
    else:
        script = {
            "hangs up": (CLOSE,),
            "421": ("421 4.3.2 going down", CLOSE),
            "sender": (*GREETED, "550 5.7.1 not from you"),
        }
        with scripted_server(script[why]) as far:
            run(town, {"MAIL": mail_to(far.port)}, MORNING)
    (mail,), (outage,) = mails(town), town.rows(OutageRow)
    assert (mail.state, mail.reason, mail.tries, mail.due_at) == ("announced", "away", 0, MORNING + AWAY_FOR)
    assert (outage.channel, outage.target, outage.since) == ("MAIL", b"", MORNING)
    with real_server(Post()) as post:
        run(town, {"MAIL": mail_to(post.port)}, MORNING + AWAY_FOR)
    assert ([row.state for row in mails(town)], len(post.taken), len(letters.letters)) == (["handed_over"], 1, 1)
    assert town.row(BundleRow, bundle).mail_due_at is None


def test_after_ten_minutes_a_human_is_called_once_and_the_task_ends_with_the_outage(
    town: Town, letters: FakeChannel
) -> None:
    hinted(town, letters, many(2))
    ways = {"MAIL": mail_to(9)}
    for minute in range(10):
        run(town, ways, MORNING + minute * AWAY_FOR)
    assert tasks(town) == []
    for minute in range(10, 14):
        run(town, ways, MORNING + minute * AWAY_FOR)
    assert tasks(town) == ["channel.away"]
    assert timedelta(minutes=10) == ALARM_AFTER
    assert "channel.away" in TASKS
    (finding,) = ways_out(town.database, lambda _session: MORNING + 14 * AWAY_FOR).act()
    assert (finding.level, finding.says) == ("look", "MAIL away since 14 min")
    with real_server(Post()) as post:
        run(town, {"MAIL": mail_to(post.port)}, MORNING + 14 * AWAY_FOR)
    assert (tasks(town), tasks(town, done=True), len(post.taken)) == ([], ["channel.away"], 2)
    (finding,) = ways_out(town.database, lambda _session: MORNING).act()
    assert finding.level == "fine"


def test_one_mail_that_is_sent_away_among_others_that_are_taken_is_no_outage(town: Town, letters: FakeChannel) -> None:
    addresses = many(4)
    hinted(town, letters, addresses)
    with real_server(Post(answers={addresses[2]: "421 4.7.0 too many at once"})) as post:
        run(town, {"MAIL": mail_to(post.port)}, MORNING)
        assert (len(post.taken), town.rows(OutageRow)) == (3, [])
        assert sorted((row.state, row.tries) for row in mails(town)) == [("announced", 0), *[("handed_over", 0)] * 3]
        post.answers.clear()
        run(town, {"MAIL": mail_to(post.port)}, MORNING + AWAY_FOR)
    assert sorted(each.rcpt_tos[0] for each in post.taken) == addresses


class Short:
    """A deadline that a tarpit outlives."""

    def __init__(self) -> None:
        self.over_at = time.monotonic() + 1.0

    def remaining(self) -> float:
        return self.over_at - time.monotonic()


@pytest.mark.parametrize(
    ("said", "state"),
    [((), "announced"), (GREETED, "announced"), ((*GREETED, "250 ok", "250 ok", "354 go"), "in_doubt")],
    ids=["silent", "silent after the greeting", "silent after the mail"],
)
def test_a_tarpit_holds_one_mail_a_minute_and_no_letter(
    town: Town, letters: FakeChannel, monkeypatch: Any, said: tuple[str, ...], state: str
) -> None:
    hinted(town, letters, many(6))
    monkeypatch.setattr(f"{__name__}.Left", Short)
    with counting(*said, holds=True) as relay:
        ways = {"LETTER": letters, "MAIL": mail_to(relay.port)}
        with town.database.transaction() as session:
            postings = notify.announce(session, town.house, ways, MORNING, 2, page="x/b", mail_page=PAGE, rates=FREE)
        posted = [notify.hand_over(each, ways, Short()) for each in postings]
        with town.database.transaction() as session:
            notify.record(session, town.house, posted, MORNING)
        assert (len(posted), [row.channel for row in town.rows(OutageRow)]) == (2, ["MAIL"])
        town.bundle(town.person(PROPOSE))
        assert run(town, ways, MORNING) == 1, "the letter"
        assert run(town, ways, MORNING + AWAY_FOR) == 1, "one mail that sees whether it is over"
    assert (len(letters.letters), {row.state for row in mails(town)}) == (7, {state})


# slow, cut, put off ---------------------------------------------------------------------------------------------------


def test_a_mail_that_was_cut_off_goes_again_under_the_same_id_and_is_seen_once(
    town: Town, letters: FakeChannel
) -> None:
    hinted(town, letters, many(1))
    with scripted_server((*GREETED, "250 ok", "250 ok", "354 go", CLOSE)) as far:
        run(town, {"MAIL": mail_to(far.port)}, MORNING)
        (mail,) = mails(town)
        assert (mail.state, mail.reason) == ("in_doubt", "not_known"), "all of it had left: nobody sends it twice"
    hinted(town, FakeChannel(), many(1, "other.example"))
    now = MORNING + AWAY_FOR  # whoever answers nobody is asked again in a minute
    with scripted_server((*GREETED, "250 ok", "250 ok", CLOSE)) as far:
        run(town, {"MAIL": mail_to(far.port)}, now)
    with real_server(Post(data_answer="451 4.3.0 no room")) as post:
        run(town, {"MAIL": mail_to(post.port)}, now + BACKOFF[0])
        post.data_answer = "250 2.0.0 taken"
        run(town, {"MAIL": mail_to(post.port)}, now + BACKOFF[0] + BACKOFF[1])
        run(town, {"MAIL": mail_to(post.port)}, MORNING + timedelta(days=1))
    assert len(message_ids(post)) == 1
    assert sorted((row.state, row.tries) for row in mails(town)) == [("handed_over", 2), ("in_doubt", 1)]


def test_a_mail_that_is_put_off_again_and_again_gets_three_days(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(1))
    now, made = MORNING, MORNING
    with real_server(Post(answers={many(1)[0]: "450 4.2.1 greylisted"})) as post:
        tries = 0
        for _ in range(72):
            tried = run(town, {"MAIL": mail_to(post.port)}, now)
            due_at = mails(town)[0].due_at
            if due_at is None:
                break
            tries += tried
            now = due_at if tried else now + timedelta(hours=1)  # by night nothing goes
        tries += tried
    (mail,) = mails(town)
    assert (mail.state, tries, post.taken, tasks(town)) == ("failed", 8, [], [])
    assert timedelta(hours=40) < now - made < timedelta(hours=72)
    assert len(letters.letters) == 1, "it was a hint: the letter is there, and no second one goes"


# against us -----------------------------------------------------------------------------------------------------------


def test_a_domain_that_refuses_us_is_left_alone_but_for_one_probe_and_nobody_gets_letters_for_it(
    town: Town, letters: FakeChannel
) -> None:
    there, elsewhere = many(20, "streng.example"), many(3, "mild.example")
    hinted(town, letters, [there[0], *elsewhere])
    with real_server(Post(answers=dict.fromkeys(there, "550 5.7.1 not from you"))) as post:
        ways = {"LETTER": letters, "MAIL": mail_to(post.port)}
        run(town, ways, MORNING)
        hinted(town, FakeChannel(), there[1:])
        printed = len(letters.letters)
        asked = sum(run(town, ways, MORNING + minute * AWAY_FOR) for minute in range(1, 5))
        assert asked == 4, "one a minute"
        assert (len(post.taken), town.rows(SuppressionRow), len(letters.letters)) == (3, [], printed)
        assert tasks(town) == ["mail.refused_by_policy"]
        (outage,) = town.rows(OutageRow)
        assert b"streng" not in outage.target
        (finding,) = ways_out(town.database, lambda _session: MORNING).act()
        assert (finding.level, finding.says) == ("look", "1 mail domain refuses this house")
        post.answers.clear()
        for minute in range(5, 8):
            run(town, ways, MORNING + minute * AWAY_FOR)
        run(town, ways, MORNING + timedelta(hours=5))
    assert len(post.taken) == 23
    assert (tasks(town), tasks(town, done=True)) == ([], ["mail.refused_by_policy"])


# not too fast ---------------------------------------------------------------------------------------------------------


def test_one_domain_gets_ten_a_second_and_does_not_hold_up_the_others(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, [*many(25, "gross.example"), *many(4, "klein.example")])
    with real_server(Post()) as post:
        ways = {"MAIL": mail_to(post.port)}
        run(town, ways, MORNING, Rates())
        domains = [each.rcpt_tos[0].rpartition("@")[2] for each in post.taken]
        assert (domains.count("gross.example"), domains.count("klein.example")) == (10, 4)
        assert {(row.tries, row.reason) for row in mails(town)} == {(0, "")}
        run(town, ways, MORNING + timedelta(seconds=1), Rates())
        assert len(post.taken) == 24
        for second in range(2, 4):
            run(town, ways, MORNING + timedelta(seconds=second), Rates())
    assert len({envelope.rcpt_tos[0] for envelope in post.taken}) == len(post.taken) == 29
    assert tasks(town) == []


def test_all_domains_together_get_no_more_than_the_channel_may(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, [f"k@d{place}.example" for place in range(12)])
    slow = Rates(total=Rate(5.0))
    with real_server(Post()) as post:
        counts = []
        for second in range(4):
            run(town, {"MAIL": mail_to(post.port)}, MORNING + timedelta(seconds=second), slow)
            counts.append(len(post.taken))
    assert counts == [5, 10, 12, 12]


def test_workers_keep_the_rate_together(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(30))
    start = threading.Barrier(4)
    with real_server(Post()) as post:

        def work() -> None:
            start.wait(PATIENCE)
            run(town, {"MAIL": mail_to(post.port)}, MORNING, Rates())

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(PATIENCE)
    assert len(post.taken) == 10


def test_control_without_a_rate_all_of_them_leave_at_once(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, many(30))
    with real_server(Post()) as post:
        run(town, {"MAIL": mail_to(post.port)}, MORNING, FREE)
    assert len(post.taken) == 30


def test_buckets_of_long_ago_are_forgotten(town: Town, letters: FakeChannel) -> None:
    hinted(town, letters, [f"k@d{place}.example" for place in range(5)])
    with real_server(Post()) as post:
        run(town, {"MAIL": mail_to(post.port)}, MORNING)
        assert len(town.rows(PaceRow)) == 6
        hinted(town, FakeChannel(), ["k@late.example"])
        run(town, {"MAIL": mail_to(post.port)}, MORNING + timedelta(hours=2))
    assert len(town.rows(PaceRow)) == 2
