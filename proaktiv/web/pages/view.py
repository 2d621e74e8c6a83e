"""Templates and what all of them know: the house, the language, the form token. HTML is escaped everywhere.

Left to others: routes (this package's other modules), looks (``static``), what a state is called (``states``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from babel.dates import format_timedelta
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from proaktiv.core.calendar import BERLIN
from proaktiv.core.citations import cited
from proaktiv.core.texts import shown
from proaktiv.web.pages import finding_words, log_words, states
from proaktiv.web.pages.language import LANGUAGES, Catalogue, catalogue, chosen
from proaktiv.web.pages.language import marked as _

JUST_NOW = _("gerade eben")
STATIC = Path(__file__).parents[1] / "static"


@dataclass(frozen=True)
class Look:
    """What is the same on every page of one surface.

    ``demonstration`` puts a banner on each page. ``public_body`` shows the federal Kopfzeile, which only public bodies
    may use. ``address`` is the plain domain that letters print; ``account``: whether one can log in with a Nutzerkonto.
    """

    house: str
    demonstration: bool = True
    public_body: bool = False
    address: str = ""
    account: bool = False
    environments: Mapping[str, Environment] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        made = {language: _environment(self, catalogue(language)) for language in LANGUAGES}
        object.__setattr__(self, "environments", made)

    def answer(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return one page in the visitor's language. ``values`` are what the template names."""
        language = chosen(request)
        page = self.environments[language].get_template(template)
        proven = getattr(request.state, "visitor", None)
        body = page.render(
            path=request.url.path,
            proven=proven is not None,
            csrf=proven.csrf if proven else "",
            day_ahead=getattr(request.state, "day_ahead", None),
            **values,
        )
        headers = {"Content-Language": language, "Vary": "Cookie, Accept-Language"}
        return HTMLResponse(body, status, headers)


def static_files() -> Mapping[str, Path]:
    """Return the static files by their address, which changes with any of them: browsers may keep them for ever."""
    files = sorted(path for path in STATIC.iterdir() if path.is_file())
    digest = sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
    return {f"/static/{digest}/{path.name}": path for path in files}


def _environment(look: Look, words: Catalogue) -> Environment:
    made = Environment(
        loader=PackageLoader("proaktiv.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    language = words.language

    def on(value: str | date | datetime) -> str:
        """Return a day as this language writes it."""
        return shown(_day(value), language)

    def at(value: str | datetime) -> str:
        """Return a day and a time of day in Berlin."""
        moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(BERLIN)
        return f"{shown(moment.date(), language)}, {moment:%H:%M}" + (" Uhr" if language == "de" else "")

    def instant(value: str | datetime) -> str:
        """Return the same with the name of the time: Berlin's, in summer and in winter."""
        moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(BERLIN)
        return f"{at(moment)} {states.zone(moment, words)}"

    def second(value: str | datetime) -> str:
        """Return the same to the second: where the order of things matters."""
        moment = (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(BERLIN)
        told = f"{shown(moment.date(), language)}, {moment:%H:%M:%S}" + (" Uhr" if language == "de" else "")
        return f"{told} {states.zone(moment, words)}"

    def ago(seconds: float) -> str:
        """Return how long ago something was: in the largest unit of which there is a whole one."""
        if seconds < 1:
            return words.gettext(JUST_NOW)
        return format_timedelta(timedelta(seconds=-int(seconds)), add_direction=True, threshold=1, locale=language)

    def number(value: int) -> str:
        """Return a number as this language groups its digits."""
        return format_decimal(value, locale=language)

    def choices_of(frage: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Return a question's answers as value, label, and nothing more to say."""
        return [(each["wert"], each["text"].get(language, each["text"]["de"]), "") for each in frage["werte"]]

    made.filters.update(on=on, at=at, instant=instant, second=second, ago=ago, number=number, cited=cited)
    made.globals.update(
        look=look,
        language=language,
        choices_of=choices_of,
        languages=LANGUAGES,
        static={path.name: address for address, path in static_files().items()},
        track=states.track,
        party=lambda name: states.party(name, words),
        own_basis=lambda basis: states.own_basis(basis, words),
        badge=lambda table, state: states.badge(table, state, words),
        staff_badge=lambda state: states.staff_badge(state, words),
        signature_name=lambda state: states.signature_name(state, words),
        ground_name=lambda ground: states.ground_name(ground, words),
        finding_detail=lambda said: finding_words.detail(said, words, second),
        log_word=lambda column, code, action="": log_words.called(column, code, words, action),
        log_basis=lambda entry: log_words.basis(entry, words),
        log_ordered=log_words.ordered,
        log_offers=lambda column: log_words.offered(column, words),
        standing_badge=lambda state: states.standing_badge(state, words),
        way_name=lambda way: states.way_name(way, words),
        sentence=lambda action: states.sentence(action, words),
    )
    return made


def _day(value: str | date | datetime) -> date:
    if isinstance(value, str):
        return (
            date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value).astimezone(BERLIN).date()
        )
    return value.astimezone(BERLIN).date() if isinstance(value, datetime) else value
