"""The rows of letters on their way: the code that stands in one, and the lease under which a worker sends it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlmodel import Session

from proaktiv.core.outbound import LEASE
from proaktiv.core.states import DeliveryState
from proaktiv.core.windows import code_until
from proaktiv.house import House
from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.posting import ACTIVATION, BUNDLE, Posting
from proaktiv.tables import CodeRow, DeliveryRow, core_table

_DELIVERIES = core_table(DeliveryRow)
_CODES = core_table(CodeRow)


def keep_codes(session: Session, house: House, letters: Sequence[Composed]) -> None:
    """Keep what tells later that a code is that of one of these letters; a repeat has the same one."""
    coded = [_code_row(house, letter) for letter in letters if letter.coded]
    if coded:
        session.connection().execute(upsert(_CODES).on_conflict_do_nothing(), coded)


def lease(
    session: Session,
    house: House,
    letters: Sequence[Composed],
    postings: Sequence[Posting],
    now: datetime,
    wall: datetime,
) -> None:
    """Let this worker send them until ``LEASE`` is over, in real time (``wall``)."""
    connection = session.connection()
    fresh, again = [], []
    for letter, posting in zip(letters, postings, strict=True):
        if letter.matter.delivery is None:
            fresh.append(
                {
                    "id": letter.delivery,
                    "matter": letter.matter.id,
                    "person": letter.matter.person,
                    "purpose": letter.matter.purpose,
                    "channel": letter.matter.channel,
                    "run": letter.run,
                    "state": DeliveryState.ANNOUNCED.value,
                    "reason": "",
                    "tries": 0,
                    "due_at": now,
                    "lease_until": wall + LEASE,
                    "worker": house.worker,
                    "wire_id": posting.clearance.wire_id,
                    "reference_hash": house.vault.lookup_hash("reference", posting.message.reference),
                    "flow_id": posting.clearance.flow,
                    "made_at": letter.made_at,
                    "moved_at": now,
                }
            )
        else:
            tries = letter.matter.tries + letter.matter.lost
            again.append({"b_id": letter.delivery, "tries": tries, "flow_id": posting.clearance.flow})
    if fresh:
        connection.execute(insert(_DELIVERIES), fresh)
    if again:
        connection.execute(
            update(_DELIVERIES)
            .where(_DELIVERIES.c.id == bindparam("b_id"))
            .values(
                tries=bindparam("tries"),
                flow_id=bindparam("flow_id"),
                lease_until=wall + LEASE,
                worker=house.worker,
                moved_at=now,
            ),
            again,
        )


def _code_row(house: House, letter: Composed) -> dict[str, Any]:
    matter = letter.matter
    code = house.vault.code(matter.id, letter.run)
    return {
        "code_mac": house.vault.code_mac(code),
        "proof_mac": house.vault.proof_mac(code, letter.born_on),
        "identity_mac": house.vault.identity_mac(matter.person, letter.family_name, letter.given_name, letter.born_on),
        "purpose": matter.purpose,
        "bundle": matter.id if matter.purpose == BUNDLE else None,
        "enrolment": matter.id if matter.purpose == ACTIVATION else None,
        "person": matter.person,
        "wrong_tries": 0,
        "locked_at": None,
        "used_at": None,
        "expires_at": code_until(letter.made_at),
    }
