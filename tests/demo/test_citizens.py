"""Robots do with their letters what their conduct says, and notice when a door does not open."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from proaktiv.demo.citizens import Deed, Letter, Letterbox, Robot
from proaktiv.demo.people import Anschrift, Citizen, Conduct, Resident, Stance
from proaktiv.demo.talking import CityError
from tests.demo.speaking import FarSide

MIA = Resident("MR-1", "Mia", "Musterkind", date(1990, 2, 3), Anschrift("Erfundene Gasse 3", "00007"))
LETTER = Letter("l-1", MIA.name, "0000-0000-0000-0")
SHOWN = "ab" * 32


def a_surface(
    *,
    purpose: str = "bundle",
    proposals: int = 2,
    status: int = 200,
    activities: Sequence[str] = ("geburt/watch", "umzug/watch"),
) -> Callable[..., httpx.Response]:
    def answer(method: str, path: str, how: dict[str, Any]) -> httpx.Response:
        if path == "/sitzung":
            right = how["json"]["geburtsdatum"] == "1990-02-03"
            body = {"purpose": purpose, "trust": 1, "csrf": "c-1"}
            return httpx.Response(200, json=body) if right else httpx.Response(401, json={})
        if path == "/uebersicht":
            listed = [{"id": f"p-{n}", "leistung": "X", "state": "open"} for n in range(proposals)]
            auftraege = [{"id": "a-1", "reference": "A-1", "state": "acknowledged"}]
            return httpx.Response(200, json={"bundles": [{"proposals": listed, "auftraege": auftraege}]})
        if path == "/einwilligungen" and method == "GET":
            return httpx.Response(200, json={"activities": [{"name": name, "notice": SHOWN} for name in activities]})
        if path.startswith("/kanaele"):
            confirmed = how.get("json", {}).get("code") == "123 456"
            return httpx.Response(200, json={"notice": SHOWN, "confirmed": confirmed})
        if method == "GET":
            return httpx.Response(200, json={"shown": SHOWN, "state": "acknowledged"})
        return httpx.Response(status, json={"auftrag": "a-1", "reference": "A-1"})

    return answer


def a_robot(conduct: Conduct, far: FarSide, stance: Stance = Stance.CONSENTS) -> Robot:
    return Robot(Citizen(MIA, "geburt", stance, conduct, letter=True), lambda: far)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("conduct", "paths", "deeds"),
    [
        (Conduct.CONFIRMS, ["/vorschlag/p-0/ja", "/vorschlag/p-1/ja"], {Deed.YES: 2}),
        (Conduct.PICKS, ["/vorschlag/p-0/ja", "/vorschlag/p-1/nein"], {Deed.YES: 1, Deed.NO: 1}),
        (Conduct.DECLINES, ["/vorschlag/p-0/nein", "/vorschlag/p-1/nein"], {Deed.NO: 2}),
        (Conduct.POSTPONES, ["/vorschlag/p-0/spaeter", "/vorschlag/p-1/spaeter"], {Deed.LATER: 2}),
        (Conduct.WITHDRAWS, ["/einwilligungen/widerruf"], {Deed.CONSENTS_WITHDRAWN: 1}),
        (
            Conduct.REPENTS,
            ["/vorschlag/p-0/ja", "/auftrag/a-1/widerruf", "/vorschlag/p-1/ja", "/auftrag/a-1/widerruf"],
            {Deed.YES: 2, Deed.AUFTRAG_WITHDRAWN: 2},
        ),
    ],
)
def test_a_citizen_does_what_their_conduct_says(conduct: Conduct, paths: list[str], deeds: dict[Deed, int]) -> None:
    far = FarSide(a_surface())
    robot = a_robot(conduct, far)
    robot.decide(LETTER)
    assert far.paths() == ["/sitzung", *paths]
    assert robot.deeds == deeds
    assert all(how["headers"] == {"X-CSRF": "c-1"} for _, path, how in far.asked if path in paths)


@pytest.mark.parametrize(("mail", "given"), [("mr-1@postfach.musterstadt.example", True), ("", False)])
def test_whoever_has_an_address_gives_it_and_consents_to_mail(mail: str, given: bool) -> None:
    far = FarSide(a_surface(purpose="activation", activities=("geburt/watch", "geburt/propose/MAIL")))
    robot = a_robot(Conduct.CONFIRMS, far)
    robot.citizen = replace(robot.citizen, mail=mail)
    robot.activate(LETTER)
    said = {path: how["json"] for method, path, how in far.asked if method == "POST"}
    decided = {each["activity"]: each["decision"] for each in said["/einwilligungen"]["decisions"]}
    assert decided == {"geburt/watch": "give", "geburt/propose/MAIL": "give" if given else "refuse"}
    assert said.get("/kanaele/mail") == ({"address": mail, "notice": SHOWN} if given else None)


def test_whoever_gave_an_address_types_its_code_in_the_same_session() -> None:
    far = FarSide(a_surface(purpose="activation"))
    robot = a_robot(Conduct.CONFIRMS, far)
    robot.citizen = replace(robot.citizen, mail="mr-1@postfach.musterstadt.example")
    robot.activate(LETTER)
    robot.confirm_mail("123 456")
    assert (far.carried, robot.deeds) == ([{"session": "s-1"}], {Deed.MAIL_CONFIRMED: 1})
    assert far.asked[-1][2]["headers"] == {"X-CSRF": "c-1"}


def test_a_code_that_confirms_nothing_ends_the_run() -> None:
    robot = a_robot(Conduct.CONFIRMS, FarSide(a_surface(purpose="activation")))
    with pytest.raises(CityError, match="gave no address"):
        robot.confirm_mail("123 456")
    robot.citizen = replace(robot.citizen, mail="mr-1@postfach.musterstadt.example")
    robot.activate(LETTER)
    with pytest.raises(CityError, match="confirmed nothing"):
        robot.confirm_mail("000 000")


def test_a_silent_citizen_does_not_even_open_the_page() -> None:
    far = FarSide(a_surface())
    a_robot(Conduct.STAYS_SILENT, far).decide(LETTER)
    assert far.asked == []


def test_a_citizen_who_comes_too_late_finds_nothing_open() -> None:
    robot = a_robot(Conduct.COMES_TOO_LATE, FarSide(a_surface(proposals=0)))
    robot.decide(LETTER)
    assert robot.deeds == {Deed.NO_LONGER_OPEN: 1}


def test_a_yes_that_comes_second_is_no_yes() -> None:
    robot = a_robot(Conduct.REPENTS, FarSide(a_surface(status=409)))
    robot.decide(LETTER)
    assert robot.deeds == {Deed.NO_LONGER_OPEN: 2}


def test_any_other_refusal_ends_the_run() -> None:
    with pytest.raises(CityError, match="/vorschlag/p-0/ja: 500"):
        a_robot(Conduct.CONFIRMS, FarSide(a_surface(status=500))).decide(LETTER)


def test_a_letter_that_opens_something_else_ends_the_run() -> None:
    with pytest.raises(CityError, match="opened activation, not bundle"):
        a_robot(Conduct.CONFIRMS, FarSide(a_surface(purpose="activation"))).decide(LETTER)


def test_a_citizen_gives_what_belongs_to_the_own_lebenslage_and_refuses_the_rest() -> None:
    far = FarSide(a_surface(purpose="activation"))
    a_robot(Conduct.CONFIRMS, far).activate(LETTER)
    decisions = far.asked[-1][2]["json"]["decisions"]
    assert [decision["decision"] for decision in decisions] == ["give", "refuse"]


def test_a_citizen_who_wants_none_of_it_refuses_everything() -> None:
    far = FarSide(a_surface(purpose="activation"))
    a_robot(Conduct.CONFIRMS, far, Stance.REFUSES).activate(LETTER)
    decisions = far.asked[-1][2]["json"]["decisions"]
    assert {decision["decision"] for decision in decisions} == {"refuse"}


def test_a_wrong_birth_date_must_open_nothing() -> None:
    far = FarSide(a_surface(purpose="activation"))
    a_robot(Conduct.CONFIRMS, far).activate(LETTER, with_a_slip=True)
    assert far.paths()[:2] == ["/sitzung", "/sitzung"]


def test_a_door_that_opens_to_a_wrong_birth_date_ends_the_run() -> None:
    def careless(_method: str, _path: str, _how: dict[str, Any]) -> httpx.Response:
        return httpx.Response(200, json={})

    with pytest.raises(CityError, match="wrong birth date was answered 200"):
        a_robot(Conduct.CONFIRMS, FarSide(careless)).activate(LETTER, with_a_slip=True)


def test_a_citizen_who_said_yes_comes_back_and_sees_the_receipt() -> None:
    far = FarSide(a_surface())
    robot = a_robot(Conduct.CONFIRMS, far)
    robot.look_again()
    assert far.asked == []
    robot.decide(LETTER)
    robot.look_again()
    assert robot.deeds[Deed.RECEIPT_SEEN] == 1


def a_letter(folder: Path, wire_id: str, name: str, code: str = "ABCD-EFGH-JKMN-P") -> None:
    lines = [name, "Erfundene Gasse 3", "00007 Musterstadt", "", "Stadt Musterstadt", f"Ihr Code: {code}", ""]
    (folder / f"{wire_id}.txt").write_text("\n".join(lines), encoding="utf-8")


def test_a_letter_is_found_by_the_name_in_its_address_field_and_opened_once(tmp_path: Path) -> None:
    a_letter(tmp_path, "l-2", MIA.name)
    a_letter(tmp_path, "l-1", MIA.name)
    a_letter(tmp_path, "l-3", "Mia Musterkind-Probst")
    box = Letterbox(tmp_path)
    assert [letter.wire_id for letter in box.take(MIA)] == ["l-1", "l-2"]
    assert box.take(MIA) == []
    a_letter(tmp_path, "l-4", MIA.name, "0000-0000-0000-0")
    assert [letter.code for letter in box.take(MIA)] == ["0000-0000-0000-0"]
    assert box.count() == 4
    assert [letter.wire_id for letter in box.unopened()] == ["l-3"]


def test_a_letter_without_a_code_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "l-1.txt").write_text("Mia Musterkind\n", encoding="utf-8")
    with pytest.raises(CityError, match="l-1 carries no code"):
        Letterbox(tmp_path).take(MIA)
