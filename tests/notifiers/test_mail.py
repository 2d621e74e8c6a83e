"""Mail over real SMTP: what arrives, what each answer means, and that a deadline ends everything."""

import email
import html
import re
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from pathlib import Path
from typing import Any

import pytest

from notifiers.leaks import Leak
from notifiers.mail import MailChannel, Sender
from notifiers.model import (
    ChannelError,
    Forbidden,
    Message,
    OutcomeUnknown,
    Permanent,
    ReceiptLevel,
    Recipient,
    Rendered,
    Temporary,
    TooSlow,
    Unavailable,
    Undeliverable,
)
from notifiers.smtp import Relay, Tls, send
from tests.notifiers.building import ANNA, Left, a_message, cleared
from tests.notifiers.servers import CLOSE, SILENCE, Post, certificate, real_server, scripted_server

PAGE = "https://musterstadt.example/"
SENDER = Sender("Stadt Müsterstadt", "post@musterstadt.example", PAGE, b"k" * 32, bounces="bounce.musterstadt.example")
GREETED = ("220 post.example", "250 post.example")
ASKED = (*GREETED, "250 2.1.0 ok", "250 2.1.5 ok", "354 go on")
MESSAGE = a_message(secret="")


class Clock:
    """A real deadline: the channel has none of its own."""

    def __init__(self, seconds: float) -> None:
        self.over_at = time.monotonic() + seconds

    def remaining(self) -> float:
        return self.over_at - time.monotonic()


class UntilSilent:
    """A deadline that is over once the server says nothing any more, however slow this machine is until then."""

    def __init__(self, silent: threading.Event) -> None:
        self.silent = silent

    def remaining(self) -> float:
        return 0.1 if self.silent.wait(0.1) else 60.0


def channel(port: int, tls: Tls = Tls.NONE, context: ssl.SSLContext | None = None, **relay: Any) -> MailChannel:
    parts = {"host": "localhost", "port": port, "tls": tls, "hello": "proaktiv.example", **relay}
    return MailChannel(Relay(**parts), SENDER, tls=context, resolve=lambda _host, _port: ["127.0.0.1"])


def deliver(made: MailChannel, deadline: Any = None, wire_id: str = "0192-a") -> Any:
    return made.hand_over(made.render(MESSAGE, ANNA), cleared(wire_id), deadline or Left())


def read(body: bytes) -> EmailMessage:
    return email.message_from_bytes(body, EmailMessage, policy=WIRE)


def ends(script: Sequence[str], deadline: Any = None, *, drip: bool = False) -> ChannelError | None:
    with scripted_server(script, drip=drip) as server:
        try:
            deliver(channel(server.port), UntilSilent(server.silent) if SILENCE in script else deadline)
        except ChannelError as error:
            return error
    return None


# what arrives ---------------------------------------------------------------------------------------------------------


def test_a_mail_arrives_as_text_and_html_in_two_languages() -> None:
    with real_server(Post()) as post:
        receipt = deliver(channel(post.port))
    (envelope,) = post.taken
    assert (receipt.receipt, receipt.reference) == (ReceiptLevel.ACCEPTED, "0192-a")
    assert envelope.rcpt_tos == [ANNA.mail]
    message = read(bytes(envelope.content))
    assert message["To"] == ANNA.mail
    assert message["From"].addresses[0].display_name == SENDER.name
    assert message["Subject"] == "Für Sie liegt etwas bereit"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Date"].datetime.isoformat() == "2026-10-14T11:00:00+02:00"
    assert message["List-Unsubscribe"] is None
    assert not message.defects
    plain, rich = message.iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    text = plain.get_content()
    for sentence in ("hat etwas für Sie vorbereitet", "has prepared something for you", "ABCD-1234", PAGE):
        assert sentence in text
    assert 'lang="de"' in rich.get_content()
    assert 'lang="en"' in rich.get_content()
    tagless = html.unescape(re.sub(r"<[^>]*>", " ", rich.get_content()))
    assert [word for word in text.split() if word not in tagless and word != "-----"] == []


