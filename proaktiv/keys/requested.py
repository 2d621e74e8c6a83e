"""What two people of the DSB's office wished: the eraser believes a seal, and asks on the one list (``keys.waiting``).

The application writes such wishes and is kept from the list itself: a database log-in that leaked must erase nobody. So
the office seals each wish, when it is asked and again when it is granted, under a key that it shares with the eraser
alone; neither whom it is about nor who said yes can be changed in between. What no seal fits is reported and goes.
Left to others: asking and deciding (``steps.inspection.erasing``), erasing (``keys.erasing``).
Source: flowlog.md § 5 (``/erasures``, four eyes); data-path.md § 2; decision 20.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from sqlalchemy import delete, select, update

from proaktiv.colleagues import OnePersonError, require_two
from proaktiv.core.canonical import dumps
from proaktiv.core.errors import NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.keys.erasing import Reason, Refused
from proaktiv.keys.waiting import Waiting
from proaktiv.tables import ErasureRequestRow, core_table

_REQUESTS = core_table(ErasureRequestRow)
_LABEL = b"proaktiv/erasure-request/v1\n"
_SEALED = ("id", "person", "ground", "flow_id", "asked_by", "asked_name", "decided_by", "decided_name")
_TIMES = ("asked_at", "decided_at", "expires_at")
_STANDING = ("granted", "hindered")

_log = structlog.get_logger()


def seal(key: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the MAC over everything of a wish that the eraser acts on, 32 bytes; who decided is empty until then."""
    said = {name: str(row[name] or "") for name in _SEALED}
    said |= {name: row[name].astimezone(UTC).isoformat() if row[name] else "" for name in _TIMES}
    return hmac.digest(key, _LABEL + dumps(said), "sha256")


def fits(key: bytes, row: Mapping[str, Any]) -> bool:
    """Return whether a wish is as the office sealed it."""
    return bool(key) and hmac.compare_digest(seal(key, row), bytes(row["seal"]))


@dataclass(frozen=True, slots=True)
class Requested:
    """The wishes that the office of one installation granted."""

    waiting: Waiting

    def take(self) -> int:
        """Put on the list whom two people wished erased. Returns 0: who cannot go yet is tried again later.

        A wish that no seal fits, or that one person had and granted, is deleted and becomes an incident of the log.
        Without the office's key nothing is touched: it may be there in a minute.
        """
        eraser = self.waiting.eraser
        with eraser.database.transaction() as session:
            query = select(_REQUESTS).where(_REQUESTS.c.state.in_(_STANDING), _REQUESTS.c.expires_at > eraser.clock())
            rows = session.connection().execute(query.order_by(_REQUESTS.c.decided_at, _REQUESTS.c.id)).mappings().all()
        if rows and not eraser.office_key:
            _log.warning("erasure_requests.unread", n=len(rows), remedy="set PROAKTIV_ERASURE_KEY as the office has it")
            return 0
        for row in rows:
            self._take(dict(row))
        return 0

    def _take(self, row: dict[str, Any]) -> None:
        if not self._of_two(row) or not fits(self.waiting.eraser.office_key, row):
            self._end(row, forged=True)
            return
        by, and_by, case = row["asked_name"], row["decided_name"], str(row["flow_id"])
        try:
            self.waiting.ask([row["person"]], Reason(row["ground"]), by, and_by, case, row["decided_at"])
        except Refused as error:
            if row["state"] != "hindered":
                _log.warning("erasure.waits", person=str(row["person"]), reasons=list(error.reasons))
                self._mark(row, "hindered")
        except NotFound:  # erased by another way meanwhile
            self._end(row, forged=False)
        else:
            self._mark(row, "listed")

    def _of_two(self, row: Mapping[str, Any]) -> bool:
        """Return whether two people said so: two names, and two people behind the two ids."""
        if row["asked_name"].casefold() == row["decided_name"].casefold():
            return False
        with self.waiting.eraser.database.transaction() as session:
            try:
                require_two(session, row["asked_by"], row["decided_by"])
            except OnePersonError:
                return False
        return True

    def _mark(self, row: Mapping[str, Any], state: str) -> None:
        with self.waiting.eraser.database.transaction() as session:
            session.connection().execute(update(_REQUESTS).where(_REQUESTS.c.id == row["id"]).values(state=state))

    def _end(self, row: Mapping[str, Any], *, forged: bool) -> None:
        eraser = self.waiting.eraser
        with eraser.database.transaction() as session:
            session.connection().execute(delete(_REQUESTS).where(_REQUESTS.c.id == row["id"]))
            if not forged:
                return
            flow = Flow(
                kind=Kind.INCIDENT,
                sender=eraser.controller,
                receiver=eraser.controller,
                purpose="sicherheit",
                action="erasure.forged",
                basis="Art. 32 DSGVO",
                outcome="refused",
                restrict=True,
                case=str(row["id"]),
            )
            eraser.log.record(session, [flow], eraser.clock())
        _log.error("erasure.forged", request=str(row["id"]))
