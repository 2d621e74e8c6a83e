"""Say how far the run is: a bar on a terminal, plain lines elsewhere, always on stderr. And the result for people."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

_SHOWN = {
    "events": "Ereignisse der Register",
    "admitted": "davon zugelassen",
    "refused": "verweigert: ohne Einwilligung",
    "stopped": "gestoppt",
    "waiting": "warten noch",
    "permits": "Erlaubnisse",
    "refusals": "Verweigerungen",
    "proposals": "Vorschläge",
    "deliveries": "Briefe",
    "mails": "E-Mails",
    "confirmed": "bestätigt",
    "declined": "abgelehnt",
    "withdrawn": "zurückgezogen",
    "later": "auf später verschoben",
    "lapsed": "verfallen",
    "recalled": "zurückgerufen",
    "dispatched": "an Behörden gegeben",
    "receipts": "Quittungen der Behörden",
    "flows": "Datenflüsse",
    "log_size": "Einträge im Protokoll",
    "log_verified": "Protokoll unversehrt",
    "seconds": "Sekunden",
}
"""What is shown, by its name in the JSON result."""


class Teller(Protocol):
    """Where the run says how far it is."""

    def phase(self, name: str) -> None:
        """Say that a phase begins."""
        ...

    def note(self, text: str) -> None:
        """Say what the run waits for."""
        ...


class PlainTeller:
    """Lines for a log; waiting is silent."""

    def __init__(self, phases: int) -> None:
        self._phases = phases
        self._done = 0

    def phase(self, name: str) -> None:
        """Write one line."""
        self._done += 1
        sys.stderr.write(f"[{self._done:>2}/{self._phases}] {name}\n")
        sys.stderr.flush()

    def note(self, text: str) -> None:
        """Say nothing."""


class BarTeller:
    """A bar with one step for each phase."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar = bar
        self._task = task
        self._name = ""
        self._first = True

    def phase(self, name: str) -> None:
        """Move the bar on."""
        self._name = name
        self._bar.update(self._task, description=name, advance=0 if self._first else 1)
        self._first = False

    def note(self, text: str) -> None:
        """Show it beside the phase."""
        self._bar.update(self._task, description=f"{self._name} ({text})" if text else self._name)


@contextmanager
def telling(phases: int) -> Iterator[Teller]:
    """Yield a teller that fits where stderr goes."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainTeller(phases)
        return
    columns = (SpinnerColumn(), BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        yield BarTeller(bar, bar.add_task("", total=phases))


def show(result: Mapping[str, Any], *, beside_json: bool = False) -> None:
    """Write the result for people: numbers, equations, findings. To stderr where JSON goes to stdout."""
    console = Console(highlight=False, stderr=beside_json)
    numbers = Table("Was", "in JSON", "Anzahl", title="Ein Tag in Musterstadt", title_justify="left")
    numbers.columns[2].justify = "right"
    for name, called in _SHOWN.items():
        numbers.add_row(called, name, _text(result[name]))
    console.print(numbers)
    sums = Table(
        *("equation", "left", "right", ""),
        title="Nothing lost, nothing twice",
        title_justify="left",
    )
    for line in result["equations"]:
        sums.add_row(line["equation"], str(line["left"]), str(line["right"]), "ok" if line["holds"] else "WRONG")
    console.print(sums)
    for finding in result["log_findings"]:
        console.print(f"Protokoll: {finding}")
    console.print(
        "Alles stimmt: jede Gleichung geht auf, das Protokoll ist unversehrt."
        if result["ok"]
        else "Etwas stimmt nicht: siehe oben."
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "NEIN"
    return str(value)
