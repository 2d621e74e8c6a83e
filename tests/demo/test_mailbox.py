"""The mailbox takes what a real mail client sends, shows it without letting it do anything, and lists the letters."""

import asyncio
import json
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from notifiers.folder import FolderChannel
from notifiers.letter import LetterChannel, Letterhead
from notifiers.mail import MailChannel, Sender
from notifiers.model import AlreadyDone, Recipient
from notifiers.smtp import Relay, Tls
from notifiers.typesetting import Typesetter
from proaktiv.demo.families import make_city
from proaktiv.demo.letters import BesideChannel
from proaktiv.demo.mailbox import MOST_BYTES, Mail, Mailbox, receiving
from proaktiv.demo.once import seconds_until_day
from proaktiv.demo.post import make_post, tells
from tests.notifiers.building import Left, a_message, cleared
from tests.web.conftest import ask

MIA = Recipient(("Mia Musterkind", "Erfundene Gasse 3", "00001 Musterstadt"), mail="mr-1@postfach.musterstadt.example")
PAGE = "http://127.0.0.1:8000/b"
CITY = make_city(1, 14, date(2026, 10, 14))


@contextmanager
def open_box() -> Iterator[tuple[Mailbox, int]]:
    box, ready, ports = Mailbox(), threading.Event(), []
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with receiving(box, 0) as port:
            ports.append(port)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield box, ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(60)


def channel(port: int) -> MailChannel:
    sender = Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32)
    return MailChannel(Relay("127.0.0.1", port, Tls.NONE, "proaktiv.example"), sender)


def got(app: FastAPI, path: str) -> httpx.Response:
    (answer,) = ask(app, ("GET", path))
    return answer


def test_what_the_house_sends_arrives_byte_for_byte() -> None:
    with open_box() as (box, port):
        made = channel(port)
        rendered = made.render(a_message(secret="", link=PAGE), MIA)
        made.hand_over(rendered, cleared(), Left())
        (mail,) = box.all()
    assert (mail.sender, mail.to) == ("post@musterstadt.example", (MIA.mail,))
    assert mail.body.endswith(rendered.body)


def test_a_common_mail_client_is_understood_and_dots_are_unstuffed() -> None:
    with open_box() as (box, port), smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@x.example", ["b@y.example", "c@y.example"], b"Subject: x\r\n\r\n.\r\n..two\r\n")
        client.noop()
        client.rset()
        client.sendmail("a@x.example", ["d@y.example"], b"Subject: y\r\n\r\nz\r\n")
    assert [mail.to for mail in box.all()] == [("b@y.example", "c@y.example"), ("d@y.example",)]
    assert box.all()[0].body == b"Subject: x\r\n\r\n.\r\n..two\r\n"


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (("DATA",), 503),
        (("RCPT TO:<a@b.example>",), 503),
        (("MAIL a@b.example",), 501),
        (("MAIL FROM:<a@b.example>", "RCPT TO:nobody"), 501),
        (("VRFY a",), 502),
    ],
)
def test_what_is_out_of_order_is_refused(commands: tuple[str, ...], code: int) -> None:
    with open_box() as (box, port), smtplib.SMTP("127.0.0.1", port) as client:
        answers = [client.docmd(command)[0] for command in commands]
    assert (answers[-1], box.all()) == (code, [])


@pytest.mark.parametrize("said", [b"\xff\xfe\r\n", b"x" * 5000 + b"\r\n", b"MAIL"])
def test_whoever_talks_nonsense_or_hangs_up_is_let_go_and_the_next_is_served(said: bytes) -> None:
    with open_box() as (box, port):
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(said)
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.sendmail("a@x.example", ["b@y.example"], b"Subject: x\r\n\r\ny\r\n")
        assert len(box.all()) == 1


