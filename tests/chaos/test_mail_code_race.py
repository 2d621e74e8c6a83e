"""One mail code typed in two windows at the same instant: it is used once, and each wrong try counts."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Select

from proaktiv.core.trust import SessionProof
from proaktiv.database import Database
from proaktiv.vault import Vault
from tests.builders import somebody
from tests.chaos.meanwhile import NAME, Meanwhile
from tests.journeys.test_mail_address import OLD, logged
from tests.world import World

pytestmark = pytest.mark.chaos


@pytest.fixture
def watcher(urls: dict[str, str]) -> Iterator[Database]:
    database = Database(urls["app"], "watcher", pool_size=1)
    yield database
    database.close()


@pytest.fixture
def beside(urls: dict[str, str]) -> Iterator[Database]:
    database = Database(urls["app"], NAME, pool_size=1)
    yield database
    database.close()


@pytest.fixture
def proof(world: World) -> SessionProof:
    """Somebody who gave an address and has its code before her."""
    somebody_here = world.settles(somebody("Anna"))
    world.gives_mail(somebody_here, OLD)
    return somebody_here


def typed_twice(
    world: World, proof: SessionProof, code: str, watcher: Database, beside: Database, patch: pytest.MonkeyPatch
) -> tuple[list[bool], bool]:
    """Type the code in a second window while the first stands between reading its row and deciding.

    Returns what the windows were told, the second last, and whether the second had to wait.
    """
    second = replace(world.pipeline, database=beside)
    told: list[bool] = []
    meanwhile = Meanwhile(watcher, "read", lambda: told.append(second.confirm_mail(proof, code)))
    real = Vault.confirmation

    def standing(vault: Vault, confirmation: UUID) -> str:
        meanwhile("read")
        return real(vault, confirmation)

    patch.setattr(Vault, "confirmation", standing)
    first = world.pipeline.confirm_mail(proof, code)
    meanwhile.ends()
    return [first, *told], meanwhile.waited


def letters(world: World) -> int:
    """How many letters wait that tell of an address."""
    return world.count("notices", "what = 'mail_given'")


def locks_taken_out(patch: pytest.MonkeyPatch) -> None:
    """The control: nobody holds the row of the code."""
    patch.setattr(Select, "with_for_update", lambda statement, **_how: statement)


def test_a_code_typed_in_two_windows_at_once_is_used_once(
    world: World, proof: SessionProof, watcher: Database, beside: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, waited = typed_twice(world, proof, world.mail_code(proof), watcher, beside, monkeypatch)
    assert (told, waited) == ([True, False], True)
    assert (logged(world, "mail_address.confirmed"), letters(world)) == (["confirmed"], 1)
    world.check_log()


def test_control_without_the_lock_both_windows_use_it(
    world: World, proof: SessionProof, watcher: Database, beside: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = world.mail_code(proof)
    locks_taken_out(monkeypatch)
    told, waited = typed_twice(world, proof, code, watcher, beside, monkeypatch)
    assert (told, waited) == ([True, True], False)
    assert logged(world, "mail_address.confirmed") == ["confirmed", "confirmed"]


def test_two_wrong_tries_at_once_count_as_two(
    world: World, proof: SessionProof, watcher: Database, beside: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, waited = typed_twice(world, proof, "x", watcher, beside, monkeypatch)
    assert (told, waited) == ([False, False], True)
    assert world.count("mail_confirmations", "wrong_tries = 2") == 1


def test_control_without_the_lock_one_of_two_wrong_tries_is_free(
    world: World, proof: SessionProof, watcher: Database, beside: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks_taken_out(monkeypatch)
    typed_twice(world, proof, "x", watcher, beside, monkeypatch)
    assert world.count("mail_confirmations", "wrong_tries = 1") == 1
