"""``proaktiv staff``: who works in the house, as clerk or as DSB. The owner's: no surface makes anybody a clerk.

Left to others: letting them in (``steps.admit``), what they may (``steps.inspection``, ``steps.tasks``).
"""

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from sqlalchemy import insert, select, update
from sqlmodel import Session

from proaktiv.core.errors import BadInput, Conflict, NotAllowed, NotFound
from proaktiv.core.ids import Ids
from proaktiv.core.staff import Role
from proaktiv.steps.admit import hash_of, subject_hash
from proaktiv.tables import (
    BehoerdeRow,
    ErasureRequestRow,
    HoldRequestRow,
    PersonRequestRow,
    StaffLinkRow,
    StaffRow,
    core_table,
)
from proaktiv.vault import Vault

LINK = timedelta(hours=1)
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_STAFF = core_table(StaffRow)
_LINKS = core_table(StaffLinkRow)
_BEHOERDEN = core_table(BehoerdeRow)
_WISHES = tuple(core_table(row) for row in (PersonRequestRow, ErasureRequestRow, HoldRequestRow))

ROLES = (
    "clerk: sees the tasks and Aufträge of one Behörde (without --behoerde: the house's own tasks), opens an Auftrag,"
    " ends tasks, answers for the Behörde. dsb: reads the flow log, looks a person up with a reason, changes nothing."
    " Nobody is both: whoever works on matters does not oversee who looked at them."
)


@dataclass(frozen=True, slots=True)
class Staffing:
    """The owner's hand on the table of staff, in one transaction. ``links`` is whether links may log in here."""

    session: Session
    vault: Vault
    ids: Ids
    wall: datetime
    issuer: str
    page: str
    links: bool

    def add(self, name: str, role: Role, behoerde: str, subject: str) -> UUID:
        """Enter somebody. Raises ``BadInput``; ``Conflict`` where name or subject stands there in any role."""
        if not _NAME.fullmatch(name):
            raise BadInput("NAME", "is an id of letters, digits, . _ - (at most 64), as the house knows them")
        if role is Role.DSB and behoerde:
            raise BadInput("--behoerde", "is for clerks; the DSB oversees all")
        connection = self.session.connection()
        if behoerde and connection.execute(select(_BEHOERDEN.c.id).where(_BEHOERDEN.c.id == behoerde)).first() is None:
            raise BadInput("--behoerde", "is no Behörde of this installation")
        if subject and not self.issuer:
            raise BadInput("--subject", "needs PROAKTIV_OIDC_ISSUER: a subject means nothing without its provider")
        found = subject_hash(self.vault, self.issuer, subject) if subject else None
        same = _STAFF.c.name == name if found is None else (_STAFF.c.name == name) | (_STAFF.c.subject_hash == found)
        there = connection.execute(select(_STAFF.c.role).where(_STAFF.c.ended_at.is_(None), same)).first()
        if there is not None:
            raise Conflict(f"works here already, as {there.role}; nobody has two roles: end that one first")
        member = self.ids.row(self.wall)
        row = {"id": member, "name": name, "role": role.value, "behoerde": behoerde, "subject_hash": found}
        connection.execute(insert(_STAFF), [{**row, "added_at": self.wall}])
        return member

    def members(self) -> list[dict[str, Any]]:
        """Return everybody who works or worked here, those who do first."""
        rows = self.session.connection().execute(
            select(_STAFF).order_by(_STAFF.c.ended_at.is_not(None), _STAFF.c.name, _STAFF.c.added_at)
        )
        return [
            {
                "id": str(row.id),
                "name": row.name,
                "role": row.role,
                "behoerde": row.behoerde,
                "logs_in": row.subject_hash is not None,
                "added_at": row.added_at.isoformat(),
                "ended_at": row.ended_at.isoformat() if row.ended_at else "",
            }
            for row in rows
        ]

    def end(self, name: str) -> None:
        """End somebody's work here; their sessions and their waiting wishes end with it. Raises ``NotFound``."""
        connection = self.session.connection()
        ended = connection.execute(
            update(_STAFF)
            .where(_STAFF.c.name == name, _STAFF.c.ended_at.is_(None))
            .values(ended_at=self.wall)
            .returning(_STAFF.c.id)
        ).scalar_one_or_none()
        if ended is None:
            raise NotFound(f"nobody called {name} works here")
        for table in _WISHES:  # over from now on; the worker deletes what is over
            waits = (table.c.asked_by == ended, table.c.state == "waiting", table.c.expires_at > self.wall)
            connection.execute(update(table).where(*waits).values(expires_at=self.wall))

    def link(self, name: str) -> str:
        """Return a link that logs in once within an hour. Raises ``NotAllowed`` in production, ``NotFound``."""
        if not self.links:
            raise NotAllowed("links are of the demonstration and refused in production; log in at the provider")
        connection = self.session.connection()
        member = connection.execute(
            select(_STAFF.c.id).where(_STAFF.c.name == name, _STAFF.c.ended_at.is_(None))
        ).scalar_one_or_none()
        if member is None:
            raise NotFound(f"nobody called {name} works here")
        token = self.ids.random(32).hex()
        row = {"token_hash": hash_of(token), "staff": member, "expires_at": self.wall + LINK}
        connection.execute(insert(_LINKS), [row])
        return f"{self.page}/einlass?schein={token}"


