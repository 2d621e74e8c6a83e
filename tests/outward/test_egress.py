"""The one door to the network, against real servers that behave badly."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from uuid import UUID

import httpx
import pytest

from notifiers.model import Clearance
from proaktiv.core.addresses import AddressRefused, may_call, read_url
from proaktiv.core.errors import AlreadyDone, OutcomeUnknown, Permanent, Temporary, Unavailable
from proaktiv.core.trust import Trust
from proaktiv.dispatchers.model import Auftrag
from proaktiv.dispatchers.webhook import Webhook
from proaktiv.egress import MAX_ANSWER_BYTES, Deadline, Declined, Egress, Response
from tests.outward.servers import Behave, answers, drips, hangs_up, says, serving, stays_silent

GENEROUS_SECONDS = 10.0
"""Upper bound for an act whose deadline is half a second: far above any hiccup, far below the servers' patience."""


def post(
    url: str,
    *,
    allowed: frozenset[str],
    seconds: float = 5.0,
    resolve: Callable[[str, int], Sequence[str]] | None = None,
) -> Response:
    egress = Egress(allowed, loopback=True, **({"resolve": resolve} if resolve else {}))
    return egress.post(url, headers={"X-Test": "1"}, content=b"{}", deadline=Deadline(seconds, time.monotonic))


def test_an_answer_comes_back_whole() -> None:
    with serving(answers(202, b'{"id": 1}', "X-Some: Thing\r\n")) as server:
        response = post(server.url, allowed=frozenset({server.host}))
    assert (response.status, response.body, response.headers["x-some"]) == (202, b'{"id": 1}', "Thing")
    assert server.heard[0].startswith(b"POST /there HTTP/1.1\r\n")
    assert server.heard[0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    ("behave", "error", "wish"),
    [
        (answers(400), Declined, None),
        (answers(404), Declined, None),
        (answers(409), Declined, None),
        (answers(429, headers="Retry-After: 7\r\n"), Temporary, 7),
        (answers(503, headers="Retry-After: 90\r\n"), Temporary, 90),
        (answers(503, headers="Retry-After: soon\r\n"), Temporary, None),
        (answers(500), OutcomeUnknown, None),
        (answers(502), OutcomeUnknown, None),
        (answers(302, headers="Location: http://127.0.0.1:1/\r\n"), Declined, None),
        (answers(307, headers="Location: http://127.0.0.1:1/\r\n"), Declined, None),
        (says(b"SSH-2.0-whoever\r\n\x00\x01\r\n\r\n"), OutcomeUnknown, None),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort"), OutcomeUnknown, None),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), OutcomeUnknown, None),
        (says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000), OutcomeUnknown, None),
        (says(b""), OutcomeUnknown, None),
        (hangs_up, OutcomeUnknown, None),
    ],
)
def test_each_bad_end_has_its_error(behave: Behave, error: type[Exception], wish: int | None) -> None:
    with serving(behave) as server, pytest.raises(error) as caught:
        post(server.url, allowed=frozenset({server.host}))
    assert type(caught.value) is error
    if isinstance(caught.value, Temporary):
        assert caught.value.retry_after_seconds == wish


def test_a_status_that_says_no_is_known_by_its_number() -> None:
    with serving(answers(404)) as server, pytest.raises(Declined) as caught:
        post(server.url, allowed=frozenset({server.host}))
    assert caught.value.status == 404
    assert isinstance(caught.value, Permanent)


def test_a_status_that_was_asked_for_is_an_answer() -> None:
    with serving(answers(409, b"5\n")) as server:
        egress = Egress(frozenset({server.host}), loopback=True)
        deadline = Deadline(GENEROUS_SECONDS, time.monotonic)
        got = egress.post(server.url, headers={}, content=b"", deadline=deadline, also=frozenset({409}))
    assert (got.status, got.body) == (409, b"5\n")


def test_a_redirect_is_not_followed() -> None:
    with serving(answers(200)) as second:
        first_says = answers(307, headers=f"Location: {second.url}\r\n")
        with serving(first_says) as first, pytest.raises(Declined):
            post(first.url, allowed=frozenset({first.host, second.host}))
    assert second.heard == []


