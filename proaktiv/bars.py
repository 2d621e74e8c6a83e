"""A bar for long work: shown where somebody looks at a terminal, silent everywhere else.

Whoever works calls a ``Tell`` with how much is done so far. Left to others: what is counted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Tell = Callable[[int], None]


def tell_nobody(_done: int) -> None:
    """Do nothing."""


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Tell]:
    """Yield what counts on a terminal's stderr; ``total`` is None where nobody knows how much there is."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield tell_nobody
        return
    columns = (BarColumn(bar_width=24), TimeElapsedColumn(), TextColumn("{task.completed:,} {task.description}"))
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)
