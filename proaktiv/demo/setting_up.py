"""Set an installation up from nothing, as an operator would: keys, folders, tables, rules, partners.

Every key is fresh and dies with the temporary folder. Each process gets only what its surface holds (data-path.md
§ 2). Left to others: starting them (``running``).
"""

import base64
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import insert

from proaktiv.core.calendar import berlin_date
from proaktiv.core.ids import RandomBytes
from proaktiv.database import Database
from proaktiv.demo.keys import public_jwk
from proaktiv.demo.nutzerkonto import account_of
from proaktiv.demo.people import ARS, MELDEBEHOERDE, STANDESAMT, City
from proaktiv.demo.register import entry_of
from proaktiv.demo.staff import enter_staff, fresh_links
from proaktiv.embedded import EmbeddedServer
from proaktiv.flowlog.checkpoints import vkey_of
from proaktiv.rulebook.folder import rules_folder
from proaktiv.rulebook.release import demo_key, release
from proaktiv.schema import migrate
from proaktiv.tables import BehoerdeRow, ClientRow, CompetenceRow, core_table

ORIGIN = "flowlog.musterstadt.example/1"
TICK_SECONDS = 0.2

BEHOERDEN: Mapping[str, str] = {
    "standesamt": "Standesamt Musterstadt",
    "jugendamt": "Jugendamt Musterstadt",
    "steueramt": "Steueramt Musterstadt",
    "elterngeldstelle": "Elterngeldstelle Musterstadt",
    "familienkasse": "Familienkasse Musterstadt",
    "strassenverkehrsbehoerde": "Straßenverkehrsbehörde Musterstadt",
    "zulassungsbehoerde": "Zulassungsbehörde Musterstadt",
}
"""Kind of office → name; the id is ``<kind>-musterstadt``."""

REGISTERS = ("MELDEREGISTER", "STEUERAMT", "ZULASSUNG")
"""What is looked up; each answers below the registers' address by its name."""

CLIENTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    STANDESAMT: ("standesamt-musterstadt", ("geburt", "sterbefall", "storno")),
    MELDEBEHOERDE: ("meldebehoerde-musterstadt", ("umzug", "storno", "schutzvermerk")),
}
"""CloudEvents source → client id and the kinds it may report."""

PARTS = ("intake", "citizen", "office", "register", "behoerde", "mailbox", "smtp", "konto")
"""Everything that listens on a port of its own."""

_COMMON = ("CONTROLLER", "CONTROLLER_NAME", "DATABASE_URL", "INDEX_KEY", "KEK_FLOW", "STAFF_PUBLIC_KEY")
_COMPARTMENTS = ("VIEW", "CONTACT", "FACTS", "FLOW", "PROOF")
_LETTERHEAD = ("LETTERS_FORMAT", "LETTERHEAD_ADDRESS", "LETTERHEAD_CONTACT", "LETTERHEAD_ENTRY", "LETTERHEAD_MARK")
_MAIL = ("MAIL_HOST", "MAIL_PORT", "MAIL_TLS", "MAIL_HELLO", "MAIL_SENDER", "MAIL_BOUNCES", "MAIL_PAGE", "MAIL_LEAVE")
_ACCOUNT = ("ACCOUNT_PAGE", "ACCOUNT_ISSUER", "ACCOUNT_CLIENT_ID", "ACCOUNT_SECRET_FILE")
_BESIDES = ("ENROLMENTS_PER_DAY", *_ACCOUNT)
_HELD: Mapping[str, tuple[str, ...]] = {
    "intake": (*_COMMON, "INTAKE_PUBLIC_KEY", "TOKEN_AUDIENCE"),
    "citizen": (*_COMMON, "CODE_KEY", "KEK_VIEW", "INTAKE_PUBLIC_KEY", "CITIZEN_PAGE", "MAIL_HOST", *_BESIDES),
    "office": (
        *(*_COMMON, "KEK_VIEW", "KEK_PROOF", "INTAKE_PUBLIC_KEY", "STAFF_PRIVATE_KEY", "OFFICE_PAGE", "ERASURE_KEY"),
    ),
    "work": (
        "CITIZEN_PAGE",
        *(*_COMMON, "CODE_KEY", "KEK_VIEW", "KEK_CONTACT", "KEK_FACTS", "KEK_PROOF", "INTAKE_PRIVATE_KEY"),
        *("LETTERS_DIR", "REGISTERS", "OUTBOUND", *_LETTERHEAD, *_MAIL),
    ),
    "sign": ("SEQUENCER_URL", "SIGNING_KEY", "LOG_ORIGIN"),
    "erase": ("CONTROLLER", "ERASER_URL", "INDEX_KEY", "STAFF_PUBLIC_KEY", "DESTROYED_LIST", "ERASURE_KEY"),
    "register": (),
    "behoerde": (),
    "mailbox": (),
    "konto": (),
}
"""What each process is given besides what all are given."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation that is ready to be started. ``settings`` holds every setting, ``held`` says who gets which."""

    folder: Path
    settings: Mapping[str, str]
    ports: Mapping[str, int]
    owner_url: str
    reader_url: str
    vkey: str
    links: Callable[[Iterable[str]], Mapping[str, str]]
    """Makes a link into the office that serves once, for each name."""

    @property
    def letters(self) -> Path:
        """Return the folder that letters fall into."""
        return self.folder / "letters"

    def url(self, part: str) -> str:
        """Return the base address of a part that listens."""
        return f"http://127.0.0.1:{self.ports[part]}"

    def environment(self, process: str) -> dict[str, str]:
        """Return the settings of one process: its own and nobody else's."""
        names = ("ENV", "LOG_FORMAT", "TICK_SECONDS", "DEMO_CLOCK", *_HELD[process])
        given = {f"PROAKTIV_{name}": self.settings[name] for name in names}
        if process == "citizen":  # of all the city it calls the Nutzerkonto alone
            given["PROAKTIV_OUTBOUND"] = json.dumps([f"127.0.0.1:{self.ports['konto']}"])
        return given


