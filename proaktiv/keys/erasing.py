"""The eraser: destroys persons for ever, in one transaction, as database role ``eraser`` and without any KEK.

In order: locks, what stands in the way, rows, log, consent, keys, the list outside the database, commit. A death of the
process at any point leaves all or nothing; only a name in the list may stand alone, and the next run ends that.
Left to others: rows (``keys.rows``), obstacles, the list (``keys.destroyed``).
Source: data-path.md §§ 2, 5; flowlog.md § 3.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlmodel import Session

from consent.model import ConsentState, Event
from consent.store import activities, change, heads_of, raise_epoch
from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.database import Database
from proaktiv.flowlog.keeping.holds import on_entries_of
from proaktiv.flowlog.record import FlowLog
from proaktiv.house import Probe, no_probe
from proaktiv.keys import rows
from proaktiv.keys.destroyed import DestroyedList, adding, read_list, revived
from proaktiv.keys.events import tombstones
from proaktiv.keys.obstacles import handed_over, obstacles, orphans
from proaktiv.locks import lock_keys
from proaktiv.tables import HOLDS_LOCK, PersonIdentifierRow, core_table
from proaktiv.vault import Vault

PROBES = (
    "destroy.locked",
    "destroy.rows",
    "destroy.log",
    "destroy.keys",
    "destroy.listed",
    "destroy.committed",
)
_IDENTIFIERS = core_table(PersonIdentifierRow)
_STANDING = frozenset({ConsentState.REQUESTED, ConsentState.GIVEN})


class Reason(StrEnum):
    """Why somebody is destroyed: the letters of Art. 17 (1) DSGVO."""

    UNNEEDED = "unneeded"
    WITHDRAWN = "withdrawn"
    OBJECTED = "objected"
    UNLAWFUL = "unlawful"
    OBLIGED = "obliged"

    @property
    def basis(self) -> str:
        """Return the norm as it stands in the log."""
        return f"Art. 17 Abs. 1 Buchst. {'abcde'[list(Reason).index(self)]} DSGVO"


class Refused(Conflict):
    """Something stands in the way; ``reasons`` say what, and what to do."""

    def __init__(self, reasons: Sequence[str]) -> None:
        more = f" (and {len(reasons) - 1} more)" if reasons[1:] else ""
        super().__init__(f"nobody was destroyed: {reasons[0]}{more}")
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. ``running`` are Aufträge that a Behörde has: reference, Leistung, Behörde, state."""

    persons: tuple[UUID, ...] = ()
    children: tuple[UUID, ...] = ()
    entries: int = 0
    rows: Mapping[str, int] = field(default_factory=dict)
    running: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class _Decision:
    """Who destroys on what basis. ``again``: a restored database is made to forget once more, whatever stands in it."""

    basis: str
    by: str
    case: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Eraser:
    """One process's share of the installation. ``listed`` is the file of destroyed persons, outside the database.

    ``office_key`` is what the office seals wishes with (``keys.requested``); it opens nothing.
    """

    database: Database
    vault: Vault
    log: FlowLog
    controller: str
    clock: Callable[[], datetime]
    listed: Path
    probe: Probe = no_probe
    office_key: bytes = field(default=b"", repr=False)

    def look(self, persons: Sequence[UUID]) -> Erased:
        """Return what would go, and change nothing. Raises ``NotFound`` and ``Refused`` as ``destroy``."""
        decision = _Decision(Reason.UNNEEDED.basis, "nobody")
        with self.database.transaction() as session:
            would = self._erase(session, persons, decision, listed=0, now=self.clock())
            session.rollback()
        return would

    def destroy(self, persons: Sequence[UUID], reason: Reason, by: str, and_by: str, case: str = "") -> Erased:
        """Destroy persons, and children of whom nobody else keeps one; again is no error.

        ``by`` and ``and_by`` are two people's ids, ``case`` a file number: they stand in the log for the DSB alone.
        Raises ``BadInput``, ``NotFound``, ``Refused``, ``ListNotSafe``: then nothing changed. ``CommitUnknown``: run
        it again, which ends what was begun.
        """
        four_eyes(by, and_by)
        return self.destroy_decided(persons, basis=reason.basis, by=f"{by} + {and_by}", case=case)

    def destroy_decided(self, persons: Sequence[UUID], *, basis: str, by: str, case: str = "") -> Erased:
        """Destroy persons on whom two people each decided before (``keys.waiting``). Raises as ``destroy``."""
        return self._destroy(list(dict.fromkeys(persons)), _Decision(basis, by, case))

    def reconcile(self, by: str) -> Erased:
        """Destroy again whom a restored database brought back: who is in the list and stands here.

        Raises ``BadInput``, ``ListNotSafe``.
        """
        if not by.strip():
            raise BadInput("--by", "must name who does it")
        listed = read_list(self.vault, self.controller, self.listed)
        with self.database.transaction() as session:
            listed.check(session)
            back = revived(session, listed)
        if not back:
            return Erased()
        return self._destroy(back, _Decision("Art. 17 Abs. 1 DSGVO", by, again=True))

    def revived(self) -> list[UUID]:
        """Return who is in the list and stands in the database."""
        listed = read_list(self.vault, self.controller, self.listed)
        with self.database.transaction() as session:
            return revived(session, listed)

    def find(self, register_id: str) -> UUID:
        """Return the person of a register's own key. Raises ``NotFound``."""
        wanted = _IDENTIFIERS.c.lookup_hash == self.vault.lookup_hash("register_id", register_id)
        with self.database.transaction() as session:
            query = select(_IDENTIFIERS.c.person).where(_IDENTIFIERS.c.kind == "register_id", wanted)
            person: UUID | None = session.connection().execute(query).scalar_one_or_none()
        if person is None:
            raise NotFound("nobody is known here by that key of the register")
        return person

    # in one transaction ----------------------------------------------------------------------------------------------

    def _destroy(self, persons: Sequence[UUID], decision: _Decision) -> Erased:
        now = self.clock()
        with self.database.transaction() as session:
            if rows.anybody_destroyed(session) and not self.listed.exists():
                read_list(self.vault, self.controller, self.listed)  # says that it is missing
        with adding(self.vault, self.controller, self.listed) as listed:
            with self.database.transaction() as session:
                listed.check(session)
                done = self._erase(session, persons, decision, listed=listed, now=now)
                # Last of all: what is written here must not be undone by anything but a crash.
                listed.append((*done.persons, *done.children), now)
                self.probe("destroy.listed")
            self.probe("destroy.committed")
        return done

    def _erase(
        self,
        session: Session,
        persons: Sequence[UUID],
        decision: _Decision,
        *,
        listed: DestroyedList | int,
        now: datetime,
    ) -> Erased:
        _known(session, persons)
        connection = session.connection()
        children = orphans(session, persons)
        everybody = sorted({*persons, *children}, key=str)
        # With the first: no hold is placed between the look at them and the commit.
        lock_keys(session, {HOLDS_LOCK, *rows.identifiers(session, everybody)})
        raise_epoch(connection, everybody)
        if orphans(session, persons) != children:
            raise Conflict("a child's holders changed meanwhile: try again")
        subjs = [self.log.subj(person) for person in everybody]
        reasons = [*obstacles(session, everybody, now), *_held(session, subjs)]
        if reasons and not decision.again:
            raise Refused(reasons)
        self.probe("destroy.locked")
        running = tuple((r.reference, r.leistung, r.behoerde, r.state) for r in handed_over(session, everybody))
        taken = rows.take_out(session, everybody, now)
        self.probe("destroy.rows")
        placed, unplaced = rows.take_out_of_log(session, subjs)
        fresh = everybody if isinstance(listed, int) else listed.fresh(everybody)
        length = len(fresh) + (listed if isinstance(listed, int) else len(listed))
        keyed = rows.destroy_keys(session, everybody, now)
        if taken or placed or unplaced or keyed:
            flows = tombstones(
                self.controller,
                decision.basis,
                decision.by,
                case=decision.case,
                listed=length,
                placed=placed,
                unplaced=unplaced,
            )
            (flow_id, *_) = self.log.record(session, list(flows), now)
            self.probe("destroy.log")
            _end_consents(session, everybody, flow_id, now)
        self.probe("destroy.keys")
        return Erased(
            persons=tuple(person for person in everybody if person not in children),
            children=tuple(sorted(children, key=str)),
            entries=len(placed) + len(unplaced),
            rows=taken,
            running=running,
        )


