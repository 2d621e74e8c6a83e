"""The error tree. A leaf says what the caller does next; messages hold ids, never personal data.

ProaktivError
  ├─ NotFound            the thing is not there, or not yours: the same answer (404)
  ├─ Conflict            it changed since you looked: look again (409)
  ├─ Locked              too many tries: ask for a new code (429)
  ├─ TooMany             more than agreed today: come back later (429)
  ├─ NotProven           prove who you are first (401)
  ├─ NotAllowed          proven, and still no (403)
  ├─ BadInput            names the field and the remedy (400, 422)
  ├─ CommitUnknown       the database cannot say whether it kept it: check, do not repeat
  ├─ NotSafe             a precondition of every flow is missing (log, clock): stop
  └─ OutboundError       a hand-over, look-up or delivery
       ├─ Temporary      nothing arrived: try again later
       │   └─ OutcomeUnknown  it may have arrived: repeat only where the wire id is honoured
       ├─ Permanent      trying again cannot help: a clerk looks
       ├─ Unavailable    the far side as a whole is away: no try is used up
       └─ AlreadyDone    they have it by this wire id: success
"""


class ProaktivError(Exception):
    """Base of everything that proaktiv raises on purpose."""


class NotFound(ProaktivError):  # noqa: N818 - reads as the sentence it is: raise NotFound
    """The thing is not there, or belongs to somebody else; the answer is the same."""


class Conflict(ProaktivError):  # noqa: N818
    """The thing changed since the caller looked; looking again helps."""


class Locked(ProaktivError):  # noqa: N818
    """Too many wrong tries; only a new code helps."""


class TooMany(ProaktivError):  # noqa: N818
    """More than was agreed; nothing was kept. ``retry_after_seconds`` says when there is room again."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NotProven(ProaktivError):  # noqa: N818
    """The caller has not shown who they are."""


class NotAllowed(ProaktivError):  # noqa: N818
    """The caller is known and may not do this."""


class BadInput(ProaktivError):  # noqa: N818
    """Input is wrong; ``field`` says where (JSON pointer or parameter name), the message what would be right."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class CommitUnknown(ProaktivError):  # noqa: N818
    """The database answered neither yes nor no to a COMMIT; the caller shows "wird geprüft"."""


class NotSafe(ProaktivError):  # noqa: N818
    """Something without which no flow may happen is missing; nothing was done."""


class OutboundError(ProaktivError):
    """A hand-over, look-up or delivery did not end as wished."""


class Temporary(OutboundError):  # noqa: N818
    """Nothing arrived; try again later, not before ``retry_after`` seconds if that is known."""

    def __init__(self, message: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(Temporary):
    """It may have arrived; repeating is right only where the far side takes one wire id once."""


class Permanent(OutboundError):  # noqa: N818
    """Trying again cannot help; a clerk must look."""


class Unavailable(OutboundError):  # noqa: N818
    """The far side as a whole is away; the try does not count."""


class AlreadyDone(OutboundError):  # noqa: N818
    """The far side has it already by this wire id, which is success."""
