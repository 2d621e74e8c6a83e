"""What a stored entry says, for whoever shows it: whatever somebody did to its bytes is an answer here, not an error.

One row that was altered must not take a whole page with it, and must not be passed over either. What cannot be read is
shown as what it is: an entry without facts, at the time that its column says. Left to others: the sealed parts
(``flowlog.proving.opening``), whether the whole log is untouched (``flowlog.verifying.whole``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from proaktiv.core.canonical import CanonicalError, checked
from proaktiv.flowlog.entries import FACTS, Entry, commitment, instant, unpack

_TEXTS = ("action", "from", "to", "purpose", "basis")
_TEXTS_IF_ANY = ("flow", "kind", "to_name", "to_system", "scope", "rule", "outcome", "of")
_NOTHING: Mapping[str, Any] = {**dict.fromkeys(_TEXTS, ""), "n": 0}
_YEARS = range(2, 9999)
"""Those that a page can tell in any time zone."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry as it is stored. ``intact``: its facts are what it committed to.

    Where they cannot be read ``facts`` are empty but for ``t``, the time of the column, and nothing is intact.
    """

    facts: Mapping[str, Any]
    readable: bool
    intact: bool


def stored(row: Any, at: datetime) -> Stored:
    """Return what a row with ``f_salt``, ``f_bytes`` and ``entry`` says; ``at`` is the time of its column."""
    body = bytes(row.f_bytes)
    facts, committed = facts_in(body), entry_in(row)
    if facts is None:
        return Stored({**_NOTHING, "t": instant(at)}, readable=False, intact=False)
    intact = committed is not None and commitment(FACTS, bytes(row.f_salt), body) == committed.facts
    return Stored(facts, readable=True, intact=intact)


def entry_in(row: Any) -> Entry | None:
    """Return what a row's entry commits to, None where its bytes are no entry."""
    try:
        return unpack(bytes(row.entry))
    except ValueError:
        return None


def facts_in(body: bytes) -> dict[str, Any] | None:
    """Return the facts that these bytes are, each of its type; None where they are none that was ever written."""
    try:
        facts = json.loads(body)
        whole = isinstance(facts, dict) and checked(facts) == body and _typed(facts)
    except (ValueError, CanonicalError, RecursionError, OverflowError):
        return None
    return facts if whole else None


def _typed(facts: Mapping[str, Any]) -> bool:
    texts = [facts.get(name) for name in _TEXTS] + [facts.get(name, "") for name in _TEXTS_IF_ANY]
    categories, at = facts.get("categories", []), facts.get("t")
    return (
        all(type(each) is str for each in texts)
        and type(facts.get("n")) is int
        and type(categories) is list
        and all(type(each) is str for each in categories)
        and type(at) is str
        and datetime.fromisoformat(at).year in _YEARS
        and instant(datetime.fromisoformat(at)) == at
    )
