"""The DSB's own list of whom to believe, kept where no export and no operator can change it.

Reads the part of a policy that this version can keep: one log, no witnesses. A policy that asks for more is refused,
never kept by half.
Source: C2SP tlog-policy.
"""

from proaktiv.core.errors import ProaktivError
from proaktiv.flowlog.checkpoints import NoteError, Vkey


class PolicyError(ProaktivError):
    """The policy cannot be kept as it stands; the message names the line."""


def trusted_log(policy: str) -> str:
    """Return the verifier key of the one log of ``policy``. Raises ``PolicyError``."""
    logs: list[str] = []
    quorums = 0
    for number, line in enumerate(policy.split("\n"), 1):
        match line.split():
            case []:
                continue
            case [first, *_] if first.startswith("#"):
                continue
            case ["log", vkey] | ["log", vkey, _]:
                logs.append(_checked(vkey, number))
            case ["quorum", "none"]:
                quorums += 1
            case ["witness" | "group" | "quorum", *_]:
                raise PolicyError(f"policy line {number}: witnesses cannot be checked by this version")
            case _:
                raise PolicyError(f"policy line {number}: neither log nor quorum")
    if len(logs) != 1 or quorums != 1:
        raise PolicyError("a policy has one line `log VKEY` and one line `quorum none`")
    return logs[0]


def _checked(vkey: str, number: int) -> str:
    try:
        return str(Vkey.parse(vkey))
    except NoteError as error:
        raise PolicyError(f"policy line {number}: {error}") from None
