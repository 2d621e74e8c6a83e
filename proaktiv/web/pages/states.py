"""What the states of ``core.states`` are called on a page, and what an entry of the log says to the person.

German sentences; the other languages translate them in their catalogues. A state without a name here breaks a test.
Left to others: codes of the log as those read them who oversee (``log_words``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from proaktiv.web.pages.language import Catalogue
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.log_words import called


@dataclass(frozen=True, slots=True)
class Badge:
    """A word for a state and its colour: info, success, warning or danger. A colour never stands alone."""

    text: str
    kind: str


_BADGES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "proposal": {
        "open": (_("Wartet auf Sie"), "warning"),
        "later": (_("Später"), "warning"),
        "confirmed": (_("Von Ihnen bestätigt"), "success"),
        "declined": (_("Von Ihnen abgelehnt"), "info"),
        "lapsed": (_("Nicht mehr offen"), "info"),
    },
    "told": {
        "open": (_("Zur Information"), "info"),
        "declined": (_("Von Ihnen abgelehnt"), "info"),
        "lapsed": (_("Nicht mehr aktuell"), "info"),
    },
    "auftrag": {
        "awaiting_signature": (_("Zweite Unterschrift fehlt"), "warning"),
        "held": (_("Wartet noch bei uns"), "info"),
        "ready": (_("Geht gleich hinaus"), "info"),
        "announced": (_("Wird übergeben"), "info"),
        "sent": (_("Bei der Behörde"), "info"),
        "acknowledged": (_("Von der Behörde bestätigt"), "success"),
        "question": (_("Die Behörde fragt zurück"), "warning"),
        "decided": (_("Entschieden"), "success"),
        "rejected": (_("Von der Behörde abgelehnt"), "danger"),
        "withdrawn": (_("Von Ihnen widerrufen"), "info"),
        "with_citizen": (_("Bitte selbst abgeben"), "warning"),
        "in_doubt": (_("Wird geprüft"), "warning"),
        "undone": (_("Von Ihnen zurückgenommen"), "info"),
    },
    "signature": {
        "requested": (_("Wartet auf Ihre Unterschrift"), "warning"),
        "signed": (_("Von Ihnen unterschrieben"), "success"),
    },
    "consent": {
        "given": (_("Ja"), "success"),
        "refused": (_("Nein"), "info"),
        "withdrawn": (_("Widerrufen"), "info"),
        "requested": (_("Noch nicht entschieden"), "warning"),
        "expired": (_("Abgelaufen"), "info"),
        "lapsed": (_("Abgelaufen"), "info"),
        "revoked": (_("Beendet"), "info"),
        "objected": (_("Widersprochen"), "info"),
        "superseded": (_("Ersetzt"), "info"),
    },
}


_TO_STAFF: Mapping[str, tuple[str, str]] = {
    "sent": (_("Neu"), "warning"),
    "acknowledged": (_("Eingang bestätigt"), "success"),
    "question": (_("Rückfrage gestellt"), "info"),
    "decided": (_("Entschieden"), "success"),
    "rejected": (_("Abgelehnt"), "danger"),
    "withdrawn": (_("Von der Person widerrufen"), "warning"),
}
_SIGNED: Mapping[str, str] = {
    "signed": _("unterschrieben"),
    "requested": _("angefragt"),
    "refused": _("abgelehnt"),
    "closed": _("entfallen"),
}
_STANDINGS: Mapping[str, tuple[str, str]] = {
    "queued": (_("Wartet auf seinen Platz"), "warning"),
    "integrated": (_("Im Protokoll"), "info"),
    "witnessed": (_("Von Zeugen gesehen"), "success"),
    "timestamped": (_("Mit Zeitstempel"), "success"),
    "erased": (_("Person vernichtet"), "info"),
    "pruned": (_("Nach Frist gelöscht"), "info"),
}
"""How far an entry of the log has come, as the DSB reads it."""
_WAYS: Mapping[str, str] = {
    "done": _("Erledigt"),
    "again": _("Noch einmal versuchen"),
    "arrived": _("Ist angekommen"),
    "to_citizen": _("Der Person als Blatt geben"),
    "withdrawn": _("Die Person will ihn nicht mehr"),
}


def staff_badge(state: str, words: Catalogue) -> Badge:
    """Return the badge of an Auftrag's state as those see it who work on it."""
    text, kind = _TO_STAFF.get(state) or _BADGES["auftrag"].get(state) or (state, "info")
    return Badge(words.gettext(text), kind)


def signature_name(state: str, words: Catalogue) -> str:
    """Return what a signature's state is called."""
    return words.gettext(_SIGNED.get(state, state))


def standing_badge(state: str, words: Catalogue) -> Badge:
    """Return the badge of how far an entry of the log has come."""
    text, kind = _STANDINGS[state]
    return Badge(words.gettext(text), kind)


