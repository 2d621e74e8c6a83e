"""A key backup brings back what was lost, and nobody who was destroyed."""

import json
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from proaktiv.core.errors import BadInput
from proaktiv.keys.destroyed import ListNotSafe
from proaktiv.vault import Compartment, NotHeld
from tests.builders import somebody
from tests.keys.conftest import House, a_kek
from tests.keys.test_destroying import STAYS, named


def backup(house: House, days: int = 14) -> Path:
    path = house.folder / "keys.backup"
    assert house.keeper().backup(path, "olga.ops", days) > 0
    return path


def two_people(house: House) -> tuple[UUID, UUID]:
    anna, ben = (house.world.lives_here(somebody(name), "geburt") for name in ("Anna", "Ben"))
    return house.key_of(anna), house.key_of(ben)


def forget_the_keys(house: House) -> None:
    """What a lost disk does; the database's own guards would not let it pass."""
    house.as_owner("TRUNCATE vault_keys")


def the_list_of_today(house: House) -> Path:
    """A copy of the list, which will be an older one tomorrow."""
    path = house.folder / "older.list"
    shutil.copy(house.listed, path)
    return path


def opens(house: House, person: UUID) -> bool:
    with house.world.database.transaction() as session:
        return house.vault().ring(session, [person], list(Compartment)).has(person, Compartment.VIEW)


def test_lost_keys_come_back_and_what_is_there_stays(house: House) -> None:
    anna, ben = two_people(house)
    chris = house.key_of(house.world.lives_here(somebody("Chris"), "geburt"))
    house.destroys(chris)
    before = house.keys()
    path = backup(house)
    assert path.stat().st_mode & 0o777 == 0o600
    house.as_owner("DELETE FROM vault_keys WHERE person = :person", person=anna)
    done = house.keeper().restore(path, house.listed, "olga.ops")
    assert (done.brought_back, done.there, done.destroyed) == (5, 10, 0)
    assert house.keys() == before
    assert opens(house, anna)
    assert opens(house, ben)
    house.world.check_log()


def test_an_old_backup_brings_nobody_back_who_was_destroyed_since(house: House) -> None:
    anna, ben = two_people(house)
    path = backup(house)
    house.destroys(anna)
    forget_the_keys(house)
    done = house.keeper().restore(path, house.listed, "olga.ops")
    assert (done.brought_back, done.destroyed) == (5, 5)
    assert opens(house, ben)
    assert not opens(house, anna)
    rows = house.keys()
    assert [row[2] for row in rows if row[0] == anna] == ["destroyed"] * 5, "nor is a key ever made for her"


def test_control_with_a_list_that_lacks_them_they_would_come_back(house: House) -> None:
    anna, ben = two_people(house)
    path = backup(house)
    house.destroys(ben)
    older = the_list_of_today(house)
    house.destroys(anna)
    forget_the_keys(house)
    with pytest.raises(ListNotSafe, match="the flow log tells of 2"):
        house.keeper().restore(path, older, "olga.ops")
    # The red control: a whole database from before, in which neither rows nor log know, and the older list.
    house.as_owner("DELETE FROM flow_secret WHERE fid IN (SELECT fid FROM flow_log WHERE kind = 3)")
    house.as_owner("DELETE FROM flow_log WHERE kind = 3")
    house.as_owner("INSERT INTO persons (person, status, since) VALUES (:p, 'active', now())", p=anna)
    house.keeper().restore(path, older, "olga.ops")
    assert opens(house, anna), "this is what the newest list is for"


