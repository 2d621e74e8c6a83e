"""The slip of paper and what the verifiers show of a policy are compared by a human: both have the same lines."""

import re
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.flowlog.checkpoints import vkey_of
from proaktiv.flowlog.exports.handing_out import hand_over
from proaktiv.flowlog.exports.noting import slip_text
from tests.flowlog.alone import Verifiers, needs_node
from tests.flowlog.cosigning import WITNESSES, policy_of
from tests.flowlog.exports import VKEY
from tests.flowlog.test_alone_told import Answer, both

DAY = date(2026, 11, 27)
SECOND = str(vkey_of("flowlog.musterstadt.example/2", Ed25519PrivateKey.from_private_bytes(b"2" * 32)))
WORDS_MAX = 45
"""So many words of a slip are read besides sums, keys, names of files and the lines to sign on."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a house with two keys hands over: both programs, policy.txt, zettel.txt."""
    folder = tmp_path_factory.mktemp("handed over")
    hand_over(folder, [VKEY, SECOND], DAY)
    return folder


def shows(place: Path, policy: Path, *words: str) -> Answer:
    return both(Verifiers(place), "--policy", policy, *words)


def keys_of_slip(place: Path) -> list[str]:
    below = (place / "zettel.txt").read_text("utf-8").partition("\n2. ")[2]
    return [line for line in below.splitlines() if re.match(" {3}[^ (]", line)]


@needs_node
def test_the_keys_of_a_policy_stand_on_the_screen_line_by_line_as_on_the_slip(place: Path) -> None:
    code, out, err = shows(place, place / "policy.txt")
    slip = keys_of_slip(place)
    assert (code, err, len(slip)) == (0, "", 6)
    assert out.splitlines() == [
        *slip,
        "Mit dem Zettel vergleichen, Gruppe für Gruppe.",
        "Mitunterschreiben muss (quorum): niemand (none)",
        "Geprüft ist damit noch nichts.",
    ]
    for vkey, at in ((VKEY, 0), (SECOND, 3)):
        assert re.sub(r"\s", "", "".join(slip[at : at + 3])) == vkey
        assert [len(group) for group in slip[at + 2].split()] == [4] * 11
    _, english, _ = shows(place, place / "policy.txt", "--lang", "en")
    assert english.splitlines() == [
        *slip,
        "Compare with the slip, group by group.",
        "Must have cosigned (quorum): nobody (none)",
        "Nothing was judged by that yet.",
    ]


@needs_node
def test_witnesses_groups_and_quorum_are_shown_too(place: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text(policy_of("group drei 2 w1 w2 w3\nwitness ü {w4}\ngroup all-of all drei ü\nquorum all-of\n"))
    code, out, _ = shows(place, policy)
    lines = out.splitlines()
    assert (code, lines[-4:]) == (
        0,
        [
            "Gruppe drei: 2 von w1, w2, w3",
            "Gruppe all-of: 2 von drei, ü",
            "Mitunterschreiben muss (quorum): all-of",
            "Geprüft ist damit noch nichts.",
        ],
    )
    for name, called in (("w1", "w1"), ("w4", "ü")):
        at = lines.index(f"Zeuge {called}:")
        assert "".join(lines[at + 1 : at + 4]).replace(" ", "") == str(WITNESSES[name])
    assert lines.index("Mit dem Zettel vergleichen, Gruppe für Gruppe.") == 3, "before what is not on the slip"
    _, english, _ = shows(place, policy, "--lang=en")
    assert {"Witness ü:", "Group drei: 2 of w1, w2, w3"} < set(english.splitlines())


@needs_node
def test_a_changed_key_is_another_line_than_that_of_the_slip(place: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.txt"
    other = vkey_of("flowlog.musterstadt.example/1", Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    policy.write_text(f"log {other}\nquorum none\n")
    assert shows(place, policy)[1].splitlines()[:3] != keys_of_slip(place)[:3], "the control of the comparison"


@needs_node
def test_a_policy_that_is_none_is_told_so_and_a_question_that_is_half_of_one_is_none(
    place: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text("quorum none\n")
    code, out, err = shows(place, policy)
    assert (code, out, err.splitlines()[-1]) == (2, "", "Nichts geprüft.")
    assert err.startswith("eine policy hat eine Zeile „log SCHLÜSSEL“")
    code, out, err = shows(place, tmp_path / "nowhere")
    assert (code, out, "ist nicht da: den Namen prüfen" in err) == (2, "", True)
    for more in (
        ("",),
        ("--json",),
        ("--since", "kept"),
        ("--consent", "way"),
    ):  # an empty variable ends no script well
        code, out, err = shows(place, place / "policy.txt", *more)
        assert (code, out, err.splitlines()[-1]) == (2, "", "Nichts geprüft.")
        assert err.startswith("Es fehlt, was geprüft werden soll")


@needs_node
def test_help_begins_with_it(place: Path) -> None:
    for words in (("--help",), ("--help", "--lang", "en")):
        examples = [line for line in both(Verifiers(place), *words)[1].splitlines() if line.startswith("    VERIFY ")]
        assert examples[0].startswith("    VERIFY --policy policy.txt    ")


def test_a_sum_stands_in_eight_groups_of_eight_that_two_shells_can_cut(place: Path) -> None:
    slip = (place / "zettel.txt").read_text("utf-8")
    for name in ("verify.mjs", "verify.py"):
        digest = sha256((place / name).read_bytes()).hexdigest()
        folded = [digest[at : at + 8] for at in range(0, 64, 8)]  # shasum -a 256 … | fold -w 8
        spaced = re.sub(".{8}", r"\g<0> ", digest.upper())  # (Get-FileHash …).Hash -replace '.{8}', '$0 '
        below = slip.partition(f"   {name}\n")[2].splitlines()[:2]
        assert [line.split() for line in below] == [folded[:4], folded[4:]]
        assert " ".join(" ".join(below).split()) == spaced.strip().lower()


def test_a_slip_is_read_in_a_moment(place: Path) -> None:
    slip = slip_text({"verify.mjs": "0" * 64, "verify.py": "1" * 64}, [VKEY], DAY)
    assert slip_text({"verify.mjs": "0" * 64}, [], DAY).count("_" * 70) == 1
    assert max(map(len, slip.splitlines())) <= 80
    read = [line for line in slip.splitlines() if not re.fullmatch(r" {3}([+]?[\w./=+-]+ ?)+", line)]
    words = [word for word in " ".join(read).split() if re.search(r"\w", word) and not word.startswith("__")]
    assert 30 < len(words) <= WORDS_MAX, words