def test_the_readers_own_language_comes_first() -> None:
    made = channel(1)
    english = read(made.render(MESSAGE, Recipient(ANNA.address, "en", ANNA.mail)).body)
    assert english["Subject"] == "Something is ready for you"
    text = next(english.iter_parts()).get_content()
    assert text.index("Hello,") < text.index("Guten Tag,")
    turkish = read(made.render(MESSAGE, Recipient(ANNA.address, "tr", ANNA.mail)).body)
    assert turkish["Subject"] == "Für Sie liegt etwas bereit"


def test_the_neutral_page_is_the_only_link() -> None:
    body = channel(1).render(MESSAGE, ANNA).body
    for part in read(body).iter_parts():
        assert set(re.findall(r"https?://[^\s\"<]+", part.get_content())) == {PAGE}


def test_no_line_is_longer_than_a_relay_must_take_and_all_of_it_is_ascii() -> None:
    body = channel(1).render(MESSAGE, ANNA).body
    assert body.isascii()
    assert max(len(line) for line in body.split(b"\r\n")) <= 200
    assert b"\n" not in body.replace(b"\r\n", b"")


def test_a_repeat_has_the_same_bytes_and_the_same_message_id() -> None:
    with real_server(Post()) as post:
        for wire_id in ("0192-a", "0192-a", "0192-b"):
            deliver(channel(post.port), wire_id=wire_id)
    first, again, other = (bytes(envelope.content) for envelope in post.taken)
    assert first == again
    assert first != other
    assert read(first)["Message-ID"] != read(other)["Message-ID"]
    assert "0192" not in read(first)["Message-ID"]


def test_a_failure_report_goes_to_an_address_of_this_mail_alone_that_nobody_can_forge() -> None:
    made = channel(1)
    with real_server(Post()) as post:
        deliver(channel(post.port))
    sender = post.taken[0].mail_from
    assert sender == made.return_path("0192-a")
    assert SENDER.ids.wire_id_of(sender) == "0192-a"
    for forged in (sender.replace("0192-a", "0192-b"), sender.replace("bounce.", "evil."), "b+x.00000000@y", ""):
        assert SENDER.ids.wire_id_of(forged) is None


def test_a_mail_program_can_stop_these_mails_by_an_id_of_this_one_mail() -> None:
    leaving = replace(SENDER, leave="https://musterstadt.example/keine-mails")
    with real_server(Post()) as post:
        made = MailChannel(channel(post.port)._relay, leaving, resolve=lambda _host, _port: ["127.0.0.1"])
        deliver(made)
        deliver(made)
    first, again = (bytes(envelope.content) for envelope in post.taken)
    assert first == again
    message = read(first)
    token = leaving.ids.leave_token("0192-a")
    assert message["List-Unsubscribe"] == f"<https://musterstadt.example/keine-mails?n={token}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for part in message.iter_parts():
        assert "keine-mails" not in part.get_content(), "whoever clicks in the mail comes to the neutral page"
    with pytest.raises(ValueError, match="page to leave at"):
        replace(SENDER, leave="https://musterstadt.example/keine-mails?n=1")


def test_a_line_of_one_dot_does_not_end_a_mail() -> None:
    with real_server(Post()) as post:
        body = b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\nend"
        relay = Relay("localhost", post.port, Tls.NONE, "proaktiv.example")
        send(
            relay, "a@b.example", "c@d.example", body, Left(),
            tls=ssl.create_default_context(), resolve=lambda _host, _port: ["127.0.0.1"],
        )  # fmt: skip
    assert bytes(post.taken[0].content).rstrip() == body


def test_the_channel_promises_no_more_than_smtp_can() -> None:
    capability = channel(1).capability
    assert (capability.receipt, capability.confidential, capability.idempotent) == (ReceiptLevel.ACCEPTED, False, False)


# what is never begun --------------------------------------------------------------------------------------------------


