"""What a DSB who has never seen this reads: the few entries that matter, downloads told apart, words before codes."""

import fnmatch
import re
from datetime import timedelta
from itertools import pairwise

import pytest

from proaktiv.core import citations
from proaktiv.core.calendar import BERLIN
from proaktiv.core.citations import cited
from proaktiv.core.flows import Flow, Kind
from proaktiv.flowlog.exports import packing
from proaktiv.flowlog.sequencer import integrate
from proaktiv.keys.waiting import COMPANY
from proaktiv.steps.oversight import Wanted
from proaktiv.web.pages import log_words
from proaktiv.web.pages.language import catalogue
from proaktiv.web.staff import exports
from proaktiv.web.staff.holds import REVIEW_PAST
from proaktiv.web.staff.wishing import NOT_WHOLE
from tests.builders import a_birth, somebody
from tests.office.conftest import Office

WHY = "Beschwerde vom 14. Oktober, Aktenzeichen 7"
NO_BREAK = "\u00a0"


def cells(page: str, column: str) -> list[str]:
    return [re.sub("<[^>]+>", "", cell) for cell in re.findall(rf'<td[^>]*data-label="{column}">(.*?)</td>', page)]


# exports --------------------------------------------------------------------------------------------------------------


def downloads(office: Office) -> list[str]:
    """The file names of the exports, the newest first, as a browser keeps them."""
    desk = office.desk("d.schutz")
    links = re.findall(r'href="(/dsb/exports/[^"]+)"', desk.get("/auszuege").text)
    names = [desk.get(link).headers["content-disposition"] for link in links]
    return [name.partition('filename="')[2].rstrip('"') for name in names]


def test_two_exports_of_one_day_are_told_apart_by_their_names_in_german_time(sent: Office) -> None:
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    made = []
    for later in (timedelta(), timedelta(seconds=1)):
        sent.world.now += later
        assert desk.post("/auszuege", {"art": "log", "von": "", "bis": "", "tage": "7"}).status_code == 303
        made.append(sent.world.now)
    names = downloads(sent)
    assert names == [f"protokoll-log-{at.astimezone(BERLIN):%Y-%m-%d-%H%M%S}.zip" for at in reversed(made)]
    for pattern in ("protokoll-log-*.zip", f"protokoll-log-{made[0]:%Y-%m}-*.zip"):
        assert fnmatch.filter(names, pattern) == names, "the guide's commands find them"


def test_an_export_says_in_one_word_and_one_number_how_much_it_holds(sent: Office) -> None:
    flows = [Flow(kind=Kind.ACT, sender="m", receiver="m", purpose="betrieb", action="log.seen", basis="§ 1")] * 1_100
    with sent.world.database.transaction() as session:
        sent.pipeline.house.log.record(session, flows, sent.world.now)
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    desk.post("/auszuege", {"art": "log", "von": "", "bis": "", "tage": "7"})
    page = desk.get("/auszuege").text
    assert "Zeilen" not in page
    (size,) = cells(page, "Umfang")
    assert re.fullmatch(r"1\.\d{3} Einträge", size), size
    signed = re.search(r"Davon unter einer Unterschrift</dt>.*?>([\d.]+)<", desk.get("/protokoll").text)
    assert signed is not None
    assert size.startswith(f"{signed[1]} "), "what the overview calls signed"
    assert f"Checkpoint über {size} herunterladen" in desk.get("/checkpoints").text


def test_an_export_from_a_day_on_says_from_when(sent: Office) -> None:
    sent.world.check_log()
    desk = sent.desk("d.schutz")
    day = f"{sent.world.now.astimezone(BERLIN):%d.%m.%Y}"
    assert desk.post("/auszuege", {"art": "log", "von": day, "bis": "", "tage": "7"}).status_code == 303
    assert cells(desk.get("/auszuege").text, "Zeitraum") == [f"ab {day}"]
    sent.world.now += timedelta(seconds=1)
    form = {"art": "counts", "von": "01.10.2026", "bis": "02.10.2026", "tage": "7"}
    assert desk.post("/auszuege", form).status_code == 303
    assert cells(desk.get("/auszuege").text, "Zeitraum")[0] == "01.10.2026 bis 02.10.2026"


