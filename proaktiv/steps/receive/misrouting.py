"""Tell the DSB that a source reports what proaktiv must never get: nothing of it is kept, that it came is.

A certificate of a miscarriage that lands here is a breach of the source's duties, whoever it is about (PStV § 31 (2)
S. 4; Art. 33 DSGVO). Once a day and source: what is wrong there sends more than one.
"""

import hashlib
from datetime import datetime, time
from uuid import UUID

from sqlalchemy import insert, select
from sqlmodel import Session

from proaktiv.core.calendar import BERLIN, berlin_date
from proaktiv.core.clients import Client
from proaktiv.core.events import MISROUTED
from proaktiv.core.flows import Flow, Kind
from proaktiv.house import House
from proaktiv.tables import IncidentRow, core_table

_INCIDENTS = core_table(IncidentRow)


def tell_misrouted(session: Session, house: House, client: Client, n: int, now: datetime) -> None:
    """Write the incident of today that ``n`` reports of a client are of no kind that may come here."""
    connection = session.connection()
    source = UUID(bytes=hashlib.sha256(client.id.encode()).digest()[:16])
    today = datetime.combine(berlin_date(now), time(0), BERLIN)
    told = select(_INCIDENTS.c.id).where(
        _INCIDENTS.c.what == MISROUTED, _INCIDENTS.c.matter == source, _INCIDENTS.c.at >= today
    )
    if connection.execute(told.limit(1)).first() is not None:
        return
    connection.execute(insert(_INCIDENTS), [{"id": house.ids.row(now), "what": MISROUTED, "matter": source, "at": now}])
    flow = Flow(
        kind=Kind.INCIDENT,
        sender=client.source,
        receiver=house.controller,
        purpose="betrieb",
        action="report.refused",
        basis="Art. 33 DSGVO",
        outcome="misrouted",
        n=n,
    )
    house.log.record(session, [flow], now)