def test_a_message_with_a_code_or_another_link_is_no_mail() -> None:
    for message in (a_message(), a_message(secret="", link=f"{PAGE}v/1"), a_message(secret="", link="https://evil/")):
        with pytest.raises(Leak):
            channel(1).render(message, ANNA)
    assert channel(1).render(a_message(secret="", link="musterstadt.example"), ANNA)


@pytest.mark.parametrize(
    ("purpose", "secret"),
    [
        ("confirmation", "4T6V-KL5B-MNUS-2"),
        ("confirmation", "123456"),
        ("confirmation", "123 4567"),
        ("confirmation", ""),
        ("address", "123 456"),
        ("bundle", "123 456"),
    ],
)
def test_only_a_confirmation_carries_digits_and_nothing_else(purpose: str, secret: str) -> None:
    with pytest.raises(Permanent):  # a leak is one
        channel(1).render(a_message(purpose=purpose, secret=secret), ANNA)


def test_a_confirmation_says_its_digits_once_in_each_language() -> None:
    rendered = channel(1).render(a_message(purpose="confirmation", secret="123 456"), ANNA)
    assert rendered.body.count(b"123 456") == 4, "German and English, as text and as HTML"


def test_the_words_of_a_message_never_reach_a_mail() -> None:
    message = a_message(secret="", subject="Geburtsurkunde", paragraphs=("Anna hat ein Kind",), purpose="geburt")
    assert channel(1).render(message, ANNA) == channel(1).render(MESSAGE, ANNA)


class Chatty(MailChannel):
    """The red control: a template that greets its reader by name."""

    def _rendered(self, message: Message, made_at: datetime, to: str, language: str) -> Rendered:
        plain = super()._rendered(message, made_at, to, language)
        name = "Anna Beispiel-Probst" if to == ANNA.mail else "Niemand"
        return replace(plain, body=plain.body.replace(b"Guten Tag,", f"Guten Tag {name},".encode()))


def test_control_a_template_that_names_its_reader_never_leaves_the_house() -> None:
    made = Chatty(channel(1)._relay, SENDER)
    with pytest.raises(Leak, match="name in text/plain") as caught:
        made.render(MESSAGE, ANNA)
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "@citizens.example",
        "anna@localhost",
        "a b@citizens.example",
        "anna@citizens.example\r\nBcc: all@evil.example",
        "anna@citizens.example>, <b@c.example",
        "anna@citizens..example",
        "änna@citizens.example",
        "a" * 260 + "@citizens.example",
        "<anna@citizens.example>",
        ".anna@citizens.example",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_told(address: str) -> None:
    with pytest.raises(Permanent) as caught:
        channel(1).render(MESSAGE, Recipient(ANNA.address, mail=address))
    assert "anna" not in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        {"address": "post"},
        {"page": "https://musterstadt.example/v/1"},
        {"page": "https://musterstadt.example/?t=1"},
        {"page": "http://musterstadt.example/"},
        {"key": b"short"},
        {"bounces": "a b"},
        {"name": "x\r\nBcc: y"},
    ],
)
def test_a_sender_that_cannot_write_is_refused(broken: dict[str, Any]) -> None:
    parts: dict[str, Any] = {"name": "Stadt", "address": "a@b.example", "page": PAGE, "key": b"k" * 32, **broken}
    with pytest.raises(ValueError, match=r"sender|page|key|bounces"):
        Sender(**parts)
    assert "kkkk" not in repr(SENDER)


@pytest.mark.parametrize("wire_id", ["", "a b", "../x", "a" * 42, "a\r\nb", "ä"])
def test_a_wire_id_that_is_no_part_of_an_address_is_refused(wire_id: str) -> None:
    with pytest.raises(Permanent, match="wire id"):
        deliver(channel(1), wire_id=wire_id)


def test_a_name_with_signs_of_the_header_stays_a_name() -> None:
    for name in ('Stadt "Muster", <evil@evil.example>', "Stadt\\", "Städt <x@y.example>"):
        made = MailChannel(channel(1)._relay, Sender(name, "post@musterstadt.example", PAGE, b"k" * 32))
        (address,) = read(made.render(MESSAGE, ANNA).body)["From"].addresses
        assert (address.display_name, address.addr_spec) == (name, "post@musterstadt.example")


