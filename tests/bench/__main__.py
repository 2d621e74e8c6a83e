"""``make bench``: measure, print ratios, write ``docs/performance.md``.

Speed lives here and in no test: rates depend on the machine, so what counts is the ratio to a driver in the same run.
"""

import argparse
import platform
import sys
from pathlib import Path

from tests.bench.evaluate import bench_evaluate
from tests.bench.intake import bench_intake
from tests.bench.table import Figure, write_table

TARGET = Path(__file__).parents[2] / "docs" / "performance.md"


def main() -> int:
    """Run every bench and regenerate the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="events for intake and evaluate each")
    asked = parser.parse_args()
    figures: list[Figure] = [*bench_intake(asked.events), *bench_evaluate(asked.events)]
    write_table(TARGET, figures, f"CPython {platform.python_version()}, {platform.machine()}, two cores")
    for figure in figures:
        print(figure.line())
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
