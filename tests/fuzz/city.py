"""A city for the API fuzz: people with canaries in every value, sessions, tokens, and ids that lead somewhere.

Each person's values are theirs alone, so that one of them in an answer tells whose it is.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, update

from proaktiv.core.errors import NotAllowed, NotFound
from proaktiv.core.staff import Role
from proaktiv.core.trust import SessionProof, Trust
from proaktiv.database import Database
from proaktiv.flowlog.keeping.holds import Held
from proaktiv.staffing import Staffing
from proaktiv.steps.prove import csrf_of
from proaktiv.tables import BehoerdeRow, ClientRow, SessionRow, core_table
from tests.builders import Somebody, a_birth, a_move, somebody
from tests.intake.conftest import public, signed
from tests.web.conftest import newest_code
from tests.world import World

AUDIENCE = "https://intake.musterstadt.example/token"
BEHOERDE = "standesamt-musterstadt"
SEED = 20261014
WHY = "weil es geprüft werden soll"
_NUMBERS = count(100_001)
_KEPT = {
    "flows": "flow_log",
    "checkpoints": "checkpoint",
    "requests": "person_requests WHERE state = 'waiting'",
    "exports": "exports",
    "erasures": "erasure_requests WHERE state = 'waiting'",
    "holds": "legal_hold WHERE released_at IS NULL",
    "holds/requests": "hold_requests WHERE state = 'waiting'",
}
_IDS = {
    "/vorschlag": ("proposals", "id"),
    "/auftrag": ("auftraege", "id"),
    "/unterschrift": ("unterschriften", "auftrag"),
}


@dataclass(frozen=True)
class Resident:
    """One person with a session. ``canaries`` are the values that no other person has."""

    who: Somebody
    family: int
    code: str
    cookie: str
    csrf: str
    proof: SessionProof
    canaries: tuple[str, ...]


@dataclass(frozen=True)
class Staff:
    """One of the staff with a session."""

    cookie: str
    csrf: str


@dataclass
class FuzzedCity:
    """The city, its residents at one trust, the keys of a register and of a Behörde, and what that one was handed."""

    world: World
    residents: list[Resident] = field(default_factory=list)
    keys: dict[str, Ed25519PrivateKey] = field(default_factory=dict)
    wire_id: str = ""
    allowed: tuple[str, str] = ("", "")
    """An entry that names a consent, and the request under which the DSB may take that away."""

    def ids_of(self, resident: Resident, path: str) -> list[str]:
        """What this person may name in a path."""
        if path.startswith("/me/cockpit"):
            subj = self.world.pipeline.house.log.subj(resident.proof.person)
            mine = "SELECT array_agg(fid::text ORDER BY fid) FROM flow_secret WHERE subj = :subj"
            return self.world.value(mine, subj=subj) or []
        of, name = next(known for start, known in _IDS.items() if path.startswith(start))
        return [each[name] for bundle in self.world.pipeline.overview(resident.proof)["bundles"] for each in bundle[of]]

    def staff_ids(self, path: str) -> list[str]:
        """What the DSB may name in a path."""
        start = max((each for each in _KEPT if path.startswith(f"/{each}")), key=len)
        named = {"flows": "fid::text ORDER BY fid", "checkpoints": "size::text ORDER BY size"}.get(start, "id::text")
        found = self.world.value(f"SELECT array_agg({named}) FROM {_KEPT[start]}")
        return found or []

    def enters_office(self, name: str) -> Staff:
        """Somebody of the data protection office comes in; another one waits for an answer."""
        owner = Database(self.world.urls["owner"], pool_size=1)
        with owner.transaction() as session:
            staffing = Staffing(session, self.world.vault, self.world.ids, self.world.now, "", "", links=True)
            links = []
            for each in (name, f"{name}.vertretung"):
                staffing.add(each, Role.DSB, "", "")
                links.append(staffing.link(each).partition("schein=")[2])
        owner.close()
        first, second = (self.world.pipeline.enter_by_link(link) for link in links)
        for resident in self.residents:
            self.world.pipeline.ask_for_person(second.proof, resident.who.kennung, WHY)
            self.world.pipeline.ask_for_erasure(second.proof, resident.who.kennung, "withdrawn", WHY)
        today = self.world.now.date()
        for number, purpose in enumerate(("geburt", "umzug", "betrieb", "sicherheit")):
            held = Held(first=today, last=today, purpose=purpose)
            self.world.pipeline.ask_for_hold(second.proof, held, today, WHY)
            self.world.pipeline.hold_entries(held, reason=f"VG {number}", review_on=today, by="a", and_by="b")
        whom = self.residents[0]
        request = self.world.pipeline.ask_for_person(first.proof, whom.who.kennung, WHY)
        self.world.pipeline.decide_on_person(second.proof, request, grant=True)
        # What is one's own can be taken back, and by nobody else.
        self.world.pipeline.ask_for_person(first.proof, whom.who.kennung, WHY)
        self.world.pipeline.ask_for_erasure(first.proof, whom.who.kennung, "withdrawn", WHY)
        self.world.pipeline.ask_for_hold(first.proof, Held(first=today, last=today), today, WHY)
        given = self.world.value(
            "SELECT flow_id FROM consent_ledger WHERE person = :person AND event = 'give' LIMIT 1",
            person=whom.proof.person,
        )
        self.allowed = (str(given), str(request))
        self.world.check_log()
        self.world.pipeline.make_export(second.proof, "log", None, None, 7)
        return Staff(first.token, self.world.pipeline.staff_csrf(first.token))

    def sees(self, resident: Resident, path: str, wanted: str) -> dict[str, Any]:
        """What this person sees there, empty where they see nothing."""
        look = self.world.pipeline.proposal if path.startswith("/vorschlag") else self.world.pipeline.to_sign
        try:
            return look(resident.proof, UUID(wanted))
        except (ValueError, NotFound, NotAllowed):
            return {}

    def assertion(self, **changes: Any) -> str:
        """A register's assertion, good for one token."""
        at = int(self.world.now.timestamp())
        claims = {"iss": "standesamt", "sub": "standesamt", "aud": AUDIENCE, "iat": at, "exp": at + 60}
        return signed(self.keys["standesamt"], claims | {"jti": str(uuid4())} | changes, kid="standesamt")

    def message(self, content: Mapping[str, Any]) -> str:
        """What a Behörde signed just now."""
        claims = {"behoerde": BEHOERDE, "iat": int(self.world.now.timestamp())} | content
        return signed(self.keys[BEHOERDE], claims, kid=BEHOERDE)

    def token(self) -> str:
        return self.world.pipeline.token(self.assertion()).access_token