def refusals(office: Office, **typed: str) -> list[str]:
    """What the page says of an export that it does not make, at the field."""
    form = {"art": "log", "von": "", "bis": "", "tage": "7"} | typed
    answer = office.desk("d.schutz").post("/auszuege", form)
    assert answer.status_code == 422
    return re.findall(r'id="(?:von|bis)-fehler">.*?<span class="kern-body">([^<]+)<', answer.text, re.DOTALL)


def test_a_refused_export_says_the_one_thing_that_was_wrong(sent: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusals(sent) == [exports.NOTHING_SIGNED]
    sent.world.check_log()
    assert refusals(sent, von="01.01.2030") == [exports.NOTHING_SINCE]
    assert refusals(sent, bis="01.10.2026") == [exports.NO_LAST]
    monkeypatch.setattr(packing, "ENTRIES_MAX", 3)
    assert refusals(sent) == [exports.TOO_MANY]


def test_an_export_from_a_day_whose_entries_are_not_signed_yet_says_so(sent: Office) -> None:
    sent.world.check_log()
    sent.world.now += timedelta(days=2)
    day = f"{sent.world.now.astimezone(BERLIN):%d.%m.%Y}"
    sent.desk("d.schutz")
    with sent.world.sequencer.transaction() as session:
        integrate(session)
    assert refusals(sent, von=day) == [exports.NOTHING_SINCE]


# a person's entries ---------------------------------------------------------------------------------------------------


def test_the_persons_page_shows_what_was_allowed_alone_by_a_plain_link(sent: Office) -> None:
    path = sent.allowed(sent.reference, WHY)
    desk = sent.desk("d.schutz")
    everything = desk.get(path).text
    assert "Klicken Sie auf die Zeit eines Eintrags" in everything
    (link,) = re.findall(r'href="([^"]+)">nur Erlaubt</a>', everything)
    only = desk.get(link).text
    assert set(cells(only, "Art")) == {"Erlaubt, vor der Übermittlung"}
    assert len(cells(only, "Art")) == cells(everything, "Art").count("Erlaubt, vor der Übermittlung") > 1
    assert f'href="{path}">alle Einträge</a>' in only
    assert 'aria-current="page">nur Erlaubt</a>' in only


def test_an_entry_opened_from_the_persons_page_leads_back_there(sent: Office) -> None:
    path = sent.allowed(sent.reference, WHY)
    desk = sent.desk("d.schutz")
    (entry, *_) = re.findall(r'href="(/datenfluesse/[^"]+)"', desk.get(path).text)
    assert f'href="{path}">Zurück zu den Einträgen der Person' in desk.get(entry).text
    assert 'href="/datenfluesse">Zurück zu den Datenflüssen' in desk.get(entry.partition("?")[0]).text


def test_a_kind_that_is_not_offered_filters_nothing(sent: Office) -> None:
    path = sent.allowed(sent.reference, WHY)
    desk = sent.desk("d.schutz")
    assert len(set(cells(desk.get(f"{path}?art=nonsense").text, "Art"))) > 1


# refused --------------------------------------------------------------------------------------------------------------


def test_a_refusal_says_that_the_consent_was_not_there_instead_of_naming_it_as_its_basis(sent: Office) -> None:
    sent.world.announce(a_birth(somebody("Unbekannt")))
    sent.world.tick()
    desk = sent.desk("d.schutz")
    page = desk.get("/verweigert").text
    assert "es fehlte: Einwilligung" in cells(page, "Grundlage")
    assert "Einwilligung" not in cells(page, "Grundlage")
    (entry, *_) = re.findall(r'href="(/datenfluesse/[^"]+)"', page)
    assert 'es fehlte: Einwilligung <span class="code">(einwilligung)</span>' in desk.get(entry).text
    found = desk.get("/datenfluesse?art=refused&basis=es+fehlte:+Einwilligung").text
    assert set(cells(found, "Grundlage")) == {"es fehlte: Einwilligung"}, "and it is found by that word"


@pytest.mark.parametrize(
    ("kind", "outcome", "called"),
    [
        ("refused", "withdrawn", "es fehlte: Einwilligung"),
        ("refused", "recipient_not_covered", "Einwilligung"),
        ("received", "", "Einwilligung"),
    ],
)
def test_only_where_it_was_refused_for_want_of_it_a_consent_is_lacking(kind: str, outcome: str, called: str) -> None:
    entry = {"kind": kind, "outcome": outcome, "basis": "einwilligung"}
    assert log_words.basis(entry, catalogue("de")) == called


# wishes ---------------------------------------------------------------------------------------------------------------


def test_wishes_stand_under_what_became_of_them(sent: Office) -> None:
    granted, denied, waiting = (
        sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, WHY) for _ in "123"
    )
    sent.pipeline.decide_on_person(sent.proof("d.vertretung"), granted, grant=True)
    sent.pipeline.decide_on_person(sent.proof("d.vertretung"), denied, grant=False)
    page = sent.desk("d.schutz").get("/person").text
    places = [page.index(words) for words in ("Offene Wünsche", "wartet bis", "Wunsch zurückziehen")]
    places += [page.index(words) for words in ("Erlaubte Wünsche", "erlaubt, noch bis", f"/person/{granted}")]
    places += [page.index(words) for words in ("Abgelehnte Wünsche", "hier zu sehen bis", "Abgelehnt von")]
    assert all(first < then for first, then in pairwise([*places, page.index("Neuer Wunsch")]))
    assert f"/person/{waiting}/zurueckziehen" in page


