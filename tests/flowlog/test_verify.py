"""Each change of what is stored is found, at its place and under its name; an untouched log has no finding."""

import pytest
from sqlalchemy import text

from proaktiv.core.canonical import dumps
from proaktiv.core.flows import Kind
from proaktiv.core.keys import PersonKey
from proaktiv.core.merkle import halfway_of, leaf_hash, root_of
from proaktiv.flowlog import entries
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, sign_note
from proaktiv.flowlog.verifying.whole import verify_database
from tests.depth import depth
from tests.flowlog.conftest import ORIGIN, SIGNING_KEY, World, a_flow

AT = 3  # the place of the entry that is tampered with


@pytest.fixture
def logged(world: World) -> World:
    """Two checkpoints, two tiles, and entry 3 is one about a person."""
    world.person = world.a_person()  # type: ignore[attr-defined]
    world.log_and_sign(*(a_flow(person=person_of(world) if number == AT else None) for number in range(6)))
    world.log_and_sign(*(a_flow() for _ in range(260)))
    return world


def person_of(world: World) -> PersonKey:
    return world.person  # type: ignore[attr-defined, no-any-return]


def fid_at(world: World, index: int) -> object:
    return world.one("SELECT fid FROM flow_leaf WHERE idx = :idx", idx=index)


def test_an_untouched_log_has_no_finding(logged: World) -> None:
    report = logged.verify()
    assert report.findings == ()
    assert (report.ok, report.size, report.pending, report.checkpoints) == (True, 266, 0, 2)
    assert report.to_json()["ok"] is True
    assert "Everything adds up" in report.text()
    assert logged.verify_opened([person_of(logged)]) == []


def test_an_empty_log_has_no_finding(world: World) -> None:
    assert world.found() == []


def test_what_is_queued_is_counted_and_checked(logged: World) -> None:
    (fid,) = logged.record(a_flow())
    assert logged.verify().pending == 1
    assert logged.found() == []
    logged.as_owner("UPDATE flow_log SET sender = 'x' WHERE fid = :fid", fid=fid)
    logged.as_owner("UPDATE flow_queue SET leaf = sha256('x'::bytea)")
    assert logged.found() == [("column", None), ("queue", None)]


def test_entries_signed_by_nobody_yet_are_checked_too(logged: World) -> None:
    logged.record(a_flow())
    logged.integrate()
    assert logged.found() == []
    logged.as_owner("UPDATE flow_log SET f_salt = sha256(f_salt) WHERE fid = :fid", fid=fid_at(logged, 266))
    assert logged.found() == [("facts", 266)]


PLACES: dict[str, tuple[str, tuple[int, ...]]] = {
    "f_salt": ("facts", (0, 31)),
    "f_bytes": ("facts", (0, 40)),
    "entry": ("entry", (0, 17, 18, 19, 51, 83, 114)),
}
"""What a row's stored bytes are, and at which of them a commit looks; in full at every one, and at each of its bits."""


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize("column", sorted(PLACES))
def test_a_flipped_byte_of_a_row_is_found_at_its_place(logged: World, column: str) -> None:
    what, places = PLACES[column]
    fid = fid_at(logged, AT)
    stored = bytes(logged.one(f"SELECT {column} FROM flow_log WHERE fid = :fid", fid=fid))
    change = f"UPDATE flow_log SET {column} = :stored WHERE fid = :fid"
    for place in depth(places, range(len(stored))):
        for bit in depth((1,), (1, 2, 4, 8, 16, 32, 64, 128)):
            broken = bytearray(stored)
            broken[place] ^= bit
            logged.as_owner(change, stored=bytes(broken), fid=fid)
            assert logged.found() == [(what, AT)], (place, bit)
    logged.as_owner(change, stored=stored, fid=fid)
    assert logged.found() == []


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("kind", "10"),
        ("kind", "99"),
        ("t", "t + interval '1 microsecond'"),
        ("sender", "'x'"),
        ("receiver", "'x'"),
        ("purpose", "'x'"),
        ("basis", "''"),
        ("scope", "'geburt/watch@1'"),
        ("outcome", "'sent'"),
    ],
)
def test_a_changed_query_column_is_found_and_named(logged: World, column: str, value: str) -> None:
    logged.as_owner(f"UPDATE flow_log SET {column} = {value} WHERE fid = :fid", fid=fid_at(logged, AT))
    (finding,) = logged.verify().findings
    assert (finding.what, finding.index, finding.detail) == ("column", AT, column)


