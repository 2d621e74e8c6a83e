"""Leave to open each sealed part of the log, to judge it and to show nothing. The only maker of ``Verification``.

Who does it and why is logged and committed before anything is opened, as each look of the office is. It takes no second
person: what comes out are verdicts, how many parts and at which places, never a name. Left to others: the judgement
(``flowlog.verifying.whole``), opening (``flowlog.verifying.sealed``).
Source: flowlog.md §§ 2, 8; Art. 5 Abs. 2, Art. 32 DSGVO.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import Session

from proaktiv.core.errors import BadInput
from proaktiv.core.flows import OVERSIGHT, Flow, Kind
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.reasons import asked
from proaktiv.core.staff import Verification
from proaktiv.flowlog.staff import StaffReader
from proaktiv.flowlog.verifying.sealed import Seals
from proaktiv.house import House
from proaktiv.tables import VaultKeyRow, core_table
from proaktiv.vault import Compartment, NotHeld

_KEYS = core_table(VaultKeyRow)
# What is erased or logged while the log is read would else look like a theft: its entries lie beyond the end.
_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def announce(
    session: Session, house: House, by: str, reason: str, now: datetime, *, staff: bool, subjects: bool
) -> UUID:
    """Log that somebody lets sealed parts be opened and judged; return the entry. Commit before ``seals``.

    Raises ``BadInput`` for a reason or a name that is none, and where nothing is to be opened.
    """
    parts = [name for name, wanted in (("Teil A", staff), ("Teil S", subjects)) if wanted]
    if not parts:
        raise BadInput("--staff", "or --sealed must say what is to be opened")
    who, why = asked(by, reason)
    flow = Flow(
        kind=Kind.ACCESS,
        sender=house.controller,
        receiver=house.controller,
        purpose=OVERSIGHT,
        action="log.judged",
        basis="Art. 5 Abs. 2 DSGVO",
        categories=("protokoll",),
        actor=who,
        case=", ".join(parts),
        reason=why,
    )
    (fid,) = house.log.record(session, [flow], now)
    return fid


def seals(session: Session, house: House, entry: UUID, private: OfficeKeys, *, staff: bool, subjects: bool) -> Seals:
    """Return what opens the parts, in a transaction of its own that sees one moment. Raises ``NotHeld``."""
    session.connection().execute(_ONE_MOMENT)
    reader = None
    if staff:
        if not private:
            raise NotHeld("staff parts open where the office holds PROAKTIV_STAFF_PRIVATE_KEY")
        reader = StaffReader(private)
        reader.load(session)
    if not subjects:
        return Seals(session, house.vault, staff=reader)
    house.vault.wrapper(Compartment.FLOW)
    persons = _persons(session, house)
    leave = Verification(entry, frozenset(persons.values()))
    return Seals(session, house.vault, staff=reader, persons=persons, by=leave)


def _persons(session: Session, house: House) -> Mapping[bytes, UUID]:
    """Return everybody by their blind index, the destroyed too: from an index nobody can tell whose it is."""
    everybody = select(_KEYS.c.person).where(_KEYS.c.compartment == Compartment.FLOW.value)
    found = session.connection().execute(everybody, execution_options={"yield_per": 10_000})
    return {house.log.subj(person): person for person in found.scalars()}
