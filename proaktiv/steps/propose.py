"""Propose: what the rules decided becomes pre-filled Aufträge, bundled per addressee, each only once.

Ends the events of the set and destroys their payloads, always. Writes the log of the whole set last, and after it only
the look-ups that name its entries.
Left to others: telling the person (``steps.notify``), their answer (``steps.confirm``).
Source: data-path.md §§ 4, 5; rules.md § 5.5.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.binding import to_json
from proaktiv.core.calendar import berlin_date, month_of
from proaktiv.core.canonical import dumps
from proaktiv.core.cases import Decided, ProposalMoved, Proposed, apply
from proaktiv.core.competence import Competences
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.items import Candidate, Item
from proaktiv.core.keys import PersonKey
from proaktiv.core.outcomes import falls_away
from proaktiv.core.passage import Admission, Admitted, Matched, Matching
from proaktiv.core.plans import PROPOSED, TOLD
from proaktiv.core.proposals import Prepared, answer_by, key_values, prepare
from proaktiv.core.states import EventState, ProposalState
from proaktiv.foresight import note_changes
from proaktiv.handwork import give_by_hand
from proaktiv.house import House
from proaktiv.kin import know_children
from proaktiv.matters import PROPOSALS, bundles_of, load_case, silence_bundles, take_back_older, write_moves
from proaktiv.sets import among, copy_rows, unnested
from proaktiv.tables import (
    BundleRow,
    CompetenceRow,
    LookupRow,
    MatchRow,
    RegisterEventRow,
    TaskRow,
    core_table,
)
from proaktiv.vault import Compartment, Place, Ring

PROBES = ("evaluate.propose.before", "evaluate.propose.after")

_EVENTS = core_table(RegisterEventRow)
_BUNDLES = core_table(BundleRow)
_MATCHES = core_table(MatchRow)
_LOOKUPS = core_table(LookupRow)
_TASKS = core_table(TaskRow)
_COMPETENCES = core_table(CompetenceRow)
_PROPOSAL_COLUMNS = (
    "id",
    "bundle",
    "event",
    "person",
    "leistung",
    "dedupe",
    "generation",
    "supersedes",
    "group_key",
    "plan_hash",
    "draft",
    "shown_mac",
    "behoerde",
    "min_vertrauen",
    "versand",
    "outcome",
    "state",
    "closed_by",
    "answer_by",
    "made_at",
    "moved_at",
)
_BUNDLE_COLUMNS = ("id", "event", "case_key", "lebenslage", "person", "state", "messages", "due_at", "made_at")
_MATCH_COLUMNS = (
    "id",
    "event",
    "leistung",
    "person",
    "pass_no",
    "plan_hash",
    "facts",
    "facts_mac",
    "result",
    "outcome",
    "next_change_month",
    "decided_at",
)
_LOOKUP_COLUMNS = ("id", "event", "person", "register_name", "names", "state", "tries", "due_at", "wire_id", "flow_id")


class _Prepared:
    """One decision that becomes an candidate."""

    __slots__ = ("behoerde", "candidate", "content", "id", "matched")

    def __init__(self, matched: Matched, candidate: Candidate, content: bytes, behoerde: str, row: UUID) -> None:
        self.matched = matched
        self.candidate = candidate
        self.content = content
        self.behoerde = behoerde
        self.id = row


def propose(session: Session, house: House, admission: Admission, matching: Matching, ring: Ring, now: datetime) -> int:
    """Write proposals, bundles, matches, the log and the wanted look-ups of one set. Returns how many are new."""
    house.probe("evaluate.propose.before")
    waiting = {need.admitted.event.id for need in matching.needs}
    decided = [item for item in matching.matched if item.admitted.event.id not in waiting]
    competences = _competences(session)
    prepared = _prepare(session, house, decided, competences, now)
    know_children(session, house, matching.matched, now)
    corrections = {item.admitted.event.id for item in decided if item.admitted.event.register_version > 1}
    take_back_older(session, house.ids, corrections, {item.candidate.key for item in prepared}, now)
    fresh = _make(session, house, prepared, _gone(session, house, decided), ring, now)
    matches = {house.ids.row(now): item for item in decided}
    give_by_hand(session, house, matches, competences, now)
    _keep_matches(session, house, matches, ring, now)
    note_changes(session, house, decided, now)
    _finish(session, admission, waiting)
    flows = [*admission.flows, *(_admitted_flow(house, item) for item in admission.admitted)]
    logged = house.log.record(session, flows, now, ring)[len(admission.flows) :]
    # After the log: a look-up names the entry of whom it is about. Its event is locked, so nobody is waited for here.
    _want(session, house, matching, dict(zip(map(_place, admission.admitted), logged, strict=True)), now)
    house.probe("evaluate.propose.after")
    return fresh


def _prepare(
    session: Session, house: House, decided: Sequence[Matched], competences: Competences, now: datetime
) -> list[_Prepared]:
    prepared, tasks = [], []
    for item in decided:
        if item.decision.outcome not in PROPOSED:
            continue
        event, person = item.admitted.event, item.admitted.person
        made = prepare(
            item.plan,
            item.facts,
            item.decision,
            house.rules.lebenslage(item.admitted.lebenslage).texte,
            competences,
            source=event.source,
            basis=item.admitted.match.norm,
        )
        if not isinstance(made, Prepared):
            what, behoerde = made
            tasks.append(
                {"id": house.ids.row(now), "what": what, "matter": event.id, "behoerde": behoerde, "made_at": now}
            )
            continue
        content = dumps(made.content)
        candidate = Candidate(
            key=house.vault.mac("dedupe", person.bytes + made.key.encode()),
            leistung=item.plan.leistung,
            person=person,
            shown=house.vault.mac("shown", content),
            group=house.vault.mac("group", made.group.encode()) if made.group else None,
            asks=item.decision.outcome == "frage",
            told=item.decision.outcome in TOLD,
        )
        prepared.append(_Prepared(item, candidate, content, made.behoerde, house.ids.row(now)))
    if tasks:
        session.connection().execute(insert(_TASKS), tasks)
    return prepared


def _competences(session: Session) -> Competences:
    table: dict[str, dict[str, str]] = {}
    for row in session.connection().execute(select(_COMPETENCES)):
        table.setdefault(row.art, {})[row.ars_prefix] = row.behoerde
    return table


def _gone(session: Session, house: House, decided: Sequence[Matched]) -> frozenset[bytes]:
    """Return the keys of proposals of these very cases that fall away now.

    Asked only where an event is decided again: of a new one nothing can be there yet.
    """
    again = [item for item in decided if falls_away(item.decision)]
    if not again:
        return frozenset()
    wanted = {}
    for item in again:
        values = key_values(item.plan, item.plan.schluessel, item.facts)
        if values is not None:
            wanted[house.vault.mac("dedupe", item.admitted.person.bytes + values.encode())] = item
    there = session.connection().execute(
        select(PROPOSALS.c.dedupe, _EVENTS.c.case_key)
        .join(_EVENTS, _EVENTS.c.id == PROPOSALS.c.event)
        .where(among(PROPOSALS.c.dedupe, wanted))
    )
    return frozenset(row.dedupe for row in there if row.case_key == wanted[row.dedupe].admitted.event.case_key)


def _make(
    session: Session,
    house: House,
    prepared: Sequence[_Prepared],
    gone: frozenset[bytes],
    ring: Ring,
    now: datetime,
) -> int:
    if not prepared and not gone:
        return 0
    by_id = {item.id: item for item in prepared}
    keys = {item.candidate.key for item in prepared} | gone
    case = load_case(session, among(PROPOSALS.c.dedupe, keys))
    _, effects = apply(case, Decided(tuple(item.candidate for item in prepared), tuple(by_id), gone))
    new = [effect for effect in effects if isinstance(effect, Proposed)]
    answered = {item.id for item in case.items if item.candidate.asks}
    bundles = _bundle(session, house, new, by_id, answered, now)
    today = berlin_date(now)
    rows = [_row(by_id[effect.item.id], effect.item, effect.supersedes, bundles, ring, today, now) for effect in new]
    if rows:
        copy_rows(session, PROPOSALS, _PROPOSAL_COLUMNS, rows)
    write_moves(session, house.ids, [effect for effect in effects if not isinstance(effect, Proposed)], now)
    recalled = [e.item for e in effects if isinstance(e, ProposalMoved) and e.to is ProposalState.RECALLED]
    if recalled:
        silence_bundles(session, bundles_of(session, recalled))
    return len(new)


def _bundle(
    session: Session,
    house: House,
    new: Sequence[Proposed],
    by_id: Mapping[UUID, "_Prepared"],
    answered: set[UUID],
    now: datetime,
) -> dict[tuple[bytes, str, UUID], UUID]:
    """Return the bundle of each (case, Lebenslage, addressee), due to be told anew.

    What comes of the person's own answer needs no letter: they are there and see it.
    """
    wanted: dict[tuple[bytes, str, UUID], tuple[UUID, bool]] = {}
    for effect in new:
        admitted = by_id[effect.item.id].matched.admitted
        place = (admitted.event.case_key, admitted.lebenslage, admitted.person)
        tell = effect.supersedes not in answered or (place in wanted and wanted[place][1])
        wanted[place] = admitted.event.id, tell
    if not wanted:
        return {}
    rows = [
        (house.ids.row(now), event, case_key, lebenslage, person, "open", 0, now if tell else None, now)
        for (case_key, lebenslage, person), (event, tell) in wanted.items()
    ]
    statement = upsert(_BUNDLES).from_select(list(_BUNDLE_COLUMNS), unnested(_BUNDLES, _BUNDLE_COLUMNS, rows))
    statement = statement.on_conflict_do_update(
        index_elements=["case_key", "lebenslage", "person"],
        set_={"state": "open", "due_at": func.coalesce(statement.excluded.due_at, _BUNDLES.c.due_at)},
    )
    found = session.connection().execute(
        statement.returning(_BUNDLES.c.id, _BUNDLES.c.case_key, _BUNDLES.c.lebenslage, _BUNDLES.c.person)
    )
    return {(row.case_key, row.lebenslage, row.person): row.id for row in found}


def _row(
    item: _Prepared,
    fresh: Item,
    supersedes: UUID | None,
    bundles: Mapping[tuple[bytes, str, UUID], UUID],
    ring: Ring,
    today: date,
    now: datetime,
) -> tuple[Any, ...]:
    admitted, plan = item.matched.admitted, item.matched.plan
    return (
        item.id,
        bundles[admitted.event.case_key, admitted.lebenslage, admitted.person],
        admitted.event.id,
        admitted.person,
        plan.leistung,
        item.candidate.key,
        fresh.generation,
        supersedes,
        item.candidate.group,
        plan.hash,
        ring.encrypt(admitted.person, Compartment.VIEW, item.content, Place("proposals", item.id, "draft").aad),
        item.candidate.shown,
        item.behoerde,
        plan.min_vertrauen,
        plan.versand,
        item.matched.decision.outcome,
        fresh.state.value,
        None,
        answer_by(item.matched.decision, today),
        now,
        now,
    )


def _keep_matches(session: Session, house: House, matches: Mapping[UUID, Matched], ring: Ring, now: datetime) -> None:
    rows = []
    for row, item in matches.items():
        admitted = item.admitted
        used = dumps(to_json({name: fact for name, fact in item.facts.items() if name in item.plan.benoetigt}))
        rows.append(
            (
                row,
                admitted.event.id,
                item.plan.leistung,
                admitted.person,
                item.pass_no,
                item.plan.hash,
                ring.encrypt(admitted.person, Compartment.FACTS, used, Place("matches", row, "facts").aad),
                house.vault.mac("facts", used),
                item.decision.result,
                item.decision.outcome,
                # Month-coarse: the day after a sixteenth birthday would give the birth date away.
                month_of(change) if (change := item.decision.next_change_on) else None,
                now,
            )
        )
    if rows:
        copy_rows(session, _MATCHES, _MATCH_COLUMNS, rows)


def _place(item: Admitted) -> tuple[UUID, UUID, str]:
    return item.event.id, item.person, item.lebenslage


def _want(
    session: Session,
    house: House,
    matching: Matching,
    logged: Mapping[tuple[UUID, UUID, str], UUID],
    now: datetime,
) -> None:
    rows = [
        (
            house.ids.row(now),
            need.admitted.event.id,
            need.admitted.person,
            need.register,
            list(need.names),
            "wanted",
            0,
            now,
            "",
            logged[_place(need.admitted)],
        )
        for need in matching.needs
    ]
    if rows:
        copy_rows(session, _LOOKUPS, _LOOKUP_COLUMNS, rows)


def _finish(session: Session, admission: Admission, waiting: set[UUID]) -> None:
    """Move the set's events on; their payloads are gone, whatever was decided."""
    connection = session.connection()
    events = {item.event.id for item in admission.admitted}
    for state, ids in ((EventState.NEEDS, events & waiting), (EventState.ADMITTED, events - waiting)):
        if ids:
            connection.execute(
                update(_EVENTS).where(among(_EVENTS.c.id, ids)).values(state=state.value, payload=None, due_at=None)
            )


def _admitted_flow(house: House, item: Admitted) -> Flow:
    return Flow(
        kind=Kind.ADMITTED,
        sender=item.event.source,
        receiver=house.controller,
        purpose=item.match.purpose,
        action="event.admitted",
        basis=item.match.norm,
        categories=(item.event.kind,),
        scope=item.match.activity,
        outcome="admitted",
        person=PersonKey(item.person),
        consent=str(item.match.record or ""),
        case=str(item.event.id),
    )
