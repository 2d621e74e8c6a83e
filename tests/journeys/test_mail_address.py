"""A mail address is confirmed before it is used; who had another one is told; every way it can go wrong ends well."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from notifiers.mail import MailChannel, Sender
from notifiers.reports import Fate
from notifiers.smtp import Relay, Tls
from proaktiv.core.errors import NotAllowed, NotProven, TooMany
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.steps import channels, notify
from proaktiv.subjects import read_subjects
from tests.builders import Somebody, a_birth, a_death, a_protection, somebody
from tests.database.test_migrations import run
from tests.notifiers.servers import PATIENCE, Post, real_server
from tests.web.conftest import everything_stored
from tests.world import World

PAGE = "https://musterstadt.example/b"
OLD, NEW = "kanarie.gelb@post.example", "kanarie.blau@post.example"
SENDER = Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32, "bounce.musterstadt.example")


@pytest.fixture
def post() -> Iterator[Post]:
    with real_server(Post()) as running:
        yield running


@pytest.fixture
def city(world: World, post: Post) -> World:
    """A city with a relay."""
    mail = MailChannel(Relay("127.0.0.1", post.port, Tls.NONE, "proaktiv.example"), SENDER)
    ways = {**world.pipeline.channels, "MAIL": mail}
    world.pipeline = replace(world.pipeline, channels=ways, mail_page=PAGE, mail_ids=SENDER.ids)
    return world


@pytest.fixture
def canary(city: World) -> tuple[Somebody, SessionProof]:
    """Somebody with consents, in the session of her first letter."""
    person = somebody("Kanaria", vornamen="Kanaria", familienname="Kanarienvogel-Gelb", strasse="Käfigweg 77")
    proof = city.settles(person)
    city.consents(proof)
    return person, proof


def read(envelope: Any) -> tuple[str, str, str]:
    """Whom a mail went to, its subject and its text."""
    message = message_from_bytes(bytes(envelope.content or b""), policy=policy.SMTP)
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return envelope.rcpt_tos[0], str(message["Subject"]), text


def mails(post: Post) -> list[tuple[str, str]]:
    """Who got which mail: the code, the word about a change, a hint."""
    kinds = {"Bestätigen": "code", "Ihre E-Mail": "changed", "Für Sie": "hint"}
    return [
        (to, next(kind for start, kind in kinds.items() if subject.startswith(start)))
        for to, subject, _ in map(read, post.taken)
    ]


def code_of(post: Post) -> str:
    """The digits in the newest mail."""
    found = re.search(r"[0-9]{3} [0-9]{3}", read(post.taken[-1])[2])
    assert found, "no digits"
    return found[0]


def told(world: World) -> int:
    """How many letters tell of an address."""
    return sum("Eine E-Mail-Adresse wurde" in letter.read_text() for letter in world.letters.glob("*.txt"))


def deliveries(world: World, purpose: str = "confirmation") -> list[UUID]:
    found = "SELECT array_agg(id ORDER BY made_at, id) FROM deliveries WHERE purpose = :p AND channel = 'MAIL'"
    return list(world.value(found, p=purpose) or [])


def logged(world: World, action: str, part: str = "outcome") -> list[Any]:
    with world.database.transaction() as session:
        said = session.connection().exec_driver_sql(
            "SELECT convert_from(f_bytes, 'UTF8')::jsonb AS f FROM flow_log ORDER BY fid"
        )
        return [row.f.get(part) for row in said if row.f["action"] == action]


# the way --------------------------------------------------------------------------------------------------------------


def test_nothing_but_the_code_goes_to_an_address_until_it_comes_back(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.gives_mail(proof, OLD)
    city.tick()
    assert mails(post) == [(OLD, "code")]
    assert code_of(post).replace(" ", "") == city.mail_code(proof)
    city.announce(a_birth(person))
    city.tick()
    assert (len(city.letters_to(person)), mails(post)) == (1, [(OLD, "code")])
    assert city.pipeline.confirm_mail(proof, code_of(post))
    city.tick()
    assert told(city) == 1
    city.announce(a_birth(person, born_on="2026-10-07"))
    city.tick()
    assert mails(post) == [(OLD, "code"), (OLD, "hint")]
    assert logged(city, "mail_address.confirmed") == ["confirmed"]
    city.check_log()


def test_whoever_changes_it_goes_on_with_the_former_one_until_then_and_that_one_is_told(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.confirms_mail(proof, OLD)
    city.tick()
    city.gives_mail(proof, NEW)
    city.announce(a_birth(person))
    city.tick()
    assert mails(post) == [(NEW, "code"), (OLD, "hint")]
    assert city.pipeline.confirm_mail(proof, city.mail_code(proof))
    city.tick()
    assert mails(post)[2:] == [(OLD, "changed")]
    assert told(city) == 2
    city.announce(a_birth(person, born_on="2026-10-07"))
    city.tick()
    assert mails(post)[3:] == [(NEW, "hint")]
    assert city.count("notices", "inbox IS NOT NULL OR address IS NOT NULL") == 0, "the former one is forgotten"
    city.check_log()


def test_the_same_address_once_more_changes_nothing_that_anybody_must_be_told(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.confirms_mail(proof, OLD)
    city.confirms_mail(proof, OLD.upper())
    city.tick()
    assert (told(city), "changed" in dict(mails(post)).values()) == (1, False)


def test_none_of_these_mails_tells_anything_of_her(
    city: World, post: Post, canary: tuple[Somebody, SessionProof], urls: dict[str, str]
) -> None:
    person, proof = canary
    with capture_logs() as lines:
        for address in (OLD, NEW):
            city.gives_mail(proof, address)
            city.tick()
            assert city.pipeline.confirm_mail(proof, code_of(post))
            city.tick()
    assert [kind for _, kind in mails(post)] == ["code", "code", "changed"]
    markers = [
        "kanaria",
        "kanarienvogel",
        "käfigweg",
        person.kennung,
        person.geburtsdatum,
        person.plz,
        "geburt",
        "kita",
    ]
    for envelope in post.taken:
        raw = bytes(envelope.content or b"").replace(f"To: {envelope.rcpt_tos[0]}".encode(), b"X-To: -")
        everything = "\n".join([raw.decode(), *read(envelope)[1:], str(envelope.mail_from)]).casefold()
        for marker in [*markers, "kanarie"]:
            assert marker.casefold() not in everything, marker
        assert set(re.findall(r"https?://[^\s\"'<>]+", read(envelope)[2])) == {PAGE}
    for said, english in zip(post.taken, ("Somebody gave", "Somebody gave", "Another one counts now"), strict=True):
        assert english in read(said)[2]
    digits = {read(envelope)[2] for envelope in post.taken}
    for found in re.findall(r"[0-9]{3} [0-9]{3}", "\n".join(digits)):
        assert found not in str(lines)
        assert found.replace(" ", "") not in str(lines)
    assert "kanari" not in str(lines).casefold()
    for table, rows in everything_stored(urls).items():
        assert "kanari" not in str(rows).casefold(), table


def test_each_of_it_stands_in_the_log_with_its_norm(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    city.tick()
    city.pipeline.confirm_mail(proof, city.mail_code(proof))
    city.tick()
    shown = city.pipeline.timeline(proof, "")["entries"]
    about = [entry for entry in shown if entry["scope"].startswith("erreichbarkeit/")]
    assert {entry["action"] for entry in about} == {
        *("consent.given", "mail.written", "mail.handed_over", "letter.written", "letter.handed_over")
    }
    (written,) = [entry for entry in about if entry["action"] == "mail.written"]
    assert written["basis"].endswith("Art. 5 Abs. 1 Buchst. d und Art. 32 Abs. 1 DSGVO für ihre Bestätigung")
    assert written["categories"]["de"] == ["Ihre E-Mail-Adresse", "Ihre Sprache"]
    assert written["purpose"].startswith("Prüfen, ob eine E-Mail-Adresse Ihnen gehört")
    assert {"mail_address.given", "mail_address.confirmed"} <= {entry["action"] for entry in shown}
    city.check_log()


def test_at_night_the_code_goes_and_hints_sleep(city: World, post: Post, canary: tuple[Somebody, SessionProof]) -> None:
    person, proof = canary
    city.confirms_mail(proof, OLD)
    city.now = city.now.replace(hour=20, minute=30)  # 22:30 in Berlin
    city.announce(a_birth(person))
    city.gives_mail(proof, NEW)
    city.tick()
    assert (len(city.letters_to(person)), mails(post)) == (1, [(NEW, "code")])
    city.wait(hours=11)
    assert mails(post) == [(NEW, "code"), (OLD, "hint")]


def test_a_code_goes_before_the_letters_that_wait(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.announce(a_birth(person))
    city.pipeline.evaluate()
    city.pipeline.look_up()
    city.pipeline.evaluate()
    assert city.count("bundles", "due_at IS NOT NULL") == 1
    city.gives_mail(proof, OLD)
    with city.database.transaction() as session:
        ways = city.pipeline.channels
        postings = notify.announce(session, city.pipeline.house, ways, city.now, 1, page="x", mail_page=PAGE)
    assert [posting.purpose for posting in postings] == ["confirmation"]


def test_whoever_has_not_finished_enrolling_may_give_one_too(city: World, post: Post) -> None:
    proof = city.settles(somebody("Anna"))
    city.gives_mail(proof, OLD)
    city.tick()
    assert mails(post) == [(OLD, "code")]
    assert city.pipeline.confirm_mail(proof, code_of(post))
    city.tick()
    assert told(city) == 1
    city.check_log()


# ways to fail ---------------------------------------------------------------------------------------------------------


def test_a_code_is_good_for_a_day(city: World, post: Post, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    city.tick()
    city.wait(hours=24)
    assert not city.pipeline.confirm_mail(proof, code_of(post))
    assert city.pipeline.reachable(proof) == channels.Reachable(None)
    city.gives_mail(proof, OLD)
    city.tick()
    assert city.pipeline.confirm_mail(proof, code_of(post))


def test_a_mail_that_waits_for_its_relay_longer_than_its_code_is_good_never_goes(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    post.answers[OLD] = "450 4.2.1 later"
    city.gives_mail(proof, OLD)
    city.tick()
    del post.answers[OLD]
    city.wait(hours=25)
    assert (mails(post), city.count("deliveries", "channel = 'MAIL' AND state = 'cancelled'")) == ([], 1)
    assert city.count("tasks") == 0
    city.check_log()


def test_a_mail_that_the_relay_puts_off_goes_later(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    post.answers[OLD] = "450 4.2.1 later"
    city.gives_mail(proof, OLD)
    city.tick()
    del post.answers[OLD]
    city.wait(minutes=2)
    assert city.pipeline.confirm_mail(proof, code_of(post))


def test_five_wrong_tries_end_a_code_and_the_person_sees_it(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    right = city.mail_code(proof)
    wrong = f"{(int(right) + 1) % 10**6:06}"
    for typed in (wrong, "x", "", right[:5]):
        assert not city.pipeline.confirm_mail(proof, typed)
    assert city.count("mail_confirmations", "wrong_tries = 4") == 1
    assert not city.pipeline.confirm_mail(proof, wrong)
    assert not city.pipeline.confirm_mail(proof, right)
    assert (city.count("mail_addresses"), city.count("mail_confirmations")) == (0, 0)
    assert logged(city, "mail_address.not_confirmed") == ["wrong_code"]
    city.check_log()


def test_four_wrong_tries_and_the_right_one_confirm(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    for _ in range(4):
        assert not city.pipeline.confirm_mail(proof, "x")
    assert city.pipeline.confirm_mail(proof, city.mail_code(proof))


def test_a_code_is_used_up_by_its_use(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    right = city.mail_code(proof)
    assert city.pipeline.confirm_mail(proof, right)
    assert not city.pipeline.confirm_mail(proof, right)
    assert logged(city, "mail_address.confirmed") == ["confirmed"]


def test_a_code_is_of_no_use_to_anybody_else(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    stranger = city.settles(somebody("Ben"))
    assert not city.pipeline.confirm_mail(stranger, city.mail_code(proof))
    assert city.count("mail_confirmations", "wrong_tries = 0") == 1, "nor costs it her a try"


def test_of_two_addresses_the_one_typed_last_counts(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    city.tick()
    first = code_of(post)
    city.gives_mail(proof, NEW)
    assert not city.pipeline.confirm_mail(proof, first)
    city.tick()
    assert mails(post) == [(OLD, "code"), (NEW, "code")]
    assert city.pipeline.confirm_mail(proof, code_of(post))
    city.tick()
    assert (city.count("mail_addresses"), told(city)) == (1, 1)


def test_an_address_replaced_before_its_mail_left_gets_none(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    city.gives_mail(proof, NEW)
    city.tick()
    assert mails(post) == [(NEW, "code")]


def test_a_replaced_address_whose_mail_was_put_off_gets_none(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    post.answers[OLD] = "450 4.2.1 later"
    city.gives_mail(proof, OLD)
    city.tick()
    del post.answers[OLD]
    city.gives_mail(proof, NEW)
    city.wait(hours=2)
    assert mails(post) == [(NEW, "code")]


def test_an_address_that_the_relay_refuses_is_told_on_the_page_and_tried_anew_when_typed_anew(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.confirms_mail(proof, OLD)
    post.answers[NEW] = "550 5.1.1 nobody here"
    city.gives_mail(proof, NEW)
    city.tick()
    reachable = city.pipeline.reachable(proof)
    assert (reachable.waiting_refused, reachable.refused, reachable.mail_since) == (True, False, city.now)
    del post.answers[NEW]
    city.gives_mail(proof, NEW)
    city.tick()
    assert not city.pipeline.reachable(proof).waiting_refused
    assert city.pipeline.confirm_mail(proof, code_of(post))
    assert city.count("tasks") == 0


@pytest.mark.parametrize("confirmed_meanwhile", [False, True])
def test_a_report_that_the_code_came_back_is_about_the_new_address_alone(
    city: World, post: Post, canary: tuple[Somebody, SessionProof], *, confirmed_meanwhile: bool
) -> None:
    _, proof = canary
    city.confirms_mail(proof, OLD)
    city.gives_mail(proof, NEW)
    city.tick()
    if confirmed_meanwhile:
        city.pipeline.confirm_mail(proof, code_of(post))
    assert city.pipeline.bounced(deliveries(city)[-1], Fate.HARD)
    reachable = city.pipeline.reachable(proof)
    assert (reachable.waiting_refused, reachable.refused) == (not confirmed_meanwhile, confirmed_meanwhile)
    city.check_log()


def test_a_report_about_the_word_to_the_former_address_is_not_about_the_new_one(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.confirms_mail(proof, OLD)
    city.confirms_mail(proof, NEW)
    city.tick()
    assert city.pipeline.bounced(deliveries(city, "address")[0], Fate.HARD)
    assert not city.pipeline.reachable(proof).refused


def test_without_the_consent_that_was_withdrawn_meanwhile_no_mail_goes_and_no_code_counts(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    right = city.mail_code(proof)
    city.pipeline.withdraw(proof, lebenslage="", activity="erreichbarkeit/propose/MAIL")
    city.tick()
    assert (mails(post), city.pipeline.confirm_mail(proof, right)) == ([], False)
    city.check_log()


def test_the_gate_refuses_the_mail_where_the_consent_is_gone_and_the_row_is_not(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    right = city.mail_code(proof)
    city.value("UPDATE consent_heads SET state = 'withdrawn' WHERE activity LIKE 'erreichbarkeit/%' RETURNING 1")
    city.tick()
    assert (mails(post), city.pipeline.confirm_mail(proof, right)) == ([], False)
    assert logged(city, "mail.not_written") == ["no_consent"]


def test_removing_works_at_once_for_the_one_in_use_and_the_one_that_waits(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.confirms_mail(proof, OLD)
    city.gives_mail(proof, NEW)
    right = city.mail_code(proof)
    city.pipeline.remove_mail(proof)
    city.announce(a_birth(person))
    city.tick()
    assert (mails(post), city.pipeline.confirm_mail(proof, right)) == ([], False)
    assert (len(city.letters_to(person)), told(city)) == (1, 2), "given, and removed"
    city.check_log()


def test_to_the_dead_no_code_goes_and_no_letter_about_an_address(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    person, proof = canary
    city.confirms_mail(proof, OLD)
    city.gives_mail(proof, NEW)
    right = city.mail_code(proof)
    city.announce(a_death(person.kennung))
    city.tick()
    assert (mails(post), told(city)) == ([], 0)
    with pytest.raises(NotProven):
        city.pipeline.confirm_mail(proof, right)
    city.check_log()


@pytest.mark.parametrize("art", ["51", "52"])
def test_under_protection_no_code_goes(
    city: World, post: Post, canary: tuple[Somebody, SessionProof], art: str
) -> None:
    person, proof = canary
    city.gives_mail(proof, OLD)
    right = city.mail_code(proof)
    city.announce(a_protection(person.kennung, art))
    city.tick()
    assert mails(post) == []
    with pytest.raises(NotProven):
        city.pipeline.confirm_mail(proof, right)


def test_whoever_hides_gives_no_address_whatever_she_proves(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    person, proof = canary
    city.announce(a_protection(person.kennung, "51"))
    with pytest.raises(NotAllowed):
        city.gives_mail(replace(proof, trust=Trust.V3), OLD)
    assert city.count("mail_confirmations") == 0


def test_one_person_causes_at_most_five_such_mails_a_day(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    for number in range(5):
        city.gives_mail(proof, f"nobody.{number}@post.example")
        city.gives_mail(proof, f"somebody.{number}@post.example")
        city.tick()
    with pytest.raises(TooMany) as refused:
        city.gives_mail(proof, OLD)
    assert 0 < refused.value.retry_after_seconds <= 24 * 3600
    city.pipeline.remove_mail(proof)
    with pytest.raises(TooMany):
        city.gives_mail(proof, OLD)
    assert len(post.taken) == 5
    city.now = city.now.replace(day=15, minute=1)
    city.gives_mail(proof, OLD)


def test_no_more_mails_said_to_a_code_ends_what_waits_and_not_what_is_used(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.confirms_mail(proof, OLD)
    city.gives_mail(proof, NEW)
    city.tick()
    (delivery,) = deliveries(city)
    city.pipeline.stop_mails(SENDER.ids.leave_token(str(delivery)))
    assert (city.count("mail_addresses"), city.count("mail_confirmations")) == (1, 0)
    assert logged(city, "mail_address.stopped") == ["stopped"]
    city.tick()
    assert told(city) == 1, "of the one that is used"


def test_no_more_mails_said_to_a_code_that_came_back_ends_the_address(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, NEW)
    city.tick()
    city.pipeline.confirm_mail(proof, code_of(post))
    city.pipeline.stop_mails(SENDER.ids.leave_token(str(deliveries(city)[0])))
    city.tick()
    assert (city.count("mail_addresses"), told(city)) == (0, 2)


def test_where_the_house_may_not_write_the_mail_a_clerk_is_told_and_it_goes_once_it_may(
    city: World, post: Post, canary: tuple[Somebody, SessionProof]
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    retire(city, "true")
    city.tick()
    assert mails(post) == []
    assert [task["what"] for task in city.pipeline.tasks()] == ["mail_confirmation.house_refused"]
    retire(city, "false")
    city.wait(hours=1, minutes=1)
    assert mails(post) == [(OLD, "code")]


def retire(world: World, retired: str) -> None:
    run(
        world.urls["owner"],
        f"UPDATE consent_activities SET retired = {retired} WHERE name = 'erreichbarkeit/propose/MAIL'",
    )


# at the same moment ---------------------------------------------------------------------------------------------------


@contextmanager
def removing_meanwhile(world: World, proof: SessionProof) -> Iterator[None]:
    """Confirm, and before that is committed let the person remove the address at another browser."""
    right = world.mail_code(proof)
    removing = threading.Thread(target=world.pipeline.remove_mail, args=(proof,))
    with world.database.transaction() as session:
        assert channels.confirm_mail(session, world.pipeline.house, proof, right, world.now)
        removing.start()
        until = time.monotonic() + PATIENCE
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not world.value(waiting):
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.01)
    removing.join(PATIENCE)
    yield


def test_whoever_removes_while_they_confirm_has_no_address(city: World, canary: tuple[Somebody, SessionProof]) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    with removing_meanwhile(city, proof):
        assert (city.count("mail_addresses"), city.count("mail_confirmations")) == (0, 0)
    city.check_log()


def test_control_without_the_persons_lock_an_address_is_left_that_nobody_consents_to(
    city: World, canary: tuple[Somebody, SessionProof], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, proof = canary
    city.gives_mail(proof, OLD)
    monkeypatch.setattr(channels, "hold_subjects", read_subjects)
    with removing_meanwhile(city, proof):
        assert city.count("mail_addresses") == 1
