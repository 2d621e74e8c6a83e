"""Others vouch for the log, and nobody waits for them."""

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from proaktiv.flowlog.findings import Code, findings
from proaktiv.flowlog.status import status
from proaktiv.flowlog.tiles import LogBroken
from proaktiv.flowlog.verifying import judging
from proaktiv.flowlog.verifying.export import verify_export
from proaktiv.flowlog.verifying.policy import COSIGNED_WITHIN, Policy, PolicyError
from proaktiv.flowlog.verifying.whole import verify_database
from proaktiv.flowlog.vouching.attested import At
from proaktiv.flowlog.vouching.witness import Answer, Witness
from tests.flowlog.authority import LocalAuthority, needs_openssl
from tests.flowlog.conftest import NOW, World, a_flow
from tests.flowlog.exports import VKEY, export, flip, sum_up
from tests.flowlog.vouching import SOON, a_witness, asking, every_hour
from tests.processes import PATIENCE_SECONDS

DSB = "dsb.example/zeuge"


def found(world: World, trusted: str | Policy, **how: object) -> list[tuple[str, int | None]]:
    with world.role("reader").transaction() as session:
        report = verify_database(session, trusted, **how)  # type: ignore[arg-type]
    return [(finding.what.value, finding.index) for finding in report.findings]


# witnesses ------------------------------------------------------------------------------------------------------------


