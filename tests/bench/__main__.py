"""``make bench``: measure, print ratios, write ``docs/performance.md``.

Speed lives here and in no test: rates depend on the machine, so what counts is the ratio to a driver in the same run.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.bench.evaluate import bench_evaluate
from tests.bench.findings import bench_findings
from tests.bench.flat import bench_flat
from tests.bench.flood import bench_flood
from tests.bench.intake import bench_intake
from tests.bench.keeping import bench_keeping
from tests.bench.logging import bench_logging
from tests.bench.proving import bench_proving
from tests.bench.rules import bench_rules
from tests.bench.sustained import bench_sustained
from tests.bench.table import Figure, write_section
from tests.bench.takeover import bench_takeover

TARGET = Path(__file__).parents[2] / "docs" / "performance.md"

Bench = Callable[[bool], Iterable[Figure]]

BENCHES: Mapping[str, Bench] = {
    "intake": lambda quick: bench_intake(2_000 if quick else 10_000),
    "evaluate": lambda quick: bench_evaluate(2_000 if quick else 10_000),
    "sustained": lambda quick: bench_sustained(10 if quick else 60),
    "flood": lambda quick: bench_flood(10 if quick else 30),
    "takeover": lambda _quick: bench_takeover(),
    "rules": bench_rules,
    "logging": lambda quick: bench_logging(0.2 if quick else 1.0),
    "keeping": lambda quick: bench_keeping(0.2, 10_000) if quick else bench_keeping(2.0),
    "proving": lambda quick: bench_proving(40_000, 2_000) if quick else bench_proving(),
    "findings": lambda quick: bench_findings(20_000 if quick else 1_000_000),
    "flat": lambda quick: bench_flat(4_000 if quick else 100_000),
}
"""In the order of the table. Each takes whether to be quick about it."""


def main() -> int:
    """Run the benches and regenerate their sections of the page. A quick run only prints."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=BENCHES, help="one bench; may be given again; the others' sections stay"
    )
    parser.add_argument("--quick", action="store_true", help="see that they run: the figures mean little")
    asked = parser.parse_args()
    figures: list[Figure] = []
    for name in asked.only or BENCHES:
        print(f"{name} …", flush=True)
        machine = (
            f"CPython {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
            f"load average {os.getloadavg()[0]:.1f} before the run"
        )
        begun, found = time.perf_counter(), []
        for figure in BENCHES[name](asked.quick):
            found.append(figure)
            print(f"  {figure.line()}", flush=True)
        print(f"  ({time.perf_counter() - begun:.0f} s)", flush=True)
        if not asked.quick:
            write_section(TARGET, name, found, machine)
            print(f"  {TARGET.name}: section {name} is written")
        figures += found
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
