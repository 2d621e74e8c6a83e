"""Is this message ours, and no more mails: pages that know nobody, tell nothing of anybody and keep nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import event as listening
from sqlalchemy import text

from notifiers.mail import MailChannel, Sender
from notifiers.smtp import Relay, Tls
from proaktiv.core import codes
from proaktiv.core.rates import Rate
from proaktiv.database import Database
from proaktiv.flowlog.checkpoints import sign_note
from proaktiv.steps import genuine
from proaktiv.web.pages.site import make_site
from proaktiv.web.pages.view import Look
from tests.builders import a_birth, somebody
from tests.notifiers.servers import Post, real_server
from tests.web.conftest import ask, everything_stored
from tests.world import ORIGIN, World

ADDRESS = "anna.kanarie@post.example"
FORM = {"content-type": "application/x-www-form-urlencoded"}
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
KNOWN = "Ja, diese Nachricht ist von uns"
UNKNOWN = "Dieses Zeichen kennen wir nicht"


@pytest.fixture
def post() -> Iterator[Post]:
    with real_server(Post()) as running:
        yield running


@pytest.fixture
def site(world: World, post: Post) -> FastAPI:
    """The site of a city whose Anna got a letter and a mail today."""
    sender = Sender("Stadt Musterstadt", "post@musterstadt.example", "https://musterstadt.example/b", world.seed)
    mail = MailChannel(Relay("127.0.0.1", post.port, Tls.NONE, "proaktiv.example"), sender)
    ways = {**world.pipeline.channels, "MAIL": mail}
    world.pipeline = replace(world.pipeline, channels=ways, mail_page=sender.page, mail_ids=sender.ids)
    anna = somebody("Anna")
    proof = world.settles(anna)
    world.consents(proof)
    world.confirms_mail(proof, ADDRESS)
    world.announce(a_birth(anna))
    world.tick()
    return make_site(world.pipeline, Look("Stadt Musterstadt"), secure_cookies=False)


def posts(app: FastAPI, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
    (answer,) = ask(app, ("POST", path), content=urlencode(fields), headers=FORM | headers)
    return answer


@contextmanager
def asked(world: World) -> Iterator[list[str]]:
    """What the database is asked meanwhile."""
    found: list[str] = []

    def hear(*said: Any) -> None:
        found.append(said[2])

    listening.listen(world.database._engine, "before_cursor_execute", hear)
    yield found
    listening.remove(world.database._engine, "before_cursor_execute", hear)


def deliveries(world: World, channel: str) -> list[UUID]:
    found: Any = world.value(
        "SELECT array_agg(id ORDER BY made_at, id) FROM deliveries WHERE channel = :channel", channel=channel
    )
    return list(found or [])


def printed(world: World, delivery: UUID) -> str:
    return codes.reference(world.vault.mac("letter", delivery.bytes))


# ours or not ----------------------------------------------------------------------------------------------------------


def test_the_reference_of_a_letter_or_a_mail_is_known_with_its_day_and_its_way(world: World, site: FastAPI) -> None:
    for channel, said in (("LETTER", "ging ein Brief"), ("MAIL", "ging eine E-Mail")):
        reference = printed(world, deliveries(world, channel)[-1])
        for typed in (reference, f" {reference.lower().replace('-', ' ')} "):
            answer = posts(site, "/echt", {"zeichen": typed})
            assert (answer.status_code, KNOWN in answer.text, said in answer.text) == (200, True, True)
            assert "14.10.2026" in answer.text
            assert "geburt" not in answer.text.lower()
            assert "Anna" not in answer.text


def test_what_people_read_is_what_is_asked_for(world: World, site: FastAPI, post: Post) -> None:
    letter = max(world.letters.glob("*.txt"), key=lambda path: path.stat().st_mtime_ns).read_text()
    assert any(f"Unser Zeichen: {printed(world, each)}" in letter for each in deliveries(world, "LETTER"))
    (mail,) = deliveries(world, "MAIL")
    assert printed(world, mail).encode() in bytes(post.taken[0].content or b"")


@pytest.mark.parametrize("typed", ["ZZZZ-ZZZZ", "x", "ÄÖÜ", "'; --", "0" * 40])
def test_any_other_reference_is_not_known(site: FastAPI, typed: str) -> None:
    answer = posts(site, "/echt", {"zeichen": typed})
    assert (answer.status_code, UNKNOWN in answer.text, KNOWN in answer.text) == (200, True, False)


def test_what_has_not_left_is_not_known(world: World, site: FastAPI) -> None:
    (mail,) = deliveries(world, "MAIL")
    assert KNOWN in posts(site, "/echt", {"zeichen": printed(world, mail)}).text
    world.value("UPDATE deliveries SET state = 'failed' WHERE id = :id RETURNING 1", id=mail)
    assert UNKNOWN in posts(site, "/echt", {"zeichen": printed(world, mail)}).text


def test_what_is_not_known_costs_the_same_queries_whatever_it_is(world: World, site: FastAPI) -> None:
    posts(site, "/echt", {"zeichen": "AAAA-AAAA"})
    queries = []
    for reference in ("ZZZZ-ZZZY", "ZZZZ-ZZZZ", "nonsense that is none"):
        with asked(world) as said:
            posts(site, "/echt", {"zeichen": reference})
        queries.append(said)
    assert queries[0] == queries[1] == queries[2]
    assert any("reference_hash" in query for query in queries[0])


def test_a_printed_reference_verifies_that_it_exists_since_when_and_whether_it_is_untouched(
    world: World, site: FastAPI
) -> None:
    letter = deliveries(world, "LETTER")[-1]
    reference = printed(world, letter)

    def said() -> tuple[bool | None, bool]:
        world.now += timedelta(seconds=1)  # so that the rate of questions is not what is met
        (answer,) = ask(site, ("POST", "/api/echt"), json={"zeichen": reference})
        told = answer.json()
        assert told.keys() == {"exists", "time", "intact"}, "and nothing else"
        assert (told["exists"], told["time"]) == (True, "2026-10-14T09:00+00:00")
        return told["intact"], "passt nicht zu seinem Siegel" in posts(site, "/echt", {"zeichen": reference}).text

    assert said() == (None, False), "nothing is signed over it yet"
    assert "wartet noch auf seine Unterschrift" in posts(site, "/echt", {"zeichen": reference}).text
    world.check_log()
    assert said() == (True, False)
    assert "ist unverändert" in posts(site, "/echt", {"zeichen": reference}).text
    world.now += timedelta(seconds=10)
    (unknown,) = ask(site, ("POST", "/api/echt"), json={"zeichen": "ZZZZ-ZZZZ"})
    assert unknown.json() == {"exists": False, "time": None, "intact": None}
    fid = world.value("SELECT flow_id FROM deliveries WHERE id = :id", id=letter)
    for harm in (
        "UPDATE flow_log SET receiver = 'somebody' WHERE fid = :fid",
        "UPDATE flow_log SET f_salt = f_bytes WHERE fid = :fid",
        "UPDATE tile SET data = overlay(data placing decode('00', 'hex') from 1) WHERE level = 0 AND :fid IS NOT NULL",
        "UPDATE checkpoint SET note = 'none' WHERE :fid IS NOT NULL",
    ):
        with harmed(world, harm, fid):
            assert said() == (False, True), harm
    assert said() == (True, False)


def test_a_checkpoint_that_somebody_else_signed_is_said_where_the_surface_knows_the_key(
    world: World, site: FastAPI
) -> None:
    world.check_log()
    reference = printed(world, deliveries(world, "LETTER")[-1])
    knowing = replace(world.pipeline, house=replace(world.pipeline.house, log_keys=world.signer.vkey))
    informed = make_site(knowing, Look("Stadt Musterstadt"), secure_cookies=False)

    def said(app: FastAPI) -> bool | None:
        world.now += timedelta(seconds=1)
        (answer,) = ask(app, ("POST", "/api/echt"), json={"zeichen": reference})
        return bool(answer.json()["intact"])

    assert (said(site), said(informed)) == (True, True)
    text_of = world.value("SELECT split_part(note, E'\\n\\n', 1) FROM checkpoint ORDER BY size DESC LIMIT 1")
    forged = sign_note(f"{text_of}\n", ORIGIN, Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    with harmed(world, f"UPDATE checkpoint SET note = '{forged}' WHERE :fid IS NOT NULL", UUID(int=0)):
        assert (said(site), said(informed)) == (True, False), "without a key nobody asks whose signature it is"
    assert said(informed)


RESTORED = {
    "flow_log": "UPDATE flow_log l SET receiver = k.receiver, f_salt = k.f_salt FROM kept k WHERE k.fid = l.fid",
    "tile": "UPDATE tile t SET data = k.data FROM kept k WHERE k.level = t.level AND k.n = t.n",
    "checkpoint": "UPDATE checkpoint c SET note = k.note FROM kept k WHERE k.size = c.size",
}


@contextmanager
def harmed(world: World, statement: str, fid: UUID) -> Iterator[None]:
    """The log as somebody left it who has the owner's rights; whole again afterwards."""
    table = statement.split()[1]
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        session.connection().execute(text(f"CREATE TABLE kept AS TABLE {table}"))
        session.connection().execute(text(statement), {"fid": fid})
    yield
    with owner.transaction() as session:
        session.connection().execute(text(RESTORED[table]))
        session.connection().execute(text("DROP TABLE kept"))
    owner.close()


