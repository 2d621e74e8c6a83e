"""Access tokens that were looked up just now: a register that reports two hundred times a second is asked for once.

Whether the client is still active is asked again where its events are kept; here a token outlives its end by less than
``KEPT_SECONDS``. Left to others: what a token is worth (``steps.authenticate``).
"""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import sha256

from proaktiv.core.clients import Client

KEPT_SECONDS = 1
MOST = 256


class Tokens:
    """The last tokens that were found good, by hash, and when. Threads share it."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, tuple[Client, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def client(self, token: str, wall: datetime) -> Client | None:
        """Return whose token it was, less than ``KEPT_SECONDS`` ago; a clock that was set back knows nothing."""
        with self._lock:
            client, since = self._known.get(_hash(token), (None, wall))
        return client if timedelta() <= wall - since < timedelta(seconds=KEPT_SECONDS) else None

    def remember(self, token: str, client: Client, wall: datetime) -> None:
        """Note that a token was found good at ``wall``."""
        with self._lock:
            self._known[_hash(token)] = client, wall
            self._known.move_to_end(_hash(token))
            while len(self._known) > MOST:
                self._known.popitem(last=False)


def _hash(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()
