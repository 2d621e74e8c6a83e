"""Letters in a folder: whole, durable, once for each wire id."""

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from notifiers.folder import FolderChannel
from notifiers.model import (
    AlreadyDone,
    Clearance,
    DeliveryReceipt,
    Message,
    Permanent,
    ReceiptLevel,
    Recipient,
    Rendered,
    Temporary,
    Unavailable,
)

MESSAGE = Message(
    purpose="bundle",
    reference="ABCD-1234",
    sender="Stadt Musterstadt",
    sent_on="14.10.2026",
    subject="Für Sie liegt etwas bereit",
    paragraphs=("Ein Satz, der länger ist, als eine Zeile es erlaubt, " * 3, "Zweiter Absatz."),
    secret="0123-4567-89AB-C",
    link="https://musterstadt.example",
)
ANNA = Recipient(("Anna Beispiel-Probst", "Erfundene Gasse 3", "00001 Musterstadt"))


class Left:
    def __init__(self, seconds: float = 5.0) -> None:
        self.seconds = seconds

    def remaining(self) -> float:
        return self.seconds


def cleared(wire_id: str = "0192-a") -> Clearance:
    # The only other maker is the flow log; a channel must work for whoever holds one.
    return Clearance(UUID(int=1), wire_id, datetime(2026, 10, 14, tzinfo=UTC))


def hand_over(folder: Path, body: bytes = b"letter", wire_id: str = "0192-a") -> DeliveryReceipt:
    return FolderChannel(folder).hand_over(Rendered("text/plain", body), cleared(wire_id), Left())


def test_a_letter_reads_from_the_address_to_the_code(tmp_path: Path) -> None:
    text = FolderChannel(tmp_path).render(MESSAGE, ANNA).body.decode()
    lines = text.split("\n")
    assert lines[:4] == ["Anna Beispiel-Probst", "Erfundene Gasse 3", "00001 Musterstadt", ""]
    assert "Unser Zeichen: ABCD-1234" in lines
    assert "Ihr Code: 0123-4567-89AB-C" in lines
    assert max(len(line) for line in lines) <= 78
    assert lines.index("Für Sie liegt etwas bereit") < lines.index("Ihr Code: 0123-4567-89AB-C")


def test_a_message_without_a_code_has_no_line_for_one(tmp_path: Path) -> None:
    bare = Message("x", "r", "s", "d", "t", ())
    assert b"Code" not in FolderChannel(tmp_path).render(bare, ANNA).body


def test_the_same_message_always_gives_the_same_bytes(tmp_path: Path) -> None:
    channel = FolderChannel(tmp_path)
    assert channel.render(MESSAGE, ANNA) == channel.render(MESSAGE, ANNA)


def test_the_english_letter_keeps_the_codes_label(tmp_path: Path) -> None:
    text = FolderChannel(tmp_path).render(MESSAGE, Recipient(ANNA.address, "en")).body.decode()
    assert "Our reference: ABCD-1234" in text
    assert "Ihr Code: 0123-4567-89AB-C" in text


def test_a_handed_over_letter_is_one_file_for_the_owner_alone(tmp_path: Path) -> None:
    receipt = hand_over(tmp_path)
    assert (receipt.receipt, receipt.reference) == (ReceiptLevel.ACCEPTED, "0192-a")
    assert [path.name for path in tmp_path.iterdir()] == ["0192-a.txt"]
    assert (tmp_path / "0192-a.txt").read_bytes() == b"letter"
    assert (tmp_path / "0192-a.txt").stat().st_mode & 0o077 == 0


def test_the_same_letter_again_is_already_done(tmp_path: Path) -> None:
    hand_over(tmp_path)
    with pytest.raises(AlreadyDone):
        hand_over(tmp_path)


def test_another_letter_under_the_same_wire_id_never_replaces_the_first(tmp_path: Path) -> None:
    hand_over(tmp_path)
    with pytest.raises(Permanent):
        hand_over(tmp_path, b"another")
    assert (tmp_path / "0192-a.txt").read_bytes() == b"letter"


@pytest.mark.parametrize(
    "wire_id", ["", ".", "..", "../out", "a/b", "a\\b", "a.b", "-a", "a\x00b", "a\n", "ä", "a" * 65, " a", "CON:"]
)
def test_a_wire_id_that_is_no_file_name_is_refused(tmp_path: Path, wire_id: str) -> None:
    inner = tmp_path / "letters"
    inner.mkdir()
    with pytest.raises(Permanent):
        hand_over(inner, wire_id=wire_id)
    assert list(inner.iterdir()) == []
    assert list(tmp_path.iterdir()) == [inner]


def test_a_missing_folder_is_unavailable_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        hand_over(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("no folder")
    with pytest.raises(Unavailable, match="ENOTDIR"):
        hand_over(tmp_path / "letters")


class FullDisk(FolderChannel):
    """A disk that has no room: what ``write`` raises then."""

    def _write(self, _wire_id: str, _body: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/letters/of/anna.txt")


def test_a_full_disk_is_temporary_and_its_message_tells_no_path() -> None:
    with pytest.raises(Temporary, match="ENOSPC") as caught:
        FullDisk(Path("/letters")).hand_over(Rendered("text/plain", b""), cleared(), Left())
    assert "anna" not in str(caught.value)


def test_a_real_full_disk_leaves_no_half_letter() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with full.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space") as caught:
        file.write(b"x")
    assert caught.value.errno == errno.ENOSPC  # the number that the channel takes for full


def test_after_the_deadline_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(Temporary):
        FolderChannel(tmp_path).hand_over(Rendered("text/plain", b"x"), cleared(), Left(0.0))
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_half_written_is_swept_and_never_taken_for_the_letter(tmp_path: Path) -> None:
    (tmp_path / ".0192-a.txt.dead.part").write_bytes(b"lett")
    (tmp_path / ".0192-b.txt.dead.part").write_bytes(b"of another letter")
    hand_over(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".0192-b.txt.dead.part", "0192-a.txt"]


def test_twenty_writers_of_one_letter_leave_one_file_and_one_winner(tmp_path: Path) -> None:
    gate = threading.Barrier(20)
    ends: list[str] = []

    def write() -> None:
        gate.wait()
        try:
            hand_over(tmp_path, b"letter" * 1000)
        except AlreadyDone:
            ends.append("already")
        else:
            ends.append("done")

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("done") == 1
    assert ends.count("already") == 19
    assert [path.name for path in tmp_path.iterdir()] == ["0192-a.txt"]
