"""What the codes of the flow log are called on a page: kinds, acts, results, purposes, bases, parties, reasons.

One table per column, in German; the other languages translate them in their catalogues. Spoken to those who oversee and
work here; what the person reads of the same entry stands in ``states.SENTENCES``. A code of the house without a word
here breaks a test. Left to others: how law is cited (``core.citations``), facts that rules name (``core.lebenslagen``).
"""

import re
from collections.abc import Mapping
from typing import Any

from proaktiv.core.citations import cited, spellings
from proaktiv.core.flows import Kind
from proaktiv.core.tasks import TASKS
from proaktiv.web.pages.language import LANGUAGES, Catalogue, catalogue
from proaktiv.web.pages.language import marked as _
from proaktiv.web.pages.log_actions import ACTIONS

KINDS: Mapping[str, str] = {
    "authorised": _("Erlaubt, vor der Übermittlung"),
    "outcome": _("Ergebnis einer Übermittlung"),
    "erasure": _("Löschung einer Person"),
    "access": _("Einblick"),
    "key": _("Schlüssel"),
    "retention": _("Frist, Sperre oder Freigabe"),
    "succession": _("Nachfolge eines Protokolls"),
    "received": _("Eingang"),
    "admitted": _("Zugelassen"),
    "refused": _("Verweigert"),
    "consent_changed": _("Einwilligung geändert"),
    "confirmed": _("Bestätigung"),
    "incident": _("Vorfall"),
    "act": _("Handlung"),
    "recall": _("Rückruf"),
}
"""Of ``core.flows.Kind``."""

OUTCOMES: Mapping[str, str] = {
    # of what went out
    "done": _("angekommen"),
    "done_before": _("war schon angekommen"),
    "again_later": _("wird noch einmal versucht"),
    "not_known": _("nicht bekannt, ob es ankam"),
    "away": _("Gegenstelle nicht erreichbar"),
    "failed": _("endgültig nicht angekommen"),
    "announced": _("angekündigt"),
    "handed_over": _("übergeben"),
    "skipped": _("ausgelassen"),
    "cancelled": _("abgesagt"),
    "in_doubt": _("ungewiss"),
    "bounced_hard": _("endgültig unzustellbar"),
    "bounced_soft": _("vorläufig unzustellbar"),
    # of what the gate said
    "activity_not_approved": _("Verarbeitung nicht freigegeben"),
    "caller_not_party": _("nicht für dieses Haus"),
    "subject_unresolved": _("Person nicht bekannt"),
    "protected": _("Person steht unter Schutz"),
    "deceased": _("Person verstorben"),
    "norm_not_in_force": _("Norm gilt an diesem Tag nicht"),
    "recipient_not_covered": _("Empfänger nicht erfasst"),
    "fields_not_covered": _("Angaben nicht erfasst"),
    "no_consent": _("keine Einwilligung"),
    "refused": _("abgelehnt"),
    "withdrawn": _("widerrufen"),
    "expired": _("abgelaufen"),
    "lapsed": _("verfallen"),
    "revoked": _("beendet"),
    "objection_open": _("über einen Widerspruch ist noch nicht entschieden"),
    "default_deny": _("nicht erlaubt"),
    "no_disclosure": _("keine Einwilligung, oder hier nicht bekannt"),
    "schutz": _("zum Schutz einer Person"),
    # of acts and messages
    "received": _("eingegangen"),
    "admitted": _("zugelassen"),
    "confirmed": _("bestätigt"),
    "given": _("gegeben"),
    "objected": _("widersprochen"),
    "undone": _("zurückgenommen"),
    "declined": _("abgelehnt"),
    "postponed": _("verschoben"),
    "answered": _("beantwortet"),
    "removed": _("entfernt"),
    "bound": _("verbunden"),
    "unbound": _("getrennt"),
    "entered": _("angemeldet"),
    "locked": _("gesperrt"),
    "taken": _("Konto gehört schon zu jemandem"),
    "not_fitting": _("passt nicht zur Person"),
    "too_low": _("Vertrauensniveau zu niedrig"),
    "wrong_code": _("Code zu oft falsch"),
    "acknowledged": _("Eingang bestätigt"),
    "question": _("Rückfrage"),
    "decided": _("entschieden"),
    "rejected": _("abgelehnt"),
    # of the house
    "again": _("noch einmal dieselbe Antwort"),
    "found": _("gefunden"),
    "not_found": _("niemand gefunden"),
    "not_kept": _("nicht behalten"),
    "misrouted": _("gehört nicht hierher"),
    "held": _("angehalten"),
    "stopped": _("angehalten"),
    "released": _("freigegeben"),
    "recalled": _("zurückgeholt"),
    "lifted": _("aufgehoben"),
    "arrived": _("ist angekommen"),
    "to_citizen": _("der Person als Blatt gegeben"),
    "placed": _("gesperrt"),
    "deleted": _("gelöscht"),
    "erased": _("gelöscht"),
    "unneeded": _("nicht mehr gebraucht"),
    "unlawful": _("unrechtmäßig verarbeitet"),
    "obliged": _("ein Gesetz verlangt es"),
    "more": _("es geht weiter"),
    "finished": _("beendet"),
    "begun": _("begonnen"),
    "ended": _("beendet"),
    "left": _("es blieben Schlüssel übrig"),
    "restored": _("zurückgeholt"),
    "event.house_refused": ACTIONS["event.house_refused"],
    "event.broken": ACTIONS["event.broken"],
    # where the same code says something else
    "task.ended done": _("erledigt"),
    "register.answered done": _("beantwortet"),
    "register.answered done_before": _("war schon beantwortet"),
    "task.ended again": _("noch einmal versuchen"),
    "source.rejected rejected": _("verworfen"),
}
"""Of ``Flow.outcome``; with an action before it, of that action alone."""

