"""What a human is given to do, and what their answer does."""

import ast
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from proaktiv.core.errors import BadInput, Conflict, NotFound, OutcomeUnknown, Permanent, Temporary
from proaktiv.core.tasks import TASKS, How, Matter
from proaktiv.steps.enrol import Wish
from tests.builders import Somebody, a_birth, a_cancellation, a_move, somebody
from tests.world import World

ROOT = Path(__file__).parents[2]


def confirmed(world: World) -> UUID:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    return world.says_yes(world.opens_letter(anna), "GEBURTSURKUNDE")


def only_task(world: World, what: str) -> UUID:
    (task,) = [task for task in world.pipeline.tasks() if task["what"] == what]
    assert task["says"]
    assert task["do"]
    return UUID(task["id"])


def doubtful(world: World) -> UUID:
    """An Auftrag of which nobody knows whether it arrived."""
    auftrag = confirmed(world)
    world.behoerde.idempotent = False
    world.behoerde.fails_with = OutcomeUnknown("no answer")
    world.wait(hours=25)
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "in_doubt"
    world.behoerde.fails_with = None
    return auftrag


def test_a_clerk_who_asked_the_behoerde_ends_the_doubt(world: World) -> None:
    auftrag = doubtful(world)
    world.pipeline.finish(only_task(world, "auftrag.in_doubt"), How.ARRIVED, "clerk-1")
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"
    world.wait(days=2)
    assert world.behoerde.orders == {}, "it is not sent a second time"
    assert world.pipeline.tasks() == []
    world.check_log()


def test_what_did_not_arrive_is_sent_again_on_a_clerks_word(world: World) -> None:
    auftrag = doubtful(world)
    world.pipeline.finish(only_task(world, "auftrag.in_doubt"), How.AGAIN, "clerk-1")
    world.tick()
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "sent"
    assert len(world.behoerde.orders) == 1
    world.check_log()


def test_where_there_is_no_way_to_the_behoerde_the_person_gets_a_sheet(world: World) -> None:
    auftrag = confirmed(world)
    world.behoerde.fails_with = Permanent("we do not take this")
    world.wait(hours=25)
    world.pipeline.finish(only_task(world, "auftrag.undeliverable"), How.TO_CITIZEN, "clerk-1")
    assert world.value("SELECT state FROM auftraege WHERE id = :id", id=auftrag) == "with_citizen"
    world.tick()
    assert world.count("bundles", "messages = 2") == 1, "they must hear of it while there is time"
    world.tick()
    assert world.count("bundles", "messages > 2") == 0
    world.check_log()


def test_the_same_end_again_is_no_error_and_another_one_is_a_conflict(world: World) -> None:
    doubtful(world)
    task = only_task(world, "auftrag.in_doubt")
    world.pipeline.finish(task, How.ARRIVED, "clerk-1")
    world.pipeline.finish(task, How.ARRIVED, "clerk-2")
    with pytest.raises(Conflict, match="ended by arrived before"):
        world.pipeline.finish(task, How.AGAIN, "clerk-2")


def test_a_way_that_a_task_does_not_have_is_refused_with_those_it_has(world: World) -> None:
    doubtful(world)
    task = only_task(world, "auftrag.in_doubt")
    with pytest.raises(BadInput, match="arrived, again, to_citizen"):
        world.pipeline.finish(task, How.DONE, "clerk-1")
    with pytest.raises(BadInput, match="must name who"):
        world.pipeline.finish(task, How.ARRIVED, " ")
    with pytest.raises(NotFound):
        world.pipeline.finish(uuid4(), How.DONE, "clerk-1")
    assert len(world.pipeline.tasks()) == 1


def test_a_clerk_who_comes_too_late_moves_nothing(world: World) -> None:
    doubtful(world)
    task = only_task(world, "auftrag.in_doubt")
    world.pipeline.finish(task, How.ARRIVED, "clerk-1")
    world.value("UPDATE tasks SET done_at = NULL, how = '' WHERE id = :id RETURNING 1", id=task)
    with pytest.raises(Conflict, match="sent cannot become"):
        world.pipeline.finish(task, How.AGAIN, "clerk-2")
    assert len(world.pipeline.tasks()) == 1, "the task stands as before"


def test_a_register_that_answers_again_is_asked_again_and_the_proposal_still_comes(world: World) -> None:
    ada = world.lives_here(somebody("Ada"))
    world.steueramt.fails_with = Temporary("silent")
    world.announce(a_move(ada))
    for _ in range(8):
        world.wait(hours=6)
    assert world.count("proposals", "leistung = 'HUNDESTEUER'") == 0
    world.steueramt.fails_with = None
    world.steueramt.knows(ada, **{"person.hund_gemeldet": True, "person.hund_marke": "HM-0001"})
    for task in world.pipeline.tasks():
        if task["what"] == "register.silent":
            world.pipeline.finish(UUID(task["id"]), How.AGAIN, "clerk-1")
    world.tick()
    assert world.count("proposals", "leistung = 'HUNDESTEUER' AND state = 'open'") == 1
    world.check_log()


