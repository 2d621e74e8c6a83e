"""The table of the flow log's 25 sharp tests, made from the marks on the tests: ``python -m tests.flowlog.numbered``.

A test that proves a number bears ``@pytest.mark.flowlog_test(number)``, the mutation that must turn it red
``@pytest.mark.flowlog_control(number)``. Left to others: ``test_numbered`` keeps the page current and complete.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[2]
PAGE = HERE / "docs" / "flow-log-tests.md"
PROVES, CONTROLS = "flowlog_test", "flowlog_control"

NUMBERED = {
    1: "Merkle vectors 196 of 196, with the three refusals of size 0; the RFC's roots 0 to 8",
    2: "The Tessera log: tiles and 16 checkpoints reproduced byte for byte",
    3: "Trillian's trees: 5,966 node hashes; the Sunlight tree: its root and three cosignatures",
    4: "Notes 39 of 39; a verifier key has one spelling; 100 signatures at most; unknown keys are passed over",
    5: "Rekor bundles: verdicts on inclusion and checkpoint as their folders say",
    6: "The conversation with a witness; two at once do not roll it back; it writes before it answers",
    7: "Canonical bytes are those of rfc8785; what the profile forbids is refused",
    8: "kill -9 between any two statements: whole or not at all, no gap",
    9: "Slow commits, rollbacks and two sequencers: every entry once; a cursor would lose some",
    10: "Nobody waits for another one's transaction; a lock on all would show",
    11: "No log, no flow: nothing is handed over where logging fails, or is too far behind",
    12: "No way around: the database refuses a flow without entry and every change of an entry; no client elsewhere",
    13: "Each stored byte is seen when it changes, at exactly its index; bodies swapped; a column edited",
    14: "A row deleted or pushed in is named by each verification; a tile's byte changed stops the signer: before"
    " the next signature, in a log of more than 2,048 entries within one tick (a second) for each 2,048; not given"
    " out either",
    15: "A row deleted before it had an index: the person's numbers show it",
    16: "Another root of the same size, a smaller log, another past: not signed, evidence kept",
    17: "An older copy restored: nothing is signed; a succession goes on, old bundles still verify",
    18: "kill -9 at every point of sequencer and signer: same root, no duplicate, same signature",
    19: "An erasure changes no tile byte and no earlier proof; what was erased cannot be had back or guessed",
    20: "A part that is missing without an erasure is found; with one it is not, and the public learns nothing",
    21: "After the period rows are gone, holds stay, old checkpoints and kept proofs still verify",
    22: "A person sees their own entries alone and all of them; restricted ones leave no trace",
    23: "Python's and Node's verifiers agree on 1,000 mutated bundles; keys in a bundle are passed over",
    24: "Time stamps good, tampered, expired, of something else; an entry older than it says; cosignatures too old",
    25: "Keys overlap when they change; another origin with the same key, and equal key ids, are refused",
}


def marked(mark: str) -> dict[int, list[str]]:
    """Return the tests that bear a mark, by number, as pytest names them."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted((HERE / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        whole = [*_numbers(_of_module(tree), mark)]
        for name, node in _tests(tree):
            controls = any(True for _ in _numbers(node.decorator_list, CONTROLS))
            for number in [*_numbers(node.decorator_list, mark), *([] if controls else whole)]:
                found[number].append(f"{path.relative_to(HERE).as_posix()}::{name}")
    return found


def page() -> str:
    """Return the page as it must stand in ``docs/``."""
    proofs, controls = marked(PROVES), marked(CONTROLS)
    lines = [
        "# The twenty-five sharp tests of the flow log",
        "",
        "Made by `python -m tests.flowlog.numbered` from the marks on the tests; do not edit. A control takes the",
        "protection out, or does what it forbids, and sees the test's own question answered the other way.",
        "",
        "| no. | what must hold | tests | controls |",
        "|---|---|---|---|",
    ]
    for number, said in NUMBERED.items():
        tests, others = (" ".join(f"`{name}`" for name in found.get(number, [])) for found in (proofs, controls))
        lines.append(f"| {number} | {said} | {tests} | {others} |")
    return "\n".join(lines) + "\n"


def _tests(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, node


def _of_module(tree: ast.Module) -> list[ast.expr]:
    """Return the marks that a module gives to each of its tests."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            return node.value.elts if isinstance(node.value, ast.List) else [node.value]
    return []


def _numbers(marks: list[ast.expr], mark: str) -> Iterator[int]:
    for each in marks:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == mark:
            yield from (said.value for said in each.args if isinstance(said, ast.Constant))  # type: ignore[misc]


if __name__ == "__main__":
    PAGE.write_text(page())
