"""The rulebook: deciding beside CEL and ZEN, explaining, simulating millions, testing 300 cases from cold.

Peers live in environments of their own under ``.cache``, made on demand and in no lock file. CEL and ZEN (Apache-2.0,
MIT) run in one process with our pure core; OpenFisca is AGPL and is only called as its own command.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from proaktiv.rulebook import vectorised, vectorised_tally
from proaktiv.rulebook.families import Families
from proaktiv.rulebook.new import scaffold
from proaktiv.rulebook.simulate import Counting
from tests.bench.table import Figure
from tests.rules.shipped import PLANS, ROOT

HERE = Path(__file__).parents[2]
CACHE = HERE / ".cache"
ROUNDS = 9
TODAY = date(2026, 11, 26)
CASES = 300

PEERS = ("cel-expr-python==0.1.3", "zen-engine==2.1.3")
OPENFISCA = ("openfisca-core==46.0.1", "openfisca-country-template==8.2.0")


def bench_rules(quick: bool) -> Iterator[Figure]:
    """Measure; quick ones simulate fewer rows."""
    yield from _deciding()
    yield from _simulating(200_000 if quick else 5_000_000)
    yield from _testing(3 if quick else ROUNDS)


def _environment(name: str, packages: Sequence[str]) -> Path:
    """Return the interpreter of an environment that holds ``packages``, made if it is not there."""
    python = CACHE / name / "bin" / "python"
    uv = [sys.executable, "-m", "uv"]
    env = {**os.environ, "PYTHONPATH": str(HERE / ".tools")}
    if not python.exists():
        subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(CACHE / name)], check=True, env=env)
    subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *packages], check=True, env=env)
    return python


def _deciding() -> Iterator[Figure]:
    python = _environment("peers", PEERS)
    script = HERE / "tests" / "bench" / "rules_peers.py"
    run = subprocess.run([str(python), str(script)], check=True, capture_output=True, text=True)
    took = json.loads(run.stdout)
    how = f"six terms with months of life, same 2,000 persons, equal answers, one process, median of {ROUNDS}, CPU time"
    yield Figure("decide", f"{took['decide']:.1f} µs")
    yield Figure(
        "decide, to CEL in C++", f"{took['cel']:.1f} µs", took["cel"] / took["decide"], 2.0, f"{how}; {PEERS[0]}"
    )
    yield Figure(
        "decide, to a ZEN table", f"{took['zen']:.0f} µs", took["zen"] / took["decide"], 10.0, f"{how}; {PEERS[1]}"
    )
    ratio = took["explain"] / took["decide"]
    yield Figure("explain, to decide", f"{took['explain']:.1f} µs", ratio, 15.0, f"{how}; itself", most=True)


def _simulating(rows: int) -> Iterator[Figure]:
    (plan,) = [plan for plan in PLANS if plan.leistung == "ELTERNGELD"]
    made = [plan.known({"heute": TODAY, **row}) for row in Families([plan], TODAY, 1).rows(100_000)]
    few = vectorised.frame_of(made, vectorised.columns_of([plan]))
    frame = pl.concat([few] * (rows // few.height + 1)).head(rows).rechunk()
    counting = Counting(plan, TODAY)
    for row in made[:5_000]:
        counting.add(row)
    assert vectorised_tally.tally(plan, few.head(5_000)) == counting.tally(), "both count the same"
    scalar, tabled = [], []
    expected: list[int] = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        answers = [plan.check(row).value for row in made]
        scalar.append((time.process_time() - begun) / len(made))
        begun = time.process_time()
        results = vectorised.decide(plan, frame)
        tabled.append((time.process_time() - begun) / frame.height)
        expected = [answers.count(word) for word in ("ja", "nein", "offen")]
    assert sum(expected) == len(made)
    assert results.len() == rows
    per_row, per_table = statistics.median(scalar), statistics.median(tabled)
    how = f"the shipped Elterngeld on {rows:,} families; scalar on 100,000, median of {ROUNDS}, CPU time of all threads"
    yield Figure(
        "simulate", f"{1e-6 / per_table:.1f} M rows/s and core", per_row / per_table, 8.0, f"{how}; own closures"
    )


def _testing(rounds: int) -> Iterator[Figure]:
    openfisca = _environment("openfisca", OPENFISCA).with_name("openfisca")
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = _our_cases(Path(folder)), _their_cases(Path(folder))
        proaktiv = Path(sys.executable).with_name("proaktiv")
        commands = (
            [str(proaktiv), "rules", "test", "--folder", str(ours)],
            [str(openfisca), "test", "--country-package", "openfisca_country_template", str(theirs)],
        )
        taken: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for command, found in zip(commands, taken, strict=True):
                begun = os.times()
                run = subprocess.run(command, capture_output=True, text=True, check=True)
                ended = os.times()
                found.append(ended.children_user + ended.children_system - begun.children_user - begun.children_system)
                assert str(CASES) in run.stdout, run.stdout
    mine, other = (statistics.median(found) for found in taken)
    how = f"{CASES} single-rule cases from cold, ours with mutants; {OPENFISCA[0]}, median of {rounds}, CPU time"
    yield Figure("rules test", f"{mine:.2f} s (OpenFisca {other:.2f} s)", mine / other, 0.5, how, most=True)


def _our_cases(folder: Path) -> Path:
    """Write rules with one Leistung and so many cases, and return their folder."""
    rules = folder / "rules"
    (rules / "_katalog").mkdir(parents=True)
    for path in (ROOT / "_katalog").glob("*.yaml"):
        (rules / "_katalog" / path.name).write_bytes(path.read_bytes())
    scaffold(rules, "probe", "PROBE", TODAY)
    cases = rules / "probe" / "faelle" / "probe.yaml"
    text = cases.read_text()
    more = CASES - text.count("name: ")
    lines = [f"  - {{name: Fall {n}, mit: {{probe.tag: 2026-03-{1 + n % 28:02}}}, erwartet: ja}}" for n in range(more)]
    cases.write_text(text + "\n".join(lines) + "\n")
    return rules


def _their_cases(folder: Path) -> Path:
    """Write as many cases of one OpenFisca variable."""
    path = folder / "cases.yaml"
    case = (
        "- name: Case {n}\n  period: 2016-12\n  input:\n    age: {age}\n    salary: 0\n"
        "  output:\n    basic_income: 600\n"
    )
    path.write_text("".join(case.format(n=n, age=20 + n % 40) for n in range(CASES)))
    return path