@pytest.mark.parametrize("size", [MAX_ANSWER_BYTES + 1, 40 * MAX_ANSWER_BYTES])
def test_a_huge_answer_is_not_read_to_its_end(size: int) -> None:
    def behave(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(0, size, 1 << 16):
            connection.sendall(b"x" * (1 << 16))

    # The status was a yes: whoever sent it may have done what was asked, so it is not a failure for good.
    with serving(behave) as server, pytest.raises(OutcomeUnknown, match="larger"):
        post(server.url, allowed=frozenset({server.host}))


def test_a_behoerde_that_says_yes_and_far_too_much_is_unsure_and_tried_again() -> None:
    order = Auftrag("A-1", "KITA-PLATZ", datetime(2026, 10, 14, tzinfo=UTC), Trust(1), sperrvermerk=False, felder=())
    clearance = Clearance(flow=UUID(int=1), wire_id="w-1", authorised_at=datetime(2026, 10, 14, tzinfo=UTC))
    deadline = Deadline(5.0, time.monotonic)
    with serving(answers(202, b"x" * (MAX_ANSWER_BYTES + 1))) as server, pytest.raises(OutcomeUnknown):
        Webhook(Egress(frozenset({server.host}), loopback=True)).send(order, server.url, clearance, deadline)
    with serving(answers(200, b'{"duplicate": true}')) as server, pytest.raises(AlreadyDone):
        Webhook(Egress(frozenset({server.host}), loopback=True)).send(order, server.url, clearance, deadline)


def test_an_answer_of_just_the_size_allowed_is_taken() -> None:
    with serving(answers(200, b"x" * MAX_ANSWER_BYTES)) as server:
        assert len(post(server.url, allowed=frozenset({server.host})).body) == MAX_ANSWER_BYTES


SLOW: dict[str, Behave] = {
    "nothing at all": stays_silent,
    "a drip of body": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", 0.05),
    "a drip of headers": drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05),
    "a drip of status line": drips(b"HTTP/1.1 200 ", b"O", 0.05),
    "a drip of chunks": drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 0.05),
}


@pytest.mark.parametrize("name", SLOW)
def test_no_server_outlasts_the_deadline(name: str) -> None:
    begun = time.monotonic()
    with serving(SLOW[name]) as server, pytest.raises(OutcomeUnknown):
        post(server.url, allowed=frozenset({server.host}), seconds=0.5)
    assert time.monotonic() - begun < GENEROUS_SECONDS


def test_control_a_socket_timeout_alone_is_outlasted_by_a_drip() -> None:
    """The same server, asked with httpx and the same half second: it is still listening four times later."""
    got = 0
    begun = time.monotonic()
    with (
        serving(SLOW["a drip of body"]) as server,
        httpx.Client(timeout=0.5, trust_env=False) as client,
        client.stream("POST", server.url, content=b"{}") as response,
    ):
        for part in response.iter_raw():
            got += len(part)
            if time.monotonic() - begun > 2.0:
                break
    assert got > 0
    assert time.monotonic() - begun > 2.0


def test_a_reader_that_takes_no_bytes_is_cut_off_too() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    egress = Egress(frozenset({host}), loopback=True)
    begun = time.monotonic()
    with listener, pytest.raises(OutcomeUnknown):
        egress.post(f"http://{host}/", headers={}, content=b"x" * (32 << 20), deadline=Deadline(0.5, time.monotonic))
    assert time.monotonic() - begun < GENEROUS_SECONDS


def test_a_deadline_that_is_over_lets_nothing_out() -> None:
    with serving(answers(200)) as server, pytest.raises(Unavailable):
        post(server.url, allowed=frozenset({server.host}), seconds=0.0)
    assert server.heard == []


def test_a_resolver_that_hangs_does_not_hold_the_caller() -> None:
    release = threading.Event()

    def hanging(_host: str, _port: int) -> Sequence[str]:
        release.wait(20)
        return ["127.0.0.1"]

    begun = time.monotonic()
    with pytest.raises(Unavailable):
        post("https://register.example/", allowed=frozenset({"register.example"}), seconds=0.3, resolve=hanging)
    release.set()
    assert time.monotonic() - begun < GENEROUS_SECONDS


def test_nobody_listening_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unavailable):
        post(f"http://{host}/", allowed=frozenset({host}))


