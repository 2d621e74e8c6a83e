"""``proaktiv mail …``: failure reports of mails, from the folder that the relay of the bounce domain delivers into.

A Maildir, or a folder with one mail a file. Every mail in it is deleted once it was seen: a report is applied first,
and anything else (answers, out-of-office notes) says nothing here and is no business of this house's archives.
Left to others: reading a report (``notifiers.reports``), what it does (``steps.notify``).
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol
from uuid import UUID

import typer

from notifiers.mail_ids import MailIds
from notifiers.reports import MAX_BYTES, Fate, Report, read_report
from proaktiv.core.errors import NotSafe

SET = 1000
"""How many mails one call takes at most."""


class HouseLike(Protocol):
    """What is asked of the pipeline."""

    def bounced(self, delivery: UUID, fate: Fate) -> bool:
        """Apply a report; False where it must come again later."""
        ...


class WorkingLike(HouseLike, Protocol):
    """A worker, which knows the ids of its mails."""

    @property
    def mail_ids(self) -> MailIds | None:
        """Return what reads them."""
        ...


@dataclass(frozen=True, slots=True)
class Cleared:
    """What was in the folder: reports that were applied, mails that were none of ours, reports that come again."""

    reports: int = 0
    others: int = 0
    waiting: int = 0


def clear(house: HouseLike, ids: MailIds, folder: Path) -> Cleared:
    """Apply and delete what lies in the folder. Raises ``NotSafe`` where it, or any report in it, cannot be read."""
    if not ids.bounces:
        raise NotSafe("no report could be told from other mail: set PROAKTIV_MAIL_BOUNCES to the domain of the folder")
    reports = others = waiting = 0
    for path in _mails(folder):
        delivery, fate = _meant(ids, _read(path))
        if delivery is None or fate is None:
            others += 1
        elif house.bounced(delivery, fate):
            reports += 1
        else:
            waiting += 1
            continue
        path.unlink(missing_ok=True)
    return Cleared(reports, others, waiting)


def watching(house: WorkingLike, folder: Path) -> Callable[[], int]:
    """Return a tick that clears the folder; it says how much there was to apply."""

    def tick() -> int:
        return clear(house, house.mail_ids, folder).reports if house.mail_ids else 0

    return tick


def _meant(ids: MailIds, raw: bytes) -> tuple[UUID | None, Fate | None]:
    report: Report | None = read_report(raw)
    for address in report.sent_to if report else ():
        wire_id = ids.wire_id_of(address)
        if wire_id is not None:
            return UUID(wire_id), report.fate if report else None
    return None, None


def _mails(folder: Path) -> Iterator[Path]:
    places = [folder / "new", folder / "cur"] if (folder / "new").is_dir() else [folder]
    try:
        found = sorted(path for place in places for path in _files(place))
    except OSError as error:
        raise NotSafe(f"the folder of failure reports cannot be read: {os.strerror(error.errno or 0)}") from None
    yield from found[:SET]


def _files(place: Path) -> Iterator[Path]:
    with os.scandir(place) as entries:
        for entry in entries:
            # Never a link out of the folder, never a pipe to wait for, never what is still being written.
            if not entry.name.startswith(".") and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                yield Path(entry.path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except FileNotFoundError:  # another worker was quicker
        return b""


def make_app(open_house: Callable[[], AbstractContextManager[HouseLike]], ids: Callable[[], MailIds]) -> typer.Typer:
    """Return the ``mail`` commands. They run with the office's settings and ``PROAKTIV_MAIL_BOUNCES``."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Mail: failure reports of what was sent.")

    @app.callback()
    def mail() -> None:
        """Keep the name of the command although there is one alone."""

    @app.command("bounces")
    def bounces(
        folder: Annotated[
            Path, typer.Argument(exists=True, file_okay=False, help="Maildir of the bounce domain. It is emptied.")
        ],
    ) -> None:
        """Apply the failure reports in a folder and delete every mail in it. Addresses that are none get no more."""
        known = ids()
        with open_house() as house:
            done = clear(house, known, folder)
        typer.echo(f"{done.reports} reports applied, {done.others} other mails deleted, {done.waiting} come again.")

    return app