# what an answer means -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error", "pause"),
    [
        ("450 4.2.1 later", Temporary, None),
        ("451 4.7.1 greylisted", Temporary, None),
        ("452 4.2.2 full", Temporary, None),
        ("421 4.3.2 going down", Unavailable, None),
        ("550 5.1.1 no such box", Undeliverable, None),
        ("550 no such box", Undeliverable, None),
        ("553 5.1.3 no address", Undeliverable, None),
        ("550 5.2.1 closed", Undeliverable, None),
        ("552 5.2.2 full", Temporary, 4 * 3600),
        ("550 5.7.1 policy", Forbidden, 4 * 3600),
        ("554 5.4.14 loop", Permanent, None),
        ("554 no", Permanent, None),
    ],
)
def test_what_the_relay_answers_to_a_recipient(answer: str, error: type[ChannelError], pause: int | None) -> None:
    with real_server(Post(answers={ANNA.mail: answer})) as post:
        with pytest.raises(error) as caught:
            deliver(channel(post.port))
        assert type(caught.value) is error
        assert getattr(caught.value, "retry_after_seconds", None) == pause
        assert post.taken == []
    assert ANNA.mail not in str(caught.value)
    assert "box" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("451 4.3.0 later", Temporary),
        ("421 4.3.2 going down", Unavailable),
        ("554 5.6.0 content", Permanent),
        ("554 5.7.1 spam", Forbidden),
        ("550 5.1.1 late no", Undeliverable),
    ],
)
def test_what_the_relay_answers_to_the_whole_mail(answer: str, error: type[ChannelError]) -> None:
    with real_server(Post(data_answer=answer)) as post:
        with pytest.raises(error) as caught:
            deliver(channel(post.port))
        assert type(caught.value) is error
        assert post.taken == []


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((CLOSE,), Unavailable),
        (("554 not you",), Unavailable),
        (("hello",), Unavailable),
        (("220 post.example", CLOSE), Unavailable),
        (("220 post.example", "502 what"), Unavailable),
        ((*GREETED, "550 5.7.1 not from you"), Unavailable),
        ((*GREETED, "451 4.3.0 busy"), Unavailable),
        ((*GREETED, CLOSE), Temporary),
        ((*GREETED, "250 ok", CLOSE), Temporary),
        ((*GREETED, "250 ok", "nonsense"), Temporary),
        ((*GREETED, "250 ok", "250 ok", CLOSE), Temporary),
        ((*GREETED, "250 ok", "250 ok", "451 4.3.0 no room"), Temporary),
        ((*GREETED, "250 ok", "250 ok", "554 5.5.1 no"), Permanent),
        ((*ASKED, CLOSE), OutcomeUnknown),
        ((*ASKED, "nonsense"), OutcomeUnknown),
        ((*ASKED, "354 what"), OutcomeUnknown),
        ((*ASKED, "250 " + "x" * 9000), OutcomeUnknown),
    ],
)
def test_what_is_known_when_the_line_is_cut(script: Sequence[str], error: type[ChannelError]) -> None:
    assert type(ends(script)) is error


def test_after_its_yes_nothing_the_relay_does_matters() -> None:
    assert ends((*ASKED, "250 2.0.0 taken", CLOSE)) is None


def test_nobody_at_the_port_is_unavailable() -> None:
    with scripted_server((CLOSE,)) as server:
        pass
    with pytest.raises(Unavailable):
        deliver(channel(server.port))


# the deadline ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ((SILENCE,), Unavailable),
        (("220 post.example", SILENCE), Unavailable),
        ((*GREETED, SILENCE), TooSlow),
        ((*GREETED, "250 ok", SILENCE), TooSlow),
        ((*ASKED, SILENCE), OutcomeUnknown),
    ],
)
def test_a_tarpit_holds_nobody_past_the_deadline(script: Sequence[str], error: type[ChannelError]) -> None:
    assert type(ends(script)) is error


