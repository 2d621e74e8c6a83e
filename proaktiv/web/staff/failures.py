"""What errors are called on the office's pages: for people who work here, not for those it is about."""

from collections.abc import Mapping

from proaktiv.web.pages.failures import TOLD as TO_CITIZENS
from proaktiv.web.pages.language import marked as _

TOLD: Mapping[int, tuple[str, str]] = {
    **TO_CITIZENS,
    401: (_("Bitte melden Sie sich an"), _("Ihre Sitzung ist zu Ende. Es ist nichts verloren gegangen.")),
    403: (
        _("Das ist für eine andere Rolle"),
        _("Was Sie hier dürfen, sagt Ihre Rolle. Sonst laden Sie die Seite neu."),
    ),
    404: (_("Das gibt es hier nicht"), _("Es ist nicht da, oder nicht für Ihre Behörde.")),
    409: (_("Es hat sich etwas geändert"), _("Es wurde nichts geändert. Bitte sehen Sie neu nach.")),
    429: (
        _("Zu viele Einblicke in einer Stunde"),
        _("Mehr als die Arbeit braucht, öffnet hier niemand. Der Datenschutz sieht es. Bitte warten Sie."),
    ),
    503: (
        _("Gerade ist etwas nicht erreichbar"),
        _("Es ist nichts geschehen. Bitte versuchen Sie es später noch einmal."),
    ),
}
