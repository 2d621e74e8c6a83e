"""Every KEK is rotated while workers and surfaces go on; what a killed rotation did is done."""

import secrets
import signal
import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from consent.model import Permit
from proaktiv.core.errors import BadInput
from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.keys import rotation
from proaktiv.vault import Compartment, Kek, NotHeld, Place, SealBroken, Vault, VaultKeys
from tests.chaos.dying import Killer, in_own_process
from tests.keys.conftest import House, a_kek

PLACE = Place("proposals", UUID(int=5), "draft")


def persons(house: House, vault: Vault, number: int) -> list[UUID]:
    made = [house.world.ids.secret() for _ in range(number)]
    with house.world.database.transaction() as session:
        vault.create(session, made, house.world.now)
    return made


def sealed(house: House, vault: Vault, person: UUID, compartment: Compartment) -> bytes:
    with house.world.database.transaction() as session:
        return vault.ring(session, [person], [compartment]).seal(person, compartment, PLACE, {"wert": "Mia"})


def opened(house: House, vault: Vault, person: UUID, compartment: Compartment, blob: bytes) -> Any:
    proof = SessionProof(UUID(int=9), PersonKey(person), Trust.V1, None)
    with house.world.database.transaction() as session:
        return vault.ring(session, [person], [compartment]).open(proof, person, compartment, PLACE, blob)


