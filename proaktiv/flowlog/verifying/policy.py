"""The DSB's own list of whom to believe, kept where no export and no operator can change it.

Logs, witnesses, groups and the quorum stand as C2SP writes them; a log may have several keys, for a rotation. One line
of ours is a comment to everybody else: ``# proaktiv: cosignature-max-age 36h``. A policy is kept whole or refused.
Source: C2SP tlog-policy.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from proaktiv.core.errors import ProaktivError
from proaktiv.flowlog.checkpoints import Checkpoint, NoteError, Vkey, open_note
from proaktiv.flowlog.vouching.cosignatures import WitnessKey, cosignatures

SKEW = timedelta(minutes=5)
"""How far honest clocks may be apart."""
COSIGNED_WITHIN = timedelta(minutes=10)
"""So long what is in the log may wait for its cosignatures: witnesses are asked afterwards, again each half minute."""

_OURS = re.compile(r"#[ \t]*proaktiv:[ \t]*(.*)")
_MAX_AGE = re.compile(r"cosignature-max-age[ \t]+([1-9][0-9]{0,4})([hd])")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_BARE_KEY = re.compile(r"[!-~]{1,100}[+][0-9a-f]{8}[+]")
_Key = TypeVar("_Key", bound=Vkey)


class PolicyError(ProaktivError):
    """The policy cannot be kept as it stands; the message names the line."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint that a trusted log signed. ``cosigned`` says by the policy's names who cosigned it, and when."""

    checkpoint: Checkpoint
    cosigned: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom to believe. ``quorum`` names a witness or group, None asks for no cosignature."""

    logs: tuple[Vkey, ...]
    witnesses: Mapping[str, WitnessKey] = field(default_factory=dict)
    groups: Mapping[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    quorum: str | None = None
    max_age: timedelta | None = None

    @classmethod
    def of(cls, trusted: "str | Policy") -> "Policy":
        """Return a policy as it is, and of verifier keys, parted by blanks, the one that asks for a signature alone.

        Raises ``NoteError`` for a malformed key, and where there is none.
        """
        if isinstance(trusted, Policy):
            return trusted
        return cls(tuple(Vkey.parse(vkey) for vkey in trusted.split() or [""]))

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Read a policy file. Raises ``PolicyError``."""
        reading = _Reading()
        for number, line in enumerate(text.split("\n"), 1):
            try:
                reading.line(line)
            except (NoteError, PolicyError) as error:
                raise PolicyError(f"policy line {number}: {error}") from None
        return reading.policy()

    @property
    def origins(self) -> frozenset[str]:
        """Return the names of the logs it believes."""
        return frozenset(vkey.name for vkey in self.logs)

    def only(self, origin: str) -> "Policy":
        """Return this policy for one of its logs: after a succession it may name two."""
        return replace(self, logs=tuple(vkey for vkey in self.logs if vkey.name == origin))

    def open(self, note: str) -> Opened:
        """Return a checkpoint that one of the logs signed; the quorum is not asked.

        Raises ``NotSigned``, also for a wrong cosignature of a witness that is named here, ``NoteError``.
        """
        opened = open_note(note, [str(vkey) for vkey in self.logs])
        found = Checkpoint.parse(opened.text)
        if found.origin not in opened.verified:
            raise NoteError("the checkpoint is of another log")
        said = {cosignature.key: cosignature.at for cosignature in cosignatures(note, [*self.witnesses.values()])}
        return Opened(found, {name: said[key] for name, key in self.witnesses.items() if key in said})

    def counting(self, cosigned: Mapping[str, datetime], now: datetime) -> frozenset[str]:
        """Return whose cosignatures count at ``now``: neither older than is allowed nor from the future."""
        return frozenset(
            name
            for name, at in cosigned.items()
            if at <= now + SKEW and (self.max_age is None or now - at <= self.max_age)
        )

    def lacking(self, opened: Opened, now: datetime | None) -> str:
        """Return what a checkpoint lacks of the quorum at ``now``, nothing where it is met.

        Without ``now`` each cosignature counts that is right.
        """
        counted = self.counting(opened.cosigned, now) if now else opened.cosigned
        return "" if self.met(counted) else f"it is not cosigned by {self.quorum}, as you ask"

    def met(self, names: Collection[str]) -> bool:
        """Return whether cosignatures by these witnesses are the quorum."""
        return self.quorum is None or self._witnessed(self.quorum, names)

    def _witnessed(self, name: str, names: Collection[str]) -> bool:
        if name in self.witnesses:
            return name in names
        least, members = self.groups[name]
        return sum(self._witnessed(member, names) for member in members) >= least


