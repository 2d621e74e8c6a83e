"""An export and its verification take as much memory for many entries as for few."""

import subprocess
import sys
from pathlib import Path

from tests.depth import depth
from tests.flowlog.conftest import World, a_flow
from tests.flowlog.exports import VKEY
from tests.processes import PATIENCE_SECONDS, ROOT, environment

FEW, MANY = 5_000, depth(25_000, 100_000)
MORE_MIB = depth(8, 24)
"""Lines of 25,000 entries have 25 MiB, of 100,000 100: whoever held them, or half of them, would be above."""

PROGRAM = """
import resource, sys
sys.argv = ["proaktiv", *sys.argv[1:]]
from proaktiv.__main__ import app
app(standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(*words: str, **settings: str) -> int:
    """Run a command to its good end; return the most memory it had."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


def test_memory_stays_flat_over_a_great_many_entries(world: World, tmp_path: Path) -> None:
    reader = world.urls["reader"]
    peaks = {}
    logged = 0
    for size in (FEW, MANY):
        while logged < size:
            world.record(*(a_flow() for _ in range(5_000)))
            world.integrate()
            logged += 5_000
        world.sign()
        out = tmp_path / str(size)
        exporting = peak_mib("log", "export", str(out), PROAKTIV_READER_URL=reader)
        peaks[size] = (exporting, peak_mib("log", "verify", "--export", str(out), "--vkey", VKEY))
    assert (tmp_path / str(MANY) / "entries.jsonl").stat().st_size > 0.8 * MANY * 2**10
    for few, many in zip(peaks[FEW], peaks[MANY], strict=True):
        assert many - few < MORE_MIB, peaks