_GROUNDS: Mapping[str, str] = {
    "unneeded": _("Die Daten werden nicht mehr gebraucht (Buchst. a)."),
    "withdrawn": _("Die Einwilligung wurde widerrufen (Buchst. b)."),
    "objected": _("Die Person hat widersprochen (Buchst. c)."),
    "unlawful": _("Die Daten wurden unrechtmäßig verarbeitet (Buchst. d)."),
    "obliged": _("Ein Gesetz verlangt die Löschung (Buchst. e)."),
}
"""Of ``keys.erasing.Reason``."""
_ZONES: Mapping[str, str] = {"CET": _("MEZ"), "CEST": _("MESZ")}


def ground_name(ground: str, words: Catalogue) -> str:
    """Return what a ground of Art. 17 (1) DSGVO is called."""
    return words.gettext(_GROUNDS[ground])


def zone(moment: datetime, words: Catalogue) -> str:
    """Return what the time in Berlin is called at a moment there."""
    name = moment.strftime("%Z")
    return words.gettext(_ZONES.get(name, name))


def way_name(way: str, words: Catalogue) -> str:
    """Return what a way out of a task is called."""
    return words.gettext(_WAYS.get(way, way))


def badge(table: str, state: str, words: Catalogue) -> Badge:
    """Return the badge of a state; ``table`` is proposal, auftrag, signature or consent. Raises ``KeyError``."""
    text, kind = _BADGES[table][state]
    return Badge(words.gettext(text), kind)


def named(table: str) -> frozenset[str]:
    """Return the states of a table that have a name."""
    return frozenset(_BADGES[table])


_TRACK: tuple[tuple[str, frozenset[str]], ...] = (
    (_("Bestätigt"), frozenset()),
    (_("Bei der Behörde"), frozenset({"sent", "acknowledged", "question", "decided", "rejected"})),
    (_("Eingang bestätigt"), frozenset({"acknowledged", "question", "decided", "rejected"})),
    (_("Entschieden"), frozenset({"decided", "rejected"})),
)


def track(state: str) -> list[tuple[str, bool]]:
    """Return the stations of an Auftrag's way and whether it has been there."""
    return [(text, not reached or state in reached) for text, reached in _TRACK]


