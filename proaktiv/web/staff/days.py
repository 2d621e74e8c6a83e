"""First and last day on the office's forms: typed as people here write days, and what is wrong said by field."""

from datetime import date

from proaktiv.web.pages.forms import Form
from proaktiv.web.pages.language import marked as _

FIRST_WRONG = _("Erster Tag: Geben Sie ihn wie 14.10.2026 ein.")
LAST_WRONG = _("Letzter Tag: Geben Sie ihn wie 14.10.2026 ein.")
LAST_BEFORE_FIRST = _("Letzter Tag: Er liegt vor dem ersten. Tauschen Sie die beiden.")


def first_and_last(form: Form) -> tuple[date | None, date | None]:
    """Return the days of the fields ``von`` and ``bis``, None where nothing is typed."""
    first_on, last_on = form.typed_day("von", FIRST_WRONG), form.typed_day("bis", LAST_WRONG)
    if first_on and last_on and last_on < first_on:
        form.errors["bis"] = LAST_BEFORE_FIRST
    return first_on, last_on