def test_nothing_typed_is_said_and_kept(site: FastAPI) -> None:
    answer = posts(site, "/echt", {"zeichen": " "})
    assert (answer.status_code, "Fehler:" in answer.text) == (422, True)


def test_who_asks_too_fast_is_put_off(world: World, site: FastAPI) -> None:
    answers = [posts(site, "/echt", {"zeichen": "ZZZZ-ZZZZ"}).status_code for _ in range(8)]
    assert answers == [200] * 5 + [429] * 3
    assert Rate(5.0) == genuine.RATE


def test_another_site_cannot_ask(site: FastAPI) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
        assert posts(site, "/echt", {"zeichen": "ZZZZ-ZZZZ"}, **headers).status_code == 403


# no more mails --------------------------------------------------------------------------------------------------------


def leave_at(world: World) -> str:
    assert world.pipeline.mail_ids is not None
    return f"/keine-mails?n={world.pipeline.mail_ids.leave_token(str(deliveries(world, 'MAIL')[0]))}"


def consents_of(world: World) -> Any:
    return world.value("SELECT array_agg(h::text ORDER BY h::text) FROM consent_heads h")


def test_asking_for_the_page_stops_nothing(world: World, site: FastAPI, urls: dict[str, str]) -> None:
    before = everything_stored(urls)
    for method in ("GET", "HEAD", "OPTIONS"):
        ask(site, *[(method, leave_at(world))] * 20)
    assert everything_stored(urls) == before


