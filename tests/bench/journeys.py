"""How long 300 whole journeys take: the 24 acceptance cases again and again, read and run, from cold.

python -m tests.bench.journeys
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CASES = Path(__file__).parents[1] / "cases"
JOURNEYS = 300


def main() -> None:
    files = sorted(path for path in CASES.glob("*.yaml") if not path.name.startswith("_"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(CASES / "_umgebung.yaml", folder)
        for number in range(JOURNEYS):
            shutil.copy(files[number % len(files)], folder / f"{number:03}.yaml")
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "proaktiv", "rules", "test", name], capture_output=True, text=True, check=False
        )
        print(f"{JOURNEYS} journeys, from cold: {time.perf_counter() - began:.1f} s")
        print(done.stdout.splitlines()[-1].split(":")[0])


if __name__ == "__main__":
    main()
