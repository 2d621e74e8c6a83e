"""Each host of a URL that names several: one of them is the primary, the others follow it.

libpq takes the first that accepts writes and asks no further: that there are two it does not tell. So each is asked by
itself. Left to others: whether anything can be written at all, and waits for a standby (``databases``).
Source: PostgreSQL manual, 27.2.5 (streaming replication), 27.3 (failover: the former primary must be down).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread

from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from proaktiv.core.dsn import apart
from proaktiv.core.errors import ProaktivError
from proaktiv.database import Database
from proaktiv.doctor.databases import Connection, looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look

ANSWER_SECONDS = 2.5
"""For all hosts together: each is asked by a thread of its own."""
_CONNECT_SECONDS = "2"

_WHO = text(
    "SELECT pg_is_in_recovery(), current_setting('cluster_name'), (SELECT count(*) FROM pg_stat_wal_receiver),"
    " current_setting('synchronous_standby_names')"
)
# Without pg_read_all_stats the names are there, state and sync_state are not.
_FOLLOWERS = text("SELECT application_name, state, sync_state FROM pg_stat_replication")

_SPLIT = (
    "let nobody write: stop the one that was not promoted last (pg_ctl stop -m immediate) and never start it as it is;"
    " see docs/operating.md, Two nodes, and tell the DSB"
)
_PROMOTE = "be sure which one is down for good, then pg_ctl promote on the other: docs/operating.md, Two nodes"
_FOLLOW = "let it follow the primary: primary_conninfo, or pg_basebackup anew; docs/operating.md, Two nodes"
_SEE = "GRANT pg_read_all_stats TO proaktiv_app, proaktiv_sequencer"


@dataclass(frozen=True, slots=True)
class _Host:
    """What one host says of itself."""

    standby: bool
    name: str
    receives: bool
    waits: bool
    followers: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


def each(to: Connection, monotonic: Callable[[], float]) -> Check | None:
    """Ask every host of a URL what it is; None for a URL of one host."""
    try:
        urls = apart(to.url)
    except ValueError:
        return None  # that the URL is none is said by whoever opens it
    if not urls:
        return None
    name = "hosts"

    def act() -> Iterator[Finding]:
        said = _asked(urls, monotonic)
        yield _primary(name, [host for host, it in said.items() if it and not it.standby], all(said.values()))
        for host, it in said.items():
            if it is None:
                yield look(f"host {host}", "does not answer: what it is cannot be seen", f"see whether {host} runs")
            elif it.standby:
                yield _standby(f"host {host}", it, [other for other in said.values() if other and not other.standby])

    return Check(name, act, "see whether the hosts answer")


def _primary(name: str, primaries: list[str], whole: bool) -> Finding:
    if len(primaries) > 1:
        return broken(name, f"split brain: {' and '.join(primaries)} each say that they are the primary", _SPLIT)
    if not primaries:
        return broken(name, "none says that it is the primary", _PROMOTE)
    others = "the others are standbys" if whole else "not every other host answers"
    return fine(name, f"{primaries[0]} is the primary, {others}")


def _standby(name: str, it: _Host, primaries: list[_Host]) -> Finding:
    if not it.receives:
        return broken(name, "is a standby that follows nobody", _FOLLOW)
    if len(primaries) != 1 or it.name not in primaries[0].followers:
        return look(name, "is a standby; the primary does not know it by its cluster_name", "set cluster_name on it")
    state, sync = primaries[0].followers[it.name]
    if state is None:
        return look(name, "is a standby; this role does not see whether it is synchronous", _SEE)
    if state != "streaming":
        return look(name, f"is a standby that is not up to date: {state}", "wait until it is streaming")
    if sync == "async" and primaries[0].waits:
        return look(name, "is a standby that nobody waits for", "name it in synchronous_standby_names")
    return fine(name, f"is a standby, streaming, {sync}")


def leading(url: str, monotonic: Callable[[], float]) -> str:
    """Return the host of ``url`` that first says that it is the primary; empty where none does, or one is named.

    Whoever then asks that one alone does not wait for a host that is dark.
    """
    try:
        urls = apart(url)
    except ValueError:
        return ""
    return next((host for host, it in _answers(urls, monotonic) if it and not it.standby), "")


def _asked(urls: Mapping[str, str], monotonic: Callable[[], float]) -> dict[str, _Host | None]:
    """Return what each host says, None where it does not answer in time."""
    return dict.fromkeys(urls) | dict(_answers(urls, monotonic))


def _answers(urls: Mapping[str, str], monotonic: Callable[[], float]) -> Iterator[tuple[str, _Host | None]]:
    """Yield what the hosts say as they say it, until the time is over. A thread that hangs ends with the process."""
    over_at = monotonic() + ANSWER_SECONDS
    answers: SimpleQueue[tuple[str, _Host | None]] = SimpleQueue()
    for host, url in urls.items():
        Thread(target=lambda h=host, u=url: answers.put((h, _ask(u))), name=f"doctor {host}", daemon=True).start()
    for _ in urls:
        try:
            yield answers.get(timeout=max(over_at - monotonic(), 0.0))
        except Empty:
            return


def _ask(url: str) -> _Host | None:
    quick = make_url(url).update_query_dict({"connect_timeout": _CONNECT_SECONDS}).render_as_string(hide_password=False)
    database = Database(quick, "proaktiv-doctor", pool_size=1, pool_wait_seconds=ANSWER_SECONDS)
    try:
        with looking(database) as session:
            connection = session.connection()
            standby, name, receivers, waits = connection.execute(_WHO).one()
            followers = {row[0]: (row[1], row[2]) for row in connection.execute(_FOLLOWERS)}
        return _Host(standby, name, bool(receivers), bool(waits), followers)
    except (ProaktivError, DBAPIError):
        return None
    finally:
        database.close()
