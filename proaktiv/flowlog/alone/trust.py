"""Whom to believe: the keys and the quorum of a policy file, and what they signed.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy.
"""

import re
from copy import copy
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from proaktiv.flowlog.alone.spelling import Broken, Unreadable, demand, is_text, unbase64

LOG, WITNESS = 1, 4
LATEST = 253_370_764_800
"""The beginning of the year 9999: what is later is no time."""
SKEW = 5 * 60
"""How many seconds honest clocks may be apart."""


class Key(NamedTuple):
    """A key that you trust, in the form of C2SP signed-note."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, text: str, kind: int) -> "Key":
        """Read ``name+id+key``; what is wrong with it is told with where a right one is."""
        try:
            return cls._read(text, kind)
        except Broken as error:
            if kind == WITNESS:
                raise Broken(f"{error}: proaktiv witness status prints all of it, where the witness runs") from None
            raise Broken(
                f"{error}: compare each sign with your note, or take the policy.txt that came with the programs"
            ) from None

    @classmethod
    def _read(cls, text: str, kind: int) -> "Key":
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        demand(is_text("[A-Za-z0-9+/]{44,}", encoded), "the key is not whole")
        demand(len(encoded) == 44, "a sign of the key is wrong, or one too many")
        raw = unbase64(encoded)
        key = cls(name, kind, raw[1:])
        demand(cls.is_name(name) and raw[0] == kind, "not a key of this type")
        demand(key.called[1].hex() == key_id, "a sign of the key is wrong, or one too many")
        return key

    @staticmethod
    def is_name(name: str) -> bool:
        """Return whether a key may be called this."""
        return name != "" and "+" not in name and not any(sign.isspace() for sign in name)

    @property
    def called(self) -> tuple[str, bytes]:
        """Return how a signature line names it."""
        return self.name, sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Return whether it signed: a log the text, a witness a time and the text (C2SP tlog-cosignature)."""
        if self.kind == WITNESS:
            at, signature = int.from_bytes(signature[:8]), signature[8:]
            text = b"cosignature/v1\ntime %d\n%s" % (at, text)
            if at > LATEST:
                return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


class Head(NamedTuple):
    """What a trusted log signed. ``enough``: so did a quorum of witnesses; ``seen``: when the first of them did."""

    origin: str
    size: int
    root: bytes
    enough: bool
    seen: int | None


