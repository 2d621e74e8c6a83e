"""The city's Behörden notice what comes twice, and acknowledge each arrival once, signed."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from joserfc import jws

from proaktiv.demo.behoerde import Arrivals, Auftrag, Clerks, Letter, make_behoerde, signed
from proaktiv.demo.keys import ALGORITHM, signing_key
from tests.demo.speaking import Answers, FarSide, in_turn

BEHOERDE = "steueramt-musterstadt"
KEY = signing_key(bytes(range(32)), BEHOERDE)


def an_auftrag(wire_id: str = "w-1", reference: str = "A-1", wert: str = "ja") -> Auftrag:
    return Auftrag(
        wire_id=wire_id,
        reference=reference,
        leistung="HUNDESTEUER",
        confirmed_at="2026-10-14T09:00:00+00:00",
        trust=1,
        sperrvermerk=False,
        felder=[{"ziel": "hund", "wert": wert, "quelle": "STEUERAMT", "stand": "2026-10-01"}],
    )


def test_a_first_arrival_is_new_and_a_repeat_is_not() -> None:
    arrivals = Arrivals()
    assert arrivals.take(BEHOERDE, an_auftrag()) is True
    assert arrivals.take(BEHOERDE, an_auftrag()) is False
    assert arrivals.report() == {
        "arrivals": 1,
        "repeats": 1,
        "second_arrivals": 0,
        "acknowledged": 0,
        "refused": 0,
    }


def test_other_content_under_the_same_wire_id_is_a_second_arrival() -> None:
    arrivals = Arrivals()
    arrivals.take(BEHOERDE, an_auftrag())
    with pytest.raises(ValueError, match="other content"):
        arrivals.take(BEHOERDE, an_auftrag(wert="nein"))
    assert arrivals.report()["second_arrivals"] == 1


def test_the_same_auftrag_under_another_wire_id_is_a_second_arrival() -> None:
    arrivals = Arrivals()
    arrivals.take(BEHOERDE, an_auftrag())
    arrivals.take(BEHOERDE, an_auftrag(wire_id="w-2"))
    assert arrivals.report()["second_arrivals"] == 1


def test_two_auftraege_are_two_arrivals_and_no_second_one() -> None:
    arrivals = Arrivals()
    arrivals.take(BEHOERDE, an_auftrag())
    arrivals.take(BEHOERDE, an_auftrag(wire_id="w-2", reference="A-2"))
    assert arrivals.report()["arrivals"] == 2
    assert arrivals.report()["second_arrivals"] == 0


def test_an_acknowledgement_is_signed_by_its_behoerde() -> None:
    opened = jws.deserialize_compact(signed(Letter(BEHOERDE, "w-1"), KEY, 1_760_000_000), KEY, algorithms=[ALGORITHM])
    said = json.loads(opened.payload)
    assert opened.headers()["kid"] == said["behoerde"] == BEHOERDE
    assert (said["wire_id"], said["status"], said["iat"]) == ("w-1", "acknowledged", 1_760_000_000)


def at_work(answers: Answers, letters: int = 1) -> tuple[Arrivals, FarSide]:
    arrivals, far = Arrivals(), FarSide(answers)
    clerks = Clerks(arrivals, {BEHOERDE: KEY}, "http://intake", lambda _intake: far)  # type: ignore[arg-type,return-value]
    clerks.start()
    for number in range(letters):
        clerks.acknowledge(Letter(BEHOERDE, f"w-{number}"))
    clerks.stop()
    return arrivals, far


def test_each_arrival_is_acknowledged_once() -> None:
    arrivals, far = at_work(in_turn(202), letters=3)
    assert arrivals.report()["acknowledged"] == 3
    assert far.paths() == ["/acknowledgements"] * 3


def test_an_intake_that_is_away_for_a_moment_gets_the_same_acknowledgement_again() -> None:
    arrivals, far = at_work(in_turn(500, 202))
    assert arrivals.report()["acknowledged"] == 1
    first, second = (how["content"] for _, _, how in far.asked)
    assert first == second


def test_an_acknowledgement_that_the_intake_refuses_is_not_sent_again() -> None:
    arrivals, far = at_work(in_turn(403))
    assert arrivals.report()["refused"] == 1
    assert len(far.asked) == 1


def hand_over(*posts: tuple[str, dict[str, Any], str]) -> list[int]:
    async def talk() -> list[int]:
        arrivals = Arrivals()
        clerks = Clerks(arrivals, {BEHOERDE: KEY}, "http://intake")  # not started: what is put there stays there
        transport = httpx.ASGITransport(make_behoerde(arrivals, clerks, frozenset({BEHOERDE})))
        async with httpx.AsyncClient(transport=transport, base_url="http://city") as client:
            answers = [
                await client.post(f"/{behoerde}/auftraege", json=body, headers={"Idempotency-Key": key})
                for behoerde, body, key in posts
            ]
            return [answer.status_code for answer in answers]

    return asyncio.run(talk())


def test_a_repeat_is_answered_200_and_other_content_409() -> None:
    body = an_auftrag().model_dump()
    assert hand_over(
        (BEHOERDE, body, "w-1"),
        (BEHOERDE, body, "w-1"),
        (BEHOERDE, an_auftrag(wert="nein").model_dump(), "w-1"),
    ) == [202, 200, 409]


def test_an_unknown_behoerde_or_a_foreign_key_takes_nothing() -> None:
    body = an_auftrag().model_dump()
    assert hand_over(("finanzamt", body, "w-1"), (BEHOERDE, body, "w-2")) == [404, 422]
