"""Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.

    python verify.py PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]
    python verify.py FLOW.tlog-proof --consent GIVEN --policy POLICY [--json] [--lang de]

One file; needs Python 3.11 or later and the package ``cryptography``; no proaktiv, no network, nothing is written.
POLICY is your own file (C2SP tlog-policy) with the keys that you noted: none is ever taken from what is verified.
CHECKPOINT is one that you kept. GIVEN proves the consent of a flow: a proof, or a selection that holds both.
Ends with 0: untouched, 1: a finding, 2: nothing could be judged.
Not checked: what is sealed, and RFC 3161 time stamps.
"""

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from proaktiv.flowlog.alone.entry import Row
from proaktiv.flowlog.alone.export import Export
from proaktiv.flowlog.alone.folder import SMALL_MAX, Folder
from proaktiv.flowlog.alone.german import in_german
from proaktiv.flowlog.alone.proof import PROOF_MAX, Shown, judge_proof
from proaktiv.flowlog.alone.resting import judge_among, judge_two
from proaktiv.flowlog.alone.selection import is_selection, judge_selection
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, demand
from proaktiv.flowlog.alone.trust import Head, Policy
from proaktiv.flowlog.alone.verdict import Verdict


def small_file(path: Path, most: int = SMALL_MAX) -> bytes:
    """Return the bytes of a small file. Raises ``Unreadable``."""
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}") from None


def typed(raw: bytes) -> bytes:
    """Return a text as C2SP wants it: an editor of Windows puts a mark before it and ends its lines with two signs."""
    return raw.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")


def verify(path: Path, policy: Policy, kept: Head | None = None) -> tuple[Verdict, Shown | list[Row] | None]:
    """Judge one folder or file; return the verdict, and what a proof shows or the entries of a selection."""
    verdict = Verdict(str(path), "export" if path.is_dir() else "proof")
    folder = Folder(path)
    try:
        if not path.is_dir():
            return verdict, judge_proof(proof_file(path), policy, verdict)
        if is_selection(folder):
            verdict.kind = "selection"
            return verdict, judge_selection(folder, policy, verdict)
        Export(folder, policy, kept, verdict).judge()
    except Unreadable as error:
        verdict.error = str(error)
    return verdict, None


def proof_file(path: Path) -> bytes:
    """Return the bytes of a proof. Raises ``Unreadable``, with a word on what to do where it is a zip file."""
    raw = small_file(path, PROOF_MAX)
    if raw.startswith(b"PK\x03\x04"):
        raise Unreadable(
            f"a zip file: unpack it into a new folder and name that, python3 -m zipfile -e {path.name} {path.stem}"
        )
    return raw


def verify_rest(path: Path, consent: Path, policy: Policy) -> list[Verdict]:
    """Judge the proof of a flow, what shows its consent, and, where nothing speaks against either, the two together."""
    (one, flow), (other, given) = verify(path, policy), verify(consent, policy)
    if isinstance(flow, list) or one.kind == "export":
        one.error = "--consent judges one proof of a flow"
    if other.kind == "export":
        other.error = "an export: --consent takes the proof of the consent, or a selection"
    if one.code or other.code or not isinstance(flow, Shown):
        return [one, other]
    both = Verdict(f"{path} + {consent}", "consent")
    try:
        if isinstance(given, Shown):
            judge_two(flow, given, both)
        else:
            judge_among(flow, other.origin, given or [], both)
    except Unreadable as error:
        both.error = str(error)
    return [one, other, both]


def kept_checkpoint(path: Path, policy: Policy) -> Head:
    """Return a checkpoint that the caller kept. Raises ``Unreadable``."""
    try:
        return policy.open(small_file(path))
    except Broken as error:
        raise Unreadable(f"{path} is no checkpoint of this log: {error}") from None


def main() -> int:
    """Run the command line; return how it ends."""
    parser = argparse.ArgumentParser(description="Verify an export, a selection or a proof of proaktiv's flow log.")
    parser.add_argument("path", type=Path, nargs="+", help="a folder, or a file .tlog-proof")
    parser.add_argument("--policy", type=Path, required=True, help="your own file with the keys that you noted")
    parser.add_argument("--since", type=Path, help="a checkpoint that you kept: the log must begin with it")
    parser.add_argument("--consent", type=Path, help="proof of the consent that the flow rested on, or a selection")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each path")
    parser.add_argument("--lang", choices=("en", "de"), default="en")
    asked = parser.parse_args()
    german = asked.lang == "de"
    try:
        policy = Policy(typed(small_file(asked.policy)), int(time.time()))
        kept = kept_checkpoint(asked.since, policy) if asked.since else None
        demand(not asked.consent or len(asked.path) == 1, "--consent judges one proof of a flow")
    except (Unreadable, Broken) as error:
        sys.stderr.write(f"{in_german(str(error)) if german else error}\n")
        return 2
    if asked.consent:
        verdicts: Iterable[Verdict] = verify_rest(asked.path[0], asked.consent, policy)
    else:
        verdicts = (verify(path, policy, kept)[0] for path in asked.path)
    worst = 0
    for verdict in verdicts:
        worst = max(worst, verdict.code)
        sys.stdout.write((verdict.to_json() if asked.json else verdict.text(german=german)) + "\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
