"""Fuzz parsers with coverage as the guide: ``python -m tests.fuzz.atheris_run TARGET=RUNS… [--unseeded TARGET=RUNS…]``.

One process reads and instruments the code once and forks for each target: libFuzzer ends its process. Prints a line
of JSON for each target; ends with 1 where something was found. Seeds come from ``targets``, and what finds a fault is
written out as a Python literal, to become a test. Left to others: what counts as a finding (``targets``).
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import atheris

RUN_SECONDS_MAX = 10
MEMORY_MIB = 2048
LENGTH_MAX = 4096
SEED = 20261014

with atheris.instrument_imports(
    include=[
        "proaktiv.core",
        "proaktiv.flowlog.checkpoints",
        "proaktiv.flowlog.exports.layout",
        "proaktiv.flowlog.exports.lines",
        "proaktiv.flowlog.verifying.policy",
        "proaktiv.rulebook.load",
        "proaktiv.settings",
        "proaktiv.steps.authenticate",
        "proaktiv.web.clients",
        "tests.fuzz.targets",
    ],
    enable_loader_override=False,
):
    from tests.fuzz.targets import PLANTED, TARGETS, Target


def fuzz(target: Target, runs: int, folder: Path, *, seeded: bool) -> None:
    """Run one target in this process, which ends with it."""
    kept, seeds = folder / "kept", folder / "seeds"
    kept.mkdir()
    seeds.mkdir()
    for number, content in enumerate(target.seeds() if seeded else []):
        (seeds / str(number)).write_bytes(content)
    how = [f"-runs={runs}", f"-max_len={LENGTH_MAX}", f"-timeout={RUN_SECONDS_MAX}", f"-rss_limit_mb={MEMORY_MIB}"]
    how += [f"-seed={SEED}", f"-artifact_prefix={folder}/found-", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *how, str(kept), str(seeds)], target.run)
    atheris.Fuzz()


def main() -> int:
    """Run the targets, one after the other."""
    ended, seeded = 0, True
    for word in sys.argv[1:]:
        if word == "--unseeded":
            seeded = False
            continue
        name, _, runs = word.partition("=")
        with tempfile.TemporaryDirectory() as scratch:
            began = time.monotonic()
            child = os.fork()
            if not child:
                with (Path(scratch) / "said").open("wb") as said, contextlib.suppress(BaseException):
                    os.dup2(said.fileno(), 1)
                    os.dup2(said.fileno(), 2)
                    target = PLANTED if name == "planted" else TARGETS[name]
                    fuzz(target, int(runs), Path(scratch), seeded=seeded)
                os._exit(70)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            found = [path.read_bytes() for path in Path(scratch).glob("found-*")]
            line = {"target": name, "seeded": seeded, "runs": int(runs), "status": status}
            line["seconds"] = round(time.monotonic() - began, 2)
            if status:
                said_last = (Path(scratch) / "said").read_text(errors="replace")[-2000:]
                line |= {"input": repr(found[:1]), "said": said_last}
                ended = 1
            print(json.dumps(line), flush=True)
    return ended


if __name__ == "__main__":
    sys.exit(main())
