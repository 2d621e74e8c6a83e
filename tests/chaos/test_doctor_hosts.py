"""The doctor looks at each node of a cluster: two primaries, none, a standby that follows nobody, a mute host."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from proaktiv.core import dsn
from proaktiv.doctor import hosts
from proaktiv.doctor.databases import Connection
from proaktiv.doctor.examination import Examination
from proaktiv.doctor.findings import Finding, Level
from proaktiv.doctor.running import examine
from tests.chaos.cluster import Cluster, Node
from tests.chaos.outage import wait_for
from tests.doctor.conftest import real_time
from tests.settings_of import everything, settings_of

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes for all tests here; each leaves them as they were."""
    with Cluster() as nodes:
        made = nodes.primary.ask("SELECT pg_current_wal_lsn()")  # what a standby flushed it may not show yet
        wait_for(lambda: nodes.standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{made}'"), "the standby's replay")
        yield nodes


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is not ill."""
    monkeypatch.setattr(hosts, "ANSWER_SECONDS", 60.0)
    monkeypatch.setattr(hosts, "_CONNECT_SECONDS", "30")


def seen(cluster: Cluster, url: str = "") -> dict[str, Finding]:
    """What the doctor says of the hosts, by check."""
    check = hosts.each(Connection("DATABASE_URL", "app", url or cluster.url("app")), time.monotonic)
    assert check is not None
    return {each.check: each for each in examine([check], 60, time.monotonic)}


def at(node: Node) -> str:
    return f"host 127.0.0.1:{node.port}"


def test_two_nodes_that_are_well_are_told_apart_and_who_may_see_it_sees_that_one_waits_for_the_other(
    cluster: Cluster,
) -> None:
    found = seen(cluster)
    assert found["hosts"].level is Level.FINE
    assert f"127.0.0.1:{cluster.primary.port} is the primary" in found["hosts"].says
    assert "does not see" in found[at(cluster.standby)].says
    assert found[at(cluster.standby)].do.startswith("GRANT pg_read_all_stats")
    cluster.primary.ask("GRANT pg_read_all_stats TO proaktiv_app")
    wait_for(lambda: seen(cluster)[at(cluster.standby)].level is Level.FINE, "the grant, and the standby up to date")
    assert seen(cluster)[at(cluster.standby)].says == "is a standby, streaming, quorum"
    cluster.primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (c)'")
    cluster.primary.ask("SELECT pg_reload_conf()")
    wait_for(lambda: "nobody waits for" in seen(cluster)[at(cluster.standby)].says, "the setting")
    cluster.waits(for_standby=True)
    cluster.primary.ask("REVOKE pg_read_all_stats FROM proaktiv_app")


def test_a_standby_that_was_promoted_beside_its_primary_is_a_split_brain(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = sorted(node.port for node in (cluster.primary, cluster.standby))
    cluster.promote()
    found = seen(cluster)["hosts"]
    assert found.level is Level.BROKEN
    assert found.says.startswith("split brain: ")
    assert all(f"127.0.0.1:{port}" in found.says for port in both)
    assert "stop the one" in found.do
    settings = settings_of(
        everything({role: cluster.url(role) for role in ("app", "sequencer", "owner", "reader")}, tmp_path)
    )
    examination = Examination(settings, (), wall=real_time, monotonic=time.monotonic)
    (line,) = [each for each in examination.of("all", 60) if each.check == "hosts"]
    assert line == found
    # The red control: whoever asks only the host that libpq takes sees nothing wrong.
    monkeypatch.setattr(hosts, "apart", lambda url: dict(list(dsn.apart(url).items())[:1]))
    assert seen(cluster)["hosts"].level is Level.FINE
    cluster.standby.stop("immediate")
    cluster.rejoin()


def test_a_cluster_without_a_primary_says_what_to_do(cluster: Cluster) -> None:
    cluster.primary.stop("immediate")
    found = seen(cluster)
    assert found["hosts"].level is Level.BROKEN
    assert "pg_ctl promote" in found["hosts"].do
    assert "does not answer" in found[at(cluster.primary)].says
    cluster.primary.start()
    wait_for(cluster.is_safe, "the standby")


def test_a_standby_that_follows_nobody_is_named(cluster: Cluster) -> None:
    cluster.part()
    wait_for(lambda: seen(cluster)[at(cluster.standby)].level is Level.BROKEN, "the end of its receiver")
    assert "follows nobody" in seen(cluster)[at(cluster.standby)].says
    assert seen(cluster)["hosts"].level is Level.FINE
    cluster.join()


def test_a_host_that_takes_the_call_and_says_nothing_hides_no_other(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_CONNECT_SECONDS", "5")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        url = cluster.url("app").replace("@", f"@127.0.0.1:{port},")
        found = seen(cluster, url)
    assert found["hosts"].says.endswith("not every other host answers")
    assert found[f"host 127.0.0.1:{port}"].level is Level.LOOK
    assert at(cluster.standby) in found


@pytest.mark.parametrize("as_it_says", [False, True], ids=["the primary alone", "control: as the URL says"])
def test_a_dark_host_that_is_named_first_hides_nothing_of_the_primary(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_it_says: bool
) -> None:
    if as_it_says:
        monkeypatch.setattr(hosts, "leading", lambda *_: "")
        monkeypatch.setattr(hosts, "ANSWER_SECONDS", 2.5)
    else:
        monkeypatch.setattr(hosts, "_CONNECT_SECONDS", "10")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        first = f"@127.0.0.1:{mute.getsockname()[1]},"
        roles = ("app", "sequencer", "owner", "reader")
        urls = {role: f"{cluster.url(role).replace('@', first)}?connect_timeout=600" for role in roles}
        settings = settings_of(everything(urls, tmp_path))
        examination = Examination(settings, (), wall=real_time, monotonic=time.monotonic)
        found = examination.of("intake", 5 if as_it_says else 120)
    silent = [each.check for each in found if each.says.startswith("did not answer within")]
    assert ("database app" in silent) == as_it_says
    assert as_it_says or not silent


def test_a_url_of_one_host_is_not_asked_twice() -> None:
    one = Connection("DATABASE_URL", "app", "postgresql://proaktiv_app@127.0.0.1:9/proaktiv")
    assert hosts.each(one, time.monotonic) is None
