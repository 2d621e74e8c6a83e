"""Errors as pages: what happened, whether anything was lost, and the way on. Never a word about anybody.

Statuses are those of ``web.problems``, so that a page and a program are told the same.
"""

from collections.abc import Mapping

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from proaktiv.core import errors
from proaktiv.web import problems
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.view import Look

log = structlog.get_logger(__name__)


TOLD: Mapping[int, tuple[str, str]] = {
    400: (_("Das können wir nicht lesen"), _("Bitte gehen Sie zurück und versuchen Sie es noch einmal.")),
    401: (
        _("Bitte weisen Sie sich noch einmal aus"),
        _("Ihre Sitzung ist zu Ende oder gilt für etwas anderes. Es ist nichts verloren gegangen."),
    ),
    403: (_("Das geht hier nicht"), _("Laden Sie die Seite neu. Geht es dann noch nicht, melden Sie sich neu an.")),
    404: (_("Das gibt es hier nicht"), _("Vielleicht ist es nicht mehr offen, oder es ist nicht für Sie.")),
    405: (_("Das geht hier nicht"), _("Bitte beginnen Sie auf der Startseite.")),
    409: (
        _("Es hat sich etwas geändert"),
        _("Seit Sie nachgesehen haben, hat sich etwas geändert. Es wurde nichts gesendet. Bitte sehen Sie neu nach."),
    ),
    413: (_("Das ist zu viel"), _("Ihre Eingabe ist zu lang. Bitte kürzen Sie sie.")),
    415: (_("Das können wir nicht lesen"), _("Bitte benutzen Sie das Formular auf unserer Seite.")),
    422: (_("Etwas fehlt noch"), _("Bitte gehen Sie zurück und prüfen Sie Ihre Eingaben.")),
    429: (
        _("Zu viele Versuche"),
        _(
            "Von hier kamen zu viele Versuche, oder für heute sind es genug. Es wurde nichts gespeichert. Am Schalter"
            " und mit einem Brief an uns geht es auch ohne diese Seite. Ist Ihr Code gesperrt, schicken wir Ihnen auf"
            " Wunsch einen neuen Brief."
        ),
    ),
    500: (_("Bei uns ist etwas schiefgegangen"), _("Wir wissen davon. Bitte versuchen Sie es später noch einmal.")),
    503: (
        _("Das wird geprüft"),
        _("Gerade ist etwas nicht erreichbar. Sehen Sie in einigen Minuten nach, ob Ihre Eingabe angekommen ist; "
          "sie zählt nur einmal. Die Frist läuft auch auf dem gewöhnlichen Weg."),
    ),
}  # fmt: skip


def install(app: FastAPI, told: Mapping[int, tuple[str, str]] = TOLD, template: str = "failure.html") -> None:
    """Let this application answer every error with a page. ``told``: title and text of each status."""
    app.state.failures = told, template
    app.add_exception_handler(errors.ProaktivError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _operational)
    app.add_exception_handler(Exception, _unexpected)


def page(request: Request, status: int, seconds: int | None = None) -> HTMLResponse:
    """Return the page of a status; one without a page of its own is told as the nearest. ``seconds``: when again."""
    look: Look = request.app.state.look
    told, template = request.app.state.failures
    known = status if status in told else 500 if status >= 500 else 400
    title, text = told[known]
    answer = look.answer(request, template, status, title=title, text=text, code=status, seconds=seconds)
    if seconds is not None:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _ours(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, errors.ProaktivError)  # noqa: S101 - installed for these alone
    status = problems.shape_of(error).status
    if status == 500:
        log.error("request.failed", error=type(error).__name__)
    return page(request, status, error.retry_after_seconds if isinstance(error, errors.TooMany) else None)


def _validation(request: Request, _error: Exception) -> HTMLResponse:
    """Answer a path or query that is none of ours: for a person it is simply not there."""
    return page(request, 404)


def _http(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - installed for these alone
    return page(request, error.status_code)


def _operational(request: Request, error: Exception) -> HTMLResponse:
    assert isinstance(error, OperationalError)  # noqa: S101 - installed for these alone
    log.warning("transaction.ended", sqlstate=getattr(error.orig, "sqlstate", None))
    return page(request, 503)


def _unexpected(request: Request, _error: Exception) -> HTMLResponse:
    return page(request, 500)