def four_eyes(by: str, and_by: str) -> None:
    """Raise ``BadInput`` unless two people are named."""
    if not by.strip() or not and_by.strip() or by.strip().casefold() == and_by.strip().casefold():
        raise BadInput("--and", "must name a second person: destroying takes four eyes")


def _known(session: Session, persons: Collection[UUID]) -> None:
    missing = set(persons) - rows.with_keys(session, persons)
    if missing:
        raise NotFound(f"no person here has the key {min(map(str, missing))}")


def _held(session: Session, subjs: Collection[bytes]) -> Iterator[str]:
    for hold in on_entries_of(session, subjs):
        yield (
            f"hold {hold} keeps entries of the log about them: release it when its reason is over"
            f" (proaktiv log release {hold} --reason … --by … --and …)"
        )


def _end_consents(session: Session, persons: Collection[UUID], flow_id: UUID, now: datetime) -> None:
    """Let every consent that stands lapse: the ledger keeps that it was given, and that it is over."""
    connection = session.connection()
    known = None
    for person in persons:
        for head in heads_of(connection, person):
            if head.state not in _STANDING:
                continue
            known = activities(connection) if known is None else known
            change(
                connection,
                person=person,
                activity=replace(known[head.activity], recipient=head.recipient),
                scope=head.scope,
                event=Event.LAPSE,
                at=now,
                record=head.record,
                flow_id=flow_id,
                notice=None,
                channel="office",
                trust=0,
            )
