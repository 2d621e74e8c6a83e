"""The text a person decides on, byte for byte: a hash without its pre-image proves nothing (consent.md § 7).

Built from the released flow alone, so the page that shows it and the ledger that keeps it agree. Left to others: its
digest and keeping it (``consent.notices``).
"""

from proaktiv.core.lebenslagen import Datenfluss

LOCALE = "de"
MEDIA_TYPE = "text/plain; charset=utf-8"


def notice_of(fluss: Datenfluss) -> bytes:
    """Return the German notice of one data flow: what, from where, to whom, why, on which basis, and the way out."""
    lines = [
        fluss.hinweis_text[LOCALE],
        f"Zweck: {fluss.zweck}",
        f"Angaben: {', '.join(sorted(fluss.felder))}",
        f"Quelle: {fluss.quelle}",
        f"Empfänger: {fluss.empfaenger}",
        f"Rechtsgrundlage: {fluss.rechtsgrundlage}",
        f"Ohne Ihr Ja: {fluss.alternativer_weg}",
        "Sie können jederzeit widerrufen, so leicht wie Sie zustimmen. Was bis dahin geschah, bleibt rechtmäßig.",
    ]
    return "\n".join(lines).encode()
