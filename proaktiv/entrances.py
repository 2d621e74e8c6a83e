"""The ways into the house by OpenID Connect, built from settings: staff at the office, citizens with a Nutzerkonto.

Whatever is wrong with them raises ``ValueError``, whose text names no value: ``contradictions`` tells it in one line
before a surface starts. Left to others: logging in (``identity``), who is let in (``steps``).
"""

import stat
from collections.abc import Callable
from pathlib import Path

from proaktiv.core.trust import Trust
from proaktiv.egress import Egress
from proaktiv.identity.model import LEVELS, Client
from proaktiv.identity.provider import Provider
from proaktiv.settings import Env, Settings
from proaktiv.web.pages.visitor import RETURN_PATH as ACCOUNT_RETURN
from proaktiv.web.staff.visitor import RETURN_PATH as STAFF_RETURN

MAX_SECRET_BYTES = 4096


def staff_client(settings: Settings) -> Client | None:
    """Return what the office is at its provider; None where it has none."""
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret
    return Client(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else "",
        redirect=f"{settings.office_page}{STAFF_RETURN}",
        trust=Trust(settings.oidc_trust),
    )


def account_client(settings: Settings) -> Client | None:
    """Return what the citizens' pages are at their Nutzerkonto; None where none is offered. Raises ``ValueError``.

    Nothing below V2 is let in: a letter opens as much (channels-and-pages.md § 4).
    """
    if not settings.account_issuer:
        return None
    if settings.account_secret_file is None:
        raise ValueError("no file holds the client's secret")
    levels = {name: Trust(level) for name, level in settings.account_levels.items()} or LEVELS
    if not any(level >= Trust.V2 for level in levels.values()):
        raise ValueError("no acr would let anybody in")
    return Client(
        issuer=settings.account_issuer,
        client_id=settings.account_client_id,
        client_secret=_secret(settings.account_secret_file),
        redirect=f"{settings.account_page}{ACCOUNT_RETURN}",
        trust=Trust.V2,
        max_age_seconds=settings.account_max_age_seconds,
        levels=levels,
    )


def provider_of(client: Client, settings: Settings, monotonic: Callable[[], float]) -> Provider:
    """Return a client's provider, through an egress that knows the hosts of the list alone."""
    return Provider(
        client, Egress(frozenset(settings.outbound), loopback=settings.env is not Env.PRODUCTION), monotonic
    )


def _secret(path: Path) -> str:
    """Return the one line of a file that its owner alone (and root) may read. Raises ``ValueError``."""
    try:
        with path.open("rb") as file:
            shared = path.stat().st_mode & (stat.S_IRWXO | stat.S_IWGRP)
            raw = file.read(MAX_SECRET_BYTES + 1)
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if shared:
        raise ValueError("others may read the file, or its group may write it: chmod 0640 or less")
    try:
        text = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > MAX_SECRET_BYTES or not text.isprintable():
        raise ValueError("the file holds no secret: one line of ASCII")
    return text
