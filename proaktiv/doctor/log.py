"""The flow log: somebody signs, nothing waits long for its place, and the signer's memory fits the database."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlmodel import Session

from proaktiv.core.series import Pace
from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.flowlog.border import ALARM
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError
from proaktiv.flowlog.findings import Code, Limits, counted, findings
from proaktiv.flowlog.rounds import in_doubt
from proaktiv.flowlog.signer import LOCK
from proaktiv.flowlog.status import Asked, LogBehind, Status, require_current, status
from proaktiv.flowlog.vouching.attesting import STAMPS
from proaktiv.locks import session_lock_held
from proaktiv.tables import CheckpointRow, LogHeadRow, core_table

LATE = ALARM
TOO_LATE = timedelta(minutes=5)
DAY = timedelta(days=1)

_HEAD = core_table(LogHeadRow)
_CHECKPOINTS = core_table(CheckpointRow)

_CALL = "let nobody write and call the DSB: docs/operating.md, Zeuge"
_BACK = "proaktiv log remember brings it back with the witness's word, --adopt where there never was a witness"
_START = "start exactly one proaktiv work --sign --state DIR"


def signed(database: Database, law_clock: Callable[[Session], datetime], limit: timedelta) -> Check:
    """Ask whether a signing worker lives, and whether entries wait for their place or a signature.

    ``law_clock`` is the clock that entries carry; after ``limit`` nothing leaves the house any more.
    """

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            alive = session_lock_held(session, LOCK)
            now = law_clock(session)
            late = _late(session, now, LATE)
            too_late = bool(_late(session, now, TOO_LATE))
            closed = bool(_late(session, now, limit))
        if alive:
            yield fine("signing worker", "is alive")
        else:
            yield broken("signing worker", "none holds the lock", _START)
        if closed:
            stands = f"{late}: longer than {limit}, so no letter, Auftrag or register question leaves"
            yield broken("log queue", stands, f"{_START}; if one runs, read its log. What waits goes on by itself")
        elif too_late:
            yield broken("log queue", late, f"{_START}; if one runs, read its log")
        elif late:
            yield look("log queue", late, "look again in a minute; if it grows, read the signing worker's log")
        else:
            yield fine("log queue", f"no entry waits longer than {LATE.total_seconds():.0f} s")

    return Check("signing worker", act, _START)


def _late(session: Session, now: datetime, limit: timedelta) -> str:
    try:
        require_current(session, now, limit)
    except LogBehind as error:
        return str(error)
    return ""


def vouched(database: Database, witnesses: Sequence[str], *, stamps_every: timedelta | None) -> Check:
    """Ask how far the log is cosigned by each witness (by name), and how old the last time stamp is."""

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            found = status(session, count_kinds=False)
        for name in witnesses:
            yield _asked(f"witness {name}", found.asked.get(name), found.signed)
        if stamps_every is not None:
            yield _asked("time stamps", found.asked.get(STAMPS), found.signed, late=_overdue(found, stamps_every))

    return Check("witnesses", act, "see whether the database answers")


def _asked(name: str, last: Asked | None, signed: int, late: str = "") -> Finding:
    do = "see whether it runs and can be reached from the signing worker; the log is signed without it meanwhile"
    if last is None:
        return look(name, "was not asked yet", "start the signing worker; it asks once something is signed")
    if last.outcome == "contradicts":
        return broken(name, f"knows a log of {last.size} entries that this one does not continue", _CALL)
    if last.outcome in {"wrong", "blocked"}:
        said = "answered what cannot be checked" if last.outcome == "wrong" else "is an address that may not be called"
        do = "compare its key and address with PROAKTIV_WITNESSES, _TSA_ROOTS, _OUTBOUND and _LOG_PRIVATE_ADDRESSES"
        return broken(name, said, do)
    if late:
        return look(name, late, do)
    if last.outcome in {"cosigned", "behind", "stamped"}:
        return fine(name, f"knows {last.size} entries, {signed} are signed")
    return look(name, f"does not help ({last.outcome}) since {last.seconds or 0:.0f} s", do)


def _overdue(found: Status, every: timedelta) -> str:
    age = found.last_stamp_seconds
    if age is None or age <= 2 * every.total_seconds() or found.stamped == found.signed:
        return ""
    return f"the last is {age:.0f} s old"


def fits(database: Database, law_clock: Callable[[Session], datetime], pace: Pace) -> Check:
    """Ask whether the log of the last day fits: pairs, parts, rows, numbers, and what left the house."""
    name = "log findings"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            now = law_clock(session)
            found = counted(findings(session, now, Limits(pace=pace), since=now - DAY))
        late = {Code.QUEUE_LATE.value, Code.SIGNING_LATE.value}  # said above, with what to do
        odd = {code: n for code, n in found.items() if code not in late}
        if odd:
            said = ", ".join(f"{n} {code}" for code, n in odd.items())
            yield look(name, said, "tell the DSB: proaktiv log findings names the entries")
        else:
            yield fine(name, "none about the last day")

    return Check(name, act, "ask proaktiv log status, which has more time")


def remembers(state: Path, origin: str, database: Database) -> Check:
    """Ask whether the signer's memory can be used, and whether database and memory tell the same past."""
    name = "signer's memory"
    call = "do not delete the folder; call the DSB: docs/operating.md, The signer's memory"

    def act() -> Iterator[Finding]:
        if not state.is_dir():
            yield broken(name, f"{state} is no folder", "mount it, or name the right one with --state")
            return
        if not os.access(state, os.R_OK | os.W_OK | os.X_OK):
            yield broken(name, f"{state} cannot be read and written", "let it belong to the signing worker's user")
            return
        # In the order in which the signer goes on: what it published it had remembered, what it remembered was there.
        with looking(database) as session:
            published = session.connection().execute(select(func.max(_CHECKPOINTS.c.size))).scalar_one() or 0
            memory = _read(state / "last_signed")
            size = session.connection().execute(select(_HEAD.c.size)).scalar_one()
        if isinstance(memory, str):
            yield broken(name, memory, f"restore the folder; without a copy {_BACK}")
        elif memory is None and published:
            yield broken(name, f"is empty, although {published} entries were signed", f"{call}; {_BACK}")
        elif memory is None:
            yield fine(name, "is empty, as the log is")
        elif memory.origin != origin:
            yield broken(name, f"is of the log {memory.origin}", "name the folder of this log with --state")
        elif memory.size > size:
            yield broken(name, f"{memory.size} entries were signed, the database holds {size}", call)
        elif doubtful := in_doubt(state):
            tile = f"tile {doubtful[0]}/{doubtful[1]} is not what the tile above says of it, so nothing is signed"
            yield broken(name, tile, f"{_CALL}; proaktiv log verify says what else was changed")
        elif memory.size < published:
            yield broken(name, f"is behind: it knows {memory.size} entries, {published} were signed", call)
        else:
            yield fine(name, f"knows {memory.size} of {size} entries")

    return Check(name, act, "see whether the folder's disk answers")


def _read(path: Path) -> Checkpoint | str | None:
    try:
        return Checkpoint.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (NoteError, UnicodeDecodeError):
        return "last_signed is unreadable"
    except OSError as error:
        return f"last_signed cannot be read: {error.strerror}"