def test_one_click_stops_mails_and_nothing_else(world: World, site: FastAPI) -> None:
    before = consents_of(world)
    answer = posts(site, leave_at(world), ONE_CLICK)  # a provider's server: no cookie, no Origin
    assert (answer.status_code, "Sie bekommen keine E-Mails mehr" in answer.text) == (200, True)
    assert world.count("mail_addresses") == 0
    assert (consents_of(world), world.count("tasks")) == (before, 0)
    stopped = "SELECT count(*) FROM flow_log WHERE convert_from(f_bytes, 'UTF8')::jsonb ->> 'action' = :action"
    assert world.value(stopped, action="mail_address.stopped") == 1
    assert posts(site, leave_at(world), ONE_CLICK).text == answer.text, "again is no error"
    assert world.value(stopped, action="mail_address.stopped") == 1
    world.check_log()


def test_after_it_the_letters_still_come(world: World, site: FastAPI, post: Post) -> None:
    posts(site, leave_at(world), ONE_CLICK)
    letters, mails = len(list(world.letters.iterdir())), len(post.taken)
    world.value("UPDATE bundles SET due_at = :now WHERE state = 'open' RETURNING 1", now=world.now)
    world.tick()
    assert len(list(world.letters.iterdir())) > letters
    assert len(post.taken) == mails


def test_an_id_that_was_made_up_stops_nothing_and_is_answered_the_same(world: World, site: FastAPI) -> None:
    true = leave_at(world)
    for forged in (true[:-1] + ("0" if true[-1] != "0" else "1"), "/keine-mails?n=x", "/keine-mails"):
        answer = posts(site, forged, ONE_CLICK)
        assert (answer.status_code, "Sie bekommen keine E-Mails mehr" in answer.text) == (200, True)
    assert world.count("mail_addresses") == 1


def test_an_address_given_since_stays(world: World, site: FastAPI) -> None:
    world.now = world.now.replace(hour=15)
    (person,) = {world.value("SELECT person FROM mail_addresses")}
    world.value("UPDATE mail_addresses SET given_at = :now WHERE person = :p RETURNING 1", now=world.now, p=person)
    posts(site, leave_at(world), ONE_CLICK)
    assert world.count("mail_addresses") == 1


@pytest.mark.parametrize("fields", [{}, {"List-Unsubscribe": "Maybe"}, {"n": "x"}])
def test_without_the_words_of_the_standard_nothing_stops(world: World, site: FastAPI, fields: dict[str, str]) -> None:
    assert posts(site, leave_at(world), fields).status_code == 422
    assert world.count("mail_addresses") == 1


def test_the_button_of_the_page_says_the_words(world: World, site: FastAPI) -> None:
    (page,) = ask(site, ("GET", leave_at(world)))
    assert 'name="List-Unsubscribe" value="One-Click"' in page.text
    assert f'action="{leave_at(world)}"' in page.text
    assert date(2026, 10, 14) == world.now.date()