def a_city(urls: Mapping[str, str], folder: Path, trust: Trust, families: int) -> FuzzedCity:
    """Found a city with this many families of two; ``trust`` is how they are logged in."""
    world = World(urls, folder, seed=SEED.to_bytes(32), random=Random(SEED).randbytes).found()
    world.pipeline = replace(world.pipeline, token_audience=AUDIENCE, erasure_key=bytes(range(32)))
    city = FuzzedCity(world)
    _partners(city, urls)
    couples = [_couple(world) for _ in range(families)]
    for number, (mother, other) in enumerate(couples):
        if number % 2 == 0:
            world.announce(a_birth(mother, other=other, kind=_child()))
        else:
            world.announce(a_move(mother))
            world.announce(a_move(other))
    world.tick()
    city.wire_id = _handed_over(world, couples[0][0])
    for number, couple in enumerate(couples):
        city.residents += [_enters(world, number, parent, trust) for parent in couple]
    if trust >= Trust.V2:
        for resident in city.residents[::2]:
            if "ELTERNGELD" in world.proposals(resident.proof):
                world.says_yes(resident.proof, "ELTERNGELD")
    world.tick()
    return city


def _handed_over(world: World, mother: Somebody) -> str:
    """One certificate is ordered and with the Behörde; returns its wire id."""
    world.says_yes(world.opens_letter(mother), "GEBURTSURKUNDE")
    world.wait(hours=25)
    (wire_id,) = world.behoerde.orders
    return wire_id


def _couple(world: World) -> tuple[Somebody, Somebody]:
    """Two people at one address, with a car."""
    street = _canary("Kanarienweg")
    made = (_somebody(street), _somebody(street))
    for person in made:
        world.lives_here(person)
        world.steueramt.knows(person, **{"person.hund_gemeldet": False})
        world.zulassung.knows(person, **{"person.kfz_zugelassen": True, "person.kfz_kennzeichen": _canary("MM-XX")})
    return made


def _child() -> dict[str, Any]:
    return {
        "kennung": _canary("kind"),
        "vornamen": _canary("Mia"),
        "familienname": _canary("Musterkind"),
        "geburtsdatum": "2026-10-06",
        "geburtsort": "Musterstadt",
        "lebt": True,
    }


def _enters(world: World, family: int, person: Somebody, trust: Trust) -> Resident:
    code = newest_code(world, person)
    proven = world.pipeline.prove(code, date.fromisoformat(person.geburtsdatum))
    cookie, proof = proven.token, proven.proof
    if trust >= Trust.V2:
        cookie, proof = _with_account(world, proof, trust)
    canaries = (person.vornamen, person.familienname, person.strasse, person.kennung)
    return Resident(person, family, code, cookie, csrf_of(world.pipeline.house, cookie), proof, canaries)


def _with_account(world: World, proof: SessionProof, trust: Trust) -> tuple[str, SessionProof]:
    """A session as a log-in with an account will open it: no surface has one yet, each must bear it."""
    token, session = uuid4().hex * 2, uuid4()
    row = {
        "token_hash": hashlib.sha256(token.encode()).digest(),
        "id": session,
        "person": proof.person,
        "trust": int(trust),
        "purpose": "account",
        "bundle": None,
        "enrolment": None,
        "extra": {},
        "expires_at": world.now + timedelta(minutes=30),
    }
    with world.database.transaction() as opened:
        opened.connection().execute(insert(core_table(SessionRow)), [row])
    return token, SessionProof(session, proof.person, trust, None)


def _partners(city: FuzzedCity, urls: Mapping[str, str]) -> None:
    owner = Database(urls["owner"], pool_size=1)
    with owner.transaction() as session:
        for model, name in ((ClientRow, "standesamt"), (BehoerdeRow, BEHOERDE)):
            city.keys[name] = Ed25519PrivateKey.generate()
            table = core_table(model)
            values = {"jwk": public(city.keys[name])} | ({"daily_max": 10**6} if model is ClientRow else {})
            session.connection().execute(update(table).where(table.c.id == name).values(**values))
    owner.close()


def _somebody(street: str) -> Somebody:
    return somebody(_canary("Kanaria"), familienname=_canary("Probst"), strasse=street, kennung=_canary("MR"))


def _canary(word: str) -> str:
    return f"{word}-{next(_NUMBERS)}"
