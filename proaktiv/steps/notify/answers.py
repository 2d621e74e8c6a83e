"""What a Behörde said of an Auftrag, sealed for its person before a letter tells them that there is news.

It came sealed to the worker, for the intake holds nobody's keys. Left to others: who is shown how much of it
(``steps.show``).
"""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlmodel import Session

from proaktiv.house import House
from proaktiv.matters import AUFTRAEGE, NEWS, PROPOSALS
from proaktiv.steps.notify.composing import Composed
from proaktiv.steps.notify.contents import About
from proaktiv.tables import AcknowledgementRow, HandoverRow, core_table
from proaktiv.vault import Compartment, Place, VaultError

_SAID = core_table(AcknowledgementRow)
_HANDOVERS = core_table(HandoverRow)


def make_readable(session: Session, house: House, letters: Sequence[Composed]) -> None:
    """Seal for each reader of news what the Behörden said, under the permit to write to them.

    What does not open stays as it is: the letter goes, and the page says that a Behörde asks.
    """
    permits = {letter.matter.id: letter.permit for letter in letters if letter.about is About.NEWS}
    if not permits:
        return
    connection = session.connection()
    rows = connection.execute(
        select(_SAID.c.id, _SAID.c.text, AUFTRAEGE.c.person, PROPOSALS.c.bundle)
        .join(_HANDOVERS, _HANDOVERS.c.id == _SAID.c.handover)
        .join(AUFTRAEGE, AUFTRAEGE.c.id == _HANDOVERS.c.auftrag)
        .join(PROPOSALS, PROPOSALS.c.id == AUFTRAEGE.c.proposal)
        .where(PROPOSALS.c.bundle.in_(permits), NEWS, _SAID.c.text.is_not(None), _SAID.c.said.is_(None))
        .order_by(_SAID.c.id)
        .with_for_update(of=_SAID)
    ).all()
    ring = house.vault.ring(session, {row.person for row in rows}, (Compartment.VIEW,))
    for row in rows:
        try:
            text = house.vault.open_payload(permits[row.bundle], Place("acknowledgements", row.id, "text"), row.text)
            said = ring.seal(row.person, Compartment.VIEW, Place("acknowledgements", row.id, "said"), {"text": text})
        except VaultError:
            continue
        connection.execute(update(_SAID).where(_SAID.c.id == row.id).values(said=said))
