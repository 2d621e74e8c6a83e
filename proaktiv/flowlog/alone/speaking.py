"""What an entry says, for people: each member under the name that the office's pages give it, times in German time too.

The names are those of proaktiv's pages; who needs the log's own finds it behind in brackets.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from proaktiv.flowlog.alone.entry import INSTANT
from proaktiv.flowlog.alone.words import WORDS

NAMES = {
    "index": "Platz im Protokoll",
    "t": "Wann",
    "kind": "Art",
    "action": "Vorgang",
    "outcome": "Ergebnis",
    "from": "Von",
    "to": "An",
    "to_name": "Name des Empfängers",
    "to_system": "System des Empfängers",
    "categories": "Welche Daten",
    "purpose": "Zweck",
    "basis": "Rechtsgrundlage",
    "scope": "Freigegebener Text",
    "rule": "Regel",
    "n": "Anzahl",
    "restrict": "Der Person nicht gezeigt",
    "of": "Gehört zu Eintrag",
    "listed": "Länge der Liste der Gelöschten",
    "minimum": "Erster Platz, ab dem alles da ist",
    "removed": "So viele davor sind gelöscht",
    "removed_erased": "Bei so vielen davon war Teil S schon vernichtet",
    "flow": "Nummer des Eintrags",
    "seq": "Nummer unter den Einträgen der Person",
    "consent": "Einwilligung",
    "replaces": "Ersetzt die Einwilligung",
    "outbox": "Sendung",
    "v": "Fassung des Formats",
}
"""Members of facts and of a person's own part, in the order in which they are read."""
KIND_NAMES = {
    "authorised": "Erlaubt, vor der Übermittlung",
    "outcome": "Ergebnis einer Übermittlung",
    "erasure": "Löschung einer Person",
    "access": "Einblick",
    "key": "Schlüssel",
    "retention": "Frist, Sperre oder Freigabe",
    "succession": "Nachfolge eines Protokolls",
    "received": "Eingang",
    "admitted": "Zugelassen",
    "refused": "Verweigert",
    "consent_changed": "Einwilligung geändert",
    "confirmed": "Bestätigung",
    "incident": "Vorfall",
    "act": "Handlung",
    "recall": "Rückruf",
}
TABLE_OF = {
    "action": "action",
    "outcome": "outcome",
    "categories": "category",
    "purpose": "purpose",
    "basis": "basis",
    "from": "party",
    "to": "party",
}
"""Where the words of a member's codes stand."""
FIRST_YEAR, LAST_YEAR = 1996, 9998
"""Since when summer time ends in October; after it no calendar of ours goes on."""


def shown(members: Mapping[str, Any], *, german: bool) -> list[str]:
    """Return a line for each member."""
    if not german:
        return [f"    {name}: {spoken(members[name])}" for name in sorted(members)]
    unnamed = sorted(members.keys() - NAMES.keys())
    names = [*(name for name in NAMES if name in members), *unnamed]
    act = str(members.get("action", ""))
    return [f"    {NAMES.get(name, name)} ({name}): {_said(name, members[name], act)}" for name in names]


def _said(name: str, value: Any, act: str) -> str:
    if name == "t":
        return in_german_time(value)
    if name == "kind" and isinstance(value, str) and value in KIND_NAMES:
        return f"{KIND_NAMES[value]} ({value})"
    if name == "categories" and isinstance(value, list):
        return ", ".join(named(name, each, act) for each in value)
    return "ja" if value is True else named(name, value, act)


def named(name: str, value: Any, act: str = "") -> str:
    """Return a code behind the word that the pages have for it; what has none stays as it is.

    ``act`` is the entry's action, with which a result may mean something else.
    """
    table = WORDS.get(TABLE_OF.get(name, ""), {})
    if not isinstance(value, str) or not table:
        return spoken(value)
    word = table.get(f"{act} {value}") or table.get(value) or ""
    if name == "outcome" and (days := re.fullmatch("days ([0-9]+)", value)):
        word = f"gilt {days[1]} Tage"
    if name == "categories" and not word:  # of a fact that rules name the last part is a German word, typed small
        last = value.rpartition(".")[2]
        word = table.get(last) or (last.capitalize() if re.fullmatch("[a-z]+", last) else "")
    return word if word.lower() == value else f"{word} ({spoken(value)})" if word else spoken(value)


def spoken(value: Any) -> str:
    """Return a value on one line, without what could move a terminal's cursor."""
    if isinstance(value, list):
        return ", ".join(map(spoken, value))
    plain = isinstance(value, str)
    said = value if plain else json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join(sign if sign.isprintable() else "?" for sign in said)


def in_german_time(value: Any) -> str:
    """Return an instant of the log in German time and in UTC, to the second; what is none comes back as it is.

    Source: directive 2000/84/EC: summer time from 01:00 UTC of March's last Sunday to that of October's.
    """
    try:
        demanded = isinstance(value, str) and re.fullmatch(INSTANT, value)
        moment = datetime.fromisoformat(value[:19]).replace(tzinfo=UTC) if demanded else None
    except ValueError:
        moment = None
    if moment is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return spoken(value)
    summer = _last_sunday(moment.year, 3) <= moment < _last_sunday(moment.year, 10)
    there = moment + timedelta(hours=2 if summer else 1)
    return f"{there:%d.%m.%Y, %H:%M:%S} deutsche Zeit = {moment:%Y-%m-%d %H:%M:%S} UTC"


def _last_sunday(year: int, month: int) -> datetime:
    """Return 01:00 UTC on the last Sunday of a month of 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
