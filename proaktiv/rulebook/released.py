"""The released rules as the processes use them: read from the database, never from files.

Every row is checked before a rule of it is believed. Left to others: making releases (``release``).
Source: rules.md § 6.
"""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session

from proaktiv.core.errors import NotSafe
from proaktiv.core.lebenslagen import Lebenslage, Rulebook
from proaktiv.rulebook.release import signed_bytes
from proaktiv.tables import ReleaseRow, core_table

_RELEASES = core_table(ReleaseRow)
_KEY_BYTES = 32


def load(session: Session, *, trusted: Collection[bytes] | None = None, allow_demo: bool = True) -> Rulebook:
    """Return the latest release of every Lebenslage.

    ``trusted`` are the raw public keys whose releases count; None takes any key, so that the signature shows damage
    but not forgery. ``allow_demo`` False is for production. Raises ``NotSafe`` naming the release that fails.
    """
    rows = session.connection().execute(
        select(_RELEASES)
        .ext(distinct_on(_RELEASES.c.lebenslage))
        .order_by(_RELEASES.c.lebenslage, _RELEASES.c.version.desc())
    )
    return Rulebook({row.lebenslage: _checked(row, trusted, allow_demo=allow_demo) for row in rows})


class Current:
    """The rules as released now: read anew only when something was released since."""

    def __init__(self, *, trusted: Collection[bytes] | None = None, allow_demo: bool = True) -> None:
        self._trusted = trusted
        self._allow_demo = allow_demo
        self._known: tuple[frozenset[tuple[str, int]], Rulebook] | None = None

    def __call__(self, session: Session) -> Rulebook:
        """Return the rules. Raises as ``load``."""
        versions = frozenset(
            (row.lebenslage, row.version)
            for row in session.connection().execute(select(_RELEASES.c.lebenslage, _RELEASES.c.version))
        )
        if self._known is None or self._known[0] != versions:
            self._known = versions, load(session, trusted=self._trusted, allow_demo=self._allow_demo)
        return self._known[1]


def _checked(row: Row[Any], trusted: Collection[bytes] | None, *, allow_demo: bool) -> Lebenslage:
    name = f"release {row.lebenslage}@{row.version}"
    if row.demo and not allow_demo:
        raise NotSafe(f"{name} is a demonstration's; release it with a key of your own")
    if hashlib.sha256(row.body.encode()).hexdigest() != row.content_hash:
        raise NotSafe(f"{name}: the content does not match its hash")
    public, signature = row.signature[:_KEY_BYTES], row.signature[_KEY_BYTES:]
    if trusted is not None and public not in trusted:
        raise NotSafe(f"{name}: signed with a key that is not trusted")
    message = signed_bytes(row.lebenslage, row.version, row.content_hash, row.author, row.reviewer, demo=row.demo)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise NotSafe(f"{name}: the signature does not verify") from None
    try:
        lebenslage = Lebenslage.from_json(json.loads(row.body), row.version)
    except (KeyError, TypeError, ValueError):
        raise NotSafe(f"{name}: this program cannot read its form; release it anew") from None
    if lebenslage.name != row.lebenslage:
        raise NotSafe(f"{name}: the content is another Lebenslage's")
    return lebenslage
