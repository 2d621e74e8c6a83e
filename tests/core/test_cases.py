"""The pure life of a case."""

from dataclasses import replace
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from proaktiv.core.cases import (
    AuftragMoved,
    Confirmed,
    ConsentWithdrawn,
    Decided,
    Declined,
    Effect,
    ForClerk,
    Happening,
    Moved,
    Postponed,
    ProposalMoved,
    Proposed,
    Stopped,
    TransmitWithdrawn,
    Undone,
    apply,
)
from proaktiv.core.errors import Conflict
from proaktiv.core.guards import Guard
from proaktiv.core.items import Candidate, Case, Item
from proaktiv.core.states import AUFTRAG, PROPOSAL, AuftragState, ProposalState, moved

ANNA, BEN = UUID(int=1), UUID(int=2)
ONE, TWO, THREE = UUID(int=11), UUID(int=12), UUID(int=13)


def candidate(key: bytes = b"k", person: UUID = ANNA, shown: bytes = b"v1", group: bytes | None = None) -> Candidate:
    return Candidate(key, "GEBURTSURKUNDE", person, shown, group)


def item(which: UUID = ONE, state: str = "open", auftrag: AuftragState | None = None, **of_candidate: Any) -> Item:
    return Item(which, candidate(**of_candidate), ProposalState(state), auftrag)


def effects(case: Case, happening: Happening) -> tuple[Effect, ...]:
    return apply(case, happening)[1]


def test_the_first_offer_becomes_an_open_proposal() -> None:
    (made,) = effects(Case(), Decided((candidate(),), (ONE,)))
    assert isinstance(made, Proposed)
    assert made.item.state is ProposalState.OPEN
    assert made.supersedes is None


def test_the_same_offer_again_changes_nothing() -> None:
    case, _ = apply(Case(), Decided((candidate(),), (ONE,)))
    assert effects(case, Decided((candidate(),), (TWO,))) == ()


def test_another_content_supersedes_what_is_not_confirmed() -> None:
    case, _ = apply(Case(), Decided((candidate(),), (ONE,)))
    after, done = apply(case, Decided((candidate(shown=b"v2"),), (TWO,)))
    assert [type(effect) for effect in done] == [ProposalMoved, Proposed]
    assert {i.id: i.state.value for i in after.items} == {ONE: "superseded", TWO: "open"}
    assert next(i for i in after.items if i.id == TWO).generation == 2


def test_another_content_after_the_yes_is_for_a_clerk_and_never_a_silent_change() -> None:
    case = Case((item(state="confirmed", auftrag=AuftragState.SENT),))
    assert effects(case, Decided((candidate(shown=b"v2"),), (TWO,))) == (ForClerk(ONE, "auftrag.changed"),)


def test_two_reports_of_the_same_thing_in_one_set_are_one_proposal() -> None:
    after, done = apply(Case(), Decided((candidate(), candidate()), (ONE, TWO)))
    assert len(done) == 1
    assert [i.id for i in after.items] == [ONE]
    after, done = apply(Case(), Decided((candidate(), candidate(shown=b"v2")), (ONE, TWO)))
    assert {i.id: (i.state.value, i.generation) for i in after.items} == {ONE: ("superseded", 1), TWO: ("open", 2)}


def test_what_was_recalled_is_proposed_again_when_the_register_reports_it_anew() -> None:
    (made,) = effects(Case((item(state="recalled"),)), Decided((candidate(),), (TWO,)))
    assert isinstance(made, Proposed)
    assert (made.item.generation, made.supersedes) == (2, ONE)


def test_a_new_report_about_a_withdrawn_auftrag_is_for_a_clerk() -> None:
    case = Case((item(state="confirmed", auftrag=AuftragState.WITHDRAWN),))
    assert effects(case, Decided((candidate(),), (TWO,))) == (ForClerk(ONE, "auftrag.withdrawn_before"),)


@pytest.mark.parametrize("state", ["declined", "lapsed"])
def test_what_ended_is_not_proposed_again(state: str) -> None:
    assert effects(Case((item(state=state),)), Decided((candidate(shown=b"v2"),), (TWO,))) == ()


def test_the_first_yes_closes_the_others_of_its_group_and_no_one_elses() -> None:
    case = Case((item(group=b"g"), item(TWO, person=BEN, group=b"g"), item(THREE, key=b"other")))
    after, _ = apply(case, Confirmed(ONE, b"v1", AuftragState.HELD))
    assert [i.state.value for i in after.items] == ["confirmed", "lapsed", "open"]
    with pytest.raises(Conflict):
        apply(after, Confirmed(TWO, b"v1", AuftragState.HELD))


@pytest.mark.parametrize("hidden", [ANNA, BEN])
def test_where_one_of_two_hides_nothing_that_one_does_moves_what_the_other_has(hidden: UUID) -> None:
    hides = frozenset({hidden})
    own = item(THREE, key=b"own", group=b"g")
    case = Case((item(group=b"g"), item(TWO, person=BEN, group=b"g"), own))
    after, _ = apply(case, Confirmed(ONE, b"v1", AuftragState.HELD, hidden=hides))
    assert [i.state.value for i in after.items] == ["confirmed", "open", "lapsed"], "one's own closes as ever"
    closed, _ = apply(case, Confirmed(ONE, b"v1", AuftragState.HELD))
    for taken_back in (Undone(ONE, hides), TransmitWithdrawn(ONE, hides)):
        later, _ = apply(closed, taken_back)
        assert [i.state.value for i in later.items][1:] == ["lapsed", "open"]


def test_a_yes_to_something_older_than_the_content_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="changed since"):
        apply(Case((item(shown=b"v2"),)), Confirmed(ONE, b"v1", AuftragState.HELD))


