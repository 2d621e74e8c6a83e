"""How a citizen's session is read and ended, and what they do with their Nutzerkonto: bind, log in, unbind."""

from dataclasses import dataclass
from enum import Enum, auto

from proaktiv.acts.means import Means
from proaktiv.core.errors import NotProven
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.identity.model import Identified
from proaktiv.steps import account, prove
from proaktiv.steps.prove import Proven


class Arrival(Enum):
    """How it ended when somebody came back from the provider without being let in."""

    WAITING = auto()
    """The account fits the letter; the person says whether it is bound."""
    REFUSED = auto()
    """It does not fit, or is bound elsewhere; logged."""
    UNFINISHED = auto()
    """The person has not decided about consents yet: nobody is known here before that."""
    STRANGER = auto()
    """Bound to nobody who may enter, and no letter's session beside it."""


@dataclass(frozen=True, slots=True)
class Account:
    """How a person stands with their account. ``waiting``: one waits for their yes."""

    bound: bool
    waiting: bool
    may_bind: bool


@dataclass(frozen=True, slots=True)
class AccountActs(Means):
    """Sessions, and the acts of the account's pages."""

    def session(self, token: str) -> SessionProof:
        """Return the proof of a session's cookie. Raises ``NotProven``."""
        with self.database.transaction() as session:
            return prove.read_session(session, token, self.wall())

    def leave(self, token: str) -> None:
        """End a session; again is no error."""
        with self.database.transaction() as session:
            prove.end_session(session, token)

    def account(self, proof: SessionProof) -> Account:
        """Return how a person stands with their account."""
        with self.database.transaction() as session:
            return Account(
                account.is_bound(session, proof),
                account.waiting(session, proof),
                account.may_bind(session, proof),
            )

    def arrive(self, token: str, came: Identified) -> Proven | Arrival:
        """Let in whom a bound account is, under a fresh session; beside a letter's session it waits to be bound.

        ``token`` is that of the session the browser had, which ends where a new one begins.
        """
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            try:
                before: SessionProof | None = prove.read_session(session, token, wall)
            except NotProven:
                before = None
            owner = account.owner_of(session, account.account_hash(self.house.vault, came.issuer, came.subject))
            if before is not None and before.trust <= Trust.V1 and owner != before.person:
                if not account.may_bind(session, before):
                    return Arrival.UNFINISHED
                fits = account.consider(session, self.house, before, came, now)
                return Arrival.WAITING if fits else Arrival.REFUSED
            proven = None if owner is None else prove.by_account(session, self.house, owner, came.trust, wall)
            if proven is None:
                return Arrival.STRANGER
            prove.end_session(session, token)
            account.log_act(session, self.house, proven.proof, "account.entered", now)
            return proven

    def account_too_low(self, token: str) -> None:
        """Log for whoever has a letter's session that an account was refused because it proves too little."""
        now = self.clock()
        with self.database.transaction() as session:
            try:
                proof = prove.read_session(session, token, self.wall())
            except NotProven:
                return
            account.log_refusal(session, self.house, proof, "too_low", now)

    def bind_account(self, proof: SessionProof, token: str) -> Proven | None:
        """Bind the account that waits and go on in a session of its own; None where it was bound meanwhile.

        Raises ``Conflict`` where none waits.
        """
        now, wall = self.clock(), self.wall()
        with self.database.transaction() as session:
            trust = account.bind(session, self.house, proof, now)
            proven = None if trust is None else prove.by_account(session, self.house, proof.person, trust, wall)
            if trust is None:
                return None
            if proven is None:  # under protection since the session was read: then nothing is bound either
                raise NotProven("session unknown or over")
            prove.end_session(session, token)
            account.log_act(session, self.house, proven.proof, "account.bound", now)
            return proven

    def unbind_account(self, proof: SessionProof) -> None:
        """Unbind the person's account and end what it opened; again is no error."""
        now = self.clock()
        with self.database.transaction() as session:
            account.unbind(session, self.house, proof, now)
