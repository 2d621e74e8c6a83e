"""Verify what proaktiv's flow log handed out: an export, a selection of entries, or a single proof.

    python verify.py --policy POLICY
    python verify.py PATH … --policy POLICY [--since CHECKPOINT] [--json] [--lang en]
    python verify.py FLOW.tlog-proof --consent GIVEN --policy POLICY [--json] [--lang en]

One file; needs Python 3.11 or later and the package ``cryptography``; no proaktiv, no network, nothing is written.
POLICY is your own file (C2SP tlog-policy) with the keys that you noted: none is ever taken from what is verified.
Alone it is shown, as the slip shows the key. CHECKPOINT is one that you kept.
GIVEN proves the consent of a flow: a proof, or a selection that holds both.
Speaks German, and English when asked. Ends with 0: untouched, 1: a finding, 2: something could not be judged.
Not checked: what is sealed, and RFC 3161 time stamps.
"""

import sys
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from proaktiv.flowlog.alone.asking import HELP, Asked, is_german, next_time, read_words
from proaktiv.flowlog.alone.entry import Row
from proaktiv.flowlog.alone.export import Export
from proaktiv.flowlog.alone.folder import Folder, is_folder, small_file
from proaktiv.flowlog.alone.german import in_german
from proaktiv.flowlog.alone.noted import noted
from proaktiv.flowlog.alone.proof import PROOF_MAX, Shown, judge_proof
from proaktiv.flowlog.alone.resting import judge_among, judge_two
from proaktiv.flowlog.alone.selection import is_selection, judge_selection
from proaktiv.flowlog.alone.spelling import Broken, Unreadable, typed
from proaktiv.flowlog.alone.trust import Head, Policy
from proaktiv.flowlog.alone.verdict import CONCLUSIONS, STRANGE, UNASKED, Verdict, concluded

PROGRAM = "py verify.py" if sys.platform == "win32" else "python verify.py"


def verify(place: str, policy: Policy, kept: Head | None = None) -> tuple[Verdict, Shown | list[Row] | None]:
    """Judge one folder or file; return the verdict, and what a proof shows or the entries of a selection."""
    path, verdict = Path(place), Verdict(place, "proof")
    folder = Folder(path)
    try:
        raw = None if is_folder(place) else proof_file(place)
        if raw is None:
            verdict.kind = "selection" if is_selection(folder) else "export"
        if kept is not None:
            need_export(verdict)
        if raw is not None:
            return verdict, judge_proof(raw, policy, verdict)
        if verdict.kind == "selection":
            return verdict, judge_selection(folder, policy, verdict)
        Export(folder, policy, kept, verdict).judge()
    except Unreadable as error:
        verdict.error = str(error)
    return verdict, None


def need_export(verdict: Verdict) -> None:
    """Raise ``Unreadable`` where a checkpoint that was kept has nothing to be held against."""
    if verdict.kind != "export":
        raise Unreadable("no whole export: --since needs one")


def proof_file(place: str) -> bytes:
    """Return the bytes of a proof. Raises ``Unreadable``, with a word on what to do where it is a zip file."""
    raw, path = small_file(place, PROOF_MAX), Path(place)
    if raw.startswith(b"PK\x03\x04"):
        raise Unreadable(f"a zip file: unpack it into a new folder and name that, unzip -q {path.name} -d {path.stem}")
    return raw


def verify_rest(place: str, consent: str, policy: Policy) -> list[Verdict]:
    """Judge the proof of a flow, what shows its consent, and, where nothing speaks against either, the two together."""
    (one, flow), (other, given) = verify(place, policy), verify(consent, policy)
    if isinstance(flow, list) or (one.kind == "export" and not one.error):
        one.error = "--consent judges one proof of a flow"
    if other.kind == "export" and not other.error:
        other.error = "an export: --consent takes the proof of the consent, or a selection"
    if one.code or other.code or not isinstance(flow, Shown):
        return [one, other]
    both = Verdict(f"{place} + {consent}", "consent")
    try:
        if isinstance(given, Shown):
            judge_two(flow, given, both)
        else:
            judge_among(flow, other.origin, given or [], both)
    except Unreadable as error:
        both.error = str(error)
    return [one, other, both]


def read_policy(place: str) -> Policy:
    """Return whom the caller believes. Raises ``Unreadable``."""
    try:
        return Policy(typed(small_file(place)), int(time.time()))
    except Broken as error:
        raise Unreadable(f"the policy is {error}") from None


def kept_checkpoint(place: str, policy: Policy, paths: list[str]) -> Head | None:
    """Return a checkpoint that the caller kept. Raises ``Unreadable``, with a word on what to do.

    None where a key of the policy signed neither it nor what is to be judged: the key is what is wrong then.
    """
    try:
        return policy.open(typed(small_file(place)))
    except Unreadable as error:
        raise Unreadable(f"--since: {error}. Name the file that you kept, and do not go on without --since") from None
    except Broken as error:
        if str(error) == STRANGE and all(is_strange(path, policy) for path in paths):
            return None
        raise Unreadable(
            f"--since: {place} is no checkpoint of this log: {error}. Take the unchanged file that you kept; if it is "
            "that one, this is a finding: hold on to everything, and do not go on without --since"
        ) from None


def is_strange(path: str, policy: Policy) -> bool:
    """Return whether no key of the policy signed the checkpoint of an export."""
    folder = Folder(Path(path))
    with suppress(Unreadable):
        raw = folder.read("checkpoint") if is_folder(path) and not is_selection(folder) else None
        try:
            policy.open(raw or b"")
        except Broken as error:
            return raw is not None and str(error) == STRANGE
    return False


def answer(asked: Asked, *, german: bool) -> int:
    """Judge what was asked for and say so; return how it ends. Raises ``Unreadable`` where nothing could be asked."""
    policy = read_policy(asked.policy)
    if not asked.paths:
        sys.stdout.write(noted(policy, german=german) + "\n")
        return 0
    kept = kept_checkpoint(asked.since, policy, asked.paths) if asked.since else None
    resting = verify_rest(asked.paths[0], asked.consent, policy) if asked.consent else []
    judged = []
    for verdict in resting or (verify(place, policy, kept)[0] for place in asked.paths):
        judged.append(verdict)
        sys.stdout.write(verdict.to_json() + "\n" if asked.json else "")
    worst, conclusion = concluded(judged, german=german)
    if worst == 0 and not asked.consent and {verdict.kind for verdict in judged} - {"export"}:
        conclusion = f"{UNASKED[german]}\n{conclusion}"
    if not asked.json:
        deciding_last = sorted(judged, key=lambda verdict: verdict.code == worst)
        sys.stdout.write("\n".join([*(each.text(german=german) for each in deciding_last), conclusion]) + "\n")
    return worst


def main(words: list[str]) -> int:
    """Run the command line; return how it ends."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a console of Windows has no sign for
    german = is_german(words)
    if {"-h", "--help"} & set(words):
        sys.stdout.write(HELP[german].replace("{program}", PROGRAM))
        return 0
    nothing = CONCLUSIONS["nothing"][german]
    try:
        asked = read_words(words)
    except Unreadable as error:
        said = in_german(str(error)) if german else str(error)
        sys.stderr.write(f"{said}\n{next_time(words, PROGRAM, german=german)}\n{nothing}\n")
        return 2
    try:
        return answer(asked, german=german)
    except Unreadable as error:
        sys.stderr.write(f"{in_german(str(error)) if german else error}\n{nothing}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
