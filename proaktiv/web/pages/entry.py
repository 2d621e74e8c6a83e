"""The way in and out: home, code, enrolment, language, leaving, and what every site must say."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from proaktiv.core.errors import NotProven
from proaktiv.core.trust import Trust
from proaktiv.steps.enrol import Wish
from proaktiv.web.asking import NetDep
from proaktiv.web.pages import language
from proaktiv.web.pages.forms import Fields, Form
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.visitor import AccountWayDep, Acting, DoorDep, LookDep, PipelineDep

router = APIRouter()

SEE_OTHER = 303


CODE_WRONG = _("Code und Geburtsdatum passen nicht zusammen, oder der Code gilt nicht mehr.")
CODE_LENGTH = _("Geben Sie alle dreizehn Zeichen des Codes ein.")
DAY_WRONG = _("Geben Sie das Geburtsdatum mit Tag, Monat und Jahr ein, zum Beispiel 31 3 1990 oder 00 00 1990.")


@router.get("/")
def home(request: Request, look: LookDep) -> Response:
    """Show what this is and the ways in."""
    return look.answer(request, "home.html")


@router.get("/b")
def code(request: Request, look: LookDep) -> Response:
    """Ask for the letter's code; one in the address stays in the fragment, which no server sees."""
    return look.answer(request, "code.html", form=Form({}))


@router.post("/b")
def prove(
    request: Request, fields: Fields, look: LookDep, net: NetDep, pipeline: PipelineDep, door: DoorDep
) -> Response:
    """Open a session by code and birth date, or say the one thing that is said of every wrong pair."""
    form = Form(fields)
    typed = form.line("code", CODE_LENGTH, most=40)
    born = form.born("geburt", DAY_WRONG)
    if not form.well:
        return look.answer(request, "code.html", 422, form=form)
    try:
        session = pipeline.prove(typed, born, net)
    except NotProven:
        form.errors["code"] = CODE_WRONG
        return look.answer(request, "code.html", 401, form=form)
    to = "/einwilligungen/entscheiden" if session.purpose == "activation" else "/uebersicht"
    response = RedirectResponse(to, SEE_OTHER)
    door.let_in(response, session.token)
    return response


@router.get("/anmelden")
def enrolment(request: Request, look: LookDep) -> Response:
    """Ask who wants to be known here."""
    return look.answer(request, "enrol.html", form=Form({}))


@router.post("/anmelden")
def enrol(request: Request, fields: Fields, look: LookDep, net: NetDep, pipeline: PipelineDep) -> Response:
    """Keep the wish; the answer is the same whatever becomes of it."""
    form = Form(fields)
    wish = Wish(
        vornamen=form.line("vornamen", _("Geben Sie Ihre Vornamen ein, wie sie im Ausweis stehen.")),
        familienname=form.line("familienname", _("Geben Sie Ihren Familiennamen ein.")),
        geburtsdatum=form.born("geburt", DAY_WRONG).isoformat(),
        strasse=form.line("strasse", _("Geben Sie Straße und Hausnummer ein.")),
        plz=form.matching("plz", "[0-9]{5}", _("Geben Sie die Postleitzahl mit fünf Ziffern ein.")),
        ort=form.line("ort", _("Geben Sie den Ort ein.")),
    )
    if not form.well:
        return look.answer(request, "enrol.html", 422, form=form)
    if wish.geburtsdatum > pipeline.clock().date().isoformat():
        form.errors["geburt"] = DAY_WRONG
        return look.answer(request, "enrol.html", 422, form=form)
    pipeline.enrol(wish, net)
    return RedirectResponse("/anmelden/danke", SEE_OTHER)


@router.get("/anmelden/danke")
def thanks(request: Request, look: LookDep) -> Response:
    """Say what happens next; the same for everybody."""
    return look.answer(request, "enrolled.html")


@router.post("/abmelden")
def leave(request: Request, visitor: Acting, pipeline: PipelineDep, way: AccountWayDep, door: DoorDep) -> Response:
    """End the session, here and in the browser; whoever came with an account is told where else to leave."""
    pipeline.leave(door.token(request))
    with_account = way.party is not None and visitor.proof.trust > Trust.V1
    response = RedirectResponse("/konto/abgemeldet" if with_account else "/", SEE_OTHER)
    door.let_out(response)
    return response


@router.post("/sprache")
def speak(request: Request, fields: Fields, door: DoorDep) -> Response:
    """Remember the language, and go back to where the visitor was."""
    back = urlsplit(request.headers.get("referer", "")).path
    to = back if back.startswith("/") and not back.startswith("//") else "/"
    response = RedirectResponse(to, SEE_OTHER)
    if fields.get("sprache") in language.LANGUAGES:
        door.keep(response, language.COOKIE, fields["sprache"], 31536000)
    return response


_STANDING = {
    "barrierefreiheit": "accessibility.html",
    "datenschutz": "privacy.html",
    "leichte-sprache": "easy.html",
}


def _standing(name: str, template: str) -> None:
    @router.get(f"/{name}", name=name)
    def show(request: Request, look: LookDep) -> Response:
        """Show a page that says the same to everybody."""
        return look.answer(request, template)


for _name, _template in _STANDING.items():
    _standing(_name, _template)
