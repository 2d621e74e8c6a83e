"""Says what came of a journey: for each day what was expected and what came out, each with its place in the file."""

from collections.abc import Iterable, Sequence

from proaktiv.rulebook.journeys.running import Outcome

_DAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")


def shown(outcome: Outcome) -> list[str]:
    """Return the lines about one journey; nothing where it passed."""
    if outcome.verdict == "passed":
        return []
    journey = outcome.journey
    lines = [f"{journey.place.file}: {journey.name} {journey.title}".rstrip()]
    day = None
    for difference in outcome.differences:
        if difference.day != day:
            day = difference.day
            lines.append(f"  {_DAYS[day.weekday()]} {day:%d.%m.%Y}")
        place = difference.place
        lines.append(f"    {place.file}:{place.line}:{place.column}: {difference.what}")
        lines.append(f"      - erwartet: {difference.expected}")
        lines.append(f"      + ist:      {difference.got}")
    if outcome.waits:
        lines.append(f"  wartet auf: {', '.join(outcome.waits)}")
    return lines


def last_line(passed: int, failed: int, outcomes: Iterable[Outcome]) -> str:
    """Return ``N passed, M failed, K wait for content`` with the names of those that wait, and for what."""
    waiting: Sequence[Outcome] = [each for each in outcomes if each.waits]
    only = [each for each in waiting if not each.differences]
    line = f"{passed} passed, {failed} failed, {len(only)} wait for content"
    names = "; ".join(f"{each.journey.name} ({', '.join(each.waits)})" for each in only)
    return f"{line}: {names}" if names else line