@pytest.mark.parametrize("compartment", Compartment)
def test_a_kek_is_rotated_while_a_worker_enrols_and_a_surface_reads(house: House, compartment: Compartment) -> None:
    former, present = a_kek(), a_kek()
    old, new = house.vault(former), house.vault(present, former)
    anna, *rest = persons(house, old, 40)
    blob = sealed(house, old, anna, compartment)
    others = {each: sealed(house, old, anna, each) for each in Compartment}
    ended, failed = threading.Event(), []
    fresh: list[UUID] = []
    reads = [0]

    def during(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                while not ended.is_set():
                    work()
            except Exception as error:  # noqa: BLE001 - whatever it is, it failed a citizen
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def a_surface_reads() -> None:
        assert opened(house, new, anna, compartment, blob) == {"wert": "Mia"}
        with house.world.database.transaction() as session:
            new.ring(session, rest, [compartment])
        reads[0] += 1

    def a_worker_enrols() -> None:
        fresh.extend(persons(house, new, 1))
        assert opened(house, new, fresh[-1], compartment, sealed(house, new, fresh[-1], compartment))

    threads = [during(a_surface_reads), during(a_worker_enrols)]
    keeper = house.keeper(present, former)
    try:
        for _ in range(3):  # the last pass is an idle one
            done = keeper.rotate(compartment, "olga.ops", batch=7)
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    assert not failed
    assert reads[0]
    assert fresh
    assert (done.left, done.closed) == (0, ())
    alone = house.vault(present)
    assert opened(house, alone, anna, compartment, blob) == {"wert": "Mia"}, "no sealed byte has changed"
    for each in set(Compartment) - {compartment}:
        with pytest.raises(NotHeld):
            opened(house, alone, anna, each, others[each])
    house.world.check_log()


def test_control_a_surface_without_the_former_kek_fails_in_the_middle_and_says_what_to_do(house: House) -> None:
    former, present = a_kek(), a_kek()
    made = persons(house, house.vault(former), 3)
    careless = house.vault(present)
    with pytest.raises(NotHeld, match="PROAKTIV_KEK_VIEW_OTHERS"), house.world.database.transaction() as session:
        careless.ring(session, made, [Compartment.VIEW])
    house.keeper(present, former).rotate(Compartment.VIEW, "olga.ops")
    with pytest.raises(NotHeld, match=Kek.of(Compartment.VIEW, present).name):
        sealed(house, house.vault(former), made[0], Compartment.VIEW)


def test_a_process_that_knows_the_coming_kek_reads_before_it_wraps_with_it(house: House) -> None:
    former, coming = a_kek(), a_kek()
    early = house.vault(former, coming)
    (anna,) = persons(house, house.vault(coming, former), 1)
    assert opened(house, early, anna, Compartment.VIEW, sealed(house, early, anna, Compartment.VIEW))


@pytest.mark.chaos
@pytest.mark.parametrize("place", rotation.PROBES)
def test_a_killed_rotation_goes_on_where_it_stood(house: House, place: str) -> None:
    former, present = a_kek(), a_kek()
    made = persons(house, house.vault(former), 9)
    before = {person: sealed(house, house.vault(former), person, Compartment.FACTS) for person in made}

    def dying() -> None:
        probe = Killer(place, nth=1 if place == "rotate.begun" else 2)
        house.keeper(present, former, probe=probe).rotate(Compartment.FACTS, "olga.ops", batch=4)

    assert in_own_process(dying) == -signal.SIGKILL
    both = house.vault(present, former)
    assert all(opened(house, both, person, Compartment.FACTS, blob) for person, blob in before.items())
    keeper = house.keeper(present, former)
    done = keeper.rotate(Compartment.FACTS, "olga.ops", batch=4)
    whole = 9 - 4 * ("committed" in place) * 2 - 4 * (place in {"rotate.read", "rotate.written"})
    assert (done.done, done.left) == (whole, 0), "what was committed is not done again, what was not is"
    assert all(opened(house, house.vault(present), person, Compartment.FACTS, before[person]) for person in made)


def test_two_rotations_at_once_do_every_key_once(house: House) -> None:
    former, present = a_kek(), a_kek()
    made = persons(house, house.vault(former), 30)
    keepers = [house.keeper(present, former) for _ in range(2)]
    threads = [threading.Thread(target=k.rotate, args=(Compartment.VIEW, "o"), kwargs={"batch": 3}) for k in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with house.world.database.transaction() as session:
        house.vault(present).ring(session, made, [Compartment.VIEW])
    assert keepers[0].left(Compartment.VIEW) == 0


def test_keys_of_before_keks_had_names_open_and_get_a_name(house: House) -> None:
    old = {each: Kek(f"{each}-1", house.world.seed) for each in Compartment}
    (anna,) = persons(house, Vault(VaultKeys(index=house.world.seed, keks=old), house.world.ids), 1)
    sealed(house, house.vault(), anna, Compartment.VIEW)
    keeper = house.keeper(a_kek(), house.world.seed)
    assert keeper.rotate(Compartment.VIEW, "olga.ops").done == 1
    assert [share.present for share in keeper.shares() if share.compartment is Compartment.VIEW] == [True]


def test_a_key_that_opens_with_no_kek_is_named_and_stops_nobody_elses(house: House) -> None:
    former, present = a_kek(), a_kek()
    made = persons(house, house.vault(former), 3)
    house.as_owner("UPDATE vault_keys SET wrapped = 'x' WHERE person = :p AND compartment = 'view'", p=made[1])
    done = house.keeper(present, former).rotate(Compartment.VIEW, "olga.ops")
    assert (done.done, done.left, done.closed) == (2, 1, (made[1],))
    with pytest.raises(SealBroken, match="wrong KEK, or the row was changed"):
        sealed(house, house.vault(former), made[1], Compartment.VIEW)


def test_a_rotation_is_logged_without_anybodys_name(house: House) -> None:
    former, present = a_kek(), a_kek()
    persons(house, house.vault(former), 2)
    keeper = house.keeper(present, former)
    keeper.rotate(Compartment.PROOF, "olga.ops")
    keeper.rotate(Compartment.PROOF, "olga.ops")
    assert house.world.flow_names() == ["key", "key"], "begun and ended; nothing to do leaves nothing"
    scope = house.world.value("SELECT DISTINCT scope FROM flow_log")
    assert scope == Kek.of(Compartment.PROOF, present).name
    house.world.check_log()
    with pytest.raises(BadInput):
        keeper.rotate(Compartment.PROOF, " ")


def test_the_former_intake_key_still_opens_what_waited() -> None:
    former, present = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    index = b"i" * 32
    ids = Ids(secrets.token_bytes)
    intake = Vault(VaultKeys(index, {}, intake_public=former.public_key().public_bytes_raw()), ids)
    blob = intake.seal_to_worker(PLACE, {"kind": "geburt"})
    permit = object.__new__(Permit)
    raw = present.private_bytes_raw()
    worker = Vault(VaultKeys(index, {}, intake_private=raw, intake_private_others=[former.private_bytes_raw()]), ids)
    assert worker.open_payload(permit, PLACE, blob) == {"kind": "geburt"}
    with pytest.raises(SealBroken):
        Vault(VaultKeys(index, {}, intake_private=raw), ids).open_payload(permit, PLACE, blob)
