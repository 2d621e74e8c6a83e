"""What pages of wishes that two people decide have in common: about whom, a reason, an answer, what was just done."""

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import BadInput
from proaktiv.core.sought import Incomplete, number
from proaktiv.steps.inspection import REASON_MAX, REASON_MIN
from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.staff import endings
from proaktiv.web.staff.visitor import ActingStaff, Working, page

SEE_OTHER = 303

Wishes = list[dict[str, Any]]


WHOM = _("Geben Sie eine Auftragsnummer oder die Kennung des Registers ein.")
NO_NUMBER = _(
    "Das ist keine Nummer, und nach Namen wird nicht gesucht. Geben Sie die Auftragsnummer ein (A-XXXXX-XXXXX) oder die"
    " Kennung im Register (mit Ziffern, etwa MR-000012). Ihre Eingabe wurde nicht festgehalten."
)
NOT_WHOLE = _(
    "Diese Auftragsnummer ist nicht vollständig, oder ein Zeichen ist zu viel oder falsch: Hinter dem A stehen zehn"
    " (A-XXXXX-XXXXX, kein U). Vergleichen Sie sie noch einmal."
)
_NO_ANSWER = _("Wählen Sie Ja oder Nein.")
_OPEN, _GRANTED, _DENIED = _("Offene Wünsche"), _("Erlaubte Wünsche"), _("Abgelehnte Wünsche")
_NO_REASON = _("Schreiben Sie in mindestens zehn Zeichen, warum.")


def whom_of(form: Form) -> str:
    """Return the number of whom a wish is about; what is none becomes an error, and the form forgets it.

    By its form alone, before anything is asked: it may be a name, and whether there is such a person nobody learns.
    """
    typed = form.line("wer", WHOM)
    try:
        return number(typed, "wer") if "wer" not in form.errors else typed
    except Incomplete:
        form.errors["wer"] = NOT_WHOLE
        return ""
    except BadInput:
        form.errors["wer"] = NO_NUMBER
        form.typed = {**form.typed, "wer": ""}
        return ""


def reason_of(form: Form) -> str:
    """Return the reason; what is none becomes an error of the form."""
    reason = form.line("grund", _NO_REASON, most=REASON_MAX)
    if len(" ".join(reason.split())) < REASON_MIN:
        form.errors["grund"] = _NO_REASON
    return reason


def answer_of(form: Form) -> bool:
    """Return whether somebody said yes; neither yes nor no becomes an error of the form."""
    return form.one_of("entscheidung", frozenset({"ja", "nein"}), _NO_ANSWER) == "ja"


def asked(request: Request, visitor: ActingStaff, path: str, wish: UUID, number: str) -> Response:
    """Lead back to the page of wishes; the browser remembers how the number ends that was typed."""
    response = RedirectResponse(f"{path}?eben={wish}", SEE_OTHER)
    endings.keep(request, response, visitor.proof, wish, number)
    return response


def wishes(
    request: Request, template: str, visitor: Working, form: Form, status: int, *, requests: Wishes, **found: Any
) -> Response:
    """Return a page of wishes, which says what its address tells was just asked, decided (``eben``) or taken back."""
    said = request.query_params
    done = {"just": said.get("eben", ""), "back": said.get("zurueck") == "ja"}
    _number(requests)
    listed = {"requests": requests, "groups": _by_standing(requests), "endings": endings.kept(request, visitor.proof)}
    return page(request, template, status, form=form, **done, **listed, **found, role=visitor.proof.role)


def _number(requests: Wishes) -> None:
    """Give each wish that waits its place among those of whoever asked: with one reason they would look alike.

    Whoever asks and whoever decides see the same number, for both see all that wait, the oldest first.
    """
    waiting = [each for each in requests if each["state"] == "waiting"]
    for each in waiting:
        same = [other for other in waiting if other["asked_by"] == each["asked_by"]]
        each["place"], each["of"] = same.index(each) + 1, len(same)


def _by_standing(requests: Wishes) -> list[tuple[str, Wishes]]:
    """Return the wishes under what they are called: who waits longest, and what was answered last, stands first."""
    called = {"waiting": _OPEN, "denied": _DENIED}
    found: dict[str, Wishes] = {_OPEN: [], _GRANTED: [], _DENIED: []}
    for each in requests:
        found[called.get(each["state"], _GRANTED)].append(each)
    for answered in (_GRANTED, _DENIED):
        found[answered].reverse()
    return [(heading, some) for heading, some in found.items() if some]
