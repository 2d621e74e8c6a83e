"""A canary person goes the whole way with mail: nothing of her stands in the mail, a log line or a row unsealed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from structlog.testing import capture_logs

from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from tests.builders import Somebody, a_birth, somebody
from tests.notifiers.servers import Post, real_server
from tests.web.conftest import everything_stored
from tests.world import World, code_in

PAGE = "https://musterstadt.example/b"
ADDRESS = "kanarie.gelb@post.example"


@pytest.fixture
def post() -> Iterator[Post]:
    with real_server(Post()) as running:
        yield running


def with_mail(world: World, post: Post) -> World:
    sender = Sender("Stadt Musterstadt", "post@musterstadt.example", PAGE, b"k" * 32, "bounce.musterstadt.example")
    mail = MailChannel(Relay("127.0.0.1", post.port, Tls.NONE, "proaktiv.example"), sender)
    world.pipeline = replace(world.pipeline, channels={**world.pipeline.channels, "MAIL": mail}, mail_page=PAGE)
    return world


def a_canary(world: World, *lebenslagen: str) -> Somebody:
    canary = somebody("Kanaria", vornamen="Kanaria", familienname="Kanarienvogel-Gelb", strasse="Käfigweg 77")
    proof = world.settles(canary)
    world.consents(proof, *lebenslagen)
    world.confirms_mail(proof, ADDRESS)
    return canary


def markers(world: World, canary: Somebody) -> list[str]:
    codes = [code_in(letter) for letter in world.letters_to(canary)]
    return [
        *("kanaria", "kanarienvogel", "käfigweg", canary.kennung, canary.geburtsdatum, canary.plz),
        *("geburt", "urkunde", "kita", "elterngeld", "standesamt", *codes),
    ]


def test_a_canary_gets_one_mail_that_tells_nothing_of_her(world: World, post: Post, urls: dict[str, str]) -> None:
    with_mail(world, post)
    canary = a_canary(world)
    with capture_logs() as lines:
        world.announce(a_birth(canary))
        world.tick()
    (letter,) = world.letters_to(canary)
    (envelope,) = post.taken
    assert envelope.rcpt_tos == [ADDRESS]
    raw = bytes(envelope.content or b"").replace(f"To: {ADDRESS}".encode(), b"X-To: -")
    message = message_from_bytes(raw, policy=policy.SMTP)
    shown = [str(part.get_content()) for part in message.walk() if not part.is_multipart()]  # type: ignore[attr-defined]
    everything = "\n".join([raw.decode(), str(message.items()), *shown, str(envelope.mail_from)]).casefold()
    for marker in markers(world, canary):
        assert marker.casefold() not in everything, marker
        assert marker.casefold() not in str(lines).casefold(), marker
    assert "kanarie" not in str(lines)
    for table, rows in everything_stored(urls).items():
        assert "kanarie" not in str(rows), table
    assert code_in(letter) not in everything
    assert set(re.findall(r"https?://[^\s\"'<>]+", "\n".join(shown))) == {PAGE}
    world.check_log()


def test_whoever_withdraws_the_consent_to_mail_goes_on_getting_letters(world: World, post: Post) -> None:
    with_mail(world, post)
    canary = a_canary(world)
    world.announce(a_birth(canary))
    world.tick()
    session = world.opens_letter(canary)
    offered = world.proposals(session)
    assert world.pipeline.withdraw(session, lebenslage="", activity="geburt/propose/MAIL") == ("geburt/propose/MAIL",)
    assert world.proposals(session).keys() == offered.keys() != set(), "what was offered stands"
    world.announce(a_birth(canary))
    world.tick()
    assert (len(world.letters_to(canary)), len(post.taken)) == (2, 1)
    world.check_log()


def test_a_mail_that_goes_nowhere_holds_no_letter_up(world: World, post: Post) -> None:
    with_mail(world, post)
    post.answers[ADDRESS] = "550 5.1.1 nobody here"
    canary = a_canary(world)
    world.announce(a_birth(canary))
    world.tick()
    assert (len(world.letters_to(canary)), post.taken, world.count("suppressions")) == (1, [], 1)
    assert world.count("tasks") == 0
    world.check_log()
