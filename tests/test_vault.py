"""Opening is the gated act."""

import secrets
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from psycopg.errors import UniqueViolation
from sqlalchemy import text

from proaktiv.core.birthdays import read_born
from proaktiv.core.ids import Ids
from proaktiv.core.keys import PersonKey
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.identity.tokens import attributes
from proaktiv.vault import (
    Compartment,
    Destroyed,
    Kek,
    NotHeld,
    NotPermitted,
    Place,
    SealBroken,
    Vault,
    VaultKeys,
)

NOW = datetime(2026, 10, 14, 8, tzinfo=UTC)
IDS = Ids(secrets.token_bytes)
ROW = UUID(int=5)
PLACE = Place("proposals", ROW, "draft")
KEYS = {compartment: Kek(f"{compartment}-1", secrets.token_bytes(32)) for compartment in Compartment}


def a_vault(*held: Compartment, **changes: bytes) -> Vault:
    keks = {compartment: KEYS[compartment] for compartment in held or tuple(Compartment)}
    return Vault(VaultKeys(index=b"i" * 32, keks=keks, code=b"c" * 32, **changes), IDS)


def a_proof(person: UUID) -> SessionProof:
    return SessionProof(UUID(int=9), PersonKey(person), Trust.V1, None)  # test of the vault, not of who proves


def test_what_is_sealed_opens_for_its_person_and_for_nobody_else(database: Database) -> None:
    anna, ben = IDS.secret(), IDS.secret()
    vault = a_vault()
    with database.transaction() as session:
        vault.create(session, [anna, ben], NOW)
        ring = vault.ring(session, [anna, ben], [Compartment.VIEW])
        blob = ring.seal(anna, Compartment.VIEW, PLACE, {"wert": "Mia"})
        assert b"Mia" not in blob
        assert ring.open(a_proof(anna), anna, Compartment.VIEW, PLACE, blob) == {"wert": "Mia"}
        with pytest.raises(NotPermitted):
            ring.open(a_proof(ben), anna, Compartment.VIEW, PLACE, blob)
        with pytest.raises(SealBroken):
            ring.open(a_proof(ben), ben, Compartment.VIEW, PLACE, blob)


@pytest.mark.parametrize(
    "other",
    [Place("auftraege", ROW, "draft"), Place("proposals", UUID(int=6), "draft"), Place("proposals", ROW, "content")],
)
def test_a_seal_copied_to_another_table_row_or_column_does_not_open(database: Database, other: Place) -> None:
    anna, vault = IDS.secret(), a_vault()
    with database.transaction() as session:
        vault.create(session, [anna], NOW)
        ring = vault.ring(session, [anna], [Compartment.VIEW])
        blob = ring.seal(anna, Compartment.VIEW, PLACE, {"a": 1})
        with pytest.raises(SealBroken):
            ring.open(a_proof(anna), anna, Compartment.VIEW, other, blob)


def test_every_flipped_byte_of_a_seal_is_noticed(database: Database) -> None:
    anna, vault = IDS.secret(), a_vault()
    with database.transaction() as session:
        vault.create(session, [anna], NOW)
        ring = vault.ring(session, [anna], [Compartment.VIEW])
        blob = ring.seal(anna, Compartment.VIEW, PLACE, {"a": 1})
        for place in range(len(blob)):
            changed = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
            with pytest.raises(SealBroken):
                ring.open(a_proof(anna), anna, Compartment.VIEW, PLACE, changed)


def test_a_surface_opens_only_the_compartments_whose_kek_it_holds(database: Database) -> None:
    anna = IDS.secret()
    citizen = a_vault(Compartment.VIEW, Compartment.FLOW)
    with database.transaction() as session:
        a_vault().create(session, [anna], NOW)
        citizen.ring(session, [anna], [Compartment.VIEW])
        for compartment in (Compartment.CONTACT, Compartment.FACTS, Compartment.PROOF):
            with pytest.raises(NotHeld):
                citizen.ring(session, [anna], [compartment])
        with pytest.raises(NotHeld):
            citizen.create(session, [IDS.secret()], NOW)


