"""Dispatch: hand a confirmed Auftrag to its Behörde, once the time to take it back is over.

``announce`` and ``record`` are transactions of the pipeline; ``hand_over`` stands between them and touches no
database. Every attempt passes the gate anew (the ``transmit`` consent of this one Auftrag, stops, protection) and
bears the same wire id. What may have arrived is sent again only where the receiver takes one wire id once.
Left to others: the yes (``steps.confirm``), what the Behörde answers (``steps.acknowledge``).
Source: data-path.md §§ 3, 5.
"""

from proaktiv.steps.dispatch.announcing import announce
from proaktiv.steps.dispatch.recording import record
from proaktiv.steps.dispatch.sending import PROBES, Sending, Sent, hand_over

__all__ = ["PROBES", "Sending", "Sent", "announce", "hand_over", "record"]