@pytest.mark.flowlog_test(13)
def test_two_rows_that_changed_places_are_found(logged: World) -> None:
    three, four = fid_at(logged, 3), fid_at(logged, 4)
    logged.as_owner("UPDATE flow_leaf SET fid = :other WHERE idx = 3", other="00000000-0000-0000-0000-000000000000")
    logged.as_owner("UPDATE flow_leaf SET fid = :three WHERE idx = 4", three=three)
    logged.as_owner("UPDATE flow_leaf SET fid = :four WHERE idx = 3", four=four)
    assert logged.found() == [("entry", 3), ("entry", 4)]


@pytest.mark.flowlog_test(13)
def test_bytes_of_two_rows_exchanged_are_found_at_both(logged: World) -> None:
    three, four = fid_at(logged, 4), fid_at(logged, 5)
    logged.as_owner(
        "UPDATE flow_log l SET f_salt = o.f_salt, f_bytes = o.f_bytes, entry = o.entry FROM flow_log o"
        " WHERE (l.fid = :a AND o.fid = :b) OR (l.fid = :b AND o.fid = :a)",
        a=three,
        b=four,
    )
    assert logged.found() == [("entry", 4), ("entry", 5)]


@pytest.mark.flowlog_test(14)
def test_a_deleted_row_is_missed(logged: World) -> None:
    fid = fid_at(logged, AT)
    logged.as_owner("DELETE FROM flow_secret WHERE fid = :fid", fid=fid)
    assert logged.found() == [("row", AT)]
    logged.as_owner("DELETE FROM flow_log WHERE fid = :fid", fid=fid)
    assert logged.found() == [("row", AT)]


def test_a_row_that_lost_its_place_is_found_twice_as_hole_and_as_stray(logged: World) -> None:
    logged.as_owner("DELETE FROM flow_leaf WHERE idx = 3")
    assert logged.found() == [("index", 3), ("row", None)]


@pytest.mark.flowlog_test(14)
def test_a_row_slipped_in_is_found(logged: World) -> None:
    (fid,) = logged.record(a_flow())
    logged.as_owner("DELETE FROM flow_queue")
    assert logged.found() == [("row", None)]
    logged.as_owner("INSERT INTO flow_leaf (idx, fid) VALUES (266, :fid)", fid=fid)
    assert logged.found() == [("index", 266)]


def test_a_row_deleted_while_queued_is_found(logged: World) -> None:
    (fid,) = logged.record(a_flow())
    logged.as_owner("DELETE FROM flow_secret WHERE fid = :fid", fid=fid)
    assert logged.found() == [("row", None)]
    logged.as_owner("DELETE FROM flow_log WHERE fid = :fid", fid=fid)
    assert logged.found() == [("row", None)]


@pytest.mark.flowlog_test(14)
@pytest.mark.parametrize(
    ("level", "n", "place", "index"), [(0, 0, 96, None), (0, 0, 8191, None), (0, 1, 0, None), (1, 0, 5, None)]
)
def test_a_flipped_byte_of_a_tile_is_found_in_that_tile_alone(
    logged: World, level: int, n: int, place: int, index: int | None
) -> None:
    logged.as_owner(
        "UPDATE tile SET data = set_byte(data, :place, get_byte(data, :place) # 1) WHERE level = :level AND n = :n",
        place=place,
        level=level,
        n=n,
    )
    (finding,) = logged.verify().findings
    assert (finding.what, finding.index) == ("tile", index)
    assert f"tile {level}/{n} " in finding.detail


