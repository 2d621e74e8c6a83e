"""What the findings of the log say in the reader's language: ``flowlog.findings`` speaks to programs, in English.

A detail without words here breaks a test; on a page it would stand as it is, marked as English.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from proaktiv.flowlog.findings import MEANINGS, Code
from proaktiv.web.pages.language import Catalogue
from proaktiv.web.pages.language import marked as _

_OFTEN = (
    r"since (?P<at>\S+): up to (?P<stunde>\d+) in an hour \(limit (?P<je_stunde>\d+)\),"
    r" (?P<tag>\d+) in a day \(limit (?P<je_tag>\d+)\)"
)
_DETAILS: Mapping[str, str] = {
    r"(?P<zeuge>\S+) knows (?P<n>\d+) entries that this log does not continue": _(
        "Der Zeuge %(zeuge)s kennt %(n)s Einträge, die dieses Protokoll nicht fortsetzt: Es wurde zurückgesetzt oder"
        " neu geschrieben."
    ),
    r"(?P<zeuge>\S+) knew (?P<n>\d+) entries of another log, cosigns again since (?P<at>\S+)": _(
        "Der Zeuge %(zeuge)s kannte %(n)s Einträge, die dieses Protokoll nicht fortsetzte; seit %(at)s bestätigt er"
        " wieder."
    ),
    "has no place in the log yet": _("Er hat noch keinen Platz im Protokoll."),
    "is the first that nobody signed": _("Er ist der erste ohne Unterschrift."),
    "authorised, and no outcome since": _("Seither steht nirgends, wie es ausging."),
    "an outcome of no authorised entry": _("Zu diesem Ergebnis gibt es keine Erlaubnis davor."),
    "the row is missing": _("Die Zeile fehlt."),
    "a sealed part is missing that no erasure takes alone": _("Ein versiegelter Teil fehlt, den keine Löschung nimmt."),
    "bytes or salt are not what was committed": _("Der Inhalt ist nicht der, der beim Schreiben besiegelt wurde."),
    "a query column is not what was committed": _("Eine Suchspalte sagt anderes als der besiegelte Inhalt."),
    "one person has too many": _("Eine Person hat zu viele Nummern."),
    r"(?P<n>\d+) rows before entry (?P<place>\d+) are gone, retention took (?P<m>\d+)": _(
        "Vor Platz %(place)s fehlen %(n)s Zeilen; nach Frist gelöscht sind %(m)s."
    ),
    r"(?P<n>\d+) subject parts are missing, erasures account for (?P<m>\d+)": _(
        "Es fehlen %(n)s Teile von Personen; Löschungen erklären %(m)s."
    ),
    r"(?P<n>\d+) numbers of one person are missing": _("Einer Person fehlen %(n)s Nummern."),
    r"a (?P<way>delivery) without an authorised entry": _("Ein Brief oder eine E-Mail ging ohne Erlaubnis hinaus."),
    r"a (?P<way>hand-over) without an authorised entry": _("Ein Auftrag ging ohne Erlaubnis hinaus."),
    r"a (?P<way>look-up) without an authorised entry": _("Ein Register wurde ohne Erlaubnis gefragt."),
    r"was covered by a signature of (?P<at>\S+)": _("Die Unterschrift darüber ist vom %(at)s."),
    rf"(?P<n>\d+) wishes of (?P<wer>.+) to look a person up, {_OFTEN}": _(
        "%(n)s Wünsche von %(wer)s, eine Person nachzuschlagen, seit %(at)s: bis zu %(stunde)s in einer Stunde (Grenze"
        " %(je_stunde)s), %(tag)s an einem Tag (Grenze %(je_tag)s)."
    ),
    rf"(?P<n>\d+) look-ups that (?P<wer>.+) and (?P<wen>.+) completed together, {_OFTEN}": _(
        "%(n)s Mal schlugen %(wer)s und %(wen)s zusammen jemanden nach, seit %(at)s: bis zu %(stunde)s in einer Stunde"
        " (Grenze %(je_stunde)s), %(tag)s an einem Tag (Grenze %(je_tag)s)."
    ),
    rf"(?P<n>\d+) wishes to look a person up, by whom part A says, which was not opened, {_OFTEN}": _(
        "%(n)s Wünsche, eine Person nachzuschlagen, seit %(at)s; von wem, steht in Teil A, der hier nicht offen ist:"
        " bis zu %(stunde)s in einer Stunde (Grenze %(je_stunde)s), %(tag)s an einem Tag (Grenze %(je_tag)s)."
    ),
    r"(?P<code>[a-z_]+): log findings has the time for it": _("Nicht zu Ende gesucht: %(code)s."),
}
"""What ``Finding.detail`` says → the same in German."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What a finding says, and in which language."""

    text: str
    language: str


def detail(said: str, words: Catalogue, moment: Callable[[str], str]) -> Detail:
    """Return a finding's detail in a language; ``moment`` writes an instant as a page does."""
    for pattern, german in _DETAILS.items():
        if found := re.fullmatch(pattern, said):
            parts = found.groupdict()
            if "at" in parts:
                parts["at"] = moment(parts["at"])
            if "code" in parts:
                parts["code"] = MEANINGS.get(Code(parts["code"]), parts["code"])
            return Detail(words.gettext(german) % parts, words.language)
    return Detail(said, "en")
