"""HTTP among the city's parts and to the house: one client, patient with what says that it is only busy.

Repeats only what may be repeated without harm: every request of the city carries its own id or says the same twice.
Errors name method, path and status, never a body: bodies hold (invented) people.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from proaktiv.core.errors import ProaktivError

_BUSY = frozenset({429, 502, 503, 504})
_TRIES = 8
_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_TIMEOUT_SECONDS = 20.0


class CityError(ProaktivError):
    """Something in the simulated city did not go as it must; the message says what."""


class Talk:
    """A conversation with one base address; keeps cookies. Used by one thread."""

    def __init__(self, base_url: str) -> None:
        # trust_env off: a proxy of the machine has no business between two processes on it.
        self._client = httpx.Client(base_url=base_url, trust_env=False, timeout=_TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._client.close()

    def kept(self) -> Mapping[str, str]:
        """Return the cookies, for another conversation to go on with."""
        return dict(self._client.cookies)

    def go_on(self, kept: Mapping[str, str]) -> None:
        """Take up the cookies of a conversation before."""
        self._client.cookies.update(dict(kept))

    def get(self, path: str) -> Any:
        """Return the JSON at a path. Raises ``CityError`` for any answer but 200."""
        return self._expect("GET", path, self.request("GET", path))

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Any:
        """Post JSON and return the JSON that comes back. Raises ``CityError`` for any answer but 200 and 202."""
        return self._expect("POST", path, self.request("POST", path, json=body, headers=headers))

    def answers(self, path: str) -> bool:
        """Return whether a GET is answered with 200 right now; asks once."""
        try:
            return self._client.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def request(self, method: str, path: str, **how: Any) -> httpx.Response:
        """Return the answer, whatever its status; asks again while the far side is away or busy."""
        for failed in range(_TRIES):
            try:
                response = self._client.request(method, path, **how)
            except httpx.TransportError as error:
                if failed == _TRIES - 1:
                    raise CityError(f"{method} {path}: {type(error).__name__}") from None
                time.sleep(_PAUSE_SECONDS * (failed + 1))
                continue
            if response.status_code not in _BUSY:
                return response
            time.sleep(_pause(response, failed))
        return response

    def _expect(self, method: str, path: str, response: httpx.Response) -> Any:
        if response.status_code not in {200, 202}:
            raise CityError(f"{method} {path}: {response.status_code}{_type(response)}")
        return response.json()


def _pause(response: httpx.Response, failed: int) -> float:
    wish = response.headers.get("retry-after", "")
    seconds = float(wish) if wish.isdigit() else _PAUSE_SECONDS * (failed + 1)
    return min(seconds, _LONGEST_PAUSE_SECONDS)


def _type(response: httpx.Response) -> str:
    """Return the problem's type: the one member of a problem that is never about a person."""
    try:
        answer = response.json()
    except ValueError:
        return ""
    return f" {answer['type']}" if isinstance(answer, dict) and isinstance(answer.get("type"), str) else ""