@pytest.mark.parametrize(("level", "n", "index"), [(0, 0, 0), (0, 1, 256), (1, 0, None)])
def test_a_missing_tile_is_named(logged: World, level: int, n: int, index: int | None) -> None:
    logged.as_owner("DELETE FROM tile WHERE level = :level AND n = :n", level=level, n=n)
    (finding,) = logged.verify().findings
    assert (finding.what, finding.index) == ("tile", index)
    assert f"tile {level}/{n} " in finding.detail


def test_what_is_kept_halfway_up_a_full_tile_must_be_of_it(logged: World) -> None:
    assert logged.found() == []
    logged.as_owner("UPDATE tile SET halfway = set_byte(halfway, 511, get_byte(halfway, 511) # 1) WHERE n = 0")
    (finding,) = logged.verify().findings
    assert (finding.what, finding.detail) == ("tile", "what is kept halfway up tile 0/0 is not of it")


def test_a_tile_cut_short_is_named(logged: World) -> None:
    logged.as_owner("UPDATE tile SET data = substr(data, 1, 64) WHERE level = 0 AND n = 1")
    assert logged.found() == [("tile", 258)]


def test_a_changed_row_beside_a_changed_tile_is_found_as_both(logged: World) -> None:
    # Neither tree is the signed one then; both places are named, and the signatures that no longer hold.
    logged.as_owner(
        "UPDATE flow_log SET entry = set_byte(entry, 19, get_byte(entry, 19) # 1) WHERE fid = :fid",
        fid=fid_at(logged, AT),
    )
    logged.as_owner("UPDATE tile SET data = set_byte(data, 0, get_byte(data, 0) # 1) WHERE level = 0 AND n = 1")
    found = logged.found()
    assert {("entry", AT), ("entry", 256)} <= set(found)
    assert ("head", None) in found


def test_a_rewritten_past_with_tiles_and_head_is_caught_by_the_signatures(logged: World) -> None:
    rewrite(logged)
    assert logged.found() == [("checkpoint", None), ("checkpoint", None)]


def rewrite(world: World) -> None:
    """An attacker with the whole database and no signing key makes entry 3 say something else, consistently."""
    fid = fid_at(world, AT)
    salt, body, entry = world.rows("SELECT f_salt, f_bytes, entry FROM flow_log WHERE fid = :fid", fid=fid)[0]
    lie = body.replace(b"standesamt-musterstadt", b"standesamt-anderswo")
    said = entries.unpack(entry)
    forged = entries.pack(said.kind, entries.commitment(b"F", salt, lie), said.subject, said.staff)
    world.as_owner(
        "UPDATE flow_log SET f_bytes = :lie, entry = :entry, sender = 'standesamt-anderswo' WHERE fid = :fid",
        lie=lie,
        entry=forged,
        fid=fid,
    )
    rows = world.rows("SELECT entry FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx")
    leaves = [leaf_hash(entry) for (entry,) in rows]
    tiles = {
        (0, 0): b"".join(leaves[:256]),
        (0, 1): b"".join(leaves[256:]),
        (1, 0): root_of(leaves[:256]),
    }
    for (level, n), data in tiles.items():
        world.as_owner(
            "UPDATE tile SET data = :d, halfway = :h WHERE level = :l AND n = :n",
            d=data,
            h=halfway_of(data) or None,
            l=level,
            n=n,
        )
    world.as_owner("UPDATE log_head SET root = :root", root=root_of(leaves))