@contextmanager
def set_up(city: City, now: datetime, random: RandomBytes) -> Iterator[Installation]:
    """Set everything up in a temporary folder and yield it; server and folder go at the end."""
    today = berlin_date(now)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="proaktiv-demo-")))
        for name in ("letters", "signer", "logs"):
            (folder / name).mkdir(mode=0o700)
        server = stack.enter_context(EmbeddedServer())
        server.prepare()
        owner_url = server.url("proaktiv_owner")
        migrate(owner_url)
        ports = _free_ports()
        seeds = {name: random(32) for name in (*(client for client, _ in CLIENTS.values()), *map(_id_of, BEHOERDEN))}
        signing_key = Ed25519PrivateKey.from_private_bytes(random(32))
        _register_partners(owner_url, ports["behoerde"], seeds, today, now, random)
        intake = f"http://127.0.0.1:{ports['intake']}"
        _plan(
            folder / "register.json",
            {
                "intake": intake,
                "audience": f"{intake}/token",
                "as_of": today.isoformat(),
                "residents": [entry_of(resident) for resident in city.residents],
                "clients": [
                    {"source": source, "id": client, "seed": _b64(seeds[client])}
                    for source, (client, _) in CLIENTS.items()
                ],
            },
        )
        _plan(
            folder / "behoerde.json",
            {
                "intake": intake,
                "behoerden": [{"id": _id_of(art), "seed": _b64(seeds[_id_of(art)])} for art in BEHOERDEN],
            },
        )
        _plan(
            folder / "mailbox.json",
            {
                "smtp": ports["smtp"],
                "letters": str(folder / "letters"),
                "citizen": f"http://127.0.0.1:{ports['citizen']}/",
            },
        )
        _provide_accounts(folder, city, ports, random)
        yield Installation(
            folder=folder,
            settings=_settings(folder, server, ports, signing_key, random),
            ports=ports,
            owner_url=owner_url,
            reader_url=server.url("proaktiv_reader"),
            vkey=str(vkey_of(ORIGIN, signing_key)),
            links=partial(fresh_links, owner_url, f"http://127.0.0.1:{ports['office']}", random),
        )


def _settings(
    folder: Path, server: EmbeddedServer, ports: Mapping[str, int], signing_key: Ed25519PrivateKey, random: RandomBytes
) -> dict[str, str]:
    intake = X25519PrivateKey.from_private_bytes(random(32))
    staff = X25519PrivateKey.from_private_bytes(random(32))  # its private half belongs to the DSB's pages
    secrets = ("INDEX_KEY", "CODE_KEY", "ERASURE_KEY", *(f"KEK_{part}" for part in _COMPARTMENTS))
    registers = f"http://127.0.0.1:{ports['register']}"
    return {
        "ENV": "demo",
        "LOG_FORMAT": "json",
        "TICK_SECONDS": str(TICK_SECONDS),
        "DEMO_CLOCK": "1",
        "CONTROLLER": "musterstadt",
        "CONTROLLER_NAME": "Stadt Musterstadt",
        "DATABASE_URL": server.url("proaktiv_app"),
        "SEQUENCER_URL": server.url("proaktiv_sequencer"),
        "ERASER_URL": server.url("proaktiv_eraser"),
        "DESTROYED_LIST": str(folder / "destroyed"),
        **{name: _b64(random(32)) for name in secrets},
        "INTAKE_PRIVATE_KEY": _b64(intake.private_bytes_raw()),
        "INTAKE_PUBLIC_KEY": _b64(intake.public_key().public_bytes_raw()),
        "STAFF_PRIVATE_KEY": _b64(staff.private_bytes_raw()),
        "STAFF_PUBLIC_KEY": _b64(staff.public_key().public_bytes_raw()),
        "SIGNING_KEY": _b64(signing_key.private_bytes_raw()),
        "LOG_ORIGIN": ORIGIN,
        "LETTERS_DIR": str(folder / "letters"),
        **_post(ports),
        "REGISTERS": json.dumps({name: f"{registers}/{name.lower()}" for name in REGISTERS}),
        "OUTBOUND": json.dumps([f"127.0.0.1:{ports[part]}" for part in ("register", "behoerde", "konto")]),
        "CITIZEN_PAGE": f"127.0.0.1:{ports['citizen']}/b",
        "ENROLMENTS_PER_DAY": "1000000",  # a whole city enrols at once
        "ACCOUNT_PAGE": f"http://127.0.0.1:{ports['citizen']}",
        "ACCOUNT_ISSUER": f"http://127.0.0.1:{ports['konto']}",
        "ACCOUNT_CLIENT_ID": "musterstadt",
        "ACCOUNT_SECRET_FILE": str(folder / "account.secret"),
        "OFFICE_PAGE": f"http://127.0.0.1:{ports['office']}",
        "TOKEN_AUDIENCE": f"http://127.0.0.1:{ports['intake']}/token",
    }


