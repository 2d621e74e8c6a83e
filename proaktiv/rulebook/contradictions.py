"""Conditions that can never hold together, found without any facts."""

from collections.abc import Iterator

from proaktiv.core.conditions import Alle, Eine, Nicht, Node, Op, Vergleich


def contradictions(node: Node) -> Iterator[tuple[int, int, str]]:
    """Yield line, column and message of every ``alle`` that can never hold, however the facts are.

    Looks at the direct parts of one ``alle``: enough for what authors mistype, and never a false alarm.
    """
    if isinstance(node, Vergleich):
        return
    if isinstance(node, Nicht):
        yield from contradictions(node.teil)
        return
    if isinstance(node, Alle):
        by_fact: dict[str, list[Vergleich]] = {}
        for part in node.teile:
            if isinstance(part, Vergleich):
                by_fact.setdefault(part.das, []).append(part)
        for name, parts in by_fact.items():
            if _excluded(parts):
                last = parts[-1]
                yield last.line, last.column, f"this can never hold together with the other conditions on {name}"
    if isinstance(node, Alle | Eine):
        for part in node.teile:
            yield from contradictions(part)


def _excluded(parts: list[Vergleich]) -> bool:
    possible: set[object] | None = None
    for part in parts:
        if part.op in {Op.IST, Op.EINER_VON}:
            named: set[object] = set(part.wert) if isinstance(part.wert, tuple) else {part.wert}
            possible = named if possible is None else possible & named
    if possible is not None and not possible:
        return True
    low = [_bound(part, Op.MINDESTENS, Op.MEHR_ALS, 1) for part in parts]
    high = [_bound(part, Op.MAXIMAL, Op.WENIGER_ALS, -1) for part in parts]
    lows, highs = [n for n in low if n is not None], [n for n in high if n is not None]
    return bool(lows and highs) and max(lows) > min(highs)


def _bound(part: Vergleich, including: Op, excluding: Op, step: int) -> int | None:
    if part.op not in {including, excluding} or not isinstance(part.wert, int):
        return None
    return part.wert + (step if part.op is excluding else 0)
