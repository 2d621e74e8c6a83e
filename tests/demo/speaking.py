"""A far side that answers what a test says, in place of a conversation over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

Answers = Callable[[str, str, dict[str, Any]], httpx.Response]


@dataclass
class FarSide:
    """Speaks as ``Talk`` does; remembers what it was asked. ``answers`` gets method, path and the arguments."""

    answers: Answers
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    carried: list[dict[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        self.asked.append((method, path, how))
        return self.answers(method, path, how)

    def get(self, path: str) -> Any:
        return self.request("GET", path).json()

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
        return self.request("POST", path, json=body, headers=headers).json()

    def kept(self) -> dict[str, str]:
        return {"session": "s-1"}

    def go_on(self, kept: dict[str, str]) -> None:
        self.carried.append(dict(kept))

    def paths(self, method: str = "POST") -> list[str]:
        return [path for asked, path, _ in self.asked if asked == method]


def in_turn(*statuses: int) -> Answers:
    """Answer with these statuses, the last one for ever."""
    left: Iterator[int] = iter(statuses)
    last = statuses[-1]

    def answer(_method: str, _path: str, _how: dict[str, Any]) -> httpx.Response:
        return httpx.Response(next(left, last), json={})

    return answer
