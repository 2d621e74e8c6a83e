"""Failure reports: what each says of the address; whatever else comes to the same box says nothing."""

import pytest

from notifiers.mail_ids import MailIds
from notifiers.reports import MAX_BYTES, Fate, read_report

IDS = MailIds(b"k" * 32, "musterstadt.example", "bounce.musterstadt.example")
OURS = IDS.return_path("0192-a")


def a_report(status: str = "5.1.1", action: str = "failed", to: str = OURS, **more: str) -> bytes:
    """A report as Postfix writes it (RFC 3464), with the mail it returns; ``more`` are more fields."""
    fields = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in more.items())
    return f"""Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@post.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F2A.1/post.example"

This is a MIME-encapsulated message.

--4F2A.1/post.example
Content-Type: text/plain; charset=us-ascii

<kanarie@post.example>: host mx.post.example said: 550 5.1.1 nobody

--4F2A.1/post.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; post.example
Arrival-Date: Wed, 14 Oct 2026 11:00:00 +0200

Final-Recipient: rfc822; kanarie@post.example
Action: {action}
Status: {status}
{fields}
--4F2A.1/post.example
Content-Type: message/rfc822

Subject: Etwas
To: kanarie@post.example

Status: 5.1.1
Action: failed

--4F2A.1/post.example--
""".encode()


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        ("5.1.1", Fate.HARD),
        ("5.1.10", Fate.HARD),
        ("5.2.1 (closed)", Fate.HARD),
        ("5.2.2", Fate.SOFT),
        ("5.4.14", Fate.SOFT),
        ("4.4.7", Fate.SOFT),
        ("5.7.1", Fate.POLICY),
        ("5.0.0", Fate.SOFT),
        ("nonsense", Fate.SOFT),
    ],
)
def test_what_a_report_says_of_the_address(status: str, fate: Fate) -> None:
    for raw in (a_report(status), a_report(status).replace(b"\n", b"\r\n")):
        report = read_report(raw)
        assert report is not None
        assert (report.fate, [IDS.wire_id_of(each) for each in report.sent_to]) == (fate, ["0192-a"])


@pytest.mark.parametrize(
    ("said", "fate"),
    [
        ("smtp; 550 5.1.1 <kanarie@post.example>: nobody", Fate.HARD),
        ("smtp;554 5.7.1 blocked", Fate.POLICY),
        ("x-unix; user unknown", Fate.SOFT),
    ],
)
def test_a_general_status_is_told_by_the_words_beside_it(said: str, fate: Fate) -> None:
    report = read_report(a_report("5.0.0", Diagnostic_Code=said))
    assert report is not None
    assert report.fate is fate


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_on_its_way_or_arrived_is_no_failure(action: str) -> None:
    assert read_report(a_report("4.4.1", action)) is None


def test_of_an_alias_one_that_has_it_is_enough() -> None:
    both = a_report("5.1.1").replace(
        b"Status: 5.1.1\n",
        b"Status: 5.1.1\n\nFinal-Recipient: rfc822; b@c.example\nAction: relayed\nStatus: 2.0.0\n",
        1,
    )
    assert read_report(both) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"JA",
        f"To: {OURS}\nSubject: Re: Etwas\n\nJA, ich bestätige.\n".encode(),
        f"To: {OURS}\nAuto-Submitted: auto-replied\nSubject: Abwesend\n\nAction: failed\nStatus: 5.1.1\n".encode(),
        a_report().replace(b"report-type=delivery-status", b"report-type=disposition-notification"),
        a_report().replace(b"message/delivery-status", b"text/plain"),
        a_report().replace(b"multipart/report", b"multipart/mixed"),
        a_report().replace(b"boundary=", b"border="),
    ],
)
def test_no_other_mail_is_a_report(raw: bytes) -> None:
    assert read_report(raw) is None


def test_a_report_in_the_mail_that_is_returned_is_not_read() -> None:
    inner = a_report("5.1.1")
    outer = a_report("5.2.2").replace(b"Subject: Etwas\n", b"Subject: Etwas\n\n" + inner)
    report = read_report(outer)
    assert report is not None
    assert report.fate is Fate.SOFT


def test_an_address_of_another_message_or_house_is_nobodys() -> None:
    for forged in (OURS.replace("0192-a", "0192-b"), OURS.replace("bounce.", "evil."), "kanarie@post.example"):
        report = read_report(a_report(to=forged))
        assert report is not None
        assert [IDS.wire_id_of(each) for each in report.sent_to if IDS.wire_id_of(each)] == []


def test_of_a_mail_without_end_only_the_beginning_is_read() -> None:
    assert read_report(a_report() + b"x" * MAX_BYTES * 4) is not None
    assert read_report(b"X: y\n" * MAX_BYTES + a_report()) is None


def test_an_id_to_leave_by_is_of_one_message_and_cannot_be_forged() -> None:
    token = IDS.leave_token("0192-a")
    assert IDS.leaving(token) == "0192-a"
    for forged in ("", token[:-1], token.replace("0192-a", "0192-b"), IDS.return_path("0192-a"), token + "0"):
        assert IDS.leaving(forged) is None
    assert MailIds(b"j" * 32).leaving(token) is None
