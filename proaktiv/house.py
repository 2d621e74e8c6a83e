"""What every step may use besides its session: keys, log, rules, ids. Built once in ``app.py``."""

from collections.abc import Callable
from dataclasses import dataclass

from proaktiv.core.ids import Ids
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.flowlog.record import FlowLog
from proaktiv.vault import Vault

Probe = Callable[[str], None]
"""Called with the name of a place in a step. Production does nothing there; a test may kill the process."""


def no_probe(_name: str) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class House:
    """One process's share of the installation. ``controller`` is its id in the flow log, e.g. ``musterstadt``.

    ``worker`` is the number under which rows are announced (``workers``); None where nobody keeps one, and then the
    lease alone says when such a row is due again. ``log_keys`` are the public keys that its log is signed with,
    parted by blanks; empty where nobody named them.
    """

    controller: str
    name: str
    vault: Vault
    log: FlowLog
    ids: Ids
    rules: Rulebook
    probe: Probe = no_probe
    worker: int | None = None
    log_keys: str = ""
