"""The one place where the clock is read; everybody else is handed it. Loads nothing, so that commands start at once."""

from datetime import UTC, datetime


def wall_clock() -> datetime:
    """Return real time, aware, UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place where the clock is read