Opening = Callable[[], AbstractContextManager[Staffing]]


def make_app(opening: Opening) -> typer.Typer:
    """Return the commands; ``opening`` is a transaction of the owner's."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=f"Who works in the house. {ROLES}")

    @app.command("add")
    def add(
        name: Annotated[str, typer.Argument(help="Their id in the house; it stands in the flow log.")],
        role: Annotated[Role, typer.Option(help=ROLES)],
        behoerde: Annotated[str, typer.Option(help="A clerk's Behörde (its id).")] = "",
        subject: Annotated[
            str, typer.Option(help="Their `sub` at PROAKTIV_OIDC_ISSUER; the provider's administration shows it.")
        ] = "",
    ) -> None:
        """Enter somebody as clerk or as DSB, and say what to do next."""
        with opening() as staffing:
            staffing.add(name, role, behoerde, subject)
            page = staffing.page
        typer.echo(f"{name} works here as {role.value}{f' of {behoerde}' if behoerde else ''}.")
        if subject:
            typer.echo(f"Next: {name} opens {page or 'the office page'} and logs in at the provider.")
        else:
            typer.echo("Without --subject nobody can log in at the provider as them: end and add again with it,")
            typer.echo(f"or in a demonstration: proaktiv staff link {name}")

    @app.command("list")
    def show(as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False) -> None:
        """List who works here, and who did."""
        with opening() as staffing:
            found = staffing.members()
        if as_json:
            typer.echo(json.dumps(found, ensure_ascii=False))
            return
        for each in found:
            until = f"ended {each['ended_at'][:10]}" if each["ended_at"] else ""
            way = "" if each["logs_in"] or until else "cannot log in at the provider"
            typer.echo("  ".join(filter(None, (each["name"], each["role"], each["behoerde"], until, way))))
        if not found:
            typer.echo("Nobody works here yet: proaktiv staff add")

    @app.command("end")
    def end(name: Annotated[str, typer.Argument(help="Their id in the house.")]) -> None:
        """End somebody's work here: no session of theirs opens anything any more, and what they wished is over."""
        with opening() as staffing:
            staffing.end(name)
        typer.echo(f"{name} does not work here any more.")

    @app.command("link")
    def link(name: Annotated[str, typer.Argument(help="Their id in the house.")]) -> None:
        """Print a link that logs in once within an hour, without a provider. Refused in production."""
        with opening() as staffing:
            typer.echo(staffing.link(name))

    return app
