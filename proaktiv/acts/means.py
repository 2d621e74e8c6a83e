"""What every act is done with, and what the worker works with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import Session

from notifiers.mail_ids import MailIds
from notifiers.model import Channel
from proaktiv.acts.tokens import Tokens
from proaktiv.core.keys import OfficeKeys
from proaktiv.core.lebenslagen import Rulebook
from proaktiv.core.rates import Rates
from proaktiv.core.series import Pace
from proaktiv.core.set_size import SetSize
from proaktiv.core.terms import Terms
from proaktiv.database import Database
from proaktiv.dispatchers.model import Dispatcher
from proaktiv.flowlog.border import Border
from proaktiv.house import House
from proaktiv.registers.model import Register
from proaktiv.sources.model import EventSource
from proaktiv.steps import admit


@dataclass(frozen=True, slots=True)
class Means:
    """The steps of one process. What the process does not do (its channels, registers …) is empty.

    ``clock`` is the time that the law and the citizens live by (in the demonstration it can be moved); ``wall`` is real
    time: leases, sessions and tokens end by it. ``identity`` is asked before each announcement under which number this
    process announces now; it raises where the process cannot say so, and then nothing is handed over. ``staff_private``
    opens the staff parts of the log, where the office holds it; ``erasure_key`` seals what two people of the DSB's
    office wish of the eraser. ``pace`` is how many look-ups of persons are no series. ``border`` is asked before
    anything leaves. ``enrolments_per_day`` is how many may enrol with the house in a day.
    """

    database: Database
    house: House
    clock: Callable[[], datetime]
    wall: Callable[[], datetime]
    monotonic: Callable[[], float]
    channels: Mapping[str, Channel]
    registers: Mapping[str, Register]
    dispatchers: Mapping[str, Dispatcher]
    rules: Callable[[Session], Rulebook] | None = None
    token_audience: str = ""
    citizen_page: str = ""
    mail_page: str = ""
    mail_offered: bool = True
    mail_ids: MailIds | None = None
    mail_rates: Rates = field(default_factory=Rates)
    deadline_seconds: float = 10.0
    batch: int = 100
    identity: Callable[[], int] | None = None
    event_sources: Sequence[EventSource] = ()
    terms: Terms = field(default_factory=Terms)
    staff_private: OfficeKeys = field(default=(), repr=False)
    erasure_key: bytes = field(default=b"", repr=False)
    pace: Pace = field(default_factory=Pace)
    enrolments_per_day: int = 1_000
    border: Border = field(default_factory=Border, repr=False)
    set_size: SetSize = field(default_factory=lambda: SetSize(250), repr=False)
    tokens: Tokens = field(default_factory=Tokens, repr=False)

    def current(self, session: Session) -> House:
        """Return the house with the rules that are released now: a text and its activity's version go together."""
        return self.house if self.rules is None else replace(self.house, rules=self.rules(session))

    def use_up_login(self, once: bytes) -> None:
        """Remember that a log-in at a provider was ended, before its code is redeemed. Raises ``NotProven``."""
        with self.database.transaction() as session:
            admit.use_up(session, once, self.wall())

    def healthy(self) -> None:
        """Raise where the database cannot be reached."""
        with self.database.transaction() as session:
            session.connection()
