"""Says what came of a journey: for each day what was expected and what came out, each with its place in the file."""

from collections.abc import Iterable, Sequence

from proaktiv.rulebook.journeys.comparing import PERSON, Difference
from proaktiv.rulebook.journeys.running import Outcome

_DAYS = ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So")


def shown(outcome: Outcome) -> list[str]:
    """Return the lines about one journey; nothing where it passed. What is the same for several persons stands once."""
    if outcome.verdict == "passed":
        return []
    journey = outcome.journey
    lines = [f"{journey.place.file}: {journey.name} {journey.title}".rstrip()]
    day = None
    for difference, people in _together(outcome.differences):
        if difference.day != day:
            day = difference.day
            lines.append(f"  {_DAYS[day.weekday()]} {day:%d.%m.%Y}")
        place = difference.place
        lines.append(f"    {place.file}:{place.line}:{place.column}: {_named(difference.what, people)}")
        lines.append(f"      - erwartet: {_named(difference.expected, people)}")
        lines.append(f"      + ist:      {_named(difference.got, people)}")
    if outcome.waits:
        lines.append(f"  wartet auf: {', '.join(outcome.waits)}")
    return lines


def _named(text: str, people: Sequence[str]) -> str:
    return text.replace(PERSON, ", ".join(people))


def _together(differences: Iterable[Difference]) -> list[tuple[Difference, list[str]]]:
    found: dict[tuple[object, ...], tuple[Difference, list[str]]] = {}
    for each in differences:
        key = (each.place, each.day, each.what, each.expected, each.got)
        people = found.setdefault(key, (each, []))[1]
        if each.person and each.person not in people:
            people.append(each.person)
    return list(found.values())


def last_line(passed: int, failed: int, outcomes: Iterable[Outcome]) -> str:
    """Return ``N passed, M failed, K wait for content`` with the names of those that wait, and for what."""
    waiting = [each for each in outcomes if each.verdict == "waits"]
    line = f"{passed} passed, {failed} failed, {len(waiting)} wait for content"
    names = "; ".join(f"{each.journey.name} ({', '.join(each.waits)})" for each in waiting)
    return f"{line}: {names}" if names else line
