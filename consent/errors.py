"""What consent raises. A leaf says what the caller does next; messages hold ids, never personal data."""


class ConsentError(Exception):
    """Base of what consent raises; messages hold ids, never personal data."""


class ConsentConflict(ConsentError):  # noqa: N818 - reads as the sentence it is: raise ConsentConflict
    """The record does not allow this event as it stands; look again. The ledger is untouched."""


class NoticeUnknown(ConsentError):  # noqa: N818
    """No such text was stored for this activity; store what was shown, then record the answer."""


class ActivityFixed(ConsentError):  # noqa: N818
    """A released activity version is immutable; what changed needs a new version."""
