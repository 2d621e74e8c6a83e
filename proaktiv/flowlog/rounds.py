"""Go round the stored full tiles, a few at a time: each must hash to what the tile above says of it.

A root, and a proof that a tree has grown, read no further down than they must: of everything below a full tile they
take the hash above it. So a byte that changes there is seen by nobody who only signs, and by everybody who asks for a
proof. What does not fit is looked at first from then on, also after a restart, until it fits.
Left to others: the right edge, which each root reads (``flowlog.tiles``); entries (``flowlog.verifying.whole``).
"""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from proaktiv.core.merkle import is_tile_below, tile_count
from proaktiv.flowlog.durable import write_durably
from proaktiv.flowlog.tiles import LogBroken

PER_LOOK = 8
"""So many tiles are looked at in one look, of 256 entries each: some three milliseconds."""
EVERY = timedelta(seconds=1)
"""So long no other look is taken while a queue is drained."""
IN_DOUBT = "tile_in_doubt"
"""The file that names the tile which did not fit."""

_LEVELS = 8
_LOOK = text(
    """
    SELECT w.level, w.n, t.data, t.halfway, substring(above.data FROM CAST(w.n % 256 AS int) * 32 + 1 FOR 32) AS above
    FROM unnest(CAST(:levels AS int[]), CAST(:places AS bigint[])) AS w (level, n)
        LEFT JOIN tile t ON t.level = w.level AND t.n = w.n
        LEFT JOIN tile above ON above.level = w.level + 1 AND above.n = w.n / 256
    """
)

Place = tuple[int, int]
"""A tile's level and number."""


def turn(size: int, begin: Place, many: int) -> list[Place]:
    """Return the next ``many`` full tiles of a tree of ``size`` from ``begin`` on, each once, in a circle."""
    full = [tile_count(level + 1, size) for level in range(_LEVELS)]
    level, n = begin
    first = sum(full[:level]) + n if level < _LEVELS and n < full[level] else 0
    return [_place(full, (first + step) % sum(full)) for step in range(min(many, sum(full)))]


def _place(full: list[int], ordinal: int) -> Place:
    for level, there in enumerate(full):
        if ordinal < there:
            return level, ordinal
        ordinal -= there
    raise AssertionError("no such tile")


class Rounds:
    """One signer's rounds. ``state`` is its folder, where the tile that did not fit is remembered."""

    def __init__(self, state: Path) -> None:
        self._file = state / IN_DOUBT
        self._next: Place | None = None
        self._last: datetime | None = None

    def look(self, session: Session, size: int, root: bytes, now: datetime) -> None:
        """Look at the next few full tiles of a tree of ``size``. Raises ``LogBroken`` where one does not fit."""
        doubt = in_doubt(self._file.parent)
        if doubt is None and self._last is not None and abs(now - self._last) < EVERY:
            return
        self._last = now
        # A new process begins anywhere: one that is started again and again would else see the first tiles alone.
        anywhere = turn(size, (0, int.from_bytes(root[:6]) % max(1, tile_count(1, size))), 1)
        begin = doubt or self._next or (anywhere[0] if anywhere else (0, 0))
        places = turn(size, begin, PER_LOOK + 1)
        self._check(session, places[:PER_LOOK])
        if doubt is not None:
            self._file.unlink(missing_ok=True)
        self._next = places[-1] if len(places) > PER_LOOK else None

    def _check(self, session: Session, places: list[Place]) -> None:
        asked = {"levels": [level for level, _ in places], "places": [n for _, n in places]}
        for row in session.connection().execute(_LOOK, asked) if places else ():
            if not is_tile_below(bytes(row.data or b""), bytes(row.above or b""), bytes(row.halfway or b"")):
                write_durably(self._file, f"{row.level}/{row.n}\n".encode())
                raise LogBroken(f"tile {row.level}/{row.n} is not what the tile above says of it: nothing is signed")


def in_doubt(state: Path) -> Place | None:
    """Return the tile that did not fit when a signer with this folder last looked, None where all did."""
    try:
        level, _, n = (state / IN_DOUBT).read_text(encoding="ascii").strip().partition("/")
        return int(level), int(n)
    except FileNotFoundError:
        return None
    except ValueError:
        return 0, 0
