"""Run checks side by side; whatever does not answer before the deadline is named, not waited for."""

from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread

from proaktiv.core.errors import ProaktivError
from proaktiv.doctor.findings import Check, Finding, broken

Path = tuple[int, ...]
Told = list[Finding | Check]


def examine(checks: Iterable[Check], seconds: float, monotonic: Callable[[], float]) -> tuple[Finding, ...]:
    """Return what the checks found, in their order, after at most ``seconds``.

    Each check has a thread of its own, which a check that hangs keeps until the process ends.
    """
    over_at = monotonic() + seconds
    answers: SimpleQueue[tuple[Path, Told]] = SimpleQueue()
    waiting: dict[Path, Check] = {}
    found: dict[Path, Finding] = {}

    def begin(path: Path, check: Check) -> None:
        waiting[path] = check
        Thread(target=lambda: answers.put((path, _told(check))), name=f"doctor {check.name}", daemon=True).start()

    for place, check in enumerate(checks):
        begin((place,), check)
    while waiting:
        try:
            path, told = answers.get(timeout=max(over_at - monotonic(), 0.0))
        except Empty:
            break
        del waiting[path]
        for place, item in enumerate(told):
            if isinstance(item, Check):
                begin((*path, place), item)
            else:
                found[*path, place] = item
    for path, check in waiting.items():
        found[path] = broken(check.name, f"did not answer within {seconds:g} s", check.do)
    return tuple(found[path] for path in sorted(found))


def _told(check: Check) -> Told:
    told: Told = []
    try:
        told.extend(check.act())
    except ProaktivError as error:
        told.append(broken(check.name, " ".join(str(error).split()), check.do))
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
        # Not its text: what a driver says may hold values.
        told.append(broken(check.name, f"could not be checked: {type(error).__name__}", check.do))
    return told