PURPOSES: Mapping[str, str] = {
    "anmeldung": _("Anmeldung"),
    "aufbewahrung": _("Aufbewahrung"),
    "auftrag": _("Auftrag"),
    "auskunft": _("Auskunft an die Person"),
    "betrieb": _("Betrieb"),
    "beziehung": _("Beziehung zwischen Personen"),
    "brief": _("Brief"),
    "datenschutzaufsicht": _("Datenschutzaufsicht"),
    "ereignis": _("Meldung eines Registers"),
    "erreichbarkeit": _("Erreichbarkeit"),
    "fakten": _("Angaben zur Person"),
    "geburt": _("Geburt"),
    "konto": _("Nutzerkonto"),
    "loeschung": _("Löschung"),
    "mail": _("E-Mail"),
    "mail_address": _("E-Mail-Adresse"),
    "proposal": _("Antwort auf einen Vorschlag"),
    "protokoll": _("Aufbewahrung des Protokolls"),
    "protokollnachfolge": _("Nachfolge des Protokolls"),
    "protokollschluessel": _("Schlüssel des Protokolls"),
    "question": _("Frage"),
    "schluessel": _("Schlüssel der Daten"),
    "schutz": _("Schutz einer Person"),
    "schutzvermerk": _("Schutzvermerk"),
    "sicherheit": _("Sicherheit"),
    "signature": _("Unterschrift"),
    "spur": _("Spur eines Vorgangs"),
    "sterbefall": _("Sterbefall"),
    "storno": _("Storno"),
    "umzug": _("Umzug"),
    "vorschlag": _("Vorschlag"),
    "zugang": _("Zugang"),
}
"""Of ``Flow.purpose`` where it is a code; of a flow that rules declare it is a sentence of theirs."""

BASES: Mapping[str, str] = {
    "act of the person": _("Handlung der Person selbst"),
    "einwilligung": _("Einwilligung"),
    "schutz": _("Schutz einer Person"),
    "Ablauf der Frist": _("Ablauf der Frist"),
}
"""Of ``Flow.basis`` where it is no citation."""

LACKED: Mapping[str, str] = {"einwilligung": _("es fehlte: Einwilligung")}
"""The same where an entry says that it was not there."""

_WITHOUT_CONSENT = frozenset({"no_consent", "no_disclosure", "refused", "withdrawn", "expired", "lapsed", "revoked"})

PARTIES: Mapping[str, str] = {
    "citizen": _("die Person"),
    "person": _("die Person"),
    "nutzerkonto": _("Nutzerkonto der Person"),
    "relay": _("Mailserver"),
    "system": _("das Programm selbst"),
}
"""Of senders, receivers and actors that no table of the house names (``parties``)."""

CATEGORIES: Mapping[str, str] = {
    "anschrift": _("Anschrift"),
    "anschrift_alt": _("Frühere Anschrift"),
    "anschrift_neu": _("Neue Anschrift"),
    "ars": _("Regionalschlüssel (ARS)"),
    "auftrag": _("Auftrag"),
    "bearbeitungsstand": _("Stand der Bearbeitung"),
    "eintrag": _("Eintrag im Register"),
    "ereignis_am": _("Tag des Ereignisses"),
    "familienname": _("Familienname"),
    "geburtsdatum": _("Geburtsdatum"),
    "name": _("Name"),
    "unterschrift": _("Unterschrift"),
    "vornamen": _("Vornamen"),
    "zustellung": _("Zustellung"),
}
"""Of ``Flow.categories`` that no rule names and that are more than a word typed small."""

_GUARDS: Mapping[str, str] = {
    "V01": _("Totgeburt"),
    "V02": _("Kind verstorben"),
    "V03": _("vertrauliche Geburt"),
    "V04": _("Adoption"),
    "V05": _("Sperrvermerk"),
    "V06": _("Auskunftssperre (§ 51 BMG)"),
    "V07": _("bedingter Sperrvermerk (§ 52 BMG)"),
    "V08": _("Person verstorben"),
    "V09": _("Sorge entzogen"),
    "V10": _("Eltern getrennt"),
    "V11": _("minderjährig"),
    "V12": _("Betreuung"),
    "V13": _("Rechtsstand geändert"),
    "V14": _("Storno"),
    "V15": _("Einwilligung fehlt"),
}
"""Of ``core.guards.Guard``: they stand in part A alone."""