def asks_to_be_known(world: World) -> Somebody:
    ben = somebody("Ben")
    world.melderegister.knows(ben)
    world.melderegister.fails_with = Temporary("silent")
    wish = Wish(ben.vornamen, ben.familienname, ben.geburtsdatum, ben.strasse, ben.plz, ben.ort)
    world.pipeline.enrol(wish)
    for _ in range(8):
        world.wait(hours=6)
    world.melderegister.fails_with = None
    return ben


def test_who_enrolled_while_the_register_was_away_gets_the_letter_after_all(world: World) -> None:
    asks_to_be_known(world)
    world.pipeline.finish(only_task(world, "register.silent"), How.AGAIN, "clerk-1")
    world.tick()
    assert world.count("enrolments", "state = 'letter'") == 1
    world.check_log()


def test_what_was_typed_to_enrol_goes_when_a_clerk_ends_it(world: World) -> None:
    asks_to_be_known(world)
    assert world.count("enrolments", "request IS NOT NULL") == 1
    world.pipeline.finish(only_task(world, "register.silent"), How.DONE, "clerk-1")
    assert world.count("enrolments", "request IS NOT NULL") == 0
    assert world.count("enrolments", "state = 'lapsed'") == 1
    world.check_log()


def test_the_log_says_to_the_person_that_a_human_decided_something_about_them(world: World) -> None:
    doubtful(world)
    before = world.value("SELECT count(*) FROM flow_secret WHERE subj IS NOT NULL")
    world.pipeline.finish(only_task(world, "auftrag.in_doubt"), How.ARRIVED, "clerk-1")
    assert world.value("SELECT count(*) FROM flow_secret WHERE subj IS NOT NULL") == before + 1
    assert world.flow_names()[-1] == "act"


def written(root: Path) -> set[str]:
    """Every kind of task that the code writes, as far as it stands there as a literal."""
    found: set[str] = set()
    for path in (root / "proaktiv").rglob("*.py"):
        if path.name == "tasks.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr) and ".house_refused" in ast.unparse(node):
                found |= {"bundle.house_refused", "enrolment.house_refused"}
    return found


def test_every_kind_of_task_in_the_table_is_one_that_is_written() -> None:
    assert set(TASKS) <= written(ROOT)


@pytest.mark.parametrize("what", sorted(TASKS))
def test_every_kind_of_task_says_what_to_do_and_how_it_can_end(what: str) -> None:
    task = TASKS[what]
    assert task.says.endswith(".")
    assert task.do.endswith(".")
    assert task.ways
    assert task.matter is not Matter.NONE or task.ways == (How.DONE,)
    for way in set(task.ways) - {How.DONE}:
        assert way.value in task.do, f"{what} offers {way} and does not say when"


def test_time_passing_ends_no_task(world: World) -> None:
    doubtful(world)
    world.now += timedelta(days=400)
    world.tick()
    assert len(world.pipeline.tasks()) == 1


def test_whether_a_letter_left_need_not_be_found_out_once_nothing_is_open_there(world: World) -> None:
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    delivery = world.value("UPDATE deliveries SET state = 'in_doubt' WHERE purpose = 'bundle' RETURNING id")
    world.value(
        "INSERT INTO tasks (id, what, matter, behoerde, made_at, how)"
        " VALUES (:task, 'delivery.in_doubt', :matter, '', now(), '') RETURNING 1",
        task=uuid4(),
        matter=delivery,
    )
    task = only_task(world, "delivery.in_doubt")
    with pytest.raises(BadInput):
        world.pipeline.finish(task, How.DONE, "clerk-1")
    world.value("UPDATE bundles SET state = 'closed' RETURNING 1")
    assert world.pipeline.tasks()[0]["ways"] == ["arrived", "again", "done"]
    world.pipeline.finish(task, How.DONE, "clerk-1")
    assert world.pipeline.tasks() == []


@pytest.mark.parametrize("by", ["the person", "the register"])
def test_what_may_have_arrived_and_is_taken_back_before_it_is_tried_again_is_told_to_the_behoerde(
    world: World, by: str
) -> None:
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(birth)
    world.tick()
    proof = world.opens_letter(anna)
    auftrag = world.says_yes(proof, "GEBURTSURKUNDE")
    world.behoerde.fails_with = OutcomeUnknown("its answer was lost")
    world.wait(hours=25)
    assert world.value("SELECT state FROM auftraege") == "ready"
    if by == "the person":
        world.pipeline.withdraw_auftrag(proof, auftrag)
    else:
        world.announce(a_cancellation(birth))
    assert world.value("SELECT state FROM auftraege") == "withdrawn", "it is not sent again"
    what = {"the person": "auftrag.withdrawn_after_sending", "the register": "auftrag.recall_by_hand"}[by]
    assert world.value("SELECT what FROM tasks WHERE what <> 'letter.call_back'") == what
    world.check_log()