def _provide_accounts(folder: Path, city: City, ports: Mapping[str, int], random: RandomBytes) -> None:
    """Give every inhabitant an account at the city's double of a Nutzerkonto, and us the client's secret."""
    secret = random(32).hex()
    _plan(
        folder / "konto.json",
        {
            "issuer": f"http://127.0.0.1:{ports['konto']}",
            "redirect": f"http://127.0.0.1:{ports['citizen']}/konto/zurueck",
            "client": "musterstadt",
            "secret": secret,
            "seed": _b64(random(32)),
            "people": [account_of(resident) for resident in city.residents],
        },
    )
    path = folder / "account.secret"
    path.touch(mode=0o600)
    path.write_text(secret, encoding="ascii")


def _post(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the settings of letters and mail."""
    page = f"http://127.0.0.1:{ports['citizen']}/b"
    return {
        "LETTERS_FORMAT": "pdf+text",
        "LETTERHEAD_ADDRESS": json.dumps(["Stadt Musterstadt", "Musterplatz 1", "00001 Musterstadt"]),
        "LETTERHEAD_CONTACT": json.dumps([["Telefon", "0000 115"], ["E-Mail", "post@musterstadt.example"]]),
        "LETTERHEAD_ENTRY": page,
        "LETTERHEAD_MARK": "Muster – kein echter Brief",
        "MAIL_HOST": "127.0.0.1",
        "MAIL_PORT": str(ports["smtp"]),
        "MAIL_TLS": "none",
        "MAIL_HELLO": "proaktiv.musterstadt.example",
        "MAIL_SENDER": "post@musterstadt.example",
        "MAIL_BOUNCES": "bounce.musterstadt.example",
        "MAIL_PAGE": page,
        "MAIL_LEAVE": f"http://127.0.0.1:{ports['citizen']}/keine-mails",
    }


def _register_partners(
    owner_url: str, port: int, seeds: Mapping[str, bytes], today: date, now: datetime, random: RandomBytes
) -> None:
    """Release the rules, and register clients, Behörden and competences, as the owner's commands do."""
    owner = Database(owner_url, application_name="proaktiv-demo", pool_size=1)
    try:
        with owner.transaction() as session:
            release(
                session,
                rules_folder(),
                author="demo-author",
                reviewer="demo-reviewer",
                demo=True,
                key=demo_key(),
                now=now,
            )
            enter_staff(session, {art: _id_of(art) for art in BEHOERDEN}, now, random)
            connection = session.connection()
            connection.execute(
                insert(core_table(ClientRow)),
                [
                    {
                        "id": client,
                        "source": source,
                        "ars": [ARS],
                        "kinds": list(kinds),
                        "daily_max": 1_000_000,
                        "jwk": public_jwk(seeds[client], client),
                        "active": True,
                    }
                    for source, (client, kinds) in CLIENTS.items()
                ],
            )
            connection.execute(
                insert(core_table(BehoerdeRow)),
                [
                    {
                        "id": _id_of(art),
                        "name": name,
                        "dispatcher": "webhook",
                        "endpoint": f"http://127.0.0.1:{port}/{_id_of(art)}/auftraege",
                        "jwk": public_jwk(seeds[_id_of(art)], _id_of(art)),
                    }
                    for art, name in BEHOERDEN.items()
                ],
            )
            connection.execute(
                insert(core_table(CompetenceRow)),
                [
                    {
                        "art": art,
                        "ars_prefix": ARS,
                        "behoerde": _id_of(art),
                        "quelle": "Satzung Musterstadt (erfunden)",
                        "stand": today,
                    }
                    for art in BEHOERDEN
                ],
            )
    finally:
        owner.close()


def _id_of(art: str) -> str:
    return f"{art}-musterstadt"


def _plan(path: Path, content: Mapping[str, Any]) -> None:
    """Write what one part of the city knows, readable by its owner alone."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _free_ports() -> dict[str, int]:
    """Return a free port for each part, held together for a moment so that no two are the same."""
    with ExitStack() as stack:
        sockets = {part: stack.enter_context(socket.socket()) for part in PARTS}
        for listening in sockets.values():
            listening.bind(("127.0.0.1", 0))
        return {part: int(listening.getsockname()[1]) for part, listening in sockets.items()}


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