def test_later_twice_is_still_later_and_can_become_yes_or_no() -> None:
    case, _ = apply(Case((item(),)), Postponed(ONE))
    assert effects(case, Postponed(ONE)) == ()
    assert effects(case, Declined(ONE)) == (ProposalMoved(ONE, ProposalState.DECLINED),)


def test_a_withdrawn_consent_recalls_what_is_open_and_leaves_auftraege_running() -> None:
    case = Case((item(), item(TWO, state="confirmed", auftrag=AuftragState.HELD)))
    after, _ = apply(case, ConsentWithdrawn())
    assert after.items[0].state is ProposalState.RECALLED
    assert after.items[1].auftrag is AuftragState.HELD


def test_a_withdrawn_auftrag_never_leaves_and_a_sent_one_is_for_a_clerk() -> None:
    held = Case((item(state="confirmed", auftrag=AuftragState.HELD),))
    sent = Case((item(state="confirmed", auftrag=AuftragState.SENT),))
    gone = Case((item(state="confirmed", auftrag=AuftragState.WITHDRAWN),))
    assert effects(held, TransmitWithdrawn(ONE)) == (AuftragMoved(ONE, AuftragState.WITHDRAWN),)
    assert effects(sent, TransmitWithdrawn(ONE)) == (ForClerk(ONE, "auftrag.withdrawn_after_sending"),)
    assert effects(gone, TransmitWithdrawn(ONE)) == ()


def test_a_stop_recalls_everything_unsent_and_calls_a_human_for_the_rest() -> None:
    case = Case(
        (
            item(),
            item(TWO, key=b"2", state="confirmed", auftrag=AuftragState.READY),
            item(THREE, key=b"3", state="confirmed", auftrag=AuftragState.SENT),
        )
    )
    after, done = apply(case, Stopped(Guard.KIND_VERSTORBEN, frozenset({ONE, TWO, THREE})))
    assert after.items[0].state is ProposalState.RECALLED
    assert after.items[1].auftrag is AuftragState.WITHDRAWN
    assert ForClerk(THREE, "auftrag.recall_by_hand") in done


def test_a_stop_ends_a_sheet_that_lies_with_its_citizen_and_opens_it_to_the_other_parent() -> None:
    mine = item(state="confirmed", auftrag=AuftragState.WITH_CITIZEN)
    theirs = replace(item(TWO, key=b"2", state="lapsed"), closed_by=ONE)
    after, _ = apply(Case((mine, theirs)), Stopped(Guard.VERSTORBEN, frozenset({ONE})))
    assert after.items[0].auftrag is AuftragState.WITHDRAWN
    assert after.items[1].state is ProposalState.OPEN


@pytest.mark.parametrize(("before", "to"), list(product(AuftragState, AuftragState)))
def test_an_auftrag_moves_only_as_its_table_says(before: AuftragState, to: AuftragState) -> None:
    case = Case((item(state="confirmed", auftrag=before),))
    if to in AUFTRAG[before]:
        assert apply(case, Moved(ONE, to))[0].items[0].auftrag is to
    else:
        with pytest.raises(Conflict):
            apply(case, Moved(ONE, to))


@pytest.mark.parametrize(("before", "to"), list(product(ProposalState, ProposalState)))
def test_a_proposal_moves_only_as_its_table_says(before: ProposalState, to: ProposalState) -> None:
    if to in PROPOSAL[before]:
        assert moved(PROPOSAL, before, to) is to
    else:
        with pytest.raises(Conflict):
            moved(PROPOSAL, before, to)


def test_nothing_ends_a_happening_about_an_item_that_is_not_there() -> None:
    with pytest.raises(Conflict, match="not part"):
        apply(Case(), Declined(ONE))


# what is only told, and what comes first -----------------------------------------------------------------------------


def test_nobody_says_yes_or_later_to_what_is_only_told() -> None:
    hint = Item(ONE, Candidate(b"k", "STEUER-ID", ANNA, b"v1", told=True), ProposalState.OPEN)
    with pytest.raises(Conflict, match="nothing to say yes to"):
        apply(Case((hint,)), Confirmed(ONE, b"v1", AuftragState.HELD))
    with pytest.raises(Conflict, match="nothing to put off"):
        apply(Case((hint,)), Postponed(ONE))
    assert effects(Case((hint,)), Declined(ONE)) == (ProposalMoved(ONE, ProposalState.DECLINED),)


@pytest.mark.parametrize(
    ("state", "person", "told", "waits"),
    [
        ("open", ANNA, False, True),
        ("later", ANNA, False, True),
        ("declined", ANNA, False, False),
        ("lapsed", ANNA, False, False),
        ("recalled", ANNA, False, False),
        ("open", BEN, False, False),
        ("open", ANNA, True, False),
    ],
)
def test_what_comes_first_is_what_the_same_person_has_still_to_decide(
    state: str, person: UUID, told: bool, waits: bool
) -> None:
    first = Item(ONE, Candidate(b"1", "KFZ-ANSCHRIFT", person, b"v1", told=told), ProposalState(state))
    case = Case((first, Item(TWO, Candidate(b"2", "PARKAUSWEIS", ANNA, b"v1"), ProposalState.OPEN)))
    yes = Confirmed(TWO, b"v1", AuftragState.HELD, after=("KFZ-ANSCHRIFT",))
    if waits:
        with pytest.raises(Conflict, match="first comes KFZ-ANSCHRIFT"):
            apply(case, yes)
    else:
        assert AuftragMoved(TWO, AuftragState.HELD) in effects(case, yes)
