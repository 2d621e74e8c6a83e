"""What a log-in is made of: the client that we are, who was identified, and why a log-in is refused.

Left to others: the wire (``provider``), the token (``tokens``), the order of things (``login``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from proaktiv.core.birthdays import Born
from proaktiv.core.errors import NotProven, Unavailable
from proaktiv.core.trust import Trust


class Why(StrEnum):
    """Why a log-in was refused. Closed; stands in the operator's log, never on a page."""

    COOKIE = "no log-in of this browser is under way, or it took too long"
    STATE = "the answer belongs to another log-in"
    PARAMETERS = "the answer lacks something, or says it twice"
    ISSUER = "the answer or the token comes from another issuer"
    DENIED = "the provider or the person said no"
    USED = "this log-in was ended before"
    CODE = "the provider did not take the code"
    ANSWER = "the provider's answer cannot be read"
    FORM = "the token is none that is read here"
    ALGORITHM = "the token is signed in a way that is not taken"
    KEY = "the token names no key of the provider"
    SIGNATURE = "the token's signature is wrong"
    AUDIENCE = "the token is for somebody else"
    TIME = "the token is over, or not valid yet"
    NONCE = "the token belongs to another log-in"
    SUBJECT = "the token names nobody"
    AUTH_TIME = "the person logged in at the provider too long ago, or it does not say when"
    TRUST = "the provider proved less than is asked for"


class LoginRefused(NotProven):
    """This log-in opens nothing; a new one may."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class ProviderAway(Unavailable):
    """The provider cannot be reached, or does not say what a provider must; nobody can log in meanwhile."""


LEVELS: Mapping[str, Trust] = {
    "http://eidas.europa.eu/LoA/low": Trust.V1,
    "http://eidas.europa.eu/LoA/substantial": Trust.V2,
    "http://eidas.europa.eu/LoA/high": Trust.V3,
    "STORK-QAA-Level-1": Trust.V1,
    "STORK-QAA-Level-3": Trust.V2,
    "STORK-QAA-Level-4": Trust.V3,
}
"""``acr`` → Vertrauensniveau; what is not named here proves nothing. BundID's levels: STORK-QAA."""


@dataclass(frozen=True, slots=True)
class Client:
    """What we are at the provider. ``trust`` is what a log-in must prove, ``max_age_seconds`` how old it may be."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect: str
    trust: Trust = Trust.V0
    max_age_seconds: int | None = 12 * 3600
    levels: Mapping[str, Trust] = field(default_factory=lambda: LEVELS)

    @property
    def acr_values(self) -> str:
        """Return what we ask the provider to prove; empty where anything will do."""
        if self.trust is Trust.V0:
            return ""
        return " ".join(name for name, level in self.levels.items() if level >= self.trust)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the provider says of whom it identified. Asked for where an account is bound, and then alone."""

    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birth_date: Born = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom the provider identified: ``subject`` means something beside ``issuer`` alone.

    ``attributes`` is None where they were not asked for, or the provider did not deliver all of them.
    """

    issuer: str
    subject: str = field(repr=False)
    trust: Trust
    auth_time: datetime | None
    attributes: Attributes | None = field(default=None, repr=False)
