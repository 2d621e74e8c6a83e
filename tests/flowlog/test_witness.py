"""The witness cosigns what only grows, remembers it before it answers, and cannot be rolled back."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from proaktiv.core import merkle
from proaktiv.core.errors import ProaktivError
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, b64, sign_note, vkey_of
from proaktiv.flowlog.vouching.commands import make_app
from proaktiv.flowlog.vouching.cosignatures import WitnessKey, cosignatures
from proaktiv.flowlog.vouching.memory import EVIDENCE_MAX, Memory, State, WitnessError
from proaktiv.flowlog.vouching.server import make_witness
from proaktiv.flowlog.vouching.witness import (
    BODY_MAX,
    Answer,
    Witness,
    distrust,
    read_request,
    trust,
    write_request,
)
from tests.flowlog.conftest import NOW, ORIGIN, SIGNING_KEY
from tests.flowlog.exports import VKEY
from tests.processes import PATIENCE_SECONDS, proaktiv, start

LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(40)]
OTHERS = [merkle.leaf_hash(bytes([n, n])) for n in range(40)]
"""Another history."""
STRANGER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
NAME = "dsb.example/zeuge"


class Rig:
    """A witness in a folder, and a log that asks it."""

    def __init__(self, folder: Path) -> None:
        self.memory = Memory(folder)
        self.key: WitnessKey = self.memory.found(NAME)
        trust(self.memory, VKEY)

    def witness(self, probe: Callable[[str], None] = lambda _name: None) -> Witness:
        return Witness(self.memory, probe)

    def ask(self, old: int, new: int, **how: object) -> Answer:
        return self.witness().add_checkpoint(body(old, new, **how), NOW)  # type: ignore[arg-type]

    def size(self) -> int:
        return self.memory.read().logs[ORIGIN].size


def note(size: int, leaves: list[bytes] = LEAVES, origin: str = ORIGIN, key: Ed25519PrivateKey = SIGNING_KEY) -> str:
    return sign_note(Checkpoint(origin, size, merkle.root_of(leaves[:size])).text(), origin, key)


def proof_of(old: int, new: int, leaves: list[bytes] = LEAVES) -> list[bytes]:
    tiles = merkle.extend_tiles(0, leaves[:new], lambda _level, _n: b"")
    read = merkle.Tiles(lambda level, n: tiles[level, n]).read
    return merkle.consistency_proof(read, old, new) if 0 < old <= new else []


def body(old: int, new: int, *, leaves: list[bytes] = LEAVES, proof: list[bytes] | None = None, **key: object) -> bytes:
    steps = proof_of(old, new, leaves) if proof is None else proof
    return write_request(old, steps, note(new, leaves, **key))  # type: ignore[arg-type]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "zeuge")


# what it answers ------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(6)
def test_a_log_that_grows_is_cosigned_each_time(rig: Rig) -> None:
    for old, new in ((0, 3), (3, 3), (3, 4), (4, 40)):
        answer = rig.ask(old, new)
        assert answer.status == 200, answer
        (said,) = cosignatures(note(new) + answer.body, [rig.key])
        assert said.at == NOW.replace(microsecond=0)
        assert rig.size() == new


@pytest.mark.flowlog_test(6)
@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        (body(7, 5, proof=[]), 400, "larger"),
        (b"", 400, "begins with"),
        (b"old 5\n" + note(6).encode(), 400, ""),
        (b"old 05\n\n" + note(6).encode(), 400, "begins with"),
        (b"old -1\n\n" + note(6).encode(), 400, "begins with"),
        (b"old 5\nAAAA\n\n" + note(6).encode(), 400, "32 bytes"),
        (b"old 5\n" + b"A\n" * 3 + b"\n" + note(6).encode(), 400, "base64"),
        (write_request(5, [b"p" * 32] * 64, note(6)), 400, "63"),
        (b"old 5\n\n\xff\xfe", 400, "UTF-8"),
        (b"old 5\n\n" + note(6).encode() + b" " * BODY_MAX, 400, "too long"),
        (body(5, 6, key=STRANGER), 403, "no trusted key"),
        (body(5, 6).replace(b"\n6\n", b"\n7\n"), 403, "wrong signature"),
        (body(5, 6, origin="other.example/1"), 404, "does not know"),
        (body(4, 6), 409, "5\n"),
        (body(0, 6), 409, "5\n"),
        (body(6, 6), 409, "5\n"),
        (body(5, 5, leaves=OTHERS), 409, "5\n"),
        (body(5, 6, proof=[]), 422, "proof"),
        (body(5, 6, proof=[b"p" * 32]), 422, "proof"),
        (body(5, 6, leaves=OTHERS), 422, "proof"),
    ],
)
def test_everything_else_is_refused_and_changes_nothing(rig: Rig, asked: bytes, status: int, said: str) -> None:
    rig.ask(0, 5)
    before = rig.memory.read()
    answer = rig.witness().add_checkpoint(asked, NOW + timedelta(seconds=1))
    assert (answer.status, said in answer.body) == (status, True), answer
    assert "—" not in answer.body
    assert rig.memory.read() == before
    if status == 409:
        assert (answer.body, answer.media_type) == ("5\n", "text/x.tlog.size")


@pytest.mark.flowlog_control(6)
def test_control_without_the_proof_another_history_would_be_cosigned(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.ask(0, 5)
    monkeypatch.setattr("proaktiv.flowlog.vouching.witness.verify_consistency", lambda *_: True)
    assert rig.ask(5, 6, leaves=OTHERS).status == 200


def test_from_nothing_the_proof_is_empty(rig: Rig) -> None:
    assert rig.ask(0, 5, proof=[b"p" * 32]).status == 422
    assert rig.ask(0, 5).status == 200


def test_a_second_version_of_the_log_is_kept_as_evidence_once(rig: Rig, tmp_path: Path) -> None:
    rig.ask(0, 5)
    for _ in range(2):
        rig.ask(5, 5, leaves=OTHERS)
        rig.ask(3, 3)
    assert [name.split("-")[:2] for name in rig.memory.evidence()] == [["refused", "5"], ["unproven", "3"]]
    kept = (tmp_path / "zeuge" / rig.memory.evidence()[0]).read_text()
    assert note(5) in kept
    assert note(5, OTHERS) in kept


@pytest.mark.flowlog_test(16)
def test_a_rewritten_log_that_has_grown_is_kept_as_evidence_with_its_proof(rig: Rig, tmp_path: Path) -> None:
    rig.ask(0, 5)
    for _ in range(2):
        assert rig.ask(5, 9, leaves=OTHERS).status == 422
    (name,) = rig.memory.evidence()
    assert name.startswith("unproven-9-")
    kept = (tmp_path / "zeuge" / name).read_text()
    assert note(5) in kept
    assert note(9, OTHERS) in kept
    assert all(b64(step) in kept.partition("proof:\n")[2] for step in proof_of(5, 9, OTHERS))


@pytest.mark.parametrize(
    "asked",
    [
        body(0, 5, leaves=OTHERS),  # another root of the size that it knows, whatever old size it names
        body(3, 5, leaves=OTHERS),
    ],
)
def test_another_root_of_the_same_size_is_evidence_whatever_old_size_it_names(rig: Rig, asked: bytes) -> None:
    rig.ask(0, 5)
    assert rig.witness().add_checkpoint(asked, NOW).status == 409
    assert [name.split("-")[:2] for name in rig.memory.evidence()] == [["refused", "5"]]


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        (5, 9, {"leaves": OTHERS, "key": STRANGER}),
        (5, 5, {"proof": [b"p" * 32]}),
        (4, 9, {"leaves": OTHERS}),
    ],
    ids=["a stranger's", "the tree it knows, with a proof too many", "from another size than it knows"],
)
def test_what_shows_no_other_log_is_no_evidence(rig: Rig, old: int, new: int, how: dict[str, object]) -> None:
    rig.ask(0, 5)
    assert rig.ask(old, new, **how).status in {403, 409, 422}
    assert rig.memory.evidence() == []


def test_a_proof_that_was_damaged_on_its_way_is_no_evidence_once_the_same_tree_is_proven(rig: Rig) -> None:
    rig.ask(0, 5)
    assert rig.ask(5, 9, proof=[b"p" * 32]).status == 422
    assert len(rig.memory.evidence()) == 1
    assert rig.ask(5, 9).status == 200
    assert rig.memory.evidence() == []


def test_evidence_is_bounded_for_each_log_by_itself(rig: Rig) -> None:
    trust(rig.memory, str(vkey_of("other.example/1", STRANGER)))
    rig.ask(0, 2)
    rig.ask(0, 2, origin="other.example/1", key=STRANGER)
    many = [merkle.leaf_hash(n.to_bytes(2)) for n in range(EVIDENCE_MAX + 5)]
    for new in range(3, len(many)):
        rig.witness().add_checkpoint(write_request(2, [], note(new, many)), NOW)
    assert len(rig.memory.evidence()) == EVIDENCE_MAX
    rig.ask(2, 9, origin="other.example/1", key=STRANGER, leaves=OTHERS)
    assert len(rig.memory.evidence()) == EVIDENCE_MAX + 1
    # Nor does what anybody may show, who has a public checkpoint, take the room of what takes the log's key.
    rig.ask(2, 2, leaves=OTHERS)
    assert rig.memory.evidence()[0].startswith("refused-2-")


def test_a_rolled_back_log_is_refused_whatever_it_says_the_old_size_was(rig: Rig) -> None:
    rig.ask(0, 9)
    assert [rig.ask(old, 5).status for old in (0, 5, 9)] == [409, 409, 400]
    assert rig.size() == 9


def test_during_a_rotation_either_key_will_do_and_a_forgotten_one_no_more(rig: Rig) -> None:
    coming = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    vkey = str(vkey_of(ORIGIN, coming))
    assert rig.ask(0, 2, key=coming).status == 403
    trust(rig.memory, vkey)
    assert rig.ask(0, 2, key=coming).status == 200
    assert rig.ask(2, 3).status == 200
    distrust(rig.memory, VKEY)
    assert rig.ask(3, 4).status == 403
    assert rig.ask(3, 4, key=coming).status == 200
    with pytest.raises(WitnessError, match="not one of several"):
        distrust(rig.memory, vkey)
    with pytest.raises(WitnessError, match="trusted already"):
        trust(rig.memory, vkey)


def test_logs_do_not_know_of_each_other(rig: Rig) -> None:
    trust(rig.memory, str(vkey_of("other.example/1", STRANGER)))
    assert rig.ask(0, 5).status == 200
    assert rig.ask(0, 2, origin="other.example/1", key=STRANGER, leaves=OTHERS).status == 200
    assert rig.ask(5, 6).status == 200


# over HTTP ------------------------------------------------------------------------------------------------------------


class Client:
    """Speaks to the witness without a socket."""

    def __init__(self, rig: Rig) -> None:
        self.app = make_witness(rig.witness(), lambda: NOW)

    def ask(self, method: str, path: str, content: bytes = b"") -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://zeuge.example") as client:
                return await client.request(method, path, content=content)

        return asyncio.run(asked())


def test_over_http_it_speaks_the_protocol(rig: Rig) -> None:
    client = Client(rig)
    answer = client.ask("POST", "/add-checkpoint", body(0, 5))
    assert (answer.status_code, answer.text.startswith(f"— {NAME} ")) == (200, True)
    answer = client.ask("POST", "/add-checkpoint", body(0, 6))
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (409, "5\n", "text/x.tlog.size")
    assert client.ask("POST", "/add-checkpoint", b"x" * (BODY_MAX + 1)).status_code == 400
    assert client.ask("GET", "/add-checkpoint").status_code == 405
    assert client.ask("GET", "/").status_code == 404


def test_without_its_memory_it_cosigns_nothing(rig: Rig, tmp_path: Path) -> None:
    client = Client(rig)
    (tmp_path / "zeuge" / "state.json").write_text("{}")
    answer = client.ask("POST", "/add-checkpoint", body(0, 5))
    assert (answer.status_code, "—" in answer.text) == (500, False)


# two at once ----------------------------------------------------------------------------------------------------------


class Race:
    """Request A (to 6) is held after it was judged, while request B (to 9) comes; A goes on at ``until``."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.judged, self.arrived, self.finished = threading.Event(), threading.Event(), threading.Event()

    def run(self, until: threading.Event) -> tuple[int, int]:
        answers: dict[str, int] = {}

        def hold(name: str) -> None:
            if name == "witness.persist.before":
                self.judged.set()
                assert until.wait(PATIENCE_SECONDS)

        def arrive(name: str) -> None:
            if name == "witness.lock.before":
                self.arrived.set()

        def ask(who: str, witness: Witness, asked: bytes) -> None:
            answers[who] = witness.add_checkpoint(asked, NOW).status

        first = threading.Thread(target=ask, args=("A", self.rig.witness(hold), body(5, 6)))
        first.start()
        assert self.judged.wait(PATIENCE_SECONDS)
        second = threading.Thread(target=ask, args=("B", self.rig.witness(arrive), body(5, 9)))
        second.start()
        if until is self.finished:
            second.join(PATIENCE_SECONDS)
            self.finished.set()
        for thread in (first, second):
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        return answers["A"], answers["B"]


