"""Brake: how often one net may try here, and how many may enrol with the house in a day.

Whoever posts a stolen list would have the register asked for each line, and a letter written for each hit. The answer
is the same whoever is meant: only the net and the number are looked at. Of a net there is its keyed hash, for an hour.
Left to others: the buckets (``paces``), what is usual (``core.clients``), which net it is (``core.nets``).
Source: channels-and-pages.md § 5.2 (5); security-and-faults.md T4, T15; decision 27.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.clients import HISTORY_DAYS, Client, held_beyond
from proaktiv.core.errors import TooMany
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.nets import UNTOLD
from proaktiv.core.rates import Rate
from proaktiv.house import House
from proaktiv.paces import give_back, take
from proaktiv.tables import ClientDayRow, IncidentRow, core_table

ENROLMENT, CODE = "enrolment", "code"
"""What is braked, each by itself: wishes to be known here, and tries with a letter's code."""

PER_HOUR = 20
RATE = Rate(PER_HOUR / 3600, at_once=PER_HOUR)
"""From one net, of each; whoever enters with a code gets the try back."""

_DAYS = core_table(ClientDayRow)
_INCIDENTS = core_table(IncidentRow)
_COUNTED = "@enrolment"
"""Whose days are counted, beside those of clients: no client is called that."""


def slow(session: Session, house: House, what: str, net: bytes, wall: datetime) -> None:
    """Count one try from a net. Raises ``TooMany``."""
    if net == UNTOLD:
        return
    (pause,) = take(session, what, lambda _net: RATE, [_hash(house, net)], wall, whole=False)
    if pause is not None:
        raise TooMany("too many tries from this net", max(1, int(pause.total_seconds())))


def forgive(session: Session, house: House, what: str, net: bytes) -> None:
    """Give a try back that was none: who entered is no guesser, and many may stand behind one net."""
    if net != UNTOLD:
        give_back(session, what, RATE, _hash(house, net))


def count(session: Session, house: House, most: int, now: datetime) -> TooMany | None:
    """Count one enrolment of this UTC day; return what it is told where the day is full. The caller commits either way.

    The DSB hears once a day that it is full, and once that it brought far more than the days before.
    """
    today = now.astimezone(UTC).date()
    statement = upsert(_DAYS).values(client=_COUNTED, day=today, n=1)
    columns = [_DAYS.c.client, _DAYS.c.day]
    row = (
        session.connection()
        .execute(
            statement.on_conflict_do_update(index_elements=columns, set_={"n": _DAYS.c.n + 1}).returning(
                _DAYS.c.n, _DAYS.c.held_at
            )
        )
        .one()
    )
    told = [] if row.n != most + 1 else ["enrolments.full"]
    if row.held_at is None and _jumped(session, most, row.n, now):
        mine = (_DAYS.c.client == _COUNTED, _DAYS.c.day == today)
        session.connection().execute(update(_DAYS).where(*mine).values(held_at=now))
        told.append("enrolments.jumped")
    if told:
        _tell(session, house, told, now)
    if row.n <= most:
        return None
    tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    return TooMany("no more enrolments today", max(1, int((tomorrow - now).total_seconds())))


def _jumped(session: Session, most: int, n: int, now: datetime) -> bool:
    usual = Client(_COUNTED, "", (), frozenset(), most)
    if n <= usual.jump_floor:
        return False
    days = (
        session.connection()
        .execute(
            select(_DAYS.c.n)
            .where(_DAYS.c.client == _COUNTED, _DAYS.c.day < now.astimezone(UTC).date())
            .order_by(_DAYS.c.day.desc())
            .limit(HISTORY_DAYS)
        )
        .scalars()
    )
    beyond = held_beyond(usual, list(days))
    return beyond is not None and n > beyond


def _tell(session: Session, house: House, told: list[str], now: datetime) -> None:
    rows = [{"id": house.ids.row(now), "what": what, "matter": None, "at": now} for what in told]
    session.connection().execute(insert(_INCIDENTS), rows)
    flows = [
        Flow(
            kind=Kind.INCIDENT,
            sender=house.controller,
            receiver=house.controller,
            purpose="sicherheit",
            action=what,
            basis="Art. 32 DSGVO",
        )
        for what in told
    ]
    house.log.record(session, flows, now)


def _hash(house: House, net: bytes) -> bytes:
    return house.vault.mac("net", net)
