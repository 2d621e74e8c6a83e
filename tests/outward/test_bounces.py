"""A mail that did not arrive after all: the address gets no more, the person keeps the letter, nothing else is kept."""

import json
import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from notifiers.mail import MailChannel, Sender
from notifiers.mail_ids import MailIds
from notifiers.reports import Fate
from notifiers.smtp import Relay, Tls
from proaktiv.core.errors import NotSafe
from proaktiv.core.flows import Kind
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.mailing import Cleared, clear
from proaktiv.steps import notify
from proaktiv.steps.channels import Reachable, reachable
from proaktiv.tables import DeliveryRow, OutageRow, SuppressionRow
from tests.notifiers.servers import Post, real_server
from tests.notifiers.test_reports import a_report
from tests.outward.building import HINT, NOW, PROPOSE, FakeChannel, Left, Town

SENDER = Sender(
    "Stadt Musterstadt",
    "post@musterstadt.example",
    "https://musterstadt.example/b",
    b"k" * 32,
    bounces="bounce.musterstadt.example",
)
ADDRESS = "kanarie@post.example"
LATER = NOW + timedelta(hours=1)


class House:
    """What the command asks: the step in a transaction of its own."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def bounced(self, delivery: UUID, fate: Fate) -> bool:
        with self.town.database.transaction() as session:
            return notify.bounced(session, self.town.house, delivery, fate, LATER)


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    return tmp_path / "mail"


@pytest.fixture
def letters() -> FakeChannel:
    return FakeChannel()


def sent(town: Town, letters: FakeChannel, *, record: bool = True) -> tuple[UUID, str]:
    """A person who got letter and mail; the person, and the address that a report of the mail goes to."""
    person = town.person(PROPOSE, HINT)
    town.reachable_at(person, ADDRESS)
    town.bundle(person)
    with real_server(Post()) as post:
        relay = Relay("127.0.0.1", post.port, Tls.NONE, "proaktiv.example")
        ways = {"LETTER": letters, "MAIL": MailChannel(relay, SENDER)}
        for channel in ("LETTER", "MAIL"):
            with town.database.transaction() as session:
                postings = notify.announce(session, town.house, ways, NOW, 50, page="x", mail_page=SENDER.page)
            posted = [notify.hand_over(each, ways, Left()) for each in postings]
            if record or channel == "LETTER":
                with town.database.transaction() as session:
                    notify.record(session, town.house, posted, NOW)
    return person, str(post.taken[0].mail_from)


def mail(town: Town) -> tuple[str, str]:
    (row,) = [row for row in town.rows(DeliveryRow) if row.channel == "MAIL"]
    return row.state, row.reason


def arrives(maildir: Path, raw: bytes, name: str = "1.post") -> None:
    (maildir / "tmp" / name).write_bytes(raw)
    (maildir / "tmp" / name).rename(maildir / "new" / name)


def lying(maildir: Path) -> list[str]:
    return sorted(path.name for path in maildir.rglob("*") if path.is_file())


def clears(town: Town, maildir: Path) -> Cleared:
    return clear(House(town), SENDER.ids, maildir)


def test_an_address_that_is_none_gets_no_more_mails_and_its_owner_is_told(
    town: Town, letters: FakeChannel, maildir: Path
) -> None:
    person, return_path = sent(town, letters)
    arrives(maildir, a_report("5.1.1", to=return_path))
    assert clears(town, maildir) == Cleared(reports=1)
    assert mail(town) == ("bounced_hard", "hard")
    assert len(town.rows(SuppressionRow)) == 1
    (flow,) = town.flows(Kind.RECEIVED)
    assert (json.loads(flow.f_bytes)["action"], ADDRESS.encode() in flow.f_bytes) == ("mail.bounced", False)
    with town.database.transaction() as session:
        proof = SessionProof(town.ids.secret(), person, Trust.V1, None)  # type: ignore[arg-type]
        assert reachable(session, proof, NOW) == Reachable(NOW, refused=True)
    town.bundle(person)
    with town.database.transaction() as session:
        way = MailChannel(Relay("127.0.0.1", 9, Tls.NONE, "x.example"), SENDER)
        ways = {"LETTER": letters, "MAIL": way}
        (posting,) = notify.announce(session, town.house, ways, LATER, 50)
    assert posting.channel == "LETTER", "the letter path is as before"


def test_nothing_of_a_report_or_of_any_other_mail_is_kept(town: Town, letters: FakeChannel, maildir: Path) -> None:
    _, return_path = sent(town, letters)
    arrives(maildir, a_report("5.1.1", to=return_path), "1")
    arrives(maildir, f"To: {return_path}\nSubject: Re: Etwas\n\nJA, ich bestätige alles.\n".encode(), "2")
    arrives(maildir, f"To: {return_path}\nAuto-Submitted: auto-replied\n\nIch bin im Urlaub.\n".encode(), "3")
    (maildir / "cur" / "4:2,S").write_bytes(b"anything")
    assert clears(town, maildir) == Cleared(reports=1, others=3)
    assert lying(maildir) == []


def test_an_answer_confirms_nothing_and_changes_nothing(town: Town, letters: FakeChannel, maildir: Path) -> None:
    _, return_path = sent(town, letters)
    before = [repr(row) for row in town.rows(DeliveryRow)], town.kinds()
    for name, said in enumerate((b"JA", b"Ja, ich will.", b"Out of office", b"STOP")):
        arrives(maildir, f"To: {return_path}\nFrom: {ADDRESS}\n\n".encode() + said, str(name))
    assert clears(town, maildir) == Cleared(others=4)
    assert ([repr(row) for row in town.rows(DeliveryRow)], town.kinds()) == before


def test_a_forged_report_is_ignored(town: Town, letters: FakeChannel, maildir: Path) -> None:
    _, return_path = sent(town, letters)
    mac = return_path.partition(".")[2][:8]
    wrong = return_path.replace(mac, "0" * 8 if mac != "0" * 8 else "1" * 8)
    for name, to in enumerate((wrong, f"b+{UUID(int=7)}.{mac}@bounce.musterstadt.example", ADDRESS)):
        arrives(maildir, a_report("5.1.1", to=to), str(name))
    assert clears(town, maildir) == Cleared(others=3)
    assert (mail(town), town.rows(SuppressionRow)) == (("handed_over", ""), [])


def test_control_without_the_mac_the_same_report_would_end_the_address(
    town: Town, letters: FakeChannel, maildir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, return_path = sent(town, letters)
    monkeypatch.setattr("notifiers.mail_ids._equal", lambda _one, _other: True)
    mac = return_path.partition(".")[2][:8]
    arrives(maildir, a_report("5.1.1", to=return_path.replace(mac, "0" * 8)))
    assert clears(town, maildir) == Cleared(reports=1)
    assert mail(town) == ("bounced_hard", "hard")


def test_a_report_that_comes_before_the_hand_over_is_recorded_waits(
    town: Town, letters: FakeChannel, maildir: Path
) -> None:
    _, return_path = sent(town, letters, record=False)
    arrives(maildir, a_report("5.1.1", to=return_path))
    assert clears(town, maildir) == Cleared(waiting=1)
    assert (mail(town)[0], lying(maildir)) == ("announced", ["1.post"])
    with town.database.transaction() as session:
        ways = {"MAIL": MailChannel(Relay("127.0.0.1", 9, Tls.NONE, "x.example"), SENDER)}
        assert notify.announce(session, town.house, ways, LATER, 50) == [], "its worker died: it is in doubt"
    assert clears(town, maildir) == Cleared(reports=1)
    assert mail(town) == ("bounced_hard", "hard")


@pytest.mark.parametrize(
    ("status", "state", "outages"),
    [
        ("5.2.2", ("bounced_soft", "soft"), 0),
        ("4.4.7", ("bounced_soft", "soft"), 0),
        ("5.7.1", ("bounced_soft", "policy"), 1),
        ("5.1.8", ("bounced_soft", "policy"), 1),
    ],
)
def test_a_full_mailbox_or_a_policy_is_no_fault_of_the_address(
    town: Town, letters: FakeChannel, maildir: Path, status: str, state: tuple[str, str], outages: int
) -> None:
    _, return_path = sent(town, letters)
    arrives(maildir, a_report(status, to=return_path))
    assert clears(town, maildir) == Cleared(reports=1)
    assert (mail(town), town.rows(SuppressionRow), len(town.rows(OutageRow))) == (state, [], outages)
    assert town.tasks() == ["mail.refused_by_policy"] * outages
    assert len(letters.letters) == 1


def test_a_report_that_comes_twice_counts_once_and_a_harder_one_counts_more(
    town: Town, letters: FakeChannel, maildir: Path
) -> None:
    _, return_path = sent(town, letters)
    for status, wanted in (("5.2.2", "bounced_soft"), ("5.2.2", "bounced_soft"), ("5.1.1", "bounced_hard")):
        arrives(maildir, a_report(status, to=return_path))
        clears(town, maildir)
        assert mail(town)[0] == wanted
    arrives(maildir, a_report("5.2.2", to=return_path))
    clears(town, maildir)
    assert (mail(town)[0], len(town.flows(Kind.RECEIVED))) == ("bounced_hard", 2)


def test_an_address_given_since_is_another_one(town: Town, letters: FakeChannel, maildir: Path) -> None:
    person, return_path = sent(town, letters)
    town.reachable_at(person, "neu@post.example", at=NOW + timedelta(minutes=5))
    arrives(maildir, a_report("5.1.1", to=return_path))
    clears(town, maildir)
    assert (mail(town)[0], town.rows(SuppressionRow)) == ("bounced_hard", [])


def test_links_hidden_files_and_pipes_are_left_alone(town: Town, tmp_path: Path, maildir: Path) -> None:
    kept = tmp_path / "of somebody"
    kept.write_bytes(b"x")
    (maildir / "new" / "link").symlink_to(kept)
    (maildir / "new" / ".part").write_bytes(b"x")
    os.mkfifo(maildir / "new" / "pipe")
    assert clears(town, maildir) == Cleared()
    assert kept.exists()


def test_a_plain_folder_will_do_and_one_that_is_not_there_is_told(town: Town, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(b"Subject: x\n\ny")
    with pytest.raises(NotSafe, match="MAIL_BOUNCES"):
        clear(House(town), MailIds(b"k" * 32), tmp_path)
    assert clear(House(town), SENDER.ids, tmp_path) == Cleared(others=1)
    assert list(tmp_path.glob("*.eml")) == []
    gone = tmp_path / "gone"
    gone.mkdir()
    gone.rmdir()
    with pytest.raises(NotSafe, match="cannot be read"):
        clear(House(town), SENDER.ids, gone)
