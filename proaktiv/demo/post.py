"""Pages of what the house wrote: the mails that the city's mailbox took, and the letters in the folder.

For a person at the demonstration's machine. A mail's HTML is shown in a frame that may do nothing, under a policy that
loads nothing. Left to others: taking mail (``mailbox``), writing letters (``letters``).
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse, HTMLResponse, Response
from jinja2 import DictLoader, Environment, StrictUndefined

from proaktiv.demo.mailbox import Mail, Mailbox, receiving
from proaktiv.demo.people import City

_WIRE_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_DIGITS = re.compile(r"\b[0-9]{3} [0-9]{3}\b")
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'"
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

_LAYOUT = """<!doctype html><html lang="de"><head><meta charset="utf-8"><title>{{ title }} – Musterstadt</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font-family:sans-serif;line-height:1.5;max-width:60rem;margin:1rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem;border-bottom:1px solid #bbb}
pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem}iframe{width:100%;height:30rem;border:1px solid #bbb}</style>
</head><body><p><strong>Vorführung / demonstration.</strong> Alle Menschen sind erfunden / all people are invented.</p>
<nav><a href="/">E-Mails</a> · <a href="/letters">Briefe / letters</a> ·
<a href="{{ citizen }}">Seite der Bürgerinnen und Bürger / citizens' page</a></nav>
<h1>{{ title }}</h1>{% block main %}{% endblock %}</body></html>"""
_MAILS = """{% extends "layout" %}{% block main %}<p>{{ mails | length }} Mails, die neueste zuerst / newest first.</p>
<table><thead><tr><th>An / to</th><th>Betreff / subject</th><th>Datum / date</th></tr></thead><tbody>
{% for mail in mails %}<tr><td>{{ mail.to }}</td><td><a href="/mails/{{ mail.number }}">{{ mail.subject }}</a></td>
<td>{{ mail.date }}</td></tr>{% endfor %}</tbody></table>{% endblock %}"""
_ONE = """{% extends "layout" %}{% block main %}<h2>Text</h2><pre>{{ mail.text }}</pre>
<h2>HTML</h2><iframe sandbox src="/mails/{{ mail.number }}/html" title="HTML"></iframe>
<h2>Kopfzeilen / headers</h2><pre>{{ mail.headers }}</pre>{% endblock %}"""
_LETTERS = """{% extends "layout" %}{% block main %}
<p>{{ letters | length }} Briefe, der neueste zuerst / newest first. Nur im Brief steht ein Code,
der etwas öffnet / only a letter has a code that opens anything.</p>
<table><thead><tr><th>An / to</th><th>Datum / date</th><th>Zeichen / reference</th></tr></thead><tbody>
{% for letter in letters %}<tr><td><a href="/letters/{{ letter.wire_id }}.pdf">{{ letter.name }}</a></td>
<td>{{ letter.sent_on }}</td><td>{{ letter.reference }}</td></tr>{% endfor %}</tbody></table>{% endblock %}"""

_PAGES = Environment(
    loader=DictLoader({"layout": _LAYOUT, "mails": _MAILS, "one": _ONE, "letters": _LETTERS}),
    autoescape=True,
    undefined=StrictUndefined,
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One mail as people read it."""

    number: int
    to: str
    subject: str
    date: str
    text: str
    html: str
    headers: str


def shown(number: int, mail: Mail) -> Shown:
    """Return a mail decoded."""
    message = message_from_bytes(mail.body, EmailMessage, policy=SMTP)
    return Shown(
        number=number,
        to=", ".join(mail.to),
        subject=str(message["Subject"]),
        date=str(message["Date"]),
        text=_part(message, "plain"),
        html=_part(message, "html"),
        headers="\n".join(f"{name}: {value}" for name, value in message.items()),
    )


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return "" if part is None else str(part.get_content())


def codes(mails: Iterable[Mail]) -> dict[str, str]:
    """Return the digits of the newest mail to each address that confirms one."""
    found = {}
    for number, mail in enumerate(mails):
        text = shown(number, mail).text
        digits = _DIGITS.search(text)
        if digits is not None:
            found[mail.to[0]] = digits[0]
    return found


def tells(body: bytes, city: City) -> bool:
    """Return whether a mail names anybody of the city anywhere but in its ``To``, encoded or not."""
    message = message_from_bytes(body, EmailMessage, policy=SMTP)
    del message["To"]
    parts = [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
    text = "\n".join([*(f"{name}: {value}" for name, value in message.items()), message.as_string(), *parts]).casefold()
    words = set(re.findall(r"\w+", text))
    people = (*city.residents, *city.strangers)
    return any(
        not words.isdisjoint({person.vornamen.casefold(), person.familienname.casefold()})
        or person.familienname.casefold() in text
        or person.kennung.casefold() in text
        or person.anschrift.strasse.casefold() in text
        for person in people
    )


def letters_in(folder: Path) -> Iterator[dict[str, str]]:
    """Yield every letter that is complete, newest first: wire ids are time-ordered, and the ticket comes last."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        ticket = json.loads(path.read_text(encoding="utf-8"))
        text = path.with_suffix(".txt")
        name = text.read_text(encoding="utf-8").partition("\n")[0] if text.exists() else "?"
        yield {"wire_id": path.stem, "name": name, "sent_on": ticket["sent_on"], "reference": ticket["reference"]}


def make_post(mailbox: Mailbox, folder: Path, smtp: int, citizen: str) -> FastAPI:
    """Return the pages' application; it takes mail on port ``smtp`` for as long as it runs."""

    @asynccontextmanager
    async def open_hours(_app: FastAPI) -> AsyncIterator[None]:
        async with receiving(mailbox, smtp):
            yield

    app = FastAPI(title="simulated mailbox", docs_url=None, redoc_url=None, lifespan=open_hours)

    @app.get("/health")
    def health() -> dict[str, str]:
        """Say that the mailbox is open."""
        return {"status": "ok"}

    _add_mails(app, mailbox, citizen)
    _add_letters(app, folder, citizen)
    return app


def _page(name: str, title: str, citizen: str, **values: Any) -> HTMLResponse:
    body = _PAGES.get_template(name).render(title=title, citizen=citizen, **values)
    return HTMLResponse(body, headers={"Content-Security-Policy": _PAGE_POLICY})


def _add_mails(app: FastAPI, mailbox: Mailbox, citizen: str) -> None:
    def one(number: int) -> Shown:
        mails = mailbox.all()
        if not 1 <= number <= len(mails):
            raise HTTPException(404, "no such mail")
        return shown(number, mails[number - 1])

    @app.get("/mails.json")
    def raw() -> list[dict[str, Any]]:
        """Give every mail as it came."""
        return [{"to": mail.to, "raw": base64.b64encode(mail.body).decode()} for mail in mailbox.all()]

    @app.get("/")
    def mails() -> HTMLResponse:
        """List the mails."""
        listed = [shown(number, mail) for number, mail in enumerate(mailbox.all(), 1)]
        return _page("mails", "E-Mails", citizen, mails=listed[::-1])

    @app.get("/mails/{number}")
    def mail(number: int) -> HTMLResponse:
        """Show one mail: text, HTML, headers."""
        found = one(number)
        return _page("one", found.subject, citizen, mail=found)

    @app.get("/mails/{number}/html")
    def html(number: int) -> HTMLResponse:
        """Give the HTML of one mail, which may do nothing."""
        return HTMLResponse(one(number).html, headers={"Content-Security-Policy": _MAIL_POLICY})


def _add_letters(app: FastAPI, folder: Path, citizen: str) -> None:
    @app.get("/letters")
    def letters() -> HTMLResponse:
        """List the letters."""
        return _page("letters", "Briefe / letters", citizen, letters=list(letters_in(folder)))

    @app.get("/letters/{wire_id}.pdf")
    def letter(wire_id: str) -> Response:
        """Give one letter as the printer gets it."""
        path = folder / f"{wire_id}.pdf"
        if not _WIRE_ID.fullmatch(wire_id) or not path.is_file():
            raise HTTPException(404, "no such letter")
        return FileResponse(path, media_type="application/pdf")
