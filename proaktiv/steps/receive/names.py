"""An event's names as keyed hashes, and the locks on them: nothing in the clear is looked for or stored."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.core.events import RegisterEvent
from proaktiv.core.events import Stop as RegisterStop
from proaktiv.locks import lock_keys
from proaktiv.recall import Stop
from proaktiv.tables import RegisterEventRow, core_table
from proaktiv.vault import Vault

_EVENTS = core_table(RegisterEventRow)


@dataclass(frozen=True, slots=True)
class Names:
    """``wire`` stands for source and id, ``content`` for what the event says, ``details`` go with ``stops``."""

    wire: bytes
    entry: bytes
    case: bytes
    content: bytes
    subjects: tuple[tuple[str, bytes], ...]
    stops: tuple[Stop, ...]
    details: tuple[str, ...]

    @property
    def entries(self) -> frozenset[bytes]:
        """Return the register entries that this event is about or stops."""
        return frozenset({self.entry, *(stop.target for stop in self.stops if stop.scope == "entry")})

    @property
    def keys(self) -> frozenset[bytes]:
        """Return what must be locked as far as the event itself tells."""
        targets = {target for _, target in self.subjects} | {stop.target for stop in self.stops}
        return self.entries | targets | {self.wire, self.case}


def names_of(vault: Vault, event: RegisterEvent, content: bytes) -> Names:
    """Return the hashes of an event's names.

    An entry's number means something only within its register and its kind: two Standesämter both have a G 17/2026,
    and one of them may have a birth and a death of that number. A Mehrlingsgruppe means something within its register.
    A kennung is the Melderegister's key of a person, whoever reports it (data-path.md § 1).
    """

    def within(label: str, ref: str) -> bytes:
        return vault.mac(label, f"{event.source}\n{ref}".encode())

    def target(stop: RegisterStop) -> bytes:
        if stop.scope == "person":
            return vault.lookup_hash("register_id", stop.ref)
        kind = event.cancels[1] if event.cancels is not None else event.kind
        return within("entry", f"{kind.value}\n{stop.ref}")

    return Names(
        wire=within("event", event.event_id),
        entry=within("entry", f"{event.kind.value}\n{event.eintrag}"),
        case=within("case", event.case_ref),
        content=vault.mac("content", content),
        subjects=tuple((role, vault.lookup_hash("register_id", kennung)) for role, kennung in event.subjects),
        stops=tuple(Stop(stop.scope, target(stop), stop.guard) for stop in event.stops),
        details=tuple(stop.detail for stop in event.stops),
    )


def lock(session: Session, names: Iterable[Names]) -> None:
    """Hold everything that evaluate and the outward steps hold while they work on what these events may touch.

    A stop on an entry must also hold the case of the event it stops: for a Mehrling that is the group, which the stop
    does not name. Such an event may come in between reading and locking, so the cases are read again under the locks;
    should two reports then wait for each other, PostgreSQL ends one and its register sends it again.
    """
    keys: set[bytes] = set()
    entries: set[bytes] = set()
    for one in names:
        keys |= one.keys
        entries |= one.entries
    first = keys | _cases(session, entries)
    lock_keys(session, first)
    lock_keys(session, _cases(session, entries) - first)


def _cases(session: Session, entries: Collection[bytes]) -> frozenset[bytes]:
    return frozenset(
        session.connection()
        .execute(select(_EVENTS.c.case_key).where(_EVENTS.c.entry_hash.in_(entries)).distinct())
        .scalars()
    )
