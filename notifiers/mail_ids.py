"""Ids in mails that nobody else can make, join or tell anything from: of the message, its failure report, its leaving.

Each is of one message, never of a person. Source: channels-and-pages.md §§ 3.4, 3.7; RFC 5322, 8058.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

_RETURN_PATH = re.compile(r"b\+([0-9A-Za-z-]{1,41})\.[0-9a-f]{8}@.*")
_LEAVE = re.compile(r"([0-9A-Za-z-]{1,41})\.[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class MailIds:
    """Makes and reads the ids of one house. ``domain`` is the sender's, ``bounces`` one of its own, if any."""

    key: bytes = field(repr=False)
    domain: str = ""
    bounces: str = ""

    def message_id(self, wire_id: str) -> str:
        """Return the Message-ID of a wire id: the same for every repeat."""
        return f"<{self._mac('message', wire_id)[:32]}@{self.domain}>"

    def return_path(self, wire_id: str) -> str:
        """Return the address that a failure report of this one mail goes to; empty without a domain for it."""
        return f"b+{wire_id}.{self._mac('bounce', wire_id)[:8]}@{self.bounces}" if self.bounces else ""

    def wire_id_of(self, return_path: str) -> str | None:
        """Return the wire id in an address that ``return_path`` made, or None for a forged one."""
        match = _RETURN_PATH.fullmatch(return_path)
        return match[1] if match and _equal(self.return_path(match[1]), return_path) else None

    def leave_token(self, wire_id: str) -> str:
        """Return what a click on "no more mails" brings back."""
        return f"{wire_id}.{self._mac('leave', wire_id)[:16]}"

    def leaving(self, token: str) -> str | None:
        """Return the wire id in a token that ``leave_token`` made, or None for a forged one."""
        match = _LEAVE.fullmatch(token)
        return match[1] if match and _equal(self.leave_token(match[1]), token) else None

    def _mac(self, use: str, wire_id: str) -> str:
        return hmac.new(self.key, f"mail/{use}/{wire_id}".encode(), hashlib.sha256).hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