def test_what_is_signed_is_cosigned_and_told(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        for size in (2, 4, 300):
            house.signs(*(a_flow() for _ in range(size - sum(house.cosigned()[-1:]))))
            assert house.asks() == {DSB: ("cosigned", size)}
            house.asks()
        assert house.cosigned() == [2, 4, 300]
        assert len(far.heard) == 3  # nobody is asked twice about the same
        assert far.memory.evidence() == []
        with world.role("reader").transaction() as session:
            told = status(session, SOON).to_json()
        assert (told["cosigned"], told["asked"][DSB]["outcome"]) == (300, "cosigned")
        assert found(world, far.policy(), now=SOON) == []
        with world.role("reader").transaction() as session:
            assert verify_database(session, far.policy(), now=SOON).cosigned == 300


def test_without_a_cosignature_a_policy_that_asks_for_one_is_not_met(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        assert found(world, far.policy(), now=SOON) == [("cosignature", None)]
        export(world, tmp_path / "early")
        assert [f.what for f in verify_export(tmp_path / "early", far.policy(), now=SOON).findings] == ["cosignature"]
        assert verify_export(tmp_path / "early", VKEY).ok  # the control: nobody asks
        house.asks()
        house.signs(a_flow())
        export(world, tmp_path / "newest")
        export(world, tmp_path / "cosigned", at=At.COSIGNED)
        newest = verify_export(tmp_path / "newest", far.policy(), now=SOON)
        reach = f"1 entries are, last at {SOON.isoformat(timespec='seconds')}"
        assert [(f.what, f.detail.rpartition("; ")[2]) for f in newest.findings] == [("cosignature", reach)]
        report = verify_export(tmp_path / "cosigned", far.policy(), now=SOON)
        assert (report.ok, report.size, report.cosigned) == (True, 1, 1)


def test_a_witness_that_is_away_holds_nothing_up_and_is_left_in_peace_a_moment(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        far.behave = lambda _: Answer(503, "")
        house.signs(a_flow())
        assert house.asks() == {DSB: ("away", 0)}
        house.signs(a_flow())
        house.asks()
        assert (len(far.heard), world.one("SELECT count(*) FROM checkpoint")) == (1, 2)
        house.now += timedelta(seconds=31)
        house.asks()
        assert len(far.heard) == 2


def test_while_a_witness_thinks_the_log_is_signed_on(world: World, tmp_path: Path) -> None:
    thinking, go_on = threading.Event(), threading.Event()
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        at_once = far.behave

        def slow(asked: bytes) -> Answer:
            thinking.set()
            assert go_on.wait(PATIENCE_SECONDS)
            return at_once(asked)

        far.behave = slow
        house.signs(a_flow())
        asked = threading.Thread(target=house.worker.ask_witnesses)
        asked.start()
        assert thinking.wait(PATIENCE_SECONDS)
        house.signs(a_flow())
        assert world.one("SELECT max(size) FROM checkpoint") == 2
        assert house.cosigned() == []
        go_on.set()
        asked.join(PATIENCE_SECONDS)
        assert house.cosigned() == [1]


def test_a_witness_that_knows_less_than_we_thought_is_asked_from_there(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow(), a_flow(), a_flow())
        house.asks()
        world.as_owner("UPDATE witness_answer SET size = 1")
        house.signs(a_flow())
        assert house.asks() == {DSB: ("behind", 3)}
        assert house.asks() == {DSB: ("cosigned", 4)}


@pytest.mark.flowlog_test(16)
def test_a_witness_that_knows_more_than_there_is_raises_an_alarm(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(*(a_flow() for _ in range(5)))
        house.asks()
        # The whole house is set back to three entries, the signer's memory with it.
        for table in ("cosignature", "witness_answer", "checkpoint", "tile", "flow_leaf"):
            world.as_owner(f"DELETE FROM {table}")
        for table in ("flow_secret", "flow_log"):
            world.as_owner(f"DELETE FROM {table}")
        world.as_owner("UPDATE log_head SET size = 0, root = sha256(''::bytea)")
        (world.state / "last_signed").unlink()
        house.signs(*(a_flow() for _ in range(3)))  # the house itself sees nothing wrong
        assert house.asks() == {DSB: ("contradicts", 5)}
        assert house.cosigned() == []
        assert len(far.memory.evidence()) == 1
        house.signs(*(a_flow() for _ in range(3)))
        house.now += timedelta(seconds=31)
        assert house.asks() == {DSB: ("contradicts", 5)}  # another five entries than the witness knows
        assert len(far.memory.evidence()) == 2
        assert found(world, far.policy(), now=house.now) == [("cosignature", None)]
        assert found(world, VKEY) == []  # the control: without a witness nobody could tell


def odd(world: World, now: datetime) -> list[str]:
    with world.role("reader").transaction() as session:
        seen = findings(session, now)
    return [each.detail for each in seen if each.code is Code.WITNESS_CONTRADICTS]


def told(world: World, now: datetime) -> tuple[str, int]:
    with world.role("reader").transaction() as session:
        last = status(session, now).asked[DSB]
    return last.outcome, last.size


@pytest.mark.parametrize("later", [Answer(503, ""), Answer(404, ""), Answer(409, "1\n"), Answer(200, "")])
def test_no_other_word_takes_a_contradiction_back(world: World, tmp_path: Path, later: Answer) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        at_once = far.behave
        house.signs(a_flow(), a_flow())
        house.asks()
        assert odd(world, house.now) == []
        house.signs(a_flow())
        far.behave = lambda _: Answer(422, "")
        house.asks()
        first = house.now
        house.now += timedelta(seconds=31)
        far.behave = lambda _: later
        house.asks()
        assert house.answers()[DSB][0] != "contradicts"
        assert told(world, house.now) == ("contradicts", 2)
        assert odd(world, house.now) == [f"{DSB} knows 2 entries that this log does not continue"]
        assert odd(world, house.now + timedelta(days=400)) != [], "it is open however old it is"
        # The witness alone takes it back, by cosigning what contains the tree that it knows.
        house.now += timedelta(seconds=31)
        far.behave = at_once
        while house.asks()[DSB][0] != "cosigned":
            house.now += timedelta(seconds=31)
        assert told(world, house.now) == ("cosigned", 3)
        back = f"cosigns again since {house.now.isoformat()}"
        assert odd(world, house.now) == [f"{DSB} knew 2 entries of another log, {back}"]
        assert [each[0] for each in world.rows("SELECT at FROM contradiction")] == [first]
        assert odd(world, house.now + timedelta(days=32)) == []


def test_a_witness_that_forgot_does_not_take_back_what_it_knew(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        at_once = far.behave
        far.behave = lambda _: Answer(409, "9\n")
        house.signs(a_flow())
        assert house.asks() == {DSB: ("contradicts", 9)}
        far.behave = at_once
        house.now += timedelta(seconds=31)
        while house.asks()[DSB][0] != "cosigned":
            house.now += timedelta(seconds=31)
        assert told(world, house.now) == ("contradicts", 9)


def test_what_the_house_cannot_prove_itself_it_asks_nobody(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow(), a_flow())
        house.asks()
        house.signs(a_flow())
        world.as_owner("UPDATE tile SET data = set_byte(data, 40, get_byte(data, 40) # 1)")
        with pytest.raises(LogBroken, match="do not prove"):
            house.asks()
        assert len(far.heard) == 1


@pytest.mark.parametrize(
    ("said", "word"),
    [
        (Answer(200, ""), "wrong"),
        (Answer(200, "— dsb.example/zeuge AAAA\n"), "wrong"),
        (Answer(200, "\n"), "wrong"),
        (Answer(409, "many\n"), "wrong"),
        (Answer(409, "9" * 40), "wrong"),
        (Answer(409, "1\n"), "behind"),
        (Answer(409, "0\n"), "contradicts"),
        (Answer(400, ""), "refused"),
        (Answer(403, ""), "refused"),
        (Answer(404, ""), "refused"),
        (Answer(422, ""), "refused"),
        (Answer(500, ""), "away"),
        (Answer(302, ""), "refused"),
    ],
)
def test_whatever_a_witness_says_nothing_false_is_kept(world: World, tmp_path: Path, said: Answer, word: str) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        far.behave = lambda _: said
        assert house.asks()[DSB][0] == word
        assert house.cosigned() == []


def test_a_cosignature_of_another_checkpoint_is_not_kept(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        at_once, kept = far.behave, list[Answer]()
        far.behave = lambda asked: kept[0] if kept else (kept.append(at_once(asked)), kept[0])[1]
        house.signs(a_flow())
        house.asks()
        house.signs(a_flow())
        assert house.asks() == {DSB: ("wrong", 1)}
        assert house.cosigned() == [1]


def test_a_host_that_is_not_on_the_list_is_not_called(world: World, tmp_path: Path) -> None:
    with (
        a_witness(tmp_path / "zeuge") as far,
        asking(world, far, allowed=frozenset({"elsewhere.example"})) as house,
    ):
        house.signs(a_flow())
        assert house.asks() == {DSB: ("blocked", 0)}
        assert far.heard == []


def test_of_two_witnesses_the_one_that_answers_counts(world: World, tmp_path: Path) -> None:
    with (
        a_witness(tmp_path / "one", "one.example") as one,
        a_witness(tmp_path / "two", "two.example") as two,
        asking(world, one, two) as house,
    ):
        one.behave = lambda _: Answer(503, "")
        house.signs(a_flow())
        assert house.asks() == {"one.example": ("away", 0), "two.example": ("cosigned", 1)}
        lines = f"log {VKEY}\nwitness one {one.key}\nwitness two {two.key}\n"
        for quorum, met in (("group g any one two\nquorum g\n", True), ("group g all one two\nquorum g\n", False)):
            assert (found(world, Policy.parse(lines + quorum), now=SOON) == []) == met


def test_a_log_that_rests_is_cosigned_anew_and_stays_good(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        house.asks()
        policy = far.policy("# proaktiv: cosignature-max-age 36h\n")
        witness = Witness(far.memory)
        far.behave = lambda asked: witness.add_checkpoint(asked, house.now)
        for hours in range(1, 60, 7):
            house.now = SOON + timedelta(hours=hours)
            assert house.asks() == {DSB: ("cosigned", 1)}
        assert found(world, policy, now=house.now) == []
        assert house.cosigned() == [1] * 5  # once in twelve hours
        assert world.one("SELECT note FROM checkpoint").count("—") == 1
        export(world, tmp_path / "out")
        assert (tmp_path / "out" / "checkpoint").read_text().count("—") == 2  # the newest alone


# what the database says of others is not believed ---------------------------------------------------------------------


def test_a_changed_cosignature_is_found(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        house.asks()
        house.signs(a_flow())
        house.asks()
        world.as_owner("UPDATE cosignature SET line = (SELECT line FROM cosignature WHERE size = 1) WHERE size = 2")
        assert ("checkpoint", None) in found(world, far.policy(), now=SOON)
        assert found(world, VKEY) == []  # who asks for no witness does not look


def test_an_old_cosignature_does_not_count_for_ever(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        house.asks()
        policy = far.policy("# proaktiv: cosignature-max-age 36h\n")
        assert found(world, policy, now=SOON + timedelta(hours=35)) == []
        assert found(world, policy, now=SOON + timedelta(hours=37)) == [("cosignature", None)]
        export(world, tmp_path / "out")
        assert verify_export(tmp_path / "out", policy, now=SOON).ok
        assert not verify_export(tmp_path / "out", policy, now=SOON + timedelta(hours=37)).ok
        with pytest.raises(PolicyError, match="what time it is"):
            verify_export(tmp_path / "out", policy)


def test_an_old_cosignature_says_nothing_of_what_was_signed_since(world: World, tmp_path: Path) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        house.asks()
        house.signs(a_flow())
        in_time, too_late = SOON + COSIGNED_WITHIN / 2, SOON + COSIGNED_WITHIN
        assert found(world, far.policy(), now=in_time) == []  # it may wait a moment
        with world.role("reader").transaction() as session:
            (said,) = verify_database(session, far.policy(), now=too_late).findings
        assert said.detail.endswith(f"; 1 entries are, last at {SOON.isoformat(timespec='seconds')}")
        world.as_owner(
            "UPDATE checkpoint SET published_at = :at", at=too_late
        )  # whoever has the database dates it anew
        assert found(world, far.policy(), now=too_late) == [("cosignature", None)]
        house.now += timedelta(seconds=31)
        house.asks()
        assert found(world, far.policy(), now=too_late) == []


@pytest.mark.flowlog_test(24)
@pytest.mark.parametrize(("minutes", "late"), [(4, []), (7, [("time", 1)])])
def test_an_entry_later_than_the_checkpoint_over_it_is_found(
    world: World, tmp_path: Path, minutes: int, late: list[tuple[str, int]]
) -> None:
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow())
        house.signs(a_flow(), now=NOW + timedelta(minutes=minutes))
        house.signs(a_flow())
        house.asks()
        house.signs(a_flow())
        house.asks()
        assert found(world, far.policy(), now=SOON) == late
        export(world, tmp_path / "out")
        report = verify_export(tmp_path / "out", far.policy(), now=SOON)
        assert [(finding.what.value, finding.index) for finding in report.findings] == late


@pytest.mark.flowlog_control(24)
def test_control_without_the_comparison_a_log_could_be_written_ahead(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "SKEW", timedelta(days=365))
    with a_witness(tmp_path / "zeuge") as far, asking(world, far) as house:
        house.signs(a_flow(), now=NOW + timedelta(hours=7))
        house.asks()
        assert found(world, far.policy(), now=SOON) == []


# time stamps ----------------------------------------------------------------------------------------------------------


@needs_openssl
@pytest.mark.flowlog_test(24)
def test_once_an_hour_the_cosigned_checkpoint_is_stamped_byte_for_byte(world: World, tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path / "tsa")
    with a_witness(tmp_path / "zeuge") as far, authority.serving() as url:
        with asking(world, far, stamps=every_hour(authority, url)) as house:
            house.signs(a_flow())
            house.asks()
            house.signs(a_flow())  # not cosigned yet: the stamp is over the one that is
            house.worker.fetch_stamp()
            assert [row[0] for row in world.rows("SELECT size FROM time_stamp")] == [1]
            at = world.one("SELECT at FROM time_stamp")
            for hours, sizes in ((0.5, [1]), (1.1, [1, 2]), (3, [1, 2])):
                house.now = at + timedelta(hours=hours)
                house.asks()
                house.worker.fetch_stamp()
                assert [row[0] for row in world.rows("SELECT size FROM time_stamp ORDER BY size")] == sizes
            assert house.answers()["time stamps"] == ("stamped", 2)
        assert found(world, VKEY, stamper=authority.trusted) == []
        export(world, tmp_path / "out", at=At.STAMPED)
        report = verify_export(tmp_path / "out", far.policy(), now=SOON, stamper=authority.trusted)
        assert (report.ok, report.stamped, report.cosigned) == (True, 2, 2)


@needs_openssl
@pytest.mark.flowlog_test(24)
def test_a_stamp_that_does_not_fit_is_found_in_the_house_and_outside(world: World, tmp_path: Path) -> None:
    authority, other = LocalAuthority(tmp_path / "tsa"), LocalAuthority(tmp_path / "other")
    with authority.serving() as url, asking(world, stamps=every_hour(authority, url)) as house:
        house.signs(a_flow())
        house.worker.fetch_stamp()
    trusted = authority.trusted
    export(world, tmp_path / "out")
    assert verify_export(tmp_path / "out", VKEY, stamper=trusted).ok
    assert [f.what for f in verify_export(tmp_path / "out", VKEY, stamper=other.trusted).findings] == ["time stamp"]
    flip(tmp_path / "out" / "checkpoint.tsr", 60)
    assert "file" in {f.what for f in verify_export(tmp_path / "out", VKEY).findings}
    sum_up(tmp_path / "out")
    assert verify_export(tmp_path / "out", VKEY).ok  # the control: nobody looks at the stamp
    assert [f.what for f in verify_export(tmp_path / "out", VKEY, stamper=trusted).findings] == ["time stamp"]
    (tmp_path / "out" / "checkpoint.tsr").unlink()
    assert "file" in {f.what for f in verify_export(tmp_path / "out", VKEY).findings}
    world.as_owner("UPDATE time_stamp SET note = note || 'x'")
    assert found(world, VKEY, stamper=trusted) == [("time stamp", None)]
    assert found(world, VKEY) == []


@needs_openssl
def test_who_vouches_after_the_stamp_is_in_the_file_without_it(world: World, tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path / "tsa")
    with (
        a_witness(tmp_path / "zeuge") as far,
        authority.serving() as url,
        asking(world, far, stamps=every_hour(authority, url)) as house,
    ):
        house.signs(a_flow())
        house.worker.fetch_stamp()
        house.asks()
        for at, policy, files in ((At.COSIGNED, far.policy(), 0), (At.NEWEST, far.policy(), 0), (At.STAMPED, VKEY, 1)):
            export(world, tmp_path / at, at=at)
            report = verify_export(tmp_path / at, policy, now=SOON, stamper=authority.trusted)
            assert (report.ok, report.stamped) == (True, files)
            assert (tmp_path / at / "checkpoint.tsr").exists() == bool(files)


@needs_openssl
@pytest.mark.flowlog_test(24)
def test_an_entry_later_than_the_stamp_over_it_is_found(world: World, tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path / "tsa")
    with authority.serving() as url, asking(world, stamps=every_hour(authority, url)) as house:
        house.signs(a_flow(), now=NOW + timedelta(days=36500))
        house.worker.fetch_stamp()
    assert found(world, VKEY, stamper=authority.trusted) == [("time", 0)]
    assert found(world, VKEY) == []


@needs_openssl
def test_an_authority_that_nobody_named_gets_nothing_kept(world: World, tmp_path: Path) -> None:
    authority, other = LocalAuthority(tmp_path / "tsa"), LocalAuthority(tmp_path / "other")
    with authority.serving() as url, asking(world, stamps=every_hour(other, url)) as house:
        house.signs(a_flow())
        house.worker.fetch_stamp()
        assert house.answers() == {"time stamps": ("wrong", 1)}
        assert world.rows("SELECT * FROM time_stamp") == []


def test_an_authority_that_is_away_holds_nothing_up(world: World, tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path / "tsa")
    with asking(world, stamps=every_hour(authority, "http://127.0.0.1:9/stempel")) as house:
        house.signs(a_flow())
        house.worker.fetch_stamp()
        assert house.answers() == {"time stamps": ("away", 1)}
        house.signs(a_flow())
        assert world.one("SELECT max(size) FROM checkpoint") == 2
