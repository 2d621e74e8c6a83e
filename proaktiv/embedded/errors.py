"""The one error of the embedded PostgreSQL: whatever is wrong, it does not run, and the message says what helps."""

from proaktiv.core.errors import ProaktivError


class EmbeddedError(ProaktivError):
    """The embedded PostgreSQL does not run; ``remedy`` says what to do, besides using an own server."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}, or set PROAKTIV_DATABASE_URL to a PostgreSQL of your own")