def test_a_restored_database_forgets_the_destroyed_again(house: House) -> None:
    anna, ben = two_people(house)
    tables = ("vault_keys", "persons", "person_identifiers", "contacts")
    rows = {table: house.as_owner(f"SELECT t::text FROM {table} t") for table in tables}
    path = backup(house)
    house.destroys(anna)
    # The database as it was before: the rows, the keys, and a log that knows nothing.
    house.as_owner("TRUNCATE vault_keys, persons, person_identifiers, contacts")
    for table, texts in rows.items():
        for (row,) in texts:
            house.as_owner(f"INSERT INTO {table} SELECT (CAST(:row AS {table})).*", row=row)
    assert opens(house, anna), "the control: this is what a backup does"
    house.keeper().restore(path, house.listed, "olga.ops")
    assert house.eraser().revived() == [anna]
    assert house.eraser().reconcile("olga.ops").persons == (anna,)
    assert named(house, anna) <= STAYS
    assert not opens(house, anna)
    assert opens(house, ben)
    assert house.eraser().reconcile("olga.ops").persons == ()


def test_an_edited_cut_or_lengthened_backup_is_refused_whole(house: House) -> None:
    two_people(house)
    house.destroys(house.key_of(house.world.lives_here(somebody("Chris"), "geburt")))
    path = backup(house)
    raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    flipped = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(0, len(raw), 97)]
    head = json.loads(lines[0]) | {"expires_at": "2099-01-01T00:00:00.000000Z"}
    wrong = [*flipped, raw[: len(raw) // 2], b"".join(lines[:-1]), raw + lines[1], b"", b"[]\n", b"".join(lines[1:])]
    wrong.append(json.dumps(head).encode() + b"\n" + b"".join(lines[1:]))
    wrong.append(b"".join((lines[0], *lines[2:])))
    forget_the_keys(house)
    keeper = house.keeper()
    for each in wrong:
        path.write_bytes(each)
        with pytest.raises((BadInput, NotHeld)):
            keeper.restore(path, house.listed, "olga.ops")
    assert house.keys() == []


@pytest.mark.parametrize("said", ["not json", "[]", '{"listed": null}', '{"listed": "x"}'])
def test_where_the_log_was_altered_nobody_knows_whether_the_list_is_whole(house: House, said: str) -> None:
    two_people(house)
    house.destroys(house.key_of(house.world.lives_here(somebody("Chris"), "geburt")))
    path = backup(house)
    forget_the_keys(house)
    house.as_owner(f"UPDATE flow_log SET f_bytes = convert_to('{said}', 'UTF8') WHERE purpose = 'loeschung'")
    with pytest.raises(ListNotSafe, match="run proaktiv log verify"):
        house.keeper().restore(path, house.listed, "olga.ops")
    assert house.keys() == []


def test_an_expired_a_foreign_and_a_coming_backup_are_refused(house: House) -> None:
    two_people(house)
    house.destroys(house.key_of(house.world.lives_here(somebody("Chris"), "geburt")))
    path = backup(house, days=3)
    now = house.world.now
    for moved, why in ((timedelta(days=3), "expired"), (-timedelta(seconds=1), "in the future")):
        house.world.now = now + moved
        with pytest.raises(BadInput, match=why):
            house.keeper().restore(path, house.listed, "olga.ops")
    house.world.now = now
    with pytest.raises(NotHeld, match="_OTHERS"):
        house.keeper(a_kek()).restore(path, house.listed, "olga.ops")
    house.keeper(a_kek(), house.world.seed).restore(path, house.listed, "olga.ops")


def test_a_backup_is_good_for_thirty_days_at_most_and_replaces_nothing(house: House) -> None:
    two_people(house)
    path = backup(house)
    with pytest.raises(BadInput, match="is there already"):
        house.keeper().backup(path, "olga.ops", 1)
    for days in (0, 31):
        with pytest.raises(BadInput, match="1 to 30"):
            house.keeper().backup(house.folder / "other", "olga.ops", days)
    assert not (house.folder / "other").exists()


def test_without_the_list_nothing_comes_back(house: House) -> None:
    two_people(house)
    path = backup(house)
    with pytest.raises(ListNotSafe, match="cannot be read"):
        house.keeper().restore(path, house.folder / "nowhere", "olga.ops")