def test_what_was_answered_last_stands_first_and_what_waits_longest(sent: Office) -> None:
    asked = []
    for n in "1234":
        asked.append(sent.pipeline.ask_for_person(sent.proof("d.schutz"), sent.reference, f"{WHY} {n}"))
        sent.world.now += timedelta(seconds=1)
    for wish in asked[:2]:
        sent.pipeline.decide_on_person(sent.proof("d.vertretung"), wish, grant=True)
    page = sent.desk("d.schutz").get("/person").text
    places = [page.index(f"{WHY} {n}") for n in "3421"]
    assert places == sorted(places)
    assert page.count("Laden Sie die Seite neu, wenn sie geantwortet hat.") == 2
    other = sent.desk("d.vertretung").get("/person").text
    assert "Laden Sie die Seite neu" not in other, "who decides waits for nobody"


@pytest.mark.parametrize("path", ["/person", "/loeschungen"])
def test_an_auftrags_number_that_lacks_a_sign_costs_nobody_a_yes(sent: Office, path: str) -> None:
    desk = sent.desk("d.schutz")
    form = {"wer": sent.reference[:-1], "grundlage": "withdrawn", "grund": WHY}
    answer = desk.post(path, form)
    assert (answer.status_code, NOT_WHOLE in answer.text) == (422, True)
    assert f'value="{sent.reference[:-1]}"' in answer.text, "to be mended, not typed again"
    for typed in (sent.reference.lower(), sent.reference.replace("-", " ")):
        assert desk.post(path, form | {"wer": typed}).status_code == 303


def test_after_the_yes_the_page_says_when_one_alone_is_erased(sent: Office) -> None:
    sent.pipeline.ask_for_erasure(sent.proof("d.schutz"), sent.reference, "withdrawn", WHY)
    wish = sent.world.value("SELECT id FROM erasure_requests")
    second = sent.desk("d.vertretung")
    answer = second.post(f"/loeschungen/{wish}/entscheidung", {"entscheidung": "ja"})
    told = second.get(answer.headers["location"]).text
    assert f"mit anderen zusammen; ist sie allein auf der Liste, nach {COMPANY.days} Tagen" in told


