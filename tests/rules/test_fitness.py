"""What may go to production: in force, checked today, with a legal basis, verified keys, and mutants tried."""

import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from proaktiv.database import Database
from proaktiv.rulebook.catalogue import Catalogue, read_catalogue
from proaktiv.rulebook.compile import Compiled, compile_folder
from proaktiv.rulebook.fitness import unfit
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.load import Problem
from proaktiv.rulebook.release import ReleaseRefused, demo_key, release

TODAY = date(2026, 11, 26)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the rules in which nothing is a draft any more."""
    shutil.copytree(rules_folder(), tmp_path / "rules")
    for path in (tmp_path / "rules").rglob("*.yaml"):
        path.write_text(path.read_text("utf-8").replace("status: entwurf", "status: in_kraft"), "utf-8")
    return tmp_path / "rules"


def reasons(folder: Path, file: str = "", old: str = "", new: str = "", today: date = TODAY) -> list[str]:
    if file:
        path = folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
    return unfit(compile_folder(folder / "geburt", read_catalogue(folder)), today)


def test_control_the_copy_is_fit(folder: Path) -> None:
    assert reasons(folder) == []


def test_what_a_sample_said_is_not_released(folder: Path) -> None:
    (found,) = reasons(folder, "geburt/lebenslage.yaml", "norm: Art. 6 Abs. 1 Buchst. e DSGVO", "norm: zu ersetzen")
    assert found.startswith("geburt/lebenslage.yaml:")
    assert found.endswith("'zu ersetzen' still stands here")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("lebenslage.yaml", "status: in_kraft", "status: entwurf", "geburt is a draft (status: entwurf)"),
        (
            "lebenslage.yaml",
            "norm_ab: 2018-05-25",
            "norm_ab: 2027-01-01",
            "geburt/watch: its norm (Art. 6 Abs. 1 Buchst. e DSGVO) holds only from 2027-01-01 on",
        ),
        (
            "lebenslage.yaml",
            "norm_ab: 2018-05-25",
            "norm_ab: 2018-05-25\n    norm_bis: 2026-11-25",
            "geburt/watch: its norm (Art. 6 Abs. 1 Buchst. e DSGVO) held only until 2026-11-25",
        ),
        (
            "leistungen/geburtsurkunde.yaml",
            "geprueft_am: 2026-11-21",
            "geprueft_am: 2024-11-01",
            "geburt/GEBURTSURKUNDE: the LeiKa key was looked up on 2024-11-01; look again, or leave it out",
        ),
        (
            "leistungen/geburtsurkunde.yaml",
            "geprueft_am: 2026-11-21",
            "geprueft_am: 2027-11-21",
            "geburt/GEBURTSURKUNDE: the LeiKa key was looked up on 2027-11-21; look again, or leave it out",
        ),
        (
            "parameter.yaml",
            "geprueft_bis: 2027-04-30",
            "geprueft_bis: 2026-11-25",
            "geburt/ELTERNGELD: the parameter einkommensgrenze was checked only until 2026-11-25",
        ),
        (
            "leistungen/kita-platz.yaml",
            "geprueft_bis: 2027-04-30",
            "geprueft_bis: 2026-11-25",
            "geburt/KITA-PLATZ was checked only until 2026-11-25",
        ),
        (
            "leistungen/kita-platz.yaml",
            "vorbelegung:",
            "fassungen:\n  - {ab: 2027-03-01, status: entwurf}\nvorbelegung:",
            "geburt/KITA-PLATZ is a draft (status: entwurf)",
        ),
    ],
)
def test_what_is_not_in_force_or_not_checked_is_named(folder: Path, file: str, old: str, new: str, said: str) -> None:
    assert reasons(folder, f"geburt/{file}", old, new) == [said]


def test_a_draft_of_a_law_does_not_hinder_the_release_of_the_law_in_force(folder: Path) -> None:
    draft = "fassungen:\n  - {ab: 2027-03-01, entwurf: ja}\nvorbelegung:"
    assert reasons(folder, "geburt/leistungen/kita-platz.yaml", "vorbelegung:", draft) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 3", "version: 3\nnach: [GEBURTSURKUNDE]"),
        ("vorbelegung:", "fassungen:\n  - {ab: 2027-03-01, art: hinweis}\nvorbelegung:"),
    ],
)
def test_an_order_and_what_is_no_auftrag_may_be_released(folder: Path, old: str, new: str) -> None:
    assert reasons(folder, "geburt/leistungen/kita-platz.yaml", old, new) == []


def release_it(owner: Database, folder: Path, living: list[Problem], *, demo: bool = False) -> int:
    def trial(root: Path, compiled: Compiled, _: Catalogue) -> Iterable[Problem]:
        assert root == folder
        return living if compiled.name == "geburt" else ()

    now = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
    key = demo_key() if demo else Ed25519PrivateKey.generate()
    with owner.transaction() as session:
        done = release(
            session, folder, author="A. Muster", reviewer="B. Beispiel", demo=demo, key=key, now=now, trial=trial
        )
    return len(done)


def test_a_mutant_that_lives_unexcused_stops_a_release_and_a_killed_one_does_not(
    urls: dict[str, str], folder: Path
) -> None:
    owner = Database(urls["owner"])
    living = [Problem("geburt/leistungen/kita-platz.yaml", 11, 7, "mutant lives: ist ja → ist nein")]
    with pytest.raises(ReleaseRefused, match=r"kita-platz\.yaml:11:7: mutant lives"):
        release_it(owner, folder, living)
    every_one = len(list(folder.glob("*/lebenslage.yaml")))
    assert release_it(owner, folder, living, demo=True) == every_one
    assert release_it(owner, folder, []) == every_one
    owner.close()
