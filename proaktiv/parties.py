"""What those are called who send and receive data: the house, the Behörden, and registers by what they are.

For whoever reads the flow log, a person or the DSB. Left to others: words for the person and their account
(``web.pages.states``).
"""

from sqlalchemy import select
from sqlmodel import Session

from proaktiv.house import House
from proaktiv.tables import BehoerdeRow, ClientRow, core_table

_BEHOERDEN = core_table(BehoerdeRow)
_CLIENTS = core_table(ClientRow)


def names_of(session: Session, house: House) -> dict[str, str]:
    """Return the names by what the log calls them; who is not in it keeps that."""
    connection = session.connection()
    names = {row.id: row.name for row in connection.execute(select(_BEHOERDEN.c.id, _BEHOERDEN.c.name))}
    for lebenslage in house.rules.lebenslagen.values():
        for fluss in lebenslage.fluesse:
            kind, _, register = fluss.name.partition("/")[2].partition("/")
            if kind == "prefill" and register:
                names.setdefault(register, fluss.quelle)
    clients = connection.execute(select(_CLIENTS.c.id, _CLIENTS.c.source))
    offices = {row.source: names.get(row.id) or _office_of(row.id) for row in clients}
    return {**names, **offices, house.controller: house.name}


_UMLAUTS = {"behoerde": "behörde", "buerger": "bürger", "buero": "büro", "auslaender": "ausländer", "strasse": "straße"}
"""Of words in the ids of offices (``rules/_katalog/stellen.yaml``); an id is ASCII."""


def _office_of(client: str) -> str:
    """Return a reporting office's id as people write it: ``meldebehoerde-musterstadt`` is Meldebehörde Musterstadt."""
    for ascii_, written in _UMLAUTS.items():
        client = client.replace(ascii_, written)
    return " ".join(word.capitalize() for word in client.split("-"))