def test_a_day_to_look_again_that_is_over_is_refused_at_its_field(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    today = sent.world.now.astimezone(BERLIN)
    form = {"von": "01.10.2026", "bis": "01.10.2026", "grund": WHY}
    for day, status in ((today - timedelta(days=1), 422), (today, 303)):
        answer = desk.post("/sperren", form | {"nachsehen": f"{day:%d.%m.%Y}"})
        assert answer.status_code == status
        assert ('id="nachsehen-fehler"' in answer.text and REVIEW_PAST in answer.text) is (status == 422)


def test_a_second_hold_on_the_same_is_told_before_the_yes_and_stays_possible(sent: Office) -> None:
    hint = "Dafür steht schon eine Sperre"
    sent.world.check_log()
    desk, second = sent.desk("d.schutz"), sent.desk("d.vertretung")
    days = {"von": "01.10.2026", "bis": "01.10.2026", "nachsehen": "01.01.2027", "grund": WHY}
    place = str(sent.world.value("SELECT max(idx) FROM flow_leaf"))
    entry = {"eintrag": place, "nachsehen": "01.01.2027", "grund": WHY}
    for form in (days, entry):
        for already in (False, True):
            assert desk.post("/sperren", form).status_code == 303
            assert [hint in each.get("/sperren").text for each in (desk, second)] == [already] * 2
            wish = sent.world.value("SELECT id FROM hold_requests WHERE state = 'waiting'")
            second.post(f"/sperren/{wish}/entscheidung", {"entscheidung": "ja"})
            assert hint not in desk.get("/sperren").text, "it is told before the yes alone"
    other = days | {"bis": "02.10.2026"}
    assert desk.post("/sperren", other).status_code == 303
    assert hint not in desk.get("/sperren").text, "the control: other days"
    assert len(sent.pipeline.held_entries()) == 4


def test_two_wishes_with_one_reason_bear_the_same_number_for_whoever_asks_and_decides(sent: Office) -> None:
    wishes = []
    for who in (sent.reference, sent.anna.kennung):
        wishes.append(sent.pipeline.ask_for_person(sent.proof("d.schutz"), who, WHY))
        sent.world.now += timedelta(seconds=1)
    sent.pipeline.ask_for_person(sent.proof("d.vertretung"), sent.reference, WHY)
    for name in ("d.schutz", "d.vertretung"):
        page = sent.desk(name).get("/person").text
        numbers = re.findall(r"<strong>(\d von \d)</strong>(?:.*?)/person/([0-9a-f-]{36})/", page, re.DOTALL)
        assert numbers == [("1 von 2", str(wishes[0])), ("2 von 2", str(wishes[1]))]
    sent.pipeline.decide_on_person(sent.proof("d.vertretung"), wishes[0], grant=True)
    assert " von 2" not in sent.desk("d.vertretung").get("/person").text


# law ------------------------------------------------------------------------------------------------------------------


def test_a_citation_is_shown_unbroken_and_found_as_it_is_typed_or_copied(sent: Office) -> None:
    desk = sent.desk("d.schutz")
    basis = sent.world.value("SELECT basis FROM flow_log WHERE basis LIKE '§ %' ORDER BY fid LIMIT 1")
    assert NO_BREAK not in basis, "the log has ordinary spaces"
    found = [desk.get("/datenfluesse", params={"basis": typed}).text for typed in (basis, cited(basis))]
    assert [set(cells(page, "Grundlage")) for page in found] == [{cited(basis)}] * 2
    assert NO_BREAK in cited(basis)


BOTH = "Art. 6 Abs. 1 Buchst. e DSGVO (Erhebung); § 37 Abs. 1 BMG (Übermittlung)"


@pytest.fixture
def based_on_two(sent: Office) -> Office:
    """An entry that rests on two citations, and goes to somebody whom no table names any more."""
    flow = Flow(kind=Kind.ACT, sender="m", receiver="amt-von-frueher", purpose="betrieb", action="log.seen", basis=BOTH)
    with sent.world.database.transaction() as session:
        sent.pipeline.house.log.record(session, [flow], sent.world.now)
    return sent


@pytest.mark.parametrize("typed", ["§ 37 Abs. 1 BMG", "§ 37 (1) BMG", "§ 37 BMG", BOTH])
def test_an_entry_is_found_by_one_of_the_citations_that_it_rests_on(based_on_two: Office, typed: str) -> None:
    page = based_on_two.desk("d.schutz").get("/datenfluesse", params={"basis": typed}).text
    assert cited(BOTH) in cells(page, "Grundlage")
    assert f"Gesucht ist jeder Eintrag, unter dessen Grundlagen „{cited(typed)}“ steht" in page


def test_an_entry_is_not_found_by_a_citation_that_only_looks_alike(based_on_two: Office) -> None:
    page = based_on_two.desk("d.schutz").get("/datenfluesse", params={"basis": "§ 3 BMG"}).text
    assert "Es gibt keinen solchen Eintrag" in page


@pytest.mark.parametrize("typed", ["(", "[a", "\\", "***=x", "(?i)", "%", "§", "'; --", "\x00", "1{9}" * 60, ".*"])
def test_what_is_typed_for_a_citation_or_a_name_is_never_a_pattern(based_on_two: Office, typed: str) -> None:
    desk = based_on_two.desk("d.schutz")
    for column in ("basis", "receiver", "sender"):
        answer = desk.get("/datenfluesse", params={column: typed})
        assert answer.status_code == 200, column
    assert ("Es gibt keinen solchen Eintrag" in desk.get("/datenfluesse", params={"basis": typed}).text) == (
        typed not in ("§", "\x00")
    )


def test_control_taken_as_a_pattern_the_same_would_find_everything(
    based_on_two: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citations.re, "escape", str)
    page = based_on_two.desk("d.schutz").get("/datenfluesse", params={"basis": ".*"}).text
    assert "Es gibt keinen solchen Eintrag" not in page


@pytest.mark.parametrize("typed", ["Standesamt", "standesamt", "amt Muster", "standesamt-"])
def test_a_part_of_a_name_finds_whoever_bears_it(sent: Office, typed: str) -> None:
    page = sent.desk("d.schutz").get("/datenfluesse", params={"receiver": typed}).text
    assert "Standesamt Musterstadt" in cells(page, "An")


def test_where_a_part_stands_in_several_names_the_page_says_for_whom_it_looked(based_on_two: Office) -> None:
    desk = based_on_two.desk("d.schutz")
    page = desk.get("/datenfluesse", params={"receiver": "amt"}).text
    assert {"Standesamt Musterstadt", "amt-von-frueher"} <= set(cells(page, "An"))
    (told,) = re.findall(r"An: „amt“ kommt in mehreren Namen vor. Gesucht ist nach allen: ([^<]+)\.<", page)
    assert {"Standesamt Musterstadt", "Jugendamt Musterstadt", "amt-von-frueher"} <= set(told.split(", "))
    assert "kommt in mehreren Namen vor" not in desk.get("/datenfluesse", params={"receiver": "von-frueher"}).text


def test_for_programs_what_is_filtered_by_must_be_equal(based_on_two: Office) -> None:
    proof = based_on_two.proof("d.schutz")
    for column, typed in (("basis", "§ 37 Abs. 1 BMG"), ("receiver", "Standesamt")):
        assert based_on_two.pipeline.flows(proof, Wanted({column: typed}))["entries"] == []
        assert based_on_two.pipeline.flows(proof, Wanted({column: typed}, in_part=True))["entries"] != []