def test_the_same_rewrite_under_a_stolen_key_is_not_seen_from_inside(logged: World) -> None:
    # The control, and the reason for checkpoints kept elsewhere (flowlog.md § 0, 4).
    rewrite(logged)
    root = logged.one("SELECT root FROM log_head")
    rows = logged.rows("SELECT entry FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx LIMIT 6")
    for size, signed in ((6, root_of([leaf_hash(entry) for (entry,) in rows])), (266, root)):
        note = sign_note(Checkpoint(ORIGIN, size, signed).text(), ORIGIN, SIGNING_KEY)
        logged.as_owner("UPDATE checkpoint SET note = :note WHERE size = :size", note=note, size=size)
    assert logged.found() == []


def test_a_changed_head_is_found(logged: World) -> None:
    logged.as_owner("UPDATE log_head SET root = sha256('x'::bytea)")
    assert logged.found() == [("head", None)]


def test_a_head_pulled_back_behind_a_checkpoint_is_found(logged: World) -> None:
    rows = logged.rows("SELECT entry FROM flow_leaf JOIN flow_log USING (fid) ORDER BY idx LIMIT 200")
    logged.as_owner(
        "UPDATE log_head SET size = 200, root = :root", root=root_of([leaf_hash(entry) for (entry,) in rows])
    )
    assert set(logged.found()) == {("checkpoint", None), *(("index", index) for index in range(200, 266))}


def test_a_missing_head_is_found(logged: World) -> None:
    logged.as_owner("DELETE FROM log_head")
    assert ("head", None) in logged.found()


@pytest.mark.parametrize(
    "change",
    [
        "note = replace(note, E'\\n6\\n', E'\\n7\\n')",
        "note = left(note, -3)",
        "note = ''",
        "size = 5",
        "note = (SELECT note FROM checkpoint WHERE size = 266)",
    ],
)
def test_a_changed_checkpoint_is_found(logged: World, change: str) -> None:
    logged.as_owner(f"UPDATE checkpoint SET {change} WHERE size = 6")
    assert logged.found() == [("checkpoint", None)]


def test_a_log_signed_with_another_key_is_found_and_a_malformed_key_is_refused(logged: World) -> None:
    other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    with logged.role("reader").transaction() as session:
        found = verify_database(session, other).findings
        assert [finding.what for finding in found] == ["checkpoint", "checkpoint"]
        with pytest.raises(NoteError):
            verify_database(session, "nonsense")


# sealed parts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("s_blob = NULL", "subject part"),
        ("s_blob = substr(s_blob, 1, 32)", "subject part"),
        ("subj = NULL", "subject part"),
        ("a_blob = NULL", "staff part"),
        ("staff_key = NULL", "staff part"),
    ],
)
def test_a_part_removed_quietly_is_found_without_any_key(logged: World, change: str, what: str) -> None:
    logged.as_owner(f"UPDATE flow_secret SET {change} WHERE fid = :fid", fid=fid_at(logged, AT))
    assert logged.found() == [(what, AT)]


@pytest.mark.flowlog_test(20)
def test_an_erasure_that_is_accounted_for_is_no_finding(logged: World) -> None:
    logged.as_owner("UPDATE flow_secret SET subj = NULL, s_blob = NULL WHERE fid = :fid", fid=fid_at(logged, AT))
    assert logged.found() == [("subject part", AT)]
    logged.record(a_flow(kind=Kind.ERASURE, action="person.erased", n=1, erased=(AT,)))
    assert logged.found() == []


def test_that_an_entry_never_had_a_subject_part_is_proven(logged: World) -> None:
    logged.as_owner("UPDATE flow_secret SET s_blob = sha256(s_blob) WHERE fid = :fid", fid=fid_at(logged, 0))
    logged.as_owner("UPDATE flow_secret SET subj = 'x' WHERE fid = :fid", fid=fid_at(logged, 1))
    assert logged.found() == [("subject part", 0), ("subject part", 1)]


