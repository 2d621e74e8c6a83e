"""The database, role by role: reachable, the right role, the right schema, in time, and durable.

Everything runs in read-only transactions that give up after three seconds.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

from proaktiv.database import Database
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.drift import DRIFT_MAX, drift, said
from proaktiv.roles import breaches
from proaktiv.schema import check_current, refuse_embedded

_SERVER = text(
    "SELECT current_setting('server_version'), pg_is_in_recovery(),"
    " current_setting('default_transaction_read_only') = 'on'"
)
_DURABLE = text(
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')"
)
_STANDBYS = text(
    "SELECT current_setting('synchronous_standby_names'), count(*),"
    " count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')), count(sync_state) FROM pg_stat_replication"
)
# The server's own setting is hidden from our roles; the other one is written down for them (docs/operating.md).
_PLACE = text(
    "SELECT coalesce(nullif(current_setting('proaktiv.data_directory', true), ''),"
    " (SELECT setting FROM pg_settings WHERE name = 'data_directory'))"
)
_LITTLE, _HARDLY_ANY = 0.10, 0.02
_MIGRATE = "run proaktiv migrate with PROAKTIV_OWNER_URL"


@dataclass(frozen=True, slots=True)
class Connection:
    """One URL: the setting that holds it, and the role (a key of ``roles.WALLS``) that it must log in as."""

    setting: str
    role: str
    url: str

    @property
    def name(self) -> str:
        """Return what findings about it are called."""
        return f"database {self.role}"


@contextmanager
def looking(database: Database) -> Iterator[Session]:
    """Yield a session that writes nothing and waits for nobody."""
    with database.transaction() as session:
        connection = session.connection()
        connection.execute(text("SET TRANSACTION READ ONLY"))
        connection.execute(text("SET LOCAL statement_timeout = '3s'"))
        connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        yield session


def reached(to: Connection, server: list[Check], then: list[Check], database: Database) -> Check:
    """Ask whether a URL leads to a PostgreSQL that takes writes; then about the ``server`` and its schema.

    ``then`` holds what makes sense only on a current schema. Where nobody answers, one line says so for all of it.
    """

    def act() -> Iterator[Finding | Check]:
        with looking(database) as session:
            version, standby, read_only = session.connection().execute(_SERVER).one()
        if standby:
            yield broken(to.name, "is a standby, which takes no writes", f"let PROAKTIV_{to.setting} name the primary")
        elif read_only:
            yield broken(to.name, "takes no writes", "set default_transaction_read_only = off")
        else:
            yield fine(to.name, f"PostgreSQL {version}")
        yield from server
        yield Check(f"schema {to.role}", lambda: _current(to, then), _MIGRATE)

    return Check(to.name, act, f"start PostgreSQL or correct PROAKTIV_{to.setting}; all that asks it was left out")


def _current(to: Connection, then: list[Check]) -> Iterator[Finding | Check]:
    check_current(to.url)
    yield fine(f"schema {to.role}", "current")
    yield from then


def role(to: Connection, database: Database) -> Check:
    """Ask whether the role can do what it must and nothing that it must not."""
    name = f"role {to.role}"
    do = f"let PROAKTIV_{to.setting} log in as proaktiv_{to.role}, and take back what the migrations did not grant"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            found = breaches(session, to.role)
        if found:
            yield broken(name, "; ".join(found), do)
        else:
            yield fine(name, "has what it needs and no more")

    return Check(name, act, do)


def clock(database: Database, wall: Callable[[], datetime]) -> Check:
    """Ask whether this machine and the database agree what time it is."""
    do = "set both machines by NTP (chronyc tracking); workers go on by themselves"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            ahead = drift(session, wall)
        if abs(ahead) > DRIFT_MAX:
            yield broken("clock", said(ahead), do)
        else:
            yield fine("clock", f"agrees with the database's within {DRIFT_MAX.total_seconds():.0f} s")

    return Check("clock", act, do)


def durable(database: Database) -> Check:
    """Ask whether what PostgreSQL says it kept is kept."""
    do = "set it in postgresql.conf and reload: what was acknowledged can be lost in a power cut"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            fsync, full_pages, commit = session.connection().execute(_DURABLE).one()
        off = [
            f"{name} = {value}"
            for name, value in (("fsync", fsync), ("full_page_writes", full_pages), ("synchronous_commit", commit))
            if value == "off"
        ]
        if off:
            yield broken("durability", ", ".join(off), do)
        else:
            yield fine("durability", f"fsync and full_page_writes are on, synchronous_commit = {commit}")

    return Check("durability", act, do)


def replicated(database: Database, *, production: bool) -> Check:
    """Ask whether a second machine has what was acknowledged."""
    name = "standby"
    do = "bring a standby of synchronous_standby_names back: until then no COMMIT returns"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            wanted, connected, synchronous, told = session.connection().execute(_STANDBYS).one()
            (_, _, commit) = session.connection().execute(_DURABLE).one()
        if not wanted:
            if production:
                yield look(name, "none is synchronous: one disk holds everything", "see docs/operating.md, Database")
            else:
                yield fine(name, "none is asked for")
        elif commit in {"off", "local"}:
            yield broken(name, f"synchronous_commit = {commit} waits for no standby", "set synchronous_commit = on")
        elif not connected:
            yield broken(name, "none is connected", do)
        elif not told:
            yield look(
                name,
                f"{connected} connected; this role does not see which is synchronous",
                "GRANT pg_read_all_stats TO proaktiv_app, proaktiv_sequencer",
            )
        elif not synchronous:
            yield broken(name, f"{connected} connected, none of them synchronous", do)
        else:
            yield fine(name, f"{synchronous} synchronous")

    return Check(name, act, do)


def room(database: Database) -> Check:
    """Ask how much room PostgreSQL has, where its data lies on this machine and it says where."""
    name = "database's disk"
    do = "make room there, or mount a larger disk: full, PostgreSQL keeps nothing more; work goes on by itself"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            place = session.connection().execute(_PLACE).scalar_one()
        try:
            usage = shutil.disk_usage(place) if place else None
        except OSError:
            usage = None  # on another machine, or not for this user's eyes
        if usage is None:
            return
        says = f"{usage.free >> 20} MiB of {usage.total >> 20} are free"
        if usage.free < usage.total * _HARDLY_ANY:
            yield broken(name, f"disk full: {says}", do)
        elif usage.free < usage.total * _LITTLE:
            yield look(name, says, do)
        else:
            yield fine(name, says)

    return Check(name, act, do)


def own_server(database: Database) -> Check:
    """Ask whether production has a PostgreSQL of its own."""
    do = "let the URLs name a PostgreSQL that is backed up and asks for passwords"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            refuse_embedded(session)
        yield fine("server", "not the demonstration's")

    return Check("server", act, do)
