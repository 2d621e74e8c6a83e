"""Canonical JSON against the data of RFC 8785's author and another implementation; never edited to pass."""

import json
from pathlib import Path

import pytest
import rfc8785

from proaktiv.core.canonical import CanonicalError, checked, dumps
from proaktiv.flowlog.alone.spelling import canonical
from tests.conformance.vectors import VECTORS, needs

pytestmark = [*needs("jcs-cyberphone"), pytest.mark.flowlog_test(7)]
JCS = VECTORS / "jcs-cyberphone/testdata"
OUTSIDE = {"structures", "weird"}
"""Number form and UTF-16 key order: where sorting and leaving out blanks is not enough, and the profile is needed."""


def names() -> list[str]:
    return sorted(path.stem for path in (JCS / "input").glob("*.json"))


def test_the_other_implementation_gives_all_six_published_outputs() -> None:
    assert len(names()) == 6
    for name in names():
        value = json.loads((JCS / "input" / f"{name}.json").read_bytes())
        said = bytes.fromhex((JCS / "outhex" / f"{name}.txt").read_text())
        assert rfc8785.dumps(value) == said == (JCS / "output" / f"{name}.json").read_bytes(), name


def test_what_we_write_is_canonical_wherever_the_profile_would_allow_numbers_and_keys() -> None:
    same = {name for name in names() if written(name) == (JCS / "output" / f"{name}.json").read_bytes()}
    assert set(names()) - same <= OUTSIDE


def written(name: str) -> bytes:
    return dumps(json.loads((JCS / "input" / f"{name}.json").read_bytes()))


@pytest.mark.parametrize("name", [path.stem for path in sorted(Path(JCS / "input").glob("*.json"))])
def test_each_of_them_lies_outside_the_profile_and_is_refused_by_both_readers(name: str) -> None:
    value = json.loads((JCS / "input" / f"{name}.json").read_bytes())
    with pytest.raises(CanonicalError):
        checked(value)
    assert not canonical(value)