def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    def nobody(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(Unavailable):
        post("https://register.example/", allowed=frozenset({"register.example"}), resolve=nobody)


def test_a_name_is_resolved_once_and_that_address_is_called() -> None:
    """A second answer, for whoever asks again, is what DNS rebinding lives on."""
    with serving(answers(200)) as server:
        given = iter([["127.0.0.1"], ["10.0.0.1"]])
        response = post(
            f"http://register.example:{server.port}/",
            allowed=frozenset({"register.example"}),
            resolve=lambda _host, _port: next(given),
        )
    assert response.status == 200
    assert next(given) == ["10.0.0.1"]
    assert b"Host: register.example" in server.heard[0]


def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    with serving(answers(200)) as server, pytest.raises(AddressRefused):
        post(
            f"http://register.example:{server.port}/",
            allowed=frozenset({"register.example"}),
            resolve=lambda _host, _port: ["127.0.0.1", "169.254.169.254"],
        )
    assert server.heard == []


def test_the_second_address_is_tried_when_the_first_is_dead() -> None:
    with serving(answers(200)) as server:
        response = post(
            f"http://register.example:{server.port}/",
            allowed=frozenset({"register.example"}),
            resolve=lambda _host, _port: ["::1", "127.0.0.1"],
        )
    assert response.status == 200


def test_plain_http_leaves_for_loopback_only() -> None:
    with pytest.raises(AddressRefused, match="https"):
        post(
            "http://register.example/",
            allowed=frozenset({"register.example"}),
            resolve=lambda _host, _port: ["93.184.216.34"],
        )


def test_a_server_without_a_certificate_we_trust_is_unavailable() -> None:
    with serving(stays_silent) as server, pytest.raises(Unavailable):
        post(server.url.replace("http:", "https:"), allowed=frozenset({server.host}), seconds=0.5)


def test_a_header_that_would_split_the_request_is_not_sent() -> None:
    with serving(answers(200)) as server, pytest.raises(Permanent):
        Egress(frozenset({server.host}), loopback=True).post(
            server.url, headers={"X": "a\r\nY: b"}, content=b"", deadline=Deadline(5, time.monotonic)
        )
    assert not any(server.heard), "a connection may have been opened, but nothing was said"


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answers(200)) as proxy, serving(answers(200)) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://{proxy.host}")
        post(server.url, allowed=frozenset({server.host}))
    assert proxy.heard == []
    assert len(server.heard) == 1


# addresses -----------------------------------------------------------------------------------------------------------

NEVER = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.2", "127.255.255.255", "169.254.169.254", "172.16.0.1",  # noqa: S104
    "172.31.255.255", "192.0.0.8", "192.0.0.10", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1", "100::1", "2001::1", "2001:db8::1", "2001:10::1", "2001:20::1", "2002:7f00:1::",
    "2002:5db8:d822::", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0",
    "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip


@pytest.mark.parametrize("text", NEVER)
@pytest.mark.parametrize("loopback", [True, False])
def test_an_address_that_is_not_global_unicast_is_never_called(text: str, *, loopback: bool) -> None:
    assert not may_call(ip_address(text), loopback=loopback)


@pytest.mark.parametrize("text", ["127.0.0.1", "::1"])
def test_loopback_is_called_only_where_the_setting_says_so(text: str) -> None:
    assert may_call(ip_address(text), loopback=True)
    assert not may_call(ip_address(text), loopback=False)


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "2a00:1450::1"])
def test_a_global_address_is_called(text: str) -> None:
    assert may_call(ip_address(text), loopback=False)


def test_control_pythons_own_word_for_global_lets_traps_through() -> None:
    """Why what is allowed is said from scratch: should this ever fail, the list above is still right."""
    assert any(ip_address(text).is_global for text in NEVER)


SPELLINGS = [
    "http://gut.example\\@127.0.0.1/", "http://gut.example@127.0.0.1/", "http://127.0.0.1#@gut.example/",
    "http://gut.example?@127.0.0.1/", "http://①②⑦.⓪.⓪.①/", "http://127.0.0.1 /", " http://127.0.0.1/",
    "http://127.0.0.1\t/", "http://127.0.0.1\n/", "http://[::1%25lo]/", "http://[::ffff:127.0.0.1/", "http:///there",
    "http://gut.example:99999/", "http://gut.example:0/", "http://gut.example:/", "http://GUT.example/",
    "file:///etc/passwd", "ftp://gut.example/", "gopher://gut.example/", "//gut.example/", "gut.example",
    "http://gut.example/a?b=c", "http://gut.example/#x", "http://gut.example/\r\nX: y", "http://.gut.example/",
    "http://gut.example./", "http://gut_.example/", "http://gut.example/\u202e",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
def test_another_spelling_of_a_url_is_not_read(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/", "http://localhost/",
        "http://[::1]/", "http://[::ffff:7f00:1]/", "http://0/", "http://127.0.0.1.nip.example/",
        "https://other.example/", "http://127.0.0.1:1/",
    ],
)  # fmt: skip
def test_a_host_that_is_not_on_the_list_is_not_even_resolved(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(AddressRefused):
        post(url, allowed=frozenset({"gut.example", "127.0.0.1:8080"}), resolve=resolve)
    assert asked == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_a_number_on_the_list_by_mistake_still_meets_the_check_of_its_address(host: str) -> None:
    with pytest.raises((AddressRefused, Unavailable)):
        Egress(frozenset({host}), loopback=False).post(
            f"http://{host}/", headers={}, content=b"", deadline=Deadline(5, time.monotonic)
        )


def test_a_deadline_counts_down_by_the_clock_it_was_given() -> None:
    now = [100.0]
    deadline = Deadline(3.0, lambda: now[0])
    now[0] = 102.0
    assert deadline.remaining() == 1.0
    now[0] = 104.0
    assert deadline.remaining() == -1.0
