"""Write entries, in the transaction of what they tell about: no log, no flow.

``record`` is the only writer of the log and ``authorise`` the only maker of a ``Clearance``. An entry has no index
yet: the sequencer gives it one after commit. Left to others: the bytes (``flowlog.entries``), the tree
(``flowlog.sequencer``), who may record (the steps and the web surfaces' reads).
Source: flowlog.md §§ 3–4.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import IntegrityError
from sqlmodel import Session

from notifiers.model import Clearance
from proaktiv.core.flows import NEVER_RESTRICTED, Flow, Kind
from proaktiv.core.ids import Ids
from proaktiv.core.merkle import leaf_hash
from proaktiv.flowlog import entries
from proaktiv.flowlog.entries import FACTS, SALT_BYTES, STAFF, SUBJECT, commitment
from proaktiv.flowlog.staff import StaffKeys
from proaktiv.sets import FEW, Part, Premise, append_if, append_together, past_sqlalchemy
from proaktiv.tables import FlowLogRow, FlowQueueRow, FlowSecretRow, core_table
from proaktiv.vault import Compartment, Destroyed, Ring, Vault

_LOG = core_table(FlowLogRow)
_SECRET = core_table(FlowSecretRow)
_QUEUE = core_table(FlowQueueRow)
_LOG_COLUMNS = (
    "fid",
    "kind",
    "t",
    "sender",
    "receiver",
    "purpose",
    "basis",
    "scope",
    "outcome",
    "f_salt",
    "f_bytes",
    "entry",
)
_SECRET_COLUMNS = ("fid", "subj", "s_blob", "a_blob", "staff_key")
_QUEUE_COLUMNS = ("fid", "leaf", "ts")
_NONCE_BYTES = 12

_HEAD = b"INSERT INTO subject_heads AS h (subj, seq) "
_COUNTED = b" ON CONFLICT (subj) DO UPDATE SET seq = h.seq + excluded.seq RETURNING subj, seq"
# Rows are locked in the order of subj, or two sets with the same two people would wait for each other.
_NUMBER = _HEAD + b"SELECT subj, k FROM unnest(%b::bytea[], %b::bigint[]) AS t (subj, k) ORDER BY subj" + _COUNTED
_NUMBER_ONE = _HEAD + b"VALUES (%b, %b::bigint)" + _COUNTED
"""For one person, as on every page: arrays and their order cost as much as the row."""
_FIRST = b"INSERT INTO subject_heads (subj, seq) VALUES (%b, %b::bigint) ON CONFLICT (subj) DO NOTHING RETURNING seq"
_NEXT = b"UPDATE subject_heads SET seq = %b::bigint WHERE subj = %b AND seq = %b::bigint RETURNING seq"


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one call records: ``subjs`` and ``seen`` (how many entries each may see) by person."""

    flows: Sequence[Flow]
    now: datetime
    ring: Ring
    subjs: Mapping[UUID, bytes]
    seen: Mapping[UUID, int]


