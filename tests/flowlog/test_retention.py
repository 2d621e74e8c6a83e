"""Retention of the log: what is over goes and is told of, what is held stays, and everything still verifies."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from proaktiv.core.errors import BadInput, Conflict, NotFound
from proaktiv.core.flows import Flow, Kind
from proaktiv.core.log_terms import LogTerms
from proaktiv.flowlog import entries
from proaktiv.flowlog.checkpoints import open_checkpoint
from proaktiv.flowlog.exports.writing import export_log
from proaktiv.flowlog.findings import Finding, findings
from proaktiv.flowlog.keeping import retention
from proaktiv.flowlog.keeping.holds import Held, place, release, standing
from proaktiv.flowlog.keeping.pruning import pruned
from proaktiv.flowlog.keeping.retention import Pruning
from proaktiv.flowlog.proving.paths import consistency, inclusion
from proaktiv.flowlog.published import minimum_index
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.logretention import LogRetention
from tests.flowlog.alone import NODE, POLICY, Verifiers
from tests.flowlog.conftest import World, a_flow
from tests.flowlog.exports import VKEY

DAY = timedelta(days=1)
# The database lets nothing younger than a year go, by its own clock: so these lives lie in the past of any machine.
DAY_1 = datetime(2022, 3, 1, 11, 0, tzinfo=UTC)
DAY_731 = DAY_1 + 731 * DAY
"""The period ends with day 730 in Berlin; on the next one it is over."""


@dataclass
class Office:
    """Who retains, holds and looks, on a day that the test chooses."""

    world: World
    now: datetime = DAY_731
    terms: LogTerms = LogTerms()  # noqa: RUF009 - frozen

    @property
    def retention(self) -> LogRetention:
        return LogRetention(
            self.world.role("eraser"), Pruning(self.world.log, "musterstadt", self.terms), lambda: self.now
        )

    def retains(self) -> int:
        gone = self.retention.run("retainer")
        self.signs()
        return gone

    def signs(self) -> None:
        self.world.integrate()
        with self.world.role("sequencer").transaction() as session:
            self.world.signer().sign(session, self.now)

    def writes(self, many: int, at: datetime, **changes: Any) -> list[UUID]:
        return self.world.record(*(a_flow(**changes) for _ in range(many)), now=at)

    def holds(self, held: Held, by: str = "st-1", and_by: str = "st-2") -> UUID:
        hold = self.world.ids.row(self.now)
        with self.world.role("app").transaction() as session:
            place(
                session, self.world.log, "musterstadt", held, reason="VG 7 K 12/26", review_on=date(2027, 1, 1),
                by=by, and_by=and_by, hold=hold, now=self.now,
            )  # fmt: skip
        return hold

    def releases(self, hold: UUID, by: str = "st-3", and_by: str = "st-4") -> None:
        with self.world.role("app").transaction() as session:
            release(session, self.world.log, "musterstadt", hold, reason="ended", by=by, and_by=and_by, now=self.now)

    def finds(self) -> list[Finding]:
        with self.world.role("reader").transaction() as session:
            return findings(session, self.now + timedelta(seconds=1), since=DAY_1 - DAY)

    def left(self) -> list[int]:
        """The indexes of the rows that are there."""
        return [row[0] for row in self.world.rows("SELECT idx FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx")]

    def there(self, fids: list[UUID]) -> int:
        return int(self.world.one("SELECT count(*) FROM flow_log WHERE fid = ANY (:fids)", fids=fids))

    def told(self) -> list[dict[str, Any]]:
        """What retention said of itself, in the order of the log."""
        rows = self.world.rows(
            "SELECT f_bytes FROM flow_log LEFT JOIN flow_leaf USING (fid) WHERE purpose = 'protokoll' ORDER BY idx"
        )
        return [json.loads(bytes(row[0])) for row in rows]


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


@pytest.fixture
def old(office: Office) -> Office:
    """600 entries of day 1, signed then, and 10 of day 2."""
    office.now = DAY_1 + timedelta(seconds=1)
    office.writes(600, DAY_1)
    office.signs()
    office.writes(10, DAY_1 + DAY)
    office.now = DAY_1 + DAY + timedelta(seconds=1)
    office.signs()
    office.now = DAY_731
    return office


@pytest.mark.flowlog_test(21)
def test_on_day_731_rows_go_up_to_a_multiple_of_256_and_an_entry_says_how_many(old: Office) -> None:
    tiles = old.world.rows("SELECT level, n, data FROM tile ORDER BY level, n")
    old.now = DAY_731 - DAY
    assert old.retains() == 0
    assert old.left() == list(range(611)), "day 730 is kept to its end, and the run told of itself"
    old.now = DAY_731
    assert old.retains() == 512
    assert old.left() == list(range(512, 612))
    (none, told) = old.told()
    assert (none["minimum"], none["removed"], none["n"], none["outcome"]) == (0, 0, 0, "finished")
    assert (told["minimum"], told["removed"], told["n"], told["outcome"]) == (512, 512, 512, "finished")
    assert old.world.verify().ok, old.world.verify().text()
    assert old.finds() == []
    kept = {(row[0], row[1]): row[2] for row in old.world.rows("SELECT level, n, data FROM tile")}
    assert all(kept[level, n][: len(data)] == data for level, n, data in tiles), "every hash of before is still there"
    with old.world.role("reader").transaction() as session:
        assert pruned(session.connection()).minimum == minimum_index(session) == 512


def erase_and_retain(old: Office) -> None:
    """Three of the first entries lose part S to an erasure, which says so; on day 731 their rows go."""
    taken = [row[0] for row in old.world.rows("SELECT fid FROM flow_leaf WHERE idx IN (3, 4, 5)")]
    without_subject(old, taken)
    flow = a_flow(kind=Kind.ERASURE, purpose="loeschung", action="person.erased", n=3, erased=(3, 4, 5))
    old.world.record(flow, now=DAY_1 + 2 * DAY)
    old.signs()
    assert old.world.verify().ok, "the control: the erasure accounts for them"
    assert old.retains() == 512


def without_subject(old: Office, fids: list[UUID]) -> None:
    old.world.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = ANY (:fids)", fids=fids)


def by_all(old: Office, folder: Path) -> dict[str, bool]:
    """Who finds nothing: the database's verifier, the look of the DSB, and an export's three."""
    folder.mkdir(exist_ok=True)
    with old.world.role("reader").transaction() as session:
        export_log(session, folder / "log", at=old.now)
    (folder / "policy").write_text(POLICY)
    files = Verifiers.handed_out(folder / "verifiers")
    said = {
        "log verify": old.world.verify().ok,
        "findings": old.finds() == [],
        "export": verify_export(folder / "log", VKEY).ok,
        "python": files.by_python([folder / "log"], folder / "policy")[0].code == 0,
    }
    return said | ({"node": files.by_node([folder / "log"], folder / "policy")[0].code == 0} if NODE else {})


@pytest.mark.flowlog_test(20)
def test_an_erasure_whose_entries_are_over_excuses_no_part_that_somebody_takes_away(
    old: Office, tmp_path: Path
) -> None:
    erase_and_retain(old)
    assert old.told()[-1]["removed_erased"] == 3
    assert set(by_all(old, tmp_path / "before").values()) == {True}
    without_subject(old, [row[0] for row in old.world.rows("SELECT fid FROM flow_leaf WHERE idx = 600")])
    assert set(by_all(old, tmp_path / "after").values()) == {False}, "one is enough"


@pytest.mark.flowlog_control(20)
def test_control_entries_of_retention_that_do_not_count_the_erased_leave_their_excuse(
    old: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts_body = entries.facts_body

    def as_before(flow: Flow, fid: UUID, at: str) -> bytes:
        return facts_body(replace(flow, removed_erased=None), fid, at)

    monkeypatch.setattr(entries, "facts_body", as_before)
    erase_and_retain(old)
    stolen = [row[0] for row in old.world.rows("SELECT fid FROM flow_leaf WHERE idx BETWEEN 600 AND 602")]
    without_subject(old, stolen)
    assert set(by_all(old, tmp_path).values()) == {True}, "old entries count as they did"


@pytest.mark.flowlog_test(21)
def test_checkpoints_of_before_and_proofs_of_what_is_kept_still_hold(old: Office) -> None:
    notes = [open_checkpoint(row[0], old.world.signer().vkey) for row in old.world.rows("SELECT note FROM checkpoint")]
    old.retains()
    newest = open_checkpoint(
        old.world.one("SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"), old.world.signer().vkey
    )
    with old.world.role("reader").transaction() as session:
        for note in notes:
            assert consistency(session, note.size, newest.size).holds(note.root, newest.root)
        for index in old.left():
            assert inclusion(session, index, newest.size).holds(newest.root)
        gone = inclusion(session, 3, newest.size)
    assert gone.holds(newest.root), "who kept what stood there can still prove it"
    for note in notes:
        assert old.world.verify(kept=note).ok


@pytest.mark.flowlog_test(21)
@pytest.mark.parametrize("first", [0, 256, 512])
def test_an_export_of_a_retained_log_verifies_elsewhere(old: Office, tmp_path: Path, first: int) -> None:
    kept = open_checkpoint(old.world.one("SELECT note FROM checkpoint WHERE size = 610"), old.world.signer().vkey)
    old.retains()
    with old.world.role("reader").transaction() as session:
        export_log(session, tmp_path / "out", first=first)
    report = verify_export(tmp_path / "out", old.world.signer().vkey, kept=kept)
    assert report.ok, report.text()


# what stays -----------------------------------------------------------------------------------------------------------


@pytest.mark.flowlog_test(21)
def test_what_is_held_stays_until_two_people_release_it(old: Office) -> None:
    fid = old.world.one("SELECT fid FROM flow_leaf WHERE idx = 7")
    hold = old.holds(Held(entry=fid))
    assert old.retains() == 511
    assert old.left()[:2] == [7, 512]
    assert old.told()[-1]["removed"] == 511
    assert old.world.verify().ok
    assert [row[0] for row in old.world.rows("SELECT kind FROM flow_log WHERE purpose = 'aufbewahrung'")] == [6]
    with old.world.role("app").transaction() as session:
        (said,) = standing(session)
    assert (said["id"], said["entry"], said["by"]) == (str(hold), str(fid), ["st-1", "st-2"])
    old.releases(hold)
    assert old.retains() == 1
    assert old.told()[-1]["removed"] == 512
    assert old.world.verify().ok, old.world.verify().text()
    assert old.finds() == []


def test_a_hold_on_days_keeps_them_and_one_on_a_purpose_that_purpose_alone(old: Office) -> None:
    first = DAY_1.date()
    old.holds(Held(first=first, last=first, purpose="umzug"))
    assert old.retention.preview().kept == {}
    old.holds(Held(first=first, last=first, purpose="geburt"))
    assert old.retention.preview().kept == {"held": 512}
    assert old.retains() == 0


@pytest.mark.parametrize("ends", [-1, 1], ids=["the day before", "the day after"])
def test_a_hold_on_other_days_keeps_nothing(old: Office, ends: int) -> None:
    day = DAY_1.date() + timedelta(days=ends)
    old.holds(Held(first=day, last=day))
    assert old.retains() == 512


def test_who_is_held_keeps_their_entries(office: Office) -> None:
    person, other = office.world.a_person(), office.world.a_person()
    office.writes(300, DAY_1, person=other)
    office.writes(2, DAY_1, person=person)
    office.writes(300, DAY_1, person=other)
    office.signs()
    office.world.as_owner(
        "INSERT INTO holds VALUES (gen_random_uuid(), :person, NULL, 'x', 'y', now(), '', NULL)", person=person
    )
    assert office.retains() == 510
    assert office.left()[:3] == [300, 301, 512]
    assert office.finds() == []


_LETTER = (
    "INSERT INTO deliveries (id, matter, purpose, channel, run, state, reason, tries, wire_id, flow_id, made_at,"
    " moved_at) VALUES (gen_random_uuid(), gen_random_uuid(), 'tell', 'LETTER', 1, 'sent', '', 0, '', :fid, now(),"
    " now())"
)
_QUESTION = (
    "INSERT INTO lookups (id, person, register_name, names, state, tries, due_at, wire_id, flow_id)"
    " VALUES (gen_random_uuid(), gen_random_uuid(), 'MELDEREGISTER', '[]', 'wanted', 0, now(), '', :fid)"
)


@pytest.mark.parametrize(
    ("kind", "names", "goes"),
    [(Kind.AUTHORISED, _LETTER, "DELETE FROM deliveries"), (Kind.ADMITTED, _QUESTION, "DELETE FROM lookups")],
    ids=["a letter", "a look-up that waits"],
)
def test_what_is_still_named_stays_and_goes_when_that_has_gone(
    office: Office, kind: Kind, names: str, goes: str
) -> None:
    office.writes(100, DAY_1)
    (fid,) = office.writes(1, DAY_1, kind=kind)
    office.writes(155, DAY_1)
    office.signs()
    office.world.as_owner(names, fid=fid)
    assert office.retention.preview().kept == {"named by what is kept longer": 1}
    assert office.retains() == 255
    assert office.there([fid]) == 1
    office.world.as_owner(goes)
    assert office.retains() == 1
    assert office.world.verify().ok


def test_a_purpose_with_a_longer_period_stays_among_those_that_go(old: Office) -> None:
    old.terms = LogTerms.read({"umzug": 1000})
    mixed = old.writes(3, DAY_1, purpose="umzug")
    old.writes(253, DAY_1 + DAY)
    old.signs()
    old.now = DAY_1 + 800 * DAY
    assert old.retains() == 765
    assert old.there(mixed) == 3
    assert old.world.verify().ok
    assert old.finds() == []
    old.now = DAY_1 + 1002 * DAY
    assert old.retains() == 3
    assert old.world.verify().ok


def test_what_accounts_for_others_stays_as_long_as_the_log(office: Office) -> None:
    office.world.record(
        a_flow(kind=Kind.ERASURE, purpose="loeschung"), a_flow(kind=Kind.KEY, purpose="schluessel"), now=DAY_1
    )
    office.writes(254, DAY_1)
    office.signs()
    assert office.retains() == 254
    assert office.left()[:2] == [0, 1]


def test_an_entry_of_day_one_that_got_its_place_late_holds_nothing_up(office: Office) -> None:
    office.writes(256, DAY_1)
    late = office.writes(1, DAY_1 + 5 * DAY)
    office.writes(300, DAY_1)
    office.signs()
    assert office.retains() == 256, "from the first young one on everything waits"
    office.now += 5 * DAY
    assert office.retains() == 256
    assert office.there(late) == 0
    assert office.world.verify().ok


def test_what_nobody_signed_stays(office: Office) -> None:
    office.writes(300, DAY_1)
    office.world.integrate()
    assert office.retention.preview().minimum == 0
    assert office.retention.run() == 0


# numbers of a person --------------------------------------------------------------------------------------------------


def test_a_persons_numbers_go_on_and_the_count_of_those_that_went_is_kept(office: Office) -> None:
    person = office.world.a_person()
    office.writes(250, DAY_1)
    office.writes(4, DAY_1, person=person)
    office.writes(2, DAY_1, person=person, restrict=True)
    office.writes(3, DAY_731, person=person)
    office.signs()
    assert office.retains() == 256
    assert office.world.rows("SELECT seq, pruned FROM subject_heads") == [(7, 4)]
    assert office.finds() == []
    assert office.world.verify_opened([person]) == []


@pytest.mark.flowlog_control(21)
def test_control_a_number_stolen_after_retention_is_found_with_and_without_the_persons_key(office: Office) -> None:
    person = office.world.a_person()
    office.writes(256, DAY_1, person=person)
    (gone, _) = office.writes(2, DAY_731, person=person)
    office.signs()
    assert office.retains() == 256
    _steal(office.world, gone)
    assert [each.code.value for each in office.finds()] == ["row_missing", "sequence_gap"]
    assert office.world.verify_opened([person]) == [("row", 256)]


# silent removal -------------------------------------------------------------------------------------------------------


def _steal(world: World, fid: UUID) -> None:
    for table in ("flow_secret", "flow_log"):
        world.as_owner(f"DELETE FROM {table} WHERE fid = :fid", fid=fid)


@pytest.mark.flowlog_control(21)
@pytest.mark.parametrize("index", [7, 520], ids=["before the minimum index", "behind it"])
def test_control_one_row_more_than_retention_took_is_found_here_and_in_an_export(
    old: Office, tmp_path: Path, index: int
) -> None:
    fid = old.world.one("SELECT fid FROM flow_leaf WHERE idx = :idx", idx=index)
    old.holds(Held(entry=fid))
    old.retains()
    assert old.world.verify().ok
    _steal(old.world, fid)
    report = old.world.verify()
    assert [each.what.value for each in report.findings] == ["row"]
    assert "row_missing" in {each.code.value for each in old.finds()}
    with old.world.role("reader").transaction() as session:
        export_log(session, tmp_path / "out")
    assert [each.what.value for each in verify_export(tmp_path / "out", old.world.signer().vkey).findings] == ["row"]


@pytest.mark.flowlog_control(21)
def test_control_rows_that_go_without_a_word_are_all_found(old: Office) -> None:
    old.world.as_owner("DELETE FROM flow_secret WHERE fid IN (SELECT fid FROM flow_leaf WHERE idx < 256)")
    old.world.as_owner("DELETE FROM flow_log WHERE fid IN (SELECT fid FROM flow_leaf WHERE idx < 256)")
    assert old.world.found() == [("row", index) for index in range(256)]


@pytest.mark.flowlog_control(21)
@pytest.mark.parametrize(
    "said",
    [{"minimum": 500, "removed": 1}, {"minimum": 512, "removed": 513}, {"minimum": 512, "removed": -1}],
    ids=["no multiple of 256", "more than there were", "less than nothing"],
)
def test_control_a_claim_that_cannot_be_true_excuses_nothing(old: Office, said: dict[str, int]) -> None:
    old.world.record(
        Flow(
            kind=Kind.RETENTION, sender="musterstadt", receiver="musterstadt", purpose="protokoll",
            action="log.pruned", basis="x", **said,
        ),  # type: ignore[arg-type]
        now=DAY_731,
    )  # fmt: skip
    old.signs()
    _steal(old.world, old.world.one("SELECT fid FROM flow_leaf WHERE idx = 7"))
    assert old.world.found() == [("row", 7)]


# the database's own wall ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda office: office.writes(600, datetime.now(UTC) - 300 * DAY), "younger than a year"),
        (lambda office: office.writes(600, DAY_1, kind=Kind.ERASURE, purpose="loeschung"), "accounts for others"),
        (lambda office: office.writes(100, DAY_1), "pruned in steps of 256, and where it is signed"),
    ],
    ids=["young", "an account", "beyond what is signed"],
)
def test_the_database_lets_nothing_go_that_must_stay_whoever_asks(
    office: Office, harm: Callable[[Office], list[UUID]], said: str
) -> None:
    fids = harm(office)
    office.signs()
    with pytest.raises(DBAPIError, match=said), office.world.role("eraser").transaction() as session:
        session.connection().execute(retention._PRUNE, {"minimum": 512, "gone": fids[:10]})
    assert len(office.left()) == len(fids)


def test_the_database_lets_no_held_entry_go_and_none_without_a_place(old: Office) -> None:
    (queued,) = old.writes(1, DAY_1)
    fid = old.world.one("SELECT fid FROM flow_leaf WHERE idx = 7")
    old.holds(Held(entry=fid))
    for one, said in ((fid, "is held"), (queued, "has no place before 512"), (UUID(int=5), "has no place before")):
        with pytest.raises(DBAPIError, match=said), old.world.role("eraser").transaction() as session:
            session.connection().execute(retention._PRUNE, {"minimum": 512, "gone": [one]})


@pytest.mark.parametrize("role", ["app", "sequencer", "keeper", "reader"])
def test_nobody_but_the_eraser_may_let_entries_go(old: Office, role: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), old.world.role(role).transaction() as session:
        session.connection().execute(retention._PRUNE, {"minimum": 512, "gone": []})


# runs -----------------------------------------------------------------------------------------------------------------


def test_a_run_in_small_sets_takes_the_same_and_its_last_entry_counts_for_all(
    old: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SET", 100)
    due = old.retention.preview()
    heard: list[int] = []
    assert old.retention.run(told=heard.append) == sum(due.due.values()) == 512
    assert heard == [100, 200, 300, 400, 500, 512]
    old.signs()
    assert [(each["removed"], each["outcome"]) for each in old.told()][-2:] == [(500, "more"), (512, "finished")]
    assert old.world.verify().ok


def test_a_run_that_dies_between_two_sets_leaves_a_log_that_adds_up_and_the_next_one_ends_it(
    old: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SET", 100)

    class Dies(Exception):  # noqa: N818 - a death, not an error
        pass

    def dies(gone: int) -> None:
        if gone == 300:
            raise Dies

    with pytest.raises(Dies):
        old.retention.run(told=dies)
    old.signs()
    assert old.world.verify().ok
    assert len(old.left()) == 610 - 300 + 3
    assert old.retention.monthly() == 0, "not finished in this month"
    old.signs()
    assert old.told()[-1]["removed"] == 512
    assert old.world.verify().ok


def test_the_month_brings_one_run(old: Office) -> None:
    old.retention.monthly()
    assert len(old.told()) == 1
    old.retention.monthly()
    old.now = DAY_731.replace(day=28)
    old.retention.monthly()
    assert len(old.told()) == 1
    old.now = datetime(DAY_731.year, DAY_731.month + 1, 1, tzinfo=UTC)
    old.retention.monthly()
    assert len(old.told()) == 2


def test_a_preview_writes_nothing_and_says_what_the_run_takes(old: Office) -> None:
    before = old.world.rows("SELECT fid FROM flow_log ORDER BY fid")
    assert old.retention.preview(DAY_731.date() - DAY).due == {}
    assert old.retention.preview().to_json() == {
        "on": "2024-03-01",
        "minimum": 512,
        "due": {"geburt": 512},
        "kept": {},
        "removed_before": 0,
    }
    assert old.world.rows("SELECT fid FROM flow_log ORDER BY fid") == before


# refusals -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (Held(), "name an entry, or a first and a last day"),
        (Held(first=date(2026, 1, 2), last=date(2026, 1, 1)), "a first and a last day"),
        (Held(entry=UUID(int=1), purpose="geburt"), "name an entry, or days"),
    ],
)
def test_a_hold_on_nothing_or_on_two_things_is_refused(office: Office, held: Held, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        office.holds(held)


def test_a_hold_takes_two_people_and_an_entry_that_is_there(old: Office) -> None:
    fid = old.world.one("SELECT fid FROM flow_leaf WHERE idx = 7")
    with pytest.raises(BadInput, match="second person"):
        old.holds(Held(entry=fid), "st-1", "ST-1 ")
    with pytest.raises(BadInput, match="1 to 64"):
        old.holds(Held(entry=fid), "st-1", "")
    with pytest.raises(NotFound):
        old.holds(Held(entry=UUID(int=1)))
    hold = old.holds(Held(entry=fid))
    with pytest.raises(BadInput, match="second person"):
        old.releases(hold, "st-1", "st-1")
    old.releases(hold)
    with pytest.raises(Conflict, match="st-3 and st-4"):
        old.releases(hold)
    with pytest.raises(NotFound):
        old.releases(UUID(int=1))


@pytest.mark.parametrize("days", [364, 3651])
def test_a_period_outside_its_limits_is_refused(days: int) -> None:
    with pytest.raises(BadInput, match="365 to 3650 days"):
        LogTerms.read({"geburt": days})


def test_periods_are_read_per_purpose_and_the_default_can_be_changed() -> None:
    terms = LogTerms.read({"default": 365, "geburt": 1095})
    today = date(2027, 1, 1)
    assert terms.newest_over("umzug", today) == terms.newest_over_of_any(today) == date(2025, 12, 31)
    assert terms.newest_over("geburt", today) == date(2024, 1, 1)
