"""Two looks of one person at the same instant are counted one after the other; without the lock they would not be."""

import threading
import time

import pytest

from proaktiv.core.staff import StaffProof
from proaktiv.steps import inspection
from proaktiv.steps.inspection import PER_HOUR, Curious, looks
from tests.office.conftest import Office


def two_at_once(office: Office, proof: StaffProof) -> str:
    """The first has looked and not committed yet when the second looks; what became of the second."""
    fids = [office.world.value("SELECT fid FROM flow_log ORDER BY fid LIMIT 1 OFFSET :n", n=n) for n in (0, 1)]
    said: list[str] = []

    def second() -> None:
        try:
            with office.world.database.transaction() as session:
                inspection.of_flow(session, office.pipeline.house, proof, fids[1], office.world.now, office.world.now)
            said.append("looked")
        except Curious:
            said.append("stopped")

    thread = threading.Thread(target=second)
    with office.world.database.transaction() as session:
        inspection.of_flow(session, office.pipeline.house, proof, fids[0], office.world.now, office.world.now)
        thread.start()
        until = time.monotonic() + 60
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not said and not office.world.value(waiting):
            assert time.monotonic() < until
            time.sleep(0.01)
    thread.join(60)
    return said[0]


def proof_of(office: Office) -> StaffProof:
    desk = office.desk("d.schutz")
    return office.pipeline.staff(desk.cookies["proaktiv-amt"])


def test_two_looks_at_once_are_two(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PER_HOUR, "flow", 1)
    assert two_at_once(sent, proof_of(sent)) == "stopped"


def test_control_without_the_lock_the_second_slips_through(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PER_HOUR, "flow", 1)
    monkeypatch.setattr(looks, "lock_keys", lambda *_: None)
    assert two_at_once(sent, proof_of(sent)) == "looked"