class FlowLog:
    """One process's way into the log. Threads share it."""

    def __init__(self, vault: Vault, ids: Ids, staff_public: bytes) -> None:
        self._vault = vault
        self._ids = ids
        self._staff = StaffKeys(ids, staff_public)

    def record(self, session: Session, flows: Sequence[Flow], now: datetime, ring: Ring | None = None) -> list[UUID]:
        """Write one entry per flow and return their ids in order.

        ``ring`` holds the flow key of every person in ``flows``; without it they are read. Call it last, and once per
        transaction with everything: it locks the number of each person until commit. Raises ``Destroyed`` for a
        person without keys, ``ValueError`` for a consent that would be kept from its person, ``CanonicalError``, and
        what the database says; each of them must end the transaction.
        """
        if not flows:
            return []
        if any(flow.restrict and flow.kind in NEVER_RESTRICTED for flow in flows):
            raise ValueError("what gives or ends a consent is never kept from the person")
        subjs = self._subjs(flows)
        if ring is None:
            ring = self._vault.ring(session, subjs, (Compartment.FLOW,)) if subjs else Ring(self._ids, {})
        seen: Counter[UUID] = Counter(flow.person for flow in flows if flow.person is not None and not flow.restrict)
        batch = _Batch(flows, now, ring, subjs, seen)
        fids = self._counting_on(session, batch)
        return self._numbered(session, batch) if fids is None else fids

    def _counting_on(self, session: Session, batch: _Batch) -> list[UUID] | None:
        """Take the number and write the entries in one round trip; None where it takes two, and nothing is written.

        It can be where a few entries are about one person whose last number came with the keys, as on a page, and
        nobody went on counting since: the database takes the next number only after exactly that one.
        """
        if len(batch.flows) > FEW or len(batch.seen) != 1:
            return None
        ((person, count),) = batch.seen.items()
        last = batch.ring.numbers.get(person)
        if last is None:
            return None
        subj, until = batch.subjs[person], last + count
        premise = Premise(_NEXT, (until, subj, last)) if last else Premise(_FIRST, (subj, until))
        fids, parts = self._written(session, batch, {person: last + 1})
        if not append_if(session, premise, parts):
            return None
        batch.ring.numbers[person] = until
        return fids

    def _numbered(self, session: Session, batch: _Batch) -> list[UUID]:
        """Take the numbers, whatever they are by now, then write the entries."""
        subjs, seen = batch.subjs, batch.seen
        last = self._number(session, {subjs[person]: count for person, count in seen.items()})
        first = {person: last[subjs[person]] - count + 1 for person, count in seen.items()}
        fids, parts = self._written(session, batch, first)
        append_together(session, parts)
        batch.ring.numbers.update({person: last[subjs[person]] for person in seen})
        return fids

    def _written(self, session: Session, batch: _Batch, first: Mapping[UUID, int]) -> tuple[list[UUID], list[Part]]:
        """Return the entries' ids and rows; a person's numbers begin at ``first``. Draws all salts and nonces anew."""
        now, ring, subjs, following = batch.now, batch.ring, batch.subjs, dict(first)
        staff = self._staff.current(session, now)
        at = entries.instant(now)
        random, row_id = self._ids.random, self._ids.row
        fids: list[UUID] = []
        log, secret, queue = [], [], []
        for flow in batch.flows:
            fid = row_id(now)
            dice = random(3 * SALT_BYTES + _NONCE_BYTES)
            f_salt, s_salt, a_salt = dice[:32], dice[32:64], dice[64:96]
            f_body = entries.facts_body(flow, fid, at)
            c_facts = commitment(FACTS, f_salt, f_body)
            subj: bytes | None = None
            if flow.person is None:
                # Nobody to protect: the salt of the empty part lies open, so that "never had one" can be proven.
                s_blob, c_subject = s_salt, commitment(SUBJECT, s_salt, b"")
            else:
                subj = subjs[flow.person]
                seq = None if flow.restrict else following[flow.person]
                if seq is not None:
                    following[flow.person] = seq + 1
                s_body = entries.subject_body(flow, seq)
                c_subject = commitment(SUBJECT, s_salt, s_body)
                s_blob = ring.encrypt(flow.person, Compartment.FLOW, s_salt + s_body, c_subject)
            a_body = entries.staff_body(flow)
            c_staff = commitment(STAFF, a_salt, a_body)
            a_blob = staff.seal(dice[96:], a_salt + a_body, c_staff)
            entry = entries.pack(flow.kind, c_facts, c_subject, c_staff)
            fids.append(fid)
            log.append(
                (
                    fid,
                    int(flow.kind),
                    now,
                    flow.sender,
                    flow.receiver,
                    flow.purpose,
                    flow.basis,
                    flow.scope,
                    flow.outcome,
                    f_salt,
                    f_body,
                    entry,
                )
            )
            secret.append((fid, subj, s_blob, a_blob, staff.id))
            queue.append((fid, leaf_hash(entry), now))
        return fids, [
            Part(_LOG, _LOG_COLUMNS, log),
            Part(_SECRET, _SECRET_COLUMNS, secret),
            Part(_QUEUE, _QUEUE_COLUMNS, queue),
        ]

    def authorise(
        self, session: Session, flows: Sequence[tuple[Flow, str]], now: datetime, ring: Ring | None = None
    ) -> list[Clearance]:
        """Record flows as authorised and return their leave to cross the border, in order.

        Each flow comes with its wire id. The leave is worth something only once the transaction is committed: hand
        over after that. Raises ``ValueError`` for another kind than AUTHORISED, and as ``record``.
        """
        if any(flow.kind is not Kind.AUTHORISED for flow, _ in flows):
            raise ValueError("only a flow of kind AUTHORISED can be authorised")
        fids = self.record(session, [flow for flow, _ in flows], now, ring)
        return [Clearance(fid, wire_id, now) for fid, (_, wire_id) in zip(fids, flows, strict=True)]

    def subj(self, person: UUID) -> bytes:
        """Return the blind index under which a person's entries are found."""
        return self._vault.subj(person)

    def _subjs(self, flows: Sequence[Flow]) -> dict[UUID, bytes]:
        return {person: self.subj(person) for person in {flow.person for flow in flows if flow.person is not None}}

    @staticmethod
    def _number(session: Session, counts: Mapping[bytes, int]) -> dict[bytes, int]:
        """Take as many numbers per person as there are entries they may see; return the last of each."""
        if not counts:
            return {}
        alone = len(counts) == 1
        given = next(iter(counts.items())) if alone else (list(counts), list(counts.values()))
        try:
            with past_sqlalchemy(session) as raw:
                found = raw.execute(_NUMBER_ONE if alone else _NUMBER, given, prepare=True, binary=True).fetchall()
        except IntegrityError as error:  # the ring was read before the person's keys were destroyed
            raise Destroyed("the log takes no more entries of one of these persons") from error
        return dict(found)
