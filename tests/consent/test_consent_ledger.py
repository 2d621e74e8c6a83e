"""Giving, refusing, withdrawing: what stands in the ledger, what the head says, and what is refused untouched."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from consent_cases import ANNA, NOON, an_activity, an_id, release_all, says_yes, shown, takes_back
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.exc import IntegrityError, ProgrammingError

from consent.errors import ConsentConflict, NoticeUnknown
from consent.ledger import change, object_to, refuse, withdraw
from consent.model import Activity, Basis, ConsentState, Event, Head
from consent.naming import Named, named, standing
from consent.states import TRANSITIONS
from consent.store import give, heads_of, lock_subjects, notice, put_notice, raise_epoch, rebuild_heads
from consent.tables import HEADS, LEDGER

KITA = an_activity()
PATHS: dict[ConsentState | None, list[Event]] = {
    None: [],
    ConsentState.REQUESTED: [Event.REQUEST],
    ConsentState.GIVEN: [Event.GIVE],
    ConsentState.REFUSED: [Event.REFUSE],
    ConsentState.WITHDRAWN: [Event.GIVE, Event.WITHDRAW],
    ConsentState.EXPIRED: [Event.GIVE, Event.EXPIRE],
    ConsentState.LAPSED: [Event.REQUEST, Event.LAPSE],
    ConsentState.REVOKED: [Event.GIVE, Event.REVOKE],
    ConsentState.SUPERSEDED: [Event.GIVE, Event.SUPERSEDE],
    ConsentState.OBJECTED: [Event.OBJECT],
}
HOW: dict[str, Any] = {"at": NOON, "flow_id": an_id("flow"), "channel": "PULL", "trust": 1}


@pytest.fixture
def connection(engine: Engine, owner: Engine) -> Any:
    with owner.begin() as opened:
        release_all(opened, KITA)
    with engine.connect() as opened:
        yield opened


def happens(connection: Connection, person: UUID, event: Event, record: UUID, **changes: Any) -> Head:
    parts: dict[str, Any] = {
        **HOW,
        "person": person,
        "activity": KITA,
        "scope": "",
        "record": record,
        "notice": shown(connection, KITA) if event is Event.GIVE else None,
    }
    return change(connection, event=event, **{**parts, **changes})


def entries(connection: Connection, person: UUID = ANNA) -> list[tuple[str, str | None, str]]:
    columns = LEDGER.c
    found = connection.execute(
        select(columns.event, columns.state_before, columns.state_after)
        .where(columns.person == person)
        .order_by(columns.seq)
    )
    return [tuple(row) for row in found]


def heads_and_ledger(connection: Connection) -> tuple[list[Any], int]:
    heads = connection.execute(select(HEADS).order_by(HEADS.c.last_seq)).all()
    return heads, connection.execute(select(func.count()).select_from(LEDGER)).scalar_one()


def test_a_yes_is_in_the_ledger_and_in_the_head(connection: Connection) -> None:
    until = NOON + timedelta(days=365)
    head = says_yes(connection, ANNA, KITA, at=NOON, valid_until=until)
    assert head == Head(
        person=ANNA,
        activity=KITA.name,
        recipient=KITA.recipient,
        scope="",
        state=ConsentState.GIVEN,
        record=an_id((ANNA, KITA.id)),
        version=1,
        fields=KITA.fields,
        given_at=NOON,
        valid_until=until,
    )
    assert heads_of(connection, ANNA) == [head]
    row = connection.execute(select(LEDGER)).one()
    assert (row.flow_id, row.notice, row.channel, row.trust) == (an_id("flow"), shown(connection, KITA), "PULL", 1)
    assert row.at == NOON
    assert sorted(row.fields) == sorted(KITA.fields)


@pytest.mark.parametrize("state", PATHS, ids=str)
def test_every_event_of_a_record_in_this_state_is_listed_or_refused_untouched(
    connection: Connection, state: ConsentState | None
) -> None:
    for event in Event:
        person, record = an_id((state, event)), an_id(("record", state, event))
        for step in PATHS[state]:
            happens(connection, person, step, record)
        before = heads_and_ledger(connection)
        if (state, event) in TRANSITIONS:
            assert happens(connection, person, event, record).state is TRANSITIONS[state, event]
            assert heads_and_ledger(connection)[1] == before[1] + 1
        elif (state, event) == (ConsentState.WITHDRAWN, Event.WITHDRAW):
            assert happens(connection, person, event, record).state is ConsentState.WITHDRAWN
            assert heads_and_ledger(connection) == before
        else:
            with pytest.raises(ConsentConflict):
                happens(connection, person, event, record)
            assert heads_and_ledger(connection) == before


def test_withdrawing_again_writes_nothing_and_succeeds(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA)
    first = takes_back(connection, person=ANNA, activity=KITA, **HOW)
    again = takes_back(connection, person=ANNA, activity=KITA, **HOW)
    assert first == again
    assert first.state is ConsentState.WITHDRAWN
    assert first.given_at is not None
    assert entries(connection) == [("give", None, "given"), ("withdraw", "given", "withdrawn")]


def test_what_was_never_given_cannot_be_withdrawn(connection: Connection) -> None:
    with pytest.raises(ConsentConflict):
        takes_back(connection, person=ANNA, activity=KITA, **HOW)
    refuse(connection, person=ANNA, activity=KITA, record=an_id(1), notice=None, **HOW)
    with pytest.raises(ConsentConflict):
        takes_back(connection, person=ANNA, activity=KITA, **HOW)
    assert entries(connection) == [("refuse", None, "refused")]


@pytest.mark.parametrize("ended", [Event.WITHDRAW, Event.REVOKE, Event.LAPSE, Event.EXPIRE])
def test_after_an_end_a_yes_is_a_new_record(connection: Connection, ended: Event) -> None:
    first = says_yes(connection, ANNA, KITA, record=an_id(1))
    happens(connection, ANNA, ended, first.record)
    second = says_yes(connection, ANNA, KITA, record=an_id(2), at=NOON)
    assert (second.state, second.record, second.given_at) == (ConsentState.GIVEN, an_id(2), NOON)
    assert [after for _, _, after in entries(connection)][-2:] == [TRANSITIONS[ConsentState.GIVEN, ended], "given"]


def test_saying_yes_again_supersedes_the_record_that_stands(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA, record=an_id(1))
    says_yes(connection, ANNA, KITA, record=an_id(2))
    assert entries(connection) == [
        ("give", None, "given"),
        ("supersede", "given", "superseded"),
        ("give", None, "given"),
    ]
    assert [head.record for head in heads_of(connection, ANNA)] == [an_id(2)]


@pytest.mark.parametrize("event", [Event.REFUSE, Event.REQUEST])
def test_a_standing_consent_is_neither_refused_nor_asked_for_over_its_head(
    connection: Connection, event: Event
) -> None:
    says_yes(connection, ANNA, KITA)
    before = heads_and_ledger(connection)
    with pytest.raises(ConsentConflict):
        happens(connection, ANNA, event, an_id("another record"))
    assert heads_and_ledger(connection) == before


def test_a_consent_whose_time_is_over_makes_room_for_any_answer(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA, valid_until=NOON)
    refuse(connection, person=ANNA, activity=KITA, record=an_id(2), notice=None, **HOW)
    assert entries(connection) == [("give", None, "given"), ("expire", "given", "expired"), ("refuse", None, "refused")]


def test_a_record_that_is_over_cannot_begin_again_under_its_old_id(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA, record=an_id(1))
    takes_back(connection, person=ANNA, activity=KITA, **HOW)
    says_yes(connection, ANNA, KITA, record=an_id(2))
    takes_back(connection, person=ANNA, activity=KITA, **HOW)
    before = heads_and_ledger(connection)
    for used in (an_id(1), an_id(2)):
        with pytest.raises(ConsentConflict):
            says_yes(connection, ANNA, KITA, record=used)
    assert heads_and_ledger(connection) == before


def test_nobody_touches_the_record_of_somebody_else(connection: Connection) -> None:
    anna = says_yes(connection, ANNA, KITA)
    before = heads_and_ledger(connection)
    for event in Event:
        with pytest.raises(ConsentConflict):
            happens(connection, an_id("Bodo Erfunden"), event, anna.record)
    assert heads_and_ledger(connection) == before


def test_a_record_is_born_once_even_if_the_check_before_were_missing(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA)
    row = dict(connection.execute(select(LEDGER)).one()._mapping)
    del row["seq"]
    with pytest.raises(IntegrityError, match="uq_consent_ledger_birth"):
        connection.execute(LEDGER.insert().values(**{**row, "person": an_id("Bodo Erfunden")}))


def test_scopes_are_answered_apart(connection: Connection) -> None:
    for scope in ("Auftrag 1", "Auftrag 2"):
        says_yes(connection, ANNA, KITA, scope=scope, record=an_id(scope))
    takes_back(connection, person=ANNA, activity=KITA, scope="Auftrag 1", **HOW)
    assert [head.state for head in heads_of(connection, ANNA)] == [ConsentState.WITHDRAWN, ConsentState.GIVEN]


def test_a_withdrawal_reaches_the_record_of_an_older_version_with_another_recipient(
    connection: Connection, owner: Engine
) -> None:
    newer = an_activity(version=2, recipient="standesamt-musterstadt")
    with owner.begin() as opened:
        release_all(opened, newer)
    says_yes(connection, ANNA, KITA)
    head = takes_back(connection, person=ANNA, activity=newer, **HOW)
    assert (head.recipient, head.version, head.state) == ("jugendamt-musterstadt", 1, ConsentState.WITHDRAWN)
    assert heads_of(connection, ANNA) == [head]


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": datetime(2026, 11, 23)},  # noqa: DTZ001
        {"channel": ""},
        {"trust": 4},
        {"trust": -1},
        {"valid_until": NOON - timedelta(hours=1)},
    ],
)
def test_an_act_without_what_an_act_needs_changes_nothing(connection: Connection, wrong: dict) -> None:
    with pytest.raises(ValueError):
        says_yes(connection, ANNA, KITA, **wrong)
    assert heads_and_ledger(connection) == ([], 0)
    assert lock_subjects(connection, [ANNA]) == {}


def test_a_yes_needs_the_text_that_was_shown_for_this_very_version(connection: Connection) -> None:
    other = put_notice(connection, an_activity(version=2), locale="de", media_type="text/plain", body=b"Anders.")
    for digest in (None, b"", b"\0" * 32, other):
        with pytest.raises(NoticeUnknown):
            says_yes(connection, ANNA, KITA, notice=digest)
    with pytest.raises(NoticeUnknown):
        refuse(connection, person=ANNA, activity=KITA, record=an_id(1), notice=other, **HOW)
    assert heads_and_ledger(connection) == ([], 0)


@pytest.mark.parametrize(
    "closed", [{"retired": True}, {"dsb_approved_at": None}, {"dsb_approved_at": NOON + timedelta(days=1)}]
)
def test_nobody_says_yes_to_what_is_not_open(connection: Connection, closed: dict) -> None:
    with pytest.raises(ConsentConflict):
        says_yes(connection, ANNA, an_activity(**closed))
    assert heads_and_ledger(connection) == ([], 0)


def test_a_text_is_kept_byte_for_byte_and_once(connection: Connection) -> None:
    body = b"Darf die Stadt das?\n"
    digest = put_notice(connection, KITA, locale="de", media_type="text/plain", body=body)
    assert digest == put_notice(connection, KITA, locale="de", media_type="text/plain", body=body)
    kept = notice(connection, digest)
    assert kept is not None
    assert (kept.body, kept.activity, kept.locale, kept.media_type) == (body, KITA.id, "de", "text/plain")
    assert notice(connection, b"no digest of anything") is None


def test_a_text_for_another_activity_language_or_type_has_another_digest(connection: Connection) -> None:
    def digest(activity: Activity = KITA, locale: str = "de", media_type: str = "text/plain") -> bytes:
        return put_notice(connection, activity, locale=locale, media_type=media_type, body=b"Ja?")

    assert len({digest(), digest(an_activity(version=2)), digest(locale="ls"), digest(media_type="text/html")}) == 4


@pytest.mark.parametrize("wrong", [{"body": b""}, {"locale": "d\0e"}, {"media_type": "\0"}])
def test_a_text_without_body_or_with_zero_bytes_around_it_is_refused(connection: Connection, wrong: dict) -> None:
    parts: dict[str, Any] = {"locale": "de", "media_type": "text/plain", "body": b"Ja?", **wrong}
    with pytest.raises(ValueError):
        put_notice(connection, KITA, **parts)


def test_every_change_counts_the_epoch_up_and_so_does_whoever_asks_for_it(connection: Connection) -> None:
    says_yes(connection, ANNA, KITA)
    takes_back(connection, person=ANNA, activity=KITA, **HOW)
    raise_epoch(connection, [ANNA, an_id("Bodo Erfunden")])
    raise_epoch(connection, [])
    wanted = [an_id("Bodo Erfunden"), ANNA, an_id("nobody")]
    assert lock_subjects(connection, wanted) == {ANNA: 3, an_id("Bodo Erfunden"): 1}


@pytest.mark.parametrize("statement", [LEDGER.update().values(state_after="given"), LEDGER.delete()])
def test_the_application_cannot_change_what_was_answered(connection: Connection, statement: Any) -> None:
    says_yes(connection, ANNA, KITA)
    with pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(statement)


BIRTH_DATE = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(Event),
        st.sampled_from(["", "Auftrag 1"]),
        st.integers(0, 3),  # which record
        st.integers(1, 2),  # which version of the activity
        st.sampled_from([None, 2, 40]),  # valid for so many hours
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, persons=st.integers(1, 2))
def test_heads_made_again_from_the_ledger_are_the_heads(owner: Engine, steps: list, persons: int) -> None:
    versions = {1: KITA, 2: an_activity(version=2, fields=frozenset({"kind.vornamen"}))}
    with owner.connect() as connection:  # each history is rolled back
        release_all(connection, *versions.values())
        for hour, (event, scope, record, version, hours) in enumerate(steps):
            at = BIRTH_DATE + timedelta(hours=hour)
            who = an_id(hour % persons)
            try:
                happens(
                    connection,
                    who,
                    event,
                    an_id((who, record, scope)),
                    scope=scope,
                    activity=versions[version],
                    at=at,
                    valid_until=None if hours is None else at + timedelta(hours=hours),
                    notice=shown(connection, versions[version]) if event is Event.GIVE else None,
                )
            except ConsentConflict:
                continue
        before = heads_and_ledger(connection)
        rebuild_heads(connection)
        assert heads_and_ledger(connection) == before


def test_a_head_that_was_tampered_with_does_not_survive_being_made_again(owner: Engine) -> None:
    with owner.connect() as connection:
        release_all(connection, KITA)
        says_yes(connection, ANNA, KITA)
        takes_back(connection, person=ANNA, activity=KITA, **HOW)
        truth = heads_and_ledger(connection)
        connection.execute(update(HEADS).values(state="given"))
        assert heads_and_ledger(connection) != truth
        rebuild_heads(connection)
        assert heads_and_ledger(connection) == truth


def test_give_is_offered_by_the_store_with_its_lock_and_its_ledger(connection: Connection) -> None:
    give(
        connection,
        person=ANNA,
        activity=KITA,
        record=an_id(1),
        notice=shown(connection, KITA),
        **HOW,
        scope="Auftrag 1",
    )
    assert entries(connection) == [("give", None, "given")]


def test_an_objection_ends_what_is_given_once_and_giving_again_takes_it_back(
    connection: Connection, owner: Engine
) -> None:
    task = an_activity("geburt/match", basis=Basis.PUBLIC_TASK)
    with owner.begin() as opened:
        release_all(opened, task)
    says_yes(connection, ANNA, task)
    objecting: dict[str, Any] = {"person": ANNA, "activity": task, **HOW}
    before = heads_and_ledger(connection)
    with pytest.raises(ConsentConflict, match="stands"):
        object_to(connection, record=an_id(1), **objecting)
    assert heads_and_ledger(connection) == before, "the entry would name a record that the ledger does not"
    stands = named(connection, ANNA, task, Event.OBJECT, an_id(1)).record
    head = object_to(connection, record=stands, **objecting)
    assert (head.state, head.record) == (ConsentState.OBJECTED, an_id((ANNA, task.id)))
    assert object_to(connection, record=an_id(2), **objecting) == head, "again writes nothing"
    assert entries(connection) == [("give", None, "given"), ("object", "given", "objected")]
    assert (
        happens(connection, ANNA, Event.GIVE, an_id(3), activity=task, notice=shown(connection, task)).state == "given"
    )
    stands = named(connection, ANNA, task, Event.OBJECT, an_id(4)).record
    assert object_to(connection, record=stands, **objecting).record == an_id(3)


def test_what_rests_on_a_consent_cannot_be_objected_to(connection: Connection) -> None:
    with pytest.raises(ConsentConflict, match="public task"):
        object_to(connection, person=ANNA, activity=KITA, record=an_id(1), **HOW)
    assert entries(connection) == []


# what the entry of an event names -----------------------------------------------------------------------------------


def rows_of(connection: Connection) -> list[tuple[str, UUID]]:
    found = connection.execute(select(LEDGER.c.event, LEDGER.c.record).order_by(LEDGER.c.seq))
    return [tuple(row) for row in found]


@pytest.mark.parametrize("before", PATHS, ids=str)
@pytest.mark.parametrize("event", [Event.GIVE, Event.REFUSE, Event.OBJECT, Event.REQUEST], ids=str)
def test_what_an_entry_names_is_what_the_ledger_writes_whatever_stood_before(
    connection: Connection, before: ConsentState | None, event: Event
) -> None:
    for step in PATHS[before]:
        happens(connection, ANNA, step, an_id("before"))
    known = len(rows_of(connection))
    this = named(connection, ANNA, KITA, event, an_id("fresh"))
    try:
        head = happens(connection, ANNA, event, this.record)
    except ConsentConflict:
        assert len(rows_of(connection)) == known
        return
    *ended, (_, written) = rows_of(connection)[known:]
    assert head.record == written == this.record
    assert this.activity == f"{head.activity}@{head.version}"
    assert [record for _, record in ended] == ([] if this.replaces is None else [this.replaces])


def test_an_objection_in_an_older_version_names_that_version(connection: Connection, owner: Engine) -> None:
    task = an_activity("geburt/match", basis=Basis.PUBLIC_TASK)
    with owner.begin() as opened:
        release_all(opened, task, newer := an_activity("geburt/match", basis=Basis.PUBLIC_TASK, version=2))
    head = says_yes(connection, ANNA, task)
    assert named(connection, ANNA, newer, Event.OBJECT, an_id(1)) == Named(head.record, "geburt/match@1")


def test_a_withdrawal_names_every_record_that_stands_each_in_its_version(connection: Connection, owner: Engine) -> None:
    newer = an_activity(version=2, recipient="standesamt-musterstadt")
    with owner.begin() as opened:
        release_all(opened, newer)
    says_yes(connection, ANNA, KITA, record=an_id(1))
    says_yes(connection, ANNA, newer, record=an_id(2))
    ending = standing(connection, ANNA, KITA.name)
    assert [Named.of(head) for head in ending] == [
        Named(an_id(2), "geburt/transmit/KITA-PLATZ@2"),
        Named(an_id(1), "geburt/transmit/KITA-PLATZ@1"),
    ]
    how = {name: value for name, value in HOW.items() if name != "flow_id"}
    before = heads_and_ledger(connection)
    with pytest.raises(ConsentConflict, match=str(an_id(1))):
        withdraw(connection, person=ANNA, activity=newer, flow_ids={an_id(2): an_id("a")}, **how)
    assert heads_and_ledger(connection) == before, "what no entry names does not end"
    entries_of = {an_id(1): an_id("one"), an_id(2): an_id("two")}
    withdraw(connection, person=ANNA, activity=newer, flow_ids=entries_of, **how)
    found = connection.execute(select(LEDGER.c.record, LEDGER.c.flow_id).where(LEDGER.c.event == Event.WITHDRAW)).all()
    assert {row.record: row.flow_id for row in found} == entries_of
    assert standing(connection, ANNA, KITA.name) == []