class _Reading:
    """A policy on its way in: each line may use what stands above it."""

    def __init__(self) -> None:
        self._logs: list[Vkey] = []
        self._witnesses: dict[str, WitnessKey] = {}
        self._groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._members: set[str] = set()
        self._quorums: list[str | None] = []
        self._max_age: timedelta | None = None

    def line(self, line: str) -> None:
        if _FORBIDDEN.search(line):
            raise PolicyError("control characters; lines end with a newline alone")
        words = [word for word in re.split(r"[ \t]+", line) if word]
        match words:
            case []:
                return
            case [first, *_] if first.startswith("#"):
                self._comment(line.strip(" \t"))
            case ["log", vkey] | ["log", vkey, _]:
                self._logs.append(_another(Vkey.parse(vkey), self._logs))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._witnesses[self._new(name)] = _another(WitnessKey.parse(vkey), self._witnesses.values())
            case ["group", name, least, *members] if members:
                group = (_least(least, len(members)), tuple(self._taken(member) for member in members))
                self._groups[self._new(name)] = group
            case ["quorum", "none"]:
                self._quorums.append(None)
            case ["quorum", name]:
                if not self._known(name):
                    raise PolicyError(f"nothing above is called {name}")
                self._quorums.append(name)
            case [first, *_] if bare := _BARE_KEY.match(first):
                raise PolicyError(f"the line must begin with log and a blank, thus: log {bare[0]}…")
            case _:
                raise PolicyError("neither log, witness, group nor quorum")

    def policy(self) -> Policy:
        if not self._logs or len(self._quorums) != 1:
            raise PolicyError("a policy has at least one line `log VKEY` and exactly one line `quorum NAME`, or none")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorums[0], self._max_age)

    def _comment(self, line: str) -> None:
        ours = _OURS.fullmatch(line)
        if ours is None:
            return
        said = _MAX_AGE.fullmatch(ours[1].strip(" \t"))
        if said is None or self._max_age is not None:
            raise PolicyError("after `# proaktiv:` stands once `cosignature-max-age 36h`, or a number of days `d`")
        self._max_age = timedelta(hours=int(said[1]) * (24 if said[2] == "d" else 1))

    def _known(self, name: str) -> bool:
        return name in self._witnesses or name in self._groups

    def _new(self, name: str) -> str:
        if name == "none" or self._known(name):
            raise PolicyError(f"{name} is the name of something else already")
        return name

    def _taken(self, name: str) -> str:
        if not self._known(name):
            raise PolicyError(f"nothing above is called {name}")
        if name in self._members:
            raise PolicyError(f"{name} is a member already: a witness counts in one way only")
        self._members.add(name)
        return name


def _another(key: _Key, others: Collection[Vkey]) -> _Key:
    if any(key.public == other.public for other in others):
        raise PolicyError("the same key stands above")
    return key


def _least(word: str, members: int) -> int:
    least = {"all": members, "any": 1}.get(word) or (int(word) if _COUNT.fullmatch(word) else 0)
    if not 1 <= least <= members:
        raise PolicyError(f"a group is witnessed by all, any, or 1 to {members} of its members")
    return least