class Policy:
    """The logs and witnesses that you trust, and how many witnesses must have cosigned (C2SP tlog-policy).

    One line is proaktiv's own and a comment to others: ``# proaktiv: cosignature-max-age 36h``. ``now`` is in seconds.
    """

    def __init__(self, raw: bytes, now: int) -> None:
        self.now = now
        self.max_age: int | None = None
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum: list[str] = []
        for at, line in enumerate(raw.split(b"\n"), 1):
            try:
                demand(not re.search(rb"[^\t\x20-\x7e\x80-\xff]", line), "control characters")
                words = [word.decode() for word in re.split(rb"[\t ]+", line) if word]
                if words and words[0].startswith("#"):
                    self._ours(" ".join(words))
                elif words:
                    self._take(words, {*self.witnesses, *self.groups})
            except UnicodeDecodeError:
                raise Unreadable(f"policy line {at}: not UTF-8: save it as UTF-8") from None
            except Broken as error:
                raise Unreadable(f"policy line {at}: {error}") from None
        if not self.logs or len(self.quorum) != 1:
            raise Unreadable("a policy has lines log and exactly one line quorum")

    def only(self, origin: str) -> "Policy":
        """Return this policy for one of its logs."""
        narrower = copy(self)
        narrower.logs = [log for log in self.logs if log.name == origin]
        return narrower

    def called(self) -> list[str]:
        """Return name and id of each log's key, as the beginning of what was noted has them."""
        return [f"{key.name}+{key.called[1].hex()}" for key in self.logs]

    def _ours(self, comment: str) -> None:
        said = re.fullmatch("# ?proaktiv:(?: ?cosignature-max-age ([1-9][0-9]{0,4})([hd]))?.*", comment)
        if said is not None:
            demand(said[1] and comment.endswith(said[1] + said[2]) and self.max_age is None, "cosignature-max-age once")
            self.max_age = int(said[1]) * (86_400 if said[2] == "d" else 3_600)

    def _take(self, words: list[str], names: set[str]) -> None:
        what, *said = words
        demand(not any(map(str.isspace, "".join(words))), "a blank in it is a special one: type it anew")
        fresh = bool(said) and said[0] not in {*names, "none"}
        if what == "log" and len(said) in {1, 2}:
            self.logs.append(Key.parse(said[0], LOG))
        elif what == "witness" and fresh and len(said) in {2, 3}:
            self.witnesses[said[0]] = Key.parse(said[1], WITNESS)
        elif what == "group" and fresh and len(said) > 1:
            name, least, *members = said
            k = {"any": 1, "all": len(members)}.get(least) or int(is_text("[1-9][0-9]{0,3}", least) and least)
            used = [each for _, others in self.groups.values() for each in others] + members
            demand(names.issuperset(members) and len(set(used)) == len(used), "members stand above, each used once")
            demand(1 <= k <= len(members), "a group asks for more members than it has, or for none")
            self.groups[name] = (k, members)
        elif what == "quorum" and len(said) == 1 and said[0] in {*names, "none"}:
            self.quorum.append(said[0])
        elif bare := re.match("([!-~]{1,100}[+][0-9a-f]{8}[+])", what):
            raise Broken(f"the line must begin with log and a blank, thus: log {bare[1]}…")
        elif what == "log":
            raise Broken("behind log stands one whole key, on the same line and without a blank in it")
        elif what in {"witness", "group", "quorum"}:
            raise Broken(f"behind {what} a name stands twice or is unknown, or something is missing")
        else:
            raise Broken("neither log, witness, group nor quorum stands first")
        for keys in (self.logs, self.witnesses.values()):
            demand(len({key.public for key in keys}) == len(keys), "a key stands twice")

    def reached(self, cosigned: set[str], name: str) -> bool:
        """Return whether this witness or group has cosigned."""
        least, members = self.groups.get(name, (1, []))
        return name == "none" or name in cosigned or sum(self.reached(cosigned, each) for each in members) >= least

    def open(self, raw: bytes) -> Head:
        """Read a signed checkpoint. Raises ``Broken`` unless a trusted log signed it, and no trusted key wrongly."""
        try:
            head, blank, signatures = raw.decode().rpartition("\n\n")
        except UnicodeDecodeError:
            raise Broken("not text") from None
        demand(not any(sign < 32 and sign != 10 for sign in raw), "control characters in a note")
        demand(blank and signatures.endswith("\n"), "a note ends with signature lines")
        lines = [line.split(" ") for line in signatures[:-1].split("\n")]
        demand(len(lines) <= 100, "too many signatures")
        demand(
            all(len(line) == 3 and line[0] == "—" and Key.is_name(line[1]) for line in lines), "not a signature line"
        )
        named = [(name, unbase64(blob)) for _, name, blob in lines]
        demand(all(len(blob) > 4 for _, blob in named), "not a signature line")
        first = {(name, blob[:4]): blob[4:] for name, blob in reversed(named)}
        text = (head + "\n").encode()
        for key in self.logs:
            demand(key.called not in first or key.signed(text, first[key.called]), f"wrong signature of {key.name}")
        for key in self.witnesses.values():
            lines_of = [blob[4:] for name, blob in named if (name, blob[:4]) == key.called]
            demand(all(key.signed(text, each) for each in lines_of), f"wrong cosignature of {key.name}")
        logs = {key.name for key in self.logs if key.called in first}
        demand(logs, "no trusted key signed this note")
        rows = head.split("\n")
        demand(len(rows) == 3 and is_text("0|[1-9][0-9]{0,18}", rows[1]) and int(rows[1]) < 2**63, "no checkpoint")
        demand(rows[0] in logs, "the checkpoint is of another log")
        demand(len(root := unbase64(rows[2])) == 32, "a checkpoint's root has 32 bytes")
        at = {name: first[key.called][:8] for name, key in self.witnesses.items() if key.called in first}
        times = {name: int.from_bytes(raw_time) for name, raw_time in at.items()}
        counting = {name for name, seen in times.items() if self._counts(seen)}
        enough = self.reached(counting, self.quorum[0])
        return Head(rows[0], int(rows[1]), root, enough, min(times.values(), default=None))

    def _counts(self, seen: int) -> bool:
        return seen <= self.now + SKEW and (self.max_age is None or self.now - seen <= self.max_age)


def signers(raw: bytes) -> list[str]:
    """Return name and id of whoever signed a note by its own word, at most three; nothing of it is verified."""
    lines = re.findall("— ([!-~]{1,100}) ([A-Za-z0-9+/]{8})", raw.decode(errors="replace").rpartition("\n\n")[2])
    return [f"{name}+{unbase64(blob)[:4].hex()}" for name, blob in lines[:3]]
