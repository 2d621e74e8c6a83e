"""What a database role must be able to do, and what it must not: the walls as they stand, not as they were meant.

The migrations grant; an operator can grant more, or put the owner's URL where the application's belongs. Then nobody
would notice that the log can be changed. Asked at every start, and by ``proaktiv doctor``.
Source: data-path.md § 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

from proaktiv.core.errors import NotSafe

Right = tuple[str, str]
"""Table and privilege."""


@dataclass(frozen=True, slots=True)
class Wall:
    """One role: without ``must`` it cannot work, with anything of ``never`` the wall is down."""

    must: tuple[Right, ...]
    never: tuple[Right, ...]


_LOG_STAYS: tuple[Right, ...] = (
    ("flow_log", "UPDATE"),
    ("flow_log", "DELETE"),
    ("flow_log", "TRUNCATE"),
    ("consent_ledger", "UPDATE"),
    ("consent_ledger", "DELETE"),
    ("consent_ledger", "TRUNCATE"),
)
_PLACED = ("flow_leaf", "checkpoint", "cosignature", "time_stamp")
"""What is written once: places, and what was signed. Of ``tile`` and ``log_head`` the database sees that they grow."""

WALLS: Mapping[str, Wall] = {
    "app": Wall(
        must=(("flow_log", "INSERT"), ("flow_queue", "INSERT"), ("consent_ledger", "INSERT"), ("proposals", "UPDATE")),
        never=(
            *_LOG_STAYS,
            ("flow_leaf", "INSERT"),
            ("tile", "UPDATE"),
            ("checkpoint", "INSERT"),
            ("cosignature", "INSERT"),
            ("time_stamp", "INSERT"),
            ("succession", "INSERT"),
            ("releases", "INSERT"),
            ("staff", "INSERT"),
            ("staff", "UPDATE"),
            ("staff_links", "INSERT"),
            ("vault_keys", "UPDATE"),
            ("vault_keys", "DELETE"),
            ("flow_secret", "UPDATE"),
            ("flow_secret", "DELETE"),
            ("flow_queue", "DELETE"),
            ("legal_hold", "DELETE"),
            ("erasures", "SELECT"),
        ),
    ),
    "sequencer": Wall(
        must=(
            ("flow_queue", "DELETE"),
            ("flow_leaf", "INSERT"),
            ("tile", "UPDATE"),
            ("log_head", "UPDATE"),
            ("checkpoint", "INSERT"),
            ("cosignature", "INSERT"),
            ("time_stamp", "INSERT"),
        ),
        never=(
            *_LOG_STAYS,
            *((table, right) for table in _PLACED for right in ("UPDATE", "DELETE", "TRUNCATE")),
            ("tile", "DELETE"),
            ("tile", "TRUNCATE"),
            ("log_head", "DELETE"),
            ("log_head", "TRUNCATE"),
            ("flow_log", "INSERT"),
            ("vault_keys", "SELECT"),
            ("persons", "SELECT"),
        ),
    ),
    # It tells of what it erased in the same transaction, so it appends to the log; it reads no sealed column.
    "eraser": Wall(
        must=(("flow_secret", "UPDATE"), ("vault_keys", "UPDATE"), ("flow_log", "INSERT"), ("persons", "DELETE")),
        never=(
            *_LOG_STAYS,
            ("checkpoint", "INSERT"),
            ("releases", "INSERT"),
            ("vault_keys", "INSERT"),
            ("persons", "INSERT"),
            ("stops", "UPDATE"),
            ("flow_secret", "DELETE"),
            ("legal_hold", "UPDATE"),
        ),
    ),
    "keeper": Wall(
        must=(("vault_keys", "UPDATE"), ("vault_keys", "INSERT"), ("flow_log", "INSERT")),
        never=(
            *_LOG_STAYS,
            ("vault_keys", "DELETE"),
            ("flow_secret", "UPDATE"),
            ("contacts", "SELECT"),
            ("person_identifiers", "SELECT"),
        ),
    ),
    "reader": Wall(
        must=(("flow_log", "SELECT"), ("checkpoint", "SELECT"), ("releases", "SELECT")),
        never=(*_LOG_STAYS, ("flow_log", "INSERT"), ("vault_keys", "SELECT"), ("codes", "SELECT"), ("tasks", "UPDATE")),
    ),
    "owner": Wall(must=(("flow_log", "DELETE"), ("releases", "INSERT")), never=()),
}

_MAY = {
    True: text("SELECT has_table_privilege(:table, :privilege)"),
    False: text("SELECT has_any_column_privilege(:table, :privilege)"),  # a grant on one column is a hole as well
}
_WHO = text("SELECT current_user, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)")


def breaches(session: Session, role: str) -> tuple[str, ...]:
    """Return in words what is wrong with the session's role as ``role`` (a key of ``WALLS``)."""
    connection = session.connection()
    name, superuser = connection.execute(_WHO).one()
    if superuser and role != "owner":
        return (f"{name} is a superuser, for whom no wall stands",)
    wall = WALLS[role]

    def may(right: Right) -> bool:
        table, privilege = right
        query = _MAY[privilege in {"DELETE", "TRUNCATE"}]
        return bool(connection.execute(query, {"table": table, "privilege": privilege}).scalar_one())

    lacking = [f"{name} lacks {privilege} on {table}" for table, privilege in wall.must if not may((table, privilege))]
    excess = [f"{name} has {privilege} on {table}" for table, privilege in wall.never if may((table, privilege))]
    return (*lacking, *excess)


def require_role(session: Session, role: str, setting: str) -> None:
    """Raise ``NotSafe`` where the session's role is not what ``role`` must be; ``setting`` names where it came from."""
    found = breaches(session, role)
    if found:
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        raise NotSafe(f"{setting} must log in as proaktiv_{role} with the migrations' grants: {found[0]}{more}")