FACTS: Mapping[str, str] = {
    "t": _("Wann"),
    "kind": _("Art"),
    "action": _("Vorgang"),
    "outcome": _("Ergebnis"),
    "from": _("Von"),
    "to": _("An"),
    "to_name": _("Name des Empfängers"),
    "to_system": _("System des Empfängers"),
    "categories": _("Welche Daten"),
    "purpose": _("Zweck"),
    "basis": _("Rechtsgrundlage"),
    "scope": _("Freigegebener Text"),
    "rule": _("Regel"),
    "n": _("Anzahl"),
    "restrict": _("Der Person nicht gezeigt"),
    "of": _("Gehört zu Eintrag"),
    "listed": _("Länge der Liste der Gelöschten"),
    "minimum": _("Erster Platz, ab dem alles da ist"),
    "removed": _("So viele davor sind gelöscht"),
    "removed_erased": _("Bei so vielen davon war Teil S schon vernichtet"),
    "flow": _("Nummer des Eintrags"),
    "seq": _("Nummer unter den Einträgen der Person"),
    "consent": _("Einwilligung"),
    "replaces": _("Ersetzt die Einwilligung"),
    "outbox": _("Sendung"),
    "actor": _("Wer"),
    "case": _("Aktenzeichen oder Sache"),
    "ip": _("Adresse"),
    "reason": _("Warum"),
    "erased": _("Plätze der gelöschten Einträge"),
    "erased_unplaced": _("Gelöschte Einträge ohne Platz"),
}
"""Members of the parts of an entry (``core.flows``), in the order in which they are read."""

_NAMED_BY_RULES = ("purpose", "category")
_DAYS = re.compile("days ([0-9]+)")
GOOD_FOR = _("gilt %(days)s Tage")
_SMALL = re.compile("[a-zäöüß]+(?:_[a-zäöüß]+)*")
_TABLES: Mapping[str, Mapping[str, str]] = {
    "kind": KINDS,
    "action": ACTIONS,
    "outcome": OUTCOMES,
    "purpose": PURPOSES,
    "basis": BASES,
    "sender": PARTIES,
    "receiver": PARTIES,
    "actor": PARTIES,
    "category": CATEGORIES,
    "fact": FACTS,
    "reason": {**OUTCOMES, **_GUARDS, **{what: task.says for what, task in TASKS.items()}},
}


def called(column: str, code: str, words: Catalogue, action: str = "") -> str:
    """Return what a code of a column is called; what is no code, a sentence or a citation, stays as it is.

    ``action``: that of the entry, where a result means something else with it. Raises ``KeyError`` for another column.
    """
    table = _TABLES[column]
    found = table.get(f"{action} {code}") or table.get(code)
    if found is not None:
        return words.gettext(found)
    if column == "reason" and (guards := code.split()) and all(each in _GUARDS for each in guards):
        return ", ".join(words.gettext(_GUARDS[each]) for each in guards)
    if column == "basis":
        return cited(code)
    if column == "outcome" and (good_for := _DAYS.fullmatch(code)):
        return words.gettext(GOOD_FOR) % {"days": good_for[1]}
    # A Lebenslage or a Leistung that the rules name: a German word, typed small.
    return code.replace("_", " ").capitalize() if column in _NAMED_BY_RULES and _SMALL.fullmatch(code) else code


def basis(entry: Mapping[str, Any], words: Catalogue) -> str:
    """Return what the basis of an entry is called; of one that was refused for want of it, that it was not there."""
    code = entry["basis"]
    lacked = entry["kind"] == Kind.REFUSED.label and entry.get("outcome", "") in _WITHOUT_CONSENT and LACKED.get(code)
    return words.gettext(lacked) if lacked else called("basis", code, words)


def ordered(part: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the members of a part of an entry in the order in which they are read."""
    places = {name: place for place, name in enumerate(FACTS)}
    return sorted(part.items(), key=lambda member: places.get(member[0], len(places)))


def offered(column: str, words: Catalogue) -> list[str]:
    """Return the words of a column, to choose from."""
    return sorted({words.gettext(german) for german in _TABLES[column].values()}, key=str.casefold)


def meant(column: str, typed: str) -> frozenset[str]:
    """Return what may stand in the log where somebody looks for a word of a page, in any language, or for a code.

    Of whoever sends or receives a part of the word is enough, as of the names that a table of the house gives.
    """
    speaks = [catalogue(language) for language in LANGUAGES]
    table = [*_TABLES[column].items(), *(LACKED.items() if column == "basis" else ())]
    codes = {
        key.rpartition(" ")[2] if column == "outcome" else key
        for key, german in table
        if any(_says(words.gettext(german).casefold(), typed.casefold(), column) for words in speaks)
    }
    return spellings(typed) | codes if column == "basis" else frozenset({typed, *codes})


def _says(word: str, typed: str, column: str) -> bool:
    return typed in word if column in ("sender", "receiver") else typed == word
