"""Wait until nothing is due, and notice when nothing moves any more. Clock and sleep are arguments."""

from collections.abc import Callable, Mapping

from proaktiv.demo.talking import CityError

LOOK_SECONDS = 0.2
STALLED_SECONDS = 90.0


class Stalled(CityError):  # noqa: N818
    """Something is due and nothing happens; the message says what."""


def wait_until_settled(
    look: Callable[[], Mapping[str, int]],
    note: Callable[[str], None],
    *,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """Return once ``look`` finds nothing due. Raises ``Stalled`` after 90 s in which its numbers stayed the same."""
    before: Mapping[str, int] = {}
    moved = monotonic()
    while now_due := look():
        said = ", ".join(f"{number} {name}" for name, number in now_due.items())
        note(said)
        if now_due != before:
            before, moved = now_due, monotonic()
        if monotonic() - moved > STALLED_SECONDS:
            raise Stalled(f"nothing moves any more, due are: {said}")
        sleep(LOOK_SECONDS)
    note("")
