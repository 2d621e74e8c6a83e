"""A browser before pages, of citizens or of the office, that speaks to the surface without a socket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from proaktiv.web.asking import LOOPBACK_COOKIE
from tests.web.conftest import ask

_TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@dataclass
class PageBrowser:
    """It keeps cookies and reads the form token of the page it sees."""

    app: FastAPI
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def get(self, path: str, **how: Any) -> httpx.Response:
        return self._ask("GET", path, **how)

    def post(self, path: str, form: Mapping[str, str] | None = None, csrf: str | None = None) -> httpx.Response:
        """Send a form as the page would; with another token where one is given."""
        given = {"csrf": self.csrf if csrf is None else csrf} | dict(form or {})
        return self._ask("POST", path, data=given, headers={"sec-fetch-site": "same-origin"})

    @property
    def session(self) -> str:
        """The cookie of a citizen's session, or nothing."""
        return self.cookies.get(LOOPBACK_COOKIE, "")

    def _ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        kept = {name: value for name, value in self.cookies.items() if value}  # an emptied one was taken away
        (answer,) = ask(self.app, (method, path), cookies=kept, **how)
        for cookie in answer.cookies.jar:
            self.cookies[cookie.name] = cookie.value or ""
        if found := _TOKEN.search(answer.text):
            self.csrf = found[1]
        return answer