@pytest.mark.flowlog_test(13)
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("s_blob = set_byte(s_blob, 0, get_byte(s_blob, 0) # 1)", "subject part"),
        ("s_blob = set_byte(s_blob, 60, get_byte(s_blob, 60) # 1)", "subject part"),
        ("a_blob = set_byte(a_blob, 0, get_byte(a_blob, 0) # 1)", "staff part"),
        ("a_blob = set_byte(a_blob, 60, get_byte(a_blob, 60) # 1)", "staff part"),
    ],
)
def test_a_flipped_byte_of_a_sealed_part_is_found_by_whoever_can_open_it(logged: World, change: str, what: str) -> None:
    logged.as_owner(f"UPDATE flow_secret SET {change} WHERE fid = :fid", fid=fid_at(logged, AT))
    assert (what, AT) in logged.verify_opened([person_of(logged)])
    assert logged.found() == []  # the control: without keys nobody can tell


@pytest.mark.flowlog_test(15)
def test_an_entry_deleted_before_it_was_placed_leaves_a_gap_in_the_persons_numbers(logged: World) -> None:
    person = person_of(logged)
    (fid,) = logged.record(a_flow(person=person))
    for table in ("flow_queue", "flow_secret", "flow_log"):
        logged.as_owner(f"DELETE FROM {table} WHERE fid = :fid", fid=fid)
    assert logged.verify_opened([person]) == [("sequence", None)]  # the last number given is not the last found
    logged.log_and_sign(a_flow(person=person))
    assert logged.verify_opened([person]) == [("sequence", 266)]
    assert logged.found() == []


def test_a_subject_part_filed_under_another_person_is_found(logged: World) -> None:
    anna = person_of(logged)
    ben = logged.a_person()
    logged.log_and_sign(a_flow(person=ben))
    logged.as_owner(
        "UPDATE flow_secret SET subj = :subj WHERE fid = :fid", subj=logged.log.subj(ben), fid=fid_at(logged, AT)
    )
    # Under Ben's index stands what Ben's key does not open.
    assert ("subject part", AT) in logged.verify_opened([anna, ben])


def test_facts_that_are_not_canonical_are_found_even_where_the_commitment_fits(world: World) -> None:
    fids = world.record(a_flow(), a_flow(), a_flow())
    liar = {"flow": str(fids[0])}
    for fid, body in zip(fids, (b'{"flow": 1}', b"not json", dumps(liar)), strict=True):
        salt, entry = world.rows("SELECT f_salt, entry FROM flow_log WHERE fid = :fid", fid=fid)[0]
        said = entries.unpack(entry)
        forged = entries.pack(said.kind, entries.commitment(b"F", salt, body), said.subject, said.staff)
        world.as_owner("UPDATE flow_log SET f_bytes = :b, entry = :e WHERE fid = :fid", b=body, e=forged, fid=fid)
        world.as_owner("UPDATE flow_queue SET leaf = :leaf WHERE fid = :fid", leaf=leaf_hash(forged), fid=fid)
    world.integrate()
    world.sign()
    details = [(finding.index, finding.detail) for finding in world.verify().findings if finding.what == "facts"]
    assert details == [
        (0, "not canonical"),
        (1, "not canonical"),
        (2, "are those of another flow"),
        (2, "name another kind than the entry"),
    ]


def test_findings_are_capped_and_say_so(logged: World) -> None:
    logged.record(*(a_flow() for _ in range(1001)))
    with logged.role("owner").transaction() as session:
        session.connection().execute(text("UPDATE flow_log SET sender = 'x'"))
    report = logged.verify()
    assert len(report.findings) == 1000
    assert report.truncated
    assert "… and more." in report.text().splitlines()
    assert "does not add up" in report.text()


def test_verifying_beside_writers_and_sequencer_raises_no_false_alarm(logged: World) -> None:
    with logged.role("reader").transaction() as session:
        verify_database(session, logged.signer().vkey)
        logged.log_and_sign(*(a_flow() for _ in range(300)))
        assert verify_database(session, logged.signer().vkey).findings == ()
