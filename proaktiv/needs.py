"""What a process must be told before it starts: reads the settings, and says what is missing or wrong in one line.

The only module that reads the environment. Left to others: the form of each value (``settings``), what contradicts
itself (``contradictions``), building anything (``app``).
"""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from proaktiv.contradictions import contradictions
from proaktiv.core.errors import BadInput, ProaktivError
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.log_terms import LogTerms
from proaktiv.core.series import Pace
from proaktiv.core.terms import Terms
from proaktiv.settings import Env, Settings
from proaktiv.vault import Compartment

_KEKS = tuple(f"kek_{compartment}" for compartment in Compartment)
_NEEDS = {
    "work": (
        "database_url",
        "index_key",
        "code_key",
        *_KEKS,
        "intake_private_key",
        "staff_public_key",
        "letters_dir",
    ),
    "sign": ("sequencer_url", "signing_key", "log_origin"),
    "intake": ("database_url", "index_key", "kek_flow", "intake_public_key", "staff_public_key", "token_audience"),
    "citizen": (
        "database_url",
        "index_key",
        "code_key",
        "kek_view",
        "kek_flow",
        "intake_public_key",
        "staff_public_key",
    ),
    "office": (
        "database_url",
        "index_key",
        "kek_view",
        "kek_flow",
        "kek_proof",
        "intake_public_key",
        "staff_public_key",
    ),
    "keys": ("keeper_url", "index_key", *_KEKS, "staff_public_key"),
    "erase": ("eraser_url", "index_key", "staff_public_key", "destroyed_list"),
    "retain_log": ("eraser_url", "index_key", "staff_public_key"),
}
"""What each process must hold (data-path.md § 2). What is not listed it is not given, whatever the environment says."""

_READS_RULES = frozenset({"work", "intake", "citizen", "office"})


class WrongSettings(ProaktivError):  # noqa: N818
    """This process cannot start with these settings; the message says which and what to do."""


def read_settings() -> Settings:
    """Return the settings of this process. Raises ``WrongSettings`` with one line and no secret."""
    settings, wrong = readable_settings()
    if wrong:
        raise WrongSettings(wrong[0])
    return settings


def readable_settings() -> tuple[Settings, tuple[str, ...]]:
    """Return the settings without those that cannot be read, and what is wrong with each of these."""
    known = {f"PROAKTIV_{name.upper()}" for name in Settings.model_fields}
    given = {name for name in os.environ if name.startswith("PROAKTIV_")}  # noqa: TID251 - settings are read here
    # A typing error would else mean that the setting is silently not set. What resembles none may be somebody else's.
    meant = {name: get_close_matches(name, known, 1, cutoff=0.85) for name in sorted(given - known)}
    wrong = [f"{name} is no setting: is {close[0]} meant?" for name, close in meant.items() if close]
    unread: dict[str, Any] = {}
    try:
        return Settings(), tuple(wrong)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            name, *inside = map(str, fault["loc"])
            place = f" ({'/'.join(inside)})" if inside else ""
            wrong.append(f"PROAKTIV_{name.upper()}{place} {fault['msg'].removeprefix('Value error, ')}")
            unread[name] = Settings.model_fields[name].get_default(call_default_factory=True)
    return Settings(**unread), tuple(wrong)


def missing(settings: Settings, part: str) -> tuple[str, ...]:
    """Return the names of what a process must hold and does not."""
    names = tuple(name for name in _NEEDS[part] if not getattr(settings, name))
    return names if settings.controller or part == "sign" else ("controller", *names)


def refusals(settings: Settings, part: str) -> Iterator[str]:
    """Yield why a process does not start with these settings, each in one line with its remedy."""
    if lacking := [f"PROAKTIV_{name.upper()}" for name in missing(settings, part)]:
        more = f" and {len(lacking) - 1} more: {', '.join(lacking[1:])}" if lacking[1:] else ""
        yield f"{part} needs {lacking[0]}{more}"
    if settings.env is Env.PRODUCTION and part in _READS_RULES and not settings.release_public_key:
        yield "production trusts no rules but those signed with PROAKTIV_RELEASE_PUBLIC_KEY; set it"
    if settings.env is Env.PRODUCTION and settings.demo_clock:
        yield "PROAKTIV_DEMO_CLOCK is of the demonstration and refused in production; unset it"
    for read in (terms_of, log_terms_of):
        try:
            read(settings)
        except WrongSettings as error:
            yield str(error)
    if "letters_dir" in _NEEDS[part] and settings.letters_dir is not None:
        if not settings.letters_dir.is_dir():
            yield "PROAKTIV_LETTERS_DIR names no folder; make it first, for the worker's user alone"
        elif not os.access(settings.letters_dir, os.W_OK | os.X_OK):
            yield "PROAKTIV_LETTERS_DIR cannot be written; let it belong to the worker's user"
    yield from contradictions(settings, part)


def terms_of(settings: Settings) -> Terms:
    """Return the periods of retention. Raises ``WrongSettings``."""
    try:
        return Terms.read(settings.retention)
    except BadInput as error:
        raise WrongSettings(
            f'PROAKTIV_RETENTION{error.field} {error.message}, as in {{"umzug": {{"auftrag_months": 12}}}}'
        ) from None


def office_keys(settings: Settings) -> OfficeKeys:
    """Return the private keys that open staff parts of the log: the present one and those of pairs before."""
    present = settings.staff_private_key
    return (present, *settings.staff_private_key_others) if present else ()


def pace_of(settings: Settings) -> Pace:
    """Return how many look-ups of persons are no series yet."""
    return Pace(settings.look_ups_per_hour, settings.look_ups_per_day)


def log_terms_of(settings: Settings) -> LogTerms:
    """Return the periods of the flow log. Raises ``WrongSettings``."""
    try:
        return LogTerms.read(settings.log_retention)
    except BadInput as error:
        raise WrongSettings(f'PROAKTIV_LOG_RETENTION{error.field} {error.message}, as in {{"geburt": 1095}}') from None


def check_settings(settings: Settings, part: str) -> None:
    """Raise ``WrongSettings`` unless a process may start with these settings."""
    for refusal in refusals(settings, part):
        raise WrongSettings(refusal)
