"""The doctor says whether the office can wish for erasures, and never what the key is."""

import base64

import pytest

from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import Finding, Level
from tests.doctor.conftest import Installation
from tests.settings_of import settings_of

KEY = base64.b64encode(bytes(range(32))).decode()


def found(installation: Installation, *wrong: str) -> dict[str, Finding]:
    examination = Examination(
        installation.settings, wrong, wall=installation.wall, monotonic=installation.monotonic, state=installation.state
    )
    return {each.check: each for each in examination.of("office", installation.seconds)}


def test_an_office_without_the_key_is_well_and_is_told_how_people_are_erased(installation: Installation) -> None:
    said = found(installation)["erasure key"]
    assert (said.level, "proaktiv log erase ask" in said.says) == (Level.FINE, True)


def test_an_office_with_the_key_is_told_who_else_must_hold_it_and_not_the_key(installation: Installation) -> None:
    everything = found(installation.is_given(ERASURE_KEY=KEY))
    assert everything["erasure key"].level is Level.FINE
    assert "proaktiv work --erase" in everything["erasure key"].says
    assert KEY not in str(everything.values())


def test_a_key_that_is_none_is_looked_at_though_the_surface_would_run_without(installation: Installation) -> None:
    wrong = "PROAKTIV_ERASURE_KEY has 16 bytes, a key has 32: head -c 32 /dev/urandom | base64"
    everything = found(installation, wrong)
    assert everything["erasure key"].level is Level.LOOK
    assert everything["settings"].level is Level.BROKEN


def test_only_the_office_is_asked(installation: Installation) -> None:
    assert "erasure key" not in {each.check for each in installation.findings("work")}


@pytest.mark.parametrize("other", ["INDEX_KEY", "KEK_VIEW"])
def test_a_key_that_serves_for_something_else_as_well_is_refused(installation: Installation, other: str) -> None:
    same = settings_of(installation.environment).model_dump()[other.lower()]
    ill = installation.is_given(ERASURE_KEY=base64.b64encode(same).decode()).ill("office")
    assert f"PROAKTIV_{other} and PROAKTIV_ERASURE_KEY hold the same key" in ill["settings office"].says
