"""The keys: whether they open what is stored, whether halves belong together, and whether the destroyed stay so.

No key leaves this module.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from proaktiv.core.keys import OfficeKeys
from proaktiv.database import Database
from proaktiv.doctor.databases import looking
from proaktiv.doctor.findings import Check, Finding, broken, fine, look
from proaktiv.flowlog.checkpoints import NoteError, open_checkpoint, vkey_of
from proaktiv.flowlog.proving.believing import believed
from proaktiv.flowlog.staff import StaffReader
from proaktiv.keys.destroyed import ListNotSafe, destroyed_persons, read_list, revived
from proaktiv.keys.events import listed_in_log
from proaktiv.tables import CheckpointRow, VaultKeyRow, core_table
from proaktiv.vault import Compartment, NotHeld, SealBroken, Vault
from proaktiv.wrapping import Wrapper

_KEYS = core_table(VaultKeyRow)
_CHECKPOINTS = core_table(CheckpointRow)
_SAMPLES = 20
_DRAW = "head -c 32 /dev/urandom | base64"


def opens(part: str, compartment: Compartment, vault: Vault, database: Database) -> Check:
    """Ask whether a process's KEK opens stored keys of its compartment: a handful of persons."""
    name = f"KEK-{compartment} of {part}"
    do = (
        f"put back the PROAKTIV_KEK_{compartment.upper()} that these keys were made with;"
        " during a rotation the former one stands in _OTHERS; without it what is sealed stays closed"
    )

    wrapper = vault.wrapper(compartment)

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            # From both ends: a rotation under way has been at one of them and not at the other.
            persons = {
                *_some(session, compartment, _KEYS.c.person),
                *_some(session, compartment, _KEYS.c.person.desc()),
            }
            try:
                vault.ring(session, persons, (compartment,))
            except SealBroken:
                yield broken(name, "does not open the stored keys", do)
                return
            except NotHeld:
                yield broken(name, "is not the KEK of some stored keys", do)
                return
            former = _under_others(session, wrapper)
        if former:
            yield look(name, f"some keys are still under KEK {former}", "end the rotation: proaktiv keys rotate")
        else:
            yield fine(name, f"opens the stored keys ({len(persons)} tried)" if persons else "no key is stored yet")

    return Check(name, act, do)


def _under_others(session: Session, wrapper: Wrapper) -> str:
    """Return the name of a KEK that is held besides the present one and still in use, empty where there is none."""
    others = wrapper.names - {wrapper.present.name}
    query = select(_KEYS.c.kek).where(
        _KEYS.c.compartment == wrapper.compartment.value, _KEYS.c.state == "active", _KEYS.c.kek.in_(others)
    )
    return (session.connection().execute(query.limit(1)).scalar_one_or_none() or "") if others else ""


def _some(session: Session, compartment: Compartment, order: ColumnElement[Any]) -> list[UUID]:
    return list(
        session.connection()
        .execute(
            select(_KEYS.c.person)
            .where(_KEYS.c.compartment == compartment.value, _KEYS.c.state == "active")
            .order_by(order)
            .limit(_SAMPLES)
        )
        .scalars()
    )


def wishes_erasures(key: bytes | None, wrong: Iterable[str]) -> Iterator[Finding]:
    """Say whether two of the DSB's office can erase from the page: by a key that the eraser holds as well.

    ``wrong`` is what is wrong with settings that could not be read, each said apart; the key itself is told nowhere.
    """
    name = "erasure key"
    do = f"draw one for the office and for `proaktiv work --erase`, the same: {_DRAW}"
    if any(each.startswith("PROAKTIV_ERASURE_KEY ") for each in wrong):
        yield look(name, "is set and is no key: erasures are not taken from the office", do)
    elif key is None:
        yield fine(name, "is not set: two people erase with `proaktiv log erase ask`, not from the office's page")
    else:
        yield fine(name, "is set; it must be the same where `proaktiv work --erase` runs")


def opens_staff_parts(private: OfficeKeys, database: Database) -> Check:
    """Ask whether the office's private keys open the keys of staff parts: all there are, a few a month."""
    name = "staff keys"
    do = "put back the PROAKTIV_STAFF_PRIVATE_KEY of this log; those of pairs before belong into _OTHERS"

    def act() -> Iterator[Finding]:
        reader = StaffReader(private)
        with looking(database) as session:
            reader.load(session)
        closed = len(reader.closed)
        if not closed:
            yield fine(name, f"all {reader.opened} open" if reader.opened else "no staff part is stored yet")
        elif not reader.opened:
            yield broken(name, "PROAKTIV_STAFF_PRIVATE_KEY opens none of them", do)
        else:
            yield look(
                name,
                f"{closed} of {closed + reader.opened} do not open, nor does what they sealed",
                f"{do}; if there never was another pair, somebody wrote these rows: call the DSB",
            )

    return Check(name, act, do)


def destroyed(path: Path, controller: str, vault: Vault, database: Database) -> Check:
    """Ask whether the list of destroyed persons and the database tell the same."""
    name = "destroyed persons"
    do = "put back the newest PROAKTIV_DESTROYED_LIST; nothing is destroyed or brought back without it"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            gone = destroyed_persons(session)
            if not gone and not path.exists():
                yield fine(name, "nobody was destroyed yet")
                return
            try:
                listed = read_list(vault, controller, path)
                listed.check(session, listed_in_log(session))
            except ListNotSafe as wrong:
                yield broken(name, str(wrong), do)
                return
            back = revived(session, listed)
        if back:
            yield broken(
                name,
                f"{len(back)} who are listed stand in the database: a backup brought them back",
                "run proaktiv keys reconcile before anything else works",
            )
        else:
            yield fine(name, f"{len(listed)} in the list, none of them in the database")

    return Check(name, act, do)


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


def believes(trusted: str, database: Database) -> Check:
    """Ask whether the citizens' surface knows a key that leads to the newest checkpoint, as /echt looks it up."""
    name = "keys of the log"

    def act() -> Iterator[Finding]:
        with looking(database) as session:
            newest = select(_CHECKPOINTS.c.note).order_by(_CHECKPOINTS.c.size.desc()).limit(1)
            note = session.connection().execute(newest).scalar_one_or_none()
            led = note is None or believed(session, note, trusted) is not None
        if led:
            yield fine(name, "lead to the newest checkpoint" if note else "nothing was signed yet")
        else:
            yield broken(
                name,
                "PROAKTIV_LOG_VKEY did not sign the newest checkpoint, nor did a key that it announced: /echt says so",
                "set what `proaktiv log vkey` prints; if it is set, call the DSB",
            )

    return Check(name, act, "see whether the database answers")
