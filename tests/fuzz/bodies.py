"""Bodies that lead somewhere, by operation: what a schema cannot know, such as what lies open and what was shown.

A maker returns nothing where there is nothing to name; then the drawn body goes.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from schemathesis.generation.case import Case

from tests.builders import a_birth
from tests.fuzz.city import WHY

if TYPE_CHECKING:
    from tests.fuzz.api import Fuzz


def _sees(fuzz: "Fuzz", case: Case) -> dict[str, Any]:
    if fuzz.resident is None:
        return {}
    return fuzz.city.sees(fuzz.resident, case.path, str(next(iter(case.path_parameters.values()))))


def _shown(fuzz: "Fuzz", case: Case) -> Any:
    seen = _sees(fuzz, case)
    return {"shown": seen["shown"]} if seen else None


def _answers(fuzz: "Fuzz", case: Case) -> Any:
    asked = _sees(fuzz, case).get("fragen", [])
    fitting = {each["name"]: each["werte"][0]["wert"] if "werte" in each else "MM-XX 1" for each in asked}
    return {"answers": fitting} if fitting else None


def _code(fuzz: "Fuzz", _case: Case) -> Any:
    whose = fuzz.random.choice(fuzz.city.residents)
    wrong = not fuzz.likely(0.8)
    return {"code": whose.code, "geburtsdatum": "1990-01-01" if wrong else whose.who.geburtsdatum}


def _event(fuzz: "Fuzz", case: Case) -> Any:
    event = a_birth(fuzz.random.choice(fuzz.city.residents).who)
    body = json.loads(event.body)
    if not fuzz.likely(0.5):
        spot = fuzz.random.choice(sorted(body["data"]))
        body["data"][spot] = case.body.get("data") if isinstance(case.body, dict) else None
    return [body] if "batch" in str(case.media_type) else body


def _form(fuzz: "Fuzz", _case: Case) -> Any:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    given = {"grant_type": "client_credentials", "client_assertion_type": kind}
    return given | {"client_assertion": fuzz.city.assertion()}


def _message(fuzz: "Fuzz", case: Case) -> Any:
    said = {"wire_id": fuzz.city.wire_id, "message_id": f"n-{fuzz.tally.cases}", "status": "acknowledged"}
    if fuzz.likely(0.5):
        return fuzz.city.message(said)
    said[fuzz.random.choice(["wire_id", "message_id", "status", "text"])] = str(case.body)
    return fuzz.city.message(said)


def _mail(fuzz: "Fuzz", _case: Case) -> Any:
    terms = fuzz.city.world.pipeline.mail_terms()
    notice = "" if terms is None else terms.notice
    return {"address": f"probe-{fuzz.random.randrange(1000)}@mail.example", "notice": notice}


def _objection(fuzz: "Fuzz", _case: Case) -> Any:
    return {"lebenslage": fuzz.random.choice(["geburt", "umzug"])}


def _export(fuzz: "Fuzz", _case: Case) -> Any:
    return {"kind": fuzz.random.choice(["log", "counts"]), "days": 1}


def _erasure(fuzz: "Fuzz", _case: Case) -> Any:
    return {"who": fuzz.random.choice(fuzz.city.residents).who.kennung, "ground": "objected", "reason": WHY}


def _hold(fuzz: "Fuzz", _case: Case) -> Any:
    wish = {"review_on": "2027-01-01", "reason": WHY}
    if fuzz.likely(0.5) and (entries := fuzz.city.staff_ids("/flows")):
        return wish | {"entry": fuzz.random.choice(entries)}
    return wish | {"from": "2026-10-01", "to": "2026-10-31", "purpose": fuzz.random.choice(["", "geburt"])}


BODIES: dict[str, Callable[["Fuzz", Case], Any]] = {
    "POST /vorschlag/{proposal_id}/ja": _shown,
    "POST /unterschrift/{auftrag_id}/ja": _shown,
    "POST /vorschlag/{proposal_id}/antwort": _answers,
    "POST /sitzung": _code,
    "POST /events": _event,
    "POST /token": _form,
    "POST /acknowledgements": _message,
    "POST /kanaele/mail": _mail,
    "POST /einwilligungen/widerspruch": _objection,
    "POST /exports": _export,
    "POST /erasures": _erasure,
    "POST /holds": _hold,
}

QUERIES: dict[str, dict[str, Any]] = {"GET /log/consistency": {"old": 1, "new": 1}}
"""Queries that lead somewhere, by operation."""
