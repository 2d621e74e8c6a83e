"""A citizen with a Nutzerkonto before the pages, as a browser shows them: binds it beside a letter, comes again.

Left to others: the double of a Nutzerkonto (``nutzerkonto``), the citizen's other acts (``citizens``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import httpx

from proaktiv.demo.nutzerkonto import LEVELS, account_of
from proaktiv.demo.people import Resident
from proaktiv.demo.talking import CityError, Talk

_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')
_SUBSTANTIAL = list(LEVELS)[1]
_BOUND = "Sie haben Ihr Nutzerkonto verbunden."


@dataclass(frozen=True, slots=True)
class Holder:
    """One inhabitant with an account. ``pages`` and ``konto`` open fresh conversations."""

    resident: Resident
    pages: Callable[[], Talk]
    konto: Callable[[], Talk]

    def bind(self, code: str) -> int:
        """Come with a letter's code, bind the account, and return how many entries the timeline shows."""
        born = self.resident.geburtsdatum
        typed = {"geburt_tag": str(born.day), "geburt_monat": str(born.month), "geburt_jahr": str(born.year)}
        with self.pages() as talk:
            _leads(
                talk.request("POST", "/b", data={"code": code, **typed}), "/uebersicht", "/einwilligungen/entscheiden"
            )
            self._log_in(talk, "/konto/verbinden")
            csrf = _CSRF.search(_page(talk, "/konto/verbinden"))
            if csrf is None:
                raise CityError("/konto/verbinden has no form")
            _leads(talk.request("POST", "/konto/verbinden", data={"csrf": csrf[1]}), "/meine-daten")
            return _entries(talk)

    def come_again(self) -> int:
        """Log in with the account alone, and return how many entries the timeline shows by now."""
        with self.pages() as talk:
            self._log_in(talk, "/uebersicht")
            return _entries(talk)

    def _log_in(self, talk: Talk, to: str) -> None:
        begun = talk.request("GET", "/konto/anmelden")
        asked = parse_qsl(urlsplit(_location(begun)).query)
        picked: Mapping[str, str] = {**dict(asked), "sub": account_of(self.resident)["sub"], "acr": _SUBSTANTIAL}
        with self.konto() as there:
            back = urlsplit(_location(there.request("POST", "/authorize", data=picked)))
        _leads(talk.request("GET", f"{back.path}?{back.query}"), to)


def _entries(talk: Talk) -> int:
    page = _page(talk, "/meine-daten")
    if _BOUND not in page:
        raise CityError("/meine-daten does not say that an account was bound")
    return page.count('<td class="when"')


def _page(talk: Talk, path: str) -> str:
    response = talk.request("GET", path)
    if response.status_code != 200:
        raise CityError(f"GET {path}: {response.status_code}")
    return response.text


def _location(response: httpx.Response) -> str:
    if response.status_code != 303:
        raise CityError(f"{response.request.method} {response.request.url.path}: {response.status_code}")
    return response.headers["location"]


def _leads(response: httpx.Response, *to: str) -> None:
    if _location(response) not in to:
        raise CityError(f"{response.request.method} {response.request.url.path} does not lead to {' or '.join(to)}")