@pytest.mark.flowlog_test(6)
def test_two_parallel_requests_cannot_roll_the_witness_back(rig: Rig) -> None:
    rig.ask(0, 5)
    race = Race(rig)
    assert race.run(until=race.arrived) == (200, 409)
    assert rig.size() == 6


@pytest.mark.flowlog_control(6)
def test_control_without_the_lock_the_witness_forgets_what_it_cosigned(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.ask(0, 5)
    monkeypatch.setattr(Memory, "alone", lambda _self: nullcontext())
    race = Race(rig)
    assert race.run(until=race.finished) == (200, 200)
    assert rig.size() == 6  # and nine were cosigned
    assert rig.ask(6, 9, leaves=LEAVES[:6] + OTHERS).status == 200  # so another nine are cosigned now


# kill -9 --------------------------------------------------------------------------------------------------------------

_PROCESS = """
import os, signal, sys
from pathlib import Path
from proaktiv.clock import wall_clock
from proaktiv.flowlog.vouching import witness
from proaktiv.flowlog.vouching.commands import make_app
from proaktiv.flowlog.vouching.memory import Memory

folder, asked, place, when = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]

def die(name):
    if name == place:
        os.kill(os.getpid(), signal.SIGKILL)

if when == "answers-first":
    Memory.write = lambda *_: None
print(witness.Witness(Memory(folder), die).add_checkpoint(asked.read_bytes(), wall_clock()).body, end="", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def asked_of_a_process(folder: Path, asked: bytes, place: str, when: str = "as-built") -> str:
    """What a witness process that is killed at ``place``, or right after its answer, had answered until then."""
    (folder / "asked").write_bytes(asked)
    program = folder.parent / "asks_a_witness.py"
    program.write_text(_PROCESS, "utf-8")
    process = start(str(program), str(folder), str(folder / "asked"), place, when)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == -signal.SIGKILL, err
    return out


@pytest.mark.flowlog_test(6)
@pytest.mark.parametrize(
    ("place", "size", "answered"),
    [("witness.persist.before", 5, False), ("witness.persist.after", 6, False), ("nowhere", 6, True)],
)
def test_killed_at_any_point_it_never_answered_what_it_does_not_remember(
    rig: Rig, tmp_path: Path, place: str, size: int, answered: bool
) -> None:
    rig.ask(0, 5)
    told = asked_of_a_process(tmp_path / "zeuge", body(5, 6), place)
    assert bool(told) == answered
    assert rig.size() == size
    forked = LEAVES[:5] + OTHERS
    assert rig.ask(size, 6, leaves=forked).status == (200 if size == 5 else 409)
    if size == 6:
        assert rig.ask(6, 6).status == 200  # whoever got no answer asks again


@pytest.mark.flowlog_control(6)
def test_control_a_witness_that_answers_before_it_remembers_cosigns_two_stories(rig: Rig, tmp_path: Path) -> None:
    rig.ask(0, 5)
    told = asked_of_a_process(tmp_path / "zeuge", body(5, 6), "nowhere", "answers-first")
    assert cosignatures(note(6) + told, [rig.key])
    second = rig.ask(5, 6, leaves=LEAVES[:5] + OTHERS)
    assert cosignatures(note(6, LEAVES[:5] + OTHERS) + second.body, [rig.key])


def test_what_is_remembered_is_on_the_disk_before_the_name_changes(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), sync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (done.append("rename"), replace(self, to))[1])
    assert rig.ask(0, 5).status == 200
    assert done == ["fsync", "rename", "fsync"]


# the memory -----------------------------------------------------------------------------------------------------------


@contextmanager
def changed(folder: Path, content: bytes) -> Iterator[Memory]:
    (folder / "state.json").write_bytes(content)
    yield Memory(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b'{"format": "proaktiv/witness/v2", "name": "x", "logs": {}}',
        b'{"format": "proaktiv/witness/v1", "name": "x", "logs": {"a": {}}}',
        b'{"format": "proaktiv/witness/v1", "name": "x", "logs": {"a": {"vkeys": [], "last": null, "at": null}}}',
        b"\xff\xfe",
    ],
)
def test_an_unreadable_memory_is_refused(rig: Rig, tmp_path: Path, content: bytes) -> None:
    with changed(tmp_path / "zeuge", content) as memory, pytest.raises(WitnessError, match="memory is"):
        memory.read()


def test_what_is_written_is_read_again(rig: Rig) -> None:
    rig.ask(0, 5)
    state = rig.memory.read()
    assert State.parse(state.to_bytes()) == state
    assert state.logs[ORIGIN].note == note(5)


def test_a_witness_is_never_founded_twice(rig: Rig) -> None:
    with pytest.raises(WitnessError, match="never founded twice"):
        rig.memory.found(NAME)


def test_a_request_that_is_read_is_written_the_same() -> None:
    asked = body(5, 9)
    found = read_request(asked)
    assert write_request(found.old, list(found.proof), found.note) == asked
    with pytest.raises(NoteError):
        read_request(asked.replace(b"old", b"olt"))


# what the DSB types ---------------------------------------------------------------------------------------------------


def test_a_dsb_founds_a_witness_and_looks_at_it(tmp_path: Path) -> None:
    folder = tmp_path / "zeuge"
    made = proaktiv("witness", "init", str(folder), NAME, "--log", VKEY)
    assert (made.returncode, made.stderr) == (0, "")
    key = WitnessKey.parse(made.stdout.strip())
    assert key.name == NAME
    assert sorted(path.stat().st_mode & 0o077 for path in folder.iterdir()) == [0, 0, 0]
    told = proaktiv("witness", "status", str(folder))
    assert told.returncode == 0
    assert told.stdout.splitlines() == [f"witness  {key}", f"log      {ORIGIN}: 0 entries, cosigned never"]
    witness = Witness(Memory(folder))
    witness.add_checkpoint(body(0, 5), NOW)
    witness.add_checkpoint(body(5, 5, leaves=OTHERS), NOW)
    told = proaktiv("witness", "status", str(folder))
    assert told.returncode == 1
    assert "5 entries, cosigned 2026-10-14T08:30:00+00:00" in told.stdout
    assert "the house showed another log" in told.stdout
    for name in Memory(folder).evidence():
        (folder / name).unlink()
    assert proaktiv("witness", "status", str(folder)).returncode == 0
    witness.add_checkpoint(body(5, 9, leaves=OTHERS), NOW)
    told = proaktiv("witness", "status", str(folder))
    assert told.returncode == 1
    assert "without proof that it continues the one you cosigned" in told.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("init", "{new}", "two words"), "not an Ed25519 verifier key of type 04"),
        (("init", "{new}", NAME, "--log", "x"), "the key is not whole: `proaktiv log vkey` prints all of it"),
        (("init", "{there}", NAME), "holds a witness already: it is never founded twice"),
        (("status", "{new}"), "holds no witness: proaktiv witness init makes one"),
        (("serve", "{new}"), "holds no witness: proaktiv witness init makes one"),
        (("serve", "{there}", "--key", "x"), "--certificate: and --key belong together"),
        (("serve", "{there}", "--key", "/none", "--certificate", "/none"), "--certificate: /none is no file"),
        (("trust", "{there}", VKEY), "this key is trusted already"),
        (("trust", "{new}", VKEY), "cannot be used: No such file or directory"),
        (("confirm", "{there}", "/none", VKEY), "is no statement of a succession"),
    ],
)
def test_what_refuses_says_why(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    Rig(tmp_path / "there")
    given = [word.format(new=tmp_path / "new", there=tmp_path / "there") for word in words]
    done = CliRunner().invoke(make_app(lambda: NOW), given)
    assert isinstance(done.exception, ProaktivError)
    assert told in str(done.exception)
