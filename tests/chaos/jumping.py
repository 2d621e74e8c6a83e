"""``proaktiv`` on a machine whose clock somebody sets while it runs: ``python -m tests.chaos.jumping FILE work``.

FILE holds how many seconds the wall's clock is off. The monotonic clock goes on, as it does when a real one is set. A
file ``FILE.trusting`` takes the comparison with the database's clock away, for the red control.
"""

import sys
import threading
import time
from pathlib import Path

import time_machine

from proaktiv import drift
from proaktiv.__main__ import main

POLL_SECONDS = 0.02


def follow(file: Path, clock: time_machine.Traveller) -> None:
    """Set the clock as the file says, again and again."""
    told = 0.0
    while True:
        now = float(file.read_text())
        if now != told:
            clock.shift(now - told)
            told = now
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    set_by = Path(sys.argv.pop(1))
    if set_by.with_name(f"{set_by.name}.trusting").exists():
        drift.require_in_time = lambda *_: None
    travelling = time_machine.travel(time.time(), tick=True).start()
    threading.Thread(target=follow, args=(set_by, travelling), daemon=True).start()
    main()
