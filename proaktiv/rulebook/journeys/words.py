"""The words of a journey file, and what each stands for in the machinery. German: rule authors type them.

Closed lists, so that a slip of the keys is found. Left to others: reading (``reading``), what follows (``town``).
Source: lebenslagen.md §§ 2.1, 2.3; rules/README.md, chapter „Ganze Lebensläufe prüfen".
"""

from collections.abc import Mapping

from proaktiv.core.states import AuftragState, ProposalState

CLERK = "Sachbearbeitung"
"""The addressee of what a human in the house must do."""

DSB = "DSB"
"""The addressee of what the data-protection officer must see."""

OFFICE = (CLERK, DSB)
"""Who in the house may be named as an addressee; the first where nobody is."""

OUTCOMES = ("auftrag", "frage", "termin", "hinweis", "wiedervorlage", "manuell", "rueckruf")
"""A F T H W M R. ``rueckruf`` says of something that stood that a guard took it back."""

PROPOSAL_WORDS: Mapping[ProposalState, str] = {
    ProposalState.OPEN: "offen",
    ProposalState.LATER: "spaeter",
    ProposalState.CONFIRMED: "bestaetigt",
    ProposalState.DECLINED: "abgelehnt",
    ProposalState.SUPERSEDED: "ersetzt",
    ProposalState.LAPSED: "nicht_mehr_offen",
    ProposalState.RECALLED: "zurueckgerufen",
}
AUFTRAG_WORDS: Mapping[AuftragState, str] = {
    AuftragState.AWAITING_SIGNATURE: "wartet_auf_unterschrift",
    AuftragState.HELD: "ruecknehmbar",
    AuftragState.READY: "bereit",
    AuftragState.ANNOUNCED: "unterwegs",
    AuftragState.SENT: "gesendet",
    AuftragState.ACKNOWLEDGED: "quittiert",
    AuftragState.QUESTION: "rueckfrage",
    AuftragState.DECIDED: "entschieden",
    AuftragState.REJECTED: "zurueckgewiesen",
    AuftragState.WITHDRAWN: "zurueckgezogen",
    AuftragState.WITH_CITIZEN: "bei_person",
    AuftragState.IN_DOUBT: "ungewiss",
}
PLANNED, DELETED, TASK = "geplant", "gestrichen", "zu_tun"
STATES = (*PROPOSAL_WORDS.values(), *AUFTRAG_WORDS.values(), PLANNED, DELETED, TASK)

NEW, CHANGED, RECALLED, SAME = "neu", "geaendert", "zurueckgerufen", "unveraendert"
CONFIRMED, DECLINED, LATER, CLOSED = "bestaetigt", "abgelehnt", "spaeter", "geschlossen"
LAPSED, REOPENED, ONWARD, WITHDRAWN = "verfallen", "wieder_offen", "weiter", "zurueckgezogen"
HOWS = (
    *(NEW, CHANGED, RECALLED, CONFIRMED, DECLINED, LATER, CLOSED, LAPSED, REOPENED, ONWARD, WITHDRAWN),
    *(DELETED, SAME),
)
"""How an item came to be as it is since the last look."""

SEEN_FROM = ("V0", "V1", "V2", "V3", "nie")
"""From which trust level on a person can see what was prepared for them."""

VERDICTS = ("angenommen", "doppelt", "widerspruch", "abgewiesen")
"""What the intake says of a report."""

CHANNELS = ("brief", "email", "app")
"""Ways on which something comes to a person without their doing."""

MESSAGE_STATES = ("gesendet", "wartet", "abgebrochen")

ANSWERS: Mapping[str, AuftragState] = {
    "angenommen": AuftragState.SENT,
    "quittiert": AuftragState.ACKNOWLEDGED,
    "rueckfrage": AuftragState.QUESTION,
    "entschieden": AuftragState.DECIDED,
    "zurueckgewiesen": AuftragState.REJECTED,
}
"""What a Behörde says. ``angenommen``: a sheet that the person handed in arrived there."""

_LEBENSLAGEN = {
    "E-GEB": "geburt",
    "E-UMZ": "umzug",
    "E-HEI": "heirat",
    "E-STE": "sterbefall",
    "E-EIN": "einschulung",
    "E-VOL": "volljaehrigkeit",
    "E-REN": "rente",
    "E-ZUZ": "zuzug",
    "E-PFL": "pflege",
    "E-AUS": "ausweis",
}
_CHANNEL_CODES = {"K-APP": "APP", "K-POST": "LETTER", "K-MAIL": "MAIL", "K-PULL": "PULL"}
_REGISTERS = {
    "P-MELD": "MELDEREGISTER",
    "P-PST": "PERSONENSTANDSREGISTER",
    "P-IDNR": "BZST",
    "P-FK": "FAMILIENKASSE",
    "P-EGS": "ELTERNGELDSTELLE",
    "P-WOG": "WOHNGELDBEHOERDE",
    "P-ZFZR": "ZULASSUNG",
    "P-HUND": "STEUERAMT",
    "P-EINK": "EINKOMMEN",
    "P-AZR": "AZR",
}
REGISTERS = tuple(_REGISTERS.values())
"""What the registers are called where a consent allows looking things up."""

_SPECIAL = ("A9-G", "A9-R", "A9-S")
CONSENT_CODES = (*_LEBENSLAGEN, *_CHANNEL_CODES, *_REGISTERS, *_SPECIAL)


def covers(code: str, activity: str) -> bool:
    """Return whether a consent code of lebenslagen.md § 2.3 stands for an activity ``<lebenslage>/<flow>``."""
    lebenslage, _, flow = activity.partition("/")
    if code in _LEBENSLAGEN:
        return lebenslage == _LEBENSLAGEN[code] and flow in ("watch", "match")
    if code in _CHANNEL_CODES:
        return flow == f"propose/{_CHANNEL_CODES[code]}"
    return code in _REGISTERS and flow == f"prefill/{_REGISTERS[code]}"