def test_a_wrong_kek_opens_nothing_and_says_so(database: Database) -> None:
    anna = IDS.secret()
    with database.transaction() as session:
        a_vault().create(session, [anna], NOW)
        wrong = Vault(VaultKeys(index=b"i" * 32, keks={Compartment.VIEW: Kek("x", b"y" * 32)}), IDS)
        with pytest.raises(SealBroken, match="wrong KEK"):
            wrong.ring(session, [anna], [Compartment.VIEW])


def test_destroyed_keys_open_nothing_and_are_never_made_again(database: Database, urls: dict[str, str]) -> None:
    anna, vault = IDS.secret(), a_vault()
    with database.transaction() as session:
        vault.create(session, [anna], NOW)
    eraser = Database(urls["eraser"])
    with eraser.transaction() as session:
        session.connection().execute(
            text("UPDATE vault_keys SET state = 'destroyed', wrapped = NULL, destroyed_at = now() WHERE person = :p"),
            {"p": anna},
        )
    eraser.close()
    with database.transaction() as session:
        ring = vault.ring(session, [anna], [Compartment.VIEW])
        with pytest.raises(Destroyed):
            ring.seal(anna, Compartment.VIEW, PLACE, {})
    with pytest.raises(UniqueViolation), database.transaction() as session:
        vault.create(session, [anna], NOW)


def test_the_intake_cannot_read_back_what_it_sealed_to_the_worker() -> None:
    private = X25519PrivateKey.generate()
    intake = a_vault(Compartment.FLOW, intake_public=private.public_key().public_bytes_raw())
    blob = intake.seal_to_worker(PLACE, {"kind": "Mia"})
    assert b"Mia" not in blob
    with pytest.raises((NotHeld, NotPermitted)):
        intake.open_payload(None, PLACE, blob)  # type: ignore[arg-type]


def test_a_payload_does_not_open_without_a_permit_even_for_the_worker() -> None:
    private = X25519PrivateKey.generate()
    both = a_vault(intake_public=private.public_key().public_bytes_raw(), intake_private=private.private_bytes_raw())
    blob = both.seal_to_worker(PLACE, {"kind": "Mia"})
    with pytest.raises(NotPermitted):
        both.open_payload(a_proof(IDS.secret()), PLACE, blob)  # type: ignore[arg-type]


def test_a_ring_of_nobody_and_one_of_strangers_hold_nothing(database: Database) -> None:
    vault = a_vault()
    for persons in ([], [IDS.secret()], [IDS.secret(), IDS.secret()]):
        for compartment in (Compartment.VIEW, Compartment.FLOW):
            with database.transaction() as session:
                ring = vault.ring(session, persons, [compartment])
            assert not any(ring.has(person, compartment) for person in persons)
            assert ring.numbers == {}


def test_codes_are_the_same_for_the_same_letter_and_differ_for_the_next_run() -> None:
    vault = a_vault()
    assert vault.code(ROW, 1) == vault.code(ROW, 1)
    assert vault.code(ROW, 1) != vault.code(ROW, 2)
    code = vault.code(ROW, 1)
    assert vault.proof_mac(code, date(1994, 3, 8)) != vault.proof_mac(code, date(1994, 3, 9))
    assert vault.proof_mac(code, date(1994, 3, 8)) == vault.proof_mac(code, read_born("1994-03-08"))


def test_an_account_fits_with_the_birth_date_as_far_as_letter_and_account_know_it() -> None:
    vault = a_vault()
    letter = vault.identity_mac(ROW, "Beispiel", "Anna", read_born("1985-00-00"))

    def account(birthdate: str) -> bytes:
        said = attributes({"given_name": "Anna", "family_name": "Beispiel", "birthdate": birthdate})
        assert said is not None
        return vault.identity_mac(ROW, said.family_name, said.given_name, said.birth_date)

    assert account("1985") == account("1985-00-00") == letter
    assert letter not in (account("1985-01-01"), account("1985-06"), account("1986"))
    assert attributes({"given_name": "Anna", "family_name": "Beispiel", "birthdate": "0000-03-08"}) is None