def test_a_server_that_drips_does_not_stretch_the_time() -> None:
    begun = time.monotonic()
    # 2,000 signs of 50 ms each: without the total deadline every read would come in time for a minute and more.
    assert type(ends(("220-" + "x" * 2000,), Clock(1.0), drip=True)) is Unavailable
    assert time.monotonic() - begun < 30


def test_control_with_a_limit_per_read_alone_the_drip_goes_on() -> None:
    begun = time.monotonic()
    assert type(ends(("220 " + "x" * 60, CLOSE), Left(30.0), drip=True)) is Unavailable
    assert time.monotonic() - begun > 3  # all its 64 signs of 50 ms, where the total deadline of a second cut it


def test_a_server_that_talks_without_end_is_left() -> None:
    flood = "\r\n".join(["220-x" * 100] * 4000)
    assert type(ends((flood, CLOSE))) is Unavailable


def test_a_deadline_that_is_over_begins_nothing() -> None:
    with pytest.raises(Temporary, match="deadline"):
        deliver(channel(1), Left(0.0))


def test_a_resolver_that_never_answers_is_left_behind() -> None:
    forever = threading.Event()
    made = MailChannel(
        Relay("post.example", 25, Tls.STARTTLS, "proaktiv.example"),
        SENDER,
        resolve=lambda _h, _p: [str(forever.wait())],
    )
    with pytest.raises(Unavailable, match="resolved"):
        deliver(made, Clock(0.2))
    forever.set()


# privacy of the line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_mail_goes_under_tls(tls: Tls, tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    with real_server(Post(), tls=server, implicit=tls is Tls.IMPLICIT) as post:
        deliver(channel(post.port, tls, client))
    assert len(post.taken) == 1
    if tls is Tls.STARTTLS:
        assert post.tls_seen == [True]


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_a_certificate_of_nobody_or_of_another_is_refused(tls: Tls, tmp_path: Path) -> None:
    server, client = certificate(tmp_path, name="other.example")
    for context in (None, client):  # no trust in it at all; trust, but in another name
        with real_server(Post(), tls=server, implicit=tls is Tls.IMPLICIT) as post:
            with pytest.raises(Unavailable, match="TLS"):
                deliver(channel(post.port, tls, context))
            assert post.taken == []


def test_a_relay_that_hides_starttls_gets_no_mail() -> None:
    with real_server(Post()) as post:
        with pytest.raises(Unavailable, match="no STARTTLS"):
            deliver(channel(post.port, Tls.STARTTLS))
        assert post.taken == []


def test_what_was_pushed_in_before_the_handshake_counts_for_nothing() -> None:
    script = ("220 x", "250-x\r\n250 STARTTLS", "220 go\r\n250 injected", CLOSE)
    with scripted_server(script) as server, pytest.raises(Unavailable):
        deliver(channel(server.port, Tls.STARTTLS), Clock(2.0))
    assert b"MAIL" not in server.heard


@pytest.mark.parametrize("addresses", [["192.0.2.1"], ["127.0.0.1", "192.0.2.1"], ["::ffff:192.0.2.1"]])
def test_without_tls_mail_goes_to_loopback_alone(addresses: list[str]) -> None:
    relay = Relay("post.example", 25, Tls.NONE, "proaktiv.example")
    made = MailChannel(relay, SENDER, resolve=lambda _host, _port: addresses)
    with pytest.raises(Unavailable, match="loopback"):
        deliver(made)


def test_a_log_in_goes_under_tls_and_a_wrong_one_is_the_houses_matter(tmp_path: Path) -> None:
    server, client = certificate(tmp_path)
    with real_server(Post(), tls=server, login=("proaktiv", "geheim")) as post:
        deliver(channel(post.port, Tls.STARTTLS, client, user="proaktiv", password="geheim"))
        with pytest.raises(Unavailable, match="535") as caught:
            deliver(channel(post.port, Tls.STARTTLS, client, user="proaktiv", password="falsch"))
    assert "falsch" not in str(caught.value)
    assert "geheim" not in repr(Relay("h", 1, Tls.NONE, "x", "u", "geheim"))
    assert len(post.taken) == 1
