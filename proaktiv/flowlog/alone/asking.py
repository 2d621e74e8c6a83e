"""What was typed: which paths, by whose policy; and what to type instead, where that is no question."""

import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from proaktiv.flowlog.alone.spelling import Unreadable

VALUED = ("--policy", "--since", "--consent", "--lang")
HELP = (
    """\
Verifies what proaktiv's flow log handed out: an export, a proof, the way of a consent.

In the folder where all of it lies:

    {program} --policy policy.txt    shows the key as the slip does, to compare
    {program} auszug --policy policy.txt
    {program} auszug --policy policy.txt --since checkpoint-2026-11
    {program} fluss-217.tlog-proof --consent weg --policy policy.txt

    auszug         the folder that you unpacked an export into; a proof (.tlog-proof) as well
    --policy FILE  your own file with the key that you noted, two lines:
                       log flowlog.musterstadt.example/1+c06640cc+…  (the whole key)
                       quorum none
    --since FILE   a checkpoint that you kept: has the log only grown since?
    --consent WHAT the unpacked way of the consent, or its proof: did the flow rest on it?
    --json         one line of JSON for each path, for programs
    --lang de      auf Deutsch, as it is without this option

The last line is the verdict: "Everything adds up." (ends with 0), "It does not add up." (1: a finding),
"Nothing was judged." or "Not all of it was judged." (2: the lines above say what to do).
Nothing is sent and nothing is written. Not verified: what is sealed, and time stamps (RFC 3161).
""",
    """\
Prüft, was das Datenfluss-Protokoll von proaktiv ausgab: einen Auszug, einen Beleg, den Weg einer Einwilligung.

So geht es, in dem Ordner, in dem alles liegt:

    {program} --policy policy.txt    zeigt den Schlüssel wie auf dem Zettel, zum Vergleichen
    {program} auszug --policy policy.txt
    {program} auszug --policy policy.txt --since checkpoint-2026-11
    {program} fluss-217.tlog-proof --consent weg --policy policy.txt

    auszug         der Ordner, in den Sie den Auszug entpackt haben; ebenso ein Beleg (.tlog-proof)
    --policy DATEI die Datei mit dem Prüfschlüssel, den Sie mit dem Zettel verglichen haben, zwei Zeilen:
                       log flowlog.musterstadt.example/1+c06640cc+…  (der ganze Schlüssel)
                       quorum none
    --since DATEI  ein Checkpoint, den Sie aufgehoben haben: Ist das Protokoll seither nur gewachsen?
    --consent WAS  der entpackte Weg der Einwilligung, oder ihr Beleg: Beruhte der Fluss darauf?
    --json         je Datei eine Zeile JSON, für Programme
    --lang en      in English

Die letzte Zeile ist das Urteil: „Alles stimmt.“ (Ende mit 0), „Es stimmt nicht alles.“ (1: ein Befund),
„Nichts geprüft.“ oder „Nicht alles geprüft.“ (2: darüber steht, was zu tun ist).
Nichts wird verschickt, nichts geschrieben. Nicht geprüft wird, was versiegelt ist, und Zeitstempel (RFC 3161).
""",
)
"""In English and in German."""
TRY = (
    "This works: {program} {example}\nMore: {program} --help --lang en",
    "So geht es: {program} {example}\nMehr: {program} --help",
)
"""What follows a question that is none."""
EXAMPLES = {
    "--consent": "fluss-217.tlog-proof --consent weg --policy policy.txt",
    ".tlog-proof": "fluss-217.tlog-proof --consent weg --policy policy.txt",
    "--since": "auszug --policy policy.txt --since checkpoint-2026-11",
    "": "auszug --policy policy.txt",
}
"""What to type, by what is found in what was typed."""


class Asked(NamedTuple):
    """What is to be verified; an option that was not given is empty. Without paths the policy is to be shown."""

    paths: list[str]
    policy: str
    since: str
    consent: str
    json: bool


def is_german(words: list[str]) -> bool:
    """Return whether to answer in German, which is so unless English is asked for."""
    return "--lang=en" not in words and ("--lang", "en") not in pairwise(words)


def next_time(words: list[str], program: str, *, german: bool) -> str:
    """Return what to type instead: an example of what was most likely meant."""
    typed_so = " ".join(words)
    example = next(each for sign, each in EXAMPLES.items() if sign in typed_so)
    return TRY[german].format(program=program, example=example)


def read_words(words: list[str]) -> Asked:
    """Read what was typed. Raises ``Unreadable``."""
    paths: list[str] = []
    values: dict[str, str] = {}
    rest = list(words)
    nameless = "" in words  # a variable of a script that is empty: nothing may end well by that
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            paths += fitting(word) if word else []
            continue
        if name not in VALUED and word != "--json":
            raise Unreadable(f"{word} is no option of this program")
        if name in values:
            raise Unreadable(f"the option {name} stands twice")
        if name in VALUED and not equals:
            value = rest.pop(0) if rest and not rest[0].startswith("-") else ""
        if name in VALUED and not value:
            raise Unreadable(f"after {name} something is missing")
        values[name] = value
    if values.get("--lang", "de") not in {"de", "en"}:
        raise Unreadable("--lang is de or en")
    if not paths and (nameless or values.keys() - {"--lang"} != {"--policy"}):
        raise Unreadable("name what to verify: the folder of an unpacked export, or a proof (.tlog-proof)")
    if "--policy" not in values:
        raise Unreadable("--policy is missing: your own file with the key that you noted")
    if "--consent" in values and len(paths) != 1:
        raise Unreadable("--consent judges one proof of a flow")
    if "--consent" in values and "--since" in values:
        raise Unreadable("--since is for a whole export, not beside --consent")
    policy, since, consent = (_one(values.get(name, "")) for name in ("--policy", "--since", "--consent"))
    return Asked(paths, policy, since, consent, "--json" in values)


def _one(name: str) -> str:
    found = fitting(name)
    if len(found) > 1:
        raise Unreadable(f"{name} fits several files: name one")
    return found[0]


def fitting(name: str) -> list[str]:
    """Return the paths that a name with * means: shells of Windows leave that to programs. Others mean themselves."""
    path = Path(name)
    if "*" not in path.name or path.exists() or not path.parent.is_dir():
        return [name]
    form = "(?![.])" * (path.name[0] == "*") + ".*".join(re.escape(part) for part in path.name.split("*"))
    with suppress(OSError):
        found = sorted(each.name for each in path.parent.iterdir() if re.fullmatch(form, each.name, re.DOTALL))
        return [str(path.parent / each) for each in found] or [name]
    return [name]
