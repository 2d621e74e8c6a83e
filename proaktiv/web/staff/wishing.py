"""What the forms of wishes that two people decide have in common: a reason, and an answer."""

from proaktiv.steps.inspection import REASON_MAX, REASON_MIN
from proaktiv.web.pages.forms import Form

SEE_OTHER = 303


def _(german: str) -> str:
    """Mark a sentence for the catalogues; the template translates it."""
    return german


WHOM = _("Geben Sie eine Auftragsnummer oder die Kennung des Registers ein.")
NO_ANSWER = _("Wählen Sie Ja oder Nein.")
_NO_REASON = _("Schreiben Sie in mindestens zehn Zeichen, warum.")


def reason_of(form: Form) -> str:
    """Return the reason; what is none becomes an error of the form."""
    reason = form.line("grund", _NO_REASON, most=REASON_MAX)
    if len(" ".join(reason.split())) < REASON_MIN:
        form.errors["grund"] = _NO_REASON
    return reason
