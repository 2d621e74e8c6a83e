"""Release: checked rules become a signed row and, flow by flow, consent activities. Four eyes, nothing half done.

A release is never changed; equal content again does nothing. Run as the owner role, in the caller's transaction.
Left to others: reading releases back (``released``), giving consent (``consent``).
Source: rules.md §§ 0, 6; data-path.md § 4 (``consent_activities``).
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select
from sqlmodel import Session

from consent import store
from consent.model import Activity, ReleasedActivity
from consent.tables import ACTIVITIES
from proaktiv.core.calendar import berlin_date
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import NotAllowed
from proaktiv.core.lebenslagen import Lebenslage
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.check import check
from proaktiv.rulebook.compile import Compiled
from proaktiv.rulebook.fitness import failing, unfit
from proaktiv.rulebook.load import Problem
from proaktiv.tables import ReleaseRow, core_table

CONTROLLER = "musterstadt"
"""Who is responsible where nobody else is named: the demonstration's invented city."""

_RELEASES = core_table(ReleaseRow)

Trial = Callable[[Path, Compiled, Catalogue], Iterable[Problem]]
"""Tries the mutants of a Lebenslage: from rules folder, Lebenslage and catalogue to what still lives unexcused."""


class ReleaseRefused(NotAllowed):
    """The rules may not be released; ``problems`` says why, as an author reads it."""

    def __init__(self, problems: Collection[Problem | str]) -> None:
        self.problems = tuple(str(problem) for problem in problems)
        super().__init__("not released:\n" + "\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Release:
    """One Lebenslage in its latest released version. ``fresh`` is False where its content was released before."""

    lebenslage: str
    version: int
    content_hash: str
    fresh: bool


def demo_key() -> Ed25519PrivateKey:
    """Return the demonstration's key. Everybody has it: what it signs is worth nothing, and production refuses it."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"proaktiv: a key that everybody knows").digest())


def release(
    session: Session,
    folder: Path,
    *,
    author: str,
    reviewer: str,
    demo: bool,
    key: Ed25519PrivateKey,
    now: datetime,
    controller: str = CONTROLLER,
    only: Collection[str] = (),
    trial: Trial | None = None,
) -> tuple[Release, ...]:
    """Release all Lebenslagen of the rules folder, or ``only`` the named ones.

    ``trial`` names the mutants that no case kills and no reviewer excused. Raises ``ReleaseRefused`` where author and
    reviewer are one, anything is wrong, a case fails, or (but for a demo) ``fitness`` or ``trial`` say why not. Then
    nothing was written.
    """
    _four_eyes(author, reviewer)
    compiled, problems = check(folder)
    if problems:
        raise ReleaseRefused(problems)
    wanted = [one for one in compiled if not only or one.name in only]
    unknown = sorted(set(only) - {one.name for one in wanted})
    if unknown or not wanted:
        raise ReleaseRefused([f"no Lebenslage {name} in {folder}" for name in unknown or ["at all"]])
    catalogue = read_catalogue(folder)
    reasons: list[Problem | str] = []
    for one in wanted:
        reasons += failing(one, catalogue)
        if not demo:
            reasons += unfit(one, berlin_date(now))
    if trial is not None and not reasons and not demo:
        reasons += [living for one in wanted for living in trial(folder, one, catalogue)]
    if reasons:
        raise ReleaseRefused(reasons)
    signer = _Signer(author.strip(), reviewer.strip(), key, now, controller, demo=demo)
    return tuple(signer.release(session, one.lebenslage) for one in wanted if one.lebenslage is not None)


def signed_bytes(lebenslage: str, version: int, content_hash: str, author: str, reviewer: str, *, demo: bool) -> bytes:
    """Return the bytes that a release's signature covers: its content's hash and everything said about it."""
    about: Mapping[str, Any] = {
        "author": author,
        "content_hash": content_hash,
        "demo": demo,
        "lebenslage": lebenslage,
        "reviewer": reviewer,
        "version": version,
    }
    return b"proaktiv rules release 1\n" + dumps(about)


def _four_eyes(author: str, reviewer: str) -> None:
    if not author.strip() or not reviewer.strip():
        raise ReleaseRefused(["a release needs an author and a reviewer"])
    if author.strip().casefold() == reviewer.strip().casefold():
        raise ReleaseRefused(["author and reviewer must be two people"])


@dataclass(frozen=True, slots=True)
class _Signer:
    author: str
    reviewer: str
    key: Ed25519PrivateKey
    now: datetime
    controller: str
    demo: bool

    def release(self, session: Session, lebenslage: Lebenslage) -> Release:
        connection = session.connection()
        body = dumps(lebenslage.to_json())
        content_hash = hashlib.sha256(body).hexdigest()
        latest = connection.execute(
            select(_RELEASES.c.version, _RELEASES.c.content_hash, _RELEASES.c.demo)
            .where(_RELEASES.c.lebenslage == lebenslage.name)
            .order_by(_RELEASES.c.version.desc())
            .limit(1)
        ).one_or_none()
        fresh = latest is None or (latest.content_hash, latest.demo) != (content_hash, self.demo)
        version = (latest.version if latest else 0) + fresh
        message = signed_bytes(lebenslage.name, version, content_hash, self.author, self.reviewer, demo=self.demo)
        signature = self.key.public_key().public_bytes_raw() + self.key.sign(message)
        if fresh:
            connection.execute(
                insert(_RELEASES).values(
                    lebenslage=lebenslage.name,
                    version=version,
                    content_hash=content_hash,
                    body=body.decode(),
                    author=self.author,
                    reviewer=self.reviewer,
                    demo=self.demo,
                    signature=signature,
                    released_at=self.now,
                )
            )
        changed = self.changed(session, lebenslage)
        store.release(
            connection,
            [ReleasedActivity(activity, content_hash, self.demo, signature, self.now) for activity in changed],
        )
        return Release(lebenslage.name, version, content_hash, fresh)

    def changed(self, session: Session, lebenslage: Lebenslage) -> list[Activity]:
        """Return the activities whose content is new, each as the next version: consent to the others stays as given.

        A flow that is gone from the rules ends as a retired version, which permits nothing.
        """
        connection = session.connection()
        known = {
            name: activity
            for name, activity in store.activities(connection).items()
            if name.startswith(f"{lebenslage.name}/")
        }
        demos = {
            (row.name, row.version): row.demo
            for row in connection.execute(select(ACTIVITIES.c.name, ACTIVITIES.c.version, ACTIVITIES.c.demo))
        }
        found = []
        for fluss in lebenslage.fluesse:
            before = known.pop(fluss.name, None)
            activity = fluss.activity(before.version if before else 1, self.controller, self.now)
            if before is None:
                found.append(activity)
            elif (
                replace(before, dsb_approved_at=self.now) != activity or demos[before.name, before.version] != self.demo
            ):
                found.append(replace(activity, version=before.version + 1))
        found += [
            replace(gone, version=gone.version + 1, retired=True, dsb_approved_at=self.now)
            for gone in known.values()
            if not gone.retired
        ]
        return found