SENTENCES: Mapping[str, str] = {
    "event.received": _("Ein Register hat ein Ereignis gemeldet."),
    "event.admitted": _("Die Meldung wurde geprüft und für Sie bearbeitet."),
    "event.refused": _("Die Meldung wurde nicht bearbeitet."),
    "event.stopped": _("Die Bearbeitung wurde angehalten."),
    "event.set_aside": _("Eine Meldung konnte nicht bearbeitet werden."),
    "address.renewed": _("Ihre neue Anschrift wurde übernommen. Briefe gehen von nun an dorthin."),
    "address.compared": _("Eine Meldung wurde durchgesehen: Briefe gehen weiter an die bekannte Anschrift."),
    "register.asked": _("Ein Register wurde gefragt."),
    "register.not_asked": _("Ein Register wurde nicht gefragt."),
    "register.answered": _("Ein Register hat geantwortet."),
    "register.not_answered": _("Ein Register hat nicht geantwortet."),
    "letter.written": _("Ein Brief an Sie wurde geschrieben."),
    "letter.not_written": _("Ein Brief an Sie wurde nicht geschrieben."),
    "letter.handed_over": _("Ein Brief an Sie ging hinaus."),
    "letter.not_handed_over": _("Ein Brief an Sie ging nicht hinaus, oder es ist nicht bekannt."),
    "mail.written": _("Eine E-Mail an Sie wurde geschrieben."),
    "mail.not_written": _("Eine E-Mail an Sie wurde nicht geschrieben."),
    "mail.handed_over": _("Eine E-Mail an Sie ging hinaus."),
    "mail.not_handed_over": _("Eine E-Mail an Sie ging nicht hinaus, oder es ist nicht bekannt."),
    "mail_address.given": _("Sie haben eine E-Mail-Adresse angegeben. Erst mit dem Code von dort gilt sie."),
    "mail_address.confirmed": _("Sie haben Ihre E-Mail-Adresse bestätigt."),
    "mail_address.not_confirmed": _("Eine E-Mail-Adresse wurde nicht bestätigt: Der Code war zu oft falsch."),
    "mail_address.stopped": _("Jemand mit einer E-Mail von uns hat verlangt: keine E-Mails mehr."),
    "mail.bounced": _("Eine E-Mail an Sie kam nicht an."),
    "mail_address.removed": _("Sie haben Ihre E-Mail-Adresse entfernt."),
    "auftrag.confirmed": _("Sie haben einen Auftrag erteilt."),
    "auftrag.signed": _("Sie haben einen Auftrag unterschrieben."),
    "auftrag.sent": _("Ein Auftrag ging an die Behörde."),
    "auftrag.not_sent": _("Ein Auftrag ging nicht an die Behörde."),
    "auftrag.handed_over": _("Die Behörde hat einen Auftrag bekommen."),
    "auftrag.not_handed_over": _("Ein Auftrag kam bei der Behörde nicht an, oder es ist nicht bekannt."),
    "auftrag.undone": _("Sie haben einen Auftrag zurückgenommen."),
    "auftrag.withdrawn": _("Sie haben einen Auftrag widerrufen."),
    "acknowledgement.received": _("Die Behörde hat geantwortet."),
    "consent.given": _("Sie haben eingewilligt."),
    "consent.refused": _("Sie haben nicht eingewilligt."),
    "consent.objected": _("Sie haben widersprochen."),
    "consent.withdrawn": _("Sie haben eine Einwilligung widerrufen."),
    "account.compared": _("Ihr Nutzerkonto hat uns gesagt, wem es gehört. Wir haben es nur verglichen."),
    "account.bound": _("Sie haben Ihr Nutzerkonto verbunden."),
    "account.not_bound": _("Ein Nutzerkonto wurde nicht mit Ihnen verbunden."),
    "account.unbound": _("Sie haben Ihr Nutzerkonto getrennt."),
    "account.entered": _("Sie haben sich mit Ihrem Nutzerkonto angemeldet."),
    "code.entered": _("Mit einem Code aus einem Brief und Ihrem Geburtsdatum hat jemand Ihre Seite geöffnet."),
    "code.locked": _("Ein Code aus einem Brief wurde gesperrt: Das Geburtsdatum dazu war zu oft falsch."),
    "enrolment.requested": _("Sie haben sich angemeldet."),
    "matter.recalled": _("Etwas wurde zurückgeholt, bevor es hinausging."),
    "proposal.declined": _("Sie haben einen Vorschlag abgelehnt."),
    "proposal.postponed": _("Sie haben „Später“ gesagt."),
    "proposal.lapsed": _("Ein Vorschlag ist nicht mehr offen."),
    "question.answered": _("Sie haben eine Frage beantwortet."),
    "signature.refused": _("Sie haben nicht unterschrieben."),
    "signature.undone": _("Sie haben Ihre Unterschrift zurückgenommen."),
    "auftrag.opened": _("Jemand im Amt hat Ihren Auftrag geöffnet, um ihn zu bearbeiten."),
    "person.looked_up": _("Jemand im Amt hat nachgesehen, wer Ihre Daten gesehen hat (Datenschutz)."),
    "flow.opened": _("Jemand im Amt hat einen Eintrag über Sie geöffnet (Datenschutz)."),
    "flow.proven": _("Jemand im Amt hat einen Beleg über einen Ihrer Einträge mitgenommen (Datenschutz)."),
    "entry.released": _("Ein Eintrag, der bisher zurückgehalten war, wird Ihnen von nun an gezeigt."),
    "hold.placed": _("Daten über Sie werden vorerst nicht gelöscht."),
    "hold.released": _("Daten über Sie werden wieder nach ihrer Frist gelöscht."),
    "task.ended": _("Jemand im Amt hat sich um Ihre Sache gekümmert."),
}
"""Action of a log entry → what it means to the person. An action without a sentence is shown by its kind."""

_KINDS: Mapping[str, str] = {
    "authorised": _("Ihre Daten sollten weitergegeben werden."),
    "outcome": _("Ihre Daten wurden weitergegeben."),
    "access": _("Jemand hat Ihre Daten angesehen."),
    "received": _("Wir haben Daten über Sie bekommen."),
    "admitted": _("Daten über Sie wurden bearbeitet."),
    "refused": _("Eine Bearbeitung wurde verweigert."),
    "consent_changed": _("Sie haben über eine Einwilligung entschieden."),
    "confirmed": _("Sie haben einen Auftrag erteilt."),
    "act": _("Sie haben etwas entschieden."),
    "erasure": _("Daten über Sie wurden gelöscht."),
    "recall": _("Etwas wurde beendet."),
    "retention": _("Daten wurden nach Ablauf der Frist gelöscht."),
    "incident": _("Etwas ist schiefgegangen."),
    "key": _("Ein Schlüssel wurde geändert."),
    "succession": _("Das Protokoll wurde in einem neuen fortgesetzt."),
}


def sentence(action: tuple[str, str], words: Catalogue) -> str:
    """Return the sentence of an entry: ``action`` is (action, kind)."""
    what, kind = action
    return words.gettext(SENTENCES.get(what) or _KINDS.get(kind) or what)


_PARTIES: Mapping[str, str] = {"citizen": _("Sie selbst"), "person": _("Sie"), "nutzerkonto": _("Ihr Nutzerkonto")}
_OWN_BASES: Mapping[str, str] = {"act of the person": _("Ihre eigene Handlung")}


def party(name: str, words: Catalogue) -> str:
    """Return who sent or got something; the person reads „Sie“."""
    return words.gettext(_PARTIES[name]) if name in _PARTIES else called("sender", name, words)


def own_basis(basis: str, words: Catalogue) -> str:
    """Return on which basis something happened, as the person reads it."""
    return words.gettext(_OWN_BASES[basis]) if basis in _OWN_BASES else called("basis", basis, words)
