"""Signing goes on after a failover, by one signer: locks are not replicated, memories neither."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.core.errors import NotSafe
from proaktiv.flowlog.signer import MemoryBehind
from proaktiv.logapp import signing
from tests.chaos.cluster import Cluster
from tests.conftest import ROLES
from tests.flowlog.conftest import World, a_flow
from tests.settings_of import everything, settings_of

pytestmark = pytest.mark.chaos


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as nodes:
        yield nodes


def test_the_signer_of_before_goes_on_and_one_with_another_memory_does_not(cluster: Cluster, tmp_path: Path) -> None:
    urls = {role: cluster.url(role) for role in ROLES}
    settings = settings_of(everything(urls, tmp_path))
    state, older, empty = tmp_path / "state", tmp_path / "older", tmp_path / "empty"
    log = World(urls, tmp_path / "unused")
    with signing(settings, state) as first:
        log.record(a_flow())
        assert first.integrate() == 1
        shutil.copytree(state, older)
        log.record(a_flow())
        assert first.integrate() == 1
        cluster.fail_over()
        cluster.rejoin()
        log.record(a_flow())
        assert first.integrate() == 1, "it has taken the lock on the new primary"
        with pytest.raises(NotSafe, match="another signing worker"), signing(settings, empty):
            pytest.fail("a second one")
    log.record(a_flow())
    with signing(settings, older) as second, pytest.raises(MemoryBehind):
        second.integrate()
    with signing(settings, empty) as third, pytest.raises(NotSafe, match="state directory is empty"):
        third.integrate()
    with signing(settings, state) as again:
        again.integrate()
        assert log.one("SELECT max(size) FROM checkpoint") == 4
    log.close()
