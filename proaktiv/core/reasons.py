"""Who asks for something that is logged, and why: a sentence, and a name of the house.

Pure. Left to others: whether they may (the steps), where it stands (part A of an entry).
"""

from proaktiv.core.errors import BadInput

REASON_MIN, REASON_MAX = 10, 500


def asked(by: str, reason: str) -> tuple[str, str]:
    """Return who asks and why, as it is logged. Raises ``BadInput`` for a reason or a name that is none."""
    given = " ".join(reason.split())
    if not REASON_MIN <= len(given) <= REASON_MAX:
        raise BadInput("--reason", f"must say in {REASON_MIN} to {REASON_MAX} characters why")
    if not by.strip():
        raise BadInput("--by", "must say who asks: your id in the house")
    return by.strip(), given