def test_a_mail_too_large_is_not_kept() -> None:
    with open_box() as (box, port), pytest.raises((smtplib.SMTPException, OSError)):
        client = smtplib.SMTP("127.0.0.1", port, timeout=60)
        client.sendmail(
            "a@x.example", ["b@y.example"], b"Subject: x\r\n\r\n" + (b"y" * 900 + b"\r\n") * (MOST_BYTES // 900)
        )
    assert box.all() == []


def test_a_mail_is_shown_as_text_html_and_headers_and_may_do_nothing(tmp_path: Path) -> None:
    box = Mailbox()
    rendered = channel(9).render(a_message(secret="", link=PAGE), MIA)
    box.take(Mail("post@musterstadt.example", (MIA.mail,), rendered.body))
    evil = b"Subject: <script>x</script>\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n"
    box.take(Mail("x@y.example", ("<b>@y.example",), evil))
    app = make_post(box, tmp_path, 0, "http://127.0.0.1:1/")
    listed = got(app, "/").text
    assert listed.index("&lt;script&gt;") < listed.index("Für Sie liegt etwas bereit"), "newest first"
    assert "<script>" not in listed
    one = got(app, "/mails/1").text
    assert "Auto-Submitted: auto-generated" in one
    assert '<iframe sandbox src="/mails/1/html"' in one
    html = got(app, "/mails/2/html")
    assert "sandbox" in html.headers["content-security-policy"]
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert [got(app, f"/mails/{number}").status_code for number in (0, 3)] == [404, 404]
    assert [mail["to"] for mail in got(app, "/mails.json").json()] == [[MIA.mail], ["<b>@y.example"]]


def test_letters_are_listed_by_name_newest_first_and_open_in_the_browser(tmp_path: Path) -> None:
    typesetter = Typesetter()
    head = Letterhead("Stadt Musterstadt", ("Stadt Musterstadt", "00001 Musterstadt"), (), PAGE, "Muster")
    both = BesideChannel(LetterChannel(tmp_path, head, typesetter), FolderChannel(tmp_path))
    paul = replace(MIA, address=("Paul Probst", *MIA.address[1:]))
    try:
        for wire_id, reader in (("0192-a", MIA), ("0192-b", paul)):
            rendered = both.render(a_message(), reader)
            both.hand_over(rendered, cleared(wire_id), Left())
            with pytest.raises(AlreadyDone):
                both.hand_over(rendered, cleared(wire_id), Left())
    finally:
        typesetter.close()
    assert a_message().secret in (tmp_path / "0192-a.txt").read_text()
    assert a_message().secret not in json.dumps(json.loads((tmp_path / "0192-a.json").read_text()))
    (tmp_path / "0192-c.pdf").write_bytes(b"%PDF without a ticket")
    app = make_post(Mailbox(), tmp_path, 0, "http://127.0.0.1:1/")
    listed = got(app, "/letters").text
    assert listed.index("Paul Probst") < listed.index("Mia Musterkind")
    assert "0192-c" not in listed
    opened = got(app, "/letters/0192-a.pdf")
    assert (opened.headers["content-type"], opened.content[:5]) == ("application/pdf", b"%PDF-")
    assert "content-disposition" not in opened.headers, "shown, not saved"
    assert got(app, "/letters/..%2Fmailbox.json.pdf").status_code == 404
    assert got(app, "/letters/nothing.pdf").status_code == 404


def test_a_mail_that_names_somebody_is_found_however_it_is_encoded() -> None:
    honest = channel(9).render(a_message(secret="", link=PAGE), replace(MIA, address=())).body
    assert not tells(honest, CITY)
    somebody = CITY.residents[0]
    for name in (somebody.vornamen, somebody.familienname, somebody.anschrift.strasse, somebody.kennung):
        assert tells(b"X-Note: " + name.encode() + b"\r\n" + honest, CITY), name
        quoted = "".join(f"={byte:02X}" for byte in f"Hallo {name}!".encode()).encode()
        telling = (
            b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + quoted
        )
        assert tells(telling, CITY), name


@pytest.mark.parametrize(
    ("at", "hours"),
    [
        (datetime(2026, 10, 14, 7, tzinfo=UTC), 0),  # 9:00 in Berlin
        (datetime(2026, 10, 14, 15, 59, tzinfo=UTC), 0),
        (datetime(2026, 10, 14, 16, 0, tzinfo=UTC), 16),
        (datetime(2026, 10, 14, 0, 0, tzinfo=UTC), 8),
        (datetime(2026, 10, 14, 22, 30, tzinfo=UTC), 9.5),
    ],
)
def test_a_run_at_night_begins_the_citys_day_at_ten(at: datetime, hours: float) -> None:
    assert seconds_until_day(at) == hours * 3600
