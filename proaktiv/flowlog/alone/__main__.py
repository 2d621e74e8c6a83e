"""Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.

    python verify.py PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang de]

One file; needs Python 3.11 or later and the package ``cryptography``; no proaktiv, no network, nothing is written.
POLICY is your own file (C2SP tlog-policy) with the keys that you noted: none is ever taken from what is verified.
CHECKPOINT is one that you kept. Ends with 0: untouched, 1: a finding, 2: nothing could be judged.
Not checked: what is sealed, and RFC 3161 time stamps.
"""

import argparse
import sys
import time
from pathlib import Path

from proaktiv.flowlog.alone.export import Export
from proaktiv.flowlog.alone.folder import SMALL_MAX, Folder
from proaktiv.flowlog.alone.proof import PROOF_MAX, judge_proof
from proaktiv.flowlog.alone.selection import is_selection, judge_selection
from proaktiv.flowlog.alone.spelling import Broken, Unreadable
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


def verify(path: Path, policy: Policy, kept: Head | None = None) -> Verdict:
    """Judge one folder or file and return the verdict."""
    verdict = Verdict(str(path), "export" if path.is_dir() else "proof")
    folder = Folder(path)
    try:
        if not path.is_dir():
            judge_proof(small_file(path, PROOF_MAX), policy, verdict)
        elif is_selection(folder):
            verdict.kind = "selection"
            judge_selection(folder, policy, verdict)
        else:
            Export(folder, policy, kept, verdict).judge()
    except Unreadable as error:
        verdict.error = str(error)
    return verdict


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
    parser.add_argument("--json", action="store_true", help="one line of JSON for each path")
    parser.add_argument("--lang", choices=("en", "de"), default="en")
    asked = parser.parse_args()
    try:
        policy = Policy(typed(small_file(asked.policy)), int(time.time()))
        kept = kept_checkpoint(asked.since, policy) if asked.since else None
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    worst = 0
    for path in asked.path:
        verdict = verify(path, policy, kept)
        worst = max(worst, verdict.code)
        sys.stdout.write((verdict.to_json() if asked.json else verdict.text(german=asked.lang == "de")) + "\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
