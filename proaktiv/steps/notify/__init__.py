"""Notify: write to a person that something lies ready, or how to finish their enrolment.

``announce`` and ``record`` are transactions of the pipeline; ``hand_over`` stands between them and touches no
database. Consent, stops, protection and address are read anew for every letter, also for one that is tried again.
A letter whose hand-over was lost is written again byte for byte under the same wire id.
Left to others: what lies ready (``steps.propose``), the code's proof (``steps.prove``), reminders (issue 4).
Source: channels-and-pages.md §§ 3.2–3.4; data-path.md §§ 2, 3, 5.
"""

from proaktiv.steps.notify.announcing import announce
from proaktiv.steps.notify.bounced import bounced
from proaktiv.steps.notify.posting import PROBES, Posted, Posting, hand_over
from proaktiv.steps.notify.recording import record

__all__ = ["PROBES", "Posted", "Posting", "announce", "bounced", "hand_over", "record"]
