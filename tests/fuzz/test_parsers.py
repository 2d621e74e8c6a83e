"""Every parser under random and under mutated input: what leaves it is a value or the error that it names."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from tests.depth import depth
from tests.fuzz.targets import PLANTED, TARGETS

SEED = 20261014
MOST = 4_000
RUNS = {"settings": 200, "signed-claims": 1000, "rule": 2000}
"""Where one run takes long. All others make ``MOST``; in full, three hundred times as many."""

HAS_ATHERIS = find_spec("atheris") is not None
needs_atheris = pytest.mark.skipif(not HAS_ATHERIS, reason="atheris has no wheel for this Python or platform")


def mutated(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """A seed in which some bytes were replaced, left out or written twice."""
    cut = st.tuples(st.sampled_from(seeds), st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=12))
    return cut.map(lambda parts: parts[0][: parts[1]] + parts[3] + parts[0][parts[1] + parts[2] :])


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_what_it_is_given_or_refuses_it_as_it_says(name: str) -> None:
    target = TARGETS[name]
    seeds = target.seeds()
    for given_as_it_is in seeds:
        target.run(given_as_it_is)

    @seed(SEED)
    @settings(max_examples=depth(100, 20_000), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @example(b"")
    @example(b"\x00")
    @example(b"\xff\xfe")
    @example(b"[" * 3000)
    @example(b'{"a":' * 1500)
    @example(b"9" * 4000)
    @example("\u202e\ufdfa".encode())
    @given(st.one_of(mutated(seeds), st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
    def run(raw: bytes) -> None:
        target.run(raw)

    run()


@pytest.fixture(scope="module")
def guided() -> dict[tuple[str, bool], dict[str, object]]:
    """What the runner led by coverage says of each target, by name and whether it had seeds.

    One process runs all of them: to read and instrument the code takes it longer than most targets do.
    """
    runs = {name: RUNS.get(name, MOST) for name in TARGETS}
    words = [*(f"{name}={depth(each, each * 300)}" for name, each in runs.items()), "planted=100000"]
    command = [sys.executable, "-m", "tests.fuzz.atheris_run", *words, "--unseeded", "planted=10000"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, timeout=4 * 3600)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = {(line["target"], line["seeded"]): line for line in lines}
    assert set(found) == {*((name, True) for name in TARGETS), ("planted", True), ("planted", False)}, done.stderr
    return found


@needs_atheris
def test_no_parser_breaks_where_coverage_leads(guided: dict[tuple[str, bool], dict[str, object]]) -> None:
    said = {name: guided[name, True] for name in TARGETS}
    total = sum(int(str(line["runs"])) for line in said.values())
    seconds = sum(float(str(line["seconds"])) for line in said.values())
    print(f"\natheris: {total} runs of {len(said)} targets in {seconds:.1f} s, {total / seconds:.0f} a second")
    for name, line in said.items():
        print(f"  {name}: {line['runs']} runs, {line['seconds']} s")
    assert {name: line for name, line in said.items() if line["status"]} == {}


@needs_atheris
def test_a_planted_fault_is_found_with_its_seed_and_not_without(
    guided: dict[tuple[str, bool], dict[str, object]],
) -> None:
    """The red control: a fault behind a magic prefix."""
    PLANTED.run(PLANTED.seeds()[0])
    found = guided["planted", True]
    assert found["status"]
    assert re.search("RuntimeError: planted", str(found["said"]))
    assert guided["planted", False]["status"] == 0
