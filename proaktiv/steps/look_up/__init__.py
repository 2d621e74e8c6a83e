"""Look up: ask a register for facts that the rules lack, or for the person behind a request to enrol.

``announce`` and ``record`` are transactions of the pipeline; ``hand_over`` stands between them and touches no
database. Reading changes nothing at the register, so whatever was lost on the way is asked again by the same wire id.
Left to others: what a found person becomes (``steps.enrol``), what the facts mean (``steps.match``).
Source: data-path.md §§ 3, 5.
"""

from proaktiv.steps.look_up.announcing import announce
from proaktiv.steps.look_up.asking import PROBES, Answered, Asking, Heard, hand_over
from proaktiv.steps.look_up.recording import record

__all__ = ["PROBES", "Answered", "Asking", "Heard", "announce", "hand_over", "record"]
