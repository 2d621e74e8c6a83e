"""What a refusal of the class 5.x.x speaks about: the address, its box, our own sender, a policy, or this one mail.

Only what surely says that an address is none counts against it. Source: RFC 3463, 7505 (5.1.10, 5.7.27).
"""

from enum import Enum


class About(Enum):
    """What a mail server's refusal is about."""

    ADDRESS = "address"
    """The address it was sent to is none, or is closed."""

    SENDER = "sender"
    """The address it was sent from, which is the house's: no recipient may pay for it."""

    FULL = "full"
    """The box is full; it may be emptied."""

    POLICY = "policy"
    """A rule of theirs, which may be mended."""

    MAIL = "mail"
    """This mail alone, or the way it took: the address may be good. Also all that is said in general."""


_ADDRESS = frozenset({(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
_SENDER = frozenset({(1, 7), (1, 8)})


def about(subject: int, detail: int) -> About:
    """Return what 5.``subject``.``detail`` is about."""
    if (subject, detail) in _ADDRESS:
        return About.ADDRESS
    if (subject, detail) in _SENDER:
        return About.SENDER
    if (subject, detail) == (2, 2):
        return About.FULL
    return About.POLICY if subject == 7 else About.MAIL
