"""Guards stand above every rule: a rule folder that forgets them changes nothing (docs/rule-tests.md no. 18)."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

from proaktiv.core.nodes import facts_of
from proaktiv.database import Database
from proaktiv.rulebook.check import check
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import release
from tests.builders import a_birth, a_death, child_of, somebody
from tests.world import START, World


def careless(folder: Path) -> Path:
    """Return the rules as somebody would write them who forgets that children die."""
    shutil.copytree(rules_folder(), folder)
    for path in sorted((folder / "geburt" / "leistungen").glob("*.yaml")):
        path.write_text(
            "".join(line for line in path.read_text().splitlines(True) if "    - {das: kind.lebt" not in line)
        )
    for path in sorted((folder / "geburt" / "faelle").glob("*.yaml")):
        path.write_text(
            "".join(
                line for line in path.read_text().splitlines(True) if not re.search("kind.lebt: (nein|unbekannt)", line)
            )
        )
    plans = [plan for one in check(folder)[0] if one.lebenslage for plan in one.lebenslage.plans]
    assert not [plan for plan in plans if "kind.lebt" in facts_of(plan.bedingung)]
    return folder


def released_carelessly(world: World, folder: Path) -> World:
    owner = Database(world.urls["owner"], pool_size=1)
    with owner.transaction() as session:
        release(
            session,
            careless(folder),
            author="rule author (invented)",
            reviewer="reviewer (invented)",
            demo=True,
            key=world.signing_key,
            now=START - timedelta(days=1),
        )
    owner.close()
    return world.open()


def test_a_death_stops_a_proposal_although_no_rule_asks_whether_the_child_lives(world: World, tmp_path: Path) -> None:
    released_carelessly(world, tmp_path / "rules")
    anna = world.lives_here(somebody("Anna"))
    birth = a_birth(anna)
    world.announce(a_death(child_of(birth)))
    world.announce(birth)
    world.tick()
    assert world.count("proposals") == 0
    assert world.letters_to(anna) == []
    world.check_log()


def test_control_the_same_rules_propose_for_a_child_that_lives(world: World, tmp_path: Path) -> None:
    released_carelessly(world, tmp_path / "rules")
    anna = world.lives_here(somebody("Anna"))
    world.announce(a_birth(anna))
    world.tick()
    assert world.count("proposals") > 0
