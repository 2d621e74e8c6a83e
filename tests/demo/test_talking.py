"""One conversation: patient with a far side that is busy, plain about everything else, and never quoting a body."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import chain, repeat

import pytest

from proaktiv.demo.talking import CityError, Talk


@contextmanager
def a_far_side(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """Serve these answers, the last one for ever; yield the address and the paths asked for."""
    left = chain(answers, repeat(answers[-1]))
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = next(left)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_busy_far_side_is_asked_again() -> None:
    with a_far_side((503, ""), (429, ""), (200, '{"a":1}')) as (address, asked), Talk(address) as talk:
        assert talk.get("/x") == {"a": 1}
        assert asked == ["/x"] * 3


def test_patience_ends() -> None:
    with a_far_side((503, "")) as (address, asked), Talk(address) as talk:
        with pytest.raises(CityError, match="GET /x: 503"):
            talk.get("/x")
        assert len(asked) == 8


def test_a_refusal_is_told_with_its_type_and_nothing_else() -> None:
    problem = '{"type":"urn:proaktiv:problem:x","detail":"Mia Musterkind"}'
    with a_far_side((409, problem)) as (address, asked), Talk(address) as talk:
        with pytest.raises(CityError) as refused:
            talk.get("/x")
        assert str(refused.value) == "GET /x: 409 urn:proaktiv:problem:x"
        assert len(asked) == 1


@pytest.mark.parametrize("body", ["not json", "[]", '{"type": 1}'])
def test_a_refusal_without_a_type_is_told_by_its_status(body: str) -> None:
    with a_far_side((404, body)) as (address, _), Talk(address) as talk:
        with pytest.raises(CityError) as refused:
            talk.get("/x")
        assert str(refused.value) == "GET /x: 404"


def test_whether_somebody_answers_is_asked_once() -> None:
    with a_far_side((503, "")) as (address, asked), Talk(address) as talk:
        assert talk.answers("/health") is False
        assert len(asked) == 1
    with Talk(address) as talk:
        assert talk.answers("/health") is False
