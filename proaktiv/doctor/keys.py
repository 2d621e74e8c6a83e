"""The keys: whether they open what is stored, and whether halves belong together. No key leaves this module."""

from collections.abc import Iterator
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlmodel import Session

from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine
from proaktiv.flowlog.checkpoints import NoteError, open_checkpoint, vkey_of
from proaktiv.tables import CheckpointRow, VaultKeyRow, core_table
from proaktiv.vault import Compartment, SealBroken, Vault

_KEYS = core_table(VaultKeyRow)
_CHECKPOINTS = core_table(CheckpointRow)
_SAMPLES = 20


def opens(part: str, compartment: Compartment, vault: Vault, database: Database) -> Check:
    """Ask whether a process's KEK opens stored keys of its compartment: a handful of persons."""
    name = f"KEK-{compartment} of {part}"
    do = (
        f"put back the PROAKTIV_KEK_{compartment.upper()} that these keys were made with;"
        " without it what is sealed stays closed"
    )

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            persons = _some(session, compartment)
            try:
                vault.ring(session, persons, (compartment,))
            except SealBroken:
                yield broken(name, "does not open the stored keys", do)
                return
        yield fine(name, f"opens the stored keys ({len(persons)} tried)" if persons else "no key is stored yet")

    return Check(name, act, do)


def _some(session: Session, compartment: Compartment) -> list[UUID]:
    return list(
        session.connection()
        .execute(
            select(_KEYS.c.person)
            .where(_KEYS.c.compartment == compartment.value, _KEYS.c.state == "active")
            .limit(_SAMPLES)
        )
        .scalars()
    )


def signs(seed: bytes, origin: str, database: Database) -> Check:
    """Ask whether the signing key is the one that signed the newest checkpoint."""
    do = "put back the PROAKTIV_SIGNING_KEY and PROAKTIV_LOG_ORIGIN of this log; a new key needs the DSB"

    def act() -> Iterator[Finding]:
        vkey = str(vkey_of(origin, Ed25519PrivateKey.from_private_bytes(seed)))
        with looking(database) as session:
            newest = select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
            note = session.connection().execute(newest).scalar_one_or_none()
        if note is None:
            yield fine("signing key", "nothing was signed yet")
            return
        try:
            open_checkpoint(note, vkey)
        except NoteError:
            yield broken("signing key", "did not sign the newest checkpoint", do)
        else:
            yield fine("signing key", "signed the newest checkpoint")

    return Check("signing key", act, do)
